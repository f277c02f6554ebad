#!/usr/bin/env bats
# Pods beside Docker's own daemon: it starts before them and after them, restarts, and stops.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load ../netns/portmap_helpers
load ../netns/coexist_helpers

DOCKER=$BATS_TEST_DIRNAME/../../build/third_party/docker.io/usr

setup() {
	command -v containerd >/dev/null || skip "no containerd (make test-clients installs it)"
	[ -x "$DOCKER/sbin/dockerd" ] || skip "no dockerd (third_party/unpack docker.io)"
	mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mkdir "$BATS_TEST_TMPDIR/bin"
	node_between
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/dockerd.pid" ] || stop_docker
	jobs -p | xargs -r kill 2>/dev/null || true
	clean
	for v in "" 6; do
		[ ! -s /proc/net/ip${v}_tables_names ] || legacy_flush "ip${v}tables-legacy" </proc/net/ip${v}_tables_names
	done
}

# legacy_flush PROGRAM: the tables whose names are on stdin.
legacy_flush() {
	local table
	while read -r table; do
		"$1" -t "$table" -F
		"$1" -t "$table" -X
		[ "$table" != filter ] || "$1" -P FORWARD ACCEPT
	done
}

# dockerd runs no container: docker0 and its rules are all that it makes. It lets FORWARD drop where it has to turn forwarding on.
start_docker() {
	local own=$BATS_TEST_TMPDIR pid
	containerd --config /dev/null --root "$own/containerd" --state "$own/state" --address "$own/containerd.sock" >"$own/containerd.log" 2>&1 3>&- &
	echo $! >"$own/containerd.pid"
	echo '{}' >"$own/daemon.json"
	PATH=$own/bin:$PATH "$DOCKER/sbin/dockerd" --config-file "$own/daemon.json" --data-root "$own/docker" --exec-root "$own/exec" -p "$own/docker.pid" -s vfs --iptables=true --ip6tables=true \
		--experimental --fixed-cidr-v6 fd00:d::/64 --ipv6 --userland-proxy=false --containerd "$own/containerd.sock" -H "unix://$own/docker.sock" >"$own/dockerd.log" 2>&1 3>&- &
	pid=$!
	echo $pid >"$own/dockerd.pid"
	until "$DOCKER/bin/docker" -H "unix://$own/docker.sock" network ls >/dev/null 2>&1; do kill -0 $pid || { tail "$own/dockerd.log"; return 1; }; done
}

forwarding_off() { sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0; }

stop_docker() {
	local name
	for name in dockerd containerd; do
		kill "$(cat "$BATS_TEST_TMPDIR/$name.pid")"
		wait "$(cat "$BATS_TEST_TMPDIR/$name.pid")" || true
		rm "$BATS_TEST_TMPDIR/$name.pid"
	done
}

@test "it starts before the pods: all flows, through its restart and its stop; what DOCKER-USER drops is dropped; its rules are as they were" {
	forwarding_off
	start_docker
	before=$(theirs)
	ip6tables-nft -S FORWARD
	[ "$(iptables-nft -S FORWARD | head -n 2 | paste -sd ';')" = '-P FORWARD DROP;-A FORWARD -j DOCKER-USER' ]
	two
	flows
	iptables-nft -I DOCKER-USER -d 10.1.0.2 -p tcp -j DROP
	stopped out 203.0.113.1 8080
	stopped far 10.1.0.2 80
	stop_docker
	start_docker
	stopped far 10.1.0.2 80
	ask far udp 10.1.0.2 80
	iptables-nft -D DOCKER-USER -d 10.1.0.2 -p tcp -j DROP
	flows
	check a 8080
	stop_docker
	flows
	as_it_was "$before"
}

@test "it starts after the pods: CHECK names the chain that lacks a rule, the next ADD puts it there for all pods" {
	two
	flows
	forwarding_off
	start_docker
	before=$(theirs)
	stopped far 10.1.0.2 80
	misses 'ip filter FORWARD' a 8080
	detach b 8081
	attach b 8081
	check a 8080
	check b 8081
	flows
	stop_docker
	flows
	as_it_was "$before"
}

@test "with iptables-legacy: the rule goes into its FORWARD, and DOCKER-USER there drops" {
	iptables-legacy -S >/dev/null 2>&1 || skip "this kernel has no legacy tables"
	local v dropped=(DOCKER-USER -d 10.1.0.2 -p tcp -j DROP)
	for v in "" 6; do
		ln -s "$(command -v ip${v}tables-legacy)" "$BATS_TEST_TMPDIR/bin/ip${v}tables"
		ip${v}tables-legacy -P FORWARD DROP
	done
	start_docker
	[ "$(iptables-legacy -S FORWARD | head -n 2 | paste -sd ';')" = '-P FORWARD DROP;-A FORWARD -j DOCKER-USER' ]
	before=$(iptables-legacy-save | grep -v '^[#:]')
	two
	flows
	iptables-legacy -I "${dropped[@]}"
	stopped far 10.1.0.2 80
	ask far udp 10.1.0.2 80
	iptables-legacy -D "${dropped[@]}"
	flows
	as_it_was ""
	diff <(echo "$before") <(iptables-legacy-save | grep -v '^[#:]')
}
