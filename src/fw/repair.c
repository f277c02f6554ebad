/*
 * Is all there that the records ask for? What is not is put back: see fw.h and fw_private.h. How,
 * is in restore.c and mend.c.
 */
#include "fw/fw_private.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "net/nl.h"

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

/*
 * In a crowd everybody finds another count than was sealed. Each mend looks at all records, so that
 * it is not for each of them to do: one that began after this one came to wait has done it.
 */
static int mend_alone(struct fw_place *p, struct err *e)
{
	uint32_t before = seal_mends(&p->seal);
	int r = store_lock(p->dir, true, e);

	if (r < 0)
		return r;
	if (seal_mends(&p->seal) < before + 2) {
		r = fw_mend(p, e);
		if (r >= 0)
			seal_count_mend(&p->seal);
	}
	store_unlock(p->dir);
	return r;
}

static int put_outside(struct fw_place *p, struct err *e)
{
	return p->s->outside ? p->s->outside->put(p->nl, e) : 0;
}

int fw_ensure(struct fw_place *p, const struct fw_view *v, bool *mended, struct err *e)
{
	char missing[FW_MISSING_SIZE];
	uint32_t elements;
	int r = v->table ? fw_inspect(p, missing, e) : 0;

	if (r == 0) {
		*mended = true;
		r = fw_restore(p, e);
		if (r == 0)
			r = put_outside(p, e);
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
	r = put_outside(p, e);
	if (r)
		return r < 0 ? r : -ERESTART;
	p->seal.generation = v->generation;
	p->seal.elements = elements;
	return 0;
}

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

/* Stops the walk at the first whose ADD has ended. */
static int is_settled(const struct fw_record *record, const char *host_name, void *arg)
{
	(void)arg;
	return !fw_is_in_flight(record, host_name);
}

static int find_missing(struct fw_place *p, char missing[static FW_MISSING_SIZE], struct err *e)
{
	size_t lacking = 0;
	int r;

	missing[0] = '\0';
	r = fw_inspect(p, missing, e);
	if (r > 0)
		r = fw_count_lacking(p, &lacking, e);
	if (r == 0 && lacking)
		snprintf(missing, FW_MISSING_SIZE, "lacks elements of %zu attachments", lacking);
	if (r == 0 && !missing[0] && p->s->outside)
		r = p->s->outside->check(p->nl, missing, e);
	return r < 0 ? r : !missing[0];
}

/*
 * An ADD writes its record first, and a DEL takes it away last, under the lock: for a moment there
 * are records without what they ask for, and nothing is to be put back.
 */
static int find_settled(struct fw_place *p, char missing[static FW_MISSING_SIZE], struct err *e)
{
	int r = store_each(p->dir, p->s, is_settled, NULL, e);

	if (r > 0)
		return find_missing(p, missing, e);
	missing[0] = '\0';
	return r < 0 ? r : 1;
}

int fw_is_whole(const struct fw_schema *s, char missing[static FW_MISSING_SIZE], struct err *e)
{
	struct fw_place p;
	int r = open_place(&p, s, e);

	missing[0] = '\0';
	if (r <= 0)
		return r < 0 ? r : 1;
	r = find_missing(&p, missing, e);
	if (r == 0 && store_lock(p.dir, true, err_ignored()) == 0)
		r = find_settled(&p, missing, e);
	close_place(&p);
	return r;
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
		seal_write(&p.seal, 0);
	else
		err_take(e, &local);
	close_place(&p);
	return r;
}
