/*
 * Links: veth pairs, bridges and their ports, dummies, macvlan, ipvlan, VLANs, tunnels. Follows
 * net/core/rtnetlink.c, drivers/net/veth.c, net/bridge/br_netlink.c, drivers/net/macvlan.c,
 * drivers/net/ipvlan, net/8021q/vlan_netlink.c, drivers/net/vxlan.
 *
 * Functions without a result only write their request into the batch; nl_commit() sends it. Lookups
 * act at once and return 1 when found, 0 when there is none, -errno else.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>

#include "base/addr.h"

struct err;
struct nl;

#define LINK_ALIAS_SIZE 256 /* IFALIASZ */
#define MAC_TEXT 18

/* Of a VXLAN (RFC 7348), what stays as it is made. */
struct link_vxlan {
	uint32_t vni;
	uint16_t port;	   /* UDP, host byte order */
	struct addr local; /* what its packets come from; none: any address */
	bool learning;	   /* of MACs, from packets */
};

/* A link's own IPv6 (net/ipv6/conf/NAME). */
struct link_ipv6 {
	bool known; /* false: it has none: a kernel without, or an MTU below 1280 */
	bool disabled;
	bool forwarding;
	bool autoconf;
	bool accept_redirects;
	uint8_t accept_ra;
};

/* Of a tap; since 4.20. */
struct link_tap {
	bool is_tap;
	bool persistent; /* without a program that has it open */
	bool multi_queue;
	uint32_t owner, group; /* who may open it; UINT32_MAX: anybody */
};

struct link {
	int index;
	char name[IF_NAMESIZE];
	char kind[16]; /* "veth", "bridge", ...; "" for hardware */
	uint8_t mac[6];
	bool has_mac;
	uint8_t permanent_mac[6]; /* the hardware's; before 5.6, and without hardware, zero */
	char bus[48]; /* hardware's place, "pci/0000:00:04.0"; before 5.14, and without, "" */
	bool up;      /* IFF_UP */
	bool loopback;
	bool promisc;	   /* IFF_PROMISC */
	bool allmulti;	   /* IFF_ALLMULTI */
	uint32_t tx_queue; /* packets (IFLA_TXQLEN) */
	uint32_t mtu;
	uint32_t group;
	int master; /* ifindex, 0: none */
	int peer;   /* ifindex of a veth's other end, or of the parent, in its own namespace
		       (IFLA_LINK), 0: none */
	bool peer_elsewhere;	/* that is in another namespace (IFLA_LINK_NETNSID present) */
	int peer_ns;		/* that namespace's number in this one (netns_id()), -1: none */
	bool hairpin, isolated; /* as a bridge port */
	bool bridge_port;	/* master is a bridge */
	uint8_t port_state;	/* in that: BR_STATE_* */
	bool no_forwarding;	/* of IPv4 packets that it receives (net/ipv4/conf/NAME) */
	bool ready;		/* operational (RFC 2863), and the kernel's queues know it */
	uint32_t mode;		/* of a macvlan (MACVLAN_MODE_*) or ipvlan (IPVLAN_MODE_*) */
	struct link_tap tap;
	uint16_t vlan_id; /* of a VLAN's interface */
	struct link_vxlan vxlan;
	uint8_t bridge_id[6];  /* of a bridge: the MAC in its id; zero before its first port */
	uint32_t vrf_table;    /* of a VRF */
	bool vlan_filtering;   /* of a bridge */
	uint16_t default_vlan; /* of a bridge: the VLAN of its new ports, 0: none */
	struct link_ipv6 ipv6;
	char alias[LINK_ALIAS_SIZE];
};

struct veth {
	const char *host;  /* name of the host end */
	const char *pod;   /* name of the pod end */
	const char *alias; /* of the host end; may be NULL */
	uint32_t group;	   /* of the host end until link_join_veth() (IFLA_GROUP) */
	bool keep_group;   /* and after it */
	int pod_ns;	   /* descriptor of the pod's namespace */
	int master;	   /* ifindex of the bridge, 0: none */
	uint32_t mtu;	   /* 0: kernel default */
	uint8_t host_mac[6];
	uint8_t pod_mac[6];
};

/*
 * Both ends are created down. Behind this message stands a barrier (see nl_commit), so that what
 * follows by name does not touch a link that was there.
 */
void link_add_veth(struct nl *nl, const struct veth *v);

/*
 * The host end gets what no kernel takes at creation, the alias, with it group 0 (unless
 * keep_group), and joins its bridge; then it goes up, so that it is never up and outside. no_ipv6:
 * without a link-local address, which is of no use in a bridge and costs an ADD on a full node 0.4
 * ms of multicast; a host end without IPv6 answers -EAFNOSUPPORT then, and everything else is done.
 */
void link_join_veth(struct nl *nl, const struct veth *v, bool no_ipv6);

/*
 * A bridge with this MAC (so that it does not change with its ports), up. mtu 0: kernel default; an
 * MTU given here still follows the smallest port (br_mtu_auto_adjust()), only link_set_mtu() to
 * another value pins it. vlan_filtering as asked.
 */
struct bridge {
	const char *name;
	uint32_t group; /* IFLA_GROUP */
	uint8_t mac[6];
	uint32_t mtu;
	bool vlan_filtering;
};
void link_add_bridge(struct nl *nl, const struct bridge *b);

/*
 * A link of a kind that needs nothing but its name, down: "dummy", "ifb". Behind this message
 * stands a barrier.
 */
struct new_link {
	const char *name;
	const char *kind;
	const uint8_t *mac; /* 6 bytes; NULL: the kernel's choice */
	uint32_t group;	    /* IFLA_GROUP */
};
void link_add(struct nl *nl, const struct new_link *l);

