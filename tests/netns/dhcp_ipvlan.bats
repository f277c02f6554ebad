#!/usr/bin/env bats
# dhcp over ipvlan, whose pods share the node's MAC: they are told apart by their client ids.
bats_require_minimum_version 1.5.0
load helpers
load wire_helpers
load dhcp_helpers

WIRE='{"cniVersion":"1.1.0","name":"net1","type":"ipvlan","master":"w0","ipam":{"type":"dhcp"}}'

setup() {
	kernel_has ipvlan
	lan
	ip link add w0 type veth peer name to-node netns srv
	ip -n srv link set to-node master br0 up
	ip link set w0 up
	pod a
	pod b
}

teardown() {
	cat "$LOG" "$BATS_TEST_TMPDIR/daemon.log" 2>/dev/null || true
	clean_up
	ip link del w0 2>/dev/null || true
}

link_local() { ip -n "$1" -6 -o addr show dev eth0 scope link | grep -o 'fe80[^/]*'; }

# What the server has written of leases; for a moment, while it writes them anew, it is less.
leases_of_one_mac() { [ "$(cut -d' ' -f2 "$BATS_TEST_TMPDIR/leases" | uniq -c | awk '{print $1}')" = "$1" ]; }

# The kernel has found the link-local address to be nobody else's: nothing is sent from it before.
link_local_is_ready() { [ -z "$(ip -n "$1" -6 -o addr show dev eth0 tentative)" ]; }

renewed() { [ "$(jq .expires "$(lease_file "$1")")" -gt "$2" ]; }

@test "ADD: result; pods of one master have addresses and leases of their own, in both families, which are renewed, and given back alone" {
	serve "$RANGE" --dhcp-option=option:T1,1 --dhcp-option=option:T2,3
	daemon
	# The server's machine believes that others have all these addresses.
	for n in $(seq 10 59); do echo "neigh replace 10.9.0.$n lladdr 02:00:00:00:00:99 dev br0 nud stale"; done | ip -n srv -batch -
	one=$(add ipvlan a "$WIRE")
	two=$(add ipvlan b "$WIRE")
	[ "$(jq -r '.interfaces[0].mac' <<<"$one")" = "$(jq -r '.interfaces[0].mac' <<<"$two")" ]
	[ "$(address "$one")" != "$(address "$two")" ]
	[ "$(link_local a)" != "$(link_local b)" ]
	# It does not any more, and all reach each other.
	for ip in "$(address "$one")" "$(address "$two")"; do
		ip netns exec srv ping -c1 -W10 -q "$ip"
	done
	ping_from a "$(address "$two")"
	wait_for link_local_is_ready a
	ping_from a "$(link_local b)%eth0"
	before=$(jq .expires "$(lease_file a)" "$(lease_file b)" | sort -n | tail -n 1)
	wait_for renewed a "$before"
	wait_for renewed b "$before"
	wait_for leases_of_one_mac 2
	del ipvlan a "$WIRE"
	wait_for said 1 "DHCPRELEASE(br0) $(address "$one")"
	call CHECK ipvlan b /run/netns/b "$(with_prev "$WIRE" "$two")"
	before=$(jq .expires "$(lease_file b)")
	wait_for renewed b "$before"
	[ "$(ls "$STATE")" = b:net1:eth0 ]
	ping_from b 10.9.0.1
	del ipvlan b "$WIRE"
	[ -z "$(ls -A "$STATE")" ]
}
