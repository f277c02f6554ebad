/* Waiting for the kernel's events: see await.h. */
#include "net/await.h"

#include <errno.h>
#include <stdint.h>

#include "base/clock.h"
#include "net/netns.h"
#include "net/nl.h"

#include <linux/rtnetlink.h>

static int listen_open(const struct await *a, struct nl *nl, struct err *e)
{
	int r = a->ns < 0 ? nl_open(nl, NETLINK_ROUTE, NULL, 0, e)
			  : nl_open_in(nl, a->ns, a->home, NETLINK_ROUTE, NULL, 0, e);

	return r < 0 ? r : nl_listen(nl, a->group, e);
}

static int wait_until_it_holds(const struct await *a, const struct nl *nl, struct err *e)
{
	const int64_t end = clock_ms() + a->timeout_ms;
	int r;

	while ((r = a->holds(a->arg, e)) == 0) {
		const int64_t left = end - clock_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		r = nl_wait(nl, (int)left, e);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

int await_state(const struct await *a, struct err *e)
{
	struct nl nl = NL_CLOSED;
	int r = a->holds(a->arg, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = listen_open(a, &nl, e);
	if (r == 0)
		r = wait_until_it_holds(a, &nl, e);
	nl_close(&nl);
	return r;
}
