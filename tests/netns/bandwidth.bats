#!/usr/bin/env bats
# bandwidth: buckets on the host's end and on an ifb, behind ptp.
bats_require_minimum_version 1.5.0
load helpers
load chain_helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"bandwidth","ingressRate":8000000,"ingressBurst":800000,"egressRate":16000000,"egressBurst":1600000}'

setup() {
	pod a
	ip link add probe type ifb 2>/dev/null || skip "this kernel has no ifb links (module ifb, CONFIG_IFB)"
	tc qdisc add dev probe root tbf rate 8mbit burst 10k latency 25ms 2>/dev/null || { ip link del probe; skip "this kernel has no tbf (module sch_tbf)"; }
	ip link del probe
}

teardown() {
	del bandwidth a "$CONF" >/dev/null 2>&1 || true
	clean_pods
}

conf() { jq -c "$1" <<<"$CONF"; }
root() { tc -j qdisc show dev "$1" root | jq -c '.[0] | [.kind, .options.rate]'; }
ifb() { ip -o link show type ifb | cut -d' ' -f2 | tr -d :; }

@test "both ways: buckets, the ifb in the result, packets pass; CHECK" {
	c=$(behind "$CONF" a)
	end=$(host_end "$(jq .prevResult <<<"$c")")
	r=$(add bandwidth a "$c")
	[ "$(root "$end")" = '["tbf",1000000]' ]
	[ "$(root "$(ifb)")" = '["tbf",2000000]' ]
	[ "$(jq -r '.interfaces[2].name' <<<"$r")" = "$(ifb)" ]
	[ "$(jq -r '.interfaces[2].mac' <<<"$r")" = "$(cat "/sys/class/net/$(ifb)/address")" ]
	[ "$(cat "/sys/class/net/$(ifb)/ifalias")" = "cnibox net1 a eth0" ]
	[ "$(jq -cS 'del(.interfaces[2])' <<<"$r")" = "$(jq -cS .prevResult <<<"$c")" ]
	ip netns exec a ping -c1 -W10 -q 10.1.0.1
	ip netns exec a ping -c1 -W10 -q fd00:1::1
	[ "$(tc -s -j qdisc show dev "$(ifb)" root | jq '.[0].packets > 1')" = true ]
	prev=$(with_prev "$c" "$r")
	call CHECK bandwidth a /run/netns/a "$prev"
	fails 105 "is limited to 8000000 bits in a second instead of 9000000" call CHECK bandwidth a /run/netns/a "$(jq -c '.ingressRate = 9000000' <<<"$prev")"
	tc filter del dev "$end" parent ffff:
	fails 105 "$end does not lead through" call CHECK bandwidth a /run/netns/a "$prev"
	tc qdisc del dev "$end" root
	fails 105 "$end has lost its limit (tbf)" call CHECK bandwidth a /run/netns/a "$prev"
	tc qdisc add dev "$end" root tbf rate 8mbit burst 10k latency 25ms
	ip link del "$(ifb)"
	fails 105 "the ifb of the attachment is not there" call CHECK bandwidth a /run/netns/a "$prev"
}

@test "the limit is one: what is sent at once takes its time, in both directions" {
	c=$(behind "$(conf '.ingressRate = 800000 | .ingressBurst = 80000 | .egressRate = 800000 | .egressBurst = 80000')" a)
	add bandwidth a "$c" >/dev/null
	# 70 kB at once; the bucket holds 10, and the queue 2.5 more.
	ip netns exec a ping -q -c1 -W10 -s1400 10.1.0.1
	ip netns exec a ping -q -l 50 -c 50 -W1 -s 1400 10.1.0.1 || true
	[ "$(tc -s -j qdisc show dev "$(ifb)" root | jq '.[0] | .overlimits + .drops > 0')" = true ]
	[ "$(tc -s -j qdisc show dev "$(host_end "$(jq .prevResult <<<"$c")")" root | jq '.[0].packets > 0')" = true ]
}

