#!/usr/bin/env bats
# Host ports behind a bridge, with traffic: who reaches what, under whose address, and what is left.
bats_require_minimum_version 1.5.0
load helpers
load portmap_helpers

NET='{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"br1","hairpinMode":true,"isDefaultGateway":true,"ipam":{"type":"host-local",
"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}}'

setup() {
	pod a
	pod b
}

teardown() {
	jobs -p | xargs -r kill 2>/dev/null || true
	clean
}

# ports MAPPING...: portmap's configuration; a mapping is HOST:POD[/PROTO][@HOSTIP].
ports() {
	printf '%s\n' "$@" | jq -cRn '{cniVersion: "1.1.0", name: "net1", type: "portmap", capabilities: {portMappings: true}, runtimeConfig: {portMappings: [inputs
		| capture("^(?<h>[0-9]+):(?<c>[0-9]+)(/(?<p>[a-z]+))?(@(?<i>.*))?$") | {hostPort: (.h | tonumber), containerPort: (.c | tonumber), protocol: (.p // "tcp")}
		+ (if .i then {hostIP: .i} else {} end)]}}'
}

# attach POD PORTMAP-CONFIG: bridge and portmap; prints the result of the chain.
attach() {
	local r
	r=$(add bridge "$1" "$NET")
	add portmap "$1" "$(with_prev "$2" "$r")"
}

# detach POD PORTMAP-CONFIG
detach() {
	del portmap "$1" "$2"
	del bridge "$1" "$NET"
}

# The table, whatever the order of a set's elements.
whole() { nft -j list table inet cnibox_ports | jq -cS '.nftables[] | del(.. | .handle?) | (.set?, .map? | .elem?) |= (. // [] | sort)'; }
rules() { nft list table inet cnibox_ports; }
localnet() { cat "/proc/sys/net/ipv4/conf/$1/route_localnet"; }
records() { find /run/cnibox/fw -type f 2>/dev/null | wc -l; }

@test "from outside, tcp and udp, IPv4 and IPv6: the pod sees who it is" {
	outside
	conf=$(ports 8080:80 8080:80/udp)
	attach a "$conf" >/dev/null
	serve a 80
	for proto in tcp udp; do
		[ "$(ask out $proto 203.0.113.1 8080)" = 203.0.113.2 ]
		[ "$(ask out $proto fd00:9::1 8080)" = fd00:9::2 ]
	done
	detach a "$conf"
	run ! ask out tcp 203.0.113.1 8080
	[ -z "$(nft list ruleset)" ]
	[ "$(records)" = 0 ]
}

@test "the node reaches the port by each of its addresses, 127.0.0.1 too; ::1 refuses at once" {
	outside
	conf=$(ports 8080:80 8080:80/udp)
	r=$(attach a "$conf")
	serve a 80
	for proto in tcp udp; do
		for addr in 203.0.113.1 10.1.0.1 127.0.0.1 127.0.0.9 fd00:9::1 fd00:1::1; do
			ask "" $proto $addr 8080
		done
	done
	[ "$(ask "" tcp 127.0.0.1 8080)" = 10.1.0.1 ]
	run ask "" tcp ::1 8080
	[[ $output = *refused* ]]
	call CHECK portmap a /run/netns/a "$(with_prev "$conf" "$r")"
	echo 0 >/proc/sys/net/ipv4/conf/br1/route_localnet
	fails 105 route_localnet call CHECK portmap a /run/netns/a "$(with_prev "$conf" "$r")"
}

@test "route_localnet: only of the link to the pod, guarded, and off behind the last port" {
	outside
	serve_node() { ip -n "$1" route add 127.0.0.0/8 via "$2" table 9 && ip -n "$1" rule add to 127.0.0.0/8 table 9 pref 1 && ip -n "$1" rule del pref 0; }
	one=$(ports 8080:80) two=$(ports 8081:80) far=$(ports 8082:80@203.0.113.1)
	attach a "$one" >/dev/null
	attach b "$two" >/dev/null
	[ "$(localnet br1) $(localnet all) $(localnet up0) $(localnet lo)" = "1 0 0 0" ]
	python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 9999)); s.settimeout(20)
