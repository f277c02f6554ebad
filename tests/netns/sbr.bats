#!/usr/bin/env bats
# sbr: routes by source, behind ptp.
bats_require_minimum_version 1.5.0
load helpers
load chain_helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"sbr"}'
PTP2='{"cniVersion":"1.1.0","name":"net2","type":"ptp","ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}],[{"subnet":"fd00:2::/64"}]],
"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"},{"dst":"192.0.2.0/24"}]}}'

setup() {
	pod a
}

teardown() {
	call DEL ptp a /run/netns/a "$PTP2" eth1 >/dev/null 2>&1 || true
	clean_pods
}

rules() { { ip -n a rule; ip -n a -6 rule; } | grep -c "from \(10\|fd00\).*lookup 10[0-9]" || true; }
inside() { ip -n a rule; ip -n a -6 rule; ip -n a route show table all | sort; ip -n a -6 route show table all | grep -v ff00 | sort; }

@test "what comes from the second interface's addresses leaves by it, in both families" {
	add ptp a "$PTP" >/dev/null
	first=$(ip -n a route show dev eth0; ip -n a -6 route show dev eth0)
	r2=$(add ptp a "$PTP2" eth1)
	c=$(with_prev "$(jq -c '.name = "net2"' <<<"$CONF")" "$r2")
	diff <(jq -S .prevResult <<<"$c") <(add sbr a "$c" eth1 | jq -S .)
	[ "$(rules)" = 2 ]
	[ -z "$(ip -n a route show dev eth1)" ]
	[ "$(ip -n a route get 192.0.2.9 from 10.2.0.2 | grep -o 'dev [^ ]*' | head -1)" = "dev eth1" ]
	[ "$(ip -n a route get 198.51.100.1 from 10.2.0.2 | grep -o 'via [^ ]* dev [^ ]*')" = "via 10.2.0.1 dev eth1" ]
	[ "$(ip -n a route get 198.51.100.1 from 10.1.0.2 | grep -o 'via [^ ]* dev [^ ]*')" = "via 10.1.0.1 dev eth0" ]
	[ "$(ip -n a route get 2001:db8::1 from fd00:2::2 | grep -o 'via [^ ]* dev [^ ]*')" = "via fd00:2::1 dev eth1" ]
	[ "$(ip -n a route show dev eth0; ip -n a -6 route show dev eth0)" = "$first" ]
	ip netns exec a ping -c1 -W10 -q -I 10.2.0.2 10.2.0.1
	ip netns exec a ping -c1 -W10 -q -I fd00:2::2 fd00:2::1
	call CHECK sbr a /run/netns/a "$c" eth1
	call CHECK ptp a /run/netns/a "$(with_prev "$PTP2" "$r2")" eth1
	ip -n a route del default table 100
	fails 105 "lost its default route by 10.2.0.1 in table 100" call CHECK sbr a /run/netns/a "$c" eth1
	ip -n a rule del from 10.2.0.2 table 100
	fails 105 "lost its rule for what comes from 10.2.0.2" call CHECK sbr a /run/netns/a "$c" eth1
	call DEL sbr a /run/netns/a "$CONF" eth1
	[ "$(rules)" = 0 ]
	call DEL sbr a /run/netns/a "$CONF" eth1
}

@test "each address has a table; others' tables and rules stay" {
	add sbr a "$(behind "$CONF" a)" >/dev/null
	ip -n a rule add from 10.77.0.1 table 102
	r2=$(add ptp a "$PTP2" eth1)
	add sbr a "$(with_prev "$CONF" "$r2")" eth1 >/dev/null
	ip -n a rule | grep -q 'from 10.1.0.2 lookup 100'
	ip -n a rule | grep -q 'from 10.2.0.2 lookup 103'
	call DEL sbr a /run/netns/a "$CONF" eth1
	ip -n a rule | grep -q 'from 10.1.0.2 lookup 100'
	ip -n a rule | grep -q 'from 10.77.0.1 lookup 102'
	[ "$(ip -n a rule | grep -c 10.2.0.2)" = 0 ]
}

@test "DEL without a namespace, without the interface; GC and STATUS have nothing to do" {
	add sbr a "$(behind "$CONF" a)" >/dev/null
	call DEL sbr a "" "$CONF"
	ip -n a link del eth0
	del sbr a "$CONF"
	ip netns del a
	del sbr a "$CONF"
	CNI_COMMAND=STATUS "$CNIBOX_BIN/sbr" <<<"$CONF"
	CNI_COMMAND=GC "$CNIBOX_BIN/sbr" <<<"$(valid "$CONF" '[]')"
	pod a
}

@test "what is wrong is named; an ADD that fails leaves the pod as it was" {
	c=$(behind "$CONF" a)
	until [ -z "$(ip -n a -6 -o addr show tentative)" ]; do sleep 0.1; done # its route comes when it is none
	unchanged fails 7 "prevResult: missing; sbr stands behind" add sbr a "$CONF"
	unchanged fails 7 "eth0 has no address" add sbr a "$(jq -c 'del(.prevResult.ips)' <<<"$c")"
	unchanged fails 7 'no interface "eth1"' add sbr a "$c" eth1
	before=$(inside)
	ip -n a route show default | grep -q 10.1.0.1
	fails_to add sbr a "$(jq -c '.prevResult.ips += [{"address":"10.1.0.9/24","gateway":"198.51.100.77","interface":1}]' <<<"$c")"
	diff <(echo "$before") <(inside)
	ip -n a route del default	# the one in the new table is then sbr's own
	before=$(inside)
	fails_to add sbr a "$c" >/dev/full
	diff <(echo "$before") <(inside)
}
