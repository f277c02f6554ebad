/*
 * GC's list of valid attachments ("cni.dev/valid-attachments").
 */
#ifndef CNI_VALID_H
#define CNI_VALID_H

#include "json/json.h"

struct cni_request;
struct err;

/* Fill req->valid; null or absent leaves valid_known false. An entry that is malformed is CNI_ERR_DECODE, and nothing is collected. */
int cni_valid_read(struct cni_request *req, struct json_raw list, struct err *e);

#endif
