/* Reading a kubeconfig: see access.h. */
#include "kube/access.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "kube/base64.h"
#include "kube/yaml.h"

/* What a user may have that is not ours to do, and why. */
static const struct {
	const char *key, *why;
} user_refused[] = {
	{ "exec", "a plugin would have to be executed" },
	{ "auth-provider", "a plugin would have to be executed" },
	{ "username", "passwords are not supported" },
	{ "password", "passwords are not supported" },
	{ "as", "impersonation is not supported" },
	{ "as-uid", "impersonation is not supported" },
	{ "as-groups", "impersonation is not supported" },
};

static int no_room(struct err *e)
{
	return err_set(e, ENOMEM, "the kubeconfig is too large");
}

static bool is_set(const struct yaml *v)
{
	return v && v->kind != YAML_NULL && !(v->kind == YAML_TEXT && !*v->text) &&
	       !(v->kind != YAML_TEXT && !v->first);
}

/* The entry of this name in a list of { name, <member> }: its member. NULL: the error is set. */
static const struct yaml *find_named(const struct yaml *root, const char *list, const char *member,
				     const char *name, struct err *e)
{
	const struct yaml *entries = yaml_get(root, list), *found;

	for (const struct yaml *v = entries ? entries->first : NULL; v; v = v->next) {
		const char *has = yaml_get_text(v, "name");

		if (!has || strcmp(has, name) != 0)
			continue;
		found = yaml_get(v, member);
		if (found && found->kind == YAML_MAP)
			return found;
		err_set(e, EINVAL, "line %u: \"%s\" has no \"%s\"", v->line, name, member);
		return NULL;
	}
	err_set(e, EINVAL, "\"%s\" is not among the %s", name, list);
	return NULL;
}

/* A text, or nothing; a map or list there is an error. */
static int get_text(const struct yaml *map, const char *key, const char **out, struct err *e)
{
	const struct yaml *v = yaml_get(map, key);

	*out = NULL;
	if (!is_set(v))
		return 0;
	if (v->kind != YAML_TEXT)
		return err_set(e, EINVAL, "line %u: %s: expected a text", v->line, key);
	*out = v->text;
	return 0;
}

static int get_data(struct arena *a, const struct yaml *map, const char *key, const char **out,
		    struct err *e)
{
	const char *text;
	int r = get_text(map, key, &text, e);
	size_t len;
	char *data;

	*out = NULL;
	if (r < 0 || !text)
		return r;
	data = arena_alloc(a, strlen(text) + 1);
	if (!data)
		return no_room(e);
	if (!base64_decode(text, data, &len) || memchr(data, '\0', len))
		return err_set(e, EINVAL, "line %u: %s: this is no base64 of a text",
			       yaml_get(map, key)->line, key);
	data[len] = '\0';
	*out = data;
	return 0;
}

static int get_path(struct arena *a, const struct yaml *map, const char *key, const char *dir,
		    const char **out, struct err *e)
{
	int r = get_text(map, key, out, e);

	if (r < 0 || !*out || **out == '/')
		return r;
	*out = arena_printf(a, "%s%s", dir, *out);
	return *out ? 0 : no_room(e);
}

static int get_secret(struct arena *a, const struct yaml *map, const char *const keys[2],
		      const char *dir, struct access_secret *out, struct err *e)
{
	int r = get_data(a, map, keys[0], &out->data, e);

	return r < 0 ? r : get_path(a, map, keys[1], dir, &out->file, e);
}

/* A server whose proof of identity would be skipped, or that stands behind a proxy. */
static int refuse_cluster(const struct yaml *c, struct err *e)
{
	const struct yaml *skip = yaml_get(c, "insecure-skip-tls-verify");
	const struct yaml *proxy = yaml_get(c, "proxy-url");

	if (is_set(skip) && !(skip->text && strcmp(skip->text, "false") == 0))
		return err_set(e, EINVAL,
			       "line %u: insecure-skip-tls-verify: a server is always verified; "
			       "give its certificate authority",
			       skip->line);
	if (is_set(proxy))
		return err_set(e, EINVAL, "line %u: proxy-url: proxies are not supported",
			       proxy->line);
	return 0;
}

static int read_cluster(struct arena *a, const struct yaml *c, const char *dir,
			struct kube_access *out, struct err *e)
{
	static const char *const ca[2] = { "certificate-authority-data", "certificate-authority" };
	int r = get_text(c, "server", &out->server, e);

	if (r == 0 && !out->server)
		r = err_set(e, EINVAL, "line %u: the cluster has no server", c->line);
	if (r == 0)
		r = get_text(c, "tls-server-name", &out->tls_name, e);
	if (r == 0)
		r = refuse_cluster(c, e);
	return r < 0 ? r : get_secret(a, c, ca, dir, &out->ca, e);
}

static int read_user(struct arena *a, const struct yaml *u, const char *dir,
		     struct kube_access *out, struct err *e)
{
	static const char *const cert[2] = { "client-certificate-data", "client-certificate" };
	static const char *const key[2] = { "client-key-data", "client-key" };
	int r;

	for (size_t i = 0; i < sizeof(user_refused) / sizeof(user_refused[0]); i++) {
		const struct yaml *v = yaml_get(u, user_refused[i].key);

		if (is_set(v))
			return err_set(e, EINVAL, "line %u: %s: %s", v->line, user_refused[i].key,
				       user_refused[i].why);
	}
	r = get_secret(a, u, cert, dir, &out->cert, e);
	if (r == 0)
		r = get_secret(a, u, key, dir, &out->key, e);
	if (r == 0)
		r = get_text(u, "token", &out->token.data, e);
	return r < 0 ? r : get_path(a, u, "tokenFile", dir, &out->token.file, e);
}

int kubeconfig_parse(struct arena *a, const char *text, size_t len, const char *dir,
		     struct kube_access *out, struct err *e)
{
	const struct yaml *root = NULL, *context, *cluster, *user;
	const char *name;
	int r = yaml_parse(a, text, len, &root, e);

	*out = (struct kube_access){ 0 };
	if (r < 0)
		return r;
	name = yaml_get_text(root, "current-context");
	if (!name)
		return err_set(e, EINVAL, "it has no current-context");
	context = find_named(root, "contexts", "context", name, e);
	name = yaml_get_text(context, "cluster");
	cluster = name ? find_named(root, "clusters", "cluster", name, e) : NULL;
	name = yaml_get_text(context, "user");
	user = name ? find_named(root, "users", "user", name, e) : NULL;
	if (!cluster || !user)
		return err_set(e, EINVAL, "the current context needs a cluster and a user");
	r = read_cluster(a, cluster, dir, out, e);
	return r < 0 ? r : read_user(a, user, dir, out, e);
}
