/* Changes of legacy tables: see xtables.h. */
#include "net/xtables.h"

#include <errno.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "net/xtables_private.h"

#define ENTRY_MAX 1024 /* of ours */
#define NEW UINT32_MAX /* an entry that was not there before */

/* ---- new rules ---- */

static void set_word(uint8_t *entry, size_t at, size_t value)
{
	const uint16_t word = (uint16_t)value;

	memcpy(entry + at, &word, sizeof(word));
}

/* Its data; *at is behind it then. */
static void *put_match(uint8_t *entry, size_t *at, const char *name, uint8_t revision, size_t size)
{
	struct xt_entry_match *m = (void *)(entry + *at);

	m->u.user.match_size = (uint16_t)(sizeof(*m) + xtables_aligned(size));
	m->u.user.revision = revision;
	str_copy(m->u.user.name, sizeof(m->u.user.name), name);
	*at += m->u.user.match_size;
	return m->data;
}

/* Into ENTRY_MAX zeroed bytes; its size. */
static uint16_t put_entry(const struct xtables_family *f, const struct xtables_new_rule *r,
			  uint8_t *out)
{
	const struct xt_mark_mtinfo1 mark = { .mark = r->mark, .mask = r->mark };
	struct xt_standard_target target = { .verdict = -NF_ACCEPT - 1 };
	size_t at = f->entry;

	if (r->mark)
		memcpy(put_match(out, &at, "mark", 1, sizeof(mark)), &mark, sizeof(mark));
	str_copy(put_match(out, &at, "comment", 0, sizeof(struct xt_comment_info)),
		 sizeof(struct xt_comment_info), r->comment);
	set_word(out, f->target_at, at);
	target.target.u.user.target_size = (uint16_t)xtables_aligned(sizeof(target));
	memcpy(out + at, &target, sizeof(target));
	at += target.target.u.user.target_size;
	set_word(out, f->next_at, at);
	return (uint16_t)at;
}

void xtables_put(struct xtables *t, size_t before, const struct xtables_new_rule *r)
{
	uint8_t *entry = arena_alloc(t->arena, ENTRY_MAX);
	struct xtables_put *put = list_new(&t->puts);

	if (!entry || !put) {
		t->puts.bad = true;
		return;
	}
	*put = (struct xtables_put){ .before = before,
				     .to = r->to,
				     .entry = entry,
				     .size = put_entry(t->family, r, entry) };
}

void xtables_delete_chain(struct xtables *t, size_t first)
{
	size_t at = first - 1; /* its head */

	do
		t->entries[at].gone = true;
	while (t->entries[at++].kind != XTABLES_LAST);
}

/* ---- the new block ---- */

/* Where an entry of the old one is in the new one, and where what was put before it begins. */
struct place {
	uint32_t begin, at;
};

static size_t puts_size(const struct xtables *t)
{
	const struct xtables_put *put = t->puts.at;
	size_t size = 0;

	for (size_t i = 0; i < t->puts.count; i++)
		size += put[i].size;
	return size;
}

static void copy_entry(struct xtables_image *out, const uint8_t *entry, uint32_t size, uint32_t old)
{
	memcpy(out->block + out->layout.size, entry, size);
	out->layout.size += size;
	out->old[out->layout.count++] = old;
}

static void copy_entries(const struct xtables *t, struct xtables_image *out, struct place *places)
{
	const struct xtables_put *put = t->puts.at;

	for (size_t i = 0; i < t->layout.count; i++) {
		places[i].begin = out->layout.size;
		for (size_t k = 0; k < t->puts.count; k++) {
			if (put[k].before == i)
				copy_entry(out, put[k].entry, put[k].size, NEW);
		}
		places[i].at = out->layout.size;
		if (!t->entries[i].gone)
			copy_entry(out, xtables_at(t, i), xtables_entry_size(t, i), (uint32_t)i);
	}
}

static void set_verdict(const struct xtables *t, uint8_t *entry, uint32_t to)
{
	const int verdict = (int)to;

	memcpy(entry + xtables_word(entry, t->family->target_at) +
		       offsetof(struct xt_standard_target, verdict),
	       &verdict, sizeof(verdict));
}

