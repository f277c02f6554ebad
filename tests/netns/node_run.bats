#!/usr/bin/env bats
# cnibox node run: what `up` makes is kept true by the kernel's events.
bats_require_minimum_version 1.5.0
load node_helpers
load node_run_helpers

setup() {
	machine
	for p in bash-cni bridge loopback; do ln -sf "$BIN/$p" /opt/cni/bin/; done
	rm -rf /etc/cni/net.d /run/cnibox
	echo 0 >/proc/sys/net/ipv4/ip_forward
	three
}

teardown() {
	end_run
	ip link del eth0 2>/dev/null || true
	nft flush ruleset
}

@test "it joins, and SIGTERM ends it with everything in place" {
	begin_run
	joined
	logged "route 192.168.1.0/24 via 192.168.122.15: was missing: added"
	[ -e $CONFLIST ]
	kill -TERM "$RUN"
	wait "$RUN"
	logged "ended by a signal; everything stays as it is"
	is_as_wanted
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
	RUN=
	node down
}

# `ip route flush` looks again until none is left, and takes those that came back meanwhile: it is not one event.
delete_routes() { printf 'route del 192.168.%s.0/24 proto 193\n' 1 2 | ip -batch -; }

@test "routes that are deleted come back, one line each, and so do those that are flushed" {
	begin_run
	joined
	delete_routes
	joined
	until_true logged "route 192.168.1.0/24 via 192.168.122.15: was missing: added" 2
	until_true logged "route 192.168.2.0/24 via 192.168.122.16: was missing: added" 2
	ip route flush proto 193
	joined
}

@test "another's route with our mark goes, a changed one is changed back" {
	begin_run
	joined
	ip route add 192.168.77.0/24 via 192.168.122.77 proto 193
	until_true logged "route 192.168.77.0/24 via 192.168.122.77: not wanted: removed"
	ip route replace 192.168.1.0/24 via 192.168.122.99 proto 193
	until_true logged "route 192.168.1.0/24 via 192.168.122.15: was route 192.168.1.0/24 via 192.168.122.99: changed"
	joined
}

@test "nft flush ruleset: masquerade comes back" {
	begin_run
	joined
	nft flush ruleset
	joined
	nft list table inet cnibox_node | grep -q 'masquerade fully-random'
	nft delete element inet cnibox_node nodes4 '{ 192.168.122.16 }'
	until_true logged "masquerade: node 192.168.122.16: was missing: added"
	joined
}

@test "accepts come back into a FORWARD that is made, flushed or closed later" {
	begin_run
	joined
	iptables -P FORWARD DROP
	joined
	until_true logged "nftables ip filter FORWARD: accept"
	iptables -F FORWARD
	joined
	iptables -S FORWARD | grep -q cnibox
}

@test "forwarding that is turned off is turned on" {
	begin_run
	joined
	echo 0 >/proc/sys/net/ipv4/ip_forward
	until_true grep -qx 1 /proc/sys/net/ipv4/ip_forward
	until_true logged "sysctl net/ipv4/ip_forward = 1: was" 2
}

@test "a link goes down and up: the routes are back" {
	begin_run
	joined
	ip link set eth0 down
	until_true has_no_route 192.168.1.0/24
	until_true logged "tried again until it works"
	ip link set eth0 up
	joined
	until_true logged "it works again"
}

@test "an address that comes late is waited for" {
	ip addr flush dev eth0
	begin_run
	until_true logged "not on link"
	ip addr add 192.168.122.14/24 dev eth0
	joined
}

@test "one at a time: a second run, up and down are refused while it is there" {
	begin_run
	joined
	for command in "up -f $FILE --name m" down; do
		# shellcheck disable=SC2086
		run --separate-stderr node $command
		[ "$status" -eq 1 ]
		[[ $stderr == *"a node program that stays keeps this machine as it is"*"$RUN"* ]]
	done
	node up -f "$FILE" --name m --dry-run
	is_as_wanted
	end_run
	node down
}

@test "its own changes do not wake it, and at rest it sleeps" {
	begin_run
	joined
	delete_routes
	joined
	until_true sleeps
	logged "was missing: added" 6
}

