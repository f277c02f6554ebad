#!/usr/bin/env bats
# The macvlan plugin: pods with MACs of their own on the node's wire, against the real kernel.
bats_require_minimum_version 1.5.0
load helpers
load wire_helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"macvlan","master":"w0","ipam":{"type":"host-local",
"ranges":[[{"subnet":"10.9.0.0/24","rangeStart":"10.9.0.10"}],[{"subnet":"fd00:9::/64","rangeStart":"fd00:9::10"}]],
"routes":[{"dst":"0.0.0.0/0","gw":"10.9.0.1"}]}}'

setup() {
	kernel_has macvlan
	wire
	pod a
	pod b
}

teardown() {
	unwire macvlan "$CONF"
}

@test "ADD: result; the pod reaches its neighbours and other pods in both families, and the node has no new link" {
	before=$(ip -o link | wc -l)
	r=$(add macvlan a "$CONF")
	add macvlan b "$CONF" >/dev/null
	[ "$(jq -c '[.interfaces[] | [.name, .sandbox, .mtu]], [.ips[] | [.address, .interface]]' <<<"$r" | tr -d '\n')" = \
		'[["eth0","/run/netns/a",1500]][["10.9.0.10/24",0],["fd00:9::10/64",0]]' ]
	[ "$(made '[.address, .linkinfo.info_kind, .linkinfo.info_data.mode, .ifalias, .group]')" = \
		"[$(jq '.interfaces[0].mac' <<<"$r"),\"macvlan\",\"bridge\",\"cnibox net1 a eth0\",\"default\"]" ]
	for address in 10.9.0.1 fd00:9::1 10.9.0.11 fd00:9::11; do
		ping_from a "$address"
	done
	[ "$(ip -n a route show default)" = "default via 10.9.0.1 dev eth0 " ]
	[ "$(ip -o link | wc -l)" = "$before" ]
}

@test "ADD: every mode, mtu, MAC, bcqueuelen; the node's own eth0 is not in the way" {
	ip link add eth0 type veth peer name other
	for mode in private vepa passthru bridge ""; do
		r=$(CNI_ARGS='MAC=02:11:22:33:44:55' add macvlan a "$(jq -c --arg mode "$mode" '.mode = $mode | .mtu = 1400 | .bcqueuelen = 2000' <<<"$CONF")")
		[ "$(made '[.linkinfo.info_data.mode, .mtu, .address]')" = "[\"${mode:-bridge}\",1400,\"02:11:22:33:44:55\"]" ]
		[ "$(jq -c '.interfaces[0] | [.mtu, .mac]' <<<"$r")" = '[1400,"02:11:22:33:44:55"]' ]
		[ "$(made .linkinfo.info_data.bcqueuelen)" = 2000 ] || [ "$(made .linkinfo.info_data.bcqueuelen)" = null ]
		ping_from a 10.9.0.1
		del macvlan a "$CONF"
	done
	ip link del eth0
}

@test "ADD: mode passthru has the master's MAC, which is the master's again after DEL" {
	mac=$(cat /sys/class/net/w0/address)
	r=$(add macvlan a "$(jq -c '.mode = "passthru"' <<<"$CONF")")
	[ "$(jq -r '.interfaces[0].mac' <<<"$r")" = "$mac" ]
	unchanged fails 101 "master: w0 is taken: container a has it as interface eth0 of network net1" add macvlan b "$CONF"
	del macvlan a "$CONF"
	CNI_ARGS='MAC=02:11:22:33:44:55' add macvlan a "$(jq -c '.mode = "passthru"' <<<"$CONF")" >/dev/null
	del macvlan a "$CONF"
	[ "$(cat /sys/class/net/w0/address)" = "$mac" ]
}

