#!/usr/bin/env bats
# The nodes are listed once: `cnibox node up` and `show` with an API server that answers well, late or wrong.
load helpers

setup_file() { certificates; }
setup() { begin; machine; }
teardown() { end; }

# Three nodes are there, whatever the way to them was.
three_nodes() {
	run ask
	echo "$output"
	[ "$status" -eq 3 ]
	[[ $output == *"route 10.42.1.0/24 via 192.168.122.15: missing"* ]]
	[[ $output == *"route 10.42.2.0/24 via 192.168.122.16: missing"* ]]
	[[ $output == *"route fd00:2::/64 via 2001:db8::16: missing"* ]]
}

# refused TEXT [OPTION...]: an error with this in it, and nothing else.
refused() {
	local text=$1
	shift
	run --separate-stderr ask "$@"
	echo "status $status: $output $stderr"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[[ $stderr == *"$URL: "*"$text"* ]]
}

@test "up joins the nodes that the API server lists" {
	serve <<<"$THREE
steps = [answer(node_list(a))]"
	run node up --server "$URL" --ca "$C/ca.crt" --token-file "$C/token" --name m
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $(ip route show proto 193) == *"10.42.1.0/24 via 192.168.122.15"* ]]
	[[ $(ip -6 route show proto 193) == *"fd00:2::/64 via 2001:db8::16"* ]]
	[ "$(cat "$REQUESTS")" = "GET /api/v1/nodes?limit=500 Bearer secret " ]
	grep -q '"10.42.0.0/24"' "$CONFLIST"
}

@test "TLS 1.2, and RSA keys" {
	serve --tls12 --cert server-rsa <<<"$THREE
steps = [answer(node_list(a))]"
	three_nodes
}

@test "TLS 1.2 with an EC key" {
	serve --tls12 <<<"$THREE
steps = [answer(node_list(a))]"
	three_nodes
}

@test "over IPv6, by its address" {
	serve --bind ::1 <<<"$THREE
steps = [answer(node_list(a))]"
	URL="https://[::1]:$PORT"
	three_nodes
}

@test "by a DNS name, a wildcard among them; the first address is dead" {
	serve <<<"$THREE
steps = [answer(node_list(a)), answer(node_list(a))]"
	printf '127.0.0.1 localhost\n::1 a.wild.test\n127.0.0.1 a.wild.test\n127.0.0.1 api.test\n' >"$BATS_TEST_TMPDIR/hosts"
	mount --bind "$BATS_TEST_TMPDIR/hosts" /etc/hosts
	URL=https://api.test:$PORT three_nodes
	URL=https://a.wild.test:$PORT three_nodes
}

@test "client certificates: EC, RSA, certificate and key in one file" {
	serve --client-ca "$C/ca.crt" <<<"$THREE
steps = [answer(node_list(a))] * 3"
	for pair in "client-ec.crt client-ec.key" "client-rsa.crt client-rsa.key" "client-current.pem client-current.pem"; do
		run node show --server "$URL" --ca "$C/ca.crt" --cert "$C/${pair% *}" --key "$C/${pair#* }" --name m
		echo "$output"
		[ "$status" -eq 3 ]
	done
	[ "$(grep -c "system:node:a" "$REQUESTS")" -eq 3 ]
}

@test "a client certificate that the server refuses" {
	serve --client-ca "$C/ca.crt" <<<"steps = []"
	refused "certificate" --cert "$C/client-stranger.crt" --key "$C/client-stranger.key"
	[[ $stderr == *"TLS: the server refuses: unknown certificate authority"* ]]
	refused "TLS: the server refuses: certificate required"
}

@test "a key that is not the certificate's, and no key at all" {
	serve <<<"steps = []"
	refused "client certificate and client key do not belong together" --cert "$C/client-ec.crt" --key "$C/client-rsa.key"
	refused "client key: there is no private key in it" --cert "$C/client-ec.crt" --key "$C/ca.crt"
	refused "certificate authority: there is no certificate in it" --ca "$C/token"
	refused "open $C/none: No such file" --ca "$C/none"
}

