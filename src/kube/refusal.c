/* See refusal.h. */
#include "kube/refusal.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

void refusal_message(struct json_raw raw, char out[static REFUSAL_MESSAGE_MAX])
{
	size_t len;

	if (!raw.text || raw.len < 2 || raw.text[0] != '"')
		return;
	len = raw.len - 2 < REFUSAL_MESSAGE_MAX ? raw.len - 2 : REFUSAL_MESSAGE_MAX - 1;
	memcpy(out, raw.text + 1, len);
	out[len] = '\0';
}

int refusal_explain(unsigned int code, const char *verb, const char *resource, const char *message,
		    struct err *e)
{
	const char *colon = message[0] ? ": " : "";

	switch (code) {
	case HTTP_UNAUTHORIZED:
		return err_set(e, EACCES,
			       "%s %s: the API server does not accept the credentials (401)", verb,
			       resource);
	case HTTP_FORBIDDEN:
		return err_set(e, EACCES,
			       "%s %s: missing right: the verb \"%s\" on %s (RBAC, 403)%s%s", verb,
			       resource, verb, resource, colon, message);
	case HTTP_NOT_FOUND:
		return err_set(e, ENOENT, "%s %s: there is no such API at this server (404)%s%s",
			       verb, resource, colon, message);
	default:
		return err_set(e, EBUSY, "%s %s: the API server answers %u%s%s", verb, resource,
			       code, colon, message);
	}
}
