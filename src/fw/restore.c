/*
 * Putting back a table that is gone, or lacks something, with what all have on record.
 *
 * Theory of operation. Who puts back holds the store's lock alone, so DELs have either taken their
 * elements and their records away, or take both later. It reads the records after it has seen that
 * the table is not whole; an ADD writes its record before it looks at the table, so it is either in
 * what is read here, or finds the table as it is left here and adds its elements itself.
 *
 * The old table goes in the transaction that makes the new one. The chains and their rules come
 * last: as long as one of several transactions is missing, because we were killed, the table is
 * not whole.
 */
#include "fw/fw_private.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "net/nl.h"

#define ELEM_BYTES 512 /* of one in a transaction, at most */

struct restore {
	struct nl *nl;
	const struct fw_schema *s;
	bool one_by_one; /* two records contradict each other */
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
	int res = nft_commit(r->nl, NULL, e);

	nft_begin(r->nl);
	return res;
}

static void put_elements(struct restore *r, const struct fw_record *record)
{
	char comment[FW_COMMENT_SIZE];

	fw_comment(&record->at, comment);
	for (size_t i = 0; i < record->count; i++) {
		struct nft_elem el = record->elems[i].el;

		el.comment = comment;
		nft_elem_add(r->nl, &r->s->table, record->elems[i].set, &el);
	}
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
static int put_record(const struct fw_record *record, const char *host_name, void *arg)
{
	struct restore *r = arg;
	int alive = record->host_end ? fw_is_alive(host_name, r->e) : 1, res = 0;

	if (alive <= 0)
		return alive;
	if (r->one_by_one)
		return put_alone(r, record);
	if (!nl_has_room(r->nl, (unsigned int)record->count + 32,
			 (record->count + 32) * ELEM_BYTES))
		res = next_transaction(r, r->e);
	if (res == 0)
		put_elements(r, record);
	return res;
}

static int restore(struct restore *r, int dir, bool exists, struct err *e)
{
	int res;

	nft_begin(r->nl);
	put_table(r->nl, r->s, exists);
	res = store_each(dir, r->s, put_record, r, e);
	if (res < 0) {
		nl_discard(r->nl);
		return res;
	}
	put_chains(r->nl, r->s);
	return nft_commit(r->nl, NULL, e);
}

int fw_restore(struct nl *nl, const struct fw_schema *s, int dir, struct err *e)
{
	static struct fw_view v;
	struct err local = { 0 };
	struct restore r = { .nl = nl, .s = s, .e = &local };
	int res = store_lock(dir, true, e);

	if (res < 0)
		return res;
	for (int i = 0; i < FW_TRIES; i++) {
		err_clear(&local);
		res = fw_look(nl, s, NULL, 0, &v, &local);
		if (res < 0 || v.complete)
			break;
		res = restore(&r, dir, v.table, &local);
		if (res != -EEXIST && res != -ENOENT)
			break;
		r.one_by_one = res == -EEXIST;
	}
	if (res < 0)
		err_take(e, &local);
	store_unlock(dir);
	return res;
}
