#!/usr/bin/env bats
# portmap behind bridge, through the reference's plugins and through ours: the result, who reaches what and under whose address, CHECK, and
# what is there after DEL.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load helpers

NET='{"cniVersion":"1.0.0","name":"net1","type":"bridge","bridge":"br1","hairpinMode":true,"isDefaultGateway":true,"ipam":{"type":"host-local",
"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}}'

PORTS=(8080 8081 8082 8083 8084)

# conf JQ: each leads to 80 of the pod, tcp and udp: 8080 of every address, the others of one, or of a family.
conf() {
	jq -cn '{cniVersion: "1.0.0", name: "net1", type: "portmap", capabilities: {portMappings: true}, runtimeConfig: {portMappings: [
		("tcp", "udp") as $p | [8080, ""], [8081, "203.0.113.1"], [8082, "127.0.0.1"], [8083, "fd00:9::1"], [8084, "0.0.0.0"]
		| {hostPort: .[0], containerPort: 80, protocol: $p, hostIP: .[1]}]}} | '"$1"
}

# all_ask NETNS ADDRESS...: tcp and udp to every port of each, all at once; a line each: the address that the pod sees, or that there is no answer.
all_ask() {
	${1:+ip netns exec "$1"} python3 - "${1:-node}" "${PORTS[*]}" "${@:2}" <<-'PY'
		import selectors, socket, sys, time
		sel, answers, end = selectors.DefaultSelector(), {}, time.monotonic() + 2
		for proto in socket.SOCK_STREAM, socket.SOCK_DGRAM:
		    for addr, port in ((a, p) for a in sys.argv[3:] for p in sys.argv[2].split()):
		        s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, proto)
		        s.setblocking(False)
		        answers[key := (proto.name, addr, port)] = "none"
		        s.connect_ex((addr, int(port)))
		        sel.register(s, selectors.EVENT_WRITE, key)
		while sel.get_map() and time.monotonic() < end:
		    for k, events in sel.select(0.1):
		        try:
		            if events & selectors.EVENT_WRITE:
		                k.fileobj.send(b"?")
		                sel.modify(k.fileobj, selectors.EVENT_READ, k.data)
		                continue
		            answers[k.data] = k.fileobj.recv(100).decode() or "none"
		        except OSError:
		            pass
		        sel.unregister(k.fileobj)
		for key, answer in answers.items():
		    print(sys.argv[1], *key, answer)
	PY
}

reached() {
	all_ask "" 203.0.113.1 10.1.0.1 127.0.0.1 fd00:9::1 fd00:1::1
	all_ask a 203.0.113.1 10.1.0.1 fd00:9::1 fd00:1::1
	all_ask b 203.0.113.1 10.1.0.1 fd00:9::1 fd00:1::1
	all_ask out 203.0.113.1 fd00:9::1
}

# What an attachment may leave on the node; the chains and tables that are for all pods may stay.
left() {
	{ iptables-save; ip6tables-save; } | grep -c "10\.1\.0\.2\|fd00:1::2\|808[0-9]"
	nft list ruleset 2>/dev/null | grep -c "808[0-9]"
}

# mapped PLUGINS PORTMAP-CONFIG BRIDGE-CONFIG [no-traffic]
mapped() {
	# shellcheck disable=SC2097,SC2098 # it is handed on as it is
	CNIBOX_TEST_HOST='' CNIBOX_BIN=$1 BATS_TEST_DIRNAME=$BATS_TEST_DIRNAME "$BATS_TEST_DIRNAME/../namespace" bash -c '
		source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
		source '"$BATS_TEST_DIRNAME"'/../netns/portmap_helpers.bash
		BATS_TEST_TMPDIR=$(mktemp -d)
		'"$(declare -p PORTS; declare -f all_ask reached left normal)"'
		outside
		for tables in iptables ip6tables; do $tables -t nat -N KUBE-MARK-MASQ; done # which kubelet made
		pod a
		pod b
		r=$(add bridge a "$1")
		add bridge b "$1" >/dev/null
		until [ -z "$(ip -6 addr show tentative; ip -n out -6 addr show tentative)" ]; do :; done
		c=$(with_prev "$0" "$r")
		answer=$(add portmap a "$c") || { jq -c "{code}" <<<"$answer"; exit; }
		normal "$answer"
		if [ -z "$2" ]; then
			serve a 80
			reached
		fi
		call CHECK portmap a /run/netns/a "$c" >/dev/null && echo checked
		del portmap a "$0"
		left
		del portmap a "$0"
		jobs -p | xargs -r kill' "$2" "$3" "${4:-}"
}

# alike PORTMAP-JQ [BRIDGE-JQ [quiet]]: but for CHECK, which fails in the reference.
alike() {
	local net
	net=$(jq -c "${2:-.}" <<<"$NET")
	mapped "$CNIBOX_BIN" "$(conf "$1")" "$net" "${3:-}" >"$BATS_TEST_TMPDIR/ours"
	case $(jq -r .cniVersion <<<"$net") in 0.[1-3].*) ;; *) grep -qx checked "$BATS_TEST_TMPDIR/ours" ;; esac
	diff <(mapped "$REFERENCE" "$(conf "$1")" "$net" "${3:-}" | sed "/^checked$/d") <(sed '/^checked$/d' "$BATS_TEST_TMPDIR/ours")
}

@test "who reaches the ports, by which addresses, and as whom" {
	alike .
	different "portmap: CHECK" "the reference of the release that is compared with looks for rules of IPv6 in any case and fails; ours passes"
}

