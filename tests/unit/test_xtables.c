/*
 * Legacy tables of iptables as blocks: what is read of them, what is no table, and the block after
 * a change. What the kernel takes is tests/netns/fw_legacy.bats.
 */
#include "unit_xtables.h"

/* ---- reading ---- */

static void chains_and_jumps(void **state)
{
	struct xtables t;
	struct built b;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		filter(&b, families[k], DROP);
		take(&t, &b);
		assert_string_equal(told(&t),
				    "INPUT: >two accept; FORWARD: >one 'second'>two - "
				    "drop; OUTPUT: accept; one: >two return; two: return");
		assert_int_equal(xtables_hook(&t, NF_INET_FORWARD), 2);
		assert_true(xtables_hook(&t, NF_INET_PRE_ROUTING) == XTABLES_NOWHERE);
		assert_int_equal(xtables_chain(&t, "two"), 11);
		assert_true(xtables_chain(&t, "FORWARD") == XTABLES_NOWHERE);
		assert_true(xtables_chain(&t, XT_ERROR_TARGET) == XTABLES_NOWHERE);
	}
}

/* What a rule without extensions asks for, by what stands in its match of addresses. */
static void addresses(void **state)
{
	struct xtables_rule r;
	struct xtables t;
	struct built b;
	struct addr a;

	(void)state;
	begin(&b, AF_INET);
	hook(&b, NF_INET_FORWARD);
	for (int i = 0; i < 5; i++) {
		struct ipt_ip *ip = (void *)(b.block + rule(&b, ACCEPT));

		memcpy(&ip->src, "\x0a\x01\x00\x02", 4);
		memset(&ip->smsk, 0xff, i == 1 ? 3 : 4);
		ip->invflags = i == 2 ? IPT_INV_SRCIP : 0;
		if (i > 2)
			memset(ip, 0, sizeof(*ip));
		ip->proto = i > 2 ? IPPROTO_TCP : 0;
		ip->invflags |= i == 4 ? IPT_INV_PROTO : 0;
	}
	policy(&b, NF_INET_FORWARD, ACCEPT);
	end(&b);
	take(&t, &b);
	assert_true(addr_parse("10.1.0.2", &a));
	xtables_rule(&t, 0, &r);
	assert_true(r.matches && addr_equal(&r.saddr, &a) && !addr_is_set(&r.daddr));
	for (size_t i = 1; i < 3; i++) {
		xtables_rule(&t, i, &r);
		assert_true(r.matches && !addr_is_set(&r.saddr));
	}
	xtables_rule(&t, 3, &r);
	assert_true(r.by_proto && !r.matches);
	xtables_rule(&t, 4, &r);
	assert_true(r.by_proto && r.matches);
}

static void targets(void **state)
{
	struct xtables t;
	struct built b;

	(void)state;
	begin(&b, AF_INET6);
	hook(&b, NF_INET_FORWARD);
	extension(&b, "REJECT");
	extension(&b, "LOG");
	extension(&b, "NFQUEUE");
	rule(&b, -NF_QUEUE - 1);
	((struct ip6t_ip6 *)(void *)(b.block + rule(&b, TO(0))))->flags = IP6T_F_GOTO;
	policy(&b, NF_INET_FORWARD, DROP);
	chain(&b, "one");
	rule(&b, RETURN);
	end(&b);
	take(&t, &b);
	assert_string_equal(told(&t), "FORWARD: drop - accept accept =one drop; one: return");
}

/* ---- what is no table ---- */

#define REFUSED(...)                                                                               \
	do {                                                                                       \
		filter(&b, AF_INET, DROP);                                                         \
		__VA_ARGS__;                                                                       \
		assert_int_equal(parse(&t, AF_INET, &b.l, b.block), -EPROTO);                      \
		assert_non_null(strstr(e.text, "it "));                                            \
	} while (0)

static struct xt_standard_target *first_target(struct built *b)
{
	return (void *)(b->block + *target_at(b, 0));
}

