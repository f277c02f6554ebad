#!/usr/bin/env bats
# bandwidth behind ptp, through the reference's plugins and through ours; and from one to the other.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load helpers

conf() {
	echo '{"cniVersion":"1.0.0","name":"net1","type":"bandwidth"}' | jq -c "$1"
}

# Without what is random, and with the burst to a percent: the reference rounds it to microseconds.
buckets() {
	for dev in $(ip -o link show type veth | cut -d' ' -f2 | cut -d@ -f1) $(ip -o link show type ifb | cut -d' ' -f2 | tr -d :); do
		echo "$dev" | sed "s/^veth.*/veth/"
		tc -j qdisc show dev "$dev" | jq -cS '.[] | select(.handle != "0:") | if .options.burst then .options.burst |= (. / 100 | round) else . end | del(.dev, .refcnt)'
		tc filter show dev "$dev" parent ffff: | sed "s/pref [0-9]*/pref/; s/index [0-9]* ref.*//; s/not_in_hw *//; s/(rule hit.*//; s/(success.*//; /action order 2/d; /^[[:space:]]*$/d"
		ip -o link show "$dev" | grep -o "mtu [0-9]*"
	done
}

shaped() {
	CNIBOX_TEST_HOST='' CNIBOX_BIN=$1 "$BATS_TEST_DIRNAME/../namespace" bash -c '
		source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
		source '"$BATS_TEST_DIRNAME"'/../netns/chain_helpers.bash
		'"$(declare -f buckets normal)"'
		pod p
		c=$(behind "$0" p)
		r=$(add bandwidth p "$c")
		normal "$r"
		buckets
		call CHECK bandwidth p /run/netns/p "$(with_prev "$c" "$r")" && echo checked

		del bandwidth p "$c"
		ip -o link show type ifb' "$2"
}

alike() {
	diff <(shaped "$REFERENCE" "$1") <(shaped "$CNIBOX_BIN" "$1")
}

@test "both ways, one way, none" {
	alike "$(conf '. += {"ingressRate":8000000,"ingressBurst":800000,"egressRate":16000000,"egressBurst":1600000}')"
	alike "$(conf '. += {"ingressRate":8000000,"ingressBurst":800000}')"
	alike "$(conf '. += {"egressRate":16000000,"egressBurst":1600000}')"
	alike "$(conf '. += {"ingressRate":0,"ingressBurst":0}')"
}

@test "from the runtime; the configuration goes before it" {
	alike "$(conf '.runtimeConfig.bandwidth = {"ingressRate":8000000,"ingressBurst":800000,"egressRate":16000000,"egressBurst":1600000}')"
	alike "$(conf '. += {"ingressRate":8000000,"ingressBurst":800000} | .runtimeConfig.bandwidth = {"egressRate":16000000,"egressBurst":1600000}')"
}

@test "both refuse" {
	for change in '.ingressRate = 8000' '.ingressBurst = 8000' '. += {"egressRate":8000,"egressBurst":34359738360}' '.egressRate = "x"'; do
		[ -z "$(shaped "$REFERENCE" "$(conf "$change")" | grep '"interfaces"')" ]
		shaped "$CNIBOX_BIN" "$(conf "$change")" 2>&1 | grep '"code":7'
	done
	different "bandwidth: one redirection" "the reference's filter has a second, which is never reached"
	different "bandwidth: bursts of more than 274 seconds at the rate" "the reference's ticks overflow and its bucket is of any size; ours is as asked for"
	different "bandwidth: a second interface in the network" "the reference knows the ifb by network and container alone; ours gives each interface one"
	different "bandwidth: shapedSubnets, unshapedSubnets" "newer than Debian's reference, which ignores them"
}

@test "attached by one, detached by the other" {
	c=$(conf '. += {"ingressRate":8000000,"ingressBurst":800000,"egressRate":16000000,"egressBurst":1600000}')
	for pair in "$REFERENCE $CNIBOX_BIN" "$CNIBOX_BIN $REFERENCE"; do
		read -r first second <<<"$pair"
		CNIBOX_TEST_HOST='' CNIBOX_BIN=$first "$BATS_TEST_DIRNAME/../namespace" bash -c '
			set -e
			source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
			source '"$BATS_TEST_DIRNAME"'/../netns/chain_helpers.bash
			pod p
			c=$(behind "$0" p)
			r=$(add bandwidth p "$c")
			CNIBOX_BIN=$1
			call CHECK bandwidth p /run/netns/p "$(with_prev "$c" "$r")"
			del bandwidth p "$c"
			[ -z "$(ip -o link show type ifb)" ]' "$c" "$second"
	done
}
