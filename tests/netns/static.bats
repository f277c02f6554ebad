#!/usr/bin/env bats
# static: addresses of the configuration and of the caller, alone and in bridge and ptp.
bats_require_minimum_version 1.5.0
load helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"cni0","isGateway":true,"ipam":{"type":"static",
"addresses":[{"address":"10.1.0.5/24","gateway":"10.1.0.1"},{"address":"fd00:1::5/64","gateway":"fd00:1::1"}],
"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"},{"dst":"10.9.0.0/16","gw":"10.1.0.7"}],"dns":{"nameservers":["10.1.0.1"],"domain":"a.example"}}}'

setup() {
	pod a
}

teardown() {
	clean bridge "$CONF"
}

ipam() { call ADD static a /run/netns/none "$1"; }
addresses() { jq -c '[.ips[].address]' <<<"$1"; }

@test "ADD: the addresses, routes and dns of the configuration" {
	ipam "$CONF" | jq -e '.ips == [{"address":"10.1.0.5/24","gateway":"10.1.0.1"},{"address":"fd00:1::5/64","gateway":"fd00:1::1"}]
		and .dns == {"nameservers":["10.1.0.1"],"domain":"a.example"} and [.routes[].dst] == ["0.0.0.0/0","::/0","10.9.0.0/16"]'
	ipam "$(jq -c '.ipam.addresses = []' <<<"$CONF")" | jq -e 'has("ips") | not'
}

@test "every version's result" {
	for v in 0.1.0 0.2.0; do
		ipam "$(jq -c --arg v $v '.cniVersion = $v' <<<"$CONF")" | jq -e '.ip4.ip == "10.1.0.5/24" and .ip6.gateway == "fd00:1::1"'
	done
	for v in 0.3.0 0.3.1 0.4.0; do
		ipam "$(jq -c --arg v $v '.cniVersion = $v' <<<"$CONF")" | jq -e '[.ips[].version] == ["4","6"]'
	done
	ipam "$(jq -c '.cniVersion = "1.0.0"' <<<"$CONF")" | jq -e '.ips[0].address == "10.1.0.5/24"'
}

@test "in bridge: the pod has them, CHECK agrees, DEL leaves the host as before" {
	ip link add cni0 type bridge
	before=$(snapshot | grep -v cni0)
	prev=$(with_prev "$CONF" "$(add bridge a "$CONF")")
	ip netns exec a ping -c1 -W10 -q 10.1.0.1
	ip netns exec a ping -c1 -W10 -q fd00:1::1
	[ "$(ip -n a route show 10.9.0.0/16)" = "10.9.0.0/16 via 10.1.0.7 dev eth0 " ]
	call CHECK bridge a /run/netns/a "$prev"
	call CHECK static a /run/netns/a "$prev"
	fails 105 "the configuration says 10.1.0.9" call CHECK static a /run/netns/a "$(jq -c '.ipam.addresses[0].gateway = "10.1.0.9"' <<<"$prev")"
	del bridge a "$CONF"
	del bridge a "$CONF"
	diff <(echo "$before") <(snapshot | grep -v cni0)
}

@test "in ptp, and by no process of its own" {
	conf=$(jq -c '.type = "ptp" | del(.ipam.routes[2])' <<<"$CONF")
	command -v strace >/dev/null || skip "strace is not there"
	strace -f -o "$BATS_TEST_TMPDIR/trace" -e trace=execve env CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 \
		"$CNIBOX_BIN/ptp" <<<"$conf" >/dev/null
	[ "$(grep -c 'execve(.* = 0' "$BATS_TEST_TMPDIR/trace")" = 2 ]
	ip netns exec a ping -c1 -W10 -q 10.1.0.1
	del ptp a "$conf"
}

@test "CNI_ARGS: IP is added to the configuration's, with a length or SUBNET; GATEWAY goes where it belongs" {
	r=$(CNI_ARGS='IP=10.2.0.9/24,fd00:2::9/64;GATEWAY=10.2.0.1, fd00:2::1' ipam "$CONF")
	[ "$(addresses "$r")" = '["10.1.0.5/24","fd00:1::5/64","10.2.0.9/24","fd00:2::9/64"]' ]
	[ "$(jq -c '[.ips[].gateway]' <<<"$r")" = '["10.1.0.1","fd00:1::1","10.2.0.1","fd00:2::1"]' ]
	r=$(CNI_ARGS='IgnoreUnknown=1;IP=10.2.0.9;SUBNET=10.2.0.0/20;X=y' ipam "$CONF")
	[ "$(addresses "$r")" = '["10.1.0.5/24","fd00:1::5/64","10.2.0.9/20"]' ]
	[ "$(CNI_ARGS='GATEWAY=10.1.0.77' ipam "$CONF" | jq -r '.ips[0].gateway')" = 10.1.0.77 ]
}

