/* Legacy tables: see xtables.h. */
#include "net/xtables.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

#define TABLE "filter"
#define ENTRIES_SIZE (4u << 20)
#define ENTRIES_MAX 32768
#define ROOM 4096    /* for what stands in front of the entries, and one of ours */
#define OURS_MAX 16  /* accepts of ours, doubles included */
#define DEPTH_MAX 16 /* of jumps that are followed */
#define TRIES 8

/* XT_ALIGN() of linux/netfilter/x_tables.h, which is no C11 in some releases of the header. */
static size_t aligned(size_t n)
{
	const size_t to = _Alignof(struct _xt_align);

	return (n + to - 1) & ~(to - 1);
}

/* Both families have the same requests; their entries differ in what stands in front. */
struct family {
	int level;
	const char *names;
	size_t entry; /* its size */
	size_t match; /* of addresses and interfaces, at its beginning: all zero matches all */
	size_t target_at, next_at, counters_at;
};

static const struct family families[] = {
	{ IPPROTO_IP, "/proc/net/ip_tables_names", sizeof(struct ipt_entry), sizeof(struct ipt_ip),
	  offsetof(struct ipt_entry, target_offset), offsetof(struct ipt_entry, next_offset),
	  offsetof(struct ipt_entry, counters) },
	{ IPPROTO_IPV6, "/proc/net/ip6_tables_names", sizeof(struct ip6t_entry),
	  sizeof(struct ip6t_ip6), offsetof(struct ip6t_entry, target_offset),
	  offsetof(struct ip6t_entry, next_offset), offsetof(struct ip6t_entry, counters) },
};

struct table {
	const struct family *f;
	int fd;
	struct ipt_getinfo info;
	_Alignas(16) uint8_t got[ENTRIES_SIZE]; /* struct ipt_get_entries */
	uint32_t ours[OURS_MAX];		/* offsets */
	size_t ours_count;
	bool drops;	/* FORWARD, what nobody has accepted */
	uint32_t place; /* of the rule that does */
};

static uint8_t *entries_of(struct table *t)
{
	return t->got + offsetof(struct ipt_get_entries, entrytable);
}

static uint16_t word_at(const uint8_t *entry, size_t at)
{
	uint16_t v;

	memcpy(&v, entry + at, sizeof(v));
	return v;
}

static uint16_t entry_size(const struct table *t, const uint8_t *entry)
{
	return word_at(entry, t->f->next_at);
}

static const struct xt_entry_target *target_of(const struct table *t, const uint8_t *entry)
{
	return (const void *)(entry + word_at(entry, t->f->target_at));
}

static bool is_standard(const struct xt_entry_target *target)
{
	return target->u.user.name[0] == '\0';
}

static int verdict_of(const struct xt_entry_target *target)
{
	int verdict;

	memcpy(&verdict, (const uint8_t *)target + offsetof(struct xt_standard_target, verdict),
	       sizeof(verdict));
	return verdict;
}

static bool matches_all(const struct table *t, const uint8_t *entry)
{
	for (size_t i = 0; i < t->f->match; i++) {
		if (entry[i])
			return false;
	}
	return word_at(entry, t->f->target_at) == t->f->entry;
}

static bool is_ours(const struct table *t, const uint8_t *entry, const char *comment)
{
	size_t at = t->f->entry, end = word_at(entry, t->f->target_at);

	while (at + sizeof(struct xt_entry_match) <= end) {
		const struct xt_entry_match *m = (const void *)(entry + at);

		if (strcmp(m->u.user.name, "comment") == 0 &&
		    strncmp((const char *)m->data, comment, sizeof(struct xt_comment_info)) == 0)
			return true;
		if (m->u.user.match_size < sizeof(*m))
			break;
		at += m->u.user.match_size;
	}
	return false;
}

/* ---- reading ---- */

static bool is_sound(struct table *t)
{
	uint32_t at = 0, count = 0;

	while (at + t->f->entry + sizeof(struct xt_entry_target) <= t->info.size) {
		const uint8_t *entry = entries_of(t) + at;
		uint16_t size = entry_size(t, entry), target = word_at(entry, t->f->target_at);

		if (size < t->f->entry || size > t->info.size - at || target < t->f->entry ||
		    target + sizeof(struct xt_entry_target) > size)
			return false;
		at += size;
		count++;
	}
	return at == t->info.size && count == t->info.num_entries && count <= ENTRIES_MAX;
}

