#!/usr/bin/env bats
# The commands of README.md and README.zh-CN.md, one by one, as somebody runs them who follows the text. Those of one
# node run here on a disposable host, those of three nodes in the lab (tests/lab/readme.bats); what make is told to do is
# what this test is part of, or takes longer: that make knows it and would do something is asked.
bats_require_minimum_version 1.5.0

TOP=$BATS_TEST_DIRNAME/../..

setup() {
	cd "$TOP" || return
	bin=$(realpath "${CNIBOX:-build/cnibox}")
	unset MAKEFLAGS
}

commands() {
	tests/style/readme commands "$1"
}

@test "both READMEs have the same commands in the same order" {
	[ "$(commands README.md | wc -l)" -ge 10 ]
	diff <(commands README.md) <(commands README.zh-CN.md)
	diff <(tests/style/readme inline README.md) <(tests/style/readme inline README.zh-CN.md)
}

@test "each command is one that a test runs" {
	while read -r command; do
		case $command in
		'make '*) ;;                                                       # below, as a dry run
		'./cnibox '*) ;;                                                   # below
		'ip netns '* | 'cnitool '* | 'PATH='* | 'qemu/lab '*) ;;           # tests/lab/readme.bats
		*)
			echo "no test runs: $command"
			false
			;;
		esac
	done < <(commands README.md)
}

@test "the commands for make are known to it" {
	while read -r command; do
		echo "$command"
		eval "${command/#make/make -n}" >"$BATS_TEST_TMPDIR/out" 2>&1
	done < <({ commands README.md && tests/style/readme inline README.md; } | grep '^make' | sort -u)
}

# A node of the cluster file, in a folder with what the README says is there.
node() {
	mkdir "$BATS_TEST_TMPDIR/node"
	tests/style/readme block README.md '"nodes"' >"$BATS_TEST_TMPDIR/node/cluster.json"
	tests/style/readme block README.zh-CN.md '"nodes"' | diff - "$BATS_TEST_TMPDIR/node/cluster.json"
	cp "$bin" "$BATS_TEST_TMPDIR/node/cnibox"
	ip link add wire type veth peer name switch
	ip link set switch up
	ip link set wire up
	ip address add 192.168.122.15/24 dev wire
	cd "$BATS_TEST_TMPDIR/node" || return
}

@test "the commands on a node do what the text says" {
	mapfile -t lines < <(commands README.md | grep '^\./cnibox')
	node
	for line in "${lines[@]}"; do
		echo "$line"
		eval "$line"
	done
	[ -x /opt/cni/bin/bridge ]
	[ -x /opt/cni/bin/cnitool ]
	[ "$(ip route show proto 193 | wc -l)" = 2 ]
	[ -s /etc/cni/net.d/10-cnibox.conflist ]
	[ "$(./cnibox node up -f cluster.json)" = "nothing to change" ]
	./cnibox node show -f cluster.json
	./cnibox node down
	[ -z "$(ip route show proto 193)" ]
}

@test "the configurations are those of plugins that are there" {
	for plugin in bash-cni dhcp; do
		tests/style/readme block README.md "\"$plugin\"" | jq -e .name
		diff <(tests/style/readme block README.md "\"$plugin\"") <(tests/style/readme block README.zh-CN.md "\"$plugin\"")
	done
	ip netns add a
	"$bin" install --quiet /opt/cni/bin
	tests/style/readme block README.md '"bash-cni"' >"$BATS_TEST_TMPDIR/conf"
	CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin \
		/opt/cni/bin/bash-cni <"$BATS_TEST_TMPDIR/conf" | jq -e '.ips[0].address == "10.244.0.2/24"'
}

# The LAN of the example: eth0 is the node's, the router 192.168.10.1 and somebody else are behind it.
office() {
	ip link add eth0 type veth peer name lan0
	ip netns add lan
	ip link set lan0 netns lan
	ip -n lan link set lan0 up
	ip link set eth0 up
	ip address add 192.168.10.20/24 dev eth0
	ip -n lan address add 192.168.10.1/24 dev lan0
}

# left: what pod web has left, in it and on the node
left() {
	ip -n web -o link show | cut -d: -f2
	ip -n web rule
	ip -o link show | cut -d: -f2
	ip route show table all | grep 192.168.10
	ip rule
	nft list ruleset
	find /var/lib/cni -name '192.168.10.*'
}

# lan_command TEXT: the command of the example that begins so, as both READMEs have it
lan_command() {
	local file
	for file in README.md README.zh-CN.md; do
		sed '/^    /d' "$TOP/$file" | grep -o '`[^`]*`' | tr -d '`' | grep -m1 "^$1.* \(lan \)\?\(web\|192.168.10.200\)$"
	done | uniq
}

@test "one node on an office LAN: the list as it stands there, and its commands" {
	mkdir -p /etc/cni/net.d "$BATS_TEST_TMPDIR/lan"
	rm -f /etc/cni/net.d/*
	tests/style/readme block README.md '"lan"' >/etc/cni/net.d/10-lan.conflist
	tests/style/readme block README.zh-CN.md '"lan"' | diff - /etc/cni/net.d/10-lan.conflist
	cp "$bin" "$BATS_TEST_TMPDIR/lan/cnibox"
	(cd "$BATS_TEST_TMPDIR/lan" && ./cnibox install --quiet)
	office
	PATH=/opt/cni/bin:$PATH
	[ "$(lan_command 'ip netns add')" = "ip netns add web" ]
	eval "$(lan_command 'ip netns add')"
	before=$(left)
	eval "$(lan_command 'cnitool add')" | jq -e '.ips[0].address == "192.168.10.200/24"'
	ping=$(lan_command ping)
	eval "${ping/ping/ping -c1 -W10 -q}"
	eval "ip netns exec lan ${ping/ping/ping -c1 -W10 -q}"
	ip netns exec web ping -c1 -W10 -q 192.168.10.20
	ip netns exec web ping -c1 -W10 -q 192.168.10.1
	eval "$(lan_command 'cnitool del')"
	diff <(echo "$before") <(left)
	ip netns del web
	ip netns del lan
}

# A line of usage names an applet, and options that its help has.
@test "the commands of cnibox within the text are there, with their options" {
	while read -r program first rest; do
		echo "$program $first $rest"
		[ "$program" != cnitool ] || { rest="$first $rest" first=cnitool; }
		case $first in
		'' | --* | [A-Z]*) continue ;;
		esac
		"$bin" --list | grep -qx -e "$first"
		"$bin" "$first" --help >"$BATS_TEST_TMPDIR/help"
		while read -r word; do
			grep -q -e "$word" "$BATS_TEST_TMPDIR/help"
		done < <(grep -o -e '--*[a-z][a-z-]*' <<<"$rest")
	done < <(tests/style/readme inline README.md | sed -n 's,^\(\./\)\?\(cnibox\|cnitool\),\2,p')
}
