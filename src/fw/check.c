/* CHECK, fw_check(): see fw.h. */
#include "fw/fw_private.h"

#include <errno.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/cni.h"
#include "net/nl.h"

static int differs(const struct fw_schema *s, const char *what, struct err *e)
{
	int r = err_set(e, ENOENT, "the nftables table %s %s", s->table.name, what);

	return err_code(e, r, CNI_ERR_DIFFERS);
}

/* The first element that is not there, or has other data. */
static int check_elements(const struct fw_schema *s, const struct fw_view *v,
			  const struct fw_elem *elems, size_t count, struct err *e)
{
	char buf[256];
	struct text t;

	for (size_t i = 0; i < count; i++) {
		if (v->elem[i].found && v->elem[i].alike)
			continue;
		text_init(&t, buf, sizeof(buf));
		text_str(&t, "lacks the element ");
		record_format_elem(&elems[i], &t);
		return differs(s, buf, e);
	}
	return 0;
}

int fw_check(const struct fw_schema *s, const struct fw_elem *elems, size_t count, struct err *e)
{
	static struct fw_view v;
	struct fw_place p = { .s = s };
	char missing[FW_MISSING_SIZE];
	int r = fw_open(&p.nl, e);

	if (r < 0)
		return r;
	r = fw_inspect(&p, missing, e);
	if (r > 0 && s->outside)
		r = s->outside->check(p.nl, missing, e);
	if (r == 0)
		return differs(s, missing, e);
	if (r > 0)
		r = fw_look(&p, elems, count, &v, e);
	return r < 0 ? r : check_elements(s, &v, elems, count, e);
}