@test "one way only, none, and from the runtime, with keys in its letter case" {
	c=$(behind "$(conf 'del(.egressRate, .egressBurst)')" a)
	[ "$(add bandwidth a "$c" | jq '.interfaces | length')" = 2 ]
	[ -z "$(ifb)" ]
	call CHECK bandwidth a /run/netns/a "$c"
	call DEL ptp a /run/netns/a "$PTP"
	nothing='{"cniVersion":"1.1.0","name":"net1","type":"bandwidth","capabilities":{"bandwidth":true}}'
	c=$(behind "$nothing" a)
	diff <(jq -S .prevResult <<<"$c") <(add bandwidth a "$c" | jq -S .)
	call CHECK bandwidth a /run/netns/a "$c"
	c=$(jq -c '.runtimeConfig.bandwidth = {"IngressRate":0,"IngressBurst":0,"EgressRate":0,"EgressBurst":0}' <<<"$c")
	diff <(jq -S .prevResult <<<"$c") <(add bandwidth a "$c" | jq -S .)
	[ "$(root "$(host_end "$(jq .prevResult <<<"$c")")")" != '["tbf",1000000]' ]
	c=$(jq -c '.runtimeConfig.bandwidth = {"IngressRate":8000000,"IngressBurst":17179869176,"EgressRate":8000000,"EgressBurst":34359738352}' <<<"$c")
	add bandwidth a "$c" >/dev/null
	[ "$(root "$(ifb)")" = '["tbf",1000000]' ]
	ip netns exec a ping -c1 -W10 -q 10.1.0.1
	call CHECK bandwidth a /run/netns/a "$c"
}

@test "rates beyond 32 bits" {
	c=$(behind "$(conf '.ingressRate = 80000000000 | .ingressBurst = 8000000000')" a)
	add bandwidth a "$c" >/dev/null
	[ "$(root "$(host_end "$(jq .prevResult <<<"$c")")")" = '["tbf",10000000000]' ]
	call CHECK bandwidth a /run/netns/a "$c"
}

@test "shapedSubnets and unshapedSubnets: classes and filters, both families" {
	tc qdisc add dev lo root htb 2>/dev/null || skip "this kernel has no htb (module sch_htb)"
	tc qdisc del dev lo root
	ip addr add 198.51.100.1/32 dev lo
	for key in unshapedSubnets shapedSubnets; do
		c=$(behind "$(jq -c --arg k $key '.[$k] = ["198.51.100.0/24","2001:db8::/33","10.64.0.0/10"]' <<<"$CONF")" a)
		add bandwidth a "$c" >/dev/null
		end=$(host_end "$(jq .prevResult <<<"$c")")
		count() { tc -s class show dev "$1" | sed -n "/^class htb $2 /,/Sent/s/.*Sent [0-9]* bytes \([0-9]*\) pkt.*/\1/p"; }
		ip netns exec a ping -c3 -i0.2 -W10 -q 198.51.100.1
		class=1:1
		[ $key = unshapedSubnets ] || class=1:30
		for dev in "$end" "$(ifb)"; do
			[ "$(count "$dev" $class)" -ge 3 ]
			before=$(count "$dev" $class)
			ip netns exec a ping -c3 -i0.2 -W10 -q 10.1.0.1
			[ "$(count "$dev" $class)" = "$before" ]
		done
		[ "$(tc filter show dev "$(ifb)" parent 1: | grep -c 'match')" -ge 3 ]
		call CHECK bandwidth a /run/netns/a "$c"
		fails 105 "instead of" call CHECK bandwidth a /run/netns/a "$(jq -c '.egressRate = 9000000' <<<"$c")"
		del bandwidth a "$CONF"
		call DEL ptp a /run/netns/a "$PTP"
	done
}

@test "DEL: twice, without a namespace, when everything has gone; the reference's ifb, too" {
	before=$(snapshot)
	c=$(behind "$CONF" a)
	add bandwidth a "$c" >/dev/null
	name=$(ifb)
	call DEL bandwidth a "" '{"cniVersion":"1.1.0","name":"net1","type":"bandwidth","ingressRate":"x"}'
	[ -z "$(ifb)" ]
	del bandwidth a "$CONF"
	call DEL ptp a /run/netns/a "$PTP"
	c=$(behind "$CONF" a)
	add bandwidth a "$c" >/dev/null
	ip netns del a
	del bandwidth a "$CONF"
	call DEL ptp a /run/netns/a "$PTP"
	diff <(echo "$before" | grep -v netns/a) <(snapshot)
	pod a
	ip link add "$name" type ifb
	del bandwidth a "$CONF"
	[ -z "$(ifb)" ]
	ip link add "$name" type ifb
	ip link set "$name" alias "somebody's"
	del bandwidth a "$CONF"
	[ "$(ifb)" = "$name" ]
	ip link del "$name"
}

# rename NAME NEW: as udev does it, on a link that is up.
rename() { ip link set "$1" down && ip link set "$1" name "$2" && ip link set "$2" up; }

