#!/usr/bin/env bats
# firewall behind bridge, with traffic: what passes the firewalls of others, what does not, and what is left of it.
bats_require_minimum_version 1.5.0
load helpers
load portmap_helpers
load node_helpers
load firewall_helpers

setup() {
	pod a
	pod b
}

teardown() {
	jobs -p | xargs -r kill 2>/dev/null || true
	clean
}

# ours: how many rules of ours stand in chains of others.
ours() { nft list ruleset | grep -c 'comment "cnibox firewall: ' || true; }

records() { find /run/cnibox/fw -type f 2>/dev/null | wc -l; }

drop_forward() {
	iptables-nft -P FORWARD DROP
	ip6tables-nft -P FORWARD DROP
}

@test "iptables-nft's FORWARD with policy DROP: in and out, both families; it prints what is there; gone with the last pod" {
	far
	drop_forward
	before=$(nft list ruleset)
	r=$(add bridge a "$(net 1)")
	serve a 80
	nowhere
	[ "$(add firewall a "$(with_prev "$FW" "$r")" | jq -cS .)" = "$(jq -cS . <<<"$r")" ]
	everywhere
	call CHECK firewall a /run/netns/a "$(with_prev "$FW" "$r")"
	[ "$(iptables-nft -S FORWARD)" = '-P FORWARD DROP
-A FORWARD -m mark --mark 0x80000/0x80000 -m comment --comment "cnibox firewall: pods" -j ACCEPT' ]
	iptables-nft -L -n >/dev/null
	ip6tables-nft-save >/dev/null
	attach b 1 >/dev/null
	[ "$(ours)" = 2 ]
	detach b 1
	everywhere
	del firewall a "$FW"
	[ "$(nft list ruleset)" = "$before" ]
	[ "$(records)" = 0 ]
	nowhere
}

@test "chains that reject at their end, as firewalld's, behind others that drop by policy; no rule where nothing drops" {
	far
	nft -f - <<-'NFT'
		table inet firewalld {
			chain filter_FORWARD {
				type filter hook forward priority filter + 10; policy accept
				ct state established,related accept
				reject with icmpx admin-prohibited
			}
		}
		table inet mine {
			chain early { type filter hook forward priority -300; policy drop; }
			chain open { type filter hook forward priority 5; policy accept; }
		}
	NFT
	attach a 1 >/dev/null
	serve a 80
	everywhere
	[ "$(ours)" = 4 ]
	nft list chain inet firewalld filter_FORWARD | grep -A9 established | grep -c 'firewall: pods' | grep -qx 2
	[ -z "$(nft list chain inet mine open | grep cnibox || true)" ]
	nft delete table inet firewalld	# as its reload does, and then:
	nft -f - <<<'table inet firewalld { chain filter_FORWARD { type filter hook forward priority filter + 10; policy drop; }
}'
	stopped out 10.1.0.2
	attach b 1 >/dev/null
	everywhere
	[ "$(ours)" = 4 ]
}

@test "an administrator's own drop for a pod still drops: his table, DOCKER-USER, the admin chain" {
	far
	drop_forward
	iptables-nft -N DOCKER-USER
	iptables-nft -A FORWARD -j DOCKER-USER
	iptables-nft -N NOMAD-ADMIN
	attach a 1 '.iptablesAdminChainName = "NOMAD-ADMIN"' >/dev/null
	serve a 80
	everywhere
	[ "$(iptables-nft -S FORWARD | sed -n 2p)" = '-A FORWARD -m comment --comment "cnibox firewall: admin NOMAD-ADMIN" -j NOMAD-ADMIN' ]
	for chain in DOCKER-USER NOMAD-ADMIN; do
		iptables-nft -A $chain -d 10.1.0.2 -j DROP
		stopped out 10.1.0.2
		iptables-nft -F $chain
		passes out 10.1.0.2
	done
	iptables-nft -I FORWARD -j REJECT	# ahead of the accept, which goes before it, and so does the jump
	attach b 1 '.iptablesAdminChainName = "NOMAD-ADMIN"' >/dev/null
	[ "$(iptables-nft -S FORWARD | sed 's/.*"cnibox firewall: \(.*\)" -j.*/\1/' | sed '1d; 4q' | paste -sd ';')" = 'admin NOMAD-ADMIN;pods;-A FORWARD -j REJECT --reject-with icmp-port-unreachable' ]
	iptables-nft -A NOMAD-ADMIN -d 10.1.0.2 -j DROP
	stopped out 10.1.0.2
	iptables-nft -F NOMAD-ADMIN
	iptables-nft -D FORWARD -j REJECT
	detach b 1
	nft -f - <<<'table inet own { chain f { type filter hook forward priority 20; ip daddr 10.1.0.2 drop; }
}'
	stopped out 10.1.0.2
	nft delete table inet own
	iptables-nft -A FORWARD -d 10.1.0.2 -j DROP	# written down later: it counts with the next ADD
	attach b 1 >/dev/null
	stopped out 10.1.0.2
	passes out fd00:1::2
	detach a 1
	[ "$(iptables-nft -S FORWARD | grep -c NOMAD)" = 0 ]
	detach b 1
	[ "$(ours)" = 0 ]
}

