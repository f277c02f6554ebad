/*
 * The daemon's loop: questions of plugins, messages of DHCP servers, time. One process, one thread,
 * one poll(2).
 *
 * Bounds: DHCP_LEASES_MAX leases of about 3 KB each, whose memory is used only as they come (an ADD
 * beyond is refused with code 102, STATUS with 50), and DHCP_CONNS_MAX plugins at a time (more wait
 * in the socket's queue). A pod can send what it likes: of each only some frames are read before
 * the others have their turn.
 */
#ifndef DHCP_SERVER_H
#define DHCP_SERVER_H

#include "dhcp/lease.h"

struct err;

#define DHCP_LEASES_MAX 4096
#define DHCP_CONNS_MAX 1024

/*
 * Take up the leases of the state directory, then serve the listening socket until a signal comes
 * out of signals (signalfd(2)): 0. -errno when it cannot go on; leases stay as they are, and the
 * next daemon takes them up.
 */
int dhcp_serve(const struct dhcp_base *b, int listener, int signals, struct err *e);

#endif
