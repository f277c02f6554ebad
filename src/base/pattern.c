/*
 * Regular expressions: see pattern.h.
 *
 * An expression becomes a program of tests and jumps, and the text is walked once with the set of
 * all places of the program that it may be at. Jumps are relative, so code can be moved.
 */
#include "base/pattern.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#define CODE_MAX 512
#define DEPTH_MAX 16 /* of groups */

enum op { OP_SET, OP_SPLIT, OP_JUMP, OP_BEGIN, OP_END, OP_MATCH };

struct inst {
	enum op op;
	int to, other;	 /* relative */
	uint8_t set[32]; /* of bytes */
};

struct program {
	struct inst code[CODE_MAX];
	int len;
	unsigned int depth;
	const char *at;
	const char *why; /* it cannot be compiled */
};

static void fail(struct program *p, const char *why)
{
	if (!p->why)
		p->why = why;
}

static void set_add(uint8_t *set, unsigned int from, unsigned int to)
{
	for (unsigned int c = from; c <= to; c++)
		set[c / 8] |= (uint8_t)(1u << c % 8);
}

static void set_invert(uint8_t *set)
{
	for (unsigned int i = 0; i < 32; i++)
		set[i] = (uint8_t)~set[i];
}

/* The code from here on moves by one, to make room. */
static struct inst *insert(struct program *p, int where, enum op op)
{
	static struct inst spare;

	if (p->len == CODE_MAX) {
		fail(p, "it is too long");
		return &spare;
	}
	memmove(&p->code[where + 1], &p->code[where],
		(size_t)(p->len - where) * sizeof(p->code[0]));
	p->len++;
	memset(&p->code[where], 0, sizeof(p->code[0]));
	p->code[where].op = op;
	return &p->code[where];
}

static struct inst *append(struct program *p, enum op op)
{
	return insert(p, p->len, op);
}

