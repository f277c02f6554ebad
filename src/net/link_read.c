/* Links: finding and listing them, and MAC addresses as text. */
#include "net/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/text.h"
#include "net/await.h"
#include "net/nl.h"

#define RTEXT_SKIP_STATS (1 << 3) /* RTEXT_FILTER_SKIP_STATS, since 4.4: counters nobody reads */

static void read_bridge(const struct nlattr *data, struct link *l)
{
	const struct nlattr *a[IFLA_BR_VLAN_DEFAULT_PVID + 1];
	struct ifla_bridge_id id;

	(void)nl_attrs_nested(data, a, IFLA_BR_VLAN_DEFAULT_PVID);
	l->vlan_filtering = nl_u8(a[IFLA_BR_VLAN_FILTERING]) != 0;
	l->default_vlan = nl_u16(a[IFLA_BR_VLAN_DEFAULT_PVID]);
	if (nl_size(a[IFLA_BR_BRIDGE_ID]) < sizeof(id))
		return;
	memcpy(&id, nl_data(a[IFLA_BR_BRIDGE_ID]), sizeof(id));
	memcpy(l->bridge_id, id.addr, sizeof(l->bridge_id));
}

static void read_macvlan(const struct nlattr *data, struct link *l)
{
	const struct nlattr *a[IFLA_MACVLAN_MODE + 1];

	(void)nl_attrs_nested(data, a, IFLA_MACVLAN_MODE);
	l->mode = nl_u32(a[IFLA_MACVLAN_MODE]);
}

static void read_ipvlan(const struct nlattr *data, struct link *l)
{
	const struct nlattr *a[IFLA_IPVLAN_MODE + 1];

	(void)nl_attrs_nested(data, a, IFLA_IPVLAN_MODE);
	l->mode = nl_u16(a[IFLA_IPVLAN_MODE]);
}

static void read_vlan(const struct nlattr *data, struct link *l)
{
	const struct nlattr *a[IFLA_VLAN_ID + 1];

	(void)nl_attrs_nested(data, a, IFLA_VLAN_ID);
	l->vlan_id = nl_u16(a[IFLA_VLAN_ID]);
}

static void read_vxlan(const struct nlattr *data, struct link *l)
{
	const struct nlattr *a[IFLA_VXLAN_LOCAL6 + 1];
	struct link_vxlan *v = &l->vxlan;

	(void)nl_attrs_nested(data, a, IFLA_VXLAN_LOCAL6);
	v->vni = nl_u32(a[IFLA_VXLAN_ID]);
	v->port = ntohs(nl_u16(a[IFLA_VXLAN_PORT]));
	v->learning = nl_u8(a[IFLA_VXLAN_LEARNING]) != 0;
	if (a[IFLA_VXLAN_LOCAL6])
		(void)nl_addr(a[IFLA_VXLAN_LOCAL6], AF_INET6, &v->local);
	else
		(void)nl_addr(a[IFLA_VXLAN_LOCAL], AF_INET, &v->local);
}

static void read_vrf(const struct nlattr *data, struct link *l)
{
	const struct nlattr *a[IFLA_VRF_TABLE + 1];

	(void)nl_attrs_nested(data, a, IFLA_VRF_TABLE);
	l->vrf_table = nl_u32(a[IFLA_VRF_TABLE]);
}

static void read_tun(const struct nlattr *data, struct link *l)
{
	const struct nlattr *a[IFLA_TUN_MULTI_QUEUE + 1];

	(void)nl_attrs_nested(data, a, IFLA_TUN_MULTI_QUEUE);
	l->tap.is_tap = nl_u8(a[IFLA_TUN_TYPE]) == IFF_TAP;
	l->tap.persistent = nl_u8(a[IFLA_TUN_PERSIST]) != 0;
	l->tap.multi_queue = nl_u8(a[IFLA_TUN_MULTI_QUEUE]) != 0;
	l->tap.owner = a[IFLA_TUN_OWNER] ? nl_u32(a[IFLA_TUN_OWNER]) : UINT32_MAX;
	l->tap.group = a[IFLA_TUN_GROUP] ? nl_u32(a[IFLA_TUN_GROUP]) : UINT32_MAX;
}

