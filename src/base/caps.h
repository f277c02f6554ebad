/*
 * Privileges: what an applet may still do once it has begun to read what others wrote.
 *
 * A new role is a value here and its capabilities, with the reason of each, in caps.c; a tool names
 * it in its descriptor (tools/tools.h), every plugin has CAPS_PLUGIN. main() calls caps_limit()
 * before it calls the applet. tests/netns/install.bats reads from /proc what is left.
 */
#ifndef BASE_CAPS_H
#define BASE_CAPS_H

enum caps_role {
	CAPS_PLUGIN,  /* attaches pods */
	CAPS_RUNTIME, /* executes plugins, its own and those of others */
	CAPS_NODE,    /* joins nodes: routes, rules, sysctls, a file */
	CAPS_INSTALL, /* writes into a directory of others */
};

/*
 * Give up every capability but those that the role needs, for good in this process. Does nothing
 * where the kernel refuses: a caller without privileges has none to lose.
 */
void caps_limit(enum caps_role role);

/*
 * Before another program is executed: it gets no capability that this process has given up, not as
 * root either (prctl(2), PR_SET_NO_NEW_PRIVS). For good, too.
 */
void caps_before_exec(void);

#endif
