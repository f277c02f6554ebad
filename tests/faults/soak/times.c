/* Running the calls and taking their times, with the bench's hands. */
#include "times.h"

#include "../../bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct options options; /* the bench's hands ask what they measure: time that passes */
static struct series series[SERIES_MAX];

/* The soak is on its host already; only the yardstick is somewhere else. */
static int home = -1;

void node_enter(const struct node *n)
{
	if (!n)
		return;
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || setns(n->ns, CLONE_NEWNET) < 0)
		die("enter the yardstick's namespace: %s", strerror(errno));
}

void node_leave(void)
{
	if (home < 0)
		return;
	if (setns(home, CLONE_NEWNET) < 0)
		die("come home: %s", strerror(errno));
	close(home);
	home = -1;
}

static int timed_try(const struct call *c, unsigned int which, char *said, size_t size)
{
	uint64_t begin = now_ns();
	int status = call_try(c, said, size);

	if (which != UNTIMED)
		series_add(&series[which], now_ns() - begin);
	return status;
}

int times_call(char *const argv[], char *const env[], const char *input, unsigned int which,
	       char *said, size_t size)
{
	static struct call c;

	snprintf(c.path, sizeof(c.path), "%s", argv[0]);
	for (unsigned int i = 0; i < CALL_ARGS; i++)
		c.argv[i] = c.envp[i] = NULL;
	for (unsigned int i = 0; argv[i]; i++)
		c.argv[i] = argv[i];
	for (unsigned int i = 0; env[i]; i++)
		c.envp[i] = env[i];
	c.in = input;
	return timed_try(&c, which, said, size);
}

static void run_ip(const struct node *n, const char *line, unsigned int which)
{
	char shell[] = "sh", option[] = "-c", path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
	     command[128], said[256];
	struct call c = {
		.path = "/bin/sh", .argv = { shell, option, command }, .envp = { path }, .node = n
	};

	snprintf(command, sizeof(command), "exec ip link %s", line);
	if (timed_try(&c, which, said, sizeof(said)) != 0)
		die("%s: %s", command, said);
}

void times_yardstick(const char *netns)
{
	struct node n = { .ns = open(netns, O_RDONLY | O_CLOEXEC) };

	if (n.ns < 0)
		die("open %s: %s", netns, strerror(errno));
	run_ip(&n, "add yard0 type veth peer name yard1", YARD_ADD);
	run_ip(&n, "del yard0", YARD_DEL);
	close(n.ns);
}

struct block_times times_of_block(void)
{
	struct block_times t;

	for (unsigned int i = 0; i < SERIES_MAX; i++) {
		struct series *s = &series[i];
		size_t tenth = s->count / 10;

		t.median[i] = series_ms(s).median; /* sorts them */
		t.quick[i] = s->count ? (double)s->ns[tenth] / 1e6 : 0;
		s->count = 0;
	}
	return t;
}
