/*
 * TLS by mbedTLS 3.6, built as mbedtls_config.h says: see tls.h. Only this file and
 * x25519.c know the library, which will be replaced by its successor some day.
 *
 * The library's own check of names accepts an address that stands among the DNS names, and a common
 * name where there are no alternative ones. So the verify callback decides about names alone, and
 * collects what an error will say.
 */
#include "tls/tls.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/error.h>
#include <mbedtls/memory_buffer_alloc.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/text.h"
#include "tls/name.h"

#define NAMES_SHOWN 200 /* bytes of a certificate's names in an error */
#define ISSUER_SHOWN 80
#define SAN_DNS 2 /* the kinds of alternative names, RFC 5280 4.2.1.6 */
#define SAN_ADDR 7
#define SAN_KIND(tag) ((tag)&0x1f)

struct tls {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt ca, cert;
	mbedtls_pk_context key;
	char server[256];
	int fd;
	int errnum;	/* of the last send or receive that failed for good */
	short events;	/* what the last step waits for */
	uint32_t flags; /* what the verification found wrong with any certificate of the chain */
	mbedtls_x509_time from, until; /* of the certificate whose time is wrong */
	char names[NAMES_SHOWN];
	char issuer[ISSUER_SHOWN];
};

/* TLS 1.2 servers may choose what mbedTLS 3.6.6 offers first and then refuses: PSS stands last. */
static const uint16_t signatures[] = {
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,	   MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,	   MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,	   MBEDTLS_TLS1_3_SIG_NONE,
};

/* Never waits: early at boot the kernel may have no random bytes, and the caller tries again. */
static int random_bytes(void *ctx, unsigned char *out, size_t len)
{
	(void)ctx;
	while (len > 0) {
		ssize_t r = getrandom(out, len, GRND_NONBLOCK);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return MBEDTLS_ERR_ERROR_GENERIC_ERROR;
		out += r;
		len -= (size_t)r;
	}
	return 0;
}

/* The library calls it by this name (MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG). */
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context,
					     uint8_t *output, size_t output_size,
					     size_t *output_length)
{
	(void)context;
	if (random_bytes(NULL, output, output_size) != 0)
		return PSA_ERROR_INSUFFICIENT_ENTROPY;
	*output_length = output_size;
	return PSA_SUCCESS;
}

/* The library writes zeros over its memory, whole as it is: what was zero is given back. */
static void give_back(char *mem, size_t size)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = ((uintptr_t)mem + 2 * page - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)mem + size) & ~(page - 1);

	if (first < end)
		madvise((void *)first, end - first, MADV_DONTNEED);
}

static bool is_setup;

bool tls_is_setup(void)
{
	return is_setup;
}

int tls_setup(void *mem, size_t size, struct err *e)
{
	mbedtls_memory_buffer_alloc_init(mem, size);
	give_back(mem, size);
	is_setup = psa_crypto_init() == PSA_SUCCESS;
	return is_setup ? 0 : err_set(e, EIO, "TLS: cannot be set up");
}

static const char *fault_text(int fault)
{
	switch (fault) {
	case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
		return "the server speaks neither TLS 1.2 nor 1.3";
	case MBEDTLS_ERR_SSL_INVALID_RECORD:
	case MBEDTLS_ERR_SSL_DECODE_ERROR:
	case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
		return "the server's answer is not TLS, or broken";
	case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
	case MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER:
		return "no common cipher, curve or signature";
	case MBEDTLS_ERR_SSL_INVALID_MAC:
		return "a record was changed on its way";
	case MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG:
	case MBEDTLS_ERR_X509_SIG_MISMATCH:
	case MBEDTLS_ERR_PK_UNKNOWN_PK_ALG:
	case MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE:
		return "a certificate is signed in a way that is not supported (SHA-1, Ed25519)";
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
	case MBEDTLS_ERR_X509_ALLOC_FAILED:
	case MBEDTLS_ERR_PK_ALLOC_FAILED:
	case MBEDTLS_ERR_MPI_ALLOC_FAILED:
		return "out of memory";
	case MBEDTLS_ERR_ERROR_GENERIC_ERROR:
	case MBEDTLS_ERR_SSL_HW_ACCEL_FAILED:
		return "the kernel has no random numbers yet";
	default:
		return NULL;
	}
}

