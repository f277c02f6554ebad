# What the tests with real clients share: our plugins where a system has them, a list of the client's own kind, an image with a web server, and out,
# a machine beside the node. Everything a client writes is in this test's own mounts.

CNIBOX_BIN=${CNIBOX_BIN:-$BATS_TEST_DIRNAME/../../build/bin}
BUSYBOX=$BATS_TEST_DIRNAME/../../build/third_party/busybox-static/bin/busybox

# have PROGRAM...: or skip.
have() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "no $program (make test-clients installs it)"
	done
	[ -x "$BUSYBOX" ] || skip "no static busybox (third_party/unpack busybox-static)"
}

cover() {
	mkdir -p "$1"
	mount -t tmpfs tmpfs "$1"
}

client_host() {
	cover /var/lib/containers
	cover /var/lib/containerd
	mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null || true # a client looks at it; no container has one
	cp -a "$CNIBOX_BIN/." /opt/cni/bin/
	mkdir -p /etc/cni/net.d
	export HOME=$BATS_FILE_TMPDIR CNI_PATH=/opt/cni/bin
	ip netns add out
	ip link add up0 type veth peer name eth0 netns out
	ip addr add 203.0.113.1/24 dev up0
	ip link set up0 up
	ip -n out addr add 203.0.113.2/24 dev eth0
	ip -n out link set eth0 up
	ip netns exec out "$BUSYBOX" nc -ll -p 7000 -e "$BUSYBOX" sh -c 'echo out' >/dev/null 2>&1 3>&- </dev/null &
	echo $! >"$BATS_FILE_TMPDIR/nc.pid"
}

# The plugins of a list NAME BRIDGE SUBNET VERSION, with firewall where this build has it.
net() {
	local firewall=''
	[ ! -e "$CNIBOX_BIN/firewall" ] || firewall='{"type":"firewall"},'
	jq . <<-JSON >"/etc/cni/net.d/87-$1.conflist"
		{"cniVersion":"$4","name":"$1","plugins":[{"type":"bridge","bridge":"$2","isGateway":true,"ipMasq":true,"hairpinMode":true,"ipam":{"type":"host-local",
		"routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":"$3"}]]}},{"type":"portmap","capabilities":{"portMappings":true}},$firewall{"type":"tuning"}]}
	JSON
}

# An image's files: a shell and a web server that says hello.
rootfs() {
	mkdir -p "$1/bin" "$1/www" "$1/proc" "$1/sys" "$1/dev" "$1/etc"
	cp "$BUSYBOX" "$1/bin/"
	ln -sf busybox "$1/bin/sh"
	echo hello >"$1/www/index.html"
}

# from NETNS URL: what a web server says; NETNS "": the node. Until it answers, for a server that is being started.
from() {
	local at=() deadline=$((SECONDS + 30))
	[ -z "$1" ] || at=(ip netns exec "$1")
	while [ $SECONDS -lt $deadline ]; do
		! timeout 5 "${at[@]}" "$BUSYBOX" wget -qO- "$2" || return 0
	done
	return 1
}

# nothing_left: of an attachment on the node.
nothing_left() {
	[ "$(ip -o link show type veth | grep -vc ' up0[@:]')" = 0 ]
	[ "$(nft list ruleset 2>/dev/null | grep -c '^table inet cnibox')" = 0 ]
	[ -z "$(find /var/lib/cni/networks -name '[0-9]*.*' -type f)" ]
	[ -z "$(find /run/cnibox/fw -type f 2>/dev/null)" ]
}