while True: s.accept()' 3>&- &
	until (: </dev/tcp/127.0.0.1/9999) 2>/dev/null; do kill -0 $!; done
	serve_node a 10.1.0.1
	ip netns exec a sysctl -qw net.ipv4.conf.eth0.route_localnet=1
	ip netns exec a "$(talk)" stopped 127.0.0.1 9999
	rules | grep -q 'iifname != "lo" ip daddr 127.0.0.0/8 drop'
	detach a "$one"
	[ "$(localnet br1)" = 1 ]
	detach b "$two"
	[ "$(localnet br1)" = 0 ]
	attach a "$far" >/dev/null
	[ "$(localnet br1)" = 0 ]
}

@test "hairpin: the pod and its neighbours reach it by the node's addresses; without snat they do not come as the node" {
	outside
	conf=$(ports 8080:80 8080:80/udp)
	attach a "$conf" >/dev/null
	add bridge b "$NET" >/dev/null
	serve a 80
	for proto in tcp udp; do
		for from in a b; do
			[ "$(ask $from $proto 203.0.113.1 8080)" = 10.1.0.1 ]
			[ "$(ask $from $proto 10.1.0.1 8080)" = 10.1.0.1 ]
			[ "$(ask $from $proto fd00:9::1 8080)" = fd00:1::1 ]
		done
	done
	[ "$(ask b tcp 10.1.0.2 80)" = 10.1.0.3 ]
	del portmap a "$conf"
	add portmap a "$(jq -c '.snat = false' <<<"$(with_prev "$conf" "$(call_prev)")")" >/dev/null
	[ -z "$(nft -j list set inet cnibox_ports near4 | jq '.nftables[].set.elem // empty')" ]
	[ "$(ask out tcp 203.0.113.1 8080)" = 203.0.113.2 ]
}

# The result of bridge for pod a, as these tests always have it.
call_prev() {
	jq -cn '{cniVersion: "1.1.0", interfaces: [{name: "br1"}, {name: "eth0", sandbox: "/run/netns/a"}],
		ips: [{address: "10.1.0.2/24", interface: 1}, {address: "fd00:1::2/64", interface: 1}]}'
}

@test "masqAll: everybody comes as the node" {
	outside
	conf=$(ports 8080:80 | jq -c '.masqAll = true')
	attach a "$conf" >/dev/null
	serve a 80
	[ "$(ask out tcp 203.0.113.1 8080)" = 10.1.0.1 ]
	[ "$(ask out tcp fd00:9::1 8080)" = fd00:1::1 ]
}

@test "hostIP: this address and no other; 0.0.0.0 and :: are one family's" {
	outside
	attach a "$(ports 8080:80@203.0.113.1 8081:80@127.0.0.1 8082:80@0.0.0.0 8083:80@:: 8084:80@fd00:9::1)" >/dev/null
	serve a 80
	[ "$(ask out tcp 203.0.113.1 8080)" = 203.0.113.2 ]
	run ! ask "" tcp 10.1.0.1 8080
	ask "" tcp 127.0.0.1 8081
	run ! ask out tcp 203.0.113.1 8081
	ask out tcp 203.0.113.1 8082
	run ! ask out tcp fd00:9::1 8082
	ask out tcp fd00:9::1 8083
	run ! ask out tcp 203.0.113.1 8083
	ask out tcp fd00:9::1 8084
}

@test "hostIP: an IPv4 address in IPv6 form is the IPv4 address" {
	outside
	attach a "$(ports 8080:80@::ffff:203.0.113.1 8082:80@::ffff:0.0.0.0)" >/dev/null
	serve a 80
	[ "$(ask out tcp 203.0.113.1 8080)" = 203.0.113.2 ]
	run ! ask "" tcp 10.1.0.1 8080
	ask out tcp 203.0.113.1 8082
	run ! ask out tcp fd00:9::1 8082
	fails 101 'host port 8080/tcp of 203.0.113.1 is taken' attach b "$(ports 8080:80@203.0.113.1)"
}