@test "masqAll; snat off" {
	mapped "$CNIBOX_BIN" "$(conf '.masqAll = true')" "$NET" >"$BATS_TEST_TMPDIR/all"
	[ "$(grep -v 'none$' "$BATS_TEST_TMPDIR/all" | grep -c '^\(out\|node\|a\|b\) .* \(10.1.0.1\|fd00:1::1\)$')" = "$(grep -v 'none$' "$BATS_TEST_TMPDIR/all" | grep -c '^\(out\|node\|a\|b\) ')" ]
	different "portmap: masqAll" "newer than the release that is compared with, which ignores it"
	unlike=$(alike '.snat = false') || true
	[ "$(grep -c '^[<>]' <<<"$unlike")" -gt 0 ]
	[ -z "$(grep '^<' <<<"$unlike" | grep -v '^< node SOCK_[A-Z]* 127.0.0.1 80[0-9]* none$')" ]
	[ -z "$(grep '^>' <<<"$unlike" | grep -v '^> node SOCK_[A-Z]* 127.0.0.1 80[0-9]* 10.1.0.1$')" ]
	different "portmap: 127.0.0.1 where snat is off" "the reference's ports are not reached by it then; ours are, for no answer could come back to 127.0.0.1 else"
}

@test "one family, every older version's result, the keys that name chains, bits and backends" {
	one='.ipam.ranges |= .[:1]'
	for v in 0.1.0 0.2.0 0.3.1 0.4.0; do
		alike "del(.runtimeConfig.portMappings[] | select(.hostIP == \"fd00:9::1\")) | .cniVersion = \"$v\"" "$one | .cniVersion = \"$v\"" quiet
	done
	alike '.markMasqBit = 5' . quiet
	alike '.externalSetMarkChain = "KUBE-MARK-MASQ"' . quiet
	alike '.runtimeConfig.portMappings += [{hostPort: 9000, containerPort: 90, protocol: "sctp"}, {HostPort: 9001, ContainerPort: 90, Protocol: "TCP"}]' . quiet
	alike '.runtimeConfig.portMappings = []' . quiet
	alike 'del(.runtimeConfig)' . quiet
}

# refused PLUGINS JQ: prints whether, and the code.
refused() {
	# shellcheck disable=SC2097,SC2098 # it is handed on as it is
	CNIBOX_TEST_HOST='' CNIBOX_BIN=$1 BATS_TEST_DIRNAME=$BATS_TEST_DIRNAME "$BATS_TEST_DIRNAME/../namespace" bash -c '
		source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
		pod a
		if answer=$(add portmap a "$0"); then echo accepted; else jq -r ".code" <<<"$answer"; fi' "$(with_prev "$(conf .)" "$PREV" | jq -c "$2")"
}
PREV='{"cniVersion":"1.0.0","interfaces":[{"name":"br1"},{"name":"eth0","sandbox":"/run/netns/a"}],
"ips":[{"address":"10.1.0.2/24","interface":1},{"address":"fd00:1::2/64","interface":1}]}'

@test "both refuse; and what only ours refuses" {
	for bad in '.runtimeConfig.portMappings[0].hostPort = 0' '.runtimeConfig.portMappings[0].hostPort = "x"' '.runtimeConfig.portMappings[0].hostPort = 70000' \
		'.runtimeConfig.portMappings[0].containerPort = 0' '.runtimeConfig.portMappings[0].protocol = "icmp"' '.runtimeConfig.portMappings[0].hostIP = "nowhere"' '.markMasqBit = 32' '.markMasqBit = -1' \
		'.markMasqBit = 5 | .externalSetMarkChain = "X"' 'del(.prevResult)'; do
		[ "$(refused "$REFERENCE" "$bad")" = 999 ]
		[ "$(refused "$CNIBOX_BIN" "$bad")" = 7 ]
	done
	different "portmap: code of a bad configuration" "the reference says 999 for all; ours the specification's 7, or 2 for a key that cannot be honoured"
	only() {
		[ "$(refused "$REFERENCE" "$1")" = accepted ]
		[ "$(refused "$CNIBOX_BIN" "$1")" = "$2" ]
	}
	only '.conditionsV4 = ["!", "-d", "192.0.2.0/24"]' 2
	only '.conditionsV6 = ["-s", "fd00::/8"]' 2
	different "portmap: conditionsV4, conditionsV6" "words of iptables' command line; the ports are keys of a map, which has no room for them: refused, never ignored"
	only '.runtimeConfig.portMappings[0].hostIP = "::1"' 7
	different "portmap: hostIP ::1" "the reference takes it, and nothing comes of it: the kernel has no way back to ::1"
}

# Two pods ask for one port: what the second is told, and the first's holder.
@test "a port that another pod has" {
	two() {
		# shellcheck disable=SC2097,SC2098 # it is handed on as it is
		CNIBOX_TEST_HOST='' CNIBOX_BIN=$1 BATS_TEST_DIRNAME=$BATS_TEST_DIRNAME "$BATS_TEST_DIRNAME/../namespace" bash -c '
			source '"$BATS_TEST_DIRNAME"'/../netns/helpers.bash
			for p in a b; do
				pod $p
				r=$(add bridge $p "$1")
				add portmap $p "$(with_prev "$0" "$r")" | jq -r ".msg // \"accepted\""
			done' "$(conf .)" "$NET"
	}
	[ "$(two "$REFERENCE" | tail -n 1)" = accepted ]
	two "$CNIBOX_BIN" | tail -n 1 | grep "is taken: network/container/interface net1/a/eth0 has it"
	different "portmap: a port that is taken" "the reference accepts it, and the first pod keeps the traffic; ours refuses with the holder's name"
}
