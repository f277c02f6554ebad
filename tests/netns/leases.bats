#!/usr/bin/env bats
# When a lease ends: by DEL, by GC, with its boot, or when its pod is provably gone; and never else.
bats_require_minimum_version 1.5.0
load helpers

REFERENCE=$BATS_TEST_DIRNAME/../../build/third_party/containernetworking-plugins/usr/lib/cni
# Two addresses, for the gateway and one pod.
CONF='{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"br1","isGateway":true,"ipam":{"type":"host-local","subnet":"10.1.0.0/30"}}'
LEASE=/var/lib/cni/networks/net1/10.1.0.2

setup() {
	pod a
	pod b
}

teardown() {
	clean bridge "$CONF"
}

# The pod of a plugin that is not ours, with an address of our host-local: macvlan, ptp, the reference's bridge.
others_pod() {
	call ADD host-local a /run/netns/a "$CONF"
	ip link add other type veth peer name eth0 netns a
	ip link set other up
	ip -n a link set eth0 up
	ip -n a addr add 10.1.0.2/30 dev eth0
}

@test "a lease that another plugin asked for is never taken back because no link of ours is there" {
	others_pod
	fails 50 "" call STATUS bridge "" "" "$CONF"
	fails 102 "" add bridge b "$CONF"
	[ "$(head -c 1 $LEASE)" = a ]
}

@test "a lease of the reference is never taken back because no link of ours is there" {
	[ -d "$REFERENCE" ]
	CNIBOX_BIN=$REFERENCE CNI_PATH=$REFERENCE add bridge a "$(jq -c '.cniVersion = "1.0.0"' <<<"$CONF")"
	fails 50 "" call STATUS bridge "" "" "$CONF"
	fails 102 "" add bridge b "$CONF"
	[ "$(head -c 1 $LEASE)" = a ]
	CNIBOX_BIN=$REFERENCE CNI_PATH=$REFERENCE del bridge a "$(jq -c '.cniVersion = "1.0.0"' <<<"$CONF")"
}

@test "a lease of ours is taken back when its pod has gone without DEL, and not before" {
	add bridge a "$CONF"
	fails 102 "" add bridge b "$CONF"
	host=$(ip -o link show type veth | sed 's/^[0-9]*: //; s/@.*//')
	ip netns del a
	while ip link show "$host"; do sleep 0.01; done
	call STATUS bridge "" "" "$CONF"
	add bridge b "$CONF" | jq -e '.ips[0].address == "10.1.0.2/30"'
}

@test "a container whose namespace has died without DEL gets its interface in a new one" {
	add bridge a "$CONF"
	host=$(ip -o link show type veth | sed 's/^[0-9]*: //; s/@.*//')
	fails 101 "already" call ADD bridge a /run/netns/b "$CONF"
	ip netns del a
	while ip link show "$host"; do sleep 0.01; done
	call ADD bridge a /run/netns/b "$CONF"
	ip -n b addr show eth0 | grep -q 10.1.0.2/30
	call DEL bridge a /run/netns/b "$CONF"
	[ ! -e $LEASE ]
}

@test "a lease of the reference that was met in one boot ends with it" {
	[ -d "$REFERENCE" ]
	CNIBOX_BIN=$REFERENCE CNI_PATH=$REFERENCE add bridge a "$(jq -c '.cniVersion = "1.0.0"' <<<"$CONF")"
	fails 50 "" call STATUS bridge "" "" "$CONF"
	echo an-earlier-boot >/var/lib/cni/networks/net1/boot_id
	ip netns del a	# as the reboot does
	add bridge b "$CONF" | jq -e '.ips[0].address == "10.1.0.2/30"'
}
