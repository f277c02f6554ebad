/*
 * An interface plugin: an attachment's life, once for every plugin that gives a pod an interface.
 *
 * The engine owns the order of ADD and every undo, DEL from names alone, CHECK, GC and STATUS. A
 * plugin is a table of keys, a prepare function and a driver, which says what is its own: what the
 * interface hangs on, how it is made, which interfaces of the host stand in the result.
 *
 * The pod's interface has an end on the host (driver->host_end: a veth), which is found by its
 * derived name and alias (cni/attachment.h), or it lives in the pod alone. Then its alias there
 * says whose it is; a pod can forge that, and all it gains is that its own interface is deleted.
 */
#ifndef IFACE_IFACE_H
#define IFACE_IFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <net/if.h>

#include "cni/plugin.h"
#include "iface/pod.h"
#include "ipam/ipam.h"
#include "net/nl.h"

struct err;

/* What every interface plugin's configuration holds; the first member of its conf. */
struct iface_conf {
	int64_t mtu;		  /* of the pod's interface; 0: the kernel's choice */
	const char *mac;	  /* of the pod's interface; NULL: random */
	bool dad;		  /* duplicate address detection of the pod's IPv6 addresses */
	bool ip_masq;		  /* what leaves the pod's subnet gets the node's address */
	bool down;		  /* the pod's interface stays down: it has no addresses */
	bool mac_check;		  /* of a host end in a bridge: the pod sends with its MAC only */
	const char *masq_backend; /* "", "iptables" or "nftables": read, for ours is nftables */
	struct ipam ipam;
};

/* Keys of it for a plugin's table. */
#define IFACE_KEY_MTU(text)                                                                        \
	{                                                                                          \
		"mtu", JSON_INT, offsetof(struct iface_conf, mtu), .min = 0, .max = 65535,         \
								   .help = text                    \
	}
#define IFACE_KEY_MAC                                                                              \
	{                                                                                          \
		"mac", JSON_STR, offsetof(struct iface_conf, mac),                                 \
			.help = "of the pod's interface; default: random"                          \
	}
#define IFACE_KEY_IP_MASQ(text)                                                                    \
	{                                                                                          \
		"ipMasq", JSON_BOOL, offsetof(struct iface_conf, ip_masq), .names = true,          \
									   .help = text            \
	}
#define IFACE_KEY_MASQ_BACKEND                                                                     \
	{                                                                                          \
		"ipMasqBackend", JSON_STR, offsetof(struct iface_conf, masq_backend),              \
			.help = "iptables or nftables; both are done by nftables"                  \
	}

struct iface_driver;
struct stale;

/* One command on one attachment. Large, and one at a time: the engine's. */
struct iface {
	const struct iface_driver *driver;
	const void *plugin_conf; /* the plugin's own, which begins with */
	const struct iface_conf *conf;
	const struct cni_request *req;
	void *state; /* the driver's, zeroed at first */
	char host_name[IF_NAMESIZE];
	char alias[LINK_ALIAS_SIZE];
	const struct cni_result *prev; /* ADD: what the chain has made so far; NULL: nothing */
	uint8_t mac[6];	       /* ADD: of the pod's interface: link() makes it so, or says */
	uint32_t mtu;	       /* ADD: of the pod's interface, as link() made it; 0: not known */
	struct link end;       /* CHECK: the host end; ADD: the driver's, as it needs it */
	int in_prev;	       /* CHECK: the pod's interface among prevResult's */
	struct nl host;	       /* a socket on the host, open for every hook */
	struct cni_result ips; /* ADD: the IPAM plugin's; empty before it is asked */
	struct pod pod;	 /* the pod's side, open for the hooks of ADD, for adopt and for check */
	char buf[65536]; /* marks REAPER_MAX links */
};

/*
 * What is a plugin's own. A hook that is NULL has nothing to do. Each acts at once and returns 0 or
 * -errno with e set. Except for link(), one that fails has left nothing; one that succeeds has
 * pushed the inverse of what outlives the pod's interface.
 *
 * ADD looks first at everything that can be wrong (inspect), then
 *
 *	lease, complete, host, link, masquerade, route, the pod's side, gateway, ready, report
 *
 * or, when the IPAM plugin wants to use the pod's interface (link_first, ipam_needs_link()),
 *
 *	host, link, up, lease, complete, masquerade, route, the pod's side, gateway, ready, report
 *
 * and finish when the result is written: until then everything can be undone. ready is when the
 * first packet passes, in both directions and both families.
 */
struct iface_driver {
	bool host_end;	    /* the pod's interface is one end of a veth, i->host_name the other */
	bool link_first;    /* whatever the IPAM plugin */
	bool on_wire;	    /* it has neighbours, who may have known another pod by its addresses */
	bool fixed_mac;	    /* its MAC cannot be set */
	bool ipam_required; /* without addresses the interface is of no use */
	const char *adopts; /* without host_end: the kind of its link in the pod. DEL takes one of
			       this name without an alias of ours, too: the reference's plugin made
			       it, or the pod has changed its alias; NULL: not known by a kind */
	bool by_gateway; /* nothing but the gateway is on link, not even the rest of the subnet */
	size_t state_size;