@test "ADD: the master is that of the default route, of IPv6's when there is no other, and of the pod with linkInContainer" {
	conf=$(jq -c 'del(.master)' <<<"$CONF")
	unchanged fails 7 "master: missing, and no default route" add macvlan a "$conf"
	fails 50 "master: missing" status macvlan "$conf"
	ip route add default via 10.9.0.1 metric 50
	add macvlan a "$conf" >/dev/null
	call CHECK macvlan a /run/netns/a "$(with_prev "$conf" "$(add macvlan a "$conf" eth1)")" eth1
	del macvlan a "$conf" eth1
	del macvlan a "$conf"
	ip route del default
	ip -6 route add default dev w0
	add macvlan a "$conf" >/dev/null
	ping_from a fd00:9::1
	del macvlan a "$conf"
	ip link set w0 netns a
	ip -n a link set w0 up
	conf=$(jq -c '.linkInContainer = true | .master = "w0"' <<<"$CONF")
	unchanged fails 7 'there is no interface "w0" in the pod' add macvlan b "$conf"
	r=$(add macvlan a "$conf")
	ping_from a 10.9.0.1
	call CHECK macvlan a /run/netns/a "$(with_prev "$conf" "$r")"
	del macvlan a "$conf"
	[ "$(links a)" = 1 ]
}

@test "ADD: several in one pod, and one without addresses" {
	two=$(jq -c '.name = "net2" | del(.ipam)' <<<"$CONF")
	r=$(add macvlan a "$CONF")
	r2=$(add macvlan a "$two" net1)
	[ "$(jq -c '[.ips, .interfaces[0].name]' <<<"$r2")" = '[null,"net1"]' ]
	ip -n a -o link show net1 | grep -q 'UP'
	call CHECK macvlan a /run/netns/a "$(with_prev "$CONF" "$r")"
	call CHECK macvlan a /run/netns/a "$(with_prev "$two" "$r2")" net1
	del macvlan a "$CONF"
	call CHECK macvlan a /run/netns/a "$(with_prev "$two" "$r2")" net1
	del macvlan a "$two" net1
	[ "$(links a)" = 0 ]
}

@test "ADD: a neighbour that knew another pod by this address is told" {
	ip -n lan neigh replace 10.9.0.10 lladdr 02:00:00:00:00:99 dev w1 nud stale
	r=$(add macvlan a "$CONF")
	for _ in $(seq 600); do
		ip -n lan neigh show 10.9.0.10 | grep -q "$(jq -r '.interfaces[0].mac' <<<"$r")" && break
		sleep 0.1
	done
	ip -n lan neigh show 10.9.0.10 | grep -q "$(jq -r '.interfaces[0].mac' <<<"$r")"
}

@test "ADD: an IPv6 address that another machine has is refused with enabledad; what ADD gives can be used when it returns" {
	detects_duplicates macvlan "$CONF" fd00:9::10 w1
}

@test "DEL: everything as before, twice, without a namespace, after the namespace has gone, and whatever the pod calls it" {
	before=$(snapshot)
	add macvlan a "$CONF" >/dev/null
	del macvlan a "$CONF"
	[ "$(links a)" = 0 ]
	diff <(echo "$before") <(snapshot)
	del macvlan a "$CONF"
	add macvlan a "$CONF" >/dev/null
	ip -n a link set eth0 down
	ip -n a link set eth0 name wan
	del macvlan a "$(jq -c '.master = "gone" | .mode = "odd" | .mtu = 1 | .mac = "x"' <<<"$CONF")"
	[ "$(links a)" = 0 ]
	add macvlan a "$CONF" >/dev/null
	ip netns del a
	call DEL macvlan a "" "$CONF"
	diff <(echo "$before" | grep -v netns/a) <(snapshot)
}

@test "DEL leaves an interface that is not this attachment's" {
	ip link add link w0 name eth0 netns a type macvlan
	unchanged fails 101 "eth0" add macvlan a "$CONF"
	del macvlan a "$CONF"
	ip -n a link set eth0 alias "cnibox net2 a eth0"
	del macvlan a "$CONF"
	[ "$(links a)" = 1 ]
}

@test "an ADD that fails late leaves nothing" {
	unchanged fails 100 route add macvlan a "$(jq -c '.ipam.routes = [{"dst":"192.0.2.0/24","gw":"198.51.100.1"}]' <<<"$CONF")"
	[ "$(links a)" = 0 ]
}

