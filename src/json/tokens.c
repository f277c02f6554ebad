/* jsmn's tokens, one after the other: see tokens.h. */
#include "json/tokens.h"

#define FIRST_AHEAD 2 /* a key and its value */

void tokens_begin(struct tokens *t, const char *text, size_t len)
{
	t->text = text;
	t->len = len;
	t->next = 0;
	t->ahead = FIRST_AHEAD;
	t->end = false;
	jsmn_init(&t->parser);
}

/* Drop all tokens but the last and those that it stands in. */
static void drop_read(struct tokens *t)
{
	int kept[TOKENS_ROOM], super = -1;
	unsigned int count = 0, i;
	int at;

	for (at = (int)t->parser.toknext - 1; at >= 0; at = t->tok[at].parent)
		kept[count++] = at;
	for (i = 0; i < count; i++) {
		at = kept[count - 1 - i];
		t->tok[i] = t->tok[at];
		t->tok[i].parent = (int)i - 1;
		if (t->parser.toksuper == at)
			super = (int)i;
	}
	t->parser.toknext = count;
	t->parser.toksuper = super;
}

static void read_ahead(struct tokens *t)
{
	unsigned int room;

	drop_read(t);
	t->next = t->parser.toknext;
	room = t->next + t->ahead < TOKENS_ROOM ? t->next + t->ahead : TOKENS_ROOM;
	t->end = jsmn_parse(&t->parser, t->text, t->len, t->tok, room) != JSMN_ERROR_NOMEM;
	if (t->ahead < TOKENS_AHEAD)
		t->ahead *= 2;
}

const jsmntok_t *tokens_next(struct tokens *t)
{
	if (t->next == t->parser.toknext && !t->end)
		read_ahead(t);
	return t->next < t->parser.toknext ? &t->tok[t->next++] : NULL;
}
