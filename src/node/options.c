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
	return why ? why : check_command(o);
}
