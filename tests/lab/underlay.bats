#!/usr/bin/env bats
# Pods on the nodes' own wire, in a lab of their own: what `make lab TOPOLOGY=underlay` shows. A sample of it, for four machines are
# emulated; FULL=1 (make soak): all of it, twice.
bats_require_minimum_version 1.5.0
load demo_helpers

TOP=$BATS_TEST_DIRNAME/../..

setup_file() {
	LAB_RUN=$(mktemp -d /tmp/cnibox-underlay.XXXXXX)
	export LAB=$TOP/qemu/lab LAB_RUN LAB_TOPOLOGY=underlay
	"$LAB" up
}

teardown_file() {
	"$LAB" down
}

# all_hold N: and a client outside keeps its address
all_hold() {
	demo_holds "$1"
	[ "${FULL:-}" != 1 ] || titles_hold <<<"$output"
	grep -qE '^  ok     client 203.0.113.7    --> node1    .15:30080      saw 203.0.113.7: client ' <<<"$output"
}

@test "pods of macvlan and of ipvlan, their nodes, Services, NodePorts and the internet reach each other, and nothing is left" {
	[ "${FULL:-}" = 1 ] || export LAB_SAMPLE=1
	all_hold "$([ "${FULL:-}" = 1 ] && echo 80 || echo 20)"
}

@test "the demo again on the same lab: nothing was left in its way" {
	[ "${FULL:-}" = 1 ] || skip "a minute of four machines: FULL=1, or make soak"
	all_hold 80
}
