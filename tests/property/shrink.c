/* A test that fails, made smaller: fewer attachments, plainer choices, as long as it fails in the
 * same way. */
#include "property.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../faults/sweep.h"

#define ROUNDS 4

static struct outcome *last; /* of the run of another process */
static bool keep_plugin;

const struct complaint *outcome_unknown(const struct outcome *o, const char *class)
{
	for (unsigned int i = 0; i < o->count; i++) {
		const struct complaint *c = &o->complaint[i];

		if ((!class || strcmp(c->class, class) == 0) && known_line(&c->at, c->class) < 0)
			return c;
	}
	return NULL;
}

/* The test on a host of its own; false: it does not fail in this way. */
static bool fails(const struct test *t, const char *class)
{
	pid_t pid = host_fork();

	if (pid == 0) {
		host_begin();
		test_run(t, last);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return outcome_unknown(last, class);
}

static bool try_without(struct test *t, unsigned int i, const char *class)
{
	struct test less = *t;

	less.count--;
	memmove(&less.at[i], &less.at[i + 1], (less.count - i) * sizeof(less.at[0]));
	test_settle(&less);
	if (less.count == 0 || !fails(&less, class))
		return false;
	*t = less;
	return true;
}

static bool try_plainer(struct test *t, unsigned int i, int knob, const char *class)
{
	struct test less = *t;

	if (!less.at[i].knob[knob] || (knob == PLUGIN && keep_plugin))
		return false;
	less.at[i].knob[knob] = 0;
	test_settle(&less);
	if (less.at[i].knob[knob]) /* the other choices ask for it */
		return false;
	if (!fails(&less, class))
		return false;
	*t = less;
	return true;
}

/* Two choices may bring back one another: the rounds have an end. */
static void shrink(struct test *t, const char *class)
{
	bool smaller = true;

	for (int round = 0; smaller && round < ROUNDS; round++) {
		smaller = false;
		for (unsigned int i = t->count; i-- > 0;)
			smaller = try_without(t, i, class) || smaller;
		for (unsigned int i = 0; i < t->count; i++)
			for (int k = 0; k < KNOBS; k++)
				smaller = try_plainer(t, i, k, class) || smaller;
	}
}

void report(const struct test *t, const struct complaint *complaint, bool one_plugin,
	    struct outcome *shared)
{
	static char text[1 << 15];
	struct complaint c = *complaint;
	struct test small = *t;
	FILE *f = fmemopen(text, sizeof(text), "w");
	char config[CONFIG_SIZE], args[160];

	last = shared;
	keep_plugin = one_plugin;
	if (fails(&small, c.class)) {
		shrink(&small, c.class);
		fails(&small, c.class);
		c = *outcome_unknown(last, c.class);
	}
	fprintf(f, "DEFECT seed %llu: %s: %s\n", (unsigned long long)t->seed, c.class, c.text);
	test_print(f, &small);
	for (unsigned int i = 0; i < small.count; i++) {
		config_write(&small.at[i], NULL, config, sizeof(config));
		config_args(&small.at[i], args, sizeof(args));
		fprintf(f, "    CNI_IFNAME=%s CNI_ARGS='%s' %s\n", small.at[i].ifname, args,
			config);
	}
	fclose(f);
	fputs(text, stdout);
	fflush(stdout);
	known_add(&c);
}
