/*
 * A device of the node that is lent to a pod: what it was like, written down before it is moved, so
 * that it comes back as it was: by DEL, from a pod that has renamed it, and when the kernel gave it
 * back because the pod's namespace is gone.
 *
 * A record is a file /run/cnibox/device/NAME, NAME derived from the attachment as its host end's
 * would be (cni/attachment.h). There is one record for a device: whoever writes and whoever removes
 * one holds the directory's lock.
 *
 * A device is found again by what it is, never by what the pod can make of another: a device with
 * hardware by its bus and permanent MAC, a link with another end by that end.
 */
#ifndef IFACE_DEVICE_H
#define IFACE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "cni/attachment.h"
#include "net/link.h"

struct err;
struct iface;
struct nl;
struct stale;

#define DEVICE_ADDRS_MAX 32

struct device {
	struct cni_attachment at; /* who has it; its names are short forms */
	struct link link;	  /* as it was; not its index, group, master and so on */
	struct prefix addrs[DEVICE_ADDRS_MAX];
	size_t addr_count;
	char text[8192]; /* holds the strings of one that was read */
};

/* Where a link was found. */
struct device_place {
	bool node;   /* on the node itself */
	bool pod;    /* in the pod that it was lent to; neither: in any namespace */
	int node_id; /* there, the number of the node's namespace; -1: it has none */
};

/*
 * Has it one of the marks that a device keeps, unless a pod or an administrator has changed them:
 * its name, that name as its alias, its MAC?
 */
bool device_has_mark(const struct link *was, const struct link *l);

/* Is this link that device? */
bool device_is(const struct device *d, const struct link *l, const struct device_place *p);

/*
 * Who has the device of this name, MAC or place ("pci/0000:00:04.0")? What is NULL does not matter.
 * 1, 0 or -errno; the struct is large.
 */
int device_holder(const char *name, const uint8_t *mac, const char *bus, struct device *out,
		  struct err *e);

/*
 * Is this link of a pod a device of the node: hardware, or what a record calls by its alias? For
 * what may be forged.
 */
bool device_is_lent(const struct link *l);

/*
 * Move the link l of the node to the pod (i->pod, open), down, and name it i->req->at.ifname; its
 * alias is its name, as the reference has it. What another has left undone of it is done first, for
 * it is on the node.
 */
int device_lend(struct iface *i, const struct link *l, struct err *e);

/*
 * Give back what this attachment has, from the pod (i->pod, if in_pod), from any other namespace,
 * or from the node itself; of a namespace that has died the kernel brings hardware back, which is
 * waited for. 1: so it was; 0: there is no record, which means nothing was lent.
 */
int device_return(struct iface *i, bool in_pod, struct err *e);

/*
 * For ADD: what this attachment had before, in a namespace that died without DEL, is on the node
 * again and as it was; waits for the kernel to bring hardware back, for at most five seconds. 1: so
 * it is; 0: it had nothing, or a living namespace has it, or what is no hardware has ended.
 */
int device_recover(struct iface *i, struct err *e);

/* GC: device_return() for all that is stale. */
int device_return_stale(struct iface *i, const struct stale *stale, struct err *e);

/* Give a link of i->pod back under this name: lent by the reference, which keeps no record. */
int device_return_as(struct iface *i, const struct link *l, const char *name, struct err *e);

#endif
