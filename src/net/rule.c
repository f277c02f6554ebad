/* Policy routing rules: see rule.h. */
#include "net/rule.h"

#include <string.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "net/nl.h"

struct rule_walk {
	rule_fn *fn;
	void *arg;
	uint8_t family;
};

static void read_prefix(const struct nlattr *a, uint8_t family, uint8_t len, struct prefix *out)
{
	out->len = len;
	if (!nl_addr(a, family, &out->addr))
		out->addr.family = family;
}

static bool is_special(const struct nlattr **a)
{
	static const uint16_t selectors[] = { FRA_FWMARK,      FRA_FWMASK,     FRA_FLOW,
					      FRA_OIFNAME,     FRA_UID_RANGE,  FRA_IP_PROTO,
					      FRA_SPORT_RANGE, FRA_DPORT_RANGE };

	for (size_t i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++) {
		if (a[selectors[i]])
			return true;
	}
	return false;
}

static int rule_answer(const struct nlmsghdr *h, void *arg)
{
	const struct rule_walk *w = arg;
	const struct nlattr *a[FRA_DPORT_RANGE + 1];
	struct fib_rule_hdr m;
	struct rule r = { .suppress = -1 };

	if (h->nlmsg_type != RTM_NEWRULE || !nl_attrs(h, sizeof(m), a, FRA_DPORT_RANGE))
		return 0;
	memcpy(&m, h + 1, sizeof(m));
	if (m.family != w->family)
		return 0;
	r.family = m.family;
	r.priority = nl_u32(a[FRA_PRIORITY]);
	r.action = m.action;
	r.table = a[FRA_TABLE] ? nl_u32(a[FRA_TABLE]) : m.table;
	if (nl_u8(a[FRA_L3MDEV]))
		r.table = 0;
	if (a[FRA_SUPPRESS_PREFIXLEN])
		r.suppress = (int)nl_u32(a[FRA_SUPPRESS_PREFIXLEN]);
	read_prefix(a[FRA_SRC], m.family, m.src_len, &r.src);
	read_prefix(a[FRA_DST], m.family, m.dst_len, &r.dst);
	(void)nl_str(a[FRA_IIFNAME], r.iif, sizeof(r.iif));
	r.mark = nl_u32(a[FRA_FWMARK]);
	r.mask = nl_u32(a[FRA_FWMASK]);
	r.protocol = nl_u8(a[FRA_PROTOCOL]);
	r.special = is_special(a) || m.tos;
	r.invert = m.flags & FIB_RULE_INVERT;
	r.detached = m.flags & FIB_RULE_IIF_DETACHED;
	return w->fn(&r, w->arg);
}

int rule_each(struct nl *nl, uint8_t family, rule_fn *fn, void *arg, struct err *e)
{
	struct fib_rule_hdr m = { .family = family };
	struct rule_walk w = { .fn = fn, .arg = arg, .family = family };

	nl_request(nl, "list rules", RTM_GETRULE, NLM_F_DUMP, &m, sizeof(m));
	return nl_dump(nl, rule_answer, NULL, &w, e);
}

static void put_rule(struct nl *nl, const char *what, uint16_t type, uint16_t flags,
		     const struct rule *r)
{
	const struct fib_rule_hdr m = {
		.family = r->family,
		.src_len = r->src.len,
		.dst_len = r->dst.len,
		.action = r->action,
	};

	nl_request(nl, what, type, flags, &m, sizeof(m));
	if (r->src.len)
		nl_put_addr(nl, FRA_SRC, &r->src.addr);
	if (r->dst.len)
		nl_put_addr(nl, FRA_DST, &r->dst.addr);
	if (r->iif[0])
		nl_put_str(nl, FRA_IIFNAME, r->iif);
	if (r->mask) {
		nl_put_u32(nl, FRA_FWMARK, r->mark);
		nl_put_u32(nl, FRA_FWMASK, r->mask);
	}
	if (r->priority)
		nl_put_u32(nl, FRA_PRIORITY, r->priority);
	if (r->suppress >= 0)
		nl_put_u32(nl, FRA_SUPPRESS_PREFIXLEN, (uint32_t)r->suppress);
	if (r->protocol)
		nl_put_u8(nl, FRA_PROTOCOL, r->protocol);
	nl_put_u32(nl, FRA_TABLE, r->table);
}

void rule_add(struct nl *nl, const struct rule *r)
{
	put_rule(nl, "add rule", RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, r);
}

void rule_del(struct nl *nl, const struct rule *r)
{
	put_rule(nl, "delete rule", RTM_DELRULE, 0, r);
}
