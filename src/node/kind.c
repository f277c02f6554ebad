/* The one table of kinds: see kind.h. */
#include "node/kind.h"

#include <stdarg.h>
#include <stdio.h>

#include "node/kinds/kinds.h"

#define WARNING_SIZE 512

/*
 * The bridge's former addresses are in the way of routes; tunnels come before the routes through
 * them, and those that are no longer needed go behind. The CNI configuration, which tells the
 * runtime to begin, is last.
 */
const struct kind *const kinds[] = {
	&sysctl_kind,	     &bridge_address_kind, &vxlan_kind,
	&wireguard_kind,     &tunnel_address_kind, &fdb_kind,
	&neighbour_kind,     &wireguard_peer_kind, &route_kind,
	&former_tunnel_kind, &masquerade_kind,	   &forward_kind,
	&attachments_kind,   &config_kind,
};
const size_t kind_count = sizeof(kinds) / sizeof(kinds[0]);

void work_done(struct work *w, const struct change *c)
{
	if (w->done)
		w->done(c);
}

void work_warn(struct work *w, const char *fmt, ...)
{
	char buf[WARNING_SIZE];
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	text = list_text(w->warnings, buf);
	list_add(w->warnings, &text);
}

int work_each(struct work *w, change_fn *fn, struct err *e)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct change *c = &w->changes[i];
		int r = c->verdict == ITEM_OK ? 0 : fn(w->site, c, e);

		if (r < 0)
			return r;
		if (c->verdict != ITEM_OK)
			work_done(w, c);
	}
	return 0;
}
