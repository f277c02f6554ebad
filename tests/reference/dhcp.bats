#!/usr/bin/env bats
# The reference's dhcp plugin and daemon, then ours, with the same pod and the same server: result, and what the server saw, must be alike.
# Different by intention: ours also asks for option 121 (RFC 3442), for 33 and for names, and puts the names into the result's dns.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load ../netns/dhcp_helpers

setup() {
	local unpacked=$BATS_TEST_DIRNAME/../../build/third_party/containernetworking-plugins/usr/lib/cni
	for dir in "$unpacked" /usr/lib/cni; do
		[ ! -x "$dir/dhcp" ] || REFERENCE=${REFERENCE:-$dir}
	done
	[ -n "${REFERENCE:-}" ] || skip "the reference plugins are not there (third_party/unpack containernetworking-plugins)"
	lan
	plug a
	ip -n a link set eth0 address 02:00:00:00:00:0a
}

teardown() {
	cat "$LOG" "$BATS_TEST_TMPDIR/daemon.log" 2>/dev/null || true
	clean_up
}

sorted() {
	jq -cS 'del(.dns) | .routes |= (. // [] | sort_by(.dst))' <<<"$1"
}

# The socket is there before anybody listens to it.
daemon_listens() { [ -n "$(ss -Hlx src /run/cni/dhcp.sock)" ]; }

# through DIR CONF: the result, the server's lease (MAC, address, name, client id); CHECK passes, DEL gives the lease back.
through() {
	local -x CNIBOX_BIN=$1 CNI_PATH=$1
	local r
	"$1/dhcp" daemon 2>>"$BATS_TEST_TMPDIR/daemon.log" >&2 3>&- &
	# shellcheck disable=SC2034 # for stop_daemon
	DAEMON=$!
	wait_for daemon_listens
	r=$(add dhcp a "$2")
	sorted "$r"
	cut -d' ' -f2- "$BATS_TEST_TMPDIR/leases"
	[[ $2 == *0.2.0* ]] || call CHECK dhcp a /run/netns/a "$(with_prev "$2" "$r")" # came with 0.4.0
	del dhcp a "$2"
	wait_for test ! -s "$BATS_TEST_TMPDIR/leases"
	stop_daemon || true
	rm -f /run/cni/dhcp.sock
}

same() {
	local theirs ours
	theirs=$(through "$REFERENCE" "$1")
	ours=$(through "$CNIBOX_BIN" "$1")
	echo "$ours"
	diff <(echo "$theirs") <(echo "$ours")
	[[ $ours == *'"10.9.0.'*/24* ]]
}

@test "address, gateway and default route; the server sees the same client" {
	serve "$RANGE"
	same "$CONF"
	same "$(jq -c '.cniVersion = "0.4.0"' <<<"$CONF")"
	same "$(jq -c '.cniVersion = "0.2.0"' <<<"$CONF")"
}

@test "no router: no route" {
	serve "$RANGE" --dhcp-option=option:router
	same "$CONF"
}

@test "classless routes, classful routes" {
	serve "$RANGE" --dhcp-option=121,172.16.0.0/12,10.9.0.2,0.0.0.0/0,10.9.0.3
	same "$(jq -c '.ipam.request = [{option: "121"}]' <<<"$CONF")"
	stop_server
	serve "$RANGE" --dhcp-option=33,192.168.7.0,10.9.0.2,11.0.0.0,10.9.0.3
	same "$(jq -c '.ipam.request = [{option: "33"}]' <<<"$CONF")"
}

@test "provided options, by value and from CNI_ARGS; nothing but what is asked for" {
	serve "$RANGE"
	export CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAME=web-1"
	same "$(jq -c '.ipam.provide = [{option: "host-name", value: "other", fromArg: "K8S_POD_NAME"}]' <<<"$CONF")"
	same "$(jq -c '.ipam.provide = [{option: "12", value: "other", fromArg: "ABSENT"}]' <<<"$CONF")"
	same "$(jq -c '.ipam.request = [{option: "subnet-mask", skipDefault: true}]' <<<"$CONF")"
}
