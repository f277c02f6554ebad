#!/usr/bin/env bats
# Every operation with a fault at each of its system calls (sweep.c says what must hold). FULL=1 (make soak): every point; else each 127th (vanish: 61st).
bats_require_minimum_version 1.5.0

setup_file() {
	export BIN SWEEP
	BIN=$(cd "${CNIBOX_BIN:-$BATS_TEST_DIRNAME/../../build/bin}" && pwd)
	SWEEP=$BATS_FILE_TMPDIR/sweep
	gcc -std=c11 -D_GNU_SOURCE -O2 -o "$SWEEP" "$BATS_TEST_DIRNAME"/*.c
}

# sweep STEP MODE [SUBJECT]...: with FULL=1 each point, else each STEPth; the count goes to the log.
sweep() {
	local step=$1 jobs=2 # each makes a host of its own, for few points
	shift
	[ "${FULL:-}" != 1 ] || step=1 jobs=6
	"$SWEEP" -b "$BIN" -j $jobs -s "$step" "$@" >"$BATS_TEST_TMPDIR/out" || {
		cut -c1-400 "$BATS_TEST_TMPDIR/out" | head -200
		return 1
	}
	sed 's/^/# /' "$BATS_TEST_TMPDIR/out" >&3
	tail -n 1 "$BATS_TEST_TMPDIR/out" | grep -qE '^[1-9][0-9]* operations x [1-9][0-9]* points x 0 defects$'
}

@test "killed anywhere: every operation, before and after its system calls" {
	sweep 127 kill
}

@test "refused anywhere: every operation, each of its system calls and netlink requests, once and for good" {
	sweep 127 refuse
}

@test "the pod's namespace vanishes at any call" {
	sweep 61 vanish
}

@test "every plugin is swept" {
	# dhcp works in its daemon, which has sweeps of its own (dhcp.bats); unnumbered-ptp is veth-host.
	diff <({ "$SWEEP" -l; echo dhcp; echo unnumbered-ptp; } | sort -u) <("$BIN/../cnibox" --list plugins)
}

# A wrapper that leaks at every DEL, one whose ADD lies, and one that hides its errors: each must be seen.
wrap() {
	mkdir -p "$BATS_TEST_TMPDIR/$1"
	cp -P "$BIN"/* "$BATS_TEST_TMPDIR/$1/"
	rm "$BATS_TEST_TMPDIR/$1/host-local"
	printf '#!/bin/sh\n%s\n' "$2" >"$BATS_TEST_TMPDIR/$1/host-local"
	chmod +x "$BATS_TEST_TMPDIR/$1/host-local"
}

@test "the sweep sees what it is there to see" {
	wrap leak "[ \"\$CNI_COMMAND\" != DEL ] || touch /run/leaked; exec $BIN/host-local"
	run -1 "$SWEEP" -b "$BATS_TEST_TMPDIR/leak" -s 40 kill host-local:ADD
	grep -q '+ file /run/leaked' <<<"$output"
	wrap blind "$BIN/host-local || true"
	run -1 "$SWEEP" -b "$BATS_TEST_TMPDIR/blind" -s 40 refuse host-local:ADD
	grep -q 'not complete' <<<"$output"
	wrap mute "$BIN/host-local >/dev/null"
	run -1 "$SWEEP" -b "$BATS_TEST_TMPDIR/mute" -s 40 refuse host-local:ADD
	grep -q 'does not say what failed' <<<"$output"
}
