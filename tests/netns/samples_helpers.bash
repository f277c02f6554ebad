# What the tests of whole lists share: lists as real systems have them, run by cnitool, and a machine outside.

# list JSON: writes it down where cnitool looks; $NET is its name. A file with one plugin is one, too.
list() {
	export NETCONFPATH=$BATS_TEST_TMPDIR/net.d
	mkdir -p "$NETCONFPATH"
	NET=$(jq -r .name <<<"$1")
	if jq -e .plugins <<<"$1" >/dev/null; then echo "$1" >"$NETCONFPATH/$NET.conflist"; else echo "$1" >"$NETCONFPATH/$NET.conf"; fi
}

# needs PLUGIN...: or skip.
needs() {
	local plugin
	for plugin; do
		[ -e "$CNIBOX_BIN/$plugin" ] || skip "this build has no $plugin"
	done
}

attach() { cnitool add "$NET" "/run/netns/$1"; } # POD
detach() { cnitool del "$NET" "/run/netns/$1"; }
cnitool() { CAP_ARGS=${CAP_ARGS:-null} "$CNIBOX_BIN/cnitool" "$@"; }

# ports HOST:POD...: what the runtime asks for.
ports() {
	CAP_ARGS=$(printf '%s\n' "$@" | jq -cRn '{portMappings: [inputs | split(":") | {hostPort: (.[0] | tonumber), containerPort: (.[1] | tonumber), protocol: "tcp"}]}')
	export CAP_ARGS
}

# two_pods: attaches a and b; $A and $B are the results. They reach each other in every family that they have, and pass CHECK where the version has it.
two_pods() {
	local ip
	before=$(detached)
	A=$(attach a)
	B=$(CAP_ARGS='' attach b)
	[ "$(jq -r .cniVersion <<<"$A")" = "$(jq -r '.cniVersion // "0.1.0"' "$NETCONFPATH/$NET".conf*)" ]
	for ip in $(addresses "$B"); do
		ip netns exec a ping -c1 -W10 -q "$ip"
	done
	case $(jq -r .cniVersion <<<"$A") in
	0.[123].*) ;;
	*) cnitool check "$NET" /run/netns/a && CAP_ARGS='' cnitool check "$NET" /run/netns/b ;;
	esac
}

addresses() { jq -r '.ips[]?.address, .ip4.ip?, .ip6.ip? | select(.) | split("/")[0]' <<<"$1"; }
first() { addresses "$1" | head -n 1; }

# What the first attachment makes for good does not count: bridges with their addresses and routes, foreign chains' homes.
detached() {
	ip -o link show type veth | cut -d: -f2
	nft list ruleset 2>/dev/null | grep -v '^#'
	find /var/lib/cni /run/cni-ipam-state /run/cni /run/cnibox/fw -type f ! -name 'last_reserved_ip.*' ! -name lock ! -name boot_id 2>/dev/null | sort
}

# all_gone: both detached, twice, the second time without a namespace; nothing is left.
all_gone() {
	jobs -p | xargs -r kill 2>/dev/null || true
	wait
	detach a
	ip netns del b
	detach b
	detach a
	diff <(echo "$before") <(detached)
}

# reaches_out ADDRESS...: pod a reaches out there; out sees this address.
reaches_out() {
	serve out 7000
	[ "$(ask a tcp 203.0.113.2 7000)" = "$1" ]
	[ -z "${2:-}" ] || [ "$(ask a tcp fd00:9::2 7000)" = "$2" ]
}

# published PORT POD-PORT: out reaches pod a by the node's port, and a sees who that is.
published() {
	serve a "$2"
	[ "$(ask out tcp 203.0.113.1 "$1")" = 203.0.113.2 ]
}

setup() {
	pod a
	pod b
	outside
}

teardown() {
	jobs -p | xargs -r kill 2>/dev/null || true
	clean
	rm -rf /run/cni-ipam-state /run/flannel /var/run/cni /run/cni
}

# published_though_forward_drops: two pods get out and serve a host port of the node's, and nothing stays.
published_though_forward_drops() {
	ports 8080:80
	iptables -P FORWARD DROP
	two_pods
	reaches_out 203.0.113.1
	published 8080 80
	all_gone
}
