/* What `cnibox node` is told on its command line. */
#ifndef NODE_OPTIONS_H
#define NODE_OPTIONS_H

#include <stdbool.h>

#include "kube/access.h"

enum node_command { NODE_UP, NODE_DOWN, NODE_SHOW, NODE_RUN };

struct node_options {
	enum node_command command;
	const char *file, *name, *listen; /* NULL: not given */
	bool dry_run;
	struct access_options access;
	const char *source; /* what of them says where the cluster comes from; NULL: none does */
};

/* False: there is no such command. */
bool node_command_parse(const char *name, enum node_command *out);

/* NULL, or what is wrong; *what is the argument that it is about, or NULL. command is set. */
const char *node_options_parse(int argc, char **argv, struct node_options *o, const char **what);

#endif
