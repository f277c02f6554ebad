#!/usr/bin/env bats
# Pods detached and attached again and again, and nothing becomes more (soak/soak.c says what must hold). FULL=1: 10,000 times over 110 pods, 4 minutes.
bats_require_minimum_version 1.5.0

setup_file() {
	export BIN SOAK
	BIN=$(cd "${CNIBOX_BIN:-$BATS_TEST_DIRNAME/../../build/bin}" && pwd)
	SOAK=$BATS_FILE_TMPDIR/soak
	cd "$BATS_TEST_DIRNAME" || return
	gcc -std=c11 -D_GNU_SOURCE -O2 -o "$SOAK" soak/*.c command.c host.c subjects.c snapshot.c dump.c ../bench/call.c ../bench/stats.c
}

@test "cycles of DEL and ADD: no growth of links, rules, files, descriptors or time per call" {
	size=(-p 20 -c 300 -k 100)
	[ "${FULL:-}" != 1 ] || size=(-p 110 -c 10000 -k 1000 -g 1.5)
	"$SOAK" -b "$BIN" "${size[@]}" ${SOAK_SEED:+-r "$SOAK_SEED"} >"$BATS_TEST_TMPDIR/out" 3>&- || {
		cat "$BATS_TEST_TMPDIR/out"
		return 1
	}
	sed 's/^/# /' "$BATS_TEST_TMPDIR/out" >&3
	tail -n 1 "$BATS_TEST_TMPDIR/out" | grep -qE '^[1-9][0-9]* cycles over [1-9][0-9]* pods, nothing has grown$'
}

# seen TEXT SCRIPT [OPTION]...: with this before each call of bridge, the soak says TEXT. The folder is /opt/cni/bin to the soak and to the script.
seen() {
	local bin=$BATS_TEST_TMPDIR/bin
	rm -rf "$bin"
	mkdir "$bin"
	cp -P "$BIN"/* "$bin/"
	rm "$bin/bridge"
	printf '#!/bin/sh\nadd() { [ "$CNI_COMMAND" = ADD ]; }\ndel() { [ "$CNI_COMMAND" = DEL ]; }\nbridge() { /opt/cni/bin/cnibox bridge; }\n%s\n' \
		"$2" >"$bin/bridge"
	chmod +x "$bin/bridge"
	run -1 "$SOAK" -b "$bin" -p 12 -k 16 -c 32 -r 1 "${@:3}" 3>&-
	echo "$output"
	grep -q "^DEFECT" <<<"$output"
	grep -qE -- "$1" <<<"$output"
}

@test "the soak sees what becomes more" {
	seen 'host: [0-9]+ of /run/cnibox, was' 'del && mktemp /run/cnibox/XXXXXX.lock >/dev/null; bridge'
	seen 'host: [0-9]+ of /tmp, was' 'add && mktemp >/dev/null; bridge'
	seen 'bytes in files, was' 'head -c 1000 /dev/zero >>/var/lib/cni/log; bridge'
	seen '\+ link veth[0-9]+ veth' 'add && ip link add type veth; bridge'
	seen 'host: [0-9]+ of nft table, was' 'add && nft add table inet "leak$$"; bridge'
	seen 'p[0-9]+: [0-9]+ of rule, was' 'add && nsenter --net="$CNI_NETNS" ip rule add from 10.11.0.0/24; bridge'
	seen 'the host is not as before' 'del && ip link set cni0 group "$$"; bridge'
	seen 'has left a process' 'sleep 600 >/dev/null 2>&1 & bridge'
}

@test "the soak sees an address that is not the pod's, and calls that become slower" {
	seen 'does not give it an address of each subnet' 'bridge | sed "s/10[.]11[.]0[.]/10.11.1./"'
	seen 'does not give it an address of each subnet' 'bridge | sed "s/10[.]11[.]0[.][0-9]*/10.11.0.1/"'
	seen 'has no lease|which p[0-9]+ has' 'bridge | sed "s/10[.]11[.]0[.][0-9]*/10.11.0.99/"'
	seen 'times as long as in the first block' \
		'echo >>/opt/cni/bin/.count; [ "$(wc -l </opt/cni/bin/.count)" -lt 60 ] || sleep 0.3; bridge' -g 1.5 -c 80
}
