/*
 * DEL and GC: see fw.h. Elements go first, then the record, then what nobody uses any more.
 *
 * Looking before deleting is not only for the search: a transaction that fails because an element
 * is not there costs the kernel a grace period (__nf_tables_abort()).
 */
#include "fw/fw_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "cni/request.h"
#include "net/nl.h"

#define FOUND_MAX 512	/* elements removed in one transaction */
#define NAMES_MAX 65536 /* owners of one search */

struct forget {
	struct fw_place p;
	bool alone; /* the store's lock is held so */

	/* What is looked for by comment: one owner's, or */
	char comment[FW_COMMENT_SIZE];
	char (*names)[IF_NAMESIZE]; /* of these owners, sorted, or */
	size_t name_count;
	const struct cni_request *gc;	    /* of those that are not valid and have no record */
	const struct fw_attached *attached; /* GC: who is spared; NULL: nobody */

	const struct nft_set *set; /* being walked */
	bool others;		   /* the walk has seen an element that is not looked for */
	size_t count;
	struct fw_view view;
	struct fw_elem found[FOUND_MAX];
};

static struct forget forget;

static void look_for_nobody(struct forget *f)
{
	f->names = NULL;
	f->gc = NULL;
	str_copy(f->comment, sizeof(f->comment), "nobody");
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool has_name(const struct forget *f, const char *comment)
{
	char name[IF_NAMESIZE];

	return fw_comment_name(comment, name) &&
	       bsearch(name, f->names, f->name_count, IF_NAMESIZE, compare_names) != NULL;
}

static bool is_stale(const struct forget *f, const char *comment)
{
	char name[IF_NAMESIZE];

	return fw_comment_is_stale(comment, f->gc) && fw_comment_name(comment, name) &&
	       !(f->attached && f->attached->has(name)) &&
	       !(f->p.dir && store_has(f->p.dir, f->p.s, name, err_ignored()));
}

static bool is_searched(const struct forget *f, const char *comment)
{
	if (f->gc)
		return is_stale(f, comment);
	return f->names ? has_name(f, comment) : strcmp(comment, f->comment) == 0;
}

static int collect(const struct nft_elem *el, void *arg)
{
	struct forget *f = arg;

	if (!is_searched(f, el->comment)) {
		f->others = true;
	} else if (f->count < FOUND_MAX) {
		f->found[f->count].set = f->set;
		f->found[f->count].el = *el;
		f->found[f->count++].el.comment = NULL;
	}
	return 0;
}

static int search(struct forget *f, struct err *e)
{
	int r = 0;

	f->count = 0;
	f->others = false;
	for (size_t i = 0; r >= 0 && i < f->p.s->set_count - f->p.s->joint; i++) {
		f->set = &f->p.s->sets[i];
		r = nft_elem_each(f->p.nl, &f->p.s->table, f->set, collect, f, e);
	}
	return r < 0 ? r : 0;
}

static void tell_gone(const struct forget *f, const struct fw_elem *elems, size_t count)
{
	if (f->p.s->gone && count)
		f->p.s->gone(elems, count);
}

static int delete_found(struct forget *f, struct err *e)
{
	fw_begin(&f->p, f->view.generation);
	for (size_t i = 0; i < f->count; i++)
		nft_elem_del(f->p.nl, &f->p.s->table, f->found[i].set, &f->found[i].el);
	return fw_commit(&f->p, f->view.generation, -(int)f->count, e);
}

/* What was found is not there any more, or others have changed anything since. */
static bool is_outdated(int r)
{
	return r == -ENOENT || r == -ERESTART;
}

/* In passes, until nothing more is found. */
static int delete_by_comment(struct forget *f, struct err *e)
{
	struct err local = { 0 };
	int r = 0;

	for (int tries = 0; tries < FW_TRIES; tries += is_outdated(r)) {
		err_clear(&local);
		f->p.hurried = tries > FW_TRIES / 2;
		seal_read(&f->p.seal);
		r = fw_look(&f->p, NULL, 0, &f->view, &local);
		f->count = 0;
		if (r == 0 && f->view.table)
			r = search(f, &local);
		if (r < 0 || !f->count)
			break;
		r = delete_found(f, &local);
		if (r == 0)
			tell_gone(f, f->found, f->count);
		if (r < 0 && !is_outdated(r))
			break;
	}
	return r < 0 ? err_take(e, &local) : 0;
}

/* The keys are known: no dump. */
static int find_recorded(struct forget *f, const struct fw_record *record, bool again,
			 struct err *e)
{
	int r = fw_look_sealed(&f->p, again, record->elems, record->count, &f->view, e);

	f->count = 0;
	for (size_t i = 0; r == 0 && i < record->count; i++) {
		if (f->view.elem[i].found && strcmp(f->view.elem[i].comment, f->comment) == 0)
			f->found[f->count++] = record->elems[i];
	}
	return r;
}

static int delete_recorded(struct forget *f, const struct fw_record *record, struct err *e)
{
	struct err local = { 0 };
	int r = -ENOENT;

	for (int i = 0; is_outdated(r) && i < FW_TRIES; i++) {
		err_clear(&local);
		f->p.hurried = i > FW_TRIES / 2;
		r = find_recorded(f, record, i > 0, &local);
		if (r == 0 && f->count)
			r = delete_found(f, &local);
		fw_unguard(&f->p);
	}
	if (r == 0)
		tell_gone(f, record->elems, record->count); /* also when a killed DEL took them */
	return r < 0 ? err_take(e, &local) : 0;
}

/*
 * Rules in chains of others go behind the table, on condition that it is not there: an ADD makes it
 * first, and then looks for them.
 */
static int drop_outside(struct forget *f, struct err *e)
{
	const struct fw_outside *outside = f->p.s->outside;
	struct err local = { 0 };
	int r = -ERESTART;

	for (int i = 0; outside && is_outdated(r) && i < FW_TRIES; i++) {
		err_clear(&local);
		r = fw_look(&f->p, NULL, 0, &f->view, &local);
		if (r == 0 && f->view.table)
			return 0;
		if (r == 0)
			r = outside->remove(f->p.nl, f->view.generation, &local);
	}
	return !outside || r == 0 || is_outdated(r) ? 1 : err_take(e, &local);
}

/*
 * The table goes if it has nothing but what is looked for, on condition of the ruleset's
 * generation, so that it cannot take a new pod's with it: -ERESTART, look again. 1: it is not
 * there any more; 0: others have elements in it.
 */
static int drop_table(struct forget *f, struct err *e)
{
	struct err local = { 0 };
	int r = -ERESTART;

	for (int i = 0; is_outdated(r) && i < FW_TRIES; i++) {
		err_clear(&local);
		r = fw_look(&f->p, NULL, 0, &f->view, &local);
		if (r < 0 || !f->view.table)
			return r < 0 ? err_take(e, &local) : drop_outside(f, e);
		r = search(f, &local);
		if (r < 0 || f->others)
			break;
		nft_begin_at(f->p.nl, f->view.generation);
		nft_table_del(f->p.nl, &f->p.s->table);
		r = nft_commit(f->p.nl, NULL, &local);
		if (r == 0)
			return drop_outside(f, e);
	}
	return r == 0 || is_outdated(r) ? 0 : err_take(e, &local);
}

/* Behind the last record the table goes; those who shared an address get theirs. */
static int tidy(struct forget *f, const struct fw_record *gone, struct err *e)
{
	int r = f->p.dir ? store_has_other(f->p.dir, f->p.s, NULL, e) : 0;

	if (r < 0)
		return r;
	if (r == 0) {
		look_for_nobody(f);
		r = drop_table(f, e);
		if (f->p.dir) {
			store_unmark_shared(f->p.dir, f->p.s);
			seal_remove(f->p.dir, f->p.s);
		}
		return r < 0 ? r : 0;
	}
	r = f->p.s->joint ? fw_prune(&f->p, gone, e) : 0;
	if (r == 0 && store_is_shared(f->p.dir, f->p.s)) {
		r = fw_mend(&f->p, e);
		if (r == 0 && f->alone)
			store_unmark_shared(f->p.dir, f->p.s);
	}
	return r < 0 ? r : 0;
}

/* ---- the three ways in ---- */

static int begin(struct forget *f, const struct fw_schema *s, struct err *e)
{
	f->p = (struct fw_place){ .s = s, .seal.fd = -1 };
	f->count = 0;
	f->attached = NULL;
	look_for_nobody(f);
	f->p.dir = store_open(false, e);
	if (f->p.dir < 0)
		return f->p.dir;
	f->alone = f->p.dir && store_is_shared(f->p.dir, s);
	return f->p.dir ? store_lock(f->p.dir, f->alone, e) : 0;
}

static int open_kernel(struct forget *f, struct err *e)
{
	seal_open(f->p.dir, f->p.s, false, &f->p.seal);
	return fw_open(&f->p.nl, e);
}

/* A kernel without nf_tables holds nothing of anybody. */
static int end(struct forget *f, int r, struct err *e)
{
	seal_close(&f->p.seal);
	if (f->p.dir > 0)
		close(f->p.dir);
	if (r != -EPROTONOSUPPORT && r != -EOPNOTSUPP)
		return r;
	err_clear(e);
	return 0;
}

/* The last one's elements go with the table. */
static int forget_elements(struct forget *f, const struct fw_record *record, const char *name,
			   struct err *e)
{
	int others = f->p.dir ? store_has_other(f->p.dir, f->p.s, name, e) : 0,
	    r = others ? others : drop_table(f, e);

	if (r < 0)
		return r;
	if (!others && r > 0) {
		tell_gone(f, record ? record->elems : f->found, record ? record->count : f->count);
		return 0;
	}
	return record ? delete_recorded(f, record, e) : delete_by_comment(f, e);
}

int fw_forget(const struct fw_schema *s, const struct cni_attachment *at, bool search_all,
	      struct err *e)
{
	static struct fw_record record;
	struct forget *f = &forget;
	struct err unread = { 0 };
	char name[IF_NAMESIZE];
	int r, has = 0;

	attachment_host_name(at, name);
	r = begin(f, s, e);
	if (r == 0 && f->p.dir)
		has = store_read(f->p.dir, s, name, &record, &unread);
	if (has < 0 && has != -EBADMSG)
		r = err_take(e, &unread);
	fw_comment(at, f->comment);
	if (r == 0 && (has || search_all))
		r = open_kernel(f, e);
	if (r == 0 && (has || search_all))
		r = forget_elements(f, has > 0 ? &record : NULL, name, e);
	if (r == 0 && f->p.dir)
		r = store_remove(f->p.dir, s, name, e);
	if (r == 0 && (has || search_all))
		r = tidy(f, has > 0 ? &record : NULL, e);
	return end(f, r, e);
}

struct owners {
	size_t count;
	char names[NAMES_MAX][IF_NAMESIZE];
};

static struct owners owners;

/*
 * As many in one search as can be: the kernel removes what comes first in a set of ranges at once,
 * and what comes behind n others that stay in n steps (nft_pipapo_remove()).
 */
static int forget_owners(struct forget *f, struct err *e)
{
	int r;

	qsort(owners.names, owners.count, IF_NAMESIZE, compare_names);
	f->names = owners.names;
	f->name_count = owners.count;
	r = delete_by_comment(f, e);
	for (size_t i = 0; r == 0 && f->p.dir && i < owners.count; i++)
		r = store_remove(f->p.dir, f->p.s, owners.names[i], e);
	f->names = NULL;
	return r;
}

static int forget_links(struct forget *f, char (*names)[IF_NAMESIZE], size_t count, struct err *e)
{
	int r = 0;

	for (size_t done = 0; r == 0 && done < count; done += owners.count) {
		owners.count = count - done < NAMES_MAX ? count - done : NAMES_MAX;
		memcpy(owners.names, names[done], owners.count * IF_NAMESIZE);
		r = forget_owners(f, e);
	}
	return r;
}

int fw_forget_links(const struct fw_schema *s, char (*names)[IF_NAMESIZE], size_t count,
		    struct err *e)
{
	struct forget *f = &forget;
	int r = begin(f, s, e);

	if (r == 0 && f->p.dir)
		r = open_kernel(f, e);
	if (r == 0 && f->p.dir)
		r = forget_links(f, names, count, e);
	if (r == 0 && f->p.dir)
		r = tidy(f, NULL, e);
	return end(f, r, e);
}

/* A data_dir that one of the two does not know, because the IPAM plugin is foreign, is any. */
struct stale {
	const struct cni_request *req;
	const char *data_dir;
};

static int collect_stale(const struct fw_record *r, const char *host_name, void *arg)
{
	const struct stale *w = arg;

	if (owners.count < NAMES_MAX && attachment_network_is(r->at.network, w->req->at.network) &&
	    (!*r->data_dir || !*w->data_dir || strcmp(r->data_dir, w->data_dir) == 0) &&
	    !cni_is_valid(w->req, r->at.container_id, r->at.ifname))
		str_copy(owners.names[owners.count++], IF_NAMESIZE, host_name);
	return 0;
}

/* Read once more, behind the records: whoever has one has had an interface before. */
static int spare_attached(const struct fw_attached *attached, struct err *e)
{
	size_t kept = 0;
	int r = attached->read(e);

	for (size_t i = 0; r == 0 && i < owners.count; i++) {
		if (!attached->has(owners.names[i]))
			memmove(owners.names[kept++], owners.names[i], IF_NAMESIZE);
	}
	owners.count = kept;
	return r;
}

static int gc_records(struct forget *f, const struct cni_request *req, const char *data_dir,
		      struct err *e)
{
	char path[4096];
	struct stale stale = { .req = req, .data_dir = path };
	int r;

	str_copy(path, sizeof(path), data_dir);
	str_flatten(path); /* as in records */
	do {
		owners.count = 0;
		r = store_each(f->p.dir, f->p.s, collect_stale, &stale, e);
		if (r == 0 && f->attached && owners.count)
			r = spare_attached(f->attached, e);
		if (r == 0 && owners.count)
			r = forget_owners(f, e);
	} while (r == 0 && owners.count == NAMES_MAX);
	return r;
}

/*
 * What is no record tells its owner only by the hash in its name: the host end says who that is, or
 * that it is gone.
 */
static int gc_spoilt(int dir, const char *host_name, void *arg)
{
	const struct forget *f = arg;
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;
	struct link l;
	int r = fw_find_host_end(host_name, &l, err_ignored());

	if (r < 0 || (f->attached && f->attached->has(host_name)) ||
	    (r > 0 && (!attachment_parse(l.alias, buf, &at) ||
		       !attachment_network_is(at.network, f->gc->at.network) ||
		       cni_is_valid(f->gc, at.container_id, at.ifname))))
		return 0;
	(void)store_remove(dir, f->p.s, host_name, err_ignored());
	return 0;
}

int fw_gc(const struct fw_schema *s, const struct cni_request *req, const char *data_dir,
	  const struct fw_attached *attached, struct err *e)
{
	struct forget *f = &forget;
	int r = begin(f, s, e);

	f->attached = attached;
	if (r == 0)
		r = open_kernel(f, e);
	if (r == 0 && attached)
		r = attached->read(e);
	if (r == 0 && f->p.dir)
		r = gc_records(f, req, data_dir, e);
	f->gc = req;
	if (r == 0 && f->p.dir)
		r = store_each_spoilt(f->p.dir, s, gc_spoilt, f, e);
	if (r == 0)
		r = delete_by_comment(f, e);
	if (r == 0)
		r = tidy(f, NULL, e);
	return end(f, r, e);
}
