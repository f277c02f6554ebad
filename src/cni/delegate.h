/*
 * A plugin that calls another for its work, in a configuration of its own making: in-process when
 * that is one of ours, else by the execution protocol. Follows the specification's "Section 4:
 * Plugin Delegation".
 */
#ifndef CNI_DELEGATE_H
#define CNI_DELEGATE_H

#include "cni/plugin.h"

struct err;

/* Large: make it static. */
struct cni_delegate {
	const struct cni_plugin *plugin; /* NULL: it is foreign, in this file */
	const char *file;
	struct cni_request req; /* as it is called */
	void *conf;
};

/*
 * Find the plugin of this type and read its configuration, which ends with a NUL and stays. own is
 * ours of this name, or NULL; it is taken unless CNI_PATH has another's file of the name. Of one of
 * ours everything that is wrong in the configuration is found here. The command is outer's.
 */
int cni_delegate_prepare(struct cni_delegate *d, const struct cni_plugin *own, const char *type,
			 const struct cni_request *outer, struct json_raw config, struct err *e);

/* As in struct cni_plugin. A foreign one that has answered and then must be undone gets its DEL. */
int cni_delegate_add(struct cni_delegate *d, struct cni_result *out, struct undo *u, struct err *e);
int cni_delegate_check(struct cni_delegate *d, const struct cni_result *prev, struct err *e);
/* DEL, GC, STATUS. */
int cni_delegate_run(struct cni_delegate *d, struct err *e);
void cni_delegate_answered(const struct cni_delegate *d, const char *answer, int status);

#endif
