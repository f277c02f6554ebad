#!/usr/bin/env bats
# firewall where the legacy tables of iptables filter, with traffic: its accept, administrators' chains, and what it leaves as it was.
bats_require_minimum_version 1.5.0
load helpers
load portmap_helpers
load node_helpers
load firewall_helpers

setup() {
	iptables-legacy -S >/dev/null 2>&1 || skip "this kernel has no legacy tables"
	pod a
	pod b
}

teardown() {
	jobs -p | xargs -r kill 2>/dev/null || true
	clean
	for v in "" 6; do
		while read -r table; do
			for chain in PREROUTING INPUT FORWARD OUTPUT POSTROUTING; do
				ip${v}tables-legacy -t "$table" -P $chain ACCEPT 2>/dev/null || true
			done
			ip${v}tables-legacy -t "$table" -F
			ip${v}tables-legacy -t "$table" -X
		done </proc/net/ip${v}_tables_names
	done
}

# both ARGUMENT...: of iptables-legacy and ip6tables-legacy.
both() {
	iptables-legacy "$@"
	ip6tables-legacy "$@"
}

# rules CHAIN: in short, ours as "ours".
rules() { "${2:-iptables-legacy}" -S "$1" | sed '1d; s/^-A [^ ]* \?//; s/.*"cnibox firewall: \([^"]*\)".*/ours: \1/; s/--reject-with .*//; s/ *$//' | paste -sd ';'; }

of_b() { add firewall b "$(with_prev "$FW" "$(jq -c '.ips |= map(.address |= sub("\\.2/"; ".3/") | .address |= sub("::2/"; "::3/"))' <<<"$1")")" >/dev/null; }

