#!/usr/bin/env bats
# containerd with our plugins: `ctr run --cni`, and its CRI over its socket, by a client that kubelet's calls are taken from.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	have containerd ctr runc podman
	/usr/bin/python3 -c 'import grpc' 2>/dev/null || skip "no python3-grpcio (make test-clients installs it)"
	load helpers
	client_host
	net net1 cni0 10.88.0.0/24 1.0.0
	rootfs "$BATS_FILE_TMPDIR/rootfs"
	cat >"$BATS_FILE_TMPDIR/config" <<-CONF
		version = 2
		root = "/var/lib/containerd/root"
		state = "/run/containerd/state"
		[grpc]
		address = "/run/containerd/sock"
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "localhost/web:latest"
		disable_cgroup = true
		disable_apparmor = true
		restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".containerd]
		snapshotter = "native"
		[plugins."io.containerd.grpc.v1.cri".cni]
		bin_dir = "/opt/cni/bin"
		conf_dir = "/etc/cni/net.d"
	CONF
	containerd -c "$BATS_FILE_TMPDIR/config" >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/pid"
	timeout 60 sh -c 'until ctr -a /run/containerd/sock version >/dev/null 2>&1; do sleep 0.1; done'
	image
}

# The image that sandboxes are of: it does nothing for ever.
image() {
	p() { timeout 120 podman --storage-driver vfs --cgroup-manager cgroupfs "$@" </dev/null 3>&-; }
	tar -C "$BATS_FILE_TMPDIR/rootfs" -cf "$BATS_FILE_TMPDIR/files.tar" .
	p import --change 'CMD ["/bin/busybox","httpd","-f","-p","80","-h","/www"]' "$BATS_FILE_TMPDIR/files.tar" localhost/web
	p save -q --format oci-archive -o "$BATS_FILE_TMPDIR/web.tar" localhost/web:latest
	c -n k8s.io images import "$BATS_FILE_TMPDIR/web.tar"
}

teardown_file() {
	[ -e "$BATS_FILE_TMPDIR/pid" ] || return 0 # skipped
	kill "$(cat "$BATS_FILE_TMPDIR/pid")" "$(cat "$BATS_FILE_TMPDIR/nc.pid")"
}

c() { timeout 120 ctr -a /run/containerd/sock "$@" </dev/null 3>&-; }
cri() { timeout 120 /usr/bin/python3 "$BATS_TEST_DIRNAME/cri" /run/containerd/sock "$@" 3>&-; }

@test "ctr run --cni: an interface, the way out; nothing is left behind it" {
	c run --rm --cni --cpu-shares 0 --rootfs "$BATS_FILE_TMPDIR/rootfs" one /bin/busybox sh -c '/bin/busybox ip -o -4 addr show eth0; /bin/busybox nc -w 5 203.0.113.2 7000' >"$BATS_TEST_TMPDIR/said"
	cat "$BATS_TEST_TMPDIR/said"
	grep -q 'inet 10.88.0.' "$BATS_TEST_TMPDIR/said"
	grep -qx out "$BATS_TEST_TMPDIR/said"
	nothing_left
}

@test "CRI: the runtime is ready; a sandbox with a host port; it stops twice and goes" {
	cri status | tee "$BATS_TEST_TMPDIR/status"
	grep -qx 'NetworkReady true' "$BATS_TEST_TMPDIR/status"
	id=$(cri run one 8080:80)
	ip=$(cri ip "$id")
	[[ $ip == 10.88.0.* ]]
	[ "$(from "" "http://$ip/")" = hello ]
	[ "$(from out http://203.0.113.1:8080/)" = hello ]
	cri stop "$id"
	cri stop "$id"
	nothing_left
	cri remove "$id"
	nothing_left
}

@test "CRI: five sandboxes at once" {
	for i in 1 2 3 4 5; do cri run "many$i" "$((9100 + i)):80" >"$BATS_TEST_TMPDIR/$i" & done
	# shellcheck disable=SC2046 # a process a word
	wait $(jobs -p)
	[ "$(for i in 1 2 3 4 5; do cri ip "$(cat "$BATS_TEST_TMPDIR/$i")"; done | sort -u | wc -l)" = 5 ]
	[ "$(from out http://203.0.113.1:9103/)" = hello ]
	for i in 1 2 3 4 5; do cri stop "$(cat "$BATS_TEST_TMPDIR/$i")" && cri remove "$(cat "$BATS_TEST_TMPDIR/$i")"; done
	nothing_left
}

@test "CRI: a sandbox whose namespace has gone is stopped and removed" {
	id=$(cri run one 8080:80)
	ns=$(find /run/netns -name 'cni-*' | head -n 1)
	ip netns del "${ns##*/}"
	cri stop "$id"
	cri remove "$id"
	nothing_left
}
