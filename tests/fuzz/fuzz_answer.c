/*
 * What a plugin of others prints when it fails: an error object, or anything. It becomes an error
 * of ours, with text and in one line.
 */
#include "cni/exec.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct arena a = fuzz_arena();
	struct json_raw out = input_rest(&in, true);
	struct err e = { 0 };

	check_err(report_failure(&a, "/opt/cni/bin/other", 1 << 8, out.text, out.len, &e), &e);
	input_end(&in);
	return 0;
}
