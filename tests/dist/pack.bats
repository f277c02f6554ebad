#!/usr/bin/env bats
# third_party/dist: how this machine's binary is packed, and what becomes of build/dist when something fails.
# The binary is the one that make has built; a stand-in in PATH fails where a test says so.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	namespace_only
	export SOURCE_DATE_EPOCH=1700000000 TREE=$BATS_FILE_TMPDIR/tree
	ARCH=$("$TOP/third_party/architecture" "$(dpkg --print-architecture)")
	export TRUE_PATH=$PATH
	VERSION=$("$TOP/build/cnibox" --version | cut -d ' ' -f 2)
	export ARCH VERSION
	checkout "$TREE"
	cp -a "$TOP/build/cnibox" "$TREE/build/"
	"$TREE/third_party/dist/all" "$VERSION" "$ARCH"
	cp -a "$TREE/build/dist" "$BATS_FILE_TMPDIR/first"
}

setup() {
	cd "$TREE"
	rm -rf build/dist build/dist.parts
	cp -a "$BATS_FILE_TMPDIR/first" build/dist
	mkdir "$BATS_TEST_TMPDIR/bin"
}

# all [ARCH...]: packs
all() {
	third_party/dist/all "$VERSION" "${@:-$ARCH}"
}

# instead NAME: a program of that name is the script on standard input; $real is the true one
instead() {
	{
		printf '#!/bin/bash\nreal=%s\n' "$(PATH=$TRUE_PATH command -v "$1")"
		cat
	} >"$BATS_TEST_TMPDIR/bin/$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/$1"
	PATH=$BATS_TEST_TMPDIR/bin:$TRUE_PATH
}

# as_first: build/dist is what was packed first, to the byte
as_first() {
	diff -r "$BATS_FILE_TMPDIR/first" build/dist
}

# absent: only the new files tell that it was packed again
absent() {
	rm -rf build/dist
}

@test "outside of tests/namespace each file that changes /opt/cni/bin or /var/lib/cni refuses at once" {
	touch /opt/cni/bin/own
	for file in dist architectures pack; do
		run env -u CNIBOX_TEST_HOST bats --tap "$TOP/tests/dist/$file.bats"
		echo "$output"
		[ "$status" -ne 0 ]
		[[ $output == *'not on the machine itself'* ]]
		[[ $output != *$'\nok '* ]]
	done
	[ -e /opt/cni/bin/own ]
}

@test "whatever program fails on the way, the run fails and the release files stay" {
	while read -r name where; do
		instead "$name" <<-SCRIPT
			[[ " \$* \$(readlink /proc/self/fd/0)" != *$where* ]] || exit 1
			exec \$real "\$@"
		SCRIPT
		run all
		echo "$name $where: $output"
		[ "$status" -ne 0 ]
		as_first
		rm "$BATS_TEST_TMPDIR/bin/$name"
		hash -r
	done <<-'TABLE'
		gzip       layer.tar
		gzip       linux-
		sha256sum  layer.tar
		sha256sum  json
		stat       layer.tar
		mv         layer.tar
		tar        layer.tar
		date       @
		dpkg-query musl
		dpkg-query source:Version
		dpkg-deb   .deb
	TABLE
}

@test "a digest or a size that is not printed is refused, though the program says that all is well" {
	for name in sha256sum stat; do
		instead $name <<<'[[ " $* $(readlink /proc/self/fd/0)" == *layer.tar* ]] || exec $real "$@"'
		run all
		echo "$output"
		[ "$status" -ne 0 ]
		as_first
		rm "$BATS_TEST_TMPDIR/bin/$name"
		hash -r
	done
}

@test "SPDX: no field is empty, and a binary that is not there is an error" {
	mkdir -p "$BATS_TEST_TMPDIR/parts/$ARCH/bin"
	run third_party/dist/spdx "$VERSION" "$BATS_TEST_TMPDIR/parts" "$ARCH"
	[ "$status" -ne 0 ]
	echo packed >"$BATS_TEST_TMPDIR/parts/$ARCH/bin/cnibox"
	instead dpkg-query <<<'[[ $* != *jsmn* ]] || { echo; exit; }; exec $real "$@"'
	run third_party/dist/spdx "$VERSION" "$BATS_TEST_TMPDIR/parts" "$ARCH"
	[ "$status" -ne 0 ]
	[[ $output == *"no version of jsmn for $ARCH"* ]]
}

