/*
 * Calling another plugin by the execution protocol: an IPAM plugin that is not ours, a plugin of a
 * chain. Follows the specification's "Section 2" and "Section 4: Plugin Delegation".
 */
#ifndef CNI_EXEC_H
#define CNI_EXEC_H

#include <stdbool.h>
#include <stddef.h>

#include "cni/request.h"

struct err;

/*
 * The first file of this name that can be executed in the directories of cni_path (separated by
 * ':'). type must be one plain path component (-EINVAL). -ENOENT names the directories searched.
 */
int cni_find(const char *cni_path, const char *type, char *out, size_t size, struct err *e);

/* Is this file our own executable (the same inode, so that links count and copies do not)? */
bool cni_is_self(const char *file);

/* What another plugin gets that is called in the stead of this request, or for it. */
struct cni_env cni_env_of(const struct cni_request *req, enum cni_command command);

struct cni_exec {
	const char *file;
	struct cni_env env; /* of the plugin; every variable is set, "" included */
	const char *config;
	size_t config_len;
};

/*
 * Run the plugin to its end: config to its stdin, its stdout into out (NUL-terminated, *len bytes),
 * its stderr is ours. A plugin that exits with a failure gives its error object's msg and details
 * as the error's text and its code as the error's code.
 */
int cni_exec(struct arena *a, const struct cni_exec *x, char *out, size_t cap, size_t *len,
	     struct err *e);

#endif
