/*
 * Netlink messages as string literals, in this machine's byte order: what more than one byte
 * long is a host's number is written from its lowest byte, whatever the machine.
 */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define U16X(a, b) a b
#define U32X(a, b, c, d) a b c d
#else
#define U16X(a, b) b a
#define U32X(a, b, c, d) d c b a
#endif

/* Numbers of one byte. */
#define U16(a) U16X(a, "\0")
#define U32(a) U32X(a, "\0", "\0", "\0")

#endif
