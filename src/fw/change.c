/* ADD, fw_change(): see fw.h. */
#include "fw/fw_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "net/nl.h"

#define EVICTED_MAX (2 * FW_ELEMS_MAX)

struct change {
	struct fw_place p;
	const struct fw_elem *elems;
	size_t count;
	char comment[FW_COMMENT_SIZE];
	bool evict;  /* ranges of others are in the way */
	bool mended; /* fw_ensure() */
	size_t evicted_count;
	struct fw_view view;
	struct fw_elem evicted[EVICTED_MAX];
};

static int write_record(struct change *c, const struct fw_owner *o, struct err *e)
{
	static struct fw_record record;
	char name[IF_NAMESIZE];

	if (c->count > FW_ELEMS_MAX)
		return err_set(e, E2BIG, "%zu elements, more than one attachment may have",
			       c->count);
	record.at = *o->at;
	record.data_dir = o->data_dir;
	record.host_end = o->host_end;
	record.count = c->count;
	memcpy(record.elems, c->elems, c->count * sizeof(*c->elems));
	return store_write(c->p.dir, c->p.s, attachment_host_name(o->at, name), &record, e);
}

static bool is_own(const struct change *c, const char *comment)
{
	return strcmp(comment, c->comment) == 0;
}

/*
 * Was it a living owner that has this? Then its DEL, or ours, gives the other back what it had. The
 * lock, up to our end, keeps DELs from taking the mark away before there is what it is for.
 */
static int note_owner(struct change *c, const char *comment, struct err *e)
{
	char name[IF_NAMESIZE];
	int r = fw_comment_name(comment, name) ? fw_is_alive(name, e) : 0;

	fw_unguard(&c->p); /* it is taken behind the store's lock, not before */
	if (r > 0 && store_lock(c->p.dir, false, e) < 0)
		return -EAGAIN;
	return r > 0 ? store_mark_shared(c->p.dir, c->p.s, e) : r;
}

/* By its record: with a host end, while that is there; else until DEL or GC. */
static int holder_lives(const struct change *c, const char *name, struct err *e)
{
	static struct fw_record record;
	struct err unread = { 0 };
	int has = store_read(c->p.dir, c->p.s, name, &record, &unread);

	if (has < 0 && has != -EBADMSG)
		return err_take(e, &unread);
	return has > 0 && !record.host_end ? 1 : fw_is_alive(name, e);
}

static int refuse_taken(const struct change *c, size_t i, struct err *e)
{
	const char *comment = c->view.elem[i].comment;
	char name[IF_NAMESIZE], buf[128];
	struct text t;
	int r = fw_comment_name(comment, name) ? holder_lives(c, name, e) : 0;

	if (r <= 0)
		return r;
	text_init(&t, buf, sizeof(buf));
	c->p.s->describe(&c->elems[i], &t);
	r = err_set(e, EADDRINUSE, "%s is taken: network/container/interface %s has it", buf,
		    comment + strlen(name) + 1);
	return err_code(e, r, CNI_ERR_EXISTS);
}

static bool is_kept(const struct change *c, size_t i)
{
	return c->elems[i].set < c->p.s->sets + c->p.s->kept;
}

static bool is_joint(const struct change *c, size_t i)
{
	return fw_is_joint(c->p.s, c->elems[i].set);
}

struct eviction {
	struct change *c;
	const struct fw_elem *mine;
	struct err *e;
};

static bool is_evicted(const struct change *c, const struct nft_set *s, const struct nft_elem *el)
{
	for (size_t i = 0; i < c->evicted_count; i++) {
		const struct fw_elem *at = &c->evicted[i];

		if (at->set == s && fw_overlaps(s, &at->el, el)) /* none overlaps another */
			return true;
	}
	return false;
}

static int collect_overlap(const struct nft_elem *el, void *arg)
{
	const struct eviction *v = arg;
	struct change *c = v->c;
	struct fw_elem *out = &c->evicted[c->evicted_count];

	if (c->evicted_count == EVICTED_MAX || is_evicted(c, v->mine->set, el) ||
	    !fw_overlaps(v->mine->set, el, &v->mine->el))
		return 0;
	*out = (struct fw_elem){ v->mine->set, *el };
	out->el.comment = NULL;
	c->evicted_count++;
	return is_own(c, el->comment) ? 0 : note_owner(c, el->comment, v->e);
}

/* Ranges that overlap this one. The walk uses the socket: before the transaction. */
static int find_overlaps(struct change *c, const struct fw_elem *mine, struct err *e)
{
	struct eviction v = { .c = c, .mine = mine, .e = e };
	int r = 0;

	if (mine->set->interval)
		r = nft_elem_each(c->p.nl, &c->p.s->table, mine->set, collect_overlap, &v, e);
	return r < 0 ? r : 0;
}

