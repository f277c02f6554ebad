/* Leftovers of the reference's plugins: see reference.h. */
#include "fw/reference.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "base/err.h"
#include "base/log.h"
#include "base/sha512.h"
#include "base/text.h"
#include "fw/fw_private.h"
#include "fw/legacy_leftovers.h"
#include "net/nl.h"

#define RULES_MAX 64  /* removed in one transaction */
#define PASSES_MAX 64 /* RULES_MAX rules each, and those that others have outdated */
#define CHAINS_MAX 2

/* A chain that has rules for each pod. */
struct place {
	struct nft_table table;
	const char *chain;
};

/* What is looked for in such chains: rules that jump to a chain of the pod's own, or with a comment
 * that begins so, or that accept an address. */
struct wanted {
	char chains[CHAINS_MAX][NFT_NAME_SIZE]; /* go with their rules; the first is jumped to */
	char comment[128];
	bool whole_comment;
	const struct addr *pod;
	size_t pod_count;

	uint64_t found[RULES_MAX];
	size_t count;
	bool from, to; /* accepts of an address */
};

static bool comment_is(const struct wanted *w, const char *comment)
{
	if (!w->comment[0])
		return false;
	return w->whole_comment ? strcmp(comment, w->comment) == 0
				: strncmp(comment, w->comment, strlen(w->comment)) == 0;
}

static bool accepts(struct wanted *w, const struct nft_rule_info *r)
{
	bool from = false, to = false;

	for (size_t i = 0; r->end == NFT_END_ACCEPT && i < w->pod_count; i++) {
		from = from || addr_equal(&r->saddr, &w->pod[i]);
		to = to || addr_equal(&r->daddr, &w->pod[i]);
	}
	w->from = w->from || from;
	w->to = w->to || to;
	return from || to;
}

static int collect_rule(const struct nft_rule_info *r, void *arg)
{
	struct wanted *w = arg;
	bool jumps = w->chains[0][0] && strcmp(r->target, w->chains[0]) == 0;

	if (r->first) { /* perhaps not for the first time */
		w->count = 0;
		w->from = w->to = false;
	}
	if ((jumps || comment_is(w, r->comment) || accepts(w, r)) && w->count < RULES_MAX)
		w->found[w->count++] = r->handle;
	return 0;
}

/* Those of the pod's own chains that are there. */
static int find_chains(struct nl *nl, const struct place *p, const struct wanted *w,
		       bool there[static CHAINS_MAX], struct err *e)
{
	struct nft_chain chain[CHAINS_MAX] = { 0 };
	struct nft_query q[CHAINS_MAX] = { 0 };
	size_t n = 0;
	int r;

	for (; n < CHAINS_MAX && w->chains[n][0]; n++) {
		chain[n].name = w->chains[n];
		q[n].chain = &chain[n];
	}
	r = n ? nft_query(nl, &p->table, q, n, e) : 0;
	for (size_t i = 0; i < CHAINS_MAX; i++)
		there[i] = i < n && q[i].found;
	return r;
}

static int delete_found(struct nl *nl, const struct place *p, const struct wanted *w,
			const bool there[static CHAINS_MAX], struct err *e)
{
	nft_begin(nl);
	for (size_t i = 0; i < w->count; i++)
		nft_rule_del(nl, &p->table, p->chain, w->found[i]);
	for (size_t i = 0; i < CHAINS_MAX && w->count < RULES_MAX; i++) {
		if (there[i])
			nft_chain_flush(nl, &p->table, w->chains[i]);
	}
	for (size_t i = 0; i < CHAINS_MAX && w->count < RULES_MAX; i++) {
		if (there[i])
			nft_chain_del(nl, &p->table, w->chains[i]);
	}
	return nft_commit(nl, NULL, e);
}

/* 1: something was there, look again. */
static int forget_once(struct nl *nl, const struct place *p, struct wanted *w, struct err *e)
{
	bool there[CHAINS_MAX];
	int r = find_chains(nl, p, w, there, e);

	w->count = 0;
	/* Without its own chain a pod has no rule that jumps to it. */
	if (r == 0 && (!w->chains[0][0] || there[0]))
		r = nft_rule_each(nl, &p->table, p->chain, collect_rule, w, e);
	if (r < 0 || (w->count == 0 && !there[0] && !there[1]))
		return r < 0 ? r : 0;
	r = delete_found(nl, p, w, there, e);
	return r == 0 ? 1 : r;
}

/* What others jump to cannot be deleted: that is no reason for a DEL that never succeeds. */
static int forget_at(struct nl *nl, const struct place *p, struct wanted *w, struct err *e)
{
	struct err mine = { 0 };
	int r = 1;

	for (int i = 0; (r > 0 || r == -ENOENT || r == -EAGAIN) && i < PASSES_MAX; i++) {
		err_clear(&mine);
		r = forget_once(nl, p, w, &mine);
	}
	if (r == -EBUSY)
		log_line(LOG_WARN, "what the reference's plugins left in %s: %s", p->table.name,
			 mine.text);
	return r < 0 && r != -EBUSY ? err_take(e, &mine) : 0;
}

