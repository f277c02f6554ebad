/* Links: the requests that make, change and remove them. Reading them is link_read.c. */
#include "net/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "net/nl.h"

#define KERNEL_UNKNOWN_KIND                                                                        \
	"Unknown device type" /* extended ACK of rtnl_newlink(), read in 5.4, met in 6.1 and 6.18  \
			       */

/* With NLM_F_ACK: what follows by name must not touch a link that was there before. */
#define CREATE_FIRST (NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK)

static const struct ifinfomsg no_link = { .ifi_family = AF_UNSPEC };
static const struct ifinfomsg link_is_up = { .ifi_family = AF_UNSPEC,
					     .ifi_flags = IFF_UP,
					     .ifi_change = IFF_UP };

static void put_peer(struct nl *nl, const struct veth *v)
{
	/* A link message within ours; the peer's MTU must be told as well, or it gets the default.
	 */
	nl_put_raw(nl, &no_link, sizeof(no_link));
	nl_put_str(nl, IFLA_IFNAME, v->pod);
	nl_put_u32(nl, IFLA_NET_NS_FD, (uint32_t)v->pod_ns);
	nl_put(nl, IFLA_ADDRESS, v->pod_mac, sizeof(v->pod_mac));
	if (v->mtu)
		nl_put_u32(nl, IFLA_MTU, v->mtu);
}

/* What the kernel says with an error number alone. */
static void hint_veth(struct nl *nl)
{
	nl_hint(nl, EOPNOTSUPP, KERNEL_UNKNOWN_KIND,
		"the kernel has no veth driver (module veth, CONFIG_VETH)");
	nl_hint(nl, EEXIST, "",
		"a link with the name of the host's or the pod's end exists already");
}

void link_add_veth(struct nl *nl, const struct veth *v)
{
	nl_request(nl, "create veth", RTM_NEWLINK, CREATE_FIRST, &no_link, sizeof(no_link));
	hint_veth(nl);
	nl_put_str(nl, IFLA_IFNAME, v->host);
	nl_put(nl, IFLA_ADDRESS, v->host_mac, sizeof(v->host_mac));
	if (v->mtu)
		nl_put_u32(nl, IFLA_MTU, v->mtu);
	nl_put_u32(nl, IFLA_GROUP, v->group);
	nl_nest (nl, IFLA_LINKINFO) {
		nl_put_str(nl, IFLA_INFO_KIND, "veth");
		nl_nest (nl, IFLA_INFO_DATA) {
			nl_nest (nl, VETH_INFO_PEER)
				put_peer(nl, v);
		}
	}
}

static void hint_master(struct nl *nl)
{
	nl_hint(nl, EINVAL, "", "no link has the index given as its bridge");
	nl_hint(nl, EOPNOTSUPP, "", "the link given as its bridge is no bridge");
}

/*
 * do_setlink() turned a link on before it joined its bridge (up to 5.15), and looks at IFLA_AF_SPEC
 * last: so two requests.
 */