	/* Find what is there already, and refuse what cannot be, before anything changes. */
	int (*inspect)(struct iface *i, struct err *e);
	/* What the interface hangs on: a bridge, say. */
	int (*host)(struct iface *i, struct undo *u, struct err *e);
	/*
	 * Make the pod's interface, down, named i->req->at.ifname, with i->mac, or set that to what
	 * it has. A new link is in the group attachment_group() until it has its alias: of a host
	 * end that is link()'s to set, in the pod it is the engine's. -EEXIST: it is another's;
	 * after any other failure it is deleted in case it is there.
	 */
	int (*link)(struct iface *i, struct err *e);
	/* Complete i->ips by what the plugin adds: gateways, default routes. */
	int (*complete)(struct iface *i, struct err *e);
	/* The addresses of what it hangs on; they stay, and nothing is refused behind it. */
	int (*gateway)(struct iface *i, struct err *e);
	/* Addresses and routes of the host's end. */
	int (*route)(struct iface *i, struct err *e);
	/* The pod's side; NULL: pod_configure(). */
	int (*configure)(struct iface *i, const struct pod_want *want, struct err *e);
	/* Packets pass between the host's end and the pod: what it hangs on takes part, too. */
	int (*ready)(struct iface *i, struct err *e);
	/* Append the host's interfaces to the result, in front of the pod's. */
	int (*report)(struct iface *i, struct cni_result *out, struct err *e);
	/* The same, of what stands behind the pod's. */
	int (*report_behind)(struct iface *i, struct cni_result *out, struct err *e);
	/* The caller has the result. */
	int (*finish)(struct iface *i, struct err *e);

	/* DEL: the host end of this attachment without an alias of ours: did the reference's plugin
	 * make it for this configuration? */
	int (*adopt)(struct iface *i, const struct link *host, struct err *e);
	/*
	 * Instead of the deletion of the pod's interface: give it back. in_pod: the caller says
	 * where it is, and i->pod is open. And GC: all that are stale.
	 */
	int (*release)(struct iface *i, bool in_pod, struct err *e);
	int (*release_stale)(struct iface *i, const struct stale *stale, struct err *e);
	/*
	 * DEL, behind the interface: what a killed ADD may have left. Also when a step before it
	 * failed, and whether or not the pod is there. What fails here is tried by the next DEL.
	 */
	void (*sweep)(struct iface *i);
	/*
	 * CHECK: the host's side besides the host end itself, which is i->end, found and compared;
	 * so is the pod's side. CNI_ERR_DIFFERS.
	 */
	int (*check)(struct iface *i, const struct cni_result *prev, struct err *e);
	/*
	 * STATUS: what makes every ADD fail, as far as it is seen without trying. No attachment is
	 * named: i's names, MAC and links say nothing. The engine makes it CNI_ERR_NOT_AVAILABLE.
	 */
	int (*status)(struct iface *i, struct err *e);
};

/* The commands of a plugin that is nothing but its driver, in its descriptor. */
#define IFACE_PLUGIN(d)                                                                            \
	.driver = &(d), .add = iface_add, .del = iface_del, .check = iface_check, .gc = iface_gc,  \
	.status = iface_status, .answered = iface_answered

/* As in struct cni_plugin, whose driver is req->plugin's; conf begins with a struct iface_conf. */
int iface_add(const struct cni_request *req, const void *conf, struct cni_result *out,
	      struct undo *u, struct err *e);
int iface_del(const struct cni_request *req, const void *conf, struct err *e);
int iface_check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		struct err *e);
int iface_gc(const struct cni_request *req, const void *conf, struct err *e);
int iface_status(const struct cni_request *req, const void *conf, struct err *e);
void iface_answered(const struct cni_request *req, const void *conf, const char *answer,
		    int status);

/*
 * For prepare(). The shared keys, and the MAC that the caller asks for: CNI_ERR_CONFIG names the
 * key. DEL and GC go on whatever has become of the values.
 */
int iface_conf_check(const struct cni_request *req, struct iface_conf *c, struct err *e);

/* The same, and the IPAM plugin that the configuration names. */
int iface_prepare(const struct cni_request *req, struct iface_conf *c, struct err *e);

/*
 * The pod's interface of a chain: prev's of the name CNI_IFNAME in a sandbox; its index in prev, or
 * -EINVAL, CNI_ERR_CONFIG.
 */
int iface_of_prev(const struct cni_request *req, const struct cni_result *prev, struct err *e);

/* Does prev name this interface of the host? */
bool iface_prev_has(const struct cni_result *prev, const char *name);

/* ---- for drivers ---- */

/* Give i->ips the gateways that it lacks: the first address of the subnet. */
void iface_complete_gateways(struct iface *i);

/* In the request's arena. */
const char *iface_mac_text(const struct iface *i, const uint8_t mac[static 6]);

/* For the engine's files: the start of each command; the host's socket is open after it. */
int iface_open(struct iface **out, const struct cni_request *req, const void *conf, struct err *e);

#endif
