/*
 * A DHCP client's state machine, one per lease. It knows no socket and no clock: its owner hands in
 * the time and what came from the wire, and sends what it is given.
 *
 *   SELECTING --OFFER--> REQUESTING --ACK--> BOUND --T1--> RENEWING --T2--> REBINDING --end--> LOST
 *       ^------NAK, no answer---'              ^-----------ACK--'-------------'   NAK: --> LOST
 *
 * Follows RFC 2131, section 4.4 and figure 5. What differs: a lost lease stays lost, since a pod
 * cannot get another address under its feet; the first retransmissions come after one and two
 * seconds instead of four, because somebody waits for the pod; no delay before the first DISCOVER.
 *
 * Times are milliseconds of one clock that does not stop in suspend.
 */
#ifndef DHCP_CLIENT_H
#define DHCP_CLIENT_H

#include "dhcp/message.h"

#define DHCP_NEVER INT64_MAX
#define DHCP_ID_MAX 255
#define DHCP_REQUEST_MAX 64  /* options asked for */
#define DHCP_PROVIDE_MAX 512 /* bytes of encoded options sent along */

/* Of the daemon, for all its clients. */
struct dhcp_settings {
	int64_t timeout_ms;    /* a server that made an offer must acknowledge it in this time; a
				  renewal is listened for as long */
	int64_t resend_max_ms; /* the longest pause between retransmissions */
	int64_t give_up_ms;    /* an acquisition without success ends after this */
};

enum dhcp_state {
	DHCP_SELECTING,
	DHCP_REQUESTING,
	DHCP_BOUND,
	DHCP_RENEWING,
	DHCP_REBINDING,
	DHCP_LOST, /* expired, taken back by the server, or never had */
};

struct dhcp_client {
	const struct dhcp_settings *settings;
	uint8_t mac[6];
	uint16_t mtu;	/* of the interface */
	bool broadcast; /* ask for answers by broadcast */
	uint8_t id[DHCP_ID_MAX];
	size_t id_len;
	uint8_t request[DHCP_REQUEST_MAX];
	size_t request_len;
	uint8_t provide[DHCP_PROVIDE_MAX]; /* dhcp_encoded_valid(); may hold a client id */
	size_t provide_len;
	uint32_t seed; /* of xids and jitter */

	enum dhcp_state state;
	uint32_t xid;
	unsigned int tries;
	int64_t started;  /* the acquisition, or this renewal */
	int64_t since;	  /* the state */
	int64_t sent;	  /* the last message */
	int64_t deadline; /* when dhcp_client_timer() is to be called */
	struct addr address, server;
	uint8_t server_mac[6]; /* of the server or of the router before it */
	int64_t t1, t2, expires;
	uint8_t ack[DHCP_MESSAGE_MAX]; /* the last one, which is the lease */
	size_t ack_len;
};

enum dhcp_event {
	DHCP_NOTHING,
	DHCP_SEND,    /* send what was put into the packet */
	DHCP_GOT,     /* the lease is held */
	DHCP_RENEWED, /* it has been prolonged */
	DHCP_GONE,    /* the lease is lost: the address must not be used any more */
	DHCP_GAVE_UP, /* none was to be had */
};

/* A message to send, and where to. */
struct dhcp_packet {
	struct dhcp_out message;
	struct addr from, to; /* IPv4; none: 0.0.0.0, 255.255.255.255 */
	uint8_t mac[6];
};

/* A message that came, and whose frame it was in. */
struct dhcp_received {
	const uint8_t *data;
	size_t len;
	uint8_t mac[6];
};

/* Begin an acquisition; the identity is set, everything else is overwritten. */
void dhcp_client_start(struct dhcp_client *c, int64_t now);

/* To be called when deadline has come; it is a new one then. */
enum dhcp_event dhcp_client_timer(struct dhcp_client *c, int64_t now, struct dhcp_packet *out);

/* Anything may come in: what is not the awaited answer changes nothing. */
enum dhcp_event dhcp_client_receive(struct dhcp_client *c, int64_t now,
				    const struct dhcp_received *in, struct dhcp_packet *out);

/* Until when an answer is awaited: 0 when none is, DHCP_NEVER in an acquisition. */
int64_t dhcp_client_listens(const struct dhcp_client *c);

/* Does the client hold a lease? */
bool dhcp_client_holds(const struct dhcp_client *c);

/* The RELEASE of the lease, which is held; the client is lost then. */
void dhcp_client_release(struct dhcp_client *c, struct dhcp_packet *out);

#endif
