#!/usr/bin/env bats
# The two READMEs against each other and against the tree.
bats_require_minimum_version 1.5.0

STYLE=$BATS_TEST_DIRNAME

@test "README.zh-CN.md has in each section what README.md has" {
	run -0 "$STYLE/readme"
}

@test "the tables of both are those of the tree; the sizes where FULL=1" {
	run -0 "$STYLE/tables" ${FULL:+--sizes}
}

# A copy with one thing changed in the translation.
copy() {
	mkdir -p "$BATS_TEST_TMPDIR/tests/style"
	cp "$STYLE"/{readme,translation} "$BATS_TEST_TMPDIR/tests/style/"
	cp "$STYLE"/../../README{,.zh-CN}.md "$BATS_TEST_TMPDIR"
	sed -i "$1" "$BATS_TEST_TMPDIR/README.zh-CN.md"
}

@test "a command, a row, a key or a section that the translation has not is found, and its section can be excused" {
	for change in 's,make dist ,make disk ,' '/^| 100 |/d' 's/`hairpinMode`/`hairpin`/' '/^### loopback/d'; do
		copy "$change"
		run ! "$BATS_TEST_TMPDIR/tests/style/readme"
		[[ $output == *"README.zh-CN.md is behind in"* ]]
	done
	copy '/^| 100 |/d'
	echo "Error codes" >>"$BATS_TEST_TMPDIR/tests/style/translation"
	run -0 "$BATS_TEST_TMPDIR/tests/style/readme"
	copy ''
	echo "Error codes" >>"$BATS_TEST_TMPDIR/tests/style/translation"
	run ! "$BATS_TEST_TMPDIR/tests/style/readme" # it is not behind
}
