/*
 * How an attachment is found again: names derived from network, container and interface, and the
 * mark on its host end, or on its interface in the pod when that has no end on the host.
 *
 * Nothing is remembered in files: DEL, CHECK, GC and list compute the host end's name, or read its
 * alias, which carries all three in clear (`ip link` shows it): "cnibox NETWORK CONTAINER
 * INTERFACE".
 */
#ifndef CNI_ATTACHMENT_H
#define CNI_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>

#include "cni/cni.h"
#include "net/link.h"

/* "veth" and 11 hexadecimal digits of a hash. Returns out. */
const char *attachment_host_name(const struct cni_attachment *at, char out[static IF_NAMESIZE]);

/*
 * The alias of the host end; fits, because the names are limited (CNI_ID_MAX, CNI_NETWORK_MAX).
 * Returns out.
 */
const char *attachment_alias(const struct cni_attachment *at, char out[static LINK_ALIAS_SIZE]);

/* Split an alias; buf holds the three names. False: the link is not ours. */
bool attachment_parse(const char *alias, char buf[static LINK_ALIAS_SIZE],
		      struct cni_attachment *out);

/*
 * Is this link the host end of this attachment, by name and alias? No kernel takes an alias at
 * creation: an ADD killed before it was set leaves none, and then the name speaks.
 */
bool attachment_owns(const struct cni_attachment *at, const struct link *l);

/*
 * Is this link, in the pod, the interface of this attachment? The alias says so, or the group of a
 * maker that was killed before it was set (what a living one makes is its own affair). The pod can
 * write both: believe it for nothing but its own interface.
 */
bool attachment_owns_in_pod(const struct cni_attachment *at, const struct link *l);

/*
 * The link group of a new link that has no alias yet: it names its maker's process, so that GC can
 * tell what a killed ADD left from what is being made. (A maker in another pid namespace is taken
 * for dead; its ADD then fails and leaves nothing.)
 */
uint32_t attachment_group(void);
bool attachment_in_flight(const struct link *l);
bool attachment_orphaned(const struct link *l);

#endif
