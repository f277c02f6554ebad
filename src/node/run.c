/*
 * The node program that stays: see run.h.
 *
 * Theory of operation. The kernel, the source of the cluster and people (signals) only say that
 * something may be different; what is different is found by a pass, which is the one that `up`
 * makes and remembers nothing. So no event has to be understood, a lost one costs nothing but its
 * own pass, and a pass that finds nothing to do changes nothing, which ends it. Our own requests
 * are left out by the watch. Between passes nothing is kept but the cluster: the arena's pages go
 * back to the kernel.
 */
#include "node/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/code.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/watch.h"
#include "node/kind.h"
#include "node/listen.h"
#include "node/load.h"
#include "node/loop.h"
#include "node/metrics.h"
#include "node/options.h"
#include "node/pass.h"
#include "node/published.h"
#include "node/repairs.h"
#include "node/sockets.h"
#include "node/source.h"
#include "node/tunnels.h"
#include "node/withhold.h"

#define LOCK_MS 1000

static struct {
	const struct node_options *options;
	const char *name;
	struct node_source source;
	struct loop loop;
	struct arena arena;
	struct net_watch route, nft, neigh;
	int followed; /* the link whose neighbours are watched; 0: none */
	int signals;
	bool whole;	  /* the last pass has left nothing out */
	int64_t again_ms; /* a kind that was left out is to be tried again */
	char failure[sizeof(((struct err *)0)->text)]; /* of the last pass; "": it was good */
	int64_t failed_since_ms;
	bool waiting; /* nothing is known of the cluster */
	struct node_metrics metrics;
} run = { .route.nl.fd = -1, .nft.nl.fd = -1, .neigh.nl.fd = -1, .again_ms = PACE_NEVER };

/*
 * The VXLAN has another link now. What has been changed there before it was watched is found by
 * another pass.
 */
static int follow(const struct site *s, struct err *e)
{
	int index, r = tunnel_find_index(s, BACKEND_VXLAN, &index, e);

	if (r < 0 || index == run.followed)
		return r;
	r = net_watch_follow(&run.neigh, index, e);
	if (r == 0)
		run.followed = index;
	if (r == 0 && index)
		run.again_ms = clock_ms();
	return r;
}

#define UNSEEN_MS 60000 /* changes of WireGuard's peers are told to nobody */

static void look_again(const struct site *s)
{
	if (s->tunnels[BACKEND_WIREGUARD].wanted && run.again_ms > clock_ms() + UNSEEN_MS)
		run.again_ms = clock_ms() + UNSEEN_MS;
}

/* Under the lock. What is fought about waits; the rest is made. */
static int mend(struct pass *p, struct err *e)
{
	int r = pass_read(p, e);

	if (r == 0)
		r = pass_check_owners(p, e);
	if (r < 0)
		return r;
	repair_log_warnings(p);
	run.again_ms = repair_leave_out(p, clock_ms());
	run.whole = run.again_ms == PACE_NEVER;
	if (p->to_do)
		r = pass_apply(p, PASS_UP, e);
	look_again(&p->site);
	return r < 0 ? r : follow(&p->site, e);
}

/* Everything is there that pods need, which have an address of this node's to come. */
static const char *joined_name(const struct pass *p, int r)
{
	const struct node *self = p->site.self;

	return r == 0 && run.whole && self->subnet_count ? self->name : NULL;
}

/* 1: nothing is known yet of the cluster. */
static int read_cluster(struct cluster *c, struct err *e)
{
	int r = sockets_open(e);

	if (r == 0)
		r = run.source.cluster(run.source.arg, &run.arena, c, e);
	return r == -EAGAIN ? 1 : r;
}

static struct site new_site(const struct cluster *c)
{
	return (struct site){ .arena = &run.arena,
			      .route = route_socket,
			      .nft = nft_socket,
			      .generic = generic_socket,
			      .cluster = c,
			      .source = run.source.name };
}

/* After a boot there is a file that speaks of what is not there yet. */
static void begin_boot(void)
{
	struct cluster cluster = { 0 };
	struct err e = { 0 };
	bool known = read_cluster(&cluster, err_ignored()) == 0;
	struct pass p = { .site = new_site(known ? &cluster : NULL) };
	int lock = pass_lock(LOCK_MS, &e);

	if (lock < 0 || withhold_config(&p, &e) < 0)
		log_line(LOG_ERROR, "%s", e.text);
	pass_unlock(lock);
	load_release(&run.arena);
}

/* Whatever this node cannot do yet: what the others wait for may be this. */
static int publish(const struct site *s, struct err *e)
{
	struct published what;
	int r = run.source.publish ? published_read(s, &what, e) : 0;

	if (run.source.publish && r == 0)
		run.source.publish(run.source.arg, &what);
	return r;
}

static int pass_once(struct err *e)
{
	struct pass p = { .wanted = true, .name = run.name, .done = repair_done };
	struct cluster cluster = { 0 };
	struct err mine = { 0 };
	int lock, r = read_cluster(&cluster, e);

	if (r != 0)
		return r;
	node_options_apply(run.options, &cluster);
	run.metrics.nodes = cluster.node_count;
	p.site = new_site(&cluster);
	lock = pass_lock(LOCK_MS, e);
	if (lock < 0)
		return lock;
	r = mend(&p, e);
	pass_unlock(lock);
	if (publish(&p.site, &mine) < 0 && r == 0)
		r = err_take(e, &mine);
	run.source.joined(run.source.arg, joined_name(&p, r));
	return r;
}

