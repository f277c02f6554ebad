/*
 * veth-host behind macvlan: what it adds to an attachment, beside its floor. The reference has no
 * such plugin.
 */
#include "bench.h"

#include <stdio.h>

#define NETWORK "o-veth-host"
#define SAID 4096

/* %u: of the address */
#define MACVLAN_CONF                                                                               \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"" NETWORK                                            \
	"\",\"type\":\"macvlan\",\"master\":\"w0\","                                               \
	"\"ipam\":{\"type\":\"static\",\"addresses\":[{\"address\":\"10.88.0.%u/16\","             \
	"\"gateway\":\"10.88.0.1\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}"

static struct {
	struct subject macvlan, veth_host;
	char conf[SAID + 512]; /* with macvlan's result */
	struct subject floor;
	unsigned int floor_pod;
} chain;

static void attach_macvlan(unsigned int pod, unsigned int address)
{
	static char conf[sizeof(MACVLAN_CONF)];
	char said[SAID];

	snprintf(conf, sizeof(conf), MACVLAN_CONF, address);
	chain.macvlan.conf = conf;
	subject_result(&chain.macvlan, pod, said, sizeof(said));
	snprintf(chain.conf, sizeof(chain.conf),
		 "{\"cniVersion\":\"1.0.0\",\"name\":\"" NETWORK
		 "\",\"type\":\"veth-host\",\"hostInterface\":\"w0\",\"prevResult\":%s}",
		 said);
}

static void prepare(unsigned int resting, unsigned int pod)
{
	chain.macvlan = (struct subject){ .plugin = "macvlan",
					  .dir = options.ours,
					  .node = node_new(NETWORK) };
	node_wire(chain.macvlan.node);
	node_address(chain.macvlan.node, "w0", "10.88.255.1/16");
	chain.veth_host = chain.macvlan;
	chain.veth_host.plugin = "veth-host";
	chain.veth_host.conf = chain.conf;
	/* The node's table is there from now on, as the floor's. */
	attach_macvlan(resting, 8);
	subject_run(&chain.veth_host, OP_ADD, resting);
	attach_macvlan(pod, 9);
}

/* The pod that rests on the floor's wire gets the veth; its address is call_of()'s. */
static uint64_t run_floor(const char *mode)
{
	struct call c;

	floor_call(chain.floor.node, mode, &c);
	call_arg(&c, "flr%u", chain.floor_pod);
	call_arg(&c, "/run/netns/pod%u", chain.floor_pod);
	call_arg(&c, "10.99.%u.%u", chain.floor_pod / 250, chain.floor_pod % 250 + 2);
	call_arg(&c, "10.99.255.1");
	call_arg(&c, "10.99.0.1");
	return call_run(&c).ns;
}

static void prepare_floor(void)
{
	chain.floor = (struct subject){ .node = node_new("f-veth-host"), .wire = "macvlan" };
	node_wire(chain.floor.node);
	node_address(chain.floor.node, "w0", "10.99.255.1/16");
	chain.floor_pod = subject_settle(&chain.floor);
	run_floor("veth-host-node");
}

static void report(const char *what, struct series *ours, struct series *floor, double at_most)
{
	const struct row r = { .what = what, .ours = series_ms(ours), .floor = series_ms(floor) };

	report_row(&r);
	report_figure("of the floor", r.ours.median / r.floor.median,
		      at_most > 0 ? AT_MOST : FOR_INFORMATION, at_most);
}

void rows_veth_host(void)
{
	static struct series add, del, floor_add, floor_del;
	const unsigned int rounds = options.quick ? 15 : 150;
	unsigned int resting = pods_new(2), pod = resting + 1;

	prepare(resting, pod);
	prepare_floor();
	for (unsigned int i = 0; i < rounds; i++) {
		series_add(&add, subject_run(&chain.veth_host, OP_ADD, pod).ns);
		sleep_ms(3);
		series_add(&del, subject_run(&chain.veth_host, OP_DEL, pod).ns);
		sleep_ms(10);
		series_add(&floor_add, run_floor("veth-host-add"));
		sleep_ms(3);
		series_add(&floor_del, run_floor("veth-host-del"));
		sleep_ms(10);
	}
	report("ADD veth-host behind macvlan", &add, &floor_add, 1.5);
	report("DEL veth-host behind macvlan", &del, &floor_del, 0);
}
