#!/usr/bin/env bats
# podman with the CNI backend and our plugins: run, a published port, two networks, stop.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	have podman crun
	load helpers
	client_host
	cat >"$BATS_FILE_TMPDIR/containers.conf" <<-CONF
		[network]
		network_backend = "cni"
		cni_plugin_dirs = ["/opt/cni/bin"]
		network_config_dir = "/etc/cni/net.d"
		[engine]
		events_logger = "none"
		[containers]
		log_driver = "k8s-file"
		cgroups = "disabled"
	CONF
	export CONTAINERS_CONF=$BATS_FILE_TMPDIR/containers.conf
	net podman cni-podman0 10.88.0.0/16 0.4.0
	net second cni-podman1 10.89.0.0/24 0.4.0
	rootfs "$BATS_FILE_TMPDIR/rootfs"
	tar -C "$BATS_FILE_TMPDIR/rootfs" -cf "$BATS_FILE_TMPDIR/web.tar" .
	p import "$BATS_FILE_TMPDIR/web.tar" localhost/web
}

teardown_file() {
	[ -e "$BATS_FILE_TMPDIR/nc.pid" ] || return 0 # skipped
	p rm -f -a -t 0 >/dev/null 2>&1 || true
	kill "$(cat "$BATS_FILE_TMPDIR/nc.pid")"
}

p() { timeout 120 podman --storage-driver vfs --cgroup-manager cgroupfs --runtime crun "$@" </dev/null 3>&-; }
web() { p run -d "$@" localhost/web /bin/busybox httpd -f -p 80 -h /www; }

@test "run: it reaches out, and is reached by the node; stop and start; nothing is left behind it" {
	web --name one
	ip=$(p inspect -f '{{.NetworkSettings.IPAddress}}' one)
	[ "$(from "" "http://$ip/")" = hello ]
	[ "$(p exec one /bin/busybox nc -w 5 203.0.113.2 7000)" = out ]
	p stop -t 0 one
	nothing_left
	p start one
	[ "$(from "" "http://$(p inspect -f '{{.NetworkSettings.IPAddress}}' one)/")" = hello ]
	p rm -f -t 0 one
	nothing_left
}

@test "a published port: from outside, by 127.0.0.1; a second container that asks for it is refused" {
	web --name one -p 8080:80
	[ "$(from out http://203.0.113.1:8080/)" = hello ]
	[ "$(from "" http://127.0.0.1:8080/)" = hello ]
	run web --name two -p 8080:80
	[ "$status" -ne 0 ]
	p rm -f -t 0 one
	p rm -f -t 0 two || true
	nothing_left
}

@test "two networks: two interfaces, each with its address; a static address and MAC" {
	web --name one --network podman --network second
	p exec one /bin/busybox ip -o -4 addr | grep -q 'eth0 *inet 10.88.'
	p exec one /bin/busybox ip -o -4 addr | grep -q 'eth1 *inet 10.89.'
	web --name two --network second --ip 10.89.0.77 --mac-address 02:11:22:33:44:55
	p exec two /bin/busybox ip -o addr show eth0 | grep -q 10.89.0.77
	p exec two /bin/busybox ip -o link show eth0 | grep -q 02:11:22:33:44:55
	[ "$(p exec one /bin/busybox wget -qO- http://10.89.0.77/)" = hello ]
	p rm -f -t 0 one two
	nothing_left
}

@test "ten at once" {
	pids=()
	for i in 1 2 3 4 5 6 7 8 9 10; do
		web --name "many$i" -p "$((9000 + i)):80" >/dev/null &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ "$(for i in 1 2 3 4 5 6 7 8 9 10; do p inspect -f '{{.NetworkSettings.IPAddress}}' "many$i"; done | sort -u | wc -l)" = 10 ]
	[ "$(from out http://203.0.113.1:9007/)" = hello ]
	p rm -f -a -t 0
	nothing_left
}