static void no_table(void **state)
{
	struct xtables t;
	struct built b;

	(void)state;
	REFUSED(b.l.size -= 8);
	REFUSED(b.l.count--);
	REFUSED(b.l.count++);
	REFUSED(b.l.count = UINT32_MAX);
	REFUSED(b.l.count = 0, b.l.size = 0);
	REFUSED(b.l.hook_entry[NF_INET_FORWARD] += 8);
	REFUSED(b.l.hook_entry[NF_INET_FORWARD] = b.l.size);
	REFUSED(b.l.hook_entry[NF_INET_FORWARD] = b.l.hook_entry[NF_INET_LOCAL_IN]);
	REFUSED(b.l.underflow[NF_INET_LOCAL_OUT] = b.l.underflow[NF_INET_FORWARD]);
	REFUSED(b.l.hook_entry[NF_INET_LOCAL_OUT] = b.chains[0]);
	REFUSED(b.l.hooks |= 1); /* begins where another does */
	REFUSED(b.l.hooks |= 1, b.l.underflow[0] = b.l.underflow[NF_INET_LOCAL_IN]);
	REFUSED(b.l.hooks = 0);
	REFUSED(target_at(&b, 0)[1] = 0);
	REFUSED(target_at(&b, 0)[1] += 4);
	REFUSED(target_at(&b, 0)[1] = UINT16_MAX);
	REFUSED(target_at(&b, 0)[0] -= 8);
	REFUSED(target_at(&b, 0)[0] = target_at(&b, 0)[1]);
	REFUSED(first_target(&b)->target.u.user.target_size = 8);
	REFUSED(first_target(&b)->target.u.user.target_size += 8);
	REFUSED(memset(first_target(&b)->target.u.user.name, 'x', XT_EXTENSION_MAXNAMELEN));
	REFUSED(first_target(&b)->verdict += 8);
	REFUSED(first_target(&b)->verdict = (int)b.l.size);
	REFUSED(first_target(&b)->verdict = (int)(b.chains[0] - (b.chains[1] - b.chains[0]) / 3));
	REFUSED(memset(b.block + b.chains[0] - 32, 'x', 32)); /* a chain's name */
}

/* The match of "second" in FORWARD. */
static struct xt_entry_match *match_of(struct built *b)
{
	uint32_t at = b->l.hook_entry[NF_INET_FORWARD];

	at += target_at(b, at)[1];
	return (void *)(b->block + at + entry_size(b->family));
}

static void no_matches(void **state)
{
	struct xtables t;
	struct built b;

	(void)state;
	REFUSED(match_of(&b)->u.user.match_size = 0);
	REFUSED(match_of(&b)->u.user.match_size += 8);
	REFUSED(match_of(&b)->u.user.match_size -= 8);
	REFUSED(match_of(&b)->u.user.match_size -= 4);
	REFUSED(memset(match_of(&b)->u.user.name, 'x', XT_EXTENSION_MAXNAMELEN));
	REFUSED(memset(match_of(&b)->data, 'x', 256));
}

/* Whatever byte is another one, it is read or refused; what is read can be built and read again. */
static void any_byte(void **state)
{
	static const uint8_t others[] = { 0, 1, 8, 0x7f, 0xff };
	struct xtables_image image;
	struct xtables t;
	struct built b;
	size_t sound = 0;

	(void)state;
	filter(&b, AF_INET6, DROP);
	for (uint32_t i = 0; i < b.l.size * sizeof(others); i++) {
		uint8_t *at = b.block + i / sizeof(others), was = *at;
		int r;

		*at = others[i % sizeof(others)];
		r = parse(&t, AF_INET6, &b.l, b.block);
		assert_true(r == 0 || r == -EPROTO);
		if (r == 0) {
			sound++;
			(void)told(&t);
			assert_int_equal(xtables_build(&t, &image, &e), 0);
			assert_int_equal(image.layout.size, b.l.size);
			assert_int_equal(parse(&t, AF_INET6, &image.layout, image.block), 0);
		}
		*at = was;
	}
	assert_true(sound > b.l.size && sound < b.l.size * sizeof(others));
}

