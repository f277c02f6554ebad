/* A resolv.conf(5) file as "dns": see resolv_conf.h. */
#include "ipam/resolv_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "json/writer.h"

#define FILE_MAX 16384

/* The words behind a keyword on all of its lines, or on its last line only, as an array. */
struct keyword {
	const char *name, *key;
	bool last_line_only;
};

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

static const char *last_line_of(const char *text, const char *name)
{
	const char *last = NULL;

	for (const char *line = text; *line; line = next_line(line)) {
		if (is_line_of(line, name))
			last = line;
	}
	return last;
}

static void put_words(struct json_writer *w, const char *line, const char *name)
{
	char word[256];

	line += strlen(name);
	for (;;) {
		size_t len;

		line += strspn(line, " \t\r");
		len = strcspn(line, " \t\r\n#;");
		if (len == 0 || len >= sizeof(word))
			return;
		memcpy(word, line, len);
		word[len] = '\0';
		json_put_str(w, word);
		line += len;
	}
}

static void put_list(struct json_writer *w, const char *text, const struct keyword *k)
{
	const char *last = last_line_of(text, k->name);

	if (!last)
		return;
	json_key(w, k->key);
	json_open(w, '[');
	for (const char *line = text; *line; line = next_line(line)) {
		if (is_line_of(line, k->name) && (!k->last_line_only || line == last))
			put_words(w, line, k->name);
	}
	json_close(w, ']');
}

static void put_domain(struct json_writer *w, const char *text)
{
	const char *line = last_line_of(text, "domain");
	char word[256];
	size_t len;

	if (!line)
		return;
	line += strlen("domain");
	line += strspn(line, " \t");
	len = strcspn(line, " \t\r\n#;");
	if (len == 0 || len >= sizeof(word))
		return;
	memcpy(word, line, len);
	word[len] = '\0';
	json_member_str(w, "domain", word);
}

int resolv_conf_read(struct arena *a, const char *path, struct json_raw *dns, struct err *e)
{
	static const struct keyword lists[] = {
		{ "nameserver", "nameservers", false },
		{ "search", "search", true },
		{ "options", "options", true },
	};
	char *in = arena_alloc(a, FILE_MAX), *out = arena_alloc(a, 2 * FILE_MAX);
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
	json_open(&w, '{');
	put_list(&w, in, &lists[0]);
	put_domain(&w, in);
	put_list(&w, in, &lists[1]);
	put_list(&w, in, &lists[2]);
	json_close(&w, '}');
	if (t.bad)
		return err_set(e, E2BIG, "ipam.resolvConf: %s is too large", path);
	*dns = (struct json_raw){ .text = out, .len = t.len };
	return 0;
}
