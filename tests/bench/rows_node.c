/*
 * cnibox node up with 5,000 nodes in the cluster file: the first time, with nothing changed, and
 * with one node changed.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define NODES 5000u
#define CLUSTER "/run/bench-cluster.json"
#define ANSWERS (64 << 20)

static struct node *here;

/*
 * Node i has 172.16.0.0/12's address i + 1 and the subnet 10.(i / 256).(i % 256).0/24; `moved` has
 * another address.
 */
static void write_cluster(unsigned int moved)
{
	FILE *f = fopen(CLUSTER, "we");

	if (!f)
		die(CLUSTER ": %s", strerror(errno));
	fprintf(f, "{\"networks\":[\"10.0.0.0/8\"],\"nodes\":[");
	for (unsigned int i = 0; i < NODES; i++)
		fprintf(f,
			"%s{\"name\":\"n%u\",\"addresses\":[\"172.%u.%u.%u\"],\"subnets\":[\"10.%u."
			"%u.0/24\"]}",
			i ? ",\n" : "", i, i == moved ? 20u : 16u, (i + 1) >> 8, (i + 1) & 255,
			i >> 8, i & 255);
	fprintf(f, "]}\n");
	fclose(f);
}

static void up_call(struct call *c)
{
	*c = (struct call){ .node = here };
	snprintf(c->path, sizeof(c->path), "%s/cnibox", options.ours);
	call_arg(c, "cnibox");
	call_arg(c, "node");
	call_arg(c, "up");
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

	up_call(&c);
	ms = (double)call_run(&c).ns / 1e6;
	changed = heard(fd);
	report_row(&(struct row){ .what = what, .ours = value_of(ms) });
	if (at_most > 0 && !report_figure("ms", ms, AT_MOST, at_most))
		why_slow(&c);
	report_figure("route changes", changed, AT_MOST, changes);
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
	write_cluster(NODES);
	up("node up, 5,000 nodes, first time", 1000, NODES - 1);
	up("node up, 5,000 nodes, nothing changed", 100, 0);
	write_cluster(NODES / 2);
	up("node up, 5,000 nodes, one has moved", 0, 1);
}
