/* Sysctls of a pod: see sysctls.h. */
#include "iface/sysctls.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "cni/request.h"
#include "iface/pod.h"
#include "net/netns.h"
#include "net/sysctl.h"

#define ALLOWED_FILE "/etc/cni/tuning/allowlist.conf"
#define ALLOWED_MAX 65536
#define VALUE_MAX 4096

/* The interface's name goes in behind the change of dots, for it may have some. */
static const char *make_path(struct arena *a, const char *key, const char *ifname)
{
	bool dots = key[strcspn(key, "./")] == '.';
	char *path = arena_strndup(a, key, strlen(key)), *at;

	for (at = path; at && dots && *at; at++)
		*at = *at == '.' ? '/' : *at == '/' ? '.' : *at;
	at = path ? strstr(path, "IFNAME") : NULL;
	if (!at)
		return path;
	*at = '\0';
	return arena_printf(a, "%s%s%s", path, ifname, at + strlen("IFNAME"));
}

/* The file's own check is sysctl.h's: here what a configuration may ask for. */
static bool path_is_allowed(const char *path)
{
	if (strncmp(path, "net/", 4) != 0)
		return false;
	while (path) {
		size_t len = strcspn(path, "/");

		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path = path[len] ? path + len + 1 : NULL;
	}
	return true;
}

static struct sysctl_want *find(struct sysctls *s, const char *path)
{
	for (size_t n = 0; n < s->count; n++) {
		if (strcmp(s->list[n].path, path) == 0)
			return &s->list[n];
	}
	return NULL;
}

static int put(struct sysctls *s, const struct sysctl_want *w, const char *what, bool replace,
	       struct err *e)
{
	struct sysctl_want *there = find(s, w->path);

	if (!path_is_allowed(w->path))
		return err_set(e, EINVAL, "%s: \"%.64s\" is no sysctl below net", what, w->key);
	if (strlen(w->value) >= VALUE_MAX)
		return err_set(e, EINVAL, "%s.%.64s: the value is too long", what, w->key);
	if (there && !replace)
		return err_set(e, EINVAL, "%s: \"%.64s\" is there twice", what, w->key);
	if (!there && s->count == SYSCTLS_MAX)
		return err_set(e, E2BIG, "%s: more than %d sysctls", what, SYSCTLS_MAX);
	if (!there)
		there = &s->list[s->count++];
	*there = *w;
	return 0;
}

int sysctls_read(const struct cni_request *req, struct json_raw object, const char *what,
		 bool replace, struct sysctls *out, struct err *e)
{
	struct json_iter it = json_members(object);
	struct json_raw key, value;
	int r = 0;

	if (object.text && object.text[0] != '{')
		return err_set(e, EINVAL, "%s: expected an object of names and values", what);
	while (r == 0 && object.text && json_next(&it, &key, &value)) {
		const char *quoted = arena_printf(req->arena, "\"%.*s\"", (int)key.len, key.text);
		struct sysctl_want w = { 0 };

		if (!quoted)
			return err_set(e, ENOMEM, "%s: no memory left", what);
		w.key = json_string(req->arena,
				    (struct json_raw){ .text = quoted, .len = strlen(quoted) });
		w.value = json_string(req->arena, value);
		if (!w.key || !w.value)
			return err_set(e, EINVAL, "%s.%.*s: expected a string, found %.*s", what,
				       (int)key.len, key.text,
				       (int)(value.len < 32 ? value.len : 32), value.text);
		w.path = make_path(req->arena, w.key, req->at.ifname);
		r = w.path ? put(out, &w, what, replace, e)
			   : err_set(e, ENOMEM, "%s: no memory left", what);
	}
	return r;
}

static char *trim(char *line)
{
	size_t len;

	line += strspn(line, " \t\r");
	len = strlen(line);
	while (len && strchr(" \t\r", line[len - 1]))
		line[--len] = '\0';
	return line;
}

/* Extended regular expressions, as regex(7) has them: 1 when one matches anywhere in the key. */
static int line_matches(const char *line, const char *key, struct err *e)
{
	char why[64];
	regex_t compiled;
	int r = regcomp(&compiled, line, REG_EXTENDED | REG_NOSUB);

	if (r != 0) {
		regerror(r, &compiled, why, sizeof(why));
		return err_set(e, EINVAL, "\"%.64s\": %s", line, why);
	}
	r = regexec(&compiled, key, 0, NULL, 0);
	regfree(&compiled);
	return r == 0;
}

/* 1: one of the lines of text, which is cut in pieces, matches. */
static int is_allowed(const char *key, char *text, struct err *e)
{
	int r = 0;

	for (char *line = strsep(&text, "\n"); r == 0 && line; line = strsep(&text, "\n")) {
		line = trim(line);
		if (*line)
			r = line_matches(line, key, e);
	}
	return err_ctx(e, r, ALLOWED_FILE);
}