@test "a chain that only its owner may change: STATUS is 51 and names it, and the pods are attached all the same" {
	owned inet mine f
	fails 51 'inet mine f' env CNI_COMMAND=STATUS "$CNIBOX_BIN/firewall" <<<"$FW"
	attach a 1 >/dev/null
	detach a 1
	disowned
	CNI_COMMAND=STATUS "$CNIBOX_BIN/firewall" <<<"$FW"
}

# site FAMILY HOOK BODY [FLAGS]: a table of others with a chain there, which may jump to "say" and go to "shut".
site() {
	nft -f - <<<"table $1 site { ${4:-}
		chain say { counter; tcp dport 9 drop; }
		chain ask { tcp dport 9 accept; }
		chain send { tcp dport 9 return; drop; }
		chain shut { counter; drop; }
		chain $2 { type filter hook $2 priority -10; $3 }; }"
}

@test "chains at prerouting and postrouting that drop all: STATUS is 51 and names them, but not where anything may pass" {
	status() { CNI_COMMAND=STATUS "$CNIBOX_BIN/firewall" <<<"$FW"; }
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	for family in inet ip ip6; do
		for hook in prerouting postrouting; do
			for body in 'policy drop;' 'policy accept; counter; tcp dport 9 drop; drop;' 'policy drop; jump say;' \
				'policy drop; goto say;' 'policy drop; tcp dport 9 return; jump send;' \
				'policy accept; meta l4proto udp drop; ct state invalid drop; jump shut; drop;'; do
				site $family $hook "$body"
				fails 51 "nftables $family site $hook drops all" status
				nft delete table $family site
			done
			for body in 'policy accept;' 'policy drop; tcp dport 9 accept;' 'policy drop; jump ask;' \
				'policy accept; tcp dport 9 return; drop;' 'policy accept; jump send; jump say;' 'policy drop; tcp dport 9 jump ask;' \
				'policy drop; tcp dport vmap { 9 : accept };'; do
				site $family $hook "$body"
				status
				nft delete table $family site
			done
			site $family $hook 'policy drop;' 'flags dormant;'
			status
			nft delete table $family site
		done
	done
	sysctl -qw net.ipv6.conf.all.forwarding=0	# nobody's pods have it
	site ip6 prerouting 'policy drop;'
	site inet postrouting 'policy accept; meta nfproto ipv6 drop;'
	status
	nft insert rule inet site postrouting meta nfproto ipv4 drop
	fails 51 'inet site postrouting' status
}

