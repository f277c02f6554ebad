#!/usr/bin/env bats
# Other architectures: what make builds for them is static and works. FULL=1: all of them, under
# qemu-user; otherwise i386, which this kernel runs by itself.
bats_require_minimum_version 1.5.0
load helpers

CONF='{"cniVersion":"1.0.0","name":"net1","type":"bridge","bridge":"cni0","isDefaultGateway":true,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}}'

setup_file() {
	namespace_only
	cd "$TOP"
	export MAKEFLAGS=
}

setup() {
	cd "$TOP"
}

# foreign: the architectures under test, this machine's aside
foreign() {
	if [ -z "${FULL:-}" ]; then
		third_party/architecture --foreign i386
		return
	fi
	for arch in $(third_party/architecture --list); do
		third_party/architecture --foreign "$arch"
	done
}

# emulator ARCH: what runs its programs here, if something must
emulator() {
	case $1 in
	i386 | riscv64 | ppc64le | s390x | mips64el) echo "qemu-$1-static" ;;
	arm64) echo qemu-aarch64-static ;;
	armhf) echo qemu-arm-static ;;
	esac
}

# run_foreign ARCH APPLET: as a plugin is called, or by hand
run_foreign() {
	local with=

	[ -z "${FULL:-}" ] || with=$(emulator "$1")
	$with "build/$1/cnibox" "${@:2}"
}

# qemu-user 7.2 does not translate neighbours, which the bridge plugin clears; ptp has none.
call() {
	local plugin=bridge

	[ -z "${FULL:-}" ] || plugin=ptp
	CNI_COMMAND=$2 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin \
		run_foreign "$1" $plugin <<<"$CONF"
}

teardown() {
	ip netns del a 2>/dev/null || true # of a test that failed
}

# lists OUTPUT WORD...: it has each of the words
lists() {
	local word

	for word in "${@:2}"; do
		grep -qw -e "$word" <<<"$1"
	done
}

@test "an unknown ARCH gets the list of those there are, whatever is to be made" {
	for target in all dist lab kernels image-node soak; do
		run make -s ARCH=vax $target
		echo "$output"
		[ "$status" -ne 0 ]
		lists "$output" amd64 i386 arm64 armhf riscv64 ppc64le s390x mips64el
	done
	run make -s dist DIST_ARCHS='amd64 vax'
	[ "$status" -ne 0 ]
	lists "$output" amd64 mips64el
	[ ! -e build/vax ]
}

@test "an ARCH, KERNEL or TOPOLOGY of several words, or a pattern, is refused in one line, and no shell sees it" {
	for value in 'arm64 bogus' % 'arm%' "arm64; touch $BATS_TEST_TMPDIR/seen" "\`touch $BATS_TEST_TMPDIR/seen\`"; do
		for name in ARCH KERNEL TOPOLOGY; do
			run make -sn lab "$name=$value"
			echo "$output"
			[ "$status" -ne 0 ]
			[ "${#lines[@]}" = 1 ]
			[[ $output == *"$name=$value is "* ]]
		done
	done
	[ ! -e "$BATS_TEST_TMPDIR/seen" ]
}

@test "DIST_ARCHS is a list of names: none, or anything else, is refused in one line, and no shell sees it" {
	for value in '' ' ' % 'amd64 bogus' "amd64; do :; done; touch $BATS_TEST_TMPDIR/seen; for arch in amd64" "\`touch $BATS_TEST_TMPDIR/seen\`"; do
		run make -sn dist "DIST_ARCHS=$value"
		echo "$output"
		[ "$status" -ne 0 ]
		[ "${#lines[@]}" = 1 ]
		lists "$output" amd64 mips64el
	done
	[ ! -e "$BATS_TEST_TMPDIR/seen" ]
}

@test "KERNEL and TOPOLOGY of the environment concern the lab alone; the other names of an ARCH are known to make" {
	KERNEL=kernel8 TOPOLOGY=ring make -sn clean
	make -sn ARCH=aarch64 clean
}

@test "the table of packages has what the version is named by, and the keys that unpack names" {
	for package in git debian-archive-keyring; do
		awk -v name=$package '$2 == "install" && $3 == name { found = 1 } END { exit !found }' third_party/packages
	done
}

@test "an ARCH without a lab or a node image gets the list of those with" {
	for target in lab kernels; do
		run make -s ARCH=mips64el $target
		[ "$status" -ne 0 ]
		lists "$output" amd64 arm64 armhf riscv64 s390x
	done
	run make -s ARCH=mips64el image-node
	[ "$status" -ne 0 ]
	lists "$output" amd64 arm64 armhf riscv64 s390x
}

@test "an unknown KERNEL gets the list of the architecture's" {
	for target in lab kernels; do
		run make -s ARCH=amd64 KERNEL=2.4 $target
		[ "$status" -ne 0 ]
		lists "$output" 5.10 6.1 6.12 newest
		run make -s ARCH=arm64 KERNEL=5.10 $target
		[ "$status" -ne 0 ]
		lists "$output" 6.1 6.12
	done
	run tests/kernels 2.4
	[ "$status" -ne 0 ]
	lists "$output" 2.4 6.12 newest
}

@test "the other names of an architecture, and this machine's own, are known" {
	[ "$(third_party/architecture aarch64)" = arm64 ]
	[ "$(third_party/architecture armv7)" = armhf ]
	[ "$(third_party/architecture ppc64el)" = ppc64le ]
	[ "$(third_party/architecture x86-64)" = amd64 ]
	[ -z "$(third_party/architecture --foreign "$(dpkg --print-architecture)")" ]
}

