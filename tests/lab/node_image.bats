#!/usr/bin/env bats
# The node image boots from a disk with a FAT file system that carries its settings, and joins its cluster. FULL=1.
bats_require_minimum_version 1.5.0

TOP=$BATS_TEST_DIRNAME/../..

setup_file() {
	[ -n "${FULL:-}" ] || return 0
	"$TOP/initramfs/node-image" "$BATS_FILE_TMPDIR/node"
}

setup() {
	[ -n "${FULL:-}" ] || skip "a kernel with the drivers of real machines is 70 MB: FULL=1, or make soak"
	cd "$BATS_FILE_TMPDIR/node"
}

# says WORDS COMMAND...: the console says them before the machine ends or four minutes are over
says() {
	local console=$BATS_TEST_TMPDIR/console machine status=0

	"${@:2}" </dev/null >"$console" 2>&1 3>&- &
	machine=$!
	timeout 240 sh -c 'until grep -aq -e "$1" "$2"; do kill -0 "$3" && sleep 0.2 || exit 1; done' await "$1" "$console" $machine || status=$?
	kill $machine
	wait $machine || true
	[ $status = 0 ] || tail -n 30 "$console"
	return $status
}

@test "QEMU: the settings are read from the stick, and the node is up" {
	says 'node: node1 is ready: 192.168.122.15/24 on ' ./run
}

@test "settings that cannot be followed are said" {
	sed -i 's/^name/nmae/' node.txt
	says "node.txt: unknown setting 'nmae'" ./run
	sed -i 's/^nmae/name/' node.txt
}
