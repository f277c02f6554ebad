/*
 * What a pod's routes are, of a result's: ADD makes them, CHECK looks for them.
 */
#ifndef IFACE_POD_ROUTES_H
#define IFACE_POD_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

struct pod_want;
struct route;

/* The nth route that is wanted, of the link of this index; false behind the last. */
bool pod_route(const struct pod_want *want, size_t n, int index, struct route *out);

#endif
