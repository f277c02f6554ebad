#!/usr/bin/env bats
# firewall: whose source counts. Where the way back is asked at forward, and as before Linux 5.19, at prerouting: setarch says that the kernel
# is an old one, which has the second alone.
bats_require_minimum_version 1.5.0
load helpers
load portmap_helpers
load firewall_helpers

taken=()	# what a plugin is called by
asked=forward	# where the table then asks for the way back

setup() {
	is_old && asked=prerouting
	pod a
	pod b
	far
	iptables-nft -P FORWARD DROP
	ip6tables-nft -P FORWARD DROP
}

teardown() {
	jobs -p | xargs -r kill 2>/dev/null || true
	ip link del vx0 2>/dev/null || true
	ip link del up1 2>/dev/null || true
	for v in -4 -6; do while ip $v rule del fwmark 0x80000/0x80000 2>/dev/null; do :; done; done
	clean
}

is_old() { uname -r | awk -F. '{ exit !($1 < 5 || ($1 == 5 && $2 < 19)) }'; }

call() { CNI_COMMAND=$1 CNI_CONTAINERID=$3 CNI_NETNS=$4 CNI_IFNAME=${6:-eth0} "${taken[@]}" "$CNIBOX_BIN/$2" <<<"$5"; }

# old: from now on the kernel is taken for one before 5.19. Or skip: it is one.
old() {
	! is_old || skip "this kernel has one kind of table (before Linux 5.19)"
	taken=(setarch --uname-2.6)
	asked=prerouting
}

