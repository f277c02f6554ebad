/*
 * What is swept. A new plugin is one line here: its name, its configuration, the verbs worth
 * sweeping. A chained plugin is a line with the configuration that cnitool runs.
 */
#include "sweep.h"

#include <stdio.h>
#include <string.h>

const char *const verb_names[VERBS] = { "ADD", "DEL", "CHECK", "GC" };

#define BRIDGE                                                                                     \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net1\",\"type\":\"bridge\",\"bridge\":\"cni0\","     \
	"\"isDefaultGateway\":true,"                                                               \
	"\"ipMasq\":true,\"hairpinMode\":true,\"ipam\":{\"type\":\"host-local\","                  \
	"\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"}],[{\"subnet\":\"fd00:1::/64\"}]]}}"
#define PLAIN                                                                                      \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"net2\",\"type\":\"bridge\",\"bridge\":\"cni1\","     \
	"\"isGateway\":true,"                                                                      \
	"\"macspoofchk\":true,\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.2.0.0/24\"}}"
#define BRIDGE_VLAN                                                                                \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net12\",\"type\":\"bridge\",\"bridge\":\"cni4\","    \
	"\"isDefaultGateway\":true,\"vlan\":5,\"vlanTrunk\":[{\"minID\":7,\"maxID\":9}],"          \
	"\"preserveDefaultVlan\":false,\"ipam\":{\"type\":\"host-local\","                         \
	"\"ranges\":[[{\"subnet\":\"10.12.0.0/24\"}],[{\"subnet\":\"fd00:12::/64\"}]]}}"
#define BASH_CNI                                                                                   \
	"{\"cniVersion\":\"0.4.0\",\"name\":\"my-cni-demo\",\"type\":\"bash-cni\",\"network\":"    \
	"\"10.244.0.0/16\","                                                                       \
	"\"subnet\":\"10.244.0.0/24\"}"
#define MY_CNI                                                                                     \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"net4\",\"type\":\"my-cni\",\"podcidr\":"             \
	"\"10.5.0.0/24\"}"
#define PTP                                                                                        \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net5\",\"type\":\"ptp\",\"ipMasq\":true,"            \
	"\"ipam\":{\"type\":\"host-local\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}],"                  \
	"\"ranges\":[[{\"subnet\":\"10.6.0.0/24\"}],[{\"subnet\":\"fd00:6::/64\"}]]}}"
#define DUMMY                                                                                      \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net6\",\"type\":\"dummy\","                          \
	"\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.7.0.0/24\"}}"
#define MACVLAN                                                                                    \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net7\",\"type\":\"macvlan\",\"master\":\"up0\","     \
	"\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"192.168.5.0/24\","           \
	"\"rangeStart\":\"192.168.5.100\"}],[{\"subnet\":\"fd05::/64\"}]]}}"
#define IPVLAN                                                                                     \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net8\",\"type\":\"ipvlan\",\"master\":\"up0\","      \
	"\"ipam\":{\"type\":\"host-local\",\"subnet\":\"192.168.5.0/24\","                         \
	"\"rangeStart\":\"192.168.5.100\"}}"
#define TAP                                                                                        \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net11\",\"type\":\"tap\",\"owner\":7,"               \
	"\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.11.0.0/24\"}],"           \
	"[{\"subnet\":\"fd00:11::/64\"}]]}}"
#define VLAN                                                                                       \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net9\",\"type\":\"vlan\",\"master\":\"up0\","        \
	"\"vlanId\":5,\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.9.0.0/24\"}}"
#define HOST_DEVICE                                                                                \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net10\",\"type\":\"host-device\","                   \
	"\"device\":\"up1\",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"192.168.5.0/24\","      \
	"\"rangeStart\":\"192.168.5.100\"}}"
#define HOST_LOCAL                                                                                 \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net3\",\"type\":\"none\",\"ipam\":{\"type\":\"host-" \
	"local\","                                                                                 \
	"\"ranges\":[[{\"subnet\":\"10.3.0.0/24\"}],[{\"subnet\":\"fd00:3::/64\"}]]}}"
#define STATIC                                                                                     \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net7\",\"type\":\"ptp\",\"ipam\":{\"type\":"         \
	"\"static\","                                                                              \
	"\"addresses\":[{\"address\":\"10.8.0.5/24\"},{\"address\":\"fd00:8::5/64\"}]}}"
#define FLANNEL                                                                                    \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net8\",\"type\":\"flannel\",\"subnetFile\":"         \
	"\"/etc/cni/sweep/"                                                                        \
	"subnet.env\",\"delegate\":{\"bridge\":\"cni3\",\"isDefaultGateway\":true}}"
#define PORTMAP                                                                                    \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net9\",\"type\":\"portmap\",\"runtimeConfig\":{"     \
	"\"portMappings\":[{\"hostPort\":808@,\"containerPort\":80,\"protocol\":\"tcp\"},{"        \
	"\"hostPort\":535@,\"containerPort\":53,\"protocol\":\"udp\",\"hostIP\":\"127.0.0.1\"}]}," \
	"\"prevResult\":{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"lo\"},{\"name\":"    \
	"\"eth0\",\"sandbox\":\"/run/netns/a\"}],\"ips\":[{\"address\":\"10.8.0.1@/24\","          \
	"\"interface\":1},{\"address\":\"fd00:8::1@/64\",\"interface\":1}]}}"
#define FIREWALL                                                                                   \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"net11\",\"type\":\"firewall\",\"prevResult\":{"      \
	"\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"lo\"},{\"name\":\"eth0\","           \
	"\"sandbox\":\"/run/netns/a\"}],\"ips\":[{\"address\":\"10.8.1.1@/24\",\"interface\":1},"  \
	"{\"address\":\"fd00:8:1::1@/64\",\"interface\":1}]},\"ingressPolicy\":\"same-bridge\"}"
#define LOOPBACK "{\"cniVersion\":\"1.1.0\",\"name\":\"lo\",\"type\":\"loopback\"}"
/* Behind ptp, in a list of the plugin's name. */
#define BEHIND_PTP(plugin)                                                                         \
	.name = plugin, .program = plugin, .verbs = "ADD DEL CHECK",                               \
	.lines = { "cnitool add " plugin " /run/netns/%s", "cnitool del " plugin " /run/netns/%s", \
		   "cnitool check " plugin " /run/netns/%s" }
#define NODE "cnibox node "
#define CLUSTER " -f /etc/cni/sweep/cluster.json"
#define VXLAN_CLUSTER " -f /etc/cni/sweep/vxlan.json"

const struct subject subjects[] = {
	{ .name = "bridge",
	  .program = "bridge",
	  .config = BRIDGE,
	  .verbs = "ADD DEL CHECK GC",
	  .stays = true },
	{ .name = "plain",
	  .program = "bridge",
	  .config = PLAIN,
	  .verbs = "ADD DEL",
	  .stays = true },
	{ .name = "bridge-vlan",
	  .program = "bridge",
	  .config = BRIDGE_VLAN,
	  .verbs = "ADD DEL CHECK GC",
	  .stays = true,
	  .kind = "bridge vlan_filtering 1" },
	{ .name = "bash-cni",
	  .program = "bash-cni",
	  .config = BASH_CNI,
	  .verbs = "ADD DEL CHECK",
	  .stays = true },
	{ .name = "my-cni", .program = "my-cni", .config = MY_CNI, .verbs = "ADD", .stays = true },
	{ .name = "ptp",
	  .program = "ptp",
	  .config = PTP,
	  .verbs = "ADD DEL CHECK GC",
	  .stays = true },
	{ .name = "dummy",
	  .program = "dummy",
	  .config = DUMMY,
	  .verbs = "ADD DEL CHECK GC",
	  .kind = "dummy" },
	{ .name = "macvlan",
	  .program = "macvlan",
	  .config = MACVLAN,
	  .verbs = "ADD DEL CHECK GC",
	  .kind = "macvlan" },
	{ .name = "tap", .program = "tap", .config = TAP, .verbs = "ADD DEL CHECK GC" },
	{ .name = "ipvlan",
	  .program = "ipvlan",
	  .config = IPVLAN,
	  .verbs = "ADD DEL CHECK GC",
	  .kind = "ipvlan" },
	{ .name = "vlan",
	  .program = "vlan",
	  .config = VLAN,
	  .verbs = "ADD DEL CHECK GC",
	  .alone = true,
	  .kind = "vlan id 5" },
	{ .name = "host-device",
	  .program = "host-device",
	  .config = HOST_DEVICE,
	  .verbs = "ADD DEL CHECK GC",
	  .lends = true },
	{ .name = "host-local",
	  .program = "host-local",
	  .config = HOST_LOCAL,
	  .verbs = "ADD DEL CHECK GC" },
	{ .name = "static", .program = "static", .config = STATIC, .verbs = "ADD DEL CHECK" },
	{ .name = "flannel",
	  .program = "flannel",
	  .config = FLANNEL,
	  .verbs = "ADD DEL CHECK GC",
	  .stays = true },
	{ .name = "portmap", .program = "portmap", .config = PORTMAP, .verbs = "ADD DEL CHECK GC" },
	{ .name = "firewall",
	  .program = "firewall",
	  .config = FIREWALL,
	  .verbs = "ADD DEL CHECK GC" },
	{ .name = "firewall-legacy",
	  .program = "firewall",
	  .config = FIREWALL,
	  .verbs = "ADD DEL CHECK GC",
	  .alone = true, /* so that it is the one who puts the rules there */
	  .legacy = true },
	{ .name = "loopback",
	  .program = "loopback",
	  .config = LOOPBACK,
	  .verbs = "ADD CHECK",
	  .loopback = true },
	{ BEHIND_PTP("bandwidth"), .kind = "ifb" },
	{ BEHIND_PTP("sbr") },
	{ BEHIND_PTP("vrf"), .kind = "vrf table 9" },
	{ BEHIND_PTP("tuning") },
	{ BEHIND_PTP("veth-host") },
	{ .name = "cnitool",
	  .lines = { "cnitool add chain /run/netns/%s", "cnitool del chain /run/netns/%s",
		     "cnitool check chain /run/netns/%s" },
	  .verbs = "ADD DEL CHECK",
	  .stays = true },
	{ .name = "node",
	  .lines = { NODE "up --name n1" CLUSTER, NODE "down" },
	  .verbs = "ADD DEL" },
	{ .name = "node-vxlan",
	  .lines = { NODE "up --name n1" VXLAN_CLUSTER, NODE "down" },
	  .verbs = "ADD DEL",
	  .kind = "vxlan id 9 dstport 9" },
	{ .name = "node-run",
	  .lines = { NODE "run --name n1" CLUSTER, NODE "down" },
	  .verbs = "ADD",
	  .resident = true },
	{ .name = "install",
	  .lines = { "cnibox install /opt/cni/bin" },
	  .verbs = "ADD",
	  .stays = true },
};

const unsigned int subject_count = sizeof(subjects) / sizeof(subjects[0]);

bool subject_has(const struct subject *s, enum verb v)
{
	return s->config ? v != GC || strstr(s->verbs, "GC") : s->lines[v] != NULL;
}

bool subject_has_pod(const struct subject *s)
{
	return s->config || strchr(s->lines[ADD], '%');
}

/* What stands behind ptp, as BEHIND_PTP() calls it. */
static const struct {
	const char *plugin, *keys;
} behind[] = {
	{ "bandwidth", "\"ingressRate\":8000000,\"ingressBurst\":800000,\"egressRate\":8000000,"
		       "\"egressBurst\":800000" },
	{ "sbr", "\"note\":1" },
	{ "vrf", "\"vrfname\":\"red\"" },
	{ "tuning", "\"mtu\":1400,\"promisc\":true,"
		    "\"sysctl\":{\"net.core.somaxconn\":\"77\"}" },
	{ "veth-host", "\"hostInterface\":\"up0\",\"ipMasq\":true,\"serviceCidr\":"
		       "\"10.96.0.0/12\"" },
};

static void behind_files(void)
{
	char path[128], text[1024];

	for (unsigned int i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		snprintf(path, sizeof(path), "/etc/cni/sweep/%s.conflist", behind[i].plugin);
		snprintf(text, sizeof(text),
			 "{\"cniVersion\":\"1.1.0\",\"name\":\"%s\",\"plugins\":[{\"type\":\"ptp\","
			 "\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.20.%u.0/"
			 "24\"}],"
			 "[{\"subnet\":\"fd00:20:%u::/64\"}]]}},{\"type\":\"%s\",%s}]}\n",
			 behind[i].plugin, i, i, behind[i].plugin, behind[i].keys);
		file_write(path, text);
	}
}

/* All nodes on one link; or none, with pods of both families. */
static void cluster_files(void)
{
	file_write(
		"/etc/cni/sweep/cluster.json",
		"{\"networks\":[\"10.244.0.0/16\"],\"nodes\":["
		"{\"name\":\"n1\",\"addresses\":[\"192.168.5.1\"],\"subnets\":[\"10.244.1.0/24\"]},"
		"{\"name\":\"n2\",\"addresses\":[\"192.168.5.2\"],\"subnets\":[\"10.244.2.0/24\"]},"
		"{\"name\":\"n3\",\"addresses\":[\"192.168.5.3\"],\"subnets\":[\"10.244.3.0/"
		"24\"]}]}\n");
	file_write(
		"/etc/cni/sweep/vxlan.json",
		"{\"backend\":\"vxlan\",\"nodes\":["
		"{\"name\":\"n1\",\"addresses\":[\"192.168.5.1\"],\"subnets\":[\"10.244.1.0/24\","
		"\"fd00:244:1::/64\"]},"
		"{\"name\":\"n2\",\"addresses\":[\"192.0.2.2\"],\"subnets\":[\"10.244.2.0/24\","
		"\"fd00:244:2::/64\"]}]}\n");
}

/* For cnitool and node; written on every host. */
void subject_files(void)
{
	behind_files();
	cluster_files();
	file_write("/etc/cni/sweep/subnet.env",
		   "FLANNEL_NETWORK=10.9.0.0/16\nFLANNEL_SUBNET=10.9.1.1/24\nFLANNEL_MTU=1450\n"
		   "FLANNEL_IPMASQ=true\n");
	file_write("/etc/cni/sweep/chain.conflist",
		   "{\"cniVersion\":\"1.0.0\",\"name\":\"chain\",\"plugins\":[{\"type\":\"bridge\","
		   "\"bridge\":\"cni2\",\"isGateway\":true,"
		   "\"ipMasq\":true,\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.4.0.0/"
		   "24\"}},{\"type\":\"loopback\"}]}\n");
}
