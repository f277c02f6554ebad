/*
 * vrf: the pod's interface, made by the plugins before, gets a routing table of its own: it is
 * enslaved to a VRF of the pod, which the first interface makes and the last takes away. The keys
 * are the reference plugin's.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "iface/chained.h"
#include "iface/vrf_move.h"
#include "net/vrf.h"

#define LOCK_TIMEOUT_MS 10000

struct conf {
	const char *name;
	int64_t table; /* 0: a free one */
};

struct work {
	struct chained chain;
	struct vrf_move move;
	struct link vrf;
};

static const struct json_field fields[] = {
	{ "vrfname", JSON_STR, offsetof(struct conf, name), .names = true,
	  .help = "name of the VRF in the pod; made when it is not there" },
	{ "table", JSON_INT, offsetof(struct conf, table), .min = 0, .max = UINT32_MAX,
	  .help = "its routing table; default: the first that is free" },
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	const struct conf *c = conf;
	int r = 0;

	if (!c->name || !*c->name)
		r = err_set(e, EINVAL, "vrfname: missing");
	else if (!cni_ifname_valid(c->name))
		r = err_set(e, EINVAL,
			    "vrfname: \"%.48s\" is no interface name (1 to 15 bytes, no '/', ':' "
			    "or blanks)",
			    c->name);
	if (r < 0)
		return err_code(e, r, CNI_ERR_CONFIG);
	return req->command == CNI_ADD ? chained_require(req, e) : 0;
}

/* 1, 0; another kind of link is CNI_ERR_EXISTS. */
static int find_vrf(struct pod *pod, const char *name, struct link *out, struct err *e)
{
	int r = link_find(&pod->nl, name, out, e);

	if (r <= 0 || strcmp(out->kind, "vrf") == 0)
		return r;
	return err_code(e,
			err_set(e, EEXIST, "vrfname: \"%s\" in the pod is no VRF but %s", name,
				out->kind[0] ? out->kind : "a device"),
			CNI_ERR_EXISTS);
}

static int check_free(struct work *w, struct err *e)
{
	const struct link *l = &w->chain.link;
	struct link master;
	int r = l->master ? link_find_index(&w->chain.pod.nl, l->master, &master, e) : 0;

	if (r <= 0)
		return r;
	return err_code(e,
			err_set(e, EEXIST, "interface %s in the pod has a master already: %s",
				l->name, master.name),
			CNI_ERR_EXISTS);
}

static int check_table(const struct conf *c, const struct link *vrf, struct err *e)
{
	if (!c->table || c->table == vrf->vrf_table)
		return 0;
	return err_set(e, EINVAL, "table: VRF %s has table %u instead of %lld", vrf->name,
		       vrf->vrf_table, (long long)c->table);
}

static int mark_used(const struct link *l, void *arg)
{
	struct vrf_move *m = arg;

	if (l->vrf_table < VRF_TABLES_MAX)
		m->used[l->vrf_table] = true;
	return 0;
}

/* Neither a VRF nor a route is in it. 0: there is none. */
static int choose_table(struct work *w, uint32_t *out, struct err *e)
{
	int r = link_each(&w->chain.pod.nl, "vrf", mark_used, &w->move, e);

	for (*out = 1; *out < VRF_TABLES_MAX && w->move.used[*out];)
		++*out;
	if (r == 0 && *out == VRF_TABLES_MAX)
		r = err_set(e, ENOSPC, "table: the pod has no free one");
	return r;
}

