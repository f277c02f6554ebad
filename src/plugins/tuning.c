/*
 * tuning: settings of the pod's interface and sysctls of its namespace, behind the plugin that made
 * the interface. The keys are the reference plugin's. DEL puts back what ADD has changed.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/log.h"
#include "iface/chained.h"
#include "iface/iface.h"
#include "iface/tuned.h"

#define DATA_DIR "/run/cni/tuning"
#define IPV6_MTU_MIN 1280

struct conf {
	struct json_raw sysctl;
	const char *mac;
	int64_t mtu, tx_queue;
	bool promisc;
	struct json_raw allmulti; /* false says something, too */
	const char *data_dir;
	struct tuned want;
};

static const struct json_field fields[] = {
	{ "sysctl", JSON_RAW, offsetof(struct conf, sysctl),
	  .help = "object of names below net and values; IFNAME is the interface" },
	{ "mac", JSON_STR, offsetof(struct conf, mac), .help = "of the interface" },
	{ "mtu", JSON_INT, offsetof(struct conf, mtu), .min = 0, .max = 65535,
	  .help = "of the interface" },
	{ "promisc", JSON_BOOL, offsetof(struct conf, promisc), .help = "set it promiscuous" },
	{ "allmulti", JSON_RAW, offsetof(struct conf, allmulti),
	  .help = "true or false: take all multicast packets" },
	{ "txQLen", JSON_INT, offsetof(struct conf, tx_queue), .min = 0, .max = UINT32_MAX,
	  .help = "packets in its transmit queue" },
	{ "dataDir", JSON_STR, offsetof(struct conf, data_dir), .names = true,
	  .help = "where the former settings are kept; default " DATA_DIR },
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };
/* args.cni has the same, but for the directory. */
static const struct json_table asked_keys = {
	.fields = fields,
	.count = sizeof(fields) / sizeof(fields[0]) - 1,
};

static void defaults(void *conf)
{
	struct conf *c = conf;

	c->tx_queue = -1;
}

/* What args.cni says takes the place of the configuration's, each sysctl by itself. */
static int read_asked(const struct cni_request *req, struct conf *c, struct err *e)
{
	struct sysctls *list = &c->want.sysctls;
	int r = sysctls_read(req, c->sysctl, "sysctl", false, list, e);

	if (r < 0 || !req->cni_args.text)
		return r;
	c->sysctl = (struct json_raw){ 0 };
	r = json_decode_raw(req->arena, req->cni_args, "args.cni", &asked_keys, c, e);
	return r < 0 ? r : sysctls_read(req, c->sysctl, "args.cni.sysctl", true, list, e);
}

static bool raw_is(struct json_raw raw, const char *text)
{
	return raw.len == strlen(text) && memcmp(raw.text, text, raw.len) == 0;
}

static int read_values(const struct cni_request *req, struct conf *c, struct err *e)
{
	struct tuned *t = &c->want;

	if (req->wanted_mac)
		c->mac = req->wanted_mac;
	t->has_mac = c->mac && *c->mac;
	if (t->has_mac && (!mac_parse(c->mac, t->mac) || t->mac[0] & 1))
		return err_set(e, EINVAL, "mac: \"%.48s\" is no unicast MAC address", c->mac);
	t->has_mtu = c->mtu != 0;
	t->mtu = (uint32_t)c->mtu;
	if (t->has_mtu && t->mtu < 68)
		return err_set(e, EINVAL, "mtu: %u is below IPv4's smallest, 68", t->mtu);
	t->has_promisc = t->promisc = c->promisc;
	t->has_tx_queue = c->tx_queue >= 0;
	t->tx_queue = (uint32_t)c->tx_queue;
	if (!c->allmulti.text || raw_is(c->allmulti, "null"))
		return 0;
	t->has_allmulti = true;
	t->allmulti = raw_is(c->allmulti, "true");
	if (!t->allmulti && !raw_is(c->allmulti, "false"))
		return err_set(e, EINVAL, "allmulti: expected true or false, found %.*s",
			       (int)(c->allmulti.len < 32 ? c->allmulti.len : 32),
			       c->allmulti.text);
	return 0;
}

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	int r;

	if (!c->data_dir || !*c->data_dir)
		c->data_dir = DATA_DIR;
	if (cni_takes_away(req))
		return 0;
	r = read_asked(req, c, e);
	if (r == 0)
		r = read_values(req, c, e);
	if (r == 0 && req->command == CNI_ADD)
		r = chained_require(req, e);
	r = err_code(e, r, CNI_ERR_CONFIG);
	return r < 0 ? r : sysctls_check_allowed(&c->want.sysctls, e);
}

static bool asks(const struct conf *c)
{
	return c->want.sysctls.count || !tuned_is_empty(&c->want);
}

