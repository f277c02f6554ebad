/*
 * What the parts of the soak share: see soak.c for what it is, rows.c for the table that a new
 * plugin joins.
 */
#ifndef SOAK_SOAK_H
#define SOAK_SOAK_H

#include "../sweep.h"

#define PODS_MAX 250
#define SUBNETS_MAX 2
#define ROWS_MAX 15

/* ---- rows.c: what the pods are attached with ---- */

/* The subject is a plugin with its configuration, or cnitool with a list of plugins. */
struct row {
	struct subject subject;
	unsigned int share;   /* of the pods */
	const char *conflist; /* cnitool's; written to /etc/cni/sweep/NETWORK.conflist */
	const char *device;   /* each pod has one of the node, of this name with the pod's number */
	const char *network;  /* its leases are in /var/lib/cni/networks/NETWORK; NULL: elsewhere */
	const char *subnets[SUBNETS_MAX]; /* an address of each for each pod; the first one is the
					     gateway's */
};

/* Those of the table that this kernel has what they need for. */
extern struct row rows[];
extern unsigned int row_count;
void rows_choose(void);
const struct row *row_of(unsigned int pod); /* pods and rows are mixed by their shares */
void rows_files(void);

/* ---- lan.c: the bridge lan0 with a DHCP server, and the daemon that asks it ---- */

#define LAN_SUBNET "10.22.0.0/24"

/* Both end with this process, and are in process groups of their own. */
void lan_make(void);

/* ---- pods.c ---- */

struct address {
	char text[64];
	unsigned int prefix;
};

struct pod {
	char name[16];
	const struct row *row;
	bool attached;
	struct address address[SUBNETS_MAX];
	char owner[256]; /* what its lease files say */
	char result[1 << 13];
};

extern struct pod pods[PODS_MAX];
extern unsigned int pod_count;

void pods_make(unsigned int count);
/*
 * Each ends the soak where the call fails, leaves a process, or gives an address that is outside of
 * the subnet or another's.
 */
void pod_attach(struct pod *p);
void pod_detach(struct pod *p);
void pod_check(struct pod *p);

_Noreturn void defect(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- census.c: how many there are of everything ---- */

#define KINDS_MAX 24

struct census {
	unsigned int host[KINDS_MAX];
	unsigned int pod[PODS_MAX][KINDS_MAX];
	unsigned int descriptors; /* ours */
	unsigned long long bytes; /* in the files that plugins keep */
	struct snapshot snapshot; /* of the host */
};

void census_take(struct census *c);
void census_print(const struct census *c);
/* What is different, as text; "" when nothing is. Waits for the kernel's own afterwork. */
const char *census_compare(const struct census *wanted, struct census *now);

#endif