static void undo_vrf(void *ctx)
{
	struct work *w = ctx;
	struct err e = { 0 };

	link_del(&w->chain.pod.nl, w->vrf.index);
	if (nl_commit(&w->chain.pod.nl, NULL, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static int make_vrf(struct work *w, const struct conf *c, struct undo *u, struct err *e)
{
	struct nl *nl = &w->chain.pod.nl;
	uint32_t table = (uint32_t)c->table;
	int r = table ? 0 : choose_table(w, &table, e);

	if (r < 0)
		return r;
	link_add_vrf(nl, c->name, table);
	r = nl_commit(nl, NULL, e);
	if (r == 0)
		r = link_find(nl, c->name, &w->vrf, e);
	if (r == 0)
		r = err_set(e, ENODEV, "it has vanished");
	if (r > 0) {
		undo_push(u, undo_vrf, w);
		link_up(nl, w->vrf.index);
		r = nl_commit(nl, NULL, e);
	}
	return err_ctx(e, r, "VRF %s in the pod", c->name);
}

static int ensure_vrf(struct work *w, const struct conf *c, struct undo *u, struct err *e)
{
	int r = find_vrf(&w->chain.pod, c->name, &w->vrf, e);

	if (r < 0)
		return r;
	if (r == 0)
		return make_vrf(w, c, u, e);
	return err_code(e, check_table(c, &w->vrf, e), CNI_ERR_CONFIG);
}

static void undo_move(void *ctx)
{
	struct work *w = ctx;
	struct err e = { 0 };

	if (vrf_move_apply(&w->move, 0, 0, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

/* Others who make or empty VRFs in this pod wait. */
static int lock_pod(struct work *w, struct err *e)
{
	return lock_take(w->chain.pod.ns, "the pod's namespace", LOCK_TIMEOUT_MS, e);
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct work w;
	int r = chained_open(&w.chain, req, out, e);

	if (r == 0)
		r = lock_pod(&w, e);
	if (r == 0)
		r = check_free(&w, e);
	if (r == 0)
		r = vrf_move_read(&w.move, &w.chain.pod, w.chain.link.index, e);
	if (r == 0)
		r = ensure_vrf(&w, conf, u, e);
	if (r < 0)
		return r;
	undo_push(u, undo_move, &w);
	r = vrf_move_apply(&w.move, w.vrf.index, w.vrf.vrf_table, e);
	return err_ctx(e, r, "%s in the pod", w.chain.link.name);
}

struct slaves {
	int vrf;
	bool found;
};

static int note_slave(const struct link *l, void *arg)
{
	struct slaves *s = arg;

	s->found = s->found || l->master == s->vrf;
	return 0;
}

/* The interface is another plugin's to delete; the last one takes the VRF with it. */
static int leave(struct work *w, const char *ifname, struct err *e)
{
	struct slaves s = { .vrf = w->vrf.index };
	struct nl *nl = &w->chain.pod.nl;
	struct err local = { 0 };
	struct link l;
	int r = link_find(nl, ifname, &l, e);

	if (r > 0 && l.master == w->vrf.index)
		link_set_master(nl, l.index, 0);
	if (r >= 0)
		r = nl_commit(nl, NULL, e);
	if (r == 0)
		r = link_each_seen(nl, NULL, note_slave, &s, e);
	if (r < 0 || s.found)
		return r;
	link_del(nl, w->vrf.index);
	r = nl_commit(nl, NULL, &local);
	return r < 0 && r != -ENODEV ? err_take(e, &local) : 0;
}

static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	static struct work w;
	const struct conf *c = conf;
	int r = pod_open_left(&w.chain.pod, NULL, req, e);

	if (r <= 0)
		return r;
	r = lock_pod(&w, e);
	if (r == 0)
		r = find_vrf(&w.chain.pod, c->name, &w.vrf, err_ignored());
	if (r > 0)
		r = err_ctx(e, leave(&w, req->at.ifname, e), "VRF %s in the pod", c->name);
	else if (r == -EEXIST)
		r = 0;
	pod_close(&w.chain.pod);
	return r;
}

static int check_vrf(struct work *w, const struct conf *c, struct err *e)
{
	const struct link *l = &w->chain.link;
	int r = find_vrf(&w->chain.pod, c->name, &w->vrf, e);

	if (r == 0)
		return err_set(e, ENODEV, "VRF %s is not in the pod", c->name);
	if (r < 0)
		return r;
	if (l->master != w->vrf.index)
		return err_set(e, EINVAL, "interface %s in the pod is not in VRF %s", l->name,
			       w->vrf.name);
	if (!w->vrf.up)
		return err_set(e, ENETDOWN, "VRF %s in the pod is down", w->vrf.name);
	return check_table(c, &w->vrf, e);
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	static struct work w;
	int r = chained_open(&w.chain, req, prev, e);

	if (r == 0)
		r = check_vrf(&w, conf, e);
	if (r < 0 && e->code == CNI_ERR_EXISTS)
		e->code = CNI_ERR_DIFFERS;
	return err_code(e, r, CNI_ERR_DIFFERS);
}

const struct cni_plugin vrf_plugin = {
	.name = "vrf",
	.summary =
		"a routing table of its own for the container's interface, behind another plugin",
	.keys = &keys,
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
};
