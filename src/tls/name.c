/* Names: see name.h. */
#include "tls/name.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	unsigned char number;
	const char *name;
} alerts[] = {
	{ 0, "close notify" },
	{ 10, "unexpected message" },
	{ 20, "bad record MAC" },
	{ 22, "record overflow" },
	{ 40, "handshake failure: no common cipher, or a client certificate is missing" },
	{ 42, "bad certificate" },
	{ 43, "unsupported certificate" },
	{ 44, "certificate revoked" },
	{ 45, "certificate expired" },
	{ 46, "certificate unknown" },
	{ 47, "illegal parameter" },
	{ 48, "unknown certificate authority" },
	{ 49, "access denied" },
	{ 50, "decode error" },
	{ 51, "decrypt error" },
	{ 70, "protocol version" },
	{ 71, "insufficient security" },
	{ 80, "internal error" },
	{ 90, "user canceled" },
	{ 112, "unrecognized name" },
	{ 116, "certificate required" },
};

const char *tls_alert_name(unsigned char alert)
{
	static char unknown[16];

	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
		if (alerts[i].number == alert)
			return alerts[i].name;
	}
	snprintf(unknown, sizeof(unknown), "alert %u", alert);
	return unknown;
}

bool tls_alert_is_refusal(unsigned char alert)
{
	return alert == 40 || (alert >= 42 && alert <= 49) || alert == 116;
}

bool tls_name_covers(const char *name, size_t len, const char *host)
{
	size_t host_len = strlen(host);

	if (host_len && host[host_len - 1] == '.')
		host_len--;
	if (len > 2 && name[0] == '*' && name[1] == '.') {
		const char *dot = memchr(host, '.', host_len);

		if (!dot || dot == host)
			return false;
		name++;
		len--;
		host_len -= (size_t)(dot - host);
		host = dot;
	}
	return len > 0 && len == host_len && memchr(name, '*', len) == NULL &&
	       memchr(name, '\0', len) == NULL && strncasecmp(name, host, len) == 0;
}
