#!/usr/bin/env bats
# Pods beside the rules of other programs, as these wrote them down (tests/clients runs the programs themselves): Docker 20.10, firewalld 1.3,
# ufw 0.36, and kube-proxy with iptables and with nftables.
bats_require_minimum_version 1.5.0
load helpers
load portmap_helpers
load coexist_helpers

setup() {
	node_between
}

teardown() {
	jobs -p | xargs -r kill 2>/dev/null || true
	clean
}

# restore: iptables-restore and ip6tables-restore of what is on stdin.
restore() {
	local rules
	rules=$(cat)
	iptables-nft-restore -n <<<"$rules"
	ip6tables-nft-restore -n <<<"$rules"
}

docker() {
	restore <<-'RULES'
		*filter
		:FORWARD DROP [0:0]
		:DOCKER - [0:0]
		:DOCKER-ISOLATION-STAGE-1 - [0:0]
		:DOCKER-USER - [0:0]
		-I FORWARD -j DOCKER-ISOLATION-STAGE-1
		-I FORWARD -j DOCKER-USER
		-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A FORWARD -o docker0 -j DOCKER
		-A FORWARD -i docker0 -j ACCEPT
		-A DOCKER-ISOLATION-STAGE-1 -j RETURN
		-A DOCKER-USER -j RETURN
		COMMIT
	RULES
}

ufw() {
	restore <<-'RULES'
		*filter
		:FORWARD DROP [0:0]
		:ufw-before-forward - [0:0]
		:ufw-user-forward - [0:0]
		:ufw-after-logging-forward - [0:0]
		:ufw-reject-forward - [0:0]
		:ufw-track-forward - [0:0]
		-A FORWARD -j ufw-before-forward
		-A FORWARD -j ufw-after-logging-forward
		-A FORWARD -j ufw-reject-forward
		-A FORWARD -j ufw-track-forward
		-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A ufw-before-forward -j ufw-user-forward
		-A ufw-after-logging-forward -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
		COMMIT
	RULES
}

firewalld() {
	nft -f - <<-'RULES'
		table inet firewalld {
			chain filter_FWD_policy_guard_deny { }
			chain filter_FWD_policy_guard { jump filter_FWD_policy_guard_deny; }
			chain filter_FORWARD_POLICIES_pre { jump filter_FWD_policy_guard; }
			chain filter_FORWARD_POLICIES_post { }
			chain filter_FWD_public_allow { }
			chain filter_FWD_public {
				jump filter_FORWARD_POLICIES_pre
				jump filter_FWD_public_allow
				jump filter_FORWARD_POLICIES_post
				reject with icmpx admin-prohibited
			}
			chain filter_FORWARD_ZONES { goto filter_FWD_public; }
			chain filter_FORWARD {
				type filter hook forward priority filter + 10; policy accept
				ct state { established, related } accept
				ct status dnat accept
				ct state invalid drop
				jump filter_FORWARD_ZONES
				reject with icmpx admin-prohibited
			}
		}
	RULES
}

# A Service 10.96.0.10:80 whose one pod is a.
kube_proxy() {
	iptables-nft-restore -n <<-'RULES'
		*filter
		:KUBE-FORWARD - [0:0]
		:KUBE-SERVICES - [0:0]
		-I FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
		-I FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
		-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
		-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		COMMIT
		*nat
		:KUBE-MARK-MASQ - [0:0]
		:KUBE-POSTROUTING - [0:0]
		:KUBE-SEP-A - [0:0]
		:KUBE-SERVICES - [0:0]
		:KUBE-SVC-A - [0:0]
		-I PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		-I OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		-I POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
		-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
		-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
		-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
		-A KUBE-POSTROUTING -j MASQUERADE
		-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-A
		-A KUBE-SVC-A -j KUBE-SEP-A
		-A KUBE-SEP-A -s 10.1.0.2/32 -j KUBE-MARK-MASQ
		-A KUBE-SEP-A -p tcp -m tcp -j DNAT --to-destination 10.1.0.2:80
		COMMIT
	RULES
}

kube_proxy_nft() {
	nft -f - <<-'RULES'
		table ip kube-proxy {
			chain mark-for-masquerade { meta mark set meta mark or 0x4000; }
			chain endpoint-a {
				ip saddr 10.1.0.2 jump mark-for-masquerade
				meta l4proto tcp dnat to 10.1.0.2:80
			}
			map service-ips {
				type ipv4_addr . inet_proto . inet_service : verdict
				elements = { 10.96.0.10 . tcp . 80 : goto endpoint-a }
			}
			map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }
			chain nat-prerouting { type nat hook prerouting priority dstnat; policy accept
				ip daddr . meta l4proto . th dport vmap @service-ips
			}
			chain nat-output { type nat hook output priority -100; policy accept
				ip daddr . meta l4proto . th dport vmap @service-ips
			}
			chain nat-postrouting { type nat hook postrouting priority srcnat; policy accept
				meta mark & 0x4000 == 0 return
				meta mark set meta mark xor 0x4000
				masquerade fully-random
			}
			chain filter-forward { type filter hook forward priority -110; policy accept
				ct state new ip daddr . meta l4proto . th dport vmap @no-endpoint-services
			}
		}
	RULES
}

