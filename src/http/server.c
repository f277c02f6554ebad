/* Where a server is: see http.h. */
#include "http/http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"

#define SCHEME "https://"
#define PORT_DEFAULT 443

static bool copy_range(char *out, size_t size, const char *s, size_t len)
{
	if (len >= size)
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

/* "HOST" or "[ADDRESS]"; returns what is behind it, or NULL. */
static const char *parse_host(struct http_server *s, const char *at)
{
	struct addr a;
	size_t len;

	if (*at == '[') {
		len = strcspn(++at, "]");
		if (!at[len] || !copy_range(s->host, sizeof(s->host), at, len) ||
		    !addr_parse(s->host, &a) || a.family != AF_INET6)
			return NULL;
		return at + len + 1;
	}
	len = strcspn(at, ":/?#@");
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)at[i] <= ' ' || at[i] == 0x7f)
			return NULL;
	}
	return len > 0 && copy_range(s->host, sizeof(s->host), at, len) ? at + len : NULL;
}

static const char *parse_port(struct http_server *s, const char *at)
{
	unsigned long port;
	size_t len;

	s->port = PORT_DEFAULT;
	if (*at != ':')
		return at;
	len = strspn(++at, "0123456789");
	port = len > 0 && len < 6 ? strtoul(at, NULL, 10) : 0;
	if (port == 0 || port > UINT16_MAX)
		return NULL;
	s->port = (uint16_t)port;
	return at + len;
}

int http_server_parse(struct http_server *s, const char *url, struct err *e)
{
	const char *at = url;
	size_t len;

	*s = (struct http_server){ 0 };
	if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
		return err_set(e, EINVAL, "server \"%s\": expected " SCHEME "HOST:PORT", url);
	at = parse_host(s, at + strlen(SCHEME));
	at = at ? parse_port(s, at) : NULL;
	if (!at || (*at && *at != '/') || strpbrk(at, "?#@ \t\r\n"))
		return err_set(e, EINVAL, "server \"%s\": expected " SCHEME "HOST:PORT", url);
	len = strlen(at);
	while (len > 0 && at[len - 1] == '/')
		len--;
	if (!copy_range(s->path, sizeof(s->path), at, len))
		return err_set(e, EINVAL, "server \"%s\": the path is too long", url);
	return 0;
}

static void add_address(struct http_server *s, const struct addrinfo *ai)
{
	struct addr a = { .family = (uint8_t)ai->ai_family };
	struct sockaddr_in6 in6;
	struct sockaddr_in in4;

	if (ai->ai_family == AF_INET) {
		memcpy(&in4, ai->ai_addr, sizeof(in4));
		memcpy(a.bytes, &in4.sin_addr, sizeof(in4.sin_addr));
	} else if (ai->ai_family == AF_INET6) {
		memcpy(&in6, ai->ai_addr, sizeof(in6));
		memcpy(a.bytes, &in6.sin6_addr, sizeof(in6.sin6_addr));
	} else {
		return;
	}
	if (s->address_count < HTTP_ADDRESSES_MAX)
		s->addresses[s->address_count++] = a;
}

int http_server_resolve(struct http_server *s, struct err *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int r;

	s->address_count = 0;
	if (addr_parse(s->host, &s->addresses[0])) {
		s->address_count = 1;
		return 0;
	}
	r = getaddrinfo(s->host, NULL, &hints, &found);
	if (r != 0)
		return err_set(e, EHOSTUNREACH, "%s: no address: %s", s->host, gai_strerror(r));
	for (const struct addrinfo *ai = found; ai; ai = ai->ai_next)
		add_address(s, ai);
	freeaddrinfo(found);
	return s->address_count ? 0 : err_set(e, EHOSTUNREACH, "%s: no address", s->host);
}
