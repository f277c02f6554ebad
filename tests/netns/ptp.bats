#!/usr/bin/env bats
# The ptp plugin: a routed veth pair, against the real kernel.
bats_require_minimum_version 1.5.0
load helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"ptp","ipMasq":true,"ipam":{"type":"host-local",
"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}}'

setup() {
	pod a
	pod b
}

teardown() {
	clean ptp "$CONF"
}

@test "ADD: result, and pods reach the gateway and each other, by the node, in both families" {
	r=$(add ptp a "$CONF")
	add ptp b "$CONF" >/dev/null
	[ "$(jq -c '[.interfaces[].mtu], [.ips[].interface]' <<<"$r" | tr -d '\n')" = "[1500,1500][1,1]" ]
	[ "$(jq -r '.interfaces[1] | .name + " " + .sandbox' <<<"$r")" = "eth0 /run/netns/a" ]
	for address in 10.1.0.1 fd00:1::1 10.1.0.3 fd00:1::3; do
		ip netns exec a ping -c1 -W10 -q "$address"
	done
	[ "$(ip -n a route show 10.1.0.0/24)" = "10.1.0.0/24 via 10.1.0.1 dev eth0 src 10.1.0.2 " ]
	ping -c1 -W10 -q 10.1.0.2
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	nft list set inet cnibox masq4 | grep -q 10.1.0.2
}

@test "ADD: IPv6 works where the node's and the pod's default is without" {
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	ip netns exec a sh -c 'for i in all default; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done'
	r=$(add ptp a "$CONF")
	ip netns exec a ping -c1 -W10 -q fd00:1::1
	ping -c1 -W10 -q fd00:1::2
	call CHECK ptp a /run/netns/a "$(with_prev "$CONF" "$r")"
	echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
}

# How many link-local addresses the attachment's host end has.
link_locals() { ip -6 -o addr show dev "$(jq -r '.interfaces[0].name' <<<"$1")" scope link | wc -l; }

@test "ADD: the host end has a link-local address where the pod has IPv6, and no IPv6 elsewhere" {
	v4=$(jq -c '.name = "net4" | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}]] | .ipam.routes = [{"dst":"0.0.0.0/0"}]' <<<"$CONF")
	r=$(add ptp a "$CONF")
	[ "$(link_locals "$r")" = 1 ]
	ip netns exec a ping -c1 -W10 -q fd00:1::1
	r=$(add ptp b "$v4")
	[ "$(link_locals "$r")" = 0 ]
	[ -z "$(ip -6 route show table all dev "$(jq -r '.interfaces[0].name' <<<"$r")")" ]
	ip netns exec b ping -c1 -W10 -q 10.2.0.1
	ping -c1 -W10 -q "$(address "$r")"
	del ptp b "$v4"
}

@test "ADD: the MACs of the result are the kernel's, and the alias names the attachment; mtu and MAC as asked for" {
	r=$(CNI_ARGS='MAC=02:11:22:33:44:55' add ptp a "$(jq -c '.mtu = 1400' <<<"$CONF")")
	name=$(jq -r '.interfaces[0].name' <<<"$r")
	[ "$(cat "/sys/class/net/$name/address")" = "$(jq -r '.interfaces[0].mac' <<<"$r")" ]
	[ "$(cat "/sys/class/net/$name/ifalias")" = "cnibox net1 a eth0" ]
	[ "$(ip -n a -j link show eth0 | jq -c '.[0] | [.address, .mtu]')" = '["02:11:22:33:44:55",1400]' ]
	[ "$(jq -c '[.interfaces[].mtu, .interfaces[1].mac]' <<<"$r")" = '[1400,1400,"02:11:22:33:44:55"]' ]
}

@test "DEL: host as before, twice, without a namespace, and after the namespace has gone" {
	del_leaves_nothing ptp "$CONF"
}

@test "an ADD that fails late leaves nothing" {
	add ptp b "$CONF" >/dev/null
	unchanged fails 100 route add ptp a "$(jq -c '.ipam.routes = [{"dst":"192.0.2.0/24","gw":"198.51.100.1"}]' <<<"$CONF")"
	[ "$(ip -n a -o link | wc -l)" = 1 ]
}

@test "CHECK: succeeds after ADD, and names what was changed" {
	prev=$(with_prev "$CONF" "$(add ptp a "$CONF")")
	name=$(ip -o link show type veth | cut -d' ' -f2 | cut -d@ -f1)
	call CHECK ptp a /run/netns/a "$prev"
	ip route del 10.1.0.2
	fails 105 "the host has lost its route to 10.1.0.2/32 by $name" call CHECK ptp a /run/netns/a "$prev"
	ip route add 10.1.0.2 dev "$name"
	call CHECK ptp a /run/netns/a "$prev"
	ip -n a route del 10.1.0.0/24
	fails 105 "the pod has lost its route to 10.1.0.0/24" call CHECK ptp a /run/netns/a "$prev"
	ip link del "$name"
	fails 105 "interface eth0 is not in the pod" call CHECK ptp a /run/netns/a "$prev"
}

@test "addresses that share a gateway, and a second interface" {
	conf=$(jq -c 'del(.ipam.routes) | .ipam.ranges = [[{"subnet":"10.1.0.0/24","rangeEnd":"10.1.0.9"}],[{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.10"}]]' <<<"$CONF")
	net2=$(jq -c 'del(.ipam.routes) | .name = "net2" | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}]]' <<<"$CONF")
	r=$(add ptp a "$conf")
	r2=$(add ptp a "$net2" eth1)
	[ "$(ip route show | sort | cut -d' ' -f1 | xargs)" = "10.1.0.10 10.1.0.2 10.2.0.2" ]
	ping -c1 -W10 -q 10.1.0.10
	call CHECK ptp a /run/netns/a "$(with_prev "$conf" "$r")"
	call CHECK ptp a /run/netns/a "$(with_prev "$net2" "$r2")" eth1
	del ptp a "$conf"
	call CHECK ptp a /run/netns/a "$(with_prev "$net2" "$r2")" eth1
	del ptp a "$net2" eth1
}

@test "what it needs is asked for, and what it does not know is refused; DEL goes on" {
	unchanged fails 7 "ipam: missing; ptp needs" add ptp a "$(jq -c 'del(.ipam)' <<<"$CONF")"
	unchanged fails 7 "ipMasqBackend" add ptp a "$(jq -c '.ipMasqBackend = "pf"' <<<"$CONF")"
	unchanged fails 7 "mtu" add ptp a "$(jq -c '.mtu = 5' <<<"$CONF")"
	for backend in "" iptables nftables; do
		add ptp a "$(jq -c --arg b "$backend" '.ipMasqBackend = $b' <<<"$CONF")" >/dev/null
		del ptp a "$(jq -c '.mtu = 5 | .ipMasqBackend = "pf"' <<<"$CONF")"
	done
}

@test "GC removes exactly what is not valid" {
	for p in a b; do add ptp "$p" "$CONF" >/dev/null; done
	CNI_COMMAND=GC "$CNIBOX_BIN/ptp" <<<"$(jq -c '."cni.dev/valid-attachments" = [{"containerID":"b","ifname":"eth0"}]' <<<"$CONF")"
	[ "$(ip -o link show type veth | wc -l)" = 1 ]
	[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
	[ -e /var/lib/cni/networks/net1/10.1.0.3 ]
	[ "$(ip route show | cut -d' ' -f1)" = 10.1.0.3 ]
}

# What the reference made: a host end without an alias, an address and a route.
@test "DEL of a pod that was attached before; never of somebody else's interface" {
	ip link add vethabcd type veth peer name eth0 netns a
	del ptp a "$CONF"
	ip -n a link show eth0
	mkdir -p /var/lib/cni/networks/net1
	printf 'a\r\neth0' >/var/lib/cni/networks/net1/10.1.0.7
	del ptp a "$CONF"
	run ! ip -n a link show eth0
	run ! ip link show vethabcd
	[ ! -e /var/lib/cni/networks/net1/10.1.0.7 ]
}
