/* Addresses, routes, namespaces and sysctls against the running kernel. */
#include "net_kernel.h"

struct seen {
	const char *want;
	unsigned int count;
	uint8_t scope;
	struct route route;
};

static int see_addr(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct seen *s = arg;
	char text[PREFIX_TEXT];

	(void)index;
	if (strcmp(prefix_format(p, text), s->want) == 0) {
		s->count++;
		s->scope = scope;
	}
	return 0;
}

static unsigned int count_addr(uint8_t family, int index, const char *want)
{
	struct seen s = { .want = want };

	ok(ifaddr_each(&pod, family, index, see_addr, &s, &e));
	return s.count;
}

static void addresses(void **state)
{
	struct prefix v4, v6;
	unsigned int failed = 9;
	int index;

	(void)state;
	needs_namespaces();
	v4 = prefix("10.5.0.2/24");
	v6 = prefix("fd00:5::2/64");
	index = pod_link();
	ifaddr_add(&pod, index, &v4);
	ifaddr_add(&pod, index, &v6);
	ok(nl_commit(&pod, NULL, &e));
	assert_int_equal(count_addr(0, 0, "10.5.0.2/24"), 1);
	assert_int_equal(count_addr(0, index, "fd00:5::2/64"), 1);
	assert_int_equal(count_addr(AF_INET, index, "10.5.0.2/24"), 1);
	assert_int_equal(count_addr(AF_INET6, index, "10.5.0.2/24"), 0);
	assert_int_equal(count_addr(AF_INET, 0, "fd00:5::2/64"), 0);
	assert_int_equal(count_addr(0, find(&pod, "lo").index, "10.5.0.2/24"), 0);
	assert_int_equal(count_addr(AF_INET, 0, "127.0.0.1/8"), 1);
	assert_int_equal(ifaddr_each(&pod, 0, 9999, see_addr, NULL, &e), -ENODEV);
	err_clear(&e);

	ifaddr_del(&pod, index, &v6);
	ifaddr_add(&pod, index, &v4);
	assert_int_equal(nl_commit(&pod, &failed, &e), -EEXIST);
	assert_int_equal(failed, 1);
	assert_memory_equal(e.text, "add address: File exists", 24);
	err_clear(&e);
	assert_int_equal(count_addr(0, index, "fd00:5::2/64"), 0);
	ifaddr_del(&pod, index, &v6);
	assert_int_equal(nl_commit(&pod, NULL, &e), -EADDRNOTAVAIL);
}

/*
 * Bound at once: a tentative address would refuse (EADDRNOTAVAIL) until duplicate address detection
 * is over.
 */
static void ipv6_address_is_usable_at_once(void **state)
{
	struct prefix v6;
	char flags[512] = "";
	FILE *f;

	(void)state;
	needs_namespaces();
	v6 = prefix("fd00:5::2/64");
	ifaddr_add(&pod, pod_link(), &v6);
	ok(nl_commit(&pod, NULL, &e));
	ok(netns_enter(pod_ns, &e));
	f = fopen("/proc/thread-self/net/if_inet6", "re");
	ok(netns_enter(node_ns, &e));
	assert_non_null(f);
	while (fgets(flags, sizeof(flags), f) && strncmp(flags, "fd00", 4) != 0)
		;
	fclose(f);
	/*
	 * address index length scope flags name: IFA_F_PERMANENT 80 | IFA_F_NODAD 02, without
	 * IFA_F_TENTATIVE 40
	 */
	assert_non_null(strstr(flags, " 40 00 82 "));
}

static int see_route(const struct route *r, void *arg)
{
	struct seen *s = arg;
	char text[PREFIX_TEXT];

	if (strcmp(prefix_format(&r->dst, text), s->want) == 0) {
		s->count++;
		s->route = *r;
	}
	return 0;
}

static struct seen find_route(uint8_t family, uint8_t protocol, uint32_t table, const char *want)
{
	struct seen s = { .want = want };

	ok(route_each(&pod, family, protocol, table, see_route, &s, &e));
	return s;
}

static int with_addresses(void)
{
	struct prefix v4 = prefix("10.5.0.2/24"), v6 = prefix("fd00:5::2/64");
	int index = pod_link();

	ifaddr_add(&pod, index, &v4);
	ifaddr_add(&pod, index, &v6);
	ok(nl_commit(&pod, NULL, &e));
	return index;
}

