#!/usr/bin/env bats
# Pods beside a real kube-proxy with iptables (third_party/kubernetes builds it) where FORWARD drops: a Service whose one pod is a. Its API server is
# one that knows two objects.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load ../netns/portmap_helpers
load ../netns/coexist_helpers

PROXY=$BATS_TEST_DIRNAME/../../build/kubernetes/kube-proxy

setup() {
	[ -x "$PROXY" ] || skip "no kube-proxy (make test-kubernetes builds it)"
	node_between
	ip -n far route add 10.96.0.0/16 via 198.51.100.1
	iptables-nft -P FORWARD DROP
	ip6tables-nft -P FORWARD DROP
	start_apiserver
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/proxy.pid" ] || stop_proxy
	jobs -p | xargs -r kill 2>/dev/null || true
	clean
}

start_apiserver() {
	mkfifo "$BATS_TEST_TMPDIR/ready"
	python3 - "$BATS_TEST_TMPDIR/ready" >/dev/null 2>&1 3>&- <<-'PY' &
		import http.server, json, sys, time
		def items(kind, version, *objects):
		    return {"kind": kind, "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": objects}
		def meta(name, **more):
		    return {"name": name, "namespace": "default", "uid": name, "resourceVersion": "1", **more}
		ports = [{"name": "web", "protocol": "TCP", "port": 80}]
		answers = {
		    "/api/v1/services": items("ServiceList", "v1", {"metadata": meta("web"), "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"], "ports": ports}}),
		    "/apis/discovery.k8s.io/v1beta1/endpointslices": items("EndpointSliceList", "discovery.k8s.io/v1beta1", {"metadata": meta("web-1", labels={"kubernetes.io/service-name": "web"}),
		        "addressType": "IPv4", "ports": ports, "endpoints": [{"addresses": ["10.1.0.2"], "conditions": {"ready": True}}]}),
		    "/api/v1/nodes/m": {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "m"}, "status": {"addresses": [{"type": "InternalIP", "address": "203.0.113.1"}]}},
		}
		class Server(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        path, _, query = self.path.partition("?")
		        body = json.dumps(answers.get(path, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404})).encode()
		        self.send_response(200 if path in answers else 404)
		        self.send_header("Content-Type", "application/json")
		        if "watch=" not in query:
		            self.send_header("Content-Length", str(len(body)))
		        self.end_headers()
		        if "watch=" not in query:
		            self.wfile.write(body)
		        while "watch=" in query:
		            time.sleep(60)
		    do_POST = do_GET
		http.server.ThreadingHTTPServer.daemon_threads = True
		server = http.server.ThreadingHTTPServer(("127.0.0.1", 8001), Server)
		open(sys.argv[1], "w").close()
		server.serve_forever()
	PY
	timeout 20 cat "$BATS_TEST_TMPDIR/ready"
}

# proxy ARG...
proxy() {
	echo '{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:8001"}}],
		"contexts":[{"name":"c","context":{"cluster":"c","user":""}}],"current-context":"c"}' >"$BATS_TEST_TMPDIR/kubeconfig"
	exec "$PROXY" --kubeconfig "$BATS_TEST_TMPDIR/kubeconfig" --hostname-override m --proxy-mode iptables --cluster-cidr 10.0.0.0/8 --conntrack-max-per-core 0 \
		--conntrack-tcp-timeout-established 0s --conntrack-tcp-timeout-close-wait 0s "$@"
}

start_proxy() {
	proxy >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
	echo $! >"$BATS_TEST_TMPDIR/proxy.pid"
	until iptables-nft-save -t nat 2>/dev/null | grep -q 'DNAT --to-destination 10.1.0.2:80'; do kill -0 $! || { tail "$BATS_TEST_TMPDIR/log"; return 1; }; done
}

stop_proxy() {
	kill "$(cat "$BATS_TEST_TMPDIR/proxy.pid")"
	wait "$(cat "$BATS_TEST_TMPDIR/proxy.pid")" || true
	rm "$BATS_TEST_TMPDIR/proxy.pid"
}

# serves: the Service is reached by its own pod, another, the node and another machine, and all else flows.
serves() {
	local from
	for from in b a "" far; do ask "$from" tcp 10.96.0.10 80; done
	flows
}

@test "it starts before the pods: the Service is reached and all flows, through its restart, and its rules are as they were" {
	start_proxy
	two
	serves
	stop_proxy
	serves
	start_proxy
	serves
	check a 8080
	stop_proxy
	before=$(theirs | grep -v cnibox)
	as_it_was "$before"
}

@test "it starts after the pods, and takes its rules away again; what an administrator drops is dropped" {
	two
	start_proxy
	serves
	check a 8080
	iptables-nft -I FORWARD -p tcp -d 10.1.0.2 -j DROP
	stopped b 10.96.0.10 80
	stopped far 10.1.0.2 80
	iptables-nft -D FORWARD -p tcp -d 10.1.0.2 -j DROP
	stop_proxy
	(proxy --cleanup) >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- || true
	stopped b 10.96.0.10 80
	flows
	check a 8080
	detach a 8080
	detach b 8081
	none_of_ours
}
