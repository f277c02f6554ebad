/* See wireguard.h. */
#include "net/wireguard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "base/err.h"
#include "base/list.h"
#include "net/nl.h"

#define NO_WIREGUARD "the kernel has no WireGuard (module wireguard, CONFIG_WIREGUARD)"

static int read_family(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a[CTRL_ATTR_FAMILY_ID + 1];

	if (nl_attrs(h, sizeof(struct genlmsghdr), a, CTRL_ATTR_FAMILY_ID))
		*(uint16_t *)arg = nl_u16(a[CTRL_ATTR_FAMILY_ID]);
	return 0;
}

int genl_family(struct nl *nl, const char *name, uint16_t *out, struct err *e)
{
	static const struct genlmsghdr get = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	struct err mine = { 0 };
	int r;

	*out = 0;
	nl_request(nl, "find family", GENL_ID_CTRL, 0, &get, sizeof(get));
	nl_put_str(nl, CTRL_ATTR_FAMILY_NAME, name);
	r = nl_dump(nl, read_family, NULL, out, &mine);
	return r < 0 && r != -ENOENT ? err_take(e, &mine) : 0;
}

int wg_open(struct wg_link *w, struct nl *nl, const char *name, struct err *e)
{
	int r;

	*w = (struct wg_link){ .nl = nl, .name = name };
	r = genl_family(nl, WG_GENL_NAME, &w->family, e);
	return r == 0 && !w->family ? err_set(e, EOPNOTSUPP, NO_WIREGUARD) : r;
}

static void begin(const struct wg_link *w, const char *what, uint8_t cmd, uint16_t flags)
{
	const struct genlmsghdr m = { .cmd = cmd, .version = WG_GENL_VERSION };

	nl_request(w->nl, what, w->family, flags, &m, sizeof(m));
	nl_put_str(w->nl, WGDEVICE_A_IFNAME, w->name);
}

int wg_set_device(const struct wg_link *w, const uint8_t private_key[static 32], uint16_t port,
		  struct err *e)
{
	begin(w, "set WireGuard interface", WG_CMD_SET_DEVICE, 0);
	nl_hint(w->nl, EADDRINUSE, NULL, "another program has its UDP port");
	nl_put(w->nl, WGDEVICE_A_PRIVATE_KEY, private_key, WG_KEY_LEN);
	nl_put_u16(w->nl, WGDEVICE_A_LISTEN_PORT, port);
	return nl_commit(w->nl, NULL, e);
}

static void put_endpoint(struct nl *nl, const struct wg_peer *p)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(p->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(p->port) };

	memcpy(&v4.sin_addr, p->endpoint.bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, p->endpoint.bytes, sizeof(v6.sin6_addr));
	if (p->endpoint.family == AF_INET)
		nl_put(nl, WGPEER_A_ENDPOINT, &v4, sizeof(v4));
	else if (p->endpoint.family == AF_INET6)
		nl_put(nl, WGPEER_A_ENDPOINT, &v6, sizeof(v6));
}

static void put_prefix(struct nl *nl, const struct prefix *p)
{
	nl_nest (nl, 0) {
		nl_put_u16(nl, WGALLOWEDIP_A_FAMILY, p->addr.family);
		nl_put_addr(nl, WGALLOWEDIP_A_IPADDR, &p->addr);
		nl_put_u8(nl, WGALLOWEDIP_A_CIDR_MASK, p->len);
	}
}

static void put_peer(struct nl *nl, const struct wg_peer *p, const struct prefix *prefixes)
{
	nl_put(nl, WGPEER_A_PUBLIC_KEY, p->key, WG_KEY_LEN);
	nl_put_u32(nl, WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
	put_endpoint(nl, p);
	nl_nest (nl, WGPEER_A_ALLOWEDIPS) {
		for (size_t i = 0; i < p->count; i++)
			put_prefix(nl, &prefixes[p->first + i]);
	}
}

int wg_set_peer(const struct wg_link *w, const struct wg_peer *p, const struct prefix *prefixes,
		struct err *e)
{
	begin(w, "set WireGuard peer", WG_CMD_SET_DEVICE, 0);
	nl_nest (w->nl, WGDEVICE_A_PEERS) {
		nl_nest (w->nl, 0)
			put_peer(w->nl, p, prefixes);
	}
	return nl_commit(w->nl, NULL, e);
}

/* An interval that becomes one sends a keepalive at once, and that begins a session. */
static void put_keepalive(struct nl *nl, const uint8_t key[static 32], uint16_t interval_s)
{
	nl_nest (nl, 0) {
		nl_put(nl, WGPEER_A_PUBLIC_KEY, key, WG_KEY_LEN);
		nl_put_u32(nl, WGPEER_A_FLAGS, WGPEER_F_UPDATE_ONLY);
		nl_put_u16(nl, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, interval_s);
	}
}

int wg_begin_session(const struct wg_link *w, const uint8_t key[static 32], struct err *e)
{
	begin(w, "begin WireGuard session", WG_CMD_SET_DEVICE, 0);
	nl_nest (w->nl, WGDEVICE_A_PEERS) {
		put_keepalive(w->nl, key, 1);
		put_keepalive(w->nl, key, 0);
	}
	return nl_commit(w->nl, NULL, e);
}

int wg_del_peer(const struct wg_link *w, const uint8_t key[static 32], struct err *e)
{
	begin(w, "remove WireGuard peer", WG_CMD_SET_DEVICE, 0);
	nl_nest (w->nl, WGDEVICE_A_PEERS) {
		nl_nest (w->nl, 0) {
			nl_put(w->nl, WGPEER_A_PUBLIC_KEY, key, WG_KEY_LEN);
			nl_put_u32(w->nl, WGPEER_A_FLAGS, WGPEER_F_REMOVE_ME);
		}
	}
	return nl_commit(w->nl, NULL, e);
}

static void read_endpoint(const struct nlattr *a, struct wg_peer *p)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (nl_size(a) == sizeof(v4)) {
		memcpy(&v4, nl_data(a), sizeof(v4));
		p->endpoint.family = AF_INET;
		p->port = ntohs(v4.sin_port);
		memcpy(p->endpoint.bytes, &v4.sin_addr, sizeof(v4.sin_addr));
	} else if (nl_size(a) == sizeof(v6)) {
		memcpy(&v6, nl_data(a), sizeof(v6));
		p->endpoint.family = AF_INET6;
		p->port = ntohs(v6.sin6_port);
		memcpy(p->endpoint.bytes, &v6.sin6_addr, sizeof(v6.sin6_addr));
	}
}

