/*
 * Putting back what is gone: a table that lacks something, elements that were taken out of it.
 *
 * Theory of operation. Whoever puts back holds the store's lock alone, so DELs have either taken
 * their elements and their records away, or take both later. It reads the records after it has seen
 * that something is missing; an ADD writes its record before it looks at the table, so it is either
 * in what is read here, or finds the table as it is left here and adds its elements itself.
 *
 * A table that is not as its schema says goes in the transaction that makes the new one. The chains
 * and their rules come last: as long as one of several transactions is missing, because we were
 * killed, the table is not whole.
 */
#include "fw/fw_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/nl.h"

#define ELEM_BYTES 512 /* of one in a transaction, at most */

/* ---- the table anew ---- */

struct restore {
	struct fw_place *p;
	bool one_by_one; /* two records contradict each other */
	bool several;	 /* transactions */
	int elements;
	struct err *e;
};

static void put_table(struct nl *nl, const struct fw_schema *s, bool exists)
{
	if (exists)
		nft_table_del(nl, &s->table);
	nft_table_add(nl, &s->table);
	for (size_t i = 0; i < s->set_count; i++)
		nft_set_add(nl, &s->table, &s->sets[i]);
}

static void put_chains(struct nl *nl, const struct fw_schema *s)
{
	for (size_t i = 0; i < s->chain_count; i++)
		nft_chain_add(nl, &s->table, &s->chains[i].chain);
	s->put_rules(nl);
}

/* What stands in the transaction so far takes effect, and the next begins. */
static int next_transaction(struct restore *r, struct err *e)
{
	int res = nft_commit(r->p->nl, NULL, e);

	r->several = true;
	nft_begin(r->p->nl);
	return res;
}

static void put_elements(struct restore *r, const struct fw_record *record)
{
	char comment[FW_COMMENT_SIZE];

	fw_comment(&record->at, comment);
	for (size_t i = 0; i < record->count; i++) {
		struct nft_elem el = record->elems[i].el;

		el.comment = comment;
		nft_elem_add(r->p->nl, &r->p->s->table, record->elems[i].set, &el);
	}
	r->elements += (int)record->count;
}

static int put_alone(struct restore *r, const struct fw_record *record)
{
	struct err local = { 0 };
	int res = next_transaction(r, r->e);

	if (res < 0)
		return res;
	put_elements(r, record);
	res = next_transaction(r, &local);
	if (res < 0 && res != -EEXIST)
		return err_take(r->e, &local);
	if (res < 0)
		log_line(LOG_WARN, "%s/%s: another has its place: %s", record->at.network,
			 record->at.container_id, local.text);
	return 0;
}

/* Another pod may have the addresses of one that is gone. */
static int owner_is_alive(const struct fw_record *record, const char *host_name, struct err *e)
{
	return record->host_end ? fw_is_alive(host_name, e) : 1;
}

static int put_record(const struct fw_record *record, const char *host_name, void *arg)
{
	struct restore *r = arg;
	int alive = owner_is_alive(record, host_name, r->e), res = 0;

	if (alive <= 0)
		return alive;
	if (r->one_by_one)
		return put_alone(r, record);
	if (!nl_has_room(r->p->nl, (unsigned int)record->count + 32,
			 (record->count + 32) * ELEM_BYTES))
		res = next_transaction(r, r->e);
	if (res == 0)
		put_elements(r, record);
	return res;
}

/*
 * The new table's generation is sealed if it is one transaction's that nobody has disturbed. How
 * many elements it has is not known where several owners have one and the same.
 */
static int restore(struct restore *r, uint32_t generation, bool exists, struct err *e)
{
	struct fw_place *p = r->p;
	int res;

	r->several = false;
	r->elements = 0;
	p->seal.generation = generation;
	p->seal.elements = 0;
	fw_begin(p, generation);
	put_table(p->nl, p->s, exists);
	res = store_each(p->dir, p->s, put_record, r, e);
	if (res < 0) {
		nl_discard(p->nl);
		return res;
	}
	put_chains(p->nl, p->s);
	if (r->several || r->one_by_one)
		p->seal.generation = 0;
	return fw_commit(p, generation, r->elements, e);
}

