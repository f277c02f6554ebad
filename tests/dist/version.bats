#!/usr/bin/env bats
# third_party/dist/version and debian_version: what a checkout is called, and how dpkg sorts it.
bats_require_minimum_version 1.5.0
load helpers

# repository NAME: sets repository and goes there, into one with one commit and no tag
repository() {
	repository=$(realpath "$BATS_TEST_TMPDIR")/$1
	mkdir -p "$repository/third_party/dist"
	cp "$TOP/third_party/dist/version" "$repository/third_party/dist/"
	cd "$repository"
	git() { command git -c user.name=n -c user.email=e -c init.defaultBranch=main -c safe.directory='*' -c protocol.file.allow=always "$@"; }
	git init -q
	git add .
	git commit -qm one --date=@1600000000
}

@test "the version is the tag, what came since, or says that there is no tag" {
	repository plain
	[[ $(third_party/dist/version) =~ ^0\.0\.0\+untagged\.g[0-9a-f]{12}$ ]]
	git tag v1.2.0-rc1
	[ "$(third_party/dist/version)" = 1.2.0-rc1 ]
	git tag -d v1.2.0-rc1
	git tag v1.2.0
	[ "$(third_party/dist/version)" = 1.2.0 ]
	echo >>third_party/dist/version
	[ "$(third_party/dist/version)" = 1.2.0+dirty ]
	git commit -qam two
	git config core.abbrev 7
	[[ $(third_party/dist/version) =~ ^1\.2\.0\+1\.g[0-9a-f]{12}$ ]]
}

@test "version: of several tags of one commit the highest counts, a release before its candidates, whoever made them" {
	repository several
	git tag v1.9.0
	git tag -am candidate v1.10.0-rc1
	[ "$(third_party/dist/version)" = 1.10.0-rc1 ]
	git tag -am candidate v1.10.0-rc10
	git tag -am candidate v1.10.0-rc9
	[ "$(third_party/dist/version)" = 1.10.0-rc10 ]
	git tag v1.10.0
	git tag -am 'no version' v1.11_0
	[ "$(third_party/dist/version 2>/dev/null)" = 1.10.0 ]
	git commit -qm two --allow-empty
	[[ $(third_party/dist/version) =~ ^1\.10\.0\+1\.g[0-9a-f]{12}$ ]]
}

@test "version: a repository of another user is read" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	repository others
	git tag v1.2.0
	chown -R nobody .
	run ! command git describe --tags
	[ "$(third_party/dist/version)" = 1.2.0 ]
	[ "$(third_party/dist/version --time)" = "$(git log -1 --format=%ct)" ]
}

@test "version: sources within another repository take neither its version nor its time" {
	repository around
	git tag v1.2.0
	mkdir -p sources/third_party/dist
	cp "$TOP/third_party/dist/version" sources/third_party/dist/
	[ "$(sources/third_party/dist/version)" = 0.0.0+untagged ]
	[ "$(sources/third_party/dist/version --time)" = 315532800 ]
}

@test "version: a tag that is no version is named and passed over" {
	repository tags
	git tag v1.2.0
	git commit -qm two --allow-empty
	git tag v1.3_0
	git tag -am 'no version either' newest_of_all
	run --separate-stderr third_party/dist/version
	[[ $output == 1.2.0+1.g* && $stderr == *"v1.3_0 is ignored"* ]]
}

@test "version: a shallow clone says that its tag may be cut off" {
	repository whole
	git tag v1.2.0
	git commit -qm two --allow-empty
	git clone -q --depth 1 --no-tags "file://$repository" ../shallow
	cd ../shallow
	run --separate-stderr third_party/dist/version
	[[ $output == 0.0.0+untagged.* && $stderr == *"shallow clone"* ]]
}

@test "the version as dpkg sorts it: what has no tag by its time, then what comes before a release, it, and what came since" {
	while read -r version seconds expected; do
		[ "$("$TOP/third_party/dist/debian_version" "$version" "$seconds")" = "$expected" ]
		[ -z "${last:-}" ] || dpkg --compare-versions "$last" lt "$expected"
		last=$expected
	done <<-'TABLE'
		0.0.0+untagged                      315532800   0.0.0~git19800101.000000
		0.0.0+untagged.gfedcba987654        1700000000  0.0.0~git20231114.221320.gfedcba987654
		0.0.0+untagged.g0123456789ab        1700000001  0.0.0~git20231114.221321.g0123456789ab
		0.0.0+untagged.g0123456789ab.dirty  1700000001  0.0.0~git20231114.221321.g0123456789ab.dirty
		0.0.1                               0           0.0.1
		1.3.0-rc1                           0           1.3.0~rc1
		1.3.0-rc1+2.gfedcba987654           0           1.3.0~rc1+2.gfedcba987654
		1.3.0-rc2                           0           1.3.0~rc2
		1.3.0                               0           1.3.0
		1.3.0+dirty                         0           1.3.0+0.dirty
		1.3.0+1.gfedcba987654               0           1.3.0+1.gfedcba987654
		1.3.0+12.g0123456789ab              0           1.3.0+12.g0123456789ab
		1.3.1                               0           1.3.1
	TABLE
	for version in '' v1.2.0 1.3_0 '1.2 3' $'1.2\n3' "$(printf '1%0100d' 0)"; do
		run "$TOP/third_party/dist/debian_version" "$version" 0
		echo "'$version': $output"
		[ "$status" = 1 ]
		[[ $output == *'is no version'* ]]
	done
}

@test "debian_version: a time that is none is an error" {
	run "$TOP/third_party/dist/debian_version" 0.0.0+untagged abc
	[ "$status" -ne 0 ]
	[[ $output != *0.0.0~git* ]]
}
