# What the tests of tunnels share: the nodes n1, n2 and n3, each in a subnet of its own, and the router r between, which knows no pods and
# counts what it forwards; what a node says whose end of a tunnel is not there yet, apart. Node N is 10.1.N.2, its pods 10.244.N.0/24
# and fd00:244:N::/64. Behind helpers.
# shellcheck shell=bash disable=SC2034,SC2154

CNIBOX=$(readlink -f "${CNIBOX:-$CNIBOX_BIN/cnibox}")

# kernel_makes KIND MODULE ARGUMENT...: such links, or skip.
kernel_makes() {
	if ! ip link add probe0 type "$1" "${@:3}" 2>/dev/null; then
		skip "this kernel has no $1 links (module $2); tests/lab runs this file in a machine that has"
	fi
	ip link del probe0
}

# on NODE COMMAND...: there, with the node's own files.
on() {
	ip netns exec "$1" bash -c 'for dir in /run/cnibox /etc/cni /var/lib/cni; do mount --bind "$0$dir" "$dir"; done; exec "$@"' \
		"$BATS_TEST_TMPDIR/$1" "${@:2}"
}

routed_nodes() {
	local n
	mkdir -p /run/cnibox
	other_machine r
	ip netns exec r sysctl -qw net.ipv4.ip_forward=1
	for n in 1 2 3; do
		mkdir -p "$BATS_TEST_TMPDIR/n$n"/{run/cnibox,etc/cni,var/lib/cni}
		other_machine n$n
		ip link add eth0 netns n$n type veth peer name e$n netns r
		ip -n r addr add 10.1.$n.1/24 dev e$n
		ip -n r link set e$n up
		ip -n n$n link set lo up
		ip netns exec n$n sysctl -qw net.ipv6.conf.eth0.accept_dad=0 # no address changes by itself
		ip -n n$n addr add 10.1.$n.2/24 dev eth0
		ip -n n$n link set eth0 up
		ip -n n$n route add default via 10.1.$n.1
	done
	for n in 1 2 3; do until ip -n n$n -o link show eth0 | grep -q 'state UP'; do :; done; done
	ip netns exec r nft -f - <<-'END'
		table ip seen {
			chain forward {
				type filter hook forward priority 0
				udp dport 8472 counter accept comment "vxlan"
				udp dport 51820 counter accept comment "wireguard"
				icmp type destination-unreachable counter accept comment "refused"
				counter accept comment "plain"
			}
			chain prerouting {
				type filter hook prerouting priority 0
				ip daddr 10.244.0.0/16 counter comment "clear"
			}
		}
	END
}

# seen WHAT: how many packets of it the router has forwarded: vxlan, wireguard, plain; or has got, for pods, which it does not know: clear.
seen() { ip netns exec r nft -j list table ip seen | jq --arg w "$1" '[.nftables[].rule? | select(.comment == $w) | .expr[].counter?.packets? // empty] | add'; }

# routed KEYS [JQ]: the three nodes in a cluster file, edited.
routed() {
	FILE=$BATS_TEST_TMPDIR/cluster.json
	jq -n --argjson k "$1" '$k + {nodes: [range(1; 4) | {name: "n\(.)", addresses: ["10.1.\(.).2"], subnets: ["10.244.\(.).0/24", "fd00:244:\(.)::/64"]}]}
		| '"${2:-.}" >"$FILE"
}

# keyed KEYS [JQ]: the same with the nodes' public keys.
keyed() {
	local keys
	keys=$(for n in n1 n2 n3; do on $n "$CNIBOX" node key; done | jq -nR '[inputs]')
	routed "$1" ".nodes |= ([., $keys] | transpose | map(.[0] + {publicKey: .[1]})) | ${2:-.}"
}

node_on() { on "$1" "$CNIBOX" node "$2" -f "$FILE" --name "$1" "${@:3}"; }	# NODE COMMAND
up_on() { node_on "$1" up; }
up_all() { for n in n1 n2 n3; do up_on $n; done; }
down_on() { on "$1" "$CNIBOX" node down; }

