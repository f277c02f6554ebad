#!/usr/bin/env bats
# cnibox node and IPv6 router advertisements: the node keeps its own router, and takes none from pods.
bats_require_minimum_version 1.5.0
load node_helpers

# advertise NETNS LINK: a router advertisement of a default router, as soon as the link has its address.
advertise() {
	# shellcheck disable=SC2016 # the inner shell's
	ip netns exec "$1" sh -c 'cd /proc/sys/net/ipv6/conf/$0 && echo 0 >disable_ipv6 && echo 0 >addr_gen_mode' "$2"
	ip netns exec "$1" timeout 120 python3 - "$2" <<-'PY'
		import socket, struct, sys, time
		s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
		i = socket.if_nametoindex(sys.argv[1])
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, i)
		while True:
		    try:
		        s.sendto(struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0), ('ff02::1', 0, 0, i))
		        break
		    except OSError:
		        time.sleep(0.05)
	PY
}

# uplink NAME: a link to a router in namespace "world", which has advertised itself.
uplink() {
	ip netns add world
	ip link add "$1" type veth peer name r0 netns world
	ip netns exec world sysctl -qw net.ipv6.conf.r0.accept_dad=0
	echo 0 >"/proc/sys/net/ipv6/conf/$1/accept_dad"
	echo 1 >"/proc/sys/net/ipv6/conf/$1/accept_ra"
	ip -n world link set r0 up
	ip link set "$1" up
	for _ in $(seq 100); do
		advertise world r0
		[ -z "$(ip -6 route show default)" ] || return 0
	done
	false
}

dual() { cluster '{}' "$(entry m '192.168.122.14 2001:db8::14' '10.0.0.0/24 fd00:0:0:1::/64')"; }

default_link() { ip -6 route show default | sed 's/.* dev \([^ ]*\).*/\1/'; }

ra() { cat "/proc/sys/net/ipv6/conf/$1/accept_ra"; }

@test "the node keeps the default route that it has from a router advertisement, and down gives all back" {
	dual
	uplink up0.7
	ip link add other type bridge
	up
	[ "$(default_link)" = up0.7 ]
	[ "$(ra up0.7)" = 2 ]
	[ "$(ra other)" = 1 ]
	ip -6 route flush proto ra
	advertise world r0
	for _ in $(seq 1000); do [ -z "$(ip -6 route show default)" ] || break; sleep 0.05; done
	[ "$(default_link)" = up0.7 ]	# and hears of it again
	[ "$(up)" = "nothing to change" ]
	node down
	[ "$(ra up0.7)" = 1 ]
	[ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 0 ]
	[ "$(default_link)" = up0.7 ]
	ip link del other
}

@test "without IPv6 pods nothing of IPv6 is touched, but the pods' bridge is closed" {
	three
	uplink up0
	ip link add cni0 type bridge
	sysctl -qw net.ipv6.conf.cni0.accept_ra=1
	up
	[ "$(ra up0)" = 1 ]
	[ "$(ra cni0)" = 0 ]
	[ "$(default_link)" = up0 ]
	[ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 0 ]
	node down
	[ "$(ra cni0)" = 1 ]	# it was so, and no pod is there
}

@test "a pod's advertisement reaches no route of the node, neither after up nor after down" {
	three
	ip link add cni0 type bridge
	sysctl -qw net.ipv6.conf.cni0.accept_ra=1 net.ipv6.conf.cni0.accept_dad=0
	ip link set cni0 up
	ip netns add pod
	ip link add v0 master cni0 up type veth peer name eth0 netns pod
	ip netns exec pod sysctl -qw net.ipv6.conf.eth0.accept_dad=0
	ip -n pod link set eth0 up
	up
	heard=$(awk '/^Icmp6InRouterAdvertisements/ {print $2}' /proc/net/snmp6)
	advertise pod eth0
	for _ in $(seq 100); do
		[ "$(awk '/^Icmp6InRouterAdvertisements/ {print $2}' /proc/net/snmp6)" -eq "$heard" ] || break
		advertise pod eth0
	done
	[ "$(awk '/^Icmp6InRouterAdvertisements/ {print $2}' /proc/net/snmp6)" -gt "$heard" ]
	[ -z "$(ip -6 route show default)" ]
	node down
	[ "$(ra cni0)" = 0 ]	# the pod is still there
	advertise pod eth0
	[ -z "$(ip -6 route show default)" ]
}

@test "a bridge that guests hang on is not made to accept advertisements: a warning says what it loses" {
	dual
	ip link add guests type bridge
	sysctl -qw net.ipv6.conf.guests.accept_dad=0 net.ipv6.conf.guests.accept_ra=1
	ip link set guests up
	ip netns add world
	ip link add g0 master guests up type veth peer name r0 netns world
	ip netns exec world sysctl -qw net.ipv6.conf.r0.accept_dad=0
	ip -n world link set r0 up
	for _ in $(seq 100); do
		advertise world r0
		[ -z "$(ip -6 route show default)" ] || break
	done
	[ "$(default_link)" = guests ]
	run --separate-stderr up
	[ "$status" -eq 0 ]
	grep -q 'guests has a default route from a router advertisement and loses it' <<<"$stderr"
	[ "$(ra guests)" = 1 ]
	ip link del guests
}

@test "a pod's link of its own is no uplink, whatever it has advertised" {
	dual
	uplink v7
	ip link set v7 alias "cnibox net pod eth0"
	run --separate-stderr up
	[ "$status" -eq 0 ]
	grep -q 'v7 has a default route from a router advertisement and loses it' <<<"$stderr"
	[ "$(ra v7)" = 1 ]
	[ -z "$(ip -6 route show default)" ]
}