static void log_failure(const struct err *e, int64_t now_ms)
{
	if (!run.failure[0])
		run.failed_since_ms = now_ms;
	if (strcmp(run.failure, e->text) != 0)
		log_line(LOG_ERROR, "%s; tried again until it works", e->text);
	str_copy(run.failure, sizeof(run.failure), e->text);
}

static void log_success(int64_t now_ms)
{
	if (run.failure[0])
		log_line(LOG_INFO, "it works again, after %lld s",
			 (long long)(now_ms - run.failed_since_ms) / 1000);
	run.failure[0] = '\0';
}

/* What the source waits for is the source's to tell. */
static int run_pass(void *arg, int64_t now_ms)
{
	struct err e = { 0 };
	int r;

	(void)arg;
	run.again_ms = PACE_NEVER;
	repair_set_who(run.nft.who);
	r = pass_once(&e);
	load_release(&run.arena);
	code_release();
	run.waiting = r > 0;
	run.metrics.passes++;
	run.metrics.failures += r < 0;
	run.metrics.pass_ms = clock_ms() - now_ms;
	if (r < 0)
		log_failure(&e, now_ms);
	else if (r == 0)
		log_success(now_ms);
	return r;
}

static unsigned int answer(const char *path, struct text *t)
{
	int64_t contact = run.source.contact_ms(run.source.arg);

	run.metrics.wakeups = run.loop.wakeups;
	run.metrics.contact_ms = contact < 0 ? -1 : clock_ms() - contact;
	run.metrics.failure = NULL;
	if (run.failure[0])
		run.metrics.failure = run.failure;
	else if (run.waiting || run.metrics.passes == 0)
		run.metrics.failure = "nothing is known of the cluster yet";
	return metrics_answer(path, &run.metrics, t);
}

static int64_t run_again(void *arg)
{
	(void)arg;
	return run.again_ms;
}

static void watch_wait(void *arg, struct pollfd *p, int64_t *until_ms)
{
	const struct net_watch *w = arg;

	(void)until_ms;
	*p = (struct pollfd){ .fd = nl_fd(&w->nl), .events = POLLIN };
}

/* A watch that cannot be read says the same thing as one that has lost events. */
static unsigned int watch_step(void *arg, const struct pollfd *p, int64_t now_ms)
{
	struct net_watch *w = arg;

	(void)p;
	(void)now_ms;
	w->changed = false;
	if (net_watch_read(w, err_ignored()) < 0)
		w->changed = true;
	return w->changed ? LOOP_DIRTY : 0;
}

static void signal_wait(void *arg, struct pollfd *p, int64_t *until_ms)
{
	(void)arg;
	(void)until_ms;
	*p = (struct pollfd){ .fd = run.signals, .events = POLLIN };
}

static unsigned int signal_step(void *arg, const struct pollfd *p, int64_t now_ms)
{
	struct signalfd_siginfo info;

	(void)arg;
	(void)p;
	(void)now_ms;
	if (read(run.signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	if (info.ssi_signo != SIGHUP) {
		log_line(LOG_INFO, "ended by a signal; everything stays as it is");
		return LOOP_END;
	}
	log_line(LOG_INFO, "SIGHUP: reading again");
	run.source.reread(run.source.arg);
	return LOOP_DIRTY;
}

static int signals_open(struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_errno(e, "block signals");
	run.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return run.signals < 0 ? err_errno(e, "signalfd") : 0;
}

/* A kernel without nf_tables has no events of them. */
static int watches_open(struct err *e)
{
	struct err mine = { 0 };
	int r = net_watch_open_route(&run.route, route_socket, e);

	if (r == 0)
		r = net_watch_open_neigh(&run.neigh, route_socket, e);
	if (r == 0 && net_watch_open_nft(&run.nft, nft_socket, &mine) < 0)
		log_line(LOG_WARN, "changes of nftables are not noticed: %s", mine.text);
	return r;
}

static int source_open(const struct node_options *o, struct err *e)
{
	if (o->file)
		return file_source_open(&run.source, o->file, e);
	return api_source_open(&run.source, &o->access, e);
}

static int run_open(const struct node_options *o, struct err *e)
{
	int r = signals_open(e);

	if (r == 0)
		r = load_arena(&run.arena, 0, e);
	if (r == 0)
		r = sockets_open(e);
	if (r == 0)
		r = watches_open(e);
	if (r == 0)
		r = source_open(o, e);
	if (r == 0)
		begin_boot();
	return r;
}

/* For probes; before anything is changed, since the address may be another's. */
static int add_listener(const struct node_options *o, struct err *e)
{
	struct loop_item item;
	int r = o->listen ? listen_open(o->listen, answer, &item, e) : 0;

	if (o->listen && r == 0)
		loop_add(&run.loop, &item);
	return r;
}

static void add_items(void)
{
	run.loop.pass = run_pass;
	run.loop.again = run_again;
	loop_add(&run.loop, &(struct loop_item){ .wait = signal_wait, .step = signal_step });
	loop_add(&run.loop, &(struct loop_item){ &run.route, watch_wait, watch_step });
	loop_add(&run.loop, &(struct loop_item){ &run.nft, watch_wait, watch_step });
	loop_add(&run.loop, &(struct loop_item){ &run.neigh, watch_wait, watch_step });
	loop_add(&run.loop, &run.source.item);
}

int node_run(const struct node_options *o, struct err *e)
{
	int lock = pass_lock_program(true, e), r;

	if (lock < 0)
		return lock;
	log_stderr(LOG_INFO);
	run.options = o;
	run.name = o->name;
	loop_init(&run.loop);
	r = add_listener(o, e);
	if (r == 0)
		r = run_open(o, e);
	if (r == 0) {
		add_items();
		r = loop_run(&run.loop, e);
	}
	pass_unlock(lock);
	return r;
}