/* Behind a backslash. */
static bool add_escape(uint8_t *set, char c)
{
	if (c == 'd' || c == 'w')
		set_add(set, '0', '9');
	if (c == 'w') {
		set_add(set, 'a', 'z');
		set_add(set, 'A', 'Z');
		set_add(set, '_', '_');
	}
	if (c == 's') {
		set_add(set, '\t', '\r');
		set_add(set, ' ', ' ');
	}
	if (c == 'd' || c == 'w' || c == 's')
		return true;
	if (!c || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return false;
	set_add(set, (uint8_t)c, (uint8_t)c);
	return true;
}

static void parse_range(struct program *p, uint8_t *set)
{
	uint8_t from = (uint8_t)*p->at++, to = from;

	if (p->at[0] == '-' && p->at[1] && p->at[1] != ']') {
		to = (uint8_t)p->at[1];
		p->at += 2;
		if (to == '\\' || to < from)
			fail(p, "a range in brackets is none");
	}
	if (to >= from)
		set_add(set, from, to);
}

/* Behind the '['. */
static void parse_class(struct program *p)
{
	struct inst *i = append(p, OP_SET);
	bool inverted = *p->at == '^', first = true;

	p->at += inverted;
	while (*p->at && (first || *p->at != ']')) {
		first = false;
		if (p->at[0] == '[' && p->at[1] == ':') {
			fail(p, "names in brackets ([:alpha:]) are not known");
			return;
		}
		if (*p->at != '\\') {
			parse_range(p, i->set);
		} else if (add_escape(i->set, p->at[1])) {
			p->at += 2;
		} else {
			fail(p, "a backslash stands before what it says nothing of");
			return;
		}
	}
	if (*p->at != ']')
		fail(p, "a bracket is not closed");
	else
		p->at++;
	if (inverted)
		set_invert(i->set);
}

static void parse_choice(struct program *p);

static void parse_group(struct program *p)
{
	if (p->at[0] == '?' && p->at[1] == ':')
		p->at += 2;
	else if (p->at[0] == '?')
		fail(p, "(? is not known, but for (?:");
	if (++p->depth > DEPTH_MAX)
		fail(p, "groups are too deep");
	if (!p->why)
		parse_choice(p);
	p->depth--;
	if (*p->at == ')')
		p->at++;
	else
		fail(p, "a group is not closed");
}

static void parse_atom(struct program *p)
{
	char c = *p->at++;

	if (c == '(') {
		parse_group(p);
	} else if (c == '[') {
		parse_class(p);
	} else if (c == '^') {
		append(p, OP_BEGIN);
	} else if (c == '$') {
		append(p, OP_END);
	} else if (c == '.') {
		set_invert(append(p, OP_SET)->set);
	} else if (c == '\\') {
		if (add_escape(append(p, OP_SET)->set, *p->at))
			p->at++;
		else
			fail(p, "a backslash stands before what it says nothing of");
	} else if (strchr("*+?{", c)) {
		fail(p,
		     c == '{' ? "repetition in braces is not known" : "there is nothing to repeat");
	} else {
		set_add(append(p, OP_SET)->set, (uint8_t)c, (uint8_t)c);
	}
}

/* What stands from start on, as often as the next character says. */
static void parse_repeat(struct program *p, int start)
{
	int len = p->len - start;
	struct inst *i;

	if (*p->at == '{')
		fail(p, "repetition in braces is not known");
	if (!*p->at || !strchr("*+?", *p->at))
		return;
	if (*p->at == '+') {
		i = append(p, OP_SPLIT);
		i->to = -len;
		i->other = 1;
	} else {
		i = insert(p, start, OP_SPLIT);
		i->to = 1;
		i->other = len + 1 + (*p->at == '*');
		if (*p->at == '*')
			append(p, OP_JUMP)->to = -len - 1;
	}
	p->at++;
	p->at += *p->at == '?'; /* the shortest match is a match */
}

static void parse_sequence(struct program *p)
{
	while (!p->why && *p->at && *p->at != '|' && *p->at != ')') {
		int start = p->len;

		parse_atom(p);
		parse_repeat(p, start);
	}
}

/* Code that moves takes its jumps with it, for they are inside of it. */
static void parse_choice(struct program *p)
{
	int start = p->len, jump;

	parse_sequence(p);
	if (p->why || *p->at != '|')
		return;
	p->at++;
	insert(p, start, OP_SPLIT)->to = 1;
	jump = p->len;
	append(p, OP_JUMP);
	parse_choice(p);
	if (p->why)
		return;
	p->code[start].other = jump + 1 - start;
	p->code[jump].to = p->len - jump;
}

struct places {
	bool at[CODE_MAX];
};

struct walk {
	const struct program *p;
	const char *text, *c;
};

static void enter(const struct walk *w, struct places *set, int where)
{
	const struct inst *i = &w->p->code[where];

	if (set->at[where])
		return;
	set->at[where] = true;
	if (i->op == OP_JUMP || i->op == OP_SPLIT)
		enter(w, set, where + i->to);
	if (i->op == OP_SPLIT)
		enter(w, set, where + i->other);
	if ((i->op == OP_BEGIN && w->c == w->text) || (i->op == OP_END && !*w->c))
		enter(w, set, where + 1);
}

static void step(const struct walk *w, const struct places *from, struct places *to)
{
	memset(to, 0, sizeof(*to));
	for (int i = 0; i < w->p->len; i++) {
		const struct inst *in = &w->p->code[i];
		uint8_t c = (uint8_t)w->c[-1];

		if (!from->at[i] || in->op != OP_SET || !(in->set[c / 8] >> c % 8 & 1))
			continue;
		enter(w, to, i + 1);
	}
}

static bool run(const struct program *p, const char *text)
{
	static struct places places[2];
	struct walk w = { .p = p, .text = text, .c = text };
	struct places *now = &places[0], *next = &places[1], *swap;

	memset(now, 0, sizeof(*now));
	while (true) {
		enter(&w, now, 0); /* a match may begin anywhere */
		if (now->at[p->len - 1])
			return true;
		if (!*w.c)
			return false;
		w.c++;
		step(&w, now, next);
		swap = now;
		now = next;
		next = swap;
	}
}

int pattern_match(const char *pattern, const char *text, struct err *e)
{
	static struct program p;

	p.len = 0;
	p.depth = 0;
	p.why = NULL;
	p.at = pattern;
	parse_choice(&p);
	if (*p.at == ')')
		fail(&p, "a group is closed that is not open");
	append(&p, OP_MATCH);
	if (p.why)
		return err_set(e, EINVAL, "\"%.64s\": %s", pattern, p.why);
	return run(&p, text);
}