static void routes(void **state)
{
	struct route r, deflt, deflt6, host;
	struct seen s;
	int index;

	(void)state;
	needs_namespaces();
	index = with_addresses();
	r = (struct route){ .dst = prefix("10.9.8.7/16"),
			    .via = addr("10.5.0.1"),
			    .src = addr("10.5.0.2"),
			    .index = index,
			    .table = 1000,
			    .metric = 77,
			    .mtu = 1280,
			    .advmss = 1200,
			    .protocol = 99 };
	deflt = (struct route){ .dst = prefix("0.0.0.0/0"), .via = addr("10.5.0.1") };
	deflt6 = (struct route){
		.dst = prefix("::/0"), .via = addr("fd00:5::1"), .metric = 5, .protocol = 99
	};
	host = (struct route){ .dst = prefix("10.77.0.1/32"), .index = index };
	route_add(&pod, &r);
	route_add(&pod, &deflt);
	route_add(&pod, &deflt6);
	route_add(&pod, &host);
	ok(nl_commit(&pod, NULL, &e));

	s = find_route(0, 99, 1000, "10.9.0.0/16");
	assert_int_equal(s.count, 1);
	assert_true(addr_equal(&s.route.via, &r.via) && addr_equal(&s.route.src, &r.src));
	assert_true(s.route.index == index && s.route.table == 1000 && s.route.metric == 77 &&
		    s.route.mtu == 1280);
	assert_true(s.route.advmss == 1200 && s.route.protocol == 99 &&
		    s.route.type == RTN_UNICAST && !s.route.onlink);
	s = find_route(AF_INET, 0, RT_TABLE_MAIN, "0.0.0.0/0");
	assert_int_equal(s.count, 1);
	assert_true(s.route.dst.len == 0 && s.route.dst.addr.family == AF_INET &&
		    s.route.protocol == RTPROT_BOOT);
	assert_int_equal(s.route.index, index); /* found by the kernel */
	s = find_route(AF_INET6, 99, 0, "::/0");
	assert_true(s.count == 1 && s.route.metric == 5);
	s = find_route(AF_INET, 0, 0, "10.77.0.1/32");
	assert_true(s.count == 1 && s.route.scope == RT_SCOPE_LINK);

	/* What must not be listed. */
	assert_int_equal(find_route(AF_INET6, 0, 0, "10.9.0.0/16").count, 0);
	assert_int_equal(find_route(0, 98, 0, "10.9.0.0/16").count, 0);
	assert_int_equal(find_route(0, 0, RT_TABLE_MAIN, "10.9.0.0/16").count, 0);
	assert_int_equal(find_route(0, 0, 4711, "10.9.0.0/16").count,
			 0); /* a table that is not there */
	assert_int_equal(find_route(0, 0, 0, "10.5.0.255/32").count, 0); /* broadcast */
	assert_int_equal(e.errnum, 0);

	route_add(&pod, &deflt);
	assert_int_equal(nl_commit(&pod, NULL, &e), -EEXIST);
	err_clear(&e);
	deflt.via = addr("10.5.0.9");
	route_replace(&pod, &deflt);
	ok(nl_commit(&pod, NULL, &e));
	s = find_route(AF_INET, 0, 0, "0.0.0.0/0");
	assert_true(s.count == 1 && addr_equal(&s.route.via, &deflt.via));
	r = (struct route){ .dst = prefix("10.9.0.0/16"), .table = 1000 };
	route_del(&pod, &r);
	route_del(&pod, &deflt6);
	ok(nl_commit(&pod, NULL, &e));
	assert_int_equal(
		find_route(0, 99, 0, "10.9.0.0/16").count + find_route(0, 99, 0, "::/0").count, 0);
	route_del(&pod, &r);
	assert_int_equal(nl_commit(&pod, NULL, &e), -ESRCH);
}

static void route_kinds_and_errors(void **state)
{
	static const uint8_t types[] = { RTN_UNREACHABLE, RTN_BLACKHOLE, RTN_PROHIBIT };
	char text[128];
	struct route r;
	struct seen s;
	int index;

	(void)state;
	needs_namespaces();
	index = with_addresses();
	for (size_t i = 0; i < sizeof(types); i++) {
		r = (struct route){ .dst = prefix("10.66.0.0/16"),
				    .type = types[i],
				    .protocol = 99 };
		route_add(&pod, &r);
		ok(nl_commit(&pod, NULL, &e));
		s = find_route(0, 99, 0, "10.66.0.0/16");
		assert_true(s.count == 1 && s.route.type == types[i]);
		route_del(&pod, &r);
		ok(nl_commit(&pod, NULL, &e));
	}
	r = (struct route){ .dst = prefix("10.66.0.1/32"), .type = RTN_LOCAL, .index = index };
	route_add(&pod, &r);
	ok(nl_commit(&pod, NULL, &e));
	r = (struct route){ .dst = prefix("10.66.0.0/16"),
			    .via = addr("10.99.0.1"),
			    .index = index,
			    .onlink = true };
	route_add(&pod, &r);
	ok(nl_commit(&pod, NULL, &e));
	assert_true(find_route(0, 0, 0, "10.66.0.0/16").route.onlink);

	r = (struct route){ .dst = prefix("10.67.0.0/16"), .via = addr("10.99.0.1") };
	route_add(&pod, &r);
	assert_int_equal(nl_commit(&pod, NULL, &e), -ENETUNREACH);
	snprintf(text, sizeof(text), "add route: %s (kernel: Nexthop has invalid gateway)",
		 strerror(ENETUNREACH));
	assert_string_equal(e.text, text);
	err_clear(&e);
	r = (struct route){ .dst = prefix("fd99::/64"), .via = addr("fd98::1") };
	route_add(&pod, &r);
	assert_true(nl_commit(&pod, NULL, &e) < 0);
	assert_memory_equal(e.text, "add route: ", 11);
}

