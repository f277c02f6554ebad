#!/usr/bin/env bats
# Change of plugin under running pods: attached by the reference's, checked and detached by ours, and the other way round, ten times.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load helpers

NEWEST=$BATS_TEST_DIRNAME/../../build/third_party/containernetworking-plugins.amd64.sid/usr/lib/cni

BRIDGE='{"type":"bridge","bridge":"br1","isDefaultGateway":true,"ipMasq":true,"hairpinMode":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}}'
PTP='{"type":"ptp","ipMasq":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}}'
MACVLAN='{"type":"macvlan","master":"w0","ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}'
PORTMAP='{"type":"portmap","capabilities":{"portMappings":true}}'
FIREWALL='{"type":"firewall","backend":"iptables"}'
BANDWIDTH='{"type":"bandwidth","ingressRate":8000000,"ingressBurst":800000,"egressRate":8000000,"egressBurst":800000}'
TUNING='{"type":"tuning","mtu":1400,"promisc":true}'
# shellcheck disable=SC2089,SC2090 # JSON, as it is
CAP_ARGS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},{"hostPort":8081,"containerPort":81,"protocol":"udp"},{"hostPort":8082,"containerPort":82,"protocol":"tcp","hostIP":"127.0.0.1"}]}'
# shellcheck disable=SC2090 # as above
export CAP_ARGS NETCONFPATH=$BATS_TEST_TMPDIR

setup() {
	[ -n "${REFERENCE:-}" ] || skip "the reference plugins are not there (third_party/unpack containernetworking-plugins)"
	pod p
}

teardown() {
	ip netns del p 2>/dev/null || true
	ip link del w0 2>/dev/null || true
	clean
	for v in "" 6; do
		while read -r table; do
			ip${v}tables-legacy -t "$table" -F
			ip${v}tables-legacy -t "$table" -X
		done </proc/net/ip${v}_tables_names
	done
	rm -rf /run/cni
}

# list PLUGIN...
list() {
	printf '%s\n' "$@" | jq -cn '{cniVersion: "1.0.0", name: "net1", plugins: [inputs]}' >"$NETCONFPATH/net1.conflist"
}

# through PLUGINS COMMAND: of pod p.
through() {
	CNI_PATH=$1 "$CNIBOX_BIN/cnitool" "$2" net1 /run/netns/p
}

# The host, without counts and without what a lease or the cache of a living pod is; the legacy tables that are in use.
left() {
	snapshot 2>/dev/null | sed "s/counter packets [0-9]* bytes [0-9]*//; s/ tentative//; /^\/run\/cnibox\/leases/d; /^\/var\/lib\/cni\/results/d; /^\/run\/xtables.lock/d"
	for v in "" 6; do ip${v}tables-legacy-save 2>/dev/null | sed '/^#/d; s/^\(:.*\) \[.*/\1/'; done
}

# Where ipMasq's own chain is not there the reference's DEL says so at its end, as its second DEL of a pod of its own does.
reference_del() {
	through "$1" del 2>"$BATS_TEST_TMPDIR/why" ||
		grep -q "Chain 'CNI-[0-9a-f]*' does not exist\|Couldn't load target .CNI-[0-9a-f]*':No such file" "$BATS_TEST_TMPDIR/why" || { cat "$BATS_TEST_TMPDIR/why" && false; }
}

# change PLUGINS CHECK [TIMES]: ten times with the reference's of this folder; CHECK is no where theirs cannot check.
change() {
	local reference=$1 before
	through "$reference" add >/dev/null # which makes what is there for good
	reference_del "$reference"
	through "$CNIBOX_BIN" del
	before=$(left)
	for ((i = 0; i < ${3:-10}; i++)); do
		through "$reference" add >"$BATS_TEST_TMPDIR/result"
		through "$CNIBOX_BIN" check
		through "$CNIBOX_BIN" del
		diff <(echo "$before") <(left)
		through "$CNIBOX_BIN" del # again
		through "$CNIBOX_BIN" add >"$BATS_TEST_TMPDIR/ours"
		[ "$2" = no ] || through "$reference" check
		reference_del "$reference"
		# The reference does not know our tables: a DEL or a GC of ours does.
		diff <(echo "$before" | gone_of_ours) <(left | gone_of_ours)
	done
	through "$CNIBOX_BIN" del
	diff <(echo "$before") <(left)
}

# Without our tables, the jump to the administrator's chain that the reference has made, and what we keep of them.
gone_of_ours() {
	awk '/cnibox firewall: admin CNI-ADMIN/ {next} /^table .* cnibox/ {skip = 1} !skip && !/^\/run\/cnibox\// {print} /^}/ {skip = 0}'
}

newest() {
	[ "$("$NEWEST/bridge" 2>&1 </dev/null | head -c 10)" = "CNI bridge" ] ||
		skip "the newest reference does not run here (third_party/unpack containernetworking-plugins:amd64/sid)"
}

@test "bridge and host-local, with ipMasq" {
	list "$BRIDGE"
	change "$REFERENCE" yes
}

