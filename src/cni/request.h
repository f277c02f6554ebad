/*
 * One call of a plugin: environment and standard input, validated before anything changes.
 * Follows the specification's "Section 2: Execution Protocol", "Parameters", and "Section 1",
 * "Plugin configuration objects".
 */
#ifndef CNI_REQUEST_H
#define CNI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "cni/cni.h"
#include "json/json.h"

struct arena;
struct cni_plugin;
struct err;

#define CNI_STDIN_MAX                                                                              \
	(1u << 20)	 /* bytes of configuration; a GC of thousands of attachments fits          \
			  */
#define CNI_WANTED_MAX 8 /* addresses asked for by CNI_ARGS, runtimeConfig or args */

/* The environment as it came; "" where a variable is not set. */
struct cni_env {
	const char *command, *container_id, *netns, *ifname, *args, *path;
	const char
		*netns_override; /* the reference's: "1" or "true" allows the caller's own netns */
};

struct cni_request {
	struct arena *arena;
	const struct cni_plugin *plugin; /* that is called; set by the frame */
	enum cni_command command;
	enum cni_version version; /* of the configuration: the form of the answer */
	struct cni_attachment
		at;	     /* network, container id, interface; "" where the command has none */
	const char *netns;   /* "" when not given */
	bool netns_override; /* netns may be our own (CNI_NETNS_OVERRIDE) */
	const char *args;    /* CNI_ARGS as given */
	const char *path;    /* CNI_PATH as given */
	const char *type;
	struct json_raw config; /* the whole of stdin */
	struct json_raw ipam;	/* object, or text NULL */
	struct json_raw dns;
	struct json_raw prev_result;	/* text NULL: none */
	struct json_raw runtime_config; /* "runtimeConfig"; text NULL: none */
	struct json_raw cni_args;	/* "args.cni"; text NULL: none */
	bool valid_known; /* GC: the runtime said which attachments are valid; else nothing can be
			     said of any */
	struct cni_attachment *valid; /* sorted by container id, then interface; in the arena */
	size_t valid_count;
	struct addr wanted_ip[CNI_WANTED_MAX]; /* these are filled by cni_args_read() */
	size_t wanted_ip_count;
	const char
		*wanted_mac; /* NULL: none; from runtimeConfig, args.cni, CNI_ARGS, in this order */
};

void cni_env_read(struct cni_env *env);

/*
 * Read everything of a call. Environment problems are all named in one error (CNI_ERR_ENVIRONMENT);
 * stdin that is no JSON is CNI_ERR_DECODE with line and column; versions, names and keys follow.
 * For VERSION only stdin's cniVersion matters, and stdin may be empty. out->version is set as soon
 * as it is known, for the error object too. text is the NUL-terminated stdin and lives as long as
 * the request. CNI_ARGS, runtimeConfig and args.cni stay as they came (args.h reads them).
 */
int cni_request_read(struct cni_request *out, struct arena *a, const struct cni_env *env,
		     const char *text, size_t len, struct err *e);

/* DEL and GC: only the values that name what was made are read. */
bool cni_takes_away(const struct cni_request *req);

/*
 * Decode the plugin's own keys of req->config; conf holds the defaults. Errors get CNI_ERR_CONFIG.
 */
int cni_config_decode(const struct cni_request *req, const struct json_table *table, void *conf,
		      struct err *e);

/*
 * GC: is this container's interface among the valid attachments? An empty ifname asks for any
 * interface.
 */
bool cni_is_valid(const struct cni_request *req, const char *container_id, const char *ifname);

#endif
