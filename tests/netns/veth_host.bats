#!/usr/bin/env bats
# veth-host behind macvlan, or behind FIRST (ipvlan): pods on the wire and their node.
bats_require_minimum_version 1.5.0
load helpers
load wire_helpers
load portmap_helpers
load veth_host_helpers

setup() {
	kernel_has "$FIRST"
	underlay_setup
}

teardown() {
	underlay_teardown
}

reached() {
	local address
	for address in 10.9.0.50 10.9.0.51 fd00:9::50 fd00:9::51; do
		ping -c1 -W10 -q "$address"
	done
	for address in 10.9.0.254 fd00:9::254 10.9.0.1 fd00:9::1 10.9.0.51 fd00:9::51 192.0.2.1 2001:db8::1; do
		ping_from a "$address"
	done
}

@test "ADD: result; pod, node, Services and the world reach each other in both families" {
	r=$(attach a)
	attach b >/dev/null
	[ "$(jq -c '[.interfaces[] | [.name, .sandbox]]' <<<"$r")" = "[[\"eth0\",\"/run/netns/a\"],[\"$(end a)\",null],[\"veth0\",\"/run/netns/a\"]]" ]
	[ "$(jq -r '.interfaces[1].mac' <<<"$r")" = "$(cat "/sys/class/net/$(end a)/address")" ]
	reached
	ip -n a route | grep '^default via 10.9.0.254 dev veth0'
	ip -n a route | grep '^10.9.0.0/24 dev eth0 .*scope link src 10.9.0.50'
	ip -n a route | grep '^10.9.0.254 dev veth0 scope link'
	ip route | grep "^10.9.0.50 dev $(end a) scope link"
	ip rule | grep "^1024:	from all iif $(end a) lookup $(table a)"
	ip route show table "$(table a)" | grep "^default via 10.9.0.50 dev $(end a)"
	for service in 10.96.0.1/10.9.0.1 10.96.0.2/10.9.0.51 10.96.0.3/10.9.0.50 10.96.0.4/10.9.0.254 \
		fd00:96::1/fd00:9::1 fd00:96::2/fd00:9::51 fd00:96::3/fd00:9::50 fd00:96::4/fd00:9::254; do
		service "${service%/*}" "${service#*/}"
		ping_from a "${service%/*}"
	done
}

@test "a Service's backends: on another machine, on this node, the pod itself, the node: TCP and UDP, both families" {
	attach a >/dev/null
	attach b >/dev/null
	for ns in a b lan; do serve "$ns" 8080; done
	serve_node 8080
	for family in 4 6; do
		[ $family = 4 ] && net=10.9.0. svc=10.96.0. || net=fd00:9:: svc=fd00:96::
		n=0
		for backend in 1 51 50 254; do
			n=$((n + 1))
			service "$svc$n" "$net$backend"
			for proto in tcp udp; do
				seen=$(ask a $proto "$svc$n" 8080)
				case $backend in
				50) [ "$seen" = "${net}254" ] ;; # itself: from its own address nothing would come back
				*) [ "$seen" = "${net}50" ] ;;	 # the backend knows who asks
				esac
				# Nobody on the wire takes the pod's veth for the pod, as the node's redirects would have it.
				[ -z "$(ip -n lan neigh show nud reachable nud stale nud delay nud probe | grep "$(ip netns exec a cat /sys/class/net/veth0/address)")" ]
			done
		done
	done
}

@test "node and pod: no translation, probes right after ADD, and the node's other addresses" {
	ip addr add 172.31.7.7/32 dev w0
	attach a >/dev/null
	ask_now=$(ping -c1 -W1 -q 10.9.0.50)
	[ -n "$ask_now" ]
	serve a 8080
	serve_node 8081
	[ "$(ask "" tcp 10.9.0.50 8080)" = 10.9.0.254 ]
	[ "$(ask "" udp fd00:9::50 8080)" = fd00:9::254 ]
	[ "$(ask a tcp 10.9.0.254 8081)" = 10.9.0.50 ]
	[ "$(ask a tcp fd00:9::254 8081)" = fd00:9::50 ]
	[ "$(ask a tcp 172.31.7.7 8081)" = 10.9.0.50 ]
}

