# The nodes of the routed lab, kept true by node run, and what happens to them. Pods: d on master, a on node1, c on node2.
# shellcheck shell=bash disable=SC2034,SC2154

NODES='master node1 node2'
declare -gA POD=([master]=d [node1]=a [node2]=c)

# on NODE SCRIPT ARG...: a shell script there
on() { "$LAB" exec "$1" -- sh -c "$2" routed "${@:3}" </dev/null; }

# until_seconds SECONDS COMMAND...
until_seconds() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "never true: $*"; return 1; }
		sleep 0.2
	done
}

# cluster [JQ]: the cluster file of BACKEND and KEYS, edited, comes to the nodes of which it speaks; the others' are renamed into place.
cluster() {
	local name
	jq -n --arg b "$BACKEND" --argjson k "$KEYS" --arg two "$TWO" '{backend: $b, networks: ["192.168.0.0/16", "fd00:192::/32"], nodes: [
		{name: "master", addresses: ["10.1.1.14"], subnets: ["192.168.0.0/24", "fd00:192:0::/64"]},
		{name: "node1", addresses: ["10.1.2.15"], subnets: ["192.168.1.0/24", "fd00:192:1::/64"]},
		{name: "node2", addresses: [$two], subnets: ["192.168.2.0/24", "fd00:192:2::/64"]}]}
		| .nodes[] |= . + ($k[.name] // {}) | '"${1:-.}" >"$BATS_TEST_TMPDIR/cluster.json"
	for name in $(jq -r '.nodes[].name' "$BATS_TEST_TMPDIR/cluster.json"); do
		on "$name" 'mkdir -p /etc/cnibox'
		"$LAB" put "$name" "$BATS_TEST_TMPDIR/cluster.json" /etc/cnibox/cluster.json
	done
}

as_wanted() { on "$1" 'cnibox node show -f /etc/cnibox/cluster.json --name "$1"' "$1" >"$BATS_TEST_TMPDIR/show" 2>&1; }

# all_as_wanted: each node that the file names; or what is not, and what its agent said.
all_as_wanted() {
	local name
	for name in $(jq -r '.nodes[].name' "$BATS_TEST_TMPDIR/cluster.json"); do
		until_seconds 120 as_wanted "$name" || { grep -v ': ok$' "$BATS_TEST_TMPDIR/show"; on "$name" 'tail -n 20 /run/agent.log'; return 1; }
	done
}

# ready NODE: its agent has made everything so.
ready() { on "$1" 'timeout 60 wget -qO- http://127.0.0.1:9107/readyz' >/dev/null 2>&1; }

agent_start() { on "$1" 'setsid cnibox node run -f /etc/cnibox/cluster.json --name "$1" --listen 127.0.0.1:9107 >>/run/agent.log 2>&1 & echo $! >/run/agent.pid' "$1"; }

# agent_stop NODE [SIGNAL]
agent_stop() { on "$1" '[ -e /run/agent.pid ] && read -r p </run/agent.pid && kill "-$1" "$p" && while kill -0 "$p" 2>/dev/null; do sleep 0.05; done' "${2:-TERM}" || true; }

pod_add() {
	on "$1" 'ip netns add "$1" && CNI_PATH=/opt/cni/bin cnitool add cnibox "/run/netns/$1"' "${POD[$1]}" >"$BATS_TEST_TMPDIR/result" || return
	IP4[$1]=$(jq -r '.ips[].address | select(test("[.]")) | sub("/.*"; "")' "$BATS_TEST_TMPDIR/result")
	IP6[$1]=$(jq -r '.ips[].address | select(test(":")) | sub("/.*"; "")' "$BATS_TEST_TMPDIR/result")
}

# What an earlier case has left goes.
node_clean() {
	agent_stop "$1"
	on "$1" 'if [ -e "/run/netns/$1" ]; then CNI_PATH=/opt/cni/bin cnitool del cnibox "/run/netns/$1"; ip netns del "$1"; fi
		cnibox node down; ip link del cni0; rm -f /run/agent.log' "${POD[$1]}" >/dev/null 2>&1 || true
}

# joined_over BACKEND: all nodes by their agents, with a pod each that reaches the others.
joined_over() {
	local name
	declare -gA IP4 IP6
	BACKEND=$1 TWO=10.1.3.16 KEYS='{}'
	if ! on node2 'ip -o addr show dev eth0' | grep -qF 10.1.3.16/24; then address node2 10.1.3.16; fi
	for name in $NODES; do
		node_clean "$name"
		[ "$1" != wireguard ] || KEYS=$(jq -n --argjson k "$KEYS" --arg n "$name" --arg p "$(on "$name" 'cnibox node key')" '$k + {($n): {publicKey: $p}}')
	done
	cluster
	for name in $NODES; do agent_start "$name"; done
	all_as_wanted
	for name in $NODES; do pod_add "$name"; done
	all_reached
}

