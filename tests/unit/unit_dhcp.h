/*
 * A DHCP server's messages, byte by byte, for the tests of the client: nothing of the code under
 * test writes them.
 */
#ifndef UNIT_DHCP_H
#define UNIT_DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reply {
	uint8_t at[2048];
	size_t len;
};

static const uint8_t pod_mac[6] = { 0x02, 0, 0, 0, 0, 0x01 };
static const uint8_t server_mac[6] = { 0x02, 0, 0, 0, 0, 0xfe };

static inline void reply_option(struct reply *m, uint8_t code, const void *data, size_t len)
{
	m->at[m->len++] = code;
	m->at[m->len++] = (uint8_t)len;
	memcpy(m->at + m->len, data, len);
	m->len += len;
}
#define reply_text(m, code, s) reply_option(m, code, s, sizeof(s) - 1)

static inline void reply_u32(struct reply *m, uint8_t code, uint32_t v)
{
	const uint8_t bytes[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
				   (uint8_t)v };

	reply_option(m, code, bytes, 4);
}

/* An answer of this type with yiaddr, without any option but its type. */
static inline void reply_bare(struct reply *m, uint8_t type, uint32_t xid, uint32_t your)
{
	memset(m, 0, sizeof(*m));
	m->at[0] = 2;
	m->at[1] = 1;
	m->at[2] = 6;
	for (int i = 0; i < 4; i++) {
		m->at[4 + i] = (uint8_t)(xid >> (24 - 8 * i));
		m->at[16 + i] = (uint8_t)(your >> (24 - 8 * i));
	}
	memcpy(m->at + 28, pod_mac, 6);
	memcpy(m->at + 236, "\x63\x82\x53\x63", 4);
	m->len = 240;
	reply_option(m, 53, &type, 1);
}

#define SERVER 0x0a090001u /* 10.9.0.1 */
#define POD 0x0a09000au	   /* 10.9.0.10 */

/* As a server answers: with its identifier, mask, router and 600 s. */
static inline void reply_usual(struct reply *m, uint8_t type, uint32_t xid)
{
	reply_bare(m, type, xid, type == 6 ? 0 : POD);
	reply_u32(m, 54, SERVER);
	if (type == 6)
		return;
	reply_u32(m, 51, 600);
	reply_u32(m, 1, 0xffffff00);
	reply_u32(m, 3, SERVER);
}

/* The option in a message that the client wrote; NULL when it is not there. */
static inline const uint8_t *sent_option(const uint8_t *at, size_t len, uint8_t code, size_t *size)
{
	for (size_t i = 240; i + 1 < len && at[i] != 255; i += at[i] ? 2u + at[i + 1] : 1u) {
		if (at[i] != code)
			continue;
		*size = at[i + 1];
		return at + i + 2;
	}
	return NULL;
}

#endif
