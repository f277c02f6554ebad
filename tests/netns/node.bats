#!/usr/bin/env bats
# cnibox node: up, show and down against the real kernel.
bats_require_minimum_version 1.5.0
load node_helpers

@test "up: forwarding, routes, masquerade and the CNI configuration, one line for each change" {
	three
	run up
	[ "$status" -eq 0 ]
	[ "$output" = "sysctl net/ipv4/ip_forward = 1: changed
route 192.168.1.0/24 via 192.168.122.15: added
route 192.168.2.0/24 via 192.168.122.16: added
nftables inet cnibox_node: masquerade ip leaving the cluster: added
CNI configuration $CONFLIST: added" ]
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	[ "$(ip route show proto 193 | wc -l)" -eq 2 ]
	ip route show proto 193 | grep -q '192.168.1.0/24 via 192.168.122.15 dev eth0'
	[ "$(stat -c %a $CONFLIST)" = 644 ]
	[ "$(jq -c '.plugins[0]' $CONFLIST)" = '{"type":"bash-cni","network":"192.168.0.0/16","subnet":"192.168.0.0/24","hairpinMode":true}' ]
	[ "$(jq -r '."cnibox.node"' $CONFLIST)" = m ]
	nft list chain inet cnibox_node postrouting | grep -q 'hook postrouting priority srcnat'
	nft list chain inet cnibox_node postrouting | grep -q 'masquerade fully-random'
	[ "$(nft list chain inet cnibox_node postrouting | grep -c saddr)" -eq 1 ]
}

@test "a second up changes nothing and says so" {
	three
	up
	before=$(host)
	inode=$(stat -c %i $CONFLIST)
	run up
	[ "$status" -eq 0 ]
	[ "$output" = "nothing to change" ]
	diff <(echo "$before") <(host)
	[ "$(stat -c %i $CONFLIST)" = "$inode" ]
}

@test "--dry-run tells what it would do and does nothing" {
	three
	before=$(host)
	run node up --dry-run -f "$FILE" --name m
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -ge 5 ]
	[ -z "$(grep -v ': would be ' <<<"$output")" ]
	diff <(echo "$before") <(host)
	[ ! -e /run/cnibox ]
}

@test "a changed file: only the difference is applied, and what is stale goes" {
	three
	up
	cluster '{"networks":["192.168.0.0/16"]}' "$(entry m 192.168.122.14 192.168.0.0/24)" \
		"$(entry node1 192.168.122.25 192.168.1.0/24)" "$(entry node3 192.168.122.17 192.168.3.0/24)"
	run up
	[ "$status" -eq 0 ]
	[ "$(sort <<<"$output")" = "$(sort <<<"route 192.168.1.0/24 via 192.168.122.25: changed
route 192.168.3.0/24 via 192.168.122.17: added
route 192.168.2.0/24 via 192.168.122.16: removed
masquerade: node 192.168.122.15: removed
masquerade: node 192.168.122.16: removed
masquerade: node 192.168.122.17: added
masquerade: node 192.168.122.25: added")" ]
	[ "$(up)" = "nothing to change" ]
	[ "$(ip route show proto 193 | wc -l)" -eq 2 ]
}

@test "networks that grow into one: ranges that are in each other's way are replaced" {
	cluster '{"networks":["192.168.0.0/24","192.168.8.0/24"]}' "$(entry m 192.168.122.14 192.168.0.0/24)"
	up
	cluster '{"networks":["192.168.0.0/16"]}' "$(entry m 192.168.122.14 192.168.0.0/24)"
	up
	nft list set inet cnibox_node cluster4 | grep -q 'elements = { 192.168.0.0/16 }'
	[ "$(up)" = "nothing to change" ]
}

@test "down removes all of it and nothing else, twice" {
	ip route add 10.9.0.0/16 via 192.168.122.1
	ip route add 10.8.0.0/16 via 192.168.122.1 proto static
	nft add table inet cnibox
	iptables -A FORWARD -s 10.9.0.0/16 -j DROP
	mkdir -p /etc/cni/net.d
	echo '{"name":"other"}' >/etc/cni/net.d/05-other.conflist
	before=$(host)
	three
	up
	run node down
	[ "$status" -eq 0 ]
	grep -q '^sysctl net/ipv4/ip_forward = 0: restored$' <<<"$output"
	grep -q '^route 192.168.1.0/24 via 192.168.122.15: removed$' <<<"$output"
	diff <(echo "$before") <(host)
	run node down
	[ "$status" -eq 0 ]
	[ "$output" = "nothing to change" ]
	diff <(echo "$before") <(host)
}

