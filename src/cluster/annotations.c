/* See annotations.h. */
#include "cluster/annotations.h"

#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "cluster/cluster.h"
#include "json/json.h"
#include "kube/base64.h"
#include "net/link.h"

struct backend_data {
	const char *mac, *key;
};

static const struct json_field data_fields[] = {
	{ "VtepMAC", JSON_STR, offsetof(struct backend_data, mac) },
	{ "PublicKey", JSON_STR, offsetof(struct backend_data, key) },
};
static const struct json_table data_table = { data_fields, 2 };

static void apply_data(struct arena *a, struct node_tunnel *t, const char *value)
{
	struct backend_data d = { 0 };

	/* "null" is what host-gw has */
	if (json_decode(a, value, strlen(value), &data_table, &d, err_ignored()) < 0)
		return;
	if (d.mac)
		t->has_mac = mac_parse(d.mac, t->mac) && !(t->mac[0] & 1);
	if (d.key)
		t->has_key = base64_key_decode(d.key, t->key);
}

static void apply_outer(struct addr *out, uint8_t family, const char *value)
{
	struct addr a;

	if (addr_parse(value, &a) && a.family == family)
		*out = a;
}

void annotation_apply(struct arena *a, struct node_tunnel *t, const char *key, const char *value)
{
	if (strcmp(key, "backend-data") == 0)
		apply_data(a, t, value);
	else if (strcmp(key, "public-ip") == 0)
		apply_outer(&t->outer4, AF_INET, value);
	else if (strcmp(key, "public-ipv6") == 0)
		apply_outer(&t->outer6, AF_INET6, value);
	else if (strcmp(key, "backend-type") == 0 && strcmp(value, "host-gw") == 0)
		t->backend = BACKEND_DIRECT;
	else if (strcmp(key, "backend-type") == 0 && backend_parse(value) > BACKEND_DIRECT)
		t->backend = (enum cluster_backend)backend_parse(value);
}