@test "iptables-legacy's FORWARD with policy DROP, and with a last REJECT; its counts, other rules and jumps stay" {
	far
	for v in "" 6; do
		ip${v}tables-legacy -P FORWARD DROP
		ip${v}tables-legacy -N first
		ip${v}tables-legacy -A INPUT -j first
		ip${v}tables-legacy -A FORWARD -j first
		ip${v}tables-legacy -A OUTPUT -j ACCEPT
		ip${v}tables-legacy -A first -p tcp --dport 9 -j DROP
	done
	passes "" 203.0.113.2	# so that there are counts
	kept() { iptables-legacy-save -c | grep -v '^#\|FORWARD\|first'; ip6tables-legacy-save | grep -v '^#'; }
	count() { iptables-legacy-save -c | sed -n 's/^\[\([0-9]*\):.*-A OUTPUT -j ACCEPT/\1/p'; }
	before=$(ip6tables-legacy -S) counted=$(count)
	[ "$counted" -gt 0 ]
	conf=$(with_prev "$FW" "$(attach a 1)")
	serve a 80
	everywhere
	call CHECK firewall a /run/netns/a "$conf"
	[ "$(count)" -ge "$counted" ]
	[ "$(iptables-legacy -S FORWARD)" = '-P FORWARD DROP
-A FORWARD -j first
-A FORWARD -m mark --mark 0x80000/0x80000 -m comment --comment "cnibox firewall: pods" -j ACCEPT' ]
	iptables-legacy -I FORWARD -j REJECT
	fails 105 'legacy iptables' call CHECK firewall a /run/netns/a "$conf"
	attach b 1 >/dev/null
	[ "$(iptables-legacy -S FORWARD | sed -n '2,3s/ -m .*//p; 3p' | paste -sd ';')" = '-A FORWARD;-A FORWARD -j REJECT --reject-with icmp-port-unreachable' ]
	passes out 10.1.0.2
	iptables-legacy -F FORWARD
	stopped out 10.1.0.2
	add firewall b "$(with_prev "$FW" "$(jq -c '.prevResult.ips |= map(.address |= sub("\\.2/"; ".3/") | .address |= sub("::2/"; "::3/")) | .prevResult' <<<"$conf")")" >/dev/null
	passes out 10.1.0.2
	detach b 1
	detach a 1
	diff <(echo "$before") <(ip6tables-legacy -S)
	[ "$(iptables-legacy -S FORWARD)" = '-P FORWARD DROP' ]
}

@test "an administrator's chain in the legacy table is asked first, whatever FORWARD does, and kept so" {
	far
	both -N CNI-ADMIN
	both -A CNI-ADMIN -p tcp --dport 9 -j DROP
	ip6tables-legacy -P FORWARD DROP
	r=$(attach a 1)
	conf=$(with_prev "$FW" "$r")
	serve a 80
	everywhere
	[ "$(rules FORWARD)" = "ours: admin CNI-ADMIN" ]
	[ "$(rules FORWARD ip6tables-legacy)" = "ours: admin CNI-ADMIN;ours: pods" ]
	iptables-legacy -A CNI-ADMIN -s 10.1.0.2 -j DROP
	ip6tables-legacy -A CNI-ADMIN -s fd00:1::2 -j DROP
	nowhere
	both -D CNI-ADMIN 2
	everywhere
	# Another rule that drops all comes first: behind the accept, which is behind the administrator's chain.
	both -I FORWARD -j REJECT
	fails 105 'FORWARD of legacy iptables, table filter' call CHECK firewall a /run/netns/a "$conf"
	of_b "$r"
	call CHECK firewall a /run/netns/a "$conf"
	everywhere
	for v in "" 6; do [ "$(rules FORWARD ip${v}tables-legacy)" = "ours: admin CNI-ADMIN;ours: pods;-j REJECT" ]; done
	# Without the jump, and without anything of ours.
	for what in "-D FORWARD 1" "-F FORWARD"; do
		# shellcheck disable=SC2086 # words
		both $what
		fails 105 'legacy iptables, table filter' call CHECK firewall a /run/netns/a "$conf"
		of_b "$r"
		call CHECK firewall a /run/netns/a "$conf"
		[ "$(rules FORWARD | cut -d ';' -f 1)" = "ours: admin CNI-ADMIN" ]
	done
	del firewall b "$FW"
	detach a 1
	for v in "" 6; do
		[ -z "$(rules FORWARD ip${v}tables-legacy)" ]
		[ "$(rules CNI-ADMIN ip${v}tables-legacy)" = "-p tcp -m tcp --dport 9 -j DROP" ]
	done
}

@test "administrators' chains of two networks: one that comes later, one that nobody asks for any more; the node program mends them" {
	iptables-legacy -N ONE
	r=$(attach a 1 '.iptablesAdminChainName = "ONE"')
	iptables-legacy -N TWO
	[ "$(rules FORWARD)" = "ours: admin ONE" ]
	attach b 2 '.iptablesAdminChainName = "TWO"' >/dev/null
	[ "$(rules FORWARD)" = "ours: admin TWO;ours: admin ONE" ]
	iptables-legacy -F FORWARD
	machine
	three
	up | grep 'cnibox_firewall'
	[ "$(rules FORWARD | tr ';' '\n' | sort | paste -sd ';')" = "ours: admin ONE;ours: admin TWO" ]
	[ "$(up)" = "nothing to change" ]
	node down >/dev/null
	detach a 1 '.iptablesAdminChainName = "ONE"'
	[ "$(rules FORWARD)" = "ours: admin TWO" ]
	iptables-legacy -X ONE
	detach b 2 '.iptablesAdminChainName = "TWO"'
	[ -z "$(rules FORWARD)" ]
}

@test "where the accept stands: before what belongs to the rule that drops, behind what an administrator drops" {
	far
	r=$(attach a 1)
	serve a 80
	both -N DROPS
	both -A DROPS -p udp --dport 9 -j ACCEPT
	both -A DROPS -j DROP
	both -N DOCKER-USER
	iptables-legacy -A DOCKER-USER -s 10.1.0.2 -p udp -j DROP
	ip6tables-legacy -A DOCKER-USER -s fd00:1::2 -p tcp -j DROP
	both -A DOCKER-USER -j DROP
	# FORWARD with these rules, then ours and theirs.
	placed() {
		both -F FORWARD
		while IFS= read -r rule; do
			# shellcheck disable=SC2086 # words
			both -A FORWARD $rule
		done <<<"$1"
		of_b "$r"
		for v in "" 6; do [ "$(rules FORWARD ip${v}tables-legacy)" = "$2" ]; done
		everywhere
	}
	placed $'-p tcp -j REJECT\n-j REJECT' "ours: pods;-p tcp -j REJECT;-j REJECT"
	placed $'-p tcp --dport 9 -j DROP\n-m comment --comment rest -j DROP' "-p tcp -m tcp --dport 9 -j DROP;ours: pods;-m comment --comment rest -j DROP"
	placed '-g DROPS' "ours: pods;-g DROPS"
	placed $'-i none -j RETURN\n-j DROPS' "-i none -j RETURN;ours: pods;-j DROPS"
	both -P FORWARD DROP
	placed $'-i none -g DROPS\n-j RETURN\n-j ACCEPT' "-i none -g DROPS;ours: pods;-j RETURN;-j ACCEPT"
	placed $'-i br1\n-o br1' "-i br1;-o br1;ours: pods"	# rules without a target: on to the next
	both -P FORWARD ACCEPT
	placed '-j DROPS' "ours: pods;-j DROPS"
	both -F FORWARD
	both -A FORWARD -j DOCKER-USER
	of_b "$r"
	[ "$(rules FORWARD)" = "-j DOCKER-USER" ]
	[ "$(rules DOCKER-USER)" = "-s 10.1.0.2/32 -p udp -j DROP;ours: pods;-j DROP" ]
	passes a 203.0.113.2
	fails_to passes a 203.0.113.2 udp
	passes a fd00:9::2 udp
	stopped a fd00:9::2
	both -F FORWARD
	of_b "$r"
	[ "$(rules DOCKER-USER)" = "-s 10.1.0.2/32 -p udp -j DROP;-j DROP" ]
}

@test "a drop in mangle and security is accepted before; one that no rule in FORWARD can help is STATUS 51, with table and chain" {
	far
	status() { CNI_COMMAND=STATUS "$CNIBOX_BIN/firewall" <<<"$FW"; }
	both -t mangle -P FORWARD DROP
	both -t security -A FORWARD -j DROP || skip "this kernel has no legacy table security"
	r=$(attach a 1)
	serve a 80
	everywhere
	status
	both -t mangle -F FORWARD
	fails 105 'legacy iptables, table mangle' call CHECK firewall a /run/netns/a "$(with_prev "$FW" "$r")"
	detach a 1
	for v in "" 6; do [ "$(for t in mangle security; do ip${v}tables-legacy -t $t -S FORWARD | grep -c cnibox; done | paste -sd ' ')" = "0 0" ]; done
	for v in "" 6; do
		for at in "raw PREROUTING" "mangle PREROUTING" "mangle POSTROUTING"; do
			# shellcheck disable=SC2086 # words
			set -- $at
			ip${v}tables-legacy -t "$1" -P "$2" DROP
			if [ -n "$v" ]; then
				sysctl -qw net.ipv6.conf.all.forwarding=0
				status # what is not forwarded is not dropped
				sysctl -qw net.ipv6.conf.all.forwarding=1
			fi
			fails 51 "legacy ip${v}tables $at drops all" status
			ip${v}tables-legacy -t "$1" -A "$2" -m mark --mark 7 -j ACCEPT	# perhaps the pods'
			status
			ip${v}tables-legacy -t "$1" -F "$2"
			ip${v}tables-legacy -t "$1" -P "$2" ACCEPT
			status
		done
	done
}

@test "iptables' lock is waited for, and no rule is lost between its changes and ours" {
	conf=$(with_prev "$FW" "$(add bridge a "$(net 1)")")
	both -P FORWARD DROP
	flock -o /run/xtables.lock sleep 600 3>&- &
	holder=$!
	until ! flock -n /run/xtables.lock true; do kill -0 $holder; done
	add firewall a "$conf" >/dev/null &
	adding=$!
	until grep -q -- '->.*FLOCK' /proc/locks; do kill -0 $adding; done
	kill $holder
	wait $adding
	[ "$(rules FORWARD)" = "ours: pods" ]
	for ((i = 0; i < 40; i++)); do iptables-legacy -w -A INPUT -s 192.0.2.$i -j DROP; done &
	for ((i = 0; i < 10; i++)); do
		del firewall a "$FW"
		add firewall a "$conf" >/dev/null
	done
	wait $!
	[ "$(iptables-legacy -S INPUT | grep -c 192.0.2)" = 40 ]
	[ "$(rules FORWARD)" = "ours: pods" ]
}

# The rules of the reference's plugins of two pods, as they write them; HASH of a network and a container.
HASH=$(printf net1a | sha512sum | cut -c 1-24) PORTS=$(printf net1a | sha512sum | cut -c 1-21)
of_reference() {
	for v in "" 6; do
		[ -z "$v" ] && a=10.1.0.2/32 b=10.1.0.3/32 || a=fd00:1::2/128 b=fd00:1::3/128
		ip${v}tables-legacy-restore <<-RULES
			*filter
			:CNI-ADMIN - [0:0]
			:CNI-FORWARD - [0:0]
			[7:70] -A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
			-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
			-A CNI-FORWARD -d $a -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			-A CNI-FORWARD -s $a -j ACCEPT
			-A CNI-FORWARD -d $b -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			[8:80] -A CNI-FORWARD -s $b -j ACCEPT
			COMMIT
			*nat
			:CNI-$HASH - [0:0]
			:CNI-other - [0:0]
			:CNI-DN-$PORTS - [0:0]
			:CNI-DN-other - [0:0]
			:CNI-HOSTPORT-DNAT - [0:0]
			-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
			-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
			-A POSTROUTING -s $a -m comment --comment "name: \"net1\" id: \"a\"" -j CNI-$HASH
			-A POSTROUTING -s $b -m comment --comment "name: \"net1\" id: \"b\"" -j CNI-other
			-A CNI-$HASH -d $a -j ACCEPT
			-A CNI-$HASH -j MASQUERADE
			-A CNI-other -j MASQUERADE
			-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 8080 -j CNI-DN-$PORTS
			-A CNI-HOSTPORT-DNAT -p udp -m multiport --dports 8081 -j CNI-DN-$PORTS
			-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 9090 -j CNI-DN-other
			-A CNI-DN-$PORTS -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 80
			-A CNI-DN-other -p tcp -m tcp --dport 9090 -j MARK --set-mark 1
			COMMIT
		RULES
	done
}

# legacy_rules: of all tables, with the counts that rules came with.
legacy_rules() { both_saved | grep -v '^[#:]' | sed 's/^\[0:0\] //'; }
both_saved() {
	iptables-legacy-save -c
	ip6tables-legacy-save -c
}

@test "a DEL takes what the reference's plugins made of the pod with iptables-legacy, and nothing of another" {
	of_reference
	r='{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/a"}],"ips":[{"address":"10.1.0.2/24","interface":0},{"address":"fd00:1::2/64","interface":0}]}'
	conf=$(with_prev "$FW" "$r")
	call CHECK firewall a /run/netns/a "$conf"
	iptables-legacy -D CNI-FORWARD -s 10.1.0.2 -j ACCEPT
	fails 105 'cnibox_firewall' call CHECK firewall a /run/netns/a "$conf"
	before=$(legacy_rules)
	del firewall a "$conf"
	diff <(grep -v 'CNI-FORWARD.*\(10.1.0.2\|fd00:1::2/\)' <<<"$before") <(legacy_rules)
	del portmap a "$(jq -c '.type = "portmap" | .runtimeConfig.portMappings = [{hostPort: 8080, containerPort: 80}]' <<<"$FW")"
	diff <(grep -v "CNI-FORWARD.*\(10.1.0.2\|fd00:1::2/\)\|CNI-DN-$PORTS" <<<"$before") <(legacy_rules)
	del bridge a "$(net 1 | jq -c '.ipMasq = true')"
	diff <(grep -v "CNI-FORWARD.*\(10.1.0.2\|fd00:1::2/\)\|$PORTS" <<<"$before") <(legacy_rules)
	[ -z "$(both_saved | grep "^:CNI-\(DN-\)\?$PORTS")" ]
	[ "$(both_saved | grep -c '^:CNI-\(DN-\)\?other')" = 4 ]
}

@test "a chain of the reference's that another rule jumps to stays, and DEL says so" {
	of_reference
	iptables-legacy -t nat -N mine
	iptables-legacy -t nat -A mine -j "CNI-$HASH"
	before=$(iptables-legacy-save | grep -v '^#')
	del bridge a "$(net 1 | jq -c '.ipMasq = true')" 2>"$BATS_TEST_TMPDIR/why"
	grep -q "legacy table nat: other rules jump to chain CNI-$HASH" "$BATS_TEST_TMPDIR/why"
	diff <(echo "$before") <(iptables-legacy-save | grep -v '^#')
	[ -z "$(ip6tables-legacy-save | grep "CNI-$HASH")" ]
	iptables-legacy -t nat -D mine -j "CNI-$HASH"
	del bridge a "$(net 1 | jq -c '.ipMasq = true')"
	[ -z "$(both_saved | grep "CNI-$HASH")" ]
}
