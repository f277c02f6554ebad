/* What the pods are attached with. A new plugin is one row: alone, or in a list that cnitool runs.
 */
#include "soak.h"

#include <stdio.h>

#define BRIDGE                                                                                     \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"soak-bridge\",\"type\":\"bridge\",\"bridge\":"       \
	"\"cni0\",\"isDefaultGateway\":true,"                                                      \
	"\"ipMasq\":true,\"hairpinMode\":true,\"ipam\":{\"type\":\"host-local\","                  \
	"\"ranges\":[[{\"subnet\":\"10.11.0.0/24\"}],[{\"subnet\":\"fd00:11::/64\"}]]}}"
#define BASH_CNI                                                                                   \
	"{\"cniVersion\":\"0.4.0\",\"name\":\"soak-bash\",\"type\":\"bash-cni\",\"bridge\":"       \
	"\"cni1\",\"network\":\"10.12.0.0/16\","                                                   \
	"\"subnet\":\"10.12.7.0/24\",\"logMaxSize\":600}" /* so that the log rotates at each call, \
							     and their number is always the same   \
							   */
#define PTP                                                                                        \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"soak-ptp\",\"type\":\"ptp\",\"ipMasq\":true,"        \
	"\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.14.0.0/24\"}}"
#define MACVLAN                                                                                    \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"soak-macvlan\",\"type\":\"macvlan\","                \
	"\"master\":\"up0\",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.15.0.0/24\"}}"
#define IPVLAN                                                                                     \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"soak-ipvlan\",\"type\":\"ipvlan\","                  \
	"\"master\":\"up2\",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.19.0.0/24\"}}"
#define VLAN                                                                                       \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"soak-vlan\",\"type\":\"vlan\",\"vlanId\":#,"         \
	"\"master\":\"up0\",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.20.0.0/24\"}}"
#define HOST_DEVICE                                                                                \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"soak-device\",\"type\":\"host-device\","             \
	"\"device\":\"dev#\",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.21.0.0/24\"}}"
#define TAP                                                                                        \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"soak-tap\",\"type\":\"tap\","                        \
	"\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.18.0.0/24\"}}"
#define DHCP                                                                                       \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"soak-dhcp\",\"type\":\"bridge\",\"bridge\":"         \
	"\"lan0\","                                                                                \
	"\"ipam\":{\"type\":\"dhcp\"}}"
#define CHAIN                                                                                      \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"soak-chain\",\"plugins\":[{\"type\":\"bridge\","     \
	"\"bridge\":\"cni2\",\"isGateway\":true,"                                                  \
	"\"ipMasq\":true,\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.13.0.0/"                \
	"24\"}},{\"type\":\"loopback\"},{\"type\":\"tuning\",\"mtu\":1400},"                       \
	"{\"type\":\"firewall\",\"ingressPolicy\":\"isolated\"}]}\n"
#define PORTS                                                                                      \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"soak-ports\",\"plugins\":[{\"type\":\"bridge\","     \
	"\"bridge\":\"cni3\",\"isGateway\":true,\"ipam\":{\"type\":\"host-local\",\"ranges\":"     \
	"[[{\"subnet\":\"10.16.0.0/24\"}],[{\"subnet\":\"fd00:16::/64\"}]]}},"                     \
	"{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}}]}\n"
#define UNDERLAY                                                                                   \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"soak-underlay\",\"plugins\":[{\"type\":"             \
	"\"macvlan\",\"master\":\"up0\",\"ipam\":{\"type\":\"host-local\",\"subnet\":"             \
	"\"10.17.0.0/24\"}},{\"type\":\"veth-host\",\"ipMasq\":true}]}\n"
#define CNITOOL(network)                                                                           \
	{                                                                                          \
		"cnitool add " network " /run/netns/%s", "cnitool del " network " /run/netns/%s",  \
			"cnitool check " network " /run/netns/%s"                                  \
	}

