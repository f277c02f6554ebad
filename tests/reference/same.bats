#!/usr/bin/env bats
# The same configurations through the reference plugins and through ours: result, state of pod and host, leases must be alike.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load ../netns/wire_helpers

setup_file() {
	local unpacked=$BATS_TEST_DIRNAME/../../build/third_party/containernetworking-plugins/usr/lib/cni
	for dir in "$unpacked" /usr/lib/cni; do
		[ ! -x "$dir/bridge" ] || export REFERENCE=${REFERENCE:-$dir}
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
	ip -o link show type veth | grep -o 'mtu [0-9]*\(.*master [^ ]*\)\?' | sed 's/ qdisc [^ ]*//'
	for f in /sys/class/net/*/brport/hairpin_mode; do [ ! -e "$f" ] || cat "$f"; done
	ip route | sed 's/veth[0-9a-f]*/veth/'
	ip -6 route | sed '/^fe80/d; s/veth[0-9a-f]*/veth/; s/ proto [a-z]*//; s/ metric [0-9]*//; s/ pref medium//'
	for f in ip_forward conf/all/forwarding; do cat /proc/sys/net/ipv4/$f; done
	echo "leases:"
	(cd /var/lib/cni/networks && find . -type f ! -name boot_id ! -name lock | sort | while read -r f; do echo "$f $(od -An -c "$f" | tr -d ' \n')"; done)
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
		'"$(declare -f state normal)"'
		mkdir -p /var/lib/cni/networks
		eval "$2"
		pod p
		result=$(add "$0" p "$1")
		normal "$result"
		state
		CNI_COMMAND=DEL CNI_CONTAINERID=p CNI_NETNS=/run/netns/p CNI_IFNAME=eth0 "$CNIBOX_BIN/$0" <<<"$1"
		echo "after:"
		ip -n p -o addr show scope global
		(cd /var/lib/cni/networks && find . -type f ! -name boot_id ! -name lock | sort)
		ip -o link show type veth | grep -v ": w[01]" || true' "$2" "$3" "${4:-}"
}

# same PLUGIN CONF [HOST]: HOST makes what the host has before.
same() {
	local ours theirs
	theirs=$(CNIBOX_TEST_HOST='' BATS_TEST_DIRNAME=$BATS_TEST_DIRNAME through "$REFERENCE" "$1" "$2" "${3:-}")
	ours=$(CNIBOX_TEST_HOST='' through "$CNIBOX_BIN" "$1" "$2" "${3:-}")
	diff <(echo "$theirs") <(echo "$ours")
}

conf() {
	echo '{"cniVersion":"1.0.0","name":"net1","type":"bridge","ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}' | jq -c "$1"
}

@test "plain bridge: no gateway, no route" {
	same bridge "$(conf .)"
}

@test "isGateway with routes, as most lists have it" {
	same bridge "$(conf '.bridge = "cni-podman0" | .isGateway = true | .hairpinMode = true
		| .ipam = {"type":"host-local","routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":"10.88.0.0/16","gateway":"10.88.0.1"}]]}')"
}

@test "isDefaultGateway, mtu, promiscMode" {
	same bridge "$(conf '.isDefaultGateway = true | .mtu = 1400 | .promiscMode = true')"
}

@test "dual stack with default routes" {
	same bridge "$(conf '.isGateway = true | .ipam = {"type":"host-local","routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],
		"ranges":[[{"subnet":"10.85.0.0/16"}],[{"subnet":"fd00:85::/64"}]]}')"
}

@test "an IPv6 /24" {
	same bridge "$(conf '.isGateway = true | .ipam = {"type":"host-local","ranges":[[{"subnet":"1100:200::/24"}]]}')"
}

