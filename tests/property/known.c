/*
 * The list of known faults: lines "CLASS KNOB[=VALUE]... # reason". A complaint of the class about
 * an attachment that has all the knobs is counted, and fails nothing. KNOB!=VALUE excludes one.
 */
#include "property.h"

#include <errno.h>
#include <string.h>

#include "../faults/sweep.h"

#define WANTS_MAX 12

struct known {
	char text[256], class[32];
	struct {
		int knob, value;
		bool negated;
	} wants[WANTS_MAX];
	unsigned int count;
};

static struct known list[KNOWN_MAX];
static unsigned int list_count;

static void read_want(struct known *n, char *word)
{
	char *sign = strstr(word, "!=");
	unsigned int i = n->count++;

	if (n->count > WANTS_MAX)
		die("known: %s: too many knobs", n->text);
	n->wants[i].negated = sign;
	if (sign)
		memmove(sign, sign + 1, strlen(sign));
	n->wants[i].knob = knob_find(word, &n->wants[i].value);
	if (n->wants[i].knob < 0)
		die("known: %s: there is no %s", n->text, word);
}

static void read_line(char *line)
{
	struct known *n = &list[list_count];
	char *word;

	line[strcspn(line, "#\n")] = '\0';
	snprintf(n->text, sizeof(n->text), "%s", line);
	n->text[strcspn(n->text, "\t")] = '\0';
	word = strtok(line, " \t");
	if (!word)
		return;
	if (++list_count == KNOWN_MAX)
		die("known: too many lines");
	snprintf(n->class, sizeof(n->class), "%s", word);
	n->count = 0;
	while ((word = strtok(NULL, " \t")) != NULL)
		read_want(n, word);
}

void known_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];

	if (!f)
		die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		read_line(line);
	fclose(f);
}

static bool covers(const struct known *n, const struct attachment *a)
{
	for (unsigned int i = 0; i < n->count; i++) {
		uint8_t has = a->knob[n->wants[i].knob];
		bool same = n->wants[i].value < 0 ? has != 0 : has == n->wants[i].value;

		if (same == n->wants[i].negated)
			return false;
	}
	return true;
}

int known_line(const struct attachment *a, const char *class)
{
	for (unsigned int i = 0; i < list_count; i++)
		if (strcmp(list[i].class, class) == 0 && covers(&list[i], a))
			return (int)i;
	return -1;
}

void known_add(const struct complaint *c)
{
	struct known *n = &list[list_count];

	if (list_count == KNOWN_MAX)
		die("known: too many lines");
	list_count++;
	memset(n, 0, sizeof(*n));
	snprintf(n->class, sizeof(n->class), "%s", c->class);
	for (int k = 0; k < KNOBS && n->count < WANTS_MAX; k++) {
		if (!c->at.knob[k])
			continue;
		n->wants[n->count].knob = k;
		n->wants[n->count++].value = c->at.knob[k];
	}
}

const char *known_text(int line)
{
	return (unsigned int)line < list_count ? list[line].text : NULL;
}

int known_plugin(int line)
{
	const struct known *n = &list[line];

	for (unsigned int i = 0; i < n->count; i++)
		if (n->wants[i].knob == PLUGIN && !n->wants[i].negated)
			return n->wants[i].value;
	return -1;
}
