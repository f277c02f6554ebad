/*
 * What this node's CNI configuration says: one plugin that gives the pods addresses of our subnets.
 * Pure. A key in it says that it is ours; runtimes ignore keys that they do not know (CNI
 * specification 1.1.0, "Section 1").
 */
#ifndef NODE_CONFIG_TEXT_H
#define NODE_CONFIG_TEXT_H

struct site;

#define CONFIG_MARK "cnibox.node"
#define CONFIG_SIZE 65536 /* of a text, at most */

/* In the site's arena; NULL: no memory. */
const char *config_text(const struct site *s);

/* The type of its plugin. */
const char *config_plugin(const struct site *s);

#endif
