/*
 * What the node's attachments asked the packet filter for (fw/fw.h): when others have taken away
 * tables, rules or elements of it, it is put back for all of them. The plugins make it and remove
 * it; the node program only keeps it, and takes nothing away.
 */
#include "node/kinds/kinds.h"

#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>

#include "base/err.h"
#include "base/text.h"
#include "fw/fw.h"
#include "node/kind.h"
#include "node/site.h"

static int attachments_want(struct work *w, struct err *e)
{
	const struct fw_schema *const *s = w->site->recorded.at;

	(void)e;
	for (size_t i = 0; i < w->site->recorded.count; i++)
		list_add(&w->want, &(struct attachments_item){ .schema = s[i], .missing = "" });
	return 0;
}

/* Without a wish for it nothing of it is ours to remove. */
static int attachments_have(struct work *w, struct err *e)
{
	const struct attachments_item *want = w->want.at;
	char missing[FW_MISSING_SIZE];

	for (size_t i = 0; i < w->want.count; i++) {
		struct attachments_item it = { .schema = want[i].schema };
		int r = fw_is_whole(it.schema, missing, e);

		if (r < 0)
			return r;
		it.missing = r ? "" : list_text(&w->have, missing);
		list_add(&w->have, &it);
	}
	return 0;
}

static int attachments_cmp_key(const void *a, const void *b)
{
	const struct attachments_item *x = a, *y = b;

	return strcmp(x->schema->name, y->schema->name);
}

static int attachments_cmp(const void *a, const void *b)
{
	const struct attachments_item *x = a, *y = b;
	int r = attachments_cmp_key(a, b);

	return r ? r : strcmp(x->missing, y->missing);
}

static int apply_schema(const struct site *s, const struct change *c, struct err *e)
{
	const struct attachments_item *it = c->item;

	(void)s;
	return err_ctx(e, fw_repair(it->schema, e), "put back %s of pods", it->schema->name);
}

static int attachments_apply(struct work *w, struct err *e)
{
	return work_each(w, apply_schema, e);
}

static const char *family_text(uint8_t family)
{
	return family == NFPROTO_BRIDGE ? "bridge" : family == NFPROTO_IPV4 ? "ip" : "inet";
}

static void attachments_describe(struct text *t, const void *item)
{
	const struct attachments_item *it = item;
	const struct nft_table *table = &it->schema->table;

	text_printf(t, "nftables table %s %s: %s of pods", family_text(table->family), table->name,
		    it->schema->name);
}

const struct kind attachments_kind = {
	.name = "attachments",
	.size = sizeof(struct attachments_item),
	.want = attachments_want,
	.have = attachments_have,
	.cmp_key = attachments_cmp_key,
	.cmp = attachments_cmp,
	.apply = attachments_apply,
	.describe = attachments_describe,
};
