/*
 * Addresses as text, beside glibc's inet_pton() and inet_ntop(): what both must take, refuse and
 * write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"

static void assert_same_parse(const char *s)
{
	struct addr a, untouched;
	uint8_t bytes[16] = { 0 };
	int family = strchr(s, ':') ? AF_INET6 : AF_INET;
	bool expected = inet_pton(family, s, bytes) == 1;

	memset(&a, 0xa5, sizeof(a));
	untouched = a;
	if (addr_parse(s, &a) != expected)
		fail_msg("\"%s\": %s", s, expected ? "refused" : "taken");
	if (!expected) {
		assert_memory_equal(&a, &untouched, sizeof(a));
		return;
	}
	assert_int_equal(a.family, family);
	assert_memory_equal(a.bytes, bytes, sizeof(bytes));
}

static void test_parse(void **state)
{
	static const char *const texts[] = {
		"",
		".",
		":",
		"::",
		":::",
		"1",
		"1.2",
		"1.2.3",
		"1.2.3.4",
		"1.2.3.4.",
		".1.2.3.4",
		"1.2.3.4.5",
		"1..3.4",
		"256.1.1.1",
		"255.255.255.255",
		"0.0.0.0",
		"00.0.0.0",
		"010.0.0.1",
		"1.2.3.04",
		"1.2.3.1234",
		"1.2.3.4 ",
		" 1.2.3.4",
		"+1.2.3.4",
		"-1.2.3.4",
		"1.2.3.a",
		"0x1.2.3.4",
		"1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:",
		"1:2:3:4:5:6:7:8:",
		"1:2:3:4:5:6:7:8:9",
		"1::8",
		"::8",
		"1::",
		":1",
		":1::",
		"1:::2",
		"1::2::3",
		"::1::",
		"1:2:3:4:5:6:7::",
		"::2:3:4:5:6:7:8",
		"1:2:3::4:5:6:7:8",
		"::1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7:8::",
		"1:2:3:4::5:6:7",
		"12345::",
		"abcd:EF01:0:00:000:0000:9:a",
		"g::",
		"fe80::1%eth0",
		"::1.2.3.4",
		"::ffff:1.2.3.4",
		"::FFFF:1.2.3.4",
		"1:2:3:4:5:6:1.2.3.4",
		"1:2:3:4:5:6:7:1.2.3.4",
		"1:2:3:4:5:1.2.3.4",
		"1::1.2.3.4:5",
		"::1.2.3",
		"::1.2.3.4.5",
		"::01.2.3.4",
		"::256.2.3.4",
		"1.2.3.4::",
		"::/0",
		"1:2",
		"0:0:0:0:0:0:0:0",
		"::0",
		"0::0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_same_parse(texts[i]);
}

static uint32_t random_number(void)
{
	static uint32_t seed = 42;

	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

/* Texts that are almost addresses, made of their own characters. */
static void test_parse_noise(void **state)
{
	static const char letters[] = ":::::::00112358afF..../g";

	(void)state;
	for (unsigned int i = 0; i < 400000; i++) {
		char s[28];
		size_t len = 1 + random_number() % (sizeof(s) - 1);

		for (size_t k = 0; k < len; k++)
			s[k] = letters[random_number() % (sizeof(letters) - 1)];
		s[len] = '\0';
		assert_same_parse(s);
	}
}

/* glibc writes ::/96 as an IPv4 address of a kind that RFC 4291 deprecates; musl, Go and we do not.
 */
static bool is_compatible(const uint8_t *b)
{
	static const uint8_t zero[12];

	return memcmp(b, zero, sizeof(zero)) == 0 && (b[12] || b[13]);
}

/*
 * The C library is a judge where it writes as RFC 5952 says: of two gaps of one length the first
 * is shortened. musl takes the last.
 */
static bool library_is_judge(void)
{
	static const uint8_t gaps[16] = { [5] = 1, [11] = 1 };
	char text[ADDR_TEXT];

	return strcmp(inet_ntop(AF_INET6, gaps, text, sizeof(text)), "::1:0:0:1:0:0") == 0;
}

static void test_parse_host(void **state)
{
	static const struct {
		const char *text, *is;
	} forms[] = {
		{ "10.0.0.1", "10.0.0.1" },
		{ "::ffff:1.2.3.4", "1.2.3.4" },
		{ "::ffff:0.0.0.0", "0.0.0.0" },
		{ "0:0:0:0:0:FFFF:102:304", "1.2.3.4" },
		{ "::1.2.3.4", "::1.2.3.4" },
		{ "::ffff:0:1.2.3.4", "::ffff:0:1.2.3.4" },
		{ "1::ffff:1.2.3.4", "1::ffff:1.2.3.4" },
		{ "::fffe:1.2.3.4", "::fffe:1.2.3.4" },
	};
	struct addr a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		memset(&a, 0xa5, sizeof(a));
		assert_true(addr_parse_host(forms[i].text, &a));
		assert_true(addr_parse(forms[i].is, &b));
		assert_int_equal(a.family, b.family);
		assert_memory_equal(a.bytes, b.bytes, sizeof(a.bytes));
	}
	assert_false(addr_parse_host("::ffff:1.2.3", &a));
	assert_memory_equal(a.bytes, b.bytes, sizeof(a.bytes));
}

