#!/usr/bin/env bats
# A cluster of one node with everything real (etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, containerd), which has no network yet: from
# `kubectl apply -f` of our manifest, whose image is that of `make image`, to the first pod. How long that takes is printed.
bats_require_minimum_version 1.5.0
load ../netns/node_helpers
load ../netns/node_run_helpers
load cluster_helpers

TOP=$BATS_TEST_DIRNAME/../..
BUSYBOX=$TOP/build/third_party/busybox-static/bin/busybox

setup_file() {
	have
	export C=$BATS_FILE_TMPDIR/c
	accounts
	kubeconfig
	machine
	echo 1 >/proc/sys/net/ipv4/ip_forward # the agent is not privileged
	rm -rf /opt/cni/bin/* /etc/cni/net.d
	control_groups
	start_etcd
	start_apiserver --allow-privileged
	begin manager "$K/kube-controller-manager" --kubeconfig "$C/kubeconfig" --leader-elect=false --port 0 --secure-port 0 --allocate-node-cidrs \
		--cluster-cidr 10.42.0.0/16 --service-cluster-ip-range 10.96.0.0/16 --root-ca-file "$C/ca.crt" --service-account-private-key-file "$C/accounts.key" \
		--controllers daemonset,nodeipam,nodelifecycle,serviceaccount,serviceaccount-token
	begin scheduler "$K/kube-scheduler" --kubeconfig "$C/kubeconfig" --leader-elect=false --port 0 --secure-port 0
	start_containerd
	start_kubelet
}
teardown_file() {
	local pid
	[ -e "$C/kubelet.pid" ] || return 0 # skipped
	kill -KILL "$(cat "$C/kubelet.pid")" # first, or it makes anew what ends now
	for pid in $(c tasks list -q); do c tasks kill -s SIGKILL "$pid"; done
	LOG=$BATS_FILE_TMPDIR/containerd.log until_true all_ended || true
	rm "$C/kubelet.pid"
	for pid in "$C"/*.pid; do kill -KILL "$(cat "$pid")" || true; done
	ip link del eth0
}
all_ended() { ! c tasks list | grep -q RUNNING; }
# shellcheck disable=SC2034 # LOG is of node_run_helpers.bash
setup() { LOG=$BATS_FILE_TMPDIR/kubelet.log; }
teardown() { :; }

have() {
	local program
	for program in containerd ctr runc; do
		command -v $program >/dev/null || skip "no $program"
	done
	[ -x "$BUSYBOX" ] || skip "no static busybox (third_party/unpack busybox-static)"
	[ -x "$K/kubelet" ] || skip "no kubelet (make test-kubernetes builds it)"
	image >/dev/null || skip "no image (make image)"
}

# image: the newest that make image has made
image() { find "$TOP/build/dist" -name 'cnibox-*-oci.tar' -printf '%T@ %p\n' 2>/dev/null | sort -n | sed -n '$s/^[^ ]* //p' | grep .; }

kubeconfig() {
	jq -n --arg ca "$C/ca.crt" '{apiVersion: "v1", kind: "Config", "current-context": "c", contexts: [{name: "c", context: {cluster: "c", user: "u"}}],
		clusters: [{name: "c", cluster: {server: "https://127.0.0.1:6443", "certificate-authority": $ca}}], users: [{name: "u", user: {token: "admin"}}]}' >"$C/kubeconfig"
}

# kubelet reads them, and gives none to a pod.
control_groups() {
	local name
	mount --make-rshared /
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	grep -q memory /sys/fs/cgroup/cgroup.controllers && return
	umount /sys/fs/cgroup
	mount -t tmpfs cgroup /sys/fs/cgroup
	for name in cpu cpuacct cpuset memory devices freezer blkio pids; do
		mkdir "/sys/fs/cgroup/$name"
		mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name"
	done
}

c() { timeout 120 ctr -a /run/containerd/sock -n k8s.io "$@" </dev/null 3>&-; }

start_containerd() {
	mkdir -p /var/lib/containerd
	mount -t tmpfs tmpfs /var/lib/containerd
	cat >"$C/containerd" <<-'CONF'
		version = 2
		root = "/var/lib/containerd/root"
		state = "/run/containerd/state"
		[grpc]
		address = "/run/containerd/sock"
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "localhost/pause:latest"
		disable_cgroup = true
		disable_apparmor = true
		restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".containerd]
		snapshotter = "native"
	CONF
	begin containerd containerd -c "$C/containerd"
	LOG=$BATS_FILE_TMPDIR/containerd.log until_true c version >/dev/null 2>&1
	image_of pause "/bin/busybox sleep 100000"
	image_of web "/bin/busybox httpd -f -p 80 -h /www"
	c images import "$(image)"
}

# image_of NAME COMMAND: of static busybox, as `docker save` would write it
image_of() {
	local at=$BATS_FILE_TMPDIR/$1
	mkdir -p "$at"/root/{bin,www,proc,sys,dev,etc}
	cp "$BUSYBOX" "$at/root/bin"
	echo hello >"$at/root/www/index.html"
	tar -C "$at/root" -cf "$at/layer.tar" .
	jq -n --arg layer "sha256:$(sha256sum <"$at/layer.tar" | cut -d' ' -f1)" --arg command "$2" '{architecture: "amd64", os: "linux",
		config: {Cmd: ($command | split(" "))}, rootfs: {type: "layers", diff_ids: [$layer]}}' >"$at/config.json"
	echo '[{"Config": "config.json", "RepoTags": ["localhost/'"$1"':latest"], "Layers": ["layer.tar"]}]' >"$at/manifest.json"
	tar -C "$at" -cf "$at/image.tar" manifest.json config.json layer.tar
	c images import "$at/image.tar"
}

# It is ready for pods but for their network.
start_kubelet() {
	cat >"$C/kubelet" <<-'CONF'
		{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "cgroupsPerQOS": false, "enforceNodeAllocatable": [], "failSwapOn": false,
		"authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}}, "authorization": {"mode": "AlwaysAllow"}, "makeIPTablesUtilChains": false,
		"evictionHard": {"nodefs.available": "0%", "imagefs.available": "0%", "memory.available": "1Mi"}, "resolvConf": ""}
	CONF
	begin kubelet "$K/kubelet" --config "$C/kubelet" --kubeconfig "$C/kubeconfig" --hostname-override m --node-ip 192.168.122.14 --root-dir /run/kubelet \
		--cert-dir "$BATS_FILE_TMPDIR/kubelet.certs" --container-runtime remote --container-runtime-endpoint unix:///run/containerd/sock
	LOG=$BATS_FILE_TMPDIR/kubelet.log until_seconds 120 has_subnet
	LOG=$BATS_FILE_TMPDIR/manager.log until_seconds 60 kubectl get serviceaccount default >/dev/null 2>&1
}
has_subnet() { kubectl get node m -o jsonpath='{.spec.podCIDR}' 2>/dev/null | grep -q .; }

# run_pod NAME: a web server
run_pod() { kubectl run "$1" --image localhost/web:latest --image-pull-policy Never; }

# is_ready OBJECT: in at most two minutes
is_ready() { kubectl wait "$1" --for condition=Ready --timeout 120s "${@:2}"; }

says_hello() { "$BUSYBOX" wget -qO- "http://$(kubectl get pod "$1" -o jsonpath='{.status.podIP}')/" | grep -qx hello; }

# after: seconds since $begun
after() { awk -v n="$(($(date +%s%N) - begun))" 'BEGIN { printf "%.1f s", n / 1e9 }'; }

@test "kubectl apply of the manifest: the plugins are there, the node is Ready, and the pod that waits for it runs" {
	local begun said
	run_pod first
	! kubectl wait node/m --for condition=Ready --timeout 1s || false
	begun=$(date +%s%N)
	"$CNIBOX" node manifest --set server=https://127.0.0.1:6443 --set image="$(c images list -q | grep localhost/cnibox)" | kubectl apply -f -
	until_seconds 120 test -e "$CONFLIST"
	said="configuration after $(after)"
	is_ready node/m
	said+=", node Ready after $(after)"
	is_ready pod/first
	said+=", first pod Ready after $(after)"
	until_true says_hello first
	echo "# from kubectl apply: $said" >&3
	is_ready pod -n kube-system -l app=cnibox
	"$TOP/build/cnibox" node show --name m -f <(kubectl get nodes -o json)
}

@test "the next pod; both go, and nothing is left" {
	local begun
	begun=$(date +%s%N)
	run_pod second
	is_ready pod/second
	echo "# from kubectl run: Ready after $(after)" >&3
	until_true says_hello second
	kubectl delete pod first second --grace-period 1
	until_true nothing_left
}
nothing_left() { ! ip -o link show master cni0 2>/dev/null | grep -q .; }
