#!/usr/bin/env bats
# cnitool: libcni's rules, shown with plugins that write down what they were called with, and with the reference plugins.

setup() {
	bin=$(readlink -f "${CNIBOX:-$BATS_TEST_DIRNAME/../../build/cnibox}")
	dir=$BATS_TEST_TMPDIR
	export NETCONFPATH=$dir/net.d CNI_PATH=$dir/plugins LOG=$dir/log
	mkdir "$NETCONFPATH" "$CNI_PATH"
	make_recorder first
	make_recorder second
	make_recorder third
}

# A plugin that appends its call to $LOG/NUMBER.{env,stdin}, and answers ADD with a result that tells how long the chain is.
make_recorder() {
	cat >"$CNI_PATH/$1" <<'EOF'
#!/bin/bash
mkdir -p "$LOG"
n=$(find "$LOG" -name '*.env' | wc -l)
cat >"$LOG/$n.stdin"
echo "${0##*/} $CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_ARGS" >"$LOG/$n.env"
if [ -e "$LOG.fail" ] && [ "$(cat "$LOG.fail")" = "${0##*/} $CNI_COMMAND" ]; then
	echo '{"cniVersion":"1.0.0","code":7,"msg":"no such luck","details":"for a reason"}'
	exit 1
fi
version=$(jq -r .cniVersion "$LOG/$n.stdin")
case $CNI_COMMAND in
ADD) jq -n --arg v "$version" --argjson p "$(jq .prevResult.ours "$LOG/$n.stdin")" --arg n "${0##*/}" \
	'{cniVersion: $v, ips: [{address: "10.0.0.2/24"}], ours: (($p // []) + [$n])}' ;;
VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0","1.1.0"]}' ;;
esac
EOF
	chmod +x "$CNI_PATH/$1"
}

# NAME VERSION [KEYS]: a list of all three.
make_list() {
	cat >"$NETCONFPATH/$1.conflist" <<EOF
{ "cniVersion": "$2", "name": "$1", ${3:-}
  "plugins": [ {"type": "first", "capabilities": {"portMappings": true, "mac": false}}, {"type": "second", "name": "own"}, {"type": "third"} ] }
EOF
}

# Our own mounts and network for one command line: the result cache is a fixed path.
sandbox() {
	unshare -nm bash -c '
		mkdir -p /var/lib/cni
		mount -t tmpfs tmpfs /var/lib/cni
		mount -t tmpfs tmpfs /run
		mkdir /run/netns
		ip link set lo up
		cnitool() { "'"$bin"'" cnitool "$@"; }
		set -e
		'"$1"
}

calls() {
	cat "$LOG"/?.env | cut -d' ' -f1,2 | tr '\n' ','
}

@test "add calls the plugins in order, each with the result before, and prints the last" {
	make_list net 1.0.0
	run sandbox "cnitool add net /run/netns/pod"
	[ "$status" -eq 0 ]
	[ "$(calls)" = "first ADD,second ADD,third ADD," ]
	[ "$(jq -c .ours <<<"$output")" = '["first","second","third"]' ]
	[ "${lines[1]}" = '    "cniVersion": "1.0.0",' ]
	[ "$(jq -c .prevResult "$LOG/0.stdin")" = null ]
	[ "$(jq -c .prevResult.ours "$LOG/2.stdin")" = '["first","second"]' ]
	[ "$(jq -c '[.name, .cniVersion, .type]' "$LOG/1.stdin")" = '["net","1.0.0","second"]' ]
}

@test "the container id, namespace, interface and arguments are the reference's" {
	make_list net 1.0.0
	sandbox "cnitool add net pod; cnitool add net /run/../run//netns/./pod; CNI_IFNAME=net1 CNI_ARGS='IgnoreUnknown=1;A=b' cnitool add net /run/netns/pod
		cd /run; cnitool add net netns/pod -i net2; cnitool add net netns/pod --ifname=net3"
	id=cnitool-$(printf /run/netns/pod | sha512sum | head -c 20)
	[ "$(cat "$LOG/0.env")" = "first ADD cnitool-$(printf /var/run/netns/pod | sha512sum | head -c 20) /var/run/netns/pod eth0 " ]
	[ "$(cat "$LOG/3.env")" = "first ADD $id /run/netns/pod eth0 " ]
	[ "$(cat "$LOG/6.env")" = "first ADD $id /run/netns/pod net1 IgnoreUnknown=1;A=b" ]
	[ "$(cat "$LOG/9.env")" = "first ADD $id /run/netns/pod net2 " ]
	[ "$(cat "$LOG/12.env")" = "first ADD $id /run/netns/pod net3 " ]
}

