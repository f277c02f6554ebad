#!/usr/bin/env bats
# cnibox node: VXLAN between nodes that share no link. Three nodes, a router between.
bats_require_minimum_version 1.5.0
load helpers
load tunnel_helpers

setup() {
	kernel_makes vxlan vxlan id 1 dstport 8472
	routed_nodes
	routed '{"backend":"vxlan","networks":["10.244.0.0/16","fd00:244::/32"]}'
}

teardown() { routed_clean; }

@test "three nodes in three subnets: pods reach pods of both families; the router sees nothing but the tunnel" {
	up_all
	pods_all
	all_reached
	[ "$(seen vxlan)" -ge 24 ]
	[ "$(seen plain)" -eq 0 ]
}

@test "each thing is a line of up; a second up has nothing to do, show says which way, and down leaves nothing" {
	routed '{"backend":"vxlan"}' '.nodes[].subnets |= .[:1]'
	before=$(on n1 ip -d -o link; on n1 ip route; on n1 ip addr)
	mac() { node_on "$1" show | sed -n 's/^VXLAN: neighbour 10.244.2.0 is \(.*\): .*/\1/p'; }
	run up_on n1
	echo "$output"
	[ "$status" -eq 0 ]
	grep -qx 'VXLAN cnibox-vxlan: VNI 1, port 8472, from 10.1.1.2, MTU 1450: added' <<<"$output"
	grep -qx 'address 10.244.1.0/32 of cnibox-vxlan: added' <<<"$output"
	grep -qx "VXLAN: $(mac n1) is behind 10.1.2.2: added" <<<"$output"
	grep -qx "VXLAN: neighbour 10.244.2.0 is $(mac n1): added" <<<"$output"
	grep -qx 'route 10.244.2.0/24 over VXLAN: added' <<<"$output"
	[ "$(up_on n1)" = "nothing to change" ]
	node_on n1 show | grep -qx 'route 10.244.3.0/24 over VXLAN: ok'
	[ "$(mac n1)" = "$(mac n3)" ]
	up_on n2
	[ "$(on n2 ip -j link show cnibox-vxlan | jq -r '.[0].address')" = "$(mac n1)" ]
	on n1 ethtool -k cnibox-vxlan 2>/dev/null | grep -q 'tx-checksumming: off' || ! command -v ethtool
	run down_on n1
	[ "$status" -eq 0 ]
	diff <(echo "$before") <(on n1 ip -d -o link; on n1 ip route; on n1 ip addr)
	[ "$(down_on n1)" = "nothing to change" ]
}

@test "the MTU of pods is what fits; a key counts more" {
	up_all
	[ "$(jq .plugins[0].mtu "$BATS_TEST_TMPDIR/n1/etc/cni/net.d/10-cnibox.conflist")" = 1450 ]
	pods_all
	[ "$(ip -n p1 -j link show eth0 | jq .[0].mtu)" = 1450 ]
	reaches p1 10.244.2.2 -M 'do' -s 1422
	! reaches p1 10.244.2.2 -M 'do' -s 1423 || false
	[ "$(seen plain)" -eq 0 ]
	routed '{"backend":"vxlan","mtu":1400,"vni":7,"vxlanPort":4789}'
	up_all
	[ "$(jq .plugins[0].mtu "$BATS_TEST_TMPDIR/n1/etc/cni/net.d/10-cnibox.conflist")" = 1400 ]
	on n1 ip -d link show cnibox-vxlan | grep -q 'vxlan id 7 local 10.1.1.2.* dstport 4789 .*nolearning'
	all_reached
}

@test "run: whatever is deleted or changed comes back" {
	run_on_n1
	pods_all
	mac=$(on n1 ip -j neigh show 10.244.2.0 dev cnibox-vxlan | jq -r '.[0].lladdr')
	comes_back "ip link del cnibox-vxlan" "ip link set cnibox-vxlan down" "ip link set cnibox-vxlan mtu 1300" \
		"ip link set cnibox-vxlan address 02:00:00:00:00:07" "ip addr flush dev cnibox-vxlan" \
		"ip neigh del 10.244.2.0 dev cnibox-vxlan" "ip neigh replace 10.244.2.0 lladdr 02:00:00:00:00:09 dev cnibox-vxlan" \
		"bridge fdb del $mac dev cnibox-vxlan" "bridge fdb replace $mac dst 10.1.3.2 dev cnibox-vxlan" \
		"bridge fdb append 00:00:00:00:00:00 dst 10.1.3.2 dev cnibox-vxlan" "ip route flush proto 193"
	! on n1 bridge fdb show dev cnibox-vxlan | grep -q 00:00:00:00:00:00 || false
}

