/*
 * WireGuard interfaces, by generic netlink: include/uapi/linux/wireguard.h,
 * drivers/net/wireguard/netlink.c. Keys are 32 bytes (Curve25519).
 */
#ifndef NET_WIREGUARD_H
#define NET_WIREGUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct err;
struct list;
struct nl;

struct wg_device {
	bool has_key;
	uint8_t public_key[32];
	uint16_t port; /* host byte order */
};

struct wg_peer {
	uint8_t key[32];
	struct addr endpoint; /* none: not known */
	uint16_t port;
	int64_t heard_s;     /* the last handshake, of the real time; 0: never */
	size_t first, count; /* of the prefixes that it may send from */
};

/*
 * The number of a family of generic netlink, by a socket of NETLINK_GENERIC; 0: the kernel does not
 * have it.
 */
int genl_family(struct nl *nl, const char *name, uint16_t *out, struct err *e);

/*
 * Everything about one interface. peers gets struct wg_peer, prefixes the struct prefix that they
 * name, both empty before. -EOPNOTSUPP: the kernel has no WireGuard. -ENODEV: no such interface.
 */
int wg_read(struct nl *nl, const char *link, struct wg_device *out, struct list *peers,
	    struct list *prefixes, struct err *e);

/* One message of the kernel's answer, for wg_read() and the fuzzers. */
struct nlmsghdr;
struct wg_reading {
	struct wg_device *device;
	struct list *peers, *prefixes;
};
int wg_read_message(const struct nlmsghdr *h, void *reading);

/* These act at once. family: genl_family() of WireGuard. */
struct wg_link {
	struct nl *nl;
	uint16_t family;
	const char *name;
};
int wg_open(struct wg_link *w, struct nl *nl, const char *name, struct err *e);
int wg_set_device(const struct wg_link *w, const uint8_t private_key[static 32], uint16_t port,
		  struct err *e);
/* Add it, or change it; its prefixes are replaced by prefixes[first..first + count). */
int wg_set_peer(const struct wg_link *w, const struct wg_peer *p, const struct prefix *prefixes,
		struct err *e);
/*
 * Begin a session with a peer that is new here and sends no keepalives by itself. If it knows us
 * from before (this machine was booted, the link was deleted or down), what it sends by the old
 * session is lost, and it would notice after 15 s only (KEEPALIVE_TIMEOUT + REKEY_TIMEOUT).
 */
int wg_begin_session(const struct wg_link *w, const uint8_t key[static 32], struct err *e);
int wg_del_peer(const struct wg_link *w, const uint8_t key[static 32], struct err *e);

#endif
