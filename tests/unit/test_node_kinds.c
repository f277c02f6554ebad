/* What each kind wants, from a cluster file and a machine that exists only here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "fw/foreign_chain.h"
#include "json/json.h"
#include "node/kind.h"
#include "node/kinds/kinds.h"
#include "node/saved.h"
#include "node/site.h"

static _Alignas(16) char memory[4 << 20];
static struct arena arena;
static struct cluster cluster;
static struct site site;
static struct work work;
static struct list warnings;
static struct err e;
static char out[16384];

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, memory, sizeof(memory));
	memset(&site, 0, sizeof(site));
	site.arena = &arena;
	site.cluster = &cluster;
	strcpy(site.forwarding6, "0");
	list_init(&site.addrs, &arena, sizeof(struct site_addr));
	list_init(&site.links, &arena, sizeof(struct site_link));
	list_init(&site.saved, &arena, sizeof(struct saved_sysctl));
	list_init(&site.chains, &arena, sizeof(struct foreign_chain));
	list_init(&warnings, &arena, sizeof(const char *));
	err_clear(&e);
	return 0;
}

static void address(int index, const char *s)
{
	struct site_addr a = { .index = index };

	assert_true(prefix_parse(s, &a.prefix));
	list_add(&site.addrs, &a);
}

static void link_here(const char *name, bool uplink, bool ra_default, const char *accept_ra)
{
	struct site_link l = { .index = 9, .uplink = uplink, .ra_default = ra_default };

	strcpy(l.name, name);
	strcpy(l.accept_ra, accept_ra);
	list_add(&site.links, &l);
}

static void changed_before(const char *path, const char *before, const char *ours)
{
	struct saved_sysctl s = { path, before, ours };

	list_add(&site.saved, &s);
}

static void chain(uint8_t family, const char *text, enum chain_verdict verdict)
{
	struct foreign_chain c = { .table.family = family,
				   .text = text,
				   .end = { { .verdict = verdict }, { .verdict = verdict } } };

	c.end[family == NFPROTO_IPV4].verdict = family == NFPROTO_INET ? verdict : CHAIN_PASSES;
	list_add(&site.chains, &c);
}

/* The wanted items of the kind, sorted, in work. */
static int want(const struct kind *k)
{
	int r;

	work = (struct work){ .kind = k, .site = &site, .warnings = &warnings };
	list_init(&work.want, &arena, k->size);
	r = k->want(&work, &e);
	if (r == 0)
		items_sort(k, &work.want);
	assert_false(work.want.bad);
	return r;
}

static int build(const char *text, const char *name)
{
	int r = cluster_parse(&arena, text, strlen(text), &cluster, &e);

	if (r == 0)
		r = site_find_self(&site, name, &e);
	for (size_t i = 0; i < kind_count && r == 0; i++)
		r = want(kinds[i]);
	return r;
}

static void describe(struct text *t, const struct kind *k, const void *item)
{
	const struct route *r = item;

	text_str(t, t->len ? "\n" : "");
	k->describe(t, item);
	if (k == &route_kind)
		text_printf(t, " dev %d metric %u", r->index, r->metric);
}

/* Everything wanted of this kind, a line each. */
static const char *wanted(const struct kind *k)
{
	struct text t;

	text_init(&t, out, sizeof(out));
	assert_int_equal(want(k), 0);
	for (size_t i = 0; i < work.want.count; i++)
		describe(&t, k, (const char *)work.want.at + i * k->size);
	assert_false(t.bad);
	return out;
}

static bool warned(const char *text)
{
	const char *const *at = warnings.at;
	size_t i = 0;

	while (i < warnings.count && !strstr(at[i], text))
		i++;
	return i < warnings.count;
}

/* Of the masquerade: the rules, or the elements. */
static const char *rules(void)
{
	char *end;

	wanted(&masquerade_kind);
	end = strchr(out, '\n');
	if (end)
		*end = '\0';
	return out;
}

static const char *elements(void)
{
	char *end;

	wanted(&masquerade_kind);
	end = strchr(out, '\n');
	return end ? end + 1 : "";
}

static const char *config(void)
{
	const struct config_item *it;

	assert_int_equal(want(&config_kind), 0);
	assert_int_equal(work.want.count, 1);
	it = work.want.at;
	return it->text;
}

