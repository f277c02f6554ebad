#!/usr/bin/env bats
# Lists of real systems whose pods stand on the node's wire, each as a whole: two pods, and what the list promises.
# Where this kernel has no ipvlan, macvlan takes its place; tests/lab runs this file in a machine that has it.
bats_require_minimum_version 1.5.0
load helpers
load wire_helpers
load portmap_helpers
load veth_host_helpers
load samples_helpers

setup() {
	kernel_has macvlan
	underlay_setup
	mkdir "$BATS_TEST_TMPDIR/bin"
	export CNI_PATH=$CNIBOX_BIN:$BATS_TEST_TMPDIR/bin
}

teardown() {
	local p
	jobs -p | xargs -r kill 2>/dev/null || true
	for p in a b; do detach $p >/dev/null 2>&1 || true; done
	ip link del w2 2>/dev/null || true
	clean
	ip link del w0 2>/dev/null || true
}

# wire_list JSON [JQ]: a list of ipvlan, or, edited by JQ as well, of macvlan.
wire_list() {
	local edit=${2:-.}
	ip link add probe0 type veth peer name probe1
	if ip link add link probe0 name probe2 type ipvlan 2>/dev/null; then
		list "$1"
	else
		list "$(jq -c '(.plugins[] | select(.type == "ipvlan")) |= (.type = "macvlan" | del(.mode)) | '"$edit" <<<"$1")"
	fi
	ip link del probe0
}

# ipam_of_others NAME ROUTES [JQ]: an IPAM plugin that is not ours; JQ: what it makes of host-local's answer
ipam_of_others() {
	local edit=${3:-.}
	cat >"$BATS_TEST_TMPDIR/bin/$1" <<-X
		#!/bin/sh
		conf=\$(jq -c '.ipam = {type: "host-local", ranges: [[{subnet: "10.9.0.0/24", gateway: "10.9.0.1", rangeStart: "10.9.0.50"}],
			[{subnet: "fd00:9::/64", gateway: "fd00:9::1", rangeStart: "fd00:9::50"}]], routes: $2}')
		answer=\$(echo "\$conf" | $CNIBOX_BIN/host-local) || { echo "\$answer"; exit 1; }
		[ -z "\$answer" ] || echo "\$answer" | jq -c '$edit'
	X
	chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}
DEFAULTS='[{dst: "0.0.0.0/0"}, {dst: "::/0"}]'

# The node has a second interface on the same wire, w2: clouds give pods' addresses to such.
second_interface() {
	ip -n lan link add name br0 type bridge
	ip -n lan addr flush dev w1
	ip -n lan link set w1 master br0
	ip link add w2 type veth peer name w3 netns lan
	ip -n lan link set w3 up master br0
	ip -n lan link set br0 up
	ip link set w2 up
	for address in 10.9.0.1/24 192.0.2.1/32; do ip -n lan addr add $address dev br0; done
	for address in fd00:9::1/64 2001:db8::1/128; do ip -n lan addr add $address dev br0 nodad; done
}

# node_and_pods: each pod and the node, nothing is translated; a machine of the wire and the pods
node_and_pods() {
	local ip
	serve a 8080
	serve_node 8080
	for ip in $(addresses "$A") $(addresses "$B"); do
		ping -c1 -W10 -q "$ip" >/dev/null
		ping_from lan "$ip" >/dev/null
	done
	[ "$(ask "" tcp 10.9.0.50 8080)" = 10.9.0.254 ]
	[ "$(ask a tcp 10.9.0.254 8080)" = 10.9.0.50 ]
	[ "$(ask b tcp fd00:9::254 8080)" = fd00:9::51 ]
	[ "$(ask lan tcp 10.9.0.50 8080)" = 10.9.0.1 ]
}

