/* Names of hosts, of alerts and of what is wrong with a certificate. No library is needed here. */
#ifndef TLS_NAME_H
#define TLS_NAME_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Does a dNSName of a certificate (not NUL-terminated) cover this host? Without regard to letter
 * case and to a dot at the host's end; "*" stands for exactly one whole label, and only as the
 * first of at least two (RFC 6125 6.4, as Go's x509).
 */
bool tls_name_covers(const char *name, size_t len, const char *host);

/* The description of an alert (RFC 8446 6.2); "alert 200" in a static buffer for unknown ones. */
const char *tls_alert_name(unsigned char alert);

/* Is it about a certificate, most likely ours? */
bool tls_alert_is_refusal(unsigned char alert);

#endif
