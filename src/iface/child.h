/*
 * An interface of the pod that hangs on a link of the node, its master: macvlan, ipvlan, vlan. For
 * their drivers; the driver's state is a struct child, its configuration begins with a struct
 * child_conf.
 */
#ifndef IFACE_CHILD_H
#define IFACE_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "iface/iface.h"
#include "net/link.h"

struct child_conf {
	struct iface_conf iface;
	const char *master; /* NULL or "": the interface of the default route */
	bool in_container;  /* the master is in the pod's namespace */
};

#define CHILD_KEY_MASTER(text)                                                                     \
	{                                                                                          \
		"master", JSON_STR, offsetof(struct child_conf, master), .help = text              \
	}
#define CHILD_KEY_DAD                                                                              \
	{                                                                                          \
		"enabledad", JSON_BOOL, offsetof(struct child_conf, iface.dad),                    \
			.help = "wait until nobody else has the IPv6 addresses: one to two "       \
				"seconds"                                                          \
	}
#define CHILD_KEY_IN_CONTAINER                                                                     \
	{                                                                                          \
		"linkInContainer", JSON_BOOL, offsetof(struct child_conf, in_container),           \
			.help = "the master is in the pod's namespace, not in the node's"          \
	}

struct child {
	struct link master;
};

/*
 * Find the master: of this name; NULL or "": of the default route with the lowest metric, IPv4's
 * before IPv6's. CNI_ERR_CONFIG: there is none.
 */
int child_find(struct iface *i, const char *master, struct err *e);

/* For inspect(): the same, and the pod's MTU is not above the master's. */
int child_inspect(struct iface *i, const char *master, struct err *e);

/*
 * For link(): what every kind is asked for, but for its MAC, and the socket to ask; then make it,
 * give it its name, and the MAC that is asked for where the kind takes the master's.
 */
struct nl *child_begin(struct iface *i, struct child_link *l);
int child_finish(struct iface *i, const struct child_link *l, struct err *e);

/* The master's namespace. */
int child_master_ns(const struct iface *i);

/* For check(): as it was made; CNI_ERR_DIFFERS. */
struct child_want {
	const char *kind;
	const char *master;
	bool any_master; /* nobody knows any more which it was */
	uint32_t mode;
	const char *const *modes; /* their names; NULL: the kind has none */
	uint16_t vlan_id;
};
int child_check(struct iface *i, const struct child_want *w, struct err *e);

/* For status(): without the master every ADD fails. */
int child_status(struct iface *i, struct err *e);

#endif
