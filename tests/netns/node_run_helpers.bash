# What the tests of the node program that stays share. Behind node_helpers.
# shellcheck shell=bash disable=SC2034,SC2154

# begin_run [OPTION...]: `node run` in the background, its log in $LOG.
begin_run() {
	LOG=$BATS_TEST_TMPDIR/log
	[ $# -gt 0 ] || set -- -f "$FILE"
	"$CNIBOX" node run "$@" --name m >"$BATS_TEST_TMPDIR/out" 2>"$LOG" 3>&- &
	RUN=$!
}

end_run() {
	[ -z "${RUN:-}" ] || kill "$RUN" 2>/dev/null || true
	[ -z "${RUN:-}" ] || wait "$RUN" || true
	RUN=
}

# until_true COMMAND...: for at most two minutes.
until_true() {
	local end=$((SECONDS + 120))
	while [ $SECONDS -lt $end ]; do
		"$@" && return
		sleep 0.02
	done
	echo "never true: $*"
	cat "$LOG"
	return 1
}

# until_seconds SECONDS COMMAND...
until_seconds() {
	local end=$((SECONDS + $1))
	shift
	while [ $SECONDS -lt $end ]; do
		"$@" && return
		sleep 0.2
	done
	echo "never true: $*"
	tail -5 "$LOG"
	return 1
}

# logged TEXT [TIMES]: so many lines of the log have it (default: at least one).
logged() {
	local n
	n=$(grep -cF -- "$1" "$LOG") || true
	if [ $# -gt 1 ]; then [ "$n" -eq "$2" ]; else [ "$n" -gt 0 ]; fi
}

has_route() { ip route show proto 193 | grep -qF "$1 via $2"; }
has_no_route() { ! ip route show proto 193 | grep -qF "$1"; }
is_as_wanted() { node show -f "$FILE" --name m >/dev/null 2>&1; }

joined() { until_true is_as_wanted; }

# wakeups: how often the program has gone to sleep by itself until now.
wakeups() { sed -n 's/^voluntary_ctxt_switches:\t//p' "/proc/$RUN/status"; }

# It sleeps: half a second goes by in which it does not wake. One that is awake and waits for a processor does not sleep.
sleeps() {
	local before
	before=$(wakeups)
	sleep 0.5
	[ "$(wakeups)" -eq "$before" ] && grep -q '^State:.S' "/proc/$RUN/status"
}
