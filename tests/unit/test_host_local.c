/*
 * host-local's allocator: the order of addresses. Expected orders were read off the reference
 * plugin (containernetworking-plugins 1.1.1). Needs root: the lease store's index lives in /run,
 * which is a tmpfs of our own mount namespace here.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "ipam/host_local_take.h"
#include "ipam/lease_store.h"
#include "unit_range.h"

#define DATA "/run/networks"

/* A network of its own for each test. */
static struct lease_store store;
static char network[32];
static _Alignas(16) char memory[4 << 20];
static struct arena scratch;
static unsigned int owner_number;

static int setup(void **state)
{
	static unsigned int n;
	struct err e = { 0 };

	(void)state;
	snprintf(network, sizeof(network), "net%u", n++);
	arena_init(&scratch, memory, sizeof(memory));
	return lease_open(&store, DATA, network, true, &e);
}

static int teardown(void **state)
{
	(void)state;
	lease_close(&store);
	return 0;
}

/* For an owner that nobody was yet; the text is the address or the error. */
static const char *take_wanted(const struct host_local_set *set, const struct addr *wanted,
			       size_t count)
{
	static char text[PREFIX_TEXT + ADDR_TEXT + 512];
	char id[32], address[PREFIX_TEXT], gateway[ADDR_TEXT];
	const struct lease_owner o = { .id = id, .ifname = "eth0" };
	const struct host_local_request q = {
		.network = "net", .set = set, .wanted = wanted, .wanted_count = count, .owner = &o
	};
	struct host_local_address out;
	struct err e = { 0 };
	size_t used = scratch.used;
	int r;

	snprintf(id, sizeof(id), "owner%u", owner_number++);
	r = host_local_take(&store, &q, &scratch, &out, &e);
	assert_int_equal(scratch.used, used);
	if (r < 0)
		snprintf(text, sizeof(text), "%d %s", r, e.text);
	else
		snprintf(text, sizeof(text), "%s %s", prefix_format(&out.address, address),
			 addr_format(&out.gateway, gateway));
	return text;
}

static const char *take(const struct host_local_set *set)
{
	return take_wanted(set, NULL, 0);
}

static void give_back(const char *a)
{
	const struct addr addr = ip(a);
	struct err e = { 0 };

	assert_int_equal(lease_release_addr(&store, &addr, &e), 0);
}

static void test_order(void **state)
{
	const struct host_local_range r[] = {
		complete("10.0.0.0/29", "", "", ""),
		complete("10.0.1.0/30", "", "", ""),
		complete("10.0.2.0/30", "10.0.2.2", "10.0.2.2", ""),
	};
	const struct host_local_set set = { r, 3 };
	static const char *const wanted[] = { "10.0.0.2/29 10.0.0.1", "10.0.0.3/29 10.0.0.1",
					      "10.0.0.4/29 10.0.0.1", "10.0.0.5/29 10.0.0.1",
					      "10.0.0.6/29 10.0.0.1", "10.0.1.2/30 10.0.1.1",
					      "10.0.2.2/30 10.0.2.1" };
	char full[128];

	(void)state;
	snprintf(full, sizeof(full),
		 "%d no IP addresses available in network: net (ranges 10.0.0.1-10.0.0.6, "
		 "10.0.1.1-10.0.1.2, 10.0.2.2-10.0.2.2)",
		 -ENOSPC);
	for (size_t i = 0; i < 7; i++)
		assert_string_equal(take(&set), wanted[i]);
	assert_string_equal(take(&set), full);
	give_back("10.0.0.4");
	assert_string_equal(take(&set), wanted[2]);
	give_back("10.0.0.3");
	give_back("10.0.1.2");
	assert_string_equal(take(&set), wanted[5]);
	assert_string_equal(take(&set), wanted[1]);
	assert_string_equal(take(&set), full);
}

/* What is released is not given again until the walk comes around. */
static void test_round_robin(void **state)
{
	const struct host_local_range r = complete("fd00::/125", "", "", "fd00::4");
	const struct host_local_set set = { &r, 1 };
	static const char *const order[] = { "fd00::1", "fd00::2", "fd00::3", "fd00::5",
					     "fd00::6", "fd00::7", "fd00::1", "fd00::2" };

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		char text[128];

		snprintf(text, sizeof(text), "%s/125 fd00::4", order[i]);
		assert_string_equal(take(&set), text);
		give_back(order[i]);
	}
}

static void test_only_the_gateway(void **state)
{
	const struct host_local_range r = complete("10.0.0.0/29", "10.0.0.1", "10.0.0.1", "");

	(void)state;
	assert_int_equal(atoi(take(&(struct host_local_set){ &r, 1 })), -ENOSPC);
}

/*
 * A range's gateway that lies in another range of the set; a last address that is in no range any
 * more.
 */
static void test_foreign_gateway_and_last(void **state)
{
	const struct host_local_range r[] = { complete("10.0.0.0/24", "10.0.0.5", "10.0.0.6", ""),
					      complete("10.0.0.0/24", "10.0.0.9", "10.0.0.9",
						       "10.0.0.5") };
	const struct addr last = ip("192.0.2.1");

	(void)state;
	lease_set_last(&store, 0, &last);
	assert_string_equal(take(&(struct host_local_set){ r, 2 }), "10.0.0.6/24 10.0.0.1");
	assert_string_equal(take(&(struct host_local_set){ r, 2 }), "10.0.0.9/24 10.0.0.5");
	assert_int_equal(atoi(take(&(struct host_local_set){ r, 2 })), -ENOSPC);
}

