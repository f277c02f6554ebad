/* Who is measured, and how each is called: see bench.h. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF_SIZE 768
#define CONFS_MAX 64
#define PODS_PER_BYTE 250

static const char bridge_conf[] = "{\"cniVersion\":\"%s\",\"name\":\"%s\",\"type\":\"bridge\","
				  "\"bridge\":\"br0\",\"isGateway\":true,\"ipMasq\":%s,"
				  "\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"%s\",\"ranges\":"
				  "[[{\"subnet\":\"%s\"}]],\"routes\":[{\"dst\":\"%s\"}]}}";
static const char bash_conf[] = "{\"cniVersion\":\"%s\",\"name\":\"%s\",\"type\":\"bash-cni\","
				"\"network\":\"10.244.0.0/16\",\"subnet\":\"10.244.0.0/22\"}";
static const char loopback_conf[] = "{\"cniVersion\":\"%s\",\"name\":\"%s\",\"type\":\"loopback\"}";

static const char ptp_conf[] =
	"{\"cniVersion\":\"%s\",\"name\":\"%s\",\"type\":\"ptp\","
	"\"ipMasq\":true,\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"%s\","
	"\"ranges\":[[{\"subnet\":\"10.88.0.0/16\"}]],"
	"\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}";
/* %s: what it is made of. */
static const char wire_conf[] = "{\"cniVersion\":\"%s\",\"name\":\"%s\",%s"
				"\"ipam\":{\"type\":\"host-local\","
				"\"dataDir\":\"%s\",\"ranges\":[[{\"subnet\":\"10.88.0.0/16\"}]],"
				"\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}";
static const char *const wires[] = {
	[NET_MACVLAN] = "\"type\":\"macvlan\",\"master\":\"w0\",",
	[NET_IPVLAN] = "\"type\":\"ipvlan\",\"master\":\"w0\",",
	[NET_VLAN] = "\"type\":\"vlan\",\"master\":\"w0\",\"vlanId\":7,",
	[NET_HOST_DEVICE] = "\"type\":\"host-device\",\"device\":\"w0\",",
	[NET_TAP] = "\"type\":\"tap\",",
};

const char *network_conf(enum network kind, const char *name, const char *data_dir,
			 const char *version)
{
	static char confs[CONFS_MAX][CONF_SIZE];
	static unsigned int count;
	char *out = confs[count];

	if (count++ == CONFS_MAX)
		die("more than %d configurations", CONFS_MAX);
	switch (kind) {
	case NET_BRIDGE:
	case NET_BRIDGE_MASQ:
		snprintf(out, CONF_SIZE, bridge_conf, version, name,
			 kind == NET_BRIDGE_MASQ ? "true" : "false", data_dir, "10.88.0.0/16",
			 "0.0.0.0/0");
		break;
	case NET_BRIDGE_IPV6:
		snprintf(out, CONF_SIZE, bridge_conf, version, name, "true", data_dir,
			 "fd00:8800::/24", "::/0");
		break;
	case NET_MACVLAN:
	case NET_IPVLAN:
	case NET_VLAN:
	case NET_HOST_DEVICE:
	case NET_TAP:
		snprintf(out, CONF_SIZE, wire_conf, version, name, wires[kind], data_dir);
		break;
	case NET_PTP:
		snprintf(out, CONF_SIZE, ptp_conf, version, name, data_dir);
		break;
	case NET_BASH:
		snprintf(out, CONF_SIZE, bash_conf, version, name);
		break;
	case NET_LOOPBACK:
		snprintf(out, CONF_SIZE, loopback_conf, version, name);
		break;
	}
	return out;
}