@test "check goes in order and del in reverse, both with the cached result; del removes it" {
	make_list net 1.0.0
	sandbox "cnitool add net pod >/dev/null; cnitool check net pod; cnitool del net pod; find /var/lib/cni -type f >$dir/left"
	[ "$(calls)" = "first ADD,second ADD,third ADD,first CHECK,second CHECK,third CHECK,third DEL,second DEL,first DEL," ]
	for i in 3 5 6 8; do
		[ "$(jq -c .prevResult.ours "$LOG/$i.stdin")" = '["first","second","third"]' ]
	done
	[ ! -s "$dir/left" ]
}

@test "the cache is libcni's" {
	make_list net 1.0.0
	run sandbox "CNI_ARGS=K=V CAP_ARGS='{\"x\":[1]}' cnitool add net /run/netns/pod >/dev/null; stat -c %a /var/lib/cni/results/*; cat /var/lib/cni/results/net-*-eth0"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 600 ]
	[ "$(jq -c keys_unsorted <<<"${lines[1]}")" = \
		'["kind","containerId","config","ifName","networkName","netns","cniArgs","capabilityArgs","result"]' ]
	[ "$(jq -c '[.kind, .ifName, .networkName, .netns, .cniArgs, .capabilityArgs]' <<<"${lines[1]}")" = \
		'["cniCacheV1","eth0","net","/run/netns/pod",[["K","V"]],{"x":[1]}]' ]
	jq -r .config <<<"${lines[1]}" | base64 -d | cmp - "$NETCONFPATH/net.conflist"
	[ "$(jq -c .result.ours <<<"${lines[1]}")" = '["first","second","third"]' ]
}

@test "capability arguments reach the plugins that declare them" {
	make_list net 1.0.0
	sandbox "CAP_ARGS='{\"portMappings\":[{\"hostPort\":80}],\"mac\":\"x\"}' cnitool add net pod >/dev/null"
	[ "$(jq -c .runtimeConfig "$LOG/0.stdin")" = '{"portMappings":[{"hostPort":80}]}' ]
	[ "$(jq -c .runtimeConfig "$LOG/1.stdin")" = null ]
}

@test "del needs no cache, and a damaged one does not stop it" {
	make_list net 1.0.0
	sandbox "cnitool del net pod; cnitool add net pod >/dev/null; for f in /var/lib/cni/results/*; do echo '{' >\$f; done
		cnitool del net pod; find /var/lib/cni -type f >$dir/left"
	[ "$(jq -c .prevResult "$LOG/0.stdin")" = null ]
	[ "$(jq -c .prevResult "$LOG/8.stdin")" = null ]
	[ ! -s "$dir/left" ]
}

@test "del removes what a cnitool that was killed as it cached the result left" {
	make_list net 1.0.0
	sandbox "strace -qq -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL $bin cnitool add net pod || true
		find /var/lib/cni -name '.net-*' >$dir/killed; cnitool del net pod; find /var/lib/cni -type f >$dir/left"
	[ -s "$dir/killed" ]
	[ ! -s "$dir/left" ]
}

@test "a failing add names the plugin, caches nothing and leaves the rest to del" {
	make_list net 1.0.0
	echo "second ADD" >"$LOG.fail"
	run sandbox "cnitool add net pod || echo \"status \$?\"; find /var/lib/cni -type f"
	[ "${lines[0]}" = 'cnitool: plugin type="second" name="own" failed (add): no such luck; for a reason' ]
	[ "${lines[1]}" = "status 1" ]
	[ "${#lines[@]}" -eq 2 ]
	[ "$(calls)" = "first ADD,second ADD," ]
}

@test "a failing del stops there and keeps the cache" {
	make_list net 1.0.0
	echo "second DEL" >"$LOG.fail"
	run sandbox "cnitool add net pod >/dev/null; cnitool del net pod || find /var/lib/cni -type f"
	[[ ${lines[0]} == *'(delete): no such luck'* ]]
	[[ ${lines[1]} == */results/net-cnitool-*-eth0 ]]
	[ "$(calls)" = "first ADD,second ADD,third ADD,third DEL,second DEL," ]
}

