#!/usr/bin/env bats
# The ipvlan plugin: pods on the node's wire that share its MAC, against the real kernel.
bats_require_minimum_version 1.5.0
load helpers
load wire_helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"ipvlan","master":"w0","ipam":{"type":"host-local",
"ranges":[[{"subnet":"10.9.0.0/24","rangeStart":"10.9.0.10"}],[{"subnet":"fd00:9::/64","rangeStart":"fd00:9::10"}]],
"routes":[{"dst":"0.0.0.0/0","gw":"10.9.0.1"}]}}'

setup() {
	kernel_has ipvlan
	wire
	pod a
	pod b
}

teardown() {
	unwire ipvlan "$CONF"
}

@test "ADD: result; the pod reaches its neighbours and other pods in both families, and the node has no new link" {
	before=$(ip -o link | wc -l)
	r=$(add ipvlan a "$CONF")
	add ipvlan b "$CONF" >/dev/null
	[ "$(jq -c '[.interfaces[] | [.name, .sandbox, .mtu]], [.ips[] | [.address, .interface]]' <<<"$r" | tr -d '\n')" = \
		'[["eth0","/run/netns/a",1500]][["10.9.0.10/24",0],["fd00:9::10/64",0]]' ]
	[ "$(jq -r '.interfaces[0].mac' <<<"$r")" = "$(cat /sys/class/net/w0/address)" ]
	[ "$(made '[.address, .linkinfo.info_kind, .linkinfo.info_data.mode, .ifalias, .group]')" = \
		"[$(jq '.interfaces[0].mac' <<<"$r"),\"ipvlan\",\"l2\",\"cnibox net1 a eth0\",\"default\"]" ]
	for address in 10.9.0.1 fd00:9::1 10.9.0.11 fd00:9::11; do
		ping_from a "$address"
	done
	[ "$(ip -o link | wc -l)" = "$before" ]
}

@test "ADD: pods of one master have different IPv6 addresses of their own" {
	add ipvlan a "$CONF" >/dev/null
	add ipvlan b "$CONF" >/dev/null
	[ "$(for p in a b; do ip -n "$p" -o addr show dev eth0 scope link; done | grep -o 'fe80[^ ]*' | sort -u | wc -l)" = 2 ]
}

@test "ADD: a neighbour that knew another pod by this address is told" {
	ip -n lan neigh replace 10.9.0.10 lladdr 02:00:00:00:00:99 dev w1 nud stale
	mac=$(add ipvlan a "$CONF" | jq -r '.interfaces[0].mac')
	for _ in $(seq 600); do
		ip -n lan neigh show 10.9.0.10 | grep -q "$mac" && break
		sleep 0.1
	done
	ip -n lan neigh show 10.9.0.10 | grep -q "$mac"
}

@test "ADD: every mode, mtu; the node's own eth0 is not in the way" {
	ip link add eth0 type veth peer name other
	for mode in l3 l3s l2 ""; do
		r=$(add ipvlan a "$(jq -c --arg mode "$mode" '.mode = $mode | .mtu = 1400' <<<"$CONF")")
		[ "$(made '[.linkinfo.info_data.mode, .mtu]')" = "[\"${mode:-l2}\",1400]" ]
		[ "$(jq -c '.interfaces[0].mtu' <<<"$r")" = 1400 ]
		del ipvlan a "$CONF"
	done
	ip link del eth0
}

@test "ADD: the master is that of the default route, and of the pod with linkInContainer" {
	conf=$(jq -c 'del(.master)' <<<"$CONF")
	unchanged fails 7 "master: missing, and no default route" add ipvlan a "$conf"
	ip route add default via 10.9.0.1
	call CHECK ipvlan a /run/netns/a "$(with_prev "$conf" "$(add ipvlan a "$conf")")"
	del ipvlan a "$conf"
	ip link set w0 netns a
	ip -n a link set w0 up
	conf=$(jq -c '.linkInContainer = true' <<<"$CONF")
	unchanged fails 7 'there is no interface "w0" in the pod' add ipvlan b "$conf"
	r=$(add ipvlan a "$conf")
	ping_from a 10.9.0.1
	call CHECK ipvlan a /run/netns/a "$(with_prev "$conf" "$r")"
	del ipvlan a "$conf"
	[ "$(links a)" = 1 ]
}

@test "ADD in a chain: prevResult's interface is the master, and its addresses are the pod's" {
	conf=$(jq -c 'del(.master, .ipam) | .prevResult = {"cniVersion":"1.1.0","interfaces":[{"name":"w0"}],
		"ips":[{"address":"10.9.0.77/24","gateway":"10.9.0.1","interface":0}],"routes":[{"dst":"0.0.0.0/0"}]}' <<<"$CONF")
	r=$(add ipvlan a "$conf")
	[ "$(jq -c '[.interfaces[].name], .ips[0].address, .ips[0].interface' <<<"$r" | tr -d '\n')" = '["eth0"]"10.9.0.77/24"0' ]
	[ "$(ip -n a route show default)" = "default via 10.9.0.1 dev eth0 " ]
	ping_from a 10.9.0.1
	call CHECK ipvlan a /run/netns/a "$(with_prev "$conf" "$r")"
	del ipvlan a "$conf"
	r=$(add ipvlan a "$(jq -c --argjson own "$CONF" '.ipam = $own.ipam' <<<"$conf")")
	[ "$(jq -r '.ips[0].address' <<<"$r")" = 10.9.0.10/24 ]
	unchanged fails 7 "prevResult has 2 interfaces instead of one" add ipvlan b "$(jq -c '.prevResult.interfaces += [{"name":"w1"}]' <<<"$conf")"
	unchanged fails 7 "ipam: missing, and prevResult has no addresses" add ipvlan b "$(jq -c 'del(.prevResult.ips)' <<<"$conf")"
	unchanged fails 7 "ipam: missing" add ipvlan b "$(jq -c 'del(.ipam)' <<<"$CONF")"
}

