/* The frame that every plugin runs in: see plugin.h. */
#include "cni/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cni/args.h"
#include "cni/runtime_config.h"
#include "json/writer.h"

#define ARENA_SIZE                                                                                 \
	(16u << 20) /* a megabyte of "[0,0,0..." is half a million tokens; untouched pages cost    \
		       nothing */
#define ANSWER_SIZE (64u << 10)

static char arena_memory[ARENA_SIZE] __attribute__((aligned(16)));
static char input[CNI_STDIN_MAX + 2];
static char answer_buf[ANSWER_SIZE];

static unsigned int code_of(const struct err *e)
{
	if (e->code)
		return e->code;
	switch (e->errnum) {
	case EAGAIN:
		return CNI_ERR_TRY_AGAIN;
	case EEXIST:
		return CNI_ERR_EXISTS;
	case EOPNOTSUPP:
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
		return CNI_ERR_UNSUPPORTED;
	default:
		return CNI_ERR_KERNEL;
	}
}

static void write_error(struct text *t, const struct cni_request *req, const struct err *e)
{
	struct json_writer w;

	cni_object_begin(&w, t, req->version);
	json_member_int(&w, "code", code_of(e));
	json_member_str(&w, "msg", e->text);
	json_close(&w, '}');
}

static void write_versions(struct text *t, const struct cni_request *req)
{
	struct json_writer w;

	cni_object_begin(&w, t, req->version);
	json_key(&w, "supportedVersions");
	json_open(&w, '[');
	for (unsigned int v = 0; v < CNI_VERSIONS; v++)
		json_put_str(&w, cni_version_text((enum cni_version)v));
	json_close(&w, ']');
	json_close(&w, '}');
}

static int decode_conf(const struct cni_plugin *p, const struct cni_request *req, void **conf,
		       struct err *e)
{
	struct json_table table;

	*conf = arena_alloc(req->arena, p->conf_size);
	if (!*conf)
		return err_set(e, ENOMEM, "configuration too large");
	if (p->defaults)
		p->defaults(*conf);
	if (!p->keys)
		return 0;
	table = *p->keys;
	table.only_names = cni_takes_away(req);
	return cni_config_decode(req, &table, *conf, e);
}

static int run_add(const struct cni_plugin *p, const struct cni_request *req, const void *conf,
		   struct text *answer, struct err *e)
{
	static struct cni_result result;
	static struct undo undo;
	int r = 0;

	if (req->prev_result.text)
		r = err_code(
			e, cni_result_read(req->arena, req->prev_result, "prevResult", &result, e),
			CNI_ERR_DECODE);
	if (r == 0)
		r = p->add(req, conf, &result, &undo, e);
	if (r == 0) {
		cni_result_write(answer, &result, req->version);
		text_char(answer, '\n');
		if (answer->bad)
			r = err_code(e,
				     err_set(e, E2BIG, "the result is larger than %u bytes",
					     ANSWER_SIZE),
				     CNI_ERR_IO);
		else
			r = err_code(e,
				     fd_write(STDOUT_FILENO, "the result to standard output",
					      answer->at, answer->len, e),
				     CNI_ERR_IO);
	}
	if (r < 0)
		undo_run(&undo);
	return r;
}

static int run_check(const struct cni_plugin *p, const struct cni_request *req, const void *conf,
		     struct err *e)
{
	static struct cni_result prev;
	int r;

	if (!req->prev_result.text)
		return err_code(
			e, err_set(e, EINVAL, "prevResult: missing; CHECK needs the result of ADD"),
			CNI_ERR_CONFIG);
	r = err_code(e, cni_result_read(req->arena, req->prev_result, "prevResult", &prev, e),
		     CNI_ERR_DECODE);
	return r < 0 || !p->check ? r : p->check(req, conf, &prev, e);
}

/* Without valid attachments nothing can be said about any: GC then leaves everything alone. */
static int run_gc(const struct cni_plugin *p, const struct cni_request *req, const void *conf,
		  struct err *e)
{
	if (!p->gc || !req->valid_known)
		return 0;
	return p->gc(req, conf, e);
}

/* answer stays empty but for ADD, whose result run_add() has written to stdout itself. */
static int run_command(const struct cni_plugin *p, const struct cni_request *req, const void *conf,
		       struct text *answer, struct err *e)
{
	switch (req->command) {
	case CNI_ADD:
		return run_add(p, req, conf, answer, e);
	case CNI_DEL:
		return p->del ? p->del(req, conf, e) : 0;
	case CNI_CHECK:
		return run_check(p, req, conf, e);
	case CNI_GC:
		return run_gc(p, req, conf, e);
	case CNI_STATUS:
		return p->status ? p->status(req, conf, e) : 0;
	case CNI_VERSION:
		break;
	}
	return 0;
}

static bool reads(const struct cni_plugin *p, const char *capability)
{
	for (size_t i = 0; p->capabilities[i]; i++) {
		if (strcmp(p->capabilities[i], capability) == 0)
			return true;
	}
	return false;
}

/* An IPAM plugin is called with all that the pod's plugin was called with, which answers for it. */
static int check_wishes(const struct cni_plugin *p, const struct cni_request *req, struct err *e)
{
	bool chained = !p->driver && req->prev_result.text;

	if (!p->driver && req->type && strcmp(req->type, p->name) != 0)
		return 0;
	return cni_runtime_config_check(req, p->capabilities, chained, e);
}

