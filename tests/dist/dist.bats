#!/usr/bin/env bats
# make dist: what is in each file, that others' tools take it, and that two builds are the same.
# One of the two builds begins with what `make` has compiled in its own folder, the other from nothing.
# FULL=1: all architectures; otherwise this machine's and i386, which is not compiled again.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	namespace_only
	export VERSION=1.2.3 EPOCH=1700000000
	export OUT=$BATS_FILE_TMPDIR/one/build/dist
	export ARCHS="amd64 i386"
	[ -z "${FULL:-}" ] || ARCHS=$("$TOP/third_party/architecture" --list | tr '\n' ' ')
	export MAKEFLAGS=
	# Two folders of different names and depths, one with a space, other times of files, another clock.
	export SECOND="$BATS_FILE_TMPDIR/a/second one"
	checkout "$BATS_FILE_TMPDIR/one"
	checkout "$SECOND"
	find "$BATS_FILE_TMPDIR/a" -exec touch -h -d '2001-02-03' {} +
	# shellcheck disable=SC2086 # a name is a word
	compiled "$BATS_FILE_TMPDIR/one" .tools .version toolchain obj mbedtls $ARCHS
	[ -n "${FULL:-}" ] || compiled "$SECOND" i386
	dist "$BATS_FILE_TMPDIR/one"
	dist "$SECOND" faketime -f '@2031-05-06 07:08:09'
}

# dist FOLDER [WRAPPER...]
dist() {
	(cd "$1" && shift && SOURCE_DATE_EPOCH=$EPOCH "$@" make -s -j"$(nproc)" dist VERSION=$VERSION DIST_ARCHS="$ARCHS") >>"$BATS_FILE_TMPDIR/said" 2>&1 ||
		{ cat "$BATS_FILE_TMPDIR/said"; false; }
}

setup() {
	cd "$OUT"
}

file() {
	echo "$OUT/cnibox-$VERSION-linux-$1.tar.gz"
}

@test "no compiler warns" {
	run ! grep -E ': (warning|error): ' "$BATS_FILE_TMPDIR/said"
}

@test "two builds in different folders with different clocks are the same to the byte" {
	diff -r "$OUT" "$SECOND/build/dist"
	# Packed again, by a clock that is behind the commit.
	# shellcheck disable=SC2086 # a name is a word
	(cd "$SECOND" && SOURCE_DATE_EPOCH=$EPOCH NO_FAKE_STAT=1 faketime -f '@2010-01-01 00:00:00' third_party/dist/all "$VERSION" $ARCHS)
	diff -r "$OUT" "$SECOND/build/dist"
	[ "$(find . -type f | wc -l)" -eq $(($(wc -w <<<"$ARCHS") * 2 + 3)) ]
}

@test "all is compiled anew when the compiler or what it links has been renewed, and nothing when not" {
	cd "$BATS_FILE_TMPDIR/one"
	again() { "$@" make -n all VERSION="$VERSION" | grep -cE '^echo "  (CC|MBEDTLS) '; }
	[ "$(again env)" = 0 ]
	sources=$(find src -name '*.c' | wc -l)
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\n[ "$1" != --version ] || { echo "gcc of tomorrow"; exit; }\nexec %s "$@"\n' "$(command -v gcc)" >"$BATS_TEST_TMPDIR/bin/gcc"
	chmod +x "$BATS_TEST_TMPDIR/bin/gcc"
	[ "$(again env PATH="$BATS_TEST_TMPDIR/bin:$PATH")" = $((sources + 1)) ]
}

@test "SHA256SUMS is right and complete" {
	sha256sum --check --quiet SHA256SUMS
	[ "$(wc -l <SHA256SUMS)" -eq $(($(find . -type f | wc -l) - 1)) ]
}

