#!/usr/bin/env bats
# What veth-host asks of the kernel: no more than the pod needs, however many there are.
bats_require_minimum_version 1.5.0
load helpers
load wire_helpers
load portmap_helpers
load veth_host_helpers

setup() {
	command -v strace >/dev/null || skip "needs strace"
	kernel_has "$FIRST"
	underlay_setup
}

teardown() {
	underlay_teardown
}

# asked MESSAGE: the families of the connections that the trace asks for so
asked() { grep -E "IPCTNL_MSG_CT_($1)" "$BATS_TEST_TMPDIR/trace" | grep -o 'nfgen_family=[A-Z0-9_]*' | cut -d= -f2 | sort -u | xargs | tr ' ' ,; }

@test "DEL asks for the machine's connections of the families alone that the pod has, and walks through no more than it must" {
	attach a "$VETH" "$(first "$FIRST" | jq -c 'del(.ipam.ranges[1]) | .ipam.routes = [{"dst":"0.0.0.0/0"}]')" >/dev/null
	attach b >/dev/null
	for of in a:AF_INET b:AF_INET,AF_INET6; do
		CNI_COMMAND=DEL CNI_CONTAINERID=${of%:*} CNI_NETNS=/run/netns/${of%:*} CNI_IFNAME=eth0 \
			strace -qq -e trace=sendto -o "$BATS_TEST_TMPDIR/trace" "$CNIBOX_BIN/veth-host" <<<"$VETH"
		[ "$(asked 'GET|DELETE')" = "${of#*:}" ]
		# From Linux 6.12 on the kernel deletes IPv4 connections by a pattern.
		[ "$(printf '%s\n' 6.12 "$(uname -r)" | sort -V | head -n 1)" != 6.12 ] || [[ $(asked GET) != *AF_INET,* && $(asked GET) != AF_INET ]]
	done
}

@test "the more pods, the longer are the kernel's answers, but nothing more is asked" {
	local pod asked
	pod c
	pod d
	pod e
	for pod in a b c d e; do
		r=$(add "$FIRST" "$pod" "$(first "$FIRST")")
		CNI_COMMAND=ADD CNI_CONTAINERID=$pod CNI_NETNS=/run/netns/$pod CNI_IFNAME=eth0 \
			strace -qq -e trace=sendto -o "$BATS_TEST_TMPDIR/trace.$pod" "$CNIBOX_BIN/veth-host" <<<"$(with_prev "$VETH" "$r")" >/dev/null
	done
	asked=$(wc -l <"$BATS_TEST_TMPDIR/trace.b")
	[ "$asked" -gt 20 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/trace.e")" = "$asked" ]
}
