/*
 * What people run, one file each. A tool is named here and nowhere else: the applets, help, install
 * and the tests walk the list.
 */
#ifndef TOOLS_TOOLS_H
#define TOOLS_TOOLS_H

#include <stdbool.h>

#include "base/caps.h"

struct tool {
	const char *name;
	const char *summary; /* one line */
	/*
	 * argv[0] is the name. The exit status: 0, all is done; 1, something failed, of which
	 * stderr has one line; 2, called wrongly, and nothing was tried (cnitool: 1, as libcni's).
	 * More is the tool's own and stands in its help.
	 */
	int (*main)(int argc, char **argv);
	void (*help)(void);  /* --help, behind the summary */
	enum caps_role caps; /* what it keeps of its privileges */
	bool hidden;	     /* no file of this name is installed: only `cnibox NAME` */
};

/* In the order of their names. node is in src/node/. */
#define TOOLS(X)                                                                                   \
	X(cnitool_tool)                                                                            \
	X(install_tool)                                                                            \
	X(node_tool)

#define TOOL_DECLARE(t) extern const struct tool t;
TOOLS(TOOL_DECLARE)
#undef TOOL_DECLARE

extern const struct tool *const tools[];
extern const unsigned int tool_count;

#endif
