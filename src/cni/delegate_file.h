/*
 * What a plugin called its delegate with at ADD, for DEL and CHECK: a file for each container,
 * named by its id, as the reference's flannel plugin has it. Writers and GC hold the directory's
 * lock. A file too few is no harm: there is nothing then, or its plugin goes on from names.
 */
#ifndef CNI_DELEGATE_FILE_H
#define CNI_DELEGATE_FILE_H

#include "cni/request.h"
#include "json/json.h"

struct err;

#define DELEGATE_FILE_MAX (256u << 10) /* bytes of a configuration */

/*
 * 1: *out is what this container was attached with, in the request's arena; 0: there is nothing,
 * or it is another network's. What is there and cannot be read is an error, CNI_ERR_STATE.
 */
int delegate_file_read(const char *path, const struct cni_request *req, struct json_raw *out,
		       struct err *e);

/* The directory is made if need be; what was kept before is replaced. */
int delegate_file_write(const char *path, const struct cni_request *req, struct json_raw config,
			struct err *e);

/* Gone already is fine. */
int delegate_file_remove(const char *path, const struct cni_request *req, struct err *e);

/* GC: those of the request's network whose containers are not valid, and what killed writers left.
 */
int delegate_file_gc(const char *path, const struct cni_request *req, struct err *e);

#endif
