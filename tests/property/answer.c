/* Reading what a plugin has printed, in any version, with no help of the program under test. */
#define JSMN_STATIC
#include "property.h"

#include <arpa/inet.h>
#include <jsmn.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX 1024

struct document {
	const char *text;
	jsmntok_t tokens[TOKENS_MAX];
	int count;
};

bool ip_parse(const char *text, struct ip *out)
{
	char copy[64], *slash;

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	*out = (struct ip){ .family = strchr(copy, ':') ? AF_INET6 : AF_INET };
	out->len = slash		    ? (unsigned int)strtoul(slash, NULL, 10)
		   : out->family == AF_INET ? 32
					    : 128;
	return inet_pton(out->family, copy, out->bytes) == 1;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && a->len == b->len &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

const char *ip_text(const struct ip *ip)
{
	static char bufs[4][64];
	static unsigned int next;
	char *buf = bufs[next++ % 4];
	char text[INET6_ADDRSTRLEN];

	if (!ip->family)
		return "none";
	inet_ntop(ip->family, ip->bytes, text, sizeof(text));
	snprintf(buf, sizeof(bufs[0]), "%s/%u", text, ip->len);
	return buf;
}

/* The token behind a whole value. */
static int after(const struct document *d, int at)
{
	int end = d->tokens[at].end, next = at + 1;

	while (next < d->count && d->tokens[next].start < end)
		next++;
	return next;
}

/* The value of a key, or -1. */
static int member(const struct document *d, int object, const char *key)
{
	int at = object + 1;

	if (object < 0 || d->tokens[object].type != JSMN_OBJECT)
		return -1;
	for (int i = 0; i < d->tokens[object].size; i++) {
		const jsmntok_t *k = &d->tokens[at];

		if (strlen(key) == (size_t)(k->end - k->start) &&
		    memcmp(key, d->text + k->start, strlen(key)) == 0)
			return at + 1;
		at = after(d, at + 1);
	}
	return -1;
}

static void text_member(const struct document *d, int object, const char *key, char *out,
			size_t size)
{
	int at = member(d, object, key);

	out[0] = '\0';
	if (at >= 0)
		snprintf(out, size, "%.*s", d->tokens[at].end - d->tokens[at].start,
			 d->text + d->tokens[at].start);
}

static int64_t number_member(const struct document *d, int object, const char *key)
{
	char text[32];

	text_member(d, object, key, text, sizeof(text));
	return text[0] ? strtoll(text, NULL, 10) : -1;
}

static struct ip ip_member(const struct document *d, int object, const char *key)
{
	char text[64];
	struct ip ip = { 0 };

	text_member(d, object, key, text, sizeof(text));
	if (text[0])
		ip_parse(text, &ip);
	return ip;
}

static void read_routes(const struct document *d, int list, struct answer *out)
{
	int at = list + 1;

	for (int i = 0; list >= 0 && i < d->tokens[list].size && out->route_count < ROUTES_MAX;
	     i++, at = after(d, at))
		out->routes[out->route_count++] = (struct route){
			.dst = ip_member(d, at, "dst"),
			.gw = ip_member(d, at, "gw"),
			.mtu = number_member(d, at, "mtu"),
			.advmss = number_member(d, at, "advmss"),
			.priority = number_member(d, at, "priority"),
			.table = number_member(d, at, "table"),
			.scope = number_member(d, at, "scope"),
		};
}

static void read_ip(const struct document *d, int at, const char *key, struct answer *out)
{
	if (at < 0 || out->ip_count == 8)
		return;
	out->ips[out->ip_count].address = ip_member(d, at, key);
	out->ips[out->ip_count].gateway = ip_member(d, at, "gateway");
	out->ips[out->ip_count++].iface = number_member(d, at, "interface");
}

static void read_ips(const struct document *d, struct answer *out)
{
	static const char *const old[] = { "ip4", "ip6" };
	int list = member(d, 0, "ips"), at = list + 1;

	for (int i = 0; list >= 0 && i < d->tokens[list].size; i++, at = after(d, at))
		read_ip(d, at, "address", out);
	for (int i = 0; i < 2; i++) {
		at = member(d, 0, old[i]);
		read_ip(d, at, "ip", out);
		read_routes(d, member(d, at, "routes"), out);
	}
}

static void read_ifaces(const struct document *d, struct answer *out)
{
	int list = member(d, 0, "interfaces"), at = list + 1;

	for (int i = 0; list >= 0 && i < d->tokens[list].size && i < 8; i++, at = after(d, at)) {
		struct answer_iface *f = &out->ifaces[out->iface_count++];

		text_member(d, at, "name", f->name, sizeof(f->name));
		text_member(d, at, "mac", f->mac, sizeof(f->mac));
		text_member(d, at, "sandbox", f->sandbox, sizeof(f->sandbox));
		f->mtu = number_member(d, at, "mtu");
	}
}

bool answer_read(const char *text, struct answer *out)
{
	static struct document d;
	jsmn_parser p;

	memset(out, 0, sizeof(*out));
	d.text = text;
	jsmn_init(&p);
	d.count = jsmn_parse(&p, text, strlen(text), d.tokens, TOKENS_MAX);
	if (d.count < 1 || d.tokens[0].type != JSMN_OBJECT)
		return false;
	text_member(&d, 0, "cniVersion", out->version, sizeof(out->version));
	text_member(&d, 0, "msg", out->msg, sizeof(out->msg));
	out->code = number_member(&d, 0, "code");
	read_ifaces(&d, out);
	read_ips(&d, out);
	read_routes(&d, member(&d, 0, "routes"), out);
	return true;
}
