/*
 * What cnibox can be called as: the plugins, then the tools. A view of their two lists.
 */
#ifndef APPLETS_H
#define APPLETS_H

#include <stdbool.h>

struct cni_plugin;
struct tool;

struct applet {
	const char *name;
	const char *summary;		 /* one line */
	const struct cni_plugin *plugin; /* a CNI plugin, or */
	const struct tool *tool;
	bool hidden; /* no file of this name is installed: only `cnibox NAME` */
};

#define APPLETS_MAX 64 /* those who keep a note for each applet have room */

/* The applets are 0 to applet_count() - 1. */
unsigned int applet_count(void);
struct applet applet_at(unsigned int i);

/* False when there is none of this name. */
bool applet_find(const char *name, struct applet *out);

#endif