static void assert_round_trip(const struct addr *a)
{
	char text[ADDR_TEXT], expected[ADDR_TEXT];
	struct addr back;

	assert_ptr_equal(addr_format(a, text), text);
	assert_string_equal(addr_text(a), text);
	if (a->family == AF_INET || (!is_compatible(a->bytes) && library_is_judge())) {
		assert_non_null(inet_ntop(a->family, a->bytes, expected, sizeof(expected)));
		assert_string_equal(text, expected);
	}
	assert_true(addr_parse(text, &back));
	assert_true(addr_equal(a, &back));
	assert_same_parse(text);
}

/* All patterns of groups that are zero, small or large. */
static void test_format(void **state)
{
	static const uint16_t groups[] = { 0, 0x1, 0xffff, 0xab0 };
	const struct addr none = { 0 };
	char text[ADDR_TEXT] = "x";

	(void)state;
	for (unsigned int p = 0; p < 65536; p++) {
		struct addr a = { .family = AF_INET6 };

		for (unsigned int i = 0; i < 8; i++) {
			uint16_t g = groups[p >> 2 * i & 3];

			a.bytes[2 * i] = (uint8_t)(g >> 8);
			a.bytes[2 * i + 1] = (uint8_t)g;
		}
		assert_round_trip(&a);
	}
	for (unsigned int i = 0; i < 100000; i++) {
		uint32_t n = random_number() << 16 ^ random_number();
		struct addr a = { .family = AF_INET };

		memcpy(a.bytes, &n, 4);
		assert_round_trip(&a);
	}
	assert_string_equal(addr_format(&none, text), "");
}

static void test_prefix_text(void **state)
{
	static const char *const bad[] = { "10.0.0.0",	   "10.0.0.0/",	  "10.0.0.0/33",
					   "10.0.0.0/08",  "10.0.0.0/+8", "10.0.0.0/8 ",
					   "10.0.0.0/8/8", "::/129",	  "::/1280",
					   "/8",	   "::/",	  "10.0.0/8",
					   "10.0.0.0/-1",  "::/0x8" };
	static const char *const good[] = { "10.0.0.0/8", "0.0.0.0/0",	"1.2.3.4/32",
					    "::/0",	  "fd00::1/64", "fd00::/128" };
	struct prefix p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(prefix_parse(bad[i], &p));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(prefix_parse(good[i], &p));
		assert_string_equal(prefix_text(&p), good[i]);
	}
}

/* A message may hold eight. */
static void test_message_buffers(void **state)
{
	const char *text[8];
	char expected[ADDR_TEXT];

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		struct addr a = { AF_INET, { 10, 0, 0, (uint8_t)i } };

		text[i] = addr_text(&a);
	}
	for (unsigned int i = 0; i < 8; i++) {
		snprintf(expected, sizeof(expected), "10.0.0.%u", i);
		assert_string_equal(text[i], expected);
	}
}

/* Beside a count of equal bits, for every length. */
static void test_contains(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct prefix p = { .addr.family = i % 2 ? AF_INET : AF_INET6 };
		unsigned int bits = addr_bits(&p.addr), equal = 0,
			     flip = random_number() % (bits + 1);
		struct addr a;

		for (size_t k = 0; k < addr_size(&p.addr); k++)
			p.addr.bytes[k] = (uint8_t)random_number();
		a = p.addr;
		if (flip < bits)
			a.bytes[flip / 8] = (uint8_t)(a.bytes[flip / 8] ^ 0x80 >> flip % 8);
		while (equal < bits &&
		       !((p.addr.bytes[equal / 8] ^ a.bytes[equal / 8]) & 0x80 >> equal % 8))
			equal++;
		for (p.len = 0; p.len <= bits; p.len++)
			assert_int_equal(prefix_contains(&p, &a), p.len <= equal);
		a.family = a.family == AF_INET ? AF_INET6 : AF_INET;
		p.len = 0;
		assert_false(prefix_contains(&p, &a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_host),  cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_noise), cmocka_unit_test(test_format),
		cmocka_unit_test(test_prefix_text), cmocka_unit_test(test_message_buffers),
		cmocka_unit_test(test_contains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
