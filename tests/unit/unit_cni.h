/* What the tests of cni and iface share: an arena, and a call as text. */
#ifndef UNIT_CNI_H
#define UNIT_CNI_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cni/request.h"

static char memory[1 << 20] __attribute__((aligned(16)));
static struct arena arena;
static struct err e;
static struct cni_request req;

/* A call that has everything; a test changes what it is about. */
static inline struct cni_env a_call(const char *command)
{
	return (struct cni_env){
		.command = command,
		.container_id = "c1",
		.netns = "/run/netns/c1",
		.ifname = "eth0",
		.args = "",
		.path = "/opt/cni/bin",
		.netns_override = "",
	};
}

static inline int read_request(const struct cni_env *env, const char *text)
{
	arena_init(&arena, memory, sizeof(memory));
	err_clear(&e);
	return cni_request_read(&req, &arena, env, text, strlen(text), &e);
}

/* The failure, its code, and what its text holds. */
static inline void assert_failure(int r, int errnum, unsigned int code, const char *says)
{
	assert_int_equal(r, -errnum);
	if (!strstr(e.text, says))
		fail_msg("\"%s\" does not say \"%s\"", e.text, says);
	assert_int_equal(e.code, code);
}

#endif
