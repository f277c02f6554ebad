/*
 * sweep: every operation of cnibox once for each of its system calls, with a fault at that call.
 *
 *	kill	SIGKILL just before and just after the call, then DEL, DEL when the namespace has
 *		gone, GC, or the command again
 *	refuse	the call fails, once and for good, with each errno that fits; so does each netlink
 *		message in it
 *	vanish	the pod's namespace is deleted at that call
 *
 * Each operation runs on a warm host (the bridge and a second pod are there) and on a fresh one.
 * The hosts are network and mount namespaces of our own, so it needs root, and best a pid
 * namespace around it (tests/namespace). What must hold afterwards is said in point.c, what is
 * swept in subjects.c.
 *
 * usage: sweep [-b PLUGINS] [-j JOBS] [-s STEP] [-n CALL] [-l] [-v] kill|refuse|vanish
 *		[SUBJECT[:VERB[:warm|fresh]]]...
 *	-s	only every STEPth point
 *	-n	only the points at this call
 *	-l	print the programs that are swept, and sweep nothing
 *	-v	print what the commands say
 * The last line counts; the exit status is 1 when there was a defect.
 */
#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#define POINTS_MAX 65536
#define JOBS_MAX 16
#define TRIES 4	   /* of a point that was not reached: waits for the kernel vary in their calls */
#define LEFT_MAX 5 /* defects of one operation that are printed before the rest is only counted */

/* Between main, its workers, and their hosts. */
static struct shared {
	bool learned;
	unsigned int calls, points;
	struct call trace[CALLS_MAX];
	struct point point[POINTS_MAX];
	unsigned int next[JOBS_MAX], missed[JOBS_MAX];
	unsigned int done, unreached, defects, undo_refused;
	struct operation op;
} * shared;

static struct options {
	enum mode mode;
	unsigned int jobs, step;
	int only;
} opt = { .jobs = 4, .step = 1, .only = -1 };

static unsigned int operations, points, defects, undo_refusals;

static void add_point(const struct point *p)
{
	if (opt.only >= 0 && p->fault.call != (unsigned int)opt.only)
		return;
	if (shared->points == POINTS_MAX)
		die("more than %d points", POINTS_MAX);
	shared->point[shared->points++] = *p;
}

static bool way_fits(const struct operation *o, enum way way)
{
	const struct subject *s = o->subject;
	bool pod = subject_has_pod(s);

	switch (way) {
	case WAY_DEL:
		return subject_has(s, DEL);
	case WAY_EMPTY:
		return s->config && o->verb != CHECK && !s->loopback;
	case WAY_GONE:
		return subject_has(s, DEL) && pod && !s->lends;
	case WAY_GC:
		return o->verb != CHECK && subject_has(s, GC) && !o->fresh;
	case WAY_REPEAT:
		return o->verb == DEL || o->verb == GC || !pod;
	case WAYS:
		break;
	}
	return false;
}

static void plan_kills(const struct operation *o, unsigned int call)
{
	for (enum way w = 0; w < WAYS; w++) {
		if (!way_fits(o, w))
			continue;
		add_point(&(struct point){ .fault = { .kind = FAULT_KILL_BEFORE, .call = call },
					   .way = w });
		add_point(&(struct point){ .fault = { .kind = FAULT_KILL_AFTER, .call = call },
					   .way = w });
	}
}

static void plan_refusal(struct fault f)
{
	add_point(&(struct point){ .fault = f });
	f.forever = true;
	if (errno_repeats(f.errnum))
		add_point(&(struct point){ .fault = f });
}

static void plan_refusals(unsigned int call)
{
	static const int of_messages[] = { 1 /* EPERM */, 12 /* ENOMEM */, 16 /* EBUSY */ };
	const struct call *c = &shared->trace[call];
	const int *errnums;
	const char *name;
	unsigned int n = errnos_of(c->nr, &errnums, &name);

	for (unsigned int i = 0; i < n; i++)
		plan_refusal(
			(struct fault){ .kind = FAULT_REFUSE, .call = call, .errnum = errnums[i] });
	for (unsigned int m = 0; m < c->messages; m++)
		for (unsigned int i = 0; i < 3; i++)
			plan_refusal((struct fault){ .kind = FAULT_REFUSE_MESSAGE,
						     .call = call,
						     .message = m,
						     .errnum = of_messages[i] });
}

