#!/usr/bin/env bats
# Pods on the node's own wire, with veth-host, beside a real kube-proxy (third_party/kubernetes builds it): with iptables, and, where the kernel has
# ip_vs (tests/lab carries it to a machine), with ipvs. Its API server is BusyBox' nc with a few objects. Debian's is 1.20: it has no nftables mode.
# Pod a is 10.9.0.50 and b 10.9.0.51, of this node, which is 10.9.0.254; lan, 10.9.0.1, stands for a pod of another node and for a client.
# All of them, and the Services, have IPv6 addresses that end alike: fd00:9::50, fd00:96::1.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load ../netns/wire_helpers
load ../netns/portmap_helpers
load ../netns/veth_host_helpers

PROXY=$BATS_TEST_DIRNAME/../../build/kubernetes/kube-proxy
BUSYBOX=$BATS_TEST_DIRNAME/../../build/third_party/busybox-static/bin/busybox
[ -x "$BUSYBOX" ] || BUSYBOX=busybox

setup() {
	[ -x "$PROXY" ] || skip "no kube-proxy (make test-kubernetes builds it)"
	kernel_has "$FIRST"
	underlay_setup
	iptables-nft -P FORWARD ACCEPT
	ip6tables-nft -P FORWARD ACCEPT
	objects
	serve_objects
}

teardown() {
	jobs -p | xargs -r kill 2>/dev/null || true
	wait
	ip link del kube-ipvs0 2>/dev/null || true
	[ ! -x "$PROXY" ] || underlay_teardown
}

# Each Service has one backend: its name, addresses of IPv4, and what more its spec has.
SERVICES='[
	{"name":"far", "ip":"10.96.0.1", "backend":"10.9.0.1", "node":"other"},
	{"name":"near","ip":"10.96.0.2", "backend":"10.9.0.51","node":"m"},
	{"name":"self","ip":"10.96.0.3", "backend":"10.9.0.50","node":"m"},
	{"name":"kept","ip":"10.96.0.10","backend":"10.9.0.50","node":"m","port":30080,"spec":{"type":"NodePort","externalTrafficPolicy":"Local"}},
	{"name":"any", "ip":"10.96.0.11","backend":"10.9.0.50","node":"m","port":30081,"spec":{"type":"NodePort"}}]'

# objects: a file for each path that kube-proxy asks for
objects() {
	local dir=$BATS_TEST_TMPDIR/objects list
	mkdir "$dir"
	list='def meta($family): {name: (.name + $family), namespace: "default", uid: (.name + $family), resourceVersion: "1"};
		def six: split(".") | "fd00:\(.[1])::\(.[3])";
		def ports: [{name: "web", protocol: "TCP", port: 80, targetPort: 8080} + if .port then {nodePort: .port} else {} end];
		def list($kind; $version): {kind: $kind, apiVersion: $version, metadata: {resourceVersion: "1"}, items: .};
		def slice($family; $address): {metadata: (meta("-" + ($family | ascii_downcase)) + {labels: {"kubernetes.io/service-name": .name}}),
			addressType: $family, ports: [{name: "web", protocol: "TCP", port: 8080}],
			endpoints: [{addresses: [$address], conditions: {ready: true}, topology: {"kubernetes.io/hostname": .node}}]};'
	jq -c "$list"' map({metadata: meta(""), spec: ({type: "ClusterIP", clusterIP: .ip, clusterIPs: [.ip, (.ip | six)], ipFamilies: ["IPv4", "IPv6"],
		ports: ports} + .spec)}) | list("ServiceList"; "v1")' <<<"$SERVICES" >"$dir/services"
	jq -c "$list"' map(slice("IPv4"; .backend), slice("IPv6"; .backend | six)) | list("EndpointSliceList"; "discovery.k8s.io/v1beta1")' \
		<<<"$SERVICES" >"$dir/endpointslices"
	echo '{"kind":"Node","apiVersion":"v1","metadata":{"name":"m"},"status":{"addresses":[{"type":"InternalIP","address":"10.9.0.254"}]}}' >"$dir/m"
}

