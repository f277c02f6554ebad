/* VRF devices: see vrf.h. */
#include "net/vrf.h"

#include <errno.h>
#include <sys/socket.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "net/nl.h"

/* An extended ACK of rtnl_newlink(), met in 6.1 and 6.18. */
#define KERNEL_UNKNOWN_KIND "Unknown device type"

void link_add_vrf(struct nl *nl, const char *name, uint32_t table)
{
	static const struct ifinfomsg no_link = { .ifi_family = AF_UNSPEC };

	nl_request(nl, "create VRF", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &no_link,
		   sizeof(no_link));
	nl_hint(nl, EOPNOTSUPP, KERNEL_UNKNOWN_KIND,
		"the kernel has no VRF devices (module vrf, CONFIG_NET_VRF)");
	nl_put_str(nl, IFLA_IFNAME, name);
	nl_nest (nl, IFLA_LINKINFO) {
		nl_put_str(nl, IFLA_INFO_KIND, "vrf");
		nl_nest (nl, IFLA_INFO_DATA)
			nl_put_u32(nl, IFLA_VRF_TABLE, table);
	}
}
