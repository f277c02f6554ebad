/* Interfaces that live in the pod alone: see in_pod.h. */
#include "iface/in_pod.h"

#include <stdbool.h>

#include "cni/attachment.h"
#include "iface/iface.h"

struct search {
	const struct cni_attachment *at;
	struct link *out;
	bool found;
};

/* By its maker's group it is found while the maker lives: that is this very call, which undoes. */
static bool is_own(const struct cni_attachment *at, const struct link *l)
{
	return attachment_owns_in_pod(at, l) || l->group == attachment_group();
}

static int match(const struct link *l, void *arg)
{
	struct search *s = arg;

	if (!s->found && is_own(s->at, l)) {
		*s->out = *l;
		s->found = true;
	}
	return 0;
}

int in_pod_search(struct iface *i, struct link *out, struct err *e)
{
	struct search s = { .at = &i->req->at, .out = out };
	int r = link_find(&i->pod.nl, i->req->at.ifname, out, e);

	if (r < 0 || (r > 0 && is_own(&i->req->at, out)))
		return r;
	r = link_each(&i->pod.nl, NULL, match, &s, e);
	return r < 0 ? r : s.found;
}
