/* See told.h. The file is an array: who reads it is the program that wrote it, or its successor. */
#include "node/told.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/list.h"
#include "net/wireguard.h"
#include "node/site.h"

#define TOLD NODE_STATE_DIR "/" TOLD_NAME

struct told_peer {
	uint8_t key[32];
	uint8_t address[16];
	uint8_t family, port[2], zero;
};

static struct told_peer told_of(const struct wg_peer *p)
{
	struct told_peer t = { .family = p->endpoint.family,
			       .port = { (uint8_t)(p->port >> 8), (uint8_t)p->port } };

	memcpy(t.key, p->key, sizeof(t.key));
	memcpy(t.address, p->endpoint.bytes, sizeof(t.address));
	return t;
}

void told_init(struct list *told, struct arena *a)
{
	list_init(told, a, sizeof(struct told_peer));
}

int told_read(struct list *told, size_t most, struct err *e)
{
	size_t cap = most * sizeof(struct told_peer) + 1;
	char *text = arena_alloc(told->arena, cap);
	struct err mine = { 0 };
	ssize_t len;

	if (!text)
		return err_set(e, ENOMEM, "no memory for " TOLD);
	len = file_read(AT_FDCWD, TOLD, text, cap, &mine);
	if (len < 0)
		return file_is_foreign((int)len) ? 0 : err_take(e, &mine);
	for (size_t at = 0; at + sizeof(struct told_peer) <= (size_t)len;
	     at += sizeof(struct told_peer))
		list_add(told, text + at);
	return list_check(told, TOLD, e);
}

static int cmp_told(const void *x, const void *y)
{
	return memcmp(x, y, sizeof(((struct told_peer *)0)->key));
}

bool told_same(const struct list *told, const struct wg_peer *p)
{
	struct told_peer t = told_of(p);
	const struct told_peer *at = NULL;

	if (told->count)
		at = bsearch(&t, told->at, told->count, sizeof(t), cmp_told);
	return at && memcmp(at, &t, sizeof(t)) == 0;
}

void told_add(struct list *told, const struct wg_peer *p)
{
	struct told_peer t = told_of(p);

	list_add(told, &t);
}

int told_write(const struct list *told, struct err *e)
{
	int dir, r = list_check(told, TOLD, e);

	if (r < 0)
		return r;
	dir = dir_open(NODE_STATE_DIR, true, e);
	if (dir < 0)
		return dir;
	r = file_replace(dir, TOLD_NAME, told->at, told->count * told->size, 0644, FILE_NO_SYNC, e);
	close(dir);
	return r;
}
