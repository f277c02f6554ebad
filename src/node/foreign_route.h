/*
 * Routes of others that win over those to the pods of other nodes. The kernel asks table after
 * table in the order of its rules; in a table the longest prefix wins, and of equal ones the
 * smallest metric.
 */
#ifndef NODE_FOREIGN_ROUTE_H
#define NODE_FOREIGN_ROUTE_H

#include "net/ip.h"

struct err;
struct work;

/*
 * A route of the main table that is not ours. -EEXIST: it has the destination of the wanted route
 * and wins over it, or stands in its very place. One to a part of another node's subnet is a
 * warning; of many the first few are.
 */
int foreign_route_check(struct work *w, const struct route *r, const struct route *wanted,
			struct err *e);

/* Warn of tables that rules ask before the main one, and that have a route to pods. */
int foreign_tables_check(struct work *w, struct err *e);

#endif
