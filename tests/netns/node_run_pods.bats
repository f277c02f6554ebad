#!/usr/bin/env bats
# cnibox node run: what others take from pods that are attached comes back.
bats_require_minimum_version 1.5.0
load helpers
load node_helpers
load node_run_helpers

setup() {
	pod a
	pod b
	machine
	three
}

teardown() {
	end_run
	for ns in a b; do ip netns del $ns; done
	for l in br1 eth0; do ip link del $l 2>/dev/null || true; done
	rm -rf /var/lib/cni/* /run/cnibox /etc/cni/net.d
	nft flush ruleset
}

conf='{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"br1","isDefaultGateway":true,"ipMasq":true,
	"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}]]}}'

masqueraded() { nft list set inet cnibox masq4 2>/dev/null | tr -d '\n' | grep -q '10.1.0.2.*10.1.0.3'; }
checked() { call CHECK bridge a /run/netns/a "$(with_prev "$conf" "$result")" eth0; }

@test "nft flush ruleset, a table that is deleted, an element: the masquerade of all pods comes back" {
	begin_run
	joined
	result=$(add bridge a "$conf")
	add bridge b "$conf" >/dev/null
	until_true masqueraded
	nft flush ruleset
	until_true masqueraded
	until_true logged "nftables table inet cnibox: masquerade of pods: was"
	nft delete table inet cnibox
	until_true masqueraded
	nft delete element inet cnibox masq4 '{ 10.1.0.2 }'
	until_true masqueraded
	checked
	is_as_wanted
}

@test "pods that come and go are nothing to repair" {
	begin_run
	joined
	until_true sleeps # what it has done is in the log
	before=$(wc -l <"$LOG")
	for _ in {1..5}; do
		add bridge a "$conf" >/dev/null
		del bridge a "$conf"
	done
	until_true sleeps
	cat "$LOG"
	[ "$(wc -l <"$LOG")" -eq "$before" ]
}

shows() { node show -f "$FILE" --name m | grep -qx "nftables table inet cnibox: masquerade of pods: $1"; }

@test "what an ADD is yet to make is nothing to repair, and what a killed one has left is" {
	mkfifo "$BATS_TEST_TMPDIR/out"
	exec 7<>"$BATS_TEST_TMPDIR/out"
	dd if=/dev/zero bs=4096 oflag=nonblock >&7 2>/dev/null || true # nobody reads: the ADD does all but write its result
	CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/bridge" <<<"$conf" >&7 3>&- &
	until ip -n a route | grep -q default && nft list set inet cnibox masq4 2>/dev/null | grep -q 10.1.0.2; do kill -0 $!; done
	for harm in 'flush set inet cnibox masq4' 'delete table inet cnibox'; do
		nft "$harm"
		shows ok
	done
	kill -9 $!
	wait $! || true
	shows differs
}

@test "what a DEL is taking away is nothing to repair" {
	add bridge a "$conf" >/dev/null
	add bridge b "$conf" >/dev/null
	flock -s /run/cnibox/fw sh -c 'nft delete element inet cnibox masq4 "{ 10.1.0.3 }"
		until grep -q -- "-> FLOCK .*:$(stat -c %i /run/cnibox/fw) " /proc/locks; do :; done
		grep -l 10.1.0.3 /run/cnibox/fw/masq* | xargs rm' 3>&- &
	until [ "$(nft list set inet cnibox masq4 | grep -c 10.1.0.3)" = 0 ]; do kill -0 $!; done
	shows ok
	wait $!
}
