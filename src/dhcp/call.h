/*
 * The plugin's side: it asks the daemon over its socket.
 */
#ifndef DHCP_CALL_H
#define DHCP_CALL_H

#include "dhcp/rpc.h"
#include "json/json.h"

/*
 * Connect, ask, wait for the answer: an object, in the arena. The error that the daemon gives is
 * ours then. -ECONNREFUSED: there is no daemon; the error says how to start it.
 */
int dhcp_call(struct arena *a, const char *socket, const struct dhcp_ask *q, struct json_raw *out,
	      struct err *e);

#endif
