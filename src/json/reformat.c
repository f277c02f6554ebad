/* A JSON value written anew: see reformat.h. */
#include "json/reformat.h"

/* Deep enough a document would be refused by the grammar check before it came here. */
void json_put_reformatted(struct json_writer *w, struct json_raw v)
{
	struct json_iter it = json_members(v);
	char open = v.text[0];
	struct json_raw key, value;

	if (open != '{' && open != '[') {
		json_put_raw(w, v);
		return;
	}
	json_open(w, open);
	while (json_next(&it, &key, &value)) {
		if (key.text)
			json_key_raw(w, key);
		json_put_reformatted(w, value);
	}
	json_close(w, open == '{' ? '}' : ']');
}