@test "several ranges in a set, rangeStart, rangeEnd, a gateway of its own" {
	same bridge "$(conf '.isGateway = true | .ipam = {"type":"host-local","ranges":[[
		{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.100","rangeEnd":"10.1.0.110","gateway":"10.1.0.254"},{"subnet":"10.2.0.0/24"}]]}')"
}

@test "routes with a gateway" {
	same bridge "$(conf '.isGateway = true | .ipam.routes = [{"dst":"10.9.0.0/16","gw":"10.1.0.7"},{"dst":"0.0.0.0/0"}]')"
}

@test "no IPAM: a link without addresses" {
	same bridge "$(conf 'del(.ipam)')"
}

@test "dns of the configuration" {
	same bridge "$(conf '.dns = {"nameservers":["10.1.0.1"],"search":["a.example"]}')"
}

@test "every older version's result" {
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0; do
		same bridge "$(conf ".cniVersion = \"$v\" | .isDefaultGateway = true")"
	done
}

@test "keys in any letter case, unknown keys with odd types" {
	same bridge "$(conf '.ISGATEWAY = true | .addIf = "true" | .nerdctlID = [1] | .ipam.SUBNET = "10.7.0.0/24" | del(.ipam.subnet)')"
}

ptp_conf() {
	conf '.type = "ptp" | del(.bridge)' | jq -c "$1"
}

@test "ptp: the gateway on the host end, everything by it" {
	same ptp "$(ptp_conf .)"
	same ptp "$(ptp_conf '.ipam.routes = [{"dst":"0.0.0.0/0"},{"dst":"10.9.0.0/16","gw":"10.1.0.1"}] | .mtu = 1400')"
}

@test "ptp: dual stack, dns of the configuration" {
	same ptp "$(ptp_conf '.dns = {"nameservers":["10.1.0.1"],"search":["a.example"]} | .ipam = {"type":"host-local",
		"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],"ranges":[[{"subnet":"10.85.0.0/16","gateway":"10.85.9.9"}],[{"subnet":"fd00:85::/64"}]]}')"
}

@test "ptp: every older version's result" {
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0; do
		same ptp "$(ptp_conf ".cniVersion = \"$v\"")"
	done
}

# The node's own wire w0 with an address, and a default route by it.
wired() {
	same "$1" "$2" 'ip link add w0 type veth peer name w1; ip link set w0 up; ip link set w1 up
		ip addr add 10.1.0.254/24 dev w0; ip route add default via 10.1.0.250'
}

child_conf() {
	conf '.type = "'"$1"'" | .master = "w0" | del(.bridge)' | jq -c "$2"
}

@test "macvlan: every mode, mtu, routes, dual stack" {
	kernel_has macvlan
	wired macvlan "$(child_conf macvlan .)"
	for mode in bridge private vepa passthru; do
		wired macvlan "$(child_conf macvlan ".mode = \"$mode\" | .mtu = 1400")"
	done
	wired macvlan "$(child_conf macvlan 'del(.master) | .ipam = {"type":"host-local","routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],
		"ranges":[[{"subnet":"10.85.0.0/16","gateway":"10.85.9.9"}],[{"subnet":"fd00:85::/64"}]]}')"
}

@test "macvlan: without IPAM, dns of the configuration, every older version's result" {
	kernel_has macvlan
	wired macvlan "$(child_conf macvlan 'del(.ipam)')"
	wired macvlan "$(child_conf macvlan '.dns = {"nameservers":["10.1.0.1"],"search":["a.example"]}')"
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0; do
		wired macvlan "$(child_conf macvlan ".cniVersion = \"$v\"")"
	done
}

@test "host-local alone" {
	local theirs ours
	one() {
		CNIBOX_BIN=$1 CNIBOX_TEST_HOST='' "$BATS_TEST_DIRNAME/../namespace" bash -c '
			source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
			for i in 1 2 3; do add host-local "c$i" "$0" | jq -cS "del(.dns)"; done
			del host-local c2 "$0"
			add host-local c4 "$0" | jq -cS "del(.dns)"
			ls /var/lib/cni/networks/net1 | grep -v boot_id' "$(conf '.ipam.subnet = "10.1.0.0/29"')"
	}
	theirs=$(one "$REFERENCE")
	ours=$(one "$CNIBOX_BIN")
	diff <(echo "$theirs") <(echo "$ours")
}