@test "NodePort from outside: the client's address is kept, from the wire and from far; ports that are listed are marked" {
	attach a "$(jq -c '.nodePorts = "30080,31000:31010" | .nodePortMark = 4096' <<<"$VETH")" >/dev/null
	serve a 8080
	for port in 30080 31005 8443; do
		node_port $port 10.9.0.50 8080
		node_port $port fd00:9::50 8080
	done
	nft add rule inet services marks ct mark 4096 counter
	for proto in tcp udp; do
		[ "$(ask lan $proto 10.9.0.254 30080)" = 10.9.0.1 ]
		[ "$(ask lan $proto fd00:9::254 31005)" = fd00:9::1 ]
	done
	ip -n lan route change 10.9.0.0/24 dev w1 src 192.0.2.1
	[ "$(ask lan tcp 10.9.0.254 30080)" = 192.0.2.1 ]
	marked=$(nft list chain inet services marks | grep -o 'packets [0-9]*')
	[ "$marked" != "packets 0" ]
	# another port works as well, and is not marked
	[ "$(ask lan tcp 10.9.0.254 8443)" = 192.0.2.1 ]
	[ "$(nft list chain inet services marks | grep -o 'packets [0-9]*')" = "$marked" ]
}

@test "all else leaves by the pod's own interface with its own address; with serviceCidr not by way of the node" {
	attach a >/dev/null
	attach b "$(jq -c '.serviceCidr = ["10.96.0.0/16", "fd00:96::/112"]' <<<"$VETH")" >/dev/null
	serve lan 8080
	[ "$(ask a tcp 192.0.2.1 8080)" = 10.9.0.50 ]
	[ "$(ask a tcp 2001:db8::1 8080)" = fd00:9::50 ]
	nft add table inet seen
	nft add chain inet seen f '{ type filter hook prerouting priority -300; }'
	nft add rule inet seen f iifname "$(end b)" meta l4proto tcp counter
	[ "$(ask b tcp 192.0.2.1 8080)" = 10.9.0.51 ]
	[ "$(ask b tcp 2001:db8::1 8080)" = fd00:9::51 ]
	nft list table inet seen | grep -q 'packets 0 '
	service 10.96.0.1 10.9.0.1
	service fd00:96::1 fd00:9::1
	[ "$(ask b tcp 10.96.0.1 8080)" = 10.9.0.51 ]
	[ "$(ask b tcp fd00:96::1 8080)" = fd00:9::51 ]
	fails_to grep -q 'packets 0 ' <<<"$(nft list table inet seen)"
}

@test "ipMasq: without a default route of its own the pod leaves by the node" {
	bare=$(first "$FIRST" | jq -c 'del(.ipam.routes) | .ipam.ranges[][].gateway = null')
	attach a "$(jq -c '.ipMasq = true' <<<"$VETH")" "$bare" >/dev/null
	attach b "$VETH" "$bare" >/dev/null
	serve lan 8080
	[ "$(ask a tcp 192.0.2.1 8080)" = 10.9.0.254 ]
	[ "$(ask a tcp 2001:db8::1 8080)" = fd00:9::254 ]
	nft add table inet seen
	nft add chain inet seen f '{ type filter hook postrouting priority 300; }'
	nft add rule inet seen f oifname w0 ip saddr 10.9.0.51 counter
	ip netns exec b bash -c 'echo >/dev/udp/192.0.2.1/8080' # an answer would come by the wire, and the pod's own filter may drop it
	fails_to grep -q 'packets 0 ' <<<"$(nft list table inet seen)"
	# what a Service translates comes back here, with ipMasq or without
	service 10.96.0.1 192.0.2.1
	[ "$(ask b tcp 10.96.0.1 8080)" = 10.9.0.254 ]
}

@test "node-local DNS: by default, and beside the Services by localDNSAddr" {
	ip link add dns0 type veth peer name dns1
	ip addr add 169.254.20.10/32 dev dns0
	attach a >/dev/null
	attach b "$(jq -c '.serviceCidr = "10.96.0.0/16" | .localDNSAddr = "169.254.20.10"' <<<"$VETH")" >/dev/null
	ping_from a 169.254.20.10
	ping_from b 169.254.20.10
	ip -n b route | grep -q '^169.254.20.10 via 10.9.0.254 dev veth0'
	ip link del dns0
}

