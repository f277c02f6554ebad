#!/usr/bin/env bats
# Power cuts: node2 keeps its state on a disk and is switched off without warning while pods come and go. After each boot a lease file is whole, or empty
# (its life ends with the boot, so it is never synced), the first ADD succeeds, and then exactly its lease is there: all others are of an earlier boot.
# 2 cuts; FULL=1: a hundred.
bats_require_minimum_version 1.5.0

LAB=$BATS_TEST_DIRNAME/../../qemu/lab
LEASES=/var/lib/cni/networks/pc

setup_file() {
	export WAS_UP=0
	"$LAB" exec world -- true 2>/dev/null </dev/null && WAS_UP=1
	[ "$WAS_UP" = 1 ] || "$LAB" up
	"$LAB" update
	restart
}

teardown_file() {
	if [ "$WAS_UP" = 1 ]; then
		"$LAB" kill node2
		"$LAB" start node2
	else
		"$LAB" down
	fi
}

restart() {
	"$LAB" kill node2
	LAB_DISK=1 "$LAB" start node2
	"$LAB" exec node2 -- sh -c 'mkdir -p /etc/cni/net.d && cat >/etc/cni/net.d/pc.conflist && mount | grep -q " /var/lib "' <<-'X'
		{"cniVersion":"1.0.0","name":"pc","plugins":[{"type":"bridge","bridge":"pc0","isGateway":true,"ipMasq":true,
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.77.0.0/24"}],[{"subnet":"fd00:77::/64"}]]}}]}
	X
}

on() {
	"$LAB" exec node2 -- sh -c "$1" </dev/null
}

# Pods come and go, four at a time, until the power goes; only some cycles sync, as other programs on a node would.
traffic() {
	on 'for w in 1 2 3 4; do
		(while :; do
			for i in 1 2 3; do ip netns add p$w$i; cnitool add pc p$w$i; done
			[ $w != 1 ] || sync
			for i in 1 2 3; do cnitool del pc p$w$i; ip netns del p$w$i; done
		done >/dev/null 2>&1 &)
	done' >/dev/null
}

# Every lease file is empty, or holds an id, CR LF and an interface.
half_written() {
	on 'cd '$LEASES' 2>/dev/null || exit 0
		for f in [0-9a-f]*.* [0-9a-f]*:*; do
			[ -s "$f" ] || continue
			[ "$(tr -d "\n" <"$f" | tr "\r" "@" | grep -c "^cnitool-[0-9a-f]*@eth0$")" = 1 ] || echo "$f: $(od -An -c "$f")"
		done
		ls -A | grep "\.new$" || true'
}

@test "power cuts while pods come and go" {
	cuts=${FULL:+100}
	cuts=${cuts:-2}
	leaks=0
	for cut in $(seq "$cuts"); do
		traffic
		sleep "$((RANDOM % 3)).$((RANDOM % 10))"
		restart
		half=$(half_written)
		[ -z "$half" ] || { echo "cut $cut, half written: $half"; leaks=$((leaks + 1)); }
		on 'ip netns add first && cnitool add pc first' >/dev/null
		left=$(on "cd $LEASES && ls | grep -v 'last_reserved\|lock\|boot_id'" | wc -l)
		[ "$left" = 2 ] || { echo "cut $cut, $left leases after the first ADD"; leaks=$((leaks + 1)); }
		on 'cnitool del pc first && ip netns del first'
	done
	echo "# $cuts cuts, $leaks leaks" >&3
	[ "$leaks" -eq 0 ]
}
