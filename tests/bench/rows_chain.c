/* cnitool with a chain of three plugins, against the same three called one by one. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NETWORK "o-chain"
#define DATA "/var/lib/cni/" NETWORK
#define CONF_DIR "/run/bench-net.d"
#define SAID 4096

static struct {
	struct subject bridge, loopback;
	char passed[SAID + 512]; /* the loopback's configuration with the bridge's result */
} chain;

/* The members of a configuration of one plugin behind its name: what stands in a list. */
static void write_list(const char *bridge_conf)
{
	const char *plugin = strstr(bridge_conf, "\"type\"");
	FILE *f;

	mkdir(CONF_DIR, 0755);
	f = fopen(CONF_DIR "/10-chain.conflist", "we");
	if (!f || !plugin)
		die(CONF_DIR ": %s", strerror(errno));
	fprintf(f,
		"{\"cniVersion\":\"1.0.0\",\"name\":\"" NETWORK "\",\"plugins\":[{%s,"
		"{\"type\":\"loopback\"},{\"type\":\"loopback\"}]}\n",
		plugin);
	fclose(f);
}

static void cnitool_call(const char *command, unsigned int pod, struct call *c)
{
	*c = (struct call){ .node = chain.bridge.node };
	snprintf(c->path, sizeof(c->path), "%s/cnitool", options.ours);
	call_arg(c, "cnitool");
	call_arg(c, "%s", command);
	call_arg(c, NETWORK);
	call_arg(c, "/run/netns/pod%u", pod);
	call_env(c, "CNI_PATH=%s", options.ours);
	call_env(c, "NETCONFPATH=" CONF_DIR);
}

/* What a runtime hands to the second and third plugin. */
static void make_passed(unsigned int pod)
{
	char said[SAID];

	subject_result(&chain.bridge, pod, said, sizeof(said));
	subject_run(&chain.bridge, OP_DEL, pod);
	snprintf(chain.passed, sizeof(chain.passed),
		 "{\"cniVersion\":\"1.0.0\",\"name\":\"" NETWORK
		 "\",\"type\":\"loopback\",\"prevResult\":%s}",
		 said);
	chain.loopback.conf = chain.passed;
}

static void prepare(void)
{
	chain.bridge =
		(struct subject){ .plugin = "bridge",
				  .dir = options.ours,
				  .node = node_new(NETWORK),
				  .masq = true,
				  .conf = network_conf(NET_BRIDGE_MASQ, NETWORK, DATA, "1.0.0") };
	chain.loopback = chain.bridge;
	chain.loopback.plugin = "loopback";
	subject_settle(&chain.bridge);
	write_list(chain.bridge.conf);
}

static uint64_t one_by_one(unsigned int pod)
{
	uint64_t ns = subject_run(&chain.bridge, OP_ADD, pod).ns;

	for (int i = 0; i < 2; i++)
		ns += subject_run(&chain.loopback, OP_ADD, pod).ns;
	return ns;
}

void rows_chain(void)
{
	static struct series together, apart;
	const unsigned int rounds = options.quick ? 15 : 150;
	unsigned int pod;
	struct call add, del;
	struct row r = { .what = "cnitool add, a chain of three plugins" };

	prepare();
	pod = pods_new(1);
	make_passed(pod);
	cnitool_call("add", pod, &add);
	cnitool_call("del", pod, &del);
	for (unsigned int i = 0; i < rounds; i++) {
		series_add(&apart, one_by_one(pod));
		subject_run(&chain.bridge, OP_DEL, pod);
		sleep_ms(10);
		series_add(&together, call_run(&add).ns);
		sleep_ms(2);
		call_run(&del);
		sleep_ms(10);
	}
	r.ours = series_ms(&together);
	report_row(&r);
	if (!report_figure("ms more than its parts", r.ours.median - series_ms(&apart).median,
			   AT_MOST, 1))
		why_slow(&add);
}