static int read_table(struct table *t, uint8_t family, struct err *e)
{
	struct ipt_get_entries *get = (void *)t->got;
	socklen_t size = sizeof(t->info);

	t->f = &families[family == AF_INET6];
	t->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* any; a raw one needs more */
	if (t->fd < 0)
		return err_errno(e, "open a socket for the legacy tables");
	memset(&t->info, 0, sizeof(t->info));
	str_copy(t->info.name, sizeof(t->info.name), TABLE);
	if (getsockopt(t->fd, t->f->level, IPT_SO_GET_INFO, &t->info, &size) < 0)
		return err_errno(e, "read the legacy table " TABLE);
	if (t->info.size > ENTRIES_SIZE - ROOM)
		return err_set(e, E2BIG, "the legacy table " TABLE " has %u bytes", t->info.size);
	memset(get, 0, sizeof(*get));
	str_copy(get->name, sizeof(get->name), TABLE);
	get->size = t->info.size;
	size = (socklen_t)(offsetof(struct ipt_get_entries, entrytable) + t->info.size);
	if (getsockopt(t->fd, t->f->level, IPT_SO_GET_ENTRIES, t->got, &size) < 0)
		return err_errno(e, "read the legacy table " TABLE);
	return is_sound(t) ? 0 : err_set(e, EPROTO, "the legacy table " TABLE " is none we know");
}

enum fate { PASSES, ACCEPTS, DROPS };

/* What becomes of a packet in the chain that begins here, and at which of its rules. */
static enum fate find_fate(struct table *t, uint32_t at, unsigned int depth, uint32_t *place)
{
	for (; at < t->info.size; at += entry_size(t, entries_of(t) + at)) {
		const uint8_t *entry = entries_of(t) + at;
		const struct xt_entry_target *target = target_of(t, entry);
		enum fate fate = PASSES;
		uint32_t inner;

		*place = at;
		if (strcmp(target->u.user.name, XT_ERROR_TARGET) == 0)
			return PASSES; /* the next chain's head */
		if (!matches_all(t, entry))
			continue;
		if (!is_standard(target))
			fate = strcmp(target->u.user.name, "REJECT") == 0 ? DROPS : PASSES;
		else if (verdict_of(target) == XT_RETURN)
			return PASSES;
		else if (verdict_of(target) < 0)
			fate = verdict_of(target) == -NF_DROP - 1 ? DROPS : ACCEPTS;
		else if (depth < DEPTH_MAX)
			fate = find_fate(t, (uint32_t)verdict_of(target), depth + 1, &inner);
		if (fate != PASSES)
			return fate;
	}
	return PASSES;
}

static void find_ours(struct table *t, const char *comment)
{
	uint32_t at = t->info.hook_entry[NF_INET_FORWARD];

	t->ours_count = 0;
	while (at < t->info.underflow[NF_INET_FORWARD]) {
		const uint8_t *entry = entries_of(t) + at;

		if (is_ours(t, entry, comment) && t->ours_count < OURS_MAX)
			t->ours[t->ours_count++] = at;
		at += entry_size(t, entry);
	}
}

static int look(struct table *t, uint8_t family, const struct xtables_accept *a, bool wanted,
		struct err *e)
{
	int r = read_table(t, family, e);

	if (r < 0)
		return r;
	find_ours(t, a->comment);
	t->drops = find_fate(t, t->info.hook_entry[NF_INET_FORWARD], 0, &t->place) == DROPS;
	if (!wanted || !t->drops)
		return t->ours_count == 0;
	return t->ours_count == 1 &&
	       t->ours[0] + entry_size(t, entries_of(t) + t->ours[0]) == t->place;
}

/* ---- writing ---- */

static bool is_left_out(const struct table *t, uint32_t at)
{
	for (size_t i = 0; i < t->ours_count; i++) {
		if (t->ours[i] == at)
			return true;
	}
	return false;
}

/* Where an entry goes that was here; ours, of this size, stands before t->place. */
static uint32_t moved(struct table *t, uint32_t at, uint32_t added, bool behind)
{
	uint32_t to = at;

	for (size_t i = 0; i < t->ours_count; i++)
		to -= t->ours[i] < at ? entry_size(t, entries_of(t) + t->ours[i]) : 0;
	return to + (at > t->place || (behind && at == t->place) ? added : 0);
}

static struct xt_entry_match *put_match(uint8_t *out, size_t *at, const char *name,
					uint8_t revision, size_t size)
{
	struct xt_entry_match *m = (void *)(out + *at);

	m->u.user.match_size = (uint16_t)(sizeof(*m) + aligned(size));
	m->u.user.revision = revision;
	str_copy(m->u.user.name, sizeof(m->u.user.name), name);
	*at += m->u.user.match_size;
	return m;
}

/* Its size. */
static uint32_t put_accept(const struct family *f, const struct xtables_accept *a, uint8_t *out)
{
	const struct xt_mark_mtinfo1 mark = { .mark = a->mark, .mask = a->mark };
	struct xt_standard_target target = { .verdict = -NF_ACCEPT - 1 };
	size_t at = f->entry;
	uint16_t target_at, next;
	struct xt_entry_match *m;

	memset(out, 0,
	       f->entry + 2 * sizeof(*m) + aligned(sizeof(mark)) +
		       aligned(sizeof(struct xt_comment_info)) + sizeof(target));
	m = put_match(out, &at, "mark", 1, sizeof(mark));
	memcpy(m->data, &mark, sizeof(mark));
	m = put_match(out, &at, "comment", 0, sizeof(struct xt_comment_info));
	str_copy((char *)m->data, sizeof(struct xt_comment_info), a->comment);
	target.target.u.user.target_size = (uint16_t)aligned(sizeof(target));
	memcpy(out + at, &target, sizeof(target));
	target_at = (uint16_t)at;
	next = (uint16_t)(at + aligned(sizeof(target)));
	memcpy(out + f->target_at, &target_at, sizeof(target_at));
	memcpy(out + f->next_at, &next, sizeof(next));
	return next;
}

