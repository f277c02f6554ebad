#!/usr/bin/env bats
# The bridge plugin with host-local against the real kernel.
bats_require_minimum_version 1.5.0
load helpers

CONF='{"cniVersion":"1.0.0","name":"net1","type":"bridge","bridge":"cni0","isDefaultGateway":true,"ipMasq":true,"hairpinMode":true,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}}'

setup() {
	pod a
	pod b
}

teardown() {
	clean bridge "$CONF"
}

@test "ADD: result, addresses, routes, and pods reach each other and the gateway in both families" {
	ra=$(add bridge a "$CONF")
	rb=$(add bridge b "$CONF")
	[ "$(jq -r '[.interfaces[].name] | .[0] + " " + .[2]' <<<"$ra")" = "cni0 eth0" ]
	[ "$(jq -r '.interfaces[2].sandbox' <<<"$ra")" = /run/netns/a ]
	[ "$(jq -c '[.ips[].interface]' <<<"$ra")" = "[2,2]" ]
	[ "$(address "$ra")" = 10.1.0.2 ]
	[ "$(address "$rb" 1)" = fd00:1::3 ]
	ip netns exec a ping -c1 -W10 -q 10.1.0.3
	ip netns exec a ping -c1 -W10 -q fd00:1::3
	ip netns exec a ping -c1 -W10 -q 10.1.0.1
	ip netns exec a ping -c1 -W10 -q fd00:1::1
	ip -n a route | grep -q 'default via 10.1.0.1 dev eth0'
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
}

@test "ADD: the MACs of the result are the kernel's, and the host end's alias names the attachment" {
	r=$(add bridge a "$CONF")
	for i in 0 1; do
		name=$(jq -r ".interfaces[$i].name" <<<"$r")
		[ "$(cat "/sys/class/net/$name/address")" = "$(jq -r ".interfaces[$i].mac" <<<"$r")" ]
	done
	[ "$(ip -n a -j link show eth0 | jq -r '.[0].address')" = "$(jq -r '.interfaces[2].mac' <<<"$r")" ]
	[ "$(cat "/sys/class/net/$name/ifalias")" = "cnibox net1 a eth0" ]
	[ "$(cat "/sys/class/net/cni0/brif/$name/hairpin_mode")" = 1 ]
}

@test "ADD: the host end is up, in the bridge, in no link group, and without IPv6 of its own; an MTU that IPv6 cannot have is no hindrance" {
	name=$(add bridge a "$CONF" | jq -r '.interfaces[1].name')
	ip -d -o link show "$name" | grep -q 'master cni0 state UP .* group default .* addrgenmode none'
	[ -z "$(ip -6 -o addr show dev "$name")" ]
	conf=$(jq -c '.mtu = 1000 | .bridge = "cni9" | .name = "small" | .ipam = {type: "host-local", subnet: "10.9.0.0/24"}' <<<"$CONF")
	name=$(add bridge b "$conf" | jq -r '.interfaces[1].name')
	ip -d -o link show "$name" | grep -q 'mtu 1000 .* master cni9 state UP .* group default'
	ip netns exec b ping -c1 -W10 -q 10.9.0.1
	del bridge b "$conf"
	ip link del cni9
}

@test "DEL: host as before, twice, without a namespace, and after the namespace has gone" {
	del_leaves_nothing bridge "$CONF"
}

@test "a second network's subnet goes with its last pod, and with an ADD that fails" {
	net2=$(jq -c '.name = "net2" | .bridge = "cni2" | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}],[{"subnet":"fd00:2::/64"}]]' <<<"$CONF")
	add bridge a "$CONF" >/dev/null
	add bridge b "$net2" >/dev/null
	del bridge b "$net2"
	ip link del cni2
	before=$(snapshot)
	nft list set inet cnibox home4 | grep -q 10.1.0.0
	fails 100 'route' add bridge b "$(jq -c '.ipam.routes = [{"dst":"192.0.2.0/24","gw":"198.51.100.1"}]' <<<"$net2")"
	diff <(echo "$before") <(snapshot)
	add bridge b "$net2" >/dev/null
	nft list set inet cnibox home4 | grep -q 10.2.0.0
	nft list set inet cnibox home6 | grep -q fd00:2::
	del bridge b "$net2"
	run ! grep -E '10[.]2[.]0[.]|fd00:2::' <<<"$(nft list table inet cnibox)"
	ip link del cni2
	diff <(echo "$before") <(snapshot)
}