@test "ptp, with ipMasq" {
	list "$PTP"
	change "$REFERENCE" yes
}

@test "portmap and firewall behind bridge, by iptables-nft" {
	list "$BRIDGE" "$PORTMAP" "$FIREWALL"
	change "$REFERENCE" no
}

# legacy: iptables is the legacy one from here on.
legacy() {
	iptables-legacy -S >/dev/null 2>&1 || skip "this kernel has no legacy tables"
	mkdir "$BATS_TEST_TMPDIR/bin"
	for name in iptables ip6tables; do
		for what in "" -save -restore; do ln -s "$(command -v $name-legacy$what)" "$BATS_TEST_TMPDIR/bin/$name$what"; done
	done
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "portmap and firewall behind bridge, by iptables-legacy" {
	legacy
	list "$BRIDGE" "$PORTMAP" "$FIREWALL"
	change "$REFERENCE" no 3
	[ -z "$(nft list tables | grep -v cnibox)" ]
	iptables-legacy-save | grep -q CNI-FORWARD
}

# bats test_tags=deep
@test "firewall behind ptp, with policies: the newest reference by iptables-nft, both by iptables-legacy" {
	newest
	list "$PTP" "$FIREWALL"
	change "$NEWEST" no 3
	clean
	legacy
	for reference in "$REFERENCE" "$NEWEST"; do
		pod p
		list "$PTP" "$FIREWALL"
		change "$reference" no 3
		ip netns del p
		pod p
		list "$BRIDGE" "$PORTMAP" "$(jq -c '.ingressPolicy = "same-bridge"' <<<"$FIREWALL")"
		change "$reference" no 3
		ip netns del p
	done
}

@test "bandwidth and tuning behind bridge" {
	kernel_has_ifb
	list "$BRIDGE" "$BANDWIDTH" "$TUNING"
	change "$REFERENCE" no
}
kernel_has_ifb() {
	ip link add ifb9 type ifb 2>/dev/null || skip "this kernel has no ifb links (module ifb)"
	ip link del ifb9
}

@test "macvlan" {
	ip link add w0 type veth peer name w1
	ip link add link w0 name probe type macvlan 2>/dev/null || skip "this kernel has no macvlan links (module macvlan)"
	ip link del probe
	ip link set w0 up
	list "$MACVLAN"
	change "$REFERENCE" yes
}

@test "the newest reference: portmap and ipMasq by iptables, and by nftables; macspoofchk" {
	newest
	list "$BRIDGE" "$PORTMAP"
	change "$NEWEST" no
	clean
	pod p
	list "$(jq -c '.ipMasqBackend = "nftables" | .macspoofchk = true' <<<"$BRIDGE")" "$(jq -c '.backend = "nftables"' <<<"$PORTMAP")"
	change "$NEWEST" no
}

@test "a pod of the reference whose namespace is gone: a DEL without result and namespace takes its rules, links and leases; others' stay" {
	list "$BRIDGE" "$PORTMAP"
	pod q
	export CNI_CONTAINERID
	through "$REFERENCE" add >/dev/null
	before=$(left)
	conf() { jq -c "{cniVersion, name} + .plugins[$1]" "$NETCONFPATH/net1.conflist"; }
	ports=$(jq -c '.runtimeConfig.portMappings = [{hostPort: 9090, containerPort: 90, protocol: "tcp"}]' <<<"$(conf 1)")
	r=$(CNIBOX_BIN=$REFERENCE CNI_PATH=$REFERENCE add bridge q "$(conf 0)")
	CNIBOX_BIN=$REFERENCE CNI_PATH=$REFERENCE add portmap q "$(with_prev "$ports" "$r")" >/dev/null
	iptables-save | grep -q 9090
	end=$(jq -r '.interfaces[] | select(.name | startswith("veth")).name' <<<"$r")
	ip netns del q
	while ip link show "$end" >/dev/null 2>&1; do sleep 0.01; done # the kernel takes a namespace's links some time after its name
	call DEL portmap q "" "$ports"
	call DEL bridge q "" "$(conf 0)"
	diff <(echo "$before" | grep -v netns/q) <(left)
}

@test "what stays of ours when the reference has detached a pod goes with the next GC" {
	list "$BRIDGE" "$PORTMAP"
	through "$CNIBOX_BIN" add >/dev/null
	reference_del "$REFERENCE"
	nft list ruleset | grep -q '^table inet cnibox_ports'
	for n in 0 1; do
		CNI_COMMAND=GC "$CNIBOX_BIN/$(jq -r ".plugins[$n].type" "$NETCONFPATH/net1.conflist")" \
			<<<"$(jq -c "{cniVersion: \"1.1.0\", name} + .plugins[$n] + {\"cni.dev/valid-attachments\": []}" "$NETCONFPATH/net1.conflist")"
	done
	[ -z "$(nft list ruleset 2>/dev/null | grep '^table inet cnibox')" ]
}
