/*
 * What firewall has in FORWARD of a legacy table: where its rules stand, and that a second look
 * finds nothing to do. With traffic it is tests/netns/fw_legacy.bats.
 */
#include "unit_xtables.h"

#include "fw/legacy_forward.h"

/* ---- firewall's rules in FORWARD ---- */

static const char *const admins[] = { "one", "none" };

/* Behind as many changes as there should be; the second plan has none. */
static void settle(struct xtables *t, uint8_t family, const struct legacy_want *w, int changes)
{
	assert_int_equal(legacy_forward_plan(t, w), changes);
	rebuild(t, family);
	assert_int_equal(legacy_forward_plan(t, w), 0);
}

static void forward(void **state)
{
	const struct legacy_want nobody = { 0 }, pods = { .pods = true },
				 both = { true, admins, 2 };
	struct xtables t;
	struct built b;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		filter(&b, families[k], DROP);
		take(&t, &b);
		settle(&t, families[k], &pods, 1);
		assert_non_null(strstr(told(&t), "FORWARD: >one 'second'>two ?'cnibox firewall: "
						 "pods'accept - drop;"));
		settle(&t, families[k], &both, 1);
		assert_non_null(strstr(told(&t), "FORWARD: 'cnibox firewall: admin one'>one >one"));
		settle(&t, families[k], &nobody, 2);
		assert_string_equal(told(&t),
				    "INPUT: >two accept; FORWARD: >one 'second'>two - "
				    "drop; OUTPUT: accept; one: >two return; two: return");
	}
}

static void forward_that_passes(void **state)
{
	const struct legacy_want both = { true, admins, 2 };
	struct xtables t;
	struct built b;

	(void)state;
	filter(&b, AF_INET, ACCEPT);
	take(&t, &b);
	settle(&t, AF_INET, &both, 1);
	assert_null(strstr(told(&t), "pods"));
	strcpy(t.name, "mangle");
	assert_int_equal(legacy_forward_plan(&t, &both), 1); /* admin chains are filter's */
}

/* A jump that is behind what decides is put again; doubles of ours go. */
static void forward_out_of_order(void **state)
{
	const struct legacy_want both = { true, admins, 2 };
	struct xtables t;
	struct built b;

	(void)state;
	begin(&b, AF_INET);
	hook(&b, NF_INET_FORWARD);
	commented(&b, ACCEPT, "cnibox firewall: pods");
	extension(&b, "REJECT");
	commented(&b, TO(0), "cnibox firewall: admin one");
	commented(&b, ACCEPT, "cnibox firewall: pods");
	commented(&b, TO(0), "cnibox node: others");
	policy(&b, NF_INET_FORWARD, ACCEPT);
	chain(&b, "one");
	rule(&b, DROP);
	rule(&b, RETURN);
	end(&b);
	take(&t, &b);
	settle(&t, AF_INET, &both, 5);
	assert_string_equal(told(&t),
			    "FORWARD: 'cnibox firewall: admin one'>one ?'cnibox firewall: "
			    "pods'accept drop 'cnibox node: others'>one accept; one: drop return");
}

static void closed_hooks(void **state)
{
	struct xtables t;
	struct built b;

	(void)state;
	filter(&b, AF_INET, DROP);
	take(&t, &b);
	assert_false(legacy_closes(&t, NF_INET_FORWARD)); /* a chain may accept */
	assert_false(legacy_closes(&t, NF_INET_LOCAL_OUT));
	assert_false(legacy_closes(&t, NF_INET_PRE_ROUTING));
	begin(&b, AF_INET);
	hook(&b, NF_INET_PRE_ROUTING);
	rule(&b, ON);
	commented(&b, DROP, "all");
	policy(&b, NF_INET_PRE_ROUTING, ACCEPT);
	end(&b);
	take(&t, &b);
	assert_true(legacy_closes(&t, NF_INET_PRE_ROUTING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forward),
		cmocka_unit_test(forward_that_passes),
		cmocka_unit_test(forward_out_of_order),
		cmocka_unit_test(closed_hooks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
