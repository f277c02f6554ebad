/* Records of /run/cnibox/fw. What is accepted is the same when it is written and read again. */
#include "fuzz.h"
#include "../record_schema.h"
#include "fw/record.h"

static char *format(const struct fw_record *r, char *buf)
{
	struct text t;

	text_init(&t, buf, RECORD_SIZE);
	record_format(r, &t);
	require(!t.bad);
	return buf;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fw_record r, again;
	static char one[RECORD_SIZE], two[RECORD_SIZE];

	if (size >= 4096)
		return 0;
	memcpy(r.text, data, size);
	r.text[size] = '\0';
	if (!record_parse(&schema, &r))
		return 0;
	str_copy(again.text, sizeof(again.text), format(&r, one));
	require(record_parse(&schema, &again) && again.count == r.count);
	require(strcmp(format(&again, two), one) == 0);
	return 0;
}
