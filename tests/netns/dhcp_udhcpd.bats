#!/usr/bin/env bats
# The dhcp plugin and its daemon against BusyBox udhcpd, whose leases can be a few seconds long.
bats_require_minimum_version 1.5.0
load helpers
load dhcp_helpers

setup() {
	[ -x "$BATS_TEST_DIRNAME/../../build/third_party/busybox-static/bin/busybox" ] ||
		skip "busybox-static is not there (third_party/unpack busybox-static)"
	lan
	plug a
}

teardown() {
	cat "$LOG" "$BATS_TEST_TMPDIR/daemon.log" 2>/dev/null || true
	clean_up
}

@test "ADD, renewal and DEL" {
	serve_udhcpd 12
	daemon
	r=$(add dhcp a "$CONF")
	[ "$(jq -c '[.ips[0].gateway, .routes]' <<<"$r")" = '["10.9.0.1",[{"dst":"0.0.0.0/0","gw":"10.9.0.1"}]]' ]
	have a "$r"
	before=$(jq .expires "$(lease_file a)")
	wait_for jq -e ".expires > $before + 4000" "$(lease_file a)"
	run ! address_gone a
	call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" "$r")"
	del dhcp a "$CONF"
	[ -z "$(ls -A "$STATE")" ]
}

@test "a lease that nobody prolongs expires: the address goes, with its routes" {
	serve_udhcpd 12
	daemon
	r=$(add dhcp a "$CONF")
	have a "$r"
	ip -n a route add default via 10.9.0.1
	plug b
	q=$(add dhcp b "$CONF")
	have b "$q"
	ip -n b addr add 10.77.0.1/24 dev eth0
	stop_server
	wait_for address_gone a
	[ -z "$(ip -n a route)" ]
	only_other() { [ "$(ip -n b -4 -o addr show dev eth0 | awk '{print $4}')" = 10.77.0.1/24 ]; }
	wait_for only_other
	jq -e .lost "$(lease_file a)"
	fails 105 "is lost" call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" "$r")"
	del dhcp a "$CONF"
	[ ! -e "$(lease_file a)" ]
}

# has_come MS: this time since the machine's boot.
has_come() { [ "$(awk '{ printf "%d", $1 * 1000 }' /proc/uptime)" -gt "$1" ]; }

@test "a lease that expired while no daemon ran is torn down by the next" {
	serve_udhcpd 8
	daemon
	r=$(add dhcp a "$CONF")
	have a "$r"
	stop_daemon KILL || true
	expires=$(jq .expires "$(lease_file a)")
	stop_server
	wait_for has_come "$expires"
	run ! address_gone a
	daemon
	wait_for address_gone a
	fails 105 "is lost" call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" "$r")"
}
