/*
 * fw with schemas that are no masquerade's, against the running kernel: a map of host ports, and a
 * table of the bridge family. Records go to a /run of the test's own.
 */
#include "nft_kernel.h"

#include <sys/mount.h>
#include <netinet/in.h>

#include "cni/cni.h"
#include "fw/fw.h"

static const struct nft_set port_sets[] = {
	{ "ports4", { NFT_TYPE_PROTO, NFT_TYPE_PORT }, { NFT_TYPE_IPV4, NFT_TYPE_PORT } },
};
static const struct nft_chain port_chains[] = {
	{ "inbound", "nat", NF_INET_PRE_ROUTING, -100 },
	{ "local", "nat", NF_INET_LOCAL_OUT, -100 },
};
static void put_port_rules(struct nl *n);
static const struct fw_schema ports = {
	"ports", { NFPROTO_INET, "p" }, port_sets, 1, port_chains, 2, put_port_rules,
};

static void put_port_rules(struct nl *n)
{
	for (int i = 0; i < 2; i++) {
		nft_rule_begin(n, &ports.table, port_chains[i].name, false);
		nft_match_family(n, NFPROTO_IPV4);
		nft_do_dnat_map(n, &port_sets[0], NFT_OF(NFT_L4PROTO, NFT_DPORT));
		nft_rule_end(n, "host port");
	}
}

static const struct nft_set spoof_sets[] = { { "pairs", { NFT_TYPE_IFNAME, NFT_TYPE_MAC } } };
static const struct nft_chain spoof_chains[] = {
	{ "pre", "filter", 0 /* NF_BR_PRE_ROUTING */, -300 },
};
static void put_spoof_rules(struct nl *n);
static const struct fw_schema spoof = {
	"spoof", { NFPROTO_BRIDGE, "s" }, spoof_sets, 1, spoof_chains, 1, put_spoof_rules,
};

static void put_spoof_rules(struct nl *n)
{
	nft_rule_begin(n, &spoof.table, "pre", false);
	nft_match_iif(n, "eth0", true);
	nft_match_set(n, &spoof_sets[0], NFT_OF(NFT_IIFNAME, NFT_ETHER_SADDR), true);
	nft_do_drop(n);
	nft_rule_end(n, "spoof");
}

static const struct cni_attachment a = { "n", "a", "eth0" }, b = { "n", "b", "eth0" };

static int add(const struct cni_attachment *at, uint16_t from, const char *to, uint16_t port)
{
	const struct fw_owner o = { .at = at, .data_dir = "" };
	const struct fw_elem el = { &port_sets[0],
				    { .key = { { .proto = IPPROTO_TCP }, { .port = from } },
				      .data = { { A(to) }, { .port = port } } } };

	return fw_change(&ports, &o, &el, 1, &e);
}

static void del(const struct cni_attachment *at)
{
	if (fw_forget(&ports, at, false, &e) < 0)
		fail_msg("%s", e.text);
}

static int check(uint16_t from, const char *to, uint16_t port)
{
	const struct fw_elem el = { &port_sets[0],
				    { .key = { { .proto = IPPROTO_TCP }, { .port = from } },
				      .data = { { A(to) }, { .port = port } } } };

	err_clear(&e);
	return fw_check(&ports, &el, 1, &e);
}

#define SHOW "nft list ruleset"

static void test_port_and_back(void **state)
{
	(void)state;
	assert_int_equal(add(&a, 8080, "10.1.0.2", 80), 0);
	shows_part(SHOW, "tcp . 8080 comment \"veth");
	assert_int_equal(check(8080, "10.1.0.2", 80), 0);
	assert_int_equal(check(8080, "10.1.0.2", 81), -ENOENT);
	assert_non_null(strstr(e.text, "lacks the element ports4 6 8080 = 10.1.0.2 81"));
	assert_int_equal(check(8081, "10.1.0.2", 80), -ENOENT);
	del(&a);
	shows(SHOW, "");
}

/* The same owner again with other data; another one over it, and the late DEL of the first. */
static void test_replaced(void **state)
{
	(void)state;
	assert_int_equal(add(&a, 8080, "10.1.0.2", 80), 0);
	assert_int_equal(add(&a, 8080, "10.1.0.2", 81), 0);
	assert_int_equal(check(8080, "10.1.0.2", 81), 0);
	assert_int_equal(add(&b, 8080, "10.1.0.3", 80), 0);
	del(&a);
	assert_int_equal(check(8080, "10.1.0.3", 80), 0);
	del(&b);
	shows(SHOW, "");
}

