#!/usr/bin/env bats
# tuning behind ptp, through the reference's plugins and through ours.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load helpers

conf() {
	echo '{"cniVersion":"1.0.0","name":"net1","type":"tuning"}' | jq -c "$1"
}

look() {
	ip -n p -j link show eth0 | jq -c '.[0] | [.mtu, .promiscuity, .allmulti, (.flags | contains(["PROMISC"])), (.flags | contains(["ALLMULTI"]))]'
	ip -n p -j link show eth0 | jq -r '.[0].address' | grep ^02:11 || true
	ip netns exec p sh -c 'cd /proc/sys/net; cat ipv4/conf/eth0/arp_filter ipv4/conf/all/log_martians core/somaxconn'
	ip -n p route
}

# Result, the pod after ADD, CHECK's status, what is kept, the pod after DEL.
tuned() {
	CNIBOX_TEST_HOST='' CNIBOX_BIN=$1 "$BATS_TEST_DIRNAME/../namespace" bash -c '
		source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
		source '"$BATS_TEST_DIRNAME"'/../netns/chain_helpers.bash
		'"$(declare -f look normal)"'
		pod p
		c=$(behind "$0" p)
		r=$(add tuning p "$c")
		normal "$r"
		jq -r ".interfaces[1].mac" <<<"$r" | grep ^02:11
		look
		call CHECK tuning p /run/netns/p "$(with_prev "$c" "$r")" && echo checked
		for f in /run/cni/tuning/*; do [ -e "$f" ] && jq -cS "{mtu, promisc, allmulti, mac: (.mac != null)}" "$f"; done
		del tuning p "$c"
		look
		ls /run/cni/tuning 2>/dev/null' "$2"
}

alike() {
	diff <(tuned "$REFERENCE" "$1") <(tuned "$CNIBOX_BIN" "$1")
}

@test "nothing asked" {
	alike "$(conf .)"
}

@test "mac, mtu, promisc, allmulti, each and together" {
	alike "$(conf '.mac = "02:11:00:00:00:01"')"
	alike "$(conf '.mtu = 1400')"
	alike "$(conf '.promisc = true')"
	alike "$(conf '.allmulti = true')"
	alike "$(conf '.allmulti = false')"
	alike "$(conf '.mac = "02:11:00:00:00:01" | .mtu = 1400 | .promisc = true | .allmulti = true')"
	alike "$(conf '.args.cni = {"mac":"02:11:00:00:00:01","mtu":1400,"promisc":true,"allmulti":true}')"
	alike "$(conf '.mac = "02:11:00:00:00:01" | .runtimeConfig.mac = "02:11:00:00:00:02"')"
}

@test "sysctls, until DEL" {
	until_del() { tuned "$1" "$2" | head -n 8; }
	c=$(conf '.sysctl = {"net.ipv4.conf.IFNAME.arp_filter":"1","net/core/somaxconn":"77","net.ipv4.conf.all.log_martians":"1"}')
	diff <(until_del "$REFERENCE" "$c") <(until_del "$CNIBOX_BIN" "$c")
	different "tuning: sysctls at DEL" "ours writes the former values back, as of the interface's settings; in the reference they stay until the namespace goes"
	tuned "$CNIBOX_BIN" "$c" | tail -n 4 | head -n 1 | grep -q 4096
}

@test "both refuse; ours before it changes anything" {
	for change in '.sysctl = {"kernel.hostname":"x"}' '.sysctl = {"net.core.none":"1"}' '.mac = "x"' '.mtu = "x"' '.sysctl = {"net/../kernel/hostname":"x"}'; do
		[ -z "$(tuned "$REFERENCE" "$(conf "$change")" | grep '^{"cniVersion":"1.0.0","interfaces"')" ]
		tuned "$CNIBOX_BIN" "$(conf "$change")" 2>&1 | grep '"code":7'
	done
	different "tuning: CHECK of promisc" "the reference demands that it is off when the key is not there; ours checks what is asked for"
	different "tuning: CHECK of IFNAME" "the reference looks for a sysctl with IFNAME in its name"
}
