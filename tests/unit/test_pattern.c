/* Regular expressions: what matches, and what is refused by name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/pattern.h"

static int match(const char *pattern, const char *text)
{
	struct err e = { 0 };
	int r = pattern_match(pattern, text, &e);

	assert_true((r < 0) == (e.errnum != 0));
	return r;
}

static void what_matches(void **state)
{
	static const struct {
		const char *pattern, *text;
		int want;
	} cases[] = {
		{ "^net.ipv4.conf.IFNAME.[a-z_]*$", "net.ipv4.conf.IFNAME.arp_filter", 1 },
		{ "^net.ipv4.conf.IFNAME.[a-z_]*$", "net/ipv4/conf/IFNAME/arp_filter", 1 },
		{ "^net.ipv4.conf.IFNAME.[a-z_]*$", "net.ipv4.conf.eth0.arp_filter", 0 },
		{ "^net\\.core\\.somaxconn$", "net.core.somaxconn", 1 },
		{ "^net\\.core\\.somaxconn$", "net/core/somaxconn", 0 },
		{ "somaxconn", "net.core.somaxconn", 1 },
		{ "", "anything", 1 },
		{ "^$", "", 1 },
		{ "^$", "x", 0 },
		{ "^(a|bc|d+)$", "bc", 1 },
		{ "^(a|bc|d+)$", "ddd", 1 },
		{ "^(a|bc|d+)$", "ab", 0 },
		{ "^(?:ab)+c?$", "abab", 1 },
		{ "^(?:ab)+c?$", "abac", 0 },
		{ "^(a*)*$", "aaaa", 1 },
		{ "^(a*)*b$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", 0 },
		{ "^[^.]+$", "a.b", 0 },
		{ "^[]a]+$", "]a", 1 },
		{ "^[a-]+$", "a-", 1 },
		{ "^\\d\\w\\s$", "1_ ", 1 },
		{ "^[\\d.]+$", "10.1", 1 },
		{ "a|^b$|c", "b", 1 },
		{ "a|^b$|c", "xb", 0 },
		{ "a.*?b", "acccb", 1 },
		{ "x*", "", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (match(cases[i].pattern, cases[i].text) != cases[i].want)
			fail_msg("\"%s\" on \"%s\" is not %d", cases[i].pattern, cases[i].text,
				 cases[i].want);
	}
}

static void what_is_refused(void **state)
{
	static const char *const bad[] = {
		"(",   "a)",	"[",	       "[a",	"*a", "a{2}",	 "(?i)a", "a\\",
		"\\b", "[b-a]", "[[:alpha:]]", "[\\b]", "{",  "[a-\\d]", "?",
	};
	char longer[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (match(bad[i], "a") != -EINVAL)
			fail_msg("\"%s\" is not refused", bad[i]);
	}
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(match(longer, "a"), -EINVAL);
	memset(longer, '(', sizeof(longer) - 1);
	assert_int_equal(match(longer, "a"), -EINVAL);
	memset(longer, '|', sizeof(longer) - 1);
	assert_int_equal(match(longer, "a"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_matches),
		cmocka_unit_test(what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
