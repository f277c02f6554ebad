# What the files of tests/dist share.
# shellcheck shell=bash

TOP=$BATS_TEST_DIRNAME/../..

# namespace_only: some of these tests empty /opt/cni/bin and /var/lib/cni, which must not be a real machine's
namespace_only() {
	[ "${CNIBOX_TEST_HOST:-}" = 1 ] || {
		echo "this file runs by tests/run, or by tests/namespace -t bats, and not on the machine itself"
		return 1
	}
}

# checkout FOLDER: the sources as they are here, and what has been fetched
checkout() {
	mkdir -p "$1/build"
	(cd "$TOP" && git ls-files -co --exclude-standard -z | tar --null -T - -c --ignore-failed-read) | tar -x -C "$1"
	ln -s "$(realpath "$TOP/build/third_party")" "$1/build/third_party"
}

# compiled FOLDER NAME...: the checkout there has these of build/ already, if they are here
compiled() {
	local name

	for name in "${@:2}"; do
		[ ! -e "$TOP/build/$name" ] || cp -a "$TOP/build/$name" "$1/build/"
	done
}