@test "the pod does not forward for others on the wire" {
	attach a >/dev/null
	serve_node 8080
	ip -n lan route add 172.31.7.7 via 10.9.0.50
	ip addr add 172.31.7.7/32 dev lo
	nft add table inet seen
	nft add chain inet seen f '{ type filter hook prerouting priority -300; }'
	nft add rule inet seen f iifname "$(end a)" icmp type echo-request counter
	# An ipvlan pod has the node's MAC: what is sent to it and is not for its address is the node's own.
	[ "$FIRST" = ipvlan ] || fails_to ip netns exec lan ping -c1 -W1 -q 172.31.7.7
	[ "$FIRST" != ipvlan ] || ip netns exec lan ping -c1 -W10 -q 172.31.7.7
	nft list table inet seen | grep -q 'packets 0 '
	ip addr del 172.31.7.7/32 dev lo
}

@test "DEL: nothing is left: once, twice, without a namespace, when that has gone; the pod is as it was" {
	attach b >/dev/null
	before=$(on_node)
	for how in once twice nowhere gone; do
		add "$FIRST" a "$(first "$FIRST")" >/dev/null
		was=$(in_pod a)
		call DEL "$FIRST" a /run/netns/a "$(first "$FIRST")"
		attach a >/dev/null
		ping -c1 -W10 -q 10.9.0.5"$(ip -n a -4 -o addr show eth0 | grep -o '10.9.0.5[0-9]' | tail -c2)"
		case $how in
		once) call DEL veth-host a /run/netns/a "$VETH" ;;
		twice) call DEL veth-host a /run/netns/a "$VETH"; call DEL veth-host a /run/netns/a "$VETH" ;;
		nowhere) call DEL veth-host a "" "$VETH" ;;
		gone) ip netns del a; call DEL veth-host a /run/netns/a "$VETH" ;;
		esac
		[ $how = gone ] || [ $how = nowhere ] || diff <(echo "$was" | sed 's/10.9.0.5[0-9]/P/; s/fd00:9::5[0-9a-f]/P/') \
			<(in_pod a | sed 's/10.9.0.5[0-9]/P/; s/fd00:9::5[0-9a-f]/P/')
		call DEL "$FIRST" a /run/netns/a "$(first "$FIRST")"
		diff <(echo "$before" | grep -v netns/a) <(on_node | grep -v netns/a)
		[ $how != gone ] || { pod a; strict a; }
	done
	detach b
	[ -z "$(nft list ruleset)" ]
	[ "$(ip rule | wc -l)" = 3 ]
}

@test "DEL: the end on the node is found by its alias" {
	before=$(on_node)
	attach a >/dev/null
	ip link set "$(end a)" down
	ip link set "$(end a)" name renamed0
	detach a
	diff <(echo "$before") <(on_node)
}

@test "DEL: after a reboot, with another configuration, and connections of the pod are forgotten" {
	attach a >/dev/null
	nft add table inet track
	nft add chain inet track f '{ type filter hook forward priority 0; }'
	nft add rule inet track f ct state new counter
	serve lan 8080
	service 10.96.0.1 10.9.0.1
	ask a udp 10.96.0.1 8080 4444
	del veth-host a "$(jq -c '.nodePorts = "rubbish" | .containerInterface = "///" | .serviceCidr = 7' <<<"$VETH")"
	[ -z "$(end a)" ]
	rm -rf /run/cnibox
	del veth-host a "$VETH"
	call DEL "$FIRST" a /run/netns/a "$(first "$FIRST")"
	attach a >/dev/null
	ask a udp 10.96.0.1 8080 4444
	nft list table inet track | grep -q 'packets 2 '	# the second is no part of the first
}

