#!/usr/bin/env bats
# Nothing is executed but the plugins of others that a configuration names: every plugin and tool of the binary's lists under strace.
bats_require_minimum_version 1.5.0
load helpers

NAMES=$(CNIBOX_TEST_HOST=1 "$CNIBOX_BIN/cnibox" --list plugins)
LOCAL='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}'
PTP='{"cniVersion":"1.1.0","name":"net0","type":"ptp","ipMasq":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}],[{"subnet":"fd00:2::/64"}]]}}'

setup() {
	pod a
	ip link add up0 type veth peer name up1
	ip link set up0 up
	ip link set up1 up
	ip addr add 192.168.5.1/24 dev up0
	mkdir -p /run/flannel
	printf 'FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n' >/run/flannel/subnet.env
}

teardown() {
	jobs -p | xargs -r kill 2>/dev/null || true
	clean
	rm -rf /run/flannel
}

# keys PLUGIN: what an ADD of it that does all it can is called with, a prevResult aside; a new plugin may do with none.
keys() {
	case $1 in
	bridge) echo "{\"isDefaultGateway\":true,\"ipMasq\":true,\"hairpinMode\":true,\"macspoofchk\":true,$LOCAL}" ;;
	bash-cni) echo '{"network":"10.244.0.0/16","subnet":"10.244.0.0/24"}' ;;
	my-cni) echo '{"podcidr":"10.5.0.0/24"}' ;;
	ptp) echo "{\"ipMasq\":true,$LOCAL}" ;;
	macvlan | ipvlan) echo "{\"master\":\"up0\",$LOCAL}" ;;
	vlan) echo "{\"master\":\"up0\",\"vlanId\":5,$LOCAL}" ;;
	host-device) echo "{\"device\":\"up1\",$LOCAL}" ;;
	dummy | tap | host-local) echo "{$LOCAL}" ;;
	static) echo '{"ipam":{"type":"static","addresses":[{"address":"10.8.0.5/24"}]}}' ;;
	flannel) echo '{"delegate":{"bridge":"cni3","isDefaultGateway":true}}' ;;
	portmap) echo '{"snat":true,"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},{"hostPort":5353,"containerPort":53,"protocol":"udp"}]}}' ;;
	firewall) echo '{"ingressPolicy":"same-bridge","iptablesAdminChainName":"ADMIN","firewalldZone":"trusted"}' ;;
	bandwidth) echo '{"ingressRate":8000000,"ingressBurst":800000,"egressRate":8000000,"egressBurst":800000}' ;;
	vrf) echo '{"vrfname":"red"}' ;;
	tuning) echo '{"mtu":1400,"promisc":true,"sysctl":{"net.core.somaxconn":"77"}}' ;;
	veth-host | unnumbered-ptp) echo '{"hostInterface":"up0","ipMasq":true,"serviceCidr":"10.96.0.0/12"}' ;;
	*) echo '{}' ;;
	esac
}

# chained PLUGIN: does it stand behind another?
chained() {
	case $1 in
	bandwidth | firewall | portmap | sbr | tuning | unnumbered-ptp | veth-host | vrf) return 0 ;;
	esac
	return 1
}

# traced PROGRAM...: under strace; what it executed is in $executed, a file a line.
traced() {
	strace -f -qq --seccomp-bpf -e trace=execve,execveat -o "$BATS_TEST_TMPDIR/trace" "$@" 2>"$BATS_TEST_TMPDIR/stderr" || status=$?
	executed=$(grep -v 'ENOENT' "$BATS_TEST_TMPDIR/trace" | sed -n 's/^[0-9]* *execve("\([^"]*\)".*/\1/p')
	fails_to grep execveat "$BATS_TEST_TMPDIR/trace"
}

# alone COMMAND PLUGIN CONFIG: a call that executes nothing, with its answer in $answer; the kernel may lack what it makes.
alone() {
	status=0
	CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 traced "$CNIBOX_BIN/$2" <<<"$3" >"$BATS_TEST_TMPDIR/answer"
	answer=$(cat "$BATS_TEST_TMPDIR/answer")
	echo "$2 $1: $status $answer"
	[ "$executed" = "$CNIBOX_BIN/$2" ]
	[ "$status" -eq 0 ] || [ "$(jq .code <<<"$answer")" = 104 ]
}

# calls PLUGIN: all that it can be asked.
calls() {
	local conf prev=null
	conf=$(jq -c --arg type "$1" '{cniVersion: "1.1.0", name: "net1", type: $type} + .' <<<"$(keys "$1")")
	if chained "$1"; then
		prev=$(add ptp a "$PTP")
		conf=$(with_prev "$conf" "$prev")
	fi
	alone STATUS "$1" "$conf"
	alone ADD "$1" "$conf"
	if [ "$status" -eq 0 ]; then
		alone CHECK "$1" "$(with_prev "$conf" "$answer")"
		[ "$status" -eq 0 ]
	else
		lacking+=("$1")
	fi
	alone GC "$1" "$(jq -c '."cni.dev/valid-attachments" = [{containerID: "a", ifname: "eth0"}]' <<<"$conf")"
	alone DEL "$1" "$conf"
	alone GC "$1" "$(jq -c '."cni.dev/valid-attachments" = []' <<<"$conf")"
	alone VERSION "$1" '{"cniVersion":"1.1.0"}'
	[ "$prev" = null ] || del ptp a "$PTP"
}

