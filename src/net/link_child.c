/* Links that hang on a parent: macvlan, ipvlan, VLANs. */
#include "net/link.h"

#include <errno.h>
#include <sys/socket.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "net/nl.h"

/* Extended ACKs of rtnl_newlink() and of net/8021q/vlan.c, met in 6.1 and 6.18. */
#define KERNEL_UNKNOWN_KIND "Unknown device type"

static void begin(struct nl *nl, const char *what, const struct child_link *l)
{
	static const struct ifinfomsg no_link = { .ifi_family = AF_UNSPEC };

	/* With NLM_F_ACK: a barrier, as the other new links have it. */
	nl_request(nl, what, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &no_link,
		   sizeof(no_link));
	nl_put_str(nl, IFLA_IFNAME, l->name);
	nl_put_u32(nl, IFLA_LINK, (uint32_t)l->parent);
	if (l->ns)
		nl_put_u32(nl, IFLA_NET_NS_FD, (uint32_t)l->ns);
	if (l->mac)
		nl_put(nl, IFLA_ADDRESS, l->mac, 6);
	if (l->mtu)
		nl_put_u32(nl, IFLA_MTU, l->mtu);
	nl_put_u32(nl, IFLA_GROUP, l->group);
}

void link_add_macvlan(struct nl *nl, const struct child_link *l, const struct macvlan *m)
{
	begin(nl, "create macvlan", l);
	nl_hint(nl, EOPNOTSUPP, KERNEL_UNKNOWN_KIND,
		"the kernel has no macvlan driver (module macvlan, CONFIG_MACVLAN)");
	nl_hint(nl, EBUSY, NULL,
		"the master serves something else: a bridge, a bond, ipvlan interfaces");
	nl_hint(nl, EINVAL, "",
		"the master is no Ethernet link, or one of mode passthru is on it, which is alone");
	nl_nest (nl, IFLA_LINKINFO) {
		nl_put_str(nl, IFLA_INFO_KIND, "macvlan");
		nl_nest (nl, IFLA_INFO_DATA) {
			nl_put_u32(nl, IFLA_MACVLAN_MODE, m->mode);
			if (m->broadcast_queue)
				nl_put_u32(nl, IFLA_MACVLAN_BC_QUEUE_LEN, m->broadcast_queue);
		}
	}
}

void link_add_ipvlan(struct nl *nl, const struct child_link *l, uint16_t mode)
{
	begin(nl, "create ipvlan", l);
	nl_hint(nl, EOPNOTSUPP, KERNEL_UNKNOWN_KIND,
		"the kernel has no ipvlan driver (module ipvlan, CONFIG_IPVLAN)");
	nl_hint(nl, EBUSY, NULL,
		"the master serves something else: a bridge, a bond, macvlan interfaces");
	nl_hint(nl, EINVAL, "", "the master is no Ethernet link, or a macvlan interface");
	nl_nest (nl, IFLA_LINKINFO) {
		nl_put_str(nl, IFLA_INFO_KIND, "ipvlan");
		nl_nest (nl, IFLA_INFO_DATA)
			nl_put_u16(nl, IFLA_IPVLAN_MODE, mode);
	}
}

void link_add_vlan(struct nl *nl, const struct child_link *l, uint16_t id)
{
	begin(nl, "create VLAN interface", l);
	nl_hint(nl, EOPNOTSUPP, KERNEL_UNKNOWN_KIND,
		"the kernel has no VLANs (module 8021q, CONFIG_VLAN_8021Q)");
	nl_hint(nl, EEXIST, NULL, "the master has an interface of this VLAN already");
	nl_nest (nl, IFLA_LINKINFO) {
		nl_put_str(nl, IFLA_INFO_KIND, "vlan");
		nl_nest (nl, IFLA_INFO_DATA)
			nl_put_u16(nl, IFLA_VLAN_ID, id);
	}
}
