#!/usr/bin/env bats
# tuning: sysctls and settings of the pod's interface, behind ptp.
bats_require_minimum_version 1.5.0
load helpers
load chain_helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"tuning"}'

setup() {
	pod a
}

teardown() {
	clean_pods
	rm -rf /etc/cni/tuning /tmp/tuned
}

conf() { jq -c "$1" <<<"$CONF"; }
link() { ip -n a -j link show eth0 | jq -c '.[0] | [.address, .mtu, .txqlen, (.flags | contains(["PROMISC"])), (.flags | contains(["ALLMULTI"]))]'; }
sysctl_of() { ip netns exec a cat "/proc/sys/$1"; }

@test "nothing asked: the result goes on as it came, in every version" {
	for v in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		c=$(behind "$(conf ".cniVersion = \"$v\"")" a)
		diff <(jq -S .prevResult <<<"$c") <(add tuning a "$c" | jq -S .)
		call CHECK tuning a /run/netns/a "$c" 2>/dev/null || [ "$v" \< 0.4.0 ]
		del tuning a "$c"
		call DEL ptp a /run/netns/a "$(jq -c ".cniVersion = \"$v\"" <<<"$PTP")"
	done
	for v in 0.1.0 0.2.0; do
		c=$(conf ".cniVersion = \"$v\" | .prevResult = {\"cniVersion\":\"$v\",\"ip4\":{\"ip\":\"10.1.0.2/24\"}}")
		[ "$(add tuning a "$c" | jq -r .ip4.ip)" = 10.1.0.2/24 ]
	done
	[ ! -e /run/cni/tuning ]
}

@test "mac, mtu, promisc, allmulti, txQLen: set, in the result, checked, put back by DEL" {
	c=$(behind "$(conf '.mac = "02:11:22:33:44:55" | .mtu = 1400 | .promisc = true | .allmulti = true | .txQLen = 777')" a)
	before=$(link)
	r=$(add tuning a "$c")
	[ "$(link)" = '["02:11:22:33:44:55",1400,777,true,true]' ]
	[ "$(jq -c '.interfaces[1] | [.mac, .mtu]' <<<"$r")" = '["02:11:22:33:44:55",1400]' ]
	[ "$(jq -c '.interfaces[0]' <<<"$r")" = "$(jq -c '.prevResult.interfaces[0]' <<<"$c")" ]
	ip netns exec a ping -c1 -W10 -q 10.1.0.1
	ip netns exec a ping -c1 -W10 -q fd00:1::1
	prev=$(with_prev "$c" "$r")
	call CHECK tuning a /run/netns/a "$prev"
	call CHECK ptp a /run/netns/a "$(with_prev "$PTP" "$r")"
	ip -n a link set eth0 mtu 1401
	fails 105 "MTU 1401 instead of 1400" call CHECK tuning a /run/netns/a "$prev"
	ip -n a link set eth0 mtu 1400 allmulticast off
	fails 105 "allmulti of interface eth0 in the pod is off" call CHECK tuning a /run/netns/a "$prev"
	ip -n a link set eth0 promisc off allmulticast on
	fails 105 "promisc" call CHECK tuning a /run/netns/a "$prev"
	ip -n a link set eth0 promisc on txqueuelen 5
	fails 105 "txQLen" call CHECK tuning a /run/netns/a "$prev"
	del tuning a "$CONF"
	[ "$(link)" = "$before" ]
	[ -z "$(ls /run/cni/tuning)" ]
	del tuning a "$CONF"
	[ "$(link)" = "$before" ]
}

@test "sysctls: dots, slashes, IFNAME; checked; put back by DEL" {
	c=$(behind "$(conf '.sysctl = {"net.ipv4.conf.IFNAME.arp_filter":"1","net/ipv4/ip_local_port_range":"20000 30000","net.ipv6.conf.eth0.dad_transmits":"0x2"}')" a)
	old=$(sysctl_of net/ipv4/ip_local_port_range)
	r=$(add tuning a "$c")
	[ "$(sysctl_of net/ipv4/conf/eth0/arp_filter)" = 1 ]
	[ "$(sysctl_of net/ipv4/ip_local_port_range | xargs)" = "20000 30000" ]
	[ "$(sysctl_of net/ipv6/conf/eth0/dad_transmits)" = 2 ]
	diff <(jq -S .prevResult <<<"$c") <(jq -S . <<<"$r")
	call CHECK tuning a /run/netns/a "$c"
	ip netns exec a sh -c 'echo "20000 30001" >/proc/sys/net/ipv4/ip_local_port_range'
	fails 105 'sysctl net/ipv4/ip_local_port_range is "20000' call CHECK tuning a /run/netns/a "$c"
	del tuning a "$c"
	[ "$(sysctl_of net/ipv4/ip_local_port_range)" = "$old" ]
	[ "$(sysctl_of net/ipv4/conf/eth0/arp_filter)" = 0 ]
}

