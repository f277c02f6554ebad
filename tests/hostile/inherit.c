/*
 * A preloaded library: network namespaces that a program makes begin with the settings of an
 * unfriendly machine. The kernel hands a new namespace the IPv4 settings of the machine's first
 * (devconf_inet_init_net, net/ipv4/devinet.c), and with net.core.devconf_inherit_init_net=1 the
 * IPv6 settings too; neither can be tried inside a namespace, and the machine is not ours to
 * change.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *path, *value;
} settings[] = {
	{ "ipv4/ip_forward", "1" },
	{ "ipv4/conf/all/rp_filter", "1" },
	{ "ipv4/conf/default/rp_filter", "1" },
	{ "ipv4/conf/all/arp_ignore", "1" },
	{ "ipv4/conf/all/arp_announce", "2" },
	{ "ipv4/conf/all/accept_redirects", "0" },
	{ "ipv4/conf/default/accept_redirects", "0" },
	{ "ipv4/conf/all/send_redirects", "0" },
	{ "ipv4/conf/default/send_redirects", "0" },
	{ "ipv4/conf/all/log_martians", "1" },
	{ "ipv4/conf/default/route_localnet", "1" },
	{ "ipv6/conf/all/forwarding", "1" },
	{ "ipv6/conf/default/accept_ra", "0" },
	{ "ipv6/conf/default/autoconf", "0" },
	{ "ipv6/conf/all/use_tempaddr", "2" },
	{ "ipv6/conf/default/use_tempaddr", "2" },
	{ "ipv6/conf/default/addr_gen_mode", "3" },
	{ "ipv6/conf/default/disable_ipv6", "1" },
};

/* A setting that this kernel does not have is none. */
static void set_all(void)
{
	char path[128];

	for (unsigned int i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/sys/net/%s", settings[i].path);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (write(fd, settings[i].value, strlen(settings[i].value)) < 0)
			dprintf(2, "inherit: %s cannot be set\n", path);
		close(fd);
	}
}

int unshare(int flags)
{
	int (*next)(int);
	int r;

	*(void **)&next = dlsym(RTLD_NEXT, "unshare");
	r = next(flags);
	if (r == 0 && flags & CLONE_NEWNET)
		set_all();
	return r;
}
