#!/usr/bin/env bats
# Whose is it? What DEL and GC remove is the attachment's own, whatever it is called by now and whatever a pod says.
bats_require_minimum_version 1.5.0
load helpers

REFERENCE=$BATS_TEST_DIRNAME/../../build/third_party/containernetworking-plugins/usr/lib/cni
CONF='{"cniVersion":"1.0.0","name":"net1","type":"bridge","bridge":"br1","isDefaultGateway":true,"ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}'
GC() { call GC bridge "" "" "$(jq -c ".cniVersion = \"1.1.0\" | .\"cni.dev/valid-attachments\" = []" <<<"$1")"; }

setup() {
	pod a
	pod b
}

teardown() {
	clean
	rm -rf /run/cni
}

reference() {	# COMMAND POD CONFIG
	CNIBOX_BIN=$REFERENCE CNI_PATH=$REFERENCE call "$1" bridge "$2" "/run/netns/$2" "$3"
}

# host_end RESULT: the name of the host end.
host_end() { jq -r '.interfaces[] | select(.sandbox == null and (.name | startswith("veth"))) | .name' <<<"$1"; }

@test "DEL of a pod that forges the index and the peer of another pod's interface leaves that one alone" {
	[ -d "$REFERENCE" ]
	end=$(host_end "$(reference ADD a "$CONF")")
	add bridge b "$CONF"
	# The pod has CAP_NET_ADMIN in its own namespace.
	ip -n b link del eth0
	ip -n b link add eth0 index "$(cat "/sys/class/net/$end/iflink")" type veth peer name x index "$(cat "/sys/class/net/$end/ifindex")"
	del bridge b "$CONF"
	ip link show "$end"
	ip -n a link show eth0
}

@test "DEL of a pod that takes the MAC, the alias and the names of another's leaves that one alone" {
	r=$(add bridge a "$CONF")
	add bridge b "$CONF"
	ip -n b link del eth0
	ip -n b link add "$(host_end "$r")" type veth peer name eth0 address "$(jq -r '.interfaces[2].mac' <<<"$r")"
	ip -n b link set eth0 alias "cnibox net1 a eth0"
	del bridge b "$CONF"
	ip link show "$(host_end "$r")"
	ip -n a link show eth0
}

@test "DEL of an ADD that failed because another container has the interface takes nothing of that one" {
	[ -d "$REFERENCE" ]
	reference ADD a "$CONF"
	fails 101 "" call ADD bridge other /run/netns/a "$CONF"
	for plugin in bridge ptp; do
		call DEL $plugin other /run/netns/a "$CONF"
		ip -n a link show eth0
		[ "$(head -c 1 /var/lib/cni/networks/net1/10.1.0.2)" = a ]
	done
}