@test "down leaves a sysctl that another has changed since, and one that we never changed" {
	three
	echo 1 >/proc/sys/net/ipv4/ip_forward
	up
	node down
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	echo 0 >/proc/sys/net/ipv4/ip_forward
	up
	echo 0 >/proc/sys/net/ipv4/ip_forward	# someone turned it off; the next up turns it on and still knows what it was
	run up
	[ "$output" = "sysctl net/ipv4/ip_forward = 1: changed" ]
	node down
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
}

@test "show: wanted against actual, with its exit status" {
	three
	run node show -f "$FILE" --name m
	[ "$status" -eq 3 ]
	grep -q '^route 192.168.1.0/24 via 192.168.122.15: missing$' <<<"$output"
	grep -q '^sysctl net/ipv4/ip_forward = 1: differs$' <<<"$output"
	up
	run node show -f "$FILE" --name m
	[ "$status" -eq 0 ]
	[ -z "$(grep -v ': ok$' <<<"$output")" ]
	ip route add 192.168.77.0/24 via 192.168.122.77 proto 193
	ip route replace 192.168.1.0/24 via 192.168.122.99 proto 193
	nft delete element inet cnibox_node nodes4 '{ 192.168.122.16 }'
	echo >>$CONFLIST
	run node show -f "$FILE" --name m
	[ "$status" -eq 3 ]
	[ "$(grep -v ': ok$' <<<"$output")" = "route 192.168.1.0/24 via 192.168.122.15: differs
route 192.168.77.0/24 via 192.168.122.77: stale
masquerade: node 192.168.122.16: missing
CNI configuration $CONFLIST: differs" ]
	up
	run node show -f "$FILE" --name m
	[ "$status" -eq 0 ]
}

@test "show without a file lists what carries our mark" {
	run node show
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	three
	up
	run node show
	[ "$status" -eq 0 ]
	grep -q '^route 192.168.2.0/24 via 192.168.122.16$' <<<"$output"
	grep -q '^masquerade: cluster 192.168.0.0-192.168.255.255$' <<<"$output"
	grep -q "^CNI configuration $CONFLIST$" <<<"$output"
}

# Pods behind cni0, the world behind eth0: who does the world see?
pods_and_world() {
	ip netns add pod
	ip netns add world
	ip link add cni0 type bridge
	ip addr add 192.168.0.1/24 dev cni0
	ip link set cni0 up
	ip link add v0 master cni0 up type veth peer name eth0 netns pod
	ip link add v1 master eth0 up type veth peer name eth0 netns world
	ip -n pod addr add 192.168.0.2/24 dev eth0
	ip -n pod link set eth0 up
	ip -n pod route add default via 192.168.0.1
	ip -n world addr add 192.168.122.15/24 dev eth0	# it is node1,
	ip -n world addr add 10.77.0.1/32 dev eth0		# the internet,
	ip -n world addr add 192.168.1.2/32 dev eth0		# and a pod of node1
	ip -n world link set eth0 up
	ip -n world link set lo up
	ip -n world route add 192.168.0.0/24 via 192.168.122.14
	ip route add 10.77.0.0/24 via 192.168.122.15
}

# seen ADDRESS: the source address that the world sees when the pod calls it there.
seen() {
	local to=$1
	ip netns exec world timeout 60 nft -f - <<-'NFT'
		flush ruleset
		table ip seen {
			set from { type ipv4_addr; flags dynamic; }
			chain in { type filter hook input priority 0; icmp type echo-request add @from { ip saddr }; }
		}
	NFT
	ip netns exec pod ping -c1 -W10 -q "$to" >/dev/null || return 1
	ip netns exec world nft -j list set ip seen from | jq -r '.nftables[1].set.elem[0]'
}

@test "masquerade: only what leaves the cluster is translated, through a FORWARD that drops" {
	three
	pods_and_world
	iptables -P FORWARD DROP
	up
	[ "$(seen 192.168.1.2)" = 192.168.0.2 ]		# pod to pod
	[ "$(seen 192.168.122.15)" = 192.168.0.2 ]	# pod to node
	[ "$(seen 10.77.0.1)" = 192.168.122.14 ]	# pod to the internet
	node down
	run ! seen 192.168.1.2
}

@test "masquerade: a node's address outside of the networks is not translated either" {
	cluster '{"networks":["192.168.0.0/17"]}' "$(entry m 192.168.122.14 192.168.0.0/24)" "$(entry node1 192.168.122.15 192.168.1.0/24)"
	sed -i 's/192.168.0.0\/17/192.168.0.0\/20/' "$FILE"
	pods_and_world
	up
	[ "$(seen 192.168.122.15)" = 192.168.0.2 ]
	[ "$(seen 10.77.0.1)" = 192.168.122.14 ]
}

@test "masquerade: a node that has no pods knows no way back to ours, wherever its address is" {
	for networks in '["192.168.0.0/16"]' '["192.168.0.0/20"]' null; do
		cluster "{\"networks\":$networks}" "$(entry m 192.168.122.14 192.168.0.0/24)" "$(entry node1 192.168.122.15 '')"
		pods_and_world
		ip netns exec world ip route del 192.168.0.0/24
		up
		[ "$(seen 192.168.122.15)" = 192.168.122.14 ]
		ip netns del pod
		ip netns del world
		ip link del cni0
		ip route flush 10.77.0.0/24
	done
}

@test "a node without pods learns the ways to those of others, and nothing else; with a subnet it is joined" {
	before=$(host)
	cluster '{}' "$(entry m 192.168.122.14 '')" "$(entry node1 192.168.122.15 192.168.1.0/24)"
	iptables -P FORWARD DROP
	run --separate-stderr up
	[ "$status" -eq 0 ]
	[ "$output" = "route 192.168.1.0/24 via 192.168.122.15: added" ]
	grep -q 'node m has no subnet for pods' <<<"$stderr"
	[ "$(up 2>/dev/null)" = "nothing to change" ]
	cluster '{}' "$(entry m 192.168.122.14 192.168.0.0/24)" "$(entry node1 192.168.122.15 192.168.1.0/24)"
	up
	[ -e $CONFLIST ]
	cluster '{}' "$(entry m 192.168.122.14 '')" "$(entry node1 192.168.122.15 192.168.1.0/24)"
	up
	[ ! -e $CONFLIST ]
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
	node down
	iptables -P FORWARD ACCEPT
	nft delete table ip filter
	diff <(echo "$before") <(host)
}

@test "masquerade: the older form translates everything that leaves not through the bridge; none translates nothing" {
	three '{"networks":["192.168.0.0/16"],"masquerade":"subnet"}'
	pods_and_world
	up
	[ "$(seen 192.168.1.2)" = 192.168.122.14 ]
	[ "$(seen 192.168.122.15)" = 192.168.122.14 ]
	three '{"networks":["192.168.0.0/16"],"masquerade":"none"}'
	run up
	[ "$output" = "nftables inet cnibox_node: masquerade ip not leaving by cni0: removed" ]
	[ "$(seen 10.77.0.1)" = 192.168.0.2 ]
	[ "$(up)" = "nothing to change" ]
}

@test "IPv6: routes and forwarding; nobody is made to accept router advertisements" {
	cluster '{"networks":["10.0.0.0/8","fd00::/48"]}' "$(entry m '192.168.122.14 2001:db8::14' '10.0.0.0/24 fd00:0:0:1::/64')" \
		"$(entry b '192.168.122.15 2001:db8::15' '10.0.1.0/24 fd00:0:0:2::/64')"
	before=$(host)
	up
	[ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 1 ]
	[ "$(cat /proc/sys/net/ipv6/conf/eth0/accept_ra)" = 1 ]
	ip -6 route show proto 193 | grep -q 'fd00:0:0:2::/64 via 2001:db8::15 dev eth0'
	[ "$(jq -c '.plugins[0].ipam.ranges' $CONFLIST)" = '[[{"subnet":"10.0.0.0/24"}],[{"subnet":"fd00:0:0:1::/64"}]]' ]
	[ "$(up)" = "nothing to change" ]
	node down
	diff <(echo "$before") <(host)
	up
	cluster '{}' "$(entry m 192.168.122.14 10.0.0.0/24)"	# no IPv6 any more
	up
	[ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 0 ]
	[ -z "$(ip -6 route show proto 193)" ]
	[ "$(up)" = "nothing to change" ]
	node down
	diff <(echo "$before") <(host)
}

@test "a NodeList from kubectl, on standard input, and the node found by the host's name" {
	hostname node1
	ip addr add 192.168.122.15/24 dev eth0
	ip addr del 192.168.122.14/24 dev eth0
	ip addr add 192.168.122.15/24 dev eth0 2>/dev/null || true
	jq -n '{apiVersion:"v1", kind:"List", items:[range(3) | {kind:"Node", metadata:{name:(["m","node1","node2"][.])},
		spec:{podCIDR:"10.244.\(.).0/24"}, status:{addresses:[{type:"InternalIP", address:"192.168.122.\(14 + .)"}]}}]}' |
		node up -f -
	[ "$(ip route show proto 193 | wc -l)" -eq 2 ]
	ip route show proto 193 | grep -q '10.244.2.0/24 via 192.168.122.16'
	[ "$(jq -r '.plugins[0].subnet' $CONFLIST)" = 10.244.1.0/24 ]
	hostname elsewhere
	node down
}

