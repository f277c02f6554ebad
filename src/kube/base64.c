/* Base64: see base64.h. */
#include "kube/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit(char c)
{
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

bool base64_decode(const char *text, char *out, size_t *len)
{
	size_t n = strlen(text), pad = 0;

	*len = 0;
	if (n % 4)
		return false;
	while (pad < 2 && pad < n && text[n - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < n; i += 4) {
		size_t bytes = i + 4 == n ? 3 - pad : 3;
		uint32_t bits = 0;

		for (size_t k = 0; k < 4; k++) {
			int d = k > bytes ? 0 : digit(text[i + k]);

			if (d < 0)
				return false;
			bits = bits << 6 | (uint32_t)d;
		}
		for (size_t k = 0; k < bytes; k++)
			out[(*len)++] = (char)(bits >> (16 - 8 * k) & 0xff);
	}
	return true;
}

/* Bits that no byte has are 0 in the one text of a key. */
bool base64_key_decode(const char *text, uint8_t out[static BASE64_KEY])
{
	char key[BASE64_KEY_TEXT], again[BASE64_KEY_TEXT];
	size_t len;

	if (strlen(text) != BASE64_KEY_TEXT - 1 || !base64_decode(text, key, &len) ||
	    len != BASE64_KEY || strcmp(base64_key_encode((const uint8_t *)key, again), text) != 0)
		return false;
	memcpy(out, key, BASE64_KEY);
	return true;
}

const char *base64_key_encode(const uint8_t key[static BASE64_KEY],
			      char out[static BASE64_KEY_TEXT])
{
	char *at = out;

	for (size_t i = 0; i < BASE64_KEY; i += 3) {
		uint32_t bits = (uint32_t)key[i] << 16 | (uint32_t)key[i + 1] << 8 |
				(i + 2 < BASE64_KEY ? key[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			*at++ = digits[bits >> (18 - 6 * k) & 63];
	}
	at[-1] = '=';
	*at = '\0';
	return out;
}
