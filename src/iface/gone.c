/* Is a pod provably gone? See gone.h. */
#include "iface/gone.h"

#include "cni/attachment.h"
#include "net/nl.h"

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
	return r < 0 ? r : !r;
}
