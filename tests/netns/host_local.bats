#!/usr/bin/env bats
# host-local by itself, as other IPAM users call it: what its configuration and its caller may ask for.
bats_require_minimum_version 1.5.0
load helpers

CONF='{"cniVersion":"1.0.0","name":"net1","type":"any","ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}]]}}'

teardown() {
	rm -rf /var/lib/cni/* /run/cnibox
}

ipam() { call ADD host-local "$1" /run/netns/none "$2"; }

@test "runtimeConfig.ipRanges come first, and alone they are enough" {
	conf=$(jq -c '.runtimeConfig.ipRanges = [[{subnet: "fd00:5::/64"}], [{subnet: "10.5.0.0/24", rangeStart: "10.5.0.9"}]]' <<<"$CONF")
	ipam c1 "$conf" | jq -e '[.ips[].address] == ["fd00:5::2/64", "10.5.0.9/24", "10.1.0.2/24"]'
	ipam c2 "$(jq -c 'del(.ipam.ranges)' <<<"$conf")" | jq -e '[.ips[].address] == ["fd00:5::3/64", "10.5.0.10/24"]'
	[ "$(cat /var/lib/cni/networks/net1/last_reserved_ip.0)" = fd00:5::3 ]
	call DEL host-local c1 "" "$CONF"
	[ -z "$(grep -l '^c1' /var/lib/cni/networks/net1/*)" ]
	ipam c3 "$(jq -c '.runtimeConfig.ipRanges = []' <<<"$CONF")" | jq -e '.ips | length == 1'
}

@test "runtimeConfig.ipRanges are checked as the configuration's, and named" {
	unchanged fails 7 "runtimeConfig.ipRanges[0][0].subnet is required" ipam c1 "$(jq -c '.runtimeConfig.ipRanges = [[{}]]' <<<"$CONF")"
	unchanged fails 7 "10.1.0." ipam c1 "$(jq -c '.runtimeConfig.ipRanges = [[{subnet: "10.1.0.0/25"}]]' <<<"$CONF")"
	unchanged fails 7 "runtimeConfig.ipRanges" ipam c1 "$(jq -c '.runtimeConfig.ipRanges = 7' <<<"$CONF")"
}

@test "results up to 0.2.0 have room for one address of each family: more are refused" {
	conf=$(jq -c '.cniVersion = "0.2.0" | .ipam.ranges += [[{subnet: "fd00:1::/64"}]]' <<<"$CONF")
	ipam c1 "$conf" | jq -e '.ip4.ip == "10.1.0.2/24" and .ip6.ip == "fd00:1::2/64"'
	unchanged fails 7 "cniVersion 0.2.0 has no more than one address" ipam c2 "$(jq -c '.ipam.ranges += [[{subnet: "10.2.0.0/24"}]]' <<<"$conf")"
	ipam c2 "$(jq -c '.cniVersion = "0.3.0" | .ipam.ranges += [[{subnet: "10.2.0.0/24"}]]' <<<"$conf")" | jq -e '.ips | length == 3'
}
