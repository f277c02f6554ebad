#!/usr/bin/env bats
# cnibox node: accepts in the chains of others. What they let through, where they stand, and what stays dropped.
bats_require_minimum_version 1.5.0
load node_helpers

FROM='-A FORWARD -s 192.168.0.0/24 -i cni0 -m comment --comment "cnibox node: from cni0 192.168.0.0/24" -j ACCEPT'
TO='-A FORWARD -d 192.168.0.0/24 -o cni0 -m comment --comment "cnibox node: to cni0 192.168.0.0/24" -j ACCEPT'

# chain POLICY: table inet fw with one base chain, whose rules are on standard input.
chain() {
	nft delete table inet fw 2>/dev/null || true
	echo "table inet fw { $(cat) chain f { type filter hook forward priority filter; policy $1; ${*:2} } }" |
		sed 's/}/\n}\n/g; s/[;{]/&\n/g' | nft -f -
}

# rules: those of the chain, one a line, ours as "FROM" and "TO".
rules() {
	nft list chain inet fw f | sed '1,2d; /^\t}/,$d; s/^\t*//; s/ counter packets 0 bytes 0//' | grep -v '^type filter' |
		sed 's/.*comment "cnibox node: from .*/FROM/; s/.*comment "cnibox node: to .*/TO/'
}

# placed POLICY RULES EXPECTED: with these rules in the chain, up leaves these lines.
placed() {
	chain "$1" "$2" </dev/null
	up >/dev/null 2>"$BATS_TEST_TMPDIR/stderr"
	echo "$2:"
	rules
	[ "$(rules | paste -sd ';')" = "$3" ]
	[ "$(up 2>/dev/null)" = "nothing to change" ]
}

