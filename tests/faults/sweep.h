/*
 * What the parts of the sweep share: see sweep.c for what it is, subjects.c for the table that a
 * new plugin joins.
 */
#ifndef FAULTS_SWEEP_H
#define FAULTS_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* ---- subjects.c: what is swept ---- */

enum verb { ADD, DEL, CHECK, GC, VERBS };
extern const char *const verb_names[VERBS];

/*
 * A plugin has a config, and speaks the protocol; any other program has a command line for each
 * verb, where %s is the pod. verbs: those that are swept, of those that it has.
 */
struct subject {
	const char *name;
	const char *program; /* in the folder of plugins; with a config */
	const char *config;
	const char *lines[VERBS]; /* without a config */
	unsigned int
		first_port; /* with lines: each pod asks for a host port of its own, from here on */
	const char *verbs;  /* "ADD DEL" */
	bool stays; /* a complete ADD and DEL leave something by design, and so may a part of one */
	bool loopback;	  /* CNI_IFNAME is lo */
	bool resident;	  /* ADD stays until SIGTERM, which it gets when it has nothing to do */
	bool alone;	  /* a second pod cannot have the same */
	bool lends;	  /* alone, a link of the node, which ends with the pod's namespace */
	const char *kind; /* of links that a kernel may not have; NULL: none */
	bool legacy;	  /* the host has legacy tables of iptables, whose FORWARD drops */
};

extern const struct subject subjects[];
extern const unsigned int subject_count;

#define POD "a" /* the swept attachment's namespace, in /run/netns, and its neighbour's */
#define NEIGHBOUR "b"

bool subject_has(const struct subject *s, enum verb v);
bool subject_has_pod(const struct subject *s);
void subject_files(void);

/* ---- command.c: how a subject is called ---- */

struct command {
	char *argv[16];
	char *env[16];
	const char *input;
	bool resident;	    /* is told to end when it waits for what may never come */
	char text[1 << 16]; /* what argv, env and input point into */
	size_t used;
};

extern const char *plugins; /* the folder */

/* A plugin is given prev, the result of its ADD, at CHECK. no_netns: CNI_NETNS is empty. */
void command_make(struct command *c, const struct subject *s, enum verb v, const char *pod,
		  const char *prev, bool no_netns);

/* ---- trace.c: running one command, with one fault in it ---- */

enum fault_kind {
	FAULT_NONE,
	FAULT_KILL_BEFORE, /* SIGKILL to the process that is about to make the system call; it is
			      not carried out */
	FAULT_KILL_AFTER,
	FAULT_REFUSE,	      /* the call is not carried out and returns -errnum */
	FAULT_REFUSE_MESSAGE, /* one netlink message of the call's batch is not carried out and
				 answered with -errnum */
	FAULT_ACT,	      /* act() is called before the system call is carried out */
};

struct fault {
	enum fault_kind kind;
	unsigned int call; /* counted from 0 over all processes of the command */
	unsigned int message;
	int errnum;
	bool forever; /* also all later calls of this number, or messages of this type */
	void (*act)(void);
};

#define CALLS_MAX 8192

struct call {
	int nr;
	unsigned int messages; /* netlink messages in a sendto() */
	bool to_stdout;	       /* a write() of the answer */
};

struct run {
	bool killed, hung;
	bool starved; /* ended by us, and neither its fault nor ours: nothing can be said */
	unsigned int restarts;
	int status; /* exit status, when not killed */
	unsigned int calls;
	int last;	     /* the number of the last one */
	struct call *trace;  /* CALLS_MAX of them, or NULL */
	unsigned int hits;   /* how often the fault struck */
	int struck;	     /* the number of the call that it struck first */
	bool answer_refused; /* a write() to stdout or stderr was among them */
	char out[1 << 15], err[1 << 15];
};

/* Runs the command to its end, and that of everything it has started. */
void trace_run(const struct command *c, const struct fault *f, struct run *r);

/* ---- errnos.c: which errors fit which system call ---- */

#define ERRNOS_MAX 6

/* None: the call cannot fail, or nobody looks. *name is never NULL. */
unsigned int errnos_of(int nr, const int **out, const char **name);
bool errno_repeats(int errnum); /* makes sense for good */

/* ---- host.c: disposable hosts ---- */

/*
 * fork(), with processes of its own, because what one host's DEL searches for must not be found on
 * another: the child is to make a host. It ends with its parent. Exits on failure.
 */
pid_t host_fork(void);

/* A host for this process: network and mounts of its own, pods a and b. Exits on failure. */
void host_make(void);
void host_legacy(void);		   /* its subject's are such */
void host_cover(const char *path); /* by an empty folder */
void pod_make(const char *name);
void pod_remove(const char *name);
bool pod_there(const char *name);
int pod_run(const char *name, int (*fn)(const char *arg),
	    const char *arg);	   /* fn inside its network */
bool kernel_has(const char *kind); /* of links; tried in a network namespace that ends with it */
void file_write(const char *path, const char *text);
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- snapshot.c ---- */

struct snapshot {
	char text[1 << 18];
	size_t len;
	unsigned int line[4096]; /* offsets, so that a snapshot can be copied */
	unsigned int count;
};

/*
 * Links, addresses, routes, rules, neighbours and MACs that somebody has set, queueing disciplines,
 * nftables, leases, files, mounts, sysctls, and the pods' insides; sorted lines.
 */
void snapshot_take(struct snapshot *s);

/* The lines of what the kernel tells by itself, of the network namespace that we are in. */
void snapshot_netlink(struct snapshot *s, const char *prefix);
void snapshot_line(struct snapshot *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

extern bool snapshot_macs; /* those of bridges, which are not the same on two hosts */

/* What ip and nft print, as a hash: the second opinion, asked now and then, because it takes 30 ms.
 */
unsigned long long snapshot_by_tools(void);

/*
 * Differences as text, "" when there are none: "+" only in b, "-" only in a. A difference that
 * also has from a, too, is none.
 */
bool snapshot_diff_is_index(const char *diff);
const char *snapshot_diff(const struct snapshot *a, const struct snapshot *b,
			  const struct snapshot *also);

/* ---- point.c: one point of a sweep ---- */

enum mode { KILL, REFUSE, VANISH };
enum way { WAY_DEL, WAY_EMPTY, WAY_GONE, WAY_GC, WAY_REPEAT, WAYS }; /* what comes after a kill */
extern const char *const way_names[WAYS];

struct point {
	struct fault fault;
	enum way way;
};

/*
 * One operation in one setting; base, after and cycle are the host before, after the verb, and
 * after verb and DEL.
 */
struct operation {
	const struct subject *subject;
	enum verb verb;
	bool fresh; /* no bridge and no neighbour */
	enum mode mode;
	struct snapshot base, after, cycle;
	unsigned long long tools; /* what ip and nft say of base */
};

/*
 * Prepare this process's host; with learn, also run the whole cycle once and learn after and cycle.
 * False: the cycle itself leaks.
 */
bool operation_begin(struct operation *o, bool learn, struct call *trace, unsigned int *calls);

/*
 * 0: as it should be, 1: a defect, which is printed; -1: the call was not reached, or nothing can
 * be said.
 */
int point_run(struct operation *o, const struct point *p);
extern bool point_verbose;
extern unsigned int undo_refused; /* ADDs that could not undo what they had done, because that was
				     refused as well */

#endif
