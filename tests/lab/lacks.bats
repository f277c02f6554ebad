#!/usr/bin/env bats
# What a kernel lacks is said by the name that initramfs/modules has for it, and leaves nothing behind;
# and a 32-bit program on a 64-bit kernel. One machine of a lab of its own;
# LAB_KERNEL chooses the kernel.
bats_require_minimum_version 1.5.0

TOP=$BATS_TEST_DIRNAME/../..
setup_file() {
	LAB_RUN=$(mktemp -d /tmp/cnibox-lacks.XXXXXX)
	export LAB=$TOP/qemu/lab LAB_RUN
	"$LAB" start node1
	"$LAB" exec node1 -- sh -c 'cat >/tmp/verbs' <<'X'
file() { find /lib/modules -name "$1.ko"; }
hide() { file "$1" >/tmp/where; mv "$(cat /tmp/where)" /tmp/hidden.ko; }
show() { mv /tmp/hidden.ko "$(cat /tmp/where)"; }
call() { CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/var/run/netns/a CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin ${2:-/usr/bin/cnibox} ${plugin:-bridge} </tmp/conf; }
unload() { ip link del cni0; for m in nft_masq nft_chain_nat nft_ct nft_counter nft_compat nf_tables nf_nat nf_conntrack veth bridge dummy macvlan ipvlan 8021q; do modprobe -r $m; done; } 2>/dev/null
cluster() { echo '{"nodes":[{"name":"node1","addresses":["192.168.122.15"],"subnets":["192.168.1.0/24"]}]}' >/tmp/c.json; }
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

# conf PLUGIN [KEYS]: its configuration
conf() {
	local ipam='"ipam":{"type":"host-local","subnet":"10.1.0.0/24"}'

	printf '{"cniVersion":"1.0.0","name":"n","type":"%s"%s%s}' "$1" "${2:+,$2}" ",$ipam"
}

# lacks MODULE PLUGIN [KEYS [NAMED]]: ADD without the module fails with code 104 and its name or its option's,
# or with that of the module that needs it, and leaves nothing
lacks() {
	local option named=${4:-$1}

	"$TOP/build/cnibox" --list plugins | grep -qx "$2" || skip "this cnibox has no $2"
	option=$(awk -v module="$named" '$1 == module || $1 == "?" module { print $2 }' "$TOP/initramfs/modules")
	[ -n "$option" ]
	on 'echo "$1" >/tmp/conf' "$(conf "$2" "${3-}")"
	run --separate-stderr on 'unload; ip netns add a; hide "$1"; plugin=$2 call ADD; status=$?; show; exit $status' "$1" "$2"
	echo "$output"
	[ "$status" -ne 0 ]
	[ "$(jq -r .code <<<"$output")" = 104 ]
	jq -r .msg <<<"$output" | grep -qE "module $named|CONFIG_${option}[^A-Z0-9_]"
	run on 'left; plugin=$1 call DEL; ip netns del a' "$2"
	echo "$output"
	[ -z "$output" ]
}

masq='"isDefaultGateway":true,"ipMasq":true'
@test "a kernel without bridge" { lacks bridge bridge; }
@test "a kernel without veth" { lacks veth bridge; }
@test "a kernel without veth: ptp" { lacks veth ptp; }
@test "a kernel without dummy" { lacks dummy dummy; }
@test "a kernel without macvlan" { lacks macvlan macvlan '"master":"eth0"'; }
@test "a kernel without ipvlan" { lacks ipvlan ipvlan '"master":"eth0"'; }
@test "a kernel without 8021q" { lacks 8021q vlan '"master":"eth0","vlanId":7'; }
@test "a kernel without nf_tables" { lacks nf_tables bridge "$masq"; }
@test "a kernel without nft_chain_nat" { lacks nft_chain_nat bridge "$masq"; }
@test "a kernel without nft_masq" { lacks nft_masq bridge "$masq"; }
@test "a kernel without nf_conntrack, which the nat chains need" { lacks nf_conntrack bridge "$masq" nft_chain_nat; }

@test "a kernel without nf_tables: the node program names it, and its routes and all else are taken back" {
	run --separate-stderr on 'unload; hide nf_tables; cluster
		cnibox node up -f /tmp/c.json --name node1; status=$?; cnibox node down; show; exit $status'
	echo "$output $stderr"
	[ "$status" -ne 0 ]
	grep -q 'module nf_tables, CONFIG_NF_TABLES' <<<"$stderr"
	[ -z "$(on 'ip route show proto 193')" ]
}

# The modules of the features that this cnibox has: each is missing in a test above, or it is said here why not.
@test "each module that a feature of this cnibox needs is missing in a test, or there is a reason" {
	local -A why=([nft_counter]="in a test below, where it is a module")
	local module features

	# portmap and bandwidth name what they lack in tests of their own or not yet: none of them is in the lab.
	for module in nft_nat nft_ct nf_conntrack_netlink ifb sch_tbf sch_ingress act_mirred cls_u32 sch_htb; do
		why[$module]="not missing in any test of the lab yet"
	done

	while read -r module features; do
		[ -z "${why[$module]-}" ] || continue
		grep -q "^@test.*lacks $module " "$BATS_TEST_FILENAME" || { echo "$module ($features)"; false; }
	done < <("$TOP/initramfs/features" "$TOP/build/cnibox" | awk -F'|' '{
		n = split($4, m, ","); for (i = 1; i <= n; i++) if (split(m[i], q, "`") > 1) print q[2], $2 }')
}

@test "with all of them the same ADD succeeds" {
	on 'echo "$1" >/tmp/conf' "$(conf bridge "$masq")"
	run on 'ip netns add a; call ADD && ip netns exec a ping -c1 -W2 -q 10.1.0.1 && call DEL && ip netns del a; left'
	echo "$output"
	grep -q '"address":"10.1.0.' <<<"$output"
	grep -q '1 packets received' <<<"$output"
}

@test "a kernel whose nft_counter is a module and missing: the node program names it" {
	[ -n "$(on 'file nft_counter')" ] || skip "this kernel has nft_counter built in"
	run --separate-stderr on 'iptables -P FORWARD DROP; hide nft_counter; cluster
		cnibox node up -f /tmp/c.json --name node1; status=$?; show; cnibox node down; exit $status'
	echo "$output $stderr"
	[ "$status" -ne 0 ]
	grep -q nft_counter <<<"$stderr"
}

@test "every module that a feature needs is this kernel's, as a module or built in, by the option in the list" {
	config=$(cat "$(cat "$LAB_RUN/kernel")"/boot/config-*)
	missing=$(awk '!/^#/ && NF && $1 != "linux" && $3 != "others" && $3 != "hardware" && !/^\?/ { print $2 }' "$TOP/initramfs/modules" | while read -r option; do
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
