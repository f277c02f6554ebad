/* A JSON value written anew: see reformat.h. */
#include "json/reformat.h"

#include "base/err.h"
#include "json/scan.h"

/* v is what scan_value() gave; deeper than a document may be the scanner does not go. */
static void put_value(struct json_writer *w, struct scan *s, struct json_raw v)
{
	char open = v.text[0];
	struct json_raw key;

	if (open != '{' && open != '[') {
		json_put_raw(w, v);
		return;
	}
	json_open(w, open);
	while (scan_member(s, &key) > 0 && scan_value(s, &v) == 0) {
		if (key.text)
			json_key_raw(w, key);
		put_value(w, s, v);
	}
	json_close(w, open == '{' ? '}' : ']');
}

void json_put_reformatted(struct json_writer *w, struct json_raw v)
{
	struct scan s;

	if (scan_begin(&s, v, "", err_ignored()) == 0 && scan_value(&s, &v) == 0)
		put_value(w, &s, v);
}