@test "server certificates that are wrong" {
	while read -r cert text; do
		serve --cert "$cert" <<<"steps = []"
		refused "$text"
	done <<-'EOF'
		expired has expired on 2020-02-01 00:00:00, and this machine's clock says 20
		future is not valid before 2090-01-01 00:00:00, and this machine's clock says 20
		misnamed the server's certificate is not for 127.0.0.1, but for: other.test, 10.0.0.1
		dns-address the server's certificate is not for 127.0.0.1, but for: 127.0.0.1
		not-server the server's certificate is not for servers (its key usage)
		sha1 TLS: a certificate is signed in a way that is not supported
	EOF
}

@test "a common name is no name" {
	serve --cert unnamed <<<"steps = []"
	echo "127.0.0.1 api.test" >"$BATS_TEST_TMPDIR/hosts"
	mount --bind "$BATS_TEST_TMPDIR/hosts" /etc/hosts
	URL=https://api.test:$PORT
	refused "the server's certificate is not for api.test, it has no alternative names"
}

@test "another authority, and one of the same name" {
	serve <<<"steps = []"
	refused 'is signed by "CN=kubernetes", which is not among the authorities that are given' --ca "$C/other.crt"
	refused 'is signed by "CN=kubernetes", but not with the key of the authority of this name' --ca "$C/same.crt"
}

@test "nobody listens; somebody who speaks no TLS; somebody who speaks no HTTP" {
	URL=https://127.0.0.1:1
	refused "connect to 127.0.0.1 port 1: Connection refused"
	serve --plain <<<"steps = [answer({})]"
	refused "TLS: the server's answer is not TLS"
	serve <<<"steps = [raw(b'SSH-2.0-OpenSSH\r\n\r\n')]"
	refused 'the answer is not HTTP/1: "SSH-2.0-OpenSSH"'
}

@test "missing rights are named" {
	serve <<<"steps = [failure(403, 'Forbidden', 'nodes is forbidden: User \"x\" cannot list resource')]"
	refused 'missing right: the verb "list" on nodes (RBAC, 403): nodes is forbidden: User'
	serve <<<"steps = [failure(401, 'Unauthorized', 'Unauthorized')] * 2"
	refused "the API server does not accept the credentials (401)"
	[ "$(wc -l <"$REQUESTS")" -eq 2 ]
	serve <<<"steps = [failure(404, 'NotFound', 'nope')]"
	refused "there is no such API at this server (404): nope"
}

@test "pages" {
	serve <<<"$THREE
steps = [answer(node_list(a[:1], more='a b=&')), chunked(node_list(a[1:2], more='c')), answer(node_list(a[2:]))]"
	three_nodes
	asked 'GET /api/v1/nodes\?limit=500&continue=a%20b%3D%26 '
	asked 'GET /api/v1/nodes\?limit=500&continue=c '
}

@test "a continue token that has expired: from the beginning" {
	serve <<<"$THREE
steps = [answer(node_list([node('x', '192.168.122.99', '10.42.9.0/24')], more='a')),
         failure(410, 'Expired', 'The provided continue parameter is too old'), answer(node_list(a))]"
	three_nodes
	[[ $output != *10.42.9.0* ]]
}

@test "asked to come again: Retry-After is waited for" {
	serve <<<"$THREE
steps = [failure(429, 'TooManyRequests', 'wait', 'Retry-After: 1'), failure(503, 'ServiceUnavailable', 'etcd'),
         answer(node_list(a))]"
	three_nodes
	[ "$(wc -l <"$REQUESTS")" -eq 3 ]
	serve <<<"steps = [failure(429, 'TooManyRequests', 'too many', 'Retry-After: 300')]"
	refused "the API server answers 429: too many"
}

@test "chunk borders in every place, slowly" {
	serve <<<"$THREE
steps = [chunked(node_list(a), size=1)]"
	three_nodes
	serve <<<"$THREE
steps = [chunked(node_list(a), size=97, pause=0.001)]"
	three_nodes
}

