#!/usr/bin/env bats
# What nodes tell each other of their tunnels by annotations: written by node run, kept over a reboot, read by the others.
bats_require_minimum_version 1.5.0
load run_helpers

setup() {
	run_begin
	machine
	F=flannel.alpha.coreos.com
}
teardown() {
	run_end
	ip link del cnibox-vxlan 2>/dev/null || true
	rm -rf /var/lib/cni/cnibox
}

kernel_has_vxlan() {
	ip link add probe0 type vxlan id 5 dstport 0 2>/dev/null || skip "this kernel has no VXLAN (module vxlan)"
	ip link del probe0
}

# The three nodes, and told(NODE, TYPE, DATA, ...): one with annotations.
TOLD="$THREE
def told(n, kind, data, **more):
    p = 'flannel.alpha.coreos.com/'
    n['metadata']['annotations'].update({p + 'backend-type': kind, p + 'backend-data': data, p + 'kube-subnet-manager': 'true', **{p + k: v for k, v in more.items()}})
    return n"

# patches PATH: what has been sent there, one a line
patches() { sed -n "s,^PATCH $1 Bearer secret ,,p" "$REQUESTS"; }
annotations() { patches /api/v1/nodes/m | tail -n 1 | jq -ce ".metadata.annotations | $1"; }

has_fdb() { bridge fdb show dev cnibox-vxlan 2>/dev/null | grep -q "^$1 dst $2 self permanent"; }