@test "only packets to a local address are redirected" {
	outside
	pod far
	second_link far
	ip -n out route add default via 203.0.113.1
	attach a "$(ports 8080:80)" >/dev/null
	serve a 80
	serve far 8080
	[ "$(ask out tcp 203.0.113.1 8080)" = 203.0.113.2 ]
	[ "$(ask out tcp 198.51.100.2 8080)" = 203.0.113.2 ]
	ip netns exec far nft -f - <<-END
		table ip t {
			counter hits { }
			chain c { type filter hook input priority 0; tcp dport 8080 counter name hits; }
		}
	END
	ask out tcp 198.51.100.2 8080
	[ "$(ip netns exec far nft -j list counter ip t hits | jq '.nftables[].counter.packets // empty')" -gt 0 ]
}

@test "UDP that was on its way before ADD comes to the pod, and after DEL not any more" {
	outside
	conf=$(ports 8080:80/udp)
	run ! ask out udp 203.0.113.1 8080 5000
	attach a "$conf" >/dev/null
	serve a 80
	[ "$(ask out udp 203.0.113.1 8080 5000)" = 203.0.113.2 ]
	detach a "$conf"
	attach b "$conf" >/dev/null
	serve b 80
	[ "$(ask out udp 203.0.113.1 8080 5000)" = 203.0.113.2 ]
}

@test "a port that another pod has is refused with its holder, and nothing changes; a dead holder loses it" {
	attach a "$(ports 8080:80 8081:81/udp)" >/dev/null
	r=$(add bridge b "$NET")
	unchanged fails 101 "host port 8080/tcp is taken: network/container/interface net1/a/eth0 has it" add portmap b "$(with_prev "$(ports 9000:80 8080:80)" "$r")"
	unchanged fails 101 "host port 8081/udp is taken" add portmap b "$(with_prev "$(ports 8081:80/udp)" "$r")"
	add portmap b "$(with_prev "$(ports 8081:80 8080:80@10.1.0.1)" "$r")" >/dev/null
	del portmap b "$(ports 1:1)"
	ip link del "$(ip -o link show type veth | grep -o 'veth[0-9a-f]*@.*cnibox net1 a ' | cut -d@ -f1)" 2>/dev/null || ip netns del a
	until ! ip -o link show type veth | grep -q 'cnibox net1 a '; do :; done
	add portmap b "$(with_prev "$(ports 8080:80)" "$r")" >/dev/null
	serve b 80
	ask "" tcp 127.0.0.1 8080
	del portmap a "$(ports 8080:80)"
	ask "" tcp 127.0.0.1 8080
}

@test "without ports nothing is asked of the kernel and prevResult is the result" {
	for asked in '{}' '{"portMappings":[]}' '{"portMappings":null}' null; do
		conf=$(jq -cn --argjson a "$asked" '{cniVersion: "1.1.0", name: "net1", type: "portmap", conditionsV4: ["-s", "1.2.3.4"], runtimeConfig: $a}')
		r=$(CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 strace -e trace=socket -o "$BATS_TEST_TMPDIR/trace" "$CNIBOX_BIN/portmap" <<<"$(with_prev "$conf" "$(call_prev)")")
		run ! grep -q socket "$BATS_TEST_TMPDIR/trace"
		[ "$(jq -cS . <<<"$r")" = "$(jq -cS '. + {}' <<<"$(call_prev)")" ]
		call CHECK portmap a /run/netns/a "$(with_prev "$conf" "$(call_prev)")"
		del portmap a "$conf"
	done
	[ ! -e /run/cnibox/fw ]
	[ -z "$(nft list ruleset)" ]
}

