/* Derived names and marks of an attachment: see attachment.h. */
#include "cni/attachment.h"

#include <errno.h>
#include <signal.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define MARK "cnibox "
#define HASH_START 0xcbf29ce484222325ull
#define SHORT_TAIL 17		/* '~' and the digits of a 64-bit hash */
#define MAKER_GROUP 0x63800000u /* no other software's groups */
#define PID_MASK 0x3fffffu	/* PID_MAX_LIMIT, include/linux/threads.h */

/* FNV-1a over the name and its NUL, so that "a","bc" and "ab","c" differ. */
static uint64_t hash_more(uint64_t h, const char *s)
{
	do {
		h ^= (unsigned char)*s;
		h *= 0x100000001b3ull;
	} while (*s++);
	return h;
}

/* FNV's high bits mix poorly in short inputs; 44 bits of the mixed value become the name. */
static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	h ^= h >> 33;
	return h;
}

static const char *name_shorten(const char *name, size_t limit, char *out)
{
	int head = (int)limit - SHORT_TAIL;

	if (strlen(name) <= limit)
		return name;
	snprintf(out, limit + 1, "%.*s~%016" PRIx64, head, name, mix(hash_more(HASH_START, name)));
	return out;
}

const char *attachment_short_network(const char *network, char out[static CNI_NETWORK_SHORT + 1])
{
	return name_shorten(network, CNI_NETWORK_SHORT, out);
}

const char *attachment_short_id(const char *container_id, char out[static CNI_ID_SHORT + 1])
{
	return name_shorten(container_id, CNI_ID_SHORT, out);
}

struct cni_attachment attachment_shorten(const struct cni_attachment *at,
					 struct attachment_names *buf)
{
	return (struct cni_attachment){
		.network = attachment_short_network(at->network, buf->network),
		.container_id = attachment_short_id(at->container_id, buf->container_id),
		.ifname = at->ifname,
	};
}

/* The name before '~' obeys the alphabet when the whole does with another letter there. */
static bool short_valid(const char *name, size_t limit, bool (*valid)(const char *name))
{
	char copy[CNI_ID_SHORT + 1];
	size_t len = strlen(name), head = limit - SHORT_TAIL;

	if (len > limit)
		return false;
	if (len < limit || name[head] != '~')
		return valid(name);
	memcpy(copy, name, len + 1);
	copy[head] = '-';
	return valid(copy) && strspn(copy + head + 1, "0123456789abcdef") == SHORT_TAIL - 1;
}

bool attachment_short_network_valid(const char *network)
{
	return short_valid(network, CNI_NETWORK_SHORT, cni_network_valid);
}

bool attachment_short_id_valid(const char *container_id)
{
	return short_valid(container_id, CNI_ID_SHORT, cni_id_valid);
}

bool attachment_network_is(const char *short_network, const char *network)
{
	char buf[CNI_NETWORK_SHORT + 1];

	return strcmp(short_network, attachment_short_network(network, buf)) == 0;
}

const char *attachment_host_name(const struct cni_attachment *at, char out[static IF_NAMESIZE])
{
	struct attachment_names buf;
	const struct cni_attachment brief = attachment_shorten(at, &buf);
	uint64_t h = HASH_START;

	h = hash_more(h, brief.network);
	h = hash_more(h, brief.container_id);
	h = mix(hash_more(h, at->ifname));
	snprintf(out, IF_NAMESIZE, "veth%011llx", (unsigned long long)(h & 0xfffffffffffull));
	return out;
}

const char *attachment_alias(const struct cni_attachment *at, char out[static LINK_ALIAS_SIZE])
{
	struct attachment_names buf;
	const struct cni_attachment brief = attachment_shorten(at, &buf);

	snprintf(out, LINK_ALIAS_SIZE, MARK "%s %s %s", brief.network, brief.container_id,
		 brief.ifname);
	return out;
}

bool attachment_parse(const char *alias, char buf[static LINK_ALIAS_SIZE],
		      struct cni_attachment *out)
{
	char *save = NULL;

	if (strncmp(alias, MARK, strlen(MARK)) != 0 ||
	    !str_copy(buf, LINK_ALIAS_SIZE, alias + strlen(MARK)))
		return false;
	out->network = strtok_r(buf, " ", &save);
	out->container_id = strtok_r(NULL, " ", &save);
	out->ifname = strtok_r(NULL, " ", &save);
	return out->ifname && !strtok_r(NULL, " ", &save);
}

bool attachment_owns(const struct cni_attachment *at, const struct link *l)
{
	char name[IF_NAMESIZE], alias[LINK_ALIAS_SIZE];

	return strcmp(l->name, attachment_host_name(at, name)) == 0 &&
	       strcmp(l->kind, "veth") == 0 &&
	       (!l->alias[0] || strcmp(l->alias, attachment_alias(at, alias)) == 0);
}

static bool has_maker_group(const struct link *l)
{
	return (l->group & ~PID_MASK) == MAKER_GROUP;
}

static bool has_dead_maker(const struct link *l)
{
	return has_maker_group(l) && kill((pid_t)(l->group & PID_MASK), 0) < 0 && errno == ESRCH;
}

bool attachment_owns_in_pod(const struct cni_attachment *at, const struct link *l)
{
	char alias[LINK_ALIAS_SIZE], made_as[IF_NAMESIZE];

	if (l->alias[0])
		return strcmp(l->alias, attachment_alias(at, alias)) == 0;
	if (strcmp(l->name, at->ifname) != 0 &&
	    strcmp(l->name, attachment_host_name(at, made_as)) != 0)
		return false;
	return has_dead_maker(l);
}

uint32_t attachment_group(void)
{
	return MAKER_GROUP | ((uint32_t)getpid() & PID_MASK);
}

bool attachment_in_flight(const struct link *l)
{
	return has_maker_group(l) && !has_dead_maker(l);
}

bool attachment_orphaned_in_pod(const struct link *l)
{
	return !l->alias[0] && has_dead_maker(l);
}

bool attachment_orphaned(const struct link *l)
{
	return strcmp(l->kind, "veth") == 0 && attachment_orphaned_in_pod(l);
}
