/*
 * Which attachments have an interface now: for GC of plugins behind others. Whether an attachment
 * that is not valid is this runtime's or that of another one, whose network has the same name, is
 * known to the plugin in front alone, by the dataDir of its leases; it is called before. What it
 * has left alone still has its interface.
 */
#ifndef IFACE_ATTACHED_H
#define IFACE_ATTACHED_H

#include <stdbool.h>

#include "fw/fw.h"

struct err;

/*
 * Read the aliases of all links of the node and of its pods, and the records of devices that are
 * lent: who was attached before this call is among them. A pod can forge an alias: all it gains is
 * that something of an attachment stays.
 */
int attached_read(struct err *e);

/* Did it have an interface then? host_name is attachment_host_name()'s. */
bool attached_has(const char *host_name);

/* Both. */
extern const struct fw_attached attached;

#endif
