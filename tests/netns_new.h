/*
 * Network namespaces for the tests that are C, with the settings that the kernel's source gives
 * them. A new one has the IPv4 settings of the machine's first, where somebody may have turned on
 * forwarding or filters, and the IPv6 ones too if the machine wants that
 * (net.core.devconf_inherit_init_net).
 */
#ifndef TESTS_NETNS_NEW_H
#define TESTS_NETNS_NEW_H

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* What the tests look at, or what their addresses and routes hang on. */
static const char *const netns_settings[][2] = {
	{ "ipv4/ip_forward", "0" },
	{ "ipv4/conf/all/rp_filter", "0" },
	{ "ipv4/conf/default/rp_filter", "0" },
	{ "ipv6/conf/all/forwarding", "0" },
	{ "ipv6/conf/all/disable_ipv6", "0" },
	{ "ipv6/conf/default/disable_ipv6", "0" },
	{ "ipv6/conf/default/accept_ra", "1" },
	{ "ipv6/conf/all/use_tempaddr", "0" },
	{ "ipv6/conf/default/use_tempaddr", "0" },
	{ "ipv6/conf/default/addr_gen_mode", "0" },
};

/* Into a namespace of our own: 0, or -1 and errno. A setting that the kernel lacks is left out. */
static inline int netns_new(void)
{
	char path[128];

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(netns_settings) / sizeof(netns_settings[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/sys/net/%s", netns_settings[i][0]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd >= 0 && write(fd, netns_settings[i][1], 1) != 1)
			return -1;
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

#endif
