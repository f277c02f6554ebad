/*
 * Nodes that are full: 1,000 pods, 60,000 leases, an IPv6 range that nobody can enumerate. ADD
 * there against ADD on an empty node, and against the floor's where the kernel itself takes longer;
 * then, while the thousand pods are there, new connections through the masquerade; at last GC of
 * all of them.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEASES 60000u

enum kind { EMPTY, PODS, LEASED, IPV6, FLOOR_EMPTY, FLOOR_PODS, KINDS };

static const char gc_tail[] = ",\"cni.dev/valid-attachments\":[]}";

static struct {
	struct subject s[KINDS];
	struct series add[KINDS];
	unsigned int pods, first_pod;	  /* the crowd on the full node */
	unsigned int rest_pod, floor_pod; /* those that have rested there from the beginning */
	const char *gc;			  /* its configuration for GC */
} full;

static struct subject plugin_on(const char *name, enum network network, const char *dir)
{
	char data[64];

	snprintf(data, sizeof(data), "/var/lib/cni/%s", name);
	return (struct subject){ .plugin = "bridge",
				 .dir = dir,
				 .node = node_new(name),
				 .masq = true,
				 .conf = network_conf(network, name, data, "1.0.0") };
}

static void write_lease(int dir, const char *name, const char *content)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t len = strlen(content);

	if (fd < 0 || write(fd, content, len) != (ssize_t)len)
		die("write the lease %s: %s", name, strerror(errno));
	close(fd);
}

/* As host-local of the reference has written them, in the order of the addresses. */
static void fill_leases(const char *name)
{
	char path[128], address[32], content[48];
	int dir;

	snprintf(path, sizeof(path), "/var/lib/cni/%s/%s", name, name);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		die("%s: %s", path, strerror(errno));
	for (unsigned int i = 0; i < LEASES; i++) {
		snprintf(address, sizeof(address), "10.88.%u.%u", (i + 256) >> 8, i & 255);
		snprintf(content, sizeof(content), "stranger%u\r\neth0", i);
		write_lease(dir, address, content);
	}
	unlinkat(dir, "last_reserved_ip.0", 0);
	write_lease(dir, "last_reserved_ip.0", address);
	close(dir);
}

static void attach_many(const struct subject *s, unsigned int first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		subject_run(s, OP_ADD, first + i);
}

/* The configuration with an empty list of valid attachments: everything is stale. */
static const char *gc_conf(const char *name)
{
	static char text[1024];
	char data[64];
	size_t len;

	snprintf(data, sizeof(data), "/var/lib/cni/%s", name);
	snprintf(text, sizeof(text), "%s", network_conf(NET_BRIDGE_MASQ, name, data, "1.1.0"));
	len = strlen(text) - 1; /* without the closing brace */
	snprintf(text + len, sizeof(text) - len, "%s", gc_tail);
	return text;
}

static void prepare(void)
{
	unsigned int rest[KINDS] = { 0 };

	full.pods = options.quick ? 200 : 1000;
	full.s[EMPTY] = plugin_on("o-empty", NET_BRIDGE_MASQ, options.ours);
	full.s[PODS] = plugin_on("o-pods", NET_BRIDGE_MASQ, options.ours);
	full.s[LEASED] = plugin_on("o-leased", NET_BRIDGE_MASQ, options.ours);
	full.s[IPV6] = plugin_on("o-ipv6", NET_BRIDGE_IPV6, options.ours);
	full.s[FLOOR_EMPTY] = (struct subject){ .node = node_new("f-empty"), .masq = true };
	full.s[FLOOR_PODS] = (struct subject){ .node = full.s[PODS].node, .masq = true };
	full.gc = gc_conf("o-pods");
	for (int k = 0; k < KINDS; k++)
		rest[k] = subject_settle(&full.s[k]);
	full.rest_pod = rest[PODS];
	full.floor_pod = rest[FLOOR_PODS];
	fill_leases("o-leased");
	full.first_pod = pods_new(full.pods);
	attach_many(&full.s[PODS], full.first_pod, full.pods);
}

static void measure(void)
{
	const unsigned int rounds = options.quick ? 15 : 150, pod = pods_new(KINDS);
	double first;

	first = (double)subject_run(&full.s[LEASED], OP_ADD, pod + LEASED).ns / 1e6;
	subject_run(&full.s[LEASED], OP_DEL, pod + LEASED);
	report_row(&(struct row){ .what = "ADD, first after 60,000 foreign leases came",
				  .ours = value_of(first) });
	for (unsigned int i = 0; i < rounds; i++) {
		for (unsigned int k = 0; k < KINDS; k++) {
			unsigned int kind = (i + k) % KINDS;

			series_add(&full.add[kind],
				   subject_run(&full.s[kind], OP_ADD, pod + kind).ns);
			sleep_ms(2);
			subject_run(&full.s[kind], OP_DEL, pod + kind);
			sleep_ms(10);
		}
	}
}

