/*
 * What the reference's plugins leave in iptables, without their work: see bench.h. Two hundred of
 * its chains take minutes to attach, the rules of them a second.
 */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define TEXT_SIZE 900000 /* less than the pipe that it goes through holds */
#define POD_ROOM 1024	 /* of it, for a pod without ports */
#define PORT_ROOM 400
#define PORTS_OF_RULE 15 /* the multiport match takes no more */

static struct {
	char text[TEXT_SIZE];
	size_t used;
} rules;

static void put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void put(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(rules.text + rules.used, TEXT_SIZE - rules.used, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= TEXT_SIZE - rules.used)
		die("rules of iptables: more than %d bytes", TEXT_SIZE);
	rules.used += (size_t)n;
}

bool reference_has_iptables(void)
{
	return options.reference && access("/usr/sbin/iptables-restore", X_OK) == 0;
}

static void restore(const struct node *n)
{
	struct call c = { .node = n, .path = "/usr/sbin/iptables-restore", .in = rules.text };

	put("COMMIT\n");
	call_arg(&c, "iptables-restore");
	call_arg(&c, "--noflush");
	call_env(&c, "PATH=/usr/sbin:/usr/bin");
	call_run(&c);
	rules.used = 0;
}

/* The pods that rest, behind those that the plugins attach. */
static void put_address(unsigned int i)
{
	put("10.88.%u.%u", 100 + i / 250, i % 250 + 1);
}

/* Of bridge with ipMasq: a chain of two rules, and a rule that leads there. */
static void put_masquerade(unsigned int i)
{
	put(":CNI-%08x -\n-A CNI-%08x -d 10.88.0.0/16 -j ACCEPT\n"
	    "-A CNI-%08x ! -d 224.0.0.0/4 -j MASQUERADE\n-A POSTROUTING -s ",
	    i, i, i);
	put_address(i);
	put(" -j CNI-%08x\n", i);
}

/* Of portmap, for a port: two rules for who comes from near, and the translation. */
static void put_port(unsigned int i, unsigned int port, unsigned int to)
{
	const char *const near[] = { "10.88.0.0/16", "127.0.0.1/32" };

	for (int k = 0; k < 2; k++)
		put("-A CNI-DN-%08x -s %s -p tcp -m tcp --dport %u -j CNI-HOSTPORT-SETMARK\n", i,
		    near[k], port);
	put("-A CNI-DN-%08x -p tcp -m tcp --dport %u -j DNAT --to-destination ", i, port);
	put_address(i);
	put(":%u\n", to);
}

/* And rules that lead to these. */
static void put_ports(unsigned int i, unsigned int first, unsigned int count)
{
	put(":CNI-DN-%08x -\n", i);
	for (unsigned int k = 0; k < count; k++)
		put_port(i, first + k, 80 + k);
	for (unsigned int k = 0; k < count; k++) {
		if (k % PORTS_OF_RULE == 0)
			put("-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports %u", first + k);
		else
			put(",%u", first + k);
		if (k % PORTS_OF_RULE == PORTS_OF_RULE - 1 || k == count - 1)
			put(" -j CNI-DN-%08x\n", i);
	}
}

static bool has_room(unsigned int ports)
{
	return rules.used + POD_ROOM + ports * PORT_ROOM < TEXT_SIZE;
}

void reference_pods(const struct node *n, unsigned int pods, unsigned int ports)
{
	for (unsigned int i = 0; i < pods;) {
		put("*nat\n");
		for (; i < pods && has_room(ports); i++) {
			put_masquerade(i);
			if (ports)
				put_ports(i, REFERENCE_FIRST_PORT + i * ports, ports);
		}
		restore(n);
	}
}

void reference_accepts(const struct node *n, unsigned int pods)
{
	put("*filter\n");
	for (unsigned int i = 0; i < pods; i++) {
		put("-A CNI-FORWARD -d ");
		put_address(i);
		put(" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
		    "-A CNI-FORWARD -s ");
		put_address(i);
		put(" -j ACCEPT\n");
	}
	restore(n);
}
