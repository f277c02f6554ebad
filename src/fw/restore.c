/*
 * A table that lacks something, or is not as its schema says, is made anew with what all records
 * ask for. See fw_private.h.
 *
 * Theory of operation. Whoever puts back holds the store's lock alone, so DELs have either taken
 * their elements and their records away, or take both later. It reads the records after it has seen
 * that something is missing; an ADD writes its record before it looks at the table, so it is either
 * in what is read here, or finds the table as it is left here and adds its elements itself.
 *
 * The old table goes in the transaction that makes the new one. The chains and their rules come
 * last: as long as one of several transactions is missing, because we were killed, the table is not
 * whole.
 */
#include "fw/fw_private.h"

#include <errno.h>

#include "base/err.h"
#include "base/log.h"
#include "net/nl.h"

#define ELEM_BYTES 512 /* of one in a transaction, at most */

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
	size_t chains = fw_chain_count(s);

	for (size_t i = 0; i < chains; i++)
		nft_chain_add(nl, &s->table, &s->chains[i]);
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
	const struct fw_schema *s = r->p->s;
	char comment[FW_COMMENT_SIZE];

	fw_comment(&record->at, comment);
	for (size_t i = 0; i < record->count; i++) {
		struct nft_elem el = record->elems[i].el;

		el.comment = fw_is_joint(s, record->elems[i].set) ? FW_JOINT_COMMENT : comment;
		nft_elem_add(r->p->nl, &s->table, record->elems[i].set, &el);
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

static int put_record(const struct fw_record *record, const char *host_name, void *arg)
{
	struct restore *r = arg;
	int alive = fw_owner_is_alive(record, host_name, r->e), res = 0;

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
 * many elements it has is not known where several owners have one and the same. With rules in
 * chains of others it is not whole before these are there too.
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
	if (r->several || r->one_by_one || p->s->outside)
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

int fw_restore(struct fw_place *p, struct err *e)
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
