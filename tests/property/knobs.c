/* The choices that make a configuration, and how a seed makes them. */
#include "property.h"

#include <stdlib.h>
#include <string.h>

#define VALUES(...)                                                                                \
	.values = (const char *const[]){ __VA_ARGS__ },                                            \
	.count = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)
#define YES_OR_NO .count = 2

const struct knob_info knobs[KNOBS] = {
	[PLUGIN] = { "plugin", .count = 0, .often = 0 },
	[VERSION] = { "version", .often = 12,
		      VALUES("1.1.0", "1.0.0", "0.4.0", "0.3.1", "0.3.0", "0.2.0", "0.1.0") },
	[IN_POD] = { "pod", .often = 6, VALUES("a", "b") },
	[LIKE_FORMER] = { "like-former", .often = 3, YES_OR_NO },
	[IPAM] = { "ipam", .often = 7, VALUES("host-local", "given", "none") },
	[FAMILY] = { "family", .often = 10, VALUES("v4", "v6", "v4+v6", "v6+v4", "v4+v4") },
	[RANGE] = { "range", .often = 8,
		    VALUES("subnet", "ranges", "bounds", "gateway", "small", "two") },
	[GATEWAY] = { "gateway", .often = 10, VALUES("none", "is", "default") },
	[BRIDGE] = { "bridge", .often = 3, VALUES("own", "shared") },
	[MASQ] = { "masq", .often = 6, YES_OR_NO },
	[HAIRPIN] = { "hairpin", .often = 3, YES_OR_NO },
	[PROMISC] = { "promisc", .often = 2, YES_OR_NO },
	[ISOLATED] = { "isolated", .often = 2, YES_OR_NO },
	[DOWN] = { "down", .often = 2, YES_OR_NO },
	[VLAN] = { "vlan", .often = 4, VALUES("none", "5", "trunk", "both", "1") },
	[KEEP_VLAN] = { "default-vlan", .often = 4, VALUES("absent", "no", "yes") },
	[MTU] = { "mtu", .often = 6, VALUES("none", "1400", "9000", "1280", "1000") },
	[MAC] = { "mac", .often = 5, VALUES("none", "key", "args", "runtime") },
	[WANTED] = { "wanted", .often = 4, VALUES("none", "args", "runtime") },
	[DNS] = { "dns", .often = 2, YES_OR_NO },
	[ROUTE] = { "route", .often = 10, VALUES("none", "one", "two") },
	[ROUTE_DST] = { "route-dst", .often = 8,
			VALUES("v4", "v6", "default4", "default6", "host-bits", "host") },
	[ROUTE_GW] = { "route-gw", .often = 5, YES_OR_NO },
	[ROUTE_MTU] = { "route-mtu", .often = 4, YES_OR_NO },
	[ROUTE_ADVMSS] = { "route-advmss", .often = 4, YES_OR_NO },
	[ROUTE_PRIORITY] = { "route-priority", .often = 4, YES_OR_NO },
	[ROUTE_TABLE] = { "route-table", .often = 4, VALUES("main", "100", "1000") },
	[ROUTE_SCOPE] = { "route-scope", .often = 4, VALUES("none", "link", "universe", "host") },
	[GIVEN_VERSION] = { "given-version", .often = 8, VALUES("1.1.0", "0.3.1", "0.2.0") },
	[GIVEN_IFACE] = { "given-iface", .often = 5,
			  VALUES("none", "other", "named", "index-only") },
	[GIVEN_GATEWAY] = { "given-gateway", .often = 6, VALUES("yes", "no") },
	[IPV6_OFF] = { "ipv6-off", .often = 3, YES_OR_NO },
};

static const char *value_text(enum knob k, unsigned int value)
{
	if (k == PLUGIN)
		return tried[value].name;
	return knobs[k].values ? knobs[k].values[value] : "yes";
}

static unsigned int value_count(enum knob k)
{
	return k == PLUGIN ? tried_count : knobs[k].count;
}