/* ---- writing ---- */

static void nothing_changes(void **state)
{
	struct xtables_image image;
	struct xtables t;
	struct built b;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		filter(&b, families[k], DROP);
		take(&t, &b);
		assert_int_equal(xtables_build(&t, &image, &e), 0);
		assert_memory_equal(&image.layout, &b.l, sizeof(b.l));
		assert_memory_equal(image.block, b.block, b.l.size);
		for (uint32_t i = 0; i < b.l.count; i++)
			assert_int_equal(image.old[i], i);
	}
}

static void put_anywhere(void **state)
{
	const struct xtables_new_rule accept = { 0x80000, "mine", XTABLES_NOWHERE };
	struct xtables_new_rule jump = { 0, "led", 0 };
	struct xtables t;
	struct built b;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		filter(&b, families[k], DROP);
		take(&t, &b);
		jump.to = xtables_chain(&t, "one");
		xtables_put(&t, 2, &jump);   /* first in FORWARD */
		xtables_put(&t, 5, &accept); /* before its policy, behind a rule without a target */
		xtables_put(&t, 8, &accept); /* first in one */
		xtables_put(&t, 1, &accept); /* before INPUT's policy */
		rebuild(&t, families[k]);
		assert_string_equal(told(&t),
				    "INPUT: >two ?'mine'accept accept; FORWARD: 'led'>one >one "
				    "'second'>two - ?'mine'accept drop; OUTPUT: accept; one: "
				    "?'mine'accept >two return; two: return");
		assert_int_equal(xtables_hook(&t, NF_INET_FORWARD), 3);
	}
}

static void rules_and_chains_go(void **state)
{
	struct xtables_image image;
	struct xtables t;
	struct built b;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		filter(&b, families[k], ACCEPT);
		take(&t, &b);
		t.entries[2].gone = true; /* the jump to one, FORWARD's first */
		xtables_delete_chain(&t, xtables_chain(&t, "one"));
		assert_int_equal(xtables_build(&t, &image, &e), 0);
		assert_int_equal(image.layout.count, b.l.count - 4);
		assert_int_equal(image.old[2], 3);
		rebuild(&t, families[k]);
		assert_string_equal(told(&t), "INPUT: >two accept; FORWARD: 'second'>two - "
					      "accept; OUTPUT: accept; two: return");
	}
}

/* A chain whose first rule goes is led to as before. */
static void first_of_a_chain_goes(void **state)
{
	struct xtables t;
	struct built b;

	(void)state;
	filter(&b, AF_INET, ACCEPT);
	take(&t, &b);
	t.entries[xtables_chain(&t, "one")].gone = true;
	rebuild(&t, AF_INET);
	assert_string_equal(told(&t), "INPUT: >two accept; FORWARD: >one 'second'>two - accept; "
				      "OUTPUT: accept; one: return; two: return");
}

static void no_memory(void **state)
{
	const struct xtables_new_rule accept = { 1, "mine", XTABLES_NOWHERE };
	struct xtables_image image;
	struct xtables t;
	struct built b;

	(void)state;
	filter(&b, AF_INET, DROP);
	arena_init(&arena, memory, 64);
	err_clear(&e);
	assert_int_equal(xtables_parse(&t, AF_INET, &b.l, b.block, &arena, &e), -ENOMEM);
	take(&t, &b);
	arena.cap = arena.used + 16;
	xtables_put(&t, 2, &accept);
	assert_int_equal(xtables_build(&t, &image, &e), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_and_jumps),
		cmocka_unit_test(addresses),
		cmocka_unit_test(targets),
		cmocka_unit_test(no_table),
		cmocka_unit_test(no_matches),
		cmocka_unit_test(any_byte),
		cmocka_unit_test(nothing_changes),
		cmocka_unit_test(put_anywhere),
		cmocka_unit_test(rules_and_chains_go),
		cmocka_unit_test(first_of_a_chain_goes),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