static int forget(const struct place *places, size_t count, struct wanted *w, struct err *e)
{
	struct err mine = { 0 };
	struct nl *nl;
	int r = fw_open(&nl, &mine);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = forget_at(nl, &places[i], w, &mine);
	if (r == -EPROTONOSUPPORT || r == -EOPNOTSUPP)
		return 0;
	return r < 0 ? err_take(e, &mine) : 0;
}

/* As many hexadecimal digits of a hash as there is room for behind what out has. */
__attribute__((format(printf, 3, 4))) static void append_hash(char *out, size_t size,
							      const char *fmt, ...)
{
	char text[2 * CNI_NAME_MAX + 1];
	uint8_t hash[SHA512_SIZE];
	size_t at = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sha512(text, strlen(text), hash);
	for (size_t i = 0; at + 1 < size && i < 2 * sizeof(hash); i++, at++)
		out[at] = "0123456789abcdef"[hash[i / 2] >> (i % 2 ? 0 : 4) & 15];
	out[at] = '\0';
}

#define CHAIN_SIZE 29 /* with the NUL: the longest name that iptables takes */
#define HASH_DIGITS 16

static void wanted_chain(struct wanted *w, const char *prefix, const struct cni_attachment *at)
{
	str_copy(w->chains[0], CHAIN_SIZE, prefix);
	append_hash(w->chains[0], CHAIN_SIZE, "%s%s", at->network, at->container_id);
}

static void wanted_masquerade(struct wanted *w, const struct cni_attachment *at)
{
	*w = (struct wanted){ 0 };
	append_hash(w->comment, HASH_DIGITS + 1, "%s", at->network);
	strcat(w->comment, "-");
	append_hash(w->comment, 2 * HASH_DIGITS + 2, "%s:%s", at->ifname, at->container_id);
	strcat(w->comment, ",");
}

/* A longer id than a comment is none that the reference could have written. */
static void wanted_port(struct wanted *w, const struct cni_attachment *at)
{
	*w = (struct wanted){ .whole_comment = true };
	if (!str_copy(w->comment, sizeof(w->comment), at->container_id))
		w->comment[0] = '\0';
}

static struct legacy_leftovers of_legacy(const struct place *p, const struct wanted *w)
{
	return (struct legacy_leftovers){ .table = p->table.name,
					  .place = p->chain,
					  .chain = w->chains[0][0] ? w->chains[0] : NULL,
					  .pod = w->pod,
					  .pod_count = w->pod_count };
}

/* What iptables has of it, in both families' places, whichever of the two iptables it is. */
static int forget_chain(const struct place places[static 2], struct wanted *w, struct err *e)
{
	const struct legacy_leftovers legacy = of_legacy(places, w);
	int r = forget(places, 2, w, e);

	return r < 0 ? r : legacy_leftovers_forget(&legacy, e);
}

static const struct place masquerades[] = {
	{ { NFPROTO_IPV4, "nat" }, "POSTROUTING" },
	{ { NFPROTO_IPV6, "nat" }, "POSTROUTING" },
	{ { NFPROTO_INET, "cni_plugins_masquerade" }, "masq_checks" },
};

int reference_forget_masquerade(const struct cni_attachment *at, struct err *e)
{
	static struct wanted w;
	int r;

	w = (struct wanted){ 0 };
	wanted_chain(&w, "CNI-", at);
	r = forget_chain(masquerades, &w, e);
	wanted_masquerade(&w, at);
	return r < 0 ? r : forget(&masquerades[2], 1, &w, e);
}

static const struct place host_ports[] = {
	{ { NFPROTO_IPV4, "nat" }, "CNI-HOSTPORT-DNAT" },
	{ { NFPROTO_IPV6, "nat" }, "CNI-HOSTPORT-DNAT" },
	{ { NFPROTO_IPV4, "cni_hostport" }, "hostports" },
	{ { NFPROTO_IPV6, "cni_hostport" }, "hostports" },
	{ { NFPROTO_IPV4, "cni_hostport" }, "hostip_hostports" },
	{ { NFPROTO_IPV6, "cni_hostport" }, "hostip_hostports" },
	{ { NFPROTO_IPV4, "cni_hostport" }, "masquerading" },
	{ { NFPROTO_IPV6, "cni_hostport" }, "masquerading" },
};

int reference_forget_ports(const struct cni_attachment *at, struct err *e)
{
	static struct wanted w;
	int r;

	w = (struct wanted){ 0 };
	wanted_chain(&w, "CNI-DN-", at);
	r = forget_chain(host_ports, &w, e);
	wanted_port(&w, at);
	return r < 0 ? r : forget(&host_ports[2], 6, &w, e);
}

