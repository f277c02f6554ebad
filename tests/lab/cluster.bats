#!/usr/bin/env bats
# The cluster in the lab: what `make lab` shows, and what it does not show. A lab that was up before stays up.
bats_require_minimum_version 1.5.0
load demo_helpers

LAB=$BATS_TEST_DIRNAME/../../qemu/lab

setup_file() {
	export WAS_UP=0
	"$LAB" exec world -- true 2>/dev/null </dev/null && WAS_UP=1
	"$LAB" up
	"$LAB" update
}

teardown_file() {
	[ "$WAS_UP" = 1 ] || "$LAB" down
}

on() {
	local node=$1
	shift
	"$LAB" exec "$node" -- sh -c "$*" </dev/null
}

@test "the demo: every line holds, is short, says what was seen, and is plain in a file" {
	on node1 iptables -P FORWARD ACCEPT
	demo_holds 38
	titles_hold <<<"$output"
	grep -qE '^  ok     node1: cnibox node up again +added an accept in FORWARD ' <<<"$output"
	grep -qE '^  ok     a      192.168.1.[0-9]+ +--> c        192.168.2.[0-9]+ +saw 192.168.1.[0-9]+: a ' <<<"$output"
}

@test "the demo again on the same lab, beside a pod in the cluster's own network: nothing was left in its way, and the pod stays" {
	on node1 'ip netns add mine && CNI_PATH=/opt/cni/bin cnitool add cnibox mine'
	run "$LAB" demo
	echo "$output"
	[ "$status" -eq 0 ]
	grep -qE '^  ok     node1: cnibox node up again +nothing to change ' <<<"$output"
	on node1 'ip netns exec mine ping -c 1 -W 20 192.168.122.16 && CNI_PATH=/opt/cni/bin cnitool del cnibox mine && ip netns del mine'
}

@test "the demo is coloured on a terminal, and not there with NO_COLOR" {
	NO_COLOR='' script -qec "$LAB demo picture" /dev/null </dev/null | grep -q $'\e'
	[[ $(NO_COLOR=1 script -qec "$LAB demo picture" /dev/null </dev/null) != *$'\e'* ]]
	"$LAB" demo picture | grep -q '192.168.122.15'
}

@test "node show: all as wanted on every node, and a removed route is seen and mended" {
	for n in master node1 node2; do
		on $n cnibox node show -f /etc/cnibox/cluster.json --name $n
	done
	on node1 ip route del 192.168.2.0/24
	run on node1 cnibox node show -f /etc/cnibox/cluster.json --name node1
	[ "$status" -eq 3 ]
	[[ $output == *192.168.2.0/24*missing* ]]
	run on node1 cnibox node up -f /etc/cnibox/cluster.json --name node1
	[ "$status" -eq 0 ]
	[ "$(grep -c added <<<"$output")" -eq 1 ]
}

@test "bridge with host-local, ipMasq and IPv6 on the lab's kernel, with its modules loaded on demand" {
	on node1 iptables -P FORWARD ACCEPT
	on node1 'mkdir -p /tmp/net && cat >/tmp/net/b.conflist <<-"X"
	{"cniVersion":"1.0.0","name":"b","plugins":[{"type":"bridge","bridge":"br9","isDefaultGateway":true,"ipMasq":true,"hairpinMode":true,
	"ipam":{"type":"host-local","ranges":[[{"subnet":"10.9.0.0/24"}],[{"subnet":"fd00:9::/64"}]]}},{"type":"loopback"}]}
	X
	ip netns add s && NETCONFPATH=/tmp/net CNI_PATH=/opt/cni/bin cnitool add b s'
	seen=$(on node1 ip netns exec s timeout 60 wget -qO- http://8.8.8.8/)
	[ "$seen" = 192.168.122.15 ]
	on node1 'ip netns exec s ping -c1 -W20 fd00:9::1'
	on node1 'NETCONFPATH=/tmp/net CNI_PATH=/opt/cni/bin cnitool check b s'
	on node1 'NETCONFPATH=/tmp/net CNI_PATH=/opt/cni/bin cnitool del b s; ip netns del s; ip link del br9'
	[ -z "$(on node1 'nft list ruleset | grep "table inet cnibox " || true')" ]
}

@test "dummy on the lab's kernel: made, checked, and deleted from the pod" {
	on node1 'mkdir -p /tmp/net && cat >/tmp/net/d.conflist <<-"X"
	{"cniVersion":"1.0.0","name":"d","plugins":[{"type":"dummy","ipam":{"type":"host-local",
	"ranges":[[{"subnet":"10.8.0.0/24"}],[{"subnet":"fd00:8::/64"}]]}}]}
	X
	ip netns add d && NETCONFPATH=/tmp/net CNI_PATH=/opt/cni/bin cnitool add d d'
	on node1 'ip netns exec d ping -c1 -W20 10.8.0.2 && ip netns exec d ping -c1 -W20 fd00:8::2'
	[[ $(on node1 'ip netns exec d ip -d link show eth0') == *dummy*"alias cnibox d "*" eth0"* ]]
	on node1 'NETCONFPATH=/tmp/net CNI_PATH=/opt/cni/bin cnitool check d d'
	on node1 'NETCONFPATH=/tmp/net CNI_PATH=/opt/cni/bin cnitool del d d'
	run on node1 'ip netns exec d ip link show eth0'
	[ "$status" -ne 0 ]
	on node1 'test -z "$(ls /var/lib/cni/networks/d | grep ^10)" && ip netns del d'
}
