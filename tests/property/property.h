/*
 * Whatever ADD accepts, the pod has exactly what the result says, and CHECK right after it
 * succeeds; DEL leaves nothing, and neither does an ADD that is refused. property.c says how it is
 * tried, knobs.c what is tried; a new plugin is one line in tried.c.
 *
 * The verdict rests on a reader of the kernel (kernel.c) and of results (answer.c) of the test's
 * own: nothing of src/ is used.
 */
#ifndef PROPERTY_H
#define PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* ---- knobs.c: a configuration is a row of small numbers, 0 the plainest choice of each ---- */

enum knob {
	PLUGIN,
	VERSION,
	IN_POD,
	LIKE_FORMER, /* the configuration of the attachment before, for this one */
	IPAM,
	FAMILY,
	RANGE,
	GATEWAY,
	BRIDGE,
	MASQ,
	HAIRPIN,
	PROMISC,
	ISOLATED,
	DOWN,
	VLAN,
	KEEP_VLAN,
	MTU,
	MAC,
	WANTED,
	DNS,
	ROUTE,
	ROUTE_DST,
	ROUTE_GW,
	ROUTE_MTU,
	ROUTE_ADVMSS,
	ROUTE_PRIORITY,
	ROUTE_TABLE,
	ROUTE_SCOPE,
	GIVEN_VERSION,
	GIVEN_IFACE,
	GIVEN_GATEWAY,
	IPV6_OFF,
	KNOBS
};

enum { IPAM_LOCAL, IPAM_GIVEN, IPAM_NONE };
enum { V4, V6, V4_V6, V6_V4, V4_V4 };
enum { GW_NONE, GW_IS, GW_DEFAULT };

/* name is what the list of known faults and the output call it; values NULL: yes or no. */
struct knob_info {
	const char *name;
	const char *const *values;
	unsigned int count;
	unsigned int often; /* of 16 choices, how many are not 0 */
};

extern const struct knob_info knobs[KNOBS];

/* Reads "name" (any but 0) or "name=value"; -1: no such knob or value. *value -1: any but 0. */
int knob_find(const char *text, int *value);

#define ATTACHMENTS_MAX 6

struct attachment {
	uint8_t knob[KNOBS];
	unsigned int number;  /* in its test, from 0: names and subnets go by it */
	unsigned int network; /* whose configuration it has */
	char pod[4];
	char ifname[8];
	bool first_in_pod;
};

struct test {
	uint64_t seed;
	unsigned int count;
	struct attachment at[ATTACHMENTS_MAX];
};

/* The test of a seed; mask: which of those in tried.c to choose from. */
void test_generate(struct test *t, uint64_t seed, uint64_t mask);
/* Sets what follows from the knobs: numbers, names of interfaces, copies of configurations. */
void test_settle(struct test *t);
void test_print(FILE *f, const struct test *t);

/* ---- tried.c ---- */

enum {
	HAS_BRIDGE = 1, /* bridge, isGateway, promiscMode, portIsolation, the pod's interface down;
			   where the kernel has them, VLANs */
	HAS_IPAM = 2,
	HAS_MTU = 4,
	HAS_MAC = 8,
	HAS_MASQ = 16,
	HAS_HAIRPIN = 32,
	HAS_SUBNET = 64, /* the key "subnet", and no IPAM plugin */
	HAS_ARGS = 128,	 /* MAC and IP from the runtime */
	IS_LOOPBACK = 256,
	GATEWAY_ALWAYS = 512,
	OWN_ROUTES = 1024, /* reaches its gateways and subnets by routes that no result holds */
};

/* links: the interfaces of a result in order: b a bridge, h the host's end, p the pod's. */
struct tried {
	const char *name;
	const char *links;
	unsigned int has;
	const char *more; /* keys of its own, each followed by a comma */
	const char *kind; /* of links that a kernel may not have; NULL: none */
};

extern const struct tried tried[];
extern const unsigned int tried_count;
const struct tried *tried_of(const struct attachment *a);

/* ---- config.c: the text of a configuration ---- */

#define CONFIG_SIZE 4096

