/*
 * The nodes as the API server told them last, in a file that outlives the boot: a machine that
 * comes up while the server is away joins the nodes that it knew. It is a NodeList with what
 * matters of each, so `node up -f` reads it as well.
 */
#ifndef NODE_KNOWN_NODES_H
#define NODE_KNOWN_NODES_H

struct err;
struct node_store;

#define KNOWN_NODES_DIR "/var/lib/cnibox"
#define KNOWN_NODES_NAME "nodes.json"
#define KNOWN_NODES KNOWN_NODES_DIR "/" KNOWN_NODES_NAME

/* Replaces the file; survives a power cut, old or new. */
int known_nodes_save(const struct node_store *s, struct err *e);

/* As a complete list to the store, which was never told one. -ENOENT: there is no file. */
int known_nodes_load(struct node_store *s, struct err *e);

/* The file, and its directory when nothing else is in it. */
int known_nodes_remove(struct err *e);

#endif
