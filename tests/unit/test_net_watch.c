/* What a watch tells of, against the running kernel: others' changes, and not one's own. */
#include "net_kernel.h"

#include "net/nft.h"
#include "net/watch.h"

static struct net_watch watch;
static struct nl other;
static char other_buffer[4096];

static bool has_changed(void)
{
	watch.changed = false;
	ok(net_watch_read(&watch, &e));
	return watch.changed;
}

/* lo goes down, or up, by the requests of this socket. */
static void flap(struct nl *by, bool up)
{
	(up ? link_up : link_down)(by, 1);
	ok(nl_commit(by, NULL, &e));
}

static void a_change_of_another_is_told(void **state)
{
	(void)state;
	needs_namespaces();
	ok(net_watch_open_route(&watch, &nl, &e));
	ok(nl_open(&other, NETLINK_ROUTE, other_buffer, sizeof(other_buffer), &e));
	flap(&nl, true);
	assert_true(nl_port(&nl) != 0);
	has_changed();
	assert_false(has_changed());
	flap(&other, false);
	assert_true(has_changed());
	assert_false(has_changed());
	nl_close(&other);
	nl_close(&watch.nl);
}

static void ones_own_change_is_not(void **state)
{
	struct route r = { .index = 1 };

	(void)state;
	needs_namespaces();
	flap(&nl, true);
	ok(net_watch_open_route(&watch, &nl, &e));
	assert_true(prefix_parse("10.99.0.0/16", &r.dst));
	route_replace(&nl, &r);
	ok(nl_commit(&nl, NULL, &e));
	assert_false(has_changed());
	nl_close(&watch.nl);
}

/* The queue of a listener is some hundred KB; an event of a link is more than one. */
static void lost_events_are_told(void **state)
{
	(void)state;
	needs_namespaces();
	ok(net_watch_open_route(&watch, &nl, &e));
	for (int i = 0; i < 2000; i++)
		flap(&nl, i % 2);
	assert_true(has_changed());
	assert_true(watch.lost);
	nl_close(&watch.nl);
}

static void forwarding_is_told(void **state)
{
	(void)state;
	needs_namespaces();
	ok(net_watch_open_route(&watch, &nl, &e));
	ok(sysctl_set("net/ipv4/ip_forward", "1", &e));
	assert_true(has_changed());
	nl_close(&watch.nl);
}

static void nftables_names_who_changed_it(void **state)
{
	const struct nft_table t = { .family = 1, .name = "watched" };
	char wanted[32];
	int r;

	(void)state;
	needs_namespaces();
	r = net_watch_open_nft(&watch, &nl, &e);
	if (r == -EPROTONOSUPPORT) {
		print_message("this kernel has no nftables\n");
		skip();
	}
	ok(r);
	ok(nl_open(&other, NETLINK_NETFILTER, other_buffer, sizeof(other_buffer), &e));
	nft_begin(&other);
	nft_table_add(&other, &t);
	ok(nft_commit(&other, NULL, &e));
	assert_true(has_changed());
	/* The process id is that of the machine's first namespace, not always of this one. */
	snprintf(wanted, sizeof(wanted), "%.15s (", program_invocation_short_name);
	assert_non_null(strstr(watch.who, wanted));
	watch.own = &other;
	nft_begin(&other);
	nft_table_del(&other, &t);
	ok(nft_commit(&other, NULL, &e));
	assert_false(has_changed());
	nl_close(&other);
	nl_close(&watch.nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_sockets(a_change_of_another_is_told),   with_sockets(ones_own_change_is_not),
		with_sockets(lost_events_are_told),	     with_sockets(forwarding_is_told),
		with_sockets(nftables_names_who_changed_it),
	};

	return cmocka_run_group_tests_name("what others change", tests, have_namespaces, NULL);
}
