#!/usr/bin/env bats
# macspoofchk of bridge: frames with a forged source MAC do not leave the pod, and what the check leaves behind.
bats_require_minimum_version 1.5.0
load helpers

NET='{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"br1","isDefaultGateway":true,"macspoofchk":true,"ipam":{"type":"host-local",
"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}}'

setup() {
	pod a
	pod b
}

teardown() {
	clean
}

reaches() { ip netns exec "$1" ping -c1 -W"${3:-10}" -q "$2" >&2; }
stopped() { fails_to reaches "$@" 1; }
macs() { nft -j list set bridge cnibox_macs macs | jq '[.nftables[].set.elem // empty | .[]] | length'; }

# forge POD: another MAC than it was given, and back.
forge() { ip -n "$1" link set eth0 address 02:00:00:00:00:99; }
honest() { ip -n "$1" link set eth0 address "$(jq -r '.interfaces[] | select(.sandbox) | .mac' <<<"$2")"; }

@test "a pod reaches others with its own MAC only; one that is not checked may have any" {
	ra=$(add bridge a "$NET")
	rb=$(add bridge b "$(jq -c 'del(.macspoofchk)' <<<"$NET")")
	reaches a "$(address "$rb")"
	reaches a 10.1.0.1
	reaches a fd00:1::1
	[ "$(macs)" = 1 ]
	forge a
	stopped a "$(address "$rb")"
	stopped a 10.1.0.1
	stopped a fd00:1::1
	honest a "$ra"
	reaches a 10.1.0.1
	forge b
	reaches b 10.1.0.1
}

@test "DEL, GC and a failed ADD leave nothing; another pod keeps its check" {
	ra=$(add bridge a "$NET")
	rb=$(add bridge b "$NET")
	[ "$(macs)" = 2 ]
	del bridge a "$(jq -c '.macspoofchk = false' <<<"$NET")"
	[ "$(macs)" = 1 ]
	forge b
	stopped b 10.1.0.1
	CNI_COMMAND=GC CNI_PATH=$CNIBOX_BIN "$CNIBOX_BIN/bridge" <<<"$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$NET")"
	[ -z "$(nft list ruleset)" ]
	[ "$(find /run/cnibox/fw -name 'spoof.*' | wc -l)" = 0 ]
	unchanged fails 100 route add bridge a "$(jq -c '.ipam.routes = [{"dst":"192.0.2.0/24","gw":"198.51.100.1"}]' <<<"$NET")"
	[ -z "$(nft list ruleset)" ]
}

@test "the check comes before the pod's first frame, with a MAC that was asked for" {
	r=$(add bridge a "$(jq -c '.mac = "02:00:00:00:00:07"' <<<"$NET")")
	nft list set bridge cnibox_macs macs | grep -q '02:00:00:00:00:07'
	reaches a 10.1.0.1
	call CHECK bridge a /run/netns/a "$(with_prev "$(jq -c '.mac = "02:00:00:00:00:07"' <<<"$NET")" "$r")"
}

@test "CHECK notices what is gone, the next ADD puts it back for all" {
	ra=$(add bridge a "$NET")
	call CHECK bridge a /run/netns/a "$(with_prev "$NET" "$ra")"
	nft flush ruleset
	fails 105 cnibox_macs call CHECK bridge a /run/netns/a "$(with_prev "$NET" "$ra")"
	add bridge b "$NET" >/dev/null
	[ "$(macs)" = 2 ]
	call CHECK bridge a /run/netns/a "$(with_prev "$NET" "$ra")"
	forge a
	stopped a 10.1.0.1
}

@test "CHECK notices that the host end was renamed: frames are compared by its name" {
	r=$(add bridge a "$NET")
	call CHECK bridge a /run/netns/a "$(with_prev "$NET" "$r")"
	ip link set "$(jq -r '.interfaces[1].name' <<<"$r")" name renamed0
	fails 105 "cnibox_macs" call CHECK bridge a /run/netns/a "$(with_prev "$NET" "$r")"
	del bridge a "$NET"
	fails_to ip link show renamed0
}
