/*
 * firewall: what the pod sends and what is sent to it is forwarded whatever other firewalls of the
 * node drop, and who may begin a connection to it. Chained behind a plugin that gives the pod its
 * addresses. The keys are the reference plugin's; whichever backend they name, it is nftables.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "fw/firewall.h"
#include "fw/isolated.h"
#include "fw/reference.h"
#include "iface/attached.h"
#include "iface/chained.h"
#include "iface/iface.h"
#include "net/link.h"
#include "net/nl.h"

#define ADMIN_CHAIN "CNI-ADMIN"

struct conf {
	const char *backend, *admin_chain, *zone, *policy;
	enum ingress ingress;
};

#define C(member) offsetof(struct conf, member)

static const struct json_field fields[] = {
	{ "ingressPolicy", JSON_STR, C(policy),
	  .help = "open, same-bridge (not from other such bridges), isolated (nor from its own); "
		  "default open" },
	{ "backend", JSON_STR, C(backend),
	  .help = "iptables, firewalld or nftables; all are done by nftables" },
	{ "iptablesAdminChainName", JSON_STR, C(admin_chain),
	  .help = "where iptables has it, it is asked first; default " ADMIN_CHAIN },
	{ "firewalldZone", JSON_STR, C(zone), .help = "read; pods need no zone" },
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

/* "" stands for what is not given. */
static bool is_one_of(const char *s, const char *const *words, size_t count, size_t *out)
{
	*out = 0;
	if (!s || !*s)
		return true;
	while (*out < count && strcmp(s, words[*out]) != 0)
		(*out)++;
	return *out < count;
}

static int check_admin_chain(const char *name, struct err *e)
{
	if (strlen(name) > FIREWALL_CHAIN_MAX)
		return err_set(e, EINVAL,
			       "iptablesAdminChainName: \"%.64s\" is longer than the %d bytes of "
			       "a chain of iptables",
			       name, FIREWALL_CHAIN_MAX);
	for (const char *at = name; *at; at++) {
		if (*at <= ' ' || *at > '~')
			return err_set(e, EINVAL,
				       "iptablesAdminChainName: \"%.64s\" has a character that no "
				       "chain of iptables has",
				       name);
	}
	return 0;
}

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	static const char *const policies[] = { "open", "same-bridge", "isolated" };
	static const char *const backends[] = { "iptables", "firewalld", "nftables" };
	struct conf *c = conf;
	size_t n;
	int r = 0;

	if (!c->admin_chain || !*c->admin_chain)
		c->admin_chain = ADMIN_CHAIN;
	if (cni_takes_away(req))
		return 0;
	if (!is_one_of(c->backend, backends, sizeof(backends) / sizeof(backends[0]), &n))
		r = err_set(e, EINVAL,
			    "backend: \"%.32s\" is none of iptables, firewalld, nftables",
			    c->backend);
	if (!is_one_of(c->policy, policies, sizeof(policies) / sizeof(policies[0]), &n))
		r = err_set(e, EINVAL,
			    "ingressPolicy: \"%.32s\" is none of open, same-bridge, isolated",
			    c->policy);
	c->ingress = (enum ingress)n;
	if (r == 0)
		r = check_admin_chain(c->admin_chain, e);
	return err_code(e, r, CNI_ERR_CONFIG);
}

/* ---- what prevResult says of the pod ---- */

struct pod_place {
	struct firewall_want want;
	char host_end[IF_NAMESIZE]; /* a port of the bridge; "": there is none */
};

static bool is_of_host(const struct cni_iface *f)
{
	return !f->sandbox || !*f->sandbox;
}

/* The bridge is the first, as the reference's bridge plugin says it. */
static int find_bridge(const struct cni_result *prev, const struct conf *c, struct pod_place *out,
		       struct err *e)
{
	if (prev->iface_count && is_of_host(&prev->ifaces[0]) &&
	    str_copy(out->want.bridge, IF_NAMESIZE, prev->ifaces[0].name) && *out->want.bridge)
		return 0;
	return err_code(e,
			err_set(e, EINVAL,
				"ingressPolicy: \"%s\" needs a bridge: prevResult.interfaces[0] "
				"is none of the host; firewall stands behind the bridge plugin",
				c->policy),
			CNI_ERR_CONFIG);
}

