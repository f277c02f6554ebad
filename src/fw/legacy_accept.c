/* Accepts in legacy tables: see legacy_accept.h. */
#include "fw/legacy_accept.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/file.h"
#include "fw/chain_rules.h"
#include "fw/firewall.h"
#include "net/xtables.h"

#define LOCK "/run/xtables.lock" /* iptables' own */
#define LOCK_TIMEOUT_MS 10000

static const uint8_t families[] = { AF_INET, AF_INET6 };
static const struct xtables_accept rule = { FIREWALL_MARK, FW_MARK "firewall: pods" };

static const char *command(uint8_t family)
{
	return family == AF_INET6 ? "ip6tables" : "iptables";
}

/* 1: as it should be, also where there is no such table. */
static int check(uint8_t family, bool wanted, struct err *e)
{
	int r = xtables_in_use(family) ? xtables_check_accept(family, &rule, wanted, e) : 1;

	return err_ctx(e, r, "legacy %s", command(family));
}

/* The lock's descriptor. */
static int take_lock(struct err *e)
{
	int fd = open(LOCK, O_CREAT | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0600), r;

	if (fd < 0)
		return err_errno(e, "open " LOCK);
	r = lock_take(fd, LOCK, LOCK_TIMEOUT_MS, e);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

static int put(uint8_t family, bool wanted, struct err *e)
{
	return err_ctx(e, xtables_put_accept(family, &rule, wanted, e), "legacy %s",
		       command(family));
}

int legacy_accept_put(struct err *e)
{
	int fd, changes = 0, r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(families); i++) {
		r = check(families[i], true, e);
		if (r)
			continue;
		fd = take_lock(e);
		r = fd < 0 ? fd : put(families[i], true, e);
		if (fd >= 0)
			close(fd);
		changes += r > 0;
	}
	return r < 0 ? r : changes > 0;
}

int legacy_accept_check(char missing[static FW_MISSING_SIZE], struct err *e)
{
	for (size_t i = 0; i < sizeof(families); i++) {
		int r = check(families[i], true, e);

		if (r == 0)
			snprintf(missing, FW_MISSING_SIZE, "lacks its rule in FORWARD of legacy %s",
				 command(families[i]));
		if (r <= 0)
			return r;
	}
	return 1;
}

/* An ADD makes the table first, and then takes the lock to look: it sees what is done here. */
static int remove_locked(struct nl *nl, uint8_t family, struct err *e)
{
	int fd = take_lock(e), r;

	if (fd < 0)
		return fd;
	r = nft_table_find(nl, &firewall.table, e);
	if (r == 0)
		r = put(family, false, e);
	close(fd);
	return r;
}

int legacy_accept_remove(struct nl *nl, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(families); i++) {
		r = check(families[i], false, e);
		if (r == 0)
			r = remove_locked(nl, families[i], e);
	}
	return r < 0 ? r : 0;
}
