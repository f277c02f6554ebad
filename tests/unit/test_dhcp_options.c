/*
 * What a lease says, as a CNI result; the keys of the plugin; names, durations and questions.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/rtnetlink.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cni/result.h"
#include "dhcp/daemon.h"
#include "dhcp/ipam_dhcp.h"
#include "dhcp/lease_file.h"
#include "dhcp/options.h"
#include "dhcp/rpc.h"
#include "dhcp/search.h"
#include "unit_dhcp.h"

static char memory[1 << 20] __attribute__((aligned(16)));
static struct cni_result result;
static struct arena arena;
static struct err e;

static int describe(const struct reply *r)
{
	struct dhcp_message m;

	err_clear(&e);
	arena_init(&arena, memory, sizeof(memory));
	assert_true(dhcp_message_parse(r->at, r->len, &m));
	return dhcp_lease_result(&m, &arena, &result, &e);
}

/* The result in short: "address via gateway; destination via router, ...; dns". */
static void assert_result(const struct reply *r, const char *want)
{
	static char buf[4096];
	struct text t;

	assert_int_equal(describe(r), 0);
	text_init(&t, buf, sizeof(buf));
	text_printf(&t, "%s", prefix_text(&result.ips[0].address));
	if (addr_is_set(&result.ips[0].gateway))
		text_printf(&t, " via %s", addr_text(&result.ips[0].gateway));
	for (size_t i = 0; i < result.route_count; i++) {
		const struct cni_route *rt = &result.routes[i];

		text_printf(&t, "; %s", prefix_text(&rt->dst));
		if (addr_is_set(&rt->gw))
			text_printf(&t, " via %s", addr_text(&rt->gw));
		else if (rt->scope == RT_SCOPE_LINK)
			text_str(&t, " on link");
	}
	text_printf(&t, "; %.*s", (int)result.dns.len, result.dns.len ? result.dns.text : "");
	assert_string_equal(buf, want);
}

static void mask_router_default_route(void **state)
{
	struct reply r;

	(void)state;
	reply_usual(&r, 5, 1);
	assert_result(&r, "10.9.0.10/24 via 10.9.0.1; 0.0.0.0/0 via 10.9.0.1; ");
	reply_bare(&r, 5, 1, POD);
	reply_u32(&r, 1, 0xfffffffe);
	assert_result(&r, "10.9.0.10/31; ");
}

static void without_a_mask_there_is_no_result(void **state)
{
	static const uint32_t wrong[] = { 0, 0x00ffffff, 0xff00ff00, 0x80000001 };
	struct reply r;

	(void)state;
	reply_bare(&r, 5, 1, POD);
	assert_int_equal(describe(&r), -EPROTO);
	assert_non_null(strstr(e.text, "no subnet mask (option 1)"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		reply_bare(&r, 5, 1, POD);
		reply_u32(&r, 1, wrong[i]);
		assert_int_equal(describe(&r), -EPROTO);
	}
}

/* RFC 3442: with option 121 the router and option 33 do not count. */
static void classless_routes_come_first(void **state)
{
	struct reply r;

	(void)state;
	reply_usual(&r, 5, 1);
	reply_text(&r, 33, "\xc0\xa8\x01\x00\x0a\x09\x00\x02");
	assert_result(&r, "10.9.0.10/24 via 10.9.0.1; 192.168.1.0/24 via 10.9.0.2; "
			  "0.0.0.0/0 via 10.9.0.1; ");
	reply_text(&r, 121,
		   "\x00\x0a\x09\x00\x03"
		   "\x0c\xac\x1f\x0a\x09\x00\x04"
		   "\x18\xc0\xa8\x05\x00\x00\x00\x00"
		   "\x20\x01\x02\x03\x04\x0a\x09\x00\x05");
	assert_result(&r, "10.9.0.10/24 via 10.9.0.1; 0.0.0.0/0 via 10.9.0.3; 172.16.0.0/12 via "
			  "10.9.0.4; 192.168.5.0/24 on link; 1.2.3.4/32 via 10.9.0.5; ");
}

static void malformed_classless_routes_are_as_if_absent(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} wrong[] = {
		{ "", 0 },
		{ "\x21\x01\x02\x03\x04\x05\x0a\x09\x00\x05", 10 }, /* /33 */
		{ "\x18\xc0\xa8\x05\x0a\x09\x00", 7 },		    /* cut */
		{ "\x00\x0a\x09\x00\x03\x18", 6 },		    /* the second cut */
		{ "\x00\xe0\x00\x00\x01", 5 },			    /* a multicast router */
	};
	struct reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		reply_usual(&r, 5, 1);
		reply_option(&r, 121, wrong[i].bytes, wrong[i].len);
		assert_result(&r, "10.9.0.10/24 via 10.9.0.1; 0.0.0.0/0 via 10.9.0.1; ");
	}
}

