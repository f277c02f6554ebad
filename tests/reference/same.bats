#!/usr/bin/env bats
# The same configurations through the reference plugins and through ours: result, state of pod and host, leases must be alike.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load ../netns/wire_helpers
load helpers

conf() {
	echo '{"cniVersion":"1.0.0","name":"net1","type":"bridge","ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}' | jq -c "$1"
}

@test "plain bridge: no gateway, no route" {
	same bridge "$(conf .)"
}

@test "isGateway with routes, as most lists have it" {
	same bridge "$(conf '.bridge = "cni-podman0" | .isGateway = true | .hairpinMode = true
		| .ipam = {"type":"host-local","routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":"10.88.0.0/16","gateway":"10.88.0.1"}]]}')"
}

@test "isDefaultGateway, mtu, promiscMode" {
	same bridge "$(conf '.isDefaultGateway = true | .mtu = 1400 | .promiscMode = true')"
}

@test "dual stack with default routes" {
	same bridge "$(conf '.isGateway = true | .ipam = {"type":"host-local","routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],
		"ranges":[[{"subnet":"10.85.0.0/16"}],[{"subnet":"fd00:85::/64"}]]}')"
}

@test "an IPv6 /24" {
	same bridge "$(conf '.isGateway = true | .ipam = {"type":"host-local","ranges":[[{"subnet":"1100:200::/24"}]]}')"
}

@test "several ranges in a set, rangeStart, rangeEnd, a gateway of its own" {
	same bridge "$(conf '.isGateway = true | .ipam = {"type":"host-local","ranges":[[
		{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.100","rangeEnd":"10.1.0.110","gateway":"10.1.0.254"},{"subnet":"10.2.0.0/24"}]]}')"
}

@test "routes with a gateway" {
	same bridge "$(conf '.isGateway = true | .ipam.routes = [{"dst":"10.9.0.0/16","gw":"10.1.0.7"},{"dst":"0.0.0.0/0"}]')"
}

@test "no IPAM: a link without addresses" {
	same bridge "$(conf 'del(.ipam)')"
}

@test "dns of the configuration" {
	same bridge "$(conf '.dns = {"nameservers":["10.1.0.1"],"search":["a.example"]}')"
}

@test "every older version's result" {
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0; do
		same bridge "$(conf ".cniVersion = \"$v\" | .isDefaultGateway = true")"
	done
}

@test "keys in any letter case, unknown keys with odd types" {
	same bridge "$(conf '.ISGATEWAY = true | .addIf = "true" | .nerdctlID = [1] | .ipam.SUBNET = "10.7.0.0/24" | del(.ipam.subnet)')"
}

ptp_conf() {
	conf '.type = "ptp" | del(.bridge)' | jq -c "$1"
}

@test "ptp: the gateway on the host end, everything by it" {
	same ptp "$(ptp_conf .)"
	same ptp "$(ptp_conf '.ipam.routes = [{"dst":"0.0.0.0/0"},{"dst":"10.9.0.0/16","gw":"10.1.0.1"}] | .mtu = 1400')"
}

@test "ptp: dual stack, dns of the configuration" {
	same ptp "$(ptp_conf '.dns = {"nameservers":["10.1.0.1"],"search":["a.example"]} | .ipam = {"type":"host-local",
		"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],"ranges":[[{"subnet":"10.85.0.0/16","gateway":"10.85.9.9"}],[{"subnet":"fd00:85::/64"}]]}')"
}

@test "ptp: every older version's result" {
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0; do
		same ptp "$(ptp_conf ".cniVersion = \"$v\"")"
	done
}

# The node's own wire w0 with an address, and a default route by it.
WIRE='ip link add w0 type veth peer name w1; ip link set w0 up; ip link set w1 up
	ip addr add 10.1.0.254/24 dev w0; ip route add default via 10.1.0.250'
wired() { same "$1" "$2" "$WIRE"; }

child_conf() {
	conf '.type = "'"$1"'" | .master = "w0" | del(.bridge)' | jq -c "$2"
}

@test "macvlan: every mode, mtu, routes, dual stack" {
	kernel_has macvlan
	wired macvlan "$(child_conf macvlan .)"
	for mode in bridge private vepa passthru; do
		wired macvlan "$(child_conf macvlan ".mode = \"$mode\" | .mtu = 1400")"
	done
	wired macvlan "$(child_conf macvlan 'del(.master) | .ipam = {"type":"host-local","routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],
		"ranges":[[{"subnet":"10.85.0.0/16","gateway":"10.85.9.9"}],[{"subnet":"fd00:85::/64"}]]}')"
}

@test "macvlan: without IPAM, dns of the configuration, every older version's result" {
	kernel_has macvlan
	wired macvlan "$(child_conf macvlan 'del(.ipam)')"
	wired macvlan "$(child_conf macvlan '.dns = {"nameservers":["10.1.0.1"],"search":["a.example"]}')"
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0; do
		wired macvlan "$(child_conf macvlan ".cniVersion = \"$v\"")"
	done
}

