/* Whether the pod has exactly what a result says, and the result what the configuration asks for.
 */
#include "property.h"

#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

struct judge {
	const struct attachment *a;
	const struct answer *r;
	const struct kernel *pod, *host;
	const struct link_seen *link; /* the pod's interface */
	complain_fn *complain;
	bool shadowed; /* out: a route of the result is another interface's */
};

/* Results have interfaces since 0.3.0, and MTUs since 1.1.0. */
static bool has_ifaces(const struct judge *j)
{
	return version_number(j->a) >= 30;
}

static void judge_iface(const struct judge *j, char kind, const struct answer_iface *f)
{
	const struct kernel *where = kind == 'p' ? j->pod : j->host;
	const struct link_seen *l = kernel_link(where, f->name);
	const char *sandbox = kind == 'p' ? "/run/netns/" : "";

	if (!l) {
		j->complain(j->a, "iface-missing", "there is no %s", f->name);
		return;
	}
	if (strncmp(f->sandbox, sandbox, strlen(sandbox)) != 0 || (*f->sandbox && !*sandbox) ||
	    strcmp(f->sandbox + strlen(sandbox), kind == 'p' ? j->a->pod : "") != 0)
		j->complain(j->a, "iface-sandbox", "%s is said to be in \"%s\"", f->name,
			    f->sandbox);
	if (strcmp(l->mac, f->mac) != 0 && !(kind == 'p' && strcmp(l->name, "lo") == 0))
		j->complain(j->a, "iface-mac", "%s has the MAC %s, the result says \"%s\"", f->name,
			    l->mac, f->mac);
	if (version_number(j->a) >= 110 && f->mtu != l->mtu &&
	    !(f->mtu < 0 && strcmp(l->name, "lo") == 0))
		j->complain(j->a, "iface-mtu", "%s has the MTU %u, the result says %lld", f->name,
			    l->mtu, (long long)f->mtu);
	if (l->up == (kind == 'p' && config_down(j->a)))
		j->complain(j->a, "iface-down", "%s is %s", f->name, l->up ? "up" : "down");
}

static void judge_pair(const struct judge *j, const char *links)
{
	const char *h = strchr(links, 'h'), *b = strchr(links, 'b');
	const struct link_seen *host, *bridge;

	if (!h)
		return;
	host = kernel_link(j->host, j->r->ifaces[h - links].name);
	if (host && host->peer != j->link->index)
		j->complain(j->a, "iface-peer", "%s is not the other end of %s", host->name,
			    j->link->name);
	bridge = b ? kernel_link(j->host, j->r->ifaces[b - links].name) : NULL;
	if (host && bridge && host->master != bridge->index)
		j->complain(j->a, "iface-master", "%s is not in %s", host->name, bridge->name);
}

static void judge_ifaces(const struct judge *j)
{
	char links[8];

	config_links(j->a, links);
	if (!has_ifaces(j))
		return;
	if (j->r->iface_count != strlen(links)) {
		j->complain(j->a, "iface-count", "%u interfaces instead of %zu", j->r->iface_count,
			    strlen(links));
		return;
	}
	for (size_t i = 0; i < strlen(links); i++) {
		const struct answer_iface *f = &j->r->ifaces[i];
		char bridge[16], gateway[16];

		judge_iface(j, links[i], f);
		config_bridge(j->a, bridge);
		config_gateway(j->a, gateway);
		if ((links[i] == 'b' && strcmp(f->name, bridge) != 0) ||
		    (links[i] == 'g' && strcmp(f->name, gateway) != 0) ||
		    (links[i] == 'p' && strcmp(f->name, j->a->ifname) != 0))
			j->complain(j->a, "iface-name", "interface %zu is %s", i, f->name);
	}
	judge_pair(j, links);
}

static bool on_link(const struct judge *j, const struct ip *ip)
{
	for (unsigned int i = 0; i < j->pod->addr_count; i++)
		if (j->pod->addrs[i].index == j->link->index && ip_equal(&j->pod->addrs[i].ip, ip))
			return true;
	return false;
}

static bool in_result(const struct judge *j, const struct ip *ip)
{
	for (unsigned int i = 0; i < j->r->ip_count; i++)
		if (ip_equal(&j->r->ips[i].address, ip))
			return true;
	return false;
}