@test "an admin chain in a table without FORWARD is asked too; a DEL takes what the reference's plugin made of the pod" {
	far
	iptables-nft -N CNI-ADMIN
	conf=$(with_prev "$FW" "$(attach a 1)")
	serve a 80
	call CHECK firewall a /run/netns/a "$conf"
	iptables-nft -A CNI-ADMIN -d 10.1.0.2 -j DROP
	stopped out 10.1.0.2
	iptables-nft -N CNI-FORWARD
	iptables-nft -A CNI-FORWARD -d 10.1.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	iptables-nft -A CNI-FORWARD -s 10.1.0.2/32 -j ACCEPT
	iptables-nft -A CNI-FORWARD -s 10.1.0.3/32 -j ACCEPT
	del firewall a "$conf"
	[ "$(iptables-nft -S CNI-FORWARD)" = '-N CNI-FORWARD
-A CNI-FORWARD -s 10.1.0.3/32 -j ACCEPT' ]
	[ "$(iptables-nft -S FORWARD)" = '-P FORWARD ACCEPT' ]
}

@test "the node program puts all of it back" {
	drop_forward
	attach a 1 '.ingressPolicy = "isolated"' >/dev/null
	nft flush ruleset
	drop_forward
	machine
	three
	up | grep 'cnibox_firewall'
	[ "$(up)" = "nothing to change" ]
	nft list table inet cnibox_firewall | grep -q 10.1.0.2
	nft list table bridge cnibox_isolated | grep -q veth
	[ "$(ours)" = 2 ]
	iptables-nft -F FORWARD
	up | grep 'cnibox_firewall'
	[ "$(ours)" = 2 ]
	node down >/dev/null
}

@test "a forged source passes nothing, and a mark of others in the bit is not ours" {
	far
	attach a 1 >/dev/null
	attach b 2 >/dev/null
	drop_forward
	attach b 2 >/dev/null || true
	nft -f - <<-'NFT'
		table inet watch {
			set seen { type ipv4_addr; flags dynamic; size 16; }
			chain f { type filter hook forward priority 30; meta mark & 0x80000 != 0 add @seen { ip saddr }
			}
			chain late { type filter hook postrouting priority 0; meta mark & 0x80000 != 0 add @seen { ip daddr }
			}
			chain pre { type filter hook prerouting priority 0; iifname "up0" ip daddr 10.3.0.9 meta mark set 0x80000
			}
		}
	NFT
	sysctl -qw net.ipv4.conf.up0.rp_filter=0 net.ipv4.conf.all.rp_filter=0
	ip -n out addr add 10.1.0.2/32 dev lo
	ip netns exec out ping -qnc 1 -W 1 -I 10.1.0.2 10.3.0.9 >/dev/null || true
	[ -z "$(nft list set inet watch seen | grep elements || true)" ]
}

@test "same-bridge: not from another bridge with a policy, from its own and from outside; isolated: nor from its own" {
	far
	pod c
	pod d
	same='.ingressPolicy = "same-bridge"'
	attach a 1 "$same" >/dev/null
	attach b 1 "$same" >/dev/null
	attach c 2 "$same" >/dev/null
	for p in a b c; do serve $p 80; done
	for pods in "10.1.0. 10.2.0." "fd00:1:: fd00:2::"; do
		own=${pods% *} other=${pods#* }
		passes a "${own}3"
		passes out "${own}2"
		stopped a "${other}2"
		stopped c "${own}2"
	done
	passes a 203.0.113.2
	detach c 2 "$same"
	[ -z "$(nft list set inet cnibox_firewall fences | grep br2 || true)" ]
	nft list set inet cnibox_firewall fences | grep -q br1
	add bridge c "$(net 2)" >/dev/null	# open
	passes c 10.1.0.2
}

@test "isolated: also when the host end was renamed before; CHECK notices that it was since" {
	apart='.ingressPolicy = "isolated"'
	for p in a b; do
		r=$(add bridge $p "$(net 1)")
		end=$(jq -r '.interfaces[1].name' <<<"$r")
		ip link set "$end" down	# before Linux 6.2 it has to be
		ip link set "$end" name "end-$p" up
		r=$(add firewall $p "$(with_prev "$(fw 1 "$apart")" "$r")")
		serve $p 80
	done
	call CHECK firewall b /run/netns/b "$(with_prev "$(fw 1 "$apart")" "$r")"
	stopped a 10.1.0.3
	stopped b fd00:1::2
	ip link set end-b down
	ip link set end-b name free-b up
	fails 105 'cnibox_isolated lacks the element' call CHECK firewall b /run/netns/b "$(with_prev "$(fw 1 "$apart")" "$r")"
}

@test "isolated: nor from its own bridge; the node and the machine outside reach it" {
	far
	apart='.ingressPolicy = "isolated"'
	for p in a b; do
		r=$(attach $p 1 "$apart")
		serve $p 80
		call CHECK firewall $p /run/netns/$p "$(with_prev "$(fw 1 "$apart")" "$r")"
	done
	for own in 10.1.0. fd00:1::; do
		stopped a "${own}3"
		stopped b "${own}2"
		passes out "${own}3"
		passes "" "${own}3"
	done
	passes a 203.0.113.2
	nft delete element bridge cnibox_isolated ends "{ $(jq -r '.interfaces[1].name' <<<"$r") }"
	fails 105 'cnibox_isolated lacks the element' call CHECK firewall b /run/netns/b "$(with_prev "$(fw 1 "$apart")" "$r")"
	for p in a b; do del firewall $p "$(fw 1 "$apart")"; done
	fails_to nft list table bridge cnibox_isolated 2>/dev/null
	ip -n a neigh flush dev eth0 # which was asked for in vain until now
	passes a 10.1.0.3
}

@test "same-bridge where FORWARD drops: answers, its own bridge and host ports, and nothing else from outside" {
	far
	drop_forward
	same='.ingressPolicy = "same-bridge"'
	r=$(attach a 1 "$same")
	attach b 1 "$same" >/dev/null
	serve a 80
	passes a 203.0.113.2
	passes b 10.1.0.2
	stopped out 10.1.0.2
	stopped out fd00:1::2
	add portmap a "$(jq -cn --argjson r "$r" '{cniVersion: "1.1.0", name: "net1", type: "portmap", prevResult: $r,
		runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]}}')" >/dev/null
	ask out tcp 203.0.113.1 8080
	ask out tcp fd00:9::1 8080
}

