/*
 * Tests of random attachments: each has a seed, a host as new, up to six attachments of two pods. A
 * test that fails is made smaller knob by knob, and printed with its seed and its configurations.
 *
 * usage: property -b PLUGINS [-k KNOWN] [-u] [-v] [-p PLUGIN]... [-j N] [-n CONFIGURATIONS]
 * [-s SEED] [SEED]... With SEEDs these alone run. Ends with a count; the status is 1 if anything
 * unknown was found, or, with -u, if a line of the list of known faults excused nothing.
 */
#include "property.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../faults/sweep.h"

#define TESTS_PER_HOST 64
#define JOBS_MAX 16

/* Shared by all processes; each count is added to atomically. */
static struct shared {
	struct outcome small[JOBS_MAX]; /* for each worker's reports */
	uint64_t next;			/* seed */
	unsigned long tests, configurations, refused, known, defects;
	unsigned long met[KNOWN_MAX];
} * shared;

static struct {
	uint64_t first, plugins;
	unsigned long wanted, defects;
	unsigned int jobs;
	bool verbose;
	bool all_known;	 /* each line of the list of known faults is to be met */
	uint64_t *seeds; /* or these alone */
	unsigned int seed_count;
} options = { .first = 1, .wanted = 2000, .defects = 40, .jobs = 2 };

static void add_to(unsigned long *count, unsigned long n)
{
	__atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

static void count_outcome(const struct test *t, const struct outcome *o)
{
	for (unsigned int i = 0; i < o->count; i++) {
		int line = known_line(&o->complaint[i].at, o->complaint[i].class);

		add_to(&shared->refused, strcmp(o->complaint[i].class, "refused") == 0);
		if (line >= 0 && line < KNOWN_MAX)
			add_to(&shared->met[line], 1);
		add_to(&shared->known, line >= 0);
	}
	add_to(&shared->tests, 1);
	add_to(&shared->configurations, t->count);
}

static bool next_seed(uint64_t *seed)
{
	uint64_t n = __atomic_fetch_add(&shared->next, 1, __ATOMIC_RELAXED);

	if (options.seed_count) {
		*seed = n < options.seed_count ? options.seeds[n] : 0;
		return n < options.seed_count;
	}
	*seed = options.first + n;
	return shared->configurations < options.wanted && shared->defects < options.defects;
}

/* The tests of one host; the status says whether there are more, and a defect ends the host. */
static int worker(unsigned int number)
{
	static struct outcome o;
	const struct complaint *c;
	struct test t;
	uint64_t seed;

	host_begin();
	for (unsigned int i = 0; i < TESTS_PER_HOST; i++) {
		if (!next_seed(&seed))
			return 0;
		test_generate(&t, seed, options.plugins);
		test_run(&t, &o);
		count_outcome(&t, &o);
		while ((c = outcome_unknown(&o, NULL)) != NULL) {
			add_to(&shared->defects, 1);
			report(&t, c, !(options.plugins & 1), &shared->small[number]);
		}
		if (o.dirty)
			break;
	}
	return 1;
}

/* A chain of hosts, one after the other: what a process holds goes with it. */
static void chain(unsigned int number)
{
	int status;

	do {
		pid_t pid = host_fork();

		if (pid == 0)
			_exit(worker(number));
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	} while (WIFEXITED(status) && WEXITSTATUS(status) == 1);
	_exit(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}

static bool run_all(void)
{
	bool well = true;
	int status;

	for (unsigned int i = 0; i < options.jobs; i++)
		if (fork() == 0)
			chain(i);
	while (wait(&status) > 0)
		well = well && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return well;
}

static uint64_t plugin_bit(const char *name)
{
	for (unsigned int i = 0; i < tried_count; i++)
		if (strcmp(tried[i].name, name) == 0)
			return 1ull << i;
	die("there is no plugin %s here", name);
}

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "b:k:p:j:n:s:d:uv")) != -1) {
		switch (c) {
		case 'b':
			plugins = optarg;
			break;
		case 'k':
			known_read(optarg);
			break;
		case 'p':
			options.plugins |= plugin_bit(optarg);
			break;
		case 'j':
			options.jobs = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			options.wanted = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			options.defects = strtoul(optarg, NULL, 10);
			break;
		case 'u':
			options.all_known = true;
			break;
		case 'v':
			options.verbose = true;
			break;
		case 's':
			options.first = strtoull(optarg, NULL, 10);
			break;
		default:
			exit(2);
		}
	}
	if (!plugins || !options.jobs || options.jobs > JOBS_MAX)
		die("usage: property -b PLUGINS [-k KNOWN] [-p PLUGIN]... [-j 1..%d] [-n COUNT] "
		    "[-s SEED] [SEED]...",
		    JOBS_MAX);
	if (!options.plugins)
		options.plugins = (1ull << tried_count) - 1;
	options.seed_count = (unsigned int)(argc - optind);
	options.seeds = calloc(options.seed_count + 1, sizeof(*options.seeds));
	for (unsigned int i = 0; i < options.seed_count; i++)
		options.seeds[i] = strtoull(argv[optind + (int)i], NULL, 10);
}

static void drop_what_the_kernel_lacks(void)
{
	for (unsigned int i = 0; i < tried_count; i++) {
		if (!(options.plugins >> i & 1) || !tried[i].kind || kernel_has(tried[i].kind))
			continue;
		printf("%s is not tried: this kernel has no links of kind %s\n", tried[i].name,
		       tried[i].kind);
		options.plugins &= ~(1ull << i);
	}
}

static bool may_be_met(int line)
{
	int plugin = known_plugin(line);

	return plugin < 0 || options.plugins >> plugin & 1;
}

/* A line that nothing needs any more would hide the next fault. */
static bool tell_known(void)
{
	bool all = true;

	for (int i = 0; known_text(i); i++) {
		if (options.verbose)
			printf("%6lu x %s\n", shared->met[i], known_text(i));
		if (options.all_known && !shared->met[i] && may_be_met(i)) {
			printf("UNMET: the line \"%s\" of the known faults excuses nothing\n",
			       known_text(i));
			all = false;
		}
	}
	return all;
}

int main(int argc, char **argv)
{
	bool well, met;

	if (strcmp(program_invocation_short_name, "given") == 0)
		return given_main();
	read_options(argc, argv);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("memory: %s", strerror(errno));
	vlans_tried = kernel_has("bridge vlan_filtering 1");
	if (!vlans_tried)
		printf("VLANs are not tried: this kernel's bridges have none\n");
	drop_what_the_kernel_lacks();
	fflush(stdout);
	well = run_all();
	met = tell_known();
	if (!well)
		printf("DEFECT: a process of the test died\n");
	printf("%lu configurations in %lu tests, %lu refused, %lu known complaints, %lu defects\n",
	       shared->configurations, shared->tests, shared->refused, shared->known,
	       shared->defects);
	return !well || !met || shared->defects > 0 || shared->configurations == 0;
}
