/* Scalars of one line: see yaml_private.h. */
#include "kube/yaml_private.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

static const char *refuse(struct yaml_reader *y, const char *why)
{
	yaml_refuse(y, why);
	return NULL;
}

static char *copy(struct yaml_reader *y, const char *s, size_t len)
{
	char *text = arena_strndup(y->arena, s, len);

	if (!text)
		err_set(y->err, ENOMEM, "line %u: too large", y->line);
	return text;
}

/* What plain scalars must not begin with, and what it would have been. */
static const char *indicator(const char *at, const char *end)
{
	bool alone = at + 1 == end || at[1] == ' ';

	switch (*at) {
	case '&':
		return "an anchor (&)";
	case '*':
		return "an alias (*)";
	case '!':
		return "a tag (!)";
	case '|':
	case '>':
		return "a block scalar (| or >)";
	case '{':
	case '}':
	case '[':
	case ']':
	case ',':
		return "flow style ({...}, [...]) with something in it";
	case '%':
	case '@':
	case '`':
		return "a character that no value begins with";
	case '?':
	case ':':
	case '-':
		return alone ? "a key or list where a value is due" : NULL;
	default:
		return NULL;
	}
}

const char *yaml_plain(struct yaml_reader *y, char **text)
{
	const char *why = indicator(y->at, y->line_end), *end = y->at;

	if (why)
		return refuse(y, why);
	for (; end < y->line_end && !(*end == '#' && end[-1] == ' '); end++) {
		if (*end == ':' && (end + 1 == y->line_end || end[1] == ' '))
			return refuse(y, "a colon and a blank in a value without quotes");
		if ((unsigned char)*end < ' ' || *end == 0x7f)
			return refuse(y, "a control character");
	}
	while (end[-1] == ' ')
		end--;
	*text = copy(y, y->at, (size_t)(end - y->at));
	return *text ? end : NULL;
}

/* Behind a backslash; 0 for what is not understood. */
static char escaped(char c)
{
	static const char from[] = "\"\\/nrt ", to[] = "\"\\/\n\r\t ";
	const char *found = c ? strchr(from, c) : NULL;

	return found ? to[found - from] : 0;
}

/* In '...' a quote is doubled, in "..." it is behind a backslash. */
const char *yaml_quoted(struct yaml_reader *y, char **text)
{
	const char quote = *y->at, *c = y->at + 1;
	char *out = copy(y, c, (size_t)(y->line_end - c));

	*text = out;
	for (; out && c < y->line_end; c++) {
		if (*c == quote && quote == '\'' && c + 1 < y->line_end && c[1] == quote) {
			c++;
		} else if (*c == quote) {
			*out = '\0';
			return c + 1;
		} else if (*c == '\\' && quote == '"' && c + 1 < y->line_end) {
			*out = escaped(*++c);
			if (!*out++)
				return refuse(y, "an escape that is not understood");
			continue;
		} else if ((unsigned char)*c < ' ' || *c == 0x7f) {
			return refuse(y, "a control character");
		}
		*out++ = *c;
	}
	return out ? refuse(y, "a quote that does not end on its line") : NULL;
}