@test "gc deletes every cached attachment of the network, and tells the plugins from 1.1.0 on" {
	make_list net 1.1.0
	make_list old 1.0.0
	sandbox "cnitool add net /run/netns/a >/dev/null; CNI_ARGS=K=V cnitool add net /run/netns/b >/dev/null; cnitool add old /run/netns/a >/dev/null
		rm -r $LOG; cnitool gc net; ls /var/lib/cni/results >$dir/left; cnitool gc old; ls /var/lib/cni/results >>$dir/left"
	[ "$(cat "$LOG"/?.env "$LOG"/1?.env | cut -d' ' -f2 | sort | uniq -c | tr -s ' \n' ' ')" = " 9 DEL 3 GC " ]
	[ "$(cut -d' ' -f2 "$LOG/6.env" "$LOG/8.env" "$LOG/9.env" | tr '\n' ' ')" = "GC GC DEL " ]
	grep -q ' /run/netns/b eth0 K=V$' "$LOG"/?.env
	[ "$(jq -c '[."cni.dev/valid-attachments", ."cni.dev/attachments"]' "$LOG/6.stdin")" = '[[],[]]' ]
	[[ $(cat "$dir/left") == old-cnitool-*-eth0 ]]
}

@test "gc goes on after a failure and reports it" {
	make_list net 1.1.0
	echo "second GC" >"$LOG.fail"
	run sandbox "cnitool gc net"
	[ "$status" -eq 1 ]
	[ "$output" = 'cnitool: plugin type="second" name="own" failed (gc): no such luck; for a reason' ]
	[ "$(calls)" = "first GC,second GC,third GC," ]
}

@test "disableCheck and disableGC" {
	make_list net 1.1.0 '"disableCheck": true, "disableGC": true,'
	sandbox "cnitool check net pod; cnitool gc net"
	[ ! -e "$LOG" ]
}

@test "status from 1.1.0 on, check from 0.4.0 on" {
	make_list net 1.1.0
	make_list old 0.3.1
	sandbox "cnitool status old; cnitool status net"
	[ "$(calls)" = "first STATUS,second STATUS,third STATUS," ]
	run sandbox "cnitool check old pod"
	[ "$status" -eq 1 ]
	[[ $output == *"does not support the CHECK command"* ]]
	echo "second STATUS" >"$LOG.fail"
	rm -r "$LOG"
	run sandbox "cnitool status net"
	[ "$status" -eq 1 ]
	[ "$(calls)" = "first STATUS,second STATUS," ]
}

@test "version prints each plugin's and fails for one that lacks the list's" {
	make_list net 1.0.0
	make_list old 0.3.1
	run sandbox "cnitool version net"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "first: 0.4.0 1.0.0 1.1.0" ]
	[ "${#lines[@]}" -eq 3 ]
	run sandbox "cnitool version old 2>/dev/null"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 3 ]
}

@test "bad input is one line that says what" {
	make_list net 1.0.0
	printf '{ "name": "bad",\n  "plugins": ] }' >"$NETCONFPATH/00-bad.conflist"
	expect() {
		run sandbox "$1 2>&1"
		[ "$status" -eq 1 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == "cnitool: "*"$2"* ]] || { echo "$output"; return 1; }
	}
	expect "cnitool add nope pod" '(known: net); not readable: '
	[[ $output == *"/00-bad.conflist: line 2, column 14"* ]]
	rm "$NETCONFPATH/00-bad.conflist"
	expect "cnitool add net pod -i 0123456789abcdef" 'interface name "0123456789abcdef"'
	expect "CNI_ARGS='A=1;B' cnitool add net pod" 'CNI_ARGS: invalid pair "B"'
	expect "CNI_ARGS='A=1;' cnitool add net pod" 'CNI_ARGS: invalid pair ""'
	expect "CAP_ARGS='[]' cnitool add net pod" 'CAP_ARGS: expected a JSON object'
	expect "CAP_ARGS='{' cnitool add net pod" 'CAP_ARGS: line 1'
	expect "NETCONFPATH=/nonexistent cnitool add net pod" '/nonexistent'
	[ ! -e "$LOG" ]
	rm "$CNI_PATH/third"
	expect "cnitool add net pod" 'plugin "third" is not in CNI_PATH'
	[ ! -e "$LOG" ]
}

