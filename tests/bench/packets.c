/*
 * How fast packets are on two ways through nodes, one of which has many pods or ports: see bench.h.
 * New connections, one after the other, each closed at once by a reset so that no port stays
 * behind; then bytes to and fro on one.
 *
 * Both ways are measured by turns, and what is judged is the median of the ratios of the two in one
 * round: a busy machine slows both. Equal within noise is what is not further below 1 than half of
 * the distance between the quartiles of these ratios: at least a twentieth, at most a quarter, for
 * on a machine as restless as that nothing would be missed.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#define BACKLOG 4096
#define LOST_MAX 10
#define NOISE_LEAST 0.05
#define NOISE_MOST 0.25
#define RATE 1e15 /* in 1,000,000 s: what series_ms() makes of it is per second */

/* ---- the other end ---- */

static void echo(int fd)
{
	char byte;

	while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
		;
	close(fd);
}

static void serve(int listener)
{
	const int one = 1;

	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
			_exit(1);
		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		echo(fd);
	}
}

static void place_enter(const struct place *p)
{
	if (p->node)
		node_enter(p->node);
	else
		pod_enter(p->pod);
}

void way_serve(struct way *w, uint16_t port)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int one = 1;
	int fd;

	place_enter(&w->server);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		die("listen to port %u: %s", port, strerror(errno));
	fflush(stdout);
	w->pid = fork();
	if (w->pid == 0)
		serve(fd);
	close(fd);
	node_leave();
}

static void way_end(struct way *w)
{
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	w->pid = 0;
}

/* ---- and this one ---- */

/*
 * A connection whose port another has just left can meet that one's remains on the way and be lost:
 * then it is given up soon. -1.
 */
static int dial(const struct way *w)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(w->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	inet_pton(AF_INET, w->address, &a.sin_addr);
	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	if (fd < 0 || errno != ETIMEDOUT)
		die("connect to %s: %s", w->address, strerror(errno));
	close(fd);
	return -1;
}

static bool hang_up(int fd)
{
	const struct linger reset = { .l_onoff = 1 };

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	return true;
}

/* 0: not measured. */
struct rates {
	uint64_t connections, trips;
};

static uint64_t rate_of(unsigned int count, uint64_t ns)
{
	return (uint64_t)((double)count * RATE / (double)ns);
}

/* A round with a lost connection says nothing about the rate, but it is told. */
static uint64_t measure_connections(struct way *w, unsigned int count)
{
	bool whole = hang_up(dial(w)); /* the neighbours get to know each other */
	uint64_t begin = now_ns();

	for (unsigned int i = 0; whole && i < count; i++)
		whole = hang_up(dial(w));
	if (!whole && ++w->lost == LOST_MAX)
		die("%u connections to %s were lost", LOST_MAX, w->address);
	return whole ? rate_of(count, now_ns() - begin) : 0;
}

static uint64_t measure_trips(const struct way *w, unsigned int count)
{
	int fd = dial(w);
	uint64_t begin = now_ns();
	char byte = 'x';

	if (fd < 0)
		return 0;
	for (unsigned int i = 0; i < count; i++) {
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			die("a byte to %s did not come back: %s", w->address, strerror(errno));
	}
	begin = now_ns() - begin;
	hang_up(fd);
	return rate_of(count, begin);
}

static struct rates measure(struct way *w, unsigned int connections, unsigned int trips)
{
	struct rates r;

	place_enter(&w->client);
	r.connections = connections ? measure_connections(w, connections) : 0;
	r.trips = trips ? measure_trips(w, trips) : 0;
	node_leave();
	return r;
}

static void add_pair(struct pairs *p, uint64_t few, uint64_t many)
{
	if (!few || !many)
		return;
	series_add(&p->few, few);
	series_add(&p->many, many);
	series_add(&p->ratio, (uint64_t)(1e6 * (double)many / (double)few));
}

/* Which comes first changes from round to round. */
void duel_round(struct duel *d, unsigned int round, unsigned int connections, unsigned int trips)
{
	struct rates few, many;

	if (round % 2)
		many = measure(&d->many, connections, trips);
	few = measure(&d->few, connections, trips);
	if (round % 2 == 0)
		many = measure(&d->many, connections, trips);
	add_pair(&d->connections, few.connections, many.connections);
	add_pair(&d->trips, few.trips, many.trips);
}

/* ---- what they say ---- */

static struct stat_of rate(struct series *s)
{
	struct stat_of v = series_ms(s);

	return v.count ? value_of(v.median) : v;
}

static void report_pairs(const char *what, const struct duel_names *n, struct pairs *ours,
			 struct pairs *reference)
{
	char few[64], many[64];
	double noise, value;

	snprintf(few, sizeof(few), "%s, %s", what, n->few);
	snprintf(many, sizeof(many), "%s, %s", what, n->many);
	report_row(&(struct row){ .what = few,
				  .unit = "/s",
				  .ours = rate(&ours->few),
				  .reference = rate(&reference->few) });
	report_row(&(struct row){ .what = many,
				  .unit = "/s",
				  .ours = rate(&ours->many),
				  .reference = rate(&reference->many) });
	value = series_ms(&ours->ratio).median;
	noise = (series_at(&ours->ratio, 75) - series_at(&ours->ratio, 25)) / 2;
	noise = fmin(fmax(noise, NOISE_LEAST), NOISE_MOST);
	report_figure("of the other, in pairs", value, AT_LEAST, round(100 * (1 - noise)) / 100);
	if (reference->ratio.count)
		report_figure("the reference's, alike", series_ms(&reference->ratio).median,
			      FOR_INFORMATION, 0);
	report_note("half of the %u pairs are between %.2f and %.2f", ours->ratio.count,
		    series_at(&ours->ratio, 25), series_at(&ours->ratio, 75));
}

void duel_report(const struct duel_names *n, struct duel *ours, struct duel *reference)
{
	report_pairs("connections", n, &ours->connections, &reference->connections);
	if (ours->trips.ratio.count)
		report_pairs("round trips", n, &ours->trips, &reference->trips);
	if (ours->few.lost + ours->many.lost + reference->few.lost + reference->many.lost)
		report_note("connections lost: ours %u and %u, the reference's %u and %u",
			    ours->few.lost, ours->many.lost, reference->few.lost,
			    reference->many.lost);
}

void duel_end(struct duel *d)
{
	way_end(&d->few);
	way_end(&d->many);
}