@test "leases are host-local's files; releasing 10.1.0.1x never releases another" {
	for i in $(seq 1 12); do
		pod "p$i"
		add bridge "p$i" "$CONF" >/dev/null
	done
	[ "$(od -An -c /var/lib/cni/networks/net1/10.1.0.2 | tr -d ' \n')" = 'p1\r\neth0' ]
	del bridge p1 "$CONF"
	[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
	[ "$(head -c 3 /var/lib/cni/networks/net1/10.1.0.11)" = p10 ]
	[ "$(cat /var/lib/cni/networks/net1/last_reserved_ip.0)" = 10.1.0.13 ]
}

@test "a full range is code 102 and changes nothing; a free address is found while one exists" {
	conf=$(jq -c '.ipam = {"type":"host-local","subnet":"10.9.0.0/29"} | .name = "small"' <<<"$CONF")
	for i in 1 2 3 4 5; do
		pod "s$i"
		add bridge "s$i" "$conf" >/dev/null
	done
	unchanged fails 102 "no IP addresses available in network: small" add bridge a "$conf"
	del bridge s3 "$conf"
	[ "$(address "$(add bridge a "$conf")")" = 10.9.0.4 ]
	del bridge a "$conf"
	for i in 1 2 4 5; do del bridge "s$i" "$conf"; done
}

@test "parallel ADDs on a fresh host: one bridge, no duplicate address, none fails" {
	for i in $(seq 1 40); do pod "q$i"; done
	for i in $(seq 1 40); do
		add bridge "q$i" "$CONF" >"$BATS_TEST_TMPDIR/q$i" &
	done
	wait
	[ "$(cat "$BATS_TEST_TMPDIR"/q* | jq -r '.ips[0].address' | sort -u | wc -l)" = 40 ]
	[ "$(ip -o link show type bridge | wc -l)" = 1 ]
	[ "$(cat /sys/class/net/cni0/ifalias)" = cnibox ]
	for i in $(seq 1 40); do del bridge "q$i" "$CONF" & done
	wait
	[ "$(find /var/lib/cni/networks/net1 -name '10.*' | wc -l)" = 0 ]
	[ "$(ip -o link show type veth | wc -l)" = 0 ]
}

@test "CHECK: succeeds after ADD, and names what was changed" {
	r=$(add bridge a "$CONF")
	prev=$(with_prev "$CONF" "$r")
	call CHECK bridge a /run/netns/a "$prev"
	ip -n a addr del 10.1.0.2/24 dev eth0
	fails 105 "10.1.0.2/24" call CHECK bridge a /run/netns/a "$prev"
	ip -n a addr add 10.1.0.2/24 dev eth0
	ip -n a link set eth0 name eth7
	fails 105 "eth0 is not in the pod" call CHECK bridge a /run/netns/a "$prev"
	ip -n a link set eth7 name eth0
	fails 7 "prevResult" call CHECK bridge a /run/netns/a "$CONF"
}

@test "GC removes exactly what is not valid: link, lease, masquerade" {
	conf=$(jq -c '.cniVersion = "1.1.0"' <<<"$CONF")
	for p in a b; do add bridge "$p" "$conf" >/dev/null; done
	other=$(jq -c '.name = "net2" | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}]] | .bridge = "cni2"' <<<"$conf")
	pod c
	add bridge c "$other" >/dev/null
	CNI_COMMAND=GC CNI_CONTAINERID= CNI_NETNS= CNI_IFNAME= "$CNIBOX_BIN/bridge" <<<"$(jq -c '."cni.dev/valid-attachments" = null' <<<"$conf")"
	[ "$(ip -o link show type veth | wc -l)" = 3 ]
	CNI_COMMAND=GC "$CNIBOX_BIN/bridge" <<<"$(jq -c '."cni.dev/valid-attachments" = [{"containerID":"b","ifname":"eth0"}]' <<<"$conf")"
	[ "$(ip -o link show type veth | wc -l)" = 2 ]
	[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
	[ -e /var/lib/cni/networks/net1/10.1.0.3 ]
	[ -e /var/lib/cni/networks/net2/10.2.0.2 ]
	nft list set inet cnibox masq4 | grep -q 10.1.0.3
	nft list set inet cnibox masq4 | grep -q 10.2.0.2
	run nft list set inet cnibox masq4
	[[ $output != *10.1.0.2\ * ]]
	del bridge c "$other"
	ip link del cni2
}

@test "the caller's own namespace is refused as the pod's, unless CNI_NETNS_OVERRIDE allows it" {
	own=/proc/self/ns/net
	CONF=$(jq -c '.isDefaultGateway = false | .ipMasq = false' <<<"$CONF")
	unchanged fails 4 "the host's own network namespace" call ADD bridge a $own "$CONF"
	r=$(CNI_NETNS_OVERRIDE=1 call ADD bridge a $own "$CONF")
	ip link show eth0
	CNI_NETNS_OVERRIDE=1 call CHECK bridge a $own "$(with_prev "$CONF" "$r")"
	CNI_NETNS_OVERRIDE=1 call DEL bridge a $own "$CONF"
	run ! ip link show eth0
	CNI_NETNS_OVERRIDE=true call ADD loopback a $own '{"cniVersion":"1.0.0","name":"lo","type":"loopback"}' lo
}

# No kernel takes an alias at creation: until it is set, the link group names the maker's process (0x63800000 and its pid).
@test "GC takes away what an ADD killed before its host end had a name, and spares one that is being made" {
	conf=$(jq -c '.cniVersion = "1.1.0" | ."cni.dev/valid-attachments" = []' <<<"$CONF")
	sleep 0.01 &
	dead=$!
	wait $dead
	ip link add vethdead type veth peer name eth7 netns a
	ip link set vethdead group $((0x63800000 + dead))
	ip link add vethlive type veth peer name eth8 netns a
	ip link set vethlive group $((0x63800000 + $$))
	ip link add vethother type veth peer name eth9 netns a
	CNI_COMMAND=GC CNI_PATH=$CNIBOX_BIN "$CNIBOX_BIN/bridge" <<<"$conf"
	run ! ip link show vethdead
	ip link show vethlive
	ip link show vethother
	ip link del vethlive
	ip link del vethother
}

@test "STATUS: 0 with room, 50 when no address is free" {
	conf=$(jq -c '.cniVersion = "1.1.0" | .name = "tiny" | .ipam = {"type":"host-local","subnet":"10.9.1.0/30"}' <<<"$CONF")
	CNI_COMMAND=STATUS "$CNIBOX_BIN/bridge" <<<"$conf"
	add bridge a "$conf" >/dev/null
	status_call() { CNI_COMMAND=STATUS "$CNIBOX_BIN/bridge" <<<"$conf"; }
	fails 50 "no IP addresses available" status_call
	del bridge a "$conf"
}

@test "a full range reclaims the leases of pods that are gone without a DEL, and says so; never that of a live one" {
	conf=$(jq -c '.cniVersion = "1.1.0" | .name = "tiny" | .ipam = {"type":"host-local","subnet":"10.9.2.0/29"}' <<<"$CONF")
	for i in 1 2 3 4 5; do
		pod "g$i"
		add bridge "g$i" "$conf" >/dev/null
	done
	fails 102 "no IP addresses available" add bridge a "$conf"
	for i in 2 4; do ip netns del "g$i"; done
	until [ "$(ip -o link show type veth | wc -l)" = 3 ]; do sleep 0.05; done
	run --separate-stderr add bridge a "$conf"
	[ "$status" -eq 0 ]
	[[ $stderr == *"reclaimed 2 leases"* ]]
	[ "$(find /var/lib/cni/networks/tiny -name '10.*' | wc -l)" = 4 ]
	for i in 1 3 5; do del bridge "g$i" "$conf"; done
	del bridge a "$conf"
}

@test "an existing eth0 is code 101, and the DEL that follows spares its owner" {
	first=$(jq -c '.name = "first"' <<<"$CONF")
	add bridge a "$first" >/dev/null
	unchanged fails 101 "eth0" add bridge a "$CONF"
	unchanged del bridge a "$CONF"
	ip -n a link show eth0 | grep -q UP
	fails 101 "eth0" add bridge a "$first"
	del bridge a "$first"
}

@test "DEL takes an attachment of the reference plugin over" {
	ref=$(ls -d /usr/lib/cni "$BATS_TEST_DIRNAME"/../../build/third_party/containernetworking-plugins/usr/lib/cni 2>/dev/null | head -1)
	[ -n "$ref" ] || skip "the reference plugins are not unpacked"
	conf=$(jq -c '.ipMasq = false | .cniVersion = "1.0.0"' <<<"$CONF")
	CNI_PATH=$ref CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$ref/bridge" <<<"$conf"
	[ -e /var/lib/cni/networks/net1/10.1.0.2 ]
	add bridge b "$conf" >/dev/null
	[ -e /var/lib/cni/networks/net1/10.1.0.3 ]
	del bridge a "$conf"
	[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
	[ "$(ip -o link show type veth | wc -l)" = 1 ]
}

@test "bad input: one error that names key, value and reason, and nothing changes" {
	bad() { unchanged fails "$1" "$2" add bridge a "$3"; }
	bad 6 "line 2, column 1: expected" '{"cniVersion":"1.0.0","name":"x"'
	bad 6 "standard input is empty" ''
	bad 1 'cniVersion "9.9.9"' "$(jq -c '.cniVersion = "9.9.9"' <<<"$CONF")"
	bad 7 "name: missing" "$(jq -c 'del(.name)' <<<"$CONF")"
	bad 7 'name "../x"' "$(jq -c '.name = "../x"' <<<"$CONF")"
	bad 7 'bridge: "a/b"' "$(jq -c '.bridge = "a/b"' <<<"$CONF")"
	bad 7 'bridge: "sixteen-letters-"' "$(jq -c '.bridge = "sixteen-letters-"' <<<"$CONF")"
	bad 7 'ipam.ranges' "$(jq -c '.ipam = {"type":"host-local"}' <<<"$CONF")"
	bad 7 '10.1.0.0/31' "$(jq -c '.ipam = {"type":"host-local","subnet":"10.1.0.0/31"}' <<<"$CONF")"
	bad 7 'no-such-ipam' "$(jq -c '.ipam.type = "no-such-ipam"' <<<"$CONF")"
	bad 7 'mtu' "$(jq -c '.mtu = "1500"' <<<"$CONF")"
	bad 7 'hairpinMode' "$(jq -c '.promiscMode = true' <<<"$CONF")"
}

@test "bad VLANs: each names key and value, and nothing changes" {
	bad() { unchanged fails 7 "$1" add bridge a "$(jq -c "$2" <<<"$CONF")"; }
	bad 'vlan: 4095 is not between 0 and 4094' '.vlan = 4095'
	bad 'vlan: -1 is not' '.vlan = -1'
	bad 'vlan: expected an integer' '.vlan = "5"'
	bad 'vlanTrunk: expected' '.vlanTrunk = {"id":5}'
	bad 'vlanTrunk[1].id: expected an integer from 1 to 4094, got number 0' '.vlanTrunk = [{"id":7},{"id":0}]'
	bad 'vlanTrunk[0].maxID: expected an integer from 1 to 4094, got number 4095' '.vlanTrunk = [{"minID":1,"maxID":4095}]'
	bad 'vlanTrunk[0]: maxID is missing beside minID' '.vlanTrunk = [{"minID":2}]'
	bad 'vlanTrunk[0]: minID is missing beside maxID' '.vlanTrunk = [{"maxID":2}]'
	bad 'vlanTrunk[0]: minID 3 is above maxID 2' '.vlanTrunk = [{"minID":3,"maxID":2}]'
	bad 'bridge: "thirteen-byte" is too long for the interface "thirteen-byte.42" of its VLAN' '.bridge = "thirteen-byte" | .vlan = 42'
	bad 'disableContainerInterface: true excludes ipam' '.disableContainerInterface = true'
	del bridge a "$(jq -c '.vlan = 4095 | .vlanTrunk = [{"maxID":2}] | .disableContainerInterface = true' <<<"$CONF")"
}

@test "without ipam: a link without addresses, up; down with disableContainerInterface, which CHECK compares" {
	conf=$(jq -c 'del(.ipam) | .ipMasq = false' <<<"$CONF")
	r=$(add bridge a "$conf")
	[ "$(jq -c '[.interfaces[].name | select(startswith("veth") | not)], .ips' <<<"$r" | tr -d '\n')" = '["cni0","eth0"]null' ]
	ip -n a -o link show eth0 | grep -q 'state UP'
	[ -z "$(ip -n a -o addr show dev eth0 scope global)" ]
	[ -z "$(ip -o addr show dev cni0 scope global)" ]
	call CHECK bridge a /run/netns/a "$(with_prev "$conf" "$r")"
	conf=$(jq -c '.disableContainerInterface = true' <<<"$conf")
	fails 105 "eth0 in the pod is up" call CHECK bridge a /run/netns/a "$(with_prev "$conf" "$r")"
	del bridge a "$conf"
	r=$(add bridge a "$conf")
	[ "$(jq -r '.interfaces[2].name' <<<"$r")" = eth0 ]
	ip -n a -o link show eth0 | grep -q 'state DOWN'
	call CHECK bridge a /run/netns/a "$(with_prev "$conf" "$r")"
	ip -n a link set eth0 up
	fails 105 "eth0 in the pod is up" call CHECK bridge a /run/netns/a "$(with_prev "$conf" "$r")"
	del bridge a "$conf"
	[ "$(ip -o link show type veth | wc -l)" = 0 ]
}

@test "bad environment: every problem in one error, code 4" {
	call_bad() { env -u CNI_IFNAME -u CNI_PATH CNI_COMMAND=ADD CNI_CONTAINERID=../x CNI_NETNS=/nowhere "$CNIBOX_BIN/bridge" <<<"$CONF"; }
	unchanged fails 4 "CNI_IFNAME is not set; CNI_PATH is not set; CNI_CONTAINERID" call_bad
	unchanged fails 4 "CNI_NETNS" call ADD bridge a /nowhere "$CONF"
	unchanged fails 4 "no network namespace" call ADD bridge a /etc/passwd "$CONF"
	unchanged fails 4 "CNI_IFNAME" call ADD bridge a /run/netns/a "$CONF" sixteen-letters-
	unchanged fails 4 "CNI_COMMAND" call NOSUCH bridge a /run/netns/a "$CONF"
	unchanged fails 4 "host's own" call ADD bridge a /proc/self/ns/net "$CONF"
}

@test "a bridge that is no bridge, and an unwritable state directory, are named" {
	ip link add cni0 type veth peer name cni0p
	unchanged fails 101 'bridge "cni0"' add bridge a "$CONF"
	ip link del cni0
	touch /var/lib/cni/file
	unchanged fails 103 "/var/lib/cni/file" add bridge a "$(jq -c '.ipam.dataDir = "/var/lib/cni/file/x"' <<<"$CONF")"
}

@test "CNI_ARGS: IP and MAC are given, unknown keys need IgnoreUnknown" {
	export CNI_ARGS="IP=10.1.0.77;MAC=02:11:22:33:44:55"
	r=$(add bridge a "$(jq -c '.ipam.ranges |= .[:1]' <<<"$CONF")")
	[ "$(address "$r")" = 10.1.0.77 ]
	[ "$(jq -r '.interfaces[2].mac' <<<"$r")" = 02:11:22:33:44:55 ]
	export CNI_ARGS="FOO=bar"
	fails 4 'FOO=bar' add bridge b "$CONF"
	export CNI_ARGS="FOO=bar;IgnoreUnknown=1;K8S_POD_NAME=x"
	add bridge b "$CONF"
}

@test "an attachment to a running process through /proc/PID/ns/net" {
	unshare -n sleep 600 3>&- &
	pid=$!
	until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
	call ADD bridge proc "/proc/$pid/ns/net" "$CONF"
	nsenter -n -t $pid ip -o addr show eth0 | grep -q 10.1.0.2/24
	kill $pid
	wait $pid || true
	call DEL bridge proc "/proc/$pid/ns/net" "$CONF"
	[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
}

@test "every protocol version in and out" {
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		conf=$(jq -c --arg v $v '.cniVersion = $v' <<<"$CONF")
		r=$(add bridge a "$conf")
		[ "$(jq -r .cniVersion <<<"$r")" = $v ]
		case $v in
		0.1.0 | 0.2.0) [ "$(jq -r '.ip4.ip | split("/")[1]' <<<"$r")" = 24 ]; [ "$(jq -r '.ip6.routes[0].dst' <<<"$r")" = ::/0 ] ;;
		0.*) [ "$(jq -c '[.ips[].version]' <<<"$r")" = '["4","6"]' ] ;;
		1.0.0) [ "$(jq -c '.ips[0].version' <<<"$r")" = null ] ;;
		1.1.0) [ "$(jq -c '.interfaces[2].mtu' <<<"$r")" = 1500 ] ;;
		esac
		del bridge a "$conf"
	done
	r=$(add bridge a "$(jq -c 'del(.cniVersion)' <<<"$CONF")")
	[ "$(jq -r .cniVersion <<<"$r")" = 0.1.0 ]
}

