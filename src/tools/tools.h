/*
 * What people run: each tool's entry point and help. argv[0] is the tool's name; the exit status is
 * returned.
 */
#ifndef TOOLS_TOOLS_H
#define TOOLS_TOOLS_H

int cnitool_main(int argc, char **argv);
void cnitool_help(void);

int install_main(int argc, char **argv);
void install_help(void);

int node_main(int argc, char **argv); /* src/node/ */
void node_help(void);

#endif
