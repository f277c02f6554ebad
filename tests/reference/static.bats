#!/usr/bin/env bats
# static through the reference's plugins and through ours, alone and in bridge and ptp.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load helpers

conf() {
	echo '{"cniVersion":"1.0.0","name":"net1","type":"bridge","isGateway":true,"ipam":{"type":"static",
		"addresses":[{"address":"10.1.0.5/24","gateway":"10.1.0.1"}],"routes":[{"dst":"0.0.0.0/0"}]}}' | jq -c "$1"
}

# alone CONFIG [CNI_ARGS]: the results of static by itself.
alone() {
	local theirs ours
	theirs=$(CNI_ARGS=${2:-} CNIBOX_BIN=$REFERENCE call ADD static p /run/netns/none "$1")
	ours=$(CNI_ARGS=${2:-} call ADD static p /run/netns/none "$1")
	diff <(normal "$theirs") <(normal "$ours")
}

@test "bridge with static: one family, both, dns" {
	same bridge "$(conf .)"
	same bridge "$(conf '.ipam.addresses += [{"address":"fd00:1::5/64","gateway":"fd00:1::1"}] | .ipam.routes += [{"dst":"::/0"}]')"
}

@test "ptp with static; dns of the configuration comes through, of ipam in ours also by bridge" {
	same ptp "$(conf '.type = "ptp" | del(.isGateway) | .ipam.dns = {"nameservers":["10.1.0.1"],"domain":"a","search":["a","b"],"options":["x"]}')"
	different "bridge: dns of the ipam object" "the reference's bridge drops what its IPAM plugin says of DNS; ours passes it on, as both do in ptp"
	same ptp "$(conf '.type = "ptp" | del(.isGateway)')"
}

@test "every older version's result" {
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0; do
		alone "$(conf ".cniVersion = \"$v\"")"
	done
}

@test "what the caller asks for: CNI_ARGS, args.cni, runtimeConfig" {
	alone "$(conf .)" 'IP=10.2.0.9/24'
	alone "$(conf .)" 'IP=10.2.0.9/24,fd00:2::9/64;GATEWAY=10.2.0.1,fd00:2::1'
	alone "$(conf '.args.cni.ips = ["10.3.0.3/24"]')" 'IP=10.2.0.9/24'
	alone "$(conf '.args.cni.ips = ["10.3.0.3/24"] | .runtimeConfig.ips = ["10.4.0.4/24"]')"
}

@test "both refuse what is no address; ours also what would fail later" {
	for change in '.ipam.addresses[0].address = "10.1.0.5"' '.ipam.addresses[0].gateway = "x"' 'del(.ipam)' '.runtimeConfig.ips = ["10.4.0.4"]'; do
		run ! env CNIBOX_BIN="$REFERENCE" bash -c 'CNI_COMMAND=ADD CNI_CONTAINERID=p CNI_NETNS=/x CNI_IFNAME=eth0 "$CNIBOX_BIN/static" <<<"$0"' "$(conf "$change")"
		fails 7 "" call ADD static p /x "$(conf "$change")"
	done
	different "static: one address twice" "the kernel refuses it when the interface is made already; ours says so first, with the key"
	fails 7 "is there twice" call ADD static p /x "$(conf '.ipam.addresses += .ipam.addresses')"
	different "static: CNI_ARGS GATEWAY" "it goes to the configuration's addresses, too, where it is in their subnet"
	CNI_ARGS='GATEWAY=10.1.0.77' call ADD static p /x "$(conf .)" | jq -e '.ips[0].gateway == "10.1.0.77"'
	different "static: CNI_ARGS SUBNET" "an IP without its length takes SUBNET's; the reference reads no SUBNET"
	CNI_ARGS='IP=10.2.0.9;SUBNET=10.2.0.0/24' call ADD static p /x "$(conf .)" | jq -e '.ips[1].address == "10.2.0.9/24"'
}
