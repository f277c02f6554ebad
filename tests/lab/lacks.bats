#!/usr/bin/env bats
# What a kernel lacks is said by the name that initramfs/modules has for it, and leaves nothing behind;
# and a 32-bit program on a 64-bit kernel. One machine of a lab of its own;
# LAB_KERNEL chooses the kernel. Cases with the tag "deep" are more of the same: make kernels has them all, make test one of each way.
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
call() { CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/var/run/netns/a CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin ${2:-/usr/bin/cnibox} ${plugin:-bridge} <${conf:-/tmp/conf}; }
unload() {
	ip link del cni0
	for m in sch_tbf sch_htb cls_u32 act_mirred sch_ingress ifb nft_fib_inet nft_masq nft_nat nft_chain_nat nft_ct nft_counter nft_compat nft_meta_bridge nf_tables \
		nf_conntrack_netlink nf_nat nf_conntrack veth bridge dummy macvlan ipvlan 8021q tun vrf; do modprobe -r $m; done
} 2>/dev/null
cluster() { echo '{"nodes":[{"name":"node1","addresses":["192.168.122.15"],"subnets":["192.168.1.0/24"]}]}' >/tmp/c.json; }
loaded() { cut -d" " -f1 /proc/modules | sort; }
# new_modules MODULE...: what was loaded since loaded >/tmp/before and is none of these, nor comes along with one
new_modules() {
	loaded | grep -vxF -f /tmp/before >/tmp/new
	for m; do echo $m; modprobe -D $m; done 2>/dev/null | sed "s,.*/,,; s,\.ko.*,,; s,-,_,g" >/tmp/listed
	grep -vxF -f /tmp/listed /tmp/new
}
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

# option MODULE: its option's name
option() {
	local name

	name=$(awk -v module="$1" '$1 == module || $1 == "?" module { print $2; exit }' "$TOP/initramfs/modules")
	[ -n "$name" ] && echo "$name"
}