static void plan(const struct operation *o)
{
	shared->points = 0;
	for (unsigned int call = 0; call < shared->calls && call < CALLS_MAX; call++) {
		if (o->mode == KILL)
			plan_kills(o, call);
		else if (o->mode == REFUSE)
			plan_refusals(call);
		else
			add_point(&(struct point){ .fault = { .kind = FAULT_ACT, .call = call } });
	}
}

static int finish(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		;
	if (WIFSIGNALED(status))
		fprintf(stderr, "sweep: signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

/* The worker's point is done, r as point_run says; the next one is its turn. */
static void count(unsigned int worker, int r)
{
	shared->next[worker] += opt.jobs * opt.step;
	shared->missed[worker] = 0;
	__atomic_add_fetch(r < 0 ? &shared->unreached : &shared->done, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&shared->undo_refused, undo_refused, __ATOMIC_SEQ_CST);
	if (r > 0)
		__atomic_add_fetch(&shared->defects, 1, __ATOMIC_SEQ_CST);
	undo_refused = 0;
}

/*
 * One host, until its points are done or it is no longer as it was: 0 done, 1 go on with a new
 * host.
 */
static int host(unsigned int worker, bool learn)
{
	struct operation *o = &shared->op;
	static struct operation own;

	own = *o;
	if (!operation_begin(&own, learn || !o->fresh, learn ? shared->trace : NULL,
			     learn ? &shared->calls : NULL)) {
		__atomic_add_fetch(&shared->defects, 1, __ATOMIC_SEQ_CST);
		return 0;
	}
	if (learn) {
		*o = own;
		shared->learned = true;
		return 0;
	}
	while (shared->next[worker] < shared->points) {
		int r = point_run(&own, &shared->point[shared->next[worker]]);

		if (r < 0 && ++shared->missed[worker] < TRIES)
			return 1;
		count(worker, r);
		if (r != 0 || o->fresh)
			return shared->next[worker] < shared->points;
	}
	return 0;
}

static _Noreturn void worker(unsigned int number)
{
	int r;

	shared->next[number] = number * opt.step;
	do {
		pid_t pid = host_fork();

		if (pid == 0)
			exit(host(number, false));
		r = finish(pid);
	} while (r == 1);
	exit(r);
}

static void learn(void)
{
	pid_t pid = host_fork();

	if (pid == 0)
		exit(host(0, true));
	if (finish(pid) != 0)
		die("could not learn %s", shared->op.subject->name);
}

static double seconds(void)
{
	struct timeval t;

	gettimeofday(&t, NULL);
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void run_workers(void)
{
	pid_t pids[JOBS_MAX];
	unsigned int started = 0;

	/* Who has no point needs no host. */
	while (started < opt.jobs && started * opt.step < shared->points) {
		pids[started] = host_fork();
		if (pids[started] == 0)
			worker(started);
		started++;
	}
	for (unsigned int i = 0; i < started; i++)
		if (finish(pids[i]) != 0)
			die("a worker died");
}

static void sweep(const struct subject *s, enum verb v, bool fresh)
{
	double begin = seconds();

	memset(shared, 0, offsetof(struct shared, op));
	shared->op.subject = s;
	shared->op.verb = v;
	shared->op.fresh = fresh;
	shared->op.mode = opt.mode;
	learn();
	if (shared->learned) {
		plan(&shared->op);
		run_workers();
	}
	printf("%-10s %-5s %s: %u calls, %u points, %u not reached, %u defects", s->name,
	       verb_names[v], fresh ? "fresh" : "warm ", shared->calls, shared->done,
	       shared->unreached, shared->defects);
	if (shared->undo_refused)
		printf(", %u undone by DEL only", shared->undo_refused);
	printf(" (%.1f s)\n", seconds() - begin);
	operations++;
	points += shared->done;
	defects += shared->defects;
	undo_refusals += shared->undo_refused;
}

/* "bridge", "bridge:ADD", "bridge:ADD:warm" */
static bool is_asked(const char *pattern, const struct subject *s, enum verb v, bool fresh)
{
	char full[64];
	size_t len = strlen(pattern);

	snprintf(full, sizeof(full), "%s:%s:%s", s->name, verb_names[v], fresh ? "fresh" : "warm");
	return strncmp(full, pattern, len) == 0 && (full[len] == '\0' || full[len] == ':');
}

static bool is_swept(const struct subject *s, enum verb v, bool fresh, char **patterns)
{
	if (!strstr(s->verbs, verb_names[v]) || (fresh && (!s->stays || v == CHECK)))
		return false;
	if (!fresh && !subject_has(s, DEL)) /* it has been done, and there is nothing left to do */
		return false;
	if (opt.mode == VANISH && (!s->config || s->lends))
		return false;
	if (!*patterns)
		return true;
	for (; *patterns; patterns++)
		if (is_asked(*patterns, s, v, fresh))
			return true;
	return false;
}

/* Of plugins whose interface a vanished namespace takes along. */
static bool loses_something(const struct subject *s)
{
	return s->config && !s->loopback;
}

static void sweep_subject(const struct subject *s, char **patterns)
{
	bool there = !s->kind || kernel_has(s->kind);

	if (!there)
		printf("%-10s not swept: this kernel has no links of kind %s\n", s->name, s->kind);
	if (s->legacy && system("iptables-legacy -S >/dev/null 2>&1") != 0) {
		printf("%-10s not swept: this kernel has no legacy tables\n", s->name);
		there = false;
	}
	if (opt.mode == VANISH && !*patterns && !loses_something(s))
		return;
	for (enum verb v = 0; there && v < VERBS; v++)
		for (int fresh = 0; fresh < 2; fresh++)
			if (is_swept(s, v, fresh, patterns))
				sweep(s, v, fresh);
}

/* The programs that are swept, one a line. */
static _Noreturn void list_programs(void)
{
	for (unsigned int i = 0; i < subject_count; i++)
		if (subjects[i].program)
			puts(subjects[i].program);
	exit(0);
}

static char **parse(int argc, char **argv)
{
	static const char *const modes[] = {
		[KILL] = "kill", [REFUSE] = "refuse", [VANISH] = "vanish"
	};
	int c;

	while ((c = getopt(argc, argv, "b:j:s:n:lv")) != -1) {
		if (c == 'b')
			plugins = optarg;
		else if (c == 'j')
			opt.jobs = (unsigned int)atoi(optarg);
		else if (c == 's')
			opt.step = (unsigned int)atoi(optarg);
		else if (c == 'n')
			opt.only = atoi(optarg);
		else if (c == 'l')
			list_programs();
		else if (c == 'v')
			point_verbose = true;
		else
			exit(2);
	}
	for (enum mode m = KILL; m <= VANISH; m++) {
		if (argv[optind] && strcmp(argv[optind], modes[m]) == 0 && opt.jobs &&
		    opt.jobs <= JOBS_MAX && opt.step && plugins) {
			opt.mode = m;
			return argv + optind + 1;
		}
	}
	die("usage: sweep -b PLUGINS [-j JOBS] [-s STEP] [-n CALL] [-l] [-v] kill|refuse|vanish "
	    "[SUBJECT[:VERB[:warm|fresh]]]...");
}

int main(int argc, char **argv)
{
	char **patterns = parse(argc, argv);

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("no memory");
	for (unsigned int i = 0; i < subject_count; i++)
		sweep_subject(&subjects[i], patterns);
	printf("%u operations x %u points x %u defects\n", operations, points, defects);
	return defects > 0 || points == 0;
}