static void builds(const char *text, const char *name)
{
	int r = build(text, name);

	if (r)
		print_error("%s\n", e.text);
	assert_int_equal(r, 0);
}

static void refuses(const char *text, const char *name, const char *why)
{
	assert_true(build(text, name) < 0);
	assert_string_equal(e.text, why);
}

#define THREE(more)                                                                                \
	"{" more "\"nodes\":[{\"name\":\"m\",\"addresses\":[\"192.168.122.14\"],\"subnets\":["     \
	"\"192.168.0.0/24\"]},"                                                                    \
	"{\"name\":\"n1\",\"addresses\":[\"192.168.122.15\"],\"subnets\":[\"192.168.1.0/24\"]},"   \
	"{\"name\":\"n2\",\"addresses\":[\"192.168.122.16\"],\"subnets\":[\"192.168.2.0/24\"]}]}"
#define NET "\"networks\":[\"192.168.0.0/16\"],"

static void test_three_nodes(void **state)
{
	(void)state;
	address(2, "192.168.122.14/24");
	chain(NFPROTO_IPV4, "ip filter FORWARD", CHAIN_DROPS);
	chain(NFPROTO_INET, "inet fw forward", CHAIN_DROPS);
	chain(NFPROTO_IPV6, "ip6 filter FORWARD", CHAIN_DROPS); /* no pods of its family */
	chain(NFPROTO_IPV4, "ip open forward", CHAIN_ACCEPTS);
	builds(THREE(NET), "m");
	assert_string_equal(wanted(&sysctl_kind), "sysctl net/ipv4/ip_forward = 1");
	assert_string_equal(wanted(&route_kind),
			    "route 192.168.1.0/24 via 192.168.122.15 dev 2 metric 0\n"
			    "route 192.168.2.0/24 via 192.168.122.16 dev 2 metric 0");
	assert_string_equal(rules(),
			    "nftables inet cnibox_node: masquerade ip leaving the cluster");
	assert_string_equal(elements(),
			    "masquerade: pods here 192.168.0.0-192.168.0.255\nmasquerade: cluster "
			    "192.168.0.0-192.168.255.255\n"
			    "masquerade: node 192.168.122.14\nmasquerade: node "
			    "192.168.122.15\nmasquerade: node 192.168.122.16");
	assert_string_equal(wanted(&forward_kind),
			    "nftables inet fw forward: accept from cni0 192.168.0.0/24, to cni0 "
			    "192.168.0.0/24\n"
			    "nftables ip filter FORWARD: accept from cni0 192.168.0.0/24, to cni0 "
			    "192.168.0.0/24");
	assert_string_equal(config(), "{\n  \"cniVersion\": \"1.0.0\",\n  \"name\": \"cnibox\",\n  "
				      "\"cnibox.node\": \"m\",\n"
				      "  \"plugins\": [\n    {\n      \"type\": \"bash-cni\",\n"
				      "      \"network\": \"192.168.0.0/16\",\n      \"subnet\": "
				      "\"192.168.0.0/24\",\n      \"hairpinMode\": true\n"
				      "    }\n  ]\n}\n");
}

/*
 * Neighbouring subnets are one range; the chains of others get our own subnets only; the network is
 * the widest full prefix.
 */
static void test_no_networks(void **state)
{
	(void)state;
	address(2, "192.168.122.15/24");
	chain(NFPROTO_IPV4, "ip filter FORWARD", CHAIN_DROPS);
	builds(THREE("\"mtu\":1400,\"bridge\":\"br1\","), "n1");
	assert_string_equal(wanted(&forward_kind), "nftables ip filter FORWARD: accept from br1 "
						   "192.168.1.0/24, to br1 192.168.1.0/24");
	assert_non_null(strstr(elements(), "cluster 192.168.0.0-192.168.2.255\n"));
	assert_non_null(
		strstr(config(),
		       "\"network\": \"192.168.0.0/23\",\n      \"subnet\": \"192.168.1.0/24\",\n"
		       "      \"bridge\": \"br1\",\n      \"hairpinMode\": true,\n"
		       "      \"mtu\": 1400\n"));
}

