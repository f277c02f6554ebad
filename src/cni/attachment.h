/*
 * How an attachment is found again: names derived from network, container and interface, and the
 * mark on its host end, or on its interface in the pod when that has no end on the host.
 *
 * Nothing is remembered in files: DEL, CHECK and GC compute the host end's name, or read its
 * alias, which carries all three in clear (`ip link` shows it): "cnibox NETWORK CONTAINER
 * INTERFACE".
 *
 * A link's alias has 255 bytes and a file's name too, while the specification limits no name. What
 * is longer than its share stands there in its short form: the head of the name, '~' and 16
 * hexadecimal digits of a hash of the whole name. '~' is in no valid name, so no name is another's
 * short form; a short form's short form is itself, so whoever has read one computes the same names
 * with it. Names read back compare with short forms only.
 */
#ifndef CNI_ATTACHMENT_H
#define CNI_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>

#include "cni/cni.h"
#include "net/link.h"

#define CNI_NETWORK_SHORT 80
#define CNI_ID_SHORT 150 /* with both and an interface's name, an alias is 254 bytes */

struct attachment_names {
	char network[CNI_NETWORK_SHORT + 1], container_id[CNI_ID_SHORT + 1];
};

/* The name when it fits, else out with its short form. */
const char *attachment_short_network(const char *network, char out[static CNI_NETWORK_SHORT + 1]);
const char *attachment_short_id(const char *container_id, char out[static CNI_ID_SHORT + 1]);

/* The result points into at and buf. */
struct cni_attachment attachment_shorten(const struct cni_attachment *at,
					 struct attachment_names *buf);

/* A valid name that fits, or a short form: what the functions above give for valid names. */
bool attachment_short_network_valid(const char *network);
bool attachment_short_id_valid(const char *container_id);

/* Does a network's name that was read back belong to this network? */
bool attachment_network_is(const char *short_network, const char *network);

/* "veth" and 11 hexadecimal digits of a hash of the short forms. Returns out. */
const char *attachment_host_name(const struct cni_attachment *at, char out[static IF_NAMESIZE]);

/* The alias of the host end; it fits, for it has short forms. Returns out. */
const char *attachment_alias(const struct cni_attachment *at, char out[static LINK_ALIAS_SIZE]);

/* Split an alias; buf holds the three names, which are short forms. False: the link is not ours. */
bool attachment_parse(const char *alias, char buf[static LINK_ALIAS_SIZE],
		      struct cni_attachment *out);

/*
 * Is this link the host end of this attachment, by name and alias? No kernel takes an alias at
 * creation: an ADD killed before it was set leaves none, and then the name speaks.
 */
bool attachment_owns(const struct cni_attachment *at, const struct link *l);

/*
 * Is this link, in the pod, the interface of this attachment? The alias says so, whatever the pod
 * calls it; or the group of a maker that was killed before the alias was set, with the interface's
 * name or the derived one (what a living one makes is its own affair). The pod can write all of
 * them: believe it for nothing but its own interface.
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
bool attachment_orphaned_in_pod(const struct link *l); /* of any kind */

#endif
