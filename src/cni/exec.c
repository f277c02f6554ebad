/* Calling another plugin by the execution protocol: see exec.h. */
#include "cni/exec.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/caps.h"
#include "base/err.h"
#include "base/file.h"
#include "base/signals.h"
#include "json/json.h"

struct cni_env cni_env_of(const struct cni_request *req, enum cni_command command)
{
	return (struct cni_env){
		.command = cni_command_text(command),
		.container_id = req->at.container_id,
		.netns = req->netns,
		.ifname = req->at.ifname,
		.args = req->args,
		.path = req->path,
		.netns_override = req->netns_override ? "1" : "",
	};
}

int cni_find(const char *cni_path, const char *type, char *out, size_t size, struct err *e)
{
	const char *dir = cni_path;

	if (!name_is_plain(type))
		return err_set(e, EINVAL,
			       "type \"%.48s\": must be the name of a plugin, without a path",
			       type);
	while (*dir) {
		size_t len = strcspn(dir, ":");
		int n = snprintf(out, size, "%.*s/%s", (int)len, dir, type);
		struct stat st;

		if (len > 0 && n > 0 && (size_t)n < size && stat(out, &st) == 0 &&
		    S_ISREG(st.st_mode) && access(out, X_OK) == 0)
			return 0;
		dir += len;
		dir += *dir == ':';
	}
	return err_set(e, ENOENT, "plugin \"%s\" is not in CNI_PATH \"%.200s\"", type, cni_path);
}

static bool is_at(const char *path, const struct stat *st)
{
	struct stat there;

	return path && stat(path, &there) == 0 && there.st_dev == st->st_dev &&
	       there.st_ino == st->st_ino;
}

/* The path that we were executed by says it most often, without a walk through /proc. */
bool cni_is_self(const char *file)
{
	struct stat st;

	return stat(file, &st) == 0 &&
	       (is_at((const char *)getauxval(AT_EXECFN), &st) || is_at("/proc/self/exe", &st));
}

/* Our environment without its CNI_ variables, and theirs. */
static char **make_environment(struct arena *a, const struct cni_env *env)
{
	const char *const names[] = { "COMMAND", "CONTAINERID", "NETNS",	 "IFNAME",
				      "ARGS",	 "PATH",	"NETNS_OVERRIDE" };
	const char *const values[] = { env->command,	   env->container_id, env->netns,
				       env->ifname,	   env->args,	      env->path,
				       env->netns_override };
	const size_t vars = sizeof(names) / sizeof(names[0]);
	size_t count = 0, n = 0;
	char **out;

	while (environ[count])
		count++;
	out = arena_array(a, count + vars + 1, sizeof(*out));
	for (size_t i = 0; out && i < count; i++) {
		if (strncmp(environ[i], "CNI_", 4) != 0)
			out[n++] = environ[i];
	}
	for (size_t i = 0; out && i < vars; i++) {
		out[n] = arena_printf(a, "CNI_%s=%s", names[i], values[i] ? values[i] : "");
		if (!out[n++])
			return NULL;
	}
	return out;
}

