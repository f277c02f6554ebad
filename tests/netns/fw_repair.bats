#!/usr/bin/env bats
# What others change or take away in our nftables: CHECK notices each kind, and the next ADD of anybody, or node up, puts it back for every pod.
bats_require_minimum_version 1.5.0
load helpers
load node_helpers

setup() {
	pod a
	pod b
	pod c
	machine
}

teardown() {
	clean
	rm -rf /etc/cni/net.d
}

# Two pods of one network and what CHECK of the first needs, in $one, $ra.
two_pods() {
	one=$(masq_net net1 br1 10.1.0.0/24,fd00:1::/64)
	other=$(masq_net net2 br2 10.2.0.0/24)
	ra=$(add bridge a "$one")
	add bridge b "$one" >/dev/null
}

# Everything in the table, whatever the kernel's order; handles tell a table from one that was made anew.
whole() { nft -s list table inet cnibox | tr ',' '\n' | sed 's/^[[:space:]]*//; s/elements = { //; s/ }$//' | sort; }

checks() { call CHECK bridge "$1" "/run/netns/$1" "$(with_prev "$2" "$3")" eth0; }

# handle TEXT: of the rule of ours that contains it.
handle() { nft -a list chain inet cnibox postrouting | sed -n "s/.*$1.* handle \([0-9]*\)$/\1/p"; }

# replaced TEXT RULE: this rule of ours is another one now.
replaced() { nft replace rule inet cnibox postrouting handle "$(handle "$1")" "$2"; }

# made_anew SED: the table is as an administrator has edited and loaded it.
made_anew() {
	nft list table inet cnibox >"$BATS_TEST_TMPDIR/t"
	sed -i "$1" "$BATS_TEST_TMPDIR/t"
	nft delete table inet cnibox
	nft -f "$BATS_TEST_TMPDIR/t"
}

# noticed TEXT COMMAND...: CHECK of one pod says TEXT; an ADD that has nothing to do with it puts it back, and so does node up.
noticed() {
	local text=$1 before
	shift
	before=$(whole)
	checks a "$one" "$ra"
	"$@"
	fails 105 "$text" checks a "$one" "$ra"
	add bridge c "$other" >/dev/null
	checks a "$one" "$ra"
	del bridge c "$other"
	diff <(echo "$before") <(whole)
	"$@"
	fails 105 "$text" checks a "$one" "$ra"
	up
	checks a "$one" "$ra"
	diff <(echo "$before") <(whole)
}

@test "rules that were changed, replaced, added or reordered" {
	two_pods
	three
	noticed "has other rules in the chain postrouting" replaced ip.saddr.@masq4 'ip saddr @masq4 ip saddr . ip daddr != @home4 masquerade fully-random'
	noticed "has other rules" replaced ip.saddr.@masq4 'ip saddr @masq4 ip saddr . ip daddr @home4 ip daddr != 224.0.0.0/4 masquerade fully-random'
	noticed "has other rules" replaced ip.saddr.@masq4 'ip saddr @masq4 ip saddr . ip daddr != @home4 ip daddr != 224.0.0.0/4 masquerade'
	noticed "has other rules" replaced ip6.saddr.@masq6 'accept comment "leaves its network"'
	noticed "has other rules" nft insert rule inet cnibox postrouting ip daddr 192.0.2.0/24 accept
	noticed "has other rules" nft add rule inet cnibox postrouting accept
	noticed "has other rules" nft "add rule inet cnibox postrouting position $(handle ip6.saddr.@masq6) ip saddr @masq4 ip saddr . ip daddr != @home4 ip daddr != 224.0.0.0/4 masquerade fully-random
		delete rule inet cnibox postrouting handle $(handle ip.saddr.@masq4)"
}

@test "a ruleset that was saved and loaded is the same" {
	two_pods
	nft list ruleset >"$BATS_TEST_TMPDIR/t"
	nft flush ruleset
	nft -f "$BATS_TEST_TMPDIR/t"
	checks a "$one" "$ra"
	add bridge c "$other" >/dev/null
	checks a "$one" "$ra"
}

