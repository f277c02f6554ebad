#!/usr/bin/env bats
# make: kills, other flags, other machines' roots, and names that are none.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	MAKEFLAGS="VERSION=$(cat "$TOP/build/.version")" # so that what has been compiled is right there
	export MAKEFLAGS
	checkout "$BATS_FILE_TMPDIR/tree"
	compiled "$BATS_FILE_TMPDIR/tree" .tools .version toolchain obj mbedtls cnibox cnibox.debug bin i386
	make -s -C "$BATS_FILE_TMPDIR/tree" -j"$(nproc)" all
	make -s -C "$BATS_FILE_TMPDIR/tree" -j"$(nproc)" ARCH=i386 all
}

setup() {
	cd "$BATS_FILE_TMPDIR/tree"
}

# killed FILE: a make in a session of its own, killed when this file is there
killed() {
	local made

	setsid make -s all 3>&- &
	made=$!
	until [ -e "$1" ]; do kill -0 $made; done
	kill -KILL -- -$made
	wait $made || true
}

@test "a kill while something is compiled or linked leaves nothing that is taken for whole" {
	sum=$(sha256sum build/cnibox)
	rm build/cnibox.debug
	killed build/cnibox.debug.new
	[ ! -e build/cnibox.debug ]
	rm build/obj/tools/install.o
	killed build/obj/tools/install.d.new
	[ ! -e build/obj/tools/install.o ]
	make -s all
	[ "$(sha256sum build/cnibox)" = "$sum" ]
}

@test "install for another machine goes into its root, with its binary, and into no other" {
	run ! make -s install ARCH=i386
	[[ $output == *"ARCH=i386 is not this machine: DESTDIR"* ]]
	make -s install ARCH=i386 DESTDIR="$BATS_TEST_TMPDIR/a root"
	make -s install DESTDIR="$BATS_TEST_TMPDIR/ours"
	cmp build/i386/cnibox "$BATS_TEST_TMPDIR/a root/opt/cni/bin/cnibox"
	cmp build/cnibox "$BATS_TEST_TMPDIR/ours/opt/cni/bin/cnibox"
	diff <(ls -A "$BATS_TEST_TMPDIR/a root/opt/cni/bin") <(ls -A "$BATS_TEST_TMPDIR/ours/opt/cni/bin")
	[ "$(readlink "$BATS_TEST_TMPDIR/a root/opt/cni/bin/bridge")" = cnibox ]
}

@test "a version that is none is refused, and no shell sees it" {
	for version in "1.2'; touch hacked; echo '" v1.2 '1.2 3' '' "1.2
3"; do
		run ! make -n dist DIST_ARCHS=amd64 VERSION="$version"
		[[ $output == *"VERSION=$version is no version: a digit, then"* ]]
	done
	[ ! -e hacked ]
}

@test "a node image of an architecture's other name is that architecture's" {
	make -n image-node ARCH=aarch64 | grep -qx 'initramfs/node-image build/node.arm64 arm64'
}

# Last, for what it writes down of the flags has all compiled again.
@test "other flags compile all anew" {
	again() { "$@" make -n all | grep -cE '^echo "  (CC|MBEDTLS) ' || true; }
	[ "$(again env)" = 0 ]
	[ "$(again env CFLAGS=-O0)" = $(($(find src -name '*.c' | wc -l) + 1)) ]
}
