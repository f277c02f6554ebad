#!/usr/bin/env bats
# firewall beside the reference's: result, and who reaches whom, with FORWARD accepting and dropping, open and same-bridge.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load ../netns/portmap_helpers
load helpers

# chain BIN POLICY FORWARD VERSION: prints the result and the ways, on a fresh host. Pods a and b share a bridge, c has another, both with the policy;
# d has a third without a firewall in its list; out is a machine outside.
chain() {
	CNIBOX_BIN=$1 BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/$(basename "$1") "$BATS_TEST_DIRNAME/../namespace" bash -c '
		set -e
		mkdir -p "$BATS_TEST_TMPDIR"
		BATS_TEST_DIRNAME=$3
		source "$3/../netns/helpers.bash"
		source "$3/../netns/portmap_helpers.bash"
		'"$(declare -f normal)"'
		list() {
			jq -cn --arg n "$1" --arg t "$2" --arg p "$policy" --arg v "$version" "{cniVersion: \$v, name: \"net\(\$n)\", type: \$t} + if \$t == \"bridge\" then
				{bridge: \"br\(\$n)\", isDefaultGateway: true, ipam: {type: \"host-local\", ranges: [[{subnet: \"10.\(\$n).0.0/24\"}], [{subnet: \"fd00:\(\$n)::/64\"}]]}}
				else {ingressPolicy: \$p, backend: \"iptables\"} end"
		}
		attach() {
			pod "$1"
			serve "$1" 80
			last=$(add bridge "$1" "$(list "$2" bridge)")
			[ "$1" = d ] || last=$(add firewall "$1" "$(with_prev "$(list "$2" firewall)" "$last")")
		}
		way() {
			if ip netns exec "$1" timeout 60 python3 -c "import socket, sys; socket.create_connection((sys.argv[1], 80), 1)" "$3" 2>/dev/null; then
				echo "$1 to $2: yes"
			else
				echo "$1 to $2: no"
			fi
		}
		policy=$0 version=$2
		outside
		serve out 80
		ip -n out route add 10.0.0.0/8 via 203.0.113.1
		ip -n out route add fd00::/16 via fd00:9::1
		iptables -P FORWARD "$1"
		ip6tables -P FORWARD "$1"
		attach a 1
		normal "$last"
		attach b 1
		of_b=$last
		attach c 2
		attach d 3
		# The first packet of a pod that the reference has attached may be lost.
		for at in "a 10.1.0.1" "a fd00:1::1" "b 10.1.0.1" "b fd00:1::1" "c 10.2.0.1" "c fd00:2::1" "d 10.3.0.1" "d fd00:3::1"; do
			set -- $at
			until ip netns exec $1 ping -c1 -W1 -q $2 >/dev/null; do :; done
		done
		for f in "10. .0. 203.0.113.2" "fd00: :: fd00:9::2"; do
			set -- $f
			way a out $3
			way out a "${1}1${2}2"
			way b a "${1}1${2}2"
			way c a "${1}1${2}2"
			way a c "${1}2${2}2"
			way d a "${1}1${2}2"
			way a d "${1}3${2}2"
		done
		CNI_COMMAND=CHECK CNI_CONTAINERID=b CNI_NETNS=/run/netns/b CNI_IFNAME=eth0 "$CNIBOX_BIN/firewall" <<<"$(with_prev "$(list 1 firewall)" "$of_b")" && echo "CHECK: yes"
		for p in a b c; do del firewall $p "$(list 1 firewall)"; del firewall $p "$(list 1 firewall)"; done
		echo "DEL: yes"
	' "$2" "$3" "$4" "$BATS_TEST_DIRNAME"
}

# beside POLICY FORWARD VERSION DIFFERENCES: diff of both, in which only these lines may be.
beside() {
	local theirs ours
	theirs=$(CNIBOX_TEST_HOST='' chain "$REFERENCE" "$1" "$2" "$3")
	ours=$(CNIBOX_TEST_HOST='' chain "$CNIBOX_BIN" "$1" "$2" "$3")
	grep -q '^DEL: yes$' <<<"$theirs"
	diff <(echo "$theirs") <(echo "$ours") | grep '^[<>]' >"$BATS_TEST_TMPDIR/differences" || true
	diff <(printf '%s' "$4") "$BATS_TEST_TMPDIR/differences"
}

# d's network has no firewall, and out is no pod.
OPENED='< out to a: no
> out to a: yes
< d to a: no
> d to a: yes
'

@test "FORWARD accepts: open and same-bridge let the same through" {
	for policy in open same-bridge; do beside $policy ACCEPT 1.0.0 ""; done
	different isolated "the release that is compared with does not know it"
}

@test "FORWARD drops: open lets others begin too, as its description says; same-bridge is the reference's" {
	different "open where FORWARD drops" "the reference accepts answers alone, against its own description of the policy"
	beside open DROP 0.4.0 "$OPENED$OPENED"
	beside same-bridge DROP 1.0.0 ""
}

@test "what is refused: an unknown policy, no prevResult; an unknown backend only by us" {
	local conf bin
	conf='{"cniVersion":"1.0.0","name":"net1","type":"firewall","ingressPolicy":"closed","prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"br1"}],"ips":[{"address":"10.1.0.2/24"}]}}'
	for bin in "$REFERENCE" "$CNIBOX_BIN"; do
		CNIBOX_BIN=$bin run call ADD firewall a /proc/self/ns/net "$conf"
		[ "$status" -ne 0 ]
		grep -q closed <<<"$output"
		CNIBOX_BIN=$bin run call ADD firewall a /proc/self/ns/net "$(jq -c 'del(.prevResult, .ingressPolicy)' <<<"$conf")"
		[ "$status" -ne 0 ]
		grep -q prevResult <<<"$output"
	done
	different backend "the reference takes an unknown one for none"
	different "a result without a bridge" "a policy behind macvlan, say, would fence off the node's own eth0: refused"
	different "rules" "tables of our own and a rule in each chain that drops, for two rules for each pod in CNI-FORWARD"
}
