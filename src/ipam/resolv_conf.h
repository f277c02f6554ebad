/*
 * A resolv.conf(5) file as the "dns" object of a result.
 */
#ifndef IPAM_RESOLV_CONF_H
#define IPAM_RESOLV_CONF_H

#include "json/json.h"

struct arena;
struct err;

/*
 * nameserver, domain, search and options lines; the JSON text lives in the arena. Nothing in the
 * file leaves *dns as it is.
 */
int resolv_conf_read(struct arena *a, const char *path, struct json_raw *dns, struct err *e);

#endif