@test "a host end that was renamed gets its limits, and keeps them; an ifb that was renamed goes with DEL" {
	c=$(behind "$CONF" a)
	rename "$(host_end "$(jq .prevResult <<<"$c")")" end0
	r=$(add bandwidth a "$c")
	[ "$(root end0)" = '["tbf",1000000]' ]
	call CHECK bandwidth a /run/netns/a "$(with_prev "$c" "$r")"
	rename end0 end1
	rename "$(ifb)" shaper0
	call CHECK bandwidth a /run/netns/a "$(with_prev "$c" "$r")"
	del bandwidth a "$CONF"
	[ -z "$(ifb)" ]
}

@test "two interfaces of one pod in one network have an ifb each" {
	add bandwidth a "$(behind "$CONF" a)" >/dev/null
	PTP=$(jq -c 'del(.ipam.routes) | .ipam.ranges = [[{"subnet":"10.2.0.0/24"}]]' <<<"$PTP")
	add bandwidth a "$(behind "$CONF" a eth1)" eth1 >/dev/null
	[ "$(ifb | wc -l)" = 2 ]
	del bandwidth a "$CONF" eth1
	[ "$(cat "/sys/class/net/$(ifb)/ifalias")" = "cnibox net1 a eth0" ]
	call DEL ptp a /run/netns/a "$PTP" eth1
}

@test "GC removes the ifbs of attachments that are gone, of this network alone" {
	add bandwidth a "$(behind "$CONF" a)" >/dev/null
	gc() { CNI_COMMAND=GC "$CNIBOX_BIN/bandwidth" <<<"$(valid "$1" "$2")"; }
	gc "$CONF" '[]'
	[ -n "$(ifb)" ]
	call DEL ptp a /run/netns/a "$PTP"
	gc "$(conf '.name = "net2"')" '[]'
	gc "$CONF" '[{"containerID":"a","ifname":"eth0"}]'
	CNI_COMMAND=GC "$CNIBOX_BIN/bandwidth" <<<"$CONF"
	[ -n "$(ifb)" ]
	gc "$CONF" '[]'
	[ -z "$(ifb)" ]
	CNI_COMMAND=STATUS "$CNIBOX_BIN/bandwidth" <<<"$CONF"
}

@test "what is wrong is named, and nothing changes" {
	c=$(behind "$CONF" a)
	wrong() { jq -c "$1" <<<"$c"; }
	unchanged fails 7 'ingressBurst: missing; it goes with ingressRate' add bandwidth a "$(wrong 'del(.ingressBurst)')"
	unchanged fails 7 'egressRate: missing; it goes with egressBurst' add bandwidth a "$(wrong '.egressRate = 0')"
	unchanged fails 7 'ingressBurst: 34359738360 bits are more than the kernel' add bandwidth a "$(wrong '.ingressBurst = 34359738360')"
	unchanged fails 7 'ingressRate: 7 bits' add bandwidth a "$(wrong '.ingressRate = 7')"
	unchanged fails 7 'egressRate' add bandwidth a "$(wrong '.egressRate = -1')"
	unchanged fails 7 'egressRate' add bandwidth a "$(wrong '.egressRate = "1M"')"
	unchanged fails 7 'shapedSubnets excludes unshapedSubnets' add bandwidth a "$(wrong '.shapedSubnets = ["10.0.0.0/8"] | .unshapedSubnets = ["10.0.0.0/8"]')"
	unchanged fails 7 'shapedSubnets[0]' add bandwidth a "$(wrong '.shapedSubnets = ["10.0.0.0"]')"
	unchanged fails 7 'runtimeConfig.bandwidth.ingressRate' add bandwidth a "$(jq -c 'del(.ingressRate, .ingressBurst, .egressRate, .egressBurst) | .runtimeConfig.bandwidth.ingressRate = "x"' <<<"$c")"
	unchanged fails 7 'prevResult: missing' add bandwidth a "$CONF"
	unchanged fails 7 'prevResult.interfaces: none of the host is the other end of eth0' add bandwidth a "$(wrong 'del(.prevResult.interfaces[0]) | .prevResult.ips = []')"
	end=$(host_end "$(jq .prevResult <<<"$c")")
	tc qdisc add dev "$end" ingress
	unchanged fails 101 "$end: add queueing discipline: the link has one of somebody else" add bandwidth a "$c"
	tc qdisc show dev "$end" | grep ingress
	[ "$(root "$end" | jq -r '.[0]')" != tbf ]
}
