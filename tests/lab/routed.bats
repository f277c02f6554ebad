#!/usr/bin/env bats
# Three nodes that share no link, a router between: make lab TOPOLOGY=routed. A lab of its own, booted once.
bats_require_minimum_version 1.5.0
load demo_helpers

LAB=$BATS_TEST_DIRNAME/../../qemu/lab

setup_file() {
	LAB_RUN=$(mktemp -d /tmp/cnibox-routed.XXXXXX)
	export LAB_RUN LAB_TOPOLOGY=routed
	"$LAB" up
}

teardown_file() { "$LAB" down; }

on() { "$LAB" exec "$1" -- sh -c "$2" </dev/null; }

@test "the demo: every line holds; pods reach pods over VXLAN and over WireGuard, and the router sees no plain packet" {
	demo_holds 45
	grep -qE '^  ok     router: what it has forwarded +[1-9][0-9]* of vxlan, 0 plain ' <<<"$output"
	grep -qE '^  ok     router: what it has forwarded +[1-9][0-9]* of wireguard, 0 plain ' <<<"$output"
	grep -qE '^  ok     a: not one ping was lost +[0-9]+ answers, 0 gaps ' <<<"$output"
}
