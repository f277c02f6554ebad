/* The vocabulary of the CNI protocol: see cni.h. */
#include "cni/cni.h"

#include <net/if.h>
#include <string.h>

#include "base/text.h"

static const char *const versions[CNI_VERSIONS] = {
	[CNI_0_1_0] = "0.1.0", [CNI_0_2_0] = "0.2.0", [CNI_0_3_0] = "0.3.0", [CNI_0_3_1] = "0.3.1",
	[CNI_0_4_0] = "0.4.0", [CNI_1_0_0] = "1.0.0", [CNI_1_1_0] = "1.1.0",
};

static const char *const commands[] = {
	[CNI_ADD] = "ADD", [CNI_DEL] = "DEL",	    [CNI_CHECK] = "CHECK",
	[CNI_GC] = "GC",   [CNI_STATUS] = "STATUS", [CNI_VERSION] = "VERSION",
};

const char *cni_version_text(enum cni_version v)
{
	return versions[v];
}

bool cni_version_parse(const char *s, enum cni_version *out)
{
	int i = str_index(versions, CNI_VERSIONS, s);

	if (i >= 0)
		*out = (enum cni_version)i;
	return i >= 0;
}

const char *cni_command_text(enum cni_command c)
{
	return commands[c];
}

bool cni_command_parse(const char *s, enum cni_command *out)
{
	int i = str_index(commands, sizeof(commands) / sizeof(commands[0]), s);

	if (i >= 0)
		*out = (enum cni_command)i;
	return i >= 0;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool name_valid(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > CNI_NAME_MAX || !is_alnum(s[0]))
		return false;
	for (; *s; s++) {
		if (!is_alnum(*s) && !strchr("_.-", *s))
			return false;
	}
	return true;
}

bool cni_id_valid(const char *s)
{
	return name_valid(s);
}

bool cni_network_valid(const char *s)
{
	return name_valid(s);
}

bool cni_ifname_valid(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len >= IF_NAMESIZE || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return false;
	for (; *s; s++) {
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '/' || *s == ':')
			return false;
	}
	return true;
}
