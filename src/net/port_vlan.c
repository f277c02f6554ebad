/* VLANs of a bridge and of its ports: see port_vlan.h. */
#include "net/port_vlan.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "net/nl.h"

#define LACKS_FILTER "the bridge driver cannot filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING)"

void vlan_set_add(struct vlan_set *s, unsigned int first, unsigned int last)
{
	for (unsigned int id = first; id <= last && id <= VLAN_ID_MAX; id++)
		s->bits[id / 8] = (uint8_t)(s->bits[id / 8] | 1u << id % 8);
}

bool vlan_set_has(const struct vlan_set *s, unsigned int id)
{
	return id <= VLAN_ID_MAX && s->bits[id / 8] & 1u << id % 8;
}

void bridge_filter_vlans(struct nl *nl, int bridge)
{
	const struct ifinfomsg m = { .ifi_index = bridge };

	nl_request(nl, "let the bridge filter VLANs", RTM_NEWLINK, 0, &m, sizeof(m));
	nl_hint(nl, EOPNOTSUPP, "", LACKS_FILTER);
	nl_nest (nl, IFLA_LINKINFO) {
		nl_put_str(nl, IFLA_INFO_KIND, "bridge");
		nl_nest (nl, IFLA_INFO_DATA)
			nl_put_u8(nl, IFLA_BR_VLAN_FILTERING, 1);
	}
}

static void request(struct nl *nl, const char *what, uint16_t type, int port)
{
	const struct ifinfomsg m = { .ifi_family = AF_BRIDGE, .ifi_index = port };

	nl_request(nl, what, type, 0, &m, sizeof(m));
	nl_hint(nl, EOPNOTSUPP, "", LACKS_FILTER);
}

static void put_range(struct nl *nl, unsigned int first, unsigned int last)
{
	struct bridge_vlan_info v = { .vid = (uint16_t)first };

	if (last > first)
		v.flags = BRIDGE_VLAN_INFO_RANGE_BEGIN;
	nl_put(nl, IFLA_BRIDGE_VLAN_INFO, &v, sizeof(v));
	if (last == first)
		return;
	v.flags = BRIDGE_VLAN_INFO_RANGE_END;
	v.vid = (uint16_t)last;
	nl_put(nl, IFLA_BRIDGE_VLAN_INFO, &v, sizeof(v));
}

void port_vlan_native(struct nl *nl, int port, uint16_t id)
{
	const struct bridge_vlan_info v = {
		.flags = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, .vid = id
	};

	request(nl, "put the port into its VLAN", RTM_SETLINK, port);
	nl_nest (nl, IFLA_AF_SPEC)
		nl_put(nl, IFLA_BRIDGE_VLAN_INFO, &v, sizeof(v));
}

void port_vlans_tagged(struct nl *nl, int port, const struct vlan_set *ids)
{
	request(nl, "put the port into its VLANs", RTM_SETLINK, port);
	nl_nest (nl, IFLA_AF_SPEC) {
		for (unsigned int id = 1, first = 0; id <= VLAN_ID_MAX; id++) {
			if (!vlan_set_has(ids, id))
				continue;
			if (!first)
				first = id;
			if (id < VLAN_ID_MAX && vlan_set_has(ids, id + 1))
				continue;
			put_range(nl, first, id);
			first = 0;
		}
	}
}

/* br_vlan_info() passes over ids that are not there. */
void port_vlans_clear(struct nl *nl, int port)
{
	request(nl, "take the port out of its VLANs", RTM_DELLINK, port);
	nl_nest (nl, IFLA_AF_SPEC)
		put_range(nl, 1, VLAN_ID_MAX);
}

struct search {
	int port;
	bool found;
	struct port_vlans *out;
};

static void note_range(struct port_vlans *out, const struct bridge_vlan_info *v, unsigned int first)
{
	vlan_set_add(&out->members, first, v->vid);
	if (v->flags & BRIDGE_VLAN_INFO_UNTAGGED)
		vlan_set_add(&out->untagged, first, v->vid);
	if (v->flags & BRIDGE_VLAN_INFO_PVID)
		out->native = v->vid;
}

/* A range is two attributes: its begin, its end. */
static void read_vlans(const struct nlattr *spec, struct port_vlans *out)
{
	const struct nlattr *a = NULL;
	unsigned int begin = 0;

	while (nl_attr_next(spec, &a)) {
		struct bridge_vlan_info v;

		if (a->nla_type != IFLA_BRIDGE_VLAN_INFO || nl_size(a) < sizeof(v))
			continue;
		memcpy(&v, nl_data(a), sizeof(v));
		if (v.flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) {
			begin = v.vid;
			continue;
		}
		note_range(out, &v, v.flags & BRIDGE_VLAN_INFO_RANGE_END ? begin : v.vid);
	}
}

static int read_port(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a[IFLA_AF_SPEC + 1];
	struct search *s = arg;
	struct ifinfomsg m;

	if (h->nlmsg_type != RTM_NEWLINK || !nl_attrs(h, sizeof(m), a, IFLA_AF_SPEC))
		return 0;
	memcpy(&m, h + 1, sizeof(m));
	if (m.ifi_family != AF_BRIDGE || m.ifi_index != s->port || !a[IFLA_MASTER])
		return 0;
	s->found = true;
	memset(s->out, 0, sizeof(*s->out));
	if (a[IFLA_AF_SPEC])
		read_vlans(a[IFLA_AF_SPEC], s->out);
	return 0;
}

/* The kernel has no request for one port. */
int port_vlans_read(struct nl *nl, int port, struct port_vlans *out, struct err *e)
{
	static const struct ifinfomsg all = { .ifi_family = AF_BRIDGE };
	struct search s = { .port = port, .out = out };
	int r;

	nl_request(nl, "list VLANs", RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
	nl_put_u32(nl, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
	r = nl_dump(nl, read_port, NULL, &s, e);
	return r < 0 ? r : s.found;
}