/* A jump goes where what it led to goes, and to what was put before that. */
static void fix_jumps(const struct xtables *t, struct xtables_image *out,
		      const struct place *places)
{
	const struct xtables_put *put = t->puts.at;
	int verdict;

	for (size_t i = 0; i < t->layout.count; i++) {
		uint8_t *entry = out->block + places[i].at;
		uint32_t at = places[i].begin;

		for (size_t k = 0; k < t->puts.count; k++) {
			if (put[k].before != i)
				continue;
			if (put[k].to != XTABLES_NOWHERE)
				set_verdict(t, out->block + at, places[put[k].to].begin);
			at += put[k].size;
		}
		if (t->entries[i].gone || !xtables_verdict(t, i, &verdict) || verdict < 0)
			continue;
		set_verdict(t, entry,
			    xtables_falls(t, i, verdict)
				    ? places[i].at + xtables_entry_size(t, i)
				    : places[xtables_find(t, (uint32_t)verdict)].begin);
	}
}

static void fix_hooks(const struct xtables *t, struct xtables_layout *l, const struct place *places)
{
	l->hooks = t->layout.hooks;
	for (size_t h = 0; h < XTABLES_HOOKS; h++) {
		if (!(l->hooks >> h & 1))
			continue;
		l->hook_entry[h] = places[xtables_find(t, t->layout.hook_entry[h])].begin;
		l->underflow[h] = places[xtables_find(t, t->layout.underflow[h])].at;
	}
}

int xtables_build(const struct xtables *t, struct xtables_image *out, struct err *e)
{
	const size_t ahead = offsetof(struct ipt_replace, entries);
	size_t size = ahead + t->layout.size + puts_size(t);
	struct place *places = arena_array(t->arena, t->layout.count, sizeof(*places));

	*out = (struct xtables_image){ .request = arena_alloc(t->arena, size) };
	out->old = arena_array(t->arena, t->layout.count + t->puts.count, sizeof(*out->old));
	if (t->puts.bad || !places || !out->request || !out->old)
		return err_set(e, ENOMEM, "no memory left for its %u rules", t->layout.count);
	out->block = out->request + ahead;
	copy_entries(t, out, places);
	fix_jumps(t, out, places);
	fix_hooks(t, &out->layout, places);
	return 0;
}

/* ---- the kernel's ---- */

static void fill_request(const struct xtables *t, const struct xtables_image *image,
			 struct xt_counters *old)
{
	struct ipt_replace *new = (void *)image->request;

	str_copy(new->name, sizeof(new->name), t->name);
	new->valid_hooks = image->layout.hooks;
	new->num_entries = image->layout.count;
	new->size = image->layout.size;
	memcpy(new->hook_entry, image->layout.hook_entry, sizeof(new->hook_entry));
	memcpy(new->underflow, image->layout.underflow, sizeof(new->underflow));
	new->num_counters = t->layout.count;
	new->counters = old;
}

/* What the old rules have counted up to their end goes on. */
static void add_counts(const struct xtables *t, const struct xtables_image *image,
		       const struct xt_counters *old, struct xt_counters_info *counts, int fd)
{
	const struct xtables_layout *l = &image->layout;

	str_copy(counts->name, sizeof(counts->name), t->name);
	counts->num_counters = l->count;
	for (size_t i = 0; i < l->count; i++) {
		if (image->old[i] != NEW)
			counts->counters[i] = old[image->old[i]];
	}
	(void)setsockopt(fd, t->family->level, IPT_SO_SET_ADD_COUNTERS, counts,
			 (socklen_t)(sizeof(*counts) + l->count * sizeof(*old)));
}

static int replace(const struct xtables *t, const struct xtables_image *image, int fd,
		   struct err *e)
{
	struct xt_counters *old = arena_array(t->arena, t->layout.count, sizeof(*old));
	struct xt_counters_info *counts =
		arena_alloc(t->arena, sizeof(*counts) + image->layout.count * sizeof(*old));

	if (!old || !counts)
		return err_set(e, ENOMEM, "no memory left for its counts");
	fill_request(t, image, old);
	if (setsockopt(fd, t->family->level, IPT_SO_SET_REPLACE, image->request,
		       (socklen_t)(offsetof(struct ipt_replace, entries) + image->layout.size)) < 0)
		return err_errno(e, "replace it");
	add_counts(t, image, old, counts, fd);
	return 0;
}

int xtables_write(const struct xtables *t, struct err *e)
{
	struct xtables_image image;
	int r = xtables_build(t, &image, e), fd = r < 0 ? r : xtables_socket(t->family, e);

	if (fd < 0)
		return fd;
	r = replace(t, &image, fd, e);
	close(fd);
	return r;
}
