/* What `cnibox node` is told on its command line. */
#ifndef NODE_OPTIONS_H
#define NODE_OPTIONS_H

#include <stdbool.h>

#include "cluster/cluster.h"
#include "kube/access.h"

enum node_command { NODE_UP, NODE_DOWN, NODE_SHOW, NODE_RUN };

struct node_options {
	enum node_command command;
	const char *file, *name, *listen; /* NULL: not given */
	bool dry_run;
	struct access_options access;
	const char *backend, *vni, *vxlan_port, *wireguard_port,
		*mtu; /* of an API server's cluster */
	bool tunnel_all;
	struct cluster_tunnels tunnels; /* what they say */
	int64_t pod_mtu;
	const char *source; /* what of them says where the cluster comes from; NULL: none does */
};

/* False: there is no such command. */
bool node_command_parse(const char *name, enum node_command *out);

/* What the options say about the tunnels of a cluster that has no file to say it. */
void node_options_apply(const struct node_options *o, struct cluster *c);

/* NULL, or what is wrong; *what is the argument that it is about, or NULL. command is set. */
const char *node_options_parse(int argc, char **argv, struct node_options *o, const char **what);

#endif
