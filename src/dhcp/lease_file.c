/* A lease as a file: see lease_file.h. */
#include "dhcp/lease_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "dhcp/rpc.h"
#include "json/json.h"
#include "json/writer.h"
#include "net/link.h"

#define FILE_MODE 0600
#define FILE_SIZE 8192 /* twice an ACK of DHCP_MESSAGE_MAX in hexadecimal, and the rest */

struct record {
	const char *boot, *container, *network, *ifname, *netns, *mac, *server_mac;
	const char *request, *provide, *ack;
	int64_t dev, inode, cookie, index, mtu;
	int64_t sent, t1, t2, expires;
	bool broadcast, lost;
};

#define TEXT(key, member)                                                                          \
	{                                                                                          \
		key, JSON_STR, offsetof(struct record, member), .required = true                   \
	}
#define NUMBER(key, member)                                                                        \
	{                                                                                          \
		key, JSON_INT, offsetof(struct record, member), .required = true                   \
	}

static const struct json_field fields[] = {
	TEXT("boot", boot),
	TEXT("container", container),
	TEXT("network", network),
	TEXT("ifname", ifname),
	TEXT("netns", netns),
	NUMBER("netnsDevice", dev),
	NUMBER("netnsInode", inode),
	NUMBER("netnsCookie", cookie),
	{ "index", JSON_INT, offsetof(struct record, index), .min = 1, .max = INT_MAX,
	  .required = true },
	{ "mtu", JSON_INT, offsetof(struct record, mtu), .min = 0, .max = UINT16_MAX,
	  .required = true },
	TEXT("mac", mac),
	TEXT("serverMac", server_mac),
	{ "broadcast", JSON_BOOL, offsetof(struct record, broadcast) },
	{ "lost", JSON_BOOL, offsetof(struct record, lost) },
	NUMBER("sent", sent),
	NUMBER("t1", t1),
	NUMBER("t2", t2),
	NUMBER("expires", expires),
	TEXT("request", request),
	TEXT("provide", provide),
	TEXT("ack", ack),
};
static const struct json_table table = {
	.fields = fields,
	.count = sizeof(fields) / sizeof(fields[0]),
};

static void put_pod_link(struct json_writer *w, const struct dhcp_pod_link *link)
{
	char mac[MAC_TEXT];

	json_member_str(w, "netns", link->netns);
	json_member_int(w, "netnsDevice", (int64_t)link->ns_dev);
	json_member_int(w, "netnsInode", (int64_t)link->ns_inode);
	json_member_int(w, "netnsCookie", (int64_t)link->ns_cookie);
	json_member_int(w, "index", link->index);
	json_member_str(w, "mac", mac_format(link->mac, mac));
}

static void put_client(struct json_writer *w, const struct dhcp_client *c)
{
	char mac[MAC_TEXT];

	json_member_int(w, "mtu", c->mtu);
	json_member_str(w, "serverMac", mac_format(c->server_mac, mac));
	json_member_bool(w, "broadcast", c->broadcast);
	json_member_bool(w, "lost", c->state == DHCP_LOST);
	json_member_int(w, "sent", c->sent);
	json_member_int(w, "t1", c->t1);
	json_member_int(w, "t2", c->t2);
	json_member_int(w, "expires", c->expires);
	dhcp_member_hex(w, "request", c->request, c->request_len);
	dhcp_member_hex(w, "provide", c->provide, c->provide_len);
	dhcp_member_hex(w, "ack", c->ack, c->ack_len);
}

void dhcp_lease_encode(const struct dhcp_lease *l, const char *boot, struct text *t)
{
	struct json_writer w;

	json_begin(&w, t, 0);
	json_open(&w, '{');
	json_member_str(&w, "boot", boot);
	json_member_str(&w, "container", l->container);
	json_member_str(&w, "network", l->network);
	json_member_str(&w, "ifname", l->ifname);
	put_pod_link(&w, &l->pod_link);
	put_client(&w, &l->client);
	json_close(&w, '}');
	text_char(t, '\n');
}

static bool read_names(struct dhcp_lease *l, const struct record *f)
{
	if (!attachment_short_id_valid(f->container) ||
	    !attachment_short_network_valid(f->network) || !cni_ifname_valid(f->ifname) ||
	    f->netns[0] != '/')
		return false;
	str_copy(l->container, sizeof(l->container), f->container);
	str_copy(l->network, sizeof(l->network), f->network);
	str_copy(l->ifname, sizeof(l->ifname), f->ifname);
	return true;
}

