/* Derived names and marks of an attachment: see attachment.h. */
#include "cni/attachment.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define MARK "cnibox "
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

const char *attachment_host_name(const struct cni_attachment *at, char out[static IF_NAMESIZE])
{
	uint64_t h = 0xcbf29ce484222325ull;

	h = hash_more(h, at->network);
	h = hash_more(h, at->container_id);
	h = mix(hash_more(h, at->ifname));
	snprintf(out, IF_NAMESIZE, "veth%011llx", (unsigned long long)(h & 0xfffffffffffull));
	return out;
}

const char *attachment_alias(const struct cni_attachment *at, char out[static LINK_ALIAS_SIZE])
{
	snprintf(out, LINK_ALIAS_SIZE, MARK "%s %s %s", at->network, at->container_id, at->ifname);
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
	char alias[LINK_ALIAS_SIZE];

	if (strcmp(l->name, at->ifname) != 0)
		return false;
	return l->alias[0] ? strcmp(l->alias, attachment_alias(at, alias)) == 0 : has_dead_maker(l);
}

uint32_t attachment_group(void)
{
	return MAKER_GROUP | ((uint32_t)getpid() & PID_MASK);
}

bool attachment_in_flight(const struct link *l)
{
	return has_maker_group(l) && !has_dead_maker(l);
}

bool attachment_orphaned(const struct link *l)
{
	return strcmp(l->kind, "veth") == 0 && !l->alias[0] && has_dead_maker(l);
}