@test "a link's name with a dot" {
	c=$(behind "$(conf '.sysctl = {"net.ipv4.conf.IFNAME.arp_filter":"1","net/ipv4/conf/eth0.7/arp_ignore":"1","net.ipv4.conf.eth0/7.arp_announce":"1"}')" a eth0.7)
	add tuning a "$c" eth0.7 >/dev/null
	for k in arp_filter arp_ignore arp_announce; do [ "$(sysctl_of net/ipv4/conf/eth0.7/$k)" = 1 ]; done
	call DEL ptp a /run/netns/a "$PTP" eth0.7
}

@test "no way out of net, nothing that the kernel has not; refused before anything changes" {
	c=$(behind "$CONF" a)
	before=$(link)
	ip netns exec a sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	for key in ../../kernel/hostname net/../kernel/hostname net/ipv4//ip_forward net/ipv4/./ip_forward net.//.kernel.hostname kernel.hostname net /net/ipv4/ip_forward .net.core.somaxconn net/; do
		unchanged fails 7 "is no sysctl below net" add tuning a "$(jq -c --arg k "$key" '.sysctl = {"net.ipv4.ip_forward":"1",($k):"x"}' <<<"$c")"
	done
	for key in net.core.none net.ipv4 net/ipv4/conf/IFNAME/none; do
		unchanged fails 7 "" add tuning a "$(jq -c --arg k "$key" '.mtu = 1400 | .sysctl = {"net.ipv4.ip_forward":"1",($k):"x"}' <<<"$c")"
	done
	unchanged fails 7 'sysctl.net.ipv4.ip_forward: expected a string, found 1' add tuning a "$(jq -c '.sysctl = {"net.ipv4.ip_forward":1}' <<<"$c")"
	unchanged fails 7 'sysctl: expected an object' add tuning a "$(jq -c '.sysctl = ["a"]' <<<"$c")"
	unchanged fails 7 'is there twice' add tuning a "$(jq -c '.sysctl = {"net.ipv4.ip_forward":"1","net/ipv4/ip_forward":"0"}' <<<"$c")"
	unchanged fails 7 'ip_forward' add tuning a "$(jq -c '.mtu = 1400 | .sysctl = {"net.core.somaxconn":"77","net.ipv4.ip_forward":"x"}' <<<"$c")"
	unchanged fails 7 'mac: "01:00:00:00:00:01" is no unicast' add tuning a "$(jq -c '.mac = "01:00:00:00:00:01"' <<<"$c")"
	unchanged fails 7 'mtu: 67' add tuning a "$(jq -c '.mtu = 67' <<<"$c")"
	unchanged fails 7 "mtu: 1279 is below IPv6's smallest" add tuning a "$(jq -c '.mtu = 1279' <<<"$c")"
	unchanged fails 7 'allmulti: expected true or false' add tuning a "$(jq -c '.allmulti = "yes"' <<<"$c")"
	unchanged fails 7 'prevResult: missing; tuning stands behind' add tuning a "$CONF"
	unchanged fails 7 'no interface "eth1"' add tuning a "$(jq -c '.mtu = 1400' <<<"$c")" eth1
	[ "$(link)" = "$before" ]
	[ "$(sysctl_of net/ipv4/ip_forward)" = 0 ]
	[ "$(sysctl_of net/core/somaxconn)" != 77 ]
	[ -z "$(ls /run/cni/tuning 2>/dev/null)" ]
}

@test "the administrator's list of sysctls" {
	c=$(behind "$(conf '.sysctl = {"net.ipv4.conf.IFNAME.arp_filter":"1"}')" a)
	mkdir -p /etc/cni/tuning
	printf '\n  ^net.core.somaxconn$  \n^net.ipv4.conf.IFNAME.[a-z_]*$\r\n' >/etc/cni/tuning/allowlist.conf
	add tuning a "$c" >/dev/null
	del tuning a "$c"
	unchanged fails 7 'sysctl net.ipv4.ip_forward: /etc/cni/tuning/allowlist.conf does not allow it' add tuning a \
		"$(jq -c '.sysctl["net.ipv4.ip_forward"] = "1"' <<<"$c")"
	unchanged fails 7 'does not allow it' add tuning a "$(jq -c '.args.cni.sysctl = {"net.ipv4.ip_forward":"1"}' <<<"$c")"
	printf '' >/etc/cni/tuning/allowlist.conf
	unchanged fails 7 'does not allow it' add tuning a "$c"
	printf 'net.(ipv4\n' >/etc/cni/tuning/allowlist.conf
	unchanged fails 7 "\"net.(ipv4\": Missing ')'" add tuning a "$c"
}