/* ---- CHECK ---- */

static int has_rule(const struct place *p, struct wanted *w, struct err *e)
{
	struct err mine = { 0 };
	struct nl *nl;
	int r = fw_open(&nl, &mine);

	w->count = 0;
	if (r == 0)
		r = nft_rule_each(nl, &p->table, p->chain, collect_rule, w, &mine);
	if (r < 0 && r != -EPROTONOSUPPORT && r != -EOPNOTSUPP)
		return err_take(e, &mine);
	return w->count > 0;
}

/* The same of a place of iptables', in the family's legacy table, too. */
static int has_chain(const struct place places[static 2], uint8_t family, struct wanted *w,
		     struct err *e)
{
	const struct legacy_leftovers legacy = of_legacy(places, w);
	int r = has_rule(&places[family == AF_INET6], w, e);

	return r == 0 ? legacy_leftovers_find(&legacy, family, e) : r;
}

int reference_has_masquerade(const struct cni_attachment *at, uint8_t family, struct err *e)
{
	static struct wanted w;
	int r;

	w = (struct wanted){ 0 };
	wanted_chain(&w, "CNI-", at);
	r = has_chain(masquerades, family, &w, e);
	if (r != 0)
		return r;
	wanted_masquerade(&w, at);
	return has_rule(&masquerades[2], &w, e);
}

int reference_has_port(const struct cni_attachment *at, uint8_t family, struct err *e)
{
	static struct wanted w;
	bool v6 = family == AF_INET6;
	int r;

	w = (struct wanted){ 0 };
	wanted_chain(&w, "CNI-DN-", at);
	r = has_chain(host_ports, family, &w, e);
	wanted_port(&w, at);
	if (r == 0)
		r = has_rule(&host_ports[2 + v6], &w, e);
	return r == 0 ? has_rule(&host_ports[4 + v6], &w, e) : r;
}

/* ---- DEL, the rest ---- */

static const struct place mac_check = { { NFPROTO_BRIDGE, "nat" }, "PREROUTING" };

static void wanted_mac_check(struct wanted *w, const struct cni_attachment *at)
{
	int len;

	*w = (struct wanted){ 0 };
	len = snprintf(w->chains[0], NFT_NAME_SIZE, "cni-br-iface-%s-%s", at->container_id,
		       at->ifname);
	if (len < 0 || len >= NFT_NAME_SIZE - 4) {
		w->chains[0][0] = '\0'; /* the kernel took no such name */
		return;
	}
	str_copy(w->chains[1], NFT_NAME_SIZE, w->chains[0]);
	strcat(w->chains[1], "-mac");
}

int reference_has_mac_check(const struct cni_attachment *at, struct err *e)
{
	static struct wanted w;

	wanted_mac_check(&w, at);
	return has_rule(&mac_check, &w, e);
}

int reference_forget_mac_check(const struct cni_attachment *at, struct err *e)
{
	static struct wanted w;

	wanted_mac_check(&w, at);
	return forget(&mac_check, 1, &w, e);
}

static const struct place accepts_at[] = {
	{ { NFPROTO_IPV4, "filter" }, "CNI-FORWARD" },
	{ { NFPROTO_IPV6, "filter" }, "CNI-FORWARD" },
};

int reference_forget_accepts(const struct addr *pod, size_t count, struct err *e)
{
	static struct wanted w;

	w = (struct wanted){ .pod = pod, .pod_count = count };
	return count ? forget_chain(accepts_at, &w, e) : 0;
}

/* A rule in each of both: accepts in CNI-FORWARD, and FORWARD's jump there. */
static int legacy_has_accepts(const struct addr *pod, struct err *e)
{
	const struct legacy_leftovers accepts = { .table = "filter",
						  .place = "CNI-FORWARD",
						  .pod = pod,
						  .pod_count = 1 },
				      jump = { .table = "filter",
					       .place = "FORWARD",
					       .chain = "CNI-FORWARD" };
	int r = legacy_leftovers_find(&accepts, pod->family, e);

	return r > 0 ? legacy_leftovers_find(&jump, pod->family, e) : r;
}

int reference_has_accepts(const struct addr *pod, struct err *e)
{
	static struct wanted w;
	struct place at = accepts_at[pod->family == AF_INET6];
	int r;

	w = (struct wanted){ .pod = pod, .pod_count = 1 };
	r = has_rule(&at, &w, e);
	if (r > 0 && w.from && w.to) {
		w = (struct wanted){ .chains[0] = "CNI-FORWARD" };
		at.chain = "FORWARD";
		r = has_rule(&at, &w, e);
		if (r != 0)
			return r;
	}
	return r < 0 ? r : legacy_has_accepts(pod, e);
}
