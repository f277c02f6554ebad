/* Files in a folder of a test's own. Include it behind cmocka.h. */
#ifndef UNIT_FILES_H
#define UNIT_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char base[64];

/* The folder, empty; 0 or -1. */
static inline int base_make(void)
{
	strcpy(base, "/tmp/cnibox_unit.XXXXXX");
	return mkdtemp(base) ? 0 : -1;
}

static inline int base_remove(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", base);
	return system(cmd);
}

static inline void put_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

#endif
