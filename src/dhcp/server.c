/* The daemon's loop: see server.h. */
#include "dhcp/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "cni/result.h"
#include "dhcp/server_private.h"

#define SWEEP_MS 30000 /* namespaces that have gone are forgotten in this time */
#define TICK_MS 10000  /* connections that say nothing are closed */
#define MEMORY 262144u /* for one lease's file */

/* Whom a file descriptor of poll() belongs to. */
struct source {
	struct conn *conn;
	struct dhcp_lease *lease;
};

struct waiting {
	struct pollfd fds[2 + DHCP_CONNS_MAX + DHCP_LEASES_MAX];
	struct source sources[2 + DHCP_CONNS_MAX + DHCP_LEASES_MAX];
	nfds_t count;
};

static char memory[MEMORY] __attribute__((aligned(16)));

enum { AT_SIGNALS = 0, AT_LISTENER = 1 };

struct dhcp_lease *server_find(struct server *s, const struct cni_attachment *at)
{
	for (unsigned int i = 0; i < s->high; i++) {
		if (s->leases[i].used && dhcp_lease_is(&s->leases[i], at))
			return &s->leases[i];
	}
	return NULL;
}

struct dhcp_lease *server_slot(struct server *s)
{
	for (unsigned int i = 0; i < s->high; i++) {
		if (!s->leases[i].used)
			return &s->leases[i];
	}
	return s->high < DHCP_LEASES_MAX ? &s->leases[s->high++] : NULL;
}

/* An interface that is gone takes its lease along: there is nobody to have it. */
static void lease_vanished(struct server *s, struct dhcp_lease *l, struct err *e)
{
	log_line(LOG_WARN, "%s: forgotten: %s", dhcp_lease_name(l), e->text);
	err_code(e, -e->errnum, CNI_ERR_ENVIRONMENT);
	conn_answer_waiting(s, l, -e->errnum, e);
	dhcp_lease_forget(l, s->base);
	err_clear(e);
}

static int lease_write_down(struct server *s, const struct dhcp_lease *l, struct err *e)
{
	static struct cni_result result;
	struct arena a;
	int r;

	arena_init(&a, memory, sizeof(memory));
	r = dhcp_lease_describe(l, &a, &result, e);
	return r < 0 ? r : err_code(e, dhcp_lease_save(l, s->base, e), CNI_ERR_STATE);
}

/*
 * A lease that says too little, or cannot be written down, is not handed out: a restart would lose
 * it. One that was handed out is kept all the same.
 */
static int lease_got(struct server *s, struct dhcp_lease *l, bool renewed, struct err *e)
{
	int r = lease_write_down(s, l, e);

	if (r < 0)
		log_line(LOG_WARN, "%s: %s", dhcp_lease_name(l), e->text);
	else
		log_line(LOG_INFO, "%s: %s %s", dhcp_lease_name(l), addr_text(&l->client.address),
			 renewed ? "renewed" : "acquired");
	conn_answer_waiting(s, l, r, e);
	err_clear(e);
	return r < 0 && !renewed ? dhcp_lease_release(l, s->base, e) : 0;
}

static int lease_lost(struct server *s, struct dhcp_lease *l, struct err *e)
{
	int r;

	log_line(LOG_ERROR, "%s: the lease of %s is lost: the pod must not use it any more",
		 dhcp_lease_name(l), addr_text(&l->client.address));
	r = dhcp_lease_tear_down(l, s->base, e);
	if (r == -ENOENT || r == -ENODEV || r == -ENOTRECOVERABLE)
		return r;
	if (r < 0)
		log_line(LOG_ERROR, "%s: %s", dhcp_lease_name(l), e->text);
	err_clear(e);
	if (dhcp_lease_save(l, s->base, e) < 0)
		log_line(LOG_WARN, "%s: %s", dhcp_lease_name(l), e->text);
	err_clear(e);
	return 0;
}

static void lease_gave_up(struct server *s, struct dhcp_lease *l, struct err *e)
{
	err_set(e, EAGAIN, "no DHCP server gave %s an address within %lld s", l->ifname,
		(long long)(s->base->settings.give_up_ms / 1000));
	err_code(e, -EAGAIN, CNI_ERR_TRY_AGAIN);
	log_line(LOG_WARN, "%s: %s", dhcp_lease_name(l), e->text);
	conn_answer_waiting(s, l, -EAGAIN, e);
	dhcp_lease_forget(l, s->base);
	err_clear(e);
}

/* What a lease's timer or message led to. Only what ends the daemon is returned. */
static int lease_event(struct server *s, struct dhcp_lease *l, int r, enum dhcp_event event,
		       struct err *e)
{
	if (r == 0 && (event == DHCP_GOT || event == DHCP_RENEWED))
		r = lease_got(s, l, event == DHCP_RENEWED, e);
	else if (r == 0 && event == DHCP_GONE)
		r = lease_lost(s, l, e);
	else if (r == 0 && event == DHCP_GAVE_UP)
		lease_gave_up(s, l, e);
	if (r < 0 && r != -ENOTRECOVERABLE) {
		lease_vanished(s, l, e);
		return 0;
	}
	return r;
}

static int run_timers(struct server *s, int64_t now, struct err *e)
{
	int r = 0;

	for (unsigned int i = 0; i < s->high && r == 0; i++) {
		struct dhcp_lease *l = &s->leases[i];
		enum dhcp_event event;

		if (!l->used || now < dhcp_lease_deadline(l))
			continue;
		r = dhcp_lease_timer(l, s->base, &event, e);
		r = lease_event(s, l, r, event, e);
	}
	return r;
}

