/*
 * Regular expressions, as administrators write them into lists: literals, '.', classes, groups,
 * '|', '*', '+', '?', '^', '$', and \d \w \s. Matching takes time proportional to the text,
 * whatever the expression. What else the common kinds have (repetition in braces, flags, back
 * references) is refused, never taken for something else.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

struct err;

/* Does the expression match anywhere in text? 1, 0, or -EINVAL, which says what is wrong in it. */
int pattern_match(const char *pattern, const char *text, struct err *e);

#endif
