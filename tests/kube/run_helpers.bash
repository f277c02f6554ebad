# What the tests of node run with an API server share: the machine before and after, and the program with this server.
load helpers
load ../netns/node_run_helpers

setup_file() { certificates; }

# run_begin: nothing is known, and nothing was ever written.
run_begin() {
	begin
	# shellcheck disable=SC2034 # of helpers.bash
	CLIENT='' LINES_FILE=$BATS_TEST_TMPDIR/log
	rm -rf /var/lib/cnibox/* /run/cnibox /etc/cni/net.d
}

run_end() {
	end_run
	end
	nft flush ruleset
}

# stay [OPTION...]: the node program with this server.
# shellcheck disable=SC2120 # options are the callers'
stay() { begin_run --server "$URL" --ca "$C/ca.crt" --token-file "$C/token" "$@"; }

# monitored KIND...: what ip(8) hears of these from now on is in $BATS_TEST_TMPDIR/monitor; all_heard: it has heard all until now.
monitored() {
	ip monitor "$@" >"$BATS_TEST_TMPDIR/monitor" 3>&- &
	SERVERS+=($!)
	until_true told 198.51.100.1
}
all_heard() { until_true told 198.51.100.2; }

# told ADDRESS: a route to it comes and goes, and the monitor has it.
told() {
	ip route replace blackhole "$1"
	ip route del blackhole "$1"
	grep -qF "$1" "$BATS_TEST_TMPDIR/monitor"
}

# joined: the three nodes are, and what the server said of them is kept.
joined() {
	serve <<<"$THREE
steps = [answer(node_list(a))]"
	stay
	until_true test -s /var/lib/cnibox/nodes.json
	until_true test -e "$CONFLIST"
}