@test "accepts stand as late as they work, as iptables prints them, and are moved there" {
	iptables -P FORWARD DROP
	iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
	iptables -A FORWARD -s 192.168.0.7 -j DROP
	before=$(host)
	three
	up
	[ "$(iptables -S FORWARD)" = "-P FORWARD DROP
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -s 192.168.0.7/32 -j DROP
$FROM
$TO" ]
	iptables -L FORWARD >/dev/null
	[ "$(up)" = "nothing to change" ]
	iptables -A FORWARD -s 192.168.0.8 -j DROP	# written down later: it counts as well
	run node show -f "$FILE" --name m
	[ "$status" -eq 3 ]
	grep -q 'ip filter FORWARD: accept .*: differs$' <<<"$output"
	up
	[ "$(iptables -S FORWARD | tail -3)" = "-A FORWARD -s 192.168.0.8/32 -j DROP
$FROM
$TO" ]
	iptables -A FORWARD -m limit --limit 1/s -j LOG
	iptables -A FORWARD -j REJECT
	up
	[ "$(iptables -S FORWARD | tail -4)" = "$FROM
$TO
-A FORWARD -m limit --limit 1/sec -j LOG
-A FORWARD -j REJECT --reject-with icmp-port-unreachable" ] || [ "$(iptables -S FORWARD | tail -3)" = "$FROM
$TO
-A FORWARD -j REJECT --reject-with icmp-port-unreachable" ]
	iptables -D FORWARD -j REJECT
	iptables -D FORWARD -m limit --limit 1/s -j LOG
	iptables -D FORWARD -s 192.168.0.8 -j DROP
	node down
	diff <(echo "$before") <(host)
}

@test "a chain that drops by its policy, by its last rule, or through a jump gets them; one that lets pass does not" {
	three
	placed drop '' 'FROM;TO'
	placed drop 'ct state established accept; iifname "x" drop' 'ct state established accept;iifname "x" drop;FROM;TO'
	placed drop 'ip saddr 10.9.9.9 drop; accept; ip daddr 10.9.9.9 drop' 'ip saddr 10.9.9.9 drop;accept;ip daddr 10.9.9.9 drop'
	placed accept 'ip saddr 192.168.0.0/16 drop' 'ip saddr 192.168.0.0/16 drop'
	placed accept 'ct state established accept; reject' 'ct state established accept;FROM;TO;reject'
	placed accept 'iifname "x" accept; drop; counter' 'iifname "x" accept;FROM;TO;drop;counter packets 0 bytes 0'
	placed drop 'iifname "x" accept; counter; log prefix "no "' 'iifname "x" accept;FROM;TO;counter packets 0 bytes 0;log prefix "no "'
	placed accept 'meta l4proto sctp drop; iifname "x" accept; meta l4proto tcp reject with tcp reset; reject' \
		'meta l4proto sctp drop;iifname "x" accept;FROM;TO;meta l4proto tcp reject with tcp reset;reject'
	placed accept 'ip protocol udp drop; iifname "x" accept; meta nfproto ipv4 drop; meta nfproto ipv6 drop' \
		'ip protocol udp drop;iifname "x" accept;FROM;TO;meta nfproto ipv4 drop;meta nfproto ipv6 drop'
	placed accept 'meta nfproto ipv6 drop' 'meta nfproto ipv6 drop'		# no pods of ours
	placed drop 'meta nfproto ipv4 accept; ip saddr 10.9.9.9 drop' 'meta nfproto ipv4 accept;ip saddr 10.9.9.9 drop'
	placed drop 'limit rate 1/second drop; meta mark set 0x1; ip saddr 10.9.9.9 return' \
		'limit rate 1/second drop;meta mark set 0x00000001;ip saddr 10.9.9.9 return;FROM;TO'
	placed drop 'iifname "x" drop; return; ip saddr 10.9.9.9 drop' 'iifname "x" drop;FROM;TO;return;ip saddr 10.9.9.9 drop'
}

@test "jumps that are made in any case are followed" {
	three
	chain accept 'ip saddr 10.9.9.9 drop; jump a; ip saddr 10.9.9.8 drop' <<<'chain b { iifname "x" accept; reject; } chain a { iifname "y" jump b; jump b; }'
	run --separate-stderr up
	[ "$(rules | paste -sd ';')" = 'ip saddr 10.9.9.9 drop;FROM;TO;jump a;ip saddr 10.9.9.8 drop' ]
	grep -q 'inet fw f: the accepts stand before its jump to a, which lets nothing come back' <<<"$stderr"
	chain drop 'goto a; ip saddr 10.9.9.8 drop' <<<'chain a { iifname "x" accept; }'
	up
	[ "$(rules | paste -sd ';')" = 'FROM;TO;goto a;ip saddr 10.9.9.8 drop' ]
	chain drop 'iifname "z" jump b; jump a; ip saddr 10.9.9.8 drop' <<<'chain b { drop; } chain a { ip saddr 10.9.9.7 drop; return; drop; }'
	up
	[ "$(rules | paste -sd ';')" = 'iifname "z" jump b;jump a;ip saddr 10.9.9.8 drop;FROM;TO' ]
	chain drop 'jump a' <<<'chain a { accept; }'
	up
	[ "$(rules | paste -sd ';')" = 'jump a' ]
}

@test "each family has its own place, in chains of one family and of both" {
	cluster '{}' "$(entry m '192.168.122.14 2001:db8::14' '192.168.0.0/24 fd00::/64')"
	chain accept 'meta nfproto ipv4 drop; ip6 saddr fd00::7 drop; meta nfproto ipv6 drop' </dev/null
	ip6tables -P FORWARD DROP
	up
	nft list chain inet fw f
	[ "$(rules | paste -sd ';')" = 'FROM;TO;meta nfproto ipv4 drop;ip6 saddr fd00::7 drop;FROM;TO;meta nfproto ipv6 drop' ]
	[ "$(ip6tables -S FORWARD | grep -c 'cni0.*fd00::/64')" -eq 2 ]
	iptables -S FORWARD 2>/dev/null | grep cnibox && false
	[ "$(up)" = "nothing to change" ]
	node down
	[ "$(rules | paste -sd ';')" = 'meta nfproto ipv4 drop;ip6 saddr fd00::7 drop;meta nfproto ipv6 drop' ]
}

@test "chains at other hooks, and of the masquerade's own table, are left alone" {
	nft -f - <<-'NFT'
		table inet fw {
			chain in { type filter hook input priority 0; policy drop; iif lo accept; }
			chain open { type filter hook forward priority 20; policy accept; }
		}
	NFT
	before=$(nft list table inet fw)
	three
	up
	diff <(echo "$before") <(nft list table inet fw)
}

@test "Docker: its rules and what is written into DOCKER-USER stay in force; the accepts stand behind them" {
	iptables -N DOCKER-USER
	iptables -A DOCKER-USER -s 192.168.0.7 -j DROP
	iptables -A DOCKER-USER -j RETURN
	iptables -P FORWARD DROP
	iptables -A FORWARD -j DOCKER-USER
	iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	three
	up
	[ "$(iptables -S FORWARD | tail -2)" = "$FROM
$TO" ]
	[ -z "$(iptables -S DOCKER-USER | grep cnibox)" ]
	[ "$(up)" = "nothing to change" ]
	# Where DOCKER-USER itself drops the rest, Docker would put its jump before ours again and again.
	iptables -D DOCKER-USER -j RETURN
	iptables -A DOCKER-USER -j DROP
	up
	[ -z "$(iptables -S FORWARD | grep cnibox)" ]
	[ "$(iptables -S DOCKER-USER | grep -c cnibox)" -eq 2 ]
	[ "$(iptables -S DOCKER-USER | tail -1)" = "-A DOCKER-USER -j DROP" ]
	[ "$(iptables -S DOCKER-USER | sed -n 2p)" = "-A DOCKER-USER -s 192.168.0.7/32 -j DROP" ]
	[ "$(up)" = "nothing to change" ]
	node down
	[ -z "$(iptables -S | grep cnibox)" ]
}

@test "what an older cnibox has written at the head is replaced" {
	iptables -P FORWARD DROP
	iptables -A FORWARD -s 192.168.0.0/16 -m comment --comment "cnibox node: from 192.168.0.0/16" -j ACCEPT
	iptables -A FORWARD -d 192.168.0.0/16 -m comment --comment "cnibox node: to 192.168.0.0/16" -j ACCEPT
	iptables -A FORWARD -s 192.168.0.7 -j DROP
	three
	up
	[ "$(iptables -S FORWARD)" = "-P FORWARD DROP
-A FORWARD -s 192.168.0.7/32 -j DROP
$FROM
$TO" ]
}

@test "a table that only its running program may change: a warning names the chain" {
	three
	coproc NFT { nft -i; }
	echo 'add table inet own { flags owner; }' >&"${NFT[1]}"
	echo 'add chain inet own f { type filter hook forward priority 0; policy drop; }' >&"${NFT[1]}"
	for _ in $(seq 100); do
		nft list chain inet own f >/dev/null 2>&1 && break
		sleep 0.1
	done
	nft list table inet own | grep -q 'flags owner' || skip "the kernel or nft(8) has no owned tables"
	run --separate-stderr up
	[ "$status" -eq 0 ]
	grep -q 'nftables inet own f drops the pods.* packets, and only the running program' <<<"$stderr"
	[ "$(up 2>/dev/null)" = "nothing to change" ]
	kill "$NFT_PID"
}

# A host on the uplink that is no node, and a network behind the node that it must not reach.
outsider_and_lan() {
	ip netns add world
	ip link add v1 master eth0 up type veth peer name eth0 netns world
	ip -n world addr add 192.168.122.99/24 dev eth0
	ip -n world addr add 192.168.1.50/32 dev lo	# an address of another node's pod
	ip -n world addr add 192.168.0.50/32 dev lo	# and of one of ours
	ip -n world link set lo up
	ip -n world link set eth0 up
	ip netns add lan
	ip link add lan0 type veth peer name eth0 netns lan
	ip addr add 172.16.0.1/24 dev lan0
	ip link set lan0 up
	ip -n lan addr add 172.16.0.9/24 dev eth0
	ip -n lan link set eth0 up
	ip -n lan route add default via 172.16.0.1
	ip -n world route add 172.16.0.0/24 via 192.168.122.14
	ip netns exec lan nft -f - <<-'NFT'
		table ip seen {
			chain in { type filter hook input priority 0; icmp type echo-request counter; }
		}
	NFT
	for c in all eth0; do echo 0 >/proc/sys/net/ipv4/conf/$c/rp_filter; done
}

@test "a forged source from outside passes nothing" {
	three
	outsider_and_lan
	iptables -P FORWARD DROP
	nft add table inet fw
	nft add chain inet fw f '{ type filter hook forward priority 0; policy accept; }'
	nft add rule inet fw f reject
	up
	for source in 192.168.1.50 192.168.0.50; do
		run ! ip netns exec world ping -qc1 -W1 -I "$source" 172.16.0.9
	done
	ip netns exec lan nft list chain ip seen in | grep -q 'counter packets 0 '
	ip netns del lan
}
