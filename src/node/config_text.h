/*
 * What this node's CNI configuration says: one plugin that gives the pods addresses of our subnets.
 * Pure. A key in it says that it is ours; runtimes ignore keys that they do not know (CNI
 * specification 1.1.0, "Section 1").
 */
#ifndef NODE_CONFIG_TEXT_H
#define NODE_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct site;

#define CONFIG_MARK "cnibox.node"
#define CONFIG_SIZE 65536 /* of a text, at most */

#define CONFIG_EXT ".conflist"
#define CONFIG_WITHHELD ".withheld" /* behind its name: no runtime reads such a file */

/* Did we write this? */
bool config_is_ours(const char *text, size_t len);

/*
 * The text of ours that is there already, or is withheld, as people have extended it, into
 * s->config; none: it stays as it is.
 */
void config_read(struct site *s);

/*
 * In the site's arena; NULL: no memory. What people have added to the one that is there is kept:
 * members of names that we do not write, and plugins beside ours.
 */
const char *config_text(const struct site *s);

/* The type of its plugin. */
const char *config_plugin(const struct site *s);

#endif