@test "args.cni.ips and runtimeConfig.ips take the place of the configuration's, in this order" {
	conf=$(jq -c '.args.cni.ips = ["10.3.0.3/24"] | del(.ipam.routes[2])' <<<"$CONF")
	[ "$(addresses "$(CNI_ARGS=IP=10.2.0.9/24 ipam "$conf")")" = '["10.3.0.3/24"]' ]
	conf=$(jq -c '.runtimeConfig.ips = ["10.4.0.4/24","fd00:4::4/64"]' <<<"$conf")
	[ "$(addresses "$(ipam "$conf")")" = '["10.4.0.4/24","fd00:4::4/64"]' ]
	[ "$(addresses "$(add bridge a "$conf")")" = '["10.4.0.4/24","fd00:4::4/64"]' ]
	[ "$(addresses "$(ipam "$(jq -c '.runtimeConfig.ips = []' <<<"$CONF")")")" = '["10.1.0.5/24","fd00:1::5/64"]' ]
}

@test "what is wrong is named, and nothing changes; DEL, GC and STATUS go on" {
	wrong() { jq -c "$1" <<<"$CONF"; }
	unchanged fails 7 'ipam.addresses[0].address' ipam "$(wrong '.ipam.addresses[0].address = "10.1.0.5"')"
	unchanged fails 7 'ipam.addresses[0].address' ipam "$(wrong 'del(.ipam.addresses[0].address)')"
	unchanged fails 7 'ipam.addresses[1].address: 10.1.0.5 is there twice' ipam "$(wrong '.ipam.addresses[1].address = "10.1.0.5/16" | del(.ipam.addresses[1].gateway)')"
	unchanged fails 7 'of two families' ipam "$(wrong '.ipam.addresses[0].gateway = "fd00::1"')"
	unchanged fails 7 'ipam.addresses[0].gateway' ipam "$(wrong '.ipam.addresses[0].gateway = "x"')"
	unchanged fails 7 'ipam.routes[0]' ipam "$(wrong '.ipam.routes = [7]')"
	unchanged fails 7 'ipam.dns.nameservers' ipam "$(wrong '.ipam.dns.nameservers = "10.1.0.1"')"
	unchanged fails 7 'cniVersion 0.2.0 has no more than one address' ipam "$(wrong '.cniVersion = "0.2.0" | .ipam.addresses += [{"address":"10.2.0.2/24"}]')"
	unchanged fails 7 'runtimeConfig.ips[0]: "10.4.0" is no IP address' ipam "$(wrong '.runtimeConfig.ips = ["10.4.0"]')"
	unchanged fails 7 'runtimeConfig.ips[0]' ipam "$(wrong '.runtimeConfig.ips = ["10.4.0.4"]')"
	CNI_ARGS=IP=10.2.0.9 unchanged fails 4 'IP=10.2.0.9: static needs an address with its length' ipam "$CONF"
	CNI_ARGS='IP=10.2.0.9;SUBNET=10.3.0.0/24' unchanged fails 4 'SUBNET' ipam "$CONF"
	CNI_ARGS='IP=10.2.0.9/24;GATEWAY=x' unchanged fails 4 'GATEWAY=x' ipam "$CONF"
	CNI_ARGS='IP=10.2.0.9/24,x' unchanged fails 4 'is no IP address' ipam "$CONF"
	unchanged fails 7 'ipam: missing' ipam "$(wrong 'del(.ipam)')"
	unchanged fails 7 'gave no address' add bridge a "$(wrong '.ipam.addresses = []')"
	conf=$(wrong '.ipam.addresses = 7')
	call DEL static a "" "$conf"
	CNI_COMMAND=STATUS "$CNIBOX_BIN/static" <<<"$conf"
	CNI_COMMAND=GC "$CNIBOX_BIN/static" <<<"$(jq -c '."cni.dev/valid-attachments" = []' <<<"$conf")"
}
