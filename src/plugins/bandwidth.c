/*
 * bandwidth: limits what a pod receives and sends, behind the plugin that made its veth. The keys
 * are the reference plugin's.
 *
 * What the pod receives leaves by the host's end and goes through a bucket there. What it sends
 * comes in by the host's end, where nothing can wait: it is led through an ifb, which has the other
 * bucket. Both buckets go with their links.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "iface/chained.h"
#include "iface/iface.h"
#include "iface/ifb.h"
#include "net/qdisc.h"

#define SUBNETS_MAX 64
#define UNSHAPED 1  /* classes; the reference's numbers */
#define SHAPED 0x30 /* */
#define UNSHAPED_RATE (100000000000u / 8)

/* As in the configuration and in runtimeConfig.bandwidth; rates and bursts in bits, -1: no key. */
struct limits {
	int64_t in_rate, in_burst, out_rate, out_burst;
	struct json_list unshaped, shaped; /* of struct prefix */
};

struct conf {
	struct limits limits;
	struct tc_limit in, out; /* rate 0: none */
};

static const struct json_field prefix_elem = { .kind = JSON_PREFIX };

static const struct json_field fields[] = {
	{ "ingressRate", JSON_INT, offsetof(struct limits, in_rate), .min = 0, .max = INT64_MAX,
	  .help = "bits in a second that the pod receives; 0: no limit" },
	{ "ingressBurst", JSON_INT, offsetof(struct limits, in_burst), .min = 0, .max = INT64_MAX,
	  .help = "bits at once; with ingressRate" },
	{ "egressRate", JSON_INT, offsetof(struct limits, out_rate), .min = 0, .max = INT64_MAX,
	  .help = "bits in a second that the pod sends; 0: no limit" },
	{ "egressBurst", JSON_INT, offsetof(struct limits, out_burst), .min = 0, .max = INT64_MAX,
	  .help = "bits at once; with egressRate" },
	{ "unshapedSubnets", JSON_LIST, offsetof(struct limits, unshaped), .elem = &prefix_elem,
	  .elem_size = sizeof(struct prefix), .help = "no limit to and from these" },
	{ "shapedSubnets", JSON_LIST, offsetof(struct limits, shaped), .elem = &prefix_elem,
	  .elem_size = sizeof(struct prefix), .help = "the limits to and from these alone" },
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

struct runtime {
	struct limits limits;
};

static const struct json_field runtime_fields[] = {
	{ "bandwidth", JSON_OBJECT, offsetof(struct runtime, limits), .table = &keys },
};
static const struct json_table runtime_keys = { .fields = runtime_fields, .count = 1 };

static void clear(struct limits *l)
{
	*l = (struct limits){ -1, -1, -1, -1, { 0 }, { 0 } };
}

static void defaults(void *conf)
{
	struct conf *c = conf;

	clear(&c->limits);
}

static bool says_nothing(const struct limits *l)
{
	return l->in_rate < 0 && l->in_burst < 0 && l->out_rate < 0 && l->out_burst < 0 &&
	       !l->unshaped.items && !l->shaped.items;
}

/* The kernel counts in bytes, the burst in 32 bits. */
static int take_limit(int64_t rate, int64_t burst, const char *way, struct tc_limit *out,
		      struct err *e)
{
	rate = rate < 0 ? 0 : rate;
	burst = burst < 0 ? 0 : burst;
	if (rate == 0 && burst == 0)
		return 0;
	if (burst == 0)
		return err_set(e, EINVAL, "%sBurst: missing; it goes with %sRate", way, way);
	if (rate == 0)
		return err_set(e, EINVAL, "%sRate: missing; it goes with %sBurst", way, way);
	if (rate < 8 || burst < 8)
		return err_set(e, EINVAL, "%s%s: %lld bits are less than a byte", way,
			       rate < 8 ? "Rate" : "Burst", (long long)(rate < 8 ? rate : burst));
	if (burst / 8 >= UINT32_MAX)
		return err_set(e, EINVAL, "%sBurst: %lld bits are more than the kernel's 4 GB", way,
			       (long long)burst);
	out->rate = (uint64_t)rate / 8;
	out->burst = (uint32_t)(burst / 8);
	return 0;
}

static int check_values(struct conf *c, struct err *e)
{
	const struct limits *l = &c->limits;
	int r = take_limit(l->in_rate, l->in_burst, "ingress", &c->in, e);

	if (r == 0)
		r = take_limit(l->out_rate, l->out_burst, "egress", &c->out, e);
	if (r == 0 && l->shaped.count && l->unshaped.count)
		r = err_set(e, EINVAL, "shapedSubnets excludes unshapedSubnets");
	if (r == 0 && l->shaped.count + l->unshaped.count > SUBNETS_MAX)
		r = err_set(e, E2BIG, "%s: more than %d",
			    l->shaped.count ? "shapedSubnets" : "unshapedSubnets", SUBNETS_MAX);
	return r;
}

/* What the configuration says goes before what the runtime asks for, as in the reference. */
static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	struct runtime runtime;
	int r = 0;

	if (cni_takes_away(req))
		return 0;
	clear(&runtime.limits);
	if (says_nothing(&c->limits) && req->runtime_config.text) {
		r = json_decode_raw(req->arena, req->runtime_config, "runtimeConfig", &runtime_keys,
				    &runtime, e);
		c->limits = runtime.limits;
	}
	if (r == 0)
		r = check_values(c, e);
	if (r == 0 && req->command == CNI_ADD && (c->in.rate || c->out.rate))
		r = chained_require(req, e);
	return err_code(e, r, CNI_ERR_CONFIG);
}

