/* Connections that are forgotten, by a walk and by a pattern, against the running kernel. */
#include "net_kernel.h"

#include <endian.h>
#include <netinet/in.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "net/conntrack.h"

static struct nl ct;
static char ct_buffer[65536];

static struct addr address(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static void put_tuple(uint16_t type, const struct addr *src, const struct addr *dst, uint8_t proto,
		      uint16_t sport, uint16_t dport)
{
	bool v6 = src->family == AF_INET6;

	nl_nest (&ct, type) {
		nl_nest (&ct, CTA_TUPLE_IP) {
			nl_put_addr(&ct, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, src);
			nl_put_addr(&ct, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, dst);
		}
		nl_nest (&ct, CTA_TUPLE_PROTO) {
			nl_put_u8(&ct, CTA_PROTO_NUM, proto);
			nl_put_u16(&ct, CTA_PROTO_SRC_PORT, htobe16(sport));
			nl_put_u16(&ct, CTA_PROTO_DST_PORT, htobe16(dport));
		}
	}
}

/* UDP from src to dst:dport, which server:port answers. The kernel keeps it for ten minutes. */
static void connect_as(const char *src, uint16_t sport, const char *dst, uint16_t dport,
		       const char *server, uint16_t port)
{
	const struct addr from = address(src), to = address(dst), by = address(server);
	const struct nfgenmsg g = { .nfgen_family = from.family, .version = NFNETLINK_V0 };

	nl_request(&ct, "make a connection", NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW,
		   NLM_F_CREATE | NLM_F_EXCL, &g, sizeof(g));
	put_tuple(CTA_TUPLE_ORIG, &from, &to, IPPROTO_UDP, sport, dport);
	put_tuple(CTA_TUPLE_REPLY, &by, &from, IPPROTO_UDP, port, sport);
	nl_put_u32(&ct, CTA_STATUS, htobe32(IPS_CONFIRMED | IPS_SEEN_REPLY));
	nl_put_u32(&ct, CTA_TIMEOUT, htobe32(600));
	ok(nl_commit(&ct, NULL, &e));
}

static bool count_port(const struct conntrack *c, void *arg)
{
	unsigned int *sum = arg;

	*sum = *sum * 10 + c->sport % 10;
	return false;
}

/* Their last digits, one behind the other in the order of the digits. */
static unsigned int left(uint8_t family)
{
	unsigned int sum = 0, sorted = 0;

	assert_int_equal(conntrack_forget(&ct, family, count_port, &sum, &e), 0);
	for (unsigned int digit = 1; digit < 10; digit++) {
		for (unsigned int rest = sum; rest; rest /= 10)
			sorted = rest % 10 == digit ? sorted * 10 + digit : sorted;
	}
	return sorted;
}

static bool everything(const struct conntrack *c, void *arg)
{
	(void)c;
	(void)arg;
	return true;
}

/* 1 and 2 go to the node's port, which a pod has; 3 passes through; 4 is the pod's own. */
static int connect_some(void **state)
{
	if (open_sockets(state) < 0)
		return -1;
	if (node_ns < 0)
		return 0;
	if (nl_open(&ct, NETLINK_NETFILTER, ct_buffer, sizeof(ct_buffer), &e) < 0)
		return -1;
	connect_as("192.0.2.1", 10001, "203.0.113.1", 53, "10.1.0.2", 5353);
	connect_as("192.0.2.1", 10002, "203.0.113.1", 53, "203.0.113.1", 53);
	connect_as("10.1.0.3", 10003, "198.51.100.1", 53, "198.51.100.1", 53);
	connect_as("10.1.0.2", 10004, "198.51.100.1", 443, "198.51.100.1", 443);
	connect_as("2001:db8::1", 10005, "2001:db8:1::1", 53, "fd00::2", 5353);
	return 0;
}

static int forget_all(void **state)
{
	if (node_ns >= 0) {
		(void)conntrack_forget(&ct, AF_INET, everything, NULL, &e);
		(void)conntrack_forget(&ct, AF_INET6, everything, NULL, &e);
		nl_close(&ct);
	}
	return close_sockets(state);
}

static void a_walk_deletes_what_it_is_told(void **state)
{
	(void)state;
	needs_namespaces();
	assert_int_equal(left(AF_INET), 1234);
	assert_int_equal(left(AF_INET6), 5);
	assert_int_equal(conntrack_forget(&ct, AF_INET, everything, NULL, &e), 4);
	assert_int_equal(left(AF_INET), 0);
	assert_int_equal(left(AF_INET6), 5);
}

/* Before Linux 6.12 nothing is to be deleted, whatever the pattern. */
static void flush(const struct conntrack *like, unsigned int expected)
{
	unsigned int before = left(AF_INET);
	int r = conntrack_flush(&ct, AF_INET, like, &e);

	if (r == -EOPNOTSUPP) {
		print_message("this kernel deletes no connections by a pattern\n");
		assert_int_equal(left(AF_INET), before);
		return;
	}
	ok(r);
	assert_int_equal(left(AF_INET), expected);
}

static void a_pattern_of_a_port_spares_what_passes_through(void **state)
{
	const struct conntrack like = { .proto = IPPROTO_UDP,
					.dst = address("203.0.113.1"),
					.dport = 53 };

	(void)state;
	needs_namespaces();
	flush(&like, 34);
	assert_int_equal(left(AF_INET6), 5);
}

static void a_pattern_of_who_answers(void **state)
{
	const struct conntrack like = { .proto = IPPROTO_UDP,
					.dport = 53,
					.reply_src = address("10.1.0.2"),
					.reply_sport = 5353 };

	(void)state;
	needs_namespaces();
	flush(&like, 234);
}

/* The kernel would delete the others. */
static void a_pattern_of_ipv6_is_not_asked_for(void **state)
{
	const struct conntrack like = { .reply_src = address("fd00::2") };

	(void)state;
	needs_namespaces();
	assert_int_equal(conntrack_flush(&ct, AF_INET6, &like, &e), -EOPNOTSUPP);
	assert_int_equal(left(AF_INET6), 5);
}

static void a_pattern_of_who_asks(void **state)
{
	const struct conntrack like = { .src = address("10.1.0.2") };

	(void)state;
	needs_namespaces();
	flush(&like, 123);
}

static void a_pattern_that_nothing_is_like(void **state)
{
	const struct conntrack tcp = { .proto = IPPROTO_TCP, .dport = 53 };

	(void)state;
	needs_namespaces();
	flush(&tcp, 1234);
}

static void an_empty_pattern_is_refused(void **state)
{
	const struct conntrack any = { .proto = 0 };

	(void)state;
	needs_namespaces();
	assert_int_equal(conntrack_flush(&ct, AF_INET, &any, &e), -EINVAL);
	assert_int_equal(left(AF_INET), 1234);
	assert_int_equal(left(AF_INET6), 5);
}

#define with_connections(test) cmocka_unit_test_setup_teardown(test, connect_some, forget_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_connections(a_walk_deletes_what_it_is_told),
		with_connections(a_pattern_of_a_port_spares_what_passes_through),
		with_connections(a_pattern_of_who_answers),
		with_connections(a_pattern_of_ipv6_is_not_asked_for),
		with_connections(a_pattern_of_who_asks),
		with_connections(a_pattern_that_nothing_is_like),
		with_connections(an_empty_pattern_is_refused),
	};

	return cmocka_run_group_tests(tests, have_namespaces, NULL);
}