static void a_flood_of_routes_is_cut(void **state)
{
	uint8_t routes[250];
	struct reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(routes); i += 5)
		memcpy(routes + i, "\x00\x0a\x09\x00\x03", 5);
	reply_usual(&r, 5, 1);
	for (int i = 0; i < 4; i++)
		reply_option(&r, 121, routes, sizeof(routes));
	assert_int_equal(describe(&r), 0);
	assert_int_equal(result.route_count, CNI_ROUTES_MAX);
}

static void classful_routes_by_class(void **state)
{
	struct reply r;

	(void)state;
	reply_bare(&r, 5, 1, POD);
	reply_u32(&r, 1, 0xffffff00);
	reply_text(&r, 33,
		   "\x0b\x00\x00\x00\x0a\x09\x00\x02"
		   "\x80\x01\x00\x00\x0a\x09\x00\x02"
		   "\x00\x00\x00\x00\x0a\x09\x00\x02" /* RFC 2132: no default route here */
		   "\xe0\x00\x00\x00\x0a\x09\x00\x02"
		   "\x0b\x00\x00\x00");
	assert_result(&r, "10.9.0.10/24; 11.0.0.0/8 via 10.9.0.2; 128.1.0.0/16 via 10.9.0.2; ");
}

static void names_and_servers(void **state)
{
	struct reply r;

	(void)state;
	reply_bare(&r, 5, 1, POD);
	reply_u32(&r, 1, 0xffffff00);
	reply_text(&r, 6, "\x0a\x09\x00\x01\x00\x00\x00\x00\x08\x08\x08\x08");
	reply_text(&r, 15, "example.org\0");
	reply_text(&r, 119, "\1a\7example\3org\0\1b\xc0\2");
	assert_result(&r, "10.9.0.10/24; {\"nameservers\":[\"10.9.0.1\",\"8.8.8.8\"],"
			  "\"domain\":\"example.org\",\"search\":[\"a.example.org\","
			  "\"b.example.org\"]}");
}

/* They end up in a resolv.conf, where a line break begins another keyword. */
static void names_that_are_none_are_dropped(void **state)
{
	struct reply r;

	(void)state;
	reply_bare(&r, 5, 1, POD);
	reply_u32(&r, 1, 0xffffff00);
	reply_text(&r, 15, "a\nnameserver 6.6.6.6");
	reply_text(&r, 119, "\3a b\0\2ok\0");
	assert_result(&r, "10.9.0.10/24; {\"search\":[\"ok\"]}");
}

static unsigned int search(const char *bytes, size_t len)
{
	static char list[DHCP_SEARCH_MAX][DHCP_NAME_MAX + 1];
	uint8_t *copy = malloc(len);
	unsigned int count;

	memcpy(copy, bytes, len);
	count = dhcp_search_parse(copy, len, list);
	free(copy);
	return count;
}

static void compression_leads_backwards_only(void **state)
{
	(void)state;
	assert_int_equal(search("\xc0\x00", 2), 0);
	assert_int_equal(search("\1a\xc0\x02", 4), 0);
	assert_int_equal(search("\1a\xc0\x00", 4), 0);
	assert_int_equal(search("\1a\0\1b\xc0\x03", 7), 1);
	assert_int_equal(search("\1a\0\xc0", 4), 1);
	assert_int_equal(search("\1a", 2), 0);
	assert_int_equal(search("\5a", 2), 0);
	assert_int_equal(search("\x80\1a", 3), 0);
	assert_int_equal(search("\1a\0\1b\0\1c\0\1d\0\1e\0\1f\0\1g\0\1h\0\1i\0", 27), 8);
}

