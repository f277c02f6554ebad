/* See sockets.h. */
#include "node/sockets.h"

#include <errno.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "net/nl.h"

#define NL_BUF_SIZE (256u << 10)

static struct nl route_nl = NL_CLOSED, nft_nl = NL_CLOSED, generic_nl = NL_CLOSED;
static char route_buf[NL_BUF_SIZE], nft_buf[NL_BUF_SIZE], generic_buf[NL_BUF_SIZE];

struct nl *const route_socket = &route_nl, *const nft_socket = &nft_nl,
		 *const generic_socket = &generic_nl;

int sockets_open(struct err *e)
{
	struct err mine = { 0 };
	int r = 0;

	if (!nl_is_open(&route_nl))
		r = nl_open(&route_nl, NETLINK_ROUTE, route_buf, sizeof(route_buf), e);
	if (r == 0 && !nl_is_open(&generic_nl))
		r = nl_open(&generic_nl, NETLINK_GENERIC, generic_buf, sizeof(generic_buf), e);
	if (r < 0 || nl_is_open(&nft_nl))
		return r;
	r = nl_open(&nft_nl, NETLINK_NETFILTER, nft_buf, sizeof(nft_buf), &mine);
	return r < 0 && r != -EPROTONOSUPPORT ? err_take(e, &mine) : 0;
}