static void judge_addresses(const struct judge *j)
{
	const char *links = tried_of(j->a)->links;

	for (unsigned int i = 0; i < j->r->ip_count; i++) {
		if (!on_link(j, &j->r->ips[i].address))
			j->complain(j->a, "address-missing", "the pod does not have %s",
				    ip_text(&j->r->ips[i].address));
		if (has_ifaces(j) && j->r->ips[i].iface != strchr(links, 'p') - links)
			j->complain(j->a, "address-interface", "%s is on interface %lld",
				    ip_text(&j->r->ips[i].address), (long long)j->r->ips[i].iface);
	}
	for (unsigned int i = 0; i < j->pod->addr_count; i++)
		if (j->pod->addrs[i].index == j->link->index && !in_result(j, &j->pod->addrs[i].ip))
			j->complain(j->a, "address-extra", "the result does not have %s",
				    ip_text(&j->pod->addrs[i].ip));
}

static void ip_mask(struct ip *ip)
{
	for (unsigned int i = ip->len; i < 128; i++)
		ip->bytes[i / 8] &= (uint8_t)(0xff7f >> i % 8);
}

/* The route of a result as the kernel must have it; -1: the result does not say it. */
static struct route expected(const struct judge *j, const struct route *said)
{
	bool v6 = said->dst.family == AF_INET6;
	struct route r = *said;

	ip_mask(&r.dst);
	for (unsigned int i = 0; !r.gw.family && r.scope != RT_SCOPE_LINK && i < j->r->ip_count;
	     i++)
		if (j->r->ips[i].gateway.family == r.dst.family)
			r.gw = j->r->ips[i].gateway;
	if (r.table <= 0)
		r.table = RT_TABLE_MAIN;
	if (r.priority <= 0)
		r.priority = v6 ? 1024 : 0;
	if (v6)
		r.scope = RT_SCOPE_UNIVERSE;
	else if (r.scope < 0)
		r.scope = r.gw.family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	return r;
}

/* Of several routes of the interface to one destination, that of the table. */
static const struct route *find_route(const struct judge *j, const struct route *want)
{
	const struct route *found = NULL;

	for (unsigned int i = 0; i < j->pod->route_count; i++) {
		const struct route *r = &j->pod->routes[i];

		if (r->index == j->link->index && ip_equal(&r->dst, &want->dst) &&
		    (!found || r->table == want->table))
			found = r;
	}
	return found;
}

static bool is_shadowed(const struct judge *j, const struct route *want)
{
	for (unsigned int i = 0; i < j->pod->route_count; i++) {
		const struct route *r = &j->pod->routes[i];

		if (r->index != j->link->index && ip_equal(&r->dst, &want->dst) &&
		    r->table == want->table && r->priority == want->priority)
			return true;
	}
	return false;
}

static void judge_number(const struct judge *j, const struct route *r, const char *class,
			 int64_t has, int64_t said)
{
	if (has != said)
		j->complain(j->a, class, "the route to %s has %lld, the result says %lld",
			    ip_text(&r->dst), (long long)has, (long long)said);
}

/* A route that another interface of the pod has had before is not set again: the first wins. */
static void judge_route(struct judge *j, const struct route *said)
{
	struct route want = expected(j, said);
	const struct route *has = find_route(j, &want);

	if (!has && is_shadowed(j, &want)) {
		j->shadowed = true;
		return;
	}
	if (!has) {
		j->complain(j->a, "route-missing", "the pod does not have a route to %s",
			    ip_text(&want.dst));
		return;
	}
	if (version_number(j->a) < 30)
		return;
	if (!ip_equal(&has->gw, &want.gw))
		j->complain(j->a, "route-gw", "the route to %s goes by %s, the result says %s",
			    ip_text(&has->dst), ip_text(&has->gw), ip_text(&want.gw));
	judge_number(j, has, "route-mtu", has->mtu, want.mtu);
	judge_number(j, has, "route-advmss", has->advmss, want.advmss);
	judge_number(j, has, "route-priority", has->priority, want.priority);
	judge_number(j, has, "route-table", has->table, want.table);
	judge_number(j, has, "route-scope", has->scope, want.scope);
}

