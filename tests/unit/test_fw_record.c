/* Records of what attachments asked of the packet filter: text to struct and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "../record_schema.h"
#include "fw/record.h"

static struct fw_record record;

#define HEAD "fw 1\nnetwork n\ncontainer c\ninterface eth0\n"
#define REST "dataDir /var/lib/cni/networks\n"

static bool parses(const char *text)
{
	assert_true(str_copy(record.text, sizeof(record.text), text));
	return record_parse(&schema, &record);
}

static void same_again(const char *text)
{
	static char buf[RECORD_SIZE];
	struct text t;

	assert_true(parses(text));
	text_init(&t, buf, sizeof(buf));
	record_format(&record, &t);
	assert_false(t.bad);
	assert_string_equal(buf, text);
}

static void of_every_type(void **state)
{
	(void)state;
	same_again(HEAD REST);
	same_again(HEAD "hostEnd\ndataDir \n");
	same_again(HEAD "hostEnd\ndataDir /a b/c\n"
			"element a4 10.1.0.2\n"
			"element r4 10.1.0.2 10.1.0.0 - 10.1.0.2 10.1.0.255\n"
			"element ports 6 8080 = fd00::2 80\n"
			"element spoof veth0123456789a 02:00:00:00:00:01\n"
			"element marks eth0 = 4294967295\n"
			"element verdicts fd00::1 = 1\n");
	assert_int_equal(record.count, 6);
	assert_true(record.host_end);
	assert_string_equal(record.data_dir, "/a b/c");
	assert_int_equal(record.elems[2].el.data[1].port, 80);
}

static void what_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"fw 2\n" REST,
		HEAD,				       /* no dataDir */
		"fw 1\nnetwork n\ncontainer c\n" REST, /* no interface */
		HEAD "dataDir /x",		       /* cut */
		HEAD REST "element a4 10.1.0",
		HEAD REST "element a4 10.1.0.2", /* its end is missing: cut */
		HEAD REST "element a4\n",
		HEAD REST "element a4 10.1.0.2 10.1.0.3\n",
		HEAD REST "element a4 fd00::1\n",
		HEAD REST "element a4 10.1.0.2 - 10.1.0.3\n", /* no intervals */
		HEAD REST "element a4 10.1.0.2 = 5\n",
		HEAD REST "element r4 10.1.0.2 10.1.0.0 - 10.1.0.2\n",
		HEAD REST "element other 10.1.0.2\n",
		HEAD REST "element \n",
		HEAD REST "element ports 256 80 = fd00::2 80\n",
		HEAD REST "element ports 6 65536 = fd00::2 80\n",
		HEAD REST "element ports 6 -1 = fd00::2 80\n",
		HEAD REST "element ports 6 80\n",
		HEAD REST "element ports 6 80 = fd00::2 80 1\n",
		HEAD REST
		"element marks a-name-of-16-by = 1\nelement marks a-name-of-16-byt = 4294967296\n",
		HEAD REST "element spoof eth0123456789abcd 02:00:00:00:00:01\n",
		HEAD REST "element verdicts fd00::1 = 2\n",
		HEAD REST "unknown\n",
		HEAD REST "\nelement a4 10.1.0.2\n", /* behind the end */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parses(bad[i]))
			fail_msg("taken for a record: %s", bad[i]);
	}
}

static void too_many_elements(void **state)
{
	static char text[RECORD_SIZE];
	size_t len = (size_t)snprintf(text, sizeof(text), HEAD REST);

	(void)state;
	for (int i = 0; i < FW_ELEMS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "element a4 10.1.%d.%d\n",
					i / 256, i % 256);
	same_again(text);
	snprintf(text + len, sizeof(text) - len, "element a4 10.2.0.1\n");
	assert_false(parses(text));
}

/* What comes from a configuration cannot add a line. */
static void a_path_with_newlines(void **state)
{
	static char buf[RECORD_SIZE];
	struct text t;

	(void)state;
	memset(&record, 0, sizeof(record));
	record.at = (struct cni_attachment){ "n", "c", "eth0" };
	record.data_dir = "/x\nelement a4 10.0.0.1";
	text_init(&t, buf, sizeof(buf));
	record_format(&record, &t);
	assert_string_equal(buf, HEAD "dataDir /x element a4 10.0.0.1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_every_type),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(too_many_elements),
		cmocka_unit_test(a_path_with_newlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
