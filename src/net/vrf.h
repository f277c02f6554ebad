/*
 * VRF devices: a routing table of its own for the interfaces that are enslaved to it. Follows
 * drivers/net/vrf.c and Documentation/networking/vrf.rst. What they are is read with the other
 * links (net/link.h).
 */
#ifndef NET_VRF_H
#define NET_VRF_H

#include <stdint.h>

struct nl;

/* Write into the batch a request for one, down; -EEXIST: a link has the name. */
void link_add_vrf(struct nl *nl, const char *name, uint32_t table);

#endif