@test "bad input: code, key, value and reason; nothing changes" {
	prev=$(call_prev)
	bad() { unchanged fails "$1" "$2" add portmap a "$(with_prev "$(ports 8080:80 | jq -c "$3")" "$prev")"; }
	bad 7 'runtimeConfig.portMappings[0].hostPort' '.runtimeConfig.portMappings[0].hostPort = 0'
	bad 7 'runtimeConfig.portMappings[0].containerPort' '.runtimeConfig.portMappings[0].containerPort = 65536'
	bad 7 'runtimeConfig.portMappings[0].hostPort' 'del(.runtimeConfig.portMappings[0].hostPort)'
	bad 7 'protocol: "icmp" is none of tcp, udp, sctp' '.runtimeConfig.portMappings[0].protocol = "icmp"'
	bad 7 'runtimeConfig.portMappings[0].hostIP' '.runtimeConfig.portMappings[0].hostIP = "nowhere"'
	bad 7 'portMappings[1].hostPort: 8080/tcp leads to containerPort 80 already and cannot lead to 81' \
		'.runtimeConfig.portMappings += [{"hostPort": 8080, "containerPort": 81, "protocol": "TCP"}]'
	bad 7 'hostIP: "::1": the kernel brings no answer' '.runtimeConfig.portMappings[0].hostIP = "::1"'
	bad 7 'markMasqBit' '.markMasqBit = 32'
	bad 7 'markMasqBit: 13 excludes externalSetMarkChain: "KUBE-MARK-MASQ"' '.markMasqBit = 13 | .externalSetMarkChain = "KUBE-MARK-MASQ"'
	bad 7 'backend: "pf" is none of iptables, nftables' '.backend = "pf"'
	bad 2 'conditionsV4: ["!", ...]: conditions of iptables cannot be honoured' '.conditionsV4 = ["!", "-d", "192.0.2.0/24"]'
	bad 2 'conditionsV6' '.conditionsV6 = ["-s", "fd00::/8"]'
	bad 7 'more than the 480 elements' '.runtimeConfig.portMappings = [range(1; 300) | {hostPort: ., containerPort: .}]'
	unchanged fails 7 'prevResult: missing' add portmap a "$(ports 8080:80)"
	unchanged fails 7 'hostIP: "fd00::1": prevResult has no IPv6 address' add portmap a "$(with_prev "$(ports 80:80@fd00::1)" "$(jq -c 'del(.ips[1])' <<<"$prev")")"
}

@test "keys as containerd and podman send them; both backends; a mark that nobody needs" {
	outside
	for more in '.backend = "iptables"' '.backend = "nftables" | .markMasqBit = 5' '.externalSetMarkChain = "KUBE-MARK-MASQ" | .snat = true'; do
		conf=$(jq -cn "{cniVersion: \"0.3.1\", name: \"net1\", type: \"portmap\", runtimeConfig: {portMappings: [
			{HostPort: 8080, ContainerPort: 80, Protocol: \"tcp\", HostIP: \"\"}, {hostPort: 8080, containerPort: 80}, {HostPort: 5353, ContainerPort: 53, Protocol: \"UDP\", HostIP: \"\"},
			{hostPort: 9000, containerPort: 90, protocol: \"sctp\"}]}} | $more")
		attach a "$conf" >/dev/null
		[ "$(nft -j list map inet cnibox_ports any4 | jq '[.nftables[].map.elem // empty | .[]] | length')" = 3 ]
		rules | grep -q 'sctp . 9000.* : 10.1.0.[0-9]* . 90\|132 . 9000.* : 10.1.0.[0-9]* . 90'
		detach a "$conf"
	done
}

@test "every version of the protocol" {
	prev=$(call_prev)
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		attach a "$(ports 8080:80 | jq -c ".cniVersion = \"$v\"")" | jq -e --arg v "$v" '.cniVersion == $v and ((.ip4.ip // .ips[0].address) | startswith("10.1.0."))'
		[ "$(nft -j list map inet cnibox_ports any4 | jq '[.nftables[].map.elem // empty | .[]] | length')" = 1 ]
		detach a "$(ports 8080:80 | jq -c ".cniVersion = \"$v\"")"
	done
}

@test "what is gone is noticed by CHECK and put back, for all pods, by the next ADD" {
	one=$(ports 8080:80) two=$(ports 8081:80/udp 8082:80@127.0.0.1)
	ra=$(attach a "$one")
	rb=$(attach b "$two")
	before=$(whole)
	for break in 'nft flush ruleset' 'nft delete table inet cnibox_ports' 'nft flush chain inet cnibox_ports output' 'nft flush map inet cnibox_ports any4' \
		'nft delete chain inet cnibox_ports guard' 'nft flush chain inet cnibox_ports guard'; do
		$break 2>/dev/null || nft -f - <<<"flush chain inet cnibox_ports guard; delete chain inet cnibox_ports guard"
		fails 105 cnibox_ports call CHECK portmap a /run/netns/a "$(with_prev "$one" "$ra")"
		del portmap b "$two"
		add portmap b "$(with_prev "$two" "$rb")" >/dev/null
		[ "$break" != 'nft flush map inet cnibox_ports any4' ] || { del portmap a "$one" && add portmap a "$(with_prev "$one" "$ra")" >/dev/null; }
		diff <(echo "$before") <(whole)
		call CHECK portmap a /run/netns/a "$(with_prev "$one" "$ra")"
		call CHECK portmap b /run/netns/b "$(with_prev "$two" "$rb")"
	done
}