# services ADDRESS ADDRESS: of IPv4 and IPv6: backends on another machine, on this node, and the node itself
services() {
	local backend
	serve lan 8080
	serve b 8080
	for backend in 1 51 254; do
		nft delete table inet services 2>/dev/null || true
		service "$1" "10.9.0.$backend"
		service "$2" "fd00:9::$backend"
		[ "$(ask a tcp "$1" 8080)" = 10.9.0.50 ]
		[ "$(ask a tcp "$2" 8080)" = fd00:9::50 ]
	done
}

# all_gone without the proxy's rules, and rules, tables and neighbours with it
left_nothing() {
	nft delete table inet services 2>/dev/null || true
	all_gone
	fails_to grep 'proto 194\|iif' <<<"$(ip rule; ip -6 rule)"
	fails_to grep '^10.9\|^fd00:9' <<<"$(ip neigh show nud permanent)"
}

@test "ipvlan and veth-host with serviceCidr and ipMasq: the list that has to work as it is" {
	ipam_of_others cloud-ipam "$DEFAULTS"
	wire_list '{"name":"cni0","cniVersion":"0.3.1","plugins":[{"type":"ipvlan","master":"w0","ipam":{"type":"cloud-ipam","routes":[{"dst":"0.0.0.0/0"}]}},
		{"type":"veth-host","serviceCidr":"172.20.252.0/22","hostInterface":"w0","containerInterface":"veth0","ipMasq":true}]}'
	two_pods
	end=$(ip -o link show type veth | sed -n 's/^[0-9]*: \(veth[0-9a-f]*\)@.*/\1/p' | head -n 1)
	ip -n a -o link show veth0
	ip -n a route | grep '^10.9.0.0/24 dev eth0 .*scope link src 10.9.0.50'
	ip -n a route | grep '^10.9.0.254 dev veth0 scope link'
	ip -n a route show table all | grep '^default via 10.9.0.254 dev veth0\|^172.20.252.0/22 via 10.9.0.254 dev veth0'
	ip route | grep '^10.9.0.50 dev veth[0-9a-f]* scope link'
	table=$(ip rule | sed -n "s/^1024:	from all iif $end lookup \([0-9]*\).*/\1/p")
	ip route show table "$table" | grep "^default via 10.9.0.5[01] dev $end"
	node_and_pods
	# The list says nothing of IPv6's Services.
	serve lan 8082
	service 172.20.252.10 10.9.0.1
	[ "$(ask a tcp 172.20.252.10 8082)" = 10.9.0.50 ]
	[ "$(ask a tcp 192.0.2.1 8082)" = 10.9.0.50 ]
	left_nothing
}

@test "lyft: the IPAM plugin is the list's first; ipvlan on another interface, unnumbered-ptp; the world by the node's address" {
	second_interface
	ipam_of_others cni-ipvlan-vpc-k8s-ipam '[{dst: "10.9.0.0/16", gw: "10.9.0.1"}]' '.interfaces = [{name: "w2"}] | .ips[].interface = 0'
	wire_list '{"cniVersion":"0.3.1","name":"cni-ipvlan-vpc-k8s","plugins":[
		{"cniVersion":"0.3.1","type":"cni-ipvlan-vpc-k8s-ipam","interfaceIndex":1,"subnetTags":{"kubernetes_kubelet":"true"},"secGroupIds":["sg-1234","sg-5678"]},
		{"cniVersion":"0.3.1","type":"ipvlan","mode":"l2"},
		{"cniVersion":"0.3.1","type":"unnumbered-ptp","hostInterface":"w0","containerInterface":"eth1","ipMasq":true}]}' \
		'.plugins[1] += {master: "w2", ipam: .plugins[0]} | del(.plugins[0])' # macvlan takes no master from prevResult
	two_pods
	ip -n a route | grep '^default via 10.9.0.254 dev eth1'
	node_and_pods
	services 10.96.0.1 fd00:96::1
	[ "$(ask a tcp 192.0.2.1 8080)" = 10.9.0.254 ]
	left_nothing
}

