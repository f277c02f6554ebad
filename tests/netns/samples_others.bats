#!/usr/bin/env bats
# Lists of real systems, each as a whole: two pods, and what the list promises. flannel's, those in which only portmap is ours, and single scripts.
bats_require_minimum_version 1.5.0
load helpers
load portmap_helpers
load samples_helpers

# subnet FILE: as flanneld writes it.
subnet() {
	mkdir -p "${1%/*}"
	printf 'FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n' >"$1"
}

@test "k3s: flannel, portmap, bandwidth as the runtime asks" {
	subnet /run/flannel/subnet.env
	list '{"name":"cbr0","cniVersion":"1.0.0","plugins":[{"type":"flannel","delegate":{"hairpinMode":true,"forceAddress":true,"isDefaultGateway":true}},
		{"type":"portmap","capabilities":{"portMappings":true}},{"type":"bandwidth","capabilities":{"bandwidth":true}}]}'
	ports 8080:80
	if ip link add ifb9 type ifb 2>/dev/null; then
		ip link del ifb9
		CAP_ARGS=$(jq -c '.bandwidth = {ingressRate: 8000000, ingressBurst: 4294967295, egressRate: 8000000, egressBurst: 800000}' <<<"$CAP_ARGS")
	fi
	two_pods
	published 8080 80
	[ "$(ip -n a -j link show eth0 | jq '.[0].mtu')" = 1450 ]
	[ "$(cat /sys/class/net/cni0/brif/*/hairpin_mode | sort -u)" = 1 ]
	[[ $CAP_ARGS != *bandwidth* ]] || [ "$(tc qdisc show | grep -c tbf)" = 2 ]
	all_gone
	[ -z "$(ip -o link show type ifb 2>/dev/null)" ]
}

@test "flannel's own and Talos': delegates with and without a gateway's keys" {
	subnet /run/flannel/subnet.env
	for version in 0.3.1 1.0.0; do
		list '{"name":"cbr0","cniVersion":"'$version'","plugins":[{"type":"flannel","delegate":{"hairpinMode":true,"isDefaultGateway":true}},
			{"type":"portmap","capabilities":{"portMappings":true}}]}'
		ports 8080:80
		two_pods
		published 8080 80
		ip -n a route show default | grep -q 'via 10.42.3.1'
		all_gone
		pod b
	done
}

@test "microk8s: no cniVersion, and its files in places of its own" {
	subnet /run/flannel/subnet.env
	list '{"name":"microk8s-flannel-network","plugins":[{"type":"flannel","delegate":{"hairpinMode":true,"isDefaultGateway":true}},
		{"type":"portmap","capabilities":{"portMappings":true},"snat":true}]}'
	ports 8080:80
	two_pods
	[ "$(jq -r .ip4.ip <<<"$A")" = 10.42.3.2/24 ]
	published 8080 80
	all_gone
	pod b
	rm -r /run/flannel
	subnet /run/snap/flannel/subnet.env
	list '{"name":"microk8s-flannel-network","cniVersion":"0.3.1","plugins":[{"type":"flannel","name":"flannel-plugin","subnetFile":"/run/snap/flannel/subnet.env","dataDir":"/run/snap/cni/flannel",
		"delegate":{"hairpinMode":true,"isDefaultGateway":true}},{"type":"portmap","capabilities":{"portMappings":true},"snat":true}]}'
	two_pods
	[ "$(find /run/snap/cni/flannel -type f | wc -l)" = 2 ]
	published 8080 80
	all_gone
	[ -z "$(find /run/snap/cni/flannel -type f)" ]
}

# of_others NAME: a plugin that is not ours and makes the pod's interface; it hands on to ptp.
of_others() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\njq -c %s | exec %s/ptp\n' "'.type = \"ptp\" | .ipam = {type: \"host-local\", subnet: \"10.77.0.0/24\", routes: [{dst: \"0.0.0.0/0\"}]} | .mtu = 1500'" \
		"$CNIBOX_BIN" >"$BATS_TEST_TMPDIR/bin/$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/$1"
	export CNI_PATH=$CNIBOX_BIN:$BATS_TEST_TMPDIR/bin
}

@test "AWS and Azure: only portmap is ours, behind a plugin of others" {
	for list in '{"cniVersion":"0.3.1","name":"aws-cni","plugins":[{"name":"aws-cni","type":"aws-cni","vethPrefix":"eni","mtu":"9001"},
		{"type":"portmap","capabilities":{"portMappings":true},"snat":true}]}' \
		'{"cniVersion":"0.3.0","name":"azure","plugins":[{"type":"azure-vnet","mode":"bridge","bridge":"azure0","ipsToRouteViaHost":["169.254.20.10"],
		"ipam":{"type":"azure-vnet-ipam"},"networkMonitor":{"name":"azure-cnms"}},{"type":"portmap","capabilities":{"portMappings":true},"snat":true}]}'; do
		of_others "$(jq -r '.plugins[0].type' <<<"$list")"
		list "$list"
		ports 8080:80
		two_pods
		published 8080 80
		ask "" tcp 127.0.0.1 8080
		all_gone
		pod b
	done
}

@test "a plugin of others that is not there is named" {
	list '{"cniVersion":"0.4.0","name":"kindnet","plugins":[{"type":"cni-kindnet","ranges":["10.244.2.0/24"],"capabilities":{"portMappings":true}}]}'
	run attach a
	[ "$status" -ne 0 ]
	[[ $output == *cni-kindnet* ]]
}

@test "bash-cni and cni-from-scratch: all in one object" {
	list '{"cniVersion":"0.3.1","name":"mynet","type":"bash-cni","network":"10.244.0.0/16","subnet":"10.244.1.0/24"}'
	two_pods
	all_gone
	pod b
	ip link del cni0
	list '{"cniVersion":"0.3.1","name":"my-cni","type":"my-cni","podcidr":"10.244.2.0/24"}'
	two_pods
	all_gone
}
