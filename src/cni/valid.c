/* GC's list of valid attachments: see valid.h. */
#include "cni/valid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cni/attachment.h"
#include "cni/request.h"

struct envelope {
	struct json_list list;
};

static const struct json_field fields[] = {
	{ "containerID", JSON_STR, offsetof(struct cni_attachment, container_id),
	  .required = true },
	{ "ifname", JSON_STR, offsetof(struct cni_attachment, ifname), .required = true },
};
static const struct json_table table = { .fields = fields, .count = 2 };
static const struct json_field elem = { .kind = JSON_OBJECT, .table = &table };
/* By one key or the other, never by both: a document may hold the older one as well, empty. */
static const struct json_field list_fields[] = {
	{ "cni.dev/valid-attachments", JSON_LIST, offsetof(struct envelope, list), .elem = &elem,
	  .elem_size = sizeof(struct cni_attachment) },
	{ "cni.dev/attachments", JSON_LIST, offsetof(struct envelope, list), .elem = &elem,
	  .elem_size = sizeof(struct cni_attachment) },
};
static const struct json_table list_tables[] = {
	[CNI_VALID] = { .fields = &list_fields[0], .count = 1 },
	[CNI_VALID_OLD] = { .fields = &list_fields[1], .count = 1 },
};

static int compare(const void *a, const void *b)
{
	const struct cni_attachment *x = a, *y = b;
	int c = strcmp(x->container_id, y->container_id);

	return c ? c : strcmp(x->ifname, y->ifname);
}

/* What is read back of attachments are short forms: so are these, for cni_is_valid(). */
static int shorten(struct arena *a, struct cni_attachment *at, struct err *e)
{
	char id[CNI_ID_SHORT + 1];

	if (strlen(at->container_id) <= CNI_ID_SHORT)
		return 0;
	at->container_id =
		arena_strndup(a, attachment_short_id(at->container_id, id), CNI_ID_SHORT);
	return at->container_id ? 0 : err_set(e, ENOMEM, "valid attachments: no memory left");
}

int cni_valid_read(struct cni_request *req, enum cni_valid_key key, struct err *e)
{
	struct envelope env = { 0 };
	int r = json_decode_raw(req->arena, req->config, "", &list_tables[key], &env, e);

	if (r < 0)
		return err_code(e, r, CNI_ERR_DECODE);
	req->valid_known = true;
	req->valid = env.list.items;
	req->valid_count = env.list.count;
	for (size_t i = 0; r == 0 && i < req->valid_count; i++)
		r = shorten(req->arena, &req->valid[i], e);
	if (r == 0 && req->valid_count)
		qsort(req->valid, req->valid_count, sizeof(*req->valid), compare);
	return r;
}

/*
 * The first entry that does not sort before the key; an empty ifname sorts before all of its
 * container's.
 */
bool cni_is_valid(const struct cni_request *req, const char *container_id, const char *ifname)
{
	char buf[CNI_ID_SHORT + 1];
	const char *id = attachment_short_id(container_id, buf);
	const struct cni_attachment key = { .container_id = id, .ifname = ifname };
	size_t low = 0, high = req->valid_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(&req->valid[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < req->valid_count && strcmp(req->valid[low].container_id, id) == 0 &&
	       (!*ifname || strcmp(req->valid[low].ifname, ifname) == 0);
}
