/*
 * Legacy tables: see xtables.h. Reading: what the kernel has handed out is first cut into entries,
 * then each is checked in itself, then chains and jumps; what comes after relies on that.
 */
#include "net/xtables.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "net/xtables_private.h"

/* entry and ip are structs of the family's header. */
#define FAMILY(entry_, ip_, addr_)                                                                 \
	.entry = sizeof(entry_), .match = sizeof(ip_),                                             \
	.target_at = offsetof(entry_, target_offset), .next_at = offsetof(entry_, next_offset),    \
	.counters_at = offsetof(entry_, counters), .saddr = offsetof(ip_, src),                    \
	.daddr = offsetof(ip_, dst), .saddr_mask = offsetof(ip_, smsk),                            \
	.daddr_mask = offsetof(ip_, dmsk), .addr_size = sizeof(addr_),                             \
	.proto = offsetof(ip_, proto), .flags = offsetof(ip_, flags),                              \
	.invflags = offsetof(ip_, invflags)

static const struct xtables_family families[] = {
	{ FAMILY(struct ipt_entry, struct ipt_ip, struct in_addr), .af = AF_INET,
	  .level = IPPROTO_IP, .names = "/proc/net/ip_tables_names", .goto_flag = IPT_F_GOTO },
	{ FAMILY(struct ip6t_entry, struct ip6t_ip6, struct in6_addr), .af = AF_INET6,
	  .level = IPPROTO_IPV6, .names = "/proc/net/ip6_tables_names", .goto_flag = IP6T_F_GOTO,
	  .proto_flag = IP6T_F_PROTO },
};

static const struct xt_entry_target *target_of(const struct xtables *t, size_t i)
{
	return (const void *)(xtables_at(t, i) + xtables_target_at(t, i));
}

static bool is_error(const struct xtables *t, size_t i)
{
	return strcmp(target_of(t, i)->u.user.name, XT_ERROR_TARGET) == 0;
}

/* A chain's name, or nothing that anybody needs. */
static const char *error_name(const struct xtables *t, size_t i)
{
	return (const char *)target_of(t, i) + offsetof(struct xt_error_target, errorname);
}

bool xtables_verdict(const struct xtables *t, size_t i, int *out)
{
	const struct xt_entry_target *target = target_of(t, i);

	if (target->u.user.name[0])
		return false;
	memcpy(out, (const uint8_t *)target + offsetof(struct xt_standard_target, verdict),
	       sizeof(*out));
	return true;
}

size_t xtables_find(const struct xtables *t, uint32_t at)
{
	size_t low = 0, high = t->layout.count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->entries[mid].at == at)
			return mid;
		if (t->entries[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return XTABLES_NOWHERE;
}

/* ---- is it a table? ---- */

static bool is_aligned(size_t n)
{
	return xtables_aligned(n) == n;
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size);
}

static bool target_is_sound(const uint8_t *at, size_t room)
{
	const struct xt_entry_target *target = (const void *)at;
	size_t size;

	if (room < sizeof(*target) || !ends(target->u.user.name, sizeof(target->u.user.name)))
		return false;
	size = target->u.user.target_size;
	if (size < sizeof(*target) || size > room)
		return false;
	if (!target->u.user.name[0])
		return size >= sizeof(struct xt_standard_target);
	return strcmp(target->u.user.name, XT_ERROR_TARGET) != 0 ||
	       (size >= sizeof(struct xt_error_target) &&
		ends((const char *)at + offsetof(struct xt_error_target, errorname),
		     XTABLES_NAME_SIZE - 2));
}
_Static_assert(XT_FUNCTION_MAXNAMELEN == XTABLES_NAME_SIZE - 2, "a chain's name");

static bool match_is_sound(const uint8_t *at, size_t room)
{
	const struct xt_entry_match *m = (const void *)at;

	if (room < sizeof(*m) || m->u.user.match_size < sizeof(*m) || m->u.user.match_size > room ||
	    !is_aligned(m->u.user.match_size) || !ends(m->u.user.name, sizeof(m->u.user.name)))
		return false;
	return strcmp(m->u.user.name, "comment") != 0 ||
	       (m->u.user.match_size >= sizeof(*m) + sizeof(struct xt_comment_info) &&
		ends((const char *)m->data, sizeof(struct xt_comment_info)));
}

