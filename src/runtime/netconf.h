/*
 * Network configuration lists as runtimes read them from a directory.
 *
 * Follows the specification's "Section 1: Network configuration format" and, where that is silent,
 * libcni: first the *.conflist in byte order, then *.conf and *.json, which hold one plugin and are
 * taken as a list of it. The first file of the wanted name is the network. Beyond libcni, a .json
 * or .conf that holds "plugins" is a list, and a file that cannot be read stops only those who need
 * it.
 */
#ifndef RUNTIME_NETCONF_H
#define RUNTIME_NETCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "cni/cni.h"
#include "json/json.h"

struct arena;
struct err;
struct text;

struct net_plugin {
	const char *type;
	const char *name;	      /* its own; NULL: none */
	struct json_raw config;	      /* the object as it stands in the file */
	struct json_raw capabilities; /* object of booleans, or text NULL */
};

struct net_list {
	const char *name;
	enum cni_version version; /* the highest common one of cniVersion and cniVersions */
	bool disable_check, disable_gc;
	struct net_plugin *plugins;
	size_t count;	       /* at least 1 */
	struct json_raw bytes; /* the list as JSON, as the result cache keeps it */
};

/*
 * Load the network of this name from a directory; all in the arena. -ENOENT names the networks that
 * are there.
 */
int net_list_load(struct arena *a, const char *dir, const char *name, struct net_list *out,
		  struct err *e);

/*
 * One file's text. *more is set if the plugins of the directory named after the network belong to
 * the list (loadOnlyInlinedPlugins, specification 1.1.0); then out->count may be 0.
 */
int net_list_parse(struct arena *a, struct json_raw text, struct net_list *out, bool *more,
		   struct err *e);

/* One plugin's object (a checked document, or to be checked). */
int net_plugin_parse(struct arena *a, struct json_raw raw, struct net_plugin *out, struct err *e);

/* What a call adds to a plugin's object. Text NULL: not added. */
struct net_inject {
	struct json_raw prev_result;
	struct json_raw capability_args; /* object; the keys that the plugin is capable of become
					    runtimeConfig */
	struct json_raw valid_attachments;
};

/* Append the configuration that the plugin gets on its standard input. Overflow marks t bad. */
void net_config_write(struct text *t, const struct net_list *l, const struct net_plugin *p,
		      const struct net_inject *in);

#endif
