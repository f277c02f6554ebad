/*
 * IPv4 and UDP around a DHCP message, for a client that has no address yet. Pure.
 * Follows RFC 791, RFC 768, RFC 1071.
 */
#ifndef DHCP_FRAME_H
#define DHCP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dhcp/message.h"

#define DHCP_FRAME_MAX (28u + DHCP_MESSAGE_MAX)

struct dhcp_packet;

/* The datagram from port 68 to port 67; its length, or 0 when the message is bad. */
size_t dhcp_frame_write(uint8_t out[static DHCP_FRAME_MAX], const struct dhcp_packet *p);

/*
 * The message inside a datagram to port 68; false when it is anything else, or a fragment, or
 * damaged. partial: the UDP checksum has not been computed yet, because the packet comes from this
 * very machine (TP_STATUS_CSUMNOTREADY).
 */
bool dhcp_frame_parse(const uint8_t *data, size_t len, bool partial, struct dhcp_area *out);

#endif