# pod_on NODE: its pod pN, attached as the node's configuration says.
pod_on() {
	pod "p${1#n}"
	on "$1" bash -c 'jq -c ".plugins[0] + {cniVersion, name}" /etc/cni/net.d/10-cnibox.conflist |
		CNI_COMMAND=ADD CNI_CONTAINERID=$1 CNI_NETNS=/run/netns/$1 CNI_IFNAME=eth0 "$2/$(jq -r ".plugins[0].type" /etc/cni/net.d/10-cnibox.conflist)"' \
		pod "p${1#n}" "$CNIBOX_BIN" >/dev/null
}

pods_all() { for n in n1 n2 n3; do pod_on $n; done; }

# reaches POD ADDRESS [OPTION...]: one ping.
reaches() { ip netns exec "$1" ping -q -c 1 -W 10 "${@:3}" "$2"; }

# All pods reach all others, by both families.
all_reached() {
	local from to
	for from in 1 2 3; do
		for to in 1 2 3; do
			[ $from != $to ] || continue
			reaches p$from 10.244.$to.2
			reaches p$from fd00:244:$to::2
		done
	done >/dev/null
}

# pings_begin: of p1 to p2, of p2 to p3 and of p3 to p1, ten a second; pings_end: none has been lost.
pings_begin() {
	local n
	PINGS=()
	for n in 1 2 3; do
		ip netns exec p$n ping -i 0.1 10.244.$((n % 3 + 1)).2 >"$BATS_TEST_TMPDIR/ping$n" 3>&- &
		PINGS+=($!)
		until grep -q 'seq=[01] ' "$BATS_TEST_TMPDIR/ping$n"; do sleep 0.01; done
	done
}

# The numbers of the answers have no gap; the last request may still be on its way.
pings_end() {
	local n
	kill -INT "${PINGS[@]}"
	wait "${PINGS[@]}" || true
	tail -n 2 "$BATS_TEST_TMPDIR"/ping?
	for n in 1 2 3; do
		sed -n 's/.*seq=\([0-9]*\) .*time=.*/\1/p' "$BATS_TEST_TMPDIR/ping$n" | sort -nu | awk -v n=$n '
			NR > 1 && $1 != last + 1 { print "ping" n ": no answers between " last " and " $1; lost = 1 } { last = $1 } END { exit lost }'
	done
}

# begin_on NODE: node run there, its log in $BATS_TEST_TMPDIR/NODE.log
begin_on() {
	node_on "$1" run >"$BATS_TEST_TMPDIR/$1.log" 2>&1 3>&- &
	RUNS+=($!)
}

# as_wanted NODE: there, in at most two minutes.
as_wanted() {
	local end=$((SECONDS + 120))
	while [ $SECONDS -lt $end ]; do
		node_on "$1" show >/dev/null 2>&1 && return
		sleep 0.05
	done
	node_on "$1" show
	cat "$BATS_TEST_TMPDIR/$1.log"
	return 1
}

# comes_back HARM...: node run on n1 mends what each of these commands there has done, and pods reach each other as before.
comes_back() {
	local harm
	for harm; do
		echo "$harm"
		on n1 bash -c "$harm"
		as_wanted n1
		reaches p1 10.244.2.2 >/dev/null
		reaches p2 10.244.1.2 >/dev/null
	done
	[ "$(seen plain)" -eq 0 ]
}

# run_on_n1: all nodes are joined, and n1's program stays.
run_on_n1() {
	RUNS=()
	up_all
	begin_on n1
	as_wanted n1
}

routed_clean() {
	local ns
	[ -z "${RUNS:-}" ] || kill "${RUNS[@]}" 2>/dev/null || true
	[ -z "${PINGS:-}" ] || kill "${PINGS[@]}" 2>/dev/null || true
	for ns in n1 n2 n3 r p1 p2 p3; do ip netns del $ns 2>/dev/null || true; done
}
