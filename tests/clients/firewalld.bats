#!/usr/bin/env bats
# Pods beside firewalld, on a bus of its own: it starts before them and after them, reloads, and stops.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load ../netns/portmap_helpers
load ../netns/coexist_helpers

THIRD=$BATS_TEST_DIRNAME/../../build/third_party

setup() {
	local package
	for package in firewalld python3-firewall python3-nftables; do
		[ -d "$THIRD/$package" ] || skip "no $package (third_party/unpack $package)"
	done
	/usr/bin/python3 -c 'import dbus, gi' 2>/dev/null || skip "no python3-dbus or python3-gi (make test-clients installs them)"
	files
	start_bus
	node_between
}

teardown() {
	local name
	for name in firewalld bus; do
		[ ! -e "$BATS_TEST_TMPDIR/$name.pid" ] || kill "$(cat "$BATS_TEST_TMPDIR/$name.pid")"
	done
	jobs -p | xargs -r kill 2>/dev/null || true
	wait
	clean
	umount /etc/firewalld /usr/lib/firewalld 2>/dev/null || true
}

# firewalld finds its files where it was built for, in this test's mounts.
files() {
	mkdir -p /etc/firewalld /usr/lib/firewalld /run/dbus
	mount -t tmpfs tmpfs /etc/firewalld
	cp -r "$THIRD/firewalld/etc/firewalld/." /etc/firewalld/
	mount --bind "$THIRD/firewalld/usr/lib/firewalld" /usr/lib/firewalld
	export PYTHONPATH=$THIRD/python3-firewall/usr/lib/python3/dist-packages:$THIRD/python3-nftables/usr/lib/python3/dist-packages PYTHONDONTWRITEBYTECODE=1
}

start_bus() {
	cat >"$BATS_TEST_TMPDIR/bus.conf" <<-'XML'
		<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
		<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="*"/><allow send_destination="*"/><allow receive_type="*"/></policy></busconfig>
	XML
	dbus-daemon --config-file="$BATS_TEST_TMPDIR/bus.conf" --nofork --nopidfile >/dev/null 2>&1 3>&- &
	echo $! >"$BATS_TEST_TMPDIR/bus.pid"
	until [ -S /run/dbus/system_bus_socket ]; do kill -0 $!; done
}

ctl() { timeout 60 /usr/bin/python3 "$THIRD/firewalld/usr/bin/firewall-cmd" "$@" 3>&-; }

start_firewalld() {
	local pid
	/usr/bin/python3 "$THIRD/firewalld/usr/sbin/firewalld" --nofork --nopid >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
	pid=$!
	echo $pid >"$BATS_TEST_TMPDIR/firewalld.pid"
	until ctl --state >/dev/null 2>&1; do kill -0 $pid || { tail "$BATS_TEST_TMPDIR/log"; return 1; }; done
}

stop_firewalld() {
	kill "$(cat "$BATS_TEST_TMPDIR/firewalld.pid")"
	wait "$(cat "$BATS_TEST_TMPDIR/firewalld.pid")" || true
	rm "$BATS_TEST_TMPDIR/firewalld.pid"
}

@test "it starts before the pods: all flows; a reload is noticed by CHECK and mended by the next ADD; it stops, and all flows" {
	start_firewalld
	before=$(theirs)
	two
	flows
	ctl --reload
	stopped far 10.1.0.2 80
	misses 'inet firewalld filter_FORWARD' a 8080
	detach b 8081
	attach b 8081
	check a 8080
	flows
	stop_firewalld
	fails_to nft list table inet firewalld 2>/dev/null
	flows
	as_it_was ""
}

@test "it starts after the pods; what an administrator told it to drop, directly and by a policy, is dropped" {
	two
	start_firewalld
	before=$(theirs)
	stopped far 10.1.0.2 80
	misses 'inet firewalld filter_FORWARD' a 8080
	detach b 8081
	attach b 8081
	flows
	ctl --direct --add-rule ipv4 filter FORWARD 0 -d 10.1.0.2 -p tcp -j DROP
	stopped far 10.1.0.2 80
	stopped out 203.0.113.1 8080
	ask far udp 10.1.0.2 80
	ctl --direct --remove-rule ipv4 filter FORWARD 0 -d 10.1.0.2 -p tcp -j DROP
	nft delete table ip filter # which it made for that
	flows
	for policy in -1 1; do
		ctl --permanent --new-policy guard
		ctl --permanent --policy guard --set-priority "$policy"
		ctl --permanent --policy guard --add-ingress-zone ANY
		ctl --permanent --policy guard --add-egress-zone ANY
		ctl --permanent --policy guard --add-rich-rule 'rule family=ipv4 destination address=10.1.0.2/32 drop'
		ctl --reload
		detach b 8081
		attach b 8081
		stopped far 10.1.0.2 80
		ask a tcp 203.0.113.2 80
		ask b tcp 10.2.0.2 80
		ctl --permanent --delete-policy guard
	done
	ctl --reload
	detach b 8081
	attach b 8081
	flows
	as_it_was "$before"
}
