#!/usr/bin/env bats
# The case files of tests/netns and tests/reference whose links this machine's kernel may lack, on the lab's kernel. One machine of a lab of its own.
# FULL=1 (make soak): every case; LAB_ALL=1 (make kernels): the first ADD and the DELs of each; else the first ADD, and the DELs of one,
# for an emulated machine is slow. Beside other programs' firewalls: every case, else one.
bats_require_minimum_version 1.5.0

TOP=$BATS_TEST_DIRNAME/../..

foreign() {
	[ -n "${LAB_ARCH:-}" ] && [ -n "$("$TOP/third_party/architecture" --foreign "$LAB_ARCH")" ]
}

setup_file() {
	LAB_RUN=$(mktemp -d /tmp/cnibox-cases.XXXXXX)
	export LAB=$TOP/qemu/lab LAB_RUN LAB_MEMORY=384 # half of it is what files may take, and the reference plugins take much
	"$LAB" start node1
	"$BATS_TEST_DIRNAME/case_files" node1 put
}

teardown_file() {
	"$LAB" down
}

# all_pass FILE [CASES]: no case fails, none is skipped
all_pass() {
	local some=(-f "^ADD: result|^three nodes in three subnets${2:+|$2}")

	[ -z "${LAB_ALL:-}" ] || some=(-f '^ADD: result|^DEL: |^three nodes in three subnets')
	[ "${FULL:-}" != 1 ] || some=()
	pass "tests/netns/$1" "${some[@]}"
}

# pass ARGUMENT...: of bats there; no case fails, none is skipped but for what a kernel too old or too new has no more or not yet
pass() {
	run "$BATS_TEST_DIRNAME/case_files" node1 run "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	grep -q '^ok ' <<<"$output"
	skipped=$(grep -i '# skip' <<<"$output" | grep -vE 'no legacy tables|tables have no owners|one kind of table') || true
	[ -z "$skipped" ]
}

@test "dummy" { all_pass dummy.bats; }
@test "ipvlan" { all_pass ipvlan.bats '^DEL: '; }
@test "dhcp over ipvlan" { all_pass dhcp_ipvlan.bats; }
@test "veth-host behind ipvlan" { FIRST=ipvlan all_pass veth_host.bats "^ADD: result|does not forward"; }
@test "vlan" { all_pass vlan.bats; }
@test "node: VXLAN" { all_pass node_vxlan.bats; }
@test "bridge: VLANs" { all_pass bridge_vlan.bats; }
@test "vrf" { all_pass vrf.bats; }
@test "tap, and a program that opens it" { all_pass tap.bats '^a program that opens'; }
@test "node: WireGuard" { all_pass node_wireguard.bats; }

@test "beside Docker, ufw, kube-proxy, firewalld, a table that drops and both kinds of iptables" {
	local some=(-f '^all of them at once')

	[ -z "${FULL:-}${LAB_ALL:-}" ] || some=()
	pass tests/netns/coexist.bats "${some[@]}"
}

# bats test_tags=deep
@test "firewall, also with iptables-legacy" { pass tests/netns/firewall{,_source}.bats tests/netns/fw_legacy.bats; }

# as_reference ARGUMENT...: of pass()
as_reference() {
	! foreign || skip "the reference plugins are run on this machine's architecture only"
	[ -x "$TOP/build/third_party/containernetworking-plugins/usr/lib/cni/ipvlan" ] ||
		skip "the reference plugins are not there (third_party/unpack containernetworking-plugins)"
	pass "$@"
}

# all_as_reference ARGUMENT...: the same; hours on each kernel, and what the reference plugins say is the same on all
all_as_reference() {
	[ "${FULL:-}" = 1 ] || [ -z "${LAB_ALL:-}" ] || skip "one kernel is enough to compare: FULL=1, or make soak"
	as_reference "$@"
}

@test "ipvlan in a chain as the reference" { as_reference tests/reference/same.bats -f '^ipvlan: in a chain'; }

# bats test_tags=deep
@test "ipvlan, vlan as the reference" { all_as_reference tests/reference/same.bats -f '^ipvlan|^vlan'; }

# bats test_tags=deep
@test "vrf as the reference; tap and a bridge's VLANs as the later one" { all_as_reference tests/reference/{vrf,later}.bats; }

# bats test_tags=deep
@test "lists of others with ipvlan as they are" { pass tests/netns/samples_underlay.bats; }

# faulted WHAT ARGUMENT...: of tests/faults, WHAT is how the last line ends
faulted() {
	! foreign || skip "the sweeps write into the registers of this machine's processor only"
	run "$BATS_TEST_DIRNAME/case_files" node1 "${@:2}"
	echo "$output"
	[ "$status" -eq 0 ]
	tail -n 1 <<<"$output" | grep -qE "^[1-9][0-9]* .*$1\$"
}

# bats test_tags=deep
@test "dummy, ipvlan, vlan, vrf and a bridge's VLANs: killed anywhere, refused anywhere, the pod's namespace gone" {
	local mode step=127

	[ "${FULL:-}" != 1 ] || step=31
	for mode in kill refuse vanish; do
		faulted ' points x 0 defects' sweep -j 1 -s $step $mode dummy ipvlan vlan vrf bridge-vlan
		run ! grep 'not swept' <<<"$output"
	done
}

# bats test_tags=deep
@test "pods of ipvlan and vlan among others attached and detached again and again: nothing becomes more" {
	local size=(-p 12 -c 40 -k 20)

	[ "${FULL:-}" != 1 ] || size=(-p 40 -c 1000 -k 200)
	faulted 'nothing has grown' soak "${size[@]}"
	run ! grep 'no pods of' <<<"$output"
}

@test "host-device: hardware, by its path in sysfs, comes back by itself when the pod is gone, and DEL or another ADD makes it as it was, at once" {
	run "$LAB" exec node1 -- sh -c 'path=$(cd -P /sys/class/net/eth0/device && pwd -P)
		echo "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"type\":\"host-device\",\"kernelpath\":\"$path\"}" >/tmp/conf
		call() { CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=$2 CNI_IFNAME=net7 CNI_PATH=/tests/build/bin /tests/build/bin/host-device </tmp/conf; }
		what() { ip -o addr show eth0 | grep -o "inet [^ ]*"; ip -o link show eth0 | grep -o "<.*> mtu [0-9]*"; }
		ip netns add a; what >/tmp/was
		call ADD /run/netns/a && ip -n a link show net7 && ! ip link show eth0 || exit 1
		ip -n a link set net7 down; ip -n a link set net7 name lan; ip netns del a
		call DEL "" && what | diff /tmp/was - && [ -z "$(ls -A /run/cnibox/device)" ] || exit 1
		echo "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"type\":\"host-device\",\"device\":\"eth0\"}" >/tmp/conf
		ip netns add a; ip netns add b
		call ADD /run/netns/a && ! call ADD /run/netns/b && ip netns del a && call ADD /run/netns/b || exit 1
		[ "$(ip -n b -o link show net7 | grep -o "alias .*")" = "alias eth0" ] || exit 1
		ip netns del b
		call DEL "" && what | diff /tmp/was - && [ -z "$(ls -A /run/cnibox/device)" ]' </dev/null
	echo "$output"
	[ "$status" -eq 0 ]
}
