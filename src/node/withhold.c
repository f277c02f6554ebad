/* See withhold.h. */
#include "node/withhold.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/log.h"
#include "node/config_text.h"
#include "node/kind.h"
#include "node/kinds/kinds.h"
#include "node/pass.h"

/* Is nothing of ours there but files? */
static bool is_bare(const struct pass *p)
{
	for (size_t i = 0; i < kind_count; i++) {
		if (p->work[i].kind != &config_kind && p->work[i].have.count > 0)
			return false;
	}
	return true;
}

static bool is_withheld(const char *path)
{
	size_t len = strlen(path), end = strlen(CONFIG_WITHHELD);

	return len > end && strcmp(path + len - end, CONFIG_WITHHELD) == 0;
}

static int put_aside(const char *path, struct err *e)
{
	char aside[PATH_MAX];

	if (snprintf(aside, sizeof(aside), "%s" CONFIG_WITHHELD, path) >= PATH_MAX)
		return 0;
	if (rename(path, aside) < 0 && errno != ENOENT)
		return err_errno(e, "withhold %s", path);
	log_line(LOG_INFO, "CNI configuration %s: withheld until this node can network", path);
	return 0;
}

int withhold_config(struct pass *p, struct err *e)
{
	int r = pass_read(p, e);

	for (size_t i = 0; i < kind_count && r == 0 && is_bare(p); i++) {
		const struct work *w = &p->work[i];
		const struct config_item *it = w->have.at;

		for (size_t k = 0; k < w->have.count && r == 0 && w->kind == &config_kind; k++) {
			if (!it[k].foreign && !is_withheld(it[k].path))
				r = put_aside(it[k].path, e);
		}
	}
	return r;
}
