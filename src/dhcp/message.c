/* DHCP messages: see message.h. */
#include "dhcp/message.h"

#include <string.h>
#include <sys/socket.h>

#include "dhcp/bytes.h"

enum {
	OP_REQUEST = 1,
	OP_REPLY = 2,
	HTYPE_ETHERNET = 1,
	FLAG_BROADCAST = 0x8000,
};

/* Offsets of RFC 2131, figure 1. */
enum {
	AT_OP = 0,
	AT_HTYPE = 1,
	AT_HLEN = 2,
	AT_XID = 4,
	AT_SECS = 8,
	AT_FLAGS = 10,
	AT_CLIENT = 12,
	AT_YOUR = 16,
	AT_MAC = 28,
	AT_SNAME = 44,
	AT_FILE = 108,
	AT_COOKIE = 236,
	AT_OPTIONS = 240,
};

static const uint8_t cookie[4] = { 99, 130, 83, 99 };

struct option {
	uint8_t code;
	uint8_t len;
	const uint8_t *data;
};

enum walk { WALK_OPTION, WALK_END, WALK_BAD };

/* The next option of an area, from *at on. */
static enum walk option_next(const struct dhcp_area *a, size_t *at, struct option *out)
{
	while (*at < a->len && a->at[*at] == DHCP_OPT_PAD)
		++*at;
	if (*at == a->len || a->at[*at] == DHCP_OPT_END)
		return WALK_END;
	if (a->len - *at < 2 || a->len - *at - 2 < a->at[*at + 1])
		return WALK_BAD;
	*out = (struct option){ a->at[*at], a->at[*at + 1], a->at + *at + 2 };
	*at += 2 + (size_t)out->len;
	return WALK_OPTION;
}

static bool area_is_valid(const struct dhcp_area *a)
{
	struct option o;
	size_t at = 0;
	enum walk w;

	do
		w = option_next(a, &at, &o);
	while (w == WALK_OPTION);
	return w == WALK_END;
}

static void add_area(struct dhcp_message *m, const uint8_t *at, size_t len)
{
	m->area[m->areas++] = (struct dhcp_area){ at, len };
}

/* Option 52 says which other fields hold options; RFC 3396 reads "file" before "sname". */
static void add_overloaded(struct dhcp_message *m, const uint8_t *data)
{
	uint8_t overload;

	if (dhcp_option(m, DHCP_OPT_OVERLOAD, &overload, 1) != 1)
		return;
	if (overload & 1)
		add_area(m, data + AT_FILE, AT_COOKIE - AT_FILE);
	if (overload & 2)
		add_area(m, data + AT_SNAME, AT_FILE - AT_SNAME);
}

static bool read_type(struct dhcp_message *m)
{
	uint8_t type;

	if (dhcp_option(m, DHCP_OPT_TYPE, &type, 1) != 1 ||
	    (type != DHCP_OFFER && type != DHCP_ACK && type != DHCP_NAK))
		return false;
	m->type = (enum dhcp_type)type;
	return true;
}

bool dhcp_message_parse(const uint8_t *data, size_t len, struct dhcp_message *out)
{
	struct dhcp_message m = { 0 };

	if (len < AT_OPTIONS || len > DHCP_MESSAGE_MAX || data[AT_OP] != OP_REPLY ||
	    data[AT_HTYPE] != HTYPE_ETHERNET || data[AT_HLEN] != sizeof(m.mac) ||
	    memcmp(data + AT_COOKIE, cookie, sizeof(cookie)) != 0)
		return false;
	m.xid = be32_get(data + AT_XID);
	memcpy(m.mac, data + AT_MAC, sizeof(m.mac));
	dhcp_host_addr(data + AT_YOUR, &m.your);
	add_area(&m, data + AT_OPTIONS, len - AT_OPTIONS);
	if (!area_is_valid(&m.area[0]))
		return false;
	add_overloaded(&m, data);
	for (unsigned int i = 1; i < m.areas; i++) {
		if (!area_is_valid(&m.area[i]))
			return false;
	}
	if (!read_type(&m))
		return false;
	*out = m;
	return true;
}

