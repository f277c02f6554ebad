#!/usr/bin/env bats
# Callers and neighbours who mean harm, and what the binary does to keep theirs small. (A namespace that vanishes mid-call: sweep.bats.)
bats_require_minimum_version 1.5.0
load ../netns/helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"bridge","bridge":"cni0","isDefaultGateway":true,"ipMasq":true,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]}}'
BASH_CONF='{"cniVersion":"0.4.0","name":"demo","type":"bash-cni","bridge":"cni1","network":"10.244.0.0/16","subnet":"10.244.0.0/24"}'
LEASES=/var/lib/cni/networks/net1

setup() {
	DEBUG=${CNIBOX_DEBUG:-$CNIBOX_BIN/../cnibox.debug}
	out=$BATS_TEST_TMPDIR
	pod a
	pod b
}

teardown() {
	find /run/netns -type f -printf '%f\n' | while read -r ns; do
		del bridge "$ns" "$CONF" >/dev/null 2>&1 || true
		ip netns del "$ns"
	done
	ip link del cni0 2>/dev/null || true
	ip link del cni1 2>/dev/null || true
	find /run/netns -type l -delete
	rm -rf /var/lib/cni/* /run/cnibox /var/log/*
	nft flush ruleset
}

# refuses COMMAND...: an error object with a code below 100 or of ours, exit status 1, no crash.
refuses() {
	run --separate-stderr "$@"
	[ "$status" -eq 1 ] || { echo "status $status: $output $stderr"; return 1; }
	jq -e '.code > 0 and (.msg | length > 8)' <<<"$output" >/dev/null || { echo "answer: $output"; return 1; }
}

@test "path traversal in every name is refused, and nothing is made outside" {
	mkdir -p /var/lib/cni/networks /run/cnibox
	for bad in ../x ../../../../run/x /run/x x/../../y . .. 'x/y' $'x\ny'; do
		q=$(jq -n --arg x "$bad" '$x')
		unchanged refuses add bridge a "$(jq -c ".name = $q" <<<"$CONF")"
		unchanged refuses add bridge a "$(jq -c ".bridge = $q" <<<"$CONF")"
		unchanged refuses add bridge a "$(jq -c ".ipam.type = $q" <<<"$CONF")"
		unchanged refuses call ADD bridge "$bad" /run/netns/a "$CONF"
		unchanged refuses call ADD bash-cni "$bad" /run/netns/a "$BASH_CONF"
		unchanged refuses call ADD bridge id /run/netns/a "$CONF" "$bad"
		unchanged refuses call DEL bridge "$bad" /run/netns/a "$CONF"
		unchanged refuses call DEL bridge id /run/netns/a "$(jq -c ".name = $q" <<<"$CONF")"
	done
	find / -xdev \( -name x -o -name y \) -newer /var/lib/cni/networks -not -path '/proc/*' -not -path "/tmp/*" -not -path "/var/tmp/*" >"$out/found"
	[ ! -s "$out/found" ] || { cat "$out/found"; false; }
}

@test "a namespace that is none: a file, a directory, a FIFO, the host's own, another kind" {
	touch "$out/file"
	mkfifo "$out/fifo"
	for bad in "$out/file" "$out" "$out/fifo" /dev/zero /dev/tty /proc/self/ns/net /proc/self/ns/mnt /nowhere ''; do
		unchanged refuses timeout 60 env CNI_COMMAND=ADD CNI_CONTAINERID=id "CNI_NETNS=$bad" CNI_IFNAME=eth0 "$CNIBOX_BIN/bridge" <<<"$CONF"
	done
}

@test "symbolic links planted where leases, locks, the index and the log are: nothing behind them is touched" {
	echo untouched >/run/victim
	mkdir /run/victims
	for name in 10.1.0.2 10.1.0.3 lock boot_id last_reserved_ip.0; do
		mkdir -p $LEASES
		ln -s /run/victim $LEASES/$name
		add bridge a "$CONF" >/dev/null 2>&1 || true
		del bridge a "$CONF" >/dev/null 2>&1 || true
		[ "$(cat /run/victim)" = untouched ]
		rm -rf $LEASES /run/cnibox
	done
	ln -s /run/victims $LEASES
	run add bridge a "$CONF"
	[ -z "$(ls /run/victims)" ]
	rm $LEASES
	mkdir -p /run/cnibox
	for name in leases bridge.lock reaper.lock seals.lock; do
		rm -rf /run/cnibox/$name
		ln -s /run/victims /run/cnibox/$name
		add bridge a "$CONF" >/dev/null 2>&1 || true
		del bridge a "$CONF" >/dev/null 2>&1 || true
		[ -z "$(ls /run/victims)" ] || { echo "through $name: $(ls /run/victims)"; false; }
		rm -rf /run/cnibox/$name
	done
	rm -rf /run/cnibox
	ln -s /run/victims /run/cnibox
	add bridge a "$CONF" >/dev/null 2>&1 || true
	del bridge a "$CONF" >/dev/null 2>&1 || true
	[ -z "$(ls /run/victims)" ]
	rm /run/cnibox
	ln -s /run/victim /var/log/bash-cni-plugin.log
	call ADD bash-cni id /run/netns/a "$BASH_CONF" >/dev/null
	call DEL bash-cni id /run/netns/a "$BASH_CONF" >/dev/null
	[ "$(cat /run/victim)" = untouched ]
	rm /run/victim
	rmdir /run/victims
}

@test "a full run with every planted name in place still works, or fails with a word and leaves nothing" {
	mkdir -p $LEASES
	ln -s /etc/passwd $LEASES/10.1.0.2
	ln -s /etc/passwd $LEASES/last_reserved_ip.0
	mkfifo $LEASES/10.1.0.3
	mkdir $LEASES/10.1.0.4
	: >$LEASES/10.1.0.5
	head -c 100000 /dev/zero >$LEASES/10.1.0.6
	r=$(timeout 60 "$BASH" -c "$(declare -f call); CNIBOX_BIN=$CNIBOX_BIN call ADD bridge a /run/netns/a '$CONF'")
	[ "$(address "$r")" = 10.1.0.5 ] || [ "$(address "$r")" = 10.1.0.7 ]
	timeout 60 "$BASH" -c "$(declare -f call); CNIBOX_BIN=$CNIBOX_BIN call DEL bridge a /run/netns/a '$CONF'"
	[ -L $LEASES/10.1.0.2 ] && [ -p $LEASES/10.1.0.3 ] && [ -d $LEASES/10.1.0.4 ] && [ -f $LEASES/10.1.0.6 ]
}

@test "files, locks and directories of another user do not stop root, and the index of another user is not believed" {
	add bridge b "$CONF" >/dev/null
	del bridge b "$CONF"
	chown -R 65534:65534 /var/lib/cni /run/cnibox
	chmod 600 $LEASES/lock
	r=$(add bridge a "$CONF")
	call CHECK bridge a /run/netns/a "$(with_prev "$CONF" "$r")"
	index=$(find /run/cnibox/leases -mindepth 1 -maxdepth 1 -type d)
	rm -f "$index"/*
	touch -r $LEASES "$index"
	del bridge a "$CONF"
	[ -z "$(find $LEASES -name '10.*')" ]
}

@test "an unprivileged caller gets an error object and changes nothing" {
	unprivileged() { setpriv --reuid 65534 --regid 65534 --clear-groups "$BASH" -c "CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 $CNIBOX_BIN/bridge" <<<"$CONF"; }
	add bridge b "$CONF" >/dev/null
	unchanged refuses unprivileged ADD
	r=$(add bridge a "$CONF")
	unchanged refuses unprivileged DEL
}

@test "a megabyte of environment" {
	for i in $(seq 1 10); do export "BIG$i=$(head -c 100000 /dev/zero | tr '\0' x)"; done
	r=$(add bridge a "$CONF")
	del bridge a "$CONF"
	big=$(head -c 100000 /dev/zero | tr '\0' y)
	unchanged refuses call ADD bridge "$big" /run/netns/a "$CONF"
	unchanged refuses call ADD bridge id "/run/$big" "$CONF"
	unchanged refuses call ADD bridge id /run/netns/a "$CONF" "$big"
	unchanged refuses env CNI_ARGS="IP=$big" CNI_COMMAND=ADD CNI_CONTAINERID=id CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/bridge" <<<"$CONF"
	CNI_ARGS="IgnoreUnknown=1;X=$big" add bridge a "$CONF" >/dev/null
	CNI_ARGS="IgnoreUnknown=1;X=$big" del bridge a "$CONF"
}

# from FILE COMMAND [PLUGIN]: a call whose standard input is the file.
from() {
	CNI_COMMAND=$2 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 timeout 60 "$CNIBOX_BIN/${3:-bridge}" <"$1"
}

@test "a megabyte of standard input, valid and not; more is refused" {
	jq -c --arg x "$(head -c 90000 /dev/zero | tr '\0' x)" '.x = [range(10) | $x]' <<<"$CONF" >"$out/valid"
	[ "$(stat -c %s "$out/valid")" -gt 900000 ]
	from "$out/valid" ADD >/dev/null
	from "$out/valid" DEL
	head -c 1000000 "$out/valid" | head -c -20 >"$out/cut"
	unchanged refuses from "$out/cut" ADD
	for _ in $(seq 1 3); do cat "$out/valid"; done >"$out/long"
	unchanged refuses from "$out/long" ADD
	head -c 1000000 /dev/zero >"$out/zero"
	unchanged refuses from "$out/zero" ADD
	head -c 1000000 /dev/urandom >"$out/random"
	unchanged refuses from "$out/random" ADD
	{ printf '{"cniVersion":"1.1.0","name":"net1","type":"bridge","x":['; yes 0, | head -n 300000 | tr -d '\n'; printf '0]}'; } >"$out/numbers"
	from "$out/numbers" ADD >/dev/null || unchanged refuses from "$out/numbers" ADD
	from "$out/numbers" DEL || true
	yes '{"cniVersion":"1.1.0"' | head -c 1000000 >"$out/objects"
	unchanged refuses from "$out/objects" ADD
}

@test "100,000 nested brackets, in each plugin and command" {
	{ printf '{"cniVersion":"1.1.0","name":"net1","type":"x","x":'; head -c 100000 /dev/zero | tr '\0' '['; head -c 100000 /dev/zero | tr '\0' ']'; printf '}'; } >"$out/deep"
	head -c 100000 /dev/zero | tr '\0' '[' >"$out/open"
	for f in deep open; do
		for plugin in bridge bash-cni host-local loopback; do
			for command in ADD DEL CHECK GC STATUS; do
				unchanged refuses from "$out/$f" $command $plugin
			done
		done
	done
}

@test "a pod renames its interface: CHECK says so, DEL takes it away" {
	before=$(snapshot)
	r=$(add bridge a "$CONF")
	ip -n a link set eth0 down name hidden
	ip -n a link set hidden up
	fails 105 "eth0" call CHECK bridge a /run/netns/a "$(with_prev "$CONF" "$r")"
	del bridge a "$CONF"
	[ "$(ip -n a -o link | wc -l)" = 1 ]
	del bridge a "$CONF"
	[ "$before" = "$(snapshot | grep -v cni0)" ]
}

@test "a pod changes its address: CHECK says so, DEL returns the address that was leased" {
	add bridge b "$CONF" >/dev/null
	before=$(snapshot)
	r=$(add bridge a "$CONF")
	ip -n a addr flush dev eth0 scope global
	ip -n a addr add 10.1.0.2/24 dev eth0
	fails 105 "10.1.0.3" call CHECK bridge a /run/netns/a "$(with_prev "$CONF" "$r")"
	del bridge a "$CONF"
	[ "$before" = "$(snapshot)" ]
	[ -e $LEASES/10.1.0.2 ]
}

@test "a pod deletes its interface, or moves it to another namespace, and makes a false one" {
	add bridge b "$CONF" >/dev/null
	before=$(snapshot)
	r=$(add bridge a "$CONF")
	ip -n a link del eth0
	ip -n a link add eth0 type veth peer name eth9
	fails 105 "" call CHECK bridge a /run/netns/a "$(with_prev "$CONF" "$r")"
	del bridge a "$CONF"
	[ "$before" = "$(snapshot)" ]
	ip -n a link del eth0
	pod c
	add bridge a "$CONF" >/dev/null
	ip -n a link set eth0 netns c name stolen
	del bridge a "$CONF"
	[ "$(ip -n c -o link | wc -l)" = 1 ]
	ip netns del c
	[ "$before" = "$(snapshot)" ]
}

# A pod with CAP_NET_ADMIN of its own may put its interface into the host's namespace, with any name.
@test "an interface that a pod moves into the host's namespace under another attachment's name does not take that one's place" {
	add bridge b "$CONF" >/dev/null
	host_end=$(ip -o link show type veth | sed 's/^[0-9]*: //; s/@.*//')
	add bridge a "$CONF" >/dev/null
	ip -n a link set eth0 netns 1 name stolen0
	ip link set stolen0 alias "cnibox net1 b eth0"
	del bridge a "$CONF"
	del bridge b "$CONF"
	run ip link show "$host_end"
	[ "$status" -ne 0 ]
	[ -z "$(find $LEASES -name '10.*')" ]
	ip link del stolen0 2>/dev/null || true
}