@test "VXLAN: the node is annotated as flannel annotates, once; what the server has then is no reason to write" {
	kernel_has_vxlan
	serve <<<"$TOLD
import re
mine = lambda: json.loads(re.search(r'PATCH /api/v1/nodes/m .*?(\{.*)', open('$BATS_TEST_TMPDIR/sent').read()).group(1))
def back(c):
    open('$BATS_TEST_TMPDIR/sent', 'w').write('PATCH %s %s' % (c.path, ' ' + c.content))
    return answer(a[0])(c)
def then(c):
    m = node('m', '192.168.122.14', '10.42.0.0/24', rv=11)
    m['metadata']['annotations'].update(mine()['metadata']['annotations'])
    return watch(modified(m), until('told'), deleted(node('n2', rv=13)))(c)
steps = [answer(node_list(a)), watch(), back, then]"
	stay --backend vxlan --tunnel-all --vni 7
	until_true asked 'watch=1.*resourceVersion=10 '
	until_true asked '^PATCH /api/v1/nodes/m '
	[ "$(annotations "[.[\"$F/backend-type\"], .[\"$F/kube-subnet-manager\"], .[\"$F/public-ip\"], (.[\"$F/backend-data\"] | fromjson | .VNI, .PublicKey)]")" = \
		'["vxlan","true","192.168.122.14",7,null]' ]
	annotations ".[\"$F/backend-data\"] | fromjson.VtepMAC == \"$(ip -j link show cnibox-vxlan | jq -r '.[0].address')\""
	go_on told
	until_true has_no_route 10.42.2.0/24
	until_true sleeps
	[ "$(grep -c PATCH "$REQUESTS")" -eq 1 ]
	logged "annotations of m: its tunnels are published: vxlan" 1
	logged error 0
}

@test "WireGuard: the public key of the node's own is told, and nothing of the private one" {
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(), answer(a[0]), watch()]"
	stay --backend wireguard
	until_true asked '^PATCH /api/v1/nodes/m '
	[ "$(annotations "[.[\"$F/backend-type\"], (.[\"$F/backend-data\"] | fromjson.PublicKey)]")" = "[\"wireguard\",\"$(node key)\"]" ]
	run ! grep -F "$(cat /var/lib/cni/cnibox/wireguard.key)" "$REQUESTS" "$LOG"
}

@test "an address of each family is told, the first; without a backend of one's own nothing is" {
	serve <<<"$THREE
a[0] = node('m', ['192.168.122.14', '2001:db8::14'], '10.42.0.0/24')
steps = [answer(node_list(a)), watch(), answer(a[0]), watch()]"
	stay
	until_true has_route 10.42.1.0/24 192.168.122.15
	until_true asked watch=1
	until_true sleeps
	[ "$(grep -c PATCH "$REQUESTS")" -eq 0 ]
	end_run
	serve <<<"$THREE
a[0] = node('m', ['192.168.122.14', '2001:db8::14'], '10.42.0.0/24')
steps = [answer(node_list(a)), watch(), answer(a[0]), watch()]"
	stay --backend direct
	until_true asked '^PATCH /api/v1/nodes/m '
	[ "$(annotations "[.[\"$F/backend-type\"], .[\"$F/backend-data\"], .[\"$F/public-ip\"], .[\"$F/public-ipv6\"]]")" = \
		'["host-gw","null","192.168.122.14","2001:db8::14"]' ]
}

@test "a condition and annotations: both are sent, and of each the right that is missing is named" {
	serve <<<"$THREE
a[0] = unavailable(a[0])
no = lambda what: failure(403, 'Forbidden', 'User \"x\" cannot patch resource \"%s\"' % what)
steps = [answer(node_list(a)), watch(), lambda c: no('x')(c), lambda c: no('x')(c), watch(until('refused'), deleted(node('n2', rv=13)))]"
	stay --backend direct
	until_true logged 'patch nodes/status: missing right: the verb "patch" on nodes/status (RBAC, 403)'
	until_true logged 'patch nodes: missing right: the verb "patch" on nodes (RBAC, 403)'
	logged 'NetworkUnavailable stays True' 1
	logged "the other nodes are not told of this node's tunnels" 1
	go_on refused
	until_true has_no_route 10.42.2.0/24
	until_true sleeps
	[ "$(grep -c 'PATCH /api/v1/nodes/m ' "$REQUESTS")" -eq 1 ]
	[ "$(grep -c 'PATCH /api/v1/nodes/m/status ' "$REQUESTS")" -eq 1 ]
	logged "answers again" 0
}

@test "this node's option counts, not what it was annotated with before" {
	serve <<<"$TOLD
steps = [answer(node_list([told(a[0], 'vxlan', '{\"VNI\":1,\"VtepMAC\":\"02:11:11:11:11:11\"}')] + a[1:])), watch(), answer(a[0]), watch()]"
	stay --backend direct --tunnel-all
	until_true has_route 10.42.1.0/24 192.168.122.15
	until_true asked '^PATCH /api/v1/nodes/m '
	[ "$(annotations ".[\"$F/backend-type\"]")" = '"host-gw"' ]
	run ! ip link show cnibox-vxlan
}

@test "MACs and keys of the others are kept over a reboot while the API server is away" {
	kernel_has_vxlan
	key=$(head -c 32 /dev/zero | tr '\0' '\7' | base64)
	serve <<<"$TOLD
a[1] = told(a[1], 'vxlan', '{\"VNI\":1,\"VtepMAC\":\"02:aa:bb:cc:dd:01\"}')
a[2] = told(a[2], 'wireguard', '{\"VNI\":1,\"VtepMAC\":\"02:aa:bb:cc:dd:02\",\"PublicKey\":\"$key\"}')
steps = [answer(node_list(a))]"
	stay --backend vxlan --tunnel-all
	until_true has_fdb 02:aa:bb:cc:dd:01 192.168.122.15
	until_true test -s /var/lib/cnibox/nodes.json
	kill -KILL "$RUN"
	wait "$RUN" || true
	kill "${SERVERS[@]}"
	cp /var/lib/cnibox/nodes.json "$BATS_TEST_TMPDIR/known"
	ip link del cnibox-vxlan
	ip link del eth0
	nft flush ruleset
	rm -rf /run/cnibox
	machine
	URL=https://127.0.0.1:1 stay --backend vxlan --tunnel-all
	until_true has_fdb 02:aa:bb:cc:dd:01 192.168.122.15
	until_true has_fdb 02:aa:bb:cc:dd:02 192.168.122.16
	[ "$(jq -r --arg f "$F" '.items[] | select(.metadata.name == "n2").metadata.annotations | .[$f + "/backend-type"], (.[$f + "/backend-data"] | fromjson.PublicKey)' "$BATS_TEST_TMPDIR/known")" = \
		"wireguard
$key" ]
}

@test "another node's end of the tunnel is where it says; of this node's own another is told where people say so" {
	kernel_has_vxlan
	serve <<<"$TOLD
a[0]['metadata']['annotations']['flannel.alpha.coreos.com/public-ip-overwrite'] = '198.51.100.14'
a[1] = told(a[1], 'vxlan', '{\"VNI\":1,\"VtepMAC\":\"02:aa:bb:cc:dd:01\"}', **{'public-ip': '203.0.113.9'})
a[2] = told(a[2], 'vxlan', '{\"VNI\":1,\"VtepMAC\":\"02:aa:bb:cc:dd:02\"}', **{'public-ip': 'nonsense'})
moved = told(node('n1', '192.168.122.15', '10.42.1.0/24', rv=11), 'vxlan', '{\"VNI\":1,\"VtepMAC\":\"02:aa:bb:cc:dd:01\"}', **{'public-ip': '203.0.113.10'})
steps = [answer(node_list(a)), watch(), answer(a[0]), watch(until('told'), modified(moved))]"
	stay --backend vxlan --tunnel-all
	until_true has_fdb 02:aa:bb:cc:dd:01 203.0.113.9
	until_true has_fdb 02:aa:bb:cc:dd:02 192.168.122.16
	until_true asked '^PATCH /api/v1/nodes/m '
	[ "$(annotations ".[\"$F/public-ip\"]")" = '"198.51.100.14"' ]
	ip -d link show cnibox-vxlan | grep -q ' local 192.168.122.14 '
	go_on told
	until_true has_fdb 02:aa:bb:cc:dd:01 203.0.113.10
}

@test "--vni, --vxlan-port and --mtu are the link's and the pods'" {
	kernel_has_vxlan
	serve <<<"$THREE
steps = [answer(node_list(a)), watch(), answer(a[0])]"
	stay --backend vxlan --tunnel-all --vni 77 --vxlan-port 4790 --mtu 1333
	until_true test -e "$CONFLIST"
	ip -d link show cnibox-vxlan | grep -q 'vxlan id 77 .* dstport 4790 '
	[ "$(jq .plugins[0].mtu "$CONFLIST")" = 1333 ]
	[ "$(cat /sys/class/net/cnibox-vxlan/mtu)" = 1450 ]
}

@test "--wireguard-port is the link's and that of all peers" {
	key=$(head -c 32 /dev/zero | tr '\0' '\7' | base64)
	serve <<<"$TOLD
a[1] = told(a[1], 'wireguard', '{\"PublicKey\":\"$key\"}')
steps = [answer(node_list(a))]"
	run -3 ask --backend wireguard --tunnel-all --wireguard-port 51999
	grep -q '^WireGuard cnibox-wg: port 51999, ' <<<"$output"
	grep -qF "WireGuard: peer $key at 192.168.122.15, port 51999, for 10.42.1.0/24: missing" <<<"$output"
}