static int find_host_end(const struct cni_result *prev, struct pod_place *out, struct err *e)
{
	char buf[4096];
	struct link port, bridge = { 0 };
	struct nl nl;
	int r = nl_open(&nl, NETLINK_ROUTE, buf, sizeof(buf), e);

	if (r < 0)
		return r;
	r = link_find(&nl, out->want.bridge, &bridge, e);
	for (size_t i = 1; r > 0 && !out->host_end[0] && i < prev->iface_count; i++) {
		if (!is_of_host(&prev->ifaces[i]))
			continue;
		r = fw_find_host_end(prev->ifaces[i].name, &port, e);
		if (r > 0 && port.bridge_port && port.master == bridge.index)
			str_copy(out->host_end, IF_NAMESIZE, port.name);
		r = r < 0 ? r : 1;
	}
	nl_close(&nl);
	return r < 0 ? r : 0;
}

static int find_place(const struct conf *c, const struct cni_result *prev, struct pod_place *out,
		      struct err *e)
{
	int r;

	*out = (struct pod_place){
		.want = { .prev = prev, .ingress = c->ingress, .admin_chain = c->admin_chain }
	};
	if (c->ingress == INGRESS_OPEN)
		return 0;
	r = find_bridge(prev, c, out, e);
	if (r == 0 && c->ingress == INGRESS_ISOLATED)
		r = find_host_end(prev, out, e);
	return r;
}

/* ---- the operations ---- */

static void undo(void *ctx)
{
	const struct cni_request *req = ctx;
	struct err e = { 0 };

	if (fw_forget(&firewall, &req->at, false, &e) < 0 ||
	    fw_forget(&isolated, &req->at, false, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct cni_request own; /* for the undo */
	char name[IF_NAMESIZE];
	const struct fw_owner owner = {
		.at = &req->at,
		.data_dir = "",
		.host_end = iface_prev_has(out, attachment_host_name(&req->at, name)),
	};
	struct pod_place place = { 0 };
	int r = err_code(e, chained_require(req, e), CNI_ERR_CONFIG);

	if (r == 0)
		r = find_place(conf, out, &place, e);
	if (r < 0)
		return r;
	own = *req;
	undo_push(u, undo, &own);
	r = firewall_add(&owner, &place.want, e);
	if (r == 0 && place.host_end[0])
		r = isolated_add(&owner, place.host_end, e);
	return r;
}

/* What the reference's plugin made, before this one took its place: it goes by addresses. */
static int forget_reference(const struct cni_request *req, struct err *e)
{
	static struct cni_result prev;
	struct addr pod[CNI_IPS_MAX];
	size_t count = 0;

	if (!req->prev_result.text ||
	    cni_result_read(req->arena, req->prev_result, "prevResult", &prev, err_ignored()) < 0)
		return 0;
	for (size_t i = 0; i < prev.ip_count; i++) {
		if (firewall_counts(&prev, &prev.ips[i]))
			pod[count++] = prev.ips[i].address.addr;
	}
	return reference_forget_accepts(pod, count, e);
}

/* Also by comments: a record may have been lost. */
static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	const struct conf *c = conf;
	bool apart = c->policy && strcmp(c->policy, "isolated") == 0;
	int r = fw_forget(&firewall, &req->at, true, e),
	    second = fw_forget(&isolated, &req->at, apart, e), third = forget_reference(req, e);

	return r < 0 ? r : second < 0 ? second : third;
}

/* 1: the reference's plugin has attached the pod, and accepts what it sends and is sent. */
static int check_reference(const struct cni_result *prev, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < prev->ip_count; i++) {
		if (!firewall_counts(prev, &prev->ips[i]))
			continue;
		r = reference_has_accepts(&prev->ips[i].address.addr, e);
		if (r == 0)
			return 0;
	}
	return r;
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	struct err mine = { 0 };
	struct pod_place place;
	int r = find_place(conf, prev, &place, e), has;

	(void)req;
	if (r < 0)
		return r;
	r = firewall_check(&place.want, &mine);
	if (r == 0 && place.host_end[0])
		r = isolated_check(place.host_end, &mine);
	if (r == 0)
		return 0;
	has = mine.code == CNI_ERR_DIFFERS ? check_reference(prev, e) : 0;
	return has ? (has < 0 ? has : 0) : err_take(e, &mine);
}

static int gc(const struct cni_request *req, const void *conf, struct err *e)
{
	int r = fw_gc(&firewall, req, "", &attached, e),
	    second = fw_gc(&isolated, req, "", &attached, e);

	(void)conf;
	return r < 0 ? r : second;
}

static int status(const struct cni_request *req, const void *conf, struct err *e)
{
	int r = err_code(e, fw_status(e), CNI_ERR_NOT_AVAILABLE);

	(void)req;
	(void)conf;
	if (r == 0)
		r = firewall_status(e);
	return err_code(e, r, CNI_ERR_LIMITED);
}

const struct cni_plugin firewall_plugin = {
	.name = "firewall",
	.summary = "what the container sends and gets is forwarded, whatever other firewalls drop",
	.keys = &keys,
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};