@test "the node is found by its address when no node has the host's name" {
	hostname elsewhere
	three
	node up -f "$FILE"
	[ "$(jq -r '."cnibox.node"' $CONFLIST)" = m ]
}

# list ITEM...: a NodeList of items "NAME ADDRESS PODCIDR", each three words.
list() {
	FILE=$BATS_TEST_TMPDIR/list.json
	printf '%s\n' "$@" | jq -R 'split(" ") | {kind:"Node", metadata:{name:.[0]}, spec:{podCIDR:.[2]},
		status:{addresses:[{type:"InternalIP", address:.[1]}]}}' | jq -s '{kind:"List", items:.}' >"$FILE"
}

@test "one bad entry of a NodeList is left out with a warning, and the rest applied" {
	for bad in "x 192.168.122.17 10.244.1.0/24" "x 192.168.122.15 10.244.7.0/24" "x 1.2 10.244.7.0/24" "x 192.168.122.17 10.244.7.0" \
		"x 127.0.0.1 10.244.7.0/24" "x 203.0.113.1 10.244.7.0/24" "node1 192.168.122.17 10.244.7.0/24" "x 192.168.122.17 192.168.122.0/24"; do
		list "m 192.168.122.14 10.244.0.0/24" "node1 192.168.122.15 10.244.1.0/24" "$bad"
		run --separate-stderr up
		echo "$bad: $stderr"
		[ "$status" -eq 0 ]
		grep -q 'left out' <<<"$stderr"
		[ "$(ip route show proto 193)" = "10.244.1.0/24 via 192.168.122.15 dev eth0 " ]
		[ "$(up 2>/dev/null)" = "nothing to change" ]
		node down
	done
}

