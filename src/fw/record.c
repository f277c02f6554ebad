/* Records as text: see record.h. */
#include "fw/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <limits.h>
#include <linux/netfilter.h>

#include "base/text.h"
#include "cni/attachment.h"
#include "net/link.h"

#define HEAD "fw 1"

/* Verdicts that jump are rules' business, and no element's so far. */
static void put_value(struct text *t, enum nft_type type, const union nft_value *v)
{
	char mac[MAC_TEXT], addr[ADDR_TEXT];

	switch (type) {
	case NFT_TYPE_IPV4:
	case NFT_TYPE_IPV6:
		text_str(t, addr_format(&v->addr, addr));
		break;
	case NFT_TYPE_MAC:
		text_str(t, mac_format(v->mac, mac));
		break;
	case NFT_TYPE_PROTO:
		text_printf(t, "%u", v->proto);
		break;
	case NFT_TYPE_PORT:
		text_printf(t, "%u", v->port);
		break;
	case NFT_TYPE_MARK:
		text_printf(t, "%u", v->mark);
		break;
	case NFT_TYPE_IFNAME:
		text_put(t, v->ifname, strnlen(v->ifname, sizeof(v->ifname)));
		break;
	case NFT_TYPE_VERDICT:
		text_printf(t, "%u", (unsigned int)v->verdict.code);
		t->bad = t->bad || v->verdict.chain;
		break;
	case NFT_TYPE_NONE:
		break;
	}
}

static void put_values(struct text *t, const enum nft_type *type, const union nft_value *v)
{
	for (unsigned int i = 0; i < NFT_PARTS_MAX && type[i] != NFT_TYPE_NONE; i++) {
		text_char(t, ' ');
		put_value(t, type[i], &v[i]);
	}
}

void record_format_elem(const struct fw_elem *el, struct text *t)
{
	text_str(t, el->set->name);
	put_values(t, el->set->key, el->el.key);
	if (el->el.range) {
		text_str(t, " -");
		put_values(t, el->set->key, el->el.last);
	}
	if (el->set->data[0] != NFT_TYPE_NONE) {
		text_str(t, " =");
		put_values(t, el->set->data, el->el.data);
	}
}

void record_format(const struct fw_record *r, struct text *t)
{
	struct attachment_names buf;
	const struct cni_attachment brief = attachment_shorten(&r->at, &buf);
	char path[PATH_MAX];

	str_copy(path, sizeof(path), r->data_dir);
	str_flatten(path);
	text_printf(t, HEAD "\nnetwork %s\ncontainer %s\ninterface %s\n", brief.network,
		    brief.container_id, brief.ifname);
	if (r->host_end)
		text_str(t, "hostEnd\n");
	text_printf(t, "dataDir %s\n", path);
	for (size_t i = 0; i < r->count; i++) {
		text_str(t, "element ");
		record_format_elem(&r->elems[i], t);
		text_char(t, '\n');
	}
}

static bool parse_number(const char *s, unsigned long max, unsigned long *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoul(s, &end, 10);
	return !*end && !errno && *out <= max;
}

static bool parse_addr(const char *s, uint8_t family, struct addr *out)
{
	return addr_parse(s, out) && out->family == family;
}

static bool parse_value(enum nft_type type, const char *s, union nft_value *v)
{
	unsigned long n = 0;
	bool ok = false;

	switch (type) {
	case NFT_TYPE_IPV4:
		return parse_addr(s, AF_INET, &v->addr);
	case NFT_TYPE_IPV6:
		return parse_addr(s, AF_INET6, &v->addr);
	case NFT_TYPE_MAC:
		return mac_parse(s, v->mac);
	case NFT_TYPE_PROTO:
		ok = parse_number(s, UINT8_MAX, &n);
		v->proto = (uint8_t)n;
		break;
	case NFT_TYPE_PORT:
		ok = parse_number(s, UINT16_MAX, &n);
		v->port = (uint16_t)n;
		break;
	case NFT_TYPE_MARK:
		ok = parse_number(s, UINT32_MAX, &n);
		v->mark = (uint32_t)n;
		break;
	case NFT_TYPE_IFNAME:
		return str_copy(v->ifname, sizeof(v->ifname), s);
	case NFT_TYPE_VERDICT:
		ok = parse_number(s, NF_ACCEPT, &n);
		v->verdict.code = (int)n;
		break;
	case NFT_TYPE_NONE:
		break;
	}
	return ok;
}

static bool parse_values(char **rest, const enum nft_type *type, union nft_value *v)
{
	for (unsigned int i = 0; i < NFT_PARTS_MAX && type[i] != NFT_TYPE_NONE; i++) {
		const char *word = strtok_r(NULL, " ", rest);

		if (!word || !parse_value(type[i], word, &v[i]))
			return false;
	}
	return true;
}

static const struct nft_set *find_set(const struct fw_schema *s, const char *name)
{
	for (size_t i = 0; i < s->set_count; i++) {
		if (strcmp(s->sets[i].name, name) == 0)
			return &s->sets[i];
	}
	return NULL;
}

static bool parse_elem(const struct fw_schema *s, char *text, struct fw_elem *out)
{
	char *rest = NULL;
	const char *name = strtok_r(text, " ", &rest), *word;

	memset(out, 0, sizeof(*out));
	out->set = name ? find_set(s, name) : NULL;
	if (!out->set || !parse_values(&rest, out->set->key, out->el.key))
		return false;
	word = strtok_r(NULL, " ", &rest);
	if (word && strcmp(word, "-") == 0) {
		out->el.range = true;
		if (!out->set->interval || !parse_values(&rest, out->set->key, out->el.last))
			return false;
		word = strtok_r(NULL, " ", &rest);
	}
	if (out->set->data[0] == NFT_TYPE_NONE)
		return !word;
	return word && strcmp(word, "=") == 0 &&
	       parse_values(&rest, out->set->data, out->el.data) && !strtok_r(NULL, " ", &rest);
}

/* What stands behind "key " in this line, or NULL. */
static char *value_of(char *line, const char *key)
{
	size_t len = strlen(key);

	return strncmp(line, key, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

static bool parse_line(const struct fw_schema *s, struct fw_record *r, char *line)
{
	char *value;

	if ((value = value_of(line, "element")))
		return r->count < FW_ELEMS_MAX && parse_elem(s, value, &r->elems[r->count++]);
	if ((value = value_of(line, "network")))
		r->at.network = value;
	else if ((value = value_of(line, "container")))
		r->at.container_id = value;
	else if ((value = value_of(line, "interface")))
		r->at.ifname = value;
	else if ((value = value_of(line, "dataDir")))
		r->data_dir = value;
	else if (strcmp(line, "hostEnd") == 0)
		r->host_end = true;
	else
		return false;
	return true;
}

bool record_parse(const struct fw_schema *s, struct fw_record *r)
{
	char *at = r->text, *line = strsep(&at, "\n");

	r->at = (struct cni_attachment){ 0 };
	r->data_dir = NULL;
	r->host_end = false;
	r->count = 0;
	if (strcmp(line, HEAD) != 0)
		return false;
	while ((line = strsep(&at, "\n")) && *line) {
		if (!parse_line(s, r, line))
			return false;
	}
	/* The last line has its end, and nothing stands behind it. */
	return line && !at && r->at.network && r->at.container_id && r->at.ifname && r->data_dir;
}