@test "DEL: the pod's rule that tells of the veth goes last: what a DEL that was cut off has left is found by the next" {
	attach a >/dev/null
	ip -n a monitor rule >"$BATS_TEST_TMPDIR/seen" 3>&- &
	SERVERS="$SERVERS $!"
	until grep -q '^9:' "$BATS_TEST_TMPDIR/seen"; do
		ip -n a rule add from 198.51.100.1 priority 9 && ip -n a rule del priority 9
	done
	detach a
	until [ "$(grep -c 'Deleted 1025:' "$BATS_TEST_TMPDIR/seen")" = 2 ]; do sleep 0.05; done
	mapfile -t gone < <(grep -o 'Deleted [0-9]*' "$BATS_TEST_TMPDIR/seen" | grep -v ' 9$')
	[ $((${#gone[@]} % 2)) = 0 ]
	[ "${gone[${#gone[@]} / 2 - 1]} ${gone[-1]}" = "Deleted 1025 Deleted 1025" ]
}

# checked [CONFIG]: attaches a; c is what CHECK gets, and it succeeds
checked() {
	r=$(attach a "${1:-$VETH}")
	c=$(with_prev "${1:-$VETH}" "$r")
	call CHECK veth-host a /run/netns/a "$c"
}

# broken TEXT COMMAND...: CHECK fails with TEXT after it. What is broken stays so: CHECK names the first that differs, so
# that each case stands before those that CHECK gets to earlier.
broken() {
	local text=$1
	shift
	"$@"
	fails 105 "$text" call CHECK veth-host a /run/netns/a "$c"
}

# in_table POD: the number of the table of its own interface's default route
in_table() { ip -n "$1" rule | sed -n 's/^1025:.*lookup \([0-9]*\).*/\1/p'; }

@test "CHECK notices every change on the node" {
	checked "$(jq -c '.overlay_hijack_subnet = ["10.244.0.0/16"]' <<<"$VETH")"
	call CHECK "$FIRST" a /run/netns/a "$(with_prev "$(first "$FIRST")" "$r")"
	end=$(end a)
	broken "ends" nft flush map inet cnibox_underlay ends
	broken "cnibox_underlay" nft delete table inet cnibox_underlay
	broken "IPv4 rule 1023 for what comes by $end to 10.244.0.0/16" ip rule del iif "$end" priority 1023
	broken "IPv6 rule 1024" ip -6 rule del iif "$end" priority 1024
	broken "nothing is forwarded" eval 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	broken "the node has lost its route to 0.0.0.0/0 in table" ip route del default table "$(table a)"
	broken "IPv4 rule 512" ip rule del iif "$end" priority 512
	broken "the node has lost its route to fd00:9::50" ip -6 route del fd00:9::50
	broken "the node has lost its neighbour" ip neigh flush dev "$end" nud permanent
	broken "the node has lost its route to 10.9.0.50" ip route del 10.9.0.50
	broken "src_valid_mark is 0" eval 'echo 0 >/proc/sys/net/ipv4/conf/$end/src_valid_mark'
	broken "the node's address 10.9.0.253" ip addr add 10.9.0.253/32 dev w0
	broken "has not the address 10.9.0.254 any more" ip addr del 10.9.0.254/24 dev w0
	broken "the node has no IPv4 address any more" ip addr del 10.9.0.253/32 dev w0
	broken "has the MTU 1400" ip link set "$end" mtu 1400
	broken "is down" ip link set "$end" down
	broken "is not there" ip link del "$end"
	detach a
	ip addr add 10.9.0.254/24 dev w0
	checked
}

@test "CHECK notices every change in the pod" {
	checked
	broken "lacks veth0 in its set ends" ip netns exec a nft flush set inet cnibox_answers ends
	broken "other rules in its chain output" ip netns exec a nft flush chain inet cnibox_answers output
	broken "lost its table inet cnibox_answers" ip netns exec a nft delete table inet cnibox_answers
	broken "no route by veth0 to the node's address fd00:9::254" ip -n a -6 route del fd00:9::254 table main
	broken "lost its neighbour" ip -n a neigh flush dev veth0 nud permanent
	broken "no route by veth0 to the node's address 10.9.0.254" ip -n a route del 10.9.0.254
	broken "IPv6 rule 1025" ip -n a -6 rule del priority 1025
	broken "default route by eth0" ip -n a route del default table "$(in_table a)"
	broken "lost its route to 0.0.0.0/0" ip -n a route del default
	broken "IPv4 rule 512" ip -n a rule del priority 512
	broken "nothing is forwarded" ip netns exec a bash -c 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'
	broken "src_valid_mark is 0" ip netns exec a bash -c 'echo 0 >/proc/sys/net/ipv4/conf/eth0/src_valid_mark'
	broken "veth0 in the pod is down" ip -n a link set veth0 down
	detach a
	checked
}

@test "GC takes what is not valid, without a link of it, too; STATUS" {
	attach a >/dev/null
	attach b >/dev/null
	before=$(end b)
	ip netns del a	# rules stay, the link does not
	wait_for_no_end
	gc veth-host "$VETH" '[{"containerID":"b","ifname":"eth0"}]'
	[ "$(end b)" = "$before" ]
	[ "$(ip rule | grep -c iif)" = 2 ]
	[ "$(nft -j list map inet cnibox_underlay ends | jq '[.nftables[].map.elem? // empty] | flatten(1) | length')" -ge 1 ]
	fails_to grep -q net1/a <<<"$(nft list ruleset)"
	ping -c1 -W10 -q 10.9.0.51
	gc veth-host "$VETH" '[]'
	[ "$(end b)" = "$before" ]	# its interface is there: it is another runtime's
	gc "$FIRST" "$(first "$FIRST")" '[]'
	gc veth-host "$VETH" '[]'
	[ -z "$(ip rule | grep iif)" ]
	[ -z "$(nft list ruleset)" ]
	status veth-host "$VETH"
	fails 50 'no interface "nic7"' status veth-host "$(jq -c '.hostInterface = "nic7"' <<<"$VETH")"
	pod a
}

wait_for_no_end() {
	for _ in $(seq 1000); do
		[ -n "$(end a)" ] || return 0
		sleep 0.05
	done
	return 1
}

@test "tables: one for each pod, the same whenever it comes again; others' and other pods' are stepped over" {
	attach a >/dev/null
	first_table=$(table a)
	detach a
	attach a >/dev/null
	[ "$(table a)" = "$first_table" ]
	detach a
	ip route add 198.51.100.0/24 dev w0 table "$first_table"
	ip route add 192.0.0.8/32 dev w0 table $((first_table + 1))
	ip -6 route add 100::8/128 dev w0 table $((first_table + 2))
	attach a >/dev/null
	[ "$(table a)" = $((first_table + 3)) ]
	[ "$(ip route show table "$first_table")" = "198.51.100.0/24 dev w0 scope link " ]
	[ -z "$(ip route show table $((first_table + 2)))" ]
	ip rule del iif "$(end a)" priority 512
	detach a
	attach a "$(jq -c '.routeTableStart = 100000' <<<"$VETH")" >/dev/null
	[ "$(table a)" -gt 100000 ]
}

@test "a crowd at once: a table for each, everybody is reached" {
	names=$(echo c{1..12})
	for n in $names; do pod "$n"; done
	for n in $names; do attach "$n" >/dev/null 2>"$BATS_TEST_TMPDIR/$n" 3>&- & done
	wait
	[ "$(ip rule | grep -c '^1024')" = 12 ]
	[ "$(ip rule | sed -n 's/^1024.*lookup \([0-9]*\).*/\1/p' | sort -u | wc -l)" = 12 ]
	for n in $(seq 50 61); do ping -c1 -W10 -q "10.9.0.$n"; done
	[ "$(nft list table inet cnibox_underlay | grep -c comment)" -gt 12 ]
	rules=$(nft -a list table inet cnibox_underlay | grep -c '# handle')
	[ "$rules" -lt 36 ]	# objects of the node, not of pods
	for n in $names; do detach "$n" 3>&- & done
	wait
	[ -z "$(nft list ruleset)" ]
	[ "$(ip rule | wc -l)" = 3 ]
}

@test "what an earlier pod of this address has left is removed first" {
	ip link add stale0 type veth peer name stale1 netns b
	ip link set stale0 alias "cnibox+net1 cab eth0"	# another pod's, whose id has this one's in it
	ip link set stale0 up
	ip -n b link set stale1 up
	ip route add 10.9.0.50 dev stale0
	ip neigh add 10.9.0.50 lladdr 02:00:00:00:00:01 dev stale0 nud permanent
	ip neigh add 10.9.0.50 lladdr 02:00:00:00:00:02 dev w0 nud permanent
	ip rule add from 10.9.0.50 lookup 500 priority 100
	ip rule add iif vethgone0 lookup 501 priority 1024 protocol 194
	ip rule add from 10.9.0.77 lookup 500 priority 101
	attach a >/dev/null
	ping -c1 -W10 -q 10.9.0.50
	[ "$(ip rule | grep -c 'from 10.9.0.50\|vethgone0')" = 0 ]
	ip rule | grep -q 'from 10.9.0.77 lookup 500'
	[ "$(ip neigh show nud permanent | grep -c '^10.9.0.50 ')" = 1 ]
	[ "$(ip route show 10.9.0.50 | wc -l)" = 1 ]
	ip rule del priority 101
	ip link del stale0
}

@test "two interfaces of a pod, each with a veth" {
	# a strict filter takes no more than one of them
	for conf in all default; do echo 0 >/proc/sys/net/ipv4/conf/$conf/rp_filter; done
	ip netns exec a bash -c 'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter'
	attach a >/dev/null
	second=$(first "$FIRST" | jq -c '.name = "net2" | del(.ipam.routes) | .ipam.ranges[0][0].rangeStart = "10.9.0.80" | .ipam.ranges[1][0].rangeStart = "fd00:9::80"')
	v2=$(jq -c '.name = "net2"' <<<"$VETH")
	r2=$(add "$FIRST" a "$second" eth1)
	unchanged fails 101 veth0 add veth-host a "$(with_prev "$v2" "$r2")" eth1
	v2=$(jq -c '.containerInterface = "veth1"' <<<"$v2")
	r2=$(add veth-host a "$(with_prev "$v2" "$r2")" eth1)
	for address in 10.9.0.50 10.9.0.80 fd00:9::50 fd00:9::80; do ping -c1 -W10 -q $address; done
	ip -n a route | grep -q '^default via 10.9.0.254 dev veth0'
	call CHECK veth-host a /run/netns/a "$(with_prev "$v2" "$r2")" eth1
	call DEL veth-host a /run/netns/a "$v2" eth1
	ping -c1 -W10 -q 10.9.0.50
	ip netns exec a nft list table inet cnibox_answers | grep -q '"veth0"'
	call DEL veth-host a /run/netns/a "$VETH"
	[ -z "$(ip netns exec a nft list ruleset)" ]
	[ "$(ip -n a rule | wc -l)" = 3 ]
}

@test "one family alone; a node without IPv6; behind vlan and host-device" {
	four=$(first "$FIRST" | jq -c '.ipam.ranges |= .[:1] | .ipam.routes |= .[:1]')
	six=$(first "$FIRST" | jq -c '.ipam.ranges |= .[1:] | .ipam.routes |= .[1:]')
	attach a "$VETH" "$four" >/dev/null
	[ "$(ip -n a -6 rule | grep -c 'proto 194')" = 0 ]
	ping -c1 -W10 -q 10.9.0.50
	detach a
	attach a "$VETH" "$six" >/dev/null
	[ "$(ip -n a rule | grep -c 'proto 194')" = 0 ]
	ping -c1 -W10 -q fd00:9::50
	detach a
	ip addr del fd00:9::254/64 dev w0
	attach a >/dev/null
	ping -c1 -W3 -q 10.9.0.51 || ping -c1 -W3 -q 10.9.0.50
	[ "$(ip -n a -6 rule | grep -c 'proto 194')" = 0 ]
	fails 7 "hostInterface: the node has no address of the family of fd00:9::" attach b "$VETH" "$six"
	detach a
	ip link add hd0 type veth peer name hd1 netns lan
	ip -n lan link set hd1 up
	attach a "$VETH" "$(jq -c '{cniVersion, name, type: "host-device", device: "hd0", ipam}' <<<"$four")" >/dev/null
	ping -c1 -W10 -q "$(ip -n a -4 -o addr show eth0 | grep -o '10.9.0.5[0-9]')"
	call DEL veth-host a /run/netns/a "$VETH"
	call DEL host-device a /run/netns/a "$(jq -c '{cniVersion, name, type: "host-device", device: "hd0", ipam}' <<<"$four")"
	ip link del hd0
}

@test "what is wrong is named with key and value, and changes nothing" {
	r=$(add "$FIRST" a "$(first "$FIRST")")
	c=$(with_prev "$VETH" "$r")
	was=$(in_pod a)
	before=$(snapshot)
	bad() { fails "$1" "$2" add veth-host a "$(jq -c "$3" <<<"$c")"; }
	bad 7 "prevResult: missing; veth-host stands behind" 'del(.prevResult)'
	bad 7 "eth0 has no address" 'del(.prevResult.ips)'
	bad 7 'no interface "eth0" in a sandbox' '.prevResult.interfaces[0].name = "eth7"'
	bad 7 'hostInterface: this node has no interface "nic7"' '.hostInterface = "nic7"'
	bad 7 'hostInterface: "a/b"' '.hostInterface = "a/b"'
	bad 7 'containerInterface: "a b"' '.containerInterface = "a b"'
	bad 7 'containerInterface: "eth0" is the interface' '.containerInterface = "eth0"'
	bad 7 'containerInterface: "lo"' '.containerInterface = "lo"'
	bad 7 'mtu: 67' '.mtu = 67'
	bad 7 'mtu: 1279' '.mtu = 1279'
	bad 7 mtu '.mtu = 70000'
	bad 7 routeTableStart '.routeTableStart = -1'
	bad 7 nodePortMark '.nodePortMark = 0'
	bad 7 'found "0"' '.nodePorts = "0"'
	bad 7 'found "65536"' '.nodePorts = "80,65536"'
	bad 7 'found "90:80"' '.nodePorts = "90:80"'
	bad 7 'found "http"' '.nodePorts = "http"'
	bad 7 'expected a comma, found "x"' '.nodePorts = "80x"'
	bad 7 'expected a comma, found ","' '.nodePorts = "80,"'
	bad 7 '85:85 is there twice' '.nodePorts = "80:90,85"'
	bad 7 'nodePorts: more than 24' '.nodePorts = ([range(25)] | map(. + 100 | tostring) | join(","))'
	bad 7 'serviceCidr: "10.96.0.0" is no IP prefix' '.serviceCidr = "10.96.0.0"'
	bad 7 'serviceCidr: "0.0.0.0/0" is no' '.serviceCidr = ["10.96.0.0/16", "0.0.0.0/0"]'
	bad 7 'serviceCidr: expected a string or a list of strings, found 7' '.serviceCidr = [7]'
	bad 7 'serviceCidr: more than 32' '.serviceCidr = [range(33) | "10.96.\(.).0/24"]'
	bad 7 'overlay_hijack_subnet: "10.244" is no IP prefix' '.overlay_hijack_subnet = ["10.244"]'
	bad 7 'service_hijack_subnet: expected' '.service_hijack_subnet = {"a": 7}'
	bad 7 'additional_hijack_subnet: more than 32' '.serviceCidr = [range(32) | "10.96.\(.).0/24"] | .additional_hijack_subnet = ["10.97.0.0/16"]'
	bad 7 'localDNSAddr: "dns"' '.localDNSAddr = "dns"'
	diff <(echo "$before") <(snapshot)
	diff <(echo "$was") <(in_pod a)
	add veth-host a "$c" >/dev/null
	unchanged fails 101 "attached to the node already" add veth-host a "$c"
	call DEL veth-host a /run/netns/a "$VETH"
	diff <(echo "$was") <(in_pod a)
}

@test "an ADD that fails leaves node and pod as they were" {
	r=$(add "$FIRST" a "$(first "$FIRST")")
	c=$(with_prev "$VETH" "$r")
	was=$(in_pod a)
	node=$(on_node)
	mkdir -p /run/cnibox
	mount -t tmpfs -o ro tmpfs /run/cnibox
	fails 103 "" add veth-host a "$c"
	umount /run/cnibox
	diff <(echo "$was") <(in_pod a)
	diff <(echo "$node") <(on_node)
}
