/*
 * One lease of the daemon: an attachment, its interface, its client, and the file that remembers
 * all of it over a restart of the daemon.
 *
 * Nothing here waits. A lease is written down before anybody hears of it, and its file is removed
 * when it is released, so a daemon killed at any point leaves a file that is true or a lease that
 * only the server still knows, and which ends there by itself.
 */
#ifndef DHCP_LEASE_H
#define DHCP_LEASE_H

#include "cni/attachment.h"
#include "dhcp/client.h"
#include "dhcp/pod_link.h"

struct arena;
struct cni_result;
struct dhcp_ask;
struct err;

/*
 * Sockets to be closed when there is time: the kernel waits for a grace period in each close of a
 * packet socket (packet_release(), synchronize_net()), 5 to 20 ms in which nobody else is served.
 */
#define DHCP_CLOSING_MAX 256
struct dhcp_closing {
	int fds[DHCP_CLOSING_MAX];
	unsigned int count;
};

/* Close one of them. */
void dhcp_closing_run(struct dhcp_closing *c);

/* What all leases of a daemon share. */
struct dhcp_base {
	struct dhcp_closing *closing;
	struct dhcp_settings settings;
	bool broadcast;
	const char *prefix; /* in front of paths of namespaces; "" */
	int home;	    /* the daemon's own network namespace */
	int state;	    /* directory of the files */
	char boot[40];	    /* the boot's id: clock and namespaces end with it */
};

struct dhcp_lease {
	bool used;
	char container[CNI_ID_SHORT + 1];
	char network[CNI_NETWORK_SHORT + 1];
	char ifname[IF_NAMESIZE];
	struct dhcp_pod_link pod_link;
	struct dhcp_client client;
	int fd; /* the raw socket while an answer is awaited, else -1 */
};

/* Milliseconds since boot, suspend included. */
int64_t dhcp_now(void);

bool dhcp_lease_is(const struct dhcp_lease *l, const struct cni_attachment *at);

/* "container/network/interface", for messages; valid until the next call. */
const char *dhcp_lease_name(const struct dhcp_lease *l);

/*
 * Fill the lease from an ADD and begin to acquire. -ENOENT, -ENODEV, -EINVAL: the pod has no such
 * interface. The errors of dhcp_pod_link_find().
 */
int dhcp_lease_begin(struct dhcp_lease *l, const struct dhcp_base *b, const struct dhcp_ask *q,
		     struct err *e);

/*
 * Let time go on, or read what came. *event says what it meant; DHCP_SEND is done already.
 * -ENOENT, -ENODEV: the interface is gone, forget the lease. -ENOTRECOVERABLE as in pod_link.h.
 * Other failures are passed over: the next deadline tries again.
 */
int dhcp_lease_timer(struct dhcp_lease *l, const struct dhcp_base *b, enum dhcp_event *event,
		     struct err *e);
int dhcp_lease_receive(struct dhcp_lease *l, const struct dhcp_base *b, enum dhcp_event *event,
		       struct err *e);

/* When dhcp_lease_timer() is to be called. */
int64_t dhcp_lease_deadline(const struct dhcp_lease *l);

/* What the lease says, as long as the client holds it. */
int dhcp_lease_describe(const struct dhcp_lease *l, struct arena *a, struct cni_result *out,
			struct err *e);

/*
 * Write the lease down as it is. -errno as file_replace().
 */
int dhcp_lease_save(const struct dhcp_lease *l, const struct dhcp_base *b, struct err *e);

/*
 * Read a file of the state directory: 1, 0 when it is of another boot (it is removed then), -EINVAL
 * when it is not ours.
 */
int dhcp_lease_load(struct dhcp_lease *l, const struct dhcp_base *b, struct arena *a,
		    const char *name, struct err *e);

/* Tell the server, if the pod is still there, and forget the lease. */
int dhcp_lease_release(struct dhcp_lease *l, const struct dhcp_base *b, struct err *e);

/* Close the socket, remove the file, empty *l. */
void dhcp_lease_forget(struct dhcp_lease *l, const struct dhcp_base *b);

/* Is the pod's interface still there? 0, or the errors of dhcp_pod_link_check(). */
int dhcp_lease_check(const struct dhcp_lease *l, const struct dhcp_base *b, struct err *e);

/* Take the address of a lost lease off the pod's interface. */
int dhcp_lease_tear_down(struct dhcp_lease *l, const struct dhcp_base *b, struct err *e);

#endif
