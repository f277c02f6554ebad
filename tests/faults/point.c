/*
 * One point of a sweep: prepare, run the command with its fault, recover as a runtime would,
 * compare.
 *
 * What must hold. After a kill: DEL, GC or the command again succeeds and the host is as before.
 * After a refusal: a plugin's ADD that fails prints an error and has left nothing by itself, unless
 * the refusal goes on and met its undo as well, and then after DEL; an ADD that succeeds is
 * complete. A DEL that succeeds has left nothing; one that fails does when it is repeated.
 */
#include "sweep.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_MS 600
#define PATIENCE_MS 6000  /* of what would be a defect: the kernel ends all namespaces in turn */
#define SECOND_OPINION 64 /* points between two */

const char *const way_names[WAYS] = { "DEL", "DEL with an empty CNI_NETNS", "DEL without namespace",
				      "GC", "again" };
bool point_verbose;
unsigned int undo_refused;

static struct run result; /* of the last command */
static char first_result[1 << 15];
static bool starved; /* one of this point's commands was */
static int struck;   /* the call of this point's fault */

static int run_verb(const struct subject *s, enum verb v, const char *pod, const struct fault *f)
{
	static const struct fault none = { .kind = FAULT_NONE };
	static struct command c;

	command_make(&c, s, v, pod, first_result, f == NULL);
	trace_run(&c, f ? f : &none, &result);
	starved |= result.starved;
	if (point_verbose)
		printf("# %s %s %s: %s %d\n%s%s", s->name, verb_names[v], pod,
		       result.killed ? "killed" : "status", result.status, result.out, result.err);
	if (v == ADD && result.status == 0)
		snprintf(first_result, sizeof(first_result), "%s", result.out);
	return result.status;
}

static int run_plainly(const struct subject *s, enum verb v, const char *pod)
{
	static const struct fault none = { .kind = FAULT_NONE };

	return run_verb(s, v, pod, &none);
}

static struct snapshot now;

/* What is different from wanted, when it has had time to settle; "" when nothing is. */
static const char *settled(const struct operation *o, const struct snapshot *wanted, int ms)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	const char *diff = "";
	bool healed = false;

	for (int i = 0; i < ms / 10; i++) {
		snapshot_take(&now);
		diff = snapshot_diff(wanted, &now,
				     o->fresh && wanted != &o->after ? &o->cycle : NULL);
		if (!*diff)
			break;
		if (wanted == &o->after && snapshot_diff_is_index(diff))
			return "";
		if (!healed && snapshot_diff_is_index(diff)) {
			healed = true;
			run_plainly(o->subject, DEL, "x");
			continue;
		}
		nanosleep(&pause, NULL);
	}
	return diff;
}

/*
 * The last address given moves with each ADD, and would make each one different. It is written in
 * place, because the store watches its directory's time.
 */
#define SAVED_MAX 8
static struct {
	char path[256], text[64];
} saved[SAVED_MAX];
static unsigned int saved_count;

static int save(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	FILE *f;

	(void)st;
	if (type != FTW_F || strncmp(path + ftw->base, "last_reserved_ip.", 17) != 0)
		return 0;
	f = fopen(path, "re");
	if (!f || saved_count == SAVED_MAX ||
	    !fgets(saved[saved_count].text, sizeof(saved[0].text), f))
		die("save %s", path);
	fclose(f);
	snprintf(saved[saved_count++].path, sizeof(saved[0].path), "%s", path);
	return 0;
}

static void rewind_leases(void)
{
	for (unsigned int i = 0; i < saved_count; i++)
		file_write(saved[i].path, saved[i].text);
}

static bool prepare(struct operation *o)
{
	rewind_leases();
	if (o->verb == ADD)
		return true;
	return run_plainly(o->subject, ADD, POD) == 0;
}

/* Afterwards everything that the operation was to do is undone. */
static int undo(const struct operation *o)
{
	const struct subject *s = o->subject;

	if (!subject_has(s, DEL) || s->loopback)
		return 0;
	return run_plainly(s, DEL, POD);
}

static bool learn_cycle(struct operation *o, struct call *trace, unsigned int *calls)
{
	const char *diff;

	result.trace = trace;
	if (!prepare(o) || (result.trace = trace, run_plainly(o->subject, o->verb, POD)) != 0) {
		printf("DEFECT %s %s fails without any fault: %s%s\n", o->subject->name,
		       verb_names[o->verb], result.out, result.err);
		return false;
	}
	if (calls)
		*calls = result.calls;
	result.trace = NULL;
	snapshot_take(&o->after);
	if (undo(o) != 0)
		return false;
	snapshot_take(&o->cycle);
	if (o->fresh || !subject_has(o->subject, DEL))
		return true;
	diff = settled(o, &o->base, PATIENCE_MS);
	if (*diff)
		printf("DEFECT %s %s leaves something without any fault\n%s", o->subject->name,
		       verb_names[o->verb], diff);
	return !*diff;
}

