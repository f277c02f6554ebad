/* What GC may take apart: see stale.h. */
#include "iface/stale.h"

#include <stdlib.h>
#include <string.h>

#include "cni/attachment.h"
#include "ipam/ipam.h"

static int put_name(const struct cni_attachment *at, void *arg)
{
	struct stale *s = arg;

	if (s->count < STALE_MAX)
		attachment_host_name(at, s->names[s->count++]);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

int stale_collect(struct stale *s, const struct cni_request *req, const struct ipam *ipam,
		  struct err *e)
{
	int r;

	s->req = req;
	s->count = 0;
	s->by_lease = ipam->kind == IPAM_HOST_LOCAL;
	if (!s->by_lease)
		return 0;
	r = host_local_each_stale(&ipam->local, req, put_name, s, e);
	qsort(s->names, s->count, IF_NAMESIZE, compare_names);
	return r;
}

bool stale_has_name(const struct stale *s, const char *host_name)
{
	return bsearch(host_name, s->names, s->count, IF_NAMESIZE, compare_names) != NULL;
}

bool stale_has(const struct stale *s, const struct link *l)
{
	char buf[LINK_ALIAS_SIZE], name[IF_NAMESIZE];
	struct cni_attachment at;

	if (!attachment_parse(l->alias, buf, &at))
		return attachment_orphaned(l);
	if (s->by_lease)
		return stale_has_name(s, attachment_host_name(&at, name));
	return !attachment_in_flight(l) && attachment_network_is(at.network, s->req->at.network) &&
	       !cni_is_valid(s->req, at.container_id, at.ifname);
}
