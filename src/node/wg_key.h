/*
 * This node's WireGuard key: made here, never told, kept in a file of mode 0600 over reboots and
 * `down`: it is who this node is to the others.
 */
#ifndef NODE_WG_KEY_H
#define NODE_WG_KEY_H

#include <stdbool.h>
#include <stdint.h>

struct err;

#define WG_KEY_DIR "/var/lib/cni/cnibox"
#define WG_KEY_NAME "wireguard.key"

struct wg_key {
	uint8_t private_key[32], public_key[32];
};

/* 1: it is there; 0: none has been made yet. -EINVAL: the file holds something else. */
int wg_key_read(struct wg_key *out, struct err *e);

/* The same, and where there is none one is made. 0 or negative. */
int wg_key_get(struct wg_key *out, struct err *e);

#endif