int sysctls_check_allowed(const struct sysctls *s, struct err *e)
{
	static char text[ALLOWED_MAX], copy[ALLOWED_MAX];
	struct err missing = { 0 };
	ssize_t len = file_read(AT_FDCWD, ALLOWED_FILE, text, sizeof(text), &missing);
	int r = 1;

	if (len == -ENOENT || len == -ENOTDIR)
		return 0;
	if (len < 0)
		return err_code(e, err_take(e, &missing), CNI_ERR_STATE);
	for (size_t n = 0; r > 0 && n < s->count; n++) {
		memcpy(copy, text, (size_t)len + 1);
		r = is_allowed(s->list[n].key, copy, e);
		if (r == 0)
			r = err_set(e, EPERM, "sysctl %.64s: " ALLOWED_FILE " does not allow it",
				    s->list[n].key);
	}
	return err_code(e, r < 0 ? r : 0, CNI_ERR_CONFIG);
}

typedef int sysctl_step(struct sysctl_want *w, void *arg, struct err *e);

static int learn_one(struct sysctl_want *w, void *arg, struct err *e)
{
	struct arena *a = arg;
	char now[VALUE_MAX];
	struct err local = { 0 };
	int r = sysctl_get(w->path, now, sizeof(now), &local);

	if (r == -ENOENT || r == -EISDIR || r == -ENOTDIR)
		return err_code(e, err_take(e, &local), CNI_ERR_CONFIG);
	if (r < 0 || strcmp(now, w->value) == 0)
		return 0; /* some are write-only */
	w->old = arena_strndup(a, now, strlen(now));
	return w->old ? 0 : err_set(e, ENOMEM, "sysctl: no memory left");
}

static int apply_one(struct sysctl_want *w, void *arg, struct err *e)
{
	int r = sysctl_set(w->path, w->value, e);

	(void)arg;
	return err_code(e, r < 0 ? r : 0, r == -EINVAL ? CNI_ERR_CONFIG : 0);
}

/* Blanks are the kernel's tabs, and a number may be written in several ways. */
static bool word_equal(const char *a, size_t a_len, const char *b, size_t b_len)
{
	char x[32], y[32], *x_end, *y_end;
	long long m, n;

	if (a_len == b_len && memcmp(a, b, a_len) == 0)
		return true;
	if (!a_len || !b_len || a_len >= sizeof(x) || b_len >= sizeof(y))
		return false;
	memcpy(x, a, a_len);
	memcpy(y, b, b_len);
	x[a_len] = y[b_len] = '\0';
	m = strtoll(x, &x_end, 0);
	n = strtoll(y, &y_end, 0);
	return !*x_end && !*y_end && m == n;
}

static bool value_equal(const char *a, const char *b)
{
	static const char blanks[] = " \t\n";

	while (true) {
		size_t a_len, b_len;

		a += strspn(a, blanks);
		b += strspn(b, blanks);
		if (!*a || !*b)
			return !*a && !*b;
		a_len = strcspn(a, blanks);
		b_len = strcspn(b, blanks);
		if (!word_equal(a, a_len, b, b_len))
			return false;
		a += a_len;
		b += b_len;
	}
}

static int check_one(struct sysctl_want *w, void *arg, struct err *e)
{
	char now[VALUE_MAX];
	struct err local = { 0 };
	int r = sysctl_get(w->path, now, sizeof(now), &local);

	(void)arg;
	if (r == -EACCES || r == -EPERM || r == -EFBIG)
		return 0; /* write-only */
	if (r < 0)
		r = err_take(e, &local);
	else if (!value_equal(now, w->value))
		r = err_set(e, EINVAL, "sysctl %.64s is \"%.64s\" instead of \"%.64s\"", w->key,
			    now, w->value);
	return err_code(e, r, CNI_ERR_DIFFERS);
}

static int each(const struct sysctls *s, const struct pod *p, sysctl_step *fn, void *arg,
		struct err *e)
{
	struct sysctls *list = (struct sysctls *)(uintptr_t)s;
	int r = s->count ? netns_enter(p->ns, e) : 0;

	if (r < 0 || !s->count)
		return r;
	for (size_t n = 0; r == 0 && n < s->count; n++)
		r = fn(&list->list[n], arg, e);
	return netns_enter(p->home, e) < 0 ? -e->errnum : r;
}

int sysctls_learn(struct sysctls *s, const struct cni_request *req, const struct pod *p,
		  struct err *e)
{
	return each(s, p, learn_one, req->arena, e);
}

int sysctls_apply(const struct sysctls *s, const struct pod *p, struct err *e)
{
	return each(s, p, apply_one, NULL, e);
}

int sysctls_check(const struct sysctls *s, const struct pod *p, struct err *e)
{
	return each(s, p, check_one, NULL, e);
}

int sysctls_restore(const struct sysctls *s, const struct pod *p, struct err *e)
{
	int r = s->count ? netns_enter(p->ns, e) : 0;

	if (r < 0)
		return r;
	for (size_t n = s->count; n-- > 0;) {
		if (s->list[n].old && sysctl_set(s->list[n].path, s->list[n].old, e) < 0)
			r = -e->errnum;
	}
	return s->count && netns_enter(p->home, e) < 0 ? -e->errnum : r;
}
