/*
 * soak: thousands of detachments and attachments on one host, and nothing becomes more: no link,
 * rule, element, lease, file, mount, descriptor, and no time per call.
 *
 * All pods are attached, and then one after the other, chosen at random, is detached and attached
 * again. At the end of each block of cycles there must be as many of everything as after the first
 * round over all pods, every pod must pass CHECK, and when all have been detached the host must be
 * as before. Each ADD must give addresses of the subnets that nobody else has.
 *
 * Time is judged by the last block's medians beside the first one's, of each kind of call. What
 * has really grown has done so for the quickest calls as well, does not make a yardstick (times.h)
 * grow, and is still so in the next block; others on the machine do not do all of that.
 *
 * The host is a network and mount namespace of our own, so it needs root, and best a pid namespace
 * around it (tests/namespace).
 *
 * usage: soak -b PLUGINS [-p PODS] [-c CYCLES] [-k CYCLES-OF-A-BLOCK] [-r SEED] [-g GROWTH]
 *	GROWTH: how many times as long as in the first block a call may take at last; without it
 *	time is only shown, which is for short blocks on busy machines
 */
#include "soak.h"
#include "times.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define CONFIRMATIONS 5	    /* blocks, before growth is believed */
#define YARDSTICK 10	    /* cycles between two */
#define AFTERWORK_US 100000 /* the kernel's own, on links that have come or gone */
#define BIN "/opt/cni/bin"

static struct options {
	unsigned int pods, cycles, block;
	unsigned long long seed;
	double growth_max; /* 0: time is not judged */
} opt = { .pods = 110, .cycles = 10000, .block = 1000 };

static struct census empty, full, now;
static unsigned long long random_state;

/* Knuth's multiplier: all that is asked of it is that the seed says everything. */
static unsigned int random_below(unsigned int limit)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(random_state >> 33) % limit;
}