static int make_way(struct change *c, struct err *e)
{
	int r = 0;

	c->evicted_count = 0;
	for (size_t i = 0; r == 0 && i < c->count; i++) {
		const struct nft_query *q = &c->view.elem[i];

		if (is_joint(c, i))
			continue;
		if (q->found && !is_own(c, q->comment))
			r = is_kept(c, i) ? refuse_taken(c, i, e) : note_owner(c, q->comment, e);
		else if (!q->found && c->evict)
			r = find_overlaps(c, &c->elems[i], e);
	}
	c->evict = false;
	return r;
}

/* Is it not there as it should be, of this owner or, in a joint set, of whomever? */
static bool is_lacking(const struct change *c, size_t i)
{
	const struct nft_query *q = &c->view.elem[i];

	return !q->found || (!is_joint(c, i) && (!q->alike || !is_own(c, q->comment)));
}

/*
 * Rules in chains of others may follow from what is new in a joint set: whoever comes next, be it
 * because we were killed, is to look at them, and so are we.
 */
static bool widens_joint(const struct change *c)
{
	for (size_t i = 0; c->p.s->outside && i < c->count; i++) {
		if (is_joint(c, i) && is_lacking(c, i))
			return true;
	}
	return false;
}

/*
 * How many elements more there are with it. What is of several is added also where it is there: its
 * last owner's DEL may be about to take it.
 */
static int put_element(struct change *c, size_t i)
{
	const struct nft_query *q = &c->view.elem[i];
	struct nft_elem el = c->elems[i].el;

	el.comment = is_joint(c, i) ? FW_JOINT_COMMENT : c->comment;
	if (is_joint(c, i)) {
		nft_elem_add(c->p.nl, &c->p.s->table, c->elems[i].set, &el);
		return !q->found;
	}
	if (q->found)
		nft_elem_del(c->p.nl, &c->p.s->table, c->elems[i].set, &el);
	nft_elem_create(c->p.nl, &c->p.s->table, c->elems[i].set, &el);
	return !q->found;
}

/* A transaction that changes nothing has no generation: it must be empty. */
static int put_lacking(struct change *c)
{
	int grown = -(int)c->evicted_count;
	bool any = c->evicted_count > 0;

	for (size_t i = 0; i < c->evicted_count; i++)
		nft_elem_del(c->p.nl, &c->p.s->table, c->evicted[i].set, &c->evicted[i].el);
	for (size_t i = 0; i < c->count; i++)
		any = any || is_lacking(c, i);
	for (size_t i = 0; i < c->count; i++) {
		if (is_lacking(c, i) || (any && is_joint(c, i)))
			grown += put_element(c, i);
	}
	return grown;
}

/* -ENOENT, -EEXIST, -ERESTART: it is not as it was when we looked. */
static int put_elements(struct change *c, struct err *e)
{
	bool wider = widens_joint(c);
	int r = make_way(c, e), grown;

	if (r < 0)
		return r;
	if (wider)
		c->p.seal.generation = 0;
	fw_begin(&c->p, c->view.generation);
	grown = put_lacking(c);
	r = fw_commit(&c->p, c->view.generation, grown, e);
	return r == 0 && wider ? -ERESTART : r;
}

static int try_change(struct change *c, bool again, struct err *e)
{
	struct fw_place *p = &c->p;
	int r = fw_look_sealed(p, again, c->elems, c->count, &c->view, e);

	if (r == 0 && (!c->view.table || p->seal.generation != c->view.generation)) {
		fw_unguard(p);
		r = fw_ensure(p, &c->view, &c->mended, e);
	}
	if (r == 0)
		r = put_elements(c, e);
	if (r == -EEXIST)
		c->evict = true;
	fw_unguard(p);
	return r;
}

static int change(struct change *c, struct err *e)
{
	struct err local = { 0 };
	int r = -ENOENT;

	for (int i = 0; (r == -ENOENT || r == -EEXIST || r == -ERESTART) && i < FW_TRIES; i++) {
		err_clear(&local);
		c->p.hurried = i > FW_TRIES / 2;
		r = try_change(c, i > 0, &local);
	}
	if (r < 0 && !local.errnum)
		return err_set(e, EAGAIN, "others take the table %s away again and again",
			       c->p.s->table.name);
	return r < 0 ? err_take(e, &local) : 0;
}

int fw_change(const struct fw_schema *s, const struct fw_owner *o, const struct fw_elem *elems,
	      size_t count, struct err *e)
{
	static struct change c;
	struct fw_place *p = &c.p;
	int r;

	*p = (struct fw_place){ .s = s };
	c.elems = elems;
	c.count = count;
	c.evict = c.mended = false;
	fw_comment(o->at, c.comment);
	r = fw_open(&p->nl, e);
	if (r < 0)
		return r;
	p->dir = store_open(true, e);
	if (p->dir < 0)
		return err_code(e, p->dir, CNI_ERR_STATE);
	r = err_code(e, write_record(&c, o, e), CNI_ERR_STATE);
	if (r == 0) {
		seal_open(p->dir, s, true, &p->seal);
		r = change(&c, e);
		seal_close(&p->seal);
	}
	close(p->dir);
	return r;
}
