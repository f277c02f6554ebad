/* The knob route_localnet of links that lead to pods with ports of 127.0.0.1: a part of ports.h. */
#ifndef FW_PORTS_LOOP_H
#define FW_PORTS_LOOP_H

#include "fw/fw.h"

/* The table with its guard and the link's element are there. */
int ports_loop_open(const char *link, struct err *e);
int ports_loop_check(const char *link, struct err *e); /* CNI_ERR_DIFFERS */

/* An element of this link is gone. Without another one the knob is set back. */
void ports_loop_close(const struct fw_schema *s, const struct nft_set *loop, const char *link);

#endif
