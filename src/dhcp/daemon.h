/*
 * `cnibox dhcp daemon`: its options, its socket, its signals.
 */
#ifndef DHCP_DAEMON_H
#define DHCP_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#define DHCP_STATE_DIR "/run/cnibox/dhcp"

/* dhcp's arguments, the first of which must be "daemon"; the exit status. */
int dhcp_main(int argc, char **argv);
void dhcp_daemon_help(void);

/*
 * A duration as the reference takes it: "10s", "1m2s", "1.5h", "300ms"; at least a millisecond, at
 * most a year. False: none, and *out as it was.
 */
bool dhcp_duration_parse(const char *s, int64_t *ms);

#endif