static void test_widest_network(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	builds("{\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\"],\"subnets\":[\"10.0.3.0/"
	       "24\"]},"
	       "{\"name\":\"b\",\"addresses\":[\"192.0.2.2\"],\"subnets\":[\"10.0.1.0/"
	       "24\",\"10.0.2.0/24\",\"10.0.5.0/24\","
	       "\"9.0.0.0/24\"]},{\"name\":\"c\",\"addresses\":[\"2001:db8::3\"]}]}",
	       NULL);
	assert_non_null(strstr(config(), "\"network\": \"10.0.2.0/23\""));
}

static void test_own_by_address(void **state)
{
	(void)state;
	address(1, "10.9.9.9/8");
	address(2, "192.168.122.16/24");
	builds(THREE(NET), NULL); /* no node has the name of the machine that runs this */
	assert_ptr_equal(site.self, &cluster.nodes[2]);
}

static void test_own_missing(void **state)
{
	(void)state;
	address(2, "192.168.122.17/24");
	refuses(THREE(NET), "n3", "nodes: none is named \"n3\"");
	err_clear(&e);
	assert_true(build(THREE(NET), NULL) < 0);
	assert_non_null(strstr(
		e.text, " as this machine is, and none has an address of it (--name says which)"));
}

/* It learns the ways to the pods of others, and is told apart from who knows the way back. */
static void test_without_pods(void **state)
{
	static const char text[] = "{\"networks\":[\"192.168.0.0/16\",\"10.9.9.9/32\"],\"nodes\":["
				   "{\"name\":\"m\",\"addresses\":[\"192.168.122.14\"],\"subnets\":"
				   "[\"192.168.0.0/24\"]},"
				   "{\"name\":\"c\",\"addresses\":[\"192.168.122.20\",\"192.168."
				   "255.255\",\"10.9.9.9\","
				   "\"203.0.113.1\",\"2001:db8::1\"]}]}";

	(void)state;
	address(2, "192.168.122.14/24");
	chain(NFPROTO_IPV4, "ip filter FORWARD", CHAIN_DROPS);
	builds(text, "m");
	assert_string_equal(elements(), "masquerade: pods here 192.168.0.0-192.168.0.255\n"
					"masquerade: cluster 192.168.0.0-192.168.122.19\n"
					"masquerade: cluster 192.168.122.21-192.168.255.254\n"
					"masquerade: node 192.168.122.14");
	setup(NULL);
	address(2, "192.168.122.20/24");
	chain(NFPROTO_IPV4, "ip filter FORWARD", CHAIN_DROPS);
	builds(text, "c");
	assert_string_equal(wanted(&route_kind),
			    "route 192.168.0.0/24 via 192.168.122.14 dev 2 metric 0");
	for (size_t i = 0; i < kind_count; i++) {
		if (kinds[i] != &route_kind)
			assert_string_equal(wanted(kinds[i]), "");
	}
	assert_true(warned("node c has no subnet for pods"));
}

static void test_masquerade_forms(void **state)
{
	(void)state;
	address(2, "192.168.122.14/24");
	builds(THREE(NET "\"masquerade\":\"subnet\",\"bridge\":\"br1\","), "m");
	assert_string_equal(rules(), "nftables inet cnibox_node: masquerade ip not leaving by br1");
	assert_string_equal(elements(), "masquerade: pods here 192.168.0.0-192.168.0.255");
	setup(NULL);
	address(2, "192.168.122.14/24");
	builds(THREE(NET "\"masquerade\":\"none\","), "m");
	assert_string_equal(rules(), "");
	assert_string_equal(elements(), "");
}

#define DUAL                                                                                       \
	"{\"networks\":[\"10.0.0.0/8\",\"fd00::/"                                                  \
	"48\"],\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\",\"2001:db8::1\"],"          \
	"\"subnets\":[\"10.0.0.0/24\",\"fd00:0:0:1::/"                                             \
	"64\"]},{\"name\":\"b\",\"addresses\":[\"192.0.2.2\",\"2001:db8::2\"],"                    \
	"\"subnets\":[\"10.0.1.0/24\",\"fd00:0:0:2::/64\"]}]}"