/* What is not sure is asked again the next time. */
static int run_sweep(struct server *s, int64_t now, struct err *e)
{
	if (now < s->sweep)
		return 0;
	s->sweep = now + SWEEP_MS;
	for (unsigned int i = 0; i < s->high; i++) {
		struct dhcp_lease *l = &s->leases[i];
		int r = l->used ? dhcp_lease_check(l, s->base, e) : 0;

		if (r == -ENOTRECOVERABLE)
			return r;
		if (r == -ENOENT || r == -ENODEV)
			lease_vanished(s, l, e);
		err_clear(e);
	}
	return 0;
}

static void add_source(struct waiting *w, int fd, struct source source)
{
	w->fds[w->count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	w->sources[w->count++] = source;
}

/* Who is waited for, and how long. poll() passes over descriptors that are negative. */
static int collect(struct server *s, struct waiting *w, int signals, int64_t now)
{
	int64_t until = now + TICK_MS < s->sweep ? now + TICK_MS : s->sweep;

	w->count = 0;
	add_source(w, signals, (struct source){ 0 });
	add_source(w, conn_has_room(s) && now >= s->accept_from ? s->listener : -1,
		   (struct source){ 0 });
	if (now < s->accept_from && s->accept_from < until)
		until = s->accept_from;
	for (unsigned int i = 0; i < DHCP_CONNS_MAX; i++) {
		if (s->conns[i].fd >= 0)
			add_source(w, s->conns[i].fd, (struct source){ .conn = &s->conns[i] });
	}
	for (unsigned int i = 0; i < s->high; i++) {
		struct dhcp_lease *l = &s->leases[i];

		if (!l->used)
			continue;
		if (dhcp_lease_deadline(l) < until)
			until = dhcp_lease_deadline(l);
		if (l->fd >= 0)
			add_source(w, l->fd, (struct source){ .lease = l });
	}
	return until <= now ? 0 : (int)(until - now);
}

/* An earlier one may have ended a later one, and its number may be another's already. */
static bool is_current(const struct waiting *w, nfds_t i)
{
	const struct source *src = &w->sources[i];

	return (src->conn && src->conn->fd == w->fds[i].fd) ||
	       (src->lease && src->lease->used && src->lease->fd == w->fds[i].fd);
}

static int handle_source(struct server *s, const struct source *src, struct err *e)
{
	enum dhcp_event event;
	int r;

	if (src->conn)
		return conn_receive(s, src->conn, e);
	r = dhcp_lease_receive(src->lease, s->base, &event, e);
	return lease_event(s, src->lease, r, event, e);
}

static int handle_sources(struct server *s, const struct waiting *w, struct err *e)
{
	int r = 0;

	for (nfds_t i = AT_LISTENER + 1; i < w->count && r == 0; i++) {
		if (w->fds[i].revents && is_current(w, i))
			r = handle_source(s, &w->sources[i], e);
	}
	return r;
}

static int serve(struct server *s, int signals, struct err *e)
{
	static struct waiting w;
	int r = 0;

	while (r == 0) {
		int timeout = collect(s, &w, signals, dhcp_now());
		int ready = poll(w.fds, w.count, s->base->closing->count ? 0 : timeout);

		if (ready < 0 && errno != EINTR)
			return err_errno(e, "poll");
		if (ready == 0)
			dhcp_closing_run(s->base->closing);
		if (w.fds[AT_SIGNALS].revents)
			return 0;
		r = handle_sources(s, &w, e);
		if (r == 0 && w.fds[AT_LISTENER].revents)
			conn_accept(s, dhcp_now());
		if (r == 0)
			r = run_timers(s, dhcp_now(), e);
		if (r == 0)
			r = run_sweep(s, dhcp_now(), e);
		conn_time_out(s, dhcp_now());
	}
	return r;
}

static void load_lease(struct server *s, const char *name)
{
	struct dhcp_lease *l = server_slot(s);
	struct err e = { 0 };
	struct arena a;

	if (!l)
		return;
	arena_init(&a, memory, sizeof(memory));
	if (dhcp_lease_load(l, s->base, &a, name, &e) <= 0)
		*l = (struct dhcp_lease){ .fd = -1 };
	if (e.errnum)
		log_line(LOG_WARN, "lease file %s is left alone: %s", name, e.text);
}

/* Hidden is what a daemon that was killed has not finished writing. */
static int load_one(int dir, const char *name, void *arg)
{
	if (name[0] != '.')
		load_lease(arg, name);
	else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		unlinkat(dir, name, 0);
	return 0;
}

int dhcp_serve(const struct dhcp_base *b, int listener, int signals, struct err *e)
{
	static struct server s;
	size_t size = DHCP_LEASES_MAX * sizeof(*s.leases);
	int r;

	s.base = b;
	s.listener = listener;
	for (unsigned int i = 0; i < DHCP_CONNS_MAX; i++)
		s.conns[i].fd = -1;
	s.leases = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s.leases == MAP_FAILED)
		return err_errno(e, "memory for %d leases", DHCP_LEASES_MAX);
	r = dir_each_all(b->state, "the state directory", load_one, &s, e);
	return r < 0 ? r : serve(&s, signals, e);
}
