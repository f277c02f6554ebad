#!/usr/bin/env bats
# The tap plugin: an interface that a program in the pod reads and writes, against the real kernel.
bats_require_minimum_version 1.5.0
load helpers
load wire_helpers
load portmap_helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"tap","ipam":{"type":"host-local",
"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}}'

setup() {
	[ -c /dev/net/tun ] || skip "this machine has no /dev/net/tun (module tun); tests/lab/case_files runs this file in a machine that has"
	pod a
	pod b
}

teardown() {
	clean tap "$CONF"
}

@test "ADD: result, a persistent tap in the pod, up, with addresses and routes, and the host has no new link" {
	before=$(ip -o link | wc -l)
	r=$(add tap a "$CONF")
	[ "$(jq -c '[.interfaces[] | [.name, .sandbox, .mtu]], [.ips[] | [.address, .interface]]' <<<"$r" | tr -d '\n')" = \
		'[["eth0","/run/netns/a",1500]][["10.1.0.2/24",0],["fd00:1::2/64",0]]' ]
	[ "$(made '[.address, .linkinfo.info_kind, .linkinfo.info_data.type, .linkinfo.info_data.persist, .ifalias, .group]')" = \
		"[$(jq '.interfaces[0].mac' <<<"$r"),\"tun\",\"tap\",true,\"cnibox net1 a eth0\",\"default\"]" ]
	[ "$(made '[.linkinfo.info_data | .pi, .vnet_hdr, .multi_queue, .user, .group]')" = "[false,false,false,null,null]" ]
	ip -n a -o link show eth0 | grep -q '<.*[,<]UP[,>]'
	ip -n a -o addr show eth0 | grep -q 'inet 10.1.0.2/24'
	run ! grep tentative <<<"$(ip -n a -6 -o addr show dev eth0 scope global)"
	ip -n a route show default | grep -q 'via 10.1.0.1 dev eth0'
	ip -n a -6 route show default | grep -q 'via fd00:1::1 dev eth0'
	[ "$(ip -o link | wc -l)" = "$before" ]
}

@test "DEL: everything as before, twice, without a namespace, and after the namespace has gone" {
	del_leaves_nothing tap "$CONF"
	[ "$(links a)" = 0 ]
	add tap a "$CONF" >/dev/null
	ip -n a link set eth0 down
	ip -n a link set eth0 name lan
	del tap a "$CONF"
	[ "$(links a)" = 0 ]
}

@test "DEL takes the tap whatever the pod has made of its alias and group; another attachment's stays" {
	for alias in "" "mine" "cnibox net2 b eth0"; do
		add tap a "$CONF" >/dev/null
		ip -n a link set eth0 alias "$alias"
		ip -n a link set eth0 group 77
		fails 101 eth0 call ADD tap other /run/netns/a "$CONF"
		call DEL tap other /run/netns/a "$CONF"
		[ "$(links a)" = 1 ]
		del tap a "$CONF"
		[ "$(links a)" = 0 ]
		[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
	done
}

@test "DEL takes the tap whatever other links of the pod have its name and alias" {
	add tap a "$CONF" >/dev/null
	ip -n a link set eth0 down
	ip -n a link set eth0 name real
	ip -n a link add eth0 type veth peer name other
	ip -n a link set eth0 alias "cnibox net1 a eth0"
	del tap a "$CONF"
	[ "$(links a)" = 0 ]
}

@test "ADD: owner, group, several queues, mtu, mac" {
	conf=$(jq -c '.owner = 1234 | .group = 5678 | .multiQueue = true | .mtu = 1400 | .mac = "02:11:22:33:44:55"' <<<"$CONF")
	r=$(add tap a "$conf")
	[ "$(made '[.mtu, .address, .linkinfo.info_data.user, .linkinfo.info_data.group, .linkinfo.info_data.multi_queue]')" = '[1400,"02:11:22:33:44:55",1234,5678,true]' ]
	[ "$(jq -c '.interfaces[0] | [.mac, .mtu]' <<<"$r")" = '["02:11:22:33:44:55",1400]' ]
	del tap a "$conf"
	add tap a "$(jq -c '.owner = 0 | .group = 0' <<<"$CONF")" >/dev/null
	[ "$(made '[.linkinfo.info_data | .user, .group] | map(. == 0 or . == "root")')" = "[true,true]" ]
}

# What a virtual machine does: it opens the device, and what the pod sends comes out.
@test "a program that opens the tap gives it a carrier and gets the pod's packets" {
	local ready=$BATS_TEST_TMPDIR/ready
	add tap a "$CONF" >/dev/null
	[ "$(made .operstate)" = '"DOWN"' ]
	ip netns exec a timeout 120 "$(talk)" tap eth0 "$ready" >"$BATS_TEST_TMPDIR/asked" 3>&- &
	until [ -e "$ready" ]; do kill -0 %1; sleep 0.05; done
	ip netns exec a ping -c100 -W1 -q 10.1.0.1 >/dev/null 2>&1 3>&- &
	wait %1
	[ "$(cat "$BATS_TEST_TMPDIR/asked")" = 10.1.0.1 ]
	kill %2 2>/dev/null || true
	wait
	ip -n a -d -o link show eth0 | grep -q 'persist on'
}

@test "ADD: a bridge of the pod, and none that the pod does not have" {
	ip -n a link add br0 type bridge
	conf=$(jq -c '.bridge = "br0" | del(.ipam)' <<<"$CONF")
	r=$(add tap a "$conf")
	[ "$(made .master)" = '"br0"' ]
	ip -n a -o link show eth0 | grep -q '<.*[,<]UP[,>]'
	call CHECK tap a /run/netns/a "$(with_prev "$conf" "$r")"
	ip -n a link set eth0 nomaster
	fails 105 'eth0 in the pod is not in bridge "br0"' call CHECK tap a /run/netns/a "$(with_prev "$conf" "$r")"
	ip -n a link del br0
	fails 105 'there is no "br0" in the pod' call CHECK tap a /run/netns/a "$(with_prev "$conf" "$r")"
	unchanged fails 7 'bridge: there is no "br0" in the pod' add tap b "$conf"
	[ "$(links b)" = 0 ]
	ip -n b link add br0 type veth peer name br1
	unchanged fails 7 'bridge: "br0" in the pod is no bridge' add tap b "$conf"
	[ "$(links b)" = 2 ]
}

@test "selinuxContext is accepted where there is no SELinux; several taps in one pod" {
	[ ! -e /sys/fs/selinux/enforce ] || skip "this machine has SELinux"
	add tap a "$(jq -c '.selinuxContext = "system_u:system_r:container_t:s0"' <<<"$CONF")" >/dev/null
	second=$(jq -c '.name = "net2" | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}]] | del(.ipam.routes)' <<<"$CONF")
	add tap a "$second" net1 >/dev/null
	[ "$(links a)" = 2 ]
	unchanged fails 101 '"net1" already exists in the pod (tun)' add tap a "$second" net1
	del tap a "$second" net1
	[ "$(links a)" = 1 ]
}

@test "what cannot be is refused with its code, and changes nothing" {
	unchanged fails 7 "owner: expected an integer from 0 to 4294967294" add tap a "$(jq -c '.owner = -1' <<<"$CONF")"
	unchanged fails 7 "group: expected an integer" add tap a "$(jq -c '.group = "staff"' <<<"$CONF")"
	unchanged fails 100 "set link MTU" add tap a "$(jq -c '.mtu = 65535' <<<"$CONF")"
	unchanged fails 100 route add tap a "$(jq -c '.ipam.routes = [{"dst":"192.0.2.0/24","gw":"198.51.100.1"}]' <<<"$CONF")"
	[ "$(links a)" = 0 ]
}

@test "without /dev/net/tun the error names the module, and nothing is changed" {
	without() { unshare --mount sh -c 'mount -t tmpfs none /dev/net && exec "$@"' without "$@"; }
	blind() { CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 without "$CNIBOX_BIN/tap" <<<"$CONF"; }
	unchanged fails 104 "module tun, CONFIG_TUN" blind
	[ "$(links a)" = 0 ]
	blind_status() { CNI_COMMAND=STATUS without "$CNIBOX_BIN/tap" <<<"$CONF"; }
	fails 50 "module tun" blind_status
}

@test "CHECK names what was changed" {
	conf=$(jq -c '.owner = 1234' <<<"$CONF")
	prev=$(with_prev "$conf" "$(add tap a "$conf")")
	check() { call CHECK tap a /run/netns/a "$(jq -c "${1:-.}" <<<"$prev")"; }
	check
	fails 105 "has the owner 1234 instead of 7" check '.owner = 7'
	fails 105 "has the group -1 instead of 7" check '.group = 7'
	fails 105 "has one queue" check '.multiQueue = true'
	ip -n a link set lo down
	fails 105 "interface lo in the pod is down" check
	ip -n a link set lo up
	ip -n a addr del 10.1.0.2/24 dev eth0
	fails 105 "10.1.0.2/24" check
	del tap a "$conf"
	ip -n a link add eth0 type veth peer name eth1
	ip -n a link set eth0 up address "$(jq -r '.prevResult.interfaces[0].mac' <<<"$prev")"
	ip -n a addr add 10.1.0.2/24 dev eth0
	ip netns exec a sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0
	ip -n a addr add fd00:1::2/64 dev eth0
	ip -n a route add default via 10.1.0.1 dev eth0
	ip -n a -6 route add default via fd00:1::1 dev eth0
	fails 105 "eth0 in the pod is no tap" check
}

@test "STATUS; GC removes exactly what is not valid" {
	status tap "$CONF"
	for p in a b; do add tap "$p" "$CONF" >/dev/null; done
	gc tap "$CONF" '[{"containerID":"b","ifname":"eth0"}]'
	[ "$(links a) $(links b)" = "0 1" ]
	[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
}