void link_join_veth(struct nl *nl, const struct veth *v, bool no_ipv6)
{
	nl_request(nl, "set link alias and bridge", RTM_SETLINK, 0, &no_link, sizeof(no_link));
	hint_master(nl);
	nl_put_str(nl, IFLA_IFNAME, v->host);
	if (v->alias)
		nl_put(nl, IFLA_IFALIAS, v->alias, strlen(v->alias));
	if (!v->keep_group)
		nl_put_u32(nl, IFLA_GROUP, 0);
	if (v->master)
		nl_put_u32(nl, IFLA_MASTER, (uint32_t)v->master);
	if (no_ipv6) {
		nl_nest (nl, IFLA_AF_SPEC) {
			nl_nest (nl, AF_INET6)
				nl_put_u8(nl, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
		}
	}
	nl_request(nl, "set link up", RTM_SETLINK, 0, &link_is_up, sizeof(link_is_up));
	nl_put_str(nl, IFLA_IFNAME, v->host);
}

void link_add_bridge(struct nl *nl, const struct bridge *b)
{
	nl_request(nl, "create bridge", RTM_NEWLINK, CREATE_FIRST, &link_is_up, sizeof(link_is_up));
	nl_hint(nl, EOPNOTSUPP, KERNEL_UNKNOWN_KIND,
		"the kernel has no bridge driver (module bridge, CONFIG_BRIDGE)");
	if (b->vlan_filtering)
		nl_hint(nl, EOPNOTSUPP, "",
			"the bridge driver cannot filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING)");
	nl_put_str(nl, IFLA_IFNAME, b->name);
	nl_put(nl, IFLA_ADDRESS, b->mac, sizeof(b->mac));
	nl_put_u32(nl, IFLA_GROUP, b->group);
	if (b->mtu)
		nl_put_u32(nl, IFLA_MTU, b->mtu);
	nl_nest (nl, IFLA_LINKINFO) {
		nl_put_str(nl, IFLA_INFO_KIND, "bridge");
		if (b->vlan_filtering) {
			nl_nest (nl, IFLA_INFO_DATA)
				nl_put_u8(nl, IFLA_BR_VLAN_FILTERING, 1);
		}
	}
}

/* What a kernel that does not know the kind is without. */
static const char *missing_driver(const char *kind)
{
	if (strcmp(kind, "dummy") == 0)
		return "the kernel has no dummy driver (module dummy, CONFIG_DUMMY)";
	if (strcmp(kind, "ifb") == 0)
		return "the kernel has no ifb driver (module ifb, CONFIG_IFB)";
	if (strcmp(kind, "wireguard") == 0)
		return "the kernel has no WireGuard (module wireguard, CONFIG_WIREGUARD)";
	return "the kernel has no driver for links of this kind (a module of its name)";
}

void link_add(struct nl *nl, const struct new_link *l)
{
	nl_request(nl, "create link", RTM_NEWLINK, CREATE_FIRST, &no_link, sizeof(no_link));
	nl_hint(nl, EOPNOTSUPP, KERNEL_UNKNOWN_KIND, missing_driver(l->kind));
	nl_put_str(nl, IFLA_IFNAME, l->name);
	if (l->mac)
		nl_put(nl, IFLA_ADDRESS, l->mac, 6);
	nl_put_u32(nl, IFLA_GROUP, l->group);
	nl_nest (nl, IFLA_LINKINFO)
		nl_put_str(nl, IFLA_INFO_KIND, l->kind);
}

static void set_flag(struct nl *nl, const char *what, int index, unsigned int flag, bool on)
{
	struct ifinfomsg m = { .ifi_index = index, .ifi_flags = on ? flag : 0, .ifi_change = flag };

	nl_request(nl, what, RTM_SETLINK, 0, &m, sizeof(m));
}

void link_up(struct nl *nl, int index)
{
	set_flag(nl, "set link up", index, IFF_UP, true);
	nl_hint(nl, EADDRINUSE, "", "another macvlan link of the same master has its MAC");
}

void link_down(struct nl *nl, int index)
{
	set_flag(nl, "set link down", index, IFF_UP, false);
}

void link_set_promisc(struct nl *nl, int index, bool on)
{
	set_flag(nl, "set link promiscuous", index, IFF_PROMISC, on);
}

void link_set_allmulti(struct nl *nl, int index, bool on)
{
	set_flag(nl, "set link to all multicast", index, IFF_ALLMULTI, on);
}

static void set_link(struct nl *nl, const char *what, int index)
{
	struct ifinfomsg m = { .ifi_index = index };

	nl_request(nl, what, RTM_SETLINK, 0, &m, sizeof(m));
}

void link_set_mtu(struct nl *nl, int index, uint32_t mtu)
{
	set_link(nl, "set link MTU", index);
	nl_put_u32(nl, IFLA_MTU, mtu);
}

void link_set_tx_queue(struct nl *nl, int index, uint32_t packets)
{
	set_link(nl, "set link's transmit queue", index);
	nl_put_u32(nl, IFLA_TXQLEN, packets);
}

void link_set_mac(struct nl *nl, int index, const uint8_t mac[static 6])
{
	set_link(nl, "set link address", index);
	nl_put(nl, IFLA_ADDRESS, mac, 6);
}

void link_set_name(struct nl *nl, int index, const char *name)
{
	set_link(nl, "set link name", index);
	nl_put_str(nl, IFLA_IFNAME, name);
}

/* do_setlink() moves first and renames then. */
void link_move(struct nl *nl, int index, int ns, const char *name)
{
	set_link(nl, "move link", index);
	nl_put_u32(nl, IFLA_NET_NS_FD, (uint32_t)ns);
	nl_put_str(nl, IFLA_IFNAME, name);
}

void link_set_alias(struct nl *nl, int index, const char *alias, uint32_t group)
{
	set_link(nl, "set link alias", index);
	nl_put(nl, IFLA_IFALIAS, alias, strlen(alias));
	nl_put_u32(nl, IFLA_GROUP, group);
}

void link_set_master(struct nl *nl, int index, int master)
{
	set_link(nl, "set link's bridge", index);
	hint_master(nl);
	nl_put_u32(nl, IFLA_MASTER, (uint32_t)master);
}

/*
 * RTM_NEWLINK without NLM_F_CREATE changes; the bridge family's RTM_SETLINK would want the index,
 * not known yet.
 */
void link_set_port(struct nl *nl, const char *name, const struct port *p)
{
	nl_request(nl, "set bridge port", RTM_NEWLINK, 0, &no_link, sizeof(no_link));
	nl_hint(nl, EOPNOTSUPP, "", "the link is in no bridge");
	nl_put_str(nl, IFLA_IFNAME, name);
	nl_nest (nl, IFLA_LINKINFO) {
		nl_put_str(nl, IFLA_INFO_SLAVE_KIND, "bridge");
		nl_nest (nl, IFLA_INFO_SLAVE_DATA) {
			nl_put_u8(nl, IFLA_BRPORT_MODE, p->hairpin);
			nl_put_u8(nl, IFLA_BRPORT_ISOLATED, p->isolated);
		}
	}
}

void link_del(struct nl *nl, int index)
{
	struct ifinfomsg m = { .ifi_index = index };

	nl_request(nl, "delete link", RTM_DELLINK, 0, &m, sizeof(m));
}

void link_del_in(struct nl *nl, int ns_id, int index)
{
	link_del(nl, index);
	nl_put_u32(nl, IFLA_TARGET_NETNSID, (uint32_t)ns_id);
}

void link_del_name(struct nl *nl, const char *name)
{
	nl_request(nl, "delete link", RTM_DELLINK, 0, &no_link, sizeof(no_link));
	nl_put_str(nl, IFLA_IFNAME, name);
}

void link_set_group(struct nl *nl, int index, uint32_t group)
{
	const struct ifinfomsg m = { .ifi_index = index };

	nl_request(nl, "set link group", RTM_SETLINK, 0, &m, sizeof(m));
	nl_put_u32(nl, IFLA_GROUP, group);
}

void link_set_group_name(struct nl *nl, const char *name, uint32_t group)
{
	nl_request(nl, "set link group", RTM_SETLINK, 0, &no_link, sizeof(no_link));
	nl_put_str(nl, IFLA_IFNAME, name);
	nl_put_u32(nl, IFLA_GROUP, group);
}

void link_del_group(struct nl *nl, uint32_t group)
{
	nl_request(nl, "delete link group", RTM_DELLINK, 0, &no_link, sizeof(no_link));
	nl_put_u32(nl, IFLA_GROUP, group);
}
