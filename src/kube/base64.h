/* Base64 (RFC 4648 4), as it stands in kubeconfigs. */
#ifndef KUBE_BASE64_H
#define KUBE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Decode the whole text into out, which has room for strlen(text) bytes; no NUL is added. Padding
 * is required; nothing else may stand in between.
 */
bool base64_decode(const char *text, char *out, size_t *len);

#endif
