/* Waiting for what the kernel announces, against the running kernel. */
#include "net_kernel.h"

#include "net/await.h"
#include "net/neigh.h"

/* What holds when the nth question is asked; each but the first follows an event. */
struct counted {
	int asked, holds_at;
};

/* Each question is an event for the next one: a waiter that missed any would never end. */
static int holds(void *arg, struct err *err)
{
	struct counted *c = arg;

	(void)err;
	if (++c->asked == c->holds_at)
		return 1;
	(c->asked % 2 ? link_up : link_down)(&nl, 1);
	ok(nl_commit(&nl, NULL, &e));
	return 0;
}

static int never(void *arg, struct err *err)
{
	(void)arg;
	return err_set(err, ENODEV, "it has vanished");
}

static struct await await_of(await_fn *fn, void *arg)
{
	return (struct await){ .group = RTNLGRP_LINK,
			       .ns = -1,
			       .home = -1,
			       .timeout_ms = 20000,
			       .holds = fn,
			       .arg = arg };
}

static void what_holds_is_asked_once(void **state)
{
	struct counted c = { .holds_at = 1 };
	const struct await a = await_of(holds, &c);

	(void)state;
	needs_namespaces();
	ok(await_state(&a, &e));
	assert_int_equal(c.asked, 1);
}

static void every_event_is_a_question(void **state)
{
	struct counted c = { .holds_at = 5 };
	struct await a = await_of(holds, &c);

	(void)state;
	needs_namespaces();
	ok(await_state(&a, &e));
	assert_int_equal(c.asked, 5);
	a.holds = never;
	assert_int_equal(await_state(&a, &e), -ENODEV);
}

static void without_an_event_it_ends(void **state)
{
	struct counted c = { .holds_at = 100 };
	struct await a = await_of(holds, &c);

	(void)state;
	needs_namespaces();
	a.group = RTNLGRP_NSID;
	a.timeout_ms = 1;
	assert_int_equal(await_state(&a, &e), -ETIMEDOUT);
}

/* The events of the pod's namespace, heard from this one. */
static int holds_in_pod(void *arg, struct err *err)
{
	struct counted *c = arg;

	(void)err;
	if (++c->asked == c->holds_at)
		return 1;
	(c->asked % 2 ? link_up : link_down)(&pod, 1);
	ok(nl_commit(&pod, NULL, &e));
	return 0;
}

static void events_of_another_namespace(void **state)
{
	struct counted c = { .holds_at = 3 };
	struct await a = await_of(holds_in_pod, &c);

	(void)state;
	needs_namespaces();
	a.ns = pod_ns;
	a.home = node_ns;
	ok(await_state(&a, &e));
}

static void a_port_is_ready(void **state)
{
	struct veth v;
	struct link l;

	(void)state;
	needs_namespaces();
	ok(add_bridge("br0"));
	v = veth("veth0", "eth0", find(&nl, "br0").index);
	add_veth(&v);
	ok(nl_commit(&nl, NULL, &e));
	assert_false(find(&nl, "veth0").ready);
	link_up(&pod, find(&pod, "eth0").index);
	ok(nl_commit(&pod, NULL, &e));
	ok(link_await(&nl, "veth0", &l, &e));
	assert_true(l.bridge_port);
	assert_int_equal(l.port_state, 3);
	ok(link_await(&nl, "br0", &l, &e));
	assert_memory_equal(l.bridge_id, bridge_mac, 6);
	assert_int_equal(link_await(&nl, "none", &l, &e), -ENODEV);
}

static void neighbours_are_forgotten(void **state)
{
	const struct prefix p = prefix("10.1.0.9/24");

	(void)state;
	needs_namespaces();
	ok(add_bridge("br0"));
	neigh_del(&nl, find(&nl, "br0").index, &p.addr);
	assert_int_equal(nl_commit(&nl, NULL, &e), -ENOENT);
}

static void an_ipv6_address_is_local(void **state)
{
	struct ifaddr_await w = { .nl = &nl, .ns = -1, .home = -1, .dad = true };
	const struct prefix p = prefix("fd00::1/64"), other = prefix("fd00::2/64"),
			    v4 = prefix("10.1.0.1/24");

	(void)state;
	needs_namespaces();
	ok(add_bridge("br0"));
	w.index = find(&nl, "br0").index;
	ifaddr_add(&nl, w.index, &p);
	ok(nl_commit(&nl, NULL, &e));
	ok(ifaddr_await(&w, &p.addr, &e));
	ok(ifaddr_await(&w, &v4.addr, &e));
	assert_int_equal(ifaddr_await(&w, &other.addr, &e), -EADDRNOTAVAIL);
	assert_string_equal(e.text, "address fd00::2: it has been taken away");
	err_clear(&e);
	w.dad = false;
	ok(ifaddr_await(&w, &p.addr, &e));
	assert_int_equal(ifaddr_await(&w, &other.addr, &e), -EADDRNOTAVAIL);
	err_clear(&e);
	link_del(&nl, w.index);
	ok(nl_commit(&nl, NULL, &e));
	assert_int_equal(ifaddr_await(&w, &p.addr, &e), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_sockets(what_holds_is_asked_once), with_sockets(every_event_is_a_question),
		with_sockets(without_an_event_it_ends), with_sockets(events_of_another_namespace),
		with_sockets(a_port_is_ready),		with_sockets(neighbours_are_forgotten),
		with_sockets(an_ipv6_address_is_local),
	};

	return cmocka_run_group_tests_name("waiting for the kernel", tests, have_namespaces, NULL);
}