static const struct {
	const char *kind;
	void (*read)(const struct nlattr *data, struct link *l);
} readers[] = {
	{ "bridge", read_bridge }, { "macvlan", read_macvlan }, { "ipvlan", read_ipvlan },
	{ "vlan", read_vlan },	   { "vxlan", read_vxlan },	{ "vrf", read_vrf },
	{ "tun", read_tun },
};

static void read_kind(const struct nlattr *info, struct link *l)
{
	const struct nlattr *a[IFLA_INFO_SLAVE_DATA + 1], *port[IFLA_BRPORT_ISOLATED + 1];
	char master_kind[16];

	(void)nl_attrs_nested(info, a, IFLA_INFO_SLAVE_DATA);
	(void)nl_str(a[IFLA_INFO_KIND], l->kind, sizeof(l->kind));
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (strcmp(l->kind, readers[i].kind) == 0)
			readers[i].read(a[IFLA_INFO_DATA], l);
	}
	if (!nl_str(a[IFLA_INFO_SLAVE_KIND], master_kind, sizeof(master_kind)) ||
	    strcmp(master_kind, "bridge") != 0)
		return;
	l->bridge_port = true;
	(void)nl_attrs_nested(a[IFLA_INFO_SLAVE_DATA], port, IFLA_BRPORT_ISOLATED);
	l->hairpin = nl_u8(port[IFLA_BRPORT_MODE]) != 0;
	l->isolated = nl_u8(port[IFLA_BRPORT_ISOLATED]) != 0;
	l->port_state = nl_u8(port[IFLA_BRPORT_STATE]);
}

/* 0 where the kernel's list is shorter. */
static int32_t conf_value(const struct nlattr *conf, size_t which)
{
	int32_t v = 0;

	if (nl_size(conf) >= (which + 1) * sizeof(v))
		memcpy(&v, (const char *)nl_data(conf) + which * sizeof(v), sizeof(v));
	return v;
}

/* Of IPv4 the values are numbered from 1, and their list has no value 0. */
static bool lacks_forwarding(const struct nlattr *families)
{
	const struct nlattr *family[AF_INET + 1], *a[IFLA_INET_CONF + 1];

	(void)nl_attrs_nested(families, family, AF_INET);
	(void)nl_attrs_nested(family[AF_INET], a, IFLA_INET_CONF);
	return a[IFLA_INET_CONF] && conf_value(a[IFLA_INET_CONF], IPV4_DEVCONF_FORWARDING - 1) == 0;
}

static void read_ipv6(const struct nlattr *families, struct link_ipv6 *out)
{
	const struct nlattr *family[AF_INET6 + 1], *a[IFLA_INET6_CONF + 1];

	(void)nl_attrs_nested(families, family, AF_INET6);
	(void)nl_attrs_nested(family[AF_INET6], a, IFLA_INET6_CONF);
	out->known = a[IFLA_INET6_CONF] != NULL;
	out->disabled = conf_value(a[IFLA_INET6_CONF], DEVCONF_DISABLE_IPV6) != 0;
	out->forwarding = conf_value(a[IFLA_INET6_CONF], DEVCONF_FORWARDING) != 0;
	out->autoconf = conf_value(a[IFLA_INET6_CONF], DEVCONF_AUTOCONF) != 0;
	out->accept_redirects = conf_value(a[IFLA_INET6_CONF], DEVCONF_ACCEPT_REDIRECTS) != 0;
	out->accept_ra = (uint8_t)conf_value(a[IFLA_INET6_CONF], DEVCONF_ACCEPT_RA);
}

static void read_hardware(const struct nlattr *const *a, struct link *l)
{
	char bus[16], name[32];

	if (nl_size(a[IFLA_PERM_ADDRESS]) == sizeof(l->permanent_mac))
		memcpy(l->permanent_mac, nl_data(a[IFLA_PERM_ADDRESS]), sizeof(l->permanent_mac));
	if (nl_str(a[IFLA_PARENT_DEV_BUS_NAME], bus, sizeof(bus)) &&
	    nl_str(a[IFLA_PARENT_DEV_NAME], name, sizeof(name)))
		snprintf(l->bus, sizeof(l->bus), "%s/%s", bus, name);
}

/*
 * False when the message is no link of ours to report: other families (bridge ports) use the same
 * message type.
 */
