/* New connections through the masquerade, of a pod to a server outside: see bench.h. */
#include "bench.h"

#include <stdio.h>

#define PORT 8080
#define OUTSIDE "192.0.2.2"

/*
 * The node's world: a namespace behind it that knows no pod, so that only masqueraded connections
 * come back.
 */
static void lead_outside(struct way *w, const struct subject *s, unsigned int pod,
			 const char *world)
{
	const struct node *outside = node_new(world);

	node_join(s->node, "192.0.2.1/24", outside, OUTSIDE "/24");
	*w = (struct way){
		.client = { .pod = pod },
		.server = { .node = outside },
		.address = OUTSIDE,
		.port = PORT,
	};
	pod_introduce(s->node, pod);
	way_serve(w, PORT);
}

/*
 * The pod that is measured comes last, behind all the others' rules, as the newest pod of a node
 * does.
 */
static void lead_reference(struct way *w, const char *name, const char *world, unsigned int pods)
{
	char data[64];
	struct subject s = { .plugin = "bridge", .dir = options.reference, .node = node_new(name) };
	unsigned int pod = pods_new(1);

	snprintf(data, sizeof(data), "/var/lib/cni/%s", name);
	s.conf = network_conf(NET_BRIDGE_MASQ, name, data, "1.0.0");
	if (pods > 1)
		reference_pods(s.node, pods, 0);
	subject_run(&s, OP_ADD, pod);
	lead_outside(w, &s, pod, world);
}

void rows_connections(const struct subject *few, const struct subject *many, unsigned int pods,
		      unsigned int many_pod)
{
	static struct duel ours, reference;
	const unsigned int rounds = options.quick ? 12 : 60, count = options.quick ? 200 : 300;
	unsigned int few_pod = pods_new(1);
	char name[32];

	subject_run(few, OP_ADD, few_pod);
	lead_outside(&ours.few, few, few_pod, "w-few");
	lead_outside(&ours.many, many, many_pod, "w-many");
	if (reference_has_iptables()) {
		lead_reference(&reference.few, "r-few", "w-rfew", 1);
		lead_reference(&reference.many, "r-many", "w-rmany", pods);
	}
	for (unsigned int i = 0; i < rounds; i++) {
		duel_round(&ours, i, count, 0);
		if (reference.few.pid)
			duel_round(&reference, i, count, 0);
	}
	duel_end(&ours);
	duel_end(&reference);
	snprintf(name, sizeof(name), "masquerade, %u pods", pods);
	duel_report(&(struct duel_names){ "masquerade, 1 pod", name }, &ours, &reference);
}