struct done {
	struct chained chain;
	const struct conf *conf;
	struct tuned old;
};

static int put_back(struct chained *c, const struct tuned *old, struct err *e)
{
	int r, sysctls;

	tuned_put(old, &c->pod.nl, c->link.index);
	r = nl_commit(&c->pod.nl, NULL, e);
	sysctls = sysctls_restore(&old->sysctls, &c->pod, e);
	return r < 0 ? r : sysctls;
}

static void undo(void *ctx)
{
	struct done *d = ctx;
	struct err e = { 0 };

	if (put_back(&d->chain, &d->old, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
	tuned_remove(d->chain.req, d->conf->data_dir, err_ignored());
}

/* The kernel takes the addresses of a family away that the MTU is too small for. */
static int check_mtu(const struct chained *c, const struct tuned *want,
		     const struct cni_result *prev, struct err *e)
{
	if (!want->has_mtu || want->mtu >= IPV6_MTU_MIN)
		return 0;
	for (size_t n = 0; n < prev->ip_count; n++) {
		if (prev->ips[n].address.addr.family == AF_INET6 &&
		    chained_has_ip(c, &prev->ips[n]))
			return err_code(
				e,
				err_set(e, EINVAL,
					"mtu: %u is below IPv6's smallest, %d, and %s has %s",
					want->mtu, IPV6_MTU_MIN, c->link.name,
					prefix_text(&prev->ips[n].address)),
				CNI_ERR_CONFIG);
	}
	return 0;
}

static int apply(struct done *d, struct err *e)
{
	struct chained *c = &d->chain;
	int r = sysctls_apply(&d->conf->want.sysctls, &c->pod, e);

	if (r < 0)
		return r;
	tuned_put(&d->conf->want, &c->pod.nl, c->link.index);
	return err_ctx(e, nl_commit(&c->pod.nl, NULL, e), "%s in the pod", c->link.name);
}

static void update(const struct done *d, struct cni_result *out)
{
	const struct tuned *want = &d->conf->want;
	struct cni_iface *f;

	if (d->chain.in_prev < 0)
		return;
	f = &out->ifaces[d->chain.in_prev];
	if (want->has_mac)
		f->mac = d->conf->mac;
	if (want->has_mtu && f->mtu)
		f->mtu = want->mtu;
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct done d;
	int r;

	d.conf = conf;
	if (!asks(d.conf))
		return 0;
	r = chained_open(&d.chain, req, out, e);
	if (r == 0)
		r = check_mtu(&d.chain, &d.conf->want, out, e);
	if (r < 0)
		return r;
	tuned_of_link(&d.conf->want, &d.chain.link, &d.old);
	r = sysctls_learn(&d.old.sysctls, req, &d.chain.pod, e);
	if (r < 0)
		return r;
	undo_push(u, undo, &d); /* also when the file is half there */
	r = tuned_save(req, d.conf->data_dir, &d.old, e);
	if (r == 0)
		r = apply(&d, e);
	update(&d, out);
	return r;
}

/* What the pod makes impossible is not in the way of its DEL. */
static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	static struct chained chain;
	static struct tuned old;
	const struct conf *c = conf;
	struct err lost = { 0 };
	int r = tuned_load(req, c->data_dir, &old, e), open;

	if (r < 0)
		return r;
	open = r > 0 ? chained_open_left(&chain, req, e) : 0;
	if (open > 0) {
		if (put_back(&chain, &old, &lost) < 0)
			log_line(LOG_WARN, "%s: not as before: %s", req->at.ifname, lost.text);
		pod_close(&chain.pod);
	}
	return open < 0 ? open : tuned_remove(req, c->data_dir, e);
}

/* The result knows which MAC the caller has asked for, and what the plugins behind have made of it.
 */
static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	static struct chained chain;
	static struct tuned want;
	const struct conf *c = conf;
	const char *mac;
	int r;

	if (!asks(c))
		return 0;
	r = chained_open(&chain, req, prev, e);
	if (r < 0)
		return r;
	want = c->want;
	mac = chain.in_prev >= 0 ? prev->ifaces[chain.in_prev].mac : NULL;
	if (mac && *mac)
		want.has_mac = mac_parse(mac, want.mac);
	r = tuned_check(&want, &chain.link, e);
	return r < 0 ? r : sysctls_check(&want.sysctls, &chain.pod, e);
}

static int gc(const struct cni_request *req, const void *conf, struct err *e)
{
	const struct conf *c = conf;

	return tuned_gc(req, c->data_dir, e);
}

const struct cni_plugin tuning_plugin = {
	.name = "tuning",
	.summary =
		"sysctls, MAC, MTU and modes of the container's interface, behind another plugin",
	.keys = &keys,
	.capabilities = { "mac" },
	.conf_size = sizeof(struct conf),
	.defaults = defaults,
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
};
