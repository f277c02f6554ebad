/* host-local as functions on the lease store: see host_local.h. */
#include "ipam/host_local.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "cni/attachment.h"
#include "ipam/host_local_take.h"
#include "ipam/resolv_conf.h"

/* As in the reference's files, but for what no lease holds. */
static const char *id_of(const struct cni_request *req, char out[static CNI_ID_SHORT + 1])
{
	const char *id = req->at.container_id;

	return strlen(id) <= LEASE_ID_MAX ? id : attachment_short_id(id, out);
}

static struct lease_owner owner_of(const struct cni_request *req, char id[static CNI_ID_SHORT + 1])
{
	return (struct lease_owner){ .id = id_of(req, id), .ifname = req->at.ifname };
}

static int open_store(const struct host_local *h, const struct cni_request *req, bool create,
		      struct lease_store *s, struct err *e)
{
	char buf[CNI_NETWORK_SHORT + 1];
	const char *network = strlen(req->at.network) <= NAME_MAX
				      ? req->at.network
				      : attachment_short_network(req->at.network, buf);
	int r = lease_open(s, h->data_dir, network, create, e);

	if (r == 0 && s->reclaimed)
		log_line(LOG_INFO, "network %.64s: %u leases of an earlier boot reclaimed",
			 req->at.network, s->reclaimed);
	return err_code(e, r, r == -EAGAIN ? CNI_ERR_TRY_AGAIN : CNI_ERR_STATE);
}

/* For all but ADD and STATUS, a store that does not exist is an empty one: 1 open, 0 empty. */
static int open_existing(const struct host_local *h, const struct cni_request *req,
			 struct lease_store *s, struct err *e)
{
	struct err local = { 0 };
	int r = open_store(h, req, false, s, &local);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*e = local;
	return r < 0 ? r : 1;
}

struct reclaim_walk {
	const struct host_local *conf;
	const struct cni_request *req;
	struct lease_store *store;
	unsigned int released;
	struct err *e;
};

