/* Privileges: see caps.h. */
#include "base/caps.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

/*
 * Links, addresses, nftables and sysctls of the network; setns(2) and bind mounts of namespaces;
 * state files of others; /proc/PID/ns of a process with other credentials (ptrace_may_access() asks
 * for it).
 */
static const unsigned char needed[] = {
	CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE,
};

void caps_limit(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	uint32_t keep[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return;
	for (size_t i = 0; i < sizeof(needed); i++)
		keep[CAP_TO_INDEX(needed[i])] |= CAP_TO_MASK(needed[i]);
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective &= keep[i];
		data[i].permitted &= keep[i];
		data[i].inheritable &= keep[i];
	}
	syscall(SYS_capset, &head, data);
}
