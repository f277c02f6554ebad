# What the tests beside other programs' firewalls share: a node with pods of bridge, portmap and firewall, the world (out) and the pods of
# another node (far, 10.2.0.2) around it; what must flow, and what a program's rules are without ours.
# shellcheck shell=bash

# node_between: the node, and a server on every other machine.
node_between() {
	outside
	other_machine far
	second_link far
	ip -n far addr add 10.2.0.2/32 dev lo
	ip -n far link set lo up
	ip route add 10.2.0.0/24 via 198.51.100.2
	ip route add default via 203.0.113.2
	ip netns exec far sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
	serve out 80
	serve far 80
}

COEXIST_NET='{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"br1","isDefaultGateway":true,"ipMasq":true,"hairpinMode":true,
	"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}}'

# coexist_conf TYPE PORT [RESULT]: of a plugin of the chain.
coexist_conf() {
	jq -cn --arg type "$1" --argjson port "$2" --argjson prev "${3:-null}" '{cniVersion: "1.1.0", name: "net1", type: $type}
		+ if $type != "portmap" then {} else {runtimeConfig: {portMappings: [("tcp", "udp") as $p | {hostPort: $port, containerPort: 80, protocol: $p}]}} end
		+ if $prev == null then {} else {prevResult: $prev} end'
}

# attach POD PORT: by the chain, with this port of the node; CHECK finds the result in a file POD.
attach() {
	local result
	result=$(add bridge "$1" "$COEXIST_NET")
	result=$(add portmap "$1" "$(coexist_conf portmap "$2" "$result")")
	add firewall "$1" "$(coexist_conf firewall "$2" "$result")" >"$BATS_TEST_TMPDIR/$1"
}

detach() {
	del firewall "$1" "$(coexist_conf firewall "$2")"
	del portmap "$1" "$(coexist_conf portmap "$2")"
	del bridge "$1" "$COEXIST_NET"
}

check() { call CHECK firewall "$1" "/run/netns/$1" "$(coexist_conf firewall "$2" "$(cat "$BATS_TEST_TMPDIR/$1")")"; }

# misses TEXT POD PORT: CHECK says so.
misses() { fails 105 "$1" check "$2" "$3"; }

# two: pod a behind port 8080 and pod b behind 8081; a serves.
two() {
	pod a
	pod b
	attach a 8080
	attach b 8081
	serve a 80
}

# flows: whatever pods send and are sent.
flows() {
	ask a tcp 203.0.113.2 80
	ask a udp fd00:9::2 80
	ask a tcp 10.2.0.2 80
	ask far udp 10.1.0.2 80
	ask b tcp 10.1.0.2 80
	ask b tcp fd00:1::2 80
	ask out tcp 203.0.113.1 8080
	ask out udp fd00:9::1 8080
	ask b tcp 203.0.113.1 8080
	ask "" tcp 127.0.0.1 8080
}

# stopped FROM ADDRESS PORT: no answer, within half a second.
stopped() { ip netns exec "$1" "$(talk)" stopped "$2" "$3"; }

# theirs: the rules of others as they stand, ours in their tables among them; without counts, and whatever order their chains were made in.
theirs() {
	nft -s list ruleset 2>/dev/null | awk '
		/^table/ { table = $2 " " $3; chain = "" }
		/^\tchain/ { chain = $2 }
		table !~ / cnibox/ && NF && !/}$/ { print table, chain, $0 }' | sort -s -k 1,3
}

none_of_ours() {
	[ "$(nft list ruleset | grep -c cnibox)" = 0 ]
	[ "$(for v in "" 6; do ip${v}tables-legacy-save 2>/dev/null; done | grep -c cnibox)" = 0 ]
	[ -z "$(find /run/cnibox/fw -type f 2>/dev/null)" ]
}

# as_it_was BEFORE: both pods go, and with them what is ours.
as_it_was() {
	detach a 8080
	detach b 8081
	diff <(echo "$1" | grep .) <(theirs)
	none_of_ours
}
