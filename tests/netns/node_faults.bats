#!/usr/bin/env bats
# cnibox node, killed and refused at every system call.
bats_require_minimum_version 1.5.0
load node_helpers

# points ARG...: each system call of this run of node, as CALL:NTH. The kernel restarts a write to a forwarding sysctl for as
# long as another holds its RTNL lock (restart_syscall()); strace shows each of these as a call.
points() {
	strace -o "$BATS_TEST_TMPDIR/trace" "$CNIBOX" node "$@" >/dev/null 2>&1
	grep -v '^exit\|^execve\|ERESTART' "$BATS_TEST_TMPDIR/trace" | sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' | awk '{print $1 ":" ++n[$1]}'
}

# killed CALL:NTH ARG...: run it and kill it just before that system call.
killed() {
	local call=${1%:*} nth=${1#*:} status=0
	shift
	{ strace -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$nth" "$CNIBOX" node "$@" >/dev/null || status=$?; } 2>/dev/null
	[ "$status" -eq 137 ]
}

# The host before and after an up that nothing disturbs, and that up's system calls.
learn() {
	command -v strace >/dev/null || skip "needs strace"
	iptables -P FORWARD DROP
	before=$(host)
	three
	calls=$(points up -f "$FILE" --name m)
	after=$(host)
	node down
}

# So that an up makes the first one's system calls.
forget() {
	rm -rf /etc/cni/net.d /run/cnibox
}

down_leaves_nothing() {
	node down >/dev/null
	diff <(echo "$before") <(host)
}

@test "killed before each of its system calls: up ends right, down leaves nothing" {
	learn
	n=0
	for call in $calls; do
		forget
		killed "$call" up -f "$FILE" --name m
		down_leaves_nothing
		forget
		killed "$call" up -f "$FILE" --name m
		up >/dev/null
		diff <(echo "$after") <(host)
		node down >/dev/null
		n=$((n + 1))
	done
	echo "# up: $n kill points, each with down and with up after it" >&3
	[ "$n" -gt 80 ]
	up
	calls=$(points down)
	n=0
	for call in $calls; do
		up >/dev/null
		killed "$call" down
		down_leaves_nothing
		n=$((n + 1))
	done
	echo "# down: $n kill points" >&3
	[ "$n" -gt 60 ]
}

@test "refused at each of its system calls: an up that succeeds is complete, one that fails says why, down leaves nothing" {
	learn
	n=0
	for call in $calls; do
		[ "$call" != arch_prctl:1 ] || continue	# libc cannot begin without it
		forget
		run --separate-stderr strace -o /dev/null -e "trace=${call%:*}" -e "inject=${call%:*}:error=EIO:when=${call#*:}" \
			"$CNIBOX" node up -f "$FILE" --name m
		echo "$call: status $status: $stderr"
		case $status in
		0) diff <(echo "$after") <(host) ;;
		1) [ "$call" = write:1 ] || [ -n "$stderr" ] ;;
		*) false ;;
		esac
		down_leaves_nothing
		n=$((n + 1))
	done
	[ "$n" -gt 80 ]
}

@test "killed half way: it has told of each change that it made" {
	command -v strace >/dev/null || skip "needs strace"
	three
	{ strace -o /dev/null -e trace=fsync -e inject=fsync:signal=KILL:when=1 "$CNIBOX" node up -f "$FILE" --name m \
		>"$BATS_TEST_TMPDIR/out" || true; } 2>/dev/null
	cat "$BATS_TEST_TMPDIR/out"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = "sysctl net/ipv4/ip_forward = 1: changed
route 192.168.1.0/24 via 192.168.122.15: added
route 192.168.2.0/24 via 192.168.122.16: added
nftables inet cnibox_node: masquerade ip leaving the cluster: added" ]
}