# anew: addresses are given from the first again.
anew() { rm -f /var/lib/cni/networks/*/last_reserved_ip.*; }

# asks: the table does so there, and nowhere else.
asks() {
	[ "$(nft list table inet cnibox_firewall | awk '/type filter hook/ { hook = $4 } /fib saddr \. iif/ { print hook }' | uniq)" = "$asked" ]
}

# beyond: another machine behind the node, which sees who comes: came FAMILY ADDRESS.
beyond() {
	neighbour far2 up1 198.51.100 fd00:8
	nft -f - <<-'NFT'
		table inet watch {
			set came4 { type ipv4_addr; flags dynamic; size 16; }
			set came6 { type ipv6_addr; flags dynamic; size 16; }
			set marked4 { type ipv4_addr; flags dynamic; size 16; }
			set marked6 { type ipv6_addr; flags dynamic; size 16; }
			set local4 { type ipv4_addr; flags dynamic; size 16; }
			chain out { type filter hook postrouting priority 0; oifname "up1" add @came4 { ip saddr }; oifname "up1" add @came6 { ip6 saddr }
			}
			chain late { type filter hook postrouting priority 0; meta mark & 0x80000 != 0 add @marked4 { ip saddr }
				meta mark & 0x80000 != 0 add @marked6 { ip6 saddr }
			}
			chain in { type filter hook input priority 0; meta mark & 0x80000 != 0 add @marked4 { ip saddr }
				iifname "up0" add @local4 { ip saddr }
			}
		}
	NFT
}

came() { nft list set inet watch "$1" | grep -qE "[ {]$2[ ,}]"; }

# forge MACHINE LINK: it says that it is pod a, to the machine beyond and to the node.
forge() {
	sysctl -qw "net.ipv4.conf.$2.rp_filter=0" net.ipv4.conf.all.rp_filter=0
	ip -n "$1" addr add 10.1.0.2/32 dev lo
	ip -n "$1" addr add fd00:1::2/128 dev lo nodad
	ip -n "$1" route replace default via "$3"
	ip -n "$1" -6 route replace default via "$4"
	ip netns exec "$1" ping -qnc 1 -W 1 -I 10.1.0.2 198.51.100.2 >/dev/null || true
	ip netns exec "$1" ping -qnc 1 -W 1 -I fd00:1::2 fd00:8::2 >/dev/null || true
	ip netns exec "$1" ping -qnc 1 -W 1 -I 10.1.0.2 "$3" >/dev/null || true
	ip -n "$1" addr del 10.1.0.2/32 dev lo
	ip -n "$1" addr del fd00:1::2/128 dev lo
}

forged() {
	local policy

	beyond
	attach b 2 >/dev/null
	for policy in open same-bridge; do
		attach a 1 ".ingressPolicy = \"$policy\"" >/dev/null
		asks
		for v in ip ip6; do ${v}tables-nft -P FORWARD ACCEPT; done
		forge out up0 203.0.113.1 fd00:9::1
		came came4 10.1.0.2
		came came6 fd00:1::2
		came local4 10.1.0.2
		for v in ip ip6; do ${v}tables-nft -P FORWARD DROP; done
		nft flush set inet watch came4
		nft flush set inet watch came6
		detach a 1
		anew
		attach a 1 ".ingressPolicy = \"$policy\"" >/dev/null
		forge out up0 203.0.113.1 fd00:9::1
		forge b br2 10.2.0.1 fd00:2::1
		fails_to came came4 10.1.0.2
		fails_to came came6 fd00:1::2
		ip netns exec a ping -qnc 1 -W 2 198.51.100.2 >/dev/null || true # it knows no way back, but is asked
		ip netns exec a ping -qnc 1 -W 2 fd00:8::2 >/dev/null || true
		came came4 10.1.0.2
		came came6 fd00:1::2
		nft flush set inet watch came4
		nft flush set inet watch came6
		detach a 1
		anew
	done
	for set in marked4 marked6; do [ -z "$(nft list set inet watch $set | grep elements || true)" ]; done
}

@test "a forged source passes nothing, from outside and out of another bridge, and no mark of it comes to the node" { forged; }
@test "the same as before Linux 5.19" {
	old
	forged
}

# Whoever has the bit while a way is looked for is sent nowhere.
passing() {
	local at from r

	r=$(attach a 1 "$1")
	attach b 1 "$1" >/dev/null
	add portmap a "$(jq -cn --argjson r "$r" '{cniVersion: "1.1.0", name: "net1", type: "portmap", prevResult: $r,
		runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]}}')" >/dev/null
	passes a 203.0.113.2
	passes a fd00:9::2 udp
	passes b 10.1.0.2
	passes b fd00:1::2
	for at in 203.0.113.1 fd00:9::1; do
		for from in out b a; do ask $from tcp "$at" 8080 >/dev/null; done
	done
	[ "$(ask out tcp 203.0.113.1 8080)" = 203.0.113.2 ]
}

with_policies() {
	for v in -4 -6; do ip $v rule add pref 10 fwmark 0x80000/0x80000 prohibit; done
	for p in a b; do serve $p 80; done
	passing .
	asks
	passes out 10.1.0.2
	del portmap a '{"cniVersion":"1.1.0","name":"net1","type":"portmap"}'
	for p in a b; do detach $p 1; done
	anew
	passing '.ingressPolicy = "same-bridge"'
	stopped out 10.1.0.2
}

@test "what pods send, answer and get by host ports, their own too, passes and is routed without the bit" { with_policies; }
@test "the same as before 5.19" {
	old
	with_policies
}

# tunnel ADDRESS: out is behind a tunnel, too, with this address of pods.
tunnel() {
	ip link add vx0 type vxlan id 7 remote 203.0.113.2 local 203.0.113.1 dstport 4789
	ip link set vx0 up
	ip addr add 10.8.0.1/24 dev vx0
	ip -n out link add vx0 type vxlan id 7 remote 203.0.113.1 local 203.0.113.2 dstport 4789
	ip -n out addr add "$1/24" dev vx0
	ip -n out link set vx0 up
	ip -n out route add 10.3.0.0/16 via 10.8.0.1
}

other_pods() {
	local ptp prev

	ptp='{"cniVersion":"1.1.0","name":"net3","type":"ptp","ipam":{"type":"host-local","ranges":[[{"subnet":"10.3.0.0/24"}],[{"subnet":"10.3.1.0/24"}]],
		"routes":[{"dst":"0.0.0.0/0"}]}}'
	prev=$(add ptp a "$ptp")
	add firewall a "$(with_prev "$(fw 3)" "$prev")" >/dev/null
	asks
	[ "$(jq '.ips | length' <<<"$prev")" = 2 ]
	tunnel 10.8.0.2
	serve a 80
	for at in 10.3.0.2 10.3.1.2; do
		passes out $at
		ip netns exec a ping -qnc 1 -W 2 -I $at 10.8.0.2 >/dev/null
		ip netns exec a ping -qnc 1 -W 2 -I $at 203.0.113.2 >/dev/null
	done
}

@test "a pod of ptp with two addresses, in and out of a tunnel" { other_pods; }
@test "so before 5.19" {
	old
	other_pods
}

# apart POLICY: pods of a bridge that has no address on the node.
apart() {
	local l2 r p

	[ -e /proc/sys/net/bridge ] || modprobe br_netfilter || skip "this kernel has no br_netfilter"
	echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
	l2='{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"br1","ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}'
	for p in a b; do
		r=$(add bridge $p "$l2")
		add firewall $p "$(with_prev "$(fw 1 ".ingressPolicy = \"$1\"")" "$r")" >/dev/null
	done
}

@test "br_netfilter, and no address on the node: pods reach each other where FORWARD drops, as before 5.19 too" {
	for p in a b; do serve $p 80; done
	for kind in this other; do
		[ $kind = this ] || is_old || old
		for policy in open same-bridge; do
			apart $policy
			passes a 10.1.0.3
			passes b 10.1.0.2
			for p in a b; do
				del firewall $p "$(fw 1)"
				[ $p = b ] || stopped a 10.1.0.3
				del bridge $p '{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"br1","ipam":{"type":"host-local"}}'
			done
			anew
		done
	done
}

@test "a table of the other kind: CHECK says so, the next ADD that finds a change makes it this kernel's, and pods go on" {
	conf=$(with_prev "$FW" "$(attach a 1)")
	old
	fails 105 'lacks the chain way' call CHECK firewall a /run/netns/a "$conf"
	attach b 1 >/dev/null
	asked=forward asks # nobody has changed anything since: it is as good
	nft add table ip of_others
	detach b 1
	attach b 1 >/dev/null
	asks
	call CHECK firewall a /run/netns/a "$conf"
	serve a 80
	passes out 10.1.0.2
	passes a 203.0.113.2
	taken=() asked=forward
	fails 105 'rules in the chain forward' call CHECK firewall a /run/netns/a "$conf"
	nft delete table ip of_others
	detach b 1
	attach b 1 >/dev/null
	asks
	call CHECK firewall a /run/netns/a "$conf"
	for p in a b; do detach $p 1; done
	[ -z "$(nft list tables | grep cnibox || true)" ]
}