@test "an entry of this machine's that is bad, and an empty list: refused, and what is there stays" {
	list "a 192.168.122.15 10.244.1.0/24" "m 192.168.122.14 10.244.0.0/24"
	up
	list "a 192.168.122.15 10.244.0.0/24" "m 192.168.122.14 10.244.0.0/24"
	refused 'items[1].spec.podCIDRs: 10.244.0.0/24 of node m: the same as 10.244.0.0/24 of node a' up
	echo '{"apiVersion":"v1","kind":"List","items":[]}' >"$FILE"
	refused "$FILE: items: the list is empty: no cluster is described" up
	echo '{"nodes":[]}' >"$FILE"
	refused "$FILE: nodes: the list is empty: no cluster is described" up
	list "a 1.2 10.244.1.0/24" "b 1.2 10.244.2.0/24"
	refused 'no node is usable: items[0].status.addresses[0].address: expected an IP address, got "1.2"' up
}

@test "two ways to say who this machine is that disagree are an error" {
	three
	hostname node1
	refused 'nodes[0].addresses: 192.168.122.14 of node m is an address of this machine, which is to be node node1' node up -f "$FILE"
	refused 'nodes[0].addresses: 192.168.122.14 of node m is an address of this machine, which is to be node node2' node up -f "$FILE" --name node2
	up	# the address says that the name is right
	node down
	ip addr add 192.168.122.16/24 dev eth0
	refused 'nodes[2].addresses: 192.168.122.16 of node node2 is an address of this machine, which is to be node m' up
	ip addr flush dev eth0
	ip addr add 192.168.122.77/24 dev eth0
	refused 'nodes[1].name: this machine is named as node node1 is, and is to be node m, of which it has no address' up
	hostname elsewhere
	up
}

@test "refused, with nothing changed: what the file says wrong" {
	FILE=$BATS_TEST_TMPDIR/bad.json
	refused "$FILE: No such file" up
	echo '{"nodes":[' >"$FILE"
	refused "$FILE: line 2, column 1" up
	refused "$BATS_TEST_TMPDIR is no file" node up -f "$BATS_TEST_TMPDIR" --name m
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	refused "$BATS_TEST_TMPDIR/pipe is empty" timeout 60 "$CNIBOX" node show -f "$BATS_TEST_TMPDIR/pipe" --name m
	refused "$BATS_TEST_TMPDIR/pipe is empty" timeout 60 "$CNIBOX" node up -f "$BATS_TEST_TMPDIR/pipe" --name m
	cluster '{}' "$(entry m 192.168.122.14 192.168.0.0/24)" "$(entry b 192.168.122.15 192.168.0.0/24)"
	refused 'nodes[1].subnets: 192.168.0.0/24 of node b: the same as 192.168.0.0/24 of node m' up
	cluster '{}' "$(entry m 192.168.122.14 192.168.0.0/24)" "$(entry b 10.99.0.1 192.168.1.0/24)"
	refused 'not on link: b (10.99.0.1)' up
	three
	refused 'nodes: none is named "x"' node up -f "$FILE" --name x
	three '{"bridge":"a/b"}'
	refused 'bridge: "a/b"' up
}