static double median_of(enum kind kind)
{
	return series_ms(&full.add[kind]).median;
}

static void explain(enum kind kind)
{
	unsigned int pod = pods_new(1);
	struct call c;

	call_of(&full.s[kind], OP_ADD, pod, &c);
	why_slow(&c);
	subject_run(&full.s[kind], OP_DEL, pod);
}

/* The kernel walks the bridge's ports when one joins: what grows is the floor's, too. */
static void compare_pods(void)
{
	char what[64];
	bool ok;

	snprintf(what, sizeof(what), "ADD with %u pods present", full.pods);
	report_row(&(struct row){ .what = what,
				  .ours = series_ms(&full.add[PODS]),
				  .floor = series_ms(&full.add[FLOOR_PODS]) });
	ok = report_figure("of the floor there", median_of(PODS) / median_of(FLOOR_PODS), AT_MOST,
			   1.5);
	report_figure("of the empty node's", median_of(PODS) / median_of(EMPTY), FOR_INFORMATION,
		      0);
	report_figure("the floor: of its own", median_of(FLOOR_PODS) / median_of(FLOOR_EMPTY),
		      FOR_INFORMATION, 0);
	if (!ok)
		explain(PODS);
}

static void compare(enum kind kind, const char *what, const struct stat_of *reference)
{
	struct row r = { .what = what, .ours = series_ms(&full.add[kind]) };
	bool ok;

	if (reference)
		r.reference = *reference;
	report_row(&r);
	ok = report_figure("of the empty node's", median_of(kind) / median_of(EMPTY), AT_MOST, 1.2);
	if (r.reference.count)
		report_figure("below the reference", r.reference.median / r.ours.median,
			      FOR_INFORMATION, 0);
	if (!ok)
		explain(kind);
}

/* The reference reads every lease to know whether the container has one already. */
static struct stat_of reference_leased(void)
{
	static struct series times;
	unsigned int pod = pods_new(3);
	struct subject s;

	if (!options.reference || options.quick)
		return (struct stat_of){ 0 };
	s = plugin_on("r-leased", NET_BRIDGE_MASQ, options.reference);
	subject_settle(&s);
	fill_leases("r-leased");
	for (unsigned int i = 0; i < 3; i++)
		series_add(&times, subject_run(&s, OP_ADD, pod + i).ns);
	return series_ms(&times);
}

/* The allocator goes round: where the range begins anew it has to step over all that is taken. */
static void wrap(void)
{
	unsigned int pod = pods_new(1);
	double ms;
	int fd = open("/var/lib/cni/o-leased/o-leased/last_reserved_ip.0",
		      O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, "10.88.0.255", 11) != 11)
		die("last_reserved_ip.0: %s", strerror(errno));
	close(fd);
	ms = (double)subject_run(&full.s[LEASED], OP_ADD, pod).ns / 1e6;
	report_row(&(struct row){ .what = "ADD that steps over 60,000 leases at once",
				  .ours = value_of(ms) });
}

static void collect(void)
{
	struct subject s = full.s[PODS];

	s.conf = full.gc;
	subject_run(&full.s[FLOOR_PODS], OP_DEL, full.floor_pod);
	subject_run(&full.s[PODS], OP_DEL, full.rest_pod);
	rows_gc(&s, &full.s[FLOOR_PODS], full.first_pod, full.pods);
}

void rows_full_node(void)
{
	struct stat_of leased;

	prepare();
	measure();
	report_row(&(struct row){ .what = "ADD on an empty node",
				  .ours = series_ms(&full.add[EMPTY]),
				  .floor = series_ms(&full.add[FLOOR_EMPTY]) });
	report_figure("of the floor", median_of(EMPTY) / median_of(FLOOR_EMPTY), FOR_INFORMATION,
		      0);
	compare_pods();
	leased = reference_leased();
	compare(LEASED, "ADD with 60,000 leases in a /16", &leased);
	compare(IPV6, "ADD in an IPv6 /24", NULL);
	wrap();
	rows_connections(&full.s[EMPTY], &full.s[PODS], full.pods, full.first_pod + full.pods - 1);
	collect();
}
