#!/usr/bin/env bats
# flannel: bridge, or another plugin, with the subnet that flannel's daemon has written down.
bats_require_minimum_version 1.5.0
load helpers

CONF='{"cniVersion":"1.0.0","name":"cbr0","type":"flannel","delegate":{"hairpinMode":true,"forceAddress":true,"isDefaultGateway":true}}'

setup() {
	pod a
	pod b
	mkdir -p /run/flannel
	printf 'FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n' >/run/flannel/subnet.env
}

teardown() {
	for ns in $(ip netns list | cut -d' ' -f1); do
		del flannel "$ns" "$CONF" >/dev/null 2>&1 || true
		ip netns del "$ns"
	done
	for l in cni0 cni9; do ip link del $l 2>/dev/null || true; done
	rm -rf /var/lib/cni/* /run/cnibox /run/flannel /tmp/fl
	nft flush ruleset
}

conf() { jq -c "$1" <<<"$CONF"; }
kept() { jq -c "$1" /var/lib/cni/flannel/a; }

@test "two pods reach each other; the network goes by the gateway; CHECK, DEL, DEL without the subnet file" {
	r=$(add flannel a "$CONF")
	rb=$(add flannel b "$CONF")
	[ "$(jq -r '.ips[0].address' <<<"$r")" = 10.42.3.2/24 ]
	[ "$(jq -c '[.interfaces[].name | sub("veth.*"; "veth")]' <<<"$r")" = '["cni0","veth","eth0"]' ]
	[ "$(ip -n a -j link show eth0 | jq '.[0].mtu')" = 1450 ]
	ip netns exec a ping -c1 -W10 -q "$(address "$rb")"
	[ "$(ip -n a route show 10.42.0.0/16 | sed 's/ *$//')" = "10.42.0.0/16 via 10.42.3.1 dev eth0" ]
	[ "$(ip -n a route show default | sed 's/ *$//')" = "default via 10.42.3.1 dev eth0" ]
	[ -z "$(nft list ruleset | grep masquerade)" ]
	[ "$(kept '[.name, .type, .ipMasq, .mtu, .isGateway, .ipam]')" = '["cbr0","bridge",false,1450,true,{"type":"host-local","ranges":[[{"subnet":"10.42.3.0/24"}]],"routes":[{"dst":"10.42.0.0/16"}]}]' ]
	rm /run/flannel/subnet.env
	call CHECK flannel a /run/netns/a "$(with_prev "$CONF" "$r")"
	ip -n a addr del 10.42.3.2/24 dev eth0
	fails 105 "has lost its address" call CHECK flannel a /run/netns/a "$(with_prev "$CONF" "$r")"
	del flannel a "$CONF"
	[ ! -e /var/lib/cni/flannel/a ]
	[ ! -e /var/lib/cni/networks/cbr0/10.42.3.2 ]
	del flannel a "$CONF"
	call DEL flannel b "" "$CONF"
	[ -z "$(ip -o link show type veth)" ]
}

@test "DEL when what was kept is lost, too; of the configuration nothing is left but names" {
	add flannel a "$CONF" >/dev/null
	rm -r /run/flannel /var/lib/cni/flannel
	call DEL flannel a "" "$(conf '.delegate = 7 | .ipam = []')"
	[ -z "$(ip -o link show type veth)" ]
	[ ! -e /var/lib/cni/networks/cbr0/10.42.3.2 ]
}

@test "dual stack, masquerade, keys of the delegate and of ipam" {
	printf 'FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\nFLANNEL_IPV6_NETWORK=fd00:42::/48\nFLANNEL_IPV6_SUBNET=fd00:42:0:3::1/64\nFLANNEL_MTU=1420\nFLANNEL_IPMASQ=false\n' >/run/flannel/subnet.env
	c=$(conf '.delegate.bridge = "cni9" | .delegate.mtu = 1400 | .ipam = {"routes":[{"dst":"192.0.2.0/24"}]}')
	r=$(add flannel a "$c")
	[ "$(jq -c '[.ips[].address]' <<<"$r")" = '["10.42.3.2/24","fd00:42:0:3::2/64"]' ]
	[ "$(jq -c '[.routes[].dst] | .[:3]' <<<"$r")" = '["192.0.2.0/24","10.42.0.0/16","fd00:42::/48"]' ]
	[ "$(ip -n a -j link show eth0 | jq '.[0].mtu')" = 1400 ]
	[ "$(kept .ipMasq)" = true ]
	nft list ruleset | grep -q masquerade
	ip netns exec a ping -c1 -W10 -q fd00:42:0:3::1
	ip link show cni9
	del flannel a "$c"
}

@test "another delegate, in-process; runtimeConfig; dataDir and subnetFile" {
	mkdir -p /tmp/fl
	mv /run/flannel/subnet.env /tmp/fl/env
	c=$(conf '.cniVersion = "0.3.1" | .delegate = {"type":"ptp"} | .subnetFile = "/tmp/fl/env" | .dataDir = "/tmp/fl/data" | .runtimeConfig.ips = ["10.42.3.77"]')
	r=$(add flannel a "$c")
	[ "$(jq -c '[.cniVersion, .ips[0].address, .ips[0].version]' <<<"$r")" = '["0.3.1","10.42.3.77/24","4"]' ]
	[ "$(jq -r .type /tmp/fl/data/a)" = ptp ]
	ip netns exec a ping -c1 -W10 -q 10.42.3.1
	del flannel a "$c"
	[ -z "$(ip -o link show type veth)" ]
}

@test "a delegate that is not ours is called by the protocol, with DEL what ADD was called with" {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	cp -P "$CNIBOX_BIN"/* "$BATS_TEST_TMPDIR/bin/"
	printf '#!/bin/sh\ncat >"%s/$CNI_COMMAND"\n[ "$CNI_COMMAND" != ADD ] || echo "{\\"cniVersion\\":\\"1.0.0\\",\\"ips\\":[{\\"address\\":\\"10.42.3.9/24\\"}]}"\n' "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/bin/theirs"
	chmod +x "$BATS_TEST_TMPDIR/bin/theirs"
	export CNI_PATH=$BATS_TEST_TMPDIR/bin
	c=$(conf '.delegate = {"type":"theirs","x":[1]}')
	[ "$(add flannel a "$c" | jq -r '.ips[0].address')" = 10.42.3.9/24 ]
	[ "$(jq -c '[.type, .x, .ipam.ranges]' "$BATS_TEST_TMPDIR/ADD")" = '["theirs",[1],[[{"subnet":"10.42.3.0/24"}]]]' ]
	[ "$(jq -cS . /var/lib/cni/flannel/a)" = "$(jq -cS . "$BATS_TEST_TMPDIR/ADD")" ]
	rm /run/flannel/subnet.env
	del flannel a "$c"
	[ "$(jq -c .x "$BATS_TEST_TMPDIR/DEL")" = '[1]' ]
	[ ! -e /var/lib/cni/flannel/a ]
	del flannel a "$c"
}

@test "GC: the delegate's, and what is kept; STATUS" {
	add flannel a "$CONF" >/dev/null
	add flannel b "$CONF" >/dev/null
	CNI_COMMAND=STATUS "$CNIBOX_BIN/flannel" <<<"$(conf '.cniVersion = "1.1.0"')"
	CNI_COMMAND=GC "$CNIBOX_BIN/flannel" <<<"$(conf '.cniVersion = "1.1.0" | ."cni.dev/valid-attachments" = [{"containerID":"b","ifname":"eth0"}]')"
	[ "$(ls /var/lib/cni/flannel)" = b ]
	[ "$(ip -o link show type veth | wc -l)" = 1 ]
	rm /run/flannel/subnet.env
	fails 50 "subnetFile" env CNI_COMMAND=STATUS "$CNIBOX_BIN/flannel" <<<"$(conf '.cniVersion = "1.1.0"')"
	CNI_COMMAND=GC "$CNIBOX_BIN/flannel" <<<"$(conf '.cniVersion = "1.1.0" | ."cni.dev/valid-attachments" = []')"
	[ -z "$(ip -o link show type veth)" ]
	[ -z "$(ls /var/lib/cni/flannel)" ]
}

@test "an ADD that fails leaves nothing" {
	unchanged fails 7 "delegate.name" add flannel a "$(conf '.delegate.name = "x"')"
	unchanged fails 7 "delegate.ipam" add flannel a "$(conf '.delegate.ipam = {}')"
	unchanged fails 7 "delegate.type: expected a string" add flannel a "$(conf '.delegate.type = 7')"
	unchanged fails 7 "flannel cannot call itself" add flannel a "$(conf '.delegate.type = "flannel"')"
	unchanged fails 7 "delegate: expected an object" add flannel a "$(conf '.delegate = []')"
	unchanged fails 7 'plugin "none"' add flannel a "$(conf '.delegate.type = "none"')"
	unchanged fails 7 "mtu" add flannel a "$(conf '.delegate.mtu = 5')"
	unchanged fails 2 "runtimeConfig.portMappings" add flannel a "$(conf '.runtimeConfig.portMappings = [{"hostPort":80}]')"
	ip -n a link add eth0 type veth
	unchanged fails 101 "eth0" add flannel a "$CONF"
	sed -i /MTU/d /run/flannel/subnet.env
	unchanged fails 11 "FLANNEL_MTU is missing" add flannel b "$CONF"
	echo FLANNEL_MTU=x >>/run/flannel/subnet.env
	unchanged fails 7 "FLANNEL_MTU=x" add flannel b "$CONF"
	rm /run/flannel/subnet.env
	unchanged fails 11 "/run/flannel/subnet.env" add flannel b "$CONF"
	[ -z "$(ls /var/lib/cni/flannel 2>/dev/null)" ]
}

# As k3s, Talos, kube-flannel and microk8s ship it: what their lists ask of flannel.
@test "the lists of the field" {
	for c in "$(conf .)" "$(conf 'del(.delegate.forceAddress)')" "$(conf 'del(.delegate.forceAddress) | .cniVersion = "0.3.1"')" \
		"$(conf '.name = "microk8s-flannel-network" | del(.cniVersion, .delegate.forceAddress)')"; do
		add flannel a "$c" >/dev/null
		rb=$(add flannel b "$c")
		ip netns exec a ping -c1 -W10 -q "$(jq -r '(.ips[0].address // .ip4.ip)' <<<"$rb" | cut -d/ -f1)"
		[ "$(cat /sys/class/net/cni0/brif/*/hairpin_mode | sort -u)" = 1 ]
		for p in a b; do del flannel $p "$c"; done
	done
}