static char *put(struct call *c, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static char *put(struct call *c, const char *fmt, va_list ap)
{
	char *at = c->text + c->used;
	int n = vsnprintf(at, sizeof(c->text) - c->used, fmt, ap);

	if (n < 0 || (size_t)n >= sizeof(c->text) - c->used)
		die("a call's arguments are too long");
	c->used += (size_t)n + 1;
	return at;
}

static void append(char **list, char *what)
{
	unsigned int n = 0;

	while (list[n])
		n++;
	if (n == CALL_ARGS - 1)
		die("a call has too many arguments");
	list[n] = what;
}

void call_arg(struct call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(c->argv, put(c, fmt, ap));
	va_end(ap);
}

void call_env(struct call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(c->envp, put(c, fmt, ap));
	va_end(ap);
}

void floor_call(const struct node *n, const char *mode, struct call *c)
{
	memset(c, 0, offsetof(struct call, text));
	c->used = 0;
	c->node = n;
	snprintf(c->path, sizeof(c->path), "%s", options.floor);
	call_arg(c, "floor");
	call_arg(c, "%s", mode);
}

static void wire_call(const struct subject *s, enum op op, unsigned int pod, struct call *c)
{
	unsigned int high = pod / PODS_PER_BYTE, low = pod % PODS_PER_BYTE + 2;

	floor_call(s->node, op == OP_ADD ? "wire" : "unwire", c);
	call_arg(c, "%s", s->wire);
	if (op == OP_ADD)
		call_arg(c, "flr%u", pod);
	call_arg(c, "/run/netns/pod%u", pod);
	if (op == OP_ADD) {
		call_arg(c, "%u", s->node->bridge);
		call_arg(c, "10.99.%u.%u/16", high, low);
		call_arg(c, "10.99.0.1");
	}
}

static void bridge_call(const struct subject *s, enum op op, unsigned int pod, struct call *c)
{
	unsigned int high = pod / PODS_PER_BYTE, low = pod % PODS_PER_BYTE + 2;

	const char *const modes[] = { "add", "del", "chain-add", "chain-del" };

	floor_call(s->node, modes[2 * !!s->part + (op != OP_ADD)], c);
	if (s->part)
		call_arg(c, "%s", s->part);
	call_arg(c, "flr%u", pod);
	if (op == OP_ADD) {
		call_arg(c, "/run/netns/pod%u", pod);
		call_arg(c, "%u", s->node->bridge);
		call_arg(c, "10.99.%u.%u/16", high, low);
		call_arg(c, "10.99.0.1");
	} else {
		call_arg(c, "10.99.%u.%u", high, low);
		if (s->part)
			call_arg(c, "/run/netns/pod%u", pod);
	}
	if (s->masq)
		call_arg(c, "masq");
}

static const char *command_text(enum op op)
{
	static const char *const texts[] = { "ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION" };

	return texts[op];
}

void call_of(const struct subject *s, enum op op, unsigned int pod, struct call *c)
{
	if (!s->plugin) {
		(s->wire ? wire_call : bridge_call)(s, op, pod, c);
		return;
	}
	memset(c, 0, offsetof(struct call, text));
	c->used = 0;
	c->node = s->node;
	snprintf(c->path, sizeof(c->path), "%s/%s", s->dir, s->plugin);
	call_arg(c, "%s", s->plugin);
	call_env(c, "CNI_COMMAND=%s", command_text(op));
	call_env(c, "CNI_CONTAINERID=pod%u", pod);
	call_env(c, "CNI_NETNS=/run/netns/pod%u", pod);
	call_env(c, "CNI_IFNAME=eth0");
	call_env(c, "CNI_PATH=%s", s->dir);
	call_env(c, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	c->in = s->conf;
}

/* The floor's "node" says the index of the bridge, or the wire, that it found or made. */
static void settle_floor(const struct subject *s)
{
	struct call c;
	char said[32];

	floor_call(s->node, "node", &c);
	call_arg(&c, s->wire ? "w0" : "br0");
	if (s->masq)
		call_arg(&c, "masq");
	if (call_try(&c, said, sizeof(said)) != 0)
		die("floor node: %s", said);
	s->node->bridge = (unsigned int)atoi(said);
	if (s->part) {
		floor_call(s->node, "chain-node", &c);
		call_arg(&c, "br0");
		call_run(&c);
	}
}

unsigned int subject_settle(const struct subject *s)
{
	unsigned int pod = pods_new(1);

	if (!s->plugin)
		settle_floor(s);
	subject_run(s, OP_ADD, pod);
	return pod;
}

struct sample subject_run(const struct subject *s, enum op op, unsigned int pod)
{
	struct call c;

	call_of(s, op, pod, &c);
	return call_run(&c);
}

void subject_result(const struct subject *s, unsigned int pod, char *said, size_t size)
{
	struct call c;

	call_of(s, OP_ADD, pod, &c);
	call_answer(&c, said, size);
}

uint64_t subject_crowd(const struct subject *s, enum op op, unsigned int first, unsigned int count)
{
	static struct running crowd[1024];
	struct call c;

	if (count > sizeof(crowd) / sizeof(crowd[0]))
		die("a crowd of %u is too large", count);
	for (unsigned int i = 0; i < count; i++) {
		call_of(s, op, first + i, &c);
		call_start(&c, &crowd[i]);
	}
	return calls_wait(crowd, count);
}