@test "chains of another type, hook, priority or policy, sets of another kind" {
	two_pods
	three
	noticed "has another chain postrouting" nft 'add chain inet cnibox postrouting { policy drop; }'
	noticed "has another chain postrouting" made_anew 's/type nat hook/type filter hook/; s/masquerade.*/counter/'
	noticed "has another chain postrouting" made_anew 's/hook postrouting priority [^;]*/hook input priority 99/; s/masquerade.*/counter/'
	noticed "has another chain postrouting" made_anew 's/priority [^;]*/priority srcnat/'
	noticed "has another set masq4" made_anew '/set masq4/,/}/s/type ipv4_addr/&; flags timeout/'
	noticed "has another set masq6" made_anew '/set masq6/,/}/s/type ipv6_addr/&; size 3/'
	noticed "has another set home4" made_anew '/set home4/,/^	}/{s/flags interval/flags interval, timeout/}'
	noticed "is dormant" nft 'add table inet cnibox { flags dormant; }'
}

@test "elements: sets that were flushed, single elements that were deleted, of every pod" {
	two_pods
	three
	local s
	for s in masq4 home4 masq6 home6; do
		noticed "lacks the element $s" nft flush set inet cnibox "$s"
	done
	noticed "lacks the element masq4 10.1.0.2" nft delete element inet cnibox masq4 '{ 10.1.0.2 }'
	noticed "lacks the element home6" nft delete element inet cnibox home6 '{ fd00:1::2 . fd00:1::/64 }'
	noticed "lacks the element masq4" nft 'flush set inet cnibox masq4; flush set inet cnibox home4; flush set inet cnibox masq6; flush set inet cnibox home6'
}

@test "all of it: a flushed ruleset, a deleted, flushed or emptied table" {
	two_pods
	three
	noticed "is not there" nft flush ruleset
	noticed "is not there" nft delete table inet cnibox
	noticed "lacks rules in the chain postrouting" nft flush table inet cnibox
	noticed "lacks rules" nft flush chain inet cnibox postrouting
	noticed "lacks the chain postrouting" nft 'flush chain inet cnibox postrouting; delete chain inet cnibox postrouting'
	noticed "lacks the set home6" nft 'flush chain inet cnibox postrouting; delete set inet cnibox home6'
	noticed "is not there" nft 'delete table inet cnibox; add table inet other'
}

@test "what one pod lacks is put back also when others have changed nftables before and after, and by the ADD of the same address" {
	two_pods
	nft add table inet others
	nft delete element inet cnibox masq4 '{ 10.1.0.3 }'
	nft add chain inet others x
	add bridge c "$other" >/dev/null
	nft get element inet cnibox masq4 '{ 10.1.0.3 }'
	nft delete element inet cnibox masq4 '{ 10.1.0.3 }'
	del bridge c "$other"
	nft add chain inet others y
	add bridge c "$other" >/dev/null
	nft get element inet cnibox masq4 '{ 10.1.0.3 }'
	del bridge c "$other"
	[ "$(nft list set inet cnibox masq4 | grep -o comment | wc -l)" = 2 ]
}

@test "a seal that is lost, spoilt or false costs nobody a masquerade" {
	two_pods
	local seal=/run/cnibox/fw/.seals elsewhere=$BATS_TEST_TMPDIR/elsewhere before
	echo untouched >"$elsewhere"
	before=$(whole)
	for spoil in 'rm $1' ': >$1' 'echo nonsense >$1' 'sed -i "s/generation [0-9]* elements [0-9]*/generation 4294967295 elements 0000000001/" $1' 'ln -sf $2 $1'; do
		bash -c "$spoil" spoil "$seal" "$elsewhere"
		nft flush set inet cnibox masq4
		add bridge c "$other" >/dev/null
		checks a "$one" "$ra"
		del bridge c "$other"
		diff <(echo "$before") <(whole)
	done
	[ "$(cat "$elsewhere")" = untouched ]
}

