/*
 * What a lease says about addresses, routes and names, as a CNI result.
 *
 * Follows RFC 2132 (mask 1, router 3, name servers 6, domain 15, classful routes 33), RFC 3442
 * (classless routes 121, which make 3 and 33 void) and RFC 3397 (search list 119). Of what a server
 * says nothing is believed that could not be written down: what is malformed is as if absent.
 */
#ifndef DHCP_OPTIONS_H
#define DHCP_OPTIONS_H

#include "dhcp/message.h"

struct arena;
struct cni_result;
struct err;

/*
 * The address of an ACK with its mask. -EPROTO: there is no mask (option 1), or it is none.
 */
int dhcp_lease_prefix(const struct dhcp_message *ack, struct prefix *out, struct err *e);

/* The whole result; dns lives in the arena. -EPROTO as above, -ENOMEM. */
int dhcp_lease_result(const struct dhcp_message *ack, struct arena *a, struct cni_result *out,
		      struct err *e);

/*
 * The name of an option as in dhcp-options(5), or its number from 1 to 254; 0 when it is neither.
 */
uint8_t dhcp_option_code(const char *name);

#endif