# Both of the node's own wire: the same configurations, TYPE's further keys in KEYS.
child_alike() {
	wired "$1" "$(child_conf "$1" "${2:-.}")"
	wired "$1" "$(child_conf "$1" "${2:-.} | .mtu = 1400 | .dns = {\"nameservers\":[\"10.1.0.1\"],\"search\":[\"a.example\"]}")"
	wired "$1" "$(child_conf "$1" "${2:-.} | .ipam.routes = [{\"dst\":\"10.7.0.0/16\",\"gw\":\"10.1.0.9\"},{\"dst\":\"0.0.0.0/0\"}]")"
	wired "$1" "$(child_conf "$1" "${2:-.}"' | .ipam = {"type":"host-local","routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],
		"ranges":[[{"subnet":"10.85.0.0/16","gateway":"10.85.9.9"}],[{"subnet":"fd00:85::/64"}]]}')"
}

child_versions() {
	local v
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0; do
		wired "$1" "$(child_conf "$1" "${2:-.} | .cniVersion = \"$v\"")"
	done
}

@test "ipvlan: mtu, dns, routes, dual stack, every mode, the default route's master" {
	kernel_has ipvlan
	child_alike ipvlan
	for mode in l2 l3 l3s; do
		wired ipvlan "$(child_conf ipvlan ".mode = \"$mode\"")"
	done
	wired ipvlan "$(child_conf ipvlan 'del(.master)')"
}

@test "ipvlan: in a chain the interface and the addresses are prevResult's" {
	kernel_has ipvlan
	local prev='.prevResult = {"cniVersion":"1.0.0","interfaces":[{"name":"w0"}],"routes":[{"dst":"0.0.0.0/0"}],
		"ips":[{"address":"10.1.0.77/24","gateway":"10.1.0.1","interface":0}]}'
	wired ipvlan "$(child_conf ipvlan "del(.master, .ipam) | $prev")"
	wired ipvlan "$(child_conf ipvlan "del(.master) | $prev")"
}

@test "ipvlan: every older version's result" {
	kernel_has ipvlan
	child_versions ipvlan
}

@test "vlan: mtu, dns, routes, dual stack, ids" {
	kernel_has vlan id 9
	child_alike vlan '.vlanId = 5'
	wired vlan "$(child_conf vlan '.vlanId = 4094')"
	wired vlan "$(child_conf vlan .)"
}

@test "vlan: every older version's result" {
	kernel_has vlan id 9
	child_versions vlan '.vlanId = 5'
}

@test "ipvlan, vlan: what both refuse; named differences" {
	kernel_has ipvlan
	for wrong in '.mode = "odd"' '.master = "w7"' 'del(.ipam)' 'del(.master, .ipam)'; do
		refused ipvlan "$(child_conf ipvlan "$wrong")" "$WIRE"
	done
	for wrong in '.vlanId = 4095' '.vlanId = -1' 'del(.master)' '.master = "w7"' '.vlanId = 5 | .mtu = 1501' 'del(.ipam)'; do
		refused vlan "$(child_conf vlan "$wrong")" "$WIRE"
	done
	different "ipvlan, vlan: an IPv6 address" "the reference waits one to two seconds until no other machine has it; ours does with enabledad, and else has it at once"
	different "ipvlan, vlan: neighbours that knew another pod by an address" "the reference's ipvlan tells IPv4's, its vlan nobody; ours those of both families"
	different "ipvlan: an MTU above the master's, or below 0" "the reference passes over it, ours refuses"
	different "vlan: an id that another pod has" "the reference says that the file exists, ours who has it"
}

@test "host-device: by name, without IPAM, every older version's result" {
	wired host-device "$(child_conf host-device '.device = "w0"')"
	wired host-device "$(child_conf host-device '.device = "w0" | del(.ipam)')"
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0; do
		wired host-device "$(child_conf host-device ".device = \"w0\" | .cniVersion = \"$v\"")"
	done
}

@test "host-local alone" {
	local theirs ours
	one() {
		CNIBOX_BIN=$1 CNIBOX_TEST_HOST='' "$BATS_TEST_DIRNAME/../namespace" bash -c '
			source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
			for i in 1 2 3; do add host-local "c$i" "$0" | jq -cS "del(.dns)"; done
			del host-local c2 "$0"
			add host-local c4 "$0" | jq -cS "del(.dns)"
			ls /var/lib/cni/networks/net1 | grep -v boot_id' "$(conf '.ipam.subnet = "10.1.0.0/29"')"
	}
	theirs=$(one "$REFERENCE")
	ours=$(one "$CNIBOX_BIN")
	diff <(echo "$theirs") <(echo "$ours")
}