const char *version_of(const struct attachment *a);
int version_number(const struct attachment *a); /* 0.3.1 is 31, 1.1.0 is 110 */
void config_bridge(const struct attachment *a, char out[static 16]);
/* prev: the result to carry as prevResult, or NULL. */
void config_write(const struct attachment *a, const char *prev, char *text, size_t size);
void config_args(const struct attachment *a, char *text, size_t size); /* CNI_ARGS */
extern const char config_mac[]; /* the one that is asked for */
unsigned int config_mtu(const struct attachment *a);
extern bool vlans_tried; /* this kernel's bridges have them */
bool config_down(const struct attachment *a);
/* The interfaces of its result, as struct tried has them; g: the node's in the VLAN. */
void config_links(const struct attachment *a, char out[static 8]);
/* The name of that. */
void config_gateway(const struct attachment *a, char out[static 16]);
unsigned int config_routes(const struct attachment *a); /* that are asked for */

/* ---- answer.c: an answer as it was printed ---- */

struct ip {
	int family; /* 0: none */
	uint8_t bytes[16];
	unsigned int len;
};

#define ROUTES_MAX 32

/* -1: not said */
struct route {
	struct ip dst, gw;
	int64_t mtu, advmss, priority, table, scope;
	int index; /* the kernel's: of the interface */
};

struct answer_iface {
	char name[16], mac[20], sandbox[64];
	int64_t mtu;
};

struct answer {
	char version[16], msg[512];
	int64_t code; /* of an error object, -1: none */
	struct answer_iface ifaces[8];
	unsigned int iface_count;
	struct {
		struct ip address, gateway;
		int64_t iface;
	} ips[8];
	unsigned int ip_count;
	struct route routes[ROUTES_MAX];
	unsigned int route_count;
};

bool answer_read(const char *text, struct answer *out); /* false: no JSON object */
bool ip_parse(const char *text, struct ip *out);
bool ip_equal(const struct ip *a, const struct ip *b);
const char *ip_text(const struct ip *ip); /* one of four buffers */

/* ---- kernel.c: what there is in a network namespace ---- */

struct link_seen {
	int index, peer, master;
	bool up;
	unsigned int mtu;
	char name[16], mac[20];
};

struct kernel {
	struct link_seen links[64];
	unsigned int link_count;
	struct {
		struct ip ip;
		int index;
	} addrs[64];
	unsigned int addr_count;
	struct route routes[64]; /* those that somebody has set */
	unsigned int route_count;
};

int kernel_open(void); /* a socket in the network that we are in */
void kernel_read(int fd, struct kernel *out);
const struct link_seen *kernel_link(const struct kernel *k, const char *name);

/* ---- call.c: one call of a plugin ---- */

struct plugin_call {
	pid_t pid;
	int out;
	int status; /* exit status, or -1: killed */
	bool hung;  /* and by us */
	char text[16384];
};

void call_start(struct plugin_call *c, const struct attachment *a, const char *command,
		const char *prev);
void call_end(struct plugin_call *c);
int given_main(void); /* the IPAM plugin "given": prints what the configuration holds */

/* ---- judge.c ---- */

/* class: a word that the list of known faults goes by. */
typedef void complain_fn(const struct attachment *a, const char *class, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* True: a route of the result is there as that of another interface, which had it first. */
bool judge_attachment(const struct attachment *a, const struct answer *r, const struct kernel *pod,
		      const struct kernel *host, complain_fn *complain);

/* ---- trial.c: one test ---- */

#define COMPLAINTS_MAX 64

struct complaint {
	struct attachment at;
	char class[24], text[256];
};

struct outcome {
	struct complaint complaint[COMPLAINTS_MAX];
	unsigned int count;
	bool dirty; /* the host is not as before */
};

void host_begin(void); /* a host for this process */
/* Fills *o. The host must be as host_begin() has made it, and is again unless o->dirty. */
void test_run(const struct test *t, struct outcome *o);

/* ---- shrink.c ---- */

/* The first complaint of this class, or of any (NULL), that is not known; NULL: none. */
const struct complaint *outcome_unknown(const struct outcome *o, const char *class);

/*
 * Makes the test smaller as long as it fails in this way, and prints it; the complaint is known
 * then. shared: memory that is this process's and its children's. one_plugin: the plugins
 * stay as they are.
 */
void report(const struct test *t, const struct complaint *complaint, bool one_plugin,
	    struct outcome *shared);

/* ---- known.c: what is known, by class and knobs ---- */

#define KNOWN_MAX 96

void known_read(const char *path);
void known_add(const struct complaint *c); /* its class, with all its knobs */
/* The line of the list that covers this, or -1. */
int known_line(const struct attachment *a, const char *class);
const char *known_text(int line); /* NULL: there are no more */
int known_plugin(int line);	  /* the only one that it is about, or -1 */

#endif