@test "spidernet: veth behind macvlan: prefixes of Services, of an overlay and of others go by the node" {
	ipam_of_others spiderpool "$DEFAULTS"
	list '{"cniVersion":"0.3.1","name":"macvlan-standalone","plugins":[{"type":"macvlan","master":"w0","mode":"bridge","ipam":{"type":"spiderpool"}},
		{"type":"veth-host","service_hijack_subnet":["10.233.0.0/18","fd00:10:96::/112"],"overlay_hijack_subnet":["10.244.0.0/16","fd00:10:244::/112"],
		"additional_hijack_subnet":[],"migrate_route":-1,"rp_filter":{"set_host":true,"value":0},"skip_call":false}]}'
	two_pods
	for prefix in 10.233.0.0/18 10.244.0.0/16; do ip -n a route | grep "^$prefix via 10.9.0.254 dev veth0"; done
	for prefix in fd00:10:96::/112 fd00:10:244::/112; do ip -n a -6 route | grep "^$prefix via fd00:9::254 dev veth0"; done
	node_and_pods
	services 10.233.0.1 fd00:10:96::1
	# what is in none of them leaves by the pod's own interface
	nft add table inet seen
	nft add chain inet seen f '{ type filter hook forward priority 0; }'
	nft add rule inet seen f ip daddr 192.0.2.1 counter
	[ "$(ask a tcp 192.0.2.1 8080)" = 10.9.0.50 ]
	nft list table inet seen | grep -q 'packets 0 '
	nft delete table inet seen
	# a pod of the overlay on this node
	other_machine overlay
	ip link add cali0 type veth peer name eth0 netns overlay
	ip link set cali0 up
	ip -n overlay link set eth0 up
	ip -n overlay addr add 10.244.0.9/32 dev eth0
	ip -n overlay addr add fd00:10:244::9/128 dev eth0 nodad
	ip route add 10.244.0.9 dev cali0
	ip -6 route add fd00:10:244::9 dev cali0
	ip addr add 10.244.0.1/32 dev cali0
	ip addr add fd00:10:244::1/128 dev cali0 nodad
	ip -n overlay route add default dev eth0
	ip -n overlay -6 route add default dev eth0
	echo 1 >/proc/sys/net/ipv4/conf/cali0/proxy_arp
	ip -n overlay neigh add fd00:9::50 lladdr "$(cat /sys/class/net/cali0/address)" dev eth0
	serve overlay 8080
	[ "$(ask a tcp 10.244.0.9 8080)" = 10.9.0.50 ]
	[ "$(ask a tcp fd00:10:244::9 8080)" = fd00:9::50 ]
	ip netns del overlay
	ip link del cali0 2>/dev/null || true
	left_nothing
}

@test "baidu: unnumbered-ptp behind ipvlan on another interface, Services and node-local DNS" {
	second_interface
	ip link add dns0 type veth peer name dns1
	ip addr add 169.254.20.10/32 dev dns0
	ipam_of_others eni-ipam "$DEFAULTS"
	wire_list '{"cniVersion":"0.3.1","name":"cce-cni","plugins":[{"type":"ipvlan","master":"w2","mode":"l2","ipam":{"type":"eni-ipam"}},
		{"type":"unnumbered-ptp","hostInterface":"w0","containerInterface":"veth0","mtu":1500,"serviceCIDR":"172.16.0.0/16","localDNSAddr":"169.254.20.10"}]}'
	two_pods
	[ "$(ip -n a -j link show veth0 | jq '.[0].mtu')" = 1500 ]
	node_and_pods
	ping_from a 169.254.20.10
	ping_from b 169.254.20.10
	serve lan 8082
	service 172.16.0.1 10.9.0.1
	[ "$(ask a tcp 172.16.0.1 8082)" = 10.9.0.50 ]
	[ "$(ask a tcp 192.0.2.1 8082)" = 10.9.0.50 ]
	left_nothing
}