static bool read_pod_link(struct dhcp_pod_link *w, const struct record *f)
{
	w->ns_dev = (uint64_t)f->dev;
	w->ns_inode = (uint64_t)f->inode;
	w->ns_cookie = (uint64_t)f->cookie;
	w->index = (int)f->index;
	return str_copy(w->netns, sizeof(w->netns), f->netns) &&
	       str_copy(w->ifname, sizeof(w->ifname), f->ifname) && mac_parse(f->mac, w->mac);
}

static bool read_times(struct dhcp_client *c, const struct record *f)
{
	c->sent = f->sent;
	c->t1 = f->t1;
	c->t2 = f->t2;
	c->expires = f->expires;
	return c->sent >= 0 && c->t1 >= 0 && c->t1 <= c->t2 && c->t2 <= c->expires;
}

static bool read_client(struct dhcp_client *c, const struct record *f)
{
	struct dhcp_message ack;

	if (!mac_parse(f->mac, c->mac) || !mac_parse(f->server_mac, c->server_mac) ||
	    !dhcp_hex_read(f->request, c->request, sizeof(c->request), &c->request_len) ||
	    !dhcp_hex_read(f->provide, c->provide, sizeof(c->provide), &c->provide_len) ||
	    !dhcp_encoded_valid(c->provide, c->provide_len) ||
	    !dhcp_hex_read(f->ack, c->ack, sizeof(c->ack), &c->ack_len) ||
	    !dhcp_message_parse(c->ack, c->ack_len, &ack) || ack.type != DHCP_ACK ||
	    !addr_is_set(&ack.your) || !dhcp_option_addr(&ack, DHCP_OPT_SERVER, &c->server))
		return false;
	c->address = ack.your;
	c->mtu = (uint16_t)f->mtu;
	c->broadcast = f->broadcast;
	c->started = f->sent;
	c->since = f->sent;
	c->state = f->lost ? DHCP_LOST : DHCP_BOUND;
	c->deadline = f->lost ? DHCP_NEVER : f->t1;
	return read_times(c, f);
}

int dhcp_lease_decode(struct dhcp_lease *l, const char *boot, struct arena *a, struct json_raw text,
		      struct err *e)
{
	struct record f = { 0 };
	int r = json_decode(a, text.text, text.len, &table, &f, e);

	*l = (struct dhcp_lease){ .fd = -1 };
	if (r < 0)
		return r;
	if (strcmp(f.boot, boot) != 0)
		return 0;
	if (!read_names(l, &f) || !read_pod_link(&l->pod_link, &f) || !read_client(&l->client, &f))
		return err_set(e, EINVAL, "not what a lease of this daemon says");
	return 1;
}

static void file_name(const struct dhcp_lease *l, char out[static NAME_MAX + 1])
{
	snprintf(out, NAME_MAX + 1, "%s:%s:%s", l->container, l->network, l->ifname);
}

int dhcp_lease_file_write(const struct dhcp_lease *l, const struct dhcp_base *b, struct err *e)
{
	char name[NAME_MAX + 1], buf[FILE_SIZE];
	struct text t;

	file_name(l, name);
	text_init(&t, buf, sizeof(buf));
	dhcp_lease_encode(l, b->boot, &t);
	if (t.bad)
		return err_set(e, EFBIG, "the lease is larger than %d bytes", FILE_SIZE);
	return file_replace(b->state, name, buf, t.len, FILE_MODE, FILE_NO_SYNC, e);
}

int dhcp_lease_file_remove(const struct dhcp_lease *l, const struct dhcp_base *b, struct err *e)
{
	char name[NAME_MAX + 1];

	file_name(l, name);
	return file_remove(b->state, name, e);
}

int dhcp_lease_file_read(struct dhcp_lease *l, const struct dhcp_base *b, struct arena *a,
			 const char *name, struct err *e)
{
	static char buf[FILE_SIZE];
	char expected[NAME_MAX + 1];
	ssize_t len = file_read(b->state, name, buf, sizeof(buf), e);
	int r;

	if (len < 0)
		return (int)len;
	r = dhcp_lease_decode(l, b->boot, a, (struct json_raw){ buf, (size_t)len }, e);
	if (r == 0)
		file_remove(b->state, name, err_ignored());
	if (r <= 0)
		return r;
	file_name(l, expected);
	if (strcmp(name, expected) != 0)
		return err_set(e, EINVAL, "the lease in it is of %s", expected);
	return 1;
}
