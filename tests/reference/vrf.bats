#!/usr/bin/env bats
# vrf behind ptp, through the reference's plugins and through ours.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load helpers

inside() {
	ip -n p -d -j link show type vrf | jq -c '.[] | [.ifname, .linkinfo.info_data.table, (.flags | index("UP") != null)]'
	ip -n p -j link show eth0 | jq -c '.[0].master'
	ip -n p -o addr show scope global | sed 's/^[0-9]*: //; s/valid_lft.*//; s/ nodad//'
	ip -n p -4 route show table all | grep -v "table local\|table 1 proto kernel\|type\|^local\|^broadcast" | sed "s/ proto [a-z]*//" | sort
	ip -n p -6 route show table all | grep -v "^local\|^anycast\|^fe80\|^ff00\|^multicast" | sed "s/ proto [a-z]*//; s/ metric [0-9]*//; s/ pref medium//" | sort
}

CONF='{"name":"net1","type":"vrf","vrfname":"red"}'
alike() { alike_behind_ptp "$(jq -c --arg v "$1" ".cniVersion = \$v | ${3:-.}" <<<"$CONF")" "$2"; } # VERSION PTP [VRF]

@test "vrf: IPv4, more routes, a table, versions" {
	ip link add probe0 type vrf table 9 2>/dev/null ||
		skip "this kernel has no VRF devices (module vrf); tests/lab runs this file in a machine that has"
	ip link del probe0
	v4='.ipam.ranges |= .[:1] | .ipam.routes |= .[:1]'
	alike 1.0.0 "$v4"
	alike 0.4.0 "$v4"' | .ipam.routes += [{"dst":"192.0.2.0/24"},{"dst":"198.51.100.0/24","gw":"10.1.0.1"}]' '.table = 1001'
	different "vrf: the route to the gateway that ptp makes, and others on link" "the reference loses them, ours moves them, too"
	different "vrf: an existing VRF of another table than table says" "the reference takes it, ours refuses"
	different "vrf: a free table" "the reference takes one that no VRF has, ours one that no route is in either"
}
