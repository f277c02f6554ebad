/*
 * A record: what one attachment asked for of one schema, as a text of lines.
 *
 *	fw 1
 *	network NAME
 *	container ID
 *	interface eth0
 *	hostEnd				(when it has one: struct fw_owner)
 *	dataDir /var/lib/cni/networks
 *	element home4 10.1.0.2 10.1.0.0 - 10.1.0.2 10.1.0.255
 *	element ports4 6 8080 = 10.1.0.2 80
 *
 * The names are short forms (cni/attachment.h). An element is the set's name, the parts of the key,
 * of the range's end, of the data: addresses as usual, protocols, ports and marks as numbers. The
 *host end's name, a hash of the three names, makes the file's:
 * /run/cnibox/fw/SCHEMA.veth0123456789a.
 */
#ifndef FW_RECORD_H
#define FW_RECORD_H

#include "cni/cni.h"
#include "fw/fw.h"

struct text;

#define RECORD_SIZE 184320 /* FW_ELEMS_MAX of the longest elements, and a path */

/* Large: make it static. */
struct fw_record {
	struct cni_attachment at;
	const char *data_dir;
	bool host_end;
	size_t count;
	struct fw_elem elems[FW_ELEMS_MAX];
	char text[RECORD_SIZE]; /* holds the strings of one that was read */
};

/* As a text for a file. Overflow marks t bad. Control characters of the path become blanks. */
void record_format(const struct fw_record *r, struct text *t);

/*
 * Parse r->text, NUL-terminated, which is cut in pieces: the strings of r point into it. False: it
 * is none, or another version's, or has a set or a value that the schema has not.
 */
bool record_parse(const struct fw_schema *s, struct fw_record *r);

/* One element as in a record, for messages too: "masq4 10.1.0.2". */
void record_format_elem(const struct fw_elem *el, struct text *t);

#endif
