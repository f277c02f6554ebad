# What the namespace tests share. CNIBOX_BIN names the plugins under test, so that the same cases run against the reference's.

CNIBOX_BIN=${CNIBOX_BIN:-$BATS_TEST_DIRNAME/../../build/bin}
CNIBOX_BIN=$(cd "$CNIBOX_BIN" && pwd)
export CNI_PATH=$CNIBOX_BIN

# pod NAME: a namespace /run/netns/NAME.
pod() {
	ip netns add "$1"
}

# other_machine NAME: a namespace that is a machine of its own, with the kernel's settings whatever this machine's first namespace has.
other_machine() {
	ip netns add "$1"
	kernel_settings "$1"
}

# kernel_settings NAMESPACE
kernel_settings() {
	ip netns exec "$1" bash -c '. "$0" && network_defaults' "$BATS_TEST_DIRNAME/../settle"
}

# call COMMAND PLUGIN ID NETNS CONFIG [IFNAME]: one plugin call, as a runtime makes it.
call() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$3 CNI_NETNS=$4 CNI_IFNAME=${6:-eth0} "$CNIBOX_BIN/$2" <<<"$5"
}

add() { call ADD "$1" "$2" "/run/netns/$2" "$3" "${4:-eth0}"; }	# PLUGIN POD CONFIG [IFNAME]
del() { call DEL "$1" "$2" "/run/netns/$2" "$3" "${4:-eth0}"; }

# kernel_filters_vlans: or skip.
kernel_filters_vlans() {
	if ! ip link add probe0 type bridge vlan_filtering 1 2>/dev/null; then
		skip "this kernel's bridges have no VLANs (BRIDGE_VLAN_FILTERING); tests/lab runs this file in a machine that has"
	fi
	ip link del probe0
}

# owned FAMILY TABLE CHAIN: a program's table that nobody else may change, with a chain that drops what is forwarded; $owner is its pid. Or skip.
owned() {
	nft -i <<<$'add table inet probe0 { flags owner; }\nlist tables' 2>/dev/null | grep -q probe0 || skip "this kernel's tables have no owners (Linux 5.12)"
	mkfifo "$BATS_TEST_TMPDIR/owner"
	nft -i <"$BATS_TEST_TMPDIR/owner" >/dev/null 2>&1 3>&- &
	owner=$!
	exec 8>"$BATS_TEST_TMPDIR/owner"
	echo "add table $1 $2 { flags owner; }" >&8
	echo "add chain $1 $2 $3 { type filter hook forward priority 0; policy drop; }" >&8
	until nft list chain "$1" "$2" "$3" >/dev/null 2>&1; do kill -0 $owner; done
}

# disowned: it ends.
disowned() {
	kill "$owner"
	wait "$owner" || true
	exec 8>&-
}

# with_prev CONFIG RESULT: the configuration with a prevResult.
with_prev() {
	jq -c --argjson prev "$2" '.prevResult = $prev' <<<"$1"
}

# address RESULT [N]: the Nth address without its length.
address() {
	jq -r ".ips[${2:-0}].address" <<<"$1" | cut -d/ -f1
}

# Everything an attachment may leave on the host: links, addresses, routes, rules, nftables, leases, names of namespaces.
snapshot() {
	ip -o link | sed 's/@.*: / /; s/^[0-9]*: //; s/ qlen.*//; s/state [A-Z]* //; s/<[^>]*>//'
	ip -o addr | sed 's/^[0-9]*: //; s/valid_lft.*//' | sed '/inet6 fe80/d'
	ip route | sed 's/ linkdown//'
	ip -6 route | sed '/^fe80/d; s/ linkdown//'
	ip rule
	nft list ruleset
	find /var/lib/cni -type f ! -name 'last_reserved_ip.*' ! -name lock ! -name boot_id | sort
	find /run/cnibox/leases -type l 2>/dev/null | sort
	find /run/cnibox/fw -type f 2>/dev/null | sort
	find /run/netns -mindepth 1 | sort
}

