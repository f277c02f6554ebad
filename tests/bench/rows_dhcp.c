/*
 * macvlan with a lease of a DHCP server: ours and the reference's ask their daemon, the floor the
 * server itself. Each on a node of its own, whose wire ends at a dnsmasq.
 */
#include "bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum side { OURS, FLOOR, REFERENCE, SIDES };

#define DNSMASQ "/usr/sbin/dnsmasq"
#define SERVER "10.99.0.1"
#define PATIENCE_MS 5000

static struct {
	struct subject s[SIDES];
	char conf[SIDES][512];
	struct running running[2 * SIDES]; /* servers and daemons */
	unsigned int count;
} dhcp;

static void start(const struct call *c)
{
	call_start(c, &dhcp.running[dhcp.count++]);
}

static void start_server(const struct node *n)
{
	struct call c = { .node = n, .path = DNSMASQ };

	call_arg(&c, "dnsmasq");
	call_arg(&c, "--keep-in-foreground");
	call_arg(&c, "--conf-file=/dev/null");
	call_arg(&c, "--no-hosts");
	call_arg(&c, "--no-resolv");
	call_arg(&c, "--no-ping");
	call_arg(&c, "--port=0");
	call_arg(&c, "--user=root");
	call_arg(&c, "--bind-interfaces");
	call_arg(&c, "--interface=w1");
	call_arg(&c, "--dhcp-authoritative");
	call_arg(&c, "--pid-file=");
	call_arg(&c, "--dhcp-leasefile=/run/%s.leases", n->name);
	call_arg(&c, "--dhcp-range=10.99.1.1,10.99.1.250,1h");
	start(&c);
}

static void start_daemon(const struct subject *s)
{
	struct call c = { .node = s->node };

	snprintf(c.path, sizeof(c.path), "%s/dhcp", s->dir);
	call_arg(&c, "dhcp");
	call_arg(&c, "daemon");
	call_arg(&c, "-socketpath");
	call_arg(&c, "/run/%s.sock", s->node->name);
	start(&c);
}

static void end_all(void)
{
	for (unsigned int i = 0; i < dhcp.count; i++) {
		kill(dhcp.running[i].pid, SIGKILL);
		waitpid(dhcp.running[i].pid, NULL, 0);
		close(dhcp.running[i].out);
	}
}

static void prepare(enum side side, const char *name, const char *dir)
{
	struct subject *s = &dhcp.s[side];

	*s = (struct subject){ .node = node_new(name), .wire = "macvlan" };
	node_wire(s->node);
	node_address(s->node, "w1", SERVER "/16");
	start_server(s->node);
	if (!dir)
		return;
	snprintf(dhcp.conf[side], sizeof(dhcp.conf[side]),
		 "{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",\"type\":\"macvlan\",\"master\":\"w0\","
		 "\"ipam\":{\"type\":\"dhcp\",\"daemonSocketPath\":\"/run/%s.sock\"}}",
		 name, name);
	s->plugin = "macvlan";
	s->dir = dir;
	s->conf = dhcp.conf[side];
	start_daemon(s);
}

/* Until server and daemon are there: what is given up is taken back. */
static void await(const struct subject *s)
{
	unsigned int pod = pods_new(1), ms = 0;
	struct call add, del;
	char said[1024];

	call_of(s, OP_ADD, pod, &add);
	call_of(s, OP_DEL, pod, &del);
	while (call_try(&add, said, sizeof(said)) != 0) {
		if ((ms += 100) > PATIENCE_MS)
			die("no lease on %s: %s", s->node->name, said);
		sleep_ms(100);
	}
	call_run(&del);
}

static uint64_t run(enum side side, enum op op, unsigned int pod)
{
	const struct subject *s = &dhcp.s[side];
	struct call c;

	if (s->plugin)
		return subject_run(s, op, pod).ns;
	floor_call(s->node, op == OP_ADD ? "dhcp-add" : "dhcp-del", &c);
	call_arg(&c, "macvlan");
	if (op == OP_ADD)
		call_arg(&c, "flr%u", pod);
	call_arg(&c, "/run/netns/pod%u", pod);
	if (op == OP_ADD)
		call_arg(&c, "%u", s->node->bridge);
	else
		call_arg(&c, SERVER);
	return call_run(&c).ns;
}

static void report(const char *what, struct series s[static SIDES], double at_most)
{
	const struct row r = { .what = what,
			       .ours = series_ms(&s[OURS]),
			       .floor = series_ms(&s[FLOOR]),
			       .reference = series_ms(&s[REFERENCE]) };

	report_row(&r);
	report_figure("of the floor", r.ours.median / r.floor.median,
		      at_most > 0 ? AT_MOST : FOR_INFORMATION, at_most);
	if (r.reference.count)
		report_figure("below the reference", r.reference.median / r.ours.median,
			      FOR_INFORMATION, 0);
}

void rows_dhcp(void)
{
	static struct series add[SIDES], del[SIDES];
	const unsigned int rounds = options.quick ? 8 : 60;
	unsigned int pod = pods_new(SIDES);

	if (access(DNSMASQ, X_OK) != 0) {
		report_skip("macvlan + dhcp", "dnsmasq is not installed");
		return;
	}
	prepare(OURS, "o-dhcp", options.ours);
	prepare(FLOOR, "f-dhcp", NULL);
	if (options.reference)
		prepare(REFERENCE, "r-dhcp", options.reference);
	for (int side = 0; side < SIDES; side++) {
		if (side == FLOOR)
			subject_settle(&dhcp.s[side]);
		else if (dhcp.s[side].node)
			await(&dhcp.s[side]);
	}
	for (unsigned int i = 0; i < rounds * SIDES; i++) {
		enum side side = (enum side)((i + i / SIDES) % SIDES);

		if (!dhcp.s[side].node)
			continue;
		series_add(&add[side], run(side, OP_ADD, pod + side));
		sleep_ms(3);
		series_add(&del[side], run(side, OP_DEL, pod + side));
		sleep_ms(10);
	}
	end_all();
	report("ADD macvlan + dhcp", add, 1.5);
	report("DEL macvlan + dhcp", del, 0);
}
