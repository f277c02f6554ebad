/* Base64 (RFC 4648 4), as it stands in kubeconfigs and in WireGuard's keys. */
#ifndef KUBE_BASE64_H
#define KUBE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decode the whole text into out, which has room for strlen(text) bytes; no NUL is added. Padding
 * is required; nothing else may stand in between.
 */
bool base64_decode(const char *text, char *out, size_t *len);

/* A key of 32 bytes: 44 characters. */
#define BASE64_KEY 32
#define BASE64_KEY_TEXT 45
bool base64_key_decode(const char *text, uint8_t out[static BASE64_KEY]);
const char *base64_key_encode(const uint8_t key[static BASE64_KEY],
			      char out[static BASE64_KEY_TEXT]);

#endif
