/*
 * The one table of applets: what cnibox is called as, and what runs then.
 */
#ifndef APPLETS_H
#define APPLETS_H

#include <stdbool.h>

#include "base/caps.h"

struct cni_plugin;

struct applet {
	const char *name;
	const char *summary;		    /* one line */
	const struct cni_plugin *plugin;    /* a CNI plugin, or */
	int (*main)(int argc, char **argv); /* a tool: argv[0] is its name; the exit status */
	void (*help)(void);		    /* a tool's --help, behind its summary */
	enum caps_role caps;		    /* a tool's */
	bool hidden; /* no file of this name is installed: only `cnibox NAME` */
};

#define APPLETS_MAX 64

extern const struct applet applets[];
extern const unsigned int applet_count;

/* NULL when there is none of this name. */
const struct applet *applet_find(const char *name);

#endif
