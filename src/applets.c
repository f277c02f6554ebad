/* The one table of applets: see applets.h. */
#include "applets.h"

#include <stddef.h>
#include <string.h>

#include "plugins/plugins.h"
#include "tools/tools.h"

const struct applet applets[] = {
	{ .name = "bash-cni",
	  .summary = "bridge, addresses and default route from \"network\" and \"subnet\", in one "
		     "plugin",
	  .plugin = &bash_cni_plugin },
	{ .name = "bridge",
	  .summary = "join the container to a bridge of this node",
	  .plugin = &bridge_plugin },
	{ .name = "cnitool",
	  .summary = "add, check and delete attachments as a container runtime does",
	  .main = cnitool_main,
	  .caps = CAPS_RUNTIME,
	  .help = cnitool_help },
	{ .name = "host-local",
	  .summary = "addresses from ranges, with leases in files of this node (IPAM)",
	  .plugin = &host_local_plugin },
	{ .name = "install",
	  .summary = "put this program and its names into a directory",
	  .main = install_main,
	  .caps = CAPS_INSTALL,
	  .help = install_help,
	  .hidden = true },
	{ .name = "loopback",
	  .summary = "bring the container's lo up",
	  .plugin = &loopback_plugin },
	{ .name = "my-cni",
	  .summary = "as bash-cni, with the key \"podcidr\"",
	  .plugin = &my_cni_plugin },
	{ .name = "node",
	  .summary = "join this node to the others of a cluster file",
	  .main = node_main,
	  .caps = CAPS_NODE,
	  .help = node_help,
	  .hidden = true },
};
const unsigned int applet_count = sizeof(applets) / sizeof(applets[0]);

_Static_assert(sizeof(applets) / sizeof(applets[0]) <= APPLETS_MAX,
	       "those who keep a note for each applet have room");

const struct applet *applet_find(const char *name)
{
	for (unsigned int i = 0; i < applet_count; i++) {
		if (strcmp(applets[i].name, name) == 0)
			return &applets[i];
	}
	return NULL;
}
