#!/usr/bin/env bats
# cnibox node: WireGuard between nodes that share no link. Three nodes, a router between.
bats_require_minimum_version 1.5.0
load helpers
load tunnel_helpers

networks='"networks":["10.244.0.0/16","fd00:244::/32"]'

setup() {
	kernel_makes wireguard wireguard
	routed_nodes
	keyed '{"backend":"wireguard",'"$networks"'}'
}

teardown() { routed_clean; }

# until_heard POD ADDRESS: pings of who still has the session that the other lost are answered, sooner than it would notice (15 s).
until_heard() {
	ip netns exec "$1" sh -c "for i in 1 2 3 4 5 6 7 8 9 10; do ping -q -c 1 -W 1 $2 && exit; done; exit 1" >/dev/null
}

@test "three nodes in three subnets: pods reach pods of both families; the router sees not one plain packet" {
	up_all
	pods_all
	all_reached
	[ "$(seen wireguard)" -ge 24 ]
	[ "$(seen plain)" -eq 0 ]
	[ "$(seen vxlan)" -eq 0 ]
	[ "$(ip -n p1 -j link show eth0 | jq .[0].mtu)" = 1440 ]
}

@test "each thing is a line of up; a second up has nothing to do, and down leaves nothing but the key" {
	before=$(on n1 ip -d -o link; on n1 ip route; on n1 ip addr)
	key=$(jq -r '.nodes[1].publicKey' "$FILE")
	run up_on n1
	echo "$output"
	[ "$status" -eq 0 ]
	grep -qx "WireGuard cnibox-wg: port 51820, key $(on n1 "$CNIBOX" node key), MTU 1440: added" <<<"$output"
	grep -qx "WireGuard: peer $key at 10.1.2.2, port 51820, for 10.244.2.0/24, fd00:244:2::/64: added" <<<"$output"
	grep -qx 'route 10.244.2.0/24 over WireGuard: added' <<<"$output"
	[ "$(up_on n1)" = "nothing to change" ]
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/n1/var/lib/cni/cnibox/wireguard.key")" = 600 ]
	run ! grep -rF "$(cat "$BATS_TEST_TMPDIR/n1/var/lib/cni/cnibox/wireguard.key")" "$BATS_TEST_TMPDIR/n1/run" "$BATS_TEST_TMPDIR/n1/etc"
	key=$(on n1 "$CNIBOX" node key)
	down_on n1
	diff <(echo "$before") <(on n1 ip -d -o link; on n1 ip route; on n1 ip addr)
	[ "$(on n1 "$CNIBOX" node key)" = "$key" ]
}

@test "run: whatever is deleted or changed comes back" {
	run_on_n1
	pods_all
	reaches p2 10.244.1.2
	on n1 ip link del cnibox-wg
	as_wanted n1
	until_heard p2 10.244.1.2
	on n1 ip link set cnibox-wg down
	as_wanted n1
	until_heard p2 10.244.1.2
	comes_back "ip link set cnibox-wg down" "ip link set cnibox-wg mtu 1300" "ip addr flush dev cnibox-wg" \
		"ip route flush proto 193"
}

# stays_secret HARM: until that is mended nothing leaves in clear, also by the default route.
stays_secret() {
	on n1 bash -c "$1"
	run ! reaches p1 10.244.2.2 -W 1
	run ! on n1 ping -q -c 1 -W 1 10.244.2.2
	run ! on n1 ip route get fd00:244:2::2
	[ "$(seen clear)" -eq 0 ]
	up_on n1
	until_heard p1 10.244.2.2
}

@test "while routes are away and the link is down or gone, not one packet leaves unencrypted" {
	up_all
	pods_all
	on n1 ip -6 route add default via fe80::1 dev eth0
	stays_secret "ip route flush proto 193; ip -6 route flush proto 193"
	stays_secret "ip link set cnibox-wg down"
	stays_secret "ip link del cnibox-wg"
	node_on n1 show | grep -qx 'blackhole 10.244.2.0/24 behind WireGuard: ok'
	on n1 ip route flush proto 194
	up_on n1 | grep -qx 'blackhole 10.244.2.0/24 behind WireGuard: added'
}

