/* Links of tunnels: VXLAN, and what the links of all tunnels have in common. */
#include "net/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>

#include "net/nl.h"

#define KERNEL_UNKNOWN_KIND "Unknown device type" /* extended ACK of rtnl_newlink() */
#define RP_FILTER_LOOSE 2

void link_add_vxlan(struct nl *nl, const char *name, const struct link_vxlan *v,
		    const uint8_t mac[static 6])
{
	static const struct ifinfomsg no_link = { .ifi_family = AF_UNSPEC };

	nl_request(nl, "create VXLAN", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &no_link,
		   sizeof(no_link));
	nl_hint(nl, EOPNOTSUPP, KERNEL_UNKNOWN_KIND,
		"the kernel has no VXLAN driver (module vxlan, CONFIG_VXLAN)");
	nl_hint(nl, EEXIST, NULL,
		"there is another VXLAN of this VNI and port, or a link so named");
	nl_put_str(nl, IFLA_IFNAME, name);
	nl_put(nl, IFLA_ADDRESS, mac, 6);
	nl_nest (nl, IFLA_LINKINFO) {
		nl_put_str(nl, IFLA_INFO_KIND, "vxlan");
		nl_nest (nl, IFLA_INFO_DATA) {
			nl_put_u32(nl, IFLA_VXLAN_ID, v->vni);
			nl_put_u16(nl, IFLA_VXLAN_PORT, htons(v->port));
			nl_put_u8(nl, IFLA_VXLAN_LEARNING, v->learning);
			if (addr_is_set(&v->local))
				nl_put_addr(nl,
					    v->local.family == AF_INET6 ? IFLA_VXLAN_LOCAL6
									: IFLA_VXLAN_LOCAL,
					    &v->local);
		}
	}
}

/* do_setlink() looks at IFLA_AF_SPEC last, so the link's own IPv6 is told before it goes up. */
void link_up_tunnel(struct nl *nl, int index, uint32_t mtu, bool ipv6)
{
	struct ifinfomsg as_it_is = { .ifi_index = index };

	nl_request(nl, "set tunnel's link", RTM_SETLINK, 0, &as_it_is, sizeof(as_it_is));
	nl_hint(nl, EINVAL, NULL, "its MTU is not possible");
	nl_put_u32(nl, IFLA_MTU, mtu);
	nl_nest (nl, IFLA_AF_SPEC) {
		nl_nest (nl, AF_INET) {
			nl_nest (nl, IFLA_INET_CONF)
				nl_put_u32(nl, IPV4_DEVCONF_RP_FILTER, RP_FILTER_LOOSE);
		}
		if (ipv6) {
			nl_nest (nl, AF_INET6)
				nl_put_u8(nl, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
		}
	}
	link_up(nl, index);
	nl_hint(nl, EADDRINUSE, NULL, "another program has the tunnel's UDP port");
}
