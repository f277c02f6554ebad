#!/usr/bin/env bats
# Calls that real clients made of the reference's plugins, in the order in which they came, made of ours: recorded/calls.jsonl has one a line,
# with its environment, its configuration, and what was answered, MACs and names of host ends left out. "prevResult": true is the result
# before it, and so is "result": true. CNI_PATH is /opt/cni/bin and CNI_ARGS empty where a line has none; every call succeeded.
bats_require_minimum_version 1.5.0
load helpers
load portmap_helpers
load samples_helpers

setup() {
	ln -sf "$CNIBOX_BIN"/* /opt/cni/bin/
	outside
}

# recorded CLIENT [FILTER]
recorded() {
	grep -F "{\"client\":\"$1\"," "$BATS_TEST_DIRNAME/recorded/calls.jsonl" | jq -c "select(${2:-.plugin != \"host-local\"})"
}

# process: one with a namespace of its own, which is also /run/netns/a and open as descriptor 9 of another; $process and $holder are their pids.
process() {
	unshare --net sleep 1000 3>&- &
	process=$!
	until [ "$(readlink /proc/$process/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do :; done
	ip netns attach a $process
	sleep 1000 3>&- 9</run/netns/a &
	holder=$!
	until [ -e /proc/$holder/fd/9 ]; do :; done
}

# container CLIENT [PATH]: the namespace that its calls name, or this kind of path to one; $NS is the path, $POD the name.
container() {
	NS=${2:-$(recorded "$1" '.env.CNI_COMMAND == "ADD"' | jq -r .env.CNI_NETNS | head -n 1)}
	POD=$(basename "$NS")
	case $NS in
	/proc/*/ns/net) process; POD=a NS=/proc/$process/ns/net ;;
	/proc/*/fd/*) process; POD=a NS=/proc/$holder/fd/9 ;;
	*) pod "$POD" ;;
	esac
}

# make CALL: as its client made it, in container $NS behind result $PREV; $output is the answer, $plugin, $command and $expected the call's.
make() {
	local parts environment
	mapfile -t parts < <(jq -r --argjson prev "$PREV" --arg ns "$NS" '.plugin, .env.CNI_COMMAND,
		(.result | if . == true then $prev else . end | tojson),
		(.stdin | if .prevResult then .prevResult = $prev else . end | tojson),
		({CNI_PATH: "/opt/cni/bin", CNI_ARGS: ""} + .env | if .CNI_NETNS | test("^/") then .CNI_NETNS = $ns else . end
			| to_entries[] | "\(.key)=\(.value)")' <<<"$1")
	plugin=${parts[0]} command=${parts[1]} expected=${parts[2]} environment=("${parts[@]:4}")
	output=$(env -i "${environment[@]}" "/opt/cni/bin/$plugin" <<<"${parts[3]}" 2>"$BATS_TEST_TMPDIR/stderr") || {
		echo "$1: $output"
		return 1
	}
}

# without: what the recording leaves out of a result, and mtu, which the reference does not fill in. Its loopback has no "version", which
# the specification wants up to 0.4.0.
without() {
	jq -S --arg ns "$NS" --arg plugin "$plugin" 'del(.interfaces[]?["mac", "mtu"], (.dns | select(. == {}))) | .interfaces[]?.name |= sub("^veth.*"; "veth")
		| (.interfaces[]? | select(.sandbox == $ns)).sandbox = "NETNS"
		| if $plugin == "loopback" then del(.ips[].version) else . end'
}

# answered: what the call must answer; a result stays in $PREV.
answered() {
	case $command in
	ADD)
		diff <(without <<<"$expected") <(without <<<"$output")
		[ "$plugin" = loopback ] || PREV=$output
		;;
	VERSION) jq -e --argjson recorded "$expected" '.cniVersion == $recorded.cniVersion and $recorded.supportedVersions - .supportedVersions == []' <<<"$output" ;;
	*) [ -z "$output" ] ;;
	esac
	fails_to grep -v 'runtimeConfig[.a-zA-Z]*: left to the other plugins of the list$' "$BATS_TEST_TMPDIR/stderr"
}

# attached: the pod has what $PREV says, reaches the world and is reached there, and by its host ports.
attached() {
	local host mac ip
	host=$(jq -r '.interfaces[1].name' <<<"$PREV")
	[ "$(ip -j link show "$host" | jq -r '.[0].master')" = "$(jq -r '.interfaces[0].name' <<<"$PREV")" ]
	mac=$(jq -r '.interfaces[2].mac' <<<"$PREV")
	[ "$(ip -n "$POD" -j link show eth0 | jq -r '.[0].address')" = "$mac" ]
	[ "$(ip -n "$POD" -j addr show eth0 | jq -r '.[0].addr_info[] | select(.scope == "global") | "\(.local)/\(.prefixlen)"' | sort)" = \
		"$(jq -r '.ips[].address' <<<"$PREV" | sort)" ]
	serve out 7000
	serve "$POD" 80
	[ "$(ask "$POD" tcp 203.0.113.2 7000)" = 203.0.113.1 ]
	for ip in $(addresses "$PREV"); do
		ask "" tcp "$ip" 80
	done
	published_as "$1"
}

# published_as CLIENT: the ports that it asked for.
published_as() {
	local host port protocol at
	while read -r host port protocol at; do
		[ "$port" = 80 ] || serve "$POD" "$port"
		if [ "$at" = any ]; then ask out "$protocol" 203.0.113.1 "$host"; else ask "" "$protocol" "$at" "$host"; fi
	done < <(recorded "$1" '.env.CNI_COMMAND == "ADD"' | jq -r '.stdin.runtimeConfig.portMappings[]? | with_entries(.key |= ascii_downcase)
		| "\(.hostport) \(.containerport) \(.protocol) \(.hostip // "" | if . == "" then "any" else . end)"' | sort -u)
}

# deleted CLIENT: every DEL once more, as runtimes do it later: without a namespace and without a result; then nothing is left.
deleted() {
	local call
	while read -r call; do
		make "$(jq -c '.env.CNI_NETNS = "" | del(.stdin.prevResult)' <<<"$call")"
		answered
	done < <(recorded "$1" '.env.CNI_COMMAND == "DEL"')
	[ "$(ip -n "$POD" -o link show | grep -c eth0)" = 0 ]
	diff <(echo "$before") <(detached)
}

# made CLIENT COMMANDS [FILTER]: its calls of these commands, in order; none of them may be missing.
made() {
	local call
	while read -r call; do
		make "$call"
		answered
		made=$((made + 1))
	done < <(recorded "$1" "${3:-.plugin != \"host-local\"}" | jq -c --arg commands "$2" 'select(.env.CNI_COMMAND | inside($commands))')
}

# replay CLIENT: its calls in container $NS.
replay() {
	PREV=null before=$(detached)
	made "$1" "VERSION STATUS ADD"
	attached "$1"
	made "$1" "CHECK DEL GC"
	deleted "$1"
}

# leases CLIENT: the calls that the reference's plugins made of host-local; ours run it within themselves.
leases() {
	PREV=null
	rm -r /var/lib/cni/networks/net1 # where the next search begins
	made "$1" "STATUS ADD" '.plugin == "host-local"'
	[ "$(head -qn 1 /var/lib/cni/networks/net1/10.* | tr -d '\r\n')" = "$(recorded "$1" true | jq -r '.env.CNI_CONTAINERID | select(. != "")' | head -n 1)" ]
	made "$1" "CHECK DEL" '.plugin == "host-local"'
	made "$1" DEL '.plugin == "host-local"'
	[ -z "$(find /var/lib/cni/networks/net1 -name '10.*' -o -name 'fd*')" ]
}

# replays CLIENT [PATH]: every call of it.
replays() {
	local made=0
	container "$@"
	replay "$1"
	leases "$1"
}

# bats test_tags=deep
@test "ctr 2.1 (containerd), CNI 1.1.0" { replays ctr-2.1_cni1.1.0; }

# bats test_tags=deep
@test "ctr 1.6 (containerd), CNI 1.0.0" { replays ctr-1.6; }

# Some hold the namespace open and name the descriptor.
@test "ctr's calls for a namespace that is a descriptor of the runtime's" { replays ctr-1.6 /proc/PID/fd/N; }

@test "containerd 2.1's CRI, CNI 1.1.0: STATUS, loopback, a host port with keys in capitals" { replays containerd-cri-2.1_cni1.1.0; }

@test "containerd 2.1's CRI, a list that declares every capability" { replays containerd-cri-2.1_allcaps; }

@test "podman 4.3.1: VERSION with dummies, CNI 0.4.0, a port of 127.0.0.1" { replays podman-4.3.1-crun; }

@test "cnitool 1.3.0, CNI 1.1.0: STATUS, CHECK, GC" { replays cnitool-1.3.0_cni1.1.0; }

@test "every call of the recording belongs to a client that is replayed" {
	diff <(jq -r .client "$BATS_TEST_DIRNAME/recorded/calls.jsonl" | sort -u) <(sed -n 's/^@test.*replays \([^ ]*\); }$/\1/p' "$BATS_TEST_FILENAME" | sort -u)
	[ "$(wc -l <"$BATS_TEST_DIRNAME/recorded/calls.jsonl")" = 87 ]
}