/* What is in an entry of this size is in it. */
static bool entry_is_sound(const struct xtables_family *f, const uint8_t *entry, size_t size)
{
	size_t target = xtables_word(entry, f->target_at);

	if (target < f->entry || target > size || !is_aligned(target) ||
	    !target_is_sound(entry + target, size - target))
		return false;
	for (size_t at = f->entry; at < target;
	     at += ((const struct xt_entry_match *)(const void *)(entry + at))->u.user.match_size) {
		if (!match_is_sound(entry + at, target - at))
			return false;
	}
	return true;
}

static bool cut_entries(struct xtables *t)
{
	uint32_t at = 0;

	for (size_t i = 0; i < t->layout.count; i++) {
		size_t left = t->layout.size - at, size;

		if (left < t->family->entry)
			return false;
		t->entries[i] = (struct xtables_entry){ .at = at };
		size = xtables_entry_size(t, i);
		if (size > left || size < t->family->entry || !is_aligned(size) ||
		    !entry_is_sound(t->family, t->block + at, size))
			return false;
		at += (uint32_t)size;
	}
	return at == t->layout.size;
}

/* The hook whose chain begins here; XTABLES_HOOKS: none does. */
static size_t hook_at(const struct xtables *t, uint32_t at)
{
	for (size_t h = 0; h < XTABLES_HOOKS; h++) {
		if (t->layout.hooks >> h & 1 && t->layout.hook_entry[h] == at)
			return h;
	}
	return XTABLES_HOOKS;
}

/* A hook's chain that begins at i; the index behind it, or XTABLES_NOWHERE. */
static size_t take_hook(struct xtables *t, size_t i, size_t hook)
{
	for (size_t at = i; at < t->layout.count && !is_error(t, at); at++) {
		t->entries[at].chain = (uint32_t)i;
		t->entries[at].kind = XTABLES_RULE;
		if (t->entries[at].at != t->layout.underflow[hook])
			continue;
		t->entries[at].kind = XTABLES_LAST;
		return at + 1;
	}
	return XTABLES_NOWHERE;
}

/* A chain that somebody has made, or the tail. */
static size_t take_chain(struct xtables *t, size_t i)
{
	size_t at = i + 1;

	t->entries[i].chain = (uint32_t)i;
	t->entries[i].kind = at == t->layout.count ? XTABLES_TAIL : XTABLES_HEAD;
	for (; at < t->layout.count && !is_error(t, at); at++) {
		t->entries[at].chain = (uint32_t)i;
		t->entries[at].kind = XTABLES_RULE;
	}
	if (t->entries[i].kind == XTABLES_TAIL)
		return at;
	t->entries[at - 1].kind = XTABLES_LAST;
	return at == i + 1 || at == t->layout.count ? XTABLES_NOWHERE : at;
}

static bool find_chains(struct xtables *t)
{
	size_t at = 0;

	for (size_t h = 0; h < XTABLES_HOOKS; h++) {
		if (t->layout.hooks >> h & 1 &&
		    xtables_find(t, t->layout.hook_entry[h]) == XTABLES_NOWHERE)
			return false;
	}
	while (at < t->layout.count) {
		size_t hook = hook_at(t, t->entries[at].at);

		if (hook == XTABLES_HOOKS && !is_error(t, at))
			return false;
		at = hook < XTABLES_HOOKS ? take_hook(t, at, hook) : take_chain(t, at);
	}
	return at == t->layout.count && at > 0 && t->entries[at - 1].kind == XTABLES_TAIL;
}

/* Each hook has a chain of its own, from its first rule to its policy. */
static bool hooks_are_sound(const struct xtables *t)
{
	for (size_t h = 0; h < XTABLES_HOOKS; h++) {
		size_t first = xtables_hook(t, (unsigned int)h), last;

		if (first == XTABLES_NOWHERE)
			continue;
		last = xtables_find(t, t->layout.underflow[h]);
		if (last == XTABLES_NOWHERE || t->entries[last].kind != XTABLES_LAST ||
		    t->entries[last].chain != first || hook_at(t, t->entries[first].at) != h)
			return false;
	}
	return true;
}