struct done {
	struct chained chain;
	bool root, ingress, ifb;
};

static void undo_one(struct done *d, const char *what)
{
	struct err e = { 0 };
	int r = nl_commit(&d->chain.host, NULL, &e);

	if (r < 0 && r != -ENODEV && r != -ENOENT && r != -EINVAL)
		log_line(LOG_WARN, "undo: %s: %s", what, e.text);
}

static void undo(void *ctx)
{
	struct done *d = ctx;
	struct nl *nl = &d->chain.host;

	if (d->root) {
		qdisc_del_root(nl, d->chain.end.index);
		undo_one(d, d->chain.end.name);
	}
	if (d->ingress) {
		qdisc_del_ingress(nl, d->chain.end.index);
		undo_one(d, d->chain.end.name);
	}
	if (d->ifb)
		ifb_del(nl, d->chain.req, err_ignored());
}

static const struct json_list *subnets_of(const struct limits *l)
{
	return l->shaped.count ? &l->shaped : &l->unshaped;
}

/* source: the other side's address is the source's. */
static void put_classes(struct nl *nl, int index, const struct limits *l, const struct tc_limit *t,
			bool source)
{
	const struct tc_limit free = { .rate = UNSHAPED_RATE, .burst = UINT32_MAX };
	const struct prefix *subnets = subnets_of(l)->items;
	bool shaped = l->shaped.count;

	class_add_htb(nl, index, UNSHAPED, &free);
	class_add_htb(nl, index, SHAPED, t);
	for (size_t n = 0; n < subnets_of(l)->count; n++)
		filter_add_subnet(nl, index, &subnets[n], source, shaped ? SHAPED : UNSHAPED);
}

/* A discipline or filter that the kernel has no module for is one that it does not find. */
static int commit(struct nl *nl, struct err *e)
{
	int r = nl_commit(nl, NULL, e);

	return r == -ENOENT ? err_code(e, r, CNI_ERR_UNSUPPORTED) : r;
}

/* in: what the pod receives. *made: the root is ours to take away. */
static int shape(struct nl *nl, const struct link *l, const struct conf *c, bool in, bool *made,
		 struct err *e)
{
	const struct tc_limit *t = in ? &c->in : &c->out;
	const struct limits *limits = &c->limits;
	bool classes = subnets_of(limits)->count;
	int r;

	if (classes)
		qdisc_add_htb(nl, l->index, limits->shaped.count ? UNSHAPED : SHAPED);
	else
		qdisc_add_tbf(nl, l->index, t);
	r = commit(nl, e);
	*made = r != -EEXIST;
	if (r == 0 && classes) {
		put_classes(nl, l->index, limits, t, in);
		r = commit(nl, e);
	}
	return err_ctx(e, r, "%s", l->name);
}

static int report(const struct link *ifb, const struct cni_request *req, struct cni_result *out,
		  struct err *e)
{
	char *mac = arena_alloc(req->arena, MAC_TEXT);
	const struct cni_iface f = {
		.name = arena_strndup(req->arena, ifb->name, strlen(ifb->name)), .mac = mac
	};
	int r;

	if (!mac || !f.name)
		return err_set(e, ENOMEM, "no memory left");
	mac_format(ifb->mac, mac);
	r = cni_result_add_iface(out, &f, e);
	return r < 0 ? r : 0;
}