@test "CHECK misses whatever others have taken away; the next ADD puts all of it back, for every pod" {
	drop_forward
	far
	conf=$(with_prev "$FW" "$(attach a 1)")
	serve a 80
	whole() { nft list ruleset | grep -v "^\s*elements\|fd00\|comment \"veth" | sed 's/counter packets [0-9]* bytes [0-9]*/counter/'; }
	before=$(whole)
	while read -r text damage; do
		bash -c "$damage"
		fails 105 "$text" call CHECK firewall a /run/netns/a "$conf"
		attach b 1 >/dev/null
		call CHECK firewall a /run/netns/a "$conf"
		passes out 10.1.0.2
		diff <(echo "$before") <(whole)
		detach b 1
	done <<-'DAMAGE'
		open4 nft delete element inet cnibox_firewall open4 '{ 10.1.0.2 }'
		open4 nft flush set inet cnibox_firewall open4
		admin nft flush set inet cnibox_firewall admin
		rules nft flush chain inet cnibox_firewall forward
		there nft delete table inet cnibox_firewall
		dormant nft add table inet cnibox_firewall '{ flags dormant; }'
		FORWARD iptables-nft -F FORWARD
		FORWARD iptables-nft -A FORWARD -s 10.9.9.9 -j DROP; iptables-nft -D FORWARD 1; iptables-nft -F FORWARD
		there nft flush ruleset; iptables-nft -P FORWARD DROP; ip6tables-nft -P FORWARD DROP
	DAMAGE
}

@test "DEL: twice, without prevResult, without a namespace, with records gone; nothing is left" {
	drop_forward
	attach b 1 >/dev/null
	before=$(snapshot)
	attach a 1 '.ingressPolicy = "isolated"' >/dev/null
	detach a 1
	diff <(echo "$before") <(snapshot)
	detach a 1
	r=$(attach a 1)
	call DEL firewall a "" "$(with_prev "$FW" "$r")"
	call DEL firewall a "" "$FW"
	del bridge a "$(net 1)"
	diff <(echo "$before") <(snapshot)
	attach a 1 >/dev/null
	rm -r /run/cnibox/fw
	detach a 1
	[ "$(nft list set inet cnibox_firewall open4 | grep -c 10.1.0.3)" = 0 ]
	detach b 1
	[ "$(ours)" = 0 ]
	fails_to nft list table inet cnibox_firewall 2>/dev/null
}

