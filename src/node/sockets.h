/* The three netlink sockets of the node program, with room for batches of thousands of nodes. */
#ifndef NODE_SOCKETS_H
#define NODE_SOCKETS_H

struct err;
struct nl;

extern struct nl *const route_socket, *const nft_socket, *const generic_socket;

/*
 * A kernel without nftables can still route: that socket is not open then, and the lack is told
 * when a rule is wanted. What is open already stays open.
 */
int sockets_open(struct err *e);

#endif
