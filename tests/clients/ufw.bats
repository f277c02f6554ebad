#!/usr/bin/env bats
# Pods beside ufw: it is enabled before them and after them, reloads, and is disabled.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load ../netns/portmap_helpers
load ../netns/coexist_helpers

UFW=$BATS_TEST_DIRNAME/../../build/third_party/ufw

setup() {
	[ -d "$UFW" ] || skip "no ufw (third_party/unpack ufw)"
	root=$BATS_TEST_TMPDIR/root
	cp -a "$UFW" "$root"
	cp "$root"/usr/share/ufw/iptables/*.rules "$root/usr/share/ufw/ufw.conf" "$root/etc/ufw/"
	export PYTHONPATH=$root/usr/lib/python3/dist-packages PYTHONDONTWRITEBYTECODE=1
	node_between
}

teardown() {
	jobs -p | xargs -r kill 2>/dev/null || true
	clean
}

ufw() { timeout 60 /usr/bin/python3 "$root/usr/sbin/ufw" --rootdir="$root" --datadir="$root" "$@" 3>&- 2>/dev/null; }

@test "it is enabled before the pods: all flows, through a reload; what it was told to deny is denied; its rules are as they were" {
	ufw --force enable
	[ "$(iptables-nft -S FORWARD | head -n 1)" = '-P FORWARD DROP' ]
	two
	flows
	ufw route deny proto tcp to 10.1.0.2
	stopped far 10.1.0.2 80
	stopped out 203.0.113.1 8080
	ask far udp 10.1.0.2 80
	ufw reload
	stopped far 10.1.0.2 80
	ufw route delete deny proto tcp to 10.1.0.2
	flows
	check a 8080
	before=$(theirs | grep -v cnibox) # it has some rules twice after a reload
	as_it_was "$before"
}

@test "it is enabled after the pods: CHECK names the chain that lacks a rule, the next ADD puts it there; disabled, all flows" {
	two
	ufw --force enable
	stopped far 10.1.0.2 80
	misses 'ip filter FORWARD' a 8080
	detach b 8081
	attach b 8081
	check a 8080
	flows
	ufw disable
	flows
	detach a 8080
	detach b 8081
	none_of_ours
}