# An IPAM plugin of the dhcp kind, as CNI_PATH finds it; it writes down whether the pod's interface was up at each call.
link_ipam() {
	mkdir -p "$BATS_TEST_TMPDIR/path"
	ln -sf "$CNIBOX_BIN/bridge" "$BATS_TEST_TMPDIR/path/bridge"
	cat >"$BATS_TEST_TMPDIR/path/needs-link" <<'EOF2'
#!/bin/sh
cat >/dev/null
state=$(ip -n "${CNI_NETNS##*/}" -o link show "$CNI_IFNAME" 2>/dev/null | grep -c '<[^>]*UP')
echo "$CNI_COMMAND $state" >>/run/needs-link
[ "$CNI_COMMAND" = ADD ] || exit 0
[ "$state" = 1 ] || { echo '{"code":999,"msg":"no link to send a request from"}'; exit 1; }
[ ! -e /run/no-server ] || { echo '{"code":999,"msg":"no server answers"}'; exit 1; }
echo '{"cniVersion":"1.0.0","interfaces":[{"name":"theirs"}],"ips":[{"address":"10.1.0.5/24","gateway":"10.1.0.1","interface":0}]}'
EOF2
	chmod +x "$BATS_TEST_TMPDIR/path/needs-link"
	export CNI_PATH=$BATS_TEST_TMPDIR/path
	rm -f /run/needs-link /run/no-server
}

