/*
 * What the parts of the bench share. It measures whole processes, as a container runtime starts
 * them, side by side: ours, the reference plugins, and the floor (floor.c). It is no test: nothing
 * here passes or fails on time; a figure that is missed is printed with its cause.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct options {
	bool quick;	       /* few samples, smaller crowds, none of the reference's crowds */
	bool cpu;	       /* processor time of single calls, not what passes */
	const char *ours;      /* directory of our plugins */
	const char *reference; /* directory of the reference's plugins; NULL: not there */
	const char *later;     /* of a later release, for what that one has not; NULL: not there */
	const char *floor;     /* the program floor */
	const char *out;       /* directory for results */
};
extern struct options options;

/* Ends the bench: its own failure, or a plugin that does not do what is measured. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void sleep_ms(unsigned int ms);
uint64_t now_ns(void);

/* node.c: network namespaces that play nodes and pods. */

struct node {
	char name[16];
	int ns, mounts;
	unsigned int bridge; /* ifindex that the floor uses */
};

struct node *
node_new(const char *name); /* lo is up; the bench must be in the namespace it began in */
void node_enter(const struct node *n); /* what is started from now on is on this node */
void node_leave(void);
void node_join(const struct node *a, const char *a_addr, const struct node *b,
	       const char *b_addr);   /* by a veth pair */
void node_wire(const struct node *n); /* a veth w0, up: the node's interface to its wire */
/* Can a plugin of this name, "macvlan" say, make on its w0 what it makes? */
bool node_has_kind(const struct node *n, const char *kind);
void node_address(const struct node *n, const char *link, const char *address);
void node_route(const struct node *n, const char *dst, const char *via);
unsigned int node_ports(const struct node *n); /* veth ends in bridges */
unsigned int pods_new(unsigned int count);     /* the first of count namespaces /run/netns/podN */
void pod_enter(unsigned int pod);
void pod_introduce(const struct node *n,
		   unsigned int pod); /* pod and bridge need no ARP for each other */

/* subject.c: who is measured, and how each is called. */

enum op { OP_ADD, OP_DEL, OP_CHECK, OP_GC, OP_STATUS, OP_VERSION };

struct subject {
	const char *plugin; /* name of the program; NULL: the floor */
	const char *dir;    /* where it is; NULL: the floor */
	const char *conf;   /* of the network; NULL: the floor */
	struct node *node;
	bool masq;	  /* the floor's transaction */
	const char *part; /* the floor of a plugin in a chain, or of "all"; NULL: of bridge alone */
	const char *wire; /* the plugin that does with w0 (node_wire()) what the floor does;
			     NULL: a veth on a bridge */
};

#define CALL_TEXT 8192
#define CALL_ARGS 24

struct call {
	char path[256];
	char *argv[CALL_ARGS];
	char *envp[CALL_ARGS];
	const char *in; /* standard input, borrowed; NULL: none */
	const struct node *node;
	char text[CALL_TEXT]; /* arguments and environment */
	size_t used;
};

