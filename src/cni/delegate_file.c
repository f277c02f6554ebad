/* Configurations of delegates: see delegate_file.h. */
#include "cni/delegate_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "cni/attachment.h"

#define LOCK_TIMEOUT_MS 30000
#define ID_MAX 200 /* a longer id is no name of a file with what is written beside it */

static const char *file_name(const struct cni_request *req, char brief[static CNI_ID_SHORT + 1])
{
	const char *id = req->at.container_id;

	return strlen(id) > ID_MAX ? attachment_short_id(id, brief) : id;
}

/* -ENOENT: there is none, which is no error. */
static int open_dir(const char *path, struct err *e)
{
	struct err local = { 0 };
	int dir = dir_open(path, false, &local);

	if (dir == -ENOENT || dir == -ENOTDIR)
		return -ENOENT;
	return dir < 0 ? err_code(e, err_take(e, &local), CNI_ERR_STATE) : dir;
}

/* As delegate_file_read(), of a file in dir. */
static int read_named(int dir, const char *name, const struct cni_request *req,
		      struct json_raw *out, struct err *e)
{
	struct err local = { 0 };
	char *buf = arena_alloc_raw(req->arena, DELEGATE_FILE_MAX);
	const char *network;
	ssize_t len;

	if (!buf)
		return err_set(e, ENOMEM, "no memory left");
	len = file_read(dir, name, buf, DELEGATE_FILE_MAX, &local);
	if (len < 0 && !file_is_foreign((int)len))
		return err_code(e, err_take(e, &local), CNI_ERR_STATE);
	if (len <= 0 || json_check(buf, (size_t)len, err_ignored()) < 0)
		return 0;
	*out = json_trim((struct json_raw){ .text = buf, .len = (size_t)len });
	network = json_string(req->arena, json_find(*out, "name"));
	return network && strcmp(network, req->at.network) == 0;
}

int delegate_file_read(const char *path, const struct cni_request *req, struct json_raw *out,
		       struct err *e)
{
	char brief[CNI_ID_SHORT + 1];
	int dir = open_dir(path, e), r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = read_named(dir, file_name(req, brief), req, out, e);
	close(dir);
	return r;
}

int delegate_file_write(const char *path, const struct cni_request *req, struct json_raw config,
			struct err *e)
{
	char brief[CNI_ID_SHORT + 1];
	int dir = dir_open(path, true, e), r = dir;

	if (dir >= 0) {
		r = lock_take(dir, path, LOCK_TIMEOUT_MS, e);
		if (r == 0)
			r = file_replace(dir, file_name(req, brief), config.text, config.len, 0600,
					 FILE_SYNC, e);
		close(dir);
	}
	return r < 0 ? err_code(e, r, CNI_ERR_STATE) : 0;
}

int delegate_file_remove(const char *path, const struct cni_request *req, struct err *e)
{
	char brief[CNI_ID_SHORT + 1];
	int dir = open_dir(path, e), r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = file_remove(dir, file_name(req, brief), e);
	close(dir);
	return err_code(e, r, CNI_ERR_STATE);
}

struct gc_walk {
	const struct cni_request *req;
	struct err *e;
};

static int collect(int dir, const char *name, void *arg)
{
	const struct gc_walk *w = arg;
	size_t mark = w->req->arena->used;
	struct json_raw config;
	int r = read_named(dir, name, w->req, &config, w->e);

	if (r > 0)
		r = cni_is_valid(w->req, name, "") ? 0 : file_remove(dir, name, w->e);
	arena_reset(w->req->arena, mark);
	return r;
}

int delegate_file_gc(const char *path, const struct cni_request *req, struct err *e)
{
	struct gc_walk w = { .req = req, .e = e };
	int dir = open_dir(path, e), r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = lock_take(dir, path, LOCK_TIMEOUT_MS, e);
	if (r == 0)
		r = dir_each(dir, path, collect, &w, e);
	if (r == 0)
		r = dir_sweep(dir, path, e);
	close(dir);
	return err_code(e, r, CNI_ERR_STATE);
}
