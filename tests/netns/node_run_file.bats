#!/usr/bin/env bats
# cnibox node run: the cluster file is watched, however it is written.
bats_require_minimum_version 1.5.0
load node_helpers
load node_run_helpers

setup() {
	machine
	for p in bash-cni bridge loopback; do ln -sf "$BIN/$p" /opt/cni/bin/; done
	rm -rf /etc/cni/net.d /run/cnibox
	three
}

teardown() {
	end_run
	ip link del eth0 2>/dev/null || true
	nft flush ruleset
}

# moved ADDRESS: the cluster with node1 at another address, on standard output.
moved() {
	jq --arg a "$1" '.nodes[1].addresses = [$a]' "$BATS_TEST_TMPDIR/cluster.json"
}

@test "written in place" {
	begin_run
	joined
	new=$(moved 192.168.122.25)
	echo "$new" >"$FILE"
	until_true has_route 192.168.1.0/24 192.168.122.25
}

@test "replaced by rename, again and again" {
	begin_run
	joined
	for i in 25 26 27; do
		moved 192.168.122.$i >"$BATS_TEST_TMPDIR/new"
		mv "$BATS_TEST_TMPDIR/new" "$FILE"
		until_true has_route 192.168.1.0/24 192.168.122.$i
	done
}

# version N ADDRESS: a version of a ConfigMap's folder.
version() {
	mkdir -p "$BATS_TEST_TMPDIR/map/..$1"
	moved "$2" >"$BATS_TEST_TMPDIR/map/..$1/nodes.json"
	ln -sfn "..$1" "$BATS_TEST_TMPDIR/map/..data_tmp"
	mv -T "$BATS_TEST_TMPDIR/map/..data_tmp" "$BATS_TEST_TMPDIR/map/..data"
}

@test "a ConfigMap that is mounted, in new versions" {
	version 1 192.168.122.25
	ln -s ..data/nodes.json "$BATS_TEST_TMPDIR/map/nodes.json"
	begin_run -f "$BATS_TEST_TMPDIR/map/nodes.json"
	until_true has_route 192.168.1.0/24 192.168.122.25
	for i in 2 3 4; do
		version $i 192.168.122.2$((i + 4))
		rm -r "$BATS_TEST_TMPDIR/map/..$((i - 1))"
		until_true has_route 192.168.1.0/24 192.168.122.2$((i + 4))
	done
}

@test "a link to a file elsewhere, which is written" {
	mkdir "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	moved 192.168.122.25 >"$BATS_TEST_TMPDIR/b/real.json"
	ln -s ../b/real.json "$BATS_TEST_TMPDIR/a/link.json"
	begin_run -f "$BATS_TEST_TMPDIR/a/link.json"
	until_true has_route 192.168.1.0/24 192.168.122.25
	moved 192.168.122.26 >"$BATS_TEST_TMPDIR/b/new"
	mv "$BATS_TEST_TMPDIR/b/new" "$BATS_TEST_TMPDIR/b/real.json"
	until_true has_route 192.168.1.0/24 192.168.122.26
	moved 192.168.122.27 >"$BATS_TEST_TMPDIR/b/other.json"
	ln -sfn ../b/other.json "$BATS_TEST_TMPDIR/a/link.json"
	until_true has_route 192.168.1.0/24 192.168.122.27
}

@test "bad content, an empty list, no file: said once, everything stays and is kept true; then it goes on" {
	begin_run
	joined
	cp "$FILE" "$BATS_TEST_TMPDIR/good"
	echo '{"nodes":[' >"$FILE"
	until_true logged "line 2, column 1"
	kill -HUP "$RUN"
	until_true logged "SIGHUP: reading again" 1
	ip route flush proto 193
	until_true has_route 192.168.1.0/24 192.168.122.15
	logged "line 2, column 1" 1
	logged "; everything stays as the last good one says" 1
	rm "$FILE"
	until_true logged "No such file"
	ip route flush proto 193
	until_true has_route 192.168.1.0/24 192.168.122.15
	echo '{"nodes":[]}' >"$FILE"
	until_true logged "the list is empty"
	ip route show proto 193 | grep -q 192.168.1.0/24
	mv "$BATS_TEST_TMPDIR/good" "$FILE"
	until_true logged "can be read again"
	joined
}

@test "a file that is there only later" {
	mv "$FILE" "$BATS_TEST_TMPDIR/later"
	begin_run
	until_true logged "No such file"
	mv "$BATS_TEST_TMPDIR/later" "$FILE"
	joined
}

@test "a folder that is replaced" {
	mkdir "$BATS_TEST_TMPDIR/d"
	moved 192.168.122.25 >"$BATS_TEST_TMPDIR/d/nodes.json"
	begin_run -f "$BATS_TEST_TMPDIR/d/nodes.json"
	until_true has_route 192.168.1.0/24 192.168.122.25
	mkdir "$BATS_TEST_TMPDIR/d2"
	moved 192.168.122.26 >"$BATS_TEST_TMPDIR/d2/nodes.json"
	mv "$BATS_TEST_TMPDIR/d" "$BATS_TEST_TMPDIR/old"
	mv "$BATS_TEST_TMPDIR/d2" "$BATS_TEST_TMPDIR/d"
	kill -HUP "$RUN"
	until_true has_route 192.168.1.0/24 192.168.122.26
	moved 192.168.122.27 >"$BATS_TEST_TMPDIR/d/nodes.json"
	until_true has_route 192.168.1.0/24 192.168.122.27
}

@test "SIGHUP reads again" {
	begin_run
	joined
	kill -HUP "$RUN"
	until_true logged "SIGHUP: reading again"
	kill -0 "$RUN"
}

@test "run without a file, or from standard input, is a usage error" {
	run -2 node run
	[[ $output == *"run needs -f FILE"* ]]
	run -2 node run -f -
	[[ $output == *"cannot be standard input"* ]]
	run -2 node run -f x --dry-run
}

@test "no file: a folder and a FIFO, which nobody opens, are refused, and what takes its place is read" {
	mv "$FILE" "$BATS_TEST_TMPDIR/good"
	mkfifo "$FILE"
	begin_run
	until_true logged "error: $FILE is no file"
	mv "$BATS_TEST_TMPDIR/good" "$FILE"
	joined
	mv "$FILE" "$BATS_TEST_TMPDIR/good"
	mkdir "$FILE"
	until_true logged "error: $FILE is no file; everything stays as the last good one says" 1
	has_route 192.168.1.0/24 192.168.122.15
	rmdir "$FILE"
	ln -s good "$FILE"
	until_true logged "$FILE can be read again" 2
	joined
}

@test "what keeps the file from being read and ends without an event: tried again" {
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$BATS_TEST_TMPDIR/s"
	begin_run -f "$BATS_TEST_TMPDIR/s"
	until_true logged "$BATS_TEST_TMPDIR/s: No such device or address"
	mount --bind "$FILE" "$BATS_TEST_TMPDIR/s"
	joined
	logged "$BATS_TEST_TMPDIR/s can be read again"
	logged "No such device or address" 1
	umount "$BATS_TEST_TMPDIR/s"
}
