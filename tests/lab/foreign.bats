#!/usr/bin/env bats
# The lab on other architectures' kernels: arm64; FULL=1: all that qemu/emulators has. A lab of its own.
bats_require_minimum_version 1.5.0

TOP=$BATS_TEST_DIRNAME/../..

setup() {
	LAB_RUN=$(mktemp -d /tmp/cnibox-foreign.XXXXXX)
	export LAB=$TOP/qemu/lab LAB_RUN
}

teardown() {
	"$LAB" down
}

# in_2040 ARCH: a program of that architecture sets the clocks, because the date of a 32-bit Debian's BusyBox,
# and a 32-bit kernel's way to read a clock chip, end in 2038.
in_2040() {
	(cd "$TOP" && "build/$1/toolchain/cc" -x c - -o "$BATS_TEST_TMPDIR/clock") <<-'X'
		#include <stdio.h>
		#include <time.h>
		int main(void)
		{
			struct timespec t = { .tv_sec = 2211767106 };

			if (clock_settime(CLOCK_REALTIME, &t) == 0)
				printf("%d\n", time(NULL) >= t.tv_sec);
			return 0;
		}
	X
	for node in master node1 node2; do
		"$LAB" put "$node" "$BATS_TEST_TMPDIR/clock" /tmp/clock
		[ "$("$LAB" exec "$node" -- /tmp/clock </dev/null)" = 1 ]
	done
}

# up ARCH MACHINE: the machines of that architecture
up() {
	[ -n "$("$TOP/third_party/architecture" --foreign "$1")" ] || skip "this machine is $1"
	make -s -C "$TOP" MAKEFLAGS= ARCH="$1"
	LAB_ARCH=$1 "$LAB" up
	[ "$("$LAB" exec node1 -- uname -m </dev/null)" = "$2" ]
}

# claims: the demo there
claims() {
	run "$LAB" demo
	echo "$output"
	[ "$status" -eq 0 ]
}

# all_claims ARCH MACHINE: the demo after the year 2038; with FULL=1 before it, too
all_claims() {
	up "$@"
	[ -z "${FULL:-}" ] || claims
	in_2040 "$1"
	claims
}

# A 32-bit Debian's shell and ip cannot stat a file of 2040: cnibox is called without them there.
alone_in_2040() {
	"$LAB" exec node1 -- ip netns add late </dev/null
	in_2040 armhf
	"$LAB" exec node1 -- env CNI_PATH=/opt/cni/bin cnitool add cnibox /run/netns/late </dev/null >"$BATS_TEST_TMPDIR/result"
	jq -e '.ips[0].address | startswith("192.168.1.")' "$BATS_TEST_TMPDIR/result"
	"$LAB" exec node1 -- cnibox node show -f /etc/cnibox/cluster.json --name node1 </dev/null
	"$LAB" exec node1 -- env CNI_PATH=/opt/cni/bin cnitool check cnibox /run/netns/late </dev/null
	"$LAB" exec node1 -- env CNI_PATH=/opt/cni/bin cnitool del cnibox /run/netns/late </dev/null
	[ -z "$("$LAB" exec node1 -- busybox find /var/lib/cni/networks/cnibox -name '192*' </dev/null)" ]
}


full() {
	[ -n "${FULL:-}" ] || skip "one architecture is enough for make test: FULL=1, or make soak"
}

@test "arm64: every line of the demo holds, in 2040" { all_claims arm64 aarch64; }
@test "armhf, 32 bits: every line of the demo holds; cnibox works in 2040" { full; up armhf armv7l; claims; alone_in_2040; }
@test "riscv64: every line of the demo holds, also in 2040" { full; all_claims riscv64 riscv64; }
@test "s390x, big-endian: every line of the demo holds, also in 2040" { full; all_claims s390x s390x; }

@test "an architecture without a lab, and an unknown kernel, get the list of those there are" {
	run env LAB_ARCH=mips64el "$LAB" up
	[ "$status" -ne 0 ]
	grep -qw s390x <<<"$output"
	run env LAB_KERNEL=2.4 "$LAB" up
	[ "$status" -ne 0 ]
	grep -qw newest <<<"$output"
}

# checkout: what fetches packages, with a folder of its own to put them into
checkout() {
	own=$BATS_TEST_TMPDIR/checkout
	mkdir -p "$own/third_party"
	cp "$TOP"/third_party/{unpack,packages} "$own/third_party"
	"$own/third_party/unpack" busybox-static || skip "apt cannot fetch a package here"
	rm -r "$own/build/third_party/busybox-static"
}

@test "packages are unpacked once however many ask at once, and what a killed one left is removed" {
	local asked=() one

	checkout
	mkdir -p "$own/build/third_party/.busybox-static.7/tree"
	for one in 1 2 3; do
		"$own/third_party/unpack" busybox-static 2>"$BATS_TEST_TMPDIR/said.$one" 3>&- &
		asked+=($!)
	done
	for one in "${asked[@]}"; do
		wait "$one"
	done
	[ "$(cat "$BATS_TEST_TMPDIR"/said.*)" = "unpack: busybox-static" ]
	[ "$(ls -A "$own/build/third_party")" = $'.lock\nbusybox-static' ]
	[ -x "$own/build/third_party/busybox-static/bin/busybox" ] && [ ! -e "$own/build/third_party/busybox-static/tree" ]
}

@test "a lab that is refused leaves no state" {
	run env LAB_TOPOLOGY=underlay LAB_KERNEL=9.9 "$LAB" up
	[ "$status" -eq 255 ]
	[[ $output == *"no kernel '9.9'"* ]]
	run env LAB_ARCH=vax "$LAB" up
	[ "$status" -eq 255 ]
	run env LAB_KERNEL="$BATS_TEST_TMPDIR/" "$LAB" start node1
	[ "$status" -eq 255 ]
	[[ $output == *"lab: $BATS_TEST_TMPDIR/ is no unpacked kernel package: it has no boot/vmlinuz-* or no lib/modules/*" ]]
	[ -z "$(ls -A "$LAB_RUN")" ]
	run make -s -C "$TOP" MAKEFLAGS= lab KERNEL=/nonexistent/
	[ "$status" -ne 0 ]
	[[ $output == *"KERNEL=/nonexistent/ is no unpacked kernel package"* ]]
}

@test "a command of the lab with too few or too many arguments says its usage" {
	local words

	for words in 'put node1' 'put node1 a' 'put node1 a b c' 'exec node1' 'exec node1 true' 'kill' 'kill node1 node2' 'start' 'log' 'up node1' 'status x' 'plug node1 on'; do
		# shellcheck disable=SC2086 # words
		run "$LAB" $words
		echo "$words: $output"
		[ "$status" -eq 255 ]
		[[ $output == "lab: usage: lab ${words%% *}"* ]]
	done
	run "$LAB" put node1 "$BATS_TEST_TMPDIR/none" /tmp/none
	[ "$output" = "lab: no file '$BATS_TEST_TMPDIR/none'" ]
}
