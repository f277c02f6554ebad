#!/usr/bin/env bats
# The rules of style that a program can check. Each check is also shown a tree with one thing wrong, and must find it.
bats_require_minimum_version 1.5.0

STYLE=$BATS_TEST_DIRNAME

# A tree in which all is well.
setup() {
	tree=$BATS_TEST_TMPDIR
	mkdir -p "$tree"/{src/base,src/net,tests,qemu,third_party,initramfs}
	printf '#include "base/err.h"\n#include "net/nl.h"\n\n/* Uses err.h; see net/core/rtnetlink.c. */\n' >"$tree/src/net/nl.c"
	touch "$tree/src/main.c" "$tree"/src/{net/nl,base/err}.h "$tree/Makefile" "$tree/README.md"
	cp "$STYLE/../../.clang-format" "$tree"
}

# finds WHAT CHECK: the check is content with the tree before the lines of stdin are put behind src/net/nl.c, and not after.
finds() {
	run -0 "$STYLE/$2" "$tree"
	[ -z "$output" ]
	cat >>"$tree/src/net/nl.c"
	run ! "$STYLE/$2" "$tree"
	echo "$output"
	[[ $output == *"$1"* ]]
}

@test "C is laid out by clang-format, and within 100 columns" {
	run -0 "$STYLE/columns"
}

@test "names of files in comments and documents exist" {
	run -0 "$STYLE/names"
}

@test "the top level is fixed" {
	run -0 "$STYLE/top"
}

@test "the check of the top level finds a file that a run has left" {
	cd "$tree"
	git init -q .
	git add .
	run -0 "$STYLE/top" "$tree"
	touch left.log
	git add left.log
	run -1 "$STYLE/top" "$tree"
	[ "$output" = "left.log: is not one of the top level's" ]
}

@test "tests/run says at once what it has not: a kind, a file, a file that is no test" {
	for name in nosuch tests/netns/nosuch.bats build/unit/nosuch README.md; do
		run -2 env TEST_OUT="$tree/out" "$STYLE/../run" style "$name"
		[ "$output" = "tests/run: no tests '$name': a .bats file or a program in build/unit that is there, or one of: \
style unit fuzz netns kube hostile reference property faults dist lab clients" ]
	done
	[ ! -e "$tree/out" ]
}

@test "includes point down only" {
	run -0 "$STYLE/includes"
}

@test "files, functions and lists of parameters have their sizes" {
	run -0 "$STYLE/sizes"
}

@test "every plugin is in every list of the tests" {
	run -0 "$STYLE/plugins"
}

@test "the check of lists finds a plugin that is missing, and a reason that is none any more" {
	mkdir -p "$tree"/tests/{faults/soak,property,reference}
	for list in property/tried.c faults/subjects.c faults/soak/rows.c; do echo '{ "new" }' >"$tree/tests/$list"; done
	echo '	same new "$(conf .)"' >"$tree/tests/reference/same.bats"
	run -0 "$STYLE/plugins" "$tree" new
	echo >"$tree/tests/property/tried.c"
	run -1 "$STYLE/plugins" "$tree" new
	[[ $output == "tests/property/tried.c: there is no new, and no reason"* ]]
	echo '{ "dhcp" }' >"$tree/tests/property/tried.c"
	run -1 "$STYLE/plugins" "$tree" dhcp
	[[ $output == *"dhcp is in tests/property/tried.c after all"* ]]
}

@test "the check of the layout finds a bad indent and a long text" {
	finds "nl.c" columns <<<'  int a;'
	printf 'static const char *text =\n\t"%0100d";\n' 0 >"$tree/src/net/nl.c"
	run ! "$STYLE/columns" "$tree"
	[[ $output == *"nl.c:2: more than 100 columns"* ]]
}

@test "the check of names finds a file that is gone, in comments and documents" {
	finds "nl.c:5: there is no gone.c" names <<<'/* see gone.c */'
	echo '/* see err.h */' >"$tree/src/net/nl.c"
	echo 'It is in src/base/gone.h.' >"$tree/README.md"
	run ! "$STYLE/names" "$tree"
	[ "$output" = "README.md:1: there is no src/base/gone.h" ]
}

@test "the check of includes finds a step up, an unknown room and a missing file" {
	touch "$tree/src/base/err.c"
	finds "net must not know tools" includes < <(mkdir "$tree/src/tools" && touch "$tree/src/tools/a.h" && echo '#include "tools/a.h"')
	echo '#include "attic/a.h"' >"$tree/src/net/nl.c"
	run ! "$STYLE/includes" "$tree"
	[[ $output == *'"attic/a.h" is no file of src/'* ]]
	mkdir "$tree/src/attic" && touch "$tree/src/attic/a.h"
	run ! "$STYLE/includes" "$tree"
	[[ $output == *"the room attic is not in"* ]]
}

@test "the check of sizes finds a long function, a long file and too many parameters" {
	finds "nl.c:6: long_one: 62 lines" sizes < <(printf '\nstatic int long_one(void)\n{\n' && yes '	;' | head -n 59 && echo '}')
	printf 'int f(int a, int (*b)(int, int), int c,\n      int d, int e, int g, int h)\n{\n}\n' >"$tree/src/net/nl.c"
	run ! "$STYLE/sizes" "$tree"
	[ "$output" = "src/net/nl.c:1: f: 7 parameters" ]
	yes '' | head -n 501 >"$tree/src/net/nl.c"
	run ! "$STYLE/sizes" "$tree"
	[[ $output == *"nl.c: more than 500 lines"* ]]
}
