#!/usr/bin/env bats
# Random configurations: what ADD accepts is as its result says, and CHECK, DEL and refusals keep their word (property.c says how, `known` what is excused).
# FULL=1 (make soak): a hundred thousand. PROPERTY_SEED=N begins there; a seed that fails runs again by tests/property/run N.
bats_require_minimum_version 1.5.0

setup_file() {
	export BIN=$BATS_FILE_TMPDIR/bin TEST=$BATS_FILE_TMPDIR/property
	cd "$BATS_TEST_DIRNAME" || return
	gcc -std=c11 -D_GNU_SOURCE -O2 -o "$TEST" ./*.c ../faults/{host,snapshot,dump,subjects}.c
	mkdir "$BIN"
	ln -s "${CNIBOX_BIN:-$PWD/../../build/bin}"/* "$BIN/"
	ln -s "$TEST" "$BIN/given"
}

# property OPTION...: its output, of which the count goes to the log.
property() {
	run "$TEST" -b "$BIN" "$@" 3>&-
	echo "$output" | cut -c1-1000
	echo "# $(tail -n 1 <<<"$output")" >&3
}

@test "some thousands of random configurations, in every version" {
	size=(2000)
	[ "${FULL:-}" != 1 ] || size=(100000 -u)	# -u: so many meet each line of the list
	property -j 6 -n "${size[@]}" -s "${PROPERTY_SEED:-1}" -k "$BATS_TEST_DIRNAME/known"
	[ "$status" -eq 0 ]
}

# sees CLASS SCRIPT [OPTION...]: with this in the place of bridge, the test finds a defect of the class.
sees() {
	rm "$BIN/bridge"
	printf '#!/bin/sh\nadd() { [ "$CNI_COMMAND" = ADD ]; }\nbridge() { "%s/cnibox" bridge; }\n%s\n' "$BIN" "$2" >"$BIN/bridge"
	chmod +x "$BIN/bridge"
	property -j 1 -n 30 -d 2 -p bridge -k "$BATS_TEST_DIRNAME/known" "${@:3}"
	[ "$status" -eq 1 ]
	grep -qE "^DEFECT seed [0-9]+: $1: " <<<"$output"
}

@test "the test sees what it is there to see" {
	inside='nsenter --net="$CNI_NETNS"'
	sees address-missing 'bridge | sed "s/10[.]1[.]0[.][0-9]*\//10.1.0.99\//"'
	sees address-extra "bridge; ! add || $inside ip addr add 192.0.2.7/32 dev \$CNI_IFNAME"
	sees route-extra "bridge; ! add || $inside ip route add 192.0.2.0/24 dev \$CNI_IFNAME"
	sees iface-mac "bridge; ! add || $inside ip link set \$CNI_IFNAME address 06:00:00:00:00:01"
	sees check '[ "$CNI_COMMAND" != CHECK ] || exit 1; bridge'
	sees left 'bridge; add || touch /run/leaked'
	sees left 'bridge; add || { ip neigh replace 192.168.5.77 lladdr 06:00:00:00:00:77 nud permanent dev up0
		command bridge fdb replace 06:00:00:00:00:77 dev up0 self permanent; tc qdisc replace dev up0 root handle 7: pfifo; }'
	for what in fdb neighbour qdisc; do grep -q "+ $what dev up0" <<<"$output"; done
	sees refused-left '! add || { touch "/run/$$"; echo "{\"code\":1,\"msg\":\"no\"}"; exit 1; }; bridge' -k /dev/stdin <<<refused
	sees no-error 'add && exit 3; bridge'
	property -j 1 -n 5 -u -k <(cat "$BATS_TEST_DIRNAME/known"; echo left version=0.1.0 dns)
	[ "$status" -eq 1 ]
	grep -q '^UNMET: .*left version=0.1.0 dns' <<<"$output"
	sees del '[ "$CNI_COMMAND" != DEL ] || exit 1; bridge'
}
