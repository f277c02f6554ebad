/* Public keys of WireGuard, and their text: the first iteration of RFC 7748, section 5.2, whose u
 * is the base point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "kube/base64.h"
#include "tls/tls.h"

static _Alignas(16) char memory[32 << 10];

static void test_public(void **state)
{
	static const char private_key[] = "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	uint8_t key[32], public_key[32];
	char text[BASE64_KEY_TEXT];
	struct err e = { 0 };

	(void)state;
	assert_int_equal(tls_setup(memory, sizeof(memory), &e), 0);
	assert_true(base64_key_decode(private_key, key));
	assert_string_equal(base64_key_encode(key, text), private_key);
	assert_int_equal(x25519_public(key, public_key, &e), 0);
	assert_string_equal(base64_key_encode(public_key, text),
			    "QiyOemIn17yhNQs+K7cnn3iXuHu2hUt4PGDoAxGuMHk=");
}

static void test_text(void **state)
{
	static const char *const bad[] = {
		"",
		"AQ==",
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo",
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmp=", /* bits that no byte has */
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTm==",
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmoA",
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTm o=",
	};
	uint8_t key[32];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(base64_key_decode(bad[i], key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