# serve_objects: whatever path ends with a file's name is answered with it; a watch hears nothing.
serve_objects() {
	cat >"$BATS_TEST_TMPDIR/answer" <<-END
		#!$(command -v bash)
		read -r _ path _
		while read -r line && [ "\$line" != $'\r' ]; do :; done
		name=\${path%%\?*}
		file=$BATS_TEST_TMPDIR/objects/\${name##*/}
		if [ ! -f "\$file" ]; then
			printf 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
		elif [[ \$path == *watch=* ]]; then
			printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n'
			exec sleep 600
		else
			printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n' "\$(stat -c %s "\$file")"
			exec cat "\$file"
		fi
	END
	chmod 755 "$BATS_TEST_TMPDIR/answer"
	"$BUSYBOX" nc -ll -p 8001 -e "$BATS_TEST_TMPDIR/answer" >/dev/null 2>&1 3>&- &
	until ss -Hltn 'sport = 8001' | grep -q .; do sleep 0.1; done
}

# start_proxy MODE: it runs, and knows the last of the Services
start_proxy() {
	echo '{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:8001"}}],
		"contexts":[{"name":"c","context":{"cluster":"c","user":""}}],"current-context":"c"}' >"$BATS_TEST_TMPDIR/kubeconfig"
	"$PROXY" --kubeconfig "$BATS_TEST_TMPDIR/kubeconfig" --hostname-override m --proxy-mode "$1" --cluster-cidr 10.9.0.0/24,fd00:9::/64 \
		--feature-gates IPv6DualStack=true \
		--conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0s --conntrack-tcp-timeout-close-wait 0s --v 2 \
		>"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
	proxy=$!
	for ((n = 0; n < 600; n++)); do
		"knows_$1" && return
		kill -0 $proxy || break
		sleep 0.1
	done
	tail -n 40 "$BATS_TEST_TMPDIR/log"
	return 1
}

knows_iptables() {
	local family
	for family in iptables ip6tables; do
		$family-nft-save -t nat 2>/dev/null | grep -q 'default/any:web.*--dport 30081' || return 1
	done
}

# The node's addresses with the last NodePort, and the backend behind each; the rules, which come after both; and no set has refused what it belongs to.
knows_ipvs() {
	! grep -q 'Failed to add entry' "$BATS_TEST_TMPDIR/log" || return 1
	iptables-nft-save -t nat 2>/dev/null | grep -q KUBE-CLUSTER-IP || return 1
	ip6tables-nft-save -t nat 2>/dev/null | grep -q KUBE-6-CLUSTER-IP || return 1
	grep -A 1 '^TCP *0A0900FE:7581' /proc/net/ip_vs | grep -q '0A090032:1F90' &&
		grep -A 1 '^TCP *\[fd00:0009:.*:0254\]:7581' /proc/net/ip_vs | grep -q '\[fd00:0009:.*:0050\]:1F90'
}

# seen FROM ADDRESS PORT AS: the server answers FROM, and saw AS
seen() {
	local answer
	answer=$(ask "$1" tcp "$2" "$3")
	echo "$1 -> $2:$3 seen as $answer"
	[ "$answer" = "$4" ]
}

# ways MODE SERVICES WIRE FAR: pods, their node and a client by Services and NodePorts; each connection is a new one. What ipvs sends to another
# machine comes from the node's address, or the answer would not come back by the node.
ways() {
	seen a "${2}1" 80 "$3$([ "$1" = ipvs ] && echo 254 || echo 50)"
	seen b "${2}1" 80 "$3$([ "$1" = ipvs ] && echo 254 || echo 51)"
	seen a "${2}2" 80 "${3}50"
	seen a "${2}3" 80 "${3}254"
	seen b "${2}3" 80 "${3}51"
	seen "" "${2}1" 80 "${3}254"
	seen "" "${2}2" 80 "${3}254"
	seen lan "${3}254" 30080 "${3}1"
	seen lan "${3}254" 30081 "${3}254"
	# and what has nothing to do with a Service
	seen a "${3}1" 8080 "${3}50"
	seen a "${3}51" 8080 "${3}50"
	seen a "$4" 8080 "${3}50"
	seen "" "${3}50" 8080 "${3}254"
}

# all_ways MODE: in both families
all_ways() {
	ways "$1" 10.96.0. 10.9.0. 192.0.2.1
	ways "$1" fd00:96:: fd00:9:: 2001:db8::1
}

# by MODE: before the pods and after them, through its restart, and by other pods of the same addresses.
by() {
	local ns
	start_proxy "$1"
	attach a >/dev/null
	attach b >/dev/null
	for ns in a b lan; do serve "$ns" 8080; done
	all_ways "$1"
	# A client that is far: the answer leaves by the router.
	ip -n lan route change 10.9.0.0/24 dev w1 src 192.0.2.1
	ip -n lan -6 route change fd00:9::/64 dev w1 metric 256 src 2001:db8::1
	seen lan 10.9.0.254 30080 192.0.2.1
	seen lan fd00:9::254 30080 2001:db8::1
	ip -n lan route change 10.9.0.0/24 dev w1 src 10.9.0.1
	ip -n lan -6 route change fd00:9::/64 dev w1 metric 256 src fd00:9::1
	kill $proxy
	wait $proxy || true
	start_proxy "$1"
	all_ways "$1"
	detach a
	CNI_ARGS="IP=10.9.0.50,fd00:9::50" attach a >/dev/null
	all_ways "$1"
}

@test "kube-proxy with iptables: Services with a backend elsewhere, beside, in the pod itself; NodePorts; the client's address is kept" {
	by iptables
}

@test "kube-proxy with ipvs: the same" {
	[ -e /proc/net/ip_vs ] || skip "this kernel has no ip_vs (module ip_vs); tests/lab runs this file in a machine that has"
	by ipvs
}
