#!/usr/bin/env bats
# vrf: a routing table of its own for the pod's interface, behind ptp, against the real kernel.
bats_require_minimum_version 1.5.0
load helpers
load chain_helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"vrf","vrfname":"red"}'
PTP2='{"cniVersion":"1.1.0","name":"net2","type":"ptp","ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}],[{"subnet":"fd00:2::/64"}]],
"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"},{"dst":"192.0.2.0/24"},{"dst":"198.51.100.0/24","table":77,"scope":253}]}}'

setup() {
	case $BATS_TEST_DESCRIPTION in
	*"of any kernel"*) ;;
	*)
		ip link add probe0 type vrf table 9 2>/dev/null ||
			skip "this kernel has no VRF devices (module vrf); tests/lab runs this file in a machine that has"
		ip link del probe0
		;;
	esac
	pod a
}

teardown() {
	call DEL ptp a /run/netns/a "$PTP2" eth1 >/dev/null 2>&1 || true
	clean_pods
}

# second: attach eth1 by ptp, and print vrf's configuration behind it
second() {
	with_prev "$(jq -c '.name = "net2"' <<<"$CONF")" "$(add ptp a "$PTP2" eth1)"
}

# What the pod is like, without the kernel's own.
inside() {
	ip -n a -o link | sed 's/^[0-9]*: //; s/@.*<.*>//; s/ state .* mode//; s/qlen.*//'
	ip -n a -o addr show scope global | sed 's/^[0-9]*: //; s/valid_lft.*//'
	{ ip -n a route show table all; ip -n a -6 route show table all; } | grep -v 'table local\|ff00::\|fe80::' | sort
}

# default TABLE FAMILY
default() { ip -n a "$2" route show table "$1" default; }

@test "ADD: result is prevResult; the VRF is made, the interface in it, with its addresses and routes, and packets pass in both families" {
	c=$(second)
	diff <(jq -S .prevResult <<<"$c") <(add vrf a "$c" eth1 | jq -S .)
	[ "$(ip -n a -d -j link show red | jq -c '.[0] | [.linkinfo.info_kind, .linkinfo.info_data.table, (.flags | index("UP") != null)]')" = '["vrf",1,true]' ]
	[ "$(ip -n a -j link show eth1 | jq -r '.[0].master')" = red ]
	ip -n a -o addr show dev eth1 | grep -q 'inet 10.2.0.2/24'
	ip -n a -o addr show dev eth1 | grep -q 'inet6 fd00:2::2/64'
	default 1 -4 | grep -q 'via 10.2.0.1 dev eth1'
	default 1 -6 | grep -q 'via fd00:2::1 dev eth1'
	ip -n a route show table 1 192.0.2.0/24 | grep -q 'via 10.2.0.1 dev eth1'
	ip -n a route show table 77 | grep -q '198.51.100.0/24 dev eth1 scope link'
	[ -z "$(ip -n a route show table main)$(ip -n a -6 route show table main default)" ]
	ip netns exec a ping -c1 -W10 -q -I red 10.2.0.1
	ip netns exec a ping -c1 -W10 -q -I red fd00:2::1
	call CHECK vrf a /run/netns/a "$c" eth1
	call CHECK ptp a /run/netns/a "$(jq -c --argjson c "$c" '.prevResult = $c.prevResult' <<<"$PTP2")" eth1
}

@test "DEL: the last interface takes the VRF with it; twice, without its interface, and after the namespace has gone" {
	pod b
	before=$(ip -n a -o link | wc -l)
	c=$(second)
	add vrf a "$c" eth1 >/dev/null
	one=$(behind "$CONF" a)
	add vrf a "$one" >/dev/null
	del vrf a "$c" eth1
	[ "$(ip -n a -j link show eth1 | jq -r '.[0].master')" = null ]
	ip -n a link show red >/dev/null
	del ptp a "$PTP2" eth1
	del vrf a "$one"
	run ! ip -n a link show red
	del vrf a "$one"
	add vrf a "$(jq -c . <<<"$one")" >/dev/null
	del ptp a "$PTP"
	[ -n "$(ip -n a link show red)" ]
	del vrf a "$one"
	[ "$(ip -n a -o link | wc -l)" = "$before" ]
	ip netns del a
	del vrf a "$one"
	call DEL vrf a "" "$one"
	pod a
}