@test "the binary: stack protector, no executable stack, full RELRO, static, no writable code" {
	[ -e "$DEBUG" ] || { echo "$DEBUG is missing"; false; }
	nm "$DEBUG" | grep -q __stack_chk_fail
	objdump -d --no-show-raw-insn "$DEBUG" | grep -c 'call.*<__stack_chk_fail' | { read -r n; [ "$n" -ge 50 ]; }	# of every function with a large array in the rooms that read outside bytes
	readelf -lW "$DEBUG" | grep GNU_STACK | grep -q 'RW '
	readelf -lW "$DEBUG" | grep -q GNU_RELRO
	run bash -c "readelf -lW '$DEBUG' | grep -E 'INTERP|RWE'"
	[ "$status" -eq 1 ]
	readelf -lW "$CNIBOX_BIN/cnibox" | grep -q GNU_RELRO
}

# traced COMMAND PLUGIN CONFIG: strace of a call into $out/trace.
traced() {
	CNI_COMMAND=$1 CNI_CONTAINERID=id-a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 \
		strace -f -o "$out/trace" "$CNIBOX_BIN/$2" <<<"$3" >"$out/answer"
}

# Only the descriptors 0 to 2 are filled without it, with /dev/null.
all_close_on_exec() {
	grep -vE 'open(at)?\((AT_FDCWD, )?"/dev/null"' "$out/trace" | grep -E '\b(open|openat|socket|memfd_create|pipe2|epoll_create1)\(' | grep -v ' = -1' | grep -v CLOEXEC >"$out/bad" || true
	[ ! -s "$out/bad" ] || { cat "$out/bad"; return 1; }
	run grep -E '\b(pipe|dup|creat|accept)\(' "$out/trace"
	[ "$status" -eq 1 ]
}

