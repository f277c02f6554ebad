/* Traffic control: see qdisc.h. */
#include "net/qdisc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include "base/addr.h"
#include "base/err.h"
#include "net/nl.h"

#define ROOT TC_H_MAKE(1u << 16, 0)
#define INGRESS TC_H_MAKE(0xffffu << 16, 0)
#define LATENCY_MS 25 /* as the reference's */
#define TICK_NS 64    /* of the kernel's: PSCHED_SHIFT of include/net/pkt_sched.h */
#define QUANTUM 60000 /* bytes: packets of any size, and no warning of the kernel */
#define PRIORITY 1

#define CREATE (NLM_F_CREATE | NLM_F_EXCL)

static uint32_t saturate(uint64_t v)
{
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

uint32_t tc_limit_queue(const struct tc_limit *l)
{
	uint64_t waiting = l->rate / 1000 * LATENCY_MS + l->rate % 1000 * LATENCY_MS / 1000;

	return saturate(waiting + l->burst);
}

/* How long the burst takes at the rate. */
static uint32_t burst_ticks(const struct tc_limit *l)
{
	return saturate(l->rate ? (uint64_t)l->burst * (1000000000u / TICK_NS) / l->rate : 0);
}

static void begin(struct nl *nl, const char *what, uint16_t type, const struct tcmsg *m)
{
	nl_request(nl, what, type,
		   type == RTM_NEWQDISC || type == RTM_NEWTCLASS || type == RTM_NEWTFILTER ? CREATE
											   : 0,
		   m, sizeof(*m));
}

/* Texts of the kernel's extended ACKs: net/sched/cls_api.c and net/sched/act_api.c. */
#define UNKNOWN_FILTER "TC classifier not found"
#define UNKNOWN_ACTION "Failed to load TC action module"

static const char *missing_discipline(const char *kind)
{
	if (strcmp(kind, "tbf") == 0)
		return "the kernel has no token buckets (module sch_tbf, CONFIG_NET_SCH_TBF)";
	if (strcmp(kind, "htb") == 0)
		return "the kernel has no classes (module sch_htb, CONFIG_NET_SCH_HTB)";
	return "the kernel has no ingress hook (module sch_ingress, CONFIG_NET_SCH_INGRESS)";
}

static void add_qdisc(struct nl *nl, int index, uint32_t parent, uint32_t handle, const char *kind)
{
	const struct tcmsg m = { .tcm_ifindex = index, .tcm_parent = parent, .tcm_handle = handle };

	begin(nl, "add queueing discipline", RTM_NEWQDISC, &m);
	nl_hint(nl, ENOENT, NULL, missing_discipline(kind));
	nl_hint(nl, EEXIST, NULL, "the link has one of somebody else");
	nl_put_str(nl, TCA_KIND, kind);
}

static struct tc_ratespec rate_of(const struct tc_limit *l)
{
	return (struct tc_ratespec){
		.rate = saturate(l->rate),
		.linklayer = TC_LINKLAYER_ETHERNET, /* or a table would be needed */
	};
}

void qdisc_add_tbf(struct nl *nl, int index, const struct tc_limit *l)
{
	const struct tc_tbf_qopt opt = {
		.rate = rate_of(l),
		.limit = tc_limit_queue(l),
		.buffer = burst_ticks(l),
	};

	add_qdisc(nl, index, TC_H_ROOT, ROOT, "tbf");
	nl_nest (nl, TCA_OPTIONS) {
		nl_put(nl, TCA_TBF_PARMS, &opt, sizeof(opt));
		nl_put_u32(nl, TCA_TBF_BURST, l->burst);
		if (l->rate >= UINT32_MAX)
			nl_put(nl, TCA_TBF_RATE64, &l->rate, sizeof(l->rate));
	}
}

void qdisc_add_htb(struct nl *nl, int index, uint16_t default_minor)
{
	const struct tc_htb_glob opt = {
		.version = TC_HTB_PROTOVER,
		.rate2quantum = 10,
		.defcls = default_minor,
	};

	add_qdisc(nl, index, TC_H_ROOT, ROOT, "htb");
	nl_nest (nl, TCA_OPTIONS)
		nl_put(nl, TCA_HTB_INIT, &opt, sizeof(opt));
}

void class_add_htb(struct nl *nl, int index, uint16_t minor, const struct tc_limit *l)
{
	const struct tcmsg m = {
		.tcm_ifindex = index,
		.tcm_parent = ROOT,
		.tcm_handle = ROOT | minor,
	};
	const struct tc_htb_opt opt = {
		.rate = rate_of(l),
		.ceil = rate_of(l),
		.buffer = burst_ticks(l),
		.cbuffer = burst_ticks(l),
		.quantum = QUANTUM,
	};

	begin(nl, "add class", RTM_NEWTCLASS, &m);
	nl_put_str(nl, TCA_KIND, "htb");
	nl_nest (nl, TCA_OPTIONS) {
		nl_put(nl, TCA_HTB_PARMS, &opt, sizeof(opt));
		if (l->rate >= UINT32_MAX) {
			nl_put(nl, TCA_HTB_RATE64, &l->rate, sizeof(l->rate));
			nl_put(nl, TCA_HTB_CEIL64, &l->rate, sizeof(l->rate));
		}
	}
}

static void add_filter(struct nl *nl, int index, uint32_t parent, uint16_t protocol)
{
	const struct tcmsg m = {
		.tcm_ifindex = index,
		.tcm_parent = parent,
		/* One list for each protocol. */
		.tcm_info = TC_H_MAKE((uint32_t)(PRIORITY + (protocol == ETH_P_IPV6)) << 16,
				      htons(protocol)),
	};

	/* Not exclusively: a list takes many. */
	nl_request(nl, "add filter", RTM_NEWTFILTER, NLM_F_CREATE, &m, sizeof(m));
	nl_hint(nl, ENOENT, UNKNOWN_FILTER,
		"the kernel has no such filter (module cls_u32, CONFIG_NET_CLS_U32)");
	nl_hint(nl, ENOENT, UNKNOWN_ACTION,
		"the kernel has no redirections (module act_mirred, CONFIG_NET_ACT_MIRRED)");
	nl_put_str(nl, TCA_KIND, "u32");
}

#define KEYS_MAX 4

/* A selector is a head with its keys behind it. */
static void put_selector(struct nl *nl, const struct tc_u32_key *keys, uint8_t count)
{
	const struct tc_u32_sel head = { .flags = TC_U32_TERMINAL, .nkeys = count };
	char sel[sizeof(head) + KEYS_MAX * sizeof(*keys)];

	memcpy(sel, &head, sizeof(head));
	memcpy(sel + sizeof(head), keys, count * sizeof(*keys));
	nl_put(nl, TCA_U32_SEL, sel, sizeof(head) + count * sizeof(*keys));
}

/* The number of keys. */
static uint8_t select_subnet(const struct prefix *p, bool source,
			     struct tc_u32_key keys[static KEYS_MAX])
{
	bool ipv6 = addr_size(&p->addr) == 16;
	int at = ipv6 ? source ? 8 : 24 : source ? 12 : 16; /* in the header */
	unsigned int left = p->len;
	uint8_t count = 0;

	while (count < (ipv6 ? 4 : 1)) {
		unsigned int bits = left < 32 ? left : 32;
		struct tc_u32_key *k = &keys[count];

		*k = (struct tc_u32_key){ .off = at + 4 * count };
		k->mask = htonl(bits ? UINT32_MAX << (32 - bits) : 0);
		memcpy(&k->val, p->addr.bytes + 4 * count, 4);
		k->val &= k->mask;
		left -= bits;
		count++;
	}
	return count;
}

void filter_add_subnet(struct nl *nl, int index, const struct prefix *p, bool source,
		       uint16_t minor)
{
	struct tc_u32_key keys[KEYS_MAX];
	uint8_t count = select_subnet(p, source, keys);

	add_filter(nl, index, ROOT, addr_size(&p->addr) == 16 ? ETH_P_IPV6 : ETH_P_IP);
	nl_nest (nl, TCA_OPTIONS) {
		nl_put_u32(nl, TCA_U32_CLASSID, ROOT | minor);
		put_selector(nl, keys, count);
	}
}

void qdisc_add_ingress(struct nl *nl, int index)
{
	add_qdisc(nl, index, TC_H_INGRESS, INGRESS, "ingress");
}

void filter_add_redirect(struct nl *nl, int index, int to)
{
	const struct tc_u32_key all = { 0 };
	const struct tc_mirred opt = {
		.action = TC_ACT_STOLEN,
		.eaction = TCA_EGRESS_REDIR,
		.ifindex = (uint32_t)to,
	};

	add_filter(nl, index, INGRESS, ETH_P_ALL);
	nl_nest (nl, TCA_OPTIONS) {
		nl_put_u32(nl, TCA_U32_CLASSID, ROOT | 1);
		put_selector(nl, &all, 1);
		nl_nest (nl, TCA_U32_ACT) {
			nl_nest (nl, 1) {
				nl_put_str(nl, TCA_ACT_KIND, "mirred");
				nl_nest (nl, TCA_ACT_OPTIONS)
					nl_put(nl, TCA_MIRRED_PARMS, &opt, sizeof(opt));
			}
		}
	}
}

static void del_qdisc(struct nl *nl, int index, uint32_t parent)
{
	const struct tcmsg m = { .tcm_ifindex = index, .tcm_parent = parent };

	begin(nl, "delete queueing discipline", RTM_DELQDISC, &m);
}

void qdisc_del_root(struct nl *nl, int index)
{
	del_qdisc(nl, index, TC_H_ROOT);
}

void qdisc_del_ingress(struct nl *nl, int index)
{
	del_qdisc(nl, index, TC_H_INGRESS);
}

struct find {
	int index;
	uint32_t handle; /* of a class */
	void *out;
	int found;
};

static void read_limit(const struct tc_ratespec *r, const struct nlattr *rate64, uint32_t ticks,
		       struct tc_limit *out)
{
	out->rate = r->rate;
	if (nl_size(rate64) == sizeof(out->rate))
		memcpy(&out->rate, nl_data(rate64), sizeof(out->rate));
	out->burst = saturate((uint64_t)ticks * TICK_NS * (out->rate / 1000) / 1000000);
}

static void read_qdisc(const struct nlattr *options, struct qdisc *q)
{
	const struct nlattr *a[TCA_TBF_PBURST + 1];
	struct tc_tbf_qopt tbf;
	struct tc_htb_glob htb;

	(void)nl_attrs_nested(options, a, TCA_TBF_PBURST);
	if (strcmp(q->kind, "tbf") == 0 && nl_size(a[TCA_TBF_PARMS]) >= sizeof(tbf)) {
		memcpy(&tbf, nl_data(a[TCA_TBF_PARMS]), sizeof(tbf));
		read_limit(&tbf.rate, a[TCA_TBF_RATE64], tbf.buffer, &q->limit);
		q->queue = tbf.limit;
	}
	if (strcmp(q->kind, "htb") == 0 && nl_size(a[TCA_HTB_INIT]) >= sizeof(htb)) {
		memcpy(&htb, nl_data(a[TCA_HTB_INIT]), sizeof(htb));
		q->default_minor = (uint16_t)htb.defcls;
	}
}

static int see_qdisc(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a[TCA_OPTIONS + 1];
	struct find *f = arg;
	struct tcmsg m;
	struct qdisc *q = f->out;

	if (h->nlmsg_type != RTM_NEWQDISC || !nl_attrs(h, sizeof(m), a, TCA_OPTIONS))
		return 0;
	memcpy(&m, h + 1, sizeof(m));
	/* The kernel's own have no handle. */
	if (m.tcm_ifindex != f->index || m.tcm_parent != TC_H_ROOT || !m.tcm_handle)
		return 0;
	f->found = 1;
	memset(q, 0, sizeof(*q));
	(void)nl_str(a[TCA_KIND], q->kind, sizeof(q->kind));
	read_qdisc(a[TCA_OPTIONS], q);
	return 0;
}

int qdisc_find_root(struct nl *nl, int index, struct qdisc *out, struct err *e)
{
	const struct tcmsg m = { .tcm_ifindex = index };
	struct find f = { .index = index, .out = out };
	int r;

	nl_request(nl, "list queueing disciplines", RTM_GETQDISC, NLM_F_DUMP, &m, sizeof(m));
	r = nl_dump(nl, see_qdisc, NULL, &f, e);
	return r < 0 ? r : f.found;
}

static int see_class(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a[TCA_OPTIONS + 1], *o[TCA_HTB_CEIL64 + 1];
	struct find *f = arg;
	struct tc_htb_opt opt;
	struct tcmsg m;

	if (h->nlmsg_type != RTM_NEWTCLASS || !nl_attrs(h, sizeof(m), a, TCA_OPTIONS))
		return 0;
	memcpy(&m, h + 1, sizeof(m));
	(void)nl_attrs_nested(a[TCA_OPTIONS], o, TCA_HTB_CEIL64);
	if (m.tcm_ifindex != f->index || m.tcm_handle != f->handle ||
	    nl_size(o[TCA_HTB_PARMS]) < sizeof(opt))
		return 0;
	memcpy(&opt, nl_data(o[TCA_HTB_PARMS]), sizeof(opt));
	read_limit(&opt.rate, o[TCA_HTB_RATE64], opt.buffer, f->out);
	f->found = 1;
	return 0;
}

int class_find_htb(struct nl *nl, int index, uint16_t minor, struct tc_limit *out, struct err *e)
{
	const struct tcmsg m = { .tcm_ifindex = index };
	struct find f = { .index = index, .handle = ROOT | minor, .out = out };
	int r;

	nl_request(nl, "list classes", RTM_GETTCLASS, NLM_F_DUMP, &m, sizeof(m));
	r = nl_dump(nl, see_class, NULL, &f, e);
	return r < 0 ? r : f.found;
}

static int see_filter(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a[TCA_OPTIONS + 1], *u[TCA_U32_ACT + 1], *first[2];
	const struct nlattr *action[TCA_ACT_OPTIONS + 1], *mirred[TCA_MIRRED_PARMS + 1];
	struct find *f = arg;
	struct tc_mirred opt;

	if (h->nlmsg_type != RTM_NEWTFILTER || !nl_attrs(h, sizeof(struct tcmsg), a, TCA_OPTIONS))
		return 0;
	(void)nl_attrs_nested(a[TCA_OPTIONS], u, TCA_U32_ACT);
	(void)nl_attrs_nested(u[TCA_U32_ACT], first, 1);
	(void)nl_attrs_nested(first[1], action, TCA_ACT_OPTIONS);
	(void)nl_attrs_nested(action[TCA_ACT_OPTIONS], mirred, TCA_MIRRED_PARMS);
	if (nl_size(mirred[TCA_MIRRED_PARMS]) < sizeof(opt))
		return 0;
	memcpy(&opt, nl_data(mirred[TCA_MIRRED_PARMS]), sizeof(opt));
	if (opt.eaction == TCA_EGRESS_REDIR)
		f->found = (int)opt.ifindex;
	return 0;
}

int filter_find_redirect(struct nl *nl, int index, struct err *e)
{
	const struct tcmsg m = { .tcm_ifindex = index, .tcm_parent = INGRESS };
	struct find f = { .index = index };
	int r;

	nl_request(nl, "list filters", RTM_GETTFILTER, NLM_F_DUMP, &m, sizeof(m));
	r = nl_dump(nl, see_filter, NULL, &f, e);
	return r < 0 ? r : f.found;
}