/* An ADD in flight has not made its link yet. */
static int reclaim_lease(const struct addr *a, const struct lease_owner *o, void *arg)
{
	struct reclaim_walk *w = arg;
	const struct cni_attachment at = {
		.network = w->req->at.network,
		.container_id = o->id,
		.ifname = o->ifname,
	};
	int r;

	if (!o->host_end || !*o->id || !*o->ifname)
		return 0;
	r = lease_in_flight(w->store, a, w->e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = w->conf->gone(&at, w->e);
	if (r <= 0)
		return r;
	r = lease_release_addr(w->store, a, w->e);
	w->released += r >= 0;
	return r < 0 ? r : 0;
}

/* The number of leases reclaimed; trouble is logged, for then they simply stay. */
static unsigned int reclaim(const struct host_local *h, const struct cni_request *req,
			    struct lease_store *s)
{
	struct err e = { 0 };
	struct reclaim_walk w = { .conf = h, .req = req, .store = s, .e = &e };

	if (!h->gone)
		return 0;
	if (lease_each(s, reclaim_lease, &w, &e) < 0)
		log_line(LOG_WARN, "network %.64s: reclaiming leases: %s", req->at.network, e.text);
	if (w.released)
		log_line(LOG_WARN,
			 "network %.64s: reclaimed %u leases whose pods are gone without DEL",
			 req->at.network, w.released);
	return w.released;
}

static int take_one(const struct host_local *h, const struct cni_request *req,
		    struct lease_store *s, unsigned int set, struct cni_result *out, struct err *e)
{
	char id[CNI_ID_SHORT + 1];
	const struct lease_owner owner = {
		.id = id_of(req, id),
		.ifname = req->at.ifname,
		.host_end = h->gone,
	};
	const struct host_local_request q = {
		.network = req->at.network,
		.set = &h->sets[set],
		.number = set,
		.wanted = req->wanted_ip,
		.wanted_count = req->wanted_ip_count,
		.owner = &owner,
	};
	struct host_local_address got;
	struct cni_ip ip = { .interface = -1 };
	struct err full = { 0 };
	int r = host_local_take(s, &q, req->arena, &got, &full);

	if (r == -ENOSPC && reclaim(h, req, s))
		r = host_local_take(s, &q, req->arena, &got, e);
	else if (r < 0)
		*e = full;
	if (r < 0)
		return err_code(e, r,
				r == -ENOSPC			   ? CNI_ERR_FULL
				: r == -EEXIST || r == -EADDRINUSE ? CNI_ERR_EXISTS
								   : 0);
	ip.address = got.address;
	ip.gateway = got.gateway;
	return cni_result_add_ip(out, &ip, e);
}

/* Without a host end only the container's own ADD has a reason to search for what it had. */
static int release_own(const struct host_local *h, const struct cni_request *req,
		       struct lease_store *s, const struct lease_owner *owner,
		       const struct addr *held, struct err *e)
{
	int r = h->own_gone ? lease_in_flight(s, held, e) : 1;

	if (r == 0)
		r = h->own_gone(&req->at, e) > 0 ? lease_release(s, owner, e) : 0;
	else if (r > 0)
		r = 0;
	return r;
}

/* A container may come again with the namespace that it got when its first one had died. */
static int check_unused(const struct host_local *h, const struct cni_request *req,
			struct lease_store *s, struct err *e)
{
	char id[CNI_ID_SHORT + 1];
	const struct lease_owner owner = owner_of(req, id);
	struct addr held;
	int r = lease_find(s, &owner, &held, 1, e);

	if (r > 0 && reclaim(h, req, s))
		r = lease_find(s, &owner, &held, 1, e);
	if (r > 0)
		r = release_own(h, req, s, &owner, &held, e) > 0 ? 0 : 1;
	if (r <= 0)
		return err_code(e, r, CNI_ERR_STATE);
	r = err_set(
		e, EEXIST,
		"%s is allocated to container %.64s, interface %s already: duplicate allocation "
		"is not allowed",
		addr_text(&held), owner.id, owner.ifname);
	return err_code(e, r, CNI_ERR_EXISTS);
}

static int take_all(const struct host_local *h, const struct cni_request *req,
		    struct lease_store *s, struct cni_result *out, struct err *e)
{
	char id[CNI_ID_SHORT + 1];
	const struct lease_owner owner = owner_of(req, id);
	struct err ignored = { 0 };
	int r = check_unused(h, req, s, e);

	if (r < 0)
		return r;
	for (unsigned int i = 0; r >= 0 && i < h->set_count; i++)
		r = take_one(h, req, s, i, out, e);
	if (r < 0 && lease_release(s, &owner, &ignored) < 0)
		log_line(LOG_WARN, "a lease stays: %s", ignored.text);
	return r < 0 ? r : 0;
}

int host_local_add(const struct host_local *h, const struct cni_request *req,
		   struct cni_result *out, struct err *e)
{
	struct lease_store s;
	int r = host_local_wanted_check(h->sets, h->set_count, req->wanted_ip, req->wanted_ip_count,
					e);

	if (r == 0)
		r = cni_routes_read(req->arena, &h->routes, "ipam", out, e);
	if (r == 0 && h->resolv_conf)
		r = resolv_conf_read(req->arena, h->resolv_conf, &out->dns, e);
	if (r < 0)
		return err_code(e, r, CNI_ERR_CONFIG);
	r = open_store(h, req, true, &s, e);
	if (r < 0)
		return r;
	r = take_all(h, req, &s, out, e);
	lease_close(&s);
	return r;
}

/* A living ADD, which has taken the attachment since this DEL began, or has not ended. */
static int is_in_flight(struct lease_store *s, const struct lease_owner *o, struct err *e)
{
	struct addr held;
	int r = lease_find(s, o, &held, 1, e);

	return r > 0 ? lease_in_flight(s, &held, e) : r;
}

int host_local_del(const struct host_local *h, const struct cni_request *req, struct err *e)
{
	char id[CNI_ID_SHORT + 1];
	const struct lease_owner owner = owner_of(req, id);
	struct lease_store s;
	int r = open_existing(h, req, &s, e);

	if (r <= 0)
		return r;
	r = req->command == CNI_DEL ? is_in_flight(&s, &owner, e) : 0;
	if (r == 0)
		r = lease_release(&s, &owner, e);
	lease_close(&s);
	return err_code(e, r < 0 ? r : 0, CNI_ERR_STATE);
}

int host_local_addresses(const struct host_local *h, const struct cni_request *req,
			 struct addr *out, size_t max, struct err *e)
{
	char id[CNI_ID_SHORT + 1];
	const struct lease_owner owner = owner_of(req, id);
	struct lease_store s;
	int r = open_existing(h, req, &s, e);

	if (r <= 0)
		return r;
	r = lease_find(&s, &owner, out, max, e);
	lease_close(&s);
	return err_code(e, r, CNI_ERR_STATE);
}

/* Of a result that names no interfaces all addresses are the attachment's. */
static bool ip_is_of(const struct cni_result *prev, const struct cni_ip *ip, const char *ifname)
{
	const struct cni_iface *f;

	if (ip->interface < 0 || (size_t)ip->interface >= prev->iface_count)
		return true;
	f = &prev->ifaces[ip->interface];
	return f->sandbox && *f->sandbox && strcmp(f->name, ifname) == 0;
}

static bool is_among(const struct addr *a, const struct addr *held, int count)
{
	for (int i = 0; i < count; i++) {
		if (addr_equal(a, &held[i]))
			return true;
	}
	return false;
}

int host_local_check(const struct host_local *h, const struct cni_request *req,
		     const struct cni_result *prev, struct err *e)
{
	struct addr held[LEASE_RANGES_MAX];
	int count = host_local_addresses(h, req, held, LEASE_RANGES_MAX, e), r = count;

	if (count == 0)
		r = err_set(e, ENOENT,
			    "network %.64s has no lease of container %.64s, interface %s",
			    req->at.network, req->at.container_id, req->at.ifname);
	for (size_t n = 0; r > 0 && n < prev->ip_count; n++) {
		const struct cni_ip *ip = &prev->ips[n];

		if (ip_is_of(prev, ip, req->at.ifname) && !is_among(&ip->address.addr, held, count))
			r = err_set(
				e, ENOENT,
				"network %.64s: %s is not leased to container %.64s, interface %s",
				req->at.network, addr_text(&ip->address.addr), req->at.container_id,
				req->at.ifname);
	}
	return r < 0 ? err_code(e, r, CNI_ERR_DIFFERS) : 0;
}

struct gc_walk {
	const struct cni_request *req;
	struct lease_store *store;
	attachment_fn *fn; /* NULL: release */
	void *arg;
	unsigned int released;
	struct err *e;
};

/*
 * A lease that is being taken belongs to an ADD that the runtime's list cannot know yet. A file
 * that names no container is either empty, then the next ADD that comes by takes it over, or not
 * ours to judge.
 */
static int collect(const struct addr *a, const struct lease_owner *o, void *arg)
{
	struct gc_walk *w = arg;
	const struct cni_attachment at = {
		.network = w->req->at.network,
		.container_id = o->id,
		.ifname = o->ifname,
	};
	int r;

	if (!*o->id || cni_is_valid(w->req, o->id, o->ifname))
		return 0;
	r = lease_in_flight(w->store, a, w->e);
	if (r != 0)
		return r < 0 ? r : 0;
	if (w->fn)
		return w->fn(&at, w->arg);
	r = lease_release_addr(w->store, a, w->e);
	w->released += r >= 0;
	return r;
}

int host_local_each_stale(const struct host_local *h, const struct cni_request *req,
			  attachment_fn *fn, void *arg, struct err *e)
{
	struct lease_store s;
	struct gc_walk w = { .req = req, .store = &s, .fn = fn, .arg = arg, .e = e };
	int r = open_existing(h, req, &s, e);

	if (r <= 0)
		return r;
	r = lease_each(&s, collect, &w, e);
	lease_close(&s);
	return err_code(e, r < 0 ? r : 0, CNI_ERR_STATE);
}

int host_local_gc(const struct host_local *h, const struct cni_request *req, struct err *e)
{
	struct lease_store s;
	struct gc_walk w = { .req = req, .store = &s, .e = e };
	int r = open_existing(h, req, &s, e);

	if (r <= 0)
		return r;
	r = lease_each(&s, collect, &w, e);
	lease_close(&s);
	if (w.released)
		log_line(LOG_INFO, "network %.64s: GC released %u leases", req->at.network,
			 w.released);
	return err_code(e, r < 0 ? r : 0, CNI_ERR_STATE);
}

/* A range that is full of the dead is not full: the next ADD would reclaim them. */
static int has_free(const struct host_local *h, const struct cni_request *req,
		    struct lease_store *s, const struct host_local_request *q, struct err *e)
{
	struct err full = { 0 };
	int r = host_local_has_free(s, q, req->arena, &full);

	if (r == -ENOSPC && reclaim(h, req, s))
		return host_local_has_free(s, q, req->arena, e);
	if (r < 0)
		*e = full;
	return r;
}

int host_local_status(const struct host_local *h, const struct cni_request *req, struct err *e)
{
	struct host_local_request q = { .network = req->at.network };
	struct lease_store s;
	int r = open_store(h, req, true, &s, e);

	if (r == 0) {
		for (q.number = 0; r == 0 && q.number < h->set_count; q.number++) {
			q.set = &h->sets[q.number];
			r = has_free(h, req, &s, &q, e);
		}
		lease_close(&s);
	}
	if (r < 0)
		e->code = CNI_ERR_NOT_AVAILABLE;
	return r;
}
