# What the comparisons with the reference's plugins share: both on fresh hosts, result and state side by side.

setup_file() {
	local unpacked=$BATS_TEST_DIRNAME/../../build/third_party/containernetworking-plugins/usr/lib/cni
	for dir in "$unpacked" /usr/lib/cni; do
		[ ! -x "$dir/host-local" ] || export REFERENCE=${REFERENCE:-$dir}
	done
}

setup() {
	[ -n "${REFERENCE:-}" ] || skip "the reference plugins are not there (third_party/unpack containernetworking-plugins)"
}

# What a pod and the host look like, without what is random: MACs, names of host ends, indexes.
state() {
	echo "pod:"
	ip -n p -o addr show eth0 scope global | sed 's/.*\(inet6\? [^ ]*\).*/\1/'
	ip -n p route | sed 's/ proto [a-z]*//'
	ip -n p -6 route | grep -v fe80 | sed 's/ proto [a-z]*//; s/ metric [0-9]*//; s/ pref medium//'
	ip -n p -j link show eth0 | jq -c '.[0] | [.mtu, .operstate]'
	echo "host:"
	ip -o addr show scope global | sed 's/^[0-9]*: \([^ ]*\).*\(inet6\? [^ ]*\).*/\1 \2/; s/^veth[0-9a-f]*/veth/'
	ip -d -j link show type bridge | jq -c '.[] | [.ifname, .mtu, .promiscuity > 0]'
	ip -o link show type veth | grep -o 'mtu [0-9]*\(.*master [^ ]*\)\?' | sed 's/ qdisc [^ ]*//' | sort
	for f in /sys/class/net/*/brport/hairpin_mode; do [ ! -e "$f" ] || cat "$f"; done
	ip route | sed 's/veth[0-9a-f]*/veth/'
	ip -6 route | sed '/^fe80/d; s/veth[0-9a-f]*/veth/; s/ proto [a-z]*//; s/ metric [0-9]*//; s/ pref medium//'
	for f in ip_forward conf/all/forwarding; do cat /proc/sys/net/ipv4/$f; done
	echo "leases:"
	(cd /var/lib/cni/networks && find . -type f ! -name boot_id ! -name lock | sort | while read -r f; do echo "$f $(od -An -c "$f" | tr -d ' \n')"; done)
}

# settled: a link with another end is up as soon as the kernel has told itself so; the reference does not wait for it.
settled() {
	for _ in $(seq 100); do
		[ "$(ip -n p -j link show eth0 2>/dev/null | jq '.[0] | .link_index != null and .operstate != "UP"')" = true ] || return 0
		sleep 0.05
	done
}

normal() {
	jq -cS 'del(.interfaces[]?.mac, .interfaces[]?.mtu) | (.interfaces[]? | select(.name | startswith("veth")) | .name) = "veth"
		| if .dns == {} then del(.dns) else . end
		| if .interfaces then .interfaces |= map(del(.mtu)) else . end' <<<"$1"
}

# Each side on a fresh host; prints the result, the state after ADD, and the state after DEL.
through() {
	CNIBOX_BIN=$1 "$BATS_TEST_DIRNAME/../namespace" bash -c '
		set -e
		source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
		'"$(declare -f state settled normal; [ -z "${MORE_STATE:-}" ] || declare -f "$MORE_STATE")"'
		mkdir -p /var/lib/cni/networks
		eval "$2"
		[ -e /run/netns/p ] || pod p
		result=$(add "$0" p "$1")
		normal "$result"
		settled
		state
		'"${MORE_STATE:-}"'
		CNI_COMMAND=DEL CNI_CONTAINERID=p CNI_NETNS=/run/netns/p CNI_IFNAME=eth0 "$CNIBOX_BIN/$0" <<<"$1"
		echo "after:"
		ip -n p -o addr show scope global
		(cd /var/lib/cni/networks && find . -type f ! -name boot_id ! -name lock | sort)
		ip -o link show type veth | sed "/: w[01]/d; s/^[0-9]*: //; s/veth[0-9a-f]*/veth/g; s/qdisc [a-z]* //; s/ state.*//" | sort' "$2" "$3" "${4:-}"
}

# same PLUGIN CONF [HOST]: HOST makes what the host has before.
same() {
	local ours theirs
	theirs=$(CNIBOX_TEST_HOST='' BATS_TEST_DIRNAME=$BATS_TEST_DIRNAME through "$REFERENCE" "$1" "$2" "${3:-}")
	ours=$(CNIBOX_TEST_HOST='' through "$CNIBOX_BIN" "$1" "$2" "${3:-}")
	diff <(echo "$theirs") <(echo "$ours")
}

# refused PLUGIN CONF [HOST]: by both.
refused() {
	local plugins
	for plugins in "$REFERENCE" "$CNIBOX_BIN"; do
		CNIBOX_BIN=$plugins CNIBOX_TEST_HOST='' "$BATS_TEST_DIRNAME/../namespace" bash -c '
			source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
			pod p
			eval "$2"
			! add "$0" p "$1"' "$1" "$2" "${3:-}"
	done
}

# different NAME REASON: an intended difference, printed with the results.
different() {
	echo "# intended difference: $1: $2" >&3
}

# behind_ptp PLUGINS CONFIG PTP: PLUGINS' own ptp (edited by the jq filter PTP) and the plugin of CONFIG behind it, on a fresh host;
# prints the result, and what inside() of the caller's shows after ADD and after DEL.
behind_ptp() {
	CNIBOX_TEST_HOST='' CNIBOX_BIN=$1 "$BATS_TEST_DIRNAME/../namespace" bash -c '
		source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
		source '"$BATS_TEST_DIRNAME"'/../netns/chain_helpers.bash
		'"$(declare -f inside normal)"'
		PTP=$(jq -c "$1" <<<"$PTP") plugin=$(jq -r .type <<<"$0")
		pod p
		c=$(behind "$0" p)
		normal "$(add "$plugin" p "$c")"
		inside
		del "$plugin" p "$c"
		echo after:
		inside' "$2" "$3"
}

# alike_behind_ptp CONFIG PTP: the reference's and ours show the same.
alike_behind_ptp() { diff <(behind_ptp "$REFERENCE" "$1" "$2") <(behind_ptp "$CNIBOX_BIN" "$1" "$2"); }
