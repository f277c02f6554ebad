/* ADD and CHECK: see fw.h. */
#include "fw/fw_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "net/nl.h"

struct change {
	struct nl *nl;
	int dir; /* the store */
	const struct fw_schema *s;
	const struct fw_elem *elems;
	size_t count;
	char comment[FW_COMMENT_SIZE];
	bool evict; /* ranges of others are in the way */
	struct fw_view view;
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
	return store_write(c->dir, c->s, attachment_host_name(o->at, name), &record, e);
}

static bool is_own(const struct change *c, const char *comment)
{
	return strcmp(comment, c->comment) == 0;
}

/* Was it a living owner that has this? Then its DEL, or ours, gives the other back what it had. */
static int note_owner(struct change *c, const char *comment, struct err *e)
{
	char name[IF_NAMESIZE];
	int r = fw_comment_name(comment, name) ? fw_is_alive(name, e) : 0;

	return r > 0 ? store_mark_shared(c->dir, c->s, e) : r;
}

struct eviction {
	const struct fw_elem *mine;
	struct nft_elem at[FW_ELEMS_MAX];
	char comment[FW_COMMENT_SIZE];
	size_t count;
};

static int collect_overlap(const struct nft_elem *el, void *arg)
{
	struct eviction *v = arg;

	if (v->count == FW_ELEMS_MAX || !fw_overlaps(v->mine->set, el, &v->mine->el))
		return 0;
	str_copy(v->comment, sizeof(v->comment), el->comment);
	v->at[v->count] = *el;
	v->at[v->count++].comment = NULL;
	return 0;
}

/* Delete the ranges that overlap this one. The walk uses the socket: before the transaction. */
static int evict(struct change *c, const struct fw_elem *mine, struct err *e)
{
	static struct eviction v;
	int r;

	if (!mine->set->interval)
		return 0;
	v = (struct eviction){ .mine = mine };
	r = nft_elem_each(c->nl, &c->s->table, mine->set, collect_overlap, &v, e);
	if (r < 0 || !v.count)
		return r < 0 ? r : 0;
	r = is_own(c, v.comment) ? 0 : note_owner(c, v.comment, e);
	if (r < 0)
		return r;
	nft_begin(c->nl);
	for (size_t i = 0; i < v.count; i++)
		nft_elem_del(c->nl, &c->s->table, mine->set, &v.at[i]);
	r = nft_commit(c->nl, NULL, e);
	return r == -ENOENT ? 0 : r;
}

static int make_way(struct change *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->count; i++) {
		const struct nft_query *q = &c->view.elem[i];

		if (q->found && !is_own(c, q->comment))
			r = note_owner(c, q->comment, e);
		else if (!q->found && c->evict)
			r = evict(c, &c->elems[i], e);
	}
	c->evict = false;
	return r;
}

static void put_element(struct change *c, size_t i)
{
	const struct nft_query *q = &c->view.elem[i];
	struct nft_elem el = c->elems[i].el;

	el.comment = c->comment;
	if (q->found)
		nft_elem_del(c->nl, &c->s->table, c->elems[i].set, &el);
	nft_elem_create(c->nl, &c->s->table, c->elems[i].set, &el);
}

/* -ENOENT, -EEXIST: it is not as it was when we looked. */
static int put_elements(struct change *c, struct err *e)
{
	int r = make_way(c, e);

	if (r < 0)
		return r;
	nft_begin(c->nl);
	for (size_t i = 0; i < c->count; i++) {
		const struct nft_query *q = &c->view.elem[i];

		if (!q->found || !q->alike || !is_own(c, q->comment))
			put_element(c, i);
	}
	return nft_commit(c->nl, NULL, e);
}

static int try_change(struct change *c, struct err *e)
{
	int r = fw_look(c->nl, c->s, c->elems, c->count, &c->view, e);

	if (r == 0 && !c->view.complete) {
		r = fw_restore(c->nl, c->s, c->dir, e);
		return r < 0 ? r : -ENOENT;
	}
	if (r == 0)
		r = put_elements(c, e);
	if (r == -EEXIST)
		c->evict = true;
	return r;
}

static int change(struct change *c, struct err *e)
{
	struct err local = { 0 };
	int r = -ENOENT;

	for (int i = 0; (r == -ENOENT || r == -EEXIST) && i < FW_TRIES; i++) {
		err_clear(&local);
		r = try_change(c, &local);
	}
	if (r < 0 && !local.errnum)
		return err_set(e, EAGAIN, "others take the table %s away again and again",
			       c->s->table.name);
	return r < 0 ? err_take(e, &local) : 0;
}

int fw_change(const struct fw_schema *s, const struct fw_owner *o, const struct fw_elem *elems,
	      size_t count, struct err *e)
{
	static struct change c;
	int r;

	c.s = s;
	c.elems = elems;
	c.count = count;
	c.evict = false;
	fw_comment(o->at, c.comment);
	r = fw_open(&c.nl, e);
	if (r < 0)
		return r;
	c.dir = store_open(true, e);
	if (c.dir < 0)
		return err_code(e, c.dir, CNI_ERR_STATE);
	r = err_code(e, write_record(&c, o, e), CNI_ERR_STATE);
	if (r == 0)
		r = change(&c, e);
	close(c.dir);
	return r;
}

static int differs(const struct fw_schema *s, const char *what, struct err *e)
{
	int r = err_set(e, ENOENT, "the nftables table %s %s", s->table.name, what);

	return err_code(e, r, CNI_ERR_DIFFERS);
}

int fw_check(const struct fw_schema *s, const struct fw_elem *elems, size_t count, struct err *e)
{
	static struct fw_view v;
	char buf[256];
	struct text t;
	struct nl *nl;
	int r = fw_open(&nl, e);

	if (r == 0)
		r = fw_look(nl, s, elems, count, &v, e);
	if (r == 0 && !v.complete)
		return differs(s, v.missing, e);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (v.elem[i].found && v.elem[i].alike)
			continue;
		text_init(&t, buf, sizeof(buf));
		text_str(&t, "lacks the element ");
		record_format_elem(&elems[i], &t);
		r = differs(s, buf, e);
	}
	return r;
}
