#!/usr/bin/env bats
# VLANs of the bridge plugin against the real kernel: vlan, vlanTrunk, preserveDefaultVlan.
bats_require_minimum_version 1.5.0
load helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"cni0","isDefaultGateway":true,"vlan":5,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}}'

setup() {
	kernel_filters_vlans
	pod a
	pod b
}

teardown() {
	clean bridge "$CONF"
}

# port_vlans NAME: "ID flags" for each VLAN of a port, with commas; ranges as they are.
port_vlans() {
	bridge -compressvlans -j vlan show dev "$1" | jq -r '[.[0].vlans[] | [.vlan, .vlanEnd // empty | tostring] as $r | ($r | join("-")) + ((.flags // []) | map(" " + .[:1]) | join(""))] | join(",")'
}

# end RESULT: the host end's name
end() {
	jq -r '.interfaces[1].name' <<<"$1"
}

# l2 JQ: the configuration without gateway and addresses, changed
l2() {
	jq -c "del(.ipam, .isDefaultGateway, .vlan) | $1" <<<"$CONF"
}

# reaches POD ADDRESS
reaches() {
	ip netns exec "$1" ping -c1 -W10 -q "$2"
}

@test "ADD: result, the VLAN's interface is the gateway, and pods of one VLAN reach it and each other in both families, others not" {
	ra=$(add bridge a "$CONF")
	[ "$(jq -c '[.interfaces[].name] | [.[0], .[2], .[3]]' <<<"$ra")" = '["cni0","eth0","cni0.5"]' ]
	[ "$(jq -c '[.ips[].interface], [.interfaces[].sandbox]' <<<"$ra" | tr -d '\n')" = '[2,2][null,null,"/run/netns/a",null]' ]
	[ "$(cat /sys/class/net/cni0.5/address)" = "$(jq -r '.interfaces[3].mac' <<<"$ra")" ]
	[ "$(cat /sys/class/net/cni0/bridge/vlan_filtering)" = 1 ]
	[ "$(port_vlans "$(end "$ra")")" = "5 P E" ]
	[ -z "$(ip -o addr show dev cni0 scope global)" ]
	[ "$(cat /sys/class/net/cni0/ifalias) $(cat /sys/class/net/cni0.5/ifalias) $(cat /sys/class/net/cni0.5/netdev_group)" = "cnibox cnibox 0" ]
	[ "$(cat /proc/sys/net/ipv6/conf/cni0.5/accept_ra)" = 0 ]
	rb=$(add bridge b "$CONF")
	[ "$(jq -r '.interfaces[3].mac' <<<"$rb")" = "$(jq -r '.interfaces[3].mac' <<<"$ra")" ]
	for address in 10.1.0.1 fd00:1::1 10.1.0.3 fd00:1::3; do reaches a "$address"; done
	pod c
	other=$(jq -c '.name = "net2" | .vlan = 6 | .isDefaultGateway = false | .ipam.ranges = [[{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.100"}]]' <<<"$CONF")
	add bridge c "$other" >/dev/null
	run ! ip netns exec c ping -c1 -W1 -q 10.1.0.2
	run ! ip netns exec c ping -c1 -W1 -q 10.1.0.1
	[ ! -e /sys/class/net/cni0.6 ]
	del bridge c "$other"
}

@test "DEL: host as before, twice, without a namespace, and after the namespace has gone" {
	del_leaves_nothing bridge "$CONF"
}