static int lead_through(struct done *d, const struct conf *c, struct cni_result *out, struct err *e)
{
	struct nl *nl = &d->chain.host;
	struct link ifb;
	bool root;
	int r;

	d->ifb = true;
	r = ifb_add(nl, d->chain.req, d->chain.end.mtu, &ifb, e);
	if (r == 0)
		r = shape(nl, &ifb, c, false, &root, e);
	if (r < 0)
		return r;
	qdisc_add_ingress(nl, d->chain.end.index);
	r = commit(nl, e);
	d->ingress = r != -EEXIST;
	if (r == 0) {
		filter_add_redirect(nl, d->chain.end.index, ifb.index);
		r = commit(nl, e);
	}
	if (r < 0)
		return err_ctx(e, r, "%s", d->chain.end.name);
	return report(&ifb, d->chain.req, out, e);
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct done d;
	const struct conf *c = conf;
	int r;

	if (!c->in.rate && !c->out.rate)
		return 0;
	r = chained_open(&d.chain, req, out, e);
	if (r == 0)
		r = chained_host_end(&d.chain, out, e);
	if (r < 0)
		return r;
	undo_push(u, undo, &d);
	if (c->in.rate)
		r = shape(&d.chain.host, &d.chain.end, c, true, &d.root, e);
	if (r == 0 && c->out.rate)
		r = lead_through(&d, c, out, e);
	return r;
}

static int open_host(struct nl *nl, struct err *e)
{
	static char buf[4096];

	return nl_open(nl, NETLINK_ROUTE, buf, sizeof(buf), e);
}

static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	static struct nl nl;
	int r = open_host(&nl, e);

	(void)conf;
	return r < 0 ? r : ifb_del(&nl, req, e);
}

static int gc(const struct cni_request *req, const void *conf, struct err *e)
{
	static struct nl nl;
	int r = open_host(&nl, e);

	(void)conf;
	return r < 0 ? r : ifb_gc(&nl, req, e);
}

static int compare(const struct link *l, const struct tc_limit *want, uint64_t rate, struct err *e)
{
	if (rate == want->rate)
		return 0;
	return err_set(e, EINVAL, "%s is limited to %llu bits in a second instead of %llu", l->name,
		       8 * (unsigned long long)rate, 8 * (unsigned long long)want->rate);
}

static int check_shape(struct nl *nl, const struct link *l, const struct conf *c,
		       const struct tc_limit *want, struct err *e)
{
	const char *kind = subnets_of(&c->limits)->count ? "htb" : "tbf";
	struct tc_limit class;
	struct qdisc q;
	int r = qdisc_find_root(nl, l->index, &q, e);

	if (r < 0)
		return r;
	if (r == 0 || strcmp(q.kind, kind) != 0)
		return err_set(e, ENOENT, "%s has lost its limit (%s)", l->name, kind);
	if (strcmp(kind, "tbf") == 0)
		return compare(l, want, q.limit.rate, e);
	r = class_find_htb(nl, l->index, SHAPED, &class, e);
	if (r == 0)
		return err_set(e, ENOENT, "%s has lost its limit (class 1:%x)", l->name, SHAPED);
	return r < 0 ? r : compare(l, want, class.rate, e);
}

static int check_through(struct chained *chain, const struct conf *c, struct err *e)
{
	struct link ifb;
	int r = ifb_find(&chain->host, chain->req, &ifb, e);

	if (r == 0)
		return err_set(e, ENODEV, "the ifb of the attachment is not there");
	if (r > 0)
		r = check_shape(&chain->host, &ifb, c, &c->out, e);
	if (r == 0)
		r = filter_find_redirect(&chain->host, chain->end.index, e);
	if (r >= 0 && r != ifb.index)
		return err_set(e, ENOENT, "%s does not lead through %s any more", chain->end.name,
			       ifb.name);
	return r < 0 ? r : 0;
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	static struct chained chain;
	const struct conf *c = conf;
	int r;

	if (!c->in.rate && !c->out.rate)
		return 0;
	r = chained_open(&chain, req, prev, e);
	if (r == 0)
		r = chained_host_end(&chain, prev, e);
	if (r == 0 && c->in.rate)
		r = check_shape(&chain.host, &chain.end, c, &c->in, e);
	if (r == 0 && c->out.rate)
		r = check_through(&chain, c, e);
	return err_code(e, r, CNI_ERR_DIFFERS);
}

const struct cni_plugin bandwidth_plugin = {
	.name = "bandwidth",
	.summary = "limit what the container receives and sends, behind another plugin",
	.keys = &keys,
	.capabilities = { "bandwidth" },
	.conf_size = sizeof(struct conf),
	.defaults = defaults,
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
};
