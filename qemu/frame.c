/* Frames on the lab's channel; see frame.h. */
#include "frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FRAME_MAGIC 0x6e84c1b3u

enum frame_type frame_type(const struct frame *f)
{
	return (enum frame_type)le32toh(f->head.type);
}

uint32_t frame_call(const struct frame *f)
{
	return le32toh(f->head.call);
}

size_t frame_length(const struct frame *f)
{
	return le32toh(f->head.length);
}

size_t frame_seal(struct frame *f, enum frame_type type, uint32_t call, size_t length)
{
	f->head = (struct frame_head){
		.magic = htole32(FRAME_MAGIC),
		.type = htole32(type),
		.call = htole32(call),
		.length = htole32((uint32_t)length),
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
	return le32toh(h.magic) == FRAME_MAGIC && le32toh(h.length) <= FRAME_MAX;
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
	size_t head = sizeof(r->front.head);

	search(r, 0);
	if (r->have < head || r->have < head + frame_length(&r->front))
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
	forget(r, sizeof(r->front.head) + frame_length(&r->front));
}
