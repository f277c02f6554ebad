#!/usr/bin/env bats
# sbr behind ptp, through the reference's plugins and through ours.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load helpers

inside() {
	ip -n p rule
	ip -n p -6 rule
	ip -n p -4 route show table all | grep -v "table local" | sed "s/ proto [a-z]*//" | sort
	ip -n p -6 route show table all | grep -v "table local\|^fe80\|^ff00\|^multicast" | sed "s/ proto [a-z]*//; s/ metric [0-9]*//; s/ pref medium//" | sort
}

routed() {
	CNIBOX_TEST_HOST='' CNIBOX_BIN=$1 "$BATS_TEST_DIRNAME/../namespace" bash -c '
		source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
		source '"$BATS_TEST_DIRNAME"'/../netns/chain_helpers.bash
		'"$(declare -f inside normal)"'
		PTP=$(jq -c "$1" <<<"$PTP")
		pod p
		c=$(behind "{\"cniVersion\":\"$0\",\"name\":\"net1\",\"type\":\"sbr\"}" p)
		normal "$(add sbr p "$c")"
		inside
		del sbr p "$c"
		inside' "$2" "$3"
}

alike() {
	diff <(routed "$REFERENCE" "$1" "$2") <(routed "$CNIBOX_BIN" "$1" "$2")
}

@test "IPv4, both families, more routes, versions" {
	alike 1.0.0 '.ipam.ranges |= .[:1] | .ipam.routes |= .[:1]'
	alike 1.0.0 '.'
	alike 0.4.0 '.ipam.ranges |= .[:1] | .ipam.routes = [{"dst":"0.0.0.0/0"},{"dst":"192.0.2.0/24"},{"dst":"198.51.100.0/24","gw":"10.1.0.1"}]'
	different "sbr: fe80::/64" "the reference moves it, too; ours leaves it in main, where it names its interface anyway"
	different "sbr: CHECK" "the reference has none; ours checks rules and default routes"
}