static void option_names_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(dhcp_option_code("host-name"), 12);
	assert_int_equal(dhcp_option_code("vendor-class-identifier"), 60);
	assert_int_equal(dhcp_option_code("121"), 121);
	assert_int_equal(dhcp_option_code("254"), 254);
	assert_int_equal(dhcp_option_code("0"), 0);
	assert_int_equal(dhcp_option_code("255"), 0);
	assert_int_equal(dhcp_option_code("99999999999"), 0);
	assert_int_equal(dhcp_option_code("12x"), 0);
	assert_int_equal(dhcp_option_code(""), 0);
}

static void durations(void **state)
{
	static const char *const wrong[] = { "",       "10",	"s",
					     "-1s",    "1d",	"0s",
					     "0.1ms",  "1s2",	"99999999999999999999s",
					     "10000h", "1..5s", ".s" };
	int64_t ms = 7;

	(void)state;
	assert_true(dhcp_duration_parse("10s", &ms) && ms == 10000);
	assert_true(dhcp_duration_parse("1m2s", &ms) && ms == 62000);
	assert_true(dhcp_duration_parse("1.5h", &ms) && ms == 5400000);
	assert_true(dhcp_duration_parse("300ms", &ms) && ms == 300);
	ms = 7;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(dhcp_duration_parse(wrong[i], &ms));
	assert_int_equal(ms, 7);
}

static int read_conf(const char *ipam, const char *args, struct ipam_dhcp *out)
{
	static struct cni_request req;

	arena_init(&arena, memory, sizeof(memory));
	req = (struct cni_request){ .arena = &arena, .command = CNI_ADD, .args = args };
	err_clear(&e);
	return ipam_dhcp_read(&req, (struct json_raw){ ipam, strlen(ipam) }, out, &e);
}

static void keys_of_the_plugin(void **state)
{
	struct ipam_dhcp d;

	(void)state;
	assert_int_equal(read_conf("{}", "", &d), 0);
	assert_string_equal(d.socket, DHCP_SOCKET);
	assert_memory_equal(d.request, "\x01\x79\x03\x21\x06\x0f\x77", 7);
	assert_int_equal(d.request_len, 7);
	assert_int_equal(d.provide_len, 0);
	assert_int_equal(
		read_conf("{\"request\":[{\"option\":\"42\"},{\"option\":\"routers\"}]}", "", &d),
		0);
	assert_int_equal(d.request_len, 8);
	assert_int_equal(d.request[7], 42);
	assert_int_equal(read_conf("{\"request\":[{\"option\":\"subnet-mask\"},"
				   "{\"skipDefault\":true}],\"priority\":700,"
				   "\"suppress\":[\"gateway\"]}",
				   "", &d),
			 0);
	assert_int_equal(d.request_len, 1);
	assert_int_equal(d.priority, 700);
	assert_true(d.suppress_gateway);
}

static void what_is_provided(void **state)
{
	struct ipam_dhcp d;

	(void)state;
	assert_int_equal(
		read_conf("{\"provide\":[{\"option\":\"60\",\"value\":\"cni\"},"
			  "{\"option\":\"host-name\",\"value\":\"x\",\"fromArg\":\"K8S_POD_NAME\"},"
			  "{\"option\":\"77\",\"fromArg\":\"ABSENT\"}]}",
			  "A=1;K8S_POD_NAME=web-1;K8S_POD_NAMESPACE=default", &d),
		0);
	assert_int_equal(d.provide_len, 12);
	assert_memory_equal(d.provide, "\x3c\3cni\x0c\5web-1", 12);
	assert_true(dhcp_encoded_valid(d.provide, d.provide_len));
	assert_int_equal(read_conf("{\"provide\":[{\"option\":\"12\",\"value\":\"first\"},"
				   "{\"option\":\"12\",\"value\":\"last\"}]}",
				   "", &d),
			 0);
	assert_memory_equal(d.provide, "\x0c\4last", 6);
	assert_int_equal(d.provide_len, 6);
}

