/* Attaching and detaching, and what must hold of each answer. */
#include "soak.h"
#include "times.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG_S 60

struct pod pods[PODS_MAX];
unsigned int pod_count;

void defect(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("DEFECT ", stdout);
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
	exit(1);
}

static void make_link(const char *name, const char *peer)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "ip link add %s type veth peer name %s && ip link set %s up && ip link set %s up",
		 name, peer, name, peer);
	if (system(command) != 0)
		die("no link %s", name);
}

static void make_device(const struct row *row, unsigned int number)
{
	char name[16], peer[16];

	snprintf(name, sizeof(name), "%s%u", row->device, number);
	snprintf(peer, sizeof(peer), "to-%s%u", row->device, number);
	make_link(name, peer);
}

/* macvlan and ipvlan cannot hang on the same master: up2 is beside the node's up0. */
void pods_make(unsigned int count)
{
	if (count > PODS_MAX)
		die("at most %d pods", PODS_MAX);
	make_link("up2", "up3");
	for (pod_count = 0; pod_count < count; pod_count++) {
		struct pod *p = &pods[pod_count];

		snprintf(p->name, sizeof(p->name), "p%u", pod_count);
		p->row = row_of(pod_count);
		pod_make(p->name);
		if (p->row->device)
			make_device(p->row, pod_count);
	}
}

/*
 * We inherit whatever a call has left running; what is about to end may do so. Not the LAN's, which
 * are in groups of their own.
 */
static void expect_no_process(const struct pod *p, const char *verb)
{
	for (unsigned int ms = 0; ms < 5000; ms += 10) {
		pid_t pid = waitpid(0, NULL, WNOHANG);

		if (pid < 0 && errno == ECHILD)
			return;
		if (pid == 0)
			usleep(10000);
	}
	defect("%s %s of %s has left a process", p->row->subject.name, verb, p->name);
}

static void call(struct pod *p, enum verb v, char *said, size_t size)
{
	const unsigned int row = 2 * (unsigned int)(p->row - rows);
	const unsigned int series = v == ADD   ? row + ADD_OF_ROW
				    : v == DEL ? row + DEL_OF_ROW
					       : UNTIMED;
	static struct command c;
	int status;

	command_make(&c, &p->row->subject, v, p->name, p->result, false);
	alarm(HANG_S);
	status = times_call(c.argv, c.env, c.input, series, said, size);
	alarm(0);
	if (status != 0)
		defect("%s %s of %s ended with status %d: %s", p->row->subject.name, verb_names[v],
		       p->name, status, said);
	expect_no_process(p, verb_names[v]);
}

static bool bit(const unsigned char *bytes, unsigned int i)
{
	return bytes[i / 8] >> (7 - i % 8) & 1;
}

/* The part behind the prefix is neither all zeros, nor all ones, nor the gateway's one. */
static bool is_host_in(const struct address *a, const char *subnet)
{
	unsigned int prefix, bits;
	unsigned char addr[16], net[16];
	bool any = false, all = true;
	char text[64];
	int family;

	family = strchr(subnet, ':') ? AF_INET6 : AF_INET;
	bits = family == AF_INET6 ? 128 : 32;
	if (sscanf(subnet, "%63[^/]/%u", text, &prefix) != 2 || inet_pton(family, text, net) != 1 ||
	    prefix >= bits)
		die("%s is no subnet", subnet);
	if (inet_pton(family, a->text, addr) != 1 || a->prefix != prefix)
		return false;
	for (unsigned int i = 0; i < bits; i++) {
		if (i < prefix && bit(addr, i) != bit(net, i))
			return false;
		any |= i >= prefix && i + 1 < bits && bit(addr, i);
		all &= i < prefix || bit(addr, i);
	}
	return any && !all;
}

static void expect_unique(const struct pod *p, const struct address *a)
{
	for (unsigned int i = 0; i < pod_count; i++)
		for (unsigned int n = 0; n < SUBNETS_MAX; n++)
			if (pods[i].attached && &pods[i] != p &&
			    strcmp(pods[i].address[n].text, a->text) == 0)
				defect("%s is given %s, which %s has", p->name, a->text,
				       pods[i].name);
}

/* In the order of the subnets. */
static void read_addresses(struct pod *p)
{
	const char *at = p->result;
	unsigned int n = 0;

	while ((at = strstr(at, "\"address\":")) != NULL && n < SUBNETS_MAX) {
		struct address *a = &p->address[n];

		at += strlen("\"address\":");
		if (!p->row->subnets[n] ||
		    sscanf(at, " \"%63[^\"/]/%u", a->text, &a->prefix) != 2 ||
		    !is_host_in(a, p->row->subnets[n]))
			break;
		expect_unique(p, a);
		n++;
	}
	if (at || (n < SUBNETS_MAX && p->row->subnets[n]))
		defect("%s ADD of %s does not give it an address of each subnet: %s",
		       p->row->subject.name, p->name, p->result);
}

static void expect_own_lease(struct pod *p, const char *address)
{
	char path[256], owner[sizeof(p->owner)] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/var/lib/cni/networks/%s/%s", p->row->network, address);
	f = fopen(path, "re");
	if (!f || fread(owner, 1, sizeof(owner) - 1, f) == 0)
		defect("%s has no lease at %s", p->name, path);
	fclose(f);
	if (!*p->owner)
		strcpy(p->owner, owner);
	if (strcmp(p->owner, owner) != 0)
		defect("the lease at %s is not that of %s: %s", path, p->name, owner);
	for (unsigned int i = 0; i < pod_count; i++)
		if (&pods[i] != p && strcmp(pods[i].owner, owner) == 0)
			defect("%s and %s have leases of one owner: %s", p->name, pods[i].name,
			       owner);
}

void pod_attach(struct pod *p)
{
	call(p, ADD, p->result, sizeof(p->result));
	read_addresses(p);
	for (unsigned int n = 0; p->row->network && n < SUBNETS_MAX && p->row->subnets[n]; n++)
		expect_own_lease(p, p->address[n].text);
	p->attached = true;
}

void pod_detach(struct pod *p)
{
	char said[1024];

	call(p, DEL, said, sizeof(said));
	p->attached = false;
}

void pod_check(struct pod *p)
{
	char said[1024];

	call(p, CHECK, said, sizeof(said));
	for (unsigned int n = 0; p->row->network && n < SUBNETS_MAX && p->row->subnets[n]; n++)
		expect_own_lease(p, p->address[n].text);
}
