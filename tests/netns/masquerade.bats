#!/usr/bin/env bats
# ipMasq: whose is what, what comes back, and what goes, in table inet cnibox and in /run/cnibox/fw.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	pod a
	pod b
}

teardown() {
	clean
}

# elements SET: its elements, one a line, with the owners' containers.
elements() {
	nft -j list set inet cnibox "$1" | jq -r '.nftables[] | .set? | .elem? // [] | .[] | .elem | [(.val | tojson), (.comment | split("/")[1])] | join(" ")' | sort
}

# Everything, whatever the kernel's order.
whole() {
	nft list chain inet cnibox postrouting
	for s in masq4 home4 masq6 home6; do elements $s; done
}

owners() { elements "$1" | awk '{print $NF}' | sort | xargs; }

records() { find /run/cnibox/fw -type f ! -name .seals 2>/dev/null | wc -l; }

# checks POD CONFIG RESULT [IFNAME]: CHECK succeeds.
checks() { call CHECK bridge "$1" "/run/netns/$1" "$(with_prev "$2" "$3")" "${4:-eth0}"; }

@test "networks may overlap, contain each other and be the same" {
	pod c
	pod d
	wide=$(masq_net wide br1 10.88.0.0/16,fd00::/32 '.ipam.ranges[0][0].rangeEnd = "10.88.0.50"')
	narrow=$(masq_net narrow br2 10.88.7.0/24,fd00:0:7::/64)
	inner=$(masq_net inner br3 10.88.7.128/25 '.ipam.ranges[0][0].rangeStart = "10.88.7.200"')
	same=$(masq_net same br4 10.88.7.0/24 '.ipam.ranges[0][0].rangeStart = "10.88.7.50"')
	add bridge a "$wide" >/dev/null
	add bridge b "$narrow" >/dev/null
	add bridge c "$inner" >/dev/null
	add bridge d "$same" >/dev/null
	[ "$(owners masq4)" = "a b c d" ]
	[ "$(elements home4 | grep -c 'concat.*10.88')" = 4 ]
	[ "$(owners home6)" = "a b" ]
	del bridge a "$wide"
	[ "$(owners home4)" = "b c d" ]
	del bridge c "$inner"
	del bridge d "$same"
	[ "$(owners masq4) $(owners home6)" = "b b" ]
	del bridge b "$narrow"
	[ -z "$(nft list ruleset)" ]
	[ "$(records)" = 0 ]
}

@test "what leaves the pod's subnet gets the node's address, what stays in it keeps its own; the same after all is put back" {
	conf=$(masq_net net1 br1 10.1.0.0/24)
	pod out
	ip link add up0 type veth peer name eth0 netns out
	ip addr add 203.0.113.1/24 dev up0
	ip link set up0 up
	ip -n out addr add 203.0.113.2/24 dev eth0
	ip -n out link set eth0 up
	ip -n out route add 10.1.0.0/24 via 203.0.113.1
	ra=$(add bridge a "$conf")
	add bridge b "$conf" >/dev/null
	seen() { # POD ADDRESS NAMESPACE: the address that a ping comes from
		ip netns exec "$3" nft -f - <<<'table ip t; delete table ip t; table ip t {
			set from { type ipv4_addr; flags dynamic; timeout 1m; }
			chain input { type filter hook input priority 0; icmp type echo-request add @from { ip saddr }; }
		}'
		ip netns exec "$1" ping -c1 -W10 -q "$2" >&2
		ip netns exec "$3" nft -j list set ip t from | jq -r '.nftables[].set? // empty | .elem[].elem.val'
	}
	[ "$(seen a 203.0.113.2 out)" = 203.0.113.1 ]
	[ "$(seen a 10.1.0.3 b)" = 10.1.0.2 ]
	nft flush ruleset
	del bridge b "$conf"
	add bridge b "$conf" >/dev/null
	[ "$(seen a 203.0.113.2 out)" = 203.0.113.1 ]
	checks a "$conf" "$ra"
}