/* Where there can be one pod only, it has come and gone once, so that there is a last address. */
static void warm(const struct subject *s)
{
	bool one = s->alone || s->lends;

	if (subject_has_pod(s) && run_plainly(s, ADD, one ? POD : NEIGHBOUR) != 0)
		die("ADD of the neighbour: %s%s", result.out, result.err);
	if (subject_has_pod(s) && one && run_plainly(s, DEL, POD) != 0)
		die("DEL: %s%s", result.out, result.err);
}

bool operation_begin(struct operation *o, bool learn, struct call *trace, unsigned int *calls)
{
	host_make();
	if (o->subject->legacy)
		host_legacy();
	snapshot_macs = !o->fresh;
	if (!o->fresh) {
		warm(o->subject);
		usleep(50000); /* the kernel's own afterwork on new links */
	}
	snapshot_take(&o->base);
	o->tools = snapshot_by_tools();
	nftw("/var/lib/cni", save, 8, FTW_PHYS);
	if (!learn)
		return true;
	/* What is traced is like what is struck: not the first that sets what then stays. */
	if (trace && !o->fresh && !learn_cycle(o, NULL, NULL))
		return false;
	return learn_cycle(o, trace, calls);
}

static int defect(const struct operation *o, const struct point *p, const char *what,
		  const char *details)
{
	static const char *const kinds[] = { "",	"killed before",   "killed after",
					     "refused", "message refused", "namespace gone at" };
	const struct fault *f = &p->fault;
	const int *errnums;
	const char *name = NULL;

	if (starved)
		return -1;
	errnos_of(struck, &errnums, &name);
	printf("DEFECT %s:%s:%s %s call %u (%s)", o->subject->name, verb_names[o->verb],
	       o->fresh ? "fresh" : "warm", kinds[f->kind], f->call, name);
	if (f->kind == FAULT_REFUSE_MESSAGE)
		printf(" message %u", f->message);
	if (f->errnum)
		printf(" %s%s", strerrorname_np(f->errnum), f->forever ? " for good" : "");
	if (o->mode == KILL) /* each way has a name */
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
		printf(", then %s", way_names[p->way]);
	printf(": %s\n%s", what, details);
	return 1;
}

static int recover_gone(struct operation *o, unsigned int nth)
{
	int r;

	pod_remove(POD);
	if (nth & 1)
		usleep(60000); /* as a rule the kernel has taken the links away by then */
	r = run_verb(o->subject, DEL, POD, nth & 2 ? NULL : &(struct fault){ .kind = FAULT_NONE });
	pod_make(POD);
	return r;
}

static int recover_again(struct operation *o, const struct point *p)
{
	if (run_plainly(o->subject, o->verb, POD) != 0)
		return defect(o, p, "repeated, it fails", result.err);
	if (!o->subject->config && *settled(o, &o->after, PATIENCE_MS))
		return defect(o, p, "repeated, it does not end as it should",
			      settled(o, &o->after, SETTLE_MS));
	if (undo(o) != 0)
		return defect(o, p, "DEL fails", result.out);
	return 0;
}

static int recover(struct operation *o, const struct point *p)
{
	int r = 0;

	switch (p->way) {
	case WAY_DEL:
		r = undo(o);
		break;
	case WAY_EMPTY:
		r = run_verb(o->subject, DEL, POD, NULL);
		break;
	case WAY_GONE:
		r = recover_gone(o, p->fault.call);
		break;
	case WAY_GC:
		r = run_plainly(o->subject, GC, POD);
		break;
	case WAY_REPEAT:
	case WAYS:
		return recover_again(o, p);
	}
	return r ? defect(o, p, "it fails", result.out) : 0;
}

static int compare(struct operation *o, const struct point *p, const struct snapshot *wanted,
		   const char *what)
{
	const char *diff = settled(o, wanted, PATIENCE_MS);
	static unsigned int count;

	if (*diff)
		return defect(o, p, what, diff);
	/* A link that comes back stands behind the others in what ip prints. */
	if (wanted != &o->base || o->fresh || o->subject->lends || count++ % SECOND_OPINION ||
	    snapshot_by_tools() == o->tools)
		return 0;
	return defect(o, p, "ip and nft see a difference that the sweep does not", "");
}

static const struct snapshot * final(const struct operation *o)
{
	return subject_has(o->subject, DEL) ? &o->base : &o->cycle;
}

static int judge_killed(struct operation *o, const struct point *p)
{
	int r;

	if (!result.hits)
		return -1;
	r = recover(o, p);
	return r ? r : compare(o, p, final(o), "LEAK");
}

