/* Hundreds of links, overflowing queues and strangers, against the running kernel. */
#include "net_kernel.h"

#define MANY 300

static void add_many(void)
{
	char host[16], inside[16];

	for (int i = 0; i < MANY; i++) {
		struct veth v = veth(host, inside, 0);

		v.alias = "one of many with an alias of some length, so that a dump takes several "
			  "messages";
		snprintf(host, sizeof(host), "many%d", i);
		snprintf(inside, sizeof(inside), "eth%d", i);
		v.host_mac[5] = v.pod_mac[5] = (uint8_t)i;
		link_add_veth(&nl, &v);
		link_join_veth(&nl, &v, true);
		link_set_group_name(&nl, host, 4711);
		ok(nl_commit(&nl, NULL, &e));
	}
}

struct many {
	bool seen[MANY];
	unsigned int count, twice, calls;
	struct nl *meddler; /* its first call makes a link, which interrupts the dump */
	char *other;
};

static int see_many(const struct link *l, void *arg)
{
	struct many *m = arg;
	unsigned int i;

	m->calls++;
	if (m->meddler) {
		struct nl *other = m->meddler;

		m->meddler = NULL;
		link_del_name(other, "other");
		ok(nl_commit(other, NULL, &e));
	}
	if (sscanf(l->name, "many%u", &i) != 1 || i >= MANY)
		return 0;
	assert_int_equal(l->group, 4711);
	assert_string_equal(l->kind, "veth");
	m->twice += m->seen[i];
	m->count += !m->seen[i];
	m->seen[i] = true;
	return 0;
}

static int stop_at_fifth(const struct link *l, void *arg)
{
	struct many *m = arg;

	(void)l;
	return ++m->calls == 5 ? -ECANCELED : 0;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void hundreds_of_links(void **state)
{
	struct many all = { .calls = 0 }, bridges = { .calls = 0 }, none = { .calls = 0 },
		    stopped = { .calls = 0 }, meddled = { .calls = 0 };
	static char other_buffer[1024];
	struct nl other;
	struct link l;
	double start;

	(void)state;
	needs_namespaces();
	add_many();
	ok(add_bridge("br0"));
	ok(add_bridge("other"));
	start = now_ms();
	ok(link_each(&nl, NULL, see_many, &all, &e));
	print_message("dump of %u links: %.2f ms\n", all.calls, now_ms() - start);
	assert_true(all.count == MANY && all.twice == 0 &&
		    all.calls == MANY + 3); /* br0, other, lo */
	ok(link_each(&nl, "bridge", see_many, &bridges, &e));
	assert_true(bridges.count == 0 && bridges.calls == 2);
	ok(link_each(&nl, "nosuchkind", see_many, &none, &e));
	assert_int_equal(none.calls, 0);

	assert_int_equal(link_each(&nl, NULL, stop_at_fifth, &stopped, &e), -ECANCELED);
	assert_int_equal(stopped.calls, 5);
	assert_int_equal(e.errnum, 0);
	find(&nl, "many7"); /* the socket is fit for use again */

	ok(nl_open(&other, NETLINK_ROUTE, other_buffer, sizeof(other_buffer), &e));
	meddled.meddler = &other;
	ok(link_each(&nl, NULL, see_many, &meddled, &e));
	nl_close(&other);
	assert_true(meddled.count == MANY && meddled.twice > 0);

	start = now_ms();
	link_del_group(&nl, 4711);
	ok(nl_commit(&nl, NULL, &e));
	print_message("group deletion of %d pairs: %.0f ms\n", MANY, now_ms() - start);
	assert_int_equal(link_find(&nl, "many7", &l, &e), 0);
	assert_int_equal(link_find(&pod, "eth7", &l, &e), 0);
	find(&nl, "br0");
	link_del_group(&nl, 4711);
	assert_int_equal(nl_commit(&nl, NULL, &e), -ENODEV);
}

/*
 * A thousand failures overflow the receive queue (ENOBUFS): the first one is reported, and the
 * socket lives on.
 */
static void first_error_survives_an_overflow(void **state)
{
	const int small = 1;
	unsigned int failed = 0;

	(void)state;
	needs_namespaces();
	assert_int_equal(setsockopt(nl.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	link_up(&nl, 1);
	link_up(&nl, 1);
	link_set_mtu(&nl, 9999, 1500);
	for (int i = 0; i < NL_REQUESTS_MAX - 4; i++)
		link_del(&nl, 9999);
	link_up(&nl, 1);
	assert_int_equal(nl_commit(&nl, &failed, &e), -ENODEV);
	assert_int_equal(failed, 2);
	assert_memory_equal(e.text, "set link MTU: No such device", 28);
	err_clear(&e);
	link_up(&nl, 1);
	ok(nl_commit(&nl, NULL, &e));
	find(&nl, "lo");
}

/* Larger than the socket's default of 208 KiB. */
static void large_batch(void **state)
{
	static char room[400000], pad[252];

	(void)state;
	needs_namespaces();
	memset(pad, 'a', sizeof(pad));
	nl.buf = room;
	nl.cap = sizeof(room);
	for (int i = 0; i < NL_REQUESTS_MAX; i++) {
		struct ifinfomsg lo = { .ifi_index = 1 };

		nl_request(&nl, "set link alias", RTM_SETLINK, 0, &lo, sizeof(lo));
		nl_put(&nl, IFLA_IFALIAS, pad, sizeof(pad));
	}
	assert_true(nl.len > 280000);
	ok(nl_commit(&nl, NULL, &e));
	assert_memory_equal(find(&nl, "lo").alias, pad, sizeof(pad));
	link_set_alias(&nl, 1, "", 0);
	ok(nl_commit(&nl, NULL, &e));
}

/* Another process may send to our port; only the kernel's word counts. */
static void strangers_are_not_believed(void **state)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr m;
	} forged = { .h = { .nlmsg_len = sizeof(forged), .nlmsg_type = NLMSG_ERROR },
		     .m = { .error = -EPERM } };
	struct sockaddr_nl to;
	socklen_t len = sizeof(to);
	struct nl stranger;
	char room[64];

	(void)state;
	needs_namespaces();
	ok(nl_open(&stranger, NETLINK_ROUTE, room, sizeof(room), &e));
	link_up(&nl, 1); /* binds the socket to a port */
	ok(nl_commit(&nl, NULL, &e));
	assert_int_equal(getsockname(nl.fd, (struct sockaddr *)&to, &len), 0);
	forged.h.nlmsg_seq = nl.seq + 1;
	assert_int_equal(
		sendto(stranger.fd, &forged, sizeof(forged), 0, (struct sockaddr *)&to, len),
		sizeof(forged));
	link_up(&nl, 1);
	ok(nl_commit(&nl, NULL, &e));
	nl_close(&stranger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_sockets(hundreds_of_links),
		with_sockets(first_error_survives_an_overflow),
		with_sockets(large_batch),
		with_sockets(strangers_are_not_believed),
	};

	return cmocka_run_group_tests_name("net under load", tests, have_namespaces, NULL);
}