static void close_pipe(const int p[2])
{
	close(p[0]);
	close(p[1]);
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/*
 * in: what the child reads; out: what it writes. The parent's ends are left open, close-on-exec.
 * Until it executes the file the child runs on our memory, while we wait: copying the page tables
 * of a large arena would cost more than all the rest.
 */
static int spawn(const char *file, char **env, const int in[2], const int out[2], pid_t *pid)
{
	char *argv[] = { (char *)(uintptr_t)file, NULL };
	volatile int failed = 0;
	int why;

	signals_before_exec();
	caps_before_exec();
	/* The child makes three system calls, and says in our memory why they failed. */
	*pid = vfork(); /* NOLINT(clang-analyzer-unix.Vfork) */
	if (*pid == 0) {
		if (dup2(in[0], STDIN_FILENO) >= 0 && dup2(out[1], STDOUT_FILENO) >= 0)
			execve(file, argv, env);
		failed = errno;
		_exit(127);
	}
	why = errno;
	signals_after_exec();
	if (*pid < 0)
		return -why;
	if (failed)
		wait_for(*pid);
	return -failed;
}

struct talk {
	int to, from;
	const char *config;
	size_t left;
	char *out;
	size_t len, cap;
};

static void close_end(int *fd)
{
	close(*fd);
	*fd = -1;
}

/* A plugin may answer before it has read everything, or not read at all: EPIPE is no error of ours.
 */
static void feed(struct talk *t)
{
	ssize_t r = write(t->to, t->config, t->left);

	if (r > 0) {
		t->config += r;
		t->left -= (size_t)r;
	}
	if (t->left == 0 || (r < 0 && errno != EAGAIN && errno != EINTR))
		close_end(&t->to);
}

static int drain(struct talk *t, const char *file, struct err *e)
{
	ssize_t r = read(t->from, t->out + t->len, t->cap - 1 - t->len);

	if (r > 0)
		t->len += (size_t)r;
	else if (r == 0 && t->len == t->cap - 1)
		return err_set(e, EFBIG, "%s wrote more than %zu bytes", file, t->cap - 1);
	else if (r == 0 || (errno != EAGAIN && errno != EINTR))
		close_end(&t->from);
	return 0;
}

static int converse(struct talk *t, const char *file, struct err *e)
{
	int r = 0;

	fcntl(t->to, F_SETFL, O_NONBLOCK);
	while (r == 0 && t->from >= 0) {
		struct pollfd p[2] = { { .fd = t->from, .events = POLLIN },
				       { .fd = t->to, .events = POLLOUT } };

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for %s", file);
		if (p[1].revents)
			feed(t);
		if (p[0].revents)
			r = drain(t, file, e);
	}
	t->out[t->len] = '\0';
	return r;
}

struct error_object {
	int64_t code;
	const char *msg, *details;
};

static const struct json_field error_fields[] = {
	{ "code", JSON_INT, offsetof(struct error_object, code) },
	{ "msg", JSON_STR, offsetof(struct error_object, msg) },
	{ "details", JSON_STR, offsetof(struct error_object, details) },
};
static const struct json_table error_table = { .fields = error_fields, .count = 3 };

static int report_failure(struct arena *a, const char *file, int status, const char *out,
			  size_t len, struct err *e)
{
	struct error_object o = { 0 };
	int r;

	if (WIFSIGNALED(status))
		return err_set(e, EIO, "%s was killed by signal %d", file, WTERMSIG(status));
	if (json_decode(a, out, len, &error_table, &o, err_ignored()) < 0 || !o.msg || !*o.msg)
		return err_set(e, EIO, "%s failed with exit status %d and no error object", file,
			       WEXITSTATUS(status));
	r = err_set(e, EIO, "%s%s%s", o.msg, o.details && *o.details ? "; " : "",
		    o.details ? o.details : "");
	return err_code(e, r, o.code > 0 && o.code <= UINT_MAX ? (unsigned int)o.code : 0);
}

static int open_pipes(int in[2], int out[2], struct err *e)
{
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	if (pipe2(out, O_CLOEXEC) == 0)
		return 0;
	close_pipe(in);
	return err_sys(e, errno, "make a pipe");
}

int cni_exec(struct arena *a, const struct cni_exec *x, char *out, size_t cap, size_t *len,
	     struct err *e)
{
	struct talk t = { .config = x->config, .left = x->config_len, .out = out, .cap = cap };
	char **env = make_environment(a, &x->env);
	int in[2] = { -1, -1 }, back[2] = { -1, -1 }, r, status;
	pid_t pid;

	if (!env)
		return err_set(e, ENOMEM, "run %s: environment too large", x->file);
	r = open_pipes(in, back, e);
	if (r < 0)
		return r;
	r = spawn(x->file, env, in, back, &pid);
	close(in[0]);
	close(back[1]);
	t.to = in[1];
	t.from = back[0];
	if (r < 0) {
		close(t.to);
		close(t.from);
		return err_sys(e, -r, "run %s", x->file);
	}
	r = converse(&t, x->file, e);
	if (t.to >= 0)
		close(t.to);
	if (t.from >= 0)
		close(t.from);
	status = wait_for(pid);
	*len = t.len;
	return r == 0 && status ? report_failure(a, x->file, status, out, t.len, e) : r;
}
