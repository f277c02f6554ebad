#!/usr/bin/env bats
# The nodes are watched: the client in a poll loop, with what API servers do to those who watch.
load helpers

setup_file() { certificates; }
setup() { begin; }
teardown() { end; }

@test "a list, then events from where it was; what does not matter says nothing" {
	serve <<<"$THREE
same = node('n1', '192.168.122.15', '10.42.1.0/24', rv=11)
same['status']['images'] = []
steps = [answer(node_list(a)),
         watch(added(node('n3', '192.168.122.17')), modified(same),
               modified(node('n3', '192.168.122.17', '10.42.3.0/24', rv=13)), deleted(node('n2', '192.168.122.16', rv=14)),
               bookmark(20), then='end'),
         watch(modified(node('n1', '192.168.122.99', '10.42.1.0/24', rv=21)))]"
	follow
	hears "+ m 192.168.122.14 10.42.0.0/24" "+ n1 192.168.122.15 10.42.1.0/24" \
		"+ n2 192.168.122.16 2001:db8::16 10.42.2.0/24 fd00:2::/64" "complete 3" "+ n3 192.168.122.17" \
		"~ n3 192.168.122.17 10.42.3.0/24" "- n2 *" "~ n1 192.168.122.99 10.42.1.0/24"
	[ "$(wc -l <"$LINES_FILE")" -eq 8 ]
	asked 'watch=1&allowWatchBookmarks=true&timeoutSeconds=[345][0-9]+&resourceVersion=10 '
	asked 'watch=1&.*&resourceVersion=20 '
}

@test "annotations of tunnels are told" {
	serve <<<"
a = node('n1', '192.168.122.15', '10.42.1.0/24')
a['metadata']['annotations']['flannel.alpha.coreos.com/backend-data'] = '{\"VNI\":1,\"VtepMAC\":\"aa:bb:cc:dd:ee:ff\"}'
b = node('n1', '192.168.122.15', '10.42.1.0/24')
b['metadata']['annotations']['flannel.alpha.coreos.com/backend-data'] = 'null'
steps = [answer(node_list([a])), watch(modified(b))]"
	follow
	hears '+ n1 192.168.122.15 10.42.1.0/24 {"VNI":1,"VtepMAC":"aa:bb:cc:dd:ee:ff"}' '~ n1 192.168.122.15 10.42.1.0/24 null'
}

@test "events in pieces of one byte, and several in one piece" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(deleted(a[1]), deleted(a[2]), piece=1, then='end'),
         watch(text_of(added(a[1])) + text_of(added(a[2])) + json.dumps(deleted(a[1])).encode() + text_of(deleted(a[2])))]"
	follow
	hears "complete 3" "- n1 *" "- n2 *" "+ n1 *" "+ n2 *" "- n1 *" "- n2 *"
}

@test "410 in the stream: listed again, nothing older; what went meanwhile is gone, the rest says nothing" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(bookmark(33), error(410, 'Expired', 'too old resource version')),
         answer(node_list(a[:1], rv=40, more='x')), answer(node_list(a[1:2] + [node('n4', '192.168.122.18')], rv=41))]"
	follow
	hears "complete 3" "+ n4 192.168.122.18" "- n2 *" "complete 3"
	[ "$(wc -l <"$LINES_FILE")" -eq 7 ]
	asked 'limit=500&resourceVersionMatch=NotOlderThan&resourceVersion=33 '
	until_true asked 'watch=1.*resourceVersion=41 '
}

@test "410 as a status, and a server that has forgotten: listed from nothing" {
	serve <<<"$THREE
steps = [answer(node_list(a)), failure(410, 'Expired', 'too old'),
         failure(504, 'Timeout', 'Too large resource version: 10, current: 3'), answer(node_list(a[:2], rv=3))]"
	follow
	hears "complete 3" "error *Too large resource version*" "- n2 *" "complete 2"
	asked 'limit=500&resourceVersionMatch=NotOlderThan&resourceVersion=10 '
	asked 'limit=500 '
	until_true asked 'watch=1.*resourceVersion=3 '
}

@test "nothing is swept when a list breaks off" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(error(410, 'Expired', 'old')), answer(node_list(a[:1], more='x')),
         close, chunked(node_list(a[1:]), end=False), answer(node_list(a[1:]))]"
	follow
	hears "complete 3" "error *closed*" "complete 3"
	[ -z "$(grep '^-' "$LINES_FILE")" ]
}

@test "a connection that is reset in a watch: the watch goes on where it was" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(modified(node('n1', '192.168.122.15', '10.42.1.0/24', rv=77)), then='reset'),
         watch(deleted(node('n1', rv=78)))]"
	follow
	hears "complete 3" "error *" "- n1 *"
	asked 'watch=1.*resourceVersion=77 '
	[ "$(grep -c 'limit=' "$REQUESTS")" -eq 1 ]
}

@test "the server goes away and comes back: everything stays, then what is new is told" {
	serve <<<"$THREE
steps = [answer(node_list(a)), close, close]"
	follow
	hears "complete 3" "error *"
	kill "${SERVERS[0]}"
	hears "error *connect to 127.0.0.1 port $PORT: Connection refused"
	[ -z "$(grep '^-' "$LINES_FILE")" ]
}

@test "a token that is rotated is read again" {
	serve <<<"$THREE
steps = [tokens(['secret'], answer(node_list(a))), tokens(['new'], watch(deleted(a[1])))]"
	cp "$C/token" "$BATS_TEST_TMPDIR/token"
	follow --token-file "$BATS_TEST_TMPDIR/token"
	hears "complete 3" "error *does not accept the credentials (401)"
	echo new >"$BATS_TEST_TMPDIR/token.new"
	mv "$BATS_TEST_TMPDIR/token.new" "$BATS_TEST_TMPDIR/token"
	hears "- n1 *"
}

@test "watching is not allowed: the verb is named" {
	serve <<<"$THREE
steps = [answer(node_list(a)), failure(403, 'Forbidden', 'nodes is forbidden')]"
	follow
	hears "complete 3" 'error watch nodes: missing right: the verb "watch" on nodes (RBAC, 403): nodes is forbidden'
}

@test "429 with Retry-After, in a watch" {
	serve <<<"$THREE
steps = [answer(node_list(a)), failure(429, 'TooManyRequests', 'slowly', 'Retry-After: 2'), watch(deleted(a[1]))]"
	follow
	hears "complete 3" "error *answers 429: slowly" "- n1 *"
}

@test "what is no event ends the watch, and it is begun again" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(b'[]'), watch({'type': 'ODD', 'object': {}}), watch(deleted(a[1]))]"
	follow
	hears "complete 3" "error *not JSON*" "error *unknown type" "- n1 *"
}

@test "a thousand nodes in pages, all gone and made again" {
	serve <<<"
def some(n, rv):
    return [node('n%d' % i, '10.%d.%d.1' % (i >> 8, i & 255), '172.16.%d.%d/32' % (i >> 8, i & 255)) for i in range(n)]
a = some(1000, 1)
steps = [chunked(node_list(a[:500], more='x')), chunked(node_list(a[500:])), watch(*[deleted(n) for n in a], *[added(n) for n in a])]"
	follow
	hears "+ n0 10.0.0.1 172.16.0.0/32" "+ n999 10.3.231.1 172.16.3.231/32" "complete 1000" "- n999 *" "+ n999 *"
	[ "$(grep -c '^+' "$LINES_FILE")" -eq 2000 ]
}