@test "run: a node that left the file is no peer of the device any more, and one that comes again is" {
	run_on_n1
	pods_all
	reaches p3 10.244.1.2
	key=$(jq -r '.nodes[2].publicKey' "$FILE")
	cp "$FILE" "$BATS_TEST_TMPDIR/all.json"
	keyed '{"backend":"wireguard",'"$networks"'}' 'del(.nodes[2])'
	as_wanted n1
	grep -q "peer $key at 10.1.3.2, .*: not wanted: removed" "$BATS_TEST_TMPDIR/n1.log"
	run -3 node_on n1 show -f "$BATS_TEST_TMPDIR/all.json"
	grep -q "^WireGuard: peer $key at 10.1.3.2, .*: missing" <<<"$output"
	run ! reaches p3 10.244.1.2 -W 1
	reaches p2 10.244.1.2
	cat "$BATS_TEST_TMPDIR/all.json" >"$FILE"
	as_wanted n1
	until_heard p3 10.244.1.2
	[ "$(seen plain)" -eq 0 ]
}

@test "VXLAN to WireGuard and back, a node at a time, while pods talk" {
	routed '{"backend":"vxlan",'"$networks"'}'
	up_all
	pods_all
	pings_begin
	keyed '{"backend":"vxlan","vni":1,'"$networks"'}'
	up_all
	for k in 1 2 3; do
		keyed '{"backend":"vxlan","vni":1,'"$networks"'}' ".nodes[:$k][].backend = \"wireguard\""
		up_all
	done
	node_on n1 show | grep -qx 'route 10.244.2.0/24 over WireGuard: ok'
	keyed '{"backend":"wireguard",'"$networks"'}'
	up_all
	run ! on n1 ip link show cnibox-vxlan
	keyed '{"backend":"wireguard","vni":1,'"$networks"'}'
	up_all
	keyed '{"backend":"vxlan","vni":1,'"$networks"'}'
	up_all
	routed '{"backend":"vxlan",'"$networks"'}'
	up_all
	run ! on n1 ip link show cnibox-wg
	pings_end
	[ "$(seen plain)" -eq 0 ]
	[ "$(seen wireguard)" -gt 0 ]
}

@test "a node without a key is left out, and nothing goes to it unencrypted; another's key is an error" {
	keyed '{"backend":"wireguard"}' 'del(.nodes[2].publicKey)'
	run --separate-stderr up_on n1
	[ "$status" -eq 0 ]
	grep -q 'WireGuard: no public key of node n3 is known: left out' <<<"$stderr"
	[ -z "$(on n1 ip route show 10.244.3.0/24 proto 193)" ]
	pod_on n1
	run ! reaches p1 10.244.3.2 -W 1
	run ! on n1 ping -q -c 1 -W 1 10.244.3.2
	[ "$(seen clear)" -eq 0 ]
	keyed '{"backend":"wireguard"}' '.nodes[0].publicKey = .nodes[1].publicKey | del(.nodes[1].publicKey)'
	run up_on n1
	echo "$output"
	[ "$status" -eq 1 ]
	grep -qF "this machine's is $(on n1 "$CNIBOX" node key) (cnibox node key)" <<<"$output"
}

# listens PORT: n1's kernel does, by UDP.
listens() { ip netns exec n1 grep -q "^ *[0-9]*: 00000000:$(printf %04X "$1") " /proc/net/udp; }

@test "the port and the MTU of the keys are the kernel's, also when they change; a port that another has is named" {
	keyed '{"backend":"wireguard","wireguardPort":51999,"mtu":1300}'
	up_all
	pods_all
	listens 51999
	[ "$(ip -n p1 -j link show eth0 | jq .[0].mtu)" = 1300 ]
	reaches p1 10.244.2.2
	keyed '{"backend":"wireguard","wireguardPort":52000}'
	up_all
	listens 52000
	! listens 51999 || false
	reaches p3 10.244.1.2
	on n2 ip link add other type vxlan id 9 dstport 53000
	on n2 ip link set other up
	keyed '{"backend":"wireguard","wireguardPort":53000}'
	run up_on n2
	echo "$output"
	[ "$status" -eq 1 ]
	grep -q 'WireGuard cnibox-wg: .*another program has its UDP port' <<<"$output"
}
