#!/usr/bin/env bats
# The dhcp daemon, killed at each of its system calls, and with each of them refused: whatever the plugin was told, after DEL with the
# next daemon nothing is left, and no daemon ends or hangs because of a refusal. FULL=1: every point; else each third, which takes half a minute.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load ../netns/dhcp_helpers

CALLS=(socket bind setns openat fstat ioctl setsockopt getsockopt sendto recvmsg recvfrom renameat unlinkat write accept4 poll close)
STEP=3
[ "${FULL:-}" != 1 ] || STEP=1

setup() {
	lan
	plug a
	serve "$RANGE"
}

teardown() {
	clean_up
}

# A daemon under strace, ready, whose system calls are counted or disturbed from now on.
traced() {
	daemon
	strace -qq -p "$DAEMON" -o "$BATS_TEST_TMPDIR/trace" "$@" 2>/dev/null 3>&- &
	TRACER=$!
	wait_for is_traced
}

# Or was already: what the daemon does by itself in the meantime may be what it ends of.
is_traced() {
	grep -q "^TracerPid:[[:space:]]*$TRACER$" "/proc/$DAEMON/status" || fails_to kill -0 "$TRACER" 2>/dev/null
}

alive() {
	kill -0 "$DAEMON" 2>/dev/null && [ "$(awk '{print $3}' "/proc/$DAEMON/stat")" != Z ]
}

end_traced() {
	kill "$DAEMON" 2>/dev/null || true
	wait "$DAEMON" 2>/dev/null || true
	wait "$TRACER" 2>/dev/null || true
}

# attempt: ADD and DEL, each of which may fail; an ADD that succeeded is a lease that is there.
attempt() {
	local r
	if r=$(timeout 20 env -C / CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/dhcp" <<<"$CONF" 2>/dev/null); then
		[ -e "$(lease_file a)" ] || { echo "an ADD succeeded without a lease"; return 1; }
		jq -e '.ips[0].address' <<<"$r" >/dev/null
	fi
	timeout 20 env -C / CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/dhcp" <<<"$CONF" >/dev/null 2>&1 || true
}

# What has been disturbed ends; with the next daemon DEL leaves nothing.
settle() {
	end_traced
	daemon
	del dhcp a "$CONF" 2>/dev/null
	[ -z "$(ls -A "$STATE")" ] || { ls -lA "$STATE"; return 1; }
	wait_for no_packet_socket a
	[ ! -e "/proc/$DAEMON/fd/20" ] || { ls -l "/proc/$DAEMON/fd"; return 1; }
	stop_daemon
}

# How often each system call happens during one ADD and DEL: "name count".
counts() {
	traced -e "trace=$(IFS=,; echo "${CALLS[*]}")"
	attempt
	end_traced
	sed 's/(.*//' "$BATS_TEST_TMPDIR/trace" | sort | uniq -c | awk '{print $2, $1}'
}

@test "killed at each system call" {
	points=0
	while read -r call n; do
		for ((i = 1; i <= n; i += STEP)); do
			traced -e "inject=$call:signal=SIGKILL:when=$i"
			attempt || { echo "at $call $i"; return 1; }
			settle || { echo "after $call $i"; return 1; }
			points=$((points + 1))
		done
	done < <(counts)
	echo "# $points points" >&3
	[ "$points" -gt 20 ]
}

@test "each system call refused" {
	points=0
	while read -r call n; do
		[ "$call" != poll ] || continue # a refused poll is a kernel out of memory: the daemon says so and ends
		for ((i = 1; i <= n; i += STEP)); do
			traced -e "inject=$call:error=ENOMEM:when=$i"
			attempt || { echo "at $call $i"; return 1; }
			[ "$call" = setns ] || alive || { echo "the daemon ended at $call $i"; return 1; }
			settle || { echo "after $call $i"; return 1; }
			points=$((points + 1))
		done
	done < <(counts)
	echo "# $points points" >&3
	[ "$points" -gt 20 ]
}