static void namespaces(void **state)
{
	int self;

	(void)state;
	needs_namespaces();
	assert_true(netns_same(node_ns, node_ns));
	assert_false(netns_same(node_ns, pod_ns));
	assert_false(netns_same(node_ns, -1));
	self = netns_open_self(&e);
	ok(self);
	assert_true(netns_same(self, node_ns));
	assert_true(fcntl(self, F_GETFD) & FD_CLOEXEC);
	close(self);
	assert_int_equal(netns_open("/proc/self/ns/none", &e), -ENOENT);
	err_clear(&e);
	assert_int_equal(netns_open("/proc/self/ns/mnt", &e), -EINVAL);
	assert_string_equal(e.text, "/proc/self/ns/mnt is no network namespace");
	err_clear(&e);
	assert_int_equal(netns_open("/dev/null", &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(netns_open("/", &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(netns_enter(-1, &e), -EBADF);
	err_clear(&e);
	assert_int_equal(
		nl_open_in(&pod, -1, node_ns, NETLINK_ROUTE, pod_buffer, sizeof(pod_buffer), &e),
		-EBADF);
	assert_int_equal(pod.fd, -1);
}

/* The socket is in the pod, we are at home, and a home that is lost is an error. */
static void open_in_comes_back(void **state)
{
	struct nl lost;
	char room[64];
	int self;

	(void)state;
	needs_namespaces();
	(void)pod_link();
	find(&pod, "eth0");
	self = netns_open_self(&e);
	assert_true(netns_same(self, node_ns));
	close(self);
	assert_int_equal(nl_open_in(&lost, pod_ns, -1, NETLINK_ROUTE, room, sizeof(room), &e),
			 -EBADF);
	assert_int_equal(lost.fd, -1);
	err_clear(&e);
	ok(netns_enter(node_ns, &e));
	assert_int_equal(nl_open(&lost, 31, room, sizeof(room), &e), -EPROTONOSUPPORT);
	assert_int_equal(lost.fd, -1);
	assert_non_null(strstr(e.text, "no netlink protocol 31"));
}

static void sysctls(void **state)
{
	char value[32], tiny[1];

	(void)state;
	needs_namespaces();
	ok(sysctl_set("net/ipv4/ip_forward", "0", &e));
	assert_int_equal(sysctl_set("net/ipv4/ip_forward", "1", &e), 1);
	assert_int_equal(sysctl_set("net/ipv4/ip_forward", "1", &e), 0);
	ok(sysctl_get("net/ipv4/ip_forward", value, sizeof(value), &e));
	assert_string_equal(value, "1");
	ok(netns_enter(pod_ns, &e)); /* each namespace has its own */
	ok(sysctl_get("net/ipv4/ip_forward", value, sizeof(value), &e));
	ok(netns_enter(node_ns, &e));
	assert_string_equal(value, "0");

	assert_int_equal(sysctl_get("net/ipv4/ip_forward", tiny, sizeof(tiny), &e), -EFBIG);
	err_clear(&e);
	assert_int_equal(sysctl_set("net/ipv4/no_such", "1", &e), -ENOENT);
	assert_string_equal(e.text, "sysctl net/ipv4/no_such: the kernel has none of this name");
	err_clear(&e);
	assert_int_equal(sysctl_set("net/ipv4/ip_forward", "many", &e), -EINVAL);
	assert_string_equal(e.text, "sysctl net/ipv4/ip_forward: write \"many\": Invalid argument");
}

static void sysctl_paths_stay_inside(void **state)
{
	static const char *const bad[] = {
		"",	  "/",		".",	     "..",   "net/../kernel/hostname",
		"net/..", "../sys/net", "net//ipv4", "net/", "net/./ipv4"
	};
	char value[32];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(sysctl_get(bad[i], value, sizeof(value), &e), -EINVAL);
		assert_int_equal(sysctl_set(bad[i], "1", &e), -EINVAL);
	}
	err_clear(&e);
	ok(sysctl_get("kernel/ostype", value, sizeof(value), &e));
	assert_string_equal(value, "Linux");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_sockets(addresses),  with_sockets(ipv6_address_is_usable_at_once),
		with_sockets(routes),	  with_sockets(route_kinds_and_errors),
		with_sockets(namespaces), with_sockets(open_in_comes_back),
		with_sockets(sysctls),	  with_sockets(sysctl_paths_stay_inside),
	};

	return cmocka_run_group_tests_name("addresses and routes against the kernel", tests,
					   have_namespaces, NULL);
}