static void read_prefix(const struct nlattr *nest, struct list *prefixes, struct wg_peer *p)
{
	const struct nlattr *a[WGALLOWEDIP_A_CIDR_MASK + 1];
	struct prefix it = { .len = 0 };

	(void)nl_attrs_nested(nest, a, WGALLOWEDIP_A_CIDR_MASK);
	it.len = nl_u8(a[WGALLOWEDIP_A_CIDR_MASK]);
	if (!nl_addr(a[WGALLOWEDIP_A_IPADDR], (uint8_t)nl_u16(a[WGALLOWEDIP_A_FAMILY]), &it.addr) ||
	    it.len > addr_bits(&it.addr))
		return;
	list_add(prefixes, &it);
	p->count += !prefixes->bad;
}

/* One that does not fit into a message goes on in the next, with its key and prefixes alone. */
static struct wg_peer *peer_of(struct list *peers, const uint8_t *key, size_t first)
{
	struct wg_peer p = { .first = first }, *at = peers->at;

	if (at && peers->count && memcmp(at[peers->count - 1].key, key, WG_KEY_LEN) == 0)
		return &at[peers->count - 1];
	memcpy(p.key, key, WG_KEY_LEN);
	list_add(peers, &p);
	at = peers->at;
	return peers->bad ? NULL : &at[peers->count - 1];
}

static void read_peer(const struct nlattr *nest, const struct wg_reading *r)
{
	const struct nlattr *a[WGPEER_A_ALLOWEDIPS + 1], *at = NULL;
	struct wg_peer *p;

	(void)nl_attrs_nested(nest, a, WGPEER_A_ALLOWEDIPS);
	if (nl_size(a[WGPEER_A_PUBLIC_KEY]) != WG_KEY_LEN)
		return;
	p = peer_of(r->peers, nl_data(a[WGPEER_A_PUBLIC_KEY]), r->prefixes->count);
	if (!p)
		return;
	read_endpoint(a[WGPEER_A_ENDPOINT], p);
	if (nl_size(a[WGPEER_A_LAST_HANDSHAKE_TIME]) >= sizeof(p->heard_s))
		memcpy(&p->heard_s, nl_data(a[WGPEER_A_LAST_HANDSHAKE_TIME]), sizeof(p->heard_s));
	while (nl_attr_next(a[WGPEER_A_ALLOWEDIPS], &at))
		read_prefix(at, r->prefixes, p);
}

int wg_read_message(const struct nlmsghdr *h, void *reading)
{
	const struct wg_reading *r = reading;
	const struct nlattr *a[WGDEVICE_A_PEERS + 1], *at = NULL;

	(void)nl_attrs(h, sizeof(struct genlmsghdr), a, WGDEVICE_A_PEERS);
	if (a[WGDEVICE_A_LISTEN_PORT])
		r->device->port = nl_u16(a[WGDEVICE_A_LISTEN_PORT]);
	if (nl_size(a[WGDEVICE_A_PUBLIC_KEY]) == WG_KEY_LEN) {
		r->device->has_key = true;
		memcpy(r->device->public_key, nl_data(a[WGDEVICE_A_PUBLIC_KEY]), WG_KEY_LEN);
	}
	while (nl_attr_next(a[WGDEVICE_A_PEERS], &at))
		read_peer(at, r);
	return 0;
}

static void forget(void *reading)
{
	const struct wg_reading *r = reading;

	*r->device = (struct wg_device){ 0 };
	r->peers->count = r->prefixes->count = 0;
}

int wg_read(struct nl *nl, const char *link, struct wg_device *out, struct list *peers,
	    struct list *prefixes, struct err *e)
{
	struct wg_reading reading = { out, peers, prefixes };
	struct wg_link w;
	int r = wg_open(&w, nl, link, e);

	if (r < 0)
		return r;
	forget(&reading);
	begin(&w, "read WireGuard interface", WG_CMD_GET_DEVICE, NLM_F_DUMP);
	r = nl_dump(nl, wg_read_message, forget, &reading, e);
	if (r == 0)
		r = list_check(peers, "WireGuard peers", e);
	return r < 0 ? r : list_check(prefixes, "WireGuard prefixes", e);
}