@test "wrong arguments print the usage" {
	for args in "" "add" "add net" "add net pod more" "nonsense net pod" "add net pod -x" "add net pod -i"; do
		run sandbox "cnitool $args"
		[ "$status" -eq 1 ]
		[[ $output == "usage: cnitool"* ]]
	done
}

@test "a plugin that answers no JSON, nothing, or dies is named" {
	make_list net 1.0.0
	for body in 'cat >/dev/null; echo hello' 'cat >/dev/null' 'kill -9 $$' 'exit 3'; do
		printf '#!/bin/bash\n%s\n' "$body" >"$CNI_PATH/second"
		run sandbox "cnitool add net pod"
		[ "$status" -eq 1 ]
		[[ $output == 'cnitool: plugin type="second" name="own" failed (add): '* ]]
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "a result in another version is handed on in the list's" {
	cat >"$NETCONFPATH/net.conflist" <<<'{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"old"},{"type":"second"}]}'
	printf '#!/bin/bash\ncat >/dev/null\necho %s\n' "'"'{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.5/24"}}'"'" >"$CNI_PATH/old"
	chmod +x "$CNI_PATH/old"
	sandbox "cnitool add net pod >/dev/null"
	[ "$(jq -c '[.prevResult.cniVersion, .prevResult.ips[0].address]' "$LOG/0.stdin")" = '["1.0.0","10.0.0.5/24"]' ]
}

@test "the reference plugins attach, check and detach" {
	ref=$(realpath "$BATS_TEST_DIRNAME/../../build/third_party/containernetworking-plugins/usr/lib/cni")
	[ -x "$ref/bridge" ] || ref=/usr/lib/cni
	[ -x "$ref/bridge" ] || skip "the reference plugins are not unpacked (third_party/unpack containernetworking-plugins)"
	cat >"$NETCONFPATH/net.conflist" <<'EOF'
{ "cniVersion": "1.0.0", "name": "net", "plugins": [
  { "type": "bridge", "bridge": "test0", "isGateway": true, "ipam": { "type": "host-local", "subnet": "10.99.0.0/24" } },
  { "type": "tuning", "mtu": 1400 } ] }
EOF
	run sandbox "export CNI_PATH=$ref; ip netns add pod; cnitool add net pod >/dev/null; cnitool check net pod
		ip -n pod -o addr show eth0; ip -n pod -o link show eth0; ip netns del pod; cnitool del net pod; cnitool del net pod
		find /var/lib/cni -name '10.*'
		for i in \$(seq 1000); do ip -br link | grep -q veth || break; sleep 0.1; done	# the kernel takes a namespace apart in its own time
		ip -br link | grep -c veth || true"
	[ "$status" -eq 0 ]
	[[ $output == *"10.99.0.2/24"* ]]
	[[ $output == *"mtu 1400"* ]]
	[ "${lines[-1]}" = 0 ]
	[[ $output != *"/var/lib/cni/"* ]]
}

@test "our plugins behind it: loopback, and bridge with host-local" {
	"$bin" install -q "$CNI_PATH"
	cat >"$NETCONFPATH/lo.conf" <<<'{"cniVersion":"0.3.1","name":"lo","type":"loopback"}'
	cat >"$NETCONFPATH/net.conflist" <<'EOF'
{ "cniVersion": "1.1.0", "name": "net", "plugins": [
  { "type": "bridge", "bridge": "test0", "isGateway": true, "ipam": { "type": "host-local", "subnet": "10.99.0.0/24" } } ] }
EOF
	run sandbox "ip netns add pod; cnitool add lo pod -i lo >/dev/null; cnitool add net pod >/dev/null; cnitool status net; cnitool check net pod
		ip -n pod -o addr show; cnitool del lo pod -i lo; cnitool gc net
		echo left:; ip -n pod -o addr show dev eth0 2>/dev/null || true; find /var/lib/cni -name '10.*'"
	[ "$status" -eq 0 ]
	[[ $output == *"127.0.0.1/8"* ]]
	[[ $output == *"10.99.0.2/24"* ]]
	[ "${lines[-1]}" = left: ]
}
