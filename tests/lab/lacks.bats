#!/usr/bin/env bats
# What a kernel lacks is said by the name that initramfs/modules has for it, and leaves nothing behind;
# and a 32-bit program on a 64-bit kernel. One machine of a lab of its own;
# LAB_KERNEL chooses the kernel.
bats_require_minimum_version 1.5.0

TOP=$BATS_TEST_DIRNAME/../..
CONF='{"cniVersion":"1.0.0","name":"n","type":"bridge","bridge":"cni0","isDefaultGateway":true,"ipMasq":true,
"ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}'

setup_file() {
	LAB_RUN=$(mktemp -d /tmp/cnibox-lacks.XXXXXX)
	export LAB=$TOP/qemu/lab LAB_RUN
	"$LAB" start node1
	"$LAB" exec node1 -- sh -c 'cat >/tmp/conf' <<<"$CONF"
	"$LAB" exec node1 -- sh -c 'cat >/tmp/verbs' <<'X'
file() { find /lib/modules -name "$1.ko"; }
hide() { file "$1" >/tmp/where; mv "$(cat /tmp/where)" /tmp/hidden.ko; }
show() { mv /tmp/hidden.ko "$(cat /tmp/where)"; }
call() { CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/var/run/netns/a CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin ${2:-/usr/bin/cnibox} bridge </tmp/conf; }
unload() { ip link del cni0; modprobe -r nft_masq nft_chain_nat nft_ct nf_tables veth bridge; } 2>/dev/null
left() { ip -o link show type veth; ls /var/lib/cni/networks/n 2>/dev/null | grep '^1'; }
X
}

teardown_file() {
	"$LAB" down
}

# on SCRIPT ARGUMENT...: a shell script there
on() {
	"$LAB" exec node1 -- sh -c ". /tmp/verbs; $1" there "${@:2}" </dev/null
}

# lacks MODULE: ADD without it fails with code 104 and its name or its option's, and leaves nothing
lacks() {
	local option

	option=$(awk -v module="$1" '$1 == module || $1 == "?" module { print $2 }' "$TOP/initramfs/modules")
	[ -n "$option" ]
	run --separate-stderr on 'unload; ip netns add a; hide "$1"; call ADD; status=$?; show; exit $status' "$1"
	echo "$output"
	[ "$status" -ne 0 ]
	[ "$(jq -r .code <<<"$output")" = 104 ]
	jq -r .msg <<<"$output" | grep -qE "module $1|CONFIG_${option}[^A-Z0-9_]"
	run on 'left; call DEL; ip netns del a'
	echo "$output"
	[ -z "$output" ]
}

@test "a kernel without bridge" { lacks bridge; }
@test "a kernel without veth" { lacks veth; }
@test "a kernel without nf_tables" { lacks nf_tables; }
@test "a kernel without nft_chain_nat" { lacks nft_chain_nat; }
@test "a kernel without nft_masq" { lacks nft_masq; }

@test "with all of them the same ADD succeeds" {
	run on 'ip netns add a; call ADD && ip netns exec a ping -c1 -W2 -q 10.1.0.1 && call DEL && ip netns del a; left'
	echo "$output"
	grep -q '"address":"10.1.0.' <<<"$output"
	grep -q '1 packets received' <<<"$output"
}

@test "a kernel whose nft_counter is a module and missing: the node program names it" {
	[ -n "$(on 'file nft_counter')" ] || skip "this kernel has nft_counter built in"
	run --separate-stderr on 'iptables -P FORWARD DROP; hide nft_counter
		echo "{\"nodes\":[{\"name\":\"node1\",\"addresses\":[\"192.168.122.15\"],\"subnets\":[\"192.168.1.0/24\"]}]}" >/tmp/c.json
		cnibox node up -f /tmp/c.json --name node1; status=$?; show; cnibox node down; exit $status'
	echo "$output $stderr"
	[ "$status" -ne 0 ]
	grep -q nft_counter <<<"$stderr"
}

@test "every module that a feature needs is this kernel's, as a module or built in, by the option in the list" {
	config=$(cat "$(cat "$LAB_RUN/kernel")"/boot/config-*)
	missing=$(awk '!/^#/ && NF && $3 != "others" && !/^\?/ { print $2 }' "$TOP/initramfs/modules" | while read -r option; do
		grep -qE "^CONFIG_$option=[my]" <<<"$config" || echo "$option"
	done)
	echo "$missing"
	[ -z "$missing" ]
}

@test "a 32-bit program on this 64-bit kernel: ADD with a masquerade, and DEL; also in the year 2040" {
	[ "$(on 'uname -m')" = x86_64 ] || skip "i386 programs need an x86-64 kernel"
	[ -e "$TOP/build/i386/cnibox" ] || skip "no build/i386/cnibox: make ARCH=i386"
	"$LAB" put node1 "$TOP/build/i386/cnibox" /tmp/cnibox32
	for date in '' 2040-02-03; do
		run on '[ -z "$1" ] || date -s "$1 04:05"; ip netns add a
			call ADD /tmp/cnibox32 && ip netns exec a ping -c1 -W2 -q 10.1.0.1 && nft list ruleset &&
			call DEL /tmp/cnibox32 && ip netns del a' "$date"
		echo "$output"
		grep -q '"address":"10.1.0.' <<<"$output"
		grep -q '1 packets received' <<<"$output"
		grep -q masquerade <<<"$output"
	done
	[ -z "$(on left)" ]
}
