/* Neighbours: see neigh.h. */
#include "net/neigh.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/addr.h"
#include "net/link.h"
#include "net/nl.h"

void neigh_del(struct nl *nl, int index, const struct addr *a)
{
	struct ndmsg m = { .ndm_family = a->family, .ndm_ifindex = index };

	nl_request(nl, "delete neighbour", RTM_DELNEIGH, 0, &m, sizeof(m));
	nl_put_addr(nl, NDA_DST, a);
}

void neigh_announce(struct nl *nl, int index, const uint8_t mac[static 6])
{
	link_set_mac(nl, index, mac);
}