/* Jumps lead to rules. */
static bool jumps_are_sound(const struct xtables *t)
{
	int verdict;

	for (size_t i = 0; i < t->layout.count; i++) {
		size_t to;

		if (!xtables_verdict(t, i, &verdict) || verdict < 0)
			continue;
		to = xtables_find(t, (uint32_t)verdict);
		if (to == XTABLES_NOWHERE || is_error(t, to))
			return false;
	}
	return true;
}

int xtables_parse(struct xtables *t, uint8_t family, const struct xtables_layout *layout,
		  const uint8_t *block, struct arena *a, struct err *e)
{
	*t = (struct xtables){ .family = &families[family == AF_INET6],
			       .layout = *layout,
			       .block = block,
			       .arena = a };
	list_init(&t->puts, a, sizeof(struct xtables_put));
	if (layout->count > layout->size / t->family->entry || layout->size > INT32_MAX)
		return err_set(e, EPROTO, "it has %u entries in %u bytes", layout->count,
			       layout->size);
	t->entries = arena_array(a, layout->count, sizeof(*t->entries));
	if (!t->entries)
		return err_set(e, ENOMEM, "no memory left for its %u rules", layout->count);
	return cut_entries(t) && find_chains(t) && hooks_are_sound(t) && jumps_are_sound(t)
		       ? 0
		       : err_set(e, EPROTO, "it is none that is known");
}

/* ---- the kernel's ---- */

int xtables_in_use(uint8_t family, const char *name, struct err *e)
{
	char names[256]; /* of filter, nat, mangle, raw and security */
	size_t len = name ? strlen(name) : 0;
	struct err mine = { 0 };
	ssize_t r = file_read(AT_FDCWD, families[family == AF_INET6].names, names, sizeof(names),
			      &mine);

	if (r < 0)
		return mine.errnum == ENOENT ? 0 : err_take(e, &mine);
	if (!name)
		return *names != '\0';
	for (const char *at = names; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, len) == 0 && (at[len] == '\n' || at[len] == '\0'))
			return 1;
	}
	return 0;
}

int xtables_socket(const struct xtables_family *f, struct err *e)
{
	int fd = socket(f->af, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_errno(e, "open a socket for it") : fd;
}

static int read_block(struct xtables *t, int fd, struct arena *a, struct err *e)
{
	const size_t ahead = offsetof(struct ipt_get_entries, entrytable);
	const struct xtables_family *f = t->family;
	struct ipt_getinfo info = { 0 };
	struct ipt_get_entries *get;
	socklen_t size = sizeof(info);

	str_copy(info.name, sizeof(info.name), t->name);
	if (getsockopt(fd, f->level, IPT_SO_GET_INFO, &info, &size) < 0)
		return err_errno(e, "ask for its size");
	get = arena_alloc(a, ahead + info.size);
	if (!get)
		return err_set(e, E2BIG, "it has %u bytes", info.size);
	str_copy(get->name, sizeof(get->name), t->name);
	get->size = info.size;
	size = (socklen_t)(ahead + info.size);
	if (getsockopt(fd, f->level, IPT_SO_GET_ENTRIES, get, &size) < 0)
		return err_errno(e, "read its rules");
	t->layout = (struct xtables_layout){ .hooks = info.valid_hooks,
					     .count = info.num_entries,
					     .size = info.size };
	memcpy(t->layout.hook_entry, info.hook_entry, sizeof(info.hook_entry));
	memcpy(t->layout.underflow, info.underflow, sizeof(info.underflow));
	t->block = (const uint8_t *)get + ahead;
	return 0;
}
_Static_assert(NF_INET_NUMHOOKS == XTABLES_HOOKS, "a layout's");

int xtables_read(struct xtables *t, uint8_t family, const char *name, struct arena *a,
		 struct err *e)
{
	struct xtables got = { .family = &families[family == AF_INET6] };
	int fd = xtables_socket(got.family, e), r;

	if (fd < 0)
		return fd;
	str_copy(got.name, sizeof(got.name), name);
	r = read_block(&got, fd, a, e);
	close(fd);
	if (r == 0)
		r = xtables_parse(t, family, &got.layout, got.block, a, e);
	str_copy(t->name, sizeof(t->name), name);
	return r;
}

/* ---- what it says ---- */

size_t xtables_hook(const struct xtables *t, unsigned int hook)
{
	return t->layout.hooks >> hook & 1 ? xtables_find(t, t->layout.hook_entry[hook])
					   : XTABLES_NOWHERE;
}

size_t xtables_chain(const struct xtables *t, const char *name)
{
	for (size_t i = 0; i < t->layout.count; i++) {
		if (t->entries[i].kind == XTABLES_HEAD && strcmp(error_name(t, i), name) == 0)
			return i + 1;
	}
	return XTABLES_NOWHERE;
}

const char *xtables_chain_name(const struct xtables *t, size_t rule)
{
	static const char *const hooks[] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
					     "POSTROUTING" };
	size_t chain = t->entries[rule].chain, hook = hook_at(t, t->entries[chain].at);

	return hook < XTABLES_HOOKS ? hooks[hook] : error_name(t, chain);
}

