/* What is written for others to start `node run`: service managers, and a cluster. */
#ifndef NODE_SERVICE_H
#define NODE_SERVICE_H

/*
 * `node service KIND [OPTION of run]...` and `node manifest [--set KEY=VALUE]...`, on standard
 * output. argv as main's. The exit status: 2 with a line on standard error where the arguments are
 * wrong.
 */
int node_service(int argc, char **argv);
int node_manifest(int argc, char **argv);

void node_manifest_help(void);

#endif
