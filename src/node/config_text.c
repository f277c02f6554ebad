/* What the CNI configuration says: see config_text.h. */
#include "node/config_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "json/writer.h"
#include "node/site.h"
#include "node/tunnels.h"

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

/* Of the two that we write. */
static bool is_our_plugin(struct json_raw plugin)
{
	struct json_raw type = json_find(plugin, "type");

	return (type.len == 10 && memcmp(type.text, "\"bash-cni\"", 10) == 0) ||
	       (type.len == 8 && memcmp(type.text, "\"bridge\"", 8) == 0);
}

static void put_plugin(struct json_writer *w, const struct site *s, struct json_raw old)
{
	static const char *const ours[] = {
		"type",	       "network", "subnet", "bridge", "isDefaultGateway",
		"hairpinMode", "ipam",	  "mtu",    NULL
	};

	json_open(w, '{');
	if (is_bash_cni(s))
		put_bash_cni(w, s);
	else
		put_bridge(w, s);
	if (tunnels_pod_mtu(s))
		json_member_int(w, "mtu", tunnels_pod_mtu(s));
	json_members_but(w, old, ours);
	json_close(w, '}');
}

/* Ours stands where it stood; where there was none, first. */
static void put_plugins(struct json_writer *w, const struct site *s)
{
	struct json_raw key, value, old = { 0 };
	struct json_iter it = json_members(json_find(s->config, "plugins"));

	while (json_next(&it, &key, &value) && !old.text) {
		if (is_our_plugin(value))
			old = value;
	}
	if (!old.text)
		put_plugin(w, s, old);
	it = json_members(json_find(s->config, "plugins"));
	while (json_next(&it, &key, &value)) {
		if (value.text == old.text)
			put_plugin(w, s, old);
		else
			json_put_raw(w, value);
	}
}

const char *config_text(const struct site *s)
{
	static const char *const ours[] = { "cniVersion", "name", CONFIG_MARK, "plugins", NULL };
	char *buf = arena_alloc(s->arena, CONFIG_SIZE);
	struct json_writer w;
	struct text t;

	if (!buf)
		return NULL;
	text_init(&t, buf, CONFIG_SIZE);
	json_begin(&w, &t, 2);
	json_open(&w, '{');
	json_member_str(&w, "cniVersion", "1.0.0");
	json_member_str(&w, "name", s->cluster->network);
	json_member_str(&w, CONFIG_MARK, s->self->name);
	json_key(&w, "plugins");
	json_open(&w, '[');
	put_plugins(&w, s);
	json_close(&w, ']');
	json_members_but(&w, s->config, ours);
	json_close(&w, '}');
	text_char(&t, '\n');
	return t.bad ? NULL : t.at;
}

bool config_is_ours(const char *text, size_t len)
{
	return json_check(text, len, err_ignored()) == 0 &&
	       json_find((struct json_raw){ text, len }, CONFIG_MARK).text;
}

void config_read(struct site *s)
{
	static const char *const ends[] = { "", CONFIG_WITHHELD };
	char *buf = arena_alloc(s->arena, CONFIG_SIZE);

	for (size_t i = 0; i < 2 && buf && s->cluster && !s->config.text; i++) {
		const char *path = arena_printf(s->arena, "%s%s", s->cluster->config, ends[i]);
		ssize_t len =
			path ? file_read(AT_FDCWD, path, buf, CONFIG_SIZE, err_ignored()) : -ENOMEM;

		if (len <= 0 || !config_is_ours(buf, (size_t)len))
			continue;
		s->config = (struct json_raw){ buf, (size_t)len };
		s->config_there = i == 0;
	}
}
