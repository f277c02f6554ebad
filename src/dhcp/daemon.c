/*
 * `cnibox dhcp daemon`: see daemon.h. Options are written as the reference's: one or two dashes,
 * the value behind '=' or in the next argument.
 */
#include "dhcp/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "dhcp/listener.h"
#include "dhcp/rpc.h"
#include "dhcp/server.h"
#include "net/netns.h"

#define LOCK_MS 2000

struct options {
	const char *pidfile, *socket, *prefix, *state;
	bool broadcast;
	int64_t timeout, resend_max, resend_timeout;
};

enum kind { KIND_STRING, KIND_BOOL, KIND_DURATION };

static const struct option {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *help;
} options[] = {
	{ "pidfile", KIND_STRING, offsetof(struct options, pidfile),
	  "file to write the daemon's process id to (absolute); default: none" },
	{ "socketpath", KIND_STRING, offsetof(struct options, socket),
	  "socket that plugins ask; default " DHCP_SOCKET },
	{ "hostprefix", KIND_STRING, offsetof(struct options, prefix),
	  "put in front of the socket's, the state's and the namespaces' paths: where a "
	  "container sees the node's root" },
	{ "statedir", KIND_STRING, offsetof(struct options, state),
	  "where leases are kept over a restart; default " DHCP_STATE_DIR },
	{ "broadcast", KIND_BOOL, offsetof(struct options, broadcast),
	  "ask servers to answer by broadcast; always so on ipvlan" },
	{ "timeout", KIND_DURATION, offsetof(struct options, timeout),
	  "how long a server may take to acknowledge its offer, or a renewal; default 10s" },
	{ "resendmax", KIND_DURATION, offsetof(struct options, resend_max),
	  "longest pause between retransmissions; default 1m2s" },
	{ "resendtimeout", KIND_DURATION, offsetof(struct options, resend_timeout),
	  "an ADD that has no lease fails after this; default 3m28s" },
};

void dhcp_daemon_help(void)
{
	printf("\nusage: dhcp daemon [OPTION]...\n\n"
	       "The daemon acquires leases for the plugin and renews them as long as the pod has "
	       "them. Options:\n\n");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		printf("  -%-14s %s\n", options[i].name, options[i].help);
}

static const struct option *option_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strlen(options[i].name) == len && strncmp(options[i].name, name, len) == 0)
			return &options[i];
	}
	return NULL;
}

static bool bool_parse(const char *s, bool *out)
{
	*out = strcmp(s, "true") == 0 || strcmp(s, "1") == 0;
	return *out || strcmp(s, "false") == 0 || strcmp(s, "0") == 0;
}

static int option_set(const struct option *o, const char *value, struct options *out, struct err *e)
{
	char *at = (char *)out + o->offset;
	bool ok = true;

	switch (o->kind) {
	case KIND_STRING:
		memcpy(at, &value, sizeof(value));
		break;
	case KIND_BOOL:
		ok = bool_parse(value, (bool *)at);
		break;
	case KIND_DURATION:
		ok = dhcp_duration_parse(value, (int64_t *)(void *)at);
		break;
	}
	if (ok)
		return 0;
	return err_set(e, EINVAL, "-%s: \"%.32s\" is no %s", o->name, value,
		       o->kind == KIND_BOOL ? "truth value" : "duration such as 10s or 1m2s");
}

/* One option at argv[*i], which goes to its last argument. */
static int option_parse(int argc, char **argv, int *i, struct options *out, struct err *e)
{
	const char *name = argv[*i], *equals, *value;
	const struct option *o;

	if (*name != '-')
		return err_set(e, EINVAL, "unexpected argument \"%.32s\"", name);
	name += name[1] == '-' ? 2 : 1;
	equals = strchr(name, '=');
	o = option_find(name, equals ? (size_t)(equals - name) : strlen(name));
	if (!o)
		return err_set(e, EINVAL, "unknown option \"%.32s\"", argv[*i]);
	value = equals ? equals + 1 : o->kind == KIND_BOOL ? "true" : NULL;
	if (!value && ++*i < argc)
		value = argv[*i];
	if (!value)
		return err_set(e, EINVAL, "-%s needs a value", o->name);
	return option_set(o, value, out, e);
}