static bool read_link(const struct nlmsghdr *h, struct link *l)
{
	const struct nlattr *a[IFLA_PARENT_DEV_BUS_NAME + 1];
	struct ifinfomsg m;

	memset(l, 0, sizeof(*l));
	if (h->nlmsg_type != RTM_NEWLINK || !nl_attrs(h, sizeof(m), a, IFLA_PARENT_DEV_BUS_NAME))
		return false;
	memcpy(&m, h + 1, sizeof(m));
	l->index = m.ifi_index;
	l->up = (m.ifi_flags & IFF_UP) != 0;
	l->loopback = (m.ifi_flags & IFF_LOOPBACK) != 0;
	l->promisc = (m.ifi_flags & IFF_PROMISC) != 0;
	l->allmulti = (m.ifi_flags & IFF_ALLMULTI) != 0;
	l->tx_queue = nl_u32(a[IFLA_TXQLEN]);
	(void)nl_str(a[IFLA_IFNAME], l->name, sizeof(l->name));
	(void)nl_str(a[IFLA_IFALIAS], l->alias, sizeof(l->alias));
	l->has_mac = nl_size(a[IFLA_ADDRESS]) == sizeof(l->mac);
	if (l->has_mac)
		memcpy(l->mac, nl_data(a[IFLA_ADDRESS]), sizeof(l->mac));
	l->mtu = nl_u32(a[IFLA_MTU]);
	l->group = nl_u32(a[IFLA_GROUP]);
	l->master = (int)nl_u32(a[IFLA_MASTER]);
	l->peer = (int)nl_u32(a[IFLA_LINK]);
	l->peer_elsewhere = a[IFLA_LINK_NETNSID] != NULL;
	l->ready = nl_u8(a[IFLA_OPERSTATE]) == IF_OPER_UP;
	l->peer_ns = l->peer_elsewhere ? (int)nl_u32(a[IFLA_LINK_NETNSID]) : -1;
	read_hardware(a, l);
	read_kind(a[IFLA_LINKINFO], l);
	l->no_forwarding = lacks_forwarding(a[IFLA_AF_SPEC]);
	read_ipv6(a[IFLA_AF_SPEC], &l->ipv6);
	return m.ifi_family == AF_UNSPEC && l->index > 0;
}

struct find {
	struct link *out;
	bool found;
};

static int find_answer(const struct nlmsghdr *h, void *arg)
{
	struct find *f = arg;

	f->found = read_link(h, f->out);
	return 0;
}

/* "There is none" is an answer and leaves no error behind. */
static int find_commit(struct nl *nl, struct link *out, struct err *e)
{
	struct find f = { .out = out };
	struct err mine = { 0 };
	int r = nl_dump(nl, find_answer, NULL, &f, &mine);

	if (r == -ENODEV)
		return 0;
	return r < 0 ? err_set(e, -r, "%s", mine.text) : f.found;
}

int link_find(struct nl *nl, const char *name, struct link *out, struct err *e)
{
	static const struct ifinfomsg any = { .ifi_family = AF_UNSPEC };

	nl_request(nl, "find link", RTM_GETLINK, 0, &any, sizeof(any));
	nl_put_str(nl, IFLA_IFNAME, name);
	nl_put_u32(nl, IFLA_EXT_MASK, RTEXT_SKIP_STATS);
	return err_ctx(e, find_commit(nl, out, e), "%s", name);
}

int link_find_index(struct nl *nl, int index, struct link *out, struct err *e)
{
	struct ifinfomsg m = { .ifi_index = index };

	nl_request(nl, "find link", RTM_GETLINK, 0, &m, sizeof(m));
	nl_put_u32(nl, IFLA_EXT_MASK, RTEXT_SKIP_STATS);
	return err_ctx(e, find_commit(nl, out, e), "link %d", index);
}

#define READY_TIMEOUT_MS 10000 /* for a machine that does nothing else; never met */

struct awaited {
	struct nl *nl;
	const char *name;
	struct link *out;
};

static int is_ready(void *arg, struct err *e)
{
	const struct awaited *w = arg;
	int r = link_find(w->nl, w->name, w->out, e);

	if (r == 0)
		return err_set(e, ENODEV, "link %s has vanished", w->name);
	if (r < 0)
		return r;
	return w->out->ready && (!w->out->bridge_port || w->out->port_state != BR_STATE_DISABLED);
}

