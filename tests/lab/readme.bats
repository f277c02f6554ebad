#!/usr/bin/env bats
# The commands of README.md for three nodes, in the lab, whose nodes are those of the text; and those for the lab itself.
# README.zh-CN.md has the same (tests/netns/readme.bats).
bats_require_minimum_version 1.5.0

TOP=$BATS_TEST_DIRNAME/../..

setup_file() {
	cd "$TOP" || return
	qemu/lab up
	qemu/lab update
}

setup() {
	cd "$TOP" || return
}

# there NODE LINE
there() {
	qemu/lab exec "$1" -- sh -c "$2" </dev/null
}

@test "three nodes: what is run on master and on node1 ends with an answered ping and no trace" {
	for node in master node1 node2; do
		there $node 'cp /usr/bin/cnibox /tmp/cnibox; rm -rf /var/lib/cni/networks/cnibox' # as new
		tests/style/readme block README.md '"nodes"' | qemu/lab exec $node -- sh -c 'cat >/tmp/cluster.json'
		there $node 'cd /tmp && ./cnibox install --quiet && ./cnibox node up -f cluster.json'
	done
	mapfile -t lines < <(tests/style/readme commands README.md | grep -E '^(PATH=|cnitool |ip netns )')
	[ ${#lines[@]} -ge 3 ]
	path=
	for line in "${lines[@]}"; do
		case $line in
		PATH=*) path="export $line;" ;;
		*ping*)
			run there master "$path ${line/ping/ping -c 3 -W 20}"
			echo "$output"
			grep -q ' 0% packet loss' <<<"$output"
			;;
		*)
			for node in master node1; do
				run there $node "$path cd /; $line"
				echo "$output"
				[ "$status" -eq 0 ]
			done
			;;
		esac
	done
	[ -z "$(there node1 'ip netns list; ls /var/lib/cni/networks/cnibox | grep ^192')" ]
	# What the text says of a second time: the next address, which is the one to ping.
	for node in master node1; do
		there $node "$path ip netns add web && cnitool add cnibox web"
	done | tee "$BATS_TEST_TMPDIR/results"
	grep -q '192.168.1.3/24' "$BATS_TEST_TMPDIR/results"
	there master 'ip netns exec web ping -c 3 -W 20 192.168.1.3' | grep ' 0% packet loss'
	for node in master node1; do
		there $node "$path cnitool del cnibox web && ip netns del web"
	done
}

@test "a login shell at the console finds the node's ip, not BusyBox's" {
	run ! there node1 'busybox sh -c "ip netns add console"'
	there node1 'busybox sh -lc "ip netns add console"; ip netns del console'
}

# left COMMAND: it says by which key a person leaves it, and is left.
left() {
	script -qfec "exec timeout -s INT 600 $1" "$BATS_TEST_TMPDIR/said" </dev/null >/dev/null 3>&- &
	until grep -qsF 'Ctrl-]' "$BATS_TEST_TMPDIR/said"; do
		kill -0 $!
		sleep 0.1
	done
	kill $!
	wait $! || true
}

@test "the lab's own commands" {
	while read -r command; do
		echo "$command"
		case $command in
		*shell*) left "$command" ;;
		*down) LAB_RUN=$BATS_TEST_TMPDIR/none $command ;;                                        # the other tests need the lab
		*demo) ;;                                                                                # cluster.bats runs it, twice
		*) $command </dev/null ;;
		esac
	done < <(tests/style/readme commands README.md | grep '^qemu/lab')
}
