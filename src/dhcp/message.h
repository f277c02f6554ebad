/*
 * DHCP messages: what a client writes and what it reads. Bytes in, bytes out: no socket, no clock.
 *
 * Follows RFC 2131 (section 2, figure 1: the fixed part), RFC 2132 (options, and option 52 that
 * puts more of them into "file" and "sname") and RFC 3396 (an option in several pieces).
 */
#ifndef DHCP_MESSAGE_H
#define DHCP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define DHCP_MESSAGE_MAX 1472u /* what fits into one Ethernet frame behind IP and UDP headers */
#define DHCP_MESSAGE_MIN 300u  /* BOOTP's length: some relays drop what is shorter (RFC 1542) */

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER = 2,
	DHCP_REQUEST = 3,
	DHCP_ACK = 5,
	DHCP_NAK = 6,
	DHCP_RELEASE = 7,
};

/* The options that the client itself knows. */
enum dhcp_code {
	DHCP_OPT_PAD = 0,
	DHCP_OPT_MASK = 1,
	DHCP_OPT_ROUTER = 3,
	DHCP_OPT_DNS = 6,
	DHCP_OPT_HOST_NAME = 12,
	DHCP_OPT_DOMAIN = 15,
	DHCP_OPT_MTU = 26,
	DHCP_OPT_ROUTES_CLASSFUL = 33,
	DHCP_OPT_NTP = 42,
	DHCP_OPT_ADDRESS = 50,
	DHCP_OPT_LEASE_TIME = 51,
	DHCP_OPT_OVERLOAD = 52,
	DHCP_OPT_TYPE = 53,
	DHCP_OPT_SERVER = 54,
	DHCP_OPT_REQUEST_LIST = 55,
	DHCP_OPT_MESSAGE = 56,
	DHCP_OPT_MAX_SIZE = 57,
	DHCP_OPT_T1 = 58,
	DHCP_OPT_T2 = 59,
	DHCP_OPT_VENDOR_CLASS = 60,
	DHCP_OPT_CLIENT_ID = 61,
	DHCP_OPT_USER_CLASS = 77,
	DHCP_OPT_SEARCH = 119,
	DHCP_OPT_ROUTES = 121,
	DHCP_OPT_END = 255,
};

/* A part of the message that holds options. */
struct dhcp_area {
	const uint8_t *at;
	size_t len;
};

/* A server's answer. It borrows the bytes that it was read from. */
struct dhcp_message {
	enum dhcp_type type; /* DHCP_OFFER, DHCP_ACK or DHCP_NAK */
	uint32_t xid;
	struct addr your; /* yiaddr; none when it is not an address for a host */
	uint8_t mac[6];	  /* chaddr */
	struct dhcp_area area[3];
	unsigned int areas;
};

/*
 * Read a server's answer to an Ethernet client. False when it is anything else, or when an option
 * runs over the end of its area.
 */
bool dhcp_message_parse(const uint8_t *data, size_t len, struct dhcp_message *out);

/*
 * The option's bytes, its pieces put together. The length, or -1 when it is not there or does not
 * fit into cap.
 */
int dhcp_option(const struct dhcp_message *m, uint8_t code, uint8_t *out, size_t cap);

/* The same for options of a fixed form; false, and *out as it was, when the option has another. */
bool dhcp_option_u32(const struct dhcp_message *m, uint8_t code, uint32_t *out);
bool dhcp_option_addr(const struct dhcp_message *m, uint8_t code, struct addr *out);

/* Four bytes as an address; false unless a host can have it (no 0/8, 127/8, multicast, class E). */
bool dhcp_host_addr(const uint8_t bytes[static 4], struct addr *out);

/* A message under construction; overflow marks it bad, and nothing more is written then. */
struct dhcp_out {
	uint8_t at[DHCP_MESSAGE_MAX];
	size_t len;
	bool bad;
};

struct dhcp_head {
	enum dhcp_type type;
	uint32_t xid;
	uint16_t secs; /* since the client began */
	bool broadcast;
	struct addr client; /* ciaddr; may be none */
	const uint8_t *mac; /* 6 bytes */
};

void dhcp_begin(struct dhcp_out *o, const struct dhcp_head *h);
void dhcp_put(struct dhcp_out *o, uint8_t code, const void *data, size_t len);
void dhcp_put_u16(struct dhcp_out *o, uint8_t code, uint16_t v);
void dhcp_put_addr(struct dhcp_out *o, uint8_t code, const struct addr *a); /* IPv4 */
void dhcp_put_encoded(struct dhcp_out *o, const uint8_t *options, size_t len);
void dhcp_end(struct dhcp_out *o);

/*
 * Encoded options as the owner of a client gives them: whole, of the length that they say, without
 * pad and end. Is that so? Is this one among them?
 */
bool dhcp_encoded_valid(const uint8_t *options, size_t len);
bool dhcp_encoded_has(const uint8_t *options, size_t len, uint8_t code);

#endif
