#!/usr/bin/env bats
# Three nodes that share no link, a router between: make lab TOPOLOGY=routed, and what node run mends there. A lab of its own, booted once.
bats_require_minimum_version 1.5.0
load demo_helpers
load routed_helpers

LAB=$BATS_TEST_DIRNAME/../../qemu/lab

setup_file() {
	LAB_RUN=$(mktemp -d /tmp/cnibox,routed.XXXXXX) # a comma means something to QEMU
	export LAB_RUN LAB_TOPOLOGY=routed LAB_DISK=1 # a node's key and what it knows survive its reboot
	"$LAB" up
}

teardown_file() { "$LAB" down; }

@test "the demo: every line holds; pods reach pods over VXLAN and over WireGuard, and the router sees no plain packet" {
	demo_holds 68
	titles_hold <<<"$output"
	grep -qE '^  ok     router: what it has forwarded +[1-9][0-9]* of vxlan, 0 plain ' <<<"$output"
	grep -qE '^  ok     router: what it has forwarded +[1-9][0-9]* of wireguard, 0 plain ' <<<"$output"
	grep -qE '^  ok     a: not one ping was lost +[0-9]+ answers, 0 gaps ' <<<"$output"
	grep -qE '^  ok     node1: the way to node2 +via 10.1.2.1 ' <<<"$output"
	grep -qE '^  ok     node2: cnibox node up, over VXLAN +added cnibox-vxlan, 4 routes ' <<<"$output"
	grep -qE '^  ok     node2: cnibox node key +public, begins with [A-Za-z0-9+/]{8} ' <<<"$output"
	grep -qE '^  ok     a: nor by IPv6 +[0-9]+ answers, 0 gaps ' <<<"$output"
}

@test "node run over WireGuard: a cable pulled and put back, routes and rules flushed, the agent killed while pods talk" {
	joined_over wireguard
	cable_and_link
	flushes
	agent_killed wireguard
}

# bats test_tags=deep
@test "node run over VXLAN: a cable pulled and put back, routes and rules flushed, the agent killed while pods talk" {
	joined_over vxlan
	cable_and_link
	flushes
	agent_killed vxlan
}

# bats test_tags=deep
@test "node run over WireGuard: a node is booted, gets another address, leaves and comes back" {
	joined_over wireguard
	booted
	renumbered
	left_and_back
}

# bats test_tags=deep
@test "node run over VXLAN: a node is booted, gets another address, leaves and comes back" {
	joined_over vxlan
	booted
	renumbered
	left_and_back
}
