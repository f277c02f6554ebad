#!/usr/bin/env bats
# The vlan plugin: a pod in a VLAN of the node's wire, against the real kernel.
bats_require_minimum_version 1.5.0
load helpers
load wire_helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"vlan","master":"w0","vlanId":5,"ipam":{"type":"host-local",
"ranges":[[{"subnet":"10.9.5.0/24","rangeStart":"10.9.5.10"}],[{"subnet":"fd00:95::/64","rangeStart":"fd00:95::10"}]],
"routes":[{"dst":"0.0.0.0/0","gw":"10.9.5.1"}]}}'

setup() {
	kernel_has vlan id 9
	wire
	ip -n lan link add link w1 name v5 type vlan id 5
	ip -n lan link set v5 up
	ip -n lan addr add 10.9.5.1/24 dev v5
	ip -n lan addr add fd00:95::1/64 dev v5 nodad
	pod a
	pod b
}

teardown() {
	unwire vlan "$CONF"
}

@test "ADD: result; the pod reaches its neighbours in both families, and the node has no new link" {
	before=$(ip -o link | wc -l)
	r=$(add vlan a "$CONF")
	[ "$(jq -c '[.interfaces[] | [.name, .sandbox, .mtu]], [.ips[] | [.address, .interface]]' <<<"$r" | tr -d '\n')" = \
		'[["eth0","/run/netns/a",1500]][["10.9.5.10/24",0],["fd00:95::10/64",0]]' ]
	[ "$(made '[.address, .linkinfo.info_kind, .linkinfo.info_data.id, .linkinfo.info_data.protocol, .ifalias, .group]')" = \
		"[$(jq '.interfaces[0].mac' <<<"$r"),\"vlan\",5,\"802.1Q\",\"cnibox net1 a eth0\",\"default\"]" ]
	ping_from a 10.9.5.1
	ping_from a fd00:95::1
	[ "$(ip -n a route show default)" = "default via 10.9.5.1 dev eth0 " ]
	[ "$(ip -o link | wc -l)" = "$before" ]
}

@test "ADD: mtu; ids from 0 to 4094; the node's own eth0 is not in the way; the master of the pod with linkInContainer" {
	ip link add eth0 type veth peer name other
	for id in 0 4094; do
		add vlan a "$(jq -c --argjson id "$id" '.vlanId = $id | .mtu = 1400' <<<"$CONF")" >/dev/null
		[ "$(made '[.linkinfo.info_data.id, .mtu]')" = "[$id,1400]" ]
		del vlan a "$CONF"
	done
	ip link del eth0
	ip link set w0 netns a
	ip -n a link set w0 up
	conf=$(jq -c '.linkInContainer = true' <<<"$CONF")
	unchanged fails 7 'there is no interface "w0" in the pod' add vlan b "$conf"
	r=$(add vlan a "$conf")
	ping_from a 10.9.5.1
	call CHECK vlan a /run/netns/a "$(with_prev "$conf" "$r")"
	fails 101 "vlanId: 5 of master w0 is taken: container a has it as interface eth0 of network net1" add vlan a "$conf" eth1
	del vlan a "$conf"
	[ "$(links a)" = 1 ]
}

@test "ADD: a VLAN that is taken: the holder is named, and nothing is changed" {
	add vlan a "$CONF" >/dev/null
	unchanged fails 101 "vlanId: 5 of master w0 is taken: container a has it as interface eth0 of network net1" add vlan b "$CONF"
	del vlan a "$CONF"
	ip link add link w0 name w0.5 type vlan id 5
	unchanged fails 101 "vlanId: 5 of master w0 is taken: interface w0.5 of the node has it" add vlan b "$CONF"
	ip link set w0.5 netns a
	unchanged fails 101 "vlanId: 5 of master w0 is taken: interface w0.5 of another namespace has it" add vlan b "$CONF"
	[ "$(links b)" = 0 ]
}