@test "tarball: unpacked into /opt/cni/bin it is every plugin, as links beside one file" {
	for arch in $ARCHS; do
		rm -rf /opt/cni/bin/*
		tar xzf "$(file "$arch")" -C /opt/cni/bin
		[ "$(find /opt/cni/bin -type f -printf '%f\n' | sort | tr '\n' ' ')" = 'LICENSE cnibox ' ]
		for name in bridge host-local loopback; do
			[ "$(readlink "/opt/cni/bin/$name")" = cnibox ]
		done
		"$TOP/tests/static" /opt/cni/bin/cnibox "$arch"
		[ "$(stat -c %a /opt/cni/bin/cnibox)" = 755 ]
	done
	tar xzf "$(file "$(dpkg --print-architecture)")" -C /opt/cni/bin
	CNI_COMMAND=VERSION /opt/cni/bin/bridge <<<'{"cniVersion":"1.0.0"}' | jq -e '.supportedVersions | index("1.0.0")'
	/opt/cni/bin/cnibox --version | grep -qx "cnibox $VERSION"
}

@test "tarball: every path begins with ./ and belongs to root, and every time is the commit's" {
	for arch in $ARCHS; do
		[ -z "$(tar tzf "$(file "$arch")" | grep -v '^\./')" ]
		[ "$(TZ=UTC tar tvzf "$(file "$arch")" --full-time | awk '{ print $2, $4, $5 }' | sort -u)" = "0/0 2023-11-14 22:13:20" ]
	done
}

@test "the licence file carries the notices of what is linked in" {
	tar xzOf "$(file amd64)" ./LICENSE >"$BATS_TEST_TMPDIR/LICENSE"
	grep -q 'The cnibox authors' "$BATS_TEST_TMPDIR/LICENSE"
	grep -q 'Rich Felker' "$BATS_TEST_TMPDIR/LICENSE"
	grep -q 'Serge A. Zaitsev' "$BATS_TEST_TMPDIR/LICENSE"
}

@test ".deb: right architecture; installs, works and goes without a trace" {
	for arch in $ARCHS; do
		debian=$("$TOP/third_party/architecture" "$arch" debian)
		[ "$(dpkg-deb -f "cnibox_${VERSION}_$debian.deb" Architecture)" = "$debian" ]
		[ "$(dpkg-deb -f "cnibox_${VERSION}_$debian.deb" Version)" = "$VERSION" ]
	done
	root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info"
	: >"$root/var/lib/dpkg/status"
	dpkg --root="$root" --log=/dev/null --force-not-root -i "cnibox_${VERSION}_$(dpkg --print-architecture).deb"
	"$root/usr/bin/cnibox" --version | grep -qx "cnibox $VERSION"
	(cd "$root" && md5sum --check --quiet var/lib/dpkg/info/cnibox.md5sums)
	dpkg --root="$root" --log=/dev/null -P cnibox
	[ ! -e "$root/opt" ]
	[ ! -e "$root/usr/bin" ]
}

# dummy NAME VERSION [FIELD]: a package without files
dummy() {
	mkdir -p "$BATS_TEST_TMPDIR/$1/DEBIAN"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody <n@localhost>\n%sDescription: none\n' \
		"$1" "$2" "${3:+$3$'\n'}" >"$BATS_TEST_TMPDIR/$1/DEBIAN/control"
	dpkg-deb -b "$BATS_TEST_TMPDIR/$1" "$BATS_TEST_TMPDIR/$1.deb"
}

@test ".deb: takes the place of kubernetes-cni, and kubelet stays" {
	root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info"
	: >"$root/var/lib/dpkg/status"
	d() { dpkg --root="$root" --log=/dev/null --force-not-root "$@"; }
	dummy kubernetes-cni 1.4.0-1.1
	dummy kubelet 1.31.0-1.1 'Depends: kubernetes-cni (>= 1.2.0)'
	d -i "$BATS_TEST_TMPDIR/kubernetes-cni.deb" "$BATS_TEST_TMPDIR/kubelet.deb"
	d --auto-deconfigure -i "cnibox_${VERSION}_$(dpkg --print-architecture).deb"
	[ "$(d -s kubelet | grep ^Status)" = 'Status: install ok installed' ]
	[ -z "$(d --audit)" ]
	run ! d -s kubernetes-cni
	run ! d -r cnibox
}

@test "OCI image: every digest and size is right, and each architecture has its image" {
	mkdir "$BATS_TEST_TMPDIR/oci"
	tar xf "cnibox-$VERSION-oci.tar" -C "$BATS_TEST_TMPDIR/oci"
	cd "$BATS_TEST_TMPDIR/oci"
	jq -e '.imageLayoutVersion == "1.0.0"' oci-layout
	(cd blobs/sha256 && sha256sum ./*) | while read -r sum name; do [ "./$sum" = "$name" ]; done
	index=$(jq -r '.manifests[0].digest' index.json)
	[ "$(jq '.manifests | length' "blobs/${index/://}")" = "$(wc -w <<<"$ARCHS")" ]
	for f in index.json blobs/sha256/*; do
		jq -r '.. | objects | select(.digest) | "\(.digest) \(.size)"' "$f" 2>/dev/null || true
	done | while read -r digest size; do
		[ "$(stat -c %s "blobs/${digest/://}")" = "$size" ]
	done
	for arch in $ARCHS; do
		IFS=/ read -r name _ < <("$TOP/third_party/architecture" "$arch" oci)
		manifest=$(jq -r --arg a "$name" '.manifests[] | select(.platform.architecture == $a) | .digest' "blobs/${index/://}")
		layer=$(jq -r '.layers[0].digest' "blobs/${manifest/://}")
		[ "$(jq -r '.layers[0].size' "blobs/${manifest/://}")" -lt 1000000 ]
		tar xzOf "blobs/${layer/://}" ./cnibox | cmp - <(tar xzOf "$(file "$arch")" ./cnibox)
	done
}

@test "OCI image: skopeo copies all of it, and chooses by platform" {
	command -v skopeo || skip "no skopeo"
	image=oci-archive:$OUT/cnibox-$VERSION-oci.tar
	skopeo --insecure-policy copy --all -q "$image" "dir:$BATS_TEST_TMPDIR/all"
	[ "$(skopeo inspect --override-arch 386 "$image" | jq -r .Architecture)" = 386 ]
	[ "$(skopeo inspect --config --override-arch amd64 "$image" | jq -c .config.Entrypoint)" = '["/cnibox"]' ]
}

@test "OCI image: podman loads it" {
	command -v podman || skip "no podman (make test-dist installs it)"
	p() { podman --root "$BATS_TEST_TMPDIR/root" --runroot "$BATS_TEST_TMPDIR/run" --storage-driver vfs "$@"; }
	p load -i "cnibox-$VERSION-oci.tar"
	p image inspect "localhost/cnibox:$VERSION" | jq -e '.[0].Config.Entrypoint == ["/cnibox"]'
}

@test "OCI image: containerd imports all architectures, and unpacks its own" {
	command -v containerd && command -v ctr || skip "no containerd (make test-dist installs it)"
	dir=$BATS_TEST_TMPDIR
	printf 'version = 2\nroot = "%s/root"\nstate = "%s/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s/sock"\n' \
		"$dir" "$dir" "$dir" >"$dir/config"
	containerd -c "$dir/config" >"$dir/log" 2>&1 3>&- &
	daemon=$!
	timeout 60 sh -c 'until ctr -a "$1" version >/dev/null 2>&1; do sleep 0.1; done' await "$dir/sock"
	ctr -a "$dir/sock" images import --all-platforms "cnibox-$VERSION-oci.tar"
	for arch in $ARCHS; do
		ctr -a "$dir/sock" images ls | grep -q "linux/$("$TOP/third_party/architecture" "$arch" oci)"
	done
	mkdir "$dir/mounted"
	ctr -a "$dir/sock" images mount "localhost/cnibox:$VERSION" --snapshotter native "$dir/mounted"
	"$dir/mounted/cnibox" --version >"$dir/out"
	umount "$dir/mounted"
	kill "$daemon"
	wait "$daemon" || true
	grep -qx "cnibox $VERSION" "$dir/out"
}

@test "SPDX: names what is linked in, with version and licence, for each architecture" {
	jq -e '.spdxVersion == "SPDX-2.3" and .dataLicense == "CC0-1.0"' "cnibox-$VERSION.spdx.json"
	for arch in $ARCHS; do
		[ "$(jq -r --arg id "SPDXRef-cnibox-$arch" '.packages[] | select(.SPDXID == $id) | .checksums[0].checksumValue' "cnibox-$VERSION.spdx.json")" = \
			"$(tar xzOf "$(file "$arch")" ./cnibox | sha256sum | cut -d ' ' -f 1)" ]
		for name in musl jsmn mbedtls libgcc linux; do
			jq -e --arg id "SPDXRef-$name-$arch" '.packages[] | select(.SPDXID == $id) | .versionInfo != "" and .licenseDeclared != ""' "cnibox-$VERSION.spdx.json"
		done
	done
}

@test "SPDX: a choice of licences, its tool and the sources have the forms that others read" {
	of() { jq -r --arg id "SPDXRef-$1-amd64" ".packages[] | select(.SPDXID == \$id) | $2" "cnibox-$VERSION.spdx.json"; }
	[ "$(jq -r '.creationInfo.creators[0]' "cnibox-$VERSION.spdx.json")" = "Tool: cnibox-make-dist-$VERSION" ]
	[ "$(of mbedtls '.licenseConcluded, .licenseDeclared')" = $'Apache-2.0\nApache-2.0 OR GPL-2.0-or-later' ]
	[[ $(of mbedtls '.externalRefs[0].referenceLocator') =~ ^pkg:generic/mbedtls@3\.6\.[0-9]+$ ]]
	for name in musl jsmn libgcc linux; do
		[[ $(of $name '.externalRefs[0].referenceLocator') =~ ^pkg:deb/debian/[a-z0-9.-]+@[0-9A-Za-z.%~-]+\?arch=source$ ]]
	done
}