static int options_parse(int argc, char **argv, struct options *out, struct err *e)
{
	int r = 0;

	*out = (struct options){
		.pidfile = "",
		.socket = "",
		.prefix = "",
		.state = DHCP_STATE_DIR,
		.timeout = 10000,
		.resend_max = 62000,
		.resend_timeout = 208000,
	};
	for (int i = 2; i < argc && r == 0; i++)
		r = option_parse(argc, argv, &i, out, e);
	if (r == 0 && *out->pidfile && *out->pidfile != '/')
		r = err_set(e, EINVAL, "-pidfile \"%.64s\": not an absolute path", out->pidfile);
	if (!*out->socket)
		out->socket = DHCP_SOCKET;
	return r;
}

static int prefixed(const struct options *o, const char *path, char out[static PATH_MAX],
		    struct err *e)
{
	if (snprintf(out, PATH_MAX, "%s%s", o->prefix, path) >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "%s%.64s...: path too long", o->prefix, path);
	return 0;
}

/* One daemon for one directory of leases: two would renew them against each other. */
static int open_state(struct dhcp_base *b, const char *path, struct err *e)
{
	ssize_t len;
	int r;

	b->state = dir_open(path, true, e);
	if (b->state < 0)
		return b->state;
	r = lock_take(b->state, path, LOCK_MS, e);
	if (r < 0)
		return r;
	len = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", b->boot, sizeof(b->boot), e);
	if (len < 0)
		return (int)len;
	b->boot[strcspn(b->boot, "\n")] = '\0';
	return 0;
}

static int base_open(struct dhcp_base *b, const struct options *o, struct err *e)
{
	char path[PATH_MAX];
	int r = prefixed(o, o->state, path, e);

	*b = (struct dhcp_base){
		.settings = { o->timeout, o->resend_max, o->resend_timeout },
		.broadcast = o->broadcast,
		.prefix = o->prefix,
	};
	if (r < 0)
		return r;
	b->home = netns_open_self(e);
	return b->home < 0 ? b->home : open_state(b, path, e);
}

static int open_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_errno(e, "signalfd") : fd;
}

static int write_pidfile(const char *path, struct err *e)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", (int)getpid()), r;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return err_errno(e, "-pidfile %s", path);
	r = fd_write(fd, path, text, (size_t)len, e);
	close(fd);
	return r;
}

/* Every lease that is being acquired needs a descriptor. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int run(const struct options *o, struct err *e)
{
	static struct dhcp_closing closing;
	static struct dhcp_base base;
	char socket[PATH_MAX];
	int signals, listener, r = prefixed(o, o->socket, socket, e);
	bool given;

	if (r == 0)
		r = base_open(&base, o, e);
	if (r < 0)
		return r;
	base.closing = &closing;
	raise_limit();
	signals = open_signals(e);
	if (signals < 0)
		return signals;
	listener = dhcp_listener_open(socket, &given, e);
	if (listener < 0)
		return listener;
	if (*o->pidfile)
		r = write_pidfile(o->pidfile, e);
	if (r == 0)
		r = dhcp_serve(&base, listener, signals, e);
	if (!given)
		unlink(socket);
	if (*o->pidfile)
		unlink(o->pidfile);
	return r;
}

int dhcp_main(int argc, char **argv)
{
	struct err e = { 0 };
	struct options o;

	if (strcmp(argv[1], "daemon") != 0) {
		fprintf(stderr, "dhcp: unexpected argument \"%s\" (see dhcp --help)\n", argv[1]);
		return 2;
	}
	log_name("dhcp");
	log_stderr(LOG_INFO);
	if (options_parse(argc, argv, &o, &e) < 0) {
		fprintf(stderr, "dhcp daemon: %s (dhcp --help lists the options)\n", e.text);
		return 2;
	}
	if (run(&o, &e) == 0)
		return 0;
	log_line(LOG_ERROR, "%s", e.text);
	return 1;
}
