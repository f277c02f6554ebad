#!/usr/bin/env bats
# How much memory node run has with an API server, and that a day of changes does not make it more.
# FULL=1: 5,000 nodes and a change for each of 86,400 seconds; otherwise a sample. Time is what the server makes of it: as fast as it can.
load run_helpers

setup() {
	run_begin
	ip link add eth0 type bridge
	ip link set eth0 addrgenmode none
	ip addr add 10.0.0.1/8 dev eth0
	ip link set eth0 up
}
teardown() { run_end; }

# COUNT nodes, of which m is this machine; `pages` are the answers to a list of them.
nodes_of() {
	cat <<-PYTHON
		def nth(i, where=0, rv=1):
		    return node("n%d" % i, "10.%d.%d.%d" % (i >> 8, i & 255, where + 1), "172.%d.%d.0/24" % (16 + (i >> 8), i & 255), rv=rv)
		a = [node("m", "10.0.0.1", "172.16.0.0/24")] + [nth(i) for i in range(1, $1)]
		pages = [answer(node_list(a[i:i + 500], more="x" if i + 500 < len(a) else "")) for i in range(0, len(a), 500)]
	PYTHON
}

resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$RUN/status"; }
routes() { [ "$(ip route show proto 193 | wc -l)" -eq "$1" ]; }

# limit NODES KIB
limit() {
	serve <<<"$(nodes_of "$1")
steps = pages + [watch()]"
	stay
	until_true routes $(($1 - 1))
	until_true test -e $CONFLIST
	until_true test -s /var/lib/cnibox/nodes.json
	until_true sleeps
	echo "# resident with $1 nodes: $(resident) KiB, at most $2" >&3
	[ "$(resident)" -le "$2" ]
}

@test "3 nodes: at most 1 MB" { limit 3 1024; }
@test "100 nodes: at most 1 MB" { limit 100 1024; }
@test "5,000 nodes: at most 2 MB" { limit 5000 2048; }

# A watch for every ten minutes of the day; now and then one that has expired. The first hour (or tenth) is for getting used to it.
@test "a day, with a change a second: memory stays" {
	local nodes=${FULL:+5000} seconds=${FULL:+86400} first last
	nodes=${nodes:-200} seconds=${seconds:-3000}
	serve <<<"$(nodes_of "$nodes")
rv = 10
def events(count):
    global rv
    for _ in range(count):
        rv += 1
        yield modified(nth(1 + rv * 7 % ($nodes - 1), 1 + rv // ($nodes - 1) % 200, rv))
def stretch(count, *last):
    steps = []
    for i in range(0, count, 600):
        steps.append(lambda c, n=min(600, count - i): watch(*events(n), then='end')(c))
        if i // 600 % 20 == 19:
            steps += [watch(error(410, 'Expired', 'x'))] + pages
    return steps + [lambda c: watch(*last)(c)]
warm = max(600, $seconds // 24)
end = deleted(nth($nodes - 1, rv=9999999))
steps = pages + [watch(error(410, 'Expired', 'x'))] + pages + stretch(warm)[:-1] + [watch(until('warm'), then='end')] + stretch($seconds - warm, end)"
	stay
	until_true test -e $CONFLIST
	until_seconds 3600 asked_watches $(((seconds / 24 > 600 ? seconds / 24 : 600) / 600 + 2))
	until_seconds 600 sleeps
	first=$(resident)
	go_on warm
	until_seconds 7000 routes $((nodes - 2))
	until_seconds 600 sleeps
	last=$(resident)
	echo "# $seconds changes of $nodes nodes: $first KiB, then $last KiB" >&3
	[ "$last" -le $((first + 64)) ]
	[ "$last" -le 2048 ]
}

asked_watches() { [ "$(grep -c 'watch=1' "$REQUESTS")" -ge "$1" ]; }