@test "two interfaces in one VRF, another VRF beside it has the next free table; a table that is asked for" {
	one=$(behind "$CONF" a)
	add vrf a "$one" >/dev/null
	c=$(second)
	add vrf a "$(jq -c '.vrfname = "blue"' <<<"$c")" eth1 >/dev/null
	[ "$(ip -n a -d -j link show blue | jq '.[0].linkinfo.info_data.table')" = 2 ]
	del vrf a "$(jq -c '.vrfname = "blue"' <<<"$c")" eth1
	del ptp a "$PTP2" eth1
	c=$(second)
	add vrf a "$c" eth1 >/dev/null
	[ "$(ip -n a -j link show master red | jq -c '[.[].ifname] | sort')" = '["eth0","eth1"]' ]
	del vrf a "$c" eth1
	del ptp a "$PTP2" eth1
	c=$(second | jq -c '.vrfname = "green" | .table = 1001')
	add vrf a "$c" eth1 >/dev/null
	[ "$(ip -n a -d -j link show green | jq '.[0].linkinfo.info_data.table')" = 1001 ]
	default 1001 -4 | grep -q 'via 10.2.0.1'
	call CHECK vrf a /run/netns/a "$c" eth1
	fails 105 "table: VRF green has table 1001 instead of 7" call CHECK vrf a /run/netns/a "$(jq -c '.table = 7' <<<"$c")" eth1
}

@test "what cannot be is refused with its code, and the pod is as it was" {
	c=$(behind "$CONF" a)
	before=$(inside)
	bad() { fails "$@"; diff <(echo "$before") <(inside); }
	ip -n a link add other type vrf table 5
	ip -n a link add br0 type bridge
	before=$(inside)
	bad 101 'vrfname: "br0" in the pod is no VRF but bridge' add vrf a "$(jq -c '.vrfname = "br0"' <<<"$c")"
	bad 7 "table: VRF other has table 5 instead of 6" add vrf a "$(jq -c '.vrfname = "other" | .table = 6' <<<"$c")"
	bad 3 "interface eth7 is not in the pod" add vrf a "$(jq -c '.prevResult.interfaces[1].name = "eth7"' <<<"$c")" eth7
	ip -n a link set eth0 master br0
	before=$(inside)
	bad 101 "interface eth0 in the pod has a master already: br0" add vrf a "$c"
	ip -n a link set eth0 nomaster
}

@test "an ADD whose result cannot be delivered leaves the pod as it was" {
	c=$(second)
	before=$(inside)
	fails_to add vrf a "$c" eth1 >/dev/full
	diff <(echo "$before") <(inside)
	ip netns exec a ping -c1 -W10 -q 10.2.0.1
	ip netns exec a ping -c1 -W10 -q fd00:2::1
}

@test "CHECK names what was changed" {
	c=$(behind "$CONF" a)
	check() { call CHECK vrf a /run/netns/a "$c"; }
	fails 105 "VRF red is not in the pod" check
	add vrf a "$c" >/dev/null
	check
	ip -n a link set red down
	fails 105 "VRF red in the pod is down" check
	ip -n a link set red up
	ip -n a link set eth0 nomaster
	fails 105 "interface eth0 in the pod is not in VRF red" check
	ip -n a link del red
	ip -n a link add red type bridge
	fails 105 '"red" in the pod is no VRF but bridge' check
}

@test "of any kernel: a configuration that is wrong is refused, and one without VRFs names the module" {
	c=$(behind "$CONF" a)
	unchanged fails 7 "vrfname: missing" add vrf a "$(jq -c 'del(.vrfname)' <<<"$c")"
	unchanged fails 7 'vrfname: "a/b" is no interface name' add vrf a "$(jq -c '.vrfname = "a/b"' <<<"$c")"
	unchanged fails 7 "table: expected an integer from 0 to 4294967295" add vrf a "$(jq -c '.table = -1' <<<"$c")"
	unchanged fails 7 "prevResult: missing; vrf stands behind another plugin" add vrf a "$CONF"
	if ! ip link add probe0 type vrf table 9 2>/dev/null; then
		before=$(inside)
		unchanged fails 104 "VRF red in the pod: create VRF: the kernel has no VRF devices (module vrf, CONFIG_NET_VRF)" add vrf a "$c"
		diff <(echo "$before") <(inside)
		del vrf a "$c"
	else
		ip link del probe0
	fi
}