@test "a fight: named, with pauses that grow; the other kinds are mended meanwhile" {
	begin_run
	joined
	for i in {1..6}; do
		ip route del 192.168.1.0/24 proto 193
		until_true has_route 192.168.1.0/24 192.168.122.15
	done
	mended=${EPOCHREALTIME/./}
	logged "route 192.168.1.0/24 via 192.168.122.15: another changes it again and again, 4 times until now: left alone for 0.250 s"
	ip route del 192.168.1.0/24 proto 193
	echo 0 >/proc/sys/net/ipv4/ip_forward
	until_true grep -qx 1 /proc/sys/net/ipv4/ip_forward
	has_no_route 192.168.1.0/24 || [ $((${EPOCHREALTIME/./} - mended)) -ge 1000000 ] # a slow machine gets here when the pause is over
	until_true has_route 192.168.1.0/24 192.168.122.15
}

@test "thousands of events at once: none is needed, everything is as it should be" {
	begin_run
	joined
	for i in {1..20}; do
		seq 0 255 | sed "s/.*/route add 10.$i.&.0\/24 via 192.168.122.1\nroute del 10.$i.&.0\/24/" >"$BATS_TEST_TMPDIR/batch.$i"
		ip -batch "$BATS_TEST_TMPDIR/batch.$i"
	done
	ip route flush proto 193
	joined
	kill -0 "$RUN"
}

# get PATH [ADDRESS]: the answer's body; sets CODE. Who takes two seconds for his question gets no answer, and asks again.
get() {
	local reply=
	while [ -z "$reply" ]; do
		exec 5<>"/dev/tcp/${2:-127.0.0.1}/9107"
		printf 'GET %s HTTP/1.1\r\nHost: x\r\n\r\n' "$1" >&5
		reply=$(timeout 60 cat <&5 | tr -d '\r')
		exec 5>&-
	done
	CODE=$(sed -n '1s/^HTTP.1.1 \([0-9]*\) .*/\1/p' <<<"$reply")
	BODY=${reply#*$'\n\n'}
}

ready() { get /readyz && [ "$CODE" = 200 ]; }

@test "--listen: health, readiness and metrics on a loopback address" {
	mv "$FILE" "$BATS_TEST_TMPDIR/later"
	begin_run -f "$FILE" --listen 127.0.0.1:9107
	until_true logged "No such file"
	until_true get /healthz
	[ "$CODE" = 200 ]
	get /readyz
	[ "$CODE" = 503 ]
	[ "$BODY" = "nothing is known of the cluster yet" ]
	mv "$BATS_TEST_TMPDIR/later" "$FILE"
	joined
	until_true ready
	ip route del 192.168.1.0/24
	until_true has_route 192.168.1.0/24 192.168.122.15
	until_true ready
	get /metrics
	grep -qx 'cnibox_nodes 3' <<<"$BODY"
	grep -qx 'cnibox_ready 1' <<<"$BODY"
	grep -qx 'cnibox_repairs_total{kind="route"} 3' <<<"$BODY"
	grep -q '^cnibox_source_contact_seconds [0-9]' <<<"$BODY"
	[ "$(sed -n 's/^process_resident_memory_bytes //p' <<<"$BODY")" -gt 100000 ]
	get /other
	[ "$CODE" = 404 ]
	ip link set eth0 down
	until_true logged "tried again until it works"
	get /readyz
	[ "$CODE" = 503 ]
}

@test "--listen: who says nothing, or too much, holds nothing up" {
	begin_run -f "$FILE" --listen 127.0.0.1:9107
	joined
	for i in {1..9}; do
		exec {fd}<>/dev/tcp/127.0.0.1/9107
		fds+=("$fd")
	done
	(head -c 100000 /dev/zero >/dev/tcp/127.0.0.1/9107) 2>/dev/null || true
	ip route flush proto 193
	joined
	until_true ready
	for fd in "${fds[@]}"; do exec {fd}>&-; done
	for i in {1..50}; do get /healthz; done
	[ "$CODE" = 200 ]
}

@test "--listen: no address of others, none that is taken" {
	for where in 0.0.0.0:80 192.168.122.14:9107 127.0.0.1 127.0.0.1:0 localhost:1 '[::]:9107' 127.0.0.1:99999; do
		run -1 node run -f "$FILE" --name m --listen "$where"
		[[ $output == *"--listen $where: expected a loopback address"* ]]
	done
	begin_run -f "$FILE" --listen '[::1]:9107'
	joined
	get /healthz ::1
	[ "$BODY" = ok ]
	[ "$(ip route show proto 193 | wc -l)" -eq 2 ]
}