# lacks MODULE PLUGIN [KEYS [NAMED]]: ADD without the module fails with code 104 and its name or its option's,
# or with that of the module that needs it, and leaves nothing
lacks() {
	local option named=${4:-$1}

	option=$(option "$named")
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

# pod_of_ptp PLUGIN KEYS: a pod with ptp's interface, and the configuration of a PLUGIN behind it in /tmp/behind
pod_of_ptp() {
	local result

	on 'echo "$1" >/tmp/conf' "$(conf ptp)"
	result=$(on 'unload; ip netns add a; plugin=ptp call ADD')
	on 'echo "$1" >/tmp/behind' "$(jq -c --argjson r "$result" '.prevResult = $r | del(.ipam)' <<<"$(conf "$1" "$2")")"
}

# behind_ptp MODULE PLUGIN KEYS: PLUGIN's ADD behind ptp, without the module; its output and status
behind_ptp() {
	pod_of_ptp "$2" "$3"
	run --separate-stderr on 'hide "$1"; plugin=$2 conf=/tmp/behind call ADD; status=$?; show; exit $status' "$1" "$2"
	echo "$output $stderr"
}

# nothing_behind_ptp PLUGIN: DEL of both succeeds, and nothing is left
nothing_behind_ptp() {
	run on 'ip -o link show type ifb | grep -v " ifb[01]:"; nft list tables; plugin=$1 conf=/tmp/behind call DEL; plugin=ptp call DEL
		ip netns del a; left; unload' "$1"
	echo "$output"
	[ -z "$output" ]
}

# lacks_behind_ptp MODULE PLUGIN KEYS: as lacks, for a plugin that stands behind another
lacks_behind_ptp() {
	local option

	option=$(option "$1")
	behind_ptp "$@"
	[ "$status" -ne 0 ]
	[ "$(jq -r .code <<<"$output")" = 104 ]
	jq -r .msg <<<"$output" | grep -qE "module $1, CONFIG_${option}[^A-Z0-9_]"
	nothing_behind_ptp "$2"
}

masq='"isDefaultGateway":true,"ipMasq":true'
@test "a kernel without bridge" { lacks bridge bridge; }
# bats test_tags=deep
@test "a kernel without veth" { lacks veth bridge; }
@test "a kernel without veth: ptp" { lacks veth ptp; }
# bats test_tags=deep
@test "a kernel without dummy" { lacks dummy dummy; }
@test "a kernel without macvlan" { lacks macvlan macvlan '"master":"eth0"'; }
# bats test_tags=deep
@test "a kernel without ipvlan" { lacks ipvlan ipvlan '"master":"eth0"'; }
# bats test_tags=deep
@test "a kernel without tun" { lacks tun tap; }
# bats test_tags=deep
@test "a kernel without 8021q" { lacks 8021q vlan '"master":"eth0","vlanId":7'; }
@test "a kernel without nf_tables" { lacks nf_tables bridge "$masq"; }
# bats test_tags=deep
@test "a kernel without nft_chain_nat" { lacks nft_chain_nat bridge "$masq"; }
@test "a kernel without nft_masq" { lacks nft_masq bridge "$masq"; }
@test "a kernel without nft_meta_bridge" { lacks nft_meta_bridge bridge '"macspoofchk":true'; }
# bats test_tags=deep
@test "a kernel without nf_conntrack, which the nat chains need" { lacks nf_conntrack bridge "$masq" nft_chain_nat; }

@test "a kernel without vrf" { lacks_behind_ptp vrf vrf '"vrfname":"blue"'; }

rates='"ingressRate":8000000,"ingressBurst":800000,"egressRate":8000000,"egressBurst":800000'
# bats test_tags=deep
@test "a kernel without sch_tbf" { lacks_behind_ptp sch_tbf bandwidth "$rates"; }
@test "a kernel without ifb" { lacks_behind_ptp ifb bandwidth "$rates"; }
# bats test_tags=deep
@test "a kernel without sch_ingress" { lacks_behind_ptp sch_ingress bandwidth "$rates"; }
# bats test_tags=deep
@test "a kernel without cls_u32" { lacks_behind_ptp cls_u32 bandwidth "$rates"; }
# bats test_tags=deep
@test "a kernel without act_mirred" { lacks_behind_ptp act_mirred bandwidth "$rates"; }
@test "a kernel without sch_htb" { lacks_behind_ptp sch_htb bandwidth "$rates,\"shapedSubnets\":[\"10.2.0.0/16\"]"; }

ports='"runtimeConfig":{"portMappings":[{"hostPort":5353,"containerPort":53,"protocol":"udp"}]}'
# bats test_tags=deep
@test "a kernel without nft_nat" { lacks_behind_ptp nft_nat portmap "$ports"; }
@test "a kernel without nft_fib_inet" { lacks_behind_ptp nft_fib_inet portmap "$ports"; }
# bats test_tags=deep
@test "a kernel without nft_fib_inet: firewall" { lacks_behind_ptp nft_fib_inet firewall ""; }
# bats test_tags=deep
@test "a kernel without nft_masq: portmap" { lacks_behind_ptp nft_masq portmap "$ports"; }
@test "a kernel without nft_ct" { lacks_behind_ptp nft_ct portmap "$ports"; }
@test "a kernel without nf_conntrack_netlink: host ports work, and what stays behind is said" {
	behind_ptp nf_conntrack_netlink portmap "$ports"
	[ "$status" -eq 0 ]
	grep -q 'UDP connections .* may last: .*(module nf_conntrack_netlink, CONFIG_NF_CT_NETLINK)' <<<"$stderr"
	on 'plugin=portmap conf=/tmp/behind call DEL'
	nothing_behind_ptp portmap
}

@test "a kernel without nf_tables: the node program names it, and its routes and all else are taken back" {
	run --separate-stderr on 'unload; hide nf_tables; cluster
		cnibox node up -f /tmp/c.json --name node1; status=$?; cnibox node down; show; exit $status'
	echo "$output $stderr"
	[ "$status" -ne 0 ]
	grep -q 'module nf_tables, CONFIG_NF_TABLES' <<<"$stderr"
	[ -z "$(on 'ip route show proto 193')" ]
}

# needs FEATURE...: the modules in their rows of the README's table
needs() {
	"$TOP/initramfs/features" "$TOP/build/cnibox" | awk -F'|' -v features="$*" '{
		n = split(features, f, " "); for (i = 1; i <= n; i++) if (index($2, "`" f[i] "`")) row = 1
		n = row ? split($4, m, ",") : 0; for (i = 1; i <= n; i++) if (split(m[i], q, "`") > 1) print q[2]; row = 0 }'
}

