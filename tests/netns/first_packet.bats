#!/usr/bin/env bats
# After ADD the first packet passes, also to an address that another pod had a moment ago.
bats_require_minimum_version 1.5.0
load helpers

BOTH='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}'
BRIDGE='{"cniVersion":"1.0.0","name":"net1","type":"bridge","bridge":"cni0","isGateway":true,'$BOTH'}'
PTP='{"cniVersion":"1.0.0","name":"net1","type":"ptp",'$BOTH'}'

setup() {
	pod a
}

teardown() {
	for ns in $(ip netns list | cut -d' ' -f1); do
		for plugin in bridge ptp; do
			del "$plugin" "$ns" "$BRIDGE" >/dev/null 2>&1 || true
		done
		ip netns del "$ns"
	done
	for link in cni0 lan0; do ip link del "$link" 2>/dev/null || true; done
	echo 1 >/proc/sys/net/ipv4/conf/default/forwarding
	rm -rf /var/lib/cni/* /run/cnibox
}

# operational LINK: what the kernel says of the link itself, without asking for it over netlink.
operational() {
	[ "$(cat "/sys/class/net/$1/operstate")" = up ]
}

@test "bridge: when ADD returns, port and bridge are operational, also with one index at both ends" {
	for n in 1 2 3 4 5 6; do
		r=$(add bridge a "$BRIDGE")
		host=$(jq -r '.interfaces[1].name' <<<"$r")
		operational "$host"
		operational cni0
		[ "$(cat "/sys/class/net/cni0/brif/$host/state")" = 3 ]
		[ "$(ip -n a -6 route show table local | grep -c '^local fd00:1::')" = 1 ]
		[ -n "$(ip -6 route show table local fd00:1::1)" ]
		del bridge a "$BRIDGE"
		ip netns del a
		pod a
		# The next host end's index is one more; so the pod's meets it in one of the turns.
		for ((i = 0; i < n; i++)); do
			ip -n a link add name d type bridge
			ip -n a link del dev d
		done
	done
}

@test "ptp: when ADD returns, the host end is operational" {
	host=$(add ptp a "$PTP" | jq -r '.interfaces[0].name')
	operational "$host"
	[ -n "$(ip -6 route show table local fd00:1::1)" ]
}

@test "the first packet of a pod is answered at once, in both families and both directions" {
	for plugin in bridge ptp; do
		conf=$BRIDGE
		[ $plugin = bridge ] || conf=$PTP
		r=$(add $plugin a "$conf")
		ip netns exec a ping -c1 -W1 -q 10.1.0.1
		ip netns exec a ping -c1 -W1 -q fd00:1::1
		ping -c1 -W1 -q "$(address "$r")"
		ping -c1 -W1 -q "$(address "$r" 1)"
		del $plugin a "$conf"
	done
}

@test "an address that is given again is reached at once, from the node and from its neighbours" {
	pod b
	pod other
	add bridge other "$BRIDGE" >/dev/null
	again=$(jq -c '.ipam.ranges[0][0] += {rangeStart: "10.1.0.7", rangeEnd: "10.1.0.7"} |
		.ipam.ranges[1][0] += {rangeStart: "fd00:1::7", rangeEnd: "fd00:1::7"}' <<<"$BRIDGE")
	add bridge a "$again" >/dev/null
	for address in 10.1.0.7 fd00:1::7; do
		ping -c1 -W2 -q $address
		ip netns exec other ping -c1 -W2 -q $address
	done
	del bridge a "$BRIDGE"
	mac=$(add bridge b "$again" | jq -r '.interfaces[2].mac')
	for address in 10.1.0.7 fd00:1::7; do
		ip netns exec other ping -c1 -W1 -q $address
		ping -c1 -W1 -q $address
		ip -n other neigh show $address | grep -q "$mac"
	done
}

@test "what a pod sends is forwarded where forwarding is on, but not by default of new links; CHECK tells" {
	other_machine lan
	ip link add lan0 type veth peer name eth0 netns lan
	ip addr add 172.16.0.1/24 dev lan0
	ip link set lan0 up
	ip -n lan addr add 172.16.0.9/24 dev eth0
	ip -n lan link set eth0 up
	ip -n lan route add default via 172.16.0.1
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 0 >/proc/sys/net/ipv4/conf/default/forwarding
	for plugin in bridge bash-cni ptp; do
		conf=$(jq -c --arg p $plugin '.type = $p | .ipam.routes = [{dst: "0.0.0.0/0"}]' <<<"$BRIDGE")
		[ $plugin != bash-cni ] || conf='{"cniVersion":"1.0.0","name":"net1","type":"bash-cni","subnet":"10.1.0.0/24","logFile":""}'
		r=$(add $plugin a "$conf")
		ip netns exec a ping -c1 -W2 -q 172.16.0.9
		call CHECK $plugin a /run/netns/a "$(with_prev "$conf" "$r")"
		by=$(jq -r '.interfaces[0].name' <<<"$r")
		echo 0 >"/proc/sys/net/ipv4/conf/$by/forwarding"
		fails 105 "$by" call CHECK $plugin a /run/netns/a "$(with_prev "$conf" "$r")"
		del $plugin a "$conf"
		ip link del cni0 2>/dev/null || true
	done
}
