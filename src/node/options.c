/* See options.h. */
#include "node/options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool node_command_parse(const char *name, enum node_command *out)
{
	static const char *const commands[] = {
		[NODE_UP] = "up", [NODE_DOWN] = "down", [NODE_SHOW] = "show", [NODE_RUN] = "run"
	};
	int i = str_index(commands, sizeof(commands) / sizeof(commands[0]), name);

	if (i >= 0)
		*out = (enum node_command)i;
	return i >= 0;
}

#define UP (1u << NODE_UP)
#define DOWN (1u << NODE_DOWN)
#define SHOW (1u << NODE_SHOW)
#define RUN (1u << NODE_RUN)
#define AT(member) offsetof(struct node_options, member)

/* What each command takes. */
static const struct option_desc {
	const char *name;
	size_t offset; /* of a const char *, or of a bool when it is a flag */
	unsigned int commands;
	bool flag;
} option_descs[] = {
	{ "-f", AT(file), UP | DOWN | SHOW | RUN },
	{ "--file", AT(file), UP | DOWN | SHOW | RUN },
	{ "--kubernetes", AT(access.in_pod), UP | SHOW | RUN, .flag = true },
	{ "--kubeconfig", AT(access.kubeconfig), UP | SHOW | RUN },
	{ "--server", AT(access.server), UP | SHOW | RUN },
	{ "--ca", AT(access.ca), UP | SHOW | RUN },
	{ "--token-file", AT(access.token_file), UP | SHOW | RUN },
	{ "--cert", AT(access.cert), UP | SHOW | RUN },
	{ "--key", AT(access.key), UP | SHOW | RUN },
	{ "--backend", AT(backend), UP | SHOW | RUN },
	{ "--tunnel-all", AT(tunnel_all), UP | SHOW | RUN, .flag = true },
	{ "--vni", AT(vni), UP | SHOW | RUN },
	{ "--vxlan-port", AT(vxlan_port), UP | SHOW | RUN },
	{ "--wireguard-port", AT(wireguard_port), UP | SHOW | RUN },
	{ "--mtu", AT(mtu), UP | SHOW | RUN },
	{ "--name", AT(name), UP | SHOW | RUN },
	{ "--listen", AT(listen), RUN },
	{ "--dry-run", AT(dry_run), UP, .flag = true },
};

static const struct option_desc *find_option(const char *name, enum node_command command)
{
	for (size_t i = 0; i < sizeof(option_descs) / sizeof(option_descs[0]); i++) {
		if (strcmp(option_descs[i].name, name) == 0 &&
		    option_descs[i].commands & 1u << command)
			return &option_descs[i];
	}
	return NULL;
}

/* The sources exclude each other; a server's options stand alone, or add to a source of its kind.
 */
static const char *check_sources(struct node_options *o)
{
	const struct access_options *a = &o->access;
	bool of_server = a->server || a->ca || a->token_file || a->cert || a->key;
	int sources = (o->file != NULL) + a->in_pod + (a->kubeconfig != NULL);

	if (sources > 1 || (o->file && of_server))
		return "the cluster comes from one source: a file, or a Kubernetes server";
	if (of_server && !sources && !a->server)
		return "--server is missing";
	if (o->file)
		o->source = o->file;
	else if (sources || a->server)
		o->source = a->server ? a->server : a->in_pod ? "Kubernetes" : a->kubeconfig;
	if (a->in_pod && !o->name)
		o->name = getenv("NODE_NAME"); /* as manifests name it */
	return NULL;
}

/* A number in decimal; where the option is not given, *out stays. */
static bool parse_number(const char *s, int64_t max, int64_t *out)
{
	int64_t n = 0;

	if (!s)
		return true;
	if (!*s || strlen(s) > 8 || s[strspn(s, "0123456789")])
		return false;
	for (; *s; s++)
		n = 10 * n + (*s - '0');
	*out = n;
	return n >= 1 && n <= max;
}

static const char *check_tunnels(struct node_options *o)
{
	struct cluster_tunnels *t = &o->tunnels;
	int backend = o->backend ? backend_parse(o->backend) : BACKEND_DIRECT;

	*t = (struct cluster_tunnels){ .all = o->tunnel_all,
				       .given = o->backend != NULL,
				       .vxlan_port = CLUSTER_VXLAN_PORT,
				       .wireguard_port = CLUSTER_WIREGUARD_PORT };
	if (o->file &&
	    (o->backend || o->tunnel_all || o->vni || o->vxlan_port || o->wireguard_port || o->mtu))
		return "a file has keys for tunnels and MTU: these options are for a Kubernetes "
		       "server";
	if (backend < 0)
		return "--backend is direct, vxlan or wireguard";
	t->backend = (enum cluster_backend)backend;
	if (!parse_number(o->vni, (1 << 24) - 1, &t->vni))
		return "--vni is 1 to 16777215";
	if (!parse_number(o->vxlan_port, UINT16_MAX, &t->vxlan_port))
		return "--vxlan-port is 1 to 65535";
	if (!parse_number(o->wireguard_port, UINT16_MAX, &t->wireguard_port))
		return "--wireguard-port is 1 to 65535";
	if (t->vxlan_port == t->wireguard_port)
		return "VXLAN and WireGuard need different ports";
	if (!parse_number(o->mtu, UINT16_MAX, &o->pod_mtu) || (o->mtu && o->pod_mtu < 1280))
		return "--mtu is 1280 to 65535";
	return NULL;
}

void node_options_apply(const struct node_options *o, struct cluster *c)
{
	if (o->file)
		return;
	c->tunnels = o->tunnels;
	c->mtu = o->pod_mtu;
}

static const char *check_command(const struct node_options *o)
{
	if (o->command == NODE_UP && !o->source)
		return "up needs -f FILE, or a Kubernetes server";
	if (o->command == NODE_RUN && !o->source)
		return "run needs -f FILE, or a Kubernetes server";
	if (o->command == NODE_RUN && o->file && strcmp(o->file, "-") == 0)
		return "run watches its file: it cannot be standard input";
	return NULL;
}

const char *node_options_parse(int argc, char **argv, struct node_options *o, const char **what)
{
	const char *why;

	for (int i = 2; i < argc; i++) {
		const struct option_desc *d = find_option(argv[i], o->command);

		*what = argv[i];
		if (!d)
			return "unexpected argument";
		if (d->flag) {
			*(bool *)((char *)o + d->offset) = true;
			continue;
		}
		if (++i == argc)
			return "an argument is missing behind";
		*(const char **)(void *)((char *)o + d->offset) = argv[i];
	}
	*what = NULL;
	why = check_sources(o);
	if (!why)
		why = check_tunnels(o);
	return why ? why : check_command(o);
}