# trace POD PORT RESULT: under strace, portmap behind RESULT; what it has read of nf_tables is in $BATS_TEST_TMPDIR/trace
trace() {
	local ports='{"cniVersion":"1.0.0","name":"net1","type":"portmap","runtimeConfig":{"portMappings":[{"hostPort":PORT,"containerPort":80,"protocol":"tcp"}]}}'
	CNI_COMMAND=ADD CNI_CONTAINERID=$1 CNI_NETNS=/run/netns/$1 CNI_IFNAME=eth0 strace -qq -e trace=sendto -o "$BATS_TEST_TMPDIR/trace" \
		"$CNIBOX_BIN/portmap" <<<"$(with_prev "${ports/PORT/$2}" "$3")" >/dev/null
}

traced() { trace "$1" "$2" "$(add bridge "$1" "$one")"; }

looked() { grep -qE 'NFT_MSG_GETRULE|NFT_MSG_GETSETELEM, [^]]*NLM_F_DUMP' "$BATS_TEST_TMPDIR/trace"; }

@test "in a chain no plugin looks through its table for what the others have changed, but for what somebody else has" {
	command -v strace >/dev/null || skip "needs strace"
	one=$(masq_net net1 br1 10.1.0.0/24)
	pod d
	traced a 8080
	traced b 8081
	run ! looked
	nft delete element inet cnibox_ports any4 '{ tcp . 8080 }'
	traced c 8082
	grep -q NFT_MSG_GETRULE "$BATS_TEST_TMPDIR/trace"
	nft get element inet cnibox_ports any4 '{ tcp . 8080 }'
	traced d 8083
	run ! looked
}

# between SEALS THEN: as if another had ended its transaction: the seals are of another generation, and their guard is held until THEN has run
between() {
	local was
	was=$(<"$1")
	sed 's/generation [0-9]*/generation 0000000001/' <<<"$was" >"$1"
	rm -f "$BATS_TEST_TMPDIR/held"
	flock -F /run/cnibox/seals.lock bash -c "touch $BATS_TEST_TMPDIR/held; $2" between "$1" "$was" 3>&- &
	until [ -e "$BATS_TEST_TMPDIR/held" ]; do sleep 0.01; done
}

@test "a seal that another is about to write is waited for; one that stands still is not" {
	command -v strace >/dev/null || skip "needs strace"
	local seals=/run/cnibox/fw/.seals result
	one=$(masq_net net1 br1 10.1.0.0/24)
	pod d
	traced a 8080
	result=$(add bridge b "$one")
	between $seals 'until grep -q -- "-> FLOCK .*:$(stat -c %i /run/cnibox/seals.lock) " /proc/locks; do :; done; echo "$2" >"$1"'
	trace b 8081 "$result"
	run ! looked
	result=$(add bridge c "$one")
	between $seals 'exec sleep 60'
	trace c 8082 "$result"
	looked
	kill %%
	nft get element inet cnibox_ports any4 '{ tcp . 8082 }'
	result=$(add bridge d "$one")
	trace d 8083 "$result"
	run ! looked
}

@test "node show tells what is missing of the pods', up puts it back, down leaves it" {
	two_pods
	three
	up
	[ "$(up)" = "nothing to change" ]
	node show -f "$FILE" --name m | grep -qx 'nftables table inet cnibox: masquerade of pods: ok'
	nft flush set inet cnibox masq4
	run node show -f "$FILE" --name m
	[ "$status" = 3 ]
	grep -qx 'nftables table inet cnibox: masquerade of pods: differs' <<<"$output"
	[ "$(up)" = 'nftables table inet cnibox: masquerade of pods: changed' ]
	checks a "$one" "$ra"
	node down
	checks a "$one" "$ra"
	del bridge a "$one"
	del bridge b "$one"
	run ! grep cnibox: <<<"$(node show -f "$FILE" --name m)"
}
