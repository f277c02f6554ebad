#!/usr/bin/env bats
# kube_proxy_wire.bats in a machine of the lab, whose kernel has what this one may lack: ip_vs for kube-proxy, and ipvlan.
bats_require_minimum_version 1.5.0

TOP=$BATS_TEST_DIRNAME/../..

setup_file() {
	[ -x "$TOP/build/kubernetes/kube-proxy" ] || return 0
	LAB_RUN=$(mktemp -d /tmp/cnibox-proxy.XXXXXX)
	export LAB_RUN LAB_MEMORY=512
	"$TOP/qemu/lab" start node1
	"$TOP/tests/lab/case_files" node1 put
	"$TOP/tests/lab/case_files" node1 kube-proxy
}

setup() {
	[ -x "$TOP/build/kubernetes/kube-proxy" ] || skip "no kube-proxy (make test-kubernetes builds it)"
}

teardown_file() {
	[ -z "${LAB_RUN:-}" ] || "$TOP/qemu/lab" down
}

# beside FIRST [ARGUMENT...]: all cases pass, none is skipped
beside() {
	run env FIRST="$1" "$TOP/tests/lab/case_files" node1 run tests/kubernetes/kube_proxy_wire.bats "${@:2}"
	echo "$output"
	[ "$status" -eq 0 ]
	grep -q '^ok .*ipvs' <<<"$output"
	run ! grep -i '# skip' <<<"$output"
}

@test "pods of macvlan with veth-host beside kube-proxy with iptables and with ipvs" { beside macvlan; }
@test "pods of ipvlan with veth-host beside kube-proxy with ipvs" { beside ipvlan -f ipvs; }