@test "DEL removes what ADD made, whatever the configuration says now" {
	conf=$(masq_net net1 br1 10.1.0.0/24,fd00:1::/64)
	for now in '.ipMasq = false' 'del(.ipMasq)' '.ipam.dataDir = "/var/lib/cni/other"' '.ipam.ranges[0][0].subnet = "10.9.0.0/24"' 'del(.ipam)' '.bridge = "br9"' \
		'.type = "ptp"' '.ipMasqBackend = "pf"'; do
		add bridge a "$conf" >/dev/null
		[ "$(owners masq4)" = a ]
		changed=$(jq -c "$now" <<<"$conf")
		del "$(jq -r .type <<<"$changed")" a "$changed"
		[ -z "$(nft list ruleset)" ]
		[ "$(records)" = 0 ]
		rm -rf /var/lib/cni/*
	done
}

@test "DEL without a record, or with one that is none, goes by the comments" {
	conf=$(masq_net net1 br1 10.1.0.0/24,fd00:1::/64)
	add bridge b "$conf" >/dev/null
	for spoil in 'rm $f' 'echo >$f' 'echo fw 2 >$f' 'sed -i s/masq4/masq9/ $f' 'truncate -s -1 $f' 'ln -sf /etc/passwd $f' 'sed -i s/container.a/container\ z/ $f'; do
		add bridge a "$conf" >/dev/null
		f=$(grep -l 'container a' /run/cnibox/fw/*)
		eval "$spoil"
		del bridge a "$conf"
		[ "$(owners masq4) $(owners home6) $(records)" = "b b 1" ]
	done
	[ "$(stat -c %a /run/cnibox/fw)" = 700 ]
	[ "$(stat -c %a /run/cnibox/fw/*)" = 600 ]
}

@test "what is removed is removed by its owner: a late DEL takes nothing from the address's next pod" {
	conf=$(masq_net net1 br1 10.1.0.0/24)
	add bridge a "$conf" >/dev/null
	rm /var/lib/cni/networks/net1/10.1.0.2 /var/lib/cni/networks/net1/last*
	rb=$(add bridge b "$conf")
	[ "$(address "$rb")" = 10.1.0.2 ]
	[ "$(owners masq4) $(owners home4)" = "b b" ]
	del bridge a "$conf"
	[ "$(owners masq4) $(owners home4)" = "b b" ]
	checks b "$conf" "$rb"
	del bridge b "$conf"
	[ -z "$(nft list ruleset)" ]
	[ "$(records)" = 0 ]
}

@test "an address that two live pods have, in networks of one subnet or another, is masqueraded until the last goes" {
	pod c
	for subnet in 10.1.0.0/24 10.1.0.0/16; do
		n1=$(masq_net n1 br1 10.1.0.0/24)
		n2=$(masq_net n2 br2 "$subnet")
		n3=$(masq_net n3 br3 10.1.0.0/23)
		for order in "a b c" "a c b" "b a c" "b c a" "c a b" "c b a"; do
			add bridge a "$n1" >/dev/null
			add bridge b "$n2" >/dev/null
			add bridge c "$n3" >/dev/null
			[ "$(owners masq4) $(owners home4)" = "c c" ]
			for p in $order; do
				case $p in a) n=$n1 ;; b) n=$n2 ;; c) n=$n3 ;; esac
				del bridge "$p" "$n"
				[ "$(records)" = 0 ] || [ "$(owners masq4)" = "$(owners home4)" ]
				[ "$(records)" = 0 ] || [ -n "$(owners masq4)" ]
			done
			[ -z "$(nft list ruleset)" ]
			[ "$(records)" = 0 ]
			rm -r /var/lib/cni/*
		done
		ip link del br2
	done
}

@test "a pod's interfaces are masqueraded one by one" {
	conf=$(masq_net net1 br1 10.1.0.0/24 '.isDefaultGateway = false')
	other=$(masq_net net2 br2 10.2.0.0/24 '.isDefaultGateway = false')
	add bridge a "$conf" eth0 >/dev/null
	r1=$(add bridge a "$conf" eth1)
	add bridge a "$other" eth2 >/dev/null
	[ "$(owners masq4)" = "a a a" ]
	del bridge a "$conf" eth0
	run ! grep -q '10\.1\.0\.2"' <<<"$(elements masq4)"
	checks a "$conf" "$r1" eth1
	del bridge a "$other" eth2
	checks a "$conf" "$r1" eth1
	del bridge a "$conf" eth1
	[ -z "$(nft list ruleset)" ]
}

@test "CHECK notices every piece of the table that is missing, and the next ADD of anybody puts back all of all" {
	conf=$(masq_net net1 br1 10.1.0.0/24,fd00:1::/64)
	other=$(masq_net net2 br2 10.2.0.0/24)
	pod c
	ra=$(add bridge a "$conf")
	add bridge c "$other" >/dev/null
	whole=$(whole)
	rule() { nft -a list chain inet cnibox postrouting | sed -n "s/.*ip6\{0,1\} $1.* handle \([0-9]*\)$/\1/p"; }
	broken() { # TEXT COMMAND...: it is noticed, and put back by an ADD that has nothing to do with it
		local text=$1
		shift
		checks a "$conf" "$ra"
		"$@"
		fails 105 "$text" checks a "$conf" "$ra"
		add bridge b "$other" >/dev/null
		checks a "$conf" "$ra"
		del bridge b "$other"
		diff <(echo "$whole") <(whole)
	}
	broken "is not there" nft flush ruleset
	broken "is not there" nft delete table inet cnibox
	broken "lacks rules" nft flush table inet cnibox
	broken "lacks rules" nft flush chain inet cnibox postrouting
	broken "lacks rules" nft delete rule inet cnibox postrouting handle "$(rule saddr.@masq4)"
	broken "lacks rules" nft delete rule inet cnibox postrouting handle "$(rule saddr.@masq6)"
	broken "is dormant" nft add table inet cnibox '{ flags dormant; }'
	broken "has another chain" nft 'add chain inet cnibox postrouting { policy drop; }'
	broken "lacks the chain postrouting" nft 'flush chain inet cnibox postrouting; delete chain inet cnibox postrouting'
	broken "lacks the set masq6" nft 'flush chain inet cnibox postrouting; delete set inet cnibox masq6'
	broken "has another chain" nft 'flush chain inet cnibox postrouting; delete chain inet cnibox postrouting
		add chain inet cnibox postrouting { type nat hook postrouting priority 5; }'
	broken "lacks the chain postrouting" nft 'flush chain inet cnibox postrouting; delete chain inet cnibox postrouting; add chain inet cnibox x'
	nft flush set inet cnibox masq4
	fails 105 "lacks the element masq4 10.1.0.2" checks a "$conf" "$ra"
}

@test "a table of an earlier version is made anew" {
	conf=$(masq_net net1 br1 10.1.0.0/24)
	nft -f - <<<'table inet cnibox {
		set masq4 { type ipv4_addr; elements = { 10.1.0.9 } }
		set home4 { type ipv4_addr . ipv4_addr; flags interval; elements = { 10.1.0.0/24 . 10.1.0.0/24 } }
		set masq6 { type ipv6_addr; }
		set home6 { type ipv6_addr . ipv6_addr; flags interval; }
		chain postrouting { type nat hook postrouting priority srcnat
			ip saddr @masq4 ip saddr . ip daddr != @home4 masquerade;
			ip6 saddr @masq6 ip6 saddr . ip6 daddr != @home6 masquerade; }
	}'
	r=$(add bridge a "$conf")
	checks a "$conf" "$r"
	run ! grep -q "10.1.0.0/24 . 10.1.0.0/24" <<<"$(nft list ruleset)"
	del bridge a "$conf"
	[ -z "$(nft list ruleset)" ]
}

@test "a pod that is gone without DEL gives its address to nobody's masquerade when all is put back" {
	conf=$(masq_net net1 br1 10.1.0.0/24)
	pod c
	add bridge a "$conf" >/dev/null
	add bridge b "$conf" >/dev/null
	ip netns del a
	until [ "$(ip -o link show type veth | wc -l)" = 1 ]; do :; done
	nft flush ruleset
	add bridge c "$conf" >/dev/null
	[ "$(owners masq4)" = "b c" ]
	del bridge a "$conf"
	[ "$(records)" = 2 ]
	pod a
}

@test "hundreds are put back, and broken records stand in nobody's way" {
	conf=$(masq_net net1 br1 10.1.0.0/16)
	for i in $(seq 1 300); do add bridge a "$conf" "e$i" >/dev/null; done
	[ "$(elements home4 | wc -l)" = 300 ]
	whole=$(whole)
	echo nonsense >/run/cnibox/fw/masquerade.veth00000000000
	ln -s /etc/passwd /run/cnibox/fw/masquerade.veth00000000001
	mkdir /run/cnibox/fw/masquerade.veth00000000002
	nft flush ruleset
	r=$(add bridge b "$conf")
	checks b "$conf" "$r"
	[ "$(elements masq4 | wc -l)" = 301 ]
	del bridge b "$conf"
	diff <(echo "$whole") <(whole)
}

@test "fifty ADDs at once on a node whose table was flushed: all are masqueraded, and fifty DELs leave nothing" {
	conf=$(masq_net net1 br1 10.1.0.0/16)
	for i in $(seq 1 10); do add bridge a "$conf" "x$i" >/dev/null; done
	nft flush ruleset
	for i in $(seq 1 50); do add bridge b "$conf" "y$i" >/dev/null & done
	wait
	[ "$(elements masq4 | wc -l)" = 60 ]
	[ "$(elements home4 | wc -l)" = 60 ]
	for i in $(seq 1 10); do del bridge a "$conf" "x$i" & done
	for i in $(seq 1 50); do del bridge b "$conf" "y$i" & done
	wait
	[ -z "$(nft list ruleset)" ]
	[ "$(records)" = 0 ]
}

@test "GC removes only what its own configuration's leases are of: two runtimes may share a network's name" {
	one=$(masq_net net1 br1 10.1.0.0/24)
	two=$(masq_net net1 br2 10.2.0.0/24 '.ipam.dataDir = "/var/lib/cni/other"')
	pod c
	add bridge a "$one" >/dev/null
	add bridge b "$one" >/dev/null
	add bridge c "$two" >/dev/null
	gc() { CNI_COMMAND=GC "$CNIBOX_BIN/bridge" <<<"$(jq -c --argjson v "$2" '."cni.dev/valid-attachments" = $v' <<<"$1")"; }
	gc "$one" '[{"containerID":"b","ifname":"eth0"}]'
	[ "$(owners masq4)" = "b c" ]
	[ "$(records)" = 2 ]
	nft list set inet cnibox masq4 | grep -q 10.2.0.2
	rm /run/cnibox/fw/*
	gc "$two" '[{"containerID":"c","ifname":"eth0"}]'
	[ "$(owners masq4)" = c ]
}

@test "GC removes what is no record of a pod that is gone or not valid" {
	conf=$(masq_net net1 br1 10.1.0.0/24)
	add bridge a "$conf" >/dev/null
	add bridge b "$conf" >/dev/null
	f=$(basename "$(grep -l 'container a' /run/cnibox/fw/*)")
	g=$(basename "$(grep -l 'container b' /run/cnibox/fw/*)")
	cd /run/cnibox/fw
	mv "$f" ".$f.new"
	cp "$g" ".$g.new"
	touch masquerade.veth00000000000 .masquerade.veth00000000001.new .masquerade.new .other.veth00000000001.new
	cd /
	CNI_COMMAND=GC "$CNIBOX_BIN/bridge" <<<"$(jq -c '."cni.dev/valid-attachments" = [{"containerID":"b","ifname":"eth0"}]' <<<"$conf")"
	[ "$(find /run/cnibox/fw -type f ! -name .seals -printf '%f\n' | sort | xargs)" = "$(printf '%s\n' ".$g.new" .masquerade.new .other.veth00000000001.new "$g" | sort | xargs)" ]
	[ "$(owners masq4)" = b ]
}

@test "the longest names are an owner's too" {
	id=$(printf 'i%.0s' $(seq 1 100))
	conf=$(masq_net "$(printf 'n%.0s' $(seq 1 60))" br1 10.1.0.0/24)
	CNI_COMMAND=ADD CNI_CONTAINERID=$id CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/bridge" <<<"$conf" >/dev/null
	CNI_COMMAND=ADD CNI_CONTAINERID=$id CNI_NETNS=/run/netns/a CNI_IFNAME=eth1 "$CNIBOX_BIN/bridge" <<<"$conf" >/dev/null
	CNI_COMMAND=DEL CNI_CONTAINERID=$id CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/bridge" <<<"$conf"
	[ "$(elements masq4 | wc -l)" = 1 ]
	nft list set inet cnibox masq4 | grep -q '10\.1\.0\.3'
	CNI_COMMAND=GC "$CNIBOX_BIN/bridge" <<<"$(jq -c --arg i "$id" '."cni.dev/valid-attachments" = [{"containerID":$i,"ifname":"eth1"}]' <<<"$conf")"
	[ "$(elements masq4 | wc -l)" = 1 ]
	CNI_COMMAND=GC "$CNIBOX_BIN/bridge" <<<"$(jq -c '."cni.dev/valid-attachments" = []' <<<"$conf")"
	[ -z "$(nft list ruleset)" ]
	[ "$(records)" = 0 ]
}

@test "a place for records that is none refuses the ADD and changes nothing" {
	conf=$(masq_net net1 br1 10.1.0.0/24)
	add bridge b "$conf" >/dev/null
	del bridge b "$conf"
	rm -rf /run/cnibox/fw
	mkdir "$BATS_TEST_TMPDIR/elsewhere"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" /run/cnibox/fw
	before=$(snapshot)
	fails 103 "/run/cnibox/fw" add bridge a "$conf"
	diff <(echo "$before") <(snapshot)
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/elsewhere")" ]
	rm /run/cnibox/fw
}

@test "ipMasqBackend: iptables and nftables are what it takes" {
	conf=$(masq_net net1 br1 10.1.0.0/24)
	for backend in "" iptables nftables; do
		add bridge a "$(jq -c --arg b "$backend" '.ipMasqBackend = $b' <<<"$conf")" >/dev/null
		[ "$(owners masq4)" = a ]
		del bridge a "$conf"
	done
	before=$(snapshot)
	fails 7 "ipMasqBackend" add bridge a "$(jq -c '.ipMasqBackend = "pf"' <<<"$conf")"
	diff <(echo "$before") <(snapshot)
}

@test "ipMasq of a pod without addresses makes no table, and CHECK asks for none" {
	conf=$(masq_net net1 br1 10.1.0.0/24 'del(.ipam, .isDefaultGateway)')
	result=$(add bridge a "$conf")
	run ! nft list table inet cnibox
	checks a "$conf" "$result"
	del bridge a "$conf"
}
