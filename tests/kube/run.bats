#!/usr/bin/env bats
# cnibox node run with an API server: nodes that come, go and change, and servers that do not answer.
load run_helpers

setup() {
	run_begin
	machine
}
teardown() {
	run_end
}

has_route() { ip route show proto 193 | grep -qF "$1 via $2"; }

@test "nodes join, move, get another CIDR and leave; what does not matter changes nothing" {
	serve <<<"$THREE
same = node('n1', '192.168.122.15', '10.42.1.0/24', rv=11)
same['status']['images'] = []
steps = [answer(node_list(a)),
         watch(until('listed'), modified(same), added(node('n3', '192.168.122.17', '10.42.3.0/24', rv=12)), until('joined'),
               modified(node('n1', '192.168.122.25', '10.42.1.0/24', rv=13)), until('moved'),
               modified(node('n3', '192.168.122.17', '10.42.33.0/24', rv=14)), until('renumbered'), deleted(node('n2', rv=15)))]"
	stay
	until_true has_route 10.42.2.0/24 192.168.122.16
	go_on listed
	until_true has_route 10.42.3.0/24 192.168.122.17
	go_on joined
	until_true has_route 10.42.1.0/24 192.168.122.25
	go_on moved
	until_true has_route 10.42.33.0/24 192.168.122.17
	has_no_route 10.42.3.0/24
	go_on renumbered
	until_true has_no_route 10.42.2.0/24
	until_true sleeps
	logged "route 10.42.3.0/24 via 192.168.122.17: was missing: added" 1
	logged "route 10.42.1.0/24 via 192.168.122.25: was route 10.42.1.0/24 via 192.168.122.15: changed" 1
	logged "$URL: 3 nodes listed" 1
}

@test "its own podCIDR comes late: it waits, says so, and writes the configuration then" {
	serve <<<"
late = node('m', '192.168.122.14')
steps = [answer(node_list([late, node('n1', '192.168.122.15', '10.42.1.0/24')])),
         watch(until('waits'), modified(node('m', '192.168.122.14', '10.42.0.0/24', rv=11)))]"
	stay
	until_true has_route 10.42.1.0/24 192.168.122.15
	until_true logged "node m has no subnet for pods"
	go_on waits
	until_true test -e $CONFLIST
	grep -q 10.42.0.0/24 $CONFLIST
}

@test "the API server goes away: everything stays and is kept true, and the log says since when" {
	serve <<<"$THREE
steps = [answer(node_list(a)), close, close, close]"
	stay
	until_true has_route 10.42.1.0/24 192.168.122.15
	kill "${SERVERS[0]}"
	until_true logged "Connection refused; everything stays as it was"
	ip route flush proto 193
	nft flush ruleset
	until_true has_route 10.42.1.0/24 192.168.122.15
	until_true nft list table inet cnibox_node
	[ -e $CONFLIST ]
}

@test "410 in the stream, a list that breaks off, and again: no route goes away meanwhile" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(until('routed'), error(410, 'Expired', 'too old resource version')), answer(node_list(a[:1], more='x')),
         close, chunked(node_list(a[1:]), end=False), answer(node_list(a)), watch(deleted(node('n2', rv=20)))]"
	monitored route
	stay
	until_true has_route 10.42.1.0/24 192.168.122.15
	go_on routed
	until_true has_no_route 10.42.2.0/24
	logged "answers again"
	all_heard
	[ "$(grep -c '^Deleted 10.42' "$BATS_TEST_TMPDIR/monitor")" -eq 1 ]
}

@test "the node itself is deleted, and made again with another CIDR" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(until('written'), deleted(node('m', rv=20)), until('missed'), added(node('m', '192.168.122.14', '10.42.9.0/24', rv=21)))]"
	stay
	until_true test -e $CONFLIST
	go_on written
	until_true logged 'none is named "m"'
	has_route 10.42.1.0/24 192.168.122.15
	go_on missed
	until_true grep -q 10.42.9.0/24 $CONFLIST
	until_true logged "it works again"
}

