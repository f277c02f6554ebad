#!/usr/bin/env bats
# What a person had to do by hand on a cluster whose nodes were joined once: each is done by node run.
load run_helpers

setup() {
	run_begin
	machine
}
teardown() {
	run_end
	ip link del late 2>/dev/null || true
}

# What the end of a boot takes: everything but files on disks.
power_off() {
	kill -KILL "$RUN"
	wait "$RUN" || true
	kill "${SERVERS[@]}" 2>/dev/null || true
	ip link del eth0
	nft flush ruleset
	rm -rf /run/cnibox
}

# A server that takes no connection.
# shellcheck disable=SC2034 # of helpers.bash
no_server() { URL=https://127.0.0.1:1; }

@test "a reboot while the API server is away: the nodes that were known last are joined" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(until('routed'), deleted(node('n2', rv=20)))]"
	stay
	until_true test -s /var/lib/cnibox/nodes.json
	until_true has_route 10.42.1.0/24 192.168.122.15
	power_off
	machine
	no_server
	stay
	until_true has_route 10.42.1.0/24 192.168.122.15
	until_true has_route 10.42.2.0/24 192.168.122.16
	until_true test -e $CONFLIST
	logged "3 nodes as /var/lib/cnibox/nodes.json knows them" 1
	until_true logged "Connection refused"
	node up -f /var/lib/cnibox/nodes.json --name m --dry-run
}

@test "what is known from before is true only until the server says something else" {
	serve <<<"$THREE
steps = [answer(node_list(a))]"
	stay
	until_true test -s /var/lib/cnibox/nodes.json
	power_off
	machine
	serve <<<"$THREE
steps = [hang_until('known', node_list([a[0], node('n1', '192.168.122.25', '10.42.1.0/24', rv=30), node('n3', '192.168.122.17', '10.42.3.0/24')]))]"
	stay
	until_true has_route 10.42.1.0/24 192.168.122.15
	go_on known
	until_true has_route 10.42.1.0/24 192.168.122.25
	until_true has_no_route 10.42.2.0/24
	has_route 10.42.3.0/24 192.168.122.17
	until_true grep -q '"n3"' /var/lib/cnibox/nodes.json
}

@test "a file of known nodes that is broken, or none: a warning, and the server is waited for" {
	mkdir -p /var/lib/cnibox
	echo '{"kind":"NodeList","items":[{"metadata":{"name":"m"},' >/var/lib/cnibox/nodes.json
	no_server
	stay
	until_true logged "/var/lib/cnibox/nodes.json: line 2"
	until_true logged "Connection refused"
	[ -z "$(ip route show proto 193)" ]
	[ ! -e $CONFLIST ]
}

@test "node down forgets the nodes that were known" {
	joined
	end_run
	node down
	[ ! -e /var/lib/cnibox/nodes.json ]
}

@test "a reboot, and nothing is known: the configuration is withheld until this node can network" {
	joined
	power_off
	rm /var/lib/cnibox/nodes.json
	machine
	serve <<<"$THREE
steps = [hang_until('withheld', node_list(a))]"
	stay
	until_true test -e $CONFLIST.withheld
	[ ! -e $CONFLIST ]
	logged "CNI configuration $CONFLIST: withheld until this node can network" 1
	go_on withheld
	until_true test -e $CONFLIST
	until_true has_route 10.42.1.0/24 192.168.122.15
	until_true test ! -e $CONFLIST.withheld
}

@test "a restart while the API server is away and nothing is known: what is there is no less than before" {
	joined
	end_run
	rm /var/lib/cnibox/nodes.json
	no_server
	stay
	until_true logged "Connection refused"
	[ -e $CONFLIST ]
	has_route 10.42.1.0/24 192.168.122.15
}

@test "a configuration that people extended keeps what they added, also after a boot and with another CIDR" {
	joined
	jq '.plugins += [{"type":"portmap","capabilities":{"portMappings":true}}] | .plugins[0].promiscMode = true |
		.plugins[0].mtu = 9000 | .disableCheck = true' $CONFLIST >"$BATS_TEST_TMPDIR/extended"
	cat "$BATS_TEST_TMPDIR/extended" >$CONFLIST
	power_off
	machine
	serve <<<"
steps = [hang_until('withheld', node_list([node('m', '192.168.122.14', '10.42.9.0/24')]))]"
	rm /var/lib/cnibox/nodes.json
	stay
	until_true test -e $CONFLIST.withheld
	go_on withheld
	until_true test -e $CONFLIST
	[ "$(jq -c '[.plugins[0].subnet, .plugins[0].promiscMode, .plugins[0].mtu, .plugins[1].type, .plugins[1].capabilities.portMappings, .disableCheck, (.plugins | length)]' $CONFLIST)" = \
		'["10.42.9.0/24",true,null,"portmap",true,true,2]' ]
	until_true sleeps
	kill -HUP "$RUN"
	until_true sleeps
	logged "CNI configuration $CONFLIST: was" 1
	"$CNIBOX" node show --name m -f <(echo '{"kind":"NodeList","items":[{"kind":"Node","metadata":{"name":"m"},"spec":{"podCIDR":"10.42.9.0/24"},
		"status":{"addresses":[{"type":"InternalIP","address":"192.168.122.14"}]}}]}')
}