@test "everything is opened O_CLOEXEC, in each command, and O_NOFOLLOW where a link could be planted" {
	for plugin in bridge bash-cni host-local loopback; do
		case $plugin in
		bridge) conf=$CONF ;;
		bash-cni) conf=$BASH_CONF ;;
		*) conf=$(jq -c '.name = "net4"' <<<"$CONF") ;;
		esac
		traced ADD $plugin "$conf"
		grep -q O_CLOEXEC "$out/trace"
		all_close_on_exec
		grep -E 'open(at)?\(.*"(/var/lib/cni|/run/cnibox|/var/log|lock|boot_id|last_res|10\.|fd00)' "$out/trace" | grep -v NOFOLLOW >"$out/bad" || true
		[ ! -s "$out/bad" ] || { cat "$out/bad"; return 1; }
		traced CHECK $plugin "$(with_prev "$conf" "$(cat "$out/answer")")"
		all_close_on_exec
		traced GC $plugin "$(jq -c '.cniVersion = "1.1.0" | ."cni.dev/valid-attachments" = [{"containerID":"id-a","ifname":"eth0"}]' <<<"$conf")"
		all_close_on_exec
		traced DEL $plugin "$conf"
		all_close_on_exec
	done
}

@test "nothing world-writable is made, with a umask of 0" {
	umask 0
	add bridge a "$CONF" >/dev/null
	call ADD bash-cni id-b /run/netns/b "$BASH_CONF" >/dev/null
	add host-local b "$(jq -c '.name = "net5"' <<<"$CONF")" >/dev/null
	mkdir -m 755 "$out/net.d"
	echo '{"cniVersion":"1.0.0","name":"chain","plugins":[{"type":"loopback"}]}' >"$out/net.d/chain.conflist"
	NETCONFPATH=$out/net.d "$CNIBOX_BIN/cnitool" add chain /run/netns/a >/dev/null
	"$CNIBOX_BIN/cnibox" install -q /opt/cni/bin
	umask 022
	find /run /var/lib/cni /var/log /etc/cni /opt/cni -perm -002 ! -type l ! -path '/run/netns/[ab]' >"$out/found"
	[ ! -s "$out/found" ] || { cat "$out/found"; false; }
	[ -e /opt/cni/bin/cnibox ] && [ -e /var/log/bash-cni-plugin.log ] && [ -n "$(ls /var/lib/cni/results)" ]
	NETCONFPATH=$out/net.d "$CNIBOX_BIN/cnitool" del chain /run/netns/a
	call DEL bash-cni id-b /run/netns/b "$BASH_CONF"
	rm -rf /opt/cni/bin/*
}

@test "capabilities are dropped before standard input is read" {
	for plugin in bridge bash-cni host-local loopback; do
		CNI_COMMAND=VERSION strace -o "$out/trace" "$CNIBOX_BIN/$plugin" <<<'{"cniVersion":"1.0.0"}' >/dev/null
		capset=$(grep -n '^capset(.* = 0' "$out/trace" | head -1 | cut -d: -f1)
		input=$(grep -n '^read(0,' "$out/trace" | head -1 | cut -d: -f1)
		[ -n "$capset" ] && [ "$capset" -lt "$input" ]
		# shellcheck disable=SC2251
		! grep '^capset(.* = 0' "$out/trace" | grep -E 'permitted=[^,]*CAP_(SYS_MODULE|SYS_RAWIO|SETUID|SYS_BOOT|MKNOD)'
	done
}

@test "closed standard streams: an ADD whose result nobody can get leaves nothing" {
	add bridge b "$CONF" >/dev/null
	closed() { call ADD bridge a /run/netns/a "$CONF" >&-; }
	full() { call ADD bridge a /run/netns/a "$CONF" >/dev/full; }
	for way in closed full; do
		fails_somehow() { ! $way 2>/dev/null; }
		unchanged fails_somehow
	done
	no_input() { call_closed ADD; }
	call_closed() { CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$CNIBOX_BIN/bridge" <&-; }
	unchanged refuses no_input
}
