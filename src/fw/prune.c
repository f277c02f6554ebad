/*
 * Elements that several attachments ask for: the last one takes them with it. See fw_private.h.
 *
 * Whether an element is asked for is told by the records, and most often by the first that is read.
 * An ADD writes its record before it looks at the table, and adds these elements whether they are
 * there or not. So one that is taken away on condition of a generation that was read before the
 * records is either not asked for, or comes back with that ADD.
 */
#include "fw/fw_private.h"

#include <errno.h>

#include "base/err.h"
#include "net/nl.h"

#define CANDIDATES_MAX 256 /* in one pass */

struct prune {
	struct fw_place *p;
	const struct fw_record *gone;
	const struct nft_set *set; /* being walked */
	struct fw_elem at[CANDIDATES_MAX];
	size_t count;
	struct fw_view view;
};

static bool record_has(const struct fw_record *r, const struct fw_elem *el)
{
	for (size_t i = 0; i < r->count; i++) {
		if (fw_elem_equal(&r->elems[i], el))
			return true;
	}
	return false;
}

static int collect(const struct nft_elem *el, void *arg)
{
	struct prune *c = arg;
	struct fw_elem found = { c->set, *el };

	found.el.comment = NULL;
	if (c->count < CANDIDATES_MAX && (!c->gone || record_has(c->gone, &found)))
		c->at[c->count++] = found;
	return 0;
}

static int collect_all(struct prune *c, struct err *e)
{
	const struct fw_schema *s = c->p->s;
	int r = 0;

	c->count = 0;
	for (size_t i = s->set_count - s->joint; r >= 0 && i < s->set_count; i++) {
		c->set = &s->sets[i];
		r = nft_elem_each(c->p->nl, &s->table, c->set, collect, c, e);
	}
	return r < 0 ? r : 0;
}

static int find_holder(const struct fw_record *r, const char *host_name, void *arg)
{
	(void)host_name;
	return record_has(r, arg);
}

/* Who is asked for leaves the candidates. */
static int keep_held(struct prune *c, struct err *e)
{
	size_t count = 0;

	for (size_t i = 0; i < c->count; i++) {
		int r = store_each(c->p->dir, c->p->s, find_holder, &c->at[i], e);

		if (r < 0)
			return r;
		if (r == 0)
			c->at[count++] = c->at[i];
	}
	c->count = count;
	return 0;
}

static int delete_left(struct prune *c, struct err *e)
{
	struct fw_place *p = c->p;

	nft_begin_at(p->nl, c->view.generation);
	for (size_t i = 0; i < c->count; i++)
		nft_elem_del(p->nl, &p->s->table, c->at[i].set, &c->at[i].el);
	return fw_commit(p, c->view.generation, -(int)c->count, e);
}

/* 1: something has gone. */
static int prune_once(struct prune *c, struct err *e)
{
	int r;

	seal_read(&c->p->seal);
	r = fw_look(c->p, NULL, 0, &c->view, e);
	c->count = 0;
	if (r == 0 && c->view.table)
		r = collect_all(c, e);
	if (r == 0 && c->count)
		r = keep_held(c, e);
	if (r < 0 || !c->count)
		return r;
	r = delete_left(c, e);
	return r < 0 ? r : 1;
}

int fw_prune(struct fw_place *p, const struct fw_record *gone, struct err *e)
{
	static struct prune c;
	struct err local = { 0 };
	int r = -ERESTART;

	c.p = p;
	c.gone = gone;
	for (int i = 0; (r == -ENOENT || r == -ERESTART) && i < FW_TRIES; i++) {
		err_clear(&local);
		r = prune_once(&c, &local);
	}
	if (r > 0 && p->s->outside)
		r = p->s->outside->put(p->nl, &local);
	if (r == -ENOENT || r == -ERESTART)
		return 0; /* the next one finds it */
	return r < 0 ? err_take(e, &local) : 0;
}