# reaches NODE NODE: the pod of the one that of the other, by both families.
reaches() {
	on "$1" 'ip netns exec "$1" ping -c 1 -W 3 "$2" && ip netns exec "$1" ping -c 1 -W 3 "$3"' "${POD[$1]}" "${IP4[$2]}" "${IP6[$2]}" >/dev/null
}

# in_tries N COMMAND...: the machines may stand still, and time goes on.
in_tries() {
	local i
	for ((i = 0; i < $1; i++)); do
		if "${@:2}"; then return; fi
	done
	echo "not once in $1 tries: ${*:2}"
	return 1
}

# all_reached: who comes back is tried by the others first; one of four pings, of 3 s each, is answered, and nothing goes by the router plainly.
all_reached() {
	local from to before
	before=$(counted plain)
	for from in $NODES; do
		for to in node2 node1 master; do
			[ "$from" = "$to" ] || in_tries 4 reaches "$from" "$to" || return
		done
	done
	[ "$(counted plain)" = "$before" ]
}

# counted WHAT: how many such packets the router has forwarded: vxlan, wireguard, plain
counted() { on world 'nft list chain inet seen forward | sed -n "s/.*counter packets \([0-9]*\) .*comment \"$1\".*/\1/p"' "$1"; }

# address NODE ADDRESS: as a DHCP client would change it
address() {
	on "$1" 'ip -4 addr flush dev eth0; ip addr add "$1/24" dev eth0 && ip route add default via "${1%.*}.1"' "$2"
}

# ---------------------------------------------------------------- what happens

cable_and_link() {
	"$LAB" unplug node1
	run ! reaches node1 node2
	"$LAB" plug node1
	all_as_wanted
	all_reached
	on node1 'ip link set eth0 down; ip link set eth0 up; ip route add default via 10.1.2.1'
	all_as_wanted
	all_reached
}

flushes() {
	on node1 'ip route flush proto 193; ip -6 route flush proto 193'
	all_as_wanted
	all_reached
	on node1 'nft flush ruleset'
	all_as_wanted
	on node1 'nft list table inet cnibox_node' | grep -q masquerade
	all_reached
}

# pings_begin FROM TO: five a second
pings_begin() {
	on "$1" 'ip netns exec "$1" ping -i 0.2 "$2" >/run/pings 2>&1 & echo $! >/run/pings.pid' "${POD[$1]}" "${IP4[$2]}"
	until_seconds 120 on "$1" 'grep -q seq= /run/pings'
}

# pings_end FROM: prints how many were answered, and how many in between were not
pings_end() {
	on "$1" 'read -r p </run/pings.pid; kill -INT "$p"; while kill -0 "$p" 2>/dev/null; do sleep 0.1; done
		sed -n "s/.*seq=\([0-9]*\) .*time=.*/\1/p" /run/pings | sort -nu |
			awk "NR > 1 && \$1 != last + 1 { lost += \$1 - last - 1 } { last = \$1 } END { print NR, lost + 0 }"'
}

# The agents of both ends are killed at different moments of their lives. The router has seen each ping and each answer.
agent_killed() {
	local i before answered lost
	before=$(counted "$1")
	on node1 ': >/run/agent.log'
	pings_begin node1 node2
	for i in 0 0.05 0.1 0.3; do
		agent_stop node1 KILL
		agent_start node1
		sleep "$i"
		agent_stop node2 KILL
		agent_stop node1 KILL
		agent_start node2
		agent_start node1
		until_seconds 120 ready node1
		until_seconds 120 ready node2
	done
	read -r answered lost < <(pings_end node1)
	echo "$answered answered, $lost lost"
	[ "$lost" -eq 0 ]
	[ "$answered" -ge 10 ]
	[ $(($(counted "$1") - before)) -ge $((2 * answered)) ]
	run ! on node1 'grep -E ": (added|removed|changed)$" /run/agent.log'
}

booted() {
	"$LAB" kill node2
	"$LAB" start node2
	cluster
	agent_start node2
	all_as_wanted
	pod_add node2
	all_reached
}

renumbered() {
	TWO=10.1.3.17
	address node2 $TWO
	cluster
	all_as_wanted
	all_reached
	[ -z "$(on node1 'ip route | grep 10.1.3.16; bridge fdb show | grep 10.1.3.16' || true)" ]
}

left_and_back() {
	cluster 'del(.nodes[2])'
	all_as_wanted
	[ -z "$(on node1 'ip route show 192.168.2.0/24; ip -6 route show fd00:192:2::/64')" ]
	run ! reaches node1 node2
	reaches node1 master
	cluster
	all_as_wanted
	all_reached
}
