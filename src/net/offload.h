/*
 * What a link leaves to its driver: the transmit checksum alone. Follows net/ethtool/ioctl.c.
 */
#ifndef NET_OFFLOAD_H
#define NET_OFFLOAD_H

#include <stdbool.h>

struct err;

/* Is the transmit checksum left to it? A link that cannot say: false. */
int offload_checksum(const char *link, bool *on, struct err *e);
int offload_set_checksum(const char *link, bool on, struct err *e);

#endif