int dhcp_option(const struct dhcp_message *m, uint8_t code, uint8_t *out, size_t cap)
{
	size_t len = 0;
	bool found = false;

	for (unsigned int i = 0; i < m->areas; i++) {
		struct option o;
		size_t at = 0;

		while (option_next(&m->area[i], &at, &o) == WALK_OPTION) {
			if (o.code != code)
				continue;
			if (o.len > cap - len)
				return -1;
			memcpy(out + len, o.data, o.len);
			len += o.len;
			found = true;
		}
	}
	return found ? (int)len : -1;
}

bool dhcp_option_u32(const struct dhcp_message *m, uint8_t code, uint32_t *out)
{
	uint8_t bytes[4];

	if (dhcp_option(m, code, bytes, sizeof(bytes)) != sizeof(bytes))
		return false;
	*out = be32_get(bytes);
	return true;
}

bool dhcp_option_addr(const struct dhcp_message *m, uint8_t code, struct addr *out)
{
	uint8_t bytes[4];

	return dhcp_option(m, code, bytes, sizeof(bytes)) == sizeof(bytes) &&
	       dhcp_host_addr(bytes, out);
}

bool dhcp_host_addr(const uint8_t bytes[static 4], struct addr *out)
{
	if (bytes[0] == 0 || bytes[0] == 127 || bytes[0] >= 224)
		return false;
	*out = (struct addr){ .family = AF_INET };
	memcpy(out->bytes, bytes, 4);
	return true;
}

static void put_bytes(struct dhcp_out *o, const void *data, size_t len)
{
	if (o->bad || len > sizeof(o->at) - o->len) {
		o->bad = true;
		return;
	}
	if (len > 0)
		memcpy(o->at + o->len, data, len);
	o->len += len;
}

void dhcp_begin(struct dhcp_out *o, const struct dhcp_head *h)
{
	const uint8_t type = (uint8_t)h->type;

	memset(o->at, 0, AT_OPTIONS);
	o->bad = false;
	o->len = AT_OPTIONS;
	o->at[AT_OP] = OP_REQUEST;
	o->at[AT_HTYPE] = HTYPE_ETHERNET;
	o->at[AT_HLEN] = 6;
	be32_put(o->at + AT_XID, h->xid);
	be16_put(o->at + AT_SECS, h->secs);
	be16_put(o->at + AT_FLAGS, h->broadcast ? FLAG_BROADCAST : 0);
	memcpy(o->at + AT_CLIENT, h->client.bytes, 4);
	memcpy(o->at + AT_MAC, h->mac, 6);
	memcpy(o->at + AT_COOKIE, cookie, sizeof(cookie));
	dhcp_put(o, DHCP_OPT_TYPE, &type, 1);
}

void dhcp_put(struct dhcp_out *o, uint8_t code, const void *data, size_t len)
{
	const uint8_t head[2] = { code, (uint8_t)len };

	if (len > UINT8_MAX) {
		o->bad = true;
		return;
	}
	put_bytes(o, head, sizeof(head));
	put_bytes(o, data, len);
}

void dhcp_put_u16(struct dhcp_out *o, uint8_t code, uint16_t v)
{
	uint8_t bytes[2];

	be16_put(bytes, v);
	dhcp_put(o, code, bytes, sizeof(bytes));
}

void dhcp_put_addr(struct dhcp_out *o, uint8_t code, const struct addr *a)
{
	dhcp_put(o, code, a->bytes, 4);
}

void dhcp_put_encoded(struct dhcp_out *o, const uint8_t *options, size_t len)
{
	put_bytes(o, options, len);
}

void dhcp_end(struct dhcp_out *o)
{
	static const uint8_t end = DHCP_OPT_END;
	static const uint8_t pad[DHCP_MESSAGE_MIN];

	put_bytes(o, &end, 1);
	if (!o->bad && o->len < DHCP_MESSAGE_MIN)
		put_bytes(o, pad, DHCP_MESSAGE_MIN - o->len);
}

bool dhcp_encoded_valid(const uint8_t *options, size_t len)
{
	size_t at = 0;

	while (at < len) {
		if (options[at] == DHCP_OPT_PAD || options[at] == DHCP_OPT_END || len - at < 2 ||
		    len - at - 2 < options[at + 1])
			return false;
		at += 2 + (size_t)options[at + 1];
	}
	return true;
}

bool dhcp_encoded_has(const uint8_t *options, size_t len, uint8_t code)
{
	const struct dhcp_area a = { options, len };
	struct option o;
	size_t at = 0;

	while (option_next(&a, &at, &o) == WALK_OPTION) {
		if (o.code == code)
			return true;
	}
	return false;
}
