/*
 * What the parts of the daemon's loop share: server.c (waiting, leases), conn.c (plugins).
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

struct dhcp_lease *server_find(struct server *s, const struct cni_attachment *at);
/* A free slot; NULL when there is none. */
struct dhcp_lease *server_slot(struct server *s);

/* conn.c: a new plugin, what it says, that it says nothing. */
void conn_accept(struct server *s, int64_t now);
int conn_receive(struct server *s, struct conn *c, struct err *e);
void conn_time_out(struct server *s, int64_t now);
bool conn_has_room(const struct server *s);

/*
 * Answer all who wait for this lease: with what it says (r 0), or with the error. What it was for
 * is theirs then.
 */
void conn_answer_waiting(struct server *s, const struct dhcp_lease *l, int r, const struct err *e);

#endif
