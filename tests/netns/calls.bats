#!/usr/bin/env bats
# What callers do and no document states: odd environments, odd signals, results that nobody reads.
bats_require_minimum_version 1.5.0
load helpers

CONF='{"cniVersion":"1.0.0","name":"net1","type":"bridge","bridge":"cni0","isDefaultGateway":true,"ipMasq":true,
"ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}'
LO='{"cniVersion":"0.3.1","name":"lo","type":"loopback"}'

setup() {
	pod a
}

teardown() {
	del bridge a "$CONF" >/dev/null 2>&1 || true
	ip netns del a
	for bridge in cni0 br9; do ip link del $bridge 2>/dev/null || true; done
	rm -rf /var/lib/cni/* /run/cnibox
	nft flush ruleset
}

# unheard COMMAND...: its standard output is a pipe whose reader is gone.
unheard() {
	local to status=0
	exec {to}> >(:)
	wait $!
	"$@" >&$to || status=$?
	exec {to}>&-
	return $status
}

# ADD of pod a, as its caller starts it: `started env --ignore-signal=PIPE`.
started() {
	CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$@" "$CNIBOX_BIN/bridge" <<<"$CONF"
}

@test "an ADD whose result nobody reads undoes itself, whatever signals its caller ignores or blocks" {
	for how in "env" "env --default-signal" "env --ignore-signal" "env --block-signal" "env --ignore-signal=PIPE --block-signal=PIPE"; do
		# shellcheck disable=SC2086 # words
		run unheard started $how
		echo "$how: $status $output"
		[ "$status" -eq 1 ]
		[ -z "$(ip -o link show type veth)$(nft list ruleset)$(ls /var/lib/cni/networks/net1/10.* 2>/dev/null)" ]
	done
	started env --ignore-signal --block-signal | jq -e .ips
}

@test "an ADD to a full pipe that does not block waits for its reader" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	exec {pipe}<>"$BATS_TEST_TMPDIR/pipe"
	# BusyBox and dash have no way to set O_NONBLOCK; dd has.
	while dd if=/dev/zero of=/dev/stdout oflag=nonblock bs=4096 count=1 1>&"$pipe" 2>/dev/null; do :; done
	{ sleep 0.2; dd bs=4096 count=64 iflag=nonblock of="$BATS_TEST_TMPDIR/out" 2>/dev/null || true; } <&$pipe &
	started env >&$pipe
	wait $!
	exec {pipe}>&-
	ip -n a addr show eth0 | grep -q 10.1.0.2
}

@test "an IPAM plugin's failure is seen although the caller ignores SIGCHLD" {
	printf '#!/bin/sh\necho "{\\"cniVersion\\":\\"1.0.0\\",\\"code\\":120,\\"msg\\":\\"no address today\\"}"\nexit 1\n' >"$BATS_TEST_TMPDIR/broken"
	chmod +x "$BATS_TEST_TMPDIR/broken"
	CONF=$(jq -c '.ipam = {type: "broken"}' <<<"$CONF")
	export CNI_PATH=$BATS_TEST_TMPDIR:$CNIBOX_BIN
	unchanged fails 120 "no address today" started env --ignore-signal=CHLD
}

# The signals that a program ignores when env starts it so, and one that the bridge executes when env starts the bridge so.
ignored() { env "$@" grep SigIgn /proc/self/status; }
told() {
	started env "$@" >"$BATS_TEST_TMPDIR/answer"
	grep -q 'SigBlk:.0000000000000000' "$BATS_TEST_TMPDIR/signals"
	grep SigIgn "$BATS_TEST_TMPDIR/signals"
	del bridge a "$CONF"
}

# What this test was started with cancels out: a shell's background job ignores SIGINT and SIGQUIT, and so may what it executes.
@test "a program that is executed has no signal blocked, those that we touch at their defaults, and of the others what our caller chose" {
	printf '#!/bin/sh\ngrep -E "Sig(Blk|Ign)" /proc/self/status >%s\n[ $CNI_COMMAND != ADD ] || echo "{\\"cniVersion\\":\\"1.0.0\\",\\"ips\\":[{\\"address\\":\\"10.1.0.9/24\\"}]}"\n' \
		"$BATS_TEST_TMPDIR/signals" >"$BATS_TEST_TMPDIR/teller"
	chmod +x "$BATS_TEST_TMPDIR/teller"
	CONF=$(jq -c '.ipam = {type: "teller"}' <<<"$CONF")
	export CNI_PATH=$BATS_TEST_TMPDIR:$CNIBOX_BIN
	ours=PIPE,ALRM,CHLD
	[ "$(told --default-signal)" = "$(ignored --default-signal)" ]
	[ "$(told --ignore-signal=$ours --block-signal)" = "$(ignored --default-signal=$ours)" ]
	[ "$(told --ignore-signal=INT,HUP,$ours)" = "$(ignored --default-signal=$ours --ignore-signal=INT,HUP)" ]
	[ "$(told --ignore-signal=INT)" != "$(told --default-signal=INT)" ]
}

@test "a time limit on a lock works also when the caller blocks SIGALRM" {
	add bridge a "$CONF"
	del bridge a "$CONF"
	flock /var/lib/cni/networks/net1/lock sleep 600 3>&- &
	holder=$!
	until ! flock -n /var/lib/cni/networks/net1/lock true; do sleep 0.01; done
	run --separate-stderr timeout 200 env --block-signal=ALRM --ignore-signal=ALRM \
		CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/bridge" <<<"$CONF"
	pkill -P $holder
	wait $holder || true
	[ "$(jq -r .code <<<"$output")" = 11 ]
	jq -r .msg <<<"$output" | grep -q 'process [0-9]* holds it for more than'
}

@test "VERSION needs no standard input" {
	for plugin in bridge host-local loopback bash-cni; do
		CNI_COMMAND=VERSION "$CNIBOX_BIN/$plugin" </dev/null | jq -e '.supportedVersions | length == 7'
		CNI_COMMAND=VERSION CNI_NETNS=dummy CNI_IFNAME=dummy CNI_PATH=dummy CNI_ARGS=none "$CNIBOX_BIN/$plugin" <<<'{"cniVersion":"0.4.0"}' |
			jq -e '.cniVersion == "0.4.0"'
	done
	fails 6 "standard input is empty" env CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/bridge" </dev/null
}

@test "a call by the name of no plugin is an error object, never help and success" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$(realpath "$CNIBOX_BIN/cnibox")" "$BATS_TEST_TMPDIR/bin/my-cni-demo"
	ln -s "$(realpath "$CNIBOX_BIN/cnibox")" "$BATS_TEST_TMPDIR/bin/cnibox"
	CNIBOX_BIN=$BATS_TEST_TMPDIR/bin
	for command in ADD DEL CHECK STATUS GC VERSION; do
		for name in my-cni-demo cnibox; do
			fails 7 "\"$name\"" call $command $name c1 /run/netns/a '{"cniVersion":"0.3.1","name":"n","type":"my-cni-demo"}'
			[ "$(jq -r .cniVersion <<<"$output")" = 0.3.1 ]
		done
	done
	"$CNIBOX_BIN/my-cni-demo" | grep -q usage
}

@test "CNI_ARGS matters only to plugins that read it, and only to ADD" {
	for args in none 'IP=x' 'A=1' ';;'; do
		CNI_ARGS=$args add loopback a "$LO" lo
		CNI_ARGS=$args del loopback a "$LO" lo
	done
	unchanged fails 4 'CNI_ARGS: "none" has no' env CNI_ARGS=none CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/bridge" <<<"$CONF"
	r=$(add bridge a "$CONF")
	CNI_ARGS='none;IP=x' call CHECK bridge a /run/netns/a "$(with_prev "$CONF" "$r")"
	CNI_ARGS='none;IP=x' del bridge a "$(jq -c '.runtimeConfig = {ips: 7} | .args = {cni: {mac: "x"}}' <<<"$CONF")"
	[ -z "$(ip -o link show type veth)" ]
}

@test "route options are in results from 0.3.0 on" {
	conf=$(jq -c '.ipam.routes = [{dst: "10.9.0.0/16", mtu: 1400, advmss: 1300, priority: 7, table: 100, scope: 253}]' <<<"$CONF")
	for v in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		r=$(add bridge a "$(jq -c ".cniVersion = \"$v\"" <<<"$conf")")
		jq -e '.routes[0] | .mtu == 1400 and .advmss == 1300 and .priority == 7 and .table == 100 and .scope == 253' <<<"$r"
		del bridge a "$conf"
	done
	add bridge a "$(jq -c '.cniVersion = "0.2.0"' <<<"$conf")" | jq -e '.ip4.routes[0] == {dst: "10.9.0.0/16"}'
}

@test "what the runtime asks for and the plugin does not do is refused, and what asks for nothing is not" {
	for asked in '{"portMappings":[{"hostPort":80,"containerPort":80,"protocol":"tcp"}]}' '{"bandwidth":{"ingressRate":1}}' \
		'{"PortMappings":[{"HostPort":80}]}' '{"infinibandGUID":"c2:11:22:33:44:55:66:77"}' '{"deviceID":"0000:00:1f.6"}'; do
		key=$(jq -r 'keys[0] | ascii_downcase[:1] + .[1:]' <<<"$asked")
		unchanged fails 2 "runtimeConfig.$key: this plugin does not do it" add bridge a "$(jq -c ".runtimeConfig = $asked" <<<"$CONF")"
	done
	unchanged fails 2 "runtimeConfig.ipRanges" add bash-cni a \
		'{"cniVersion":"0.3.1","name":"n","type":"bash-cni","subnet":"10.9.0.0/24","logFile":"","runtimeConfig":{"ipRanges":[[{"subnet":"10.8.0.0/24"}]]}}'
	asked='{"portMappings":[],"bandwidth":{"ingressRate":0},"infinibandGUID":"","deviceID":null,"ipRanges":[],"aliases":["web"],"cgroupPath":"/x","other":[1]}'
	add bridge a "$(jq -c ".runtimeConfig = $asked" <<<"$CONF")"
	del bridge a "$(jq -c '.runtimeConfig = {portMappings: [{}]}' <<<"$CONF")"
}

# Lists that declare every capability to a plugin behind others are in use: another of the list may be the one to do it.
@test "behind other plugins it is a warning; first in a list it is refused, whatever stands before an interface's own plugin" {
	asked='{"portMappings":[{"hostPort":80,"containerPort":80,"protocol":"tcp"}],"bandwidth":{"ingressRate":1}}'
	prev=$(add bridge a "$CONF")
	tuning=$(jq -cn --argjson asked "$asked" '{cniVersion: "1.0.0", name: "net1", type: "tuning", runtimeConfig: $asked}')
	run --separate-stderr add tuning a "$(with_prev "$tuning" "$prev")"
	[ "$status" -eq 0 ]
	for key in portMappings bandwidth; do
		grep -q "tuning\[[0-9]*\] warn: runtimeConfig.$key: left to the other plugins of the list" <<<"$stderr"
	done
	fails 2 "runtimeConfig.portMappings: this plugin does not do it" add tuning a "$tuning"
	lo=$(add loopback a "$LO" lo)
	fails 2 "runtimeConfig.portMappings: this plugin does not do it" add ptp a "$(with_prev "$(jq -c ".runtimeConfig = $asked" <<<"$CONF")" "$lo")" net1
}

@test "an IPAM plugin leaves what it does not do to the plugin that calls it" {
	conf='{"cniVersion":"1.0.0","name":"net1","type":"sriov","runtimeConfig":{"mac":"02:00:00:00:00:01","deviceID":"0000:00:1f.6"},"ipam":'
	add host-local a "$conf$(jq -c .ipam <<<"$CONF")}" | jq -e '.ips | length == 1'
	add static a "$conf"'{"type":"static","addresses":[{"address":"10.9.0.2/24"}]}}' | jq -e '.ips | length == 1'
	del host-local a "$conf$(jq -c .ipam <<<"$CONF")}"
	fails 2 "runtimeConfig.mac: this plugin does not do it" add host-local a "$(jq -c '.type = "host-local" | .runtimeConfig = {mac: "02:00:00:00:00:01"}' <<<"$CONF")"
}

@test "runtimeConfig.dns becomes the result's dns, however its keys are written" {
	r=$(add bridge a "$(jq -c '.dns = {nameservers: ["10.0.0.1"]} | .runtimeConfig.dns = {Servers: ["10.88.0.1"], Searches: ["example.test"], Options: null}' <<<"$CONF")")
	jq -e '.dns == {nameservers: ["10.88.0.1"], search: ["example.test"]}' <<<"$r"
	del bridge a "$CONF"
	r=$(add bridge a "$(jq -c '.dns = {nameservers: ["10.0.0.1"]} | .runtimeConfig.dns = {servers: [], searches: null}' <<<"$CONF")")
	jq -e '.dns == {nameservers: ["10.0.0.1"]}' <<<"$r"
	del bridge a "$CONF"
	unchanged fails 7 "runtimeConfig.dns.servers" add bridge a "$(jq -c '.runtimeConfig.dns = {servers: 7}' <<<"$CONF")"
}

@test "DEL and GC are not refused for values that they have no use for" {
	for bad in '.mtu = "x"' '.isGateway = 7' '.mac = "?"' '.promiscMode = true | .hairpinMode = true' '.ipam.ranges = 7' '.ipam.subnet = "x"' '.vlan = 7000' \
		'.dns = 7' '.args = 7' '.runtimeConfig = 7' '.prevResult = 7' '.ipam.routes = "none"' '.bridge = "no/bridge"' '.bridge = "longer-than-a-name"'; do
		conf=$(jq -c "$bad" <<<"$CONF")
		add bridge a "$CONF"
		del bridge a "$conf"
		[ -z "$(ip -o link show type veth)" ]
		[ ! -e /var/lib/cni/networks/net1/10.1.0.2 ]
		call GC bridge "" "" "$(jq -c '.cniVersion = "1.1.0" | ."cni.dev/valid-attachments" = []' <<<"$conf")"
	done
	fails 7 "ipam.dataDir" del bridge a "$(jq -c '.ipam.dataDir = 7' <<<"$CONF")"
	bash_conf='{"cniVersion":"0.3.1","name":"n","type":"bash-cni","network":"10.9.0.0/16","subnet":"10.9.0.0/24","bridge":"br9","logFile":""}'
	for bad in 'del(.subnet)' '.bridge = "no/bridge"' '.subnet = "10.9.0.0/31"' '.network = "172.16.0.0/16"' '.mtu = 1' '.hairpinMode = []'; do
		add bash-cni a "$bash_conf"
		del bash-cni a "$(jq -c "$bad" <<<"$bash_conf")"
		[ -z "$(ip -o link show type veth)" ]
	done
}

@test "an empty string stands for an address that is absent" {
	conf=$(jq -c '.ipam |= . + {rangeStart: "", rangeEnd: "", gateway: "", routes: [{dst: "10.9.0.0/16", gw: ""}]}' <<<"$CONF")
	r=$(add bridge a "$conf")
	jq -e '.ips[0].gateway == "10.1.0.1"' <<<"$r"
	call CHECK bridge a /run/netns/a "$(with_prev "$conf" "$(jq -c '.routes[].gw = ""' <<<"$r")")"
	del bridge a "$conf"
	for args in 'IgnoreUnknown=1;IP=;MAC=' 'MAC='; do
		CNI_ARGS=$args add bridge a "$CONF" | jq -e '.ips | length == 1'
		CNI_ARGS=$args del bridge a "$CONF"
	done
	for keys in '{bridge: "", logLevel: ""}' '{network: "", dataDir: ""}'; do
		conf=$(jq -c "{cniVersion: \"1.0.0\", name: \"n\", type: \"bash-cni\", subnet: \"10.9.0.0/24\", logFile: \"\"} + $keys" <<<null)
		add bash-cni a "$conf" | jq -e '.interfaces[0].name == "cni0"'
		del bash-cni a "$conf"
	done
	unchanged fails 7 'ipam.ranges[0][0].subnet is required' add bridge a "$(jq -c '.ipam.subnet = "" | .ipam.ranges = [[{subnet: ""}]]' <<<"$CONF")"
}
