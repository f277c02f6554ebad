/* What plugin and daemon say to each other: see rpc.h. */
#include "dhcp/rpc.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "json/json.h"
#include "json/writer.h"

static const char *const commands[] = {
	[DHCP_CMD_ADD] = "ADD",	      [DHCP_CMD_DEL] = "DEL",	[DHCP_CMD_CHECK] = "CHECK",
	[DHCP_CMD_STATUS] = "STATUS", [DHCP_CMD_LIST] = "LIST",
};

struct raw_ask {
	const char *command, *container, *network, *ifname, *netns, *request, *provide;
	int64_t from;
};

static const struct json_field fields[] = {
	{ "command", JSON_STR, offsetof(struct raw_ask, command), .required = true },
	{ "container", JSON_STR, offsetof(struct raw_ask, container) },
	{ "network", JSON_STR, offsetof(struct raw_ask, network) },
	{ "ifname", JSON_STR, offsetof(struct raw_ask, ifname) },
	{ "netns", JSON_STR, offsetof(struct raw_ask, netns) },
	{ "request", JSON_STR, offsetof(struct raw_ask, request) },
	{ "provide", JSON_STR, offsetof(struct raw_ask, provide) },
	{ "from", JSON_INT, offsetof(struct raw_ask, from), .min = 0, .max = INT32_MAX },
};
static const struct json_table table = {
	.fields = fields,
	.count = sizeof(fields) / sizeof(fields[0]),
};

static void hex_write(struct text *t, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		text_char(t, digits[data[i] >> 4]);
		text_char(t, digits[data[i] & 15]);
	}
}

void dhcp_member_hex(struct json_writer *w, const char *key, const uint8_t *data, size_t len)
{
	char buf[2 * DHCP_MESSAGE_MAX + 1];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	hex_write(&t, data, len);
	json_member_str(w, key, buf);
}

bool dhcp_hex_read(const char *s, uint8_t *out, size_t cap, size_t *len)
{
	size_t n = strlen(s);

	if (n % 2 || n / 2 > cap)
		return false;
	for (size_t i = 0; i < n / 2; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	*len = n / 2;
	return true;
}

void dhcp_ask_write(struct text *t, const struct dhcp_ask *q)
{
	struct attachment_names names;
	const struct cni_attachment at = attachment_shorten(&q->at, &names);
	struct json_writer w;

	json_begin(&w, t, 0);
	json_open(&w, '{');
	json_member_str(&w, "command", commands[q->command]);
	json_member_str(&w, "container", at.container_id);
	json_member_str(&w, "network", at.network);
	json_member_str(&w, "ifname", at.ifname);
	json_member_str(&w, "netns", q->netns);
	dhcp_member_hex(&w, "request", q->request, q->request_len);
	dhcp_member_hex(&w, "provide", q->provide, q->provide_len);
	json_member_int(&w, "from", q->from);
	json_close(&w, '}');
}

static int check_attachment(const struct dhcp_ask *q, struct err *e)
{
	bool whole = q->command != DHCP_CMD_STATUS && q->command != DHCP_CMD_LIST;

	if (q->command != DHCP_CMD_STATUS && !attachment_short_network_valid(q->at.network))
		return err_set(e, EINVAL, "network: no name of a network");
	if (whole && !attachment_short_id_valid(q->at.container_id))
		return err_set(e, EINVAL, "container: no container id");
	if (whole && !cni_ifname_valid(q->at.ifname))
		return err_set(e, EINVAL, "ifname: no name of an interface");
	if (q->command != DHCP_CMD_ADD)
		return 0;
	if (q->netns[0] != '/')
		return err_set(e, EINVAL, "netns \"%.64s\": not an absolute path", q->netns);
	if (strlen(q->netns) > DHCP_NETNS_MAX)
		return err_set(e, ENAMETOOLONG, "netns \"%.64s...\": longer than %d bytes",
			       q->netns, DHCP_NETNS_MAX);
	return 0;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static int fill(const struct raw_ask *raw, struct dhcp_ask *q, struct err *e)
{
	int command = str_index(commands, sizeof(commands) / sizeof(commands[0]), raw->command);

	if (command < 0)
		return err_set(e, EINVAL, "command \"%.16s\": unknown", raw->command);
	q->command = (enum dhcp_command)command;
	q->at = (struct cni_attachment){
		.network = or_empty(raw->network),
		.container_id = or_empty(raw->container),
		.ifname = or_empty(raw->ifname),
	};
	q->netns = or_empty(raw->netns);
	q->from = raw->from;
	if (!dhcp_hex_read(or_empty(raw->request), q->request, sizeof(q->request), &q->request_len))
		return err_set(e, EINVAL, "request: not at most %d bytes in hexadecimal",
			       DHCP_REQUEST_MAX);
	if (!dhcp_hex_read(or_empty(raw->provide), q->provide, sizeof(q->provide),
			   &q->provide_len) ||
	    !dhcp_encoded_valid(q->provide, q->provide_len))
		return err_set(e, EINVAL, "provide: not at most %d bytes of options in hexadecimal",
			       DHCP_PROVIDE_MAX);
	return check_attachment(q, e);
}

int dhcp_ask_read(struct arena *a, const char *text, size_t len, struct dhcp_ask *out,
		  struct err *e)
{
	struct raw_ask raw = { 0 };
	int r = json_decode(a, text, len, &table, &raw, e);

	*out = (struct dhcp_ask){ 0 };
	return r < 0 ? r : fill(&raw, out, e);
}
