/*
 * How to reach an API server, and as whom: from a kubeconfig, a pod's service account, or options.
 * What stands in files is read again each time that it is needed, for it is rotated: the token for
 * each request, certificates and key for each connection.
 */
#ifndef KUBE_ACCESS_H
#define KUBE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "tls/tls.h"

struct arena;
struct err;

#define ACCESS_FILE_MAX (256 << 10) /* a kubeconfig, a bundle of authorities */
#define ACCESS_TOKEN_MAX 8192

/* Text, or the file that holds it; neither: there is none. */
struct access_secret {
	const char *data;
	const char *file;
};

struct kube_access {
	const char *server;   /* URL */
	const char *tls_name; /* the server's certificate is for this name, NULL: the URL's host */
	struct access_secret ca, cert, key; /* PEM; data counts more than a file */
	struct access_secret token;	    /* a file counts more than data */
};

struct access_options {
	bool in_pod;					   /* the service account */
	const char *kubeconfig;				   /* a file */
	const char *server, *ca, *token_file, *cert, *key; /* each overrides what the others say */
};

/*
 * Find out how. -EINVAL with an error that names the option, file, line or variable; strings live
 * in the arena or are the options'. Files of secrets are not opened yet.
 */
int access_load(struct arena *a, const struct access_options *o, struct kube_access *out,
		struct err *e);

/*
 * The part of access_load() that reads a kubeconfig's text; dir is where the file is, for relative
 * paths. What cannot be honoured is refused by name: exec and auth-provider plugins, passwords,
 * proxies, impersonation, insecure-skip-tls-verify.
 */
int kubeconfig_parse(struct arena *a, const char *text, size_t len, const char *dir,
		     struct kube_access *out, struct err *e);

/* Certificates and key for one connection, in the arena. */
int access_identity(struct arena *a, const struct kube_access *k, struct tls_options *out,
		    struct err *e);

/* The bearer token as it is now; "" when there is none to be sent. */
int access_token(const struct kube_access *k, char out[static ACCESS_TOKEN_MAX], struct err *e);

#endif