@test "an IPAM plugin that is not ours finds the pod's interface, up, at ADD and at DEL; the addresses are on that" {
	link_ipam
	conf=$(jq -c '.ipam = {"type":"needs-link"}' <<<"$CONF")
	add bridge b "$CONF" >/dev/null
	before=$(snapshot)
	r=$(add bridge a "$conf")
	[ "$(jq -c '[[.interfaces[].name] | .[0, 2]], [.ips[].interface]' <<<"$r" | tr -d '\n')" = '["cni0","eth0"][2]' ]
	ip -n a -o addr show eth0 | grep -q 'inet 10.1.0.5/24'
	ip -n a route | grep -q 'default via 10.1.0.1 dev eth0'
	nft list set inet cnibox masq4 | grep -q 10.1.0.5
	del bridge a "$conf"
	[ "$(tr '\n' ' ' </run/needs-link)" = "ADD 1 DEL 1 " ]
	diff <(echo "$before") <(snapshot)
	touch /run/no-server
	unchanged fails 999 "no server answers" add bridge a "$conf"
	[ "$(ip -n a -o link | wc -l)" = 1 ]
	del bridge b "$CONF"
}

@test "a bridge that was there keeps one MAC for life, which results name, and is not taken away" {
	for ports in no yes; do
		ip link add cni0 type bridge
		if [ $ports = yes ]; then
			ip link add port0 type veth peer name port1
			ip link set port0 up master cni0
			mac=$(cat /sys/class/net/cni0/address)
		fi
		ra=$(add bridge a "$CONF")
		[ "$ports" = no ] || [ "$(jq -r '.interfaces[0].mac' <<<"$ra")" = "$mac" ]
		mac=$(jq -r '.interfaces[0].mac' <<<"$ra")
		[ "$(add bridge b "$CONF" | jq -r '.interfaces[0].mac')" = "$mac" ]
		ip netns exec a ping -c1 -W10 -q 10.1.0.1
		del bridge a "$CONF"
		del bridge b "$CONF"
		ip link del port0 2>/dev/null || true
		[ "$(cat /sys/class/net/cni0/address)" = "$mac" ]
		ip link del cni0
	done
}

