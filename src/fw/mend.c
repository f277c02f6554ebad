/*
 * Elements that others have taken out of a table that is whole are put back by the records, one
 * owner after the other. See fw_private.h; restore.c says why nobody is forgotten.
 */
#include "fw/fw_private.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "net/nl.h"

/* How many it lacks; -1: another has one of them. */
static int count_missing(const struct fw_schema *s, const struct fw_record *record,
			 const struct fw_view *v, const char *comment)
{
	int missing = 0;

	for (size_t i = 0; i < record->count; i++) {
		if (v->elem[i].found && !fw_is_joint(s, record->elems[i].set) &&
		    strcmp(v->elem[i].comment, comment) != 0)
			return -1;
		missing += !v->elem[i].found;
	}
	return missing;
}

struct mend {
	struct fw_place *p;
	struct fw_view view;
	int contested; /* owners whose elements others have */
	struct err *e;
};

static int put_missing(struct mend *m, const struct fw_record *record, const char *comment,
		       int missing, struct err *e)
{
	struct fw_place *p = m->p;

	fw_begin(p, m->view.generation);
	for (size_t i = 0; i < record->count; i++) {
		struct nft_elem el = record->elems[i].el;

		el.comment = fw_is_joint(p->s, record->elems[i].set) ? FW_JOINT_COMMENT : comment;
		if (!m->view.elem[i].found)
			nft_elem_create(p->nl, &p->s->table, record->elems[i].set, &el);
	}
	return fw_commit(p, m->view.generation, missing, e);
}

/* 1: it has what it asked for. -EEXIST: another has it. */
static int try_mend(struct mend *m, const struct fw_record *record, struct err *e)
{
	char comment[FW_COMMENT_SIZE];
	int r = fw_look(m->p, record->elems, record->count, &m->view, e), missing;

	if (r < 0)
		return r;
	fw_comment(&record->at, comment);
	missing = count_missing(m->p->s, record, &m->view, comment);
	if (missing < 0)
		return -EEXIST;
	r = missing ? put_missing(m, record, comment, missing, e) : 0;
	return r < 0 ? r : 1;
}

/* Others change the ruleset, or a range of theirs is in the way, which no look at the key shows. */
static bool is_to_try_again(int r)
{
	return r == -ERESTART || r == -ENOENT || r == -EEXIST;
}

/* What cannot be given back now is when whoever has it goes. */
static int mend_record(const struct fw_record *record, const char *host_name, void *arg)
{
	struct mend *m = arg;
	bool hurried = m->p->hurried;
	struct err local = { 0 };
	int r = fw_owner_is_alive(record, host_name, m->e);

	if (r <= 0)
		return r;
	r = -ERESTART;
	for (int i = 0; is_to_try_again(r) && i < FW_TRIES; i++) {
		err_clear(&local);
		m->p->hurried = hurried || i > FW_TRIES / 2;
		r = try_mend(m, record, &local);
	}
	m->p->hurried = hurried;
	if (!is_to_try_again(r))
		return r < 0 ? err_take(m->e, &local) : 0;
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

struct lacking {
	struct mend m;
	size_t count;
};

static int find_lacking(const struct fw_record *record, const char *host_name, void *arg)
{
	struct lacking *l = arg;
	char comment[FW_COMMENT_SIZE];
	int r = fw_owner_is_alive(record, host_name, l->m.e);

	if (r <= 0)
		return r;
	r = fw_look(l->m.p, record->elems, record->count, &l->m.view, l->m.e);
	fw_comment(&record->at, comment);
	if (r < 0 || count_missing(l->m.p->s, record, &l->m.view, comment) <= 0)
		return r;
	l->count += !fw_is_in_flight(record, host_name);
	return 0;
}

int fw_count_lacking(struct fw_place *p, size_t *out, struct err *e)
{
	static struct lacking l;
	int r;

	l.m.p = p;
	l.m.e = e;
	l.count = 0;
	r = store_each(p->dir, p->s, find_lacking, &l, e);
	*out = l.count;
	return r;
}
