/*
 * What the firewall plugin has in FORWARD of a legacy table: where it drops what nobody has
 * accepted, by its policy or by a last rule, an accept by the mark of firewall.h, as late as it
 * works; and in the table filter, first of all, jumps to the administrators' chains that it has.
 * DOCKER-USER, which Docker puts before all others, has the accept in itself if it drops.
 */
#ifndef FW_LEGACY_FORWARD_H
#define FW_LEGACY_FORWARD_H

#include <stdbool.h>
#include <stddef.h>

struct xtables;

struct legacy_want {
	bool pods;		   /* there are pods; false: nothing of ours is wanted */
	const char *const *admins; /* names of chains */
	size_t admin_count;
};

/* Plan what makes the table so: how many rules go and are put. A table without FORWARD has none. */
int legacy_forward_plan(struct xtables *t, const struct legacy_want *w);

/* Does the chain of a hook (NF_INET_*) drop all, with no rule before that accepts anything? */
bool legacy_closes(const struct xtables *t, unsigned int hook);

#endif
