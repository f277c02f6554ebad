/* What the daemon reads as it was written: the questions of plugins, the files of leases. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "dhcp/lease_file.h"
#include "dhcp/rpc.h"
#include "unit_dhcp.h"

static char memory[1 << 20] __attribute__((aligned(16)));
static struct arena arena;
static struct err e;

static const struct dhcp_ask usual_ask = {
	.command = DHCP_CMD_ADD,
	.at = { "net1", "pod-1", "eth0" },
	.netns = "/run/netns/a",
	.request = { 1, 3 },
	.request_len = 2,
	.provide = { 12, 1, 'x' },
	.provide_len = 3,
};

static int reread(const struct dhcp_ask *q, struct dhcp_ask *out)
{
	static char buf[8192];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	dhcp_ask_write(&t, q);
	assert_false(t.bad);
	arena_init(&arena, memory, sizeof(memory));
	err_clear(&e);
	return dhcp_ask_read(&arena, t.at, t.len, out, &e);
}

static void questions_are_read_as_written(void **state)
{
	struct dhcp_ask q;

	(void)state;
	assert_int_equal(reread(&usual_ask, &q), 0);
	assert_int_equal(q.command, DHCP_CMD_ADD);
	assert_string_equal(q.at.network, "net1");
	assert_string_equal(q.at.container_id, "pod-1");
	assert_string_equal(q.at.ifname, "eth0");
	assert_string_equal(q.netns, "/run/netns/a");
	assert_int_equal(q.request_len, 2);
	assert_memory_equal(q.request, usual_ask.request, 2);
	assert_int_equal(q.provide_len, 3);
	assert_memory_equal(q.provide, usual_ask.provide, 3);
}

static void long_names_are_asked_for_by_their_short_forms(void **state)
{
	char network[301], id[301], brief[CNI_ID_SHORT + 1];
	struct dhcp_ask q = usual_ask, out;

	(void)state;
	memset(network, 'n', 300);
	memset(id, 'i', 300);
	network[300] = id[300] = '\0';
	q.at.network = network;
	q.at.container_id = id;
	assert_int_equal(reread(&q, &out), 0);
	assert_true(attachment_network_is(out.at.network, network));
	assert_string_equal(out.at.container_id, attachment_short_id(id, brief));
}

static void questions_are_checked(void **state)
{
	struct dhcp_ask q = usual_ask, out;
	char path[400];

	(void)state;
	q.at.container_id = "../x";
	assert_int_equal(reread(&q, &out), -EINVAL);
	q = usual_ask;
	q.at.ifname = "a:b";
	assert_int_equal(reread(&q, &out), -EINVAL);
	q = usual_ask;
	q.at.network = "";
	assert_int_equal(reread(&q, &out), -EINVAL);
	q = usual_ask;
	q.netns = "netns/a";
	assert_int_equal(reread(&q, &out), -EINVAL);
	memset(path, '/', sizeof(path));
	path[256] = '\0';
	q.netns = path;
	assert_int_equal(reread(&q, &out), -ENAMETOOLONG);
	path[255] = '\0';
	assert_int_equal(reread(&q, &out), 0);
	q = usual_ask;
	q.provide[1] = 2;
	assert_int_equal(reread(&q, &out), -EINVAL);
	assert_true(dhcp_ask_read(&arena, "{\"command\":\"KILL\"}", 18, &out, &e) < 0);
}

static void fill_lease(struct dhcp_lease *l)
{
	struct reply r;

	*l = (struct dhcp_lease){ .container = "pod-1", .network = "net1", .ifname = "eth0" };
	l->pod_link = (struct dhcp_pod_link){ .netns = "/run/netns/a",
					      .ns_dev = 4,
					      .ns_inode = 4026532008,
					      .ns_cookie = 77,
					      .index = 3,
					      .ifname = "eth0",
					      .mac = { 2, 0, 0, 0, 0, 1 } };
	reply_usual(&r, 5, 1);
	memcpy(l->client.ack, r.at, r.len);
	l->client.ack_len = r.len;
	memcpy(l->client.mac, pod_mac, 6);
	memcpy(l->client.server_mac, server_mac, 6);
	memcpy(l->client.request, "\1\3", 2);
	l->client.request_len = 2;
	l->client.mtu = 1400;
	l->client.broadcast = true;
	l->client.state = DHCP_RENEWING;
	l->client.sent = 1000;
	l->client.t1 = 2000;
	l->client.t2 = 3000;
	l->client.expires = 4000;
}

static int reload(const struct dhcp_lease *l, const char *boot, struct dhcp_lease *out)
{
	static char buf[8192];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	dhcp_lease_encode(l, "boot-1", &t);
	assert_false(t.bad);
	arena_init(&arena, memory, sizeof(memory));
	err_clear(&e);
	return dhcp_lease_decode(out, boot, &arena, (struct json_raw){ t.at, t.len }, &e);
}

static void a_lease_is_read_as_written(void **state)
{
	static struct dhcp_lease l, out;

	(void)state;
	fill_lease(&l);
	assert_int_equal(reload(&l, "boot-1", &out), 1);
	assert_string_equal(out.container, "pod-1");
	assert_memory_equal(&out.pod_link, &l.pod_link, sizeof(l.pod_link));
	assert_int_equal(out.client.state, DHCP_BOUND);
	assert_int_equal(out.client.deadline, 2000);
	assert_int_equal(out.client.expires, 4000);
	assert_string_equal(addr_text(&out.client.address), "10.9.0.10");
	assert_string_equal(addr_text(&out.client.server), "10.9.0.1");
	assert_memory_equal(out.client.ack, l.client.ack, l.client.ack_len);
	assert_int_equal(out.client.mtu, 1400);
	assert_true(out.client.broadcast);
	assert_int_equal(reload(&l, "boot-2", &out), 0);
	l.client.state = DHCP_LOST;
	l.client.sent = 2500; /* the renewal that was refused */
	assert_int_equal(reload(&l, "boot-1", &out), 1);
	assert_int_equal(out.client.state, DHCP_LOST);
	assert_int_equal(out.client.deadline, DHCP_NEVER);
	l.client.t1 = l.client.t2 = l.client.expires = DHCP_NEVER;
	assert_int_equal(reload(&l, "boot-1", &out), 1);
	assert_int_equal(out.client.expires, DHCP_NEVER);
}

