# Pods behind bridge and firewall, and a machine outside: for tests that load helpers and portmap_helpers before.
# shellcheck shell=bash

FW='{"cniVersion":"1.1.0","name":"net1","type":"firewall"}'

# net N: a bridge of its own, brN, with 10.N.0.0/24 and fd00:N::/64.
net() {
	jq -cn --arg n "$1" '{cniVersion: "1.1.0", name: "net\($n)", type: "bridge", bridge: "br\($n)", isDefaultGateway: true, hairpinMode: true,
		ipam: {type: "host-local", ranges: [[{subnet: "10.\($n).0.0/24"}], [{subnet: "fd00:\($n)::/64"}]]}}'
}

# fw N [JQ]: firewall's configuration in that network.
fw() {
	jq -c --arg n "net$1" ".name = \$n | ${2:-.}" <<<"$FW"
}

# attach POD N [JQ]: bridge and firewall; prints the result of the chain.
attach() {
	local r
	r=$(add bridge "$1" "$(net "$2")")
	add firewall "$1" "$(with_prev "$(fw "$2" "${3:-.}")" "$r")"
}

# detach POD N [JQ]
detach() {
	del firewall "$1" "$(fw "$2" "${3:-.}")"
	del bridge "$1" "$(net "$2")"
}

# far: the machine outside, with a way to the pods.
far() {
	outside
	ip -n out route add 10.0.0.0/8 via 203.0.113.1
	ip -n out route add fd00::/16 via fd00:9::1
	serve out 80
}

passes() { ask "$1" "${3:-tcp}" "$2" 80 >/dev/null; }	# FROM ADDRESS [tcp|udp]

# stopped FROM ADDRESS: no answer, within half a second.
stopped() { ip netns exec "$1" "$(talk)" stopped "$2" 80; }

# everywhere: pod a and the machine outside reach each other.
everywhere() {
	passes a 203.0.113.2
	passes a fd00:9::2 udp
	passes out 10.1.0.2 udp
	passes out fd00:1::2
}

nowhere() {
	stopped a 203.0.113.2
	stopped a fd00:9::2
	stopped out 10.1.0.2
	stopped out fd00:1::2
}
