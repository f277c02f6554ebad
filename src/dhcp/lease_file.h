/*
 * A lease as a file of the daemon's state directory: "container:network:interface", JSON. None of
 * the three may contain a ':'. It is written under another name and renamed: old or new, never
 * half.
 */
#ifndef DHCP_LEASE_FILE_H
#define DHCP_LEASE_FILE_H

#include "dhcp/lease.h"
#include "json/json.h"

struct text;

int dhcp_lease_file_write(const struct dhcp_lease *l, const struct dhcp_base *b, struct err *e);
int dhcp_lease_file_remove(const struct dhcp_lease *l, const struct dhcp_base *b, struct err *e);

/*
 * 1; 0 when it is of another boot: it has been removed. -EINVAL when it is none of ours. Of the
 * client, what is not in the file is left empty.
 */
int dhcp_lease_file_read(struct dhcp_lease *l, const struct dhcp_base *b, struct arena *a,
			 const char *name, struct err *e);

/* The file's content, as it is read (1, or 0: of another boot) and written. Pure. */
int dhcp_lease_decode(struct dhcp_lease *l, const char *boot, struct arena *a, struct json_raw text,
		      struct err *e);
void dhcp_lease_encode(const struct dhcp_lease *l, const char *boot, struct text *t);

#endif