static void test_dual_stack(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	address(3, "2001:db8::1/64");
	link_here("eth0", true, true, "1");
	link_here("eth1", true, false, "1");
	link_here("eth2", true, true, "0"); /* another program listens to advertisements there */
	link_here("cni0", true, true, "1");
	link_here("br7", false, true, "1");
	chain(NFPROTO_IPV6, "ip6 filter FORWARD", CHAIN_DROPS);
	chain(NFPROTO_INET, "inet fw f", CHAIN_DROPS);
	builds(DUAL, "a");
	assert_string_equal(
		wanted(&sysctl_kind),
		"sysctl net/ipv6/conf/cni0/accept_ra = 0\n"
		"sysctl net/ipv6/conf/eth0/accept_ra = 2\nsysctl net/ipv4/ip_forward = 1\n"
		"sysctl net/ipv6/conf/all/forwarding = 1");
	assert_true(warned("br7 has a default route from a router advertisement and loses it"));
	assert_true(warned("cni0 has a default route from a router advertisement and loses it"));
	assert_string_equal(wanted(&route_kind),
			    "route 10.0.1.0/24 via 192.0.2.2 dev 2 metric 0\n"
			    "route fd00:0:0:2::/64 via 2001:db8::2 dev 3 metric 1024");
	assert_string_equal(rules(), "nftables inet cnibox_node: masquerade ip leaving "
				     "the cluster, ip6 leaving the cluster");
	assert_non_null(strstr(elements(), "cluster fd00::-fd00::ffff:ffff:ffff:ffff:ffff"));
	assert_string_equal(
		wanted(&forward_kind),
		"nftables inet fw f: accept from cni0 10.0.0.0/24, to cni0 10.0.0.0/24\n"
		"nftables inet fw f: accept from cni0 fd00:0:0:1::/64, to cni0 "
		"fd00:0:0:1::/64\n"
		"nftables ip6 filter FORWARD: accept from cni0 fd00:0:0:1::/64, to cni0 "
		"fd00:0:0:1::/64");
	assert_non_null(strstr(config(), "\"type\": \"bridge\",\n      \"bridge\": \"cni0\",\n     "
					 " \"isDefaultGateway\": true,\n"
					 "      \"hairpinMode\": true,\n      \"ipam\": {\n        "
					 "\"type\": \"host-local\",\n"
					 "        \"ranges\": [\n          [\n            {\n"
					 "              \"subnet\": \"10.0.0.0/24\"\n            "
					 "}\n          ],\n          [\n"));
	assert_int_equal(json_check(config(), strlen(config()), &e), 0);
}

/*
 * Once changed by us, accept_ra is 2 and stays wanted; where the host forwarded before us, it
 * ignored advertisements before us.
 */
static void test_accept_ra(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	address(3, "2001:db8::1/64");
	strcpy(site.forwarding6, "1");
	link_here("eth0", true, false, "2");
	link_here("eth1", true, true, "2");
	changed_before("net/ipv6/conf/all/forwarding", "0", "1");
	changed_before("net/ipv6/conf/eth0/accept_ra", "1", "2");
	builds(DUAL, "a");
	assert_string_equal(
		wanted(&sysctl_kind),
		"sysctl net/ipv6/conf/eth0/accept_ra = 2\nsysctl net/ipv4/ip_forward = 1\n"
		"sysctl net/ipv6/conf/all/forwarding = 1");
	setup(NULL);
	address(2, "192.0.2.1/24");
	address(3, "2001:db8::1/64");
	strcpy(site.forwarding6, "1");
	link_here("eth0", true, true, "1");
	builds(DUAL, "a");
	assert_string_equal(
		wanted(&sysctl_kind),
		"sysctl net/ipv4/ip_forward = 1\nsysctl net/ipv6/conf/all/forwarding = 1");
}

/* A family that our pods do not have needs no sets, though other nodes have it. */
static void test_other_family(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	address(3, "2001:db8::1/64");
	builds("{\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\"],\"subnets\":[\"10.0.0.0/"
	       "24\"]},"
	       "{\"name\":\"b\",\"addresses\":[\"2001:db8::2\"],\"subnets\":[\"fd00::/64\"]}]}",
	       "a");
	assert_string_equal(wanted(&route_kind),
			    "route fd00::/64 via 2001:db8::2 dev 3 metric 1024");
	assert_string_equal(elements(),
			    "masquerade: pods here 10.0.0.0-10.0.0.255\n"
			    "masquerade: cluster 10.0.0.0-10.0.0.255\nmasquerade: node 192.0.2.1");
	assert_string_equal(wanted(&sysctl_kind), "sysctl net/ipv4/ip_forward = 1");
}