int knob_find(const char *text, int *value)
{
	size_t len = strcspn(text, "=");
	int k = 0;

	while (k < KNOBS &&
	       (strlen(knobs[k].name) != len || strncmp(knobs[k].name, text, len) != 0))
		k++;
	*value = -1;
	if (k == KNOBS)
		return -1;
	for (unsigned int v = 0; text[len] && v < value_count((enum knob)k); v++)
		if (strcmp(value_text((enum knob)k, v), text + len + 1) == 0)
			*value = (int)v;
	return text[len] && *value < 0 ? -1 : k;
}

/* splitmix64: every seed is as good as any other. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned int choose(uint64_t *state, unsigned int count)
{
	return (unsigned int)(random_next(state) % count);
}

static void generate_attachment(struct attachment *a, uint64_t *state, uint64_t mask)
{
	for (int k = 0; k < KNOBS; k++) {
		unsigned int chance = choose(state, 16), value = choose(state, 1u << 16);

		a->knob[k] = 0;
		if (k != PLUGIN && chance < knobs[k].often)
			a->knob[k] = (uint8_t)(1 + value % (knobs[k].count - 1));
	}
	a->knob[PLUGIN] = (uint8_t)choose(state, tried_count);
	while (!(mask >> a->knob[PLUGIN] & 1))
		a->knob[PLUGIN] = (uint8_t)((a->knob[PLUGIN] + 1u) % tried_count);
	/* The first has the most keys, and gets most of the tries. */
	if (mask & 1 && choose(state, 2))
		a->knob[PLUGIN] = 0;
}

void test_generate(struct test *t, uint64_t seed, uint64_t mask)
{
	uint64_t state = seed;

	memset(t, 0, sizeof(*t));
	t->seed = seed;
	t->count = 1 + choose(&state, ATTACHMENTS_MAX);
	for (unsigned int i = 0; i < t->count; i++)
		generate_attachment(&t->at[i], &state, mask);
	test_settle(t);
}

/* A configuration of its own has no former; what is asked of the runtime stays the attachment's. */
static void copy_former(struct attachment *a, const struct attachment *former)
{
	uint8_t own[] = { a->knob[IN_POD], a->knob[IPV6_OFF] };

	memcpy(a->knob, former->knob, sizeof(a->knob));
	a->knob[IN_POD] = own[0];
	a->knob[IPV6_OFF] = own[1];
	a->knob[LIKE_FORMER] = 1;
	a->network = former->network;
}

void test_settle(struct test *t)
{
	unsigned int in_pod[2] = { 0 }, seen[2] = { 0 };
	uint8_t ipv6_off[2] = { 0 };

	for (unsigned int i = 0; i < t->count; i++) {
		struct attachment *a = &t->at[i];
		unsigned int pod;

		a->number = i;
		a->network = i;
		if (i > 0 && a->knob[LIKE_FORMER])
			copy_former(a, a - 1);
		pod = a->knob[IN_POD];
		a->first_in_pod = seen[pod]++ == 0;
		if (a->first_in_pod)
			ipv6_off[pod] = a->knob[IPV6_OFF];
		a->knob[IPV6_OFF] = ipv6_off[pod];
		snprintf(a->pod, sizeof(a->pod), "%c", 'a' + (int)pod);
		if (tried_of(a)->has & IS_LOOPBACK)
			strcpy(a->ifname, "lo");
		else if (in_pod[pod]++ == 0)
			strcpy(a->ifname, "eth0");
		else
			snprintf(a->ifname, sizeof(a->ifname), "net%u", (in_pod[pod] - 1) % 10);
	}
}

void test_print(FILE *f, const struct test *t)
{
	for (unsigned int i = 0; i < t->count; i++) {
		const struct attachment *a = &t->at[i];

		fprintf(f, "    %s of pod %s:", a->ifname, a->pod);
		for (int k = 0; k < KNOBS; k++)
			if (a->knob[k] || k == PLUGIN)
				fprintf(f, " %s=%s", knobs[k].name,
					value_text((enum knob)k, a->knob[k]));
		fputc('\n', f);
	}
}