/* A jump goes where what it led to goes. */
static void fix_jump(struct table *t, uint8_t *entry, uint32_t added)
{
	struct xt_entry_target *target = (void *)(entry + word_at(entry, t->f->target_at));
	int verdict = is_standard(target) ? verdict_of(target) : -1;

	if (verdict < 0)
		return;
	verdict = (int)moved(t, (uint32_t)verdict, added, true);
	memcpy((uint8_t *)target + offsetof(struct xt_standard_target, verdict), &verdict,
	       sizeof(verdict));
}

/* The entries in their new order, and their counts. */
static void put_entries(struct table *t, const struct xtables_accept *a, bool add,
			struct ipt_replace *new, struct xt_counters *count)
{
	uint8_t *out = (uint8_t *)new + offsetof(struct ipt_replace, entries);
	uint8_t accept[1024];
	uint32_t added = add ? put_accept(t->f, a, accept) : 0, end = 0, n = 0;

	for (uint32_t at = 0; at < t->info.size; at += entry_size(t, entries_of(t) + at)) {
		const uint8_t *entry = entries_of(t) + at;

		if (add && at == t->place) {
			memcpy(out + end, accept, added);
			end += added;
			memset(&count[n++], 0, sizeof(*count));
		}
		if (is_left_out(t, at))
			continue;
		memcpy(out + end, entry, entry_size(t, entry));
		memcpy(&count[n++], entry + t->f->counters_at, sizeof(*count));
		fix_jump(t, out + end, added);
		end += entry_size(t, entry);
	}
	new->num_entries = n;
	new->size = end;
	for (size_t i = 0; i < NF_INET_NUMHOOKS; i++) {
		new->hook_entry[i] = moved(t, t->info.hook_entry[i], added, false);
		new->underflow[i] = moved(t, t->info.underflow[i], added, true);
	}
}

#define COUNTS_AT offsetof(struct xt_counters_info, counters)

static int replace(struct table *t, const struct xtables_accept *a, bool add, struct err *e)
{
	static _Alignas(16) uint8_t table_new[ENTRIES_SIZE];
	static _Alignas(16)
		uint8_t counts_new[COUNTS_AT + (ENTRIES_MAX + 1) * sizeof(struct xt_counters)];
	static struct xt_counters old[ENTRIES_MAX];
	struct ipt_replace *new = (void *)table_new;
	struct xt_counters_info *counts = (void *)counts_new;

	memset(new, 0, sizeof(*new));
	str_copy(new->name, sizeof(new->name), TABLE);
	new->valid_hooks = t->info.valid_hooks;
	new->num_counters = t->info.num_entries;
	new->counters = old;
	put_entries(t, a, add, new, (void *)(counts_new + COUNTS_AT));
	if (setsockopt(t->fd, t->f->level, IPT_SO_SET_REPLACE, new,
		       (socklen_t)(offsetof(struct ipt_replace, entries) + new->size)) < 0)
		return err_errno(e, "replace the legacy table " TABLE);
	memset(counts, 0, sizeof(*counts));
	str_copy(counts->name, sizeof(counts->name), TABLE);
	counts->num_counters = new->num_entries;
	(void)setsockopt(t->fd, t->f->level, IPT_SO_SET_ADD_COUNTERS, counts,
			 (socklen_t)(COUNTS_AT + new->num_entries * sizeof(struct xt_counters)));
	return 1;
}

/* ---- what is offered ---- */

bool xtables_in_use(uint8_t family)
{
	char names[256]; /* of filter, nat, mangle, raw and security */
	const char *at;

	if (file_read(AT_FDCWD, families[family == AF_INET6].names, names, sizeof(names),
		      err_ignored()) <= 0)
		return false;
	at = strstr(names, TABLE);
	return at && (at == names || at[-1] == '\n');
}

static struct table table;

int xtables_check_accept(uint8_t family, const struct xtables_accept *a, bool wanted, struct err *e)
{
	int r;

	table.fd = -1;
	r = look(&table, family, a, wanted, e);
	if (table.fd >= 0)
		close(table.fd);
	return r;
}

int xtables_put_accept(uint8_t family, const struct xtables_accept *a, bool wanted, struct err *e)
{
	struct err local = { 0 };
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		err_clear(&local);
		table.fd = -1;
		r = look(&table, family, a, wanted, &local);
		if (r >= 0)
			r = r ? 0 : replace(&table, a, wanted && table.drops, &local);
		if (table.fd >= 0)
			close(table.fd);
	}
	return r < 0 ? err_take(e, &local) : r;
}