static void test_next_hops(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	address(3, "192.0.2.65/26"); /* the longer prefix wins */
	address(4, "198.51.100.1/24");
	address(5, "198.51.100.2/24"); /* of two alike, the link with our node address */
	address(6, "198.51.100.3/24");
	builds("{\"nodes\":[{\"name\":\"a\",\"addresses\":[\"198.51.100.2\"],\"subnets\":[\"10.0.0."
	       "0/24\"]},"
	       "{\"name\":\"b\",\"addresses\":[\"203.0.113.1\",\"192.0.2.70\",\"192.0.2.7\"],"
	       "\"subnets\":[\"10.0.1.0/24\"]},"
	       "{\"name\":\"c\",\"addresses\":[\"198.51.100.9\"],\"subnets\":[\"10.0.2.0/24\"]}]}",
	       "a");
	assert_string_equal(wanted(&route_kind),
			    "route 10.0.1.0/24 via 192.0.2.70 dev 3 metric 0\n"
			    "route 10.0.2.0/24 via 198.51.100.9 dev 5 metric 0");
}

static void test_next_hops_refused(void **state)
{
	(void)state;
	address(2, "192.168.122.14/24");
	refuses("{\"nodes\":[{\"name\":\"a\",\"subnets\":[\"10.0.0.0/"
		"24\"]},{\"name\":\"b\",\"addresses\":[\"192.168.122.15\"],"
		"\"subnets\":[\"fd00::/64\"]}]}",
		"a",
		"not on link: b (fd00::/64): the nodes must be on one link, or \"onlink\" be true");
	setup(NULL);
	address(2, "192.168.122.14/24");
	refuses(THREE(NET), "n1",
		"nodes[0].addresses: 192.168.122.14 of node m is an address of this machine, which "
		"is to be node n1");
	setup(NULL);
	address(2, "192.168.122.14/31");
	refuses(THREE(NET), "m",
		"not on link: n2 (192.168.122.16): the nodes must be on one link, or \"onlink\" be "
		"true");
	setup(NULL);
	refuses(THREE(NET "\"onlink\":true,"), "m",
		"onlink: no address of node m is on a link of this machine, so there is no link to "
		"n1 (192.168.122.15), n2 (192.168.122.16)");
}

/* Joined in the family that both have; the other one is told of. */
static void test_one_family_of_two(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	address(3, "2001:db8::1/64");
	builds("{\"nodes\":[{\"name\":\"a\",\"subnets\":[\"10.0.0.0/24\",\"fd00::/64\"]},"
	       "{\"name\":\"b\",\"addresses\":[\"192.0.2.2\"],\"subnets\":[\"10.0.1.0/24\","
	       "\"fd00:1::/64\"]},"
	       "{\"name\":\"c\",\"addresses\":[\"2001:db8::3\",\"203.0.113.3\"],"
	       "\"subnets\":[\"10.0.2.0/24\",\"fd00:2::/64\"]}]}",
	       "a");
	assert_string_equal(wanted(&route_kind),
			    "route 10.0.1.0/24 via 192.0.2.2 dev 2 metric 0\n"
			    "route fd00:2::/64 via 2001:db8::3 dev 3 metric 1024");
	assert_true(warned("no next hop on link, left out: c (203.0.113.3), b (fd00:1::/64)"));
}

/* A NodeList is what a cluster is: one node out of reach does not keep the others from each other.
 */
