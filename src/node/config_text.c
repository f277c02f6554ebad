/* What the CNI configuration says: see config_text.h. */
#include "node/config_text.h"

#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "json/writer.h"
#include "node/site.h"

/* Is there nothing in p but subnets? They come ascending. */
static bool is_all_subnets(const struct cluster *c, const struct prefix *p)
{
	struct addr next = prefix_first(p), end = prefix_last(p);

	for (size_t i = 0; i < c->subnet_count; i++) {
		struct addr last = prefix_last(&c->subnets[i].prefix);

		if (!addr_equal(&c->subnets[i].prefix.addr, &next))
			continue;
		if (addr_equal(&last, &end))
			return true;
		next = addr_next(&last);
	}
	return false;
}

/*
 * The cluster network that holds the subnet; without networks, the widest prefix that is nothing
 * but subnets.
 */
static struct prefix cluster_network(const struct cluster *c, const struct prefix *p)
{
	struct prefix widest = *p, wider = *p;

	for (size_t i = 0; i < c->network_count; i++) {
		if (prefix_covers(&c->networks[i], p))
			return c->networks[i];
	}
	while (wider.len-- > 0 && is_all_subnets(c, &wider))
		widest = prefix_masked(&wider);
	return widest;
}

static void put_bash_cni(struct json_writer *w, const struct site *s)
{
	const struct prefix *p = &s->self->subnets[0];
	struct prefix network = cluster_network(s->cluster, p);

	json_member_str(w, "type", config_plugin(s));
	json_member_str(w, "network", prefix_text(&network));
	json_member_str(w, "subnet", prefix_text(p));
	if (strcmp(s->cluster->bridge, "cni0") != 0)
		json_member_str(w, "bridge", s->cluster->bridge);
	json_member_bool(w, "hairpinMode", true); /* a pod that calls its own Service */
}

static void put_bridge(struct json_writer *w, const struct site *s)
{
	json_member_str(w, "type", config_plugin(s));
	json_member_str(w, "bridge", s->cluster->bridge);
	json_member_bool(w, "isDefaultGateway", true);
	json_member_bool(w, "hairpinMode", true);
	json_key(w, "ipam");
	json_open(w, '{');
	json_member_str(w, "type", "host-local");
	json_key(w, "ranges");
	json_open(w, '[');
	for (size_t i = 0; i < s->self->subnet_count; i++) {
		json_open(w, '[');
		json_open(w, '{');
		json_member_str(w, "subnet", prefix_text(&s->self->subnets[i]));
		json_close(w, '}');
		json_close(w, ']');
	}
	json_close(w, ']');
	json_close(w, '}');
}

static bool is_bash_cni(const struct site *s)
{
	return s->self->subnet_count == 1 && s->self->subnets[0].addr.family == AF_INET;
}

const char *config_plugin(const struct site *s)
{
	return is_bash_cni(s) ? "bash-cni" : "bridge";
}

const char *config_text(const struct site *s)
{
	char buf[CONFIG_SIZE];
	struct json_writer w;
	struct text t;

	text_init(&t, buf, sizeof(buf));
	json_begin(&w, &t, 2);
	json_open(&w, '{');
	json_member_str(&w, "cniVersion", "1.0.0");
	json_member_str(&w, "name", s->cluster->network);
	json_member_str(&w, CONFIG_MARK, s->self->name);
	json_key(&w, "plugins");
	json_open(&w, '[');
	json_open(&w, '{');
	if (is_bash_cni(s))
		put_bash_cni(&w, s);
	else
		put_bridge(&w, s);
	if (s->cluster->mtu)
		json_member_int(&w, "mtu", s->cluster->mtu);
	json_close(&w, '}');
	json_close(&w, ']');
	json_close(&w, '}');
	text_char(&t, '\n');
	return t.bad ? NULL : arena_strndup(s->arena, t.at, t.len);
}
