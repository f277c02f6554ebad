/* route_localnet: see ports_loop.h. */
#include "fw/ports_loop.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "cni/cni.h"
#include "fw/fw_private.h"
#include "net/sysctl.h"

static const char *path_of(const char *link, char out[static SYSCTL_LINK_PATH])
{
	return sysctl_link_path("ipv4", link, "route_localnet", out);
}

int ports_loop_open(const char *link, struct err *e)
{
	char path[SYSCTL_LINK_PATH];
	int r = sysctl_set(path_of(link, path), "1", e);

	return r < 0 ? r : 0;
}

int ports_loop_check(const char *link, struct err *e)
{
	char path[SYSCTL_LINK_PATH], value[8];
	int r = sysctl_get(path_of(link, path), value, sizeof(value), e);

	if (r >= 0 && strcmp(value, "1") != 0)
		r = err_set(e, EINVAL, "sysctl %s is %s: no port of 127.0.0.1 reaches the pod",
			    path, value);
	return r < 0 ? err_code(e, r, CNI_ERR_DIFFERS) : 0;
}

static int find_link(const struct nft_elem *el, void *arg)
{
	const char *link = arg;

	return strncmp(el->key[0].ifname, link, sizeof(el->key[0].ifname)) == 0 ? -EEXIST : 0;
}

static bool is_used(const struct fw_schema *s, const struct nft_set *loop, const char *link)
{
	char name[IF_NAMESIZE];
	struct nl *nl;

	memcpy(name, link, sizeof(name));
	return fw_open(&nl, err_ignored()) < 0 ||
	       nft_elem_each(nl, &s->table, loop, find_link, name, err_ignored()) < 0;
}

/* An ADD writes its element first and the knob then: what it wrote before we did is found here. */
void ports_loop_close(const struct fw_schema *s, const struct nft_set *loop, const char *link)
{
	char path[SYSCTL_LINK_PATH];
	struct err e = { 0 };
	int r;

	if (is_used(s, loop, link))
		return;
	r = sysctl_set(path_of(link, path), "0", &e);
	if (r > 0 && is_used(s, loop, link))
		r = sysctl_set(path, "1", &e);
	if (r < 0 && r != -ENOENT)
		log_line(LOG_WARN, "%s", e.text);
}
