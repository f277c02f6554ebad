/* One test on the host of this process: ADDs, CHECKs, DELs, and what is there after each. */
#include "property.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../faults/sweep.h"

static struct outcome *now;
static bool later;
static int host_fd, pod_fd[2];
static struct snapshot base, before, after;

/* What was wrong right after ADD is not told again. */
static bool is_old(const struct attachment *a, const char *class)
{
	for (unsigned int i = 0; i < now->count; i++)
		if (now->complaint[i].at.number == a->number &&
		    strcmp(now->complaint[i].class, class) == 0)
			return true;
	return false;
}

__attribute__((format(printf, 3, 4))) static void complain(const struct attachment *a,
							   const char *class, const char *fmt, ...)
{
	struct complaint *c = &now->complaint[now->count];
	va_list ap;

	if (now->count == COMPLAINTS_MAX || (later && is_old(a, class)))
		return;
	now->count++;
	c->at = *a;
	snprintf(c->class, sizeof(c->class), "%s%s", later ? "later-" : "", class);
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
}

/* ---- the host ---- */

static int pod_open(const char *unused)
{
	(void)unused;
	return kernel_open();
}

static int pod_ipv6(const char *value)
{
	file_write("/proc/sys/net/ipv6/conf/all/disable_ipv6", value);
	file_write("/proc/sys/net/ipv6/conf/default/disable_ipv6", value);
	file_write("/proc/sys/net/ipv6/conf/lo/disable_ipv6", value);
	return 0;
}

static int pod_loopback(const char *unused)
{
	(void)unused;
	return system("ip link set lo up");
}

void host_begin(void)
{
	host_make();
	file_write("/proc/sys/net/ipv4/ip_forward", "1");
	file_write("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	host_fd = kernel_open();
	pod_fd[0] = pod_run(POD, pod_open, NULL);
	pod_fd[1] = pod_run(NEIGHBOUR, pod_open, NULL);
	snapshot_take(&base);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	if (ftw->level > 0 && (type == FTW_DP ? rmdir(path) : unlink(path)) < 0)
		die("remove %s: %s", path, strerror(errno));
	return 0;
}

/* Bridges stay by design. One request for all: a link costs 20 ms to remove, and so do many. */
static void remove_bridges(void)
{
	static struct kernel k;
	FILE *ip = NULL;

	kernel_read(host_fd, &k);
	for (unsigned int i = 0; i < k.link_count; i++) {
		if (strncmp(k.links[i].name, "br", 2) != 0)
			continue;
		ip = ip ? ip : popen("ip -batch -", "we");
		if (!ip)
			die("ip: %s", strerror(errno));
		fprintf(ip, "link set %s group 7777\n", k.links[i].name);
	}
	if (!ip)
		return;
	fputs("link del group 7777\n", ip);
	if (pclose(ip) != 0)
		die("the bridges could not be removed");
}

/* What stays by design goes; the rest must be as before the test. */
static void host_reset(const struct test *t)
{
	static const char *const roots[] = { "/run/cnibox", "/var/lib/cni", "/var/log" };
	const char *diff;

	remove_bridges();
	for (unsigned int i = 0; i < 2; i++) {
		const char *pod = i ? NEIGHBOUR : POD;

		for (unsigned int k = 0; k < t->count; k++) {
			if (strcmp(t->at[k].pod, pod) != 0)
				continue;
			if (t->at[k].knob[IPV6_OFF])
				pod_run(pod, pod_ipv6, "0");
			if (strcmp(t->at[k].ifname, "lo") == 0)
				pod_run(pod, pod_loopback, NULL);
		}
	}
	snapshot_take(&after);
	diff = snapshot_diff(&base, &after, NULL);
	now->dirty = *diff;
	if (*diff)
		complain(&t->at[t->count - 1], "left", "%s", diff);
	for (unsigned int i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		nftw(roots[i], remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

/* ---- one test ---- */

static struct {
	bool accepted;
	struct answer answer;
	char result[16384];
} added[ATTACHMENTS_MAX];

static void judge_and_check(const struct attachment *a)
{
	static struct kernel host, pod;
	static struct plugin_call c;
	static struct answer answer;
	bool shadowed;

	kernel_read(host_fd, &host);
	kernel_read(pod_fd[a->knob[IN_POD]], &pod);
	shadowed = judge_attachment(a, &added[a->number].answer, &pod, &host, complain);
	if (version_number(a) < 40)
		return;
	call_start(&c, a, "CHECK", added[a->number].result);
	call_end(&c);
	if (c.status == 0)
		return;
	answer_read(c.text, &answer);
	complain(a, shadowed ? "check-shadowed" : "check", "CHECK fails with status %d: %s",
		 c.status, answer.msg);
}

static void refuse(const struct attachment *a, const struct plugin_call *c)
{
	struct answer *answer = &added[a->number].answer;
	const char *diff;

	snapshot_take(&after);
	diff = snapshot_diff(&before, &after, NULL);
	if (!answer_read(c->text, answer) || answer->code <= 0 || !answer->msg[0])
		complain(a, "no-error", "ADD ends with status %d and says \"%.100s\"", c->status,
			 c->text);
	else
		complain(a, "refused", "%s", answer->msg);
	if (*diff)
		complain(a, "refused-left", "%s", diff);
}

static void add(const struct attachment *a)
{
	static struct plugin_call c;

	if (a->knob[IPV6_OFF] && a->first_in_pod)
		pod_run(a->pod, pod_ipv6, "1");
	snapshot_take(&before);
	call_start(&c, a, "ADD", NULL);
	call_end(&c);
	added[a->number].accepted = c.status == 0;
	if (c.status != 0) {
		refuse(a, &c);
		return;
	}
	strcpy(added[a->number].result, c.text);
	if (!answer_read(c.text, &added[a->number].answer) || added[a->number].answer.code >= 0) {
		complain(a, "no-result", "ADD ends with 0 and says \"%.100s\"", c.text);
		added[a->number].accepted = false;
		return;
	}
	judge_and_check(a);
}

static void delete_all(const struct test *t)
{
	static struct plugin_call calls[ATTACHMENTS_MAX];

	for (unsigned int i = 0; i < t->count; i++)
		call_start(&calls[i], &t->at[i], "DEL", NULL);
	for (unsigned int i = 0; i < t->count; i++) {
		call_end(&calls[i]);
		if (calls[i].status != 0)
			complain(&t->at[i], "del", "DEL ends with status %d: %.150s",
				 calls[i].status, calls[i].text);
	}
}

void test_run(const struct test *t, struct outcome *o)
{
	now = o;
	o->count = 0;
	for (unsigned int i = 0; i < t->count; i++)
		add(&t->at[i]);
	later = true;
	for (unsigned int i = 0; i + 1 < t->count; i++)
		if (added[i].accepted)
			judge_and_check(&t->at[i]);
	later = false;
	delete_all(t);
	host_reset(t);
}
