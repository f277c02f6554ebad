#!/usr/bin/env bats
# cnibox node beside the routes and rules of others.
bats_require_minimum_version 1.5.0
load node_helpers

dual() {
	cluster '{}' "$(entry m '192.168.122.14 2001:db8::14' '10.1.0.0/24 fd01::/64')" \
		"$(entry b '192.168.122.15 2001:db8::15' '10.2.0.0/24 fd02::/64')"
}

@test "by metric, in both families: what wins is refused, what loses is nobody's business" {
	dual
	ip route add 10.2.0.0/24 via 192.168.122.1 metric 5
	ip -6 route add fd02::/64 via 2001:db8::1 metric 2048
	quiet
	node down
	ip -6 route add fd02::/64 via 2001:db8::2 metric 512
	refused 'route fd02::/64 via 2001:db8::2 (protocol 3) is there already and not ours' up
	ip -6 route del fd02::/64 metric 512
	ip -6 route add blackhole fd02::/64
	refused 'route fd02::/64 (protocol 3) is there already and not ours' up
	ip -6 route del blackhole fd02::/64
	ip route add unreachable 10.2.0.0/24
	refused 'route 10.2.0.0/24 (protocol 3) is there already and not ours' up
	ip route del unreachable 10.2.0.0/24
}

@test "by a longer prefix: a warning, of many the first few" {
	dual
	ip route add 10.2.0.128/25 via 192.168.122.1
	warns 'route 10.2.0.128/25 (protocol 3, eth0) is not ours, and wins over the one to the pods of node b'
	ip -6 route add fd02::7/128 via 2001:db8::1
	warns 'route fd02::7/128 (protocol 3, eth0) is not ours'
	for i in $(seq 20); do ip route add "10.2.0.$i/32" via 192.168.122.1; done
	run --separate-stderr up
	[ "$(grep -c 'is not ours, and wins' <<<"$stderr")" -eq 8 ]
}

@test "by table and rule, in both families: what the kernel asks before the main table" {
	dual
	ip route add 10.0.0.0/8 via 192.168.122.1 table 77
	ip -6 route add default via 2001:db8::1 table 77
	quiet	# nobody asks that table
	ip rule add pref 100 lookup 77
	warns 'the IPv4 rule of priority 100 asks table 77 before the main one: its route 10.0.0.0/8 wins over those to pods'
	ip rule del pref 100
	ip -6 rule add pref 100 lookup 77
	warns 'the IPv6 rule of priority 100 asks table 77 before the main one: its route ::/0 wins over those to pods'
	ip -6 rule del pref 100
	ip rule add pref 100 from 10.1.0.0/16 lookup 77
	warns 'the IPv4 rule of priority 100'
	ip rule del pref 100
	ip rule add pref 100 to 10.2.0.0/24 unreachable
	warns 'the IPv4 rule of priority 100 refuses packets to pods'
	ip rule del pref 100
	ip rule add pref 100 not fwmark 7 lookup 77
	warns 'the IPv4 rule of priority 100'
	ip rule add pref 99 lookup main suppress_prefixlength 0	# as wg-quick does it
	quiet
	ip rule del pref 99
	ip rule del pref 100
}

@test "rules that concern other packets, later tables, and routes to elsewhere are no matter" {
	dual
	ip route add 10.0.0.0/8 via 192.168.122.1 table 77
	ip route add 172.16.0.0/12 via 192.168.122.1 table 78
	ip rule add pref 100 from 172.16.0.1 lookup 77
	ip rule add pref 101 fwmark 7 lookup 77
	ip rule add pref 102 iif lo lookup 77
	ip rule add pref 103 to 172.16.0.0/12 lookup 77
	ip rule add pref 104 lookup 78
	ip rule add pref 105 lookup 77 suppress_prefixlength 8
	ip rule add pref 40000 lookup 77
	quiet
	for p in 100 101 102 103 104 105 40000; do ip rule del pref $p; done
}

@test "a dual-stack node whose peers have one family only is joined in that, with a warning" {
	cluster '{}' "$(entry m '192.168.122.14 2001:db8::14' '10.1.0.0/24 fd01::/64')" \
		"$(entry b 192.168.122.15 '10.2.0.0/24 fd02::/64')" "$(entry c 2001:db8::16 '10.3.0.0/24 fd03::/64')"
	warns 'no next hop on link, left out: c (10.3.0.0/24), b (fd02::/64)'
	[ "$(ip route show proto 193 | wc -l)" -eq 1 ]
	[ "$(ip -6 route show proto 193 | wc -l)" -eq 1 ]
	[ "$(up 2>/dev/null)" = "nothing to change" ]
}