@test "SPDX: the checksum is that of the file that is packed" {
	mkdir -p "$BATS_TEST_TMPDIR/parts/$ARCH/bin"
	echo packed >"$BATS_TEST_TMPDIR/parts/$ARCH/bin/cnibox"
	third_party/dist/spdx "$VERSION" "$BATS_TEST_TMPDIR/parts" "$ARCH" >"$BATS_TEST_TMPDIR/spdx"
	[ "$(jq -r '.packages[0].checksums[0].checksumValue' "$BATS_TEST_TMPDIR/spdx")" = "$(echo packed | sha256sum | cut -d ' ' -f 1)" ]
}

@test "a second run waits for the first one, and then makes all files" {
	absent
	exec 8>build/.dist.lock
	flock 8
	all >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- 8>&- &
	until grep -q 'waits for another make dist' "$BATS_TEST_TMPDIR/said"; do kill -0 $!; done
	[ ! -e build/dist ]
	[ ! -e build/dist.parts ]
	flock -u 8
	wait $!
	as_first
}

@test "two at once make what one makes" {
	absent
	all 3>&- &
	one=$!
	all 3>&- &
	two=$!
	wait $one
	wait $two
	as_first
	[ ! -e build/dist.parts ]
}

@test "an architecture is packed once, by whatever of its names and however often it is named" {
	absent
	# shellcheck disable=SC2046 # words
	all "$ARCH" $(third_party/architecture --others "$ARCH") "$ARCH"
	as_first
	run ! third_party/dist/all "$VERSION"
	as_first
	run ! all "$ARCH" vax
	as_first
}

# NO_FAKE_STAT: faketime moves the times that tar reads, and not those that touch writes. The times of files that such a
# clock gives are written instead, right before the package is made of them.
@test "a clock before or behind the time of the commit changes no byte" {
	for clock in '2010-01-01 00:00:00' '2031-05-06 07:08:09'; do
		absent
		instead md5sum <<<"find ../../.. -exec touch -h -d '$clock' {} +; exec \$real \"\$@\""
		NO_FAKE_STAT=1 faketime -f "@$clock" third_party/dist/all "$VERSION" "$ARCH"
		as_first
	done
}

@test "a folder that hands on its group, and a strict umask, change no byte" {
	absent
	chmod g+s build
	(umask 077 && all)
	chmod g-s build
	as_first
	[ -z "$(find build/dist -perm /6000)" ]
}

@test "an interrupt between the two moves at the end leaves the new files; after a kill -9 the next run brings the former ones back" {
	for signal in HUP INT TERM; do
		absent
		mkdir build/dist
		touch build/dist/former
		instead mv <<<'[ "$1" != build/dist ] || kill -'$signal' $PPID; exec $real "$@"'
		all
		as_first
	done
	instead mv <<<'$real "$@"; [ "$1" != build/dist ] || kill -9 $PPID'
	run ! all
	[ ! -e build/dist ]
	instead gzip <<<'exit 1'
	run ! all
	as_first
}

@test "a binary of another version, or of another architecture, is not packed" {
	run third_party/dist/all 9.8.7 "$ARCH"
	[ "$status" -ne 0 ]
	[[ $output == *'is not of version 9.8.7'* ]]
	as_first
	other=$(third_party/architecture --list | grep -vx "$ARCH" | head -n 1)
	mkdir -p "build/$other"
	cp build/cnibox "build/$other/cnibox"
	run all "$other"
	rm -r "build/${other:?}"
	[ "$status" -ne 0 ]
	[[ $output == *"not of $other"* ]]
	as_first
}

@test "each script refuses what cannot be a version, and writes nothing" {
	for version in '' v1.2.0 1.3_0 '1.2 3' 1.2/../3 '1.2"3' "1.2'3" $'1.2\n3' '1$(id)'; do
		for script in all oci spdx; do
			run "third_party/dist/$script" "$version" "$BATS_TEST_TMPDIR/parts" "$BATS_TEST_TMPDIR/out" "$ARCH"
			echo "$script '$version': $output"
			[ "$status" -ne 0 ]
			[[ $output == *'is no version'* ]]
		done
	done
	[ "$(ls "$BATS_TEST_TMPDIR")" = bin ]
	as_first
}
