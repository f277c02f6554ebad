/* Ways to an API server: see access.h. */
#include "kube/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

#define ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/* Tokens and certificates are links in pods and where kubelet rotates them: they are followed. */
static int open_file(const char *path, struct stat *st, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return err_errno(e, "open %s", path);
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
		close(fd);
		return err_set(e, EINVAL, "%s is no file", path);
	}
	return fd;
}

/* A file that grows meanwhile is too large for now. */
static int load_file(struct arena *a, const char *path, char **text, size_t *len, struct err *e)
{
	struct stat st = { 0 };
	int fd = open_file(path, &st, e);
	ssize_t r;
	char *buf;

	if (fd < 0)
		return fd;
	buf = st.st_size < ACCESS_FILE_MAX ? arena_alloc(a, (size_t)st.st_size + 1) : NULL;
	r = buf ? fd_read(fd, path, buf, (size_t)st.st_size + 1, e) : -EFBIG;
	close(fd);
	if (!buf)
		return err_set(e, EFBIG, "%s is too large", path);
	if (r < 0)
		return (int)r;
	if (memchr(buf, '\0', (size_t)r))
		return err_set(e, EINVAL, "%s is no text: it has a NUL byte", path);
	*text = buf;
	*len = (size_t)r;
	return 0;
}

static int load_kubeconfig(struct arena *a, const char *path, struct kube_access *out,
			   struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *text = NULL, *dir;
	size_t len = 0;
	int r = load_file(a, path, &text, &len, e);

	if (r < 0)
		return r;
	dir = slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : arena_strndup(a, "", 0);
	if (!dir)
		return err_set(e, ENOMEM, "%s: no memory left", path);
	r = kubeconfig_parse(a, text, len, dir, out, e);
	return err_ctx(e, r, "%s", path);
}

/* As every pod finds it; the address may be overridden in the manifest. */
static int load_account(struct arena *a, struct kube_access *out, const char *server, struct err *e)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");

	*out = (struct kube_access){
		.server = server,
		.ca.file = ACCOUNT_DIR "/ca.crt",
		.token.file = ACCOUNT_DIR "/token",
	};
	if (server)
		return 0;
	if (!host || !*host)
		return err_set(e, EINVAL,
			       "KUBERNETES_SERVICE_HOST is not set: this is no pod, or its server "
			       "must be given");
	out->server = arena_printf(a, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host,
				   port && *port ? port : "443");
	return out->server ? 0 : err_set(e, ENOMEM, "no memory left");
}

/* Options stand above what was found. */
static void override(const struct access_options *o, struct kube_access *k)
{
	if (o->server)
		k->server = o->server;
	if (o->ca)
		k->ca = (struct access_secret){ .file = o->ca };
	if (o->token_file || o->cert)
		k->token = (struct access_secret){ .file = o->token_file };
	if (o->token_file || o->cert) {
		k->cert = (struct access_secret){ .file = o->cert };
		k->key = (struct access_secret){ .file = o->key };
	}
}

static bool has(const struct access_secret *s)
{
	return s->data || s->file;
}

static int validate(const struct kube_access *k, struct err *e)
{
	if (!k->server)
		return err_set(e, EINVAL, "the API server is not given");
	if (!has(&k->ca))
		return err_set(e, EINVAL,
			       "no certificate authority is given that the server's certificate "
			       "could be verified with");
	if (has(&k->cert) != has(&k->key))
		return err_set(e, EINVAL,
			       "client certificate and key: one is given without the "
			       "other");
	if (!has(&k->cert) && !has(&k->token))
		return err_set(e, EINVAL, "neither a token nor a client certificate is given");
	return 0;
}

int access_load(struct arena *a, const struct access_options *o, struct kube_access *out,
		struct err *e)
{
	int r = 0;

	*out = (struct kube_access){ 0 };
	if (o->kubeconfig)
		r = load_kubeconfig(a, o->kubeconfig, out, e);
	else if (o->in_pod)
		r = load_account(a, out, o->server, e);
	if (r < 0)
		return r;
	override(o, out);
	return validate(out, e);
}

static int load_secret(struct arena *a, const struct access_secret *s, const char **out,
		       struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	int r;

	*out = s->data;
	if (s->data || !s->file)
		return 0;
	r = load_file(a, s->file, &text, &len, e);
	if (r == 0)
		*out = text;
	return r;
}

int access_identity(struct arena *a, const struct kube_access *k, struct tls_options *out,
		    struct err *e)
{
	int r;

	*out = (struct tls_options){ .server = k->tls_name };
	r = load_secret(a, &k->ca, &out->ca, e);
	if (r == 0)
		r = load_secret(a, &k->cert, &out->cert, e);
	if (r == 0)
		r = load_secret(a, &k->key, &out->key, e);
	return r;
}

/* It goes into a header line: nothing may stand in it that ends one. */
static int trim_token(char *s, const char *what, struct err *e)
{
	size_t len = strlen(s), begin = strspn(s, " \t\r\n");

	while (len > begin && strchr(" \t\r\n", s[len - 1]))
		len--;
	memmove(s, s + begin, len - begin);
	s[len - begin] = '\0';
	if (!*s)
		return err_set(e, EINVAL, "%s: the token is empty", what);
	for (const char *c = s; *c; c++) {
		if (*c <= ' ' || *c == 0x7f)
			return err_set(e, EINVAL, "%s: this is no token", what);
	}
	return 0;
}

static int read_token(const char *path, char out[static ACCESS_TOKEN_MAX], struct err *e)
{
	struct stat st = { 0 };
	int fd = open_file(path, &st, e);
	ssize_t r;

	if (fd < 0)
		return fd;
	r = fd_read(fd, path, out, ACCESS_TOKEN_MAX, e);
	close(fd);
	return r < 0 ? (int)r : trim_token(out, path, e);
}

int access_token(const struct kube_access *k, char out[static ACCESS_TOKEN_MAX], struct err *e)
{
	out[0] = '\0';
	if (k->token.file) {
		struct err unread = { 0 };
		int r = read_token(k->token.file, out, &unread);

		if (r == 0 || !k->token.data)
			return r == 0 ? 0 : err_take(e, &unread);
	}
	if (!k->token.data)
		return 0;
	if (!str_copy(out, ACCESS_TOKEN_MAX, k->token.data))
		return err_set(e, EINVAL, "the token is too long");
	return trim_token(out, "token", e);
}
