/* Has an attachment's ADD not ended? See fw_private.h. */
#include "fw/fw_private.h"

#include <limits.h>
#include <string.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "ipam/lease_store.h"

/* Its lease is flock'ed by the process that took it. */
static bool has_lease_in_flight(const struct fw_record *r)
{
	const struct cni_attachment *at = &r->at;
	char id[CNI_ID_SHORT + 1], network[CNI_NETWORK_SHORT + 1];
	const struct lease_owner owner = {
		.id = strlen(at->container_id) <= LEASE_ID_MAX
			      ? at->container_id
			      : attachment_short_id(at->container_id, id),
		.ifname = at->ifname,
	};
	const char *of = strlen(at->network) <= NAME_MAX
				 ? at->network
				 : attachment_short_network(at->network, network);
	struct lease_store s;
	struct addr held;
	bool yes;

	if (!r->data_dir[0] || lease_open(&s, r->data_dir, of, false, err_ignored()) < 0)
		return false;
	yes = lease_find(&s, &owner, &held, 1, err_ignored()) > 0 &&
	      lease_in_flight(&s, &held, err_ignored()) > 0;
	lease_close(&s);
	return yes;
}

bool fw_is_in_flight(const struct fw_record *r, const char *host_name)
{
	struct link l;

	if (r->host_end && fw_find_host_end(host_name, &l, err_ignored()) > 0 &&
	    attachment_in_flight(&l))
		return true;
	return has_lease_in_flight(r);
}
