/* Frames on the lab's channel; see frame.h. Both ends are little-endian. */
#include "frame.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FRAME_MAGIC 0x6e84c1b3u

size_t frame_seal(struct frame *f, enum frame_type type, uint32_t call, size_t length)
{
	f->head = (struct frame_head){
		.magic = FRAME_MAGIC,
		.type = type,
		.call = call,
		.length = (uint32_t)length,
	};
	return sizeof(f->head) + length;
}

long frame_read(struct frame_reader *r, int fd)
{
	char *end = (char *)&r->front + r->have;
	ssize_t n = read(fd, end, sizeof(r->front) - r->have);

	if (n < 0)
		return -errno;
	r->have += (size_t)n;
	return n;
}

static void forget(struct frame_reader *r, size_t length)
{
	r->have -= length;
	memmove(&r->front, (char *)&r->front + length, r->have);
}

static bool begins_frame(const char *at)
{
	struct frame_head h;

	memcpy(&h, at, sizeof(h));
	return h.magic == FRAME_MAGIC && h.length <= FRAME_MAX;
}

static void search(struct frame_reader *r, size_t from)
{
	while (r->have - from >= sizeof(struct frame_head) &&
	       !begins_frame((const char *)&r->front + from))
		from++;
	forget(r, from);
}

const struct frame *frame_first(struct frame_reader *r)
{
	const struct frame_head *h = &r->front.head;

	search(r, 0);
	if (r->have < sizeof(*h) || r->have < sizeof(*h) + h->length)
		return NULL;
	return &r->front;
}

void frame_abandon(struct frame_reader *r)
{
	if (r->have > 0)
		search(r, 1);
}

void frame_drop(struct frame_reader *r)
{
	forget(r, sizeof(r->front.head) + r->front.head.length);
}
