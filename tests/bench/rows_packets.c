/*
 * What passes a node that has many ports or pods, against one that has one: by a host port, and by
 * firewall and macspoofchk. All is attached by the plugins, but for the reference's crowd: five
 * thousand ports take it a quarter of an hour, and so its rules are restored as a text.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define HOST_PORT 8080
#define POD_PORT 80
#define PORTS_OF_POD 100u
#define NODE "192.0.2.1"
#define OUTSIDE "192.0.2.2"

static const char bridge_conf[] = "{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",\"type\":\"bridge\","
				  "\"bridge\":\"br0\",\"isGateway\":true,%s"
				  "\"ipam\":{\"type\":\"host-local\",\"ranges\":"
				  "[[{\"subnet\":\"10.88.0.0/16\"}]],"
				  "\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}";

/* A node with bridge and one plugin behind it. */
struct pair {
	struct subject bridge;
	const char *plugin;
	char conf[512];
};

static void pair_on(struct pair *p, const char *name, const char *dir, const char *plugin,
		    const char *bridge_keys)
{
	p->plugin = plugin;
	p->bridge = (struct subject){ .plugin = "bridge", .dir = dir, .node = node_new(name) };
	p->bridge.conf = p->conf;
	snprintf(p->conf, sizeof(p->conf), bridge_conf, name, bridge_keys);
}

static void pair_add(const struct pair *p, unsigned int pod, const char *keys)
{
	static char said[4096], conf[16384];
	struct subject s = p->bridge;
	int n;

	subject_result(&p->bridge, pod, said, sizeof(said));
	n = snprintf(
		conf, sizeof(conf),
		"{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",\"type\":\"%s\",%s\"prevResult\":%s}",
		s.node->name, p->plugin, keys, said);
	if (n < 0 || (size_t)n >= sizeof(conf))
		die("a configuration of %s is too long", p->plugin);
	s.plugin = p->plugin;
	s.conf = conf;
	subject_run(&s, OP_ADD, pod);
}

/* The node's neighbour knows the way to the pods. */
static const struct node *outside_of(const struct pair *p, const char *world)
{
	const struct node *n = node_new(world);

	node_join(p->bridge.node, NODE "/24", n, OUTSIDE "/24");
	node_route(n, "10.88.0.0/16", NODE);
	return n;
}

/* ---- host ports ---- */

static const char *ports_keys(unsigned int first, unsigned int to, unsigned int count)
{
	static char keys[8192];
	size_t used = (size_t)snprintf(keys, sizeof(keys), "\"runtimeConfig\":{\"portMappings\":[");

	for (unsigned int i = 0; i < count && used < sizeof(keys); i++)
		used += (size_t)snprintf(
			keys + used, sizeof(keys) - used,
			"%s{\"hostPort\":%u,\"containerPort\":%u,\"protocol\":\"tcp\"}",
			i ? "," : "", first + i, to + i);
	if (used + 4 > sizeof(keys))
		die("%u ports are too many for one pod", count);
	strcpy(keys + used, "]},");
	return keys;
}

/* Before the measured pod, as on a node where it is the newest. */
static void fill_ports(const struct pair *p, unsigned int ports)
{
	unsigned int pods = ports / PORTS_OF_POD, first = pods_new(pods + 1);

	if (p->bridge.dir == options.reference) {
		pair_add(p, first, ports_keys(HOST_PORT - 1, POD_PORT, 1));
		reference_pods(p->bridge.node, pods, PORTS_OF_POD);
		return;
	}
	for (unsigned int i = 0; i < pods; i++)
		pair_add(p, first + i,
			 ports_keys(REFERENCE_FIRST_PORT + i * PORTS_OF_POD, POD_PORT,
				    PORTS_OF_POD));
}

static void lead_in(struct way *w, const char *name, const char *world, const char *dir,
		    unsigned int ports)
{
	static struct pair pairs[4];
	static unsigned int count;
	struct pair *p = &pairs[count++];
	unsigned int pod = pods_new(1);

	pair_on(p, name, dir, "portmap", "");
	if (ports > 1)
		fill_ports(p, ports);
	pair_add(p, pod, ports_keys(HOST_PORT, POD_PORT, 1));
	*w = (struct way){ .client = { .node = outside_of(p, world) },
			   .server = { .pod = pod },
			   .address = NODE,
			   .port = HOST_PORT };
	pod_introduce(p->bridge.node, pod);
	way_serve(w, POD_PORT);
}

/* ---- what all of a pod's packets pass ---- */

static void fill_pods(const struct pair *p, unsigned int pods)
{
	unsigned int first = pods_new(pods);

	if (p->bridge.dir == options.reference) {
		pair_add(p, first, "");
		reference_accepts(p->bridge.node, pods);
		return;
	}
	for (unsigned int i = 0; i < pods; i++)
		pair_add(p, first + i, "");
}

/* macspoofchk of the reference is left out: it executes nft(8). */
static void lead_out(struct way *w, const char *name, const char *world, const char *dir,
		     unsigned int pods)
{
	static struct pair pairs[4];
	static unsigned int count;
	struct pair *p = &pairs[count++];
	unsigned int pod = pods_new(1);

	pair_on(p, name, dir, "firewall", dir == options.ours ? "\"macspoofchk\":true," : "");
	if (pods > 1)
		fill_pods(p, pods - 1);
	pair_add(p, pod, "");
	*w = (struct way){ .client = { .pod = pod },
			   .server = { .node = outside_of(p, world) },
			   .address = OUTSIDE,
			   .port = HOST_PORT };
	pod_introduce(p->bridge.node, pod);
	way_serve(w, HOST_PORT);
}

/* ---- the two ---- */

typedef void lead_fn(struct way *w, const char *name, const char *world, const char *dir,
		     unsigned int many);

static void duel(lead_fn *lead, char tag, unsigned int many, const struct duel_names *names)
{
	static struct duel ours, reference;
	const unsigned int rounds = options.quick ? 12 : 60, count = options.quick ? 100 : 200;
	char text[8][16];

	memset(&ours, 0, sizeof(ours));
	memset(&reference, 0, sizeof(reference));
	for (int i = 0; i < 8; i++)
		snprintf(text[i], sizeof(text[i]), "%c%c-%s%d", i < 4 ? 'o' : 'r', tag,
			 i % 4 < 2 ? "pack" : "out", i);
	lead(&ours.few, text[0], text[2], options.ours, 1);
	lead(&ours.many, text[1], text[3], options.ours, many);
	if (reference_has_iptables()) {
		lead(&reference.few, text[4], text[6], options.reference, 1);
		lead(&reference.many, text[5], text[7], options.reference, many);
	}
	for (unsigned int i = 0; i < rounds; i++) {
		duel_round(&ours, i, count, 4 * count);
		if (reference.few.pid)
			duel_round(&reference, i, count, 4 * count);
	}
	duel_end(&ours);
	duel_end(&reference);
	duel_report(names, &ours, &reference);
}

void rows_packets(void)
{
	const unsigned int ports = options.quick ? 1000 : 5000, pods = options.quick ? 200 : 1000;
	char many_ports[32], many_pods[32];

	snprintf(many_ports, sizeof(many_ports), "host port of %u", ports);
	snprintf(many_pods, sizeof(many_pods), "firewall, %u pods", pods);
	duel(lead_in, 'p', ports, &(struct duel_names){ "host port of 1", many_ports });
	duel(lead_out, 'f', pods, &(struct duel_names){ "firewall, 1 pod", many_pods });
}