static int set_fault(struct err *e, int errnum, const char *what, int fault)
{
	const char *text = fault_text(fault);

	if (!text) /* two errors in one number: that of the outer layer, and of the inner one */
		text = fault_text(-(-fault & 0xff80));
	if (text)
		return err_set(e, errnum, "%s: %s", what, text);
	return err_set(e, errnum, "%s: error -0x%04x of the TLS library", what,
		       (unsigned int)-fault);
}

static int bio_result(struct tls *t, ssize_t r, short events, int want, int fault)
{
	if (r >= 0)
		return (int)r;
	if (errno == EAGAIN || errno == EINTR) {
		t->events = events;
		return want;
	}
	t->errnum = errno;
	return fault;
}

/*
 * A server that has closed may have said why in an alert that is still to be read: then nothing
 * failed here, the next read finds the alert or the end.
 */
static int bio_send(void *ctx, const unsigned char *buf, size_t len)
{
	struct tls *t = ctx;
	ssize_t r = send(t->fd, buf, len, MSG_NOSIGNAL);

	if (r < 0 && errno == EPIPE)
		return (int)len;
	return bio_result(t, r, POLLOUT, MBEDTLS_ERR_SSL_WANT_WRITE, MBEDTLS_ERR_NET_SEND_FAILED);
}

static int bio_recv(void *ctx, unsigned char *buf, size_t len)
{
	struct tls *t = ctx;

	return bio_result(t, recv(t->fd, buf, len, 0), POLLIN, MBEDTLS_ERR_SSL_WANT_READ,
			  MBEDTLS_ERR_NET_RECV_FAILED);
}

static void add_name(struct text *names, const mbedtls_x509_buf *san)
{
	struct addr a = { 0 };

	if (SAN_KIND(san->tag) == SAN_DNS) {
		text_comma(names);
		text_printf(names, "%.*s", (int)san->len, (const char *)san->p);
	} else if (SAN_KIND(san->tag) == SAN_ADDR && (san->len == 4 || san->len == 16)) {
		a.family = san->len == 4 ? AF_INET : AF_INET6;
		memcpy(a.bytes, san->p, san->len);
		text_comma(names);
		text_str(names, addr_text(&a));
	}
}

static bool covers(const mbedtls_x509_buf *san, const char *server, const struct addr *a)
{
	if (!addr_is_set(a))
		return SAN_KIND(san->tag) == SAN_DNS &&
		       tls_name_covers((const char *)san->p, san->len, server);
	return SAN_KIND(san->tag) == SAN_ADDR && san->len == addr_size(a) &&
	       memcmp(san->p, a->bytes, san->len) == 0;
}

/* Is the certificate for our server? Notes all its names for the error. */
static bool is_for_server(struct tls *t, const mbedtls_x509_crt *crt)
{
	const mbedtls_x509_sequence *at = &crt->subject_alt_names;
	struct addr a = { 0 };
	struct text names;
	bool found = false;

	addr_parse(t->server, &a);
	text_init(&names, t->names, sizeof(t->names));
	for (; at && at->buf.p; at = at->next) {
		found |= covers(&at->buf, t->server, &a);
		add_name(&names, &at->buf);
	}
	return found;
}

