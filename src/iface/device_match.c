/* Which link a device of the node is now: see device.h. */
#include "iface/device.h"

#include <string.h>

#include "cni/attachment.h"

/* Without a bus or a permanent MAC, on an old kernel, the MAC has to say it. */
static bool is_same_hardware(const struct link *a, const struct link *b)
{
	static const uint8_t none[6];
	bool told = a->bus[0] || memcmp(a->permanent_mac, none, sizeof(none)) != 0;

	return !b->kind[0] && !b->loopback && strcmp(a->bus, b->bus) == 0 &&
	       memcmp(a->permanent_mac, b->permanent_mac, sizeof(none)) == 0 &&
	       (told || memcmp(a->mac, b->mac, sizeof(none)) == 0);
}

bool device_has_mark(const struct link *was, const struct link *l)
{
	return strcmp(l->name, was->name) == 0 || strcmp(l->alias, was->name) == 0 ||
	       memcmp(was->mac, l->mac, sizeof(l->mac)) == 0;
}

static bool is_host_end(const struct link *l)
{
	struct cni_attachment at;
	char buf[LINK_ALIAS_SIZE];

	return attachment_parse(l->alias, buf, &at) && attachment_owns(&at, l);
}

/* The kernel brings no such link to the node: it was moved, by us or by somebody. */
static bool is_on_node(const struct link *was, const struct link *l)
{
	return l->peer_elsewhere == was->peer_elsewhere && device_has_mark(was, l) &&
	       !is_host_end(l);
}

/*
 * A pod cannot make a link with its other end on the node. Of others those of another node, which
 * is a container of this machine, look alike but for their MACs; and the other ends of all pods'
 * links have the same few numbers.
 */
static bool is_same_link(const struct device *d, const struct link *l, const struct device_place *p)
{
	const struct link *was = &d->link;
	bool same_mac = memcmp(was->mac, l->mac, sizeof(l->mac)) == 0;
	bool to_node = p->node_id >= 0 && l->peer_ns == p->node_id;

	if (strcmp(was->kind, l->kind) != 0 || was->peer != l->peer)
		return false;
	if (!was->peer)
		return same_mac || (p->pod && strcmp(l->alias, was->name) == 0);
	if (p->node)
		return is_on_node(was, l);
	if (!l->peer_elsewhere || to_node == was->peer_elsewhere)
		return false;
	return !was->peer_elsewhere || p->pod || same_mac;
}

bool device_is(const struct device *d, const struct link *l, const struct device_place *p)
{
	return d->link.kind[0] ? is_same_link(d, l, p) : is_same_hardware(&d->link, l);
}