static void test_kubernetes_off_link(void **state)
{
#define KUBE(name, address, subnet)                                                                \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"podCIDR\":\"" subnet                    \
	"\"},\"status\":{\"addresses\":[" address "]}}"
#define A KUBE("a", INTERNAL("192.0.2.1"), "10.0.0.0/24")
#define B KUBE("b", INTERNAL("203.0.113.2"), "10.0.1.0/24")
#define C KUBE("c", "", "10.0.2.0/24")
#define D KUBE("d", INTERNAL("192.0.2.4"), "10.0.3.0/24")
#define INTERNAL(address) "{\"type\":\"InternalIP\",\"address\":\"" address "\"}"
	(void)state;
	address(2, "192.0.2.1/24");
	builds("{\"kind\":\"List\",\"items\":[" A "," B "," C "," D "]}", "a");
	assert_string_equal(wanted(&route_kind), "route 10.0.3.0/24 via 192.0.2.4 dev 2 metric 0");
	assert_true(warned("no next hop on link, left out: b (203.0.113.2), c (10.0.2.0/24)"));
	refuses("{\"kind\":\"List\",\"items\":[" KUBE(
			"a", INTERNAL("192.0.2.1"),
			"10.0.0.0/24") "," KUBE("b", INTERNAL("203.0.113.2"), "10.0.1.0/24") "]}",
		"a",
		"not on link: b (203.0.113.2): the nodes must be on one link, or \"onlink\" be "
		"true");
}

static void test_many_off_link(void **state)
{
	char text[4096];
	struct text t;

	(void)state;
	text_init(&t, text, sizeof(text));
	text_str(&t, "{\"nodes\":[{\"name\":\"a\",\"subnets\":[\"10.0.0.0/24\"]}");
	for (unsigned int i = 1; i < 9; i++)
		text_printf(&t,
			    ",{\"name\":\"n%u\",\"addresses\":[\"192.0.2.%u\"],\"subnets\":[\"10.0."
			    "%u.0/24\"]}",
			    i, i, i);
	text_str(&t, "]}");
	refuses(text, "a",
		"not on link: n1 (192.0.2.1), n2 (192.0.2.2), n3 (192.0.2.3), n4 (192.0.2.4), n5 "
		"(192.0.2.5) and others: "
		"the nodes must be on one link, or \"onlink\" be true");
}

static void test_onlink(void **state)
{
	(void)state;
	address(2, "192.0.2.7/24");
	address(3, "192.168.122.14/32");
	builds(THREE(NET "\"onlink\":true,"), "m");
	assert_string_equal(wanted(&route_kind),
			    "route 192.168.1.0/24 via 192.168.122.15 onlink dev 3 metric 0\n"
			    "route 192.168.2.0/24 via 192.168.122.16 onlink dev 3 metric 0");
}

/* Nested and neighbouring networks are one range; the last address of a family has none behind it.
 */
static void test_ranges(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	builds("{\"networks\":[\"10.1.0.0/16\",\"128.0.0.0/1\",\"10.0.0.0/8\",\"11.0.0.0/"
	       "8\",\"192.0.0.0/2\",\"13.0.0.0/8\"],"
	       "\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\"],\"subnets\":[\"10.0.0.0/"
	       "24\",\"10.0.1.0/24\"]}]}",
	       "a");
	assert_string_equal(
		elements(),
		"masquerade: pods here 10.0.0.0-10.0.1.255\nmasquerade: cluster "
		"10.0.0.0-11.255.255.255\n"
		"masquerade: cluster 13.0.0.0-13.255.255.255\n"
		"masquerade: cluster 128.0.0.0-255.255.255.255\nmasquerade: node 192.0.2.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_three_nodes, setup),
		cmocka_unit_test_setup(test_no_networks, setup),
		cmocka_unit_test_setup(test_widest_network, setup),
		cmocka_unit_test_setup(test_own_by_address, setup),
		cmocka_unit_test_setup(test_own_missing, setup),
		cmocka_unit_test_setup(test_without_pods, setup),
		cmocka_unit_test_setup(test_masquerade_forms, setup),
		cmocka_unit_test_setup(test_dual_stack, setup),
		cmocka_unit_test_setup(test_accept_ra, setup),
		cmocka_unit_test_setup(test_other_family, setup),
		cmocka_unit_test_setup(test_next_hops, setup),
		cmocka_unit_test_setup(test_next_hops_refused, setup),
		cmocka_unit_test_setup(test_one_family_of_two, setup),
		cmocka_unit_test_setup(test_kubernetes_off_link, setup),
		cmocka_unit_test_setup(test_many_off_link, setup),
		cmocka_unit_test_setup(test_onlink, setup),
		cmocka_unit_test_setup(test_ranges, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
