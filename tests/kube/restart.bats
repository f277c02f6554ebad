#!/usr/bin/env bats
# node run, killed at any system call and started again: it ends as if nothing had been, and what is right is never taken away.
bats_require_minimum_version 1.5.0
load run_helpers

setup() {
	run_begin
	machine
}
teardown() {
	run_end
}

# A server that says the same to everybody, as often as it is asked.
same_for_all() {
	serve <<<"$THREE
def any(c):
    return (watch() if 'watch=1' in c.path else answer(node_list(a)))(c)
steps = [any] * 100000"
}

# traced OPTION...: as stay, under strace.
traced() {
	LOG=$BATS_TEST_TMPDIR/log
	setsid strace -f -qq -o "$BATS_TEST_TMPDIR/trace" "$@" "$CNIBOX" node run --server "$URL" --ca "$C/ca.crt" --token-file "$C/token" --name m 2>"$LOG" 3>&- &
	TRACED=$!
}

whole() {
	has_route 10.42.1.0/24 192.168.122.15 && has_route 10.42.2.0/24 192.168.122.16 && [ -e $CONFLIST ] && [ -s /var/lib/cnibox/nodes.json ] &&
		nft list table inet cnibox_node >/dev/null 2>&1
}
watches() { asked watch=1; }

# Each 29th system call of a start, or all of them with FULL=1.
@test "killed at its system calls and started again: the same end, and no half file is believed" {
	same_for_all
	traced
	until_true whole
	until_true watches
	pkill -P "$TRACED" -TERM
	wait "$TRACED" || true
	calls=$(sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$BATS_TEST_TMPDIR/trace" | grep -v -e '^exit' -e '^execve' -e '^poll$' | awk '{print $1 ":" ++n[$1]}' | awk -v step="${FULL:+1}" 'NR % (step ? step : 29) == 0')
	n=0
	for call in $calls; do
		node down >/dev/null
		rm -rf /run/cnibox
		timeout 20 strace -f -qq -o /dev/null -e "trace=${call%:*}" -e "inject=${call%:*}:signal=KILL:when=${call#*:}" \
			"$CNIBOX" node run --server "$URL" --ca "$C/ca.crt" --token-file "$C/token" --name m >/dev/null 2>&1 3>&- || true
		stay
		until_true whole || { echo "killed at $call"; false; }
		end_run
		n=$((n + 1))
	done
	echo "# $n kill points" >&3
	[ "$n" -gt 5 ]
}

# nft_hears NAME: a table of this name comes and goes, and the monitor has it.
nft_hears() {
	nft "add table inet $1; delete table inet $1"
	grep -q "add table inet $1" "$BATS_TEST_TMPDIR/nft"
}

@test "restarted, and killed and restarted: no route, rule or address that is right goes or comes" {
	same_for_all
	stay
	until_true whole
	until_true watches
	until_true sleeps # all routes are there
	monitored route address rule link
	nft monitor >"$BATS_TEST_TMPDIR/nft" 3>&- &
	SERVERS+=($!)
	until_true nft_hears begin
	until_true sleeps
	for signal in TERM KILL TERM KILL; do
		: >"$REQUESTS"
		kill -"$signal" "$RUN"
		wait "$RUN" || true
		stay
		until_true watches
		until_true sleeps
	done
	all_heard
	until_true nft_hears end
	cat "$BATS_TEST_TMPDIR/monitor"
	grep -v '^#' "$BATS_TEST_TMPDIR/nft" || true
	run ! grep -E '10\.42\.|fd00:' "$BATS_TEST_TMPDIR/monitor"
	run ! grep cnibox_node "$BATS_TEST_TMPDIR/nft"
}

@test "idle: at most one wake-up a minute, and no system call but those of one" {
	local seconds=${FULL:+600} before
	seconds=${seconds:-10}
	same_for_all
	stay
	until_true whole
	until_true watches
	until_true sleeps
	before=$(wakeups)
	sleep "$seconds"
	echo "# $(($(wakeups) - before)) wake-ups in $seconds s" >&3
	[ $(($(wakeups) - before)) -le $(((seconds + 59) / 60)) ]
}