@test "a node joins, gets another address and another podCIDR, and leaves: routes and rules follow" {
	serve <<<"$THREE
steps = [answer(node_list(a[:1])),
         watch(until('one'), added(a[1]), until('two'), modified(node('n1', '192.168.122.25', '10.42.1.0/24', rv=11)),
               until('three'), deleted(a[1]), added(node('n1', '192.168.122.25', '10.42.7.0/24', rv=13)), until('four'), deleted(node('n1', rv=14)))]"
	stay
	until_true test -e $CONFLIST
	go_on one
	until_true has_route 10.42.1.0/24 192.168.122.15
	until_true nft get element inet cnibox_node nodes4 '{ 192.168.122.15 }'
	go_on two
	until_true has_route 10.42.1.0/24 192.168.122.25
	until_true nft get element inet cnibox_node nodes4 '{ 192.168.122.25 }'
	go_on three
	until_true has_route 10.42.7.0/24 192.168.122.25
	has_no_route 10.42.1.0/24
	go_on four
	until_true has_no_route 10.42.7.0/24
	until_true no_element nodes4 192.168.122.25
}

no_element() { ! nft get element inet cnibox_node "$1" "{ $2 }" 2>/dev/null; }

@test "links and addresses come late, and a link goes and comes back: waited for, not failed" {
	ip addr del 192.168.122.14/24 dev eth0
	serve <<<"$THREE
steps = [answer(node_list(a))]"
	stay
	until_true logged "no link of this machine has its address 192.168.122.14: the CNI configuration waits for it"
	[ ! -e $CONFLIST ]
	ip addr add 192.168.122.14/24 dev eth0
	until_true has_route 10.42.1.0/24 192.168.122.15
	until_true test -e $CONFLIST
	ip link set eth0 down
	until_true has_no_route 10.42.1.0/24
	ip link set eth0 up
	until_true has_route 10.42.1.0/24 192.168.122.15
	until_true has_route 10.42.2.0/24 192.168.122.16
}

@test "one bad entry of each kind: left out with a warning, the rest is applied" {
	serve <<<"
bad = [node('no-address', cidr='10.42.3.0/24'), node('off-link', '10.99.0.1', '10.42.4.0/24'), node('doubled', '192.168.122.17', '10.42.1.0/24', creationTimestamp='2030-01-01T00:00:00Z'),
       node('six', '192.168.122.18', ['10.42.6.0/24', 'fd00:6::/64']), node('broken', 'nonsense', '10.42.7.0/24'), node('bad-cidr', '192.168.122.19', '10.42.300.0/24')]
steps = [answer(node_list([node('m', '192.168.122.14', '10.42.0.0/24'), node('n1', '192.168.122.15', '10.42.1.0/24', creationTimestamp='2024-01-01T00:00:00Z')] + bad))]"
	stay
	until_true has_route 10.42.1.0/24 192.168.122.15
	has_route 10.42.6.0/24 192.168.122.18
	until_true test -e $CONFLIST
	logged "10.42.1.0/24 of node doubled: the same as 10.42.1.0/24 of node n1"
	logged "off-link"
	logged "broken"
	logged "bad-cidr"
	[ "$(ip route show proto 193 | wc -l)" -eq 2 ]
}

@test "an empty list is no cluster, neither first nor later" {
	serve <<<"$THREE
steps = [answer(node_list([])), watch(until('heard'), error(410, 'Expired', 'x')), answer(node_list(a)), watch(until('routed'), error(410, 'Expired', 'x')), answer(node_list([]))]"
	stay
	until_true logged "the list is empty"
	[ ! -e $CONFLIST ]
	go_on heard
	until_true has_route 10.42.1.0/24 192.168.122.15
	go_on routed
	until_true logged "the list is empty" 2
	has_route 10.42.1.0/24 192.168.122.15
	[ -e $CONFLIST ]
}

# The accept of ours in the chain, right before what drops.
accepts() { nft list chain ip filter FORWARD 2>/dev/null | grep -q "cnibox node"; }

@test "chains that others make, flush or close later: accepts are there again" {
	serve <<<"$THREE
steps = [answer(node_list(a))]"
	stay
	until_true test -e $CONFLIST
	nft -f - <<-NFT
		table ip filter {
			chain FORWARD { type filter hook forward priority 0; policy drop; ct state invalid counter drop; }
		}
	NFT
	until_true accepts
	nft flush chain ip filter FORWARD
	until_true accepts
	nft flush ruleset
	until_true nft list table inet cnibox_node
	nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; }'
	nft 'chain ip filter FORWARD { policy drop; }'
	until_true accepts
}
