/*
 * New connections through the masquerade: a pod connects to a server outside, one connection after
 * the other, each closed at once by a reset so that no port stays behind. Rounds go from node to
 * node, so that all meet the same machine.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#define PORT 8080
#define BACKLOG 4096
#define OUTSIDE "192.0.2.2"
#define LOST_MAX 10

enum side { FEW, MANY, REF_FEW, REF_MANY, SIDES };

static struct {
	struct subject s[SIDES];
	unsigned int pod[SIDES];
	struct series rate[SIDES]; /* connections per 1,000,000 s: what series_ms() returns is per
				      second */
	unsigned int lost[SIDES];
	pid_t server[SIDES];
} net;

static struct sockaddr_in outside(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	inet_pton(AF_INET, OUTSIDE, &a.sin_addr);
	return a;
}

static void serve(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			close(fd);
		else if (errno != ECONNABORTED && errno != EINTR)
			_exit(1);
	}
}

/*
 * The node's world: a namespace behind it that knows no pod, so that only masqueraded connections
 * come back.
 */
static pid_t outside_of(const struct subject *s, const char *name)
{
	const struct sockaddr_in a = outside();
	const struct node *world = node_new(name);
	int fd, one = 1;
	pid_t pid;

	node_join(s->node, "192.0.2.1/24", world, OUTSIDE "/24");
	node_enter(world);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		die("listen outside: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		serve(fd);
	close(fd);
	node_leave();
	return pid;
}

/*
 * A connection whose port another has just left can meet that one's remains on the way and be lost:
 * then it is given up soon.
 */
static bool connect_once(void)
{
	const struct linger reset = { .l_onoff = 1 };
	const struct sockaddr_in a = outside();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), once = 1;
	bool ok;

	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &once, sizeof(once));
	ok = connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
	if (fd < 0 || (!ok && errno != ETIMEDOUT))
		die("connect to the outside: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	return ok;
}

/* A round with a lost connection says nothing about the rate, but it is told. */
static void measure(enum side side, unsigned int count)
{
	uint64_t begin, ns;
	bool whole;

	pod_enter(net.pod[side]);
	whole = connect_once(); /* the neighbours get to know each other */
	begin = now_ns();
	for (unsigned int i = 0; whole && i < count; i++)
		whole = connect_once();
	ns = now_ns() - begin;
	node_leave();
	if (whole)
		series_add(&net.rate[side], (uint64_t)((double)count * 1e15 / (double)ns));
	else if (++net.lost[side] == LOST_MAX)
		die("%u connections to the outside were lost (side %d)", LOST_MAX, (int)side);
}

/*
 * The pod that is measured comes last, behind all the others' rules, as the newest pod of a node
 * does.
 */
static void prepare_reference(enum side side, const char *name, unsigned int pods)
{
	char data[64];

	snprintf(data, sizeof(data), "/var/lib/cni/%s", name);
	net.s[side] =
		(struct subject){ .plugin = "bridge",
				  .dir = options.reference,
				  .node = node_new(name),
				  .conf = network_conf(NET_BRIDGE_MASQ, name, data, "1.0.0") };
	if (pods > 1)
		reference_pods(net.s[side].node, pods, 0);
	net.pod[side] = pods_new(1);
	subject_run(&net.s[side], OP_ADD, net.pod[side]);
}

static struct stat_of rate_of(enum side side)
{
	struct stat_of s = series_ms(&net.rate[side]);

	return s.count ? value_of(s.median) : s;
}

static void report(unsigned int pods)
{
	const struct stat_of few = rate_of(FEW), many = rate_of(MANY);
	char what[64];

	report_row(&(struct row){ .what = "new connections with 1 pod",
				  .unit = "/s",
				  .ours = few,
				  .reference = rate_of(REF_FEW) });
	snprintf(what, sizeof(what), "new connections with %u pods", pods);
	report_row(&(struct row){
		.what = what, .unit = "/s", .ours = many, .reference = rate_of(REF_MANY) });
	report_figure("of those with 1 pod", many.median / few.median, AT_LEAST, 0.9);
	if (net.rate[REF_MANY].count)
		report_figure("above the reference", many.median / rate_of(REF_MANY).median,
			      FOR_INFORMATION, 0);
	if (net.lost[FEW] + net.lost[MANY] + net.lost[REF_FEW] + net.lost[REF_MANY])
		report_note("connections lost: ours %u and %u, the reference's %u and %u",
			    net.lost[FEW], net.lost[MANY], net.lost[REF_FEW], net.lost[REF_MANY]);
}

void rows_connections(const struct subject *few, const struct subject *many, unsigned int pods,
		      unsigned int many_pod)
{
	const unsigned int rounds = options.quick ? 12 : 60, count = options.quick ? 200 : 300;
	static const char *const worlds[] = { "w-few", "w-many", "w-rfew", "w-rmany" };

	net.s[FEW] = *few;
	net.s[MANY] = *many;
	net.pod[FEW] = pods_new(1);
	net.pod[MANY] = many_pod;
	subject_run(few, OP_ADD, net.pod[FEW]);
	if (reference_has_iptables()) {
		prepare_reference(REF_FEW, "r-few", 1);
		prepare_reference(REF_MANY, "r-many", pods);
	}
	for (int side = 0; side < SIDES; side++) {
		if (!net.s[side].node)
			continue;
		pod_introduce(net.s[side].node, net.pod[side]);
		net.server[side] = outside_of(&net.s[side], worlds[side]);
	}
	for (unsigned int i = 0; i < rounds * SIDES; i++) {
		enum side side = (enum side)((i + i / SIDES) % SIDES);

		if (net.s[side].node)
			measure(side, count);
	}
	for (int side = 0; side < SIDES; side++) {
		if (net.server[side] > 0) {
			kill(net.server[side], SIGKILL);
			waitpid(net.server[side], NULL, 0);
		}
	}
	report(pods);
}
