/* Privileges: see caps.h. */
#include "base/caps.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#define BIT(cap) (UINT64_C(1) << (cap))

/* State files of others and, with CAP_SYS_PTRACE, /proc/PID/ns/net of processes of others. */
#define FILES (BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH))

/*
 * Links, addresses, nftables and sysctls of the network; packets that say where an address is;
 * setns(2) and bind mounts of namespaces.
 */
#define ATTACH                                                                                     \
	(FILES | BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW) | BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE))

/* Plugins of others also bind low ports and, by iptables, load modules. */
static const uint64_t needed[] = {
	[CAPS_PLUGIN] = ATTACH,
	[CAPS_RUNTIME] = ATTACH | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_MODULE),
	[CAPS_NODE] = FILES | BIT(CAP_NET_ADMIN),
	[CAPS_INSTALL] = FILES | BIT(CAP_FOWNER),
};

void caps_limit(enum caps_role role)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		const uint32_t keep = (uint32_t)(needed[role] >> (32 * i));

		data[i].effective &= keep;
		data[i].permitted &= keep;
		data[i].inheritable &= keep;
	}
	syscall(SYS_capset, &head, data);
}

void caps_before_exec(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
