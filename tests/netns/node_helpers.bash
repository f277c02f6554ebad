# What the tests of the node program share: a machine "m" that is 192.168.122.14 on eth0, and cluster files.
# shellcheck shell=bash disable=SC2034,SC2154

CNIBOX=$(readlink -f "${CNIBOX:-$BATS_TEST_DIRNAME/../../build/cnibox}")
BIN=${CNIBOX%/*}/bin
CONFLIST=/etc/cni/net.d/10-cnibox.conflist

node() { "$CNIBOX" node "$@"; }

# eth0 is a bridge without ports: always up, on every kernel. Without a link-local address, whose routes come and go by themselves.
machine() {
	ip link add eth0 type bridge
	ip link set eth0 addrgenmode none
	ip addr add 192.168.122.14/24 dev eth0
	ip addr add 2001:db8::14/64 dev eth0 nodad
	ip link set eth0 up
}

# entry NAME ADDRESSES SUBNETS: one node; lists are separated by blanks.
entry() {
	jq -nc --arg n "$1" --arg a "$2" --arg s "$3" '{name:$n, addresses:($a|split(" ")), subnets:($s|split(" "))}'
}

# cluster KEYS ENTRY...: a cluster file with these other keys, in file $FILE.
cluster() {
	local keys=$1
	shift
	FILE=$BATS_TEST_TMPDIR/cluster.json
	printf '%s\n' "$@" | jq -s --argjson k "$keys" '$k + {nodes: .}' >"$FILE"
}

# three [KEYS]: the three nodes of the lab.
three() {
	cluster "${1:-"{\"networks\":[\"192.168.0.0/16\"]}"}" "$(entry m 192.168.122.14 192.168.0.0/24)" \
		"$(entry node1 192.168.122.15 192.168.1.0/24)" "$(entry node2 192.168.122.16 192.168.2.0/24)"
}

up() { node up -f "$FILE" --name m; }

# Everything that the node program may change; not what the kernel changes by itself, some time later.
host() {
	ip route | sed 's/ linkdown//'
	ip -6 route | sed '/^fe80/d; s/ linkdown//'
	nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*/counter/'
	cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/net/ipv6/conf/eth0/accept_ra
	find /etc/cni /run/cnibox -type f ! -name "node*.lock" -exec sha256sum {} + 2>/dev/null | sort
	find /run/cnibox -mindepth 1 ! -name "node*.lock" 2>/dev/null | sort
}

# refused TEXT COMMAND...: fails with status 1 and one line on stderr that contains TEXT, and changes nothing.
refused() {
	local text=$1 before
	shift
	before=$(host)
	run --separate-stderr "$@"
	echo "status $status: $stderr"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	grep -qF -- "$text" <<<"$stderr"
	diff <(echo "$before") <(host)
}

setup() {
	machine
	for p in bash-cni bridge loopback; do ln -sf "$BIN/$p" /opt/cni/bin/; done
	rm -rf /etc/cni/net.d /run/cnibox
	echo 0 >/proc/sys/net/ipv4/ip_forward
	echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
	echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra
}

teardown() {
	ip link del eth0
	ip link del cni0 2>/dev/null || true
	for ns in pod world; do ip netns del $ns 2>/dev/null || true; done
	nft flush ruleset
}

# warns TEXT: up succeeds and warns so.
warns() {
	run --separate-stderr up
	echo "$stderr"
	[ "$status" -eq 0 ]
	grep -qF -- "$1" <<<"$stderr"
}

# quiet: up succeeds without a word on stderr.
quiet() {
	run --separate-stderr up
	echo "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
}