@test "ADD: an IPv6 address that another machine has is refused with enabledad; what ADD gives can be used when it returns" {
	detects_duplicates ipvlan "$CONF" fd00:9::10 w1
}

@test "DEL: everything as before, twice, without a namespace, after the namespace has gone, and whatever the pod calls it" {
	before=$(snapshot)
	add ipvlan a "$CONF" >/dev/null
	del ipvlan a "$CONF"
	[ "$(links a)" = 0 ]
	diff <(echo "$before") <(snapshot)
	del ipvlan a "$CONF"
	add ipvlan a "$CONF" >/dev/null
	ip -n a link set eth0 down
	ip -n a link set eth0 name wan
	del ipvlan a "$(jq -c '.master = "gone" | .mode = "odd" | .mtu = 1' <<<"$CONF")"
	add ipvlan a "$CONF" >/dev/null
	call DEL ipvlan a "" "$CONF"
	[ "$(links a)" = 0 ]
	add ipvlan a "$CONF" >/dev/null
	ip netns del a
	call DEL ipvlan a "" "$CONF"
	diff <(echo "$before" | grep -v netns/a) <(snapshot)
}

@test "what cannot be is refused with its code, and changes nothing" {
	unchanged fails 7 'mode: "odd" is none of l2, l3, l3s' add ipvlan a "$(jq -c '.mode = "odd"' <<<"$CONF")"
	unchanged fails 7 'master: there is no interface "w7" on the node' add ipvlan a "$(jq -c '.master = "w7"' <<<"$CONF")"
	unchanged fails 7 "mtu: 1501 is above that of the master w0, 1500" add ipvlan a "$(jq -c '.mtu = 1501' <<<"$CONF")"
	unchanged fails 100 route add ipvlan a "$(jq -c '.ipam.routes = [{"dst":"192.0.2.0/24","gw":"198.51.100.1"}]' <<<"$CONF")"
	ip link add br9 type bridge
	ip link add p0 type veth peer name p1
	ip link set p0 master br9
	unchanged fails 100 "the master serves something else" add ipvlan a "$(jq -c '.master = "p0"' <<<"$CONF")"
	unchanged fails 100 "create ipvlan" add ipvlan a "$(jq -c '.master = "lo"' <<<"$CONF")"
	ip link del p0
	ip link del br9
}

@test "CHECK: succeeds after ADD, and names what was changed" {
	prev=$(with_prev "$CONF" "$(add ipvlan a "$CONF")")
	check() { call CHECK ipvlan a /run/netns/a "$(jq -c "${1:-.}" <<<"$prev")"; }
	check
	fails 105 "not of mode l3s" check '.mode = "l3s"'
	fails 105 'there is no interface "w9"' check '.master = "w9"'
	ip -n a addr del fd00:9::10/64 dev eth0
	fails 105 "fd00:9::10/64" check
	ip -n a link del eth0
	fails 105 "eth0 is not in the pod" check
}

@test "STATUS tells a master that is missing; GC removes exactly what is not valid" {
	status ipvlan "$CONF"
	fails 50 'there is no interface "w9"' status ipvlan "$(jq -c '.master = "w9"' <<<"$CONF")"
	for p in a b; do add ipvlan "$p" "$CONF" >/dev/null; done
	gc ipvlan "$CONF" '[{"containerID":"b","ifname":"eth0"}]'
	[ "$(links a) $(links b)" = "0 1" ]
	[ ! -e /var/lib/cni/networks/net1/10.9.0.10 ]
}

@test "an address is had again at once when the namespace of whoever had it has died, and not while that lives" {
	conf=$(jq -c '.ipam = {"type":"static","addresses":[{"address":"10.9.0.77/24"},{"address":"fd00:9::77/64"}]}' <<<"$CONF")
	for n in $(seq 5); do
		ip netns add "old$n"
		call ADD ipvlan pod "/run/netns/old$n" "$conf"
		ip netns add "new$n"
		unchanged fails 101 "10.9.0.77 on master w0 is taken: container pod has it as interface eth0 of network net1" \
			call ADD ipvlan other "/run/netns/new$n" "$conf"
		ip netns del "old$n"
		call ADD ipvlan pod "/run/netns/new$n" "$conf"
		[ "$(ip -n "new$n" -o addr show dev eth0 scope global | wc -l)" = 2 ]
		call DEL ipvlan pod "/run/netns/new$n" "$conf"
		ip netns del "new$n"
	done
}