static void wrong_keys_are_named(void **state)
{
	static const struct {
		const char *conf, *text;
	} wrong[] = {
		{ "{\"request\":[{\"option\":\"foo\"}]}", "ipam.request[0].option: \"foo\"" },
		{ "{\"request\":[{}]}", "ipam.request[0].option: \"\"" },
		{ "{\"request\":[{\"option\":3}]}", "ipam.request[0].option: expected a string" },
		{ "{\"provide\":[{\"option\":\"53\",\"value\":\"x\"}]}",
		  "ipam.provide[0]: option 53 is the protocol's own" },
		{ "{\"provide\":[{\"option\":\"bar\"}]}", "ipam.provide[0]: \"bar\"" },
		{ "{\"provide\":[{}]}", "ipam.provide[0].option" },
		{ "{\"suppress\":[\"routes\"]}", "ipam.suppress[0]: \"routes\"" },
		{ "{\"priority\":-1}", "ipam.priority" },
	};
	struct ipam_dhcp d;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_true(read_conf(wrong[i].conf, "", &d) < 0);
		if (!strstr(e.text, wrong[i].text))
			fail_msg("%s: %s", wrong[i].conf, e.text);
		assert_int_equal(e.code, CNI_ERR_CONFIG);
	}
}

static void too_much_to_provide(void **state)
{
	char conf[2048], value[300];
	struct ipam_dhcp d;
	struct text t;

	(void)state;
	memset(value, 'x', sizeof(value));
	value[256] = '\0';
	snprintf(conf, sizeof(conf), "{\"provide\":[{\"option\":\"60\",\"value\":\"%s\"}]}", value);
	assert_int_equal(read_conf(conf, "", &d), -E2BIG);
	value[255] = '\0';
	text_init(&t, conf, sizeof(conf));
	text_str(&t, "{\"provide\":[");
	for (int i = 0; i < 3; i++)
		text_printf(&t, "%s{\"option\":\"%d\",\"value\":\"%s\"}", i ? "," : "", 200 + i,
			    value);
	text_str(&t, "]}");
	assert_int_equal(read_conf(conf, "", &d), -E2BIG);
	assert_non_null(strstr(e.text, "ipam.provide[1]: more than 512 bytes"));
}

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
	l->wire = (struct dhcp_wire){ .netns = "/run/netns/a",
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
	assert_memory_equal(&out.wire, &l.wire, sizeof(l.wire));
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
	strcpy(l.wire.netns, "run");
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
	strcpy(l.wire.ifname, l.ifname);
	memset(l.wire.netns, '/', DHCP_NETNS_MAX);
	memset(l.client.ack + l.client.ack_len, 0, DHCP_MESSAGE_MAX - l.client.ack_len);
	l.client.ack_len = DHCP_MESSAGE_MAX;
	l.client.request_len = DHCP_REQUEST_MAX;
	memcpy(l.client.provide, "\xc8\xff", 2);
	memcpy(l.client.provide + 257, "\xc9\xfd", 2);
	l.client.provide_len = DHCP_PROVIDE_MAX;
	l.client.t1 = l.client.t2 = l.client.expires = DHCP_NEVER;
	assert_int_equal(reload(&l, "boot-1", &out), 1);
	q.at = (struct cni_attachment){ network, id, l.ifname };
	q.netns = l.wire.netns;
	q.request_len = DHCP_REQUEST_MAX;
	memcpy(q.provide, l.client.provide, DHCP_PROVIDE_MAX);
	q.provide_len = DHCP_PROVIDE_MAX;
	assert_int_equal(reread(&q, &read), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mask_router_default_route),
		cmocka_unit_test(without_a_mask_there_is_no_result),
		cmocka_unit_test(classless_routes_come_first),
		cmocka_unit_test(malformed_classless_routes_are_as_if_absent),
		cmocka_unit_test(a_flood_of_routes_is_cut),
		cmocka_unit_test(classful_routes_by_class),
		cmocka_unit_test(names_and_servers),
		cmocka_unit_test(names_that_are_none_are_dropped),
		cmocka_unit_test(compression_leads_backwards_only),
		cmocka_unit_test(option_names_and_numbers),
		cmocka_unit_test(durations),
		cmocka_unit_test(keys_of_the_plugin),
		cmocka_unit_test(what_is_provided),
		cmocka_unit_test(wrong_keys_are_named),
		cmocka_unit_test(too_much_to_provide),
		cmocka_unit_test(questions_are_read_as_written),
		cmocka_unit_test(long_names_are_asked_for_by_their_short_forms),
		cmocka_unit_test(questions_are_checked),
		cmocka_unit_test(a_lease_is_read_as_written),
		cmocka_unit_test(what_is_no_lease_is_refused),
		cmocka_unit_test(the_largest_lease_fits),
	};

	return cmocka_run_group_tests_name("dhcp_options", tests, NULL, NULL);
}