@test "refused, with nothing changed: a route of another" {
	three
	ip route add 192.168.2.0/24 via 192.168.122.1
	refused 'route 192.168.2.0/24 via 192.168.122.1 (protocol 3) is there already and not ours' up
}

@test "refused, with nothing changed: a CNI configuration of another" {
	three
	mkdir -p /etc/cni/net.d
	echo '{"name":"theirs"}' >$CONFLIST
	refused "cniConfig: $CONFLIST exists and was not written by cnibox node" up
	run node show -f "$FILE" --name m
	grep -q "^CNI configuration $CONFLIST: differs (not ours)$" <<<"$output"
	node down
	[ "$(cat $CONFLIST)" = '{"name":"theirs"}' ]
	ln -sf /etc/passwd $CONFLIST
	refused "cniConfig: $CONFLIST exists" up
}

@test "usage errors: status 2, one line" {
	for args in "" "sideways" "up" "up -f" "down --name x" "show --dry-run" "up -f x y"; do
		# shellcheck disable=SC2086
		run --separate-stderr node $args
		[ "$status" -eq 2 ]
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
	done
	run node --help
	[ "$status" -eq 0 ]
	grep -q 'nodes\[\].subnets' <<<"$output"
}

@test "another file for the CNI configuration: the former one goes; down finds both directories" {
	three
	up
	three '{"networks":["192.168.0.0/16"],"cniConfig":"/etc/cni/net.d/20-x.conflist"}'
	up
	[ ! -e $CONFLIST ]
	[ -e /etc/cni/net.d/20-x.conflist ]
	three '{"networks":["192.168.0.0/16"],"cniConfig":"/etc/cni/elsewhere/x.conflist"}'
	up
	[ ! -e /etc/cni/net.d/20-x.conflist ]
	node down -f "$FILE"
	[ ! -e /etc/cni/elsewhere/x.conflist ]
}

@test "rules that were tampered with are made anew" {
	three
	up
	before=$(nft list table inet cnibox_node)
	nft flush chain inet cnibox_node postrouting
	up
	diff <(echo "$before") <(nft list table inet cnibox_node)
	nft insert rule inet cnibox_node postrouting accept
	up
	diff <(echo "$before") <(nft list table inet cnibox_node)
	nft delete table inet cnibox_node
	up
	diff <(echo "$before") <(nft list table inet cnibox_node)
}

@test "many at once: all succeed, one does the work" {
	three
	pids=()
	for i in $(seq 10); do
		up >"$BATS_TEST_TMPDIR/out.$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ "$(grep -l 'nothing to change' "$BATS_TEST_TMPDIR"/out.* | wc -l)" -eq 9 ]
}

@test "a closed pipe does not stop it half way" {
	three
	up | true
	run node show -f "$FILE" --name m
	[ "$status" -eq 0 ]
}

@test "5,000 nodes: constant rules, one change for one node" {
	jq -n '{networks:["10.64.0.0/10"], nodes:[range(5000) | {name:"n\(.)", addresses:["172.20.\(. / 250 | floor).\(. % 250 + 1)"],
		subnets:["10.\(64 + (. / 256 | floor)).\(. % 256).0/24"]}]}' >"$BATS_TEST_TMPDIR/big.json"
	ip addr add 172.20.0.1/16 dev eth0
	FILE=$BATS_TEST_TMPDIR/big.json
	[ "$(node up -f "$FILE" --name n0 | grep -c '^route .*: added$')" -eq 4999 ]
	[ "$(node up -f "$FILE" --name n0)" = "nothing to change" ]
	[ "$(nft list chain inet cnibox_node postrouting | grep -c saddr)" -eq 1 ]
	jq '.nodes[77].addresses = ["172.20.99.99"]' "$FILE" >"$BATS_TEST_TMPDIR/other.json"
	run node up -f "$BATS_TEST_TMPDIR/other.json" --name n0
	[ "$(grep -c ^route <<<"$output")" -eq 1 ]
	[ "${#lines[@]}" -eq 3 ]
	node down >/dev/null
	[ -z "$(ip route show proto 193)" ]
}