void call_of(const struct subject *s, enum op op, unsigned int pod, struct call *c);
void call_arg(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void call_env(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void floor_call(const struct node *n, const char *mode, struct call *c); /* arguments follow */

/*
 * The configuration of a kind of network, for one node: its leases lie in a directory of their own.
 * Returns static text.
 */
enum network {
	NET_BRIDGE,
	NET_BRIDGE_MASQ,
	NET_BRIDGE_IPV6,
	NET_PTP,
	NET_BASH,
	NET_LOOPBACK,
	NET_MACVLAN,
	NET_IPVLAN,
	NET_VLAN,
	NET_HOST_DEVICE,
	NET_TAP
};
const char *network_conf(enum network kind, const char *name, const char *data_dir,
			 const char *version);

/*
 * A node with a bridge of this network on which one pod rests, so that the bridge and the tables
 * are there. Returns the pod.
 */
unsigned int subject_settle(const struct subject *s);

/* call.c: running. */

struct sample {
	uint64_t ns;
	long faults; /* minor */
};

struct running {
	pid_t pid;
	int out;
	uint64_t begin, ns;
};

void call_start(const struct call *c, struct running *r);
/*
 * Wait for all; the time from the first one's start to the last one's end. A call that fails ends
 * the bench with what it said.
 */
uint64_t calls_wait(struct running *r, unsigned int count);
struct sample call_run(const struct call *c);
/* The same, with what it said. */
uint64_t call_answer(const struct call *c, char *said, size_t size);
int call_try(const struct call *c, char *said, size_t size); /* the exit status */
struct sample subject_run(const struct subject *s, enum op op, unsigned int pod);
/* ADD; what it said, as a runtime hands it to the next plugin. */
void subject_result(const struct subject *s, unsigned int pod, char *said, size_t size);
/* Pods first..first+count-1 at once; ns of the lot. With each, the times of the single calls. */
uint64_t subject_crowd(const struct subject *s, enum op op, unsigned int first, unsigned int count);

/*
 * chain.c: bridge, portmap with two ports, firewall, bandwidth and tuning, called one after the
 * other as a runtime does, each with the result of the one before. The floor's are five programs,
 * too, or one.
 */

#define CHAIN_RESULT 4096

struct chain {
	const char *dir; /* of the plugins; NULL: the floor */
	bool one;	 /* the floor's, in one program */
	struct node *node;
	char result[CHAIN_RESULT]; /* of the last ADD: its DEL needs it */
};

/* Made on the node that the bench is given, with one pod that rests. */
void chain_settle(struct chain *c, const char *dir, const char *node);
/* The time of the calls, without what is between them. */
uint64_t chain_run(struct chain *c, enum op op, unsigned int pod);
/*
 * The chains of pods first..first+count-1 at once; ns of the lot. results: of each pod, filled by
 * ADD, read by DEL; memory that processes share (chain_results()).
 */
typedef char chain_result[CHAIN_RESULT];
chain_result *chain_results(unsigned int count);
uint64_t chain_crowd(const struct chain *c, enum op op, unsigned int first, unsigned int count,
		     chain_result *results);

/*
 * reference.c: rules as the reference leaves them of so many pods, with so many ports each from
 * REFERENCE_FIRST_PORT on (0: none; else portmap has attached one before, which makes its chains),
 * and as its firewall does (behind one that it has attached).
 */
#define REFERENCE_FIRST_PORT 40000u
bool reference_has_iptables(void);
void reference_pods(const struct node *n, unsigned int pods, unsigned int ports);
void reference_accepts(const struct node *n, unsigned int pods);

/* trace.c: one call under ptrace(2). */

struct cost {
	unsigned long calls;	/* system calls of all its processes */
	unsigned int processes; /* executions */
	unsigned long peak_kib; /* VmHWM of the largest process, with the parts of its file */
	unsigned long own_kib;	/* RssAnon at its end: what no other process shares */
	long faults;
};
struct cost call_trace(const struct call *c);

/* stats.c */

#define SAMPLES_MAX 2000

struct series {
	unsigned int count;
	uint64_t ns[SAMPLES_MAX];
};

struct stat_of {
	unsigned int count; /* 0: not measured */
	/* Milliseconds, or the row's unit. p10 is of a quiet moment, also of a busy machine. */
	double median, p10, p99;
};

void series_add(struct series *s, uint64_t ns);
struct stat_of series_ms(struct series *s);
double series_at(struct series *s, unsigned int percent); /* such as the 75th of a hundred */
struct stat_of value_of(double v);			  /* a single measurement */

/* report.c */

enum limit { AT_MOST, AT_LEAST, FOR_INFORMATION };

struct row {
	const char *what;
	const char *unit; /* NULL: ms */
	struct stat_of ours, floor, reference;
	bool plot;
};

/* Begin a row; its figures follow. Returned pointer is static until the next row. */
void report_row(const struct row *r);
/*
 * "ours / floor" 1.31, at most 1.5. Returns false when it is missed. Musts are about the time that
 * passes: of processor times none is judged.
 */
bool report_figure(const char *what, double value, enum limit limit, double must);
void report_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void report_skip(const char *what, const char *why);
void report_end(void); /* the summary, bench.json and the data of the plot */

/* why.c: one call under strace, into the report: which system calls take the time. */
void why_slow(const struct call *c);

/* packets.c: two ways through nodes. */

struct place {
	const struct node *node; /* NULL: the pod */
	unsigned int pod;
};

struct way {
	struct place client, server;
	const char *address; /* that the client connects to, by IPv4 */
	uint16_t port;
	pid_t pid; /* of the server's process */
	unsigned int lost;
};

/* What the two were in the same rounds. */
struct pairs {
	struct series few, many, ratio;
};

struct duel {
	struct way few, many;
	struct pairs connections, trips;
};

struct duel_names {
	const char *few, *many; /* "1 pod" */
};

void way_serve(struct way *w, uint16_t port); /* TCP, until duel_end() */
void duel_round(struct duel *d, unsigned int round, unsigned int connections, unsigned int trips);
/* reference: of no rounds when it was not measured. */
void duel_report(const struct duel_names *n, struct duel *ours, struct duel *reference);
void duel_end(struct duel *d);

/* Rows. */
void rows_single(void);
void rows_wire(void);
void rows_veth_host(void);
void rows_dhcp(void);
void rows_full_node(void);
void rows_crowd(void);
void rows_chain(void);
void rows_five(void);
void rows_ptp(void);
void rows_packets(void);
void rows_start(void);
void rows_node_up(void);
/*
 * Part of rows_full_node(): a node with a pod or two, and one with as many as said, of which
 * many_pod is measured.
 */
void rows_connections(const struct subject *few, const struct subject *many, unsigned int pods,
		      unsigned int many_pod);

/* The same node: ours, with the configuration for GC and these pods attached, and the floor. */
void rows_gc(const struct subject *ours, const struct subject *floor, unsigned int first,
	     unsigned int count);

#endif
