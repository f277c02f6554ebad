/*
 * TLS 1.2 and 1.3 for a client, over a connected non-blocking socket of the caller's. The one place
 * that knows which library does it.
 *
 * The server must prove that it is the one that is asked for, by the rules of RFC 5280 and RFC 6125
 * as Go's crypto/tls applies them: an IP address counts only as an iPAddress alternative name, a
 * host name only as a dNSName; the subject's common name never counts. There is no way to switch
 * the proof off.
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct tls;

struct tls_options {
	const char *server; /* host name or IP address, as text */
	const char *ca;	    /* PEM: certificates of the authorities that are trusted, no others */
	const char *cert;   /* PEM: the client's certificate and its chain, or NULL: none */
	const char *key;    /* PEM: its key, RSA or EC, not encrypted; may be the same text */
};

/*
 * Once per process: all memory that connections ever take comes from mem, which is borrowed for
 * good. One connection needs some 60 KB, with a handshake at work.
 */
int tls_setup(void *mem, size_t size, struct err *e);
bool tls_is_setup(void);

/* The public key of a private one (RFC 7748, X25519); tls_setup() comes before. */
int x25519_public(const uint8_t key[static 32], uint8_t out[static 32], struct err *e);

/*
 * Make *out for a connected, non-blocking fd, which stays the caller's. The options are copied.
 * -EINVAL: a certificate or key cannot be used, the error says which. -ENOMEM.
 */
int tls_open(struct tls **out, int fd, const struct tls_options *o, struct err *e);

/*
 * One step of the handshake: 0 when it is done, -EAGAIN when tls_events() must be waited for.
 * -EKEYREJECTED: the server's certificate is refused, or it refuses ours; the error says why and,
 * for a wrong name, what names there are. -EPROTO: the two do not understand each other.
 */
int tls_handshake(struct tls *t, struct err *e);

/*
 * As read(2) and write(2): bytes, -EAGAIN (wait for tls_events()), or another error. Read until
 * -EAGAIN: bytes that were decrypted already make no socket readable. tls_read() returns 0 at the
 * end, whether it was announced or not: whoever reads knows what is missing.
 */
ssize_t tls_read(struct tls *t, void *buf, size_t len, struct err *e);
ssize_t tls_write(struct tls *t, const void *buf, size_t len, struct err *e);

/* POLLIN or POLLOUT, after -EAGAIN. */
short tls_events(const struct tls *t);

/* Say goodbye, as far as it can be said without waiting, and free everything. NULL is fine. */
void tls_close(struct tls *t);

#endif
