/* The list of plugins: see plugins.h. */
#include "plugins/plugins.h"

#define PLUGIN_ADDRESS(p) &(p),
const struct cni_plugin *const plugins[] = { PLUGINS(PLUGIN_ADDRESS) };
const unsigned int plugin_count = sizeof(plugins) / sizeof(plugins[0]);
