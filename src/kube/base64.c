/* Base64: see base64.h. */
#include "kube/base64.h"

#include <stdint.h>
#include <string.h>

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
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
