#!/usr/bin/env bats
# bash-cni, my-cni and loopback against the real kernel.
bats_require_minimum_version 1.5.0
load helpers

CONF='{"cniVersion":"0.3.1","name":"my-cni-demo","type":"bash-cni","network":"10.244.0.0/16","subnet":"10.244.0.0/24"}'
LOG=/var/log/bash-cni-plugin.log

setup() {
	pod a
	pod b
}

teardown() {
	for ns in $(find /run/netns -type f -printf '%f\n'); do
		del bash-cni "$ns" "$CONF" >/dev/null 2>&1 || true
		ip netns del "$ns"
	done
	ip link del cni0 2>/dev/null || true
	rm -rf /var/lib/cni/* /run/cnibox /var/log/*
}

@test "ADD: the family's result, gateway reserved, pods reach each other and the gateway" {
	r=$(add bash-cni a "$CONF")
	add bash-cni b "$CONF" >/dev/null
	[ "$(jq -c '.ips' <<<"$r")" = '[{"version":"4","interface":2,"address":"10.244.0.2/24","gateway":"10.244.0.1"}]' ]
	[ "$(jq -r '.interfaces[2].name' <<<"$r")" = eth0 ]
	[ "$(jq -r '.interfaces[2].mac' <<<"$r")" = "$(ip -n a -j link show eth0 | jq -r '.[0].address')" ]
	ip addr show cni0 | grep -q 'inet 10.244.0.1/24'
	ip -n a route | grep -q 'default via 10.244.0.1'
	ip netns exec a ping -c1 -W10 -q 10.244.0.3
	ip netns exec a ping -c1 -W10 -q 10.244.0.1
	[ -z "$(find /tmp -newer /var/lib/cni/networks/my-cni-demo/boot_id -name '*reserved*')" ]
}

@test "every usable address is found, then code 102; a released one is found again" {
	conf=$(jq -c '.subnet = "10.244.0.0/28"' <<<"$CONF")
	for i in $(seq 2 14); do
		pod "f$i"
		[ "$(address "$(add bash-cni "f$i" "$conf")")" = "10.244.0.$i" ]
	done
	unchanged_but_log() { fails 102 "no IP addresses available" add bash-cni a "$conf"; }
	unchanged unchanged_but_log
	del bash-cni f7 "$conf"
	[ "$(address "$(add bash-cni a "$conf")")" = 10.244.0.7 ]
}

@test "releasing 10.244.0.1x or DEL twice frees only its own lease; DEL works when the namespace has gone" {
	add bash-cni a "$CONF" >/dev/null
	add bash-cni b "$CONF" >/dev/null
	ip netns del a
	del bash-cni a "$CONF"
	del bash-cni a "$CONF"
	[ ! -e /var/lib/cni/networks/my-cni-demo/10.244.0.2 ]
	[ -e /var/lib/cni/networks/my-cni-demo/10.244.0.3 ]
	pod a
}

@test "the interface is CNI_IFNAME, whatever its name, and a pod may have several" {
	add bash-cni a "$CONF" net-1.x >/dev/null
	add bash-cni a "$(jq -c '.name = "second" | .bridge = "cni1" | .subnet = "10.244.7.0/24"' <<<"$CONF")" eth1 >/dev/null
	ip -n a addr show eth1 | grep -q 10.244.7.2/24
	[ "$(ip -n a route show default)" = "default via 10.244.0.1 dev net-1.x " ]
	ip -n a addr show net-1.x | grep -q 10.244.0.2/24
	del bash-cni a "$CONF" net-1.x
	run ip -n a link show net-1.x
	[ "$status" -ne 0 ]
	ip link del cni1
}

@test "the log holds command, stdin and result, has levels, and rotates by size" {
	add bash-cni a "$CONF" >/dev/null
	grep -q 'ADD container=a .*"subnet":"10.244.0.0/24"' $LOG
	grep -q 'ADD container=a succeeded .*"address":"10.244.0.2/24"' $LOG
	run add bash-cni a "$CONF"
	grep -q 'ADD container=a failed .*"code":101' $LOG
	conf=$(jq -c '.logFile = "/var/log/other.log" | .logLevel = "error"' <<<"$CONF")
	del bash-cni a "$conf"
	[ ! -s /var/log/other.log ]
	conf=$(jq -c '.logFile = "/var/log/small.log" | .logMaxSize = 600' <<<"$CONF")
	for i in 1 2 3; do del bash-cni a "$conf"; done
	[ -s /var/log/small.log.1 ]
	[ "$(stat -c %s /var/log/small.log)" -lt 1500 ]
	fails 7 'logLevel: "loud"' add bash-cni a "$(jq -c '.logLevel = "loud"' <<<"$CONF")"
}

@test "a planted symbolic link at the log's place is not followed" {
	echo untouched >/var/log/victim
	ln -s /var/log/victim $LOG
	add bash-cni a "$CONF" >/dev/null
	[ "$(cat /var/log/victim)" = untouched ]
}

@test "/run/netns/CONTAINER names the pod; DEL takes it away; stale links are removed" {
	call ADD bash-cni 1f2e3d /run/netns/a "$CONF"
	[ "$(readlink /run/netns/1f2e3d)" = /run/netns/a ]
	ip netns list | grep -q 1f2e3d
	ip netns exec 1f2e3d ip addr show eth0 | grep -q 10.244.0.2
	ln -s /proc/999999/ns/net /run/netns/gone
	call DEL bash-cni 1f2e3d /run/netns/a "$CONF"
	[ ! -L /run/netns/1f2e3d ]
	[ ! -L /run/netns/gone ]
	[ -e /run/netns/a ]
}

@test "my-cni is the same with podcidr, any prefix length" {
	conf='{"cniVersion":"0.3.1","name":"my-cni","type":"my-cni","podcidr":"10.240.0.0/21"}'
	[ "$(jq -r '.ips[0].address' <<<"$(add my-cni a "$conf")")" = 10.240.0.2/21 ]
	ip addr show cni0 | grep -q 'inet 10.240.0.1/21'
	del my-cni a "$conf"
	unchanged fails 7 podcidr add my-cni a "$CONF"
}

@test "bad input names the key and the value, and nothing changes" {
	bad() { unchanged fails "$1" "$2" add bash-cni a "$3"; }
	bad 7 "subnet" "$(jq -c 'del(.subnet)' <<<"$CONF")"
	bad 7 'subnet' "$(jq -c '.subnet = "10.244.0.0"' <<<"$CONF")"
	bad 7 "10.245.0.0/24 is not inside network 10.244.0.0/16" "$(jq -c '.subnet = "10.245.0.0/24"' <<<"$CONF")"
	bad 7 "10.244.0.0/31" "$(jq -c '.subnet = "10.244.0.0/31"' <<<"$CONF")"
	bad 7 "network" "$(jq -c '.network = 5' <<<"$CONF")"
}

@test "loopback: lo up; alone lo is the result, in a chain prevResult is passed on" {
	conf='{"cniVersion":"1.0.0","name":"lo","type":"loopback"}'
	r=$(add loopback a "$conf" lo)
	ip -n a link show lo | grep -q 'LOOPBACK,UP'
	[ "$(jq -r '.interfaces[0].name + " " + .ips[0].address' <<<"$r")" = "lo 127.0.0.1/8" ]
	call CHECK loopback a /run/netns/a "$(with_prev "$conf" "$r")" lo
	prev='{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/x"}],"ips":[{"address":"10.0.0.2/8","interface":0}],"dns":{"nameservers":["10.0.0.10"]}}'
	[ "$(jq -cS . <<<"$(add loopback a "$(with_prev "$conf" "$prev")" lo)")" = "$(jq -cS . <<<"$prev")" ]
	ip -n a link set lo down
	fails 105 "lo in the pod is down" call CHECK loopback a /run/netns/a "$(with_prev "$conf" "$r")" lo
	del loopback a "$conf" lo
	call DEL loopback a "" "$conf" lo
}

@test "VERSION with dummies, an empty stdin, an unknown command, and no command at all" {
	r=$(CNI_COMMAND=VERSION CNI_NETNS=dummy CNI_IFNAME=dummy CNI_PATH=dummy "$CNIBOX_BIN/bash-cni" <<<'{"cniVersion":"1.0.0"}')
	[ "$(jq -c '[.cniVersion, (.supportedVersions | length)]' <<<"$r")" = '["1.0.0",7]' ]
	empty() { CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/bash-cni" </dev/null; }
	fails 6 "standard input is empty" empty
	fails 4 'CNI_COMMAND "FLY"' call FLY bash-cni a /run/netns/a "$CONF"
	run --separate-stderr "$CNIBOX_BIN/bash-cni" </dev/null
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[[ $stderr == "CNI bash-cni plugin "* ]]
}

@test "a namespace's name stays until the last of the pod's interfaces goes; CHECK notices that it is missing" {
	second='{"cniVersion":"0.4.0","name":"second","type":"bash-cni","subnet":"10.99.0.0/24","bridge":"br99","logFile":""}'
	first=$(jq -c '.name = "first" | .subnet = "10.98.0.0/24" | .bridge = "br98"' <<<"$second")
	ip netns add sandbox
	f=$(call ADD bash-cni pod1 /run/netns/sandbox "$first" eth0)
	r=$(call ADD bash-cni pod1 /run/netns/sandbox "$second" net1)
	call CHECK bash-cni pod1 /run/netns/sandbox "$(with_prev "$second" "$r")" net1
	fails_to call ADD bash-cni pod1 /run/netns/sandbox "$(jq -c '.name = "third"' <<<"$second")" eth0
	[ -e /run/netns/pod1 ]
	call DEL bash-cni pod1 /run/netns/sandbox "$second" net1
	[ -e /run/netns/pod1 ]
	rm /run/netns/pod1
	fails 105 /run/netns/pod1 call CHECK bash-cni pod1 /run/netns/sandbox "$(with_prev "$first" "$f")" eth0
	ln -s /run/netns/sandbox /run/netns/pod1
	call DEL bash-cni pod1 "" "$first" eth0
	[ ! -e /run/netns/pod1 ]
	ip netns del sandbox
	ip link del br98
	ip link del br99
}
