#!/usr/bin/env bats
# cnibox node when things change under it: its subnet, with pods and without.
bats_require_minimum_version 1.5.0
load node_helpers

cnitool() { CNI_PATH=$BIN "$BIN/cnitool" "$@"; }

# one SUBNETS [KEYS]: a cluster of this node, and of another that has 10.244.1.0/24 when this one no longer has it.
one() {
	local other=(10.244.77.0/24)
	[[ " $1 " == *" 10.244.1.0/24 "* ]] || other=(10.244.1.0/24)
	cluster "${2:-"{}"}" "$(entry m '192.168.122.14 2001:db8::14' "$1")" "$(entry other 192.168.122.15 "${other[0]}")"
}

@test "another subnet, and no pod left: the former gateway goes, and the next pod has an address of the new one" {
	ip netns add pod
	for new in 10.244.9.0/24 10.244.8.0/25 10.244.8.0/24 '10.244.3.0/24 fd00:3::/64' '10.244.4.0/24 fd00:4::/64'; do
		one 10.244.1.0/24
		up
		cnitool add cnibox pod >/dev/null
		cnitool del cnibox pod
		one "$new"
		run up
		[ "$status" -eq 0 ]
		grep -q '^address 10.244.1.1/24 of bridge cni0: removed$' <<<"$output"
		[ -z "$(ip route show 10.244.1.0/24 dev cni0)" ]
		[ "$(up)" = "nothing to change" ]
		cnitool add cnibox pod | jq -r '.ips[0].address' | grep -q "^${new%.0/*}\."
		cnitool del cnibox pod
		[ "$(up)" = "nothing to change" ]
		one 10.244.1.0/24
		up
		ip link del cni0
	done
}

@test "another subnet while pods are there: refused with what to do, and nothing changed" {
	ip netns add pod
	one 10.244.1.0/24
	up
	cnitool add cnibox pod
	one 10.244.9.0/24
	refused 'bridge cni0 has the address 10.244.1.1/24, which is of no subnet of this node now, and 1 links are attached to it: delete the pods' up
	run node show -f "$FILE" --name m
	[ "$status" -eq 3 ]
	grep -q '^address 10.244.1.1/24 of bridge cni0: stale (not ours)$' <<<"$output"
	node down	# takes back what up made, and pods keep their gateway
	ip -o addr show dev cni0 | grep -q 10.244.1.1/24
}

@test "no subnet any more while pods are there: refused; without pods all goes but the routes" {
	ip netns add pod
	one 10.244.1.0/24
	up
	cnitool add cnibox pod
	one ''
	refused 'bridge cni0 has the address 10.244.1.1/24, which is of no subnet of this node now' up
	cnitool del cnibox pod
	up
	[ -z "$(ip -4 -o addr show dev cni0)" ]
	[ "$(ip route show proto 193)" = "10.244.1.0/24 via 192.168.122.15 dev eth0 " ]
}

@test "a bridge of others with an address in the way: refused with what to do" {
	ip link add cni0 type bridge
	ip addr add 10.244.1.1/24 dev cni0
	one 10.244.9.0/24
	refused 'bridge cni0, which cnibox has not made, has the address 10.244.1.1/24, which is of no subnet of this node: delete it (ip addr del 10.244.1.1/24 dev cni0)' up
	ip addr del 10.244.1.1/24 dev cni0
	up
}

@test "a second address beside the gateway is nobody's business" {
	one 10.244.9.0/24
	ip link add cni0 type bridge
	ip addr add 10.244.9.1/24 dev cni0
	ip addr add 10.99.0.1/24 dev cni0
	ip addr add fd00:99::1/64 dev cni0
	up
	[ "$(up)" = "nothing to change" ]
	one '10.244.9.0/24 fd00:9::/64'
	up
	[ "$(ip -o addr show dev cni0 | grep -c '10.99.0.1/24\|fd00:99::1/64')" -eq 2 ]
}

@test "DEL works after node down, by the runtime's copy of the configuration" {
	for family in 10.244.1.0/24 '10.244.1.0/24 fd00:1::/64'; do
		one "$family"
		before=$(ip -o link | grep -c ' veth') || true
		ip netns add pod
		up
		cp $CONFLIST "$BATS_TEST_TMPDIR/copy.conflist"
		cnitool add cnibox pod
		plugin=$(jq -c '. as $l | .plugins[0] + {cniVersion: $l.cniVersion, name: $l.name}' "$BATS_TEST_TMPDIR/copy.conflist")
		node down
		[ ! -e $CONFLIST ]
		for _ in 1 2; do	# and again, as runtimes do
			CNI_COMMAND=DEL CNI_CONTAINERID=$(ls /var/lib/cni/results | sed 's/^cnibox-\(.*\)-eth0$/\1/') CNI_NETNS=/run/netns/pod \
				CNI_IFNAME=eth0 CNI_PATH=$BIN "$BIN/$(jq -r .type <<<"$plugin")" <<<"$plugin"
		done
		[ "$(ip -o link | grep -c ' veth')" = "$before" ]
		[ -z "$(find /var/lib/cni/networks -name '10.*' -o -name 'fd00*')" ]
		NETCONFPATH=$BATS_TEST_TMPDIR cnitool del cnibox pod
		up
		cnitool add cnibox pod
		node down
		NETCONFPATH=$BATS_TEST_TMPDIR cnitool del cnibox pod
		[ "$(ip -o link | grep -c ' veth')" = "$before" ]
		ip netns del pod
		ip link del cni0
	done
}