static bool is_all(const uint8_t *at, size_t size, uint8_t byte)
{
	for (size_t i = 0; i < size; i++) {
		if (at[i] != byte)
			return false;
	}
	return true;
}

#define NOT_SADDR IPT_INV_SRCIP /* the same in both families */
#define NOT_DADDR IPT_INV_DSTIP
_Static_assert(IPT_INV_SRCIP == IP6T_INV_SRCIP && IPT_INV_DSTIP == IP6T_INV_DSTIP, "flags");

static struct addr whole_addr(const struct xtables_family *f, const uint8_t *entry, size_t addr,
			      size_t mask, uint8_t not )
{
	struct addr a = { 0 };

	if (entry[f->invflags] & not || !is_all(entry + mask, f->addr_size, 0xff))
		return a;
	a.family = f->af;
	memcpy(a.bytes, entry + addr, f->addr_size);
	return a;
}

/* Addresses, interfaces and the protocol; in IPv4 that is two bytes, in IPv6 too. */
static void read_match(const struct xtables_family *f, const uint8_t *entry,
		       struct xtables_rule *out)
{
	uint8_t rest[sizeof(struct ip6t_ip6)];

	memcpy(rest, entry, f->match);
	out->by_proto = !is_all(rest + f->proto, sizeof(uint16_t), 0);
	memset(rest + f->proto, 0, sizeof(uint16_t));
	rest[f->flags] &= (uint8_t) ~(f->goto_flag | f->proto_flag);
	out->matches = !is_all(rest, f->match, 0);
	out->saddr = whole_addr(f, entry, f->saddr, f->saddr_mask, NOT_SADDR);
	out->daddr = whole_addr(f, entry, f->daddr, f->daddr_mask, NOT_DADDR);
}

/* A comment asks for nothing. */
static void read_extensions(const struct xtables *t, size_t i, struct xtables_rule *out)
{
	const uint8_t *entry = xtables_at(t, i);
	size_t at = t->family->entry, end = xtables_target_at(t, i);

	while (at < end) {
		const struct xt_entry_match *m = (const void *)(entry + at);

		if (strcmp(m->u.user.name, "comment") == 0)
			out->comment = (const char *)m->data;
		else
			out->matches = true;
		at += m->u.user.match_size;
	}
}

static enum xtables_end extension_end(const char *name)
{
	if (strcmp(name, "REJECT") == 0)
		return XTABLES_DROP;
	return strcmp(name, "NFQUEUE") == 0 ? XTABLES_ACCEPT : XTABLES_NONE;
}

static enum xtables_end end_of(const struct xtables *t, size_t i, size_t *to)
{
	bool is_goto = xtables_at(t, i)[t->family->flags] & t->family->goto_flag;
	int verdict;

	if (!xtables_verdict(t, i, &verdict))
		return extension_end(target_of(t, i)->u.user.name);
	if (verdict == XT_RETURN)
		return XTABLES_RETURN;
	if (verdict < 0)
		return verdict == -NF_DROP - 1 ? XTABLES_DROP : XTABLES_ACCEPT;
	if (!is_goto && xtables_falls(t, i, verdict))
		return XTABLES_NONE;
	*to = xtables_find(t, (uint32_t)verdict);
	return is_goto ? XTABLES_GOTO : XTABLES_JUMP;
}

void xtables_rule(const struct xtables *t, size_t rule, struct xtables_rule *out)
{
	*out = (struct xtables_rule){ .comment = "", .to = XTABLES_NOWHERE };
	if (is_error(t, rule))
		return;
	read_match(t->family, xtables_at(t, rule), out);
	read_extensions(t, rule, out);
	out->end = end_of(t, rule, &out->to);
}
