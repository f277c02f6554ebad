/*
 * cnibox node up with 5,000 nodes in the cluster file: the first time, with nothing changed, and
 * with one node changed; node run: how soon it has repaired a route, its memory, and what it costs
 * when nothing happens.
 */
#include "bench.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/nl.h"

#define NODES 5000u
#define IDLE_NODES 100u
#define CLUSTER "/run/bench-cluster.json"
#define ANSWERS (64 << 20)

static struct node *here;

/*
 * Node i has 172.16.0.0/12's address i + 1 and the subnet 10.(i / 256).(i % 256).0/24; `moved` has
 * another address.
 */
static void write_cluster(unsigned int count, unsigned int moved)
{
	FILE *f = fopen(CLUSTER, "we");

	if (!f)
		die(CLUSTER ": %s", strerror(errno));
	fprintf(f, "{\"networks\":[\"10.0.0.0/8\"],\"nodes\":[");
	for (unsigned int i = 0; i < count; i++)
		fprintf(f,
			"%s{\"name\":\"n%u\",\"addresses\":[\"172.%u.%u.%u\"],\"subnets\":[\"10.%u."
			"%u.0/24\"]}",
			i ? ",\n" : "", i, i == moved ? 20u : 16u, (i + 1) >> 8, (i + 1) & 255,
			i >> 8, i & 255);
	fprintf(f, "]}\n");
	fclose(f);
}

/* up or run. */
static void node_call(struct call *c, const char *command)
{
	*c = (struct call){ .node = here };
	snprintf(c->path, sizeof(c->path), "%s/cnibox", options.ours);
	call_arg(c, "cnibox");
	call_arg(c, "node");
	call_arg(c, "%s", command);
	call_arg(c, "-f");
	call_arg(c, CLUSTER);
	call_arg(c, "--name");
	call_arg(c, "n0");
}

/* A socket that hears of every change of a route on the node. */
static int listen_routes(void)
{
	const struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_ROUTE };
	int size = ANSWERS, fd;

	node_enter(here);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	node_leave();
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		die("listen to routes: %s", strerror(errno));
	return fd;
}

static unsigned int heard(int fd)
{
	_Alignas(struct nlmsghdr) char buf[16384];
	unsigned int count = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *h = (const void *)buf;

		for (; NLMSG_OK(h, n);
		     h = (const void *)((const char *)h + NLMSG_ALIGN(h->nlmsg_len))) {
			count++;
			n -= NLMSG_ALIGN(h->nlmsg_len);
		}
	}
	close(fd);
	return count;
}

static void up(const char *what, double at_most, double changes)
{
	int fd = listen_routes();
	unsigned int changed;
	struct call c;
	double ms;

	node_call(&c, "up");
	ms = (double)call_run(&c).ns / 1e6;
	changed = heard(fd);
	report_row(&(struct row){ .what = what, .ours = value_of(ms) });
	if (at_most > 0 && !report_figure("ms", ms, AT_MOST, at_most))
		why_slow(&c);
	report_figure("route changes", changed, AT_MOST, changes);
}

static void down(void)
{
	struct call c = { .node = here };

	snprintf(c.path, sizeof(c.path), "%s/cnibox", options.ours);
	call_arg(&c, "cnibox");
	call_arg(&c, "node");
	call_arg(&c, "down");
	call_run(&c);
}

/* Wait until so many changes of routes have been heard. */
static void await_routes(int fd, unsigned int count)
{
	_Alignas(struct nlmsghdr) char buf[16384];

	while (count > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n = poll(&p, 1, 60000) == 1 ? recv(fd, buf, sizeof(buf), 0) : -1;

		if (n < 0)
			die("node run: %u routes are missing after a minute", count);
		for (const struct nlmsghdr *h = (const void *)buf; NLMSG_OK(h, n) && count > 0;
		     h = (const void *)((const char *)h + NLMSG_ALIGN(h->nlmsg_len))) {
			count--;
			n -= NLMSG_ALIGN(h->nlmsg_len);
		}
	}
}

/*
 * Until the kernel answers at once: its lock for links is one for the whole machine, and is held
 * for namespaces that other rows, or others, have left to be torn down.
 */
static void await_calm(struct nl *nl)
{
	unsigned int calm = 0, tries = 0;
	struct err e = { 0 };
	struct link l;

	while (calm < 20 && tries++ < 1000) {
		uint64_t begin = now_ns();

		if (link_find(nl, "lo", &l, &e) < 0)
			die("%s", e.text);
		calm = now_ns() - begin < 1000000 ? calm + 1 : 0;
		sleep_ms(10);
	}
}