@test "every plugin, every command, beside rules of others: nothing but itself" {
	lacking=()
	iptables-nft -P FORWARD DROP
	for plugin in $NAMES; do
		[ "$plugin" = dhcp ] || calls "$plugin"
	done
	# A kernel without them is no reason to pass: most of them are in every kernel.
	[ ${#lacking[@]} -le 4 ]
}

# others NAME ANSWER: a plugin of others, which answers so.
others() {
	mkdir -p "$BATS_TEST_TMPDIR/others"
	# shellcheck disable=SC2016 # for the plugin
	printf '#!/bin/sh\n[ $CNI_COMMAND != ADD ] || echo %q\n' "$2" >"$BATS_TEST_TMPDIR/others/$1"
	chmod +x "$BATS_TEST_TMPDIR/others/$1"
	export CNI_PATH=$BATS_TEST_TMPDIR/others:$CNIBOX_BIN
}

# by_others COMMAND PLUGIN FOREIGN CONFIG: it executes this one alone, which the kernel gives to its shell.
by_others() {
	status=0
	CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 traced "$CNIBOX_BIN/$2" <<<"$4" >"$BATS_TEST_TMPDIR/answer"
	[ "$status" -eq 0 ]
	[ "$executed" = "$CNIBOX_BIN/$2"$'\n'"$BATS_TEST_TMPDIR/others/$3" ]
}

@test "a foreign IPAM plugin and a foreign delegate are executed, and nothing else" {
	others addresses '{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.9/24"}]}'
	others delegated '{"cniVersion":"1.1.0"}'
	bridge='{"cniVersion":"1.1.0","name":"net1","type":"bridge","isGateway":true,"ipMasq":true,"ipam":{"type":"addresses"}}'
	flannel='{"cniVersion":"1.1.0","name":"net2","type":"flannel","delegate":{"type":"delegated"}}'
	for command in ADD DEL; do
		by_others $command bridge addresses "$bridge"
		by_others $command flannel delegated "$flannel"
	done
}

@test "dhcp, beside its daemon" {
	load dhcp_helpers
	lan
	plug a
	serve "$RANGE"
	strace -f -qq --seccomp-bpf -e trace=execve,execveat -o "$BATS_TEST_TMPDIR/daemon" "$CNIBOX_BIN/dhcp" daemon 2>"$BATS_TEST_TMPDIR/daemon.log" 3>&- &
	# shellcheck disable=SC2153 # the helpers'
	conf=$(jq -c '.cniVersion = "1.1.0"' <<<"$CONF")
	wait_for call STATUS dhcp '' '' "$conf" '' >/dev/null 2>&1
	alone ADD dhcp "$conf"
	[ "$(jq -r '.ips[0].gateway' <<<"$answer")" = 10.9.0.1 ]
	alone DEL dhcp "$conf"
	alone STATUS dhcp "$conf"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/daemon")" = 1 ]
}

# tool NAME: every line of it that changes something.
tool() {
	local cnibox=$CNIBOX_BIN/cnibox of=(-f "$BATS_TEST_TMPDIR/cluster.json" --name n1)
	status=0
	case $1 in
	install) traced "$cnibox" install /opt/cni/bin ;;
	node)
		echo '{"networks":["10.244.0.0/16"],"nodes":[{"name":"n1","addresses":["192.168.5.1"],"subnets":["10.244.1.0/24"]},
			{"name":"n2","addresses":["192.168.5.2"],"subnets":["10.244.2.0/24"]}]}' >"$BATS_TEST_TMPDIR/cluster.json"
		for line in "up ${of[*]}" "show ${of[*]}" down key "service systemd" manifest; do
			# shellcheck disable=SC2086 # words
			traced "$cnibox" node $line >/dev/null
			[ "$status $executed" = "0 $cnibox" ]
		done
		# It is told to end when it has done all; that takes the shell's own commands alone.
		# shellcheck disable=SC2016 # the inner shell's
		traced bash -c 'exec 9<> <(:); "${@:2}" & until [ -e "$1" ]; do read -rt 0.05 -u 9; done; kill $!; wait $!' ended \
			/etc/cni/net.d/10-cnibox.conflist "$cnibox" node run "${of[@]}"
		executed=$(tail -n 1 <<<"$executed")
		;;
	cnitool)
		mkdir -p /etc/cni/net.d
		echo '{"cniVersion":"1.1.0","name":"list","plugins":['"$(jq -c 'del(.cniVersion, .name)' <<<"$PTP")"',{"type":"firewall"}]}' >/etc/cni/net.d/10-list.conflist
		for command in add check del; do
			traced "$cnibox" cnitool $command list /run/netns/a
			[ "$status" -eq 0 ]
			[ "$(sort -u <<<"$executed")" = "$(printf '%s\n' "$cnibox" "$CNIBOX_BIN/firewall" "$CNIBOX_BIN/ptp" | sort)" ]
		done
		executed=$cnibox
		;;
	*) echo "a tool that nobody traces: $1" && false ;;
	esac
	[ "$status $executed" = "0 $cnibox" ]
}

@test "every tool; cnitool: the plugins of the list" {
	for name in $("$CNIBOX_BIN/cnibox" --list tools); do
		tool "$name"
	done
}
