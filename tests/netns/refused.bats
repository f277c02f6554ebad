#!/usr/bin/env bats
# An ADD that is refused has set nothing that others have: the bridge and the pod's lo are as before. What is accepted is what the result says.
bats_require_minimum_version 1.5.0
load helpers

conf() {
	jq -c "$1" <<<'{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"cni0","ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}'
}

setup() {
	pod a
	pod b
}

teardown() {
	for ns in $(ip netns list | cut -d' ' -f1); do ip netns del "$ns"; done
	ip link del cni0 2>/dev/null || true
	rm -rf /var/lib/cni/* /run/cnibox
}

# bridge_state: what a bridge has that is not a port's.
bridge_state() {
	ip -o addr show dev cni0
	ip -d -o link show dev cni0 | grep -o 'promiscuity [0-9]*\|mtu [0-9]*'
}

@test "a refused ADD leaves a bridge that was there without its gateways and not promiscuous" {
	add bridge b "$(conf .)" >/dev/null
	before=$(bridge_state)
	# The kernel has no route of host scope by a gateway.
	run -1 add bridge a "$(conf '.isGateway = true | .promiscMode = true | .ipam.subnet = "10.2.0.0/24" | .ipam.routes = [{"dst":"203.0.113.0/24","scope":254}]')"
	diff <(echo "$before") <(bridge_state)
}

@test "of two gateways none is set where one is refused" {
	add bridge b "$(conf '.isGateway = true | .ipam.subnet = "10.2.0.0/16" | .ipam.gateway = "10.2.0.9"')" >/dev/null
	before=$(bridge_state)
	run -1 add bridge a "$(conf '.isGateway = true | .ipam = {"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.2.0.0/24"}]]}')"
	grep -q '10.2.0.9/16' <<<"$output"
	diff <(echo "$before") <(bridge_state)
}

@test "a refused ADD leaves the pod's lo without IPv6, as it was" {
	for link in all default lo; do ip netns exec a sh -c "echo 1 >/proc/sys/net/ipv6/conf/$link/disable_ipv6"; done
	run -1 add bridge a "$(conf '.ipam = {"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]],"routes":[{"dst":"203.0.113.0/24","scope":254}]}')"
	[ "$(ip netns exec a cat /proc/sys/net/ipv6/conf/lo/disable_ipv6)" = 1 ]
}

@test "a gateway behind a route of link scope is refused, as by the kernel, and without it the route is on link" {
	run -1 add bridge a "$(conf '.ipam.routes = [{"dst":"203.0.113.0/24","gw":"10.1.0.1","scope":253}]')"
	add bridge a "$(conf '.ipam.routes = [{"dst":"203.0.113.0/24","scope":253}]')" >/dev/null
	ip -n a route show 203.0.113.0/24 | grep -q 'dev eth0 scope link'
}

@test "the result has the bridge's MTU with this port, on a bridge of ours and on another's" {
	for made in no yes; do
		[ $made = no ] || ip link add cni0 type bridge
		for mtu in 1400 1300 1500; do
			r=$(add bridge a "$(conf ".mtu = $mtu")")
			[ "$(jq '.interfaces[0].mtu' <<<"$r")" = "$(cat /sys/class/net/cni0/mtu)" ]
			del bridge a "$(conf .)"
		done
		ip link del cni0
	done
}

@test "0.2.0: what its results have no place for is refused, with the reason" {
	two=$(conf '.cniVersion = "0.2.0" | .ipam.routes = [{"dst":"::/0"}]')
	run -1 --separate-stderr add bridge a "$two"
	[ "$(jq -r '[.code, (.msg | test("cniVersion 0.2.0.*no place for that to ::/0"))] | join(" ")' <<<"$output")" = "7 true" ]
	[ -z "$(ip -n a -o link show type veth)" ]
	[ -z "$(find /var/lib/cni/networks -name '10.*')" ]
	kernel_settings a
	add bridge a "$(jq -c '.cniVersion = "0.3.0"' <<<"$two")" >/dev/null
}