@test "make ARCH builds a static program of that architecture, and nothing foreign is on the system" {
	before=$(dpkg --print-foreign-architectures)
	for arch in $(foreign); do
		make -s ARCH="$arch"
		tests/static "build/$arch/cnibox" "$arch"
		run_foreign "$arch" --version | grep -q '^cnibox '
	done
	[ "$(dpkg --print-foreign-architectures)" = "$before" ]
	[ -z "$(dpkg-query -W -f '${Package}:${Architecture}\n' 'musl-dev*' | grep -v ":$(dpkg --print-architecture)$")" ]
}

@test "a program of another architecture is no program of this one" {
	run tests/static build/cnibox s390x
	[ "$status" -ne 0 ]
	[[ $output == *'not of s390x (ELF64,big,S/390)'* ]]
	run ! tests/static build/cnibox vax
	for arch in $(third_party/architecture --list); do
		[[ $(third_party/architecture "$arch" elf) =~ ^ELF(32|64),(little|big),[^,]+$ ]]
	done
}

# Does what musl's own does with paths, and no more.
@test "musl is compiled from its source also where the path of the checkout has spaces" {
	tree="$BATS_TEST_TMPDIR/a path/with  spaces"
	source=$tree/build/third_party/musl.source.bookworm
	mkdir -p "$source"
	cp -r third_party "$tree"
	: >"$source/.unpacked"
	cat >"$source/configure" <<-'SCRIPT'
		#!/bin/sh -e
		srcdir=${0%/configure}
		(cd $srcdir && pwd)
		ln -sf $srcdir/Makefile .
		for word; do case $word in --*dir=*) echo "${word#--}"; esac; done >config.mak
	SCRIPT
	chmod +x "$source/configure"
	cat >"$source/Makefile" <<-'MAKE'
		include config.mak
		install-libs: $(DESTDIR)$(libdir)/rcrt1.o
		install-headers: $(DESTDIR)$(includedir)/stdio.h
		$(DESTDIR)/%:; mkdir -p $(@D) && touch $@
	MAKE
	cd "$tree"
	third_party/toolchain build/riscv64/toolchain riscv64
	[ -e build/riscv64/toolchain/musl/usr/lib/riscv64-linux-musl/rcrt1.o ]
	[ -e build/riscv64/toolchain/musl/usr/include/riscv64-linux-musl/stdio.h ]
}

@test "its bridge plugin, or ptp where qemu-user runs it, gives a pod both families and takes all of it away" {
	for arch in $(foreign); do
		# Big-endian netlink is more than qemu-user 7.2 translates: the s390x lab shows it on a kernel.
		[ "$arch" != s390x ] || continue
		ip netns add a
		call "$arch" ADD >"$BATS_TEST_TMPDIR/result"
		[ "$(jq -r '.ips | length' "$BATS_TEST_TMPDIR/result")" = 2 ]
		ip netns exec a ping -c1 -W10 -q 10.1.0.1
		ip netns exec a ping -c1 -W10 -q fd00:1::1
		call "$arch" DEL
		[ -z "$(ip -n a -o link show eth0 2>/dev/null)" ]
		[ -z "$(find /var/lib/cni/networks/net1 -name '[0-9]*')" ]
		ip netns del a
		ip link del cni0 2>/dev/null || true
		rm -rf /var/lib/cni/* /run/cnibox
	done
}

@test "leases are given, kept apart and released on every architecture" {
	for arch in $(foreign); do
		local conf='{"cniVersion":"1.0.0","name":"l","type":"x","ipam":{"type":"host-local","subnet":"10.2.0.0/29","dataDir":"'$BATS_TEST_TMPDIR/$arch'"}}'
		for id in a b; do
			CNI_COMMAND=ADD CNI_CONTAINERID=$id CNI_NETNS=/proc/self/ns/net CNI_IFNAME=eth0 CNI_PATH=/x \
				run_foreign "$arch" host-local <<<"$conf" >"$BATS_TEST_TMPDIR/$id"
		done
		[ "$(jq -r '.ips[0].address' "$BATS_TEST_TMPDIR/a")" = 10.2.0.2/29 ]
		[ "$(jq -r '.ips[0].address' "$BATS_TEST_TMPDIR/b")" = 10.2.0.3/29 ]
		CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_IFNAME=eth0 CNI_PATH=/x run_foreign "$arch" host-local <<<"$conf"
		[ ! -e "$BATS_TEST_TMPDIR/$arch/l/10.2.0.2" ]
		[ -e "$BATS_TEST_TMPDIR/$arch/l/10.2.0.3" ]
	done
}

@test "32 bits: the bridge's and bash-cni's own tests pass with the i386 binary" {
	local some=(-f '^(ADD|DEL|CHECK|STATUS): |^(GC|leases|every protocol|VERSION) ')

	[ -z "${FULL:-}" ] || some=()
	[ -n "$(third_party/architecture --foreign i386)" ] && [ "$(dpkg --print-architecture)" = amd64 ] ||
		skip "only an amd64 kernel runs i386 programs"
	build/i386/cnibox install --quiet "$BATS_TEST_TMPDIR/bin"
	CNIBOX_BIN=$BATS_TEST_TMPDIR/bin bats --tap "${some[@]}" tests/netns/bridge.bats tests/netns/bash_cni.bats
}

@test "the unit tests pass with the architecture's own C library and sanitizer" {
	local arch failed=0

	for arch in $(foreign); do
		tests/dist/units "$arch" >"$BATS_TEST_TMPDIR/tap" || failed=1
		cat "$BATS_TEST_TMPDIR/tap"
		sed -n 's/^ok [0-9]* - \(.*\) # SKIP /# not run: \1: /p' "$BATS_TEST_TMPDIR/tap" >&3
	done
	[ $failed = 0 ]
}
