/* A resolv.conf(5) file as "dns": see resolv_conf.h. */
#include "ipam/resolv_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "json/writer.h"

#define FILE_MAX 16384
#define WORD_SIZE 256

static bool is_line_of(const char *line, const char *name)
{
	size_t len = strlen(name);

	return strncmp(line, name, len) == 0 && (line[len] == ' ' || line[len] == '\t');
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

/* The search list is named by two keywords, and the last line of either says it. */
static const char *find_search(const char *text)
{
	const char *last = NULL;

	for (const char *line = text; *line; line = next_line(line)) {
		if (is_line_of(line, "domain") || is_line_of(line, "search"))
			last = line;
	}
	return last;
}

/* The next word of a line, cut out; false at its end, and at a word that no resolver would take. */
static bool next_word(const char **at, char word[static WORD_SIZE])
{
	const char *from = *at + strspn(*at, " \t\r");
	size_t len = strcspn(from, " \t\r\n#;");

	if (len == 0 || len >= WORD_SIZE)
		return false;
	memcpy(word, from, len);
	word[len] = '\0';
	*at = from + len;
	return true;
}

/* The words behind the keyword, at most max of them. */
static void put_words(struct json_writer *w, const char *line, unsigned int max)
{
	char word[WORD_SIZE];

	line += strcspn(line, " \t");
	for (unsigned int i = 0; i < max && next_word(&line, word); i++)
		json_put_str(w, word);
}

static void put_all(struct json_writer *w, const char *text, const char *name, const char *key,
		    unsigned int max)
{
	bool open = false;

	for (const char *line = text; *line; line = next_line(line)) {
		if (!is_line_of(line, name))
			continue;
		if (!open) {
			json_key(w, key);
			json_open(w, '[');
			open = true;
		}
		put_words(w, line, max);
	}
	if (open)
		json_close(w, ']');
}

static void put_search(struct json_writer *w, const char *line)
{
	char word[WORD_SIZE];

	if (is_line_of(line, "domain")) {
		line += strlen("domain");
		if (next_word(&line, word))
			json_member_str(w, "domain", word);
		return;
	}
	json_key(w, "search");
	json_open(w, '[');
	put_words(w, line, UINT_MAX);
	json_close(w, ']');
}

/* One server a line, whatever stands behind it; options gather. */
static void put_dns(struct json_writer *w, const char *text)
{
	const char *search = find_search(text);

	json_open(w, '{');
	put_all(w, text, "nameserver", "nameservers", 1);
	if (search)
		put_search(w, search);
	put_all(w, text, "options", "options", UINT_MAX);
	json_close(w, '}');
}

int resolv_conf_read(struct arena *a, const char *path, struct json_raw *dns, struct err *e)
{
	char *in = arena_alloc_raw(a, FILE_MAX), *out = arena_alloc_raw(a, 2 * FILE_MAX);
	struct json_writer w;
	struct text t;
	ssize_t len;
	int fd;

	if (!in || !out)
		return err_set(e, ENOMEM, "ipam.resolvConf: no memory left");
	fd = open(path,
		  O_RDONLY | O_CLOEXEC); /* a link is normal here: systemd's /etc/resolv.conf */
	if (fd < 0)
		return err_sys(e, errno, "ipam.resolvConf: open %s", path);
	len = fd_read(fd, path, in, FILE_MAX, e);
	close(fd);
	if (len < 0)
		return err_ctx(e, (int)len, "ipam.resolvConf");
	text_init(&t, out, 2 * FILE_MAX);
	json_begin(&w, &t, 0);
	put_dns(&w, in);
	if (t.bad)
		return err_set(e, E2BIG, "ipam.resolvConf: %s is too large", path);
	if (t.len > strlen("{}"))
		*dns = (struct json_raw){ .text = out, .len = t.len };
	return 0;
}
