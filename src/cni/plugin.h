/*
 * The frame that every plugin runs in: it reads the request, calls the plugin's function for the
 * command, and writes the one answer. A plugin is a constant of this type and the functions that it
 * names.
 */
#ifndef CNI_PLUGIN_H
#define CNI_PLUGIN_H

#include "base/undo.h"
#include "cni/request.h"
#include "cni/result.h"

struct iface_driver;

#define CNI_CAPABILITIES_MAX 7

/*
 * conf is the plugin's own struct, decoded by its table over its defaults. Each function returns 0
 * or -errno with e set; the error code is set at the point of failure by err_code(), or derived
 * from the errno by the frame.
 */
struct cni_plugin {
	const char *name;
	const char *summary; /* one line */
	/*
	 * Decoded into conf, and printed by --help; NULL: none. DEL and GC read only the fields
	 * that name what was made, so that no other value can stop them.
	 */
	const struct json_table *keys;
	const struct json_table *ipam_keys; /* of the "ipam" object, for --help only; NULL: none */
	/*
	 * The keys of runtimeConfig that it reads, as a list declares them in "capabilities". With
	 * "ips" or "mac" the frame reads them at ADD, from CNI_ARGS and args.cni as well
	 * (cni/args.h); without, CNI_ARGS may hold anything.
	 */
	const char *capabilities[CNI_CAPABILITIES_MAX + 1]; /* NULL behind the last */
	/* Of a plugin that gives a pod an interface (iface/iface.h); NULL: of any other. */
	const struct iface_driver *driver;
	size_t conf_size;

	/* What in conf is not zero when no key is given. May be NULL. */
	void (*defaults)(void *conf);

	/* Complete and judge conf before anything changes. May be NULL. */
	int (*prepare)(const struct cni_request *req, void *conf, struct err *e);

	/* Make the attachment; push the inverse of each effect. out starts as prevResult, or empty.
	 */
	int (*add)(const struct cni_request *req, const void *conf, struct cni_result *out,
		   struct undo *u, struct err *e);

	/*
	 * Idempotent; goes on after a failed step and reports the first real error; needs neither
	 * namespace nor prevResult.
	 */
	int (*del)(const struct cni_request *req, const void *conf, struct err *e);

	/* NULL in one of these means: nothing to do. prev is the decoded prevResult. */
	int (*check)(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		     struct err *e);
	int (*gc)(const struct cni_request *req, const void *conf, struct err *e);
	int (*status)(const struct cni_request *req, const void *conf, struct err *e);

	/*
	 * Called when the configuration is read, before the command: e.g. to open the log file it
	 * names. May be NULL.
	 */
	void (*opened)(const struct cni_request *req, const void *conf);
	/* Called with the answer (result or error object) after the command. May be NULL. */
	void (*answered)(const struct cni_request *req, const void *conf, const char *answer,
			 int status);

	/*
	 * Called with arguments, which no runtime does: argv[0] is the plugin's name; the exit
	 * status. NULL: it takes none. help is printed behind the keys.
	 */
	int (*main)(int argc, char **argv);
	void (*help)(void);
};

/* The frame: the exit status. */
int cni_plugin_run(const struct cni_plugin *p);

/*
 * For a plugin that another of ours calls: what the frame does before the command. req is read;
 * conf gets the plugin's configuration, complete and judged.
 */
int cni_plugin_prepare(const struct cni_plugin *p, struct cni_request *req, void **conf,
		       struct err *e);

/*
 * A call (CNI_COMMAND is set) by the name of no plugin: an error object that says so. The exit
 * status.
 */
int cni_plugin_unknown(const char *name);

/* Printed by --help behind the applet's line: the keys, and those of runtimeConfig. */
void cni_plugin_help(const struct cni_plugin *p);

#endif
