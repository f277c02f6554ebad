/* Legacy tables under iptables' lock: see legacy.h. */
#include "fw/legacy.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"

#define LOCK "/run/xtables.lock" /* iptables' own */
#define LOCK_TIMEOUT_MS 10000
#define MEMORY (32u << 20) /* for 50,000 rules, read and written */
#define TRIES 8

const uint8_t legacy_families[LEGACY_FAMILIES] = { AF_INET, AF_INET6 };

const char *legacy_command(uint8_t family)
{
	return family == AF_INET6 ? "ip6tables" : "iptables";
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

struct change {
	uint8_t family;
	const char *table;
	legacy_plan_fn *plan;
	void *arg;
};

static int try(const struct change *c, bool write, struct err *e)
{
	static _Alignas(16) char memory[MEMORY];
	static struct xtables t;
	struct arena a;
	int r, changes;

	arena_init(&a, memory, sizeof(memory));
	r = xtables_read(&t, c->family, c->table, &a, e);
	changes = r < 0 ? r : c->plan(&t, c->arg, e);
	if (changes > 0 && write)
		r = xtables_write(&t, e);
	return r < 0 ? r : changes;
}

/* How many changes: planned, or made. */
static int attempt(const struct change *c, bool write, struct err *e)
{
	struct err local = { 0 };
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		err_clear(&local);
		r = try(c, write, &local);
	}
	if (r < 0)
		err_take(e, &local);
	return err_ctx(e, r, "legacy %s, table %s", legacy_command(c->family), c->table);
}

int legacy_look(uint8_t family, const char *table, legacy_plan_fn *plan, void *arg, struct err *e)
{
	const struct change c = { family, table, plan, arg };
	int r = xtables_in_use(family, table, e);

	return r > 0 ? attempt(&c, false, e) : r;
}

int legacy_change(uint8_t family, const char *table, legacy_plan_fn *plan, void *arg, struct err *e)
{
	const struct change c = { family, table, plan, arg };
	int r = legacy_look(family, table, plan, arg, e), fd;

	if (r <= 0)
		return r;
	fd = take_lock(e);
	if (fd < 0)
		return fd;
	r = attempt(&c, true, e);
	close(fd);
	return r < 0 ? r : r > 0;
}