static void on_alarm(int sig)
{
	static const char text[] = "DEFECT a call hangs\n";

	(void)sig;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

static void parse(int argc, char **argv)
{
	int c;

	opt.seed = (unsigned long long)time(NULL) << 16 ^ (unsigned long long)getpid();
	while ((c = getopt(argc, argv, "b:p:c:k:r:g:")) != -1) {
		if (c == 'b')
			plugins = optarg;
		else if (c == 'p')
			opt.pods = (unsigned int)atoi(optarg);
		else if (c == 'c')
			opt.cycles = (unsigned int)atoi(optarg);
		else if (c == 'k')
			opt.block = (unsigned int)atoi(optarg);
		else if (c == 'r')
			opt.seed = strtoull(optarg, NULL, 0);
		else if (c == 'g')
			opt.growth_max = atof(optarg);
		else
			exit(2);
	}
	if (!plugins || argv[optind] || opt.pods < row_count || opt.block < YARDSTICK ||
	    opt.cycles < 2 * opt.block)
		die("usage: soak -b PLUGINS [-p PODS] [-c CYCLES] [-k CYCLES-OF-A-BLOCK] [-r SEED] "
		    "[-g GROWTH]");
	random_state = opt.seed;
}

/*
 * The folder of plugins may lie in a folder that is about to be covered. What the first attachment
 * makes for good is made now.
 */
static void make_host(void)
{
	host_make();
	if (mount(plugins, BIN, NULL, MS_BIND, NULL) < 0)
		die("bind %s: %s", plugins, strerror(errno));
	plugins = BIN;
	host_cover("/tmp");
	rows_files();
	lan_make();
	pods_make(opt.pods);
	for (unsigned int i = 0; i < row_count; i++) {
		pod_attach(&pods[i]);
		pod_detach(&pods[i]);
	}
}

static void expect_same(const struct census *wanted, const char *when)
{
	const char *difference = census_compare(wanted, &now);

	if (*difference)
		defect("%s there is not as much as before:\n%s", when, difference);
}

static void expect_all_attached(const char *when)
{
	expect_same(&full, when);
	for (unsigned int i = 0; i < pod_count; i++)
		pod_check(&pods[i]);
}

static void first_round(void)
{
	for (unsigned int i = 0; i < pod_count; i++)
		pod_attach(&pods[i]);
	for (unsigned int i = 0; i < pod_count; i++) {
		pod_detach(&pods[i]);
		pod_attach(&pods[i]);
	}
	times_yardstick("/run/netns/" POD);
	times_of_block();
	usleep(AFTERWORK_US);
	census_take(&full);
	expect_all_attached("after the first round");
	census_print(&full);
}

static void print_head(void)
{
	printf("%10s", "cycles");
	for (unsigned int r = 0; r < row_count; r++)
		printf(" %10s ADD      DEL", rows[r].subject.name);
	puts("  yardstick add    del  (medians, ms)");
}

static void print_medians(unsigned int cycles, const struct block_times *t)
{
	printf("%10u", cycles);
	for (unsigned int r = 0; r < row_count; r++)
		printf(" %14.2f %8.2f", t->median[2 * r + ADD_OF_ROW],
		       t->median[2 * r + DEL_OF_ROW]);
	printf(" %14.2f %6.2f\n", t->median[YARD_ADD], t->median[YARD_DEL]);
}

static struct block_times run_block(unsigned int from)
{
	struct block_times t;
	char when[64];

	for (unsigned int i = 0; i < opt.block; i++) {
		struct pod *p = &pods[random_below(pod_count)];

		pod_detach(p);
		pod_attach(p);
		if (i % YARDSTICK == 0)
			times_yardstick("/run/netns/" POD);
	}
	t = times_of_block();
	print_medians(from + opt.block, &t);
	snprintf(when, sizeof(when), "after %u cycles", from + opt.block);
	expect_all_attached(when);
	return t;
}

/* A yardstick that has become shorter proves nothing. */
static double grown(const double *first, const double *last, unsigned int series, unsigned int yard)
{
	double of_yard = last[yard] / first[yard];

	if (first[series] <= 0 || last[series] <= 0)
		return 1;
	return last[series] / first[series] / (of_yard > 1 ? of_yard : 1);
}

/*
 * The worst of all kinds of calls. What has grown has done so for the quick ones as well; others on
 * the machine only make the slow ones slower.
 */
static double growth(const struct block_times *first, const struct block_times *last)
{
	double worst = 0;

	for (unsigned int i = 0; i < 2 * row_count; i++) {
		double median = grown(first->median, last->median, ADD_OF_ROW + i, i % 2);
		double quick = grown(first->quick, last->quick, ADD_OF_ROW + i, i % 2);
		double g = median < quick ? median : quick;

		worst = g > worst ? g : worst;
	}
	return worst;
}

static bool has_grown(const struct block_times *first, const struct block_times *last)
{
	return opt.growth_max > 0 && growth(first, last) > opt.growth_max;
}

static unsigned int run_blocks(void)
{
	struct block_times first = { 0 }, last = { 0 };
	unsigned int done;

	print_head();
	for (done = 0; done + opt.block <= opt.cycles; done += opt.block) {
		last = run_block(done);
		if (done == 0)
			first = last;
	}
	for (unsigned int i = 0; i < CONFIRMATIONS && has_grown(&first, &last);
	     i++, done += opt.block)
		last = run_block(done);
	if (has_grown(&first, &last))
		defect("a call takes %.2f times as long as in the first block",
		       growth(&first, &last));
	printf("the last block's calls take at most %.2f times as long as the first one's\n",
	       growth(&first, &last));
	return done;
}

static void detach_all(void)
{
	const char *difference = "";

	for (unsigned int i = 0; i < pod_count; i++)
		pod_detach(&pods[i]);
	expect_same(&empty, "when all are detached");
	for (unsigned int ms = 0; ms < 10000; ms += 20) {
		census_take(&now);
		difference = snapshot_diff(&empty.snapshot, &now.snapshot, NULL);
		if (!*difference)
			return;
		usleep(20000);
	}
	defect("when all are detached the host is not as before:\n%s", difference);
}

int main(int argc, char **argv)
{
	unsigned int done;

	rows_choose();
	parse(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, on_alarm);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	printf("seed %llu\n", opt.seed);
	make_host();
	usleep(AFTERWORK_US);
	census_take(&empty);
	first_round();
	done = run_blocks();
	detach_all();
	printf("%u cycles over %u pods, nothing has grown\n", done, pod_count);
	return 0;
}