@test "ADD: vlanTrunk, ids and ranges, alone and beside vlan; preserveDefaultVlan; an empty one makes the bridge filter" {
	try() {
		local r
		r=$(add bridge a "$(l2 "$1")")
		[ "$(port_vlans "$(end "$r")")" = "$2" ]
		[ "$(jq '.interfaces | length' <<<"$r")" = 3 ]
		call CHECK bridge a /run/netns/a "$(with_prev "$(l2 "$1")" "$r")"
		del bridge a "$(l2 "$1")"
	}
	try '.vlanTrunk = [{"id":7},{"minID":10,"maxID":12},{"id":4094}]' "1 P E,7,10-12,4094"
	try '.vlanTrunk = [{"id":7,"minID":8,"maxID":9}] | .preserveDefaultVlan = false' "1 P E,7-9"
	try '.vlanTrunk = [{"minID":1,"maxID":4094}]' "1 P E,2-4094"
	try '.vlanTrunk = [{"id":7}] | .vlan = 5' "5 P E,7"
	try '.vlanTrunk = [{"id":7}] | .preserveDefaultVlan = true' "1 P E,7"
	try '.vlanTrunk = [{"id":7}] | .vlan = 5 | .preserveDefaultVlan = true' "1 E,5 P E,7"
	try '.vlanTrunk = [{"id":7}] | .vlan = 5 | .preserveDefaultVlan = false' "5 P E,7"
	try '.vlanTrunk = [{"minID":4,"maxID":7}] | .vlan = 5 | .preserveDefaultVlan = false' "4-7"
	try '.vlan = 1 | .preserveDefaultVlan = false' "1 P E"
	try '.vlanTrunk = [] | .preserveDefaultVlan = false' "1 P E"
	[ "$(cat /sys/class/net/cni0/bridge/vlan_filtering)" = 1 ]
}

@test "the gateway's interface: in its VLAN alone without the default one, also of an mtu; two VLANs have two" {
	conf=$(jq -c '.preserveDefaultVlan = false | .mtu = 1400' <<<"$CONF")
	r=$(add bridge a "$conf")
	[ "$(jq -c '[.interfaces[].mtu]' <<<"$r")" = "[1400,1400,1400,1400]" ]
	way=$(ip -j link show cni0.5 | jq -r '.[0].link')
	[ "$(port_vlans "$way") $(port_vlans "$(end "$r")")" = "5 P E 5 P E" ]
	reaches a 10.1.0.1
	other=$(jq -c '.name = "net2" | .vlan = 6 | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}]]' <<<"$conf")
	r=$(add bridge b "$other")
	[ "$(jq -r '.interfaces[3].name' <<<"$r")" = cni0.6 ]
	reaches b 10.2.0.1
	del bridge b "$other"
}

@test "parallel ADDs on a fresh host: one bridge, one interface in the VLAN, none fails; a new one goes with an ADD that fails" {
	fails_to add bridge a "$CONF" >/dev/full
	[ ! -e /sys/class/net/cni0.5 ]
	[ ! -e /sys/class/net/cni0 ]
	for i in $(seq 1 8); do pod "q$i"; done
	for i in $(seq 1 8); do add bridge "q$i" "$CONF" >"$BATS_TEST_TMPDIR/q$i" & done
	wait
	[ "$(cat "$BATS_TEST_TMPDIR"/q* | jq -r '.interfaces[3].mac' | sort -u | wc -l)" = 1 ]
	for i in $(seq 1 8); do del bridge "q$i" "$CONF"; done
	fails_to add bridge a "$(jq -c '.vlan = 9 | .name = "net2" | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}]]' <<<"$CONF")" >/dev/full
	[ ! -e /sys/class/net/cni0.9 ]
	[ -e /sys/class/net/cni0.5 ]
}

@test "what an ADD that was killed has left of the VLAN's interface: DEL takes it away, the next ADD makes it anew" {
	half() { ip link add cni0.5 group $((0x636e6275)) type veth peer name half0; }
	add bridge b "$(jq -c '.vlan = 6 | .name = "net2" | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}]]' <<<"$CONF")" >/dev/null
	half
	del bridge a "$CONF"
	[ ! -e /sys/class/net/cni0.5 ]
	half
	add bridge a "$CONF" >/dev/null
	reaches a 10.1.0.1
	[ ! -e /sys/class/net/half0 ]
}

