/*
 * A fuzz target without its fuzzer: each input that is named, once, as `make test` wants it of the
 * committed corpora. It is linked with the objects of the unit tests, which have the same
 * sanitizers; so nothing is compiled anew, and no clang is needed. usage: fuzz_NAME FILE...
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 20)
#define INPUT_SECONDS 60 /* of the wall clock: a busy machine can stand still */

/* The copy is of exactly the input's size, so that reading past it is seen. */
static void replay(const char *path)
{
	static uint8_t read_bytes[INPUT_MAX];
	FILE *file = fopen(path, "re");
	size_t size = file ? fread(read_bytes, 1, sizeof(read_bytes), file) : 0;
	uint8_t *data = malloc(size ? size : 1);

	if (!file || !data || ferror(file) || size == sizeof(read_bytes))
		errx(1, "%s: cannot be read", path);
	fclose(file);
	memcpy(data, read_bytes, size);
	alarm(INPUT_SECONDS);
	LLVMFuzzerTestOneInput(data, size);
	alarm(0);
	free(data);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: %s FILE...", argv[0]);
	for (int i = 1; i < argc; i++) {
		fprintf(stderr, "Running: %s\n", argv[i]);
		replay(argv[i]);
	}
	return 0;
}