@test "ADD: an IPv6 address that another machine has is refused with enabledad; what ADD gives can be used when it returns" {
	detects_duplicates vlan "$CONF" fd00:95::10 v5
}

@test "DEL: everything as before, twice, without a namespace, after the namespace has gone, and whatever the pod calls it" {
	before=$(snapshot)
	add vlan a "$CONF" >/dev/null
	del vlan a "$CONF"
	[ "$(links a)" = 0 ]
	diff <(echo "$before") <(snapshot)
	del vlan a "$CONF"
	add vlan a "$CONF" >/dev/null
	ip -n a link set eth0 down
	ip -n a link set eth0 name wan
	del vlan a "$(jq -c '.master = "gone" | .mtu = 1' <<<"$CONF")"
	add vlan a "$CONF" >/dev/null
	call DEL vlan a "" "$CONF"
	[ "$(links a)" = 0 ]
	add vlan a "$CONF" >/dev/null
	ip netns del a
	call DEL vlan a "" "$CONF"
	diff <(echo "$before" | grep -v netns/a) <(snapshot)
}

@test "what cannot be is refused with its code, and changes nothing" {
	unchanged fails 7 "vlanId" add vlan a "$(jq -c '.vlanId = 4095' <<<"$CONF")"
	unchanged fails 7 "master: missing" add vlan a "$(jq -c 'del(.master)' <<<"$CONF")"
	unchanged fails 7 'master: there is no interface "w7" on the node' add vlan a "$(jq -c '.master = "w7"' <<<"$CONF")"
	unchanged fails 7 "mtu: 1501 is above that of the master w0, 1500" add vlan a "$(jq -c '.mtu = 1501' <<<"$CONF")"
	unchanged fails 7 "ipam: missing; vlan needs" add vlan a "$(jq -c 'del(.ipam)' <<<"$CONF")"
	unchanged fails 100 route add vlan a "$(jq -c '.ipam.routes = [{"dst":"192.0.2.0/24","gw":"198.51.100.1"}]' <<<"$CONF")"
	ip link set w0 down
	unchanged fails 11 "master: w0 is down" add vlan a "$CONF"
}

@test "CHECK: succeeds after ADD, and names what was changed" {
	prev=$(with_prev "$CONF" "$(add vlan a "$CONF")")
	check() { call CHECK vlan a /run/netns/a "$(jq -c "${1:-.}" <<<"$prev")"; }
	check
	fails 105 "has VLAN id 5 instead of 6" check '.vlanId = 6'
	ip link add p0 type veth peer name p1
	fails 105 "does not hang on master p0" check '.master = "p0"'
	ip link del p0
	ip -n a route del default
	fails 105 "the pod has lost its route" check
	ip -n a link del eth0
	fails 105 "eth0 is not in the pod" check
}

@test "STATUS tells a master that is missing; GC removes exactly what is not valid" {
	status vlan "$CONF"
	fails 50 'there is no interface "w9"' status vlan "$(jq -c '.master = "w9"' <<<"$CONF")"
	add vlan a "$CONF" >/dev/null
	add vlan b "$(jq -c '.vlanId = 6' <<<"$CONF")" >/dev/null
	gc vlan "$CONF" '[{"containerID":"b","ifname":"eth0"}]'
	[ "$(links a) $(links b)" = "0 1" ]
	[ ! -e /var/lib/cni/networks/net1/10.9.5.10 ]
}

@test "a VLAN is had again at once when the namespace of whoever had it has died" {
	for n in $(seq 5); do
		ip netns add "old$n"
		call ADD vlan pod "/run/netns/old$n" "$CONF"
		ip netns add "new$n"
		ip netns del "old$n"
		call ADD vlan pod "/run/netns/new$n" "$CONF"
		call DEL vlan pod "/run/netns/new$n" "$CONF"
		ip netns del "new$n"
	done
}