@test "a bridge that was there: the pods' own is made to filter, and its other pods go on; one that leads to others is refused" {
	plain=$(jq -c 'del(.vlan) | .name = "net2" | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}]]' <<<"$CONF")
	add bridge b "$plain" >/dev/null
	[ "$(cat /sys/class/net/cni0/bridge/vlan_filtering)" = 0 ]
	add bridge a "$CONF" >/dev/null
	[ "$(cat /sys/class/net/cni0/bridge/vlan_filtering)" = 1 ]
	reaches a 10.1.0.1
	reaches b 10.2.0.1
	del bridge b "$plain"
	ip link set cni0 type bridge vlan_filtering 0
	ip link add link cni0 name up0 type macvlan 2>/dev/null || ip link add up0 type dummy
	ip link add br9 type bridge
	ip link set up0 master br9
	unchanged fails 7 'vlan: bridge "br9" does not filter VLANs, and a port of it leads to others' add bridge b \
		"$(jq -c '.bridge = "br9" | .name = "net9" | .ipam.ranges = [[{"subnet":"10.9.0.0/24"}]]' <<<"$CONF")"
	ip link del up0
}

@test "the VLAN's interface accepts no router advertisement, though it was there, or was opened since" {
	ip link add cni0 type bridge vlan_filtering 1
	ip link set cni0 up
	ip link add cni0.5 type veth peer name port5
	ip link set port5 master cni0 up
	ip link set cni0.5 up
	bridge vlan del dev port5 vid 1
	bridge vlan add dev port5 vid 5 pvid untagged
	for pod in a b; do
		for key in accept_ra autoconf accept_redirects; do
			echo 1 >"/proc/sys/net/ipv6/conf/cni0.5/$key"
		done
		add bridge "$pod" "$CONF" >/dev/null
		[ "$(cat /proc/sys/net/ipv6/conf/cni0.5/{accept_ra,autoconf,accept_redirects} | tr -d '\n')" = 000 ]
	done
}

@test "CHECK names what was changed" {
	conf=$(jq -c '.vlanTrunk = [{"minID":10,"maxID":12}] | .preserveDefaultVlan = false' <<<"$CONF")
	r=$(add bridge a "$conf")
	prev=$(with_prev "$conf" "$r")
	end=$(end "$r")
	check() { call CHECK bridge a /run/netns/a "$prev"; }
	check
	bridge vlan del dev "$end" vid 11
	fails 105 "host end $end is not in VLAN 11" check
	bridge vlan add dev "$end" vid 11 untagged
	fails 105 "host end $end sends VLAN 11 without a tag" check
	bridge vlan add dev "$end" vid 11
	check
	bridge vlan add dev "$end" vid 20
	fails 105 "host end $end is in VLAN 20, which is not its own" check
	bridge vlan del dev "$end" vid 20
	bridge vlan add dev "$end" vid 5 untagged
	fails 105 "host end $end takes what has no tag into VLAN 0 instead of 5" check
	bridge vlan add dev "$end" vid 5 pvid untagged
	ip link set cni0 type bridge vlan_filtering 0
	fails 105 'bridge "cni0" does not filter VLANs' check
	ip link set cni0 type bridge vlan_filtering 1
	ip addr del 10.1.0.1/24 dev cni0.5
	fails 105 "interface \"cni0.5\" has lost the gateway's address 10.1.0.1/24" check
	ip addr add 10.1.0.1/24 dev cni0.5
	way=$(ip -j link show cni0.5 | jq -r '.[0].link')
	bridge vlan del dev "$way" vid 5
	fails 105 'interface cni0.5 does not lead into VLAN 5 of bridge "cni0"' check
	ip link set "$way" nomaster
	fails 105 'interface cni0.5 does not lead into bridge "cni0"' check
	ip link set cni0.5 down
	fails 105 "interface cni0.5 of bridge \"cni0\" is down" check
	ip link del cni0.5
	fails 105 "interface cni0.5 of bridge \"cni0\" is not there" check
	add bridge b "$conf" >/dev/null
	check
}
