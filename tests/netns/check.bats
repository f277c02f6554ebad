#!/usr/bin/env bats
# CHECK notices whatever ADD made or set and is different now, and nothing else.
bats_require_minimum_version 1.5.0
load helpers

REFERENCE=$BATS_TEST_DIRNAME/../../build/third_party/containernetworking-plugins/usr/lib/cni
CONF='{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"br1","isDefaultGateway":true,"hairpinMode":true,"mtu":1400,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]],"routes":[
{"dst":"10.50.0.0/16","gw":"10.1.0.1","mtu":1300,"advmss":1200},{"dst":"10.60.0.0/16","gw":"10.1.0.1","table":100,"priority":7},{"dst":"10.70.0.0/16","scope":253}]}}'
LEASES=/var/lib/cni/networks/net1

teardown() {
	for ns in $(ip netns list | cut -d' ' -f1); do
		del bridge "$ns" "$CONF" >/dev/null 2>&1 || true
		ip netns del "$ns"
	done
	for link in br1 br2 old0; do ip link del $link 2>/dev/null || true; done
	rm -rf /var/lib/cni/* /run/cnibox
	sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
}

attach() {	# [CONFIG]: pod a; sets $result, $end, $checked
	pod a
	result=$(add bridge a "${1:-$CONF}")
	end=$(jq -r '.interfaces[1].name' <<<"$result")
	checked=$(with_prev "${1:-$CONF}" "$result")
	call CHECK bridge a /run/netns/a "$checked"
}

# noticed TEXT COMMAND: after the command in a pod of its own CHECK fails, with this text.
noticed() {
	attach
	eval "$2"
	fails 105 "$1" call CHECK bridge a /run/netns/a "$checked"
	del bridge a "$CONF"
	ip netns del a
}

@test "CHECK notices addresses, routes and their options in the pod" {
	noticed "10.1.0.2/24" 'ip -n a addr add 10.1.0.2/16 dev eth0; ip -n a addr del 10.1.0.2/24 dev eth0'
	noticed "fd00:1::3/64" 'ip -n a addr del fd00:1::3/64 dev eth0'
	noticed "0.0.0.0/0" 'ip -n a route replace default via 10.1.0.77 dev eth0'
	noticed "0.0.0.0/0" 'ip -n a link add d0 type veth peer name d1; ip -n a link set d1 up; ip -n a link set d0 up; ip -n a addr add 10.1.0.200/24 dev d0; ip -n a route replace default via 10.1.0.1 dev d0'
	noticed "::/0" 'ip -n a -6 route del default'
	noticed "10.50.0.0/16" 'ip -n a route change 10.50.0.0/16 via 10.1.0.1 mtu 600 advmss 1200'
	noticed "10.50.0.0/16" 'ip -n a route change 10.50.0.0/16 via 10.1.0.1 mtu 1300 advmss 600'
	noticed "10.60.0.0/16" 'ip -n a route del 10.60.0.0/16 table 100; ip -n a route add 10.60.0.0/16 via 10.1.0.1 metric 7'
	noticed "10.60.0.0/16" 'ip -n a route del 10.60.0.0/16 table 100; ip -n a route add 10.60.0.0/16 via 10.1.0.1 table 100 metric 8'
	noticed "10.70.0.0/16" 'ip -n a route del 10.70.0.0/16; ip -n a route add 10.70.0.0/16 dev eth0 scope global'
}

@test "CHECK notices what has become of the pod's interface and of its host end" {
	noticed "interface lo in the pod is down" 'ip -n a link set lo down'
	noticed "down" 'ip -n a link set eth0 down'
	noticed "MAC" 'ip -n a link set eth0 address 02:00:00:00:00:99'
	noticed "MTU" 'ip -n a link set eth0 mtu 1300'
	noticed "MTU" 'ip link set $end mtu 1300'
	noticed "MAC" 'ip link set $end address 02:00:00:00:00:99'
	noticed "down" 'ip link set $end down'
	noticed "not in bridge" 'ip link set $end nomaster'
	noticed "not in bridge" 'ip link add br2 type bridge; ip link set $end master br2'
	noticed "hairpin" 'bridge link set dev $end hairpin off'
	noticed "peer" 'ip link set $end name old0 alias ""; ip link add $end type veth peer name zz; ip link set $end master br1 up'
}

@test "CHECK notices an isolated port that is isolated no more, and a bridge that is promiscuous no more" {
	conf=$(jq -c '.portIsolation = true' <<<"$CONF")
	attach "$conf"
	bridge link set dev "$end" isolated off
	fails 105 isolated call CHECK bridge a /run/netns/a "$checked"
	del bridge a "$conf"
	ip netns del a
	conf=$(jq -c '.hairpinMode = false | .promiscMode = true' <<<"$CONF")
	attach "$conf"
	ip link set br1 promisc off
	fails 105 promiscuous call CHECK bridge a /run/netns/a "$checked"
}

@test "CHECK notices what has become of the bridge, of forwarding and of the leases" {
	noticed "is down" 'ip link set br1 down'
	ip link set br1 up
	noticed "10.1.0.1/24" 'ip addr del 10.1.0.1/24 dev br1'
	noticed "net/ipv4/ip_forward" 'sysctl -qw net.ipv4.ip_forward=0'
	noticed "net/ipv6/conf/all/forwarding" 'sysctl -qw net.ipv6.conf.all.forwarding=0'
	lease='$LEASES/$(address "$result")'
	noticed "no" "rm $lease"
	noticed "10.1.0." "printf 'other\r\neth0' >$lease"
	noticed "10.1.0." "printf 'a\r\neth7' >$lease"
	noticed "10.1.0." "mv $lease $LEASES/10.1.0.250"
}

@test "CHECK of two addresses of one family, each with a gateway on the bridge" {
	attach '{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"br1","isGateway":true,
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.2.0.0/24"}]]}}'
	ip addr del 10.2.0.1/24 dev br1
	fails 105 "bridge \"br1\" has lost the gateway's address 10.2.0.1/24" call CHECK bridge a /run/netns/a "$checked"
}

@test "CHECK succeeds for a host end that was renamed" {
	attach
	ip link set "$end" name old0
	call CHECK bridge a /run/netns/a "$checked"
}

@test "CHECK succeeds for both of a pod's interfaces when they have equal routes" {
	attach
	second=$(jq -c '.name = "net2" | .bridge = "br2" | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}]] | .ipam.routes = []' <<<"$CONF")
	r=$(add bridge a "$second" net1)
	call CHECK bridge a /run/netns/a "$(with_prev "$second" "$r")" net1
	call CHECK bridge a /run/netns/a "$checked"
	del bridge a "$second" net1
}

@test "CHECK succeeds for a pod that the reference attached, until its host end is another's" {
	[ -d "$REFERENCE" ]
	pod a
	pod b
	conf=$(jq -c '.cniVersion = "1.0.0"' <<<"$CONF")
	for p in a b; do
		CNIBOX_BIN=$REFERENCE CNI_PATH=$REFERENCE add bridge $p "$conf" >"$BATS_TEST_TMPDIR/$p"
		call CHECK bridge $p /run/netns/$p "$(with_prev "$conf" "$(cat "$BATS_TEST_TMPDIR/$p")")"
	done
	fails 105 "" call CHECK bridge a /run/netns/a "$(with_prev "$conf" "$(jq -c --slurpfile b "$BATS_TEST_TMPDIR/b" '.interfaces[1] = $b[0].interfaces[1]' "$BATS_TEST_TMPDIR/a")")"
}
