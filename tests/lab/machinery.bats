#!/usr/bin/env bats
# The lab itself: its channel, its wires, and that it reports what went wrong.
# Starts the lab if it is down; a test that breaks a machine mends it.

bats_require_minimum_version 1.5.0

# shellcheck disable=SC2016 # much here is expanded in a machine
# shellcheck disable=SC2094 # read twice, never written

setup_file() {
	export LAB=$BATS_TEST_DIRNAME/../../qemu/lab
	"$LAB" up
}

lab() {
	"$LAB" "$@"
}

# on NODE COMMAND...: without this test's standard input
on() {
	"$LAB" exec "$1" -- "${@:2}" </dev/null
}

@test "exec gives the exit status" {
	run on node1 sh -c 'exit 7'
	[ "$status" -eq 7 ]
	run on node1 sh -c 'kill -9 $$'
	[ "$status" -eq 137 ]
	run -127 on node1 no-such-command
	[ "$status" -eq 127 ]
}

@test "exec keeps stdout and stderr apart" {
	[ "$(on node1 sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
	[ "$(on node1 sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" = err ]
}

@test "exec does not split arguments" {
	[ "$(on node1 printf '[%s]' 'a b' '' '$x' '*' "q'\"")" = "[a b][][\$x][*][q'\"]" ]
}

@test "exec passes binary data both ways" {
	head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
	lab exec node1 -- cat <"$BATS_TEST_TMPDIR/data" | cmp - "$BATS_TEST_TMPDIR/data"
}

@test "exec ends with its command, also when the command reads no input and leaves a child" {
	yes | timeout 200 "$LAB" exec node1 -- true
	timeout 200 "$LAB" exec node1 -- sh -c 'sleep 1000 & echo started' </dev/null
	on node1 timeout 100 sh -c 'until killall sleep; do :; done' # a child that has not become it yet is still called sh
}

@test "a call that is killed takes its command along" {
	run timeout 2 "$LAB" exec node1 -- sleep 4242 </dev/null
	[ "$status" -eq 124 ]
	for _ in $(seq 500); do
		on node1 pgrep -f 'sleep 4242' || return 0
		sleep 0.1
	done
	false
}

@test "more execs at once than there are channels" {
	local i
	for i in $(seq 12); do
		on node1 sh -c "sleep 0.2; echo $i" >"$BATS_TEST_TMPDIR/out.$i" &
	done
	wait
	for i in $(seq 12); do
		[ "$(cat "$BATS_TEST_TMPDIR/out.$i")" = "$i" ]
	done
}

@test "put copies a file with its mode" {
	printf '#!/bin/sh\necho put\n' >"$BATS_TEST_TMPDIR/script"
	chmod 750 "$BATS_TEST_TMPDIR/script"
	lab put node2 "$BATS_TEST_TMPDIR/script" /tmp/script
	[ "$(on node2 /tmp/script)" = put ]
	[ "$(on node2 stat -c %a /tmp/script)" = 750 ]
}

@test "every node reaches every node, world and 8.8.8.8" {
	local node address
	for node in master node1 node2; do
		for address in 192.168.122.1 192.168.122.14 192.168.122.15 192.168.122.16 8.8.8.8; do
			on "$node" ping -c 1 -W 20 "$address"
		done
	done
}

@test "the internet tells the address that it saw" {
	[ "$(on master timeout 60 wget -qO- http://8.8.8.8/)" = 192.168.122.14 ]
	[ "$(on node2 timeout 60 wget -qO- http://8.8.8.8/)" = 192.168.122.16 ]
}

@test "the internet does not know the pods" {
	on world ip route get 192.168.122.15
	run on world ip route get 192.168.1.2
	[ "$status" -ne 0 ]
}

@test "the kernel loads modules by itself" {
	on node2 ip link add probe0 type veth peer name probe1
	on node2 ip link add probe2 type bridge
	on node2 ip link add probe3 type vxlan id 7 dstport 4789
	on node2 ip link add probe4 type wireguard
	on node2 nft add table ip probe
	on node2 nft 'add chain ip probe nat { type nat hook postrouting priority 100; }'
	on node2 nft add rule ip probe nat ct state new masquerade
	on node2 tc qdisc add dev probe0 root tbf rate 1mbit burst 10k latency 50ms
	on node2 sh -c 'ip link del probe0; ip link del probe2; ip link del probe3; ip link del probe4; nft delete table ip probe'
}

@test "iptables sets a policy, as Docker would" {
	on node2 iptables -P FORWARD DROP
	on node2 iptables -S FORWARD | grep -qx -- '-P FORWARD DROP'
	on node2 iptables -A FORWARD -m comment --comment probe -m conntrack --ctstate ESTABLISHED -j ACCEPT
	on node2 iptables -D FORWARD -m comment --comment probe -m conntrack --ctstate ESTABLISHED -j ACCEPT
	on node2 iptables -P FORWARD ACCEPT
}

@test "up twice is up" {
	run lab up
	[ "$status" -eq 0 ]
	[[ $output == *"is up"* ]]
}

@test "a panic is a failure, with the console" {
	on node1 true
	run on node1 sh -c 'echo c >/proc/sysrq-trigger'
	lab start node1
	[ "$status" -eq 255 ]
	[[ $output == *"node1 has ended"* ]]
	[[ $output == *"sysrq triggered crash"* ]]
}

@test "a cable that is pulled is no carrier, and nothing comes through until it is put back" {
	on node2 ping -c 1 -W 20 192.168.122.15
	lab unplug node2
	[[ $(on node2 ip -o link show eth0) == *NO-CARRIER* ]]
	run ! on node2 ping -c 1 -W 1 192.168.122.15
	lab plug node2
	[[ $(on node2 ip -o link show eth0) == *,LOWER_UP* ]]
	on node2 sh -c 'for i in 1 2 3 4 5; do ping -c 1 -W 20 192.168.122.15 && exit; done; exit 1'
	run -255 lab unplug world
	grep -q 'world has no cable of its own' <<<"$output"
}

@test "a power cut is a failure, and power comes back" {
	lab kill node2
	run on node2 true
	lab start node2
	[ "$status" -eq 255 ]
	[ "$output" = "lab: node2 is not up: qemu/lab start node2" ]
	on node2 ping -c 1 -W 20 192.168.122.15
}

@test "silence is a failure" {
	local pid
	pid=$(lab status | awk '$1 == "node2" { print $2 }')
	kill -STOP "$pid"
	LAB_SILENCE=2 run on node2 true
	kill -CONT "$pid"
	[ "$status" -eq 255 ]
	[[ $output == *"says nothing"* ]]
	[ "$(on node2 echo back)" = back ]
}

@test "a topology that there is not, and another one than the lab that is up has: an error that says what there is" {
	run env LAB_TOPOLOGY=ring "$LAB" up
	[ "$status" -eq 255 ]
	[ "$output" = "lab: no topology 'ring'; there are: $("$LAB" topologies | tr '\n' ' ')" ]
	run make -C "${LAB%/qemu/lab}" lab TOPOLOGY=ring
	[ "$status" -eq 2 ]
	[[ $output == *"TOPOLOGY=ring is unknown; there are: "*flat* ]]
	LAB_TOPOLOGY=flat "$LAB" up
	for other in $("$LAB" topologies | grep -vx flat); do
		run env LAB_TOPOLOGY="$other" "$LAB" up
		[ "$status" -eq 255 ]
		[[ $output == *"the lab is up, and its topology is flat: qemu/lab down" ]]
	done
}

# refused_at_once ARG...: make says why the lab that is up is in the way, before it compiles what it would
refused_at_once() {
	run env -u MAKEFLAGS -u MAKELEVEL make -C "${LAB%/qemu/lab}" -W src/main.c lab "$@"
	echo "$output"
	[ "$status" -eq 2 ]
	grep -q '^lab: the lab is up.*: qemu/lab down$' <<<"$output"
	! grep -E '^  [A-Z]+ |^unpack' <<<"$output" || return
}

@test "make lab with another architecture or kernel than the lab that is up: refused before anything is built" {
	here=${LAB_ARCH:-$(dpkg --print-architecture)}
	refused_at_once ARCH="$("$LAB" architectures | grep -vxm 1 "$here")"
	kernel=$(LAB_ARCH=$here "$LAB" kernels | grep -vxm 1 "${LAB_KERNEL:-$(LAB_ARCH=$here "$LAB" kernels | head -n 1)}") || skip "one kernel of $here; the architecture was refused"
	refused_at_once ARCH="$here" KERNEL="$kernel"
}

@test "a command that there is not, and a machine that is not up: an error that says what there is to do" {
	run -2 lab nonsense
	[[ $output == "lab: no command 'nonsense'; there are: up "*" down " ]]
	for command in 'exec node1 -- true' 'shell node1' 'log node1' 'unplug node1'; do
		# shellcheck disable=SC2086 # its words
		run -255 env LAB_RUN="$BATS_TEST_TMPDIR/none" "$LAB" $command
		[ "$output" = "lab: node1 is not up: qemu/lab up" ]
	done
}

@test "down and up leave alone a folder in which no lab has run" {
	mkdir "$BATS_TEST_TMPDIR/home"
	touch "$BATS_TEST_TMPDIR/home/letter"
	for command in down up; do
		run -255 env LAB_RUN="$BATS_TEST_TMPDIR/home" "$LAB" $command
		[ "$output" = "lab: LAB_RUN=$BATS_TEST_TMPDIR/home has other files, and no lab has run there" ]
	done
	[ "$(ls -A "$BATS_TEST_TMPDIR/home")" = letter ]
}

@test "a lab is the same by every path to its folder" {
	ln -s "$(realpath "${LAB_RUN:-$BATS_TEST_DIRNAME/../../build/lab/run}")" "$BATS_TEST_TMPDIR/link"
	cd "$BATS_TEST_TMPDIR"
	env LAB_RUN=link "$LAB" exec node1 -- true </dev/null
	env LAB_RUN=link "$LAB" status | grep -q '^node1 .* yes$'
}

@test "status tells who answers" {
	LAB_SILENCE=60 run lab status
	[ "$(grep -c ' yes$' <<<"$output")" -eq 4 ]
}
