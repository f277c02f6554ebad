/*
 * veth-host behind macvlan: what it adds to an attachment. There is no floor: the reference has no
 * such plugin, and the least of the kernel's work is nearly all that it does.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define NETWORK "o-veth-host"
#define SAID 4096

static const char macvlan_conf[] =
	"{\"cniVersion\":\"1.0.0\",\"name\":\"" NETWORK "\",\"type\":\"macvlan\",\"master\":\"w0\","
	"\"ipam\":{\"type\":\"static\",\"addresses\":[{\"address\":\"10.88.0.9/16\","
	"\"gateway\":\"10.88.0.1\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}";

static struct {
	struct subject macvlan, veth_host;
	char conf[SAID + 512]; /* with macvlan's result */
} chain;

static void attach_macvlan(unsigned int pod)
{
	char said[SAID];

	subject_result(&chain.macvlan, pod, said, sizeof(said));
	snprintf(chain.conf, sizeof(chain.conf),
		 "{\"cniVersion\":\"1.0.0\",\"name\":\"" NETWORK
		 "\",\"type\":\"veth-host\",\"hostInterface\":\"w0\",\"prevResult\":%s}",
		 said);
}

static void prepare(unsigned int pod)
{
	chain.macvlan = (struct subject){ .plugin = "macvlan",
					  .dir = options.ours,
					  .node = node_new(NETWORK),
					  .conf = macvlan_conf };
	node_wire(chain.macvlan.node);
	node_address(chain.macvlan.node, "w0", "10.88.255.1/16");
	attach_macvlan(pod);
	chain.veth_host = chain.macvlan;
	chain.veth_host.plugin = "veth-host";
	chain.veth_host.conf = chain.conf;
	/* The node's table, and whatever modules it needs, are there from now on. */
	subject_run(&chain.veth_host, OP_ADD, pod);
	subject_run(&chain.veth_host, OP_DEL, pod);
}

void rows_veth_host(void)
{
	static struct series add, del;
	const unsigned int rounds = options.quick ? 15 : 150;
	unsigned int pod = pods_new(1);

	prepare(pod);
	for (unsigned int i = 0; i < rounds; i++) {
		series_add(&add, subject_run(&chain.veth_host, OP_ADD, pod).ns);
		sleep_ms(3);
		series_add(&del, subject_run(&chain.veth_host, OP_DEL, pod).ns);
		sleep_ms(10);
	}
	report_row(
		&(struct row){ .what = "ADD veth-host behind macvlan", .ours = series_ms(&add) });
	report_row(
		&(struct row){ .what = "DEL veth-host behind macvlan", .ours = series_ms(&del) });
}