# drops NAME on|off: an administrator's own drop for pod a, in the place that the program has for it.
drops() {
	local -A chain=([docker]=DOCKER-USER [ufw]=ufw-user-forward)
	case $1:$2 in
	firewalld:on) nft add rule inet firewalld filter_FWD_policy_guard_deny ip daddr 10.1.0.2 drop ;;
	firewalld:off) nft flush chain inet firewalld filter_FWD_policy_guard_deny ;;
	*:on) iptables-nft -I "${chain[$1]}" -d 10.1.0.2 -j DROP ;;
	*:off) iptables-nft -D "${chain[$1]}" -d 10.1.0.2 -j DROP ;;
	esac
}

# beside NAME: there before the pods, with an administrator's drop; then there after them.
beside() {
	local before
	"$1"
	before=$(theirs)
	two
	flows
	drops "$1" on
	stopped far 10.1.0.2 80
	drops "$1" off
	as_it_was "$before"
	nft flush ruleset
	attach a 8080
	"$1"
	stopped far "$(address "$(cat "$BATS_TEST_TMPDIR/a")")" 80
	misses 'FORWARD' a 8080
	attach b 8081
	check a 8080
	ask far tcp "$(address "$(cat "$BATS_TEST_TMPDIR/a")")" 80
	as_it_was "$before"
}

@test "Docker" { beside docker; }

@test "ufw" { beside ufw; }

@test "firewalld: a policy that drops is asked first" { beside firewalld; }

# serves: the Service is reached by another pod, by the pod itself and by the node, and all else flows.
serves() {
	flows
	for from in b a "" far; do ask "$from" tcp 10.96.0.10 80; done
}

# served_by PROXY: its rules and Docker's are there before two pods; theirs as they were, in $before.
served_by() {
	ip netns exec far ip route add 10.96.0.0/16 via 198.51.100.1
	docker
	"$1"
	before=$(theirs)
	two
	serves
}

@test "kube-proxy with iptables, beside Docker, before the pods and after them" {
	served_by kube_proxy
	detach b 8081
	nft flush ruleset
	docker
	kube_proxy
	attach b 8081
	serves
	as_it_was "$before"
}

@test "kube-proxy with nftables, beside Docker" {
	served_by kube_proxy_nft
	as_it_was "$before"
}

# everything: all of the above, another table that drops, and the tables of iptables-legacy beside those of iptables-nft.
everything() {
	local v
	docker
	ufw
	kube_proxy
	firewalld
	nft -f - <<<'table inet site { chain out { type filter hook forward priority 50; policy drop; ct state established accept; }; }'
	for v in "" 6; do
		ip${v}tables-legacy -P FORWARD DROP
		ip${v}tables-legacy -N site
		ip${v}tables-legacy -A FORWARD -j site
		ip${v}tables-legacy -A INPUT -p tcp --dport 9 -j DROP
	done
}

legacy() { for v in "" 6; do ip${v}tables-legacy-save | grep -v '^[#:]'; done; }

# printed: each program still prints all of its own.
printed() {
	local program
	for program in iptables ip6tables; do
		$program-nft -L -n >"$BATS_TEST_TMPDIR/printed"
		grep -q '^Chain DOCKER-USER' "$BATS_TEST_TMPDIR/printed"
		$program-nft-save >"$BATS_TEST_TMPDIR/printed" 2>&1
		grep -q '^-A FORWARD -j DOCKER-USER' "$BATS_TEST_TMPDIR/printed"
		grep -q '^-A ufw-before-forward -j ufw-user-forward' "$BATS_TEST_TMPDIR/printed"
		fails_to grep incompatible "$BATS_TEST_TMPDIR/printed"
		$program-legacy -L -n | grep -q '^Chain site'
		$program-legacy-save | grep -q '^-A FORWARD -j site'
	done
	iptables-nft-save -t nat | grep -q '^-A KUBE-SVC-A -j KUBE-SEP-A'
	nft list ruleset >"$BATS_TEST_TMPDIR/printed"
	grep -q '^table inet firewalld' "$BATS_TEST_TMPDIR/printed"
	grep -q 'KUBE-SEP-A' "$BATS_TEST_TMPDIR/printed"
}

@test "all of them at once, beside iptables-legacy and a table that drops: each prints its own, each administrator's drop drops" {
	iptables-legacy -S >/dev/null 2>&1 || skip "this kernel has no legacy tables"
	ip netns exec far ip route add 10.96.0.0/16 via 198.51.100.1
	everything
	before=$(theirs) kept=$(legacy)
	printed
	two
	serves
	printed
	for name in docker ufw firewalld; do
		drops $name on
		stopped far 10.1.0.2 80
		drops $name off
		ask far tcp 10.1.0.2 80
	done
	iptables-legacy -A site -d 10.1.0.2 -j DROP
	stopped far 10.1.0.2 80
	iptables-legacy -F site
	nft insert rule inet site out ip daddr 10.1.0.2 drop
	stopped far 10.1.0.2 80
	nft delete rule inet site out handle "$(nft -a list chain inet site out | sed -n 's/.*10.1.0.2 drop # handle //p')"
	ask far tcp 10.1.0.2 80
	as_it_was "$before"
	diff <(echo "$kept") <(legacy)
}

@test "where traffic cannot flow: STATUS is 51, and names the table and the chain" {
	docker
	owned ip guard forwarded
	two
	fails 51 'ip guard forwarded' env CNI_COMMAND=STATUS "$CNIBOX_BIN/firewall" <<<"$(coexist_conf firewall 0)"
	stopped far 10.1.0.2 80
	ask b tcp fd00:1::2 80
	ask out tcp fd00:9::1 8080
	disowned
	CNI_COMMAND=STATUS "$CNIBOX_BIN/firewall" <<<"$(coexist_conf firewall 0)"
	flows
}
