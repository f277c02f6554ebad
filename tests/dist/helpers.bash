# What the tests of make share.
# shellcheck shell=bash

TOP=$BATS_TEST_DIRNAME/../..

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
