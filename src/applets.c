/* The applets: see applets.h. */
#include "applets.h"

#include <assert.h>
#include <string.h>

#include "plugins/plugins.h"
#include "tools/tools.h"

unsigned int applet_count(void)
{
	assert(plugin_count + tool_count <= APPLETS_MAX);
	return plugin_count + tool_count;
}

struct applet applet_at(unsigned int i)
{
	const struct cni_plugin *p = i < plugin_count ? plugins[i] : NULL;
	const struct tool *t = p ? NULL : tools[i - plugin_count];

	return (struct applet){
		.name = p ? p->name : t->name,
		.summary = p ? p->summary : t->summary,
		.plugin = p,
		.tool = t,
		.hidden = t && t->hidden,
	};
}

bool applet_find(const char *name, struct applet *out)
{
	for (unsigned int i = 0; i < applet_count(); i++) {
		*out = applet_at(i);
		if (strcmp(out->name, name) == 0)
			return true;
	}
	return false;
}
