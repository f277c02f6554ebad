/* The ifb of an attachment: see ifb.h. */
#include "iface/ifb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/sha512.h"
#include "cni/attachment.h"
#include "cni/request.h"
#include "iface/forward.h"
#include "iface/gone.h"
#include "net/nl.h"

#define NAMES 2
#define GC_MAX 1000 /* more wait for the next GC */

/* The first is the reference's. */
static int make_name(const struct cni_request *req, unsigned int which,
		     char out[static IF_NAMESIZE], struct err *e)
{
	const struct cni_attachment *at = &req->at;
	const char *text = arena_printf(req->arena, "%s%s%s", at->network, at->container_id,
					which ? at->ifname : "");
	uint8_t hash[SHA512_SIZE];

	if (!text)
		return err_set(e, ENOMEM, "no memory left");
	sha512(text, strlen(text), hash);
	snprintf(out, IF_NAMESIZE, "%s%02x%02x%02x%02x%02x%02x", which ? "bwq" : "bwp", hash[0],
		 hash[1], hash[2], hash[3], hash[4], hash[5]);
	return 0;
}

/* One that has no alias has the name, which says enough: but only of the container. */
static bool is_own(const struct cni_request *req, const struct link *l)
{
	char alias[LINK_ALIAS_SIZE];

	if (strcmp(l->kind, "ifb") != 0)
		return false;
	return !l->alias[0] || strcmp(l->alias, attachment_alias(&req->at, alias)) == 0;
}

/* udev and administrators rename. */
static int find_by_alias(struct nl *nl, const struct cni_request *req, struct link *out,
			 struct err *e)
{
	char alias[LINK_ALIAS_SIZE];

	return link_find_alias(nl, "ifb", attachment_alias(&req->at, alias), out, e);
}

static int find_by_name(struct nl *nl, const struct cni_request *req, struct link *out,
			struct err *e)
{
	char name[IF_NAMESIZE];

	*out = (struct link){ 0 };
	for (unsigned int n = 0; n < NAMES; n++) {
		int r = make_name(req, n, name, e);

		if (r == 0)
			r = link_find(nl, name, out, e);
		if (r < 0)
			return r;
		if (r > 0 && is_own(req, out))
			return 1;
	}
	return 0;
}

int ifb_find(struct nl *nl, const struct cni_request *req, struct link *out, struct err *e)
{
	int r = find_by_name(nl, req, out, e);

	return r ? r : find_by_alias(nl, req, out, e);
}

static int del_link(struct nl *nl, int index, struct err *e)
{
	struct err local = { 0 };
	int r;

	link_del(nl, index);
	r = nl_commit(nl, NULL, &local);
	return r < 0 && r != -ENODEV ? err_take(e, &local) : 0;
}

static int del_found(struct nl *nl, const struct link *l, struct err *e)
{
	return err_ctx(e, del_link(nl, l->index, e), "%s", l->name);
}

int ifb_del(struct nl *nl, const struct cni_request *req, struct err *e)
{
	struct link l;
	int r = ifb_find(nl, req, &l, e);

	return r > 0 ? del_found(nl, &l, e) : r;
}

static int choose_name(struct nl *nl, const struct cni_request *req, char out[static IF_NAMESIZE],
		       struct err *e)
{
	struct link l;
	int r = 1;

	for (unsigned int n = 0; r > 0 && n < NAMES; n++) {
		r = make_name(req, n, out, e);
		if (r == 0)
			r = link_find(nl, out, &l, e);
	}
	return r;
}

/* What an ADD left that was killed. One that has another name now is for DEL, which looks at all.
 */
static int del_left(struct nl *nl, const struct cni_request *req, struct err *e)
{
	struct link l;
	int r = find_by_name(nl, req, &l, e);

	return r > 0 ? del_found(nl, &l, e) : r;
}

int ifb_add(struct nl *nl, const struct cni_request *req, uint32_t mtu, struct link *out,
	    struct err *e)
{
	char name[IF_NAMESIZE], alias[LINK_ALIAS_SIZE];
	const struct new_link l = { .name = name, .kind = "ifb", .group = attachment_group() };
	int r = del_left(nl, req, e);

	if (r == 0)
		r = choose_name(nl, req, name, e);
	if (r > 0)
		r = err_set(e, EEXIST, "link %s is there already, and not of this attachment",
			    name);
	if (r < 0)
		return r;
	link_add(nl, &l);
	r = nl_commit(nl, NULL, e);
	if (r == 0) {
		/* What an address of its own would cost grows with the links of the node. */
		(void)forward_shut_ipv6_new(name, err_ignored());
		r = link_find(nl, name, out, e);
	}
	if (r > 0) {
		link_set_alias(nl, out->index, attachment_alias(&req->at, alias), 0);
		link_set_mtu(nl, out->index, mtu);
		link_up(nl, out->index);
		r = nl_commit(nl, NULL, e);
	}
	return err_ctx(e, r, "%s", name);
}

struct gc_walk {
	const struct cni_request *req;
	int links[GC_MAX];
	size_t count;
	struct err *e;
};

static int collect(const struct link *l, void *arg)
{
	struct gc_walk *w = arg;
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;
	int r;

	if (w->count == GC_MAX)
		return 0;
	r = attachment_orphaned(l);
	if (!r && attachment_parse(l->alias, buf, &at) &&
	    attachment_network_is(at.network, w->req->at.network) &&
	    !cni_is_valid(w->req, at.container_id, at.ifname))
		r = attachment_gone(&at, w->e);
	if (r > 0)
		w->links[w->count++] = l->index;
	return r < 0 ? r : 0;
}

int ifb_gc(struct nl *nl, const struct cni_request *req, struct err *e)
{
	static struct gc_walk w;
	int r;

	w.req = req;
	w.count = 0;
	w.e = e;
	r = link_each(nl, "ifb", collect, &w, e);
	for (size_t n = 0; r >= 0 && n < w.count; n++)
		r = del_link(nl, w.links[n], e);
	return r;
}
