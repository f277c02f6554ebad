/*
 * A resolv.conf of any content. What comes out is JSON, of the shape that a result's "dns" has, and
 * no keyword of the file is in it.
 */
#include "ipam/resolv_conf.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

struct dns {
	struct json_list nameservers, search, options;
	const char *domain;
};

static const struct json_field word = { .kind = JSON_STR };

#define WORDS(key)                                                                                 \
	{                                                                                          \
		.name = #key, .kind = JSON_LIST, .offset = offsetof(struct dns, key),              \
		.elem = &word, .elem_size = sizeof(char *)                                         \
	}

static const struct json_field dns_fields[] = {
	WORDS(nameservers),
	WORDS(search),
	WORDS(options),
	{ "domain", JSON_STR, offsetof(struct dns, domain) },
};
static const struct json_table dns_table = { .fields = dns_fields, .count = 4 };

static void check_words(const struct json_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		require(((const char **)l->items)[i][0] &&
			!strpbrk(((const char **)l->items)[i], " \t\r\n#;"));
}

static void check_dns(struct arena *a, struct json_raw raw)
{
	struct err e = { 0 };
	struct dns dns = { 0 };

	require(json_check(raw.text, raw.len, &e) == 0 && !memchr(raw.text, '\n', raw.len));
	require(json_decode_raw(a, raw, "dns", &dns_table, &dns, &e) == 0);
	check_words(&dns.nameservers);
	check_words(&dns.search);
	check_words(&dns.options);
	require(!dns.domain || *dns.domain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_raw before = { .text = "before", .len = 6 };
	struct arena a = fuzz_arena();
	struct json_raw dns = before;
	struct err e = { 0 };
	char path[32];
	int fd = memfd_create("resolv.conf", MFD_CLOEXEC), r;

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = resolv_conf_read(&a, path, &dns, &e);
	check_err(r, &e);
	if (r == 0 && dns.text != before.text)
		check_dns(&a, dns);
	require(r == 0 || raw_equal(dns, before));
	close(fd);
	return 0;
}