@test "DEL takes what ADD made, from names alone; GC what no attachment has" {
	conf=$(ports 8080:80 8081:81/udp)
	attach a "$conf" >/dev/null
	attach b "$(ports 8082:80)" >/dev/null
	CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_NETNS='' CNI_IFNAME=eth0 "$CNIBOX_BIN/portmap" <<<'{"cniVersion":"1.1.0","name":"net1","type":"portmap","backend":7,"runtimeConfig":{"portMappings":"x"}}'
	rules | grep -q '8082'
	run ! grep -q '808[01]' <<<"$(rules)"
	del portmap a "$conf"
	gc() { for conf in "$NET" '{"cniVersion":"1.1.0","name":"net1","type":"portmap"}'; do
		call GC "$(jq -r .type <<<"$conf")" "" "" "$(jq -c --argjson v "$1" '."cni.dev/valid-attachments" = $v' <<<"$conf")"; done; }
	gc '[{"containerID":"b","ifname":"eth0"}]'
	rules | grep -q '8082'
	gc '[]'
	[ -z "$(nft list ruleset)" ]
	[ "$(localnet br1)" = 0 ]
	CNI_COMMAND=STATUS "$CNIBOX_BIN/portmap" <<<'{"cniVersion":"1.1.0","name":"net1","type":"portmap"}'
}

in_map() { nft -j list map inet cnibox_ports "$1" | jq '[.nftables[].map.elem // empty | .[]] | length'; }

@test "230 ports of one pod in both families, also those of a pod that is gone" {
	many=$(ports 1:1 | jq -c '.runtimeConfig.portMappings = [range(1000; 1230) | {hostPort: ., containerPort: (. * 2)}]')
	r=$(add bridge b "$NET")
	add portmap b "$(with_prev "$many" "$r")" >/dev/null
	call CHECK portmap b /run/netns/b "$(with_prev "$many" "$r")"
	ip netns exec b ip link del eth0
	r=$(add bridge a "$NET")
	add portmap a "$(with_prev "$many" "$r")" >/dev/null
	[ "$(in_map any4) $(in_map any6)" = "230 230" ]
	call CHECK portmap a /run/netns/a "$(with_prev "$many" "$r")"
	nft flush map inet cnibox_ports any6
	fails 105 "lacks the element any6" call CHECK portmap a /run/netns/a "$(with_prev "$many" "$r")"
	del portmap b "$many"
	[ "$(in_map any4)" = 230 ]
	del portmap a "$many"
	[ -z "$(nft list ruleset)" ]
}

@test "470 ports of one pod, and an ADD that fails late leaves nothing" {
	r=$(add bridge a "$(jq -c 'del(.ipam.ranges[1])' <<<"$NET")")
	many=$(ports 1:1 | jq -c '.runtimeConfig.portMappings = [range(1000; 1470) | {hostPort: ., containerPort: .}]')
	add portmap a "$(with_prev "$many" "$r")" >/dev/null
	[ "$(in_map any4)" = 470 ]
	call CHECK portmap a /run/netns/a "$(with_prev "$many" "$r")"
	nft flush ruleset
	add portmap a "$(with_prev "$many" "$r")" >/dev/null
	call CHECK portmap a /run/netns/a "$(with_prev "$many" "$r")"
	del portmap a "$many"
	[ -z "$(nft list ruleset)" ]
	failing() { call ADD portmap a /run/netns/a "$(with_prev "$many" "$r")" >/dev/full; }
	unchanged fails_to failing
	[ "$(localnet br1)" = 0 ]
}