static const struct row all[] = {
	{ .subject = { .name = "bridge", .program = "bridge", .config = BRIDGE },
	  .share = 5,
	  .network = "soak-bridge",
	  .subnets = { "10.11.0.0/24", "fd00:11::/64" } },
	{ .subject = { .name = "bash-cni", .program = "bash-cni", .config = BASH_CNI },
	  .share = 3,
	  .network = "soak-bash",
	  .subnets = { "10.12.7.0/24" } },
	{ .subject = { .name = "ptp", .program = "ptp", .config = PTP },
	  .share = 2,
	  .network = "soak-ptp",
	  .subnets = { "10.14.0.0/24" } },
	{ .subject = { .name = "macvlan", .program = "macvlan", .config = MACVLAN },
	  .share = 2,
	  .network = "soak-macvlan",
	  .subnets = { "10.15.0.0/24" } },
	{ .subject = { .name = "ipvlan", .program = "ipvlan", .config = IPVLAN, .kind = "ipvlan" },
	  .share = 2,
	  .network = "soak-ipvlan",
	  .subnets = { "10.19.0.0/24" } },
	{ .subject = { .name = "vlan", .program = "vlan", .config = VLAN, .kind = "vlan id 9" },
	  .share = 1,
	  .network = "soak-vlan",
	  .subnets = { "10.20.0.0/24" } },
	{ .subject = { .name = "device", .program = "host-device", .config = HOST_DEVICE },
	  .share = 1,
	  .device = "dev",
	  .network = "soak-device",
	  .subnets = { "10.21.0.0/24" } },
	{ .subject = { .name = "tap", .program = "tap", .config = TAP },
	  .share = 1,
	  .network = "soak-tap",
	  .subnets = { "10.18.0.0/24" } },
	{ .subject = { .name = "dhcp", .program = "bridge", .config = DHCP },
	  .share = 1,
	  .subnets = { LAN_SUBNET } },
	{ .subject = { .name = "chain", .lines = CNITOOL("soak-chain") },
	  .share = 2,
	  .conflist = CHAIN,
	  .network = "soak-chain",
	  .subnets = { "10.13.0.0/24" } },
	{ .subject = { .name = "ports", .lines = CNITOOL("soak-ports"), .first_port = 20000 },
	  .share = 2,
	  .conflist = PORTS,
	  .network = "soak-ports",
	  .subnets = { "10.16.0.0/24", "fd00:16::/64" } },
	{ .subject = { .name = "underlay", .lines = CNITOOL("soak-underlay") },
	  .share = 2,
	  .conflist = UNDERLAY,
	  .network = "soak-underlay",
	  .subnets = { "10.17.0.0/24" } },
};

_Static_assert(sizeof(all) / sizeof(all[0]) <= ROWS_MAX, "more rows than have a series of times");
struct row rows[ROWS_MAX];
unsigned int row_count;

void rows_choose(void)
{
	for (unsigned int r = 0; r < sizeof(all) / sizeof(all[0]); r++) {
		const char *kind = all[r].subject.kind;

		if (!kind || kernel_has(kind))
			rows[row_count++] = all[r];
		else
			printf("no pods of %s: this kernel has no links of kind %s\n",
			       all[r].subject.name, kind);
	}
}

/* Whoever is the furthest behind its share is next: the first pods see every row. */
const struct row *row_of(unsigned int pod)
{
	unsigned int had[ROWS_MAX] = { 0 }, next = 0;

	for (unsigned int i = 0; i <= pod; i++) {
		next = 0;
		for (unsigned int r = 1; r < row_count; r++)
			if (had[r] * rows[next].share < had[next] * rows[r].share)
				next = r;
		had[next]++;
	}
	return &rows[next];
}

void rows_files(void)
{
	char path[128];

	for (unsigned int r = 0; r < row_count; r++) {
		if (!rows[r].conflist)
			continue;
		snprintf(path, sizeof(path), "/etc/cni/sweep/%s.conflist", rows[r].network);
		file_write(path, rows[r].conflist);
	}
}
