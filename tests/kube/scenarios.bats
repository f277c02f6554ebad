#!/usr/bin/env bats
# What a person had to do by hand on a cluster whose nodes were joined once: each is done by node run.
load helpers
load ../netns/node_run_helpers

setup_file() { certificates; }
setup() {
	begin && machine
	# shellcheck disable=SC2034 # of helpers.bash
	CLIENT= LINES_FILE=$BATS_TEST_TMPDIR/log
	rm -rf /var/lib/cnibox/* /run/cnibox /etc/cni/net.d
}
teardown() {
	end_run
	end
	nft flush ruleset
	ip link del late 2>/dev/null || true
}

stay() {
	begin_run --server "$URL" --ca "$C/ca.crt" --token-file "$C/token" "$@"
}

go_on() { touch "${REQUESTS%/*}/$1"; }

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
	serve <<<"$THREE
steps = [answer(node_list(a))]"
	stay
	until_true test -s /var/lib/cnibox/nodes.json
	until_true test -e $CONFLIST
	end_run
	node down
	[ ! -e /var/lib/cnibox/nodes.json ]
}