/* Called for each certificate of the chain, the server's own last, at depth 0. */
static int verify(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	const uint32_t times = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
	struct tls *t = ctx;

	if (depth == 0) {
		*flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
		if (!is_for_server(t, crt))
			*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	}
	if (*flags & times) {
		t->from = crt->valid_from;
		t->until = crt->valid_to;
	}
	if (*flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
		mbedtls_x509_dn_gets(t->issuer, sizeof(t->issuer), &crt->issuer);
	t->flags |= *flags;
	return 0;
}

static int refuse_time(struct tls *t, struct err *e)
{
	bool late = t->flags & MBEDTLS_X509_BADCERT_EXPIRED;
	const mbedtls_x509_time *at = late ? &t->until : &t->from;
	time_t now = time(NULL);
	struct tm tm = { 0 };

	gmtime_r(&now, &tm);
	return err_set(e, EKEYREJECTED,
		       "the server's certificate %s %04d-%02d-%02d %02d:%02d:%02d, and this "
		       "machine's clock says %04d-%02d-%02d %02d:%02d:%02d (UTC)",
		       late ? "has expired on" : "is not valid before", at->year, at->mon, at->day,
		       at->hour, at->min, at->sec, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		       tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* A cluster that was made anew has a CA of the same name and with another key. */
static bool has_authority(const struct tls *t)
{
	char name[ISSUER_SHOWN];

	for (const mbedtls_x509_crt *ca = &t->ca; ca; ca = ca->next) {
		if (ca->raw.p && mbedtls_x509_dn_gets(name, sizeof(name), &ca->subject) > 0 &&
		    strcmp(name, t->issuer) == 0)
			return true;
	}
	return false;
}

static int refuse_certificate(struct tls *t, struct err *e)
{
	uint32_t flags = t->flags | mbedtls_ssl_get_verify_result(&t->ssl);

	if (t->flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED && has_authority(t))
		return err_set(e, EKEYREJECTED,
			       "the server's certificate is signed by \"%s\", but not with the key "
			       "of the authority of this name that is given",
			       t->issuer);
	if (t->flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
		return err_set(e, EKEYREJECTED,
			       "the server's certificate is signed by \"%s\", which is not among "
			       "the authorities that are given",
			       t->issuer);
	if (t->flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE))
		return refuse_time(t, e);
	if (t->flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
		return err_set(e, EKEYREJECTED, "the server's certificate is not for %s, %s%s",
			       t->server, t->names[0] ? "but for: " : "it has no alternative names",
			       t->names);
	if (flags & (MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK |
		     MBEDTLS_X509_BADCERT_BAD_KEY))
		return err_set(e, EKEYREJECTED,
			       "the server's certificate is signed too weakly (SHA-1, or a short "
			       "key)");
	if (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE))
		return err_set(e, EKEYREJECTED,
			       "the server's certificate is not for servers (its key usage)");
	return err_set(e, EKEYREJECTED, "the server's certificate is refused (0x%x)", flags);
}

/* The library does not tell the alert's number otherwise than in its buffer. */
static int refuse_alert(unsigned char alert, struct err *e)
{
	return err_set(e, tls_alert_is_refusal(alert) ? EKEYREJECTED : EPROTO,
		       "TLS: the server refuses: %s", tls_alert_name(alert));
}

/* After -EAGAIN and 0 have been told apart: what went wrong, for errors of any step. */
static int explain(struct tls *t, int fault, struct err *e)
{
	switch (fault) {
	case MBEDTLS_ERR_SSL_WANT_READ:
	case MBEDTLS_ERR_SSL_WANT_WRITE:
		return -EAGAIN;
	case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
	case MBEDTLS_ERR_SSL_BAD_CERTIFICATE:
		return refuse_certificate(t, e);
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		return refuse_alert(t->ssl.MBEDTLS_PRIVATE(in_msg)[1], e);
	case MBEDTLS_ERR_SSL_CONN_EOF:
		return err_set(e, ECONNRESET, "TLS: the server closed the connection");
	case MBEDTLS_ERR_NET_SEND_FAILED:
	case MBEDTLS_ERR_NET_RECV_FAILED:
		return err_sys(e, t->errnum, "TLS");
	default:
		return set_fault(e, EPROTO, "TLS", fault);
	}
}

/*
 * PEM only. A bundle may hold certificates with keys of a kind that the library cannot use: those
 * that it can use count.
 */
static int parse_certs(mbedtls_x509_crt *out, const char *pem, const char *what, struct err *e)
{
	int r;

	if (!strstr(pem, "-----BEGIN CERTIFICATE-----"))
		return err_set(e, EINVAL, "%s: there is no certificate in it (PEM)", what);
	r = mbedtls_x509_crt_parse(out, (const unsigned char *)pem, strlen(pem) + 1);
	return r < 0 || !out->raw.p ? set_fault(e, EINVAL, what, r) : 0;
}

static int load_identity(struct tls *t, const struct tls_options *o, struct err *e)
{
	int r = parse_certs(&t->cert, o->cert, "client certificate", e);

	if (r < 0)
		return r;
	if (!o->key || !strstr(o->key, "PRIVATE KEY-----"))
		return err_set(e, EINVAL, "client key: there is no private key in it (PEM)");
	if (strstr(o->key, "ENCRYPTED"))
		return err_set(e, EINVAL, "client key: it is encrypted");
	r = mbedtls_pk_parse_key(&t->key, (const unsigned char *)o->key, strlen(o->key) + 1, NULL,
				 0, random_bytes, NULL);
	if (r != 0)
		return set_fault(e, EINVAL, "client key", r);
	if (mbedtls_pk_check_pair(&t->cert.pk, &t->key, random_bytes, NULL) != 0)
		return err_set(e, EINVAL,
			       "client certificate and client key do not belong "
			       "together");
	r = mbedtls_ssl_conf_own_cert(&t->conf, &t->cert, &t->key);
	return r ? set_fault(e, EINVAL, "client certificate", r) : 0;
}

static int configure(struct tls *t, const struct tls_options *o, struct err *e)
{
	int r = mbedtls_ssl_config_defaults(&t->conf, MBEDTLS_SSL_IS_CLIENT,
					    MBEDTLS_SSL_TRANSPORT_STREAM,
					    MBEDTLS_SSL_PRESET_DEFAULT);

	if (r != 0)
		return set_fault(e, ENOMEM, "TLS", r);
	mbedtls_ssl_conf_rng(&t->conf, random_bytes, NULL);
	mbedtls_ssl_conf_sig_algs(&t->conf, signatures);
	mbedtls_ssl_conf_authmode(&t->conf, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_verify(&t->conf, verify, t);
	r = parse_certs(&t->ca, o->ca ? o->ca : "", "certificate authority", e);
	if (r == 0 && o->cert)
		r = load_identity(t, o, e);
	mbedtls_ssl_conf_ca_chain(&t->conf, &t->ca, NULL);
	return r;
}

/* An address is no name for SNI (RFC 6066 3). */
static int start(struct tls *t, struct err *e)
{
	struct addr a = { 0 };
	int r = mbedtls_ssl_setup(&t->ssl, &t->conf);

	if (r == 0)
		r = mbedtls_ssl_set_hostname(&t->ssl, addr_parse(t->server, &a) ? NULL : t->server);
	if (r != 0)
		return set_fault(e, ENOMEM, "TLS", r);
	mbedtls_ssl_set_bio(&t->ssl, t, bio_send, bio_recv, NULL);
	return 0;
}

static void tls_free(struct tls *t)
{
	mbedtls_ssl_free(&t->ssl);
	mbedtls_ssl_config_free(&t->conf);
	mbedtls_x509_crt_free(&t->ca);
	mbedtls_x509_crt_free(&t->cert);
	mbedtls_pk_free(&t->key);
	mbedtls_free(t);
}

int tls_open(struct tls **out, int fd, const struct tls_options *o, struct err *e)
{
	struct tls *t = mbedtls_calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_set(e, ENOMEM, "TLS: out of memory");
	mbedtls_ssl_init(&t->ssl);
	mbedtls_ssl_config_init(&t->conf);
	mbedtls_x509_crt_init(&t->ca);
	mbedtls_x509_crt_init(&t->cert);
	mbedtls_pk_init(&t->key);
	t->fd = fd;
	r = str_copy(t->server, sizeof(t->server), o->server)
		    ? configure(t, o, e)
		    : err_set(e, EINVAL, "TLS: the server's name is too long");
	if (r == 0)
		r = start(t, e);
	if (r < 0)
		tls_free(t);
	else
		*out = t;
	return r;
}

int tls_handshake(struct tls *t, struct err *e)
{
	int r = mbedtls_ssl_handshake(&t->ssl);

	return r == 0 ? 0 : explain(t, r, e);
}

ssize_t tls_read(struct tls *t, void *buf, size_t len, struct err *e)
{
	int r = mbedtls_ssl_read(&t->ssl, buf, len);

	if (r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || r == MBEDTLS_ERR_SSL_CONN_EOF)
		return 0;
	return r >= 0 ? r : explain(t, r, e);
}

ssize_t tls_write(struct tls *t, const void *buf, size_t len, struct err *e)
{
	int r = mbedtls_ssl_write(&t->ssl, buf, len);

	return r >= 0 ? r : explain(t, r, e);
}

short tls_events(const struct tls *t)
{
	return t->events;
}

void tls_close(struct tls *t)
{
	if (!t)
		return;
	mbedtls_ssl_close_notify(&t->ssl);
	tls_free(t);
}
