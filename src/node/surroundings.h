/*
 * What stands around this node's pods and no change of ours can mend: each becomes a warning.
 * Addresses of the node that this machine has not, other links with our subnets, a CNI
 * configuration that the runtime takes instead of ours, plugins that are missing, and what Services
 * need of br_netfilter.
 */
#ifndef NODE_SURROUNDINGS_H
#define NODE_SURROUNDINGS_H

struct work;

/* config is the work of the configuration kind, which has been read. */
void surroundings_check(struct work *config);

#endif
