/* Is a pod provably gone? See gone.h. */
#include "iface/gone.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cni/attachment.h"
#include "net/nl.h"

#define HELD_MAX 65536 /* host ends; with more of them nobody is known to be gone */

/* Whose host ends there are by their aliases, as derived names, for links may be renamed. */
struct held {
	bool read;
	size_t count;
	char names[HELD_MAX][IF_NAMESIZE];
};

static int collect_held(const struct link *l, void *arg)
{
	struct held *h = arg;
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;

	if (h->count < HELD_MAX && attachment_parse(l->alias, buf, &at))
		attachment_host_name(&at, h->names[h->count++]);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* One walk for all leases of a range. */
static int held_by_alias(struct nl *nl, const char *name, struct err *e)
{
	static struct held h;

	if (!h.read) {
		int r = link_each(nl, "veth", collect_held, &h, e);

		if (r < 0)
			return r;
		qsort(h.names, h.count, IF_NAMESIZE, compare_names);
		h.read = true;
	}
	return h.count == HELD_MAX ||
	       bsearch(name, h.names, h.count, IF_NAMESIZE, compare_names) != NULL;
}

/*
 * Asked for every lease of a full range, so the socket is opened once and stays until the process
 * ends.
 */
int attachment_gone(const struct cni_attachment *at, struct err *e)
{
	static char buf[1024];
	static struct nl nl;
	static bool open;
	char name[IF_NAMESIZE];
	struct link l;
	int r;

	if (!open) {
		r = nl_open(&nl, NETLINK_ROUTE, buf, sizeof(buf), e);
		if (r < 0)
			return r;
		open = true;
	}
	r = link_find(&nl, attachment_host_name(at, name), &l, e);
	if (r == 0)
		r = held_by_alias(&nl, name, e);
	return r < 0 ? r : !r;
}
