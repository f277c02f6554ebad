#!/usr/bin/env bats
# Many at once: ADDs, DELs, both for one pod, two networks, another program in the way, a lock whose holder hangs or dies.
bats_require_minimum_version 1.5.0
load ../netns/helpers

CONF='{"cniVersion":"1.0.0","name":"net1","type":"bridge","bridge":"cni0","isDefaultGateway":true,"ipMasq":true,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/16"}]]}}'

setup() {
	out=$BATS_TEST_TMPDIR
}

teardown() {
	[ -z "${noise:-}" ] || kill "$noise" 2>/dev/null || true
	find /run/netns -type f -printf '%f\n' | while read -r ns; do
		del bridge "$ns" "$CONF" >/dev/null 2>&1 || true
		ip netns del "$ns"
	done
	ip -o link show type veth | sed 's/^[0-9]*: //; s/[@:].*//' | while read -r l; do ip link del "$l" 2>/dev/null || true; done
	ip link del cni0 2>/dev/null || true
	rm -rf /var/lib/cni/* /run/cnibox
	nft flush ruleset
}

# is_still SNAPSHOT [BUT]: the host is as it was then, but for lines with BUT.
is_still() {
	local after
	after=$(snapshot | grep -v -e "${2:-nothing at all}")
	diff <(echo "$1") <(echo "$after")
}

# pods N PREFIX; their names are PREFIX1 to PREFIXN.
pods() {
	local i
	for i in $(seq 1 "$1"); do pod "$2$i"; done
}

# all COMMAND N PREFIX: at once; the results in $out/PREFIXi, the exit statuses in $out/PREFIXi.status
all() {
	local i pids=()
	for i in $(seq 1 "$2"); do
		{ "$1" bridge "$3$i" "${4:-$CONF}" >"$out/$3$i" 2>"$out/$3$i.err"; echo $? >"$out/$3$i.status"; } &
		pids+=($!)
	done
	wait "${pids[@]}"
}

# none_failed N PREFIX
none_failed() {
	local i
	for i in $(seq 1 "$1"); do
		[ "$(cat "$out/$2$i.status")" = 0 ] || { cat "$out/$2$i"; return 1; }
	done
}

@test "200 ADDs at once on a fresh node, then 110 DELs at once, then the rest" {
	pods 200 p
	before=$(snapshot)
	all add 200 p
	none_failed 200 p
	[ "$(for i in $(seq 1 200); do jq -r '.ips[0].address' "$out/p$i"; done | sort -u | wc -l)" = 200 ]
	[ "$(ip -o link show type bridge | wc -l)" = 1 ]
	[ "$(cat /sys/class/net/cni0/ifalias)" = cnibox ]
	[ "$(ip -o link show type veth | wc -l)" = 200 ]
	[ "$(ip -o -4 addr show dev cni0 | wc -l)" = 1 ]
	[ "$(nft list set inet cnibox masq4 | grep -o '10\.1\.[0-9.]* comment' | sort -u | wc -l)" = 200 ]
	for i in 1 77 200; do ip netns exec "p$i" ping -c1 -W10 -q 10.1.0.1; done
	all del 110 p
	none_failed 110 p
	[ "$(ip -o link show type veth | wc -l)" = 90 ]
	[ "$(nft list set inet cnibox masq4 | grep -o '10\.1\.[0-9.]* comment' | sort -u | wc -l)" = 90 ]
	all del 200 p
	none_failed 200 p
	is_still "$before" cni0
}

# Each sees the sets change under it. If each of them looked at all records, everybody would wait for everybody on a slow machine;
# one of the crowd, traced, is slow.
@test "of 100 ADDs at once, not each looks at what all others have" {
	traced() {
		CNI_COMMAND=ADD CNI_CONTAINERID=$2 CNI_NETNS=/run/netns/$2 CNI_IFNAME=eth0 CNI_PATH=$CNIBOX_BIN \
			strace -o "$out/$2.trace" -e trace=sendto "$CNIBOX_BIN/$1" <<<"$3"
	}
	pods 100 p
	all traced 100 p
	none_failed 100 p
	[ "$(cat "$out"/*.trace | wc -l)" -gt 1000 ]
	[ "$(cat "$out"/*.trace | wc -l)" -lt 8000 ] # 3,000; 20,000 when each does
}

# The killed may be the one that deletes for all, at any step of it.
@test "DELs at once, each third of them killed; repeated, they leave nothing" {
	pod keep
	add bridge keep "$CONF" >/dev/null
	pods 30 p
	before=$(snapshot)
	for round in 1 2 3 4 5; do
		all add 30 p
		none_failed 30 p
		pids=()
		for i in $(seq 1 30); do
			if [ $((i % 3)) = 0 ]; then
				CNI_COMMAND=DEL CNI_CONTAINERID=p$i CNI_NETNS=/run/netns/p$i CNI_IFNAME=eth0 CNI_PATH=$CNIBOX_BIN timeout -s KILL \
					"0.0$(((i + round) % 9 + 1))" "$CNIBOX_BIN/bridge" <<<"$CONF" >/dev/null 2>&1 &
			else
				del bridge "p$i" "$CONF" >"$out/p$i" 2>&1 &
			fi
			pids+=($!)
		done
		wait "${pids[@]}" || true
		all del 30 p
		none_failed 30 p
		is_still "$before"
	done
}

@test "ADD and DEL of one pod at once, 20 rounds; a DEL at the end leaves nothing" {
	pod a
	pod b
	add bridge b "$CONF" >/dev/null
	before=$(snapshot)
	for _ in $(seq 1 20); do
		{ add bridge a "$CONF" >"$out/add" 2>/dev/null || jq -e '.code > 0' "$out/add" >/dev/null || touch "$out/bad"; } &
		{ del bridge a "$CONF" >"$out/del" 2>/dev/null || jq -e '.code > 0' "$out/del" >/dev/null || touch "$out/bad"; } &
		{ del bridge a "$CONF" >/dev/null 2>&1 || true; } &
		wait
		del bridge a "$CONF"
		is_still "$before"
	done
	[ ! -e "$out/bad" ]
}

@test "two networks on one bridge, each with its leases, at once" {
	conf2=$(jq -c '.name = "net2" | .ipam.ranges[0][0].subnet = "10.2.0.0/16" | .isDefaultGateway = false | .isGateway = false' <<<"$CONF")
	pods 20 p
	pods 20 q
	all add 20 p &
	all add 20 q "$conf2"
	wait
	none_failed 20 p
	none_failed 20 q
	[ "$(ip -o link show type bridge | wc -l)" = 1 ]
	[ "$(ip -o link show master cni0 | wc -l)" = 40 ]
	all del 20 q "$conf2"
	none_failed 20 q
	[ "$(find /var/lib/cni/networks/net2 -name '10.*' | wc -l)" = 0 ]
	[ "$(find /var/lib/cni/networks/net1 -name '10.*' | wc -l)" = 20 ]
	[ "$(ip -o link show master cni0 | wc -l)" = 20 ]
}

@test "ADD and DEL while another program makes, renames and deletes links" {
	( until [ -e "$out/quiet" ]; do
		ip link add noise0 type veth peer name noise1
		ip link set noise1 name noise2
		ip link del noise0
	done ) >/dev/null 2>&1 3>&- &
	noise=$!
	pods 30 p
	for _ in 1 2 3; do
		all add 30 p
		none_failed 30 p
		[ "$(for i in $(seq 1 30); do jq -r '.ips[0].address' "$out/p$i"; done | sort -u | wc -l)" = 30 ]
		all del 30 p
		none_failed 30 p
	done
	touch "$out/quiet" # killed, it would leave a command that goes on
	wait $noise || true
	noise=
	[ "$(ip -o link show type veth | wc -l)" = 0 ]
	[ "$(find /var/lib/cni/networks/net1 -name '10.*' | wc -l)" = 0 ]
}

# Does anybody hold the network's lock?
is_held() { ! flock -n /var/lib/cni/networks/net1/lock true; }

@test "a lock's holder that hangs is named with its pid, as code 11, and nothing is left" {
	pod a
	pod b
	add bridge b "$CONF" >/dev/null
	before=$(snapshot)
	flock /var/lib/cni/networks/net1/lock sleep 1000 3>&- &
	holder=$!
	until is_held; do sleep 0.01; done
	run --separate-stderr add bridge a "$CONF"
	pkill -P $holder
	wait $holder || true
	[ "$status" -ne 0 ]
	[ "$(jq -r .code <<<"$output")" = 11 ]
	jq -r .msg <<<"$output" | grep -qF "process $holder holds it"
	is_still "$before"
	add bridge a "$CONF" >/dev/null
}

# An ADD that only its own time limit ended would fail, with code 11.
@test "a lock dies with its holder" {
	pod a
	pod b
	add bridge b "$CONF" >/dev/null
	flock /var/lib/cni/networks/net1/lock sleep 1000 3>&- &
	holder=$!
	until is_held; do sleep 0.01; done
	( add bridge a "$CONF" >"$out/a"; echo $? >"$out/a.status" ) &
	waiter=$!
	until grep -q -- "-> FLOCK .*:$(stat -c %i /var/lib/cni/networks/net1/lock) " /proc/locks; do sleep 0.01; done
	[ ! -e "$out/a.status" ]
	pkill -KILL -P $holder
	kill -KILL $holder 2>/dev/null || true
	wait $waiter
	[ "$(cat "$out/a.status")" = 0 ]
}