/* Unless it is whole by now. */
static int restore_once(struct restore *r, struct err *e)
{
	static struct fw_view v;
	char missing[FW_MISSING_SIZE];
	int res = fw_look(r->p, NULL, 0, &v, e);

	if (res == 0 && v.table) {
		res = fw_inspect(r->p, missing, e);
		if (res != 0)
			return res < 0 ? res : 0;
	}
	return res < 0 ? res : restore(r, v.generation, v.table, e);
}

static int restore_table(struct fw_place *p, struct err *e)
{
	struct err local = { 0 };
	struct restore r = { .p = p, .e = &local };
	int res = store_lock(p->dir, true, e), tries = 0;

	if (res < 0)
		return res;
	do {
		err_clear(&local);
		p->hurried = tries > FW_TRIES / 2;
		res = restore_once(&r, &local);
		r.one_by_one |= res == -EEXIST;
	} while ((res == -EEXIST || res == -ENOENT || res == -ERESTART) && ++tries < FW_TRIES);
	p->hurried = false;
	if (res < 0)
		err_take(e, &local);
	store_unlock(p->dir);
	return res;
}

/* ---- elements ---- */

struct mend {
	struct fw_place *p;
	struct fw_view view;
	int contested; /* owners whose elements others have */
	struct err *e;
};

/* How many it lacks; -1: another has one of them. */
static int count_missing(const struct fw_record *record, const struct fw_view *v,
			 const char *comment)
{
	int missing = 0;

	for (size_t i = 0; i < record->count; i++) {
		if (v->elem[i].found && strcmp(v->elem[i].comment, comment) != 0)
			return -1;
		missing += !v->elem[i].found;
	}
	return missing;
}

static int put_missing(struct mend *m, const struct fw_record *record, const char *comment,
		       int missing)
{
	struct fw_place *p = m->p;

	fw_begin(p, m->view.generation);
	for (size_t i = 0; i < record->count; i++) {
		struct nft_elem el = record->elems[i].el;

		el.comment = comment;
		if (!m->view.elem[i].found)
			nft_elem_create(p->nl, &p->s->table, record->elems[i].set, &el);
	}
	return fw_commit(p, m->view.generation, missing, err_ignored());
}

/* What cannot be given back now is when whoever has it goes. */
static int mend_record(const struct fw_record *record, const char *host_name, void *arg)
{
	struct mend *m = arg;
	char comment[FW_COMMENT_SIZE];
	int r = owner_is_alive(record, host_name, m->e), missing;

	if (r > 0)
		r = fw_look(m->p, record->elems, record->count, &m->view, m->e);
	else if (r == 0)
		return 0;
	if (r < 0)
		return r;
	fw_comment(&record->at, comment);
	missing = count_missing(record, &m->view, comment);
	if (missing > 0)
		missing = put_missing(m, record, comment, missing);
	if (missing == 0)
		return 0;
	m->contested++;
	return store_mark_shared(m->p->dir, m->p->s, m->e);
}

int fw_mend(struct fw_place *p, struct err *e)
{
	static struct mend m;
	int r;

	m.p = p;
	m.e = e;
	m.contested = 0;
	r = store_each(p->dir, p->s, mend_record, &m, e);
	return r < 0 ? r : m.contested;
}

static int count_element(const struct nft_elem *el, void *arg)
{
	uint32_t *n = arg;

	(void)el;
	(*n)++;
	return 0;
}

/* A walk that others disturbed counts too many, at a generation that is over. */
static int count_elements(const struct fw_place *p, uint32_t *out, struct err *e)
{
	int r = 0;

	*out = 0;
	for (size_t i = 0; r >= 0 && i < p->s->set_count; i++)
		r = nft_elem_each(p->nl, &p->s->table, &p->s->sets[i], count_element, out, e);
	return r < 0 ? r : 0;
}

