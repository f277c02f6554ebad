/* Accepts and jumps in legacy tables: see legacy_accept.h. */
#include "fw/legacy_accept.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "fw/firewall.h"
#include "fw/foreign_closed.h"
#include "fw/legacy.h"
#include "fw/legacy_forward.h"

#define MEMORY (64u << 10) /* names of chains */

static const char *const tables[] = { "filter", "mangle", "security" };
#define TABLES (sizeof(tables) / sizeof(tables[0]))

/*
 * An ADD makes firewall's table first, with the name of its chain, and then looks here: what is
 * asked for is asked for under the lock, so that whoever has it sees what the others want.
 */
static int plan(struct xtables *t, void *arg, struct err *e)
{
	static _Alignas(16) char memory[MEMORY];
	struct arena arena;
	struct list admins;
	struct legacy_want want = { 0 };
	int r = nft_table_find(arg, &firewall.table, e);

	arena_init(&arena, memory, sizeof(memory));
	list_init(&admins, &arena, sizeof(const char *));
	want.pods = r > 0;
	if (r > 0)
		r = firewall_admins(arg, &admins, e);
	if (r >= 0)
		r = list_check(&admins, "names of chains", e);
	if (r < 0)
		return r;
	want.admins = admins.at;
	want.admin_count = admins.count;
	return legacy_forward_plan(t, &want);
}

/* What a family has in use: most nodes have nothing. */
static int settle_family(uint8_t family, struct nl *nl, struct err *e)
{
	int r = xtables_in_use(family, NULL, e), changes = 0;

	if (r <= 0)
		return r;
	for (size_t i = 0; r >= 0 && i < TABLES; i++) {
		r = legacy_change(family, tables[i], plan, nl, e);
		changes += r > 0;
	}
	return r < 0 ? r : changes > 0;
}

int legacy_accept_settle(struct nl *nl, struct err *e)
{
	int r = 0, changes = 0;

	for (size_t i = 0; r >= 0 && i < LEGACY_FAMILIES; i++) {
		r = settle_family(legacy_families[i], nl, e);
		changes += r > 0;
	}
	return r < 0 ? r : changes > 0;
}

int legacy_accept_check(struct nl *nl, char missing[static FW_MISSING_SIZE], struct err *e)
{
	for (size_t i = 0; i < LEGACY_FAMILIES * TABLES; i++) {
		const uint8_t family = legacy_families[i / TABLES];
		int r = legacy_look(family, tables[i % TABLES], plan, nl, e);

		if (r > 0)
			snprintf(missing, FW_MISSING_SIZE,
				 "lacks its rules in FORWARD of legacy %s, table %s",
				 legacy_command(family), tables[i % TABLES]);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return 1;
}

/* ---- STATUS ---- */

/* Not FORWARD, where there is an accept if it is needed. */
static const struct {
	const char *table, *chain;
	unsigned int hook;
} ways[] = {
	{ "raw", "PREROUTING", NF_INET_PRE_ROUTING },
	{ "mangle", "PREROUTING", NF_INET_PRE_ROUTING },
	{ "nat", "PREROUTING", NF_INET_PRE_ROUTING },
	{ "mangle", "POSTROUTING", NF_INET_POST_ROUTING },
	{ "nat", "POSTROUTING", NF_INET_POST_ROUTING },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static int look_closed(struct xtables *t, void *arg, struct err *e)
{
	const unsigned int *hook = arg;

	(void)e;
	return legacy_closes(t, *hook);
}

int legacy_accept_find_closed(char out[static FW_MISSING_SIZE], struct err *e)
{
	for (size_t i = 0; i < LEGACY_FAMILIES * WAYS; i++) {
		const uint8_t family = legacy_families[i / WAYS];
		unsigned int hook = ways[i % WAYS].hook;
		int r = foreign_forwards(family)
				? legacy_look(family, ways[i % WAYS].table, look_closed, &hook, e)
				: 0;

		if (r > 0)
			snprintf(out, FW_MISSING_SIZE, "%s %s %s", legacy_command(family),
				 ways[i % WAYS].table, ways[i % WAYS].chain);
		if (r != 0)
			return r;
	}
	return 0;
}
