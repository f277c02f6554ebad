/*
 * The cluster file, ours or a NodeList. What is accepted is free of contradictions, is found by
 * name and by address, and means the same when it is written in our form and read again.
 */
#include "cluster/cluster.h"

#include "cni/cni.h"
#include "fuzz.h"

static const char *const masquerade[] = { "cluster", "subnet", "none" };

static void check_cluster(const struct cluster *c)
{
	require(c->bridge && cni_ifname_valid(c->bridge) && c->network &&
		cni_network_valid(c->network));
	require(c->config && c->config[0] == '/' && c->network_count <= CLUSTER_NETWORKS_MAX);
	require(c->mtu == 0 || (c->mtu >= 68 && c->mtu <= 65535));
	for (size_t i = 0; i < c->node_count; i++)
		require(cluster_find_name(c, c->nodes[i].name) == &c->nodes[i]);
	for (size_t i = 0; i < c->address_count; i++) {
		require(cluster_find_address(c, &c->addresses[i].prefix.addr) ==
			c->addresses[i].node);
		require(i == 0 || addr_cmp(&c->addresses[i - 1].prefix.addr,
					   &c->addresses[i].prefix.addr) < 0);
	}
	for (size_t i = 0; i < c->subnet_count; i++) {
		const struct prefix *p = &c->subnets[i].prefix;

		require(p->len > 0 && p->len <= addr_bits(&p->addr) - 2);
		require(i == 0 || addr_cmp(&c->subnets[i - 1].prefix.addr, &p->addr) < 0);
		for (size_t k = 0; k < i; k++)
			require(!prefix_overlaps(&c->subnets[k].prefix, p));
		for (size_t k = 0; k < c->address_count; k++)
			require(!prefix_contains(p, &c->addresses[k].prefix.addr));
	}
}

static void put_prefixes(struct json_writer *w, const char *key, const struct prefix *p,
			 size_t count)
{
	char text[PREFIX_TEXT];

	json_key(w, key);
	json_open(w, '[');
	for (size_t i = 0; i < count; i++)
		json_put_str(w, prefix_format(&p[i], text));
	json_close(w, ']');
}

static void put_node(struct json_writer *w, const struct node *n)
{
	char text[ADDR_TEXT];

	json_open(w, '{');
	json_member_str(w, "name", n->name);
	json_key(w, "addresses");
	json_open(w, '[');
	for (size_t i = 0; i < n->address_count; i++)
		json_put_str(w, addr_format(&n->addresses[i], text));
	json_close(w, ']');
	put_prefixes(w, "subnets", n->subnets, n->subnet_count);
	json_close(w, '}');
}

static void print(struct text *t, const struct cluster *c)
{
	struct json_writer w;

	json_begin(&w, t, 1);
	json_open(&w, '{');
	json_key(&w, "nodes");
	json_open(&w, '[');
	for (size_t i = 0; i < c->node_count; i++)
		put_node(&w, &c->nodes[i]);
	json_close(&w, ']');
	put_prefixes(&w, "networks", c->networks, c->network_count);
	json_member_str(&w, "masquerade", masquerade[c->masquerade]);
	json_member_bool(&w, "onlink", c->onlink);
	json_member_str(&w, "bridge", c->bridge);
	if (c->mtu)
		json_member_int(&w, "mtu", c->mtu);
	json_member_str(&w, "network", c->network);
	json_member_str(&w, "cniConfig", c->config);
	json_close(&w, '}');
	require(!t->bad);
}

static void check_again(struct arena *a, const struct cluster *c)
{
	static char first[1 << 18], second[1 << 18];
	struct cluster again;
	struct err e = { 0 };
	struct text t, u;

	text_init(&t, first, sizeof(first));
	print(&t, c);
	require(cluster_parse(a, first, t.len, &again, &e) == 0 && !again.kubernetes);
	require(again.subnet_count == c->subnet_count && again.address_count == c->address_count);
	text_init(&u, second, sizeof(second));
	print(&u, &again);
	require(t.len == u.len && memcmp(first, second, t.len) == 0);
	check_cluster(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct arena a = fuzz_arena();
	struct json_raw text = input_rest(&in, false);
	struct cluster c;
	struct err e = { 0 };
	int r = cluster_parse(&a, text.text, text.len, &c, &e);

	check_err(r, &e);
	if (r == 0) {
		check_cluster(&c);
		check_again(&a, &c);
	}
	input_end(&in);
	return 0;
}