/*
 * A link that hangs on another, down. nl is a socket in the parent's namespace. It is never outside
 * of ns; but the kernels up to 6.14 ask for its name in nl's namespace, too: choose one that is not
 * there (-EEXIST), and link_set_name() behind it. Behind this message stands a barrier.
 */
struct child_link {
	const char *name;
	int parent;	    /* ifindex */
	int ns;		    /* descriptor of the namespace that it is made in; 0: the parent's */
	const uint8_t *mac; /* 6 bytes; NULL: the kernel's choice */
	uint32_t mtu;	    /* 0: the parent's */
	uint32_t group;	    /* IFLA_GROUP */
};
struct macvlan {
	uint32_t mode;		  /* MACVLAN_MODE_* */
	uint32_t broadcast_queue; /* packets; 0: the kernel's choice; before 5.10 always */
};
void link_add_macvlan(struct nl *nl, const struct child_link *l, const struct macvlan *m);
void link_add_ipvlan(struct nl *nl, const struct child_link *l, uint16_t mode); /* IPVLAN_MODE_* */
void link_add_vlan(struct nl *nl, const struct child_link *l, uint16_t id); /* 802.1Q; 0 to 4094 */

/*
 * A VXLAN, down, with no destination but those of its forwarding database (neigh.h), which it does
 * not learn by itself: nothing is flooded. It hangs on no link: the routes say where its packets
 * leave. Behind this message stands a barrier. -EEXIST: there is one of this VNI and port.
 */
void link_add_vxlan(struct nl *nl, const char *name, const struct link_vxlan *v,
		    const uint8_t mac[static 6]);

/*
 * A tunnel's link: packets may come in by it whose way back is another (rp_filter 2), and it has no
 * IPv6 address of its own making; then it goes up. What its namespace has no family for is left.
 */
void link_up_tunnel(struct nl *nl, int index, uint32_t mtu, bool ipv6);

/*
 * Move a link that is down to the namespace ns (a descriptor) and name it so there, also when its
 * present name is taken there. -EEXIST: the name is.
 */
void link_move(struct nl *nl, int index, int ns, const char *name);

/* The link is down. -EEXIST: another has the name. */
void link_set_name(struct nl *nl, int index, const char *name);

void link_up(struct nl *nl, int index);
void link_down(struct nl *nl, int index);
void link_set_promisc(struct nl *nl, int index, bool on);
void link_set_allmulti(struct nl *nl, int index, bool on);
void link_set_tx_queue(struct nl *nl, int index, uint32_t packets);
void link_set_mtu(struct nl *nl, int index, uint32_t mtu);
void link_set_mac(struct nl *nl, int index, const uint8_t mac[static 6]);
void link_set_alias(struct nl *nl, int index, const char *alias,
		    uint32_t group); /* "": none; and the link group, in one step */
void link_set_master(struct nl *nl, int index, int master); /* 0: out of its bridge */

/*
 * Port flags of a bridge port, by name because it stands in the batch right behind
 * link_join_veth(). -EOPNOTSUPP: the link is in no bridge.
 */
struct port {
	bool hairpin;
	bool isolated;
};
void link_set_port(struct nl *nl, const char *name, const struct port *p);

void link_del(struct nl *nl, int index);
void link_del_name(struct nl *nl, const char *name);

/*
 * Mark a link for grouped deletion, and delete all that are marked (RTM_DELLINK with IFLA_GROUP;
 * -ENODEV when none is).
 */
void link_set_group(struct nl *nl, int index, uint32_t group);
void link_set_group_name(struct nl *nl, const char *name, uint32_t group);
void link_del_group(struct nl *nl, uint32_t group);

int link_find(struct nl *nl, const char *name, struct link *out, struct err *e);
int link_find_index(struct nl *nl, int index, struct link *out, struct err *e);

/*
 * Wait until the link is ready and, as a bridge port, takes part in it. A change of the carrier
 * reaches the queues and the bridge by deferred work (net/core/link_watch.c): at once, or within a
 * second for a veth whose two ends happen to have one index. Asking for the link does that work
 * since 6.8 (rtnl_getlink()); before, the kernel's event is waited for. A port of a bridge with a
 * spanning tree is not waited for until it forwards: that takes half a minute, and is asked for.
 */
int link_await(struct nl *nl, const char *name, struct link *out, struct err *e);

/*
 * Call fn for every link of the namespace; kind NULL: all. fn's negative value ends the walk and is
 * returned. While others add and remove links a walk of hundreds can be interrupted and begin anew:
 * fn then sees links twice, so gather by index or name.
 */
typedef int link_fn(const struct link *l, void *arg);
int link_each(struct nl *nl, const char *kind, link_fn *fn, void *arg, struct err *e);

/* As nl_dump_seen(): in a pod, which may change its links all the time. */
int link_each_seen(struct nl *nl, const char *kind, link_fn *fn, void *arg, struct err *e);

/* The link of this kind and alias, whatever its name: 1, 0 or -errno. *out changes with 1 only. */
int link_find_alias(struct nl *nl, const char *kind, const char *alias, struct link *out,
		    struct err *e);

/*
 * As link_each_seen() of all kinds, and link_del(), in the namespace that has this number in nl's
 * (netns_id()). -EINVAL: none has it any more. A kernel before 4.16 walks nl's own.
 */
int link_each_in(struct nl *nl, int ns_id, link_fn *fn, void *arg, struct err *e);
void link_del_in(struct nl *nl, int ns_id, int index);

/* A random locally administered unicast address. */
void mac_random(uint8_t mac[static 6]);
const char *mac_format(const uint8_t mac[static 6], char out[static MAC_TEXT]);
bool mac_parse(const char *s, uint8_t out[static 6]);

#endif