@test "answers that are cut off are asked for again" {
	serve <<<"$THREE
steps = [close, chunked(node_list(a), end=False), raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{\"kind\":'),
         answer(node_list(a))]"
	three_nodes
	[ "$(wc -l <"$REQUESTS")" -ge 4 ]
}

@test "lies about the length" {
	serve <<<"
body = text_of(node_list([node('m', '192.168.122.14', '10.42.0.0/24')]))
def short(c):
    c.head(200, 'Content-Length: %d' % (len(body) - 10))
    c.send(body)
def both(c):
    c.head(200, 'Content-Length: 5', 'Transfer-Encoding: chunked')
    c.send(b'0\r\n\r\n')
steps = [short, both]"
	refused "there is something behind the answer"
	refused "both Content-Length and Transfer-Encoding"
}

@test "an answer that is no list, no JSON, or empty" {
	serve <<<"steps = [answer({'kind': 'Node'})]"
	refused "this is no list"
	serve <<<"steps = [answer(b'<html>')]"
	refused "the answer is not JSON"
	serve <<<"steps = [answer(node_list([]))]"
	refused "no"
	[[ $stderr == *"items"* ]]
}

@test "one node that cannot be read does not stop the others" {
	serve <<<"$THREE
bad = node('bad', '192.168.122.77', '10.42.7.0/24')
bad['spec']['podCIDRs'] = ['10.42.7.0/99']
huge = node('huge', annotations={'flannel.alpha.coreos.com/x': 'y' * 100000})
steps = [answer(node_list([bad, huge] + a))]"
	three_nodes
	[[ $output == *"left out: bad: node.spec.podCIDRs[0]: expected an IP prefix"* ]]
	[[ $output == *"left out: "*"too many bytes"* ]]
}

@test "a kubeconfig: files beside it, embedded data, a token" {
	serve <<<"$THREE
steps = [answer(node_list(a))] * 3"
	for user in "token: secret" "client-certificate: client-current.pem
    client-key: client-current.pem" "client-certificate-data: $(base64 -w0 "$C/client-ec.crt")
    client-key-data: $(base64 -w0 "$C/client-ec.key")"; do
		cat >"$C/kubeconfig" <<-EOF
			apiVersion: v1
			clusters:
			- cluster:
			    certificate-authority: ca.crt
			    server: $URL
			  name: local
			contexts:
			- context:
			    cluster: local
			    user: node
			  name: local
			current-context: local
			kind: Config
			users:
			- name: node
			  user:
			    $user
		EOF
		run node show --kubeconfig "$C/kubeconfig" --name m
		echo "$output"
		[ "$status" -eq 3 ]
	done
	sed -i 's/current-context: local/current-context: \&a local/' "$C/kubeconfig"
	run node show --kubeconfig "$C/kubeconfig" --name m
	echo "$output"
	[[ $output == *"kubeconfig: line 12: an anchor (&)"* ]]
}

@test "in a pod: the service account" {
	serve <<<"$THREE
steps = [answer(node_list(a))]"
	mkdir -p /run/secrets/kubernetes.io/serviceaccount/..1
	cp "$C/token" "$C/ca.crt" /run/secrets/kubernetes.io/serviceaccount/..1
	ln -s ..1 /run/secrets/kubernetes.io/serviceaccount/..data
	for f in token ca.crt; do ln -s ..data/$f /run/secrets/kubernetes.io/serviceaccount/$f; done
	run node show --kubernetes --name m
	[[ $output == *"KUBERNETES_SERVICE_HOST is not set"* ]]
	KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=$PORT run node show --kubernetes --name m
	echo "$output"
	[ "$status" -eq 3 ]
}

@test "options that do not go together" {
	while read -r options; do
		# shellcheck disable=SC2086
		run node up $options
		echo "$options: $output"
		[ "$status" -eq 2 ]
	done <<-'EOF'
		-f x --kubeconfig y
		--kubernetes --kubeconfig y
		-f x --server https://a
		--ca x --token-file y
		--name m
	EOF
	run node up --server http://127.0.0.1 --ca "$C/ca.crt" --token-file "$C/token"
	[[ $output == *'server "http://127.0.0.1": expected https://HOST:PORT'* ]]
	run node up --server https://127.0.0.1 --token-file "$C/token"
	[[ $output == *"no certificate authority is given"* ]]
}
