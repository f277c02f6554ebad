/*
 * The daemon's listening socket: systemd's (sd_listen_fds(3)), or one of its own.
 */
#ifndef DHCP_LISTENER_H
#define DHCP_LISTENER_H

#include <stdbool.h>

struct err;

/*
 * LISTEN_PID and LISTEN_FDS name exactly one socket for this process: that one, *given is true.
 * Else path is made, mode 0600, in a directory that is made with mode 0700; a socket that nobody
 * listens to is replaced. -EADDRINUSE: another daemon listens to it.
 */
int dhcp_listener_open(const char *path, bool *given, struct err *e);

#endif
