/* A chain of five plugins: see bench.h. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLUGINS 5
#define FIRST_PORT 20000u
#define CONF_SIZE (CHAIN_RESULT + 1024)

static const struct {
	const char *plugin;
	const char *keys; /* NULL: the pod's ports */
} parts[PLUGINS] = {
	{ "bridge", "\"bridge\":\"br0\",\"isGateway\":true,\"ipMasq\":true,\"ipam\":{"
		    "\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.88.0.0/16\"}]],"
		    "\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}" },
	{ "portmap", NULL },
	{ "firewall", "\"backend\":\"iptables\"" },
	{ "bandwidth", "\"ingressRate\":100000000,\"ingressBurst\":10000000,"
		       "\"egressRate\":100000000,\"egressBurst\":10000000" },
	{ "tuning", "\"sysctl\":{\"net.core.somaxconn\":\"512\"}" },
};

static void put_conf(const struct chain *c, unsigned int part, unsigned int pod, const char *prev,
		     char out[static CONF_SIZE])
{
	unsigned int port = FIRST_PORT + 2 * pod;
	char ports[256];
	int n;

	snprintf(ports, sizeof(ports),
		 "\"runtimeConfig\":{\"portMappings\":["
		 "{\"hostPort\":%u,\"containerPort\":80,\"protocol\":\"tcp\"},"
		 "{\"hostPort\":%u,\"containerPort\":81,\"protocol\":\"tcp\"}]}",
		 port, port + 1);
	n = snprintf(out, CONF_SIZE,
		     "{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",\"type\":\"%s\",%s%s%s}",
		     c->node->name, parts[part].plugin, parts[part].keys ? parts[part].keys : ports,
		     *prev ? ",\"prevResult\":" : "", prev);
	if (n < 0 || n >= CONF_SIZE)
		die("a chain's configuration is too long");
}

static uint64_t run_plugin(struct chain *c, enum op op, unsigned int part, unsigned int pod)
{
	static char conf[CONF_SIZE];
	const struct subject s = {
		.plugin = parts[part].plugin, .dir = c->dir, .conf = conf, .node = c->node
	};
	struct call call;

	put_conf(c, part, pod, op == OP_ADD && part == 0 ? "" : c->result, conf);
	call_of(&s, op, pod, &call);
	return op == OP_ADD ? call_answer(&call, c->result, CHAIN_RESULT) : call_run(&call).ns;
}

static uint64_t run_floor(const struct chain *c, enum op op, const char *part, unsigned int pod)
{
	const struct subject s = { .node = c->node, .masq = true, .part = part };

	return subject_run(&s, op, pod).ns;
}

/* DEL begins at the end. */
uint64_t chain_run(struct chain *c, enum op op, unsigned int pod)
{
	uint64_t ns = 0;

	if (c->one)
		return run_floor(c, op, "all", pod);
	for (unsigned int i = 0; i < PLUGINS; i++) {
		unsigned int part = op == OP_ADD ? i : PLUGINS - 1 - i;

		ns += c->dir ? run_plugin(c, op, part, pod)
			     : run_floor(c, op, parts[part].plugin, pod);
	}
	return ns;
}

void chain_settle(struct chain *c, const char *dir, const char *node)
{
	const struct subject floor = { .node = node_new(node), .masq = true, .part = "all" };

	*c = (struct chain){ .dir = dir, .node = floor.node };
	if (dir)
		chain_run(c, OP_ADD, pods_new(1));
	else
		subject_settle(&floor);
}

chain_result *chain_results(unsigned int count)
{
	void *p = mmap(NULL, count * sizeof(chain_result), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	return p;
}

/* In a process of its own. */
static void run_one(const struct chain *c, enum op op, unsigned int pod, chain_result *result)
{
	static struct chain own;

	own = *c;
	memcpy(own.result, *result, sizeof(own.result));
	chain_run(&own, op, pod);
	memcpy(*result, own.result, sizeof(*result));
	_exit(0);
}

uint64_t chain_crowd(const struct chain *c, enum op op, unsigned int first, unsigned int count,
		     chain_result *results)
{
	uint64_t begin = now_ns();
	int status;

	fflush(stdout);
	for (unsigned int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %s", strerror(errno));
		if (pid == 0)
			run_one(c, op, first + i, &results[i]);
	}
	for (unsigned int i = 0; i < count; i++) {
		if (wait(&status) < 0 || status != 0)
			die("one of %u chains failed (status 0x%x)", count, (unsigned int)status);
	}
	return now_ns() - begin;
}