@test "what cannot be is refused with its code, and changes nothing" {
	unchanged fails 7 'mode: "odd" is none of bridge, private, vepa, passthru' add macvlan a "$(jq -c '.mode = "odd"' <<<"$CONF")"
	unchanged fails 7 'master: there is no interface "w7" on the node' add macvlan a "$(jq -c '.master = "w7"' <<<"$CONF")"
	unchanged fails 7 "mtu: 1501 is above that of the master w0, 1500" add macvlan a "$(jq -c '.mtu = 1501' <<<"$CONF")"
	unchanged fails 7 "mtu" add macvlan a "$(jq -c '.mtu = 5' <<<"$CONF")"
	unchanged fails 7 "mac" add macvlan a "$(jq -c '.mac = "03:11:22:33:44:55"' <<<"$CONF")"
	unchanged fails 7 "bcqueuelen" add macvlan a "$(jq -c '.bcqueuelen = -1' <<<"$CONF")"
	unchanged fails 7 "linkInContainer" add macvlan a "$(jq -c '.linkInContainer = "yes"' <<<"$CONF")"
	CNI_ARGS='MAC=02:11:22:33:44:55' add macvlan b "$CONF" >/dev/null
	CNI_ARGS='MAC=02:11:22:33:44:55' unchanged fails 101 "mac: 02:11:22:33:44:55 on master w0 is taken: container b has it as interface eth0 of network net1" add macvlan a "$CONF"
	ip link add br9 type bridge
	ip link add p0 type veth peer name p1
	ip link set p0 master br9
	unchanged fails 100 "the master serves something else" add macvlan a "$(jq -c '.master = "p0"' <<<"$CONF")"
	unchanged fails 100 "create macvlan" add macvlan a "$(jq -c '.master = "lo"' <<<"$CONF")"
	ip link del p0
	ip link del br9
}

@test "CHECK: succeeds after ADD, and names what was changed" {
	prev=$(with_prev "$CONF" "$(add macvlan a "$CONF")")
	check() { call CHECK macvlan a /run/netns/a "$(jq -c "${1:-.}" <<<"$prev")"; }
	check
	fails 105 "not of mode vepa" check '.mode = "vepa"'
	ip link add p0 type veth peer name p1
	fails 105 "does not hang on master p0" check '.master = "p0"'
	ip link del p0
	fails 105 'there is no interface "w9"' check '.master = "w9"'
	ip -n a addr del 10.9.0.10/24 dev eth0
	fails 105 "10.9.0.10/24" check
	ip -n a link del eth0
	fails 105 "eth0 is not in the pod" check
	ip -n a link add eth0 type veth peer name eth1
	fails 105 "eth0" check
}

@test "DEL without a namespace finds it where it is; a second one has nothing to search for" {
	for conf in "$CONF" "$(jq -c 'del(.ipam)' <<<"$CONF")"; do
		add macvlan a "$conf" >/dev/null
		add macvlan b "$conf" >/dev/null
		call DEL macvlan a "" "$conf"
		[ "$(links a) $(links b)" = "0 1" ]
		call DEL macvlan a "" "$conf"
		del macvlan b "$conf"
	done
}

@test "DEL finds the interface, too, where the path is no namespace's any more: a FIFO, a socket, a loop of links, too long" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	jq -n 1 >"$BATS_TEST_TMPDIR/file"
	ln -s loop "$BATS_TEST_TMPDIR/loop"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$BATS_TEST_TMPDIR/socket"
	for path in "$BATS_TEST_TMPDIR"/{fifo,file,loop,socket} "/run/netns/$(printf '%0300d' 1)" /dev/null /proc/self/ns/mnt; do
		add macvlan a "$CONF" >/dev/null
		call DEL macvlan a "$path" "$CONF"
		[ "$(links a)" = 0 ]
	done
}

# hides POD NAME [OTHERS]: behind so many others the pod moves eth0 to a namespace NAME that only it knows: without a process, and named in its own mounts alone. HIDER is its process.
hides() {
	mkfifo "$BATS_TEST_TMPDIR/hidden"
	ip netns exec "$1" unshare --mount bash -c 'mount -t tmpfs none /run/netns &&
		for ((i = 0; i < $2; i++)); do ip netns add "other$i" && ip link add "x$i" type veth peer name y netns "other$i" || exit; done &&
		ip netns add "$0" && ip link set eth0 netns "$0" && ip -n "$0" link set eth0 name "$0" &&
		echo >"$1" && exec sleep 600' "$2" "$BATS_TEST_TMPDIR/hidden" "${3:-0}" 3>&- &
	HIDER=$!
	timeout 200 cat "$BATS_TEST_TMPDIR/hidden"
	rm "$BATS_TEST_TMPDIR/hidden"
}