# fails CODE TEXT COMMAND...: the command prints an error object with this code whose msg contains TEXT.
fails() {
	local code=$1 text=$2
	shift 2
	run --separate-stderr "$@"
	echo "status $status: $output"
	[ "$status" -ne 0 ]
	[ "$(jq -r .code <<<"$output")" = "$code" ]
	jq -r .msg <<<"$output" | grep -qF -- "$text"
}

# unchanged COMMAND...: the host is as it was.
unchanged() {
	local before after
	before=$(snapshot)
	"$@"
	after=$(snapshot)
	diff <(echo "$before") <(echo "$after")
}

# fails_to COMMAND...: it must fail; unlike "!" this ends a test.
fails_to() {
	if "$@"; then return 1; fi
}

# clean [PLUGIN CONFIG]: after a test. The pods go, detached by the plugin, then the links, leases and rules that a test can leave.
clean() {
	local ns link
	for ns in $(ip netns list | cut -d' ' -f1); do
		[ $# -eq 0 ] || del "$1" "$ns" "$2" >/dev/null 2>&1 || true
		ip netns del "$ns"
	done
	for link in $(ip -j link show type bridge | jq -r '.[].ifname?') $(ip -j link show type veth | jq -r '.[].ifname?'); do
		ip link del "$link" 2>/dev/null || true
	done
	rm -rf /var/lib/cni/* /run/cnibox
	nft flush ruleset
}

# del_leaves_nothing PLUGIN CONFIG: DEL of pod a beside pod b: once, twice, without a namespace, and after it has gone.
del_leaves_nothing() {
	local before
	add "$1" b "$2" >/dev/null
	before=$(snapshot)
	add "$1" a "$2" >/dev/null
	del "$1" a "$2"
	diff <(echo "$before") <(snapshot)
	del "$1" a "$2"
	add "$1" a "$2" >/dev/null
	call DEL "$1" a "" "$2"
	diff <(echo "$before") <(snapshot)
	add "$1" a "$2" >/dev/null
	ip netns del a
	del "$1" a "$2"
	diff <(echo "$before" | grep -v netns/a) <(snapshot)
	pod a
}

# masq_net NAME BRIDGE SUBNETS [JQ]: a network with ipMasq; SUBNETS with commas.
masq_net() {
	jq -cn --arg n "$1" --arg b "$2" --arg s "$3" '{cniVersion: "1.1.0", name: $n, type: "bridge", bridge: $b, isDefaultGateway: true, ipMasq: true,
		ipam: {type: "host-local", ranges: [($s | split(",")[] | [{subnet: .}])]}} | '"${4:-.}"
}

# second_link NETNS: beside the one to the world the node has up1, 198.51.100.1, with this machine, 198.51.100.2, behind it.
second_link() {
	ip link add up1 type veth peer name eth0 netns "$1"
	ip addr add 198.51.100.1/24 dev up1
	ip link set up1 up
	ip -n "$1" addr add 198.51.100.2/24 dev eth0
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via 198.51.100.1
}

# neighbour NAME LINK NET4 NET6: another machine behind LINK, where this node is .1 and ::1, and it is .2 and ::2
neighbour() {
	other_machine "$1"
	ip link add "$2" type veth peer name eth0 netns "$1"
	ip addr add "$3.1/24" dev "$2"
	ip addr add "$4::1/64" dev "$2" nodad
	ip link set "$2" up
	ip -n "$1" addr add "$3.2/24" dev eth0
	ip -n "$1" addr add "$4::2/64" dev eth0 nodad
	ip -n "$1" link set eth0 up
}

# outside: a machine that this node (203.0.113.1, fd00:9::1) is a neighbour of.
outside() {
	neighbour out up0 203.0.113 fd00:9
	while ip -o -6 addr show up0 | grep -q tentative; do :; done # its carrier is told late
}