@test "a list without nodes is no cluster: everything stays" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(until('routed'), error(410, 'Expired', 'x')), answer(node_list([]))]"
	stay
	until_true has_route 10.42.1.0/24 192.168.122.15
	go_on routed
	until_true logged "the list is empty"
	has_route 10.42.1.0/24 192.168.122.15
}

@test "two nodes with one CIDR: both are named, the older keeps it, whoever is listed first" {
	serve <<<"
old = node('z', '192.168.122.16', '10.42.1.0/24', creationTimestamp='2024-01-01T00:00:00Z')
new = node('a', '192.168.122.15', '10.42.1.0/24', creationTimestamp='2025-01-01T00:00:00Z')
steps = [answer(node_list([new, node('m', '192.168.122.14', '10.42.0.0/24'), old])), watch(until('routed'), deleted(old))]"
	stay
	until_true has_route 10.42.1.0/24 192.168.122.16
	logged "10.42.1.0/24 of node a: the same as 10.42.1.0/24 of node z"
	go_on routed
	until_true has_route 10.42.1.0/24 192.168.122.15
}

@test "a name that DNS does not answer for: nothing is held up, and SIGTERM ends it" {
	echo 'nameserver 192.168.122.99' >"$BATS_TEST_TMPDIR/resolv.conf"
	mount --bind "$BATS_TEST_TMPDIR/resolv.conf" /etc/resolv.conf
	URL=https://api.nowhere.test:6443
	stay
	until_true pgrep -P "$RUN"
	kill -TERM "$RUN"
	until_true logged "ended by a signal"
	wait "$RUN"
	umount /etc/resolv.conf
	RUN=
}

@test "SIGHUP lists again" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(), answer(node_list(a[:2]))]"
	stay
	until_true has_route 10.42.2.0/24 192.168.122.16
	until_true asked watch=1
	kill -HUP "$RUN"
	until_true has_no_route 10.42.2.0/24
}

@test "a cloud has set NetworkUnavailable: it becomes False when this node can network, and the watch goes on" {
	serve <<<"$THREE
late = unavailable(node('m', '192.168.122.14'))
own = unavailable(node('m', '192.168.122.14', '10.42.0.0/24', rv=11))
mended = unavailable(node('m', '192.168.122.14', '10.42.0.0/24', rv=12), 'False')
steps = [answer(node_list([late] + a[1:])), watch(until('routed'), modified(own)),
         answer(mended), watch(modified(mended), until('mended'), deleted(node('n2', rv=13)))]"
	stay
	until_true has_route 10.42.1.0/24 192.168.122.15
	[ ! -e $CONFLIST ]
	go_on routed
	until_true asked '^PATCH /api/v1/nodes/m/status Bearer secret \{"status":\{"conditions":\[\{"type":"NetworkUnavailable","status":"False",'
	[ -e $CONFLIST ]
	until_true asked 'watch=1.*resourceVersion=11 '
	go_on mended
	until_true has_no_route 10.42.2.0/24
	[ "$(grep -c PATCH "$REQUESTS")" -eq 1 ]
	[ "$(wc -l <"$REQUESTS")" -eq 4 ]
	logged "condition NetworkUnavailable of m is True: set to False" 1
}

@test "a server that refuses the patch: the verb is named, and the watch goes on" {
	serve <<<"$THREE
a[0] = unavailable(a[0])
steps = [answer(node_list(a)), watch(), failure(403, 'Forbidden', 'User \"x\" cannot patch resource \"nodes/status\"'),
         watch(until('refused'), deleted(node('n2', rv=13)))]"
	stay
	until_true logged 'patch nodes/status: missing right: the verb "patch" on nodes/status (RBAC, 403)'
	go_on refused
	until_true has_no_route 10.42.2.0/24
	until_true sleeps
	[ "$(grep -c PATCH "$REQUESTS")" -eq 1 ]
	logged "answers again" 0
}