/* An owner without a host end is put back on its record alone. */
static void test_put_back(void **state)
{
	char out[64];

	(void)state;
	assert_int_equal(add(&a, 8080, "10.1.0.2", 80), 0);
	run("nft flush chain inet p local", out, sizeof(out));
	assert_int_equal(check(8080, "10.1.0.2", 80), -ENOENT);
	assert_non_null(strstr(e.text, "lacks rules in the chain local"));
	assert_int_equal(add(&b, 8081, "10.1.0.3", 80), 0);
	assert_int_equal(check(8080, "10.1.0.2", 80), 0);
	assert_int_equal(check(8081, "10.1.0.3", 80), 0);
	del(&b);
	del(&a);
	shows(SHOW, "");
}

/* A table is its schema's: another's elements do not keep it. */
static void test_two_schemas(void **state)
{
	const struct fw_owner o = { .at = &a, .data_dir = "" };
	const struct fw_elem el = { &spoof_sets[0],
				    { .key = { { .ifname = "veth0" },
					       { .mac = { 2, 0, 0, 0, 0, 1 } } } } };

	(void)state;
	assert_int_equal(add(&a, 8080, "10.1.0.2", 80), 0);
	assert_int_equal(fw_change(&spoof, &o, &el, 1, &e), 0);
	assert_int_equal(fw_check(&spoof, &el, 1, &e), 0);
	shows_part(SHOW, "table bridge s");
	del(&a);
	shows_part(SHOW, "\"veth0\" . 02:00:00:00:00:01 comment \"veth");
	assert_int_equal(fw_forget(&spoof, &a, false, &e), 0);
	shows(SHOW, "");
}

static size_t one_chain(void)
{
	return 1;
}

static void put_first_rule(struct nl *n)
{
	nft_rule_begin(n, &ports.table, port_chains[0].name, false);
	nft_match_family(n, NFPROTO_IPV4);
	nft_do_return(n);
	nft_rule_end(n, NULL);
}

/* A kernel that needs only the first: whole for it, not for one that needs both. */
static void test_chains_of_a_kernel(void **state)
{
	const struct fw_schema few = {
		"ports",	{ NFPROTO_INET, "p" },	   port_sets, 1, port_chains, 2,
		put_first_rule, .count_chains = one_chain,
	};
	const struct fw_owner o = { .at = &a, .data_dir = "" };
	const struct fw_elem el = { &port_sets[0],
				    { .key = { { .proto = IPPROTO_TCP }, { .port = 8080 } },
				      .data = { { A("10.1.0.2") }, { .port = 80 } } } };

	(void)state;
	assert_int_equal(fw_change(&few, &o, &el, 1, &e), 0);
	shows("nft list table inet p | grep hook | wc -l", "1\n");
	assert_int_equal(fw_check(&few, &el, 1, &e), 0);
	assert_int_equal(check(8080, "10.1.0.2", 80), -ENOENT);
	assert_non_null(strstr(e.text, "lacks the chain local"));
	assert_int_equal(fw_repair(&ports, &e), 0);
	assert_int_equal(check(8080, "10.1.0.2", 80), 0);
	err_clear(&e);
	assert_int_equal(fw_check(&few, &el, 1, &e), -ENOENT);
	del(&a);
	shows(SHOW, "");
}

static void test_nothing_there(void **state)
{
	(void)state;
	del(&a);
	assert_int_equal(fw_forget(&ports, &a, true, &e), 0);
	assert_int_equal(add(&a, 1, "10.1.0.2", 1), 0);
	del(&b);
	assert_int_equal(fw_forget(&ports, &b, true, &e), 0);
	assert_int_equal(check(1, "10.1.0.2", 1), 0);
	del(&a);
	shows(SHOW, "");
}

static bool own_run(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("run", "/run", "tmpfs", 0, NULL) == 0)
		return true;
	printf("SKIPPED: no /run of its own: %s\n", strerror(errno));
	return false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_and_back), cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_put_back),      cmocka_unit_test(test_two_schemas),
		cmocka_unit_test(test_nothing_there), cmocka_unit_test(test_chains_of_a_kernel),
	};

	return enter_namespace() && own_run() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
