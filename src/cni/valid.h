/*
 * GC's list of valid attachments ("cni.dev/valid-attachments").
 */
#ifndef CNI_VALID_H
#define CNI_VALID_H

struct cni_request;
struct err;

enum cni_valid_key { CNI_VALID, CNI_VALID_OLD };

/*
 * Fill req->valid from the list of this key, which is there. An entry that is malformed is
 * CNI_ERR_DECODE, and nothing is collected.
 */
int cni_valid_read(struct cni_request *req, enum cni_valid_key key, struct err *e);

#endif
