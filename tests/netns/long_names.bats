#!/usr/bin/env bats
# The specification limits the length of no name: networks and containers with long ones live and die as others do.
bats_require_minimum_version 1.5.0
load helpers

name() { printf "$1%.0s" $(seq "$2"); }	# LETTER LENGTH
NET=$(name n 300)
IDS=("$(name i 200)" "$(name i 300)" "$(name i 301)")
CONF='{"cniVersion":"1.1.0","name":"'$NET'","type":"bridge","bridge":"br1","isGateway":true,"ipMasq":true,"ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}'
LOCAL='{"cniVersion":"1.1.0","name":"'$NET'","type":"host-local","ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}'
BASH_CNI='{"cniVersion":"1.1.0","name":"'$NET'","type":"bash-cni","network":"10.244.0.0/16","subnet":"10.244.0.0/24"}'

setup() {
	for p in 0 1 2; do pod "p$p"; done
}

teardown() {
	ip -all netns del
	for link in $(ip -j link show type veth | jq -r '.[].ifname') br1 cni0; do ip link del "$link" 2>/dev/null || true; done
	find /run/netns -type l -delete
	rm -rf /var/lib/cni/* /run/cnibox /var/log/*
	nft flush ruleset
}

# on COMMAND PLUGIN N CONFIG: of the Nth container in the Nth pod.
on() { call "$1" "$2" "${IDS[$3]}" "/run/netns/p$3" "$4"; }

# gc PLUGIN CONFIG [N...]: these are valid.
gc() {
	local plugin=$1 conf=$2 valid='[]'
	shift 2
	for n; do valid=$(jq -c --arg id "${IDS[$n]}" '. + [{containerID: $id, ifname: "eth0"}]' <<<"$valid"); done
	call GC "$plugin" "" "" "$(jq -c --argjson v "$valid" '."cni.dev/valid-attachments" = $v' <<<"$conf")"
}

# Of the three containers, the ids of two of which begin alike, GC takes the one that is not valid.
life() {	# PLUGIN CONFIG
	local r=() n
	for n in 0 1 2; do
		r[n]=$(on ADD "$1" "$n" "$2")
		on CHECK "$1" "$n" "$(with_prev "$2" "${r[n]}")"
	done
	fails 101 "already" on ADD "$1" 1 "$2"
	[ "${#output}" -lt 700 ]
	unchanged gc "$1" "$2" 0 1 2
	gc "$1" "$2" 0 1
	for n in 0 1; do on CHECK "$1" "$n" "$(with_prev "$2" "${r[n]}")"; done
	fails_to on CHECK "$1" 2 "$(with_prev "$2" "${r[2]}")"
	gc "$1" "$2" 1
	on CHECK "$1" 1 "$(with_prev "$2" "${r[1]}")"
	fails_to on CHECK "$1" 0 "$(with_prev "$2" "${r[0]}")"
	on DEL "$1" 1 "$2"
	on DEL "$1" 1 "$2"
	# What GC took leaves nothing for DEL but the namespace's name, which the namespace keeps.
	[ "$1" != bash-cni ] || { on DEL "$1" 0 "$2"; on DEL "$1" 2 "$2"; }
}

# The bridge stays behind any plugin.
with_bridge() { on ADD "$1" 0 "$2" >/dev/null; on DEL "$1" 0 "$2"; }

@test "bridge with ipMasq: ADD, CHECK, GC, DEL" {
	with_bridge bridge "$CONF"
	unchanged life bridge "$CONF"
}

@test "bridge without IPAM: GC knows its own by their aliases" {
	conf=$(jq -c 'del(.ipam, .ipMasq, .isGateway)' <<<"$CONF")
	with_bridge bridge "$conf"
	unchanged life bridge "$conf"
}

@test "host-local alone: ADD, CHECK, GC, DEL" {
	unchanged life host-local "$LOCAL"
}

@test "bash-cni: ADD, CHECK, GC, DEL, and the namespaces' names" {
	with_bridge bash-cni "$BASH_CNI"
	unchanged life bash-cni "$BASH_CNI"
	on ADD bash-cni 0 "$BASH_CNI"
	on ADD bash-cni 1 "$BASH_CNI"
	[ "$(readlink "/run/netns/${IDS[0]}")" = /run/netns/p0 ]
	[ "$(find /run/netns -type l -name 'i*~*' -printf '%l')" = /run/netns/p1 ]
	on DEL bash-cni 0 "$BASH_CNI"
	on DEL bash-cni 1 "$BASH_CNI"
}

@test "bash-cni: the name of a namespace stays until the last of a container's interfaces goes" {
	for n in 0 1; do
		on ADD bash-cni $n "$BASH_CNI"
		call ADD bash-cni "${IDS[$n]}" /run/netns/p$n "$BASH_CNI" eth1
		on DEL bash-cni $n "$BASH_CNI"
		[ "$(find /run/netns -type l -printf '%l')" = /run/netns/p$n ]
		call DEL bash-cni "${IDS[$n]}" /run/netns/p$n "$BASH_CNI" eth1
		[ -z "$(find /run/netns -type l)" ]
	done
}

@test "cnitool: add, check, gc, del" {
	export NETCONFPATH=$BATS_TEST_TMPDIR
	jq --arg name "$NET" '{cniVersion: .cniVersion, name: $name, plugins: [del(.name, .cniVersion)]}' <<<"$CONF" >"$NETCONFPATH/n.conflist"
	tool() { "$CNIBOX_BIN/../cnibox" cnitool "$@"; }
	with_bridge bridge "$CONF"
	turn() {
		tool add "$NET" /run/netns/p0
		[ "$(find /var/lib/cni/results -type f | wc -l)" = 1 ]
		tool check "$NET" /run/netns/p0
		tool del "$NET" /run/netns/p0
		fails_to ip -n p0 link show eth0
		tool add "$NET" /run/netns/p0
		tool gc "$NET"
		fails_to ip -n p0 link show eth0
	}
	unchanged turn
}

@test "a directory of leases has the network's name when a file can have it, a lease the container's" {
	conf=$(jq -c --arg n "$(name n 255)" '.name = $n' <<<"$LOCAL")
	on ADD host-local 0 "$conf"
	[ "$(cat "/var/lib/cni/networks/$(name n 255)/10.1.0.2")" = "${IDS[0]}"$'\r\neth0' ]
	on ADD host-local 1 "$LOCAL"
	grep -qE "^i{133}~[0-9a-f]{16}"$'\r' "/var/lib/cni/networks/$(name n 63)"~*/10.1.0.2
}

@test "networks whose names begin alike have nothing in common" {
	other=$(jq -c --arg n "${NET}m" '.name = $n' <<<"$CONF")
	on ADD bridge 1 "$CONF"
	on ADD bridge 2 "$other"
	gc bridge "$CONF"
	ip -n p2 link show eth0
	fails_to ip -n p1 link show eth0
	on DEL bridge 2 "$other"
}

@test "no name is longer than a page, and no error is" {
	fails 7 "at most 4096" call ADD bridge c /run/netns/p0 "$(jq -c --arg n "$(name n 4097)" '.name = $n' <<<"$CONF")"
	fails 4 "at most 4096" call ADD bridge "$(name i 4097)" /run/netns/p0 "$CONF"
	[ "${#output}" -lt 700 ]
	call ADD bridge "$(name i 4096)" /run/netns/p0 "$(jq -c --arg n "$(name n 4096)" '.name = $n' <<<"$CONF")"
	call DEL bridge "$(name i 4096)" /run/netns/p0 "$(jq -c --arg n "$(name n 4096)" '.name = $n' <<<"$CONF")"
}
