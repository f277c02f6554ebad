/*
 * The lab's channel: frames on a byte stream that knows no connections.
 *
 * One side of the stream is a virtserialport in a guest, the other a unix socket
 * of QEMU. Either side may die in the middle of a frame, and what it left in
 * the buffers is still delivered. Hence each frame begins with a magic word to
 * find the next frame by, ends with another, so that one that was cut off does not
 * take its missing bytes from the next, and carries the number of the call that it
 * belongs to: who reads skips what is not a frame and ignores what is another call's.
 *
 * Host to guest: CALL (arguments, each with its NUL), IN (empty: end of file).
 * Guest to host: OUT, ERR, ALIVE (empty, every two seconds of silence), EXIT (one
 * byte, the status, as a shell would report it).
 */
#ifndef LAB_FRAME_H
#define LAB_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 65536

enum frame_type {
	FRAME_CALL = 1,
	FRAME_IN,
	FRAME_OUT,
	FRAME_ERR,
	FRAME_ALIVE,
	FRAME_EXIT,
};

/* On the wire, little-endian; frame_type() and its like read it. */
struct frame_head {
	uint32_t magic;
	uint32_t type;
	uint32_t call;
	uint32_t length;
};

struct frame {
	struct frame_head head;
	unsigned char data[FRAME_MAX + sizeof(uint32_t)]; /* and the word at the end */
};

struct frame_reader {
	size_t have;
	struct frame front;
};

enum frame_type frame_type(const struct frame *f);
uint32_t frame_call(const struct frame *f);
size_t frame_length(const struct frame *f);

/* Fills in the head, and the end behind the data; returns the number of bytes of the whole frame.
 */
size_t frame_seal(struct frame *f, enum frame_type type, uint32_t call, size_t length);

/* Reads what there is; returns its length, 0 at the end of the stream, or -errno. */
long frame_read(struct frame_reader *r, int fd);

/* The first whole frame, or NULL. It stays the first, and valid, until frame_drop(). */
const struct frame *frame_first(struct frame_reader *r);
void frame_drop(struct frame_reader *r);

/*
 * Gives up a frame whose rest does not come, because its sender died: what was
 * taken for its data is searched for the next frame.
 */
void frame_abandon(struct frame_reader *r);

#endif