@test "MAC of the caller: CNI_ARGS, args.cni, runtimeConfig; the other keys of args.cni" {
	c=$(behind "$(conf '.mac = "02:00:00:00:00:01"')" a)
	CNI_ARGS='MAC=02:00:00:00:00:02' add tuning a "$c" >/dev/null
	[ "$(link | jq -r '.[0]')" = 02:00:00:00:00:02 ]
	CNI_ARGS='MAC=02:00:00:00:00:02' add tuning a "$(jq -c '.args.cni.mac = "02:00:00:00:00:03"' <<<"$c")" >/dev/null
	[ "$(link | jq -r '.[0]')" = 02:00:00:00:00:03 ]
	c=$(jq -c '.args.cni = {"mac":"02:00:00:00:00:03","mtu":1300,"promisc":true,"allmulti":true,"sysctl":{"net.core.somaxconn":"78"}} | .runtimeConfig.mac = "02:00:00:00:00:04"' <<<"$c")
	r=$(add tuning a "$c")
	[ "$(link | jq -c 'del(.[2])')" = '["02:00:00:00:00:04",1300,true,true]' ]
	[ "$(sysctl_of net/core/somaxconn)" = 78 ]
	call CHECK tuning a /run/netns/a "$(with_prev "$c" "$r")"
}

@test "DEL without the namespace, after it has gone, and with another configuration; dataDir" {
	c=$(behind "$(conf '.mtu = 1400 | .dataDir = "/tmp/tuned"')" a)
	add tuning a "$c" >/dev/null
	[ -e /tmp/tuned/a_eth0.json ]
	call DEL tuning a "" "$(jq -c '.mtu = "x" | .sysctl = 7' <<<"$c")"
	[ ! -e /tmp/tuned/a_eth0.json ]
	add tuning a "$c" >/dev/null
	ip -n a link del eth0
	del tuning a "$c"
	[ ! -e /tmp/tuned/a_eth0.json ]
	call DEL ptp a /run/netns/a "$PTP"
	c=$(behind "$(conf '.mtu = 1400')" a)
	add tuning a "$c" >/dev/null
	ip netns del a
	del tuning a "$c"
	[ -z "$(ls /run/cni/tuning)" ]
	pod a
}

@test "GC removes what is kept of attachments that are gone, of this network alone" {
	c=$(behind "$(conf '.mtu = 1400')" a)
	add tuning a "$c" >/dev/null
	echo '{"mtu":1500}' >/run/cni/tuning/theirs_eth0.json
	CNI_COMMAND=GC "$CNIBOX_BIN/tuning" <<<"$(valid "$CONF" '[]')"
	[ -e /run/cni/tuning/a_eth0.json ]
	call DEL ptp a /run/netns/a "$PTP"
	CNI_COMMAND=GC "$CNIBOX_BIN/tuning" <<<"$(valid "$(conf '.name = "net2"')" '[]')"
	CNI_COMMAND=GC "$CNIBOX_BIN/tuning" <<<"$(valid "$CONF" '[{"containerID":"a","ifname":"eth0"}]')"
	[ -e /run/cni/tuning/a_eth0.json ]
	CNI_COMMAND=GC "$CNIBOX_BIN/tuning" <<<"$(valid "$CONF" '[]')"
	[ "$(ls /run/cni/tuning)" = theirs_eth0.json ]
	CNI_COMMAND=STATUS "$CNIBOX_BIN/tuning" <<<"$CONF"
}

# Written by the reference.
@test "DEL of a pod that the reference has tuned" {
	behind "$CONF" a >/dev/null
	mkdir -p /run/cni/tuning
	printf '{\n "mac": "02:00:00:00:00:09",\n "promisc": false,\n "mtu": 1333,\n "allmulti": false\n}' >/run/cni/tuning/a_eth0.json
	ip -n a link set eth0 promisc on allmulticast on
	del tuning a "$CONF"
	[ "$(link | jq -c 'del(.[2])')" = '["02:00:00:00:00:09",1333,false,false]' ]
	[ ! -e /run/cni/tuning/a_eth0.json ]
}
