/*
 * nodePorts as text. What is accepted is sound, says the same when it is written out and read
 * again, and nothing is changed by what is refused.
 */
#include "fw/port_ranges.h"

#include "fuzz.h"

static void check_sound(const struct port_ranges *r)
{
	require(r->count <= PORT_RANGES_MAX);
	for (size_t i = 0; i < r->count; i++) {
		require(r->list[i].first > 0 && r->list[i].first <= r->list[i].last);
		for (size_t k = 0; k < i; k++)
			require(r->list[k].last < r->list[i].first ||
				r->list[i].last < r->list[k].first);
	}
}

static void check_again(const struct port_ranges *r)
{
	char buf[PORT_RANGES_MAX * sizeof("65535:65535,")];
	struct port_ranges again;
	struct err e = { 0 };
	struct text t;

	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < r->count; i++)
		text_printf(&t, "%s%u:%u", i ? "," : "", r->list[i].first, r->list[i].last);
	require(!t.bad && port_ranges_parse("nodePorts", buf, &again, &e) == 0);
	require(again.count == r->count &&
		memcmp(again.list, r->list, r->count * sizeof(r->list[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct port_ranges r = { .count = 77 };
	struct err e = { 0 };
	int res = port_ranges_parse("nodePorts", input_string(&in), &r, &e);

	check_err(res, &e);
	if (res == 0) {
		check_sound(&r);
		check_again(&r);
	} else {
		require(r.count == 77 && strncmp(e.text, "nodePorts: ", 11) == 0);
	}
	input_end(&in);
	return 0;
}
