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

CONF='{"name":"net1","type":"sbr"}'
alike() { alike_behind_ptp "$(jq -c --arg v "$1" '.cniVersion = $v' <<<"$CONF")" "$2"; } # VERSION PTP

@test "IPv4, both families, more routes, versions" {
	alike 1.0.0 '.ipam.ranges |= .[:1] | .ipam.routes |= .[:1]'
	alike 1.0.0 '.'
	alike 0.4.0 '.ipam.ranges |= .[:1] | .ipam.routes = [{"dst":"0.0.0.0/0"},{"dst":"192.0.2.0/24"},{"dst":"198.51.100.0/24","gw":"10.1.0.1"}]'
	different "sbr: fe80::/64" "the reference moves it, too; ours leaves it in main, where it names its interface anyway"
	different "sbr: CHECK" "the reference has none; ours checks rules and default routes"
}