@test "one bridge is the gateway of several subnets: of two range sets, of two networks, also with forceAddress" {
	two=$(jq -c '.ipMasq = false | .ipam.ranges = [[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.2.0.0/24"}]]' <<<"$CONF")
	other=$(jq -c '.name = "net2" | .ipMasq = false | .ipam.ranges = [[{"subnet":"10.3.0.0/24"}]]' <<<"$CONF")
	add bridge a "$two" >/dev/null
	add bridge b "$other" >/dev/null
	ip netns exec a ping -c1 -W10 -q 10.2.0.1
	ip netns exec b ping -c1 -W10 -q 10.3.0.1
	[ "$(ip -4 -o addr show dev cni0 | wc -l)" = 3 ]
	del bridge b "$other"
	add bridge b "$(jq -c '.forceAddress = true' <<<"$other")" >/dev/null
	[ "$(ip -4 -o addr show dev cni0 | wc -l)" = 3 ]
	del bridge a "$two"
	ip addr flush dev cni0
	ip addr add 10.9.0.1/24 dev cni0
	add bridge a "$(jq -c '.forceAddress = true' <<<"$two")" >/dev/null
	[ "$(ip -4 -o addr show dev cni0 | awk '{print $4}' | sort | tr '\n' ' ')" = "10.1.0.1/24 10.2.0.1/24 " ]
	del bridge b "$other"
}

@test "a new bridge goes with an ADD whose result cannot be delivered" {
	fails_to add bridge a "$CONF" >/dev/full
	[ ! -e /sys/class/net/cni0 ]
	add bridge a "$CONF" >/dev/null
	[ "$(cat /sys/class/net/cni0/netdev_group)" = 0 ]
	[ "$(cat /sys/class/net/cni0/ifalias)" = cnibox ]
}

@test "ipMasqBackend is one of iptables and nftables or nothing" {
	unchanged fails 7 "ipMasqBackend" add bridge a "$(jq -c '.ipMasqBackend = "pf"' <<<"$CONF")"
	add bridge a "$(jq -c '.ipMasqBackend = "iptables" | .preserveDefaultVlan = true' <<<"$CONF")" >/dev/null
}
