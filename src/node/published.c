/* See published.h. */
#include "node/published.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/node_store.h"
#include "json/writer.h"
#include "kube/base64.h"
#include "kube/patch.h"
#include "net/link.h"
#include "node/site.h"
#include "node/tunnels.h"
#include "node/wg_key.h"

#define VALUES_MAX 5
#define DATA_MAX 160

struct values {
	struct {
		const char *key;
		const char *value; /* NULL: not written */
	} at[VALUES_MAX];
	char data[DATA_MAX];
	char ipv4[ADDR_TEXT], ipv6[ADDR_TEXT];
};

const char *published_backend(enum cluster_backend b)
{
	return b == BACKEND_VXLAN ? "vxlan" : b == BACKEND_WIREGUARD ? "wireguard" : "host-gw";
}

static int read_key(struct published *out, struct err *e)
{
	struct wg_key key;
	int r = out->backend == BACKEND_WIREGUARD ? wg_key_get(&key, e) : wg_key_read(&key, e);

	out->has_key = r > 0 || (r == 0 && out->backend == BACKEND_WIREGUARD);
	if (out->has_key)
		memcpy(out->key, key.public_key, sizeof(out->key));
	explicit_bzero(&key, sizeof(key));
	return r < 0 ? r : 0;
}

/* flannel's nodes take no notice of a node that has no subnet, and would not look again. */
int published_read(const struct site *s, struct published *out, struct err *e)
{
	const struct cluster_tunnels *t = s->cluster ? &s->cluster->tunnels : NULL;

	*out = (struct published){ .node = NULL };
	if (!t || !t->given || !s->self || !s->self->subnet_count)
		return 0;
	out->node = s->self->name;
	out->backend = t->backend;
	out->vni = tunnel_vxlan(s).vni;
	node_mac(s->self, out->mac);
	out->addresses = s->self->addresses;
	out->address_count = s->self->address_count;
	return err_ctx(e, read_key(out, e), "publish the tunnels of node %s", out->node);
}

/* The MAC and the key each as soon as there is one: whoever changes its backend needs the other. */
static void write_data(const struct published *what, char out[static DATA_MAX])
{
	char mac[MAC_TEXT], key[BASE64_KEY_TEXT];
	struct json_writer w;
	struct text t;

	text_init(&t, out, DATA_MAX);
	json_begin(&w, &t, 0);
	if (what->backend == BACKEND_DIRECT && !what->has_key) {
		json_put_str(&w, NULL);
		return;
	}
	json_open(&w, '{');
	if (what->backend != BACKEND_DIRECT) {
		json_member_int(&w, "VNI", what->vni);
		json_member_str(&w, "VtepMAC", mac_format(what->mac, mac));
	}
	if (what->has_key)
		json_member_str(&w, "PublicKey", base64_key_encode(what->key, key));
	json_close(&w, '}');
}

/* The first of each family, as packets are sent to it. */
static const char *write_address(const struct published *what, uint8_t family,
				 char out[static ADDR_TEXT])
{
	for (size_t i = 0; i < what->address_count; i++) {
		if (what->addresses[i].family == family) {
			return addr_format(&what->addresses[i], out);
		}
	}
	return NULL;
}

/* Where people say that another is to be told, as a machine behind a translator needs it. */
static const char *choose_address(const struct stored_node *n, const char *key, uint8_t family,
				  const char *own)
{
	const char *said = stored_annotation(n, key);
	struct addr a;

	return said && addr_parse(said, &a) && a.family == family ? said : own;
}

static void make_values(const struct stored_node *n, const struct published *what, struct values *v)
{
	write_data(what, v->data);
	v->at[0].key = "backend-type";
	v->at[0].value = published_backend(what->backend);
	v->at[1].key = "backend-data";
	v->at[1].value = v->data;
	v->at[2].key = "kube-subnet-manager";
	v->at[2].value = "true";
	v->at[3].key = "public-ip";
	v->at[3].value = choose_address(n, "public-ip-overwrite", AF_INET,
					write_address(what, AF_INET, v->ipv4));
	v->at[4].key = "public-ipv6";
	v->at[4].value = choose_address(n, "public-ipv6-overwrite", AF_INET6,
					write_address(what, AF_INET6, v->ipv6));
}

static bool is_published(const struct stored_node *n, const struct values *v)
{
	for (size_t i = 0; i < VALUES_MAX; i++) {
		const char *there = stored_annotation(n, v->at[i].key);

		if (v->at[i].value && (!there || strcmp(there, v->at[i].value) != 0))
			return false;
	}
	return true;
}

static void write_patch(struct text *t, const struct values *v)
{
	struct json_writer w;

	json_begin(&w, t, 0);
	json_open(&w, '{');
	json_key(&w, "metadata");
	json_open(&w, '{');
	json_key(&w, "annotations");
	json_open(&w, '{');
	for (size_t i = 0; i < VALUES_MAX; i++) {
		char key[64];

		snprintf(key, sizeof(key), NODE_ANNOTATIONS "%s", v->at[i].key);
		if (v->at[i].value)
			json_member_str(&w, key, v->at[i].value);
	}
	json_close(&w, '}');
	json_close(&w, '}');
	json_close(&w, '}');
}

void published_offer(struct patch *p, const struct stored_node *n, const struct published *what)
{
	struct values v = { 0 };
	struct text t;
	int len;

	p->wanted = false;
	if (!n || !what->node)
		return;
	make_values(n, what, &v);
	if (is_published(n, &v))
		return;
	p->resource = "nodes";
	len = snprintf(p->path, sizeof(p->path), "/api/v1/nodes/%s", n->node.name);
	text_init(&t, p->content, sizeof(p->content));
	write_patch(&t, &v);
	p->wanted = len < (int)sizeof(p->path) && !t.bad;
}