/* What the caller asks for besides the configuration. */
static int read_wishes(const struct cni_plugin *p, struct cni_request *req, struct err *e)
{
	int r = check_wishes(p, req, e);

	if (r == 0)
		r = cni_runtime_config_dns(req, e);
	if (r == 0 && (reads(p, "ips") || reads(p, "mac")))
		r = cni_args_read(req, e);
	return r;
}

static int complete(const struct cni_plugin *p, struct cni_request *req, void *conf, struct err *e)
{
	int r = req->command == CNI_ADD ? read_wishes(p, req, e) : 0;

	return r == 0 && p->prepare ? p->prepare(req, conf, e) : r;
}

int cni_plugin_prepare(const struct cni_plugin *p, struct cni_request *req, void **conf,
		       struct err *e)
{
	int r = decode_conf(p, req, conf, e);

	if (p->opened && *conf)
		p->opened(req, *conf);
	return r < 0 ? r : complete(p, req, *conf, e);
}

static int run_request(const struct cni_plugin *p, struct cni_request *req, struct text *answer,
		       struct err *e)
{
	void *conf = NULL;
	int r = cni_plugin_prepare(p, req, &conf, e);

	if (r == 0)
		r = run_command(p, req, conf, answer, e);
	if (r < 0) {
		text_init(answer, answer_buf, sizeof(answer_buf));
		write_error(answer, req, e);
	}
	if (p->answered && conf)
		p->answered(req, conf, answer->at, r);
	return r;
}

static int print(struct text *answer)
{
	text_char(answer, '\n');
	return fd_write(STDOUT_FILENO, "standard output", answer->at, answer->len, err_ignored());
}

/* Run by hand, without a command: nerdctl and people read who this is from stderr. */
static int introduce(const struct cni_plugin *p)
{
	fprintf(stderr, "CNI %s plugin %s\nCNI protocol versions supported: ", p->name,
		CNIBOX_VERSION);
	for (unsigned int v = 0; v < CNI_VERSIONS; v++)
		fprintf(stderr, "%s%s", v ? ", " : "", cni_version_text((enum cni_version)v));
	fputc('\n', stderr);
	return 0;
}

static int read_call(struct cni_request *req, struct arena *a, const struct cni_env *env,
		     struct err *e)
{
	ssize_t len = fd_read(STDIN_FILENO, "the configuration from standard input", input,
			      sizeof(input), e);

	if (len < 0) {
		*req = (struct cni_request){ .arena = a, .version = CNI_LATEST };
		return err_code(e, (int)len, CNI_ERR_IO);
	}
	return cni_request_read(req, a, env, input, (size_t)len, e);
}

int cni_plugin_run(const struct cni_plugin *p)
{
	struct cni_request req;
	struct err e = { 0 };
	struct cni_env env;
	struct arena arena;
	struct text answer;
	int r;

	cni_env_read(&env);
	if (!*env.command)
		return introduce(p);
	log_name(p->name);
	arena_init(&arena, arena_memory, sizeof(arena_memory));
	text_init(&answer, answer_buf, sizeof(answer_buf));
	r = read_call(&req, &arena, &env, &e);
	req.plugin = p;
	if (r < 0)
		write_error(&answer, &req, &e);
	else if (req.command == CNI_VERSION)
		write_versions(&answer, &req);
	else
		r = run_request(p, &req, &answer, &e);
	if (r < 0)
		log_line(LOG_ERROR, "%s", e.text);
	if ((r < 0 || req.command == CNI_VERSION) && print(&answer) < 0)
		return 1;
	return r < 0;
}

int cni_plugin_unknown(const char *name)
{
	struct cni_request req;
	struct err e = { 0 };
	struct cni_env env;
	struct arena arena;
	struct text answer;

	cni_env_read(&env);
	arena_init(&arena, arena_memory, sizeof(arena_memory));
	text_init(&answer, answer_buf, sizeof(answer_buf));
	read_call(&req, &arena, &env, err_ignored()); /* for its version */
	err_code(&e,
		 err_set(&e, EINVAL,
			 "type \"%.48s\": cnibox has no plugin of this name (cnibox "
			 "--help lists them)",
			 name),
		 CNI_ERR_CONFIG);
	write_error(&answer, &req, &e);
	print(&answer);
	return 1;
}

void cni_plugin_help(const struct cni_plugin *p)
{
	struct text t;

	text_init(&t, answer_buf, sizeof(answer_buf));
	if (p->keys)
		json_help(&t, p->keys, "");
	if (p->driver && p->ipam_keys)
		text_printf(&t, "  %-30s %-26s %s\n", "ipam", "object",
			    "an IPAM plugin's, by its type; the keys of host-local:");
	if (p->ipam_keys)
		json_help(&t, p->ipam_keys, "ipam");
	for (size_t i = 0; p->capabilities[i]; i++)
		text_printf(&t, "  runtimeConfig.%-16s %-26s %s\n", p->capabilities[i],
			    "capability",
			    "from the runtime, where the list's \"capabilities\" name it");
	fputs(t.at, stdout);
}
