/*
 * A seal: at this generation of the kernel's ruleset a schema's table was whole, and its sets held
 * what all records ask for, so many elements. It is kept beside the records, as .seal.SCHEMA.
 *
 * Theory of operation. Every transaction of nf_tables, whoever makes it, makes the generation one
 * higher. So who finds the generation that is sealed knows, without looking at any of it, that
 * nobody has changed anything since; it makes its own change on condition of that very generation,
 * and seals the next. Who finds another one looks at the table and counts the elements. Only where
 * they are not as many as were sealed are the records read, one by one.
 *
 * Such a change of one schema is none of the others: their seals follow, so that of a chain of
 * plugins each finds its own.
 *
 * A seal that was not written, because its writer died, makes its next reader look where nothing
 * was to be seen; none can be for a generation that was not whole. So no lock has to guard it. But
 * of a crowd somebody would always come between a transaction and its seals, and look at everything
 * in vain: seals are written under a guard, and who finds another generation waits for that once.
 */
#ifndef FW_SEAL_H
#define FW_SEAL_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct fw_schema;

struct fw_seal {
	int fd; /* of the file; -1: there is none */
	const struct fw_schema *s;
	uint32_t generation; /* 0: no generation, so that it is to be looked */
	uint32_t elements;
};

/*
 * dir is the store's descriptor (store.h); 0: there is no store, and no seal. create: the file is
 * made where it is not there. Of no generation until it is read.
 */
void seal_open(int dir, const struct fw_schema *s, bool create, struct fw_seal *out);
void seal_close(struct fw_seal *seal);

/*
 * The guard of all seals: from before a transaction until its seals are written. A descriptor that
 * has it, to be closed; -1: it was not to be had (there is no store, or its holder stands still),
 * and it goes without.
 */
int seal_guard(int dir);

/* As it is now. What is none, or cannot be read as one, is a seal of no generation. */
void seal_read(struct fw_seal *seal);

/*
 * Best effort: one that cannot be written is one that was lost. One of no generation is written
 * only where one was.
 *
 * from: if not 0, nothing has changed since that generation but what this schema has to itself, and
 * who asks was the one who changed it: others' seals of that generation are of this one's.
 */
void seal_write(const struct fw_seal *seal, uint32_t from);

/*
 * How often all records were mended, in the same line; 0 where there is none. Only who
 * has the store's lock alone counts on. Who waits for that lock and finds it two higher afterwards
 * knows that somebody began after him and has ended: of a crowd that all want it, two do it.
 */
uint32_t seal_mends(const struct fw_seal *seal);
void seal_count_mend(const struct fw_seal *seal);

/* With the schema's last record; the file goes with the last seal. */
void seal_remove(int dir, const struct fw_schema *s);

#endif
