/* What is tried. A new plugin is one line. */
#include "property.h"

const struct tried tried[] = {
	{ "bridge", "bhp",
	  HAS_BRIDGE | HAS_IPAM | HAS_MTU | HAS_MAC | HAS_MASQ | HAS_HAIRPIN | HAS_ARGS },
	{ "bash-cni", "bhp",
	  HAS_SUBNET | HAS_MTU | HAS_MASQ | HAS_HAIRPIN | HAS_ARGS | GATEWAY_ALWAYS },
	{ "ptp", "hp", HAS_IPAM | HAS_MTU | HAS_MASQ | HAS_ARGS | OWN_ROUTES },
	{ "macvlan", "p", HAS_IPAM | HAS_MTU | HAS_MAC | HAS_ARGS, "\"master\":\"up0\",",
	  "macvlan" },
	{ "tap", "p", HAS_IPAM | HAS_MTU | HAS_MAC | HAS_ARGS },
	{ "dummy", "p", HAS_IPAM | HAS_ARGS, .kind = "dummy" },
	{ "loopback", "p", IS_LOOPBACK },
};

const unsigned int tried_count = sizeof(tried) / sizeof(tried[0]);

const struct tried *tried_of(const struct attachment *a)
{
	return &tried[a->knob[PLUGIN]];
}
