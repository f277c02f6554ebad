/*
 * Where WireGuard was told that its peers are, in a file whose life ends with the boot as the link
 * does. By it a node that has another address in the cluster now is told from one whose packets
 * come from elsewhere, which the kernel knows better.
 */
#ifndef NODE_TOLD_H
#define NODE_TOLD_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct err;
struct list;
struct wg_peer;

#define TOLD_NAME "wireguard"

void told_init(struct list *told, struct arena *a);

/* What told_write() wrote. No file, none of ours, or one of more than `most` peers: nothing. */
int told_read(struct list *told, size_t most, struct err *e);

/* Is this peer among them, with the same endpoint? */
bool told_same(const struct list *told, const struct wg_peer *p);

/* Peers are added in the order of their keys. */
void told_add(struct list *told, const struct wg_peer *p);
int told_write(const struct list *told, struct err *e);

#endif