int link_await(struct nl *nl, const char *name, struct link *out, struct err *e)
{
	struct awaited w = { nl, name, out };
	const struct await a = {
		.group = RTNLGRP_LINK,
		.ns = -1,
		.home = -1,
		.timeout_ms = READY_TIMEOUT_MS,
		.holds = is_ready,
		.arg = &w,
	};
	int r = await_state(&a, e);

	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "link %s does not become operational%s", name,
			       out->bridge_port ? " in its bridge" : "");
	return r;
}

struct each {
	const char *kind;
	link_fn *fn;
	void *arg;
};

static int each_answer(const struct nlmsghdr *h, void *arg)
{
	const struct each *each = arg;
	struct link l;

	if (!read_link(h, &l) || (each->kind && strcmp(l.kind, each->kind) != 0))
		return 0;
	return each->fn(&l, each->arg);
}

static void each_request(struct nl *nl, const char *what, const char *kind)
{
	static const struct ifinfomsg any = { .ifi_family = AF_UNSPEC };

	nl_request(nl, what, RTM_GETLINK, NLM_F_DUMP, &any, sizeof(any));
	nl_put_u32(nl, IFLA_EXT_MASK, RTEXT_SKIP_STATS);
	if (kind) {
		/*
		 * The kernel filters only by kinds whose driver is loaded; each_answer() filters in
		 * any case.
		 */
		nl_nest (nl, IFLA_LINKINFO)
			nl_put_str(nl, IFLA_INFO_KIND, kind);
	}
}

int link_each(struct nl *nl, const char *kind, link_fn *fn, void *arg, struct err *e)
{
	struct each each = { .kind = kind, .fn = fn, .arg = arg };

	each_request(nl, "list links", kind);
	return nl_dump(nl, each_answer, NULL, &each, e);
}

int link_each_seen(struct nl *nl, const char *kind, link_fn *fn, void *arg, struct err *e)
{
	struct each each = { .kind = kind, .fn = fn, .arg = arg };

	each_request(nl, "list links", kind);
	return nl_dump_seen(nl, each_answer, &each, e);
}

struct alias_search {
	const char *alias;
	struct link *out;
	bool found;
};

static int match_alias(const struct link *l, void *arg)
{
	struct alias_search *s = arg;

	if (strcmp(l->alias, s->alias) == 0) {
		*s->out = *l;
		s->found = true;
	}
	return 0;
}

int link_find_alias(struct nl *nl, const char *kind, const char *alias, struct link *out,
		    struct err *e)
{
	struct alias_search s = { .alias = alias, .out = out };
	int r = link_each(nl, kind, match_alias, &s, e);

	return r < 0 ? r : s.found;
}

int link_each_in(struct nl *nl, int ns_id, link_fn *fn, void *arg, struct err *e)
{
	struct each each = { .fn = fn, .arg = arg };

	each_request(nl, "list links elsewhere", NULL);
	nl_put_u32(nl, IFLA_TARGET_NETNSID, (uint32_t)ns_id);
	return nl_dump_seen(nl, each_answer, &each, e);
}

/* The time in nanoseconds and the process, spread over all bits (by the golden ratio). */
static void mac_by_clock(uint8_t mac[static 6])
{
	struct timespec now = { 0 };
	uint64_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	n = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + ((uint64_t)getpid() << 40);
	n *= 0x9e3779b97f4a7c15;
	n ^= n >> 32;
	memcpy(mac, &n, 6);
}

void mac_random(uint8_t mac[static 6])
{
	/*
	 * Unique is enough: GRND_INSECURE (5.6) does not wait for entropy, which small machines
	 * lack after boot. A filter on system calls may refuse both.
	 */
	if (getrandom(mac, 6, GRND_INSECURE) != 6 && getrandom(mac, 6, 0) != 6)
		mac_by_clock(mac);
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
}

const char *mac_format(const uint8_t mac[static 6], char out[static MAC_TEXT])
{
	snprintf(out, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return out;
}

bool mac_parse(const char *s, uint8_t out[static 6])
{
	uint8_t mac[6];

	for (unsigned int i = 0; i < 6; i++, s += 3) {
		int high = hex_digit(s[0]);
		int low = high < 0 ? -1 : hex_digit(s[1]);

		if (low < 0 || s[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(out, mac, sizeof(mac));
	return true;
}