/* An error object of CNI, or a line of a program: what failed, in words. */
static bool says_why(const struct subject *s)
{
	const char *msg = strstr(result.out, "\"msg\":\"");

	if (!s->config)
		return strlen(result.err) > 10;
	return result.out[0] == '{' && strstr(result.out, "\"code\":") && msg && strlen(msg) > 20 &&
	       strcmp(result.out + strlen(result.out) - 2, "}\n") == 0;
}

static int judge_failed_add(struct operation *o, const struct point *p)
{
	const bool refused_too = p->fault.forever && result.hits > 1;
	const char *diff;

	if (!o->subject->config)
		return 0;
	diff = settled(o, &o->base, refused_too ? SETTLE_MS : PATIENCE_MS);
	if (*diff && refused_too) {
		undo_refused++;
		return 0;
	}
	return *diff ? defect(o, p, "the ADD that failed has left something", diff) : 0;
}

static int judge_failed(struct operation *o, const struct point *p)
{
	int r = 0;

	/* What stays and hears no signal, since that is refused, is killed by the tracer. */
	if (result.killed && !(o->subject->resident && p->fault.forever))
		return defect(o, p, "it crashed", result.err);
	if (!says_why(o->subject) && !result.answer_refused)
		return defect(o, p, "it does not say what failed", result.out);
	if (point_verbose)
		printf("SAYS %s%s", result.out, result.err);
	if (o->verb == ADD)
		r = judge_failed_add(o, p);
	else if (o->verb == CHECK)
		r = compare(o, p, &o->after, "CHECK has changed something");
	if (r == 0 && (o->verb == DEL || o->verb == GC || !subject_has_pod(o->subject)) &&
	    run_plainly(o->subject, o->verb, POD) != 0)
		r = defect(o, p, "repeated without the fault, it fails", result.out);
	return r;
}

/*
 * As many lines of each kind came as went, but for the index: another address was taken, because
 * the first could not be.
 */
static bool is_equivalent(const char *diff)
{
	int balance[128] = { 0 };

	for (; *diff; diff += strcspn(diff, "\n") + 1) {
		if (strncmp(diff + 5, " index", 6) == 0)
			continue;
		balance[diff[6] & 127] += diff[4] == '+' ? 1 : -1;
	}
	for (unsigned int i = 0; i < 128; i++)
		if (balance[i])
			return false;
	return true;
}

/* What stays tries again, so a refusal that is over has left nothing undone; one for good may. */
static int judge_done(struct operation *o, const struct point *p)
{
	bool add = o->verb == ADD, failing = o->subject->resident && p->fault.forever;
	const char *diff = failing ? "" : settled(o, &o->after, SETTLE_MS);

	if (*diff && !(add && is_equivalent(diff)))
		diff = settled(o, &o->after, PATIENCE_MS);
	if (*diff && !(add && is_equivalent(diff)))
		return defect(o, p,
			      add ? "the ADD that succeeded is not complete"
				  : "it succeeded, and its work is not done",
			      diff);
	if (add && subject_has(o->subject, CHECK) && run_plainly(o->subject, CHECK, POD) != 0)
		return defect(o, p, "CHECK fails after the ADD that succeeded", result.out);
	return 0;
}

static int judge_refused(struct operation *o, const struct point *p)
{
	int r;

	if (!result.hits)
		return -1;
	if (result.hung)
		return defect(o, p, "it hangs", result.err);
	r = result.status ? judge_failed(o, p) : judge_done(o, p);
	if (r)
		return r;
	if (undo(o) != 0)
		return defect(o, p, "DEL without faults fails", result.out);
	return compare(o, p, final(o), "LEAK after DEL");
}

static int judge_vanished(struct operation *o, const struct point *p)
{
	int status = result.status;

	if (!result.hits)
		return -1;
	if (result.killed || result.hung)
		return defect(o, p, "it crashed or hangs", result.err);
	if (status && !says_why(o->subject))
		return defect(o, p, "it does not say what failed", result.out);
	if (status && (o->verb == DEL || o->verb == GC))
		return defect(o, p, "it fails", result.out);
	pod_make(POD);
	if ((status && o->verb == ADD && o->subject->config) || o->verb == DEL)
		if (compare(o, p, &o->base, "LEAK"))
			return 1;
	if (undo(o) != 0)
		return defect(o, p, "DEL fails", result.out);
	return compare(o, p, final(o), "LEAK after DEL");
}

static void remove_pod(void)
{
	pod_remove(POD);
}

int point_run(struct operation *o, const struct point *p)
{
	struct fault f = p->fault;

	f.act = remove_pod;
	starved = false;
	if (!prepare(o))
		return defect(o, p, "the ADD before it fails", result.out);
	run_verb(o->subject, o->verb, POD, &f);
	struck = result.struck;
	switch (o->mode) {
	case KILL:
		return judge_killed(o, p);
	case REFUSE:
		return judge_refused(o, p);
	case VANISH:
		return judge_vanished(o, p);
	}
	return 0;
}
