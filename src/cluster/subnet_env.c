/* What flannel's daemon writes down: see subnet_env.h. */
#include "cluster/subnet_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/file.h"
#include "cni/cni.h"

#define ENV_MAX 16384

static bool take_prefix(const char *text, uint8_t family, struct prefix *out)
{
	struct prefix p;

	if (!prefix_parse(text, &p) || p.addr.family != family)
		return false;
	*out = prefix_masked(&p);
	return true;
}

static bool take_networks(struct subnet_env *s, char *list, uint8_t family)
{
	const char *word;

	while ((word = strsep(&list, ","))) {
		if (s->network_count == SUBNET_ENV_NETWORKS ||
		    !take_prefix(word, family, &s->networks[s->network_count]))
			return false;
		s->network_count++;
	}
	return true;
}

static bool take_line(struct subnet_env *s, const char *key, char *value)
{
	char *end;

	if (strcmp(key, "FLANNEL_NETWORK") == 0)
		return take_networks(s, value, AF_INET);
	if (strcmp(key, "FLANNEL_IPV6_NETWORK") == 0)
		return take_networks(s, value, AF_INET6);
	if (strcmp(key, "FLANNEL_SUBNET") == 0)
		return take_prefix(value, AF_INET, &s->subnet);
	if (strcmp(key, "FLANNEL_IPV6_SUBNET") == 0)
		return take_prefix(value, AF_INET6, &s->subnet6);
	if (strcmp(key, "FLANNEL_IPMASQ") == 0) {
		s->has_masq = true;
		s->masq = strcmp(value, "true") == 0;
	}
	if (strcmp(key, "FLANNEL_MTU") == 0) {
		s->mtu = strtoul(value, &end, 10);
		s->has_mtu = true;
		return *value >= '0' && *value <= '9' && !*end && s->mtu <= 65535;
	}
	return true;
}

static const char *missing(const struct subnet_env *s)
{
	if (!s->network_count)
		return "FLANNEL_NETWORK or FLANNEL_IPV6_NETWORK";
	if (!addr_is_set(&s->subnet.addr) && !addr_is_set(&s->subnet6.addr))
		return "FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET";
	if (!s->has_mtu)
		return "FLANNEL_MTU";
	return s->has_masq ? NULL : "FLANNEL_IPMASQ";
}

int subnet_env_read(const char *file, struct subnet_env *out, struct err *e)
{
	static char text[ENV_MAX];
	char *at = text, *line;
	ssize_t len = file_read(AT_FDCWD, file, text, sizeof(text), e);

	if (len < 0)
		return err_code(e, err_ctx(e, (int)len, "subnetFile"), CNI_ERR_TRY_AGAIN);
	*out = (struct subnet_env){ 0 };
	while ((line = strsep(&at, "\n"))) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		value[strcspn(value, "\r")] = '\0';
		if (!take_line(out, line, value))
			return err_code(e,
					err_set(e, EINVAL, "subnetFile %.200s: %.40s=%.60s", file,
						line, value),
					CNI_ERR_CONFIG);
	}
	if (missing(out))
		return err_code(
			e,
			err_set(e, EAGAIN, "subnetFile %.200s: %s is missing", file, missing(out)),
			CNI_ERR_TRY_AGAIN);
	return 0;
}
