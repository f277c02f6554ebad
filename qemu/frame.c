/* Frames on the lab's channel; see frame.h. */
#include "frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FRAME_MAGIC 0x6e84c1b3u
#define FRAME_END 0x5a3c9617u /* on the wire its last byte is none of the magic's */

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

/* Of the head, the data and the word that ends it. */
static size_t frame_size(const struct frame *f)
{
	return sizeof(f->head) + frame_length(f) + sizeof(uint32_t);
}

static uint32_t frame_end(const struct frame *f)
{
	return htole32(FRAME_END ^ frame_call(f));
}

size_t frame_seal(struct frame *f, enum frame_type type, uint32_t call, size_t length)
{
	uint32_t end;

	f->head = (struct frame_head){
		.magic = htole32(FRAME_MAGIC),
		.type = htole32(type),
		.call = htole32(call),
		.length = htole32((uint32_t)length),
	};
	end = frame_end(f);
	memcpy(f->data + length, &end, sizeof(end));
	return frame_size(f);
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

static bool is_whole(const struct frame_reader *r)
{
	return r->have >= sizeof(r->front.head) && r->have >= frame_size(&r->front);
}

static bool is_ended(const struct frame *f)
{
	uint32_t end = frame_end(f);

	return memcmp(f->data + frame_length(f), &end, sizeof(end)) == 0;
}

const struct frame *frame_first(struct frame_reader *r)
{
	search(r, 0);
	while (is_whole(r) && !is_ended(&r->front))
		search(r, 1);
	return is_whole(r) ? &r->front : NULL;
}

void frame_abandon(struct frame_reader *r)
{
	if (r->have > 0)
		search(r, 1);
}

void frame_drop(struct frame_reader *r)
{
	forget(r, frame_size(&r->front));
}
