/*
 * The CNI plugins in this executable, one file each.
 */
#ifndef PLUGINS_PLUGINS_H
#define PLUGINS_PLUGINS_H

#include "cni/plugin.h"

extern const struct cni_plugin bash_cni_plugin;
extern const struct cni_plugin my_cni_plugin;
extern const struct cni_plugin bridge_plugin;
extern const struct cni_plugin host_local_plugin;
extern const struct cni_plugin loopback_plugin;

#endif