@test "DEL of a pod that the reference attached removes it, known by its lease or by prevResult" {
	[ -d "$REFERENCE" ]
	r=$(reference ADD a "$CONF")
	del bridge a "$CONF"
	fails_to ip link show "$(host_end "$r")"
	[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
	bare=$(jq -c 'del(.ipam, .isDefaultGateway)' <<<"$CONF")
	r=$(reference ADD a "$bare")
	del bridge a "$bare"
	ip link show "$(host_end "$r")"
	del bridge a "$(with_prev "$bare" "$r")"
	fails_to ip link show "$(host_end "$r")"
}

@test "a host end that was renamed is found by its alias: DEL, GC, and a full range keeps its lease" {
	small=$(jq -c '.cniVersion = "1.1.0" | .ipam.subnet = "10.1.0.0/30"' <<<"$CONF")
	end=$(host_end "$(add bridge a "$small")")
	ip link set "$end" name renamed0
	fails 102 "" add bridge b "$small"
	del bridge a "$small"
	fails_to ip link show renamed0
	end=$(host_end "$(add bridge a "$small")")
	ip link set "$end" name renamed0
	call GC bridge "" "" "$(jq -c '."cni.dev/valid-attachments" = []' <<<"$small")"
	fails_to ip link show renamed0
	[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
}

@test "a pod whose host end was renamed keeps its host port, and its masquerade comes back with all others'" {
	masq=$(jq -c '.cniVersion = "1.1.0" | .ipMasq = true' <<<"$CONF")
	port='{"cniVersion":"1.1.0","name":"net1","type":"portmap","runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80}]}}'
	r=$(add bridge a "$masq")
	add portmap a "$(with_prev "$port" "$r")" >/dev/null
	ip link set "$(host_end "$r")" name renamed0
	rb=$(add bridge b "$masq")
	fails 101 "net1/a/eth0 has it" add portmap b "$(with_prev "$port" "$rb")"
	nft flush ruleset
	pod c
	add bridge c "$masq" >/dev/null
	call CHECK bridge a /run/netns/a "$(with_prev "$masq" "$r")"
}

@test "a crowd of DELs takes the masquerade of host ends that were renamed" {
	masq=$(jq -c '.ipMasq = true' <<<"$CONF")
	for p in a b; do
		ip link set "$(host_end "$(add bridge $p "$masq")")" name "renamed$p"
	done
	del bridge a "$masq" & del bridge b "$masq"
	wait
	fails_to nft list table inet cnibox
	[ -z "$(ip -o link show type veth)" ]
}

@test "GC leaves an attachment alone whose lease is in another directory" {
	end=$(host_end "$(add bridge a "$CONF")")
	GC "$(jq -c '.ipam.dataDir = "/var/lib/cni/other"' <<<"$CONF")"
	ip link show "$end"
	GC "$CONF"
	fails_to ip link show "$end"
	[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
}

# chain FIRST-CONFIG PLUGIN...: pod a, by a list of them; those behind ask for what they can.
chain() {
	local r
	r=$(add "$(jq -r .type <<<"$1")" a "$1")
	for plugin in "${@:2}"; do add "$plugin" a "$(with_prev "$(behind_it "$plugin")" "$r")" >/dev/null; done
}

behind_it() {
	jq -cn --arg t "$1" '{cniVersion: "1.1.0", name: "net1", type: $t, mtu: 1400, hostInterface: "w0", ingressRate: 1000000, ingressBurst: 100000, egressRate: 1000000,
		egressBurst: 100000, runtimeConfig: ({portMappings: [{hostPort: 8080, containerPort: 80}]} | if $t == "portmap" then . else {} end)}'
}

# gc_list CONFIG PLUGIN...: as a runtime, for which nothing is valid.
gc_list() {
	local conf
	for conf in "$1" $(for plugin in "${@:2}"; do behind_it "$plugin"; done); do
		call GC "$(jq -r .type <<<"$conf")" "" "" "$(jq -c '.cniVersion = "1.1.0" | del(.runtimeConfig) | ."cni.dev/valid-attachments" = []' <<<"$conf")"
	done
}

everything() { snapshot; find /run/cni/tuning -type f 2>/dev/null || true; }

@test "GC of plugins behind another spares what that one spares: pods of another runtime's network of the same name" {
	ip link add w0 type veth peer name w1
	ip link set w0 up
	ip addr add 10.9.0.254/24 dev w0
	fw_chain='add table inet f; add chain inet f forward { type filter hook forward priority 0; policy drop; }'
	lists=("bridge portmap firewall tuning bandwidth" "ptp portmap firewall tuning")
	if ip link add link w0 name probe0 type macvlan 2>/dev/null; then
		ip link del probe0
		lists+=("macvlan veth-host portmap firewall tuning")
	fi
	ip link add d0 type veth peer name d1
	lists+=("host-device portmap firewall tuning")
	for list in "${lists[@]}"; do
		read -ra plugins <<<"$list"
		# Without ifb in the kernel there is no bandwidth.
		! [[ $list == *bandwidth ]] || { ip link add probe0 type ifb 2>/dev/null && ip link del probe0; } || unset 'plugins[-1]'
		conf=$(jq -c --arg t "${plugins[0]}" '.type = $t | .master = "w0" | .device = "d0" | .ipam.subnet = "10.9.0.0/24" | del(.isDefaultGateway)' <<<"$CONF")
		nft -f - <<<"$fw_chain"
		before=$(everything)
		chain "$conf" "${plugins[@]:1}"
		made=$(everything)
		gc_list "$(jq -c '.ipam.dataDir = "/var/lib/cni/other"' <<<"$conf")" "${plugins[@]:1}"
		diff <(echo "$made") <(everything)
		gc_list "$conf" "${plugins[@]:1}"
		diff <(echo "$before" | grep -v br1) <(everything | grep -v br1)
		nft flush ruleset
	done
}

# start_add POD CONFIG: an ADD in the background, to be killed by $pid.
start_add() {
	(
		export CNI_COMMAND=ADD CNI_CONTAINERID=$1 CNI_NETNS=/run/netns/$1 CNI_IFNAME=eth0
		exec "$CNIBOX_BIN/bridge" <<<"$2"
	) >&7 3>&- &
	pid=$!
}

# spared CONFIG: GC leaves the ADD of pod a alone while it lives, takes what has ended, and the ADD's when it is killed.
spared() {
	local end
	end=$(ip -j link show type veth | jq -r '.[] | select(.ifalias == "cnibox net1 a eth0") | .ifname')
	GC "$1"
	ip link show "$end"
	ip -n a link show eth0
	kill -9 "$pid"
	wait "$pid" || true
	GC "$1"
	fails_to ip link show "$end"
}

@test "GC takes nothing of an ADD that has a lease and has not ended" {
	mkfifo "$BATS_TEST_TMPDIR/out"
	exec 7<>"$BATS_TEST_TMPDIR/out"
	dd if=/dev/zero bs=4096 oflag=nonblock >&7 2>/dev/null || true	# nobody reads: the result cannot be written
	end=$(host_end "$(add bridge b "$CONF")")
	start_add a "$CONF"
	until ip -n a route | grep -q default; do kill -0 "$pid"; done
	spared "$CONF"
	fails_to ip link show "$end"
}

@test "GC takes nothing of an ADD that waits for an IPAM plugin of another's" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	exec 7>/dev/null 8<>"$BATS_TEST_TMPDIR/go"
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/slow" <<-EOF
		#!/bin/bash
		[ "\$CNI_COMMAND" = ADD ] || exit 0
		[ "\$CNI_CONTAINERID" = b ] || read -r <&8
		echo '{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.9/24"}]}'
	EOF
	chmod +x "$BATS_TEST_TMPDIR/bin/slow"
	export CNI_PATH=$BATS_TEST_TMPDIR/bin:$CNI_PATH
	conf=$(jq -c '.cniVersion = "1.1.0" | .ipam = {type: "slow"} | del(.isDefaultGateway)' <<<"$CONF")
	end=$(host_end "$(add bridge b "$conf")")
	ip -d -o link show "$end" | grep -q 'group default'
	start_add a "$conf"
	until ip -n a -o link show eth0 2>/dev/null | grep -q 'state UP'; do kill -0 "$pid"; done
	spared "$conf"
	fails_to ip link show "$end"
}

@test "an ADD whose namespace died without DEL succeeds at once in a new one, and not while the old one lives" {
	for conf in "$CONF" "$(jq -c 'del(.isDefaultGateway) | .ipam = {}' <<<"$CONF")"; do
		for n in 1 2 3 4 5; do
			ip netns add "old$n"
			call ADD bridge pod "/run/netns/old$n" "$conf"
			ip netns add "new$n"
			fails 101 "" call ADD bridge pod "/run/netns/new$n" "$conf"
			ip netns del "old$n"
			call ADD bridge pod "/run/netns/new$n" "$conf"	# the old host end may still be there
			ip -n "new$n" link show eth0
			call DEL bridge pod "/run/netns/new$n" "$conf"
		done
		ip netns list | cut -d' ' -f1 | grep '^new' | xargs -n1 ip netns del
	done
}