/* From the deletion of the route to a node until it is there again. */
static double repair_ms(int fd, unsigned int node)
{
	struct route r = { .dst = { .addr = { AF_INET, { 10, 0, (uint8_t)node } }, .len = 24 },
			   .protocol = 193 };
	static char buf[4096];
	static struct nl nl;
	struct err e = { 0 };
	uint64_t begin;

	node_enter(here);
	if (nl_open(&nl, NETLINK_ROUTE, buf, sizeof(buf), &e) < 0)
		die("%s", e.text);
	node_leave();
	await_calm(&nl);
	begin = now_ns();
	route_del(&nl, &r);
	if (nl_commit(&nl, NULL, &e) < 0)
		die("%s", e.text);
	nl_close(&nl);
	await_routes(fd, 2);
	return (double)(now_ns() - begin) / 1e6;
}

/* A number in /proc/PID/FILE, behind this word; "": the first. */
static unsigned long proc_number(pid_t pid, const char *file, const char *key)
{
	char path[64], line[256];
	size_t len = strlen(key);
	unsigned long n = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		found = strncmp(line, key, len) == 0;
		n = found ? strtoul(line + len, NULL, 10) : 0;
	}
	if (f)
		fclose(f);
	if (!found)
		die("%s says nothing of %s", path, key);
	return n;
}

struct usage {
	unsigned long wakeups; /* the program is awake after each wait that it has begun */
	unsigned long cpu_ns;
};

static struct usage usage_of(pid_t pid)
{
	return (struct usage){
		.wakeups = proc_number(pid, "status", "voluntary_ctxt_switches:"),
		.cpu_ns = proc_number(pid, "schedstat", ""),
	};
}

/* Nothing happens meanwhile but what it does by itself. */
static void idle(pid_t pid)
{
	const unsigned int seconds = options.quick ? 15 : 60;
	struct usage begin = usage_of(pid), end;
	char what[64];
	double cpu_ms;

	sleep_ms(seconds * 1000);
	end = usage_of(pid);
	cpu_ms = (double)(end.cpu_ns - begin.cpu_ns) / 1e6;
	snprintf(what, sizeof(what), "node run, idle for %u s", seconds);
	report_row(&(struct row){ .what = what, .ours = value_of(cpu_ms) });
	report_figure("wake-ups", (double)(end.wakeups - begin.wakeups), AT_MOST, 1);
	report_figure("CPU ms in an hour", cpu_ms * 3600 / seconds, FOR_INFORMATION, 0);
}

/* The memory after both repairs, when the pass has given back what it needed. */
static void stay(unsigned int nodes, double most_kib)
{
	int fd = listen_routes(), status;
	struct running r;
	struct call c;
	char what[64];
	double first, second;

	write_cluster(nodes, nodes);
	node_call(&c, "run");
	call_start(&c, &r);
	await_routes(fd, nodes - 1);
	sleep_ms(1500);
	first = repair_ms(fd, 1);
	sleep_ms(1500);
	second = repair_ms(fd, 2);
	snprintf(what, sizeof(what), "node run, %u nodes, a route is back", nodes);
	report_row(
		&(struct row){ .what = what, .ours = value_of(first > second ? first : second) });
	report_figure("ms", first > second ? first : second, AT_MOST, 100);
	sleep_ms(500);
	report_figure("resident KiB", (double)proc_number(r.pid, "status", "VmRSS:"), AT_MOST,
		      most_kib);
	/* Debian has no flannel: what kube-flannel.yml reserves for its agent, as published. */
	if (nodes == IDLE_NODES) {
		report_figure("KiB: flannel's, published", 50 * 1024, FOR_INFORMATION, 0);
		idle(r.pid);
	}
	kill(r.pid, SIGTERM);
	if (waitpid(r.pid, &status, 0) < 0 || status != 0)
		die("node run: status 0x%x", (unsigned int)status);
	close(r.out);
	close(fd);
	down();
}

/* The program may be there without this applet. */
static bool present(void)
{
	struct call c = { .node = here };
	char said[4096];

	snprintf(c.path, sizeof(c.path), "%s/cnibox", options.ours);
	call_arg(&c, "cnibox");
	call_arg(&c, "node");
	call_arg(&c, "--help");
	return access(c.path, X_OK) == 0 && call_try(&c, said, sizeof(said)) == 0 &&
	       strstr(said, "up");
}

void rows_node_up(void)
{
	const struct node *world;

	here = node_new("o-node");
	if (!present()) {
		report_skip("node up with 5,000 nodes", "this cnibox has no applet node");
		return;
	}
	world = node_new("w-node");
	node_join(here, "172.16.0.1/12", world, "172.31.255.254/12");
	write_cluster(NODES, NODES);
	up("node up, 5,000 nodes, first time", 1000, NODES - 1);
	up("node up, 5,000 nodes, nothing changed", 100, 0);
	write_cluster(NODES, NODES / 2);
	up("node up, 5,000 nodes, one has moved", 0, 1);
	down();
	stay(3, 1024);
	stay(IDLE_NODES, 1024);
	stay(NODES, 2048);
}