@test "GC takes what is not valid, and only of its network" {
	drop_forward
	pod c
	attach a 1 '.ingressPolicy = "isolated"' >/dev/null
	attach b 1 >/dev/null
	attach c 2 >/dev/null
	gc() { for conf in "$(net "$1")" "$(fw "$1")"; do
		call GC "$(jq -r .type <<<"$conf")" "" "" "$(jq -c --argjson v "$2" '.cniVersion = "1.1.0" | ."cni.dev/valid-attachments" = $v' <<<"$conf")"; done; }
	gc 1 '[{"containerID":"b","ifname":"eth0"}]'
	[ "$(nft list table inet cnibox_firewall | grep -o '10\.[0-9.]*' | sort | paste -sd ' ')" = "10.1.0.3 10.2.0.2" ]
	fails_to nft list table bridge cnibox_isolated 2>/dev/null
	gc 1 '[]'
	gc 2 '[]'
	[ "$(ours)" = 0 ]
	[ "$(records)" = 0 ]
}

@test "what it cannot do is refused by key and value, and nothing changes; a pod without an address asks for nothing" {
	r=$(add bridge a "$(net 1)")
	unchanged fails 7 'ingressPolicy: "closed"' add firewall a "$(with_prev "$(fw 1 '.ingressPolicy = "closed"')" "$r")"
	unchanged fails 7 'backend: "ebtables"' add firewall a "$(with_prev "$(fw 1 '.backend = "ebtables"')" "$r")"
	unchanged fails 7 'iptablesAdminChainName: "A-CHAIN-WITH-A-NAME-OF-29-BYTE' add firewall a "$(with_prev "$(fw 1 '.iptablesAdminChainName = "A-CHAIN-WITH-A-NAME-OF-29-BYTE"')" "$r")"
	unchanged fails 7 'prevResult: missing' add firewall a "$FW"
	unchanged fails 7 'prevResult.interfaces[0]' add firewall a "$(with_prev "$(fw 1 '.ingressPolicy = "isolated"')" "$(jq -c 'del(.interfaces[0, 1]) | .ips[].interface = 0' <<<"$r")")"
	for backend in "" iptables firewalld nftables; do
		add firewall a "$(with_prev "$(fw 1 ".backend = \"$backend\" | .firewalldZone = \"trusted\" | .ingressPolicy = \"\"")" "$r")" >/dev/null
	done
	del firewall a "$(fw 1 '.ingressPolicy = "closed" | .backend = "ebtables"')"
	unchanged add firewall a "$(with_prev "$FW" "$(jq -c '.ips = []' <<<"$r")")"
	CNI_COMMAND=STATUS "$CNIBOX_BIN/firewall" <<<"$FW"
	run --separate-stderr "$CNIBOX_BIN/firewall" </dev/null
	[ "$status" -eq 0 ]
	grep -q '^CNI firewall plugin ' <<<"$stderr"
}

@test "the number of rules is that of the chains, not of the pods" {
	drop_forward
	attach a 1 >/dev/null
	rules() { nft list ruleset | grep -cE 'comment "(cnibox firewall: |from|to|an answer)'; }
	one=$(rules)
	for i in $(seq 20); do
		prev=$(jq -cn --arg i "$i" '{cniVersion: "1.1.0", interfaces: [{name: "eth0", sandbox: "/x"}], ips: [{address: "10.9.0.\($i)/24", interface: 0}]}')
		call ADD firewall "n$i" /run/netns/a "$(with_prev "$FW" "$prev")" >/dev/null
	done
	[ "$(rules)" = "$one" ]
	[ "$(nft -j list set inet cnibox_firewall open4 | jq '[.nftables[].set?.elem // empty] | flatten | length')" -ge 21 ]
	CNI_COMMAND=GC "$CNIBOX_BIN/firewall" <<<"$(fw 1 '."cni.dev/valid-attachments" = [{"containerID":"a","ifname":"eth0"}]')"
	[ "$(nft list set inet cnibox_firewall open4 | grep -c 10.9.0)" = 0 ]
}
