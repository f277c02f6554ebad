/*
 * What the parts of the daemon's loop share: server.c (waiting, leases), conn.c (plugins). Nothing
 * here blocks. An error that is returned ends the loop, and with it the daemon.
 *
 * Times are milliseconds of dhcp_now(). Slots of leases and connections never move: a connection
 * points to the lease that it waits for, and a lease is emptied only when nobody waits for it.
 */
#ifndef DHCP_SERVER_PRIVATE_H
#define DHCP_SERVER_PRIVATE_H

#include "dhcp/rpc.h"
#include "dhcp/server.h"

struct conn {
	int fd; /* -1: free */
	size_t have;
	int64_t since;		  /* when the last question ended, or the connection began */
	struct dhcp_lease *waits; /* NULL: for nothing */
};

struct server {
	const struct dhcp_base *base;
	int listener;
	int64_t accept_from; /* no file descriptor was left before */
	int64_t sweep;	     /* when to find namespaces that have gone */
	struct dhcp_lease *leases;
	unsigned int high; /* slots ever used */
	struct conn conns[DHCP_CONNS_MAX];
	/* What each has said so far; apart, so that memory is used only as they come. */
	char in[DHCP_CONNS_MAX][DHCP_RPC_HEAD + DHCP_ASK_MAX];
};

/* The attachment's lease, by the short forms; NULL when there is none. */
struct dhcp_lease *server_find(struct server *s, const struct cni_attachment *at);
/* A free slot, which is the caller's to fill and to mark used; NULL when there is none. */
struct dhcp_lease *server_slot(struct server *s);

/* Is a slot free for another plugin? Without one the listener is not polled. */
bool conn_has_room(const struct server *s);
/*
 * Take the next plugin from the listener, if one still waits there and is root's or our own user's.
 * Without a file descriptor left the listener rests until s->accept_from.
 */
void conn_accept(struct server *s, int64_t now);
/*
 * Read what the plugin has said so far and answer its question when it is whole, or keep it waiting
 * for its lease. An end, an error or more than one question closes the connection, and a lease that
 * was acquired for this plugin alone is released: then -errno as dhcp_lease_release().
 */
int conn_receive(struct server *s, struct conn *c, struct err *e);
/* Close the connections that have said nothing for too long and wait for nothing. */
void conn_time_out(struct server *s, int64_t now);

/*
 * Answer all who wait for this lease: with what it says (r 0), or with the error. What it was for
 * is theirs then.
 */
void conn_answer_waiting(struct server *s, const struct dhcp_lease *l, int r, const struct err *e);

#endif