@test "run: neighbours of other links are nothing that wakes it" {
	run_on_n1
	pid=$(ip netns pids n1 | while read -r p; do if grep -zqs '^run$' "/proc/$p/cmdline"; then echo "$p"; fi; done)
	wakeups() { sed -n 's/^voluntary_ctxt_switches:\t//p' "/proc/$pid/status"; }
	calm() { local b; b=$(wakeups); sleep 0.5; [ "$(wakeups)" = "$b" ] && grep -q '^State:.S' "/proc/$pid/status"; }
	until calm; do :; done
	before=$(wakeups)
	for i in {1..20}; do on n1 ip neigh replace 10.1.1.$((i + 100)) lladdr 02:00:00:00:01:$((i + 10)) dev eth0; done
	on n1 ip neigh flush dev eth0
	until calm; do :; done
	[ $(($(wakeups) - before)) -le 2 ] # its own timers; 40 events would be more
}

@test "where the nodes share a link they need no tunnel, unless it is for all" {
	ip link add b0 netns r type bridge
	ip -n r link set b0 up
	for n in 1 2; do
		ip link add eth1 netns n$n type veth peer name s$n netns r
		ip -n r link set s$n master b0 up
		ip -n n$n addr add 10.9.0.$n/24 dev eth1
		ip -n n$n link set eth1 up
	done
	shared='.nodes[0].addresses += ["10.9.0.1"] | .nodes[1].addresses += ["10.9.0.2"] | .nodes[].subnets |= .[:1]'
	routed '{"backend":"vxlan"}' "$shared"
	up_all
	node_on n1 show | grep -qx 'route 10.244.2.0/24 via 10.9.0.2: ok'
	node_on n1 show | grep -qx 'route 10.244.3.0/24 over VXLAN: ok'
	pods_all
	pings_begin
	routed '{"backend":"vxlan","tunnelAll":true}' "$shared"
	up_all
	node_on n1 show | grep -qx 'route 10.244.2.0/24 over VXLAN: ok'
	routed '{"backend":"vxlan"}' "$shared"
	up_all
	pings_end
}

@test "direct to VXLAN and back, a node at a time, while pods talk" {
	for n in 1 2 3; do for m in 1 2 3; do [ $n = $m ] || ip -n r route replace 10.244.$m.0/24 via 10.1.$m.2; done; done
	for n in 1 2 3; do for m in 1 2 3; do [ $n = $m ] || ip -n n$n route replace 10.1.$m.0/24 via 10.1.$n.1; done; done
	only4='.nodes[].subnets |= .[:1]'
	routed '{"onlink":true}' "$only4"
	# the router stands for every next hop: it answers for all addresses
	for n in 1 2 3; do ip netns exec r sysctl -qw net.ipv4.conf.e$n.proxy_arp=1 net.ipv4.neigh.e$n.proxy_delay=0; done
	up_all
	pods_all
	pings_begin
	routed '{"onlink":true,"vni":1}' "$only4"
	up_all
	for k in 1 2 3; do
		routed '{"onlink":true,"vni":1,"tunnelAll":true}' "$only4 | .nodes[:$k][].backend = \"vxlan\""
		up_all
	done
	node_on n1 show | grep -qx 'route 10.244.2.0/24 over VXLAN: ok'
	routed '{"onlink":true,"vni":1}' "$only4"
	up_all
	routed '{"onlink":true}' "$only4"
	up_all
	pings_end
	! on n1 ip link show cnibox-vxlan || false
}

@test "a link of another kind that has the name, and a VXLAN of the same VNI, are in the way and named" {
	on n1 ip link add cnibox-vxlan type bridge
	run up_on n1
	[ "$status" -eq 1 ]
	grep -qF "link cnibox-vxlan is there already and no VXLAN: delete or rename it" <<<"$output"
	on n1 ip link del cnibox-vxlan
	on n1 ip link add flannel.1 type vxlan id 1 dstport 8472
	run up_on n1
	echo "$output"
	[ "$status" -eq 1 ]
	grep -qF "VXLAN cnibox-vxlan: create VXLAN: there is another VXLAN of this VNI and port, or a link so named" <<<"$output"
}