static void what_is_no_lease_is_refused(void **state)
{
	static struct dhcp_lease l, out;

	(void)state;
	fill_lease(&l);
	l.client.ack[242] = 2; /* an OFFER */
	assert_int_equal(reload(&l, "boot-1", &out), -EINVAL);
	fill_lease(&l);
	l.client.t1 = 3500;
	assert_int_equal(reload(&l, "boot-1", &out), -EINVAL);
	fill_lease(&l);
	strcpy(l.container, "-x");
	assert_int_equal(reload(&l, "boot-1", &out), -EINVAL);
	fill_lease(&l);
	strcpy(l.pod_link.netns, "run");
	assert_int_equal(reload(&l, "boot-1", &out), -EINVAL);
	assert_true(dhcp_lease_decode(&out, "boot-1", &arena, (struct json_raw){ "{}", 2 }, &e) <
		    0);
}

/* The largest of everything fits into the file and the question. */
static void the_largest_lease_fits(void **state)
{
	static struct dhcp_lease l, out;
	struct dhcp_ask q = usual_ask, read;
	char id[151], network[81];

	(void)state;
	fill_lease(&l);
	memset(id, 'a', 150);
	memset(network, 'n', 80);
	id[150] = network[80] = '\0';
	strcpy(l.container, id);
	strcpy(l.network, network);
	strcpy(l.ifname, "e23456789012345");
	strcpy(l.pod_link.ifname, l.ifname);
	memset(l.pod_link.netns, '/', DHCP_NETNS_MAX);
	memset(l.client.ack + l.client.ack_len, 0, DHCP_MESSAGE_MAX - l.client.ack_len);
	l.client.ack_len = DHCP_MESSAGE_MAX;
	l.client.request_len = DHCP_REQUEST_MAX;
	memcpy(l.client.provide, "\xc8\xff", 2);
	memcpy(l.client.provide + 257, "\xc9\xfd", 2);
	l.client.provide_len = DHCP_PROVIDE_MAX;
	l.client.t1 = l.client.t2 = l.client.expires = DHCP_NEVER;
	assert_int_equal(reload(&l, "boot-1", &out), 1);
	q.at = (struct cni_attachment){ network, id, l.ifname };
	q.netns = l.pod_link.netns;
	q.request_len = DHCP_REQUEST_MAX;
	memcpy(q.provide, l.client.provide, DHCP_PROVIDE_MAX);
	q.provide_len = DHCP_PROVIDE_MAX;
	assert_int_equal(reread(&q, &read), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_read_as_written),
		cmocka_unit_test(long_names_are_asked_for_by_their_short_forms),
		cmocka_unit_test(questions_are_checked),
		cmocka_unit_test(a_lease_is_read_as_written),
		cmocka_unit_test(what_is_no_lease_is_refused),
		cmocka_unit_test(the_largest_lease_fits),
	};

	return cmocka_run_group_tests_name("dhcp_lease", tests, NULL, NULL);
}
