#!/usr/bin/env bats
# The dummy plugin: an interface that lives in the pod alone, against the real kernel.
bats_require_minimum_version 1.5.0
load helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"dummy","ipam":{"type":"host-local",
"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}}'

setup() {
	pod a
	ip -n a link add probe type dummy 2>/dev/null || skip "this kernel has no dummy links (module dummy, CONFIG_DUMMY)"
	ip -n a link del probe
}

teardown() {
	clean dummy "$CONF"
}

@test "ADD: result, and the interface is there, up, named ours, with its addresses" {
	r=$(add dummy a "$CONF")
	[ "$(jq -c '[.interfaces[] | [.name, .sandbox, .mtu]], [.ips[] | [.address, .interface]]' <<<"$r" | tr -d '\n')" = \
		'[["eth0","/run/netns/a",1500]][["10.1.0.2/24",0],["fd00:1::2/64",0]]' ]
	[ "$(ip -n a -j link show eth0 | jq -r '.[0].address')" = "$(jq -r '.interfaces[0].mac' <<<"$r")" ]
	ip -n a -d -o link show eth0 | grep -q 'UP.* group default .* dummy .*alias cnibox net1 a eth0'
	ip netns exec a ping -c1 -W10 -q 10.1.0.2
	ip netns exec a ping -c1 -W10 -q fd00:1::2
	[ "$(ip -o link | wc -l)" = 1 ]
}

@test "DEL: everything as before, twice, without a namespace, and after the namespace has gone" {
	before=$(snapshot)
	add dummy a "$CONF" >/dev/null
	del dummy a "$CONF"
	[ "$(ip -n a -o link | wc -l)" = 1 ]
	diff <(echo "$before") <(snapshot)
	del dummy a "$CONF"
	add dummy a "$CONF" >/dev/null
	ip netns del a
	del dummy a "$CONF"
	diff <(echo "$before" | grep -v netns/a) <(snapshot)
}

@test "DEL leaves an interface that is not this attachment's" {
	ip -n a link add eth0 type dummy
	unchanged fails 101 "eth0" add dummy a "$CONF"
	del dummy a "$CONF"
	ip -n a link set eth0 alias "cnibox net2 a eth0"
	del dummy a "$CONF"
	ip -n a link show eth0
	ip -n a link set eth0 alias "cnibox net1 a eth0"
	del dummy a "$CONF"
	run ! ip -n a link show eth0
}

@test "an ADD that fails late leaves nothing, and none is made without addresses" {
	unchanged fails 100 route add dummy a "$(jq -c '.ipam.routes = [{"dst":"192.0.2.0/24","gw":"198.51.100.1"}]' <<<"$CONF")"
	[ "$(ip -n a -o link | wc -l)" = 1 ]
	unchanged fails 7 "ipam: missing; dummy needs" add dummy a "$(jq -c 'del(.ipam)' <<<"$CONF")"
}

@test "CHECK: succeeds after ADD, and names what was changed" {
	prev=$(with_prev "$CONF" "$(add dummy a "$CONF")")
	call CHECK dummy a /run/netns/a "$prev"
	ip -n a addr del 10.1.0.2/24 dev eth0
	fails 105 "10.1.0.2/24" call CHECK dummy a /run/netns/a "$prev"
	ip -n a link del eth0
	fails 105 "eth0 is not in the pod" call CHECK dummy a /run/netns/a "$prev"
}

@test "CHECK of a second interface succeeds when the first one has the default route" {
	conf=$(jq -c '.ipam.routes = [{"dst":"0.0.0.0/0"}]' <<<"$CONF")
	add dummy a "$conf" >/dev/null
	r=$(add dummy a "$conf" eth1)
	call CHECK dummy a /run/netns/a "$(with_prev "$conf" "$r")" eth1
}

@test "GC removes exactly what is not valid, in the pods too" {
	add dummy a "$CONF" >/dev/null
	add dummy a "$CONF" eth1 >/dev/null
	CNI_COMMAND=GC "$CNIBOX_BIN/dummy" <<<"$(jq -c '."cni.dev/valid-attachments" = [{"containerID":"a","ifname":"eth1"}]' <<<"$CONF")"
	[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
	[ -e /var/lib/cni/networks/net1/10.1.0.3 ]
	run ! ip -n a link show eth0
	ip -n a link show eth1
}

@test "DEL without a namespace finds it where it is" {
	add dummy a "$CONF" >/dev/null
	call DEL dummy a "" "$CONF"
	[ "$(ip -n a -o link | wc -l)" = 1 ]
}
