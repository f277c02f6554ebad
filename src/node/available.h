/*
 * The condition NetworkUnavailable of this machine's node. Controllers of clouds set it to True
 * until they have made a network; the scheduler puts no pods there meanwhile. Where the network is
 * ours, nobody else would ever say that it is there.
 */
#ifndef NODE_AVAILABLE_H
#define NODE_AVAILABLE_H

struct patch;
struct stored_node;

/* Ask for it to be set to False where it is True; n NULL: this node cannot network, or not yet. */
void available_offer(struct patch *p, const struct stored_node *n);

#endif
