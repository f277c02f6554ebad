#!/usr/bin/env bats
# cnibox node: what it cannot mend is told, by up and by show, and changes no exit status.
bats_require_minimum_version 1.5.0
load node_helpers

# told TEXT: up and show warn so.
told() {
	warns "$1"
	run --separate-stderr node show -f "$FILE" --name m
	[ "$status" -eq 0 ]
	grep -qF -- "$1" <<<"$stderr"
}

@test "another link has one of our subnets, or a part of it" {
	three
	quiet
	ip link add virbr0 type bridge
	ip addr add 192.168.0.129/25 dev virbr0
	told 'link virbr0 has 192.168.0.129/25, of the subnet 192.168.0.0/24 of the pods here'
	ip addr flush dev virbr0
	ip addr add 192.168.0.1/16 dev virbr0	# ours is the longer prefix
	quiet
	ip link del virbr0
	ip addr add 192.168.0.9/32 dev lo
	told 'link lo has 192.168.0.9/32'
	ip addr del 192.168.0.9/32 dev lo
}

@test "addresses of this node that another machine has" {
	three
	quiet
	ip -4 addr flush dev eth0
	ip addr add 192.168.122.24/24 dev eth0
	told 'this machine has no address of node m (192.168.122.14), where the others look for its pods'
	cluster '{}' "$(entry m '192.168.122.14 192.168.122.24' 192.168.0.0/24)"
	quiet
}

@test "another CNI configuration comes first" {
	three
	mkdir -p /etc/cni/net.d
	touch /etc/cni/net.d/99-late.conflist /etc/cni/net.d/00-note.txt /etc/cni/net.d/.x.conf.swp
	quiet
	for name in 05-a.conflist 04-b.conf 03-c.json; do
		touch /etc/cni/net.d/$name
		told "/etc/cni/net.d/$name comes before 10-cnibox.conflist"
	done
	rm /etc/cni/net.d/0[345]*
	three '{"networks":["192.168.0.0/16"],"cniConfig":"/etc/cni/net.d/20-x.conflist"}'
	quiet	# our own former file goes by itself
}

@test "plugins that are missing" {
	three
	rm /opt/cni/bin/bash-cni
	told 'no plugin bash-cni in /opt/cni/bin'
	rm /opt/cni/bin/loopback
	export CNI_PATH=/opt/cni/bin	# this machine may have the reference plugins elsewhere
	told 'no plugin loopback in /opt/cni/bin'
	CNI_PATH=/nowhere:$BIN quiet
	export CNI_PATH=/opt/cni/bin
	cluster '{}' "$(entry m '192.168.122.14 2001:db8::14' '192.168.0.0/24 fd00::/64')"
	rm /opt/cni/bin/bridge
	told 'no plugin bridge in'
}

@test "bridge-nf-call-iptables, which Services need on a cluster of Kubernetes" {
	three
	quiet	# here is no Kubernetes
	jq '{kind:"List", items:[.nodes[] | {metadata:{name}, spec:{podCIDR:.subnets[0]}, status:{addresses:[{type:"InternalIP",
		address:.addresses[0]}]}}], networks:["192.168.0.0/16"]}' "$FILE" >"$BATS_TEST_TMPDIR/list.json"
	FILE=$BATS_TEST_TMPDIR/list.json
	knob=/proc/sys/net/bridge/bridge-nf-call-iptables
	if [ ! -e $knob ]; then
		told 'sysctl net/bridge/bridge-nf-call-iptables is missing: a pod does not reach a Service'
		return
	fi
	echo 0 >$knob
	told 'sysctl net/bridge/bridge-nf-call-iptables is 0: a pod does not reach a Service'
	echo 1 >$knob
	quiet
}
