# What the tests of veth-host share: pods on the wire w0 with a veth to the node, and what stands for a proxy of Services.
# The node is 10.9.0.254 and fd00:9::254; lan is 10.9.0.1, fd00:9::1, which stands for a pod of another node as well, and, as the
# router, "the internet" 192.0.2.1 and 2001:db8::1. Reverse path filters are strict everywhere.

IPAM='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.9.0.0/24","gateway":"10.9.0.1","rangeStart":"10.9.0.50"}],
[{"subnet":"fd00:9::/64","gateway":"fd00:9::1","rangeStart":"fd00:9::50"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}'
# The plugin in front.
FIRST=${FIRST:-macvlan}
VETH='{"cniVersion":"1.1.0","name":"net1","type":"veth-host","hostInterface":"w0"}'

# first TYPE [KEYS]: the configuration of the plugin in front
first() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net1\",\"type\":\"$1\",\"master\":\"w0\"${2:+,$2},$IPAM}"; }

strict() { ip netns exec "$1" bash -c 'for c in all default; do echo 1 >/proc/sys/net/ipv4/conf/$c/rp_filter; done'; }

underlay_setup() {
	local a
	wire
	for a in all default w0; do echo 1 >/proc/sys/net/ipv4/conf/$a/rp_filter; done
	ip addr add fd00:9::254/64 dev w0 nodad
	ip -n lan addr add 192.0.2.1/32 dev w1
	ip -n lan addr add 2001:db8::1/128 dev w1 nodad preferred_lft 0
	ip route add default via 10.9.0.1
	ip -6 route add default via fd00:9::1
	pod a
	pod b
	strict a
	strict b
}

# attach POD [VETH-CONFIG [FIRST-CONFIG [IFNAME]]]: both plugins; prints veth-host's result
attach() {
	local r
	r=$(add "$(jq -r .type <<<"${3:-$(first "$FIRST")}")" "$1" "${3:-$(first "$FIRST")}" "${4:-eth0}") || { echo "$r"; return 1; }
	add "$(jq -r .type <<<"${2:-$VETH}")" "$1" "$(with_prev "${2:-$VETH}" "$r")" "${4:-eth0}"
}

# detach POD: by names alone
detach() {
	call DEL veth-host "$1" "${2-/run/netns/$1}" "$VETH"
	call DEL "$FIRST" "$1" "${2-/run/netns/$1}" "$(first "$FIRST")"
}

underlay_teardown() {
	local ns
	# shellcheck disable=SC2086 # several
	[ -z "$SERVERS" ] || kill $SERVERS
	for ns in $(ip netns list | cut -d' ' -f1); do
		call DEL veth-host "$ns" "/run/netns/$ns" "$VETH" >/dev/null 2>&1 || true
		call DEL veth-host "$ns" "/run/netns/$ns" "$(jq -c '.name = "net2"' <<<"$VETH")" eth1 >/dev/null 2>&1 || true
	done
	unwire "$FIRST" "$(first "$FIRST")"
	nft flush ruleset
}

# on_node: all that veth-host leaves there
on_node() {
	snapshot
	ip -6 rule
	ip route show table all | grep -v 'table local' | sed 's/ linkdown//'
	ip -6 route show table all | grep -v 'table local\|fe80' | sed 's/ linkdown//' | sort
	ip neigh show nud permanent
}

# in_pod POD: the same of a pod
in_pod() {
	ip -n "$1" rule
	ip -n "$1" -6 rule
	ip -n "$1" route show table all | grep -v 'table local'
	ip -n "$1" -6 route show table all | grep -v 'table local\|fe80' | sort
	ip -n "$1" neigh show nud permanent
	ip netns exec "$1" nft list ruleset
	ip -n "$1" -o link | grep -o ': [a-z0-9]*'
}

# service ADDRESS BACKEND: whatever comes for it, by any protocol, goes to the backend, as a proxy's rules have it.
service() {
	local ip=ip
	[[ $1 != *:* ]] || ip=ip6
	nft -f - <<-X
		table inet services {
			chain prerouting { type nat hook prerouting priority dstnat; }
			chain output { type nat hook output priority -100; }
			chain postrouting { type nat hook postrouting priority srcnat; }
		}
		add rule inet services prerouting $ip daddr $1 dnat $ip to $2
		add rule inet services output $ip daddr $1 dnat $ip to $2
	X
}

# node_port PORT BACKEND BACKEND-PORT: TCP and UDP to the node's address, the client's address is kept
node_port() {
	local ip=ip node=10.9.0.254 to=$2
	[[ $2 != *:* ]] || ip=ip6 node=fd00:9::254 to="[$2]"
	nft -f - <<-X
		table inet services {
			chain prerouting { type nat hook prerouting priority dstnat; }
			chain marks { type filter hook forward priority 0; }
		}
		add rule inet services prerouting $ip daddr $node meta l4proto { tcp, udp } th dport $1 dnat $ip to $to:$3
	X
}

# serve_node PORT: as serve, on the node itself, until the end of the test
serve_node() {
	touch /run/netns/node
	mount --bind /proc/self/ns/net /run/netns/node
	serve node "$1"
	SERVERS="$SERVERS $!"
	umount /run/netns/node
	rm /run/netns/node
}
SERVERS=

# end POD: the name of its host end
end() { ip -j link show type veth | jq -r --arg a "cnibox+net1 $1 eth0" '.[] | select(.ifalias == $a).ifname'; }

# table POD: the node's table for it
table() { ip rule | sed -n "s/^1024:.*iif $(end "$1") lookup \([0-9]*\).*/\1/p"; }