@test "DEL finds what the pod has moved to another namespace, named or not, on to a third, and renamed there" {
	for conf in "$CONF" "$(jq -c 'del(.ipam)' <<<"$CONF")"; do
		add macvlan a "$conf" >/dev/null
		hides a secret
		[ "$(links a) $(nsenter -t "$HIDER" -m ip -n secret -o link show type macvlan | wc -l)" = "0 1" ]
		del macvlan a "$conf"
		[ "$(nsenter -t "$HIDER" -m ip -n secret -o link show type macvlan | wc -l)" = 0 ]
		[ ! -e /var/lib/cni/networks/net1/10.9.0.10 ]
		kill "$HIDER"
		wait "$HIDER" || true
		add macvlan a "$conf" >/dev/null
		add macvlan b "$conf" >/dev/null
		ip -n a link set eth0 netns b name moved
		del macvlan a "$conf"
		[ "$(links b)" = 1 ]
		add macvlan a "$conf" >/dev/null
		pod c
		ip -n a link set eth0 netns b name moved
		ip -n b link set moved netns c name hidden
		del macvlan a "$conf"
		[ "$(links b) $(links c)" = "1 0" ]
		call CHECK macvlan b /run/netns/b "$(with_prev "$conf" '{"interfaces":[{"name":"eth0","sandbox":"/run/netns/b"}]}')"
		del macvlan b "$conf"
		ip netns del c
	done
}

@test "DEL finds what the pod has hidden behind hundreds of other namespaces" {
	add macvlan a "$CONF" >/dev/null
	hides a secret 300
	[ "$(nsenter -t "$HIDER" -m ip -n secret -o link show type macvlan | wc -l)" = 1 ]
	del macvlan a "$CONF"
	[ "$(nsenter -t "$HIDER" -m ip -n secret -o link show type macvlan | wc -l)" = 0 ]
	kill "$HIDER"
	wait "$HIDER" || true
}

# decoy POD NAME [ID]: a link of the pod's own with the marks of pod a's interface.
decoy() {
	ip -n "$1" link add "$2" type veth peer name "peer-$2"
	ip -n "$1" link set "$2" alias "cnibox net1 ${3:-a} eth0"
}

@test "DEL takes the interface whatever other links pods have given its name and alias" {
	add macvlan a "$CONF" >/dev/null
	ip -n a link set eth0 down
	ip -n a link set eth0 name real
	decoy a eth0
	decoy a more
	del macvlan a "$CONF"
	[ "$(links a)" = 0 ]
	for p in a b; do
		add macvlan "$p" "$CONF" >/dev/null
	done
	decoy a x0 b
	decoy b x0 a
	for p in a b; do
		call DEL macvlan "$p" "" "$CONF"
		fails_to ip -n "$p" link show eth0
		[ ! -e /var/lib/cni/networks/net1/10.9.0.10 ]
	done
	add macvlan a "$CONF" >/dev/null
	hides a secret
	decoy a eth0
	del macvlan a "$CONF"
	[ "$(nsenter -t "$HIDER" -m ip -n secret -o link show type macvlan | wc -l) $(links a)" = "0 0" ]
	kill "$HIDER"
	wait "$HIDER" || true
}

# to_node POD NAME: as the pod itself can, with CAP_NET_ADMIN: the kernel keeps a number for the node in its namespace.
to_node() {
	ip -n "$1" link set eth0 netns 1 name "$2"
}

@test "DEL and GC find what the pod has moved to the node itself" {
	before=$(ip -o link | wc -l)
	for conf in "$CONF" "$(jq -c 'del(.ipam)' <<<"$CONF")"; do
		add macvlan a "$conf" >/dev/null
		to_node a eth7
		decoy a eth0
		del macvlan a "$conf"
		[ "$(ip -o link | wc -l) $(links a)" = "$before 0" ]
		add macvlan a "$conf" >/dev/null
		to_node a eth7
		call DEL macvlan a "" "$conf"
		[ "$(ip -o link | wc -l)" = "$before" ]
		for p in a b; do
			add macvlan "$p" "$conf" >/dev/null
			to_node "$p" "moved-$p"
		done
		gc macvlan "$conf" '[{"containerID":"b","ifname":"eth0"}]'
		fails_to ip link show moved-a
		ip link show moved-b
		[ ! -e /var/lib/cni/networks/net1/10.9.0.10 ]
		del macvlan b "$conf"
		[ "$(ip -o link | wc -l)" = "$before" ]
	done
}