static bool is_own_route(const struct judge *j, const struct ip *dst)
{
	bool own = false;

	for (unsigned int i = 0; tried_of(j->a)->has & OWN_ROUTES && i < j->r->ip_count; i++) {
		struct ip subnet = j->r->ips[i].address;

		ip_mask(&subnet);
		own = own || ip_equal(&subnet, dst) || ip_equal(&j->r->ips[i].gateway, dst);
	}
	return own;
}

static void judge_routes(struct judge *j)
{
	for (unsigned int i = 0; i < j->r->route_count; i++)
		judge_route(j, &j->r->routes[i]);
	for (unsigned int i = 0; i < j->pod->route_count; i++) {
		const struct route *has = &j->pod->routes[i];
		bool said = false;

		for (unsigned int k = 0; k < j->r->route_count; k++) {
			struct route want = expected(j, &j->r->routes[k]);

			said = said || ip_equal(&want.dst, &has->dst);
		}
		if (has->index == j->link->index && !said && !is_own_route(j, &has->dst))
			j->complain(j->a, "route-extra", "the result does not have the route to %s",
				    ip_text(&has->dst));
	}
}

static bool has_default(const struct judge *j, int family)
{
	for (unsigned int i = 0; i < j->r->route_count; i++)
		if (j->r->routes[i].dst.family == family && j->r->routes[i].dst.len == 0)
			return true;
	return false;
}

/* Against the configuration, so that a result that says too little is not believed. */
static void judge_wishes(const struct judge *j)
{
	const struct tried *s = tried_of(j->a);
	bool gateway = s->has & GATEWAY_ALWAYS ||
		       (s->has & HAS_BRIDGE && j->a->knob[GATEWAY] == GW_DEFAULT);

	if ((s->has & HAS_ARGS && j->a->knob[MAC] > 1) || (s->has & HAS_MAC && j->a->knob[MAC]))
		if (strcmp(j->link->mac, config_mac) != 0)
			j->complain(j->a, "wish-mac", "the pod's MAC is %s", j->link->mac);
	if (config_mtu(j->a) && j->link->mtu != config_mtu(j->a))
		j->complain(j->a, "wish-mtu", "the pod's MTU is %u", j->link->mtu);
	for (unsigned int i = 0; gateway && i < j->r->ip_count; i++)
		if (!has_default(j, j->r->ips[i].address.family))
			j->complain(j->a, "wish-default", "there is no default route by %s",
				    ip_text(&j->r->ips[i].gateway));
	if (s->has & HAS_IPAM && j->a->knob[IPAM] != IPAM_NONE && j->r->ip_count == 0)
		j->complain(j->a, "wish-address", "no address");
	if (s->has & HAS_IPAM && has_ifaces(j) && j->r->route_count < config_routes(j->a))
		j->complain(j->a, "wish-route", "%u routes instead of %u", j->r->route_count,
			    j->a->knob[ROUTE]);
}

/* A pod with IPv6 talks to itself by ::1. */
static void judge_loopback(const struct judge *j)
{
	const struct link_seen *lo = kernel_link(j->pod, "lo");
	struct ip own;
	bool wanted = false, found = false;

	ip_parse("::1/128", &own);
	for (unsigned int i = 0; i < j->r->ip_count; i++)
		wanted = wanted || j->r->ips[i].address.family == AF_INET6;
	for (unsigned int i = 0; i < j->pod->addr_count; i++)
		found = found || (j->pod->addrs[i].index == lo->index &&
				  ip_equal(&j->pod->addrs[i].ip, &own));
	if (wanted && !found)
		j->complain(j->a, "loopback-ipv6", "the pod has IPv6, and lo has no ::1");
}

bool judge_attachment(const struct attachment *a, const struct answer *r, const struct kernel *pod,
		      const struct kernel *host, complain_fn *complain)
{
	struct judge j = { a, r, pod, host, kernel_link(pod, a->ifname), complain, false };

	if (strcmp(r->version, version_of(a)) != 0)
		complain(a, "version", "the result's version is %s", r->version);
	if (!j.link) {
		complain(a, "iface-missing", "the pod has no %s", a->ifname);
		return false;
	}
	judge_ifaces(&j);
	judge_addresses(&j);
	judge_routes(&j);
	judge_wishes(&j);
	judge_loopback(&j);
	return j.shadowed;
}
