#!/usr/bin/env bats
# vrf behind ptp, through the reference's plugins, Debian 12's and the newest, and through ours.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load helpers

NEWEST=$BATS_TEST_DIRNAME/../../build/third_party/containernetworking-plugins.amd64.sid/usr/lib/cni

setup() {
	[ -n "${REFERENCE:-}" ] || skip "the reference plugins are not there (third_party/unpack containernetworking-plugins)"
	ip link add probe0 type vrf table 9 2>/dev/null ||
		skip "this kernel has no VRF devices (module vrf); tests/lab runs this file in a machine that has"
	ip link del probe0
}

# Without what the reference loses: the routes on link, and those that $LOSES names (the differences below).
inside() {
	ip -n p -d -j link show type vrf | jq -c '.[] | [.ifname, .linkinfo.info_data.table, (.flags | index("UP") != null)]'
	ip -n p -j link show eth0 | jq -c '.[0].master'
	ip -n p -o addr show scope global | sed 's/^[0-9]*: //; s/valid_lft.*//; s/ nodad//; s/ noprefixroute//'
	ip -n p -4 route show table all | grep -v "table local\|scope link\|^local\|^broadcast\|$LOSES" | sed "s/ proto [a-z]*//" | sort
	ip -n p -6 route show table all | grep -v "^local\|^anycast\|^fe80\|^ff00\|^multicast\|$LOSES" | sed "s/ proto [a-z]*//; s/ metric [0-9]*//; s/ pref medium//" | sort
}

CONF='{"name":"net1","type":"vrf","vrfname":"red"}'
alike() { alike_behind_ptp "$(jq -c --arg v "$1" ".cniVersion = \$v | ${3:-.}" <<<"$CONF")" "$2"; } # VERSION PTP [VRF]
v4='.ipam.ranges |= .[:1] | .ipam.routes |= .[:1]'

@test "vrf: IPv4, more routes, both families, a table, versions" {
	export LOSES=" via \|^fd00"
	alike 1.0.0 "$v4"
	alike 1.0.0 .
	alike 0.4.0 "$v4"' | .ipam.routes += [{"dst":"192.0.2.0/24"},{"dst":"198.51.100.0/24","gw":"10.1.0.1"}]' '.table = 1001'
	different "vrf: routes by a gateway" "Debian 12's reference loses all of them, the pod's default route too; ours moves them into the VRF's table, as the newest does"
	different "vrf: the route to the gateway that ptp makes, and others on link" "the reference loses them, ours moves them, too"
	different "vrf: the subnet of an address that ptp gave" "in the reference the kernel makes it on link; ours keeps what ptp says of it, by the gateway"
	different "vrf: an existing VRF of another table than table says" "the reference takes it, ours refuses"
	different "vrf: a free table" "the reference takes one that no VRF has, ours one that no route is in either"
}

@test "the newest reference: routes by the gateway are in the VRF's table" {
	[ -x "$NEWEST/vrf" ] || skip "the newest reference is not there (third_party/unpack containernetworking-plugins:amd64/sid)"
	export REFERENCE=$NEWEST LOSES=nothing
	alike 1.0.0 "$v4"
	alike 0.4.0 "$v4" '.table = 1001'
	different "vrf: IPv6 behind ptp, and a route more than subnet and default" "the newest reference's ADD fails; ours moves them"
}
