/*
 * What plugin and daemon say to each other over the unix socket. Both are this one program, so the
 * form is nobody's contract: four bytes of length in network byte order, then a JSON object. One
 * question, one answer, in turns.
 *
 * A question has a command and the attachment; ADD also where the pod is and what to ask for. The
 * answer is a CNI result, an error object ("code" and "msg"), a list, or {}.
 */
#ifndef DHCP_RPC_H
#define DHCP_RPC_H

#include <stddef.h>
#include <stdint.h>

#include "cni/cni.h"
#include "dhcp/client.h"
#include "dhcp/pod_link.h"

struct arena;
struct err;
struct json_writer;
struct text;

#define DHCP_SOCKET "/run/cni/dhcp.sock"
#define DHCP_ASK_MAX 4096u     /* bytes of a question */
#define DHCP_ANSWER_MAX 65536u /* bytes of an answer */
#define DHCP_RPC_HEAD 4u

enum dhcp_command {
	DHCP_CMD_ADD,	 /* acquire a lease, or tell the one that is held: a result */
	DHCP_CMD_DEL,	 /* release and forget; unknown is fine */
	DHCP_CMD_CHECK,	 /* the lease that is held: a result */
	DHCP_CMD_STATUS, /* is there room for another lease? */
	DHCP_CMD_LIST,	 /* the attachments of a network, some at a time */
};

struct dhcp_ask {
	enum dhcp_command command;
	struct cni_attachment at; /* LIST: the network alone; STATUS: nothing. Read: short forms */
	const char *netns;	  /* ADD: an absolute path */
	uint8_t request[DHCP_REQUEST_MAX];
	size_t request_len;
	uint8_t provide[DHCP_PROVIDE_MAX];
	size_t provide_len;
	int64_t from; /* LIST: where to go on */
};

/* Write the object, without its length. Overflow marks t bad. */
void dhcp_ask_write(struct text *t, const struct dhcp_ask *q);

/*
 * Read and check it; strings live in the arena. Everything in *out is of the form that it has when
 * a plugin sends it, whoever sent it. -EINVAL, -ENOMEM.
 */
int dhcp_ask_read(struct arena *a, const char *text, size_t len, struct dhcp_ask *out,
		  struct err *e);

/* A member of at most DHCP_MESSAGE_MAX bytes as hexadecimal text. */
void dhcp_member_hex(struct json_writer *w, const char *key, const uint8_t *data, size_t len);
/* False when there is an odd or another digit, or no room. */
bool dhcp_hex_read(const char *s, uint8_t *out, size_t cap, size_t *len);

#endif
