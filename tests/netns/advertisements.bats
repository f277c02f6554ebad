#!/usr/bin/env bats
# What pods say in IPv6 does not reach the node's routes, and what the node's routers say still does.
bats_require_minimum_version 1.5.0
load helpers

BRIDGE='{"cniVersion":"1.0.0","name":"net1","type":"bridge","bridge":"cni0","isGateway":true,"ipam":{"type":"host-local","subnet":"fd00:1::/64"}}'
PTP='{"cniVersion":"1.0.0","name":"net1","type":"ptp","ipam":{"type":"host-local","subnet":"fd00:1::/64"}}'

setup() {
	pod a
	echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
	echo 0 >/proc/sys/net/ipv6/conf/default/forwarding
	for key in accept_ra autoconf accept_redirects; do echo 1 >"/proc/sys/net/ipv6/conf/default/$key"; done
	echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
}

teardown() {
	for plugin in bridge ptp; do
		del "$plugin" a "$BRIDGE" >/dev/null 2>&1 || true
	done
	for ns in $(ip netns list | cut -d' ' -f1); do ip netns del "$ns"; done
	for link in cni0 up0; do ip link del "$link" 2>/dev/null || true; done
	rm -rf /var/lib/cni/* /run/cnibox
}

# guarded LINK: it accepts nothing.
guarded() {
	[ "$(cd "/proc/sys/net/ipv6/conf/$1" && cat accept_ra autoconf accept_redirects | tr -d '\n')" = 000 ]
}

# advertise NETNS LINK: a router advertisement to all nodes, when the link's own address can be used.
advertise() {
	# shellcheck disable=SC2016 # the inner shell's
	ip netns exec "$1" sh -c 'cd /proc/sys/net/ipv6/conf/$0 && echo 0 >disable_ipv6 && echo 0 >addr_gen_mode' "$2"
	ip -n "$1" link set "$2" up
	until ip -n "$1" -6 addr show "$2" scope link -tentative | grep -q fe80; do sleep 0.1; done
	ip netns exec "$1" python3 - "$2" <<-'END'
		import socket, struct, sys
		s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
		i = socket.if_nametoindex(sys.argv[1])
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, i)
		s.sendto(struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0), ('ff02::1', 0, 0, i))
	END
}

# received: how many router advertisements the node's kernel has taken in.
received() {
	awk '$1 == "Icmp6InRouterAdvertisements" {print $2}' /proc/net/snmp6
}

@test "a pod's router advertisement arrives and leaves no route: bridge of ours, and one that was there" {
	for made in no yes; do
		[ $made = no ] || ip link add cni0 type bridge
		host=$(add bridge a "$(jq -c '.ipam.subnet = "10.1.0.0/24"' <<<"$BRIDGE")" | jq -r '.interfaces[1].name')
		guarded cni0
		guarded "$host"
		[ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 0 ]
		before=$(received)
		advertise a eth0
		until [ "$(received)" -gt "$before" ]; do sleep 0.1; done
		[ -z "$(ip -6 route show default)" ]
		del bridge a "$BRIDGE"
		ip link del cni0
	done
}

@test "ptp: the host end accepts nothing" {
	host=$(add ptp a "$PTP" | jq -r '.interfaces[0].name')
	guarded "$host"
	before=$(received)
	advertise a eth0
	until [ "$(received)" -gt "$before" ]; do sleep 0.1; done
	[ -z "$(ip -6 route show default)" ]
}

@test "a bridge that accepts again, as after a sysctl -p, is guarded by the next ADD" {
	pod b
	add bridge a "$BRIDGE" >/dev/null
	echo 1 >/proc/sys/net/ipv6/conf/cni0/accept_ra
	add bridge b "$BRIDGE" >/dev/null
	guarded cni0
	del bridge b "$BRIDGE"
}

# leads_out: a bridge that was there, with a port that is no pod's.
leads_out() {
	ip link add cni0 type bridge
	ip tuntap add up0 mode tap
	ip link set up0 master cni0
	ip link set cni0 up
}

@test "a bridge with a port that leads out, and no router there: a pod is not taken for one" {
	leads_out
	add bridge a "$(jq -c '.ipam.subnet = "10.1.0.0/24"' <<<"$BRIDGE")" >/dev/null
	guarded cni0
	before=$(received)
	advertise a eth0
	until [ "$(received)" -gt "$before" ]; do sleep 0.1; done
	[ -z "$(ip -6 route show default)" ]
}

@test "a bridge by which the node has its own router goes on to hear it" {
	leads_out
	pod rtr
	ip link add v0 master cni0 up type veth peer name r0 netns rtr
	advertise rtr r0
	until [ -n "$(ip -6 route show default dev cni0)" ]; do sleep 0.1; done
	add bridge a "$BRIDGE" >/dev/null
	[ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 1 ]
	[ "$(cat /proc/sys/net/ipv6/conf/cni0/accept_ra)" = 2 ]
	ip -6 route flush proto ra
	advertise rtr r0
	until [ -n "$(ip -6 route show default dev cni0)" ]; do sleep 0.1; done
}

@test "the node keeps its default route when its first IPv6 pod turns on forwarding" {
	pod rtr
	ip link add up0 type veth peer name r0 netns rtr
	ip link set up0 up
	advertise rtr r0
	until [ -n "$(ip -6 route show default dev up0)" ]; do sleep 0.1; done
	add bridge a "$BRIDGE" >/dev/null
	[ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 1 ]
	[ -n "$(ip -6 route show default dev up0)" ]
	[ "$(cat /proc/sys/net/ipv6/conf/up0/accept_ra)" = 2 ]
	guarded cni0
}

@test "IPv6 works on our bridge, and in the pod with its ::1, where the default is without" {
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	ip netns exec a sh -c 'for i in all default lo; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done'
	r=$(call ADD loopback a /run/netns/a '{"cniVersion":"1.0.0","name":"lo","type":"loopback"}' lo)
	[ "$(jq -c '[.ips[].address]' <<<"$r")" = '["127.0.0.1/8"]' ]
	add bridge a "$BRIDGE" >/dev/null
	ip netns exec a ping -c1 -W10 -q fd00:1::1
	ip netns exec a ping -c1 -W10 -q ::1
	r=$(call ADD loopback a /run/netns/a '{"cniVersion":"1.0.0","name":"lo","type":"loopback"}' lo)
	[ "$(jq -c '[.ips[].address]' <<<"$r")" = '["127.0.0.1/8","::1/128"]' ]
}

@test "enabledad: ADD returns when nobody else has the address; one that is taken is named, and nothing stays" {
	conf=$(jq -c '.enabledad = true' <<<"$BRIDGE")
	add bridge a "$conf" >/dev/null
	ip -n a -6 addr show eth0 | grep fd00:1::2 | grep -qv 'nodad\|tentative'
	pod b
	ip -n a addr add fd00:1::77/64 dev eth0 nodad
	CNI_ARGS='IP=fd00:1::77' run --separate-stderr add bridge b "$conf"
	[ "$status" -ne 0 ]
	jq -r .msg <<<"$output" | grep -q 'fd00:1::77: another machine of the link has it'
	[ ! -e /var/lib/cni/networks/net1/fd00:1::77 ]
	[ -z "$(ip -n b -o link show type veth)" ]
}