# restless POD: it has two thousand links, and changes others all the time, so that no dump of them comes to its end. $RESTLESS is the process.
restless() {
	for i in {1..1000}; do echo "link add x$i type veth peer name y$i"; done | ip -n "$1" -batch -
	ip netns exec "$1" bash -c 'for n in a b c; do
		while printf "link add $n%s type bridge\n" {1..3} && printf "link del $n%s\n" {1..3}; do :; done | ip -force -batch - &
	done; wait' 3>&- >/dev/null 2>&1 &
	RESTLESS=$!
	until ip -n "$1" -o link 2>&1 >/dev/null | grep -q interrupted; do kill -0 $RESTLESS; done
}

@test "a pod that changes its links all the time keeps nobody from ADD, DEL, CHECK and GC" {
	pod c
	restless c
	other=$(jq -c '.name = "net2"' <<<"$CONF")
	call CHECK macvlan c /run/netns/c "$(with_prev "$other" "$(add macvlan c "$other")")"
	for p in a b; do add macvlan "$p" "$CONF" >/dev/null; done
	call DEL macvlan a "" "$CONF"
	[ "$(links a)" = 0 ]
	gc macvlan "$CONF" '[]'
	[ "$(links b)" = 0 ]
	CNI_COMMAND=GC "$CNIBOX_BIN/portmap" <<<'{"cniVersion":"1.1.0","name":"net1","type":"portmap","cni.dev/valid-attachments":[]}'
	add macvlan a "$CONF" >/dev/null
	ip netns del a
	pod a
	add macvlan a "$CONF" >/dev/null
	del macvlan c "$other"
	fails_to ip -n c link show eth0
	kill -0 $RESTLESS
	pkill -P $RESTLESS
	wait $RESTLESS || true
}

@test "STATUS tells a master that is missing; GC removes exactly what is not valid" {
	status macvlan "$CONF"
	fails 50 'there is no interface "w9"' status macvlan "$(jq -c '.master = "w9"' <<<"$CONF")"
	for conf in "$CONF" "$(jq -c 'del(.ipam)' <<<"$CONF")"; do
		for p in a b; do add macvlan "$p" "$conf" >/dev/null; done
		add macvlan a "$(jq -c '.name = "net2" | del(.ipam)' <<<"$CONF")" net1 >/dev/null
		gc macvlan "$conf" '[{"containerID":"b","ifname":"eth0"}]'
		[ "$(links a) $(links b)" = "1 1" ]
		[ ! -e /var/lib/cni/networks/net1/10.9.0.10 ]
		del macvlan b "$conf"
		del macvlan a "$(jq -c '.name = "net2" | del(.ipam)' <<<"$CONF")" net1
	done
}

@test "an ADD whose namespace died without DEL succeeds in a new one, and not while the old one lives" {
	for n in 1 2 3; do
		ip netns add "old$n"
		call ADD macvlan pod "/run/netns/old$n" "$CONF"
		ip -n "old$n" link set eth0 down name renamed
		ip netns add "new$n"
		fails 101 "allocated to container pod" call ADD macvlan pod "/run/netns/new$n" "$CONF"
		ip netns del "old$n"
		call ADD macvlan pod "/run/netns/new$n" "$CONF"
		[ "$(find /var/lib/cni/networks/net1 -name '10.9.*' | wc -l)" = 1 ]
		call DEL macvlan pod "/run/netns/new$n" "$CONF"
		ip netns del "new$n"
	done
}

@test "what there is once on a master is had again at once when the namespace of whoever had it has died" {
	for conf in "$(jq -c '.mode = "passthru"' <<<"$CONF")" "$(jq -c '.mac = "02:11:22:33:44:55"' <<<"$CONF")"; do
		for n in $(seq 20); do
			ip netns add "old$n"
			call ADD macvlan pod "/run/netns/old$n" "$conf"
			ip netns add "new$n"
			ip netns del "old$n"
			call ADD macvlan pod "/run/netns/new$n" "$conf"
			call DEL macvlan pod "/run/netns/new$n" "$conf"
			ip netns del "new$n"
		done
	done
}