static void test_wanted(void **state)
{
	const struct host_local_range r = complete("10.0.0.0/24", "", "", "");
	const struct host_local_set set = { &r, 1 };
	const struct addr w[] = { ip("fd00::1"), ip("10.0.0.50") }, gateway = ip("10.0.0.1"),
			  outside = ip("10.0.1.1");

	(void)state;
	assert_string_equal(take_wanted(&set, w, 2), "10.0.0.50/24 10.0.0.1");
	assert_string_equal(take_wanted(&set, w, 1), "10.0.0.51/24 10.0.0.1");
	assert_int_equal(atoi(take_wanted(&set, w, 2)), -EADDRINUSE);
	assert_non_null(strstr(take_wanted(&set, w, 2),
			       "requested IP address 10.0.0.50 is not available "
			       "in range set 10.0.0.1-10.0.0.254"));
	assert_int_equal(atoi(take_wanted(&set, &gateway, 1)), -EINVAL);
	assert_string_equal(take_wanted(&set, &outside, 1), "10.0.0.52/24 10.0.0.1");
}

static void test_one_of_each_set(void **state)
{
	const struct host_local_range v4 = complete("10.0.0.0/24", "", "", ""),
				      v6 = complete("fd00::/64", "", "", "");
	const struct host_local_set sets[] = { { &v4, 1 }, { &v6, 1 } };
	const struct lease_owner o = { .id = "c", .ifname = "eth0" },
				 other = { .id = "c", .ifname = "eth1" };
	struct host_local_request q = { .network = "net", .set = &sets[0], .owner = &o };
	struct host_local_address out;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(host_local_take(&store, &q, &scratch, &out, &e), 0);
	q.set = &sets[1];
	q.number = 1;
	assert_int_equal(host_local_take(&store, &q, &scratch, &out, &e), 0);
	assert_addr(&out.address.addr, "fd00::2");
	assert_int_equal(host_local_take(&store, &q, &scratch, &out, &e), -EEXIST);
	assert_non_null(strstr(e.text, "fd00::2 is leased to container c, interface eth0"));
	e = (struct err){ 0 };
	q.owner = &other;
	assert_int_equal(host_local_take(&store, &q, &scratch, &out, &e), 0);
	assert_addr(&out.address.addr, "fd00::3");
}

static void plant(const char *name, const char *content)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), DATA "/%s/%s", network, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(content, f);
	assert_int_equal(fclose(f), 0);
}

static void fill(unsigned int from, unsigned int to, unsigned int except)
{
	for (unsigned int i = from; i <= to; i++) {
		char name[32];

		snprintf(name, sizeof(name), "10.0.%u.%u", i >> 8, i & 255);
		if (i != except)
			plant(name, "x\r\neth0");
	}
}

/*
 * With and without memory for the array, the one free address is found, wherever the walk begins;
 * then an empty lease is (another each time: what this process has taken stays locked).
 */
static void test_nearly_full(void **state)
{
	const struct host_local_range r = complete("10.0.0.0/20", "", "", "");
	const struct host_local_set set = { &r, 1 };
	static char tiny[64];

	(void)state;
	fill(2, 4094, 3000);
	for (int small = 0; small < 2; small++) {
		const struct addr last = ip(small ? "10.0.11.184" : "10.0.1.1");

		arena_init(&scratch, small ? tiny : memory, small ? sizeof(tiny) : sizeof(memory));
		lease_set_last(&store, 0, &last);
		assert_string_equal(take(&set), "10.0.11.184/20 10.0.0.1");
		assert_int_equal(atoi(take(&set)), -ENOSPC);
		plant(small ? "10.0.15.2" : "10.0.15.1", "");
		assert_string_equal(take(&set),
				    small ? "10.0.15.2/20 10.0.0.1" : "10.0.15.1/20 10.0.0.1");
		assert_int_equal(atoi(take(&set)), -ENOSPC);
		give_back("10.0.11.184");
	}
}

/* 2^104 addresses; the last ones of the range, then around. */
static void test_huge_range(void **state)
{
	const struct host_local_range r = complete("fd00::/24", "", "", "");
	const struct host_local_set set = { &r, 1 };
	const struct addr last = ip("fd00:ff:ffff:ffff:ffff:ffff:ffff:fffe");

	(void)state;
	lease_set_last(&store, 0, &last);
	for (int i = 2; i < 200; i++) {
		char name[32];

		snprintf(name, sizeof(name), "fd00::%x", i);
		plant(name, "x\r\neth0");
	}
	assert_string_equal(take(&set), "fd00:ff:ffff:ffff:ffff:ffff:ffff:ffff/24 fd00::1");
	assert_string_equal(take(&set), "fd00::c8/24 fd00::1");
}

static int own_run(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("run", "/run", "tmpfs", 0, NULL);
}

int main(void)
{
	const struct CMUnitTest leases[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_round_robin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_the_gateway, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_gateway_and_last, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_of_each_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nearly_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge_range, setup, teardown),
	};

	if (geteuid() != 0) {
		print_message(
			"SKIP host_local leases: a mount namespace with its own /run needs root\n");
		return 0;
	}
	return cmocka_run_group_tests_name("host_local leases", leases, own_run, NULL);
}
