/*
 * Legacy tables of iptables: a block as the kernel hands it out, and what is changed in it. A block
 * that is taken can be changed, and what comes of it is taken again.
 *
 * The input: 4 bytes (family, what is to be done), hooks, count and offsets in two bytes each, and
 * the block.
 */
#include <sys/socket.h>

#include "fuzz.h"
#include "fw/legacy_forward.h"
#include "net/xtables.h"

#define HEAD (4 + 2 * (2 + 2 * XTABLES_HOOKS))

static uint32_t word(const uint8_t *at)
{
	return (uint32_t)(at[0] | at[1] << 8);
}

static struct xtables_layout layout_of(const uint8_t *at, size_t block)
{
	struct xtables_layout l = { .hooks = word(at) & 31,
				    .count = word(at + 2),
				    .size = (uint32_t)block };

	for (size_t h = 0; h < XTABLES_HOOKS; h++) {
		l.hook_entry[h] = word(at + 4 + 4 * h);
		l.underflow[h] = word(at + 6 + 4 * h);
	}
	return l;
}

static void read_rules(const struct xtables *t)
{
	struct xtables_rule r;

	for (size_t i = 0; i < t->layout.count; i++) {
		xtables_rule(t, i, &r);
		require(strlen(r.comment) < 256);
		require(strlen(xtables_chain_name(t, i)) < XTABLES_NAME_SIZE);
		require((r.to == XTABLES_NOWHERE) == (r.end < XTABLES_JUMP));
		require(r.to == XTABLES_NOWHERE || r.to < t->layout.count);
		require(t->entries[i].chain <= i);
	}
}

static bool is_led_to(const struct xtables *t, uint32_t chain)
{
	struct xtables_rule r;

	for (size_t i = 0; i < t->layout.count; i++) {
		xtables_rule(t, i, &r);
		if (r.to != XTABLES_NOWHERE && t->entries[r.to].chain == chain)
			return true;
	}
	return false;
}

/* A chain that nothing leads to; not one of a hook. */
static void delete_chain(struct xtables *t, uint8_t which)
{
	for (size_t i = 0; i < t->layout.count; i++) {
		if (t->entries[i].kind == XTABLES_HEAD && which-- == 0 &&
		    !is_led_to(t, (uint32_t)i))
			xtables_delete_chain(t, i + 1);
	}
}

static void change(struct xtables *t, const uint8_t *how)
{
	static const char *const admins[] = { "CNI-ADMIN", "DOCKER-USER" };
	const struct legacy_want want = { how[1] & 1, admins, how[1] >> 1 & 1 ? 2 : 0 };
	const size_t at = how[2];

	if (how[1] & 4) {
		(void)legacy_forward_plan(t, &want);
	} else if (at < t->layout.count && t->entries[at].kind == XTABLES_RULE) {
		t->entries[at].gone = true;
	} else {
		delete_chain(t, how[3]);
	}
	for (unsigned int h = 0; h < XTABLES_HOOKS; h++)
		(void)legacy_closes(t, h);
}

/* In a piece of its own: false, if it is no table. */
static bool take(struct xtables *t, uint8_t family, const struct xtables_layout *l,
		 const uint8_t *block, struct arena *a)
{
	struct err e = { 0 };
	int r = xtables_parse(t, family, l, block, a, &e);

	check_err(r, &e);
	strcpy(t->name, "filter");
	return r == 0;
}

static void write_table(const struct xtables *t, uint8_t family, struct arena *a)
{
	struct xtables_image image;
	struct err e = { 0 };
	struct xtables after;
	uint8_t *block;
	int r = xtables_build(t, &image, &e);

	check_err(r, &e);
	require(r == 0);
	block = malloc(image.layout.size);
	require(block);
	memcpy(block, image.block, image.layout.size);
	require(take(&after, family, &image.layout, block, a));
	read_rules(&after);
	free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	const uint8_t *head, *block;
	struct arena a = fuzz_arena();
	struct xtables_layout l;
	struct xtables t;
	uint8_t family;

	if (size < HEAD)
		return 0;
	head = (const uint8_t *)input_take(&in, HEAD, false);
	l = layout_of(head + 4, in.left);
	block = (const uint8_t *)input_take(&in, in.left, false);
	family = head[0] & 1 ? AF_INET6 : AF_INET;
	if (take(&t, family, &l, block, &a)) {
		read_rules(&t);
		change(&t, head);
		write_table(&t, family, &a);
	}
	input_end(&in);
	return 0;
}
