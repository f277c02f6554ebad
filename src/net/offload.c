/* See offload.h. */
#include "net/offload.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "base/err.h"
#include "base/text.h"

static int ask(const char *link, struct ethtool_value *v, struct err *e)
{
	struct ifreq ifr = { .ifr_data = (char *)v };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return err_errno(e, "open a socket");
	str_copy(ifr.ifr_name, sizeof(ifr.ifr_name), link);
	if (ioctl(fd, SIOCETHTOOL, &ifr) < 0)
		r = err_errno(e, "checksum offload of %s", link);
	close(fd);
	return r;
}

int offload_checksum(const char *link, bool *on, struct err *e)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GTXCSUM };
	struct err mine = { 0 };
	int r = ask(link, &v, &mine);

	*on = r == 0 && v.data != 0;
	return r < 0 && r != -EOPNOTSUPP && r != -ENODEV ? err_take(e, &mine) : 0;
}

int offload_set_checksum(const char *link, bool on, struct err *e)
{
	struct ethtool_value v = { .cmd = ETHTOOL_STXCSUM, .data = on };

	return ask(link, &v, e);
}