static int mend_alone(struct fw_place *p, struct err *e)
{
	int r = store_lock(p->dir, true, e);

	if (r < 0)
		return r;
	r = fw_mend(p, e);
	store_unlock(p->dir);
	return r;
}

/* ---- both ---- */

int fw_ensure(struct fw_place *p, const struct fw_view *v, bool *mended, struct err *e)
{
	char missing[FW_MISSING_SIZE];
	uint32_t elements;
	int r = v->table ? fw_inspect(p, missing, e) : 0;

	if (r == 0) {
		*mended = true;
		r = restore_table(p, e);
		return r < 0 ? r : -ERESTART;
	}
	if (r > 0)
		r = count_elements(p, &elements, e);
	if (r < 0)
		return r;
	if (elements != p->seal.elements && !*mended) {
		*mended = true;
		r = mend_alone(p, e);
		return r < 0 ? r : -ERESTART;
	}
	p->seal.generation = v->generation;
	p->seal.elements = elements;
	return 0;
}

/* ---- for all, without an ADD ---- */

/* 0: nobody has a record. */
static int open_place(struct fw_place *p, const struct fw_schema *s, struct err *e)
{
	int r;

	*p = (struct fw_place){ .s = s, .seal.fd = -1 };
	p->dir = store_open(false, e);
	if (p->dir <= 0)
		return p->dir;
	r = store_has_other(p->dir, s, NULL, e);
	if (r > 0 && fw_open(&p->nl, e) < 0)
		r = -EPROTONOSUPPORT;
	if (r <= 0)
		close(p->dir);
	return r;
}

static void close_place(struct fw_place *p)
{
	seal_close(&p->seal);
	close(p->dir);
}

int fw_has_records(const struct fw_schema *s, struct err *e)
{
	int dir = store_open(false, e), r;

	if (dir <= 0)
		return dir;
	r = store_has_other(dir, s, NULL, e);
	close(dir);
	return r;
}

struct lacking {
	struct mend m;
	size_t count;
};

static int find_lacking(const struct fw_record *record, const char *host_name, void *arg)
{
	struct lacking *l = arg;
	char comment[FW_COMMENT_SIZE];
	int r = owner_is_alive(record, host_name, l->m.e);

	if (r <= 0)
		return r;
	r = fw_look(l->m.p, record->elems, record->count, &l->m.view, l->m.e);
	fw_comment(&record->at, comment);
	l->count += r == 0 && count_missing(record, &l->m.view, comment) > 0;
	return r;
}

int fw_is_whole(const struct fw_schema *s, char missing[static FW_MISSING_SIZE], struct err *e)
{
	static struct lacking l;
	struct fw_place p;
	int r = open_place(&p, s, e);

	missing[0] = '\0';
	if (r <= 0)
		return r < 0 ? r : 1;
	l = (struct lacking){ .m = { .p = &p, .e = e } };
	r = fw_inspect(&p, missing, e);
	if (r > 0)
		r = store_each(p.dir, s, find_lacking, &l, e);
	else
		l.count = r == 0;
	close_place(&p);
	if (r == 0 && l.count && !missing[0])
		snprintf(missing, FW_MISSING_SIZE, "lacks elements of %zu attachments", l.count);
	return r < 0 ? r : !l.count;
}

int fw_repair(const struct fw_schema *s, struct err *e)
{
	static struct fw_view v;
	struct err local = { 0 };
	struct fw_place p;
	bool mended = false;
	int r = open_place(&p, s, e);

	if (r <= 0)
		return r;
	seal_open(p.dir, s, true, &p.seal);
	r = -ERESTART;
	for (int i = 0; r == -ERESTART && i < FW_TRIES; i++) {
		err_clear(&local);
		p.seal.elements = UINT32_MAX; /* whatever was sealed, the records are read */
		r = fw_look(&p, NULL, 0, &v, &local);
		if (r == 0)
			r = fw_ensure(&p, &v, &mended, &local);
	}
	if (r == 0)
		seal_write(&p.seal);
	else
		err_take(e, &local);
	close_place(&p);
	return r;
}
