/* Rules with our mark: see marked_rules.h. */
#include "node/marked_rules.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "net/nft.h"
#include "node/site.h"

struct rule_walk {
	struct marked_rules *out;
	struct text t;
};

static int collect_rule(const struct nft_rule_info *r, void *arg)
{
	struct rule_walk *w = arg;

	if (r->first) { /* perhaps not for the first time */
		w->out->handles.count = 0;
		w->t.len = 0;
		w->out->foreign = w->out->behind = false;
	}
	if (strncmp(r->comment, NODE_COMMENT, strlen(NODE_COMMENT)) != 0) {
		w->out->foreign = true;
		return 0;
	}
	w->out->behind |= w->out->foreign;
	text_comma(&w->t);
	text_str(&w->t, r->comment + strlen(NODE_COMMENT));
	list_add(&w->out->handles, &r->handle);
	return 0;
}

int marked_rules_read(struct nl *nft, const struct nft_table *t, const char *chain, struct arena *a,
		      struct marked_rules *out, struct err *e)
{
	char buf[MARKED_RULES_TEXT];
	struct rule_walk w = { .out = out };
	int r;

	*out = (struct marked_rules){ 0 };
	list_init(&out->handles, a, sizeof(uint64_t));
	text_init(&w.t, buf, sizeof(buf));
	r = nft_rule_each(nft, t, chain, collect_rule, &w, e);
	if (r < 0)
		return r;
	out->text = list_text(&out->handles, w.t.at);
	return list_check(&out->handles, "nftables rules", e);
}