# loads_only SCRIPT FEATURE...: what the kernel loads for the script is in the table
loads_only() {
	local modules

	mapfile -t modules < <(needs "${@:2}")
	[ ${#modules[@]} -gt 0 ]
	run on 'loaded >/tmp/before; eval "$1" >/tmp/said 2>&1 || { cat /tmp/said; exit 1; }; shift; new_modules "$@"; exit 0' "$1" "${modules[@]}"
	echo "$output"
	[ "$status" -eq 0 ] && [ -z "$output" ]
}

# What is said to be needed is needed: the tests above. Here, that nothing else is.
@test "what the kernel loads for a feature is in the feature's row of the table: ipMasq, macspoofchk" {
	for feature in ipMasq macspoofchk; do
		on 'unload; ip netns add a; echo "$1" >/tmp/conf' "$(conf bridge "\"isDefaultGateway\":true,\"$feature\":true")"
		loads_only 'call ADD' bridge $feature
		on 'call DEL; ip netns del a'
	done
}

@test "what the kernel loads for a feature is in the feature's row of the table: node" {
	on 'unload; cluster'
	loads_only 'cnibox node up -f /tmp/c.json --name node1' node
	on 'cnibox node down; unload'
}

@test "what the kernel loads for a feature is in the feature's row of the table: firewall" {
	pod_of_ptp firewall '"ingressPolicy":"same-bridge"'
	loads_only 'plugin=firewall conf=/tmp/behind call ADD' firewall
	on 'plugin=firewall conf=/tmp/behind call DEL'
	nothing_behind_ptp firewall
}

@test "what the kernel loads for a feature is in the feature's row of the table: portmap, bandwidth" {
	pod_of_ptp portmap "$ports"
	loads_only 'plugin=portmap conf=/tmp/behind call ADD' portmap
	on 'plugin=portmap conf=/tmp/behind call DEL'
	nothing_behind_ptp portmap
	pod_of_ptp bandwidth "$rates,\"shapedSubnets\":[\"10.2.0.0/16\"]"
	loads_only 'plugin=bandwidth conf=/tmp/behind call ADD' bandwidth
	on 'plugin=bandwidth conf=/tmp/behind call DEL'
	nothing_behind_ptp bandwidth
}

# node_lacks MODULE BACKEND: the node program names it too, and all is taken back
node_lacks() {
	run --separate-stderr on 'unload; modprobe -r $1; hide $1
		echo "{\"backend\":\"$2\",\"nodes\":[{\"name\":\"node1\",\"addresses\":[\"192.168.122.15\"],\"subnets\":[\"192.168.1.0/24\"]},
			{\"name\":\"far\",\"addresses\":[\"203.0.113.1\"],\"publicKey\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"subnets\":[\"192.168.9.0/24\"]}]}" >/tmp/c.json
		cnibox node up -f /tmp/c.json --name node1; status=$?; show; cnibox node down; exit $status' "$@"
	echo "$output $stderr"
	[ "$status" -ne 0 ]
	grep -q "module $1, CONFIG_$(awk -v module="$1" '$1 == module { print $2 }' "$TOP/initramfs/modules")" <<<"$stderr"
	[ -z "$(on 'ip route show proto 193')" ]
}

@test "a kernel without vxlan" { node_lacks vxlan vxlan; }
# bats test_tags=deep
@test "a kernel without wireguard" { node_lacks wireguard wireguard; }

# The modules of the features that this cnibox has: each is missing in a test above, or it is said here why not.
@test "each module that a feature of this cnibox needs is missing in a test, or there is a reason" {
	local -A why=([nft_counter]="in a test below, where it is a module")
	local module features names

	names=$("$TOP/initramfs/features" "$TOP/build/cnibox" | awk -F'|' '{
		n = split($4, m, ","); for (i = 1; i <= n; i++) if (split(m[i], q, "`") > 1) print q[2], $2 }')
	[ -n "$names" ]
	while read -r module features; do
		[ -z "${why[$module]-}" ] || continue
		grep -qE "^@test.* (node_)?lacks(_behind_ptp)? $module |behind_ptp $module " "$BATS_TEST_FILENAME" || { echo "$module ($features)"; false; }
	done <<<"$names"
}

@test "with all of them the same ADD succeeds" {
	on 'echo "$1" >/tmp/conf' "$(conf bridge "$masq")"
	run on 'ip netns add a; call ADD && ip netns exec a ping -c1 -W20 -q 10.1.0.1 && call DEL && ip netns del a; left'
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

# program32 MACHINE: sets arch to the one whose 32-bit programs such a kernel runs
program32() {
	case $1 in
	x86_64) arch=i386 ;;
	aarch64) arch=armhf ;;
	*) skip "a kernel of $1 runs no 32-bit programs that there are" ;;
	esac
	make -s -C "$TOP" MAKEFLAGS= ARCH=$arch
	readelf -h "$TOP/build/$arch/cnibox" | grep -q 'Class: *ELF32'
	"$LAB" put node1 "$TOP/build/$arch/cnibox" /tmp/cnibox32
}

@test "a 32-bit program on this 64-bit kernel, i386 or armhf: ADD with a masquerade, and DEL; also in the year 2040" {
	machine=$(on 'uname -m')
	program32 "$machine"
	on 'echo "$1" >/tmp/conf' "$(conf bridge "$masq")"
	for date in '' 2040-02-03; do
		[ -z "$date" ] || on 'date -s "$1 04:05" && [ "$(date +%Y)" = 2040 ]' "$date"
		run on 'ip netns add a
			call ADD /tmp/cnibox32 && ip netns exec a ping -c1 -W20 -q 10.1.0.1 && nft list ruleset &&
			call DEL /tmp/cnibox32 && ip netns del a'
		echo "$output"
		grep -q '"address":"10.1.0.' <<<"$output"
		grep -q '1 packets received' <<<"$output"
		grep -q masquerade <<<"$output"
	done
	[ -z "$(on left)" ]
}
