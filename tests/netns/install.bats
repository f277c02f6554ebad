#!/usr/bin/env bats
# cnibox install: the program and its names, put in place so that nobody ever sees half of it.

setup() {
	bin=$(readlink -f "${CNIBOX:-$BATS_TEST_DIRNAME/../../build/cnibox}")
	cd "$BATS_TEST_TMPDIR" || return 1
	names="$("$bin" --list plugins) cnitool"
}

hidden_files() {
	find "$1" -name '.*.new'
}

@test "installs the program and one name per applet" {
	run "$bin" install dir/with/parents
	[ "$status" -eq 0 ]
	cmp "$bin" dir/with/parents/cnibox
	[ "$(stat -c %a dir/with/parents/cnibox)" = 755 ]
	for name in $names; do
		run "dir/with/parents/$name" --version
		[ "$status" -eq 0 ]
		[[ $output == "$name (cnibox "*")" ]]
	done
	[ ! -e dir/with/parents/install ]
	[ ! -e dir/with/parents/node ]
}

@test "says what it does, once" {
	run "$bin" install dir
	[ "${lines[0]}" = "installed cnibox" ]
	[ "${lines[1]}" = "linked ${names%%$'\n'*}" ]
	run "$bin" install dir
	[ "$status" -eq 0 ]
	[ "$output" = "dir is up to date" ]
	run "$bin" install --quiet other
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "a second run changes nothing" {
	"$bin" install -q dir
	before=$(stat -c '%n %i %y %z' dir dir/*)
	dir/cnibox install -q dir
	[ "$before" = "$(stat -c '%n %i %y %z' dir dir/*)" ]
}

@test "replaces an older program, also one that is running" {
	"$bin" install -q dir
	printf x >>dir/cnibox
	cp "$(command -v sleep)" dir/bridge.real
	ln -f dir/bridge.real dir/loopback	# somebody's running program of our name: opening it for writing is ETXTBSY
	dir/loopback 60 &
	holder=$!
	run "$bin" install dir
	kill "$holder"
	[ "$status" -eq 0 ]
	[[ $output == *"updated cnibox"* ]]
	[[ $output == *"replaced loopback (not cnibox's)"* ]]
	cmp "$bin" dir/cnibox
	[ "$(readlink dir/loopback)" = cnibox ]
	cmp dir/bridge.real "$(command -v sleep)"
}

@test "replaces foreign files and links of its names, and no others" {
	mkdir dir
	echo foreign >dir/bridge
	ln -s /nowhere dir/host-local
	echo mine >dir/my-plugin
	echo mine >dir/node
	run "$bin" install dir
	[ "$status" -eq 0 ]
	[[ $output == *"replaced bridge (not cnibox's)"* ]]
	[[ $output == *"replaced host-local (not cnibox's)"* ]]
	[[ $output == *"linked loopback"* ]]
	[ "$(cat dir/my-plugin dir/node)" = "$(printf 'mine\nmine')" ]
	dir/bridge --version
}

@test "never replaces a directory, and changes nothing then" {
	mkdir -p dir/my-cni
	run "$bin" install dir
	[ "$status" -eq 1 ]
	[[ $output == "install: dir/my-cni is a directory"* ]]
	[ "$(ls -A dir)" = my-cni ]
}

@test "follows a link to the directory" {
	mkdir real
	ln -s real dir
	"$bin" install -q dir
	[ -L dir ]
	[ -x real/cnibox ]
}

@test "errors name what is wrong" {
	run "$bin" install /dev/null/dir
	[ "$status" -eq 1 ]
	[[ $output == "install: "*"/dev/null"* ]]
	run "$bin" install one two
	[ "$status" -eq 2 ]
	run "$bin" install --nonsense
	[ "$status" -eq 2 ]
	[ -z "$(ls -A .)" ]
}

@test "killed anywhere, the next run completes and cleans up" {
	command -v strace >/dev/null || skip "strace is not installed: it kills at each system call"
	for call in openat write fsync renameat,rename symlinkat unlinkat; do
		for nth in 1 2 3 5 7; do
			rm -rf dir
			mkdir dir
			echo old >dir/cnibox
			echo old >dir/bridge
			# The program under strace dies by the signal: strace does, too.
			strace -o /dev/null -e "inject=$call:signal=KILL:when=$nth" "$bin" install -q dir 2>/dev/null || true
			# Old or new, never half.
			[ "$(head -c 4 dir/cnibox)" = "old" ] || cmp "$bin" dir/cnibox
			[ "$(head -c 4 dir/bridge)" = "old" ] || dir/bridge --version
			"$bin" install -q dir
			cmp "$bin" dir/cnibox
			[ -z "$(hidden_files dir)" ]
			for name in $names; do
				[ "$(readlink "dir/$name")" = cnibox ]
			done
		done
	done
}

@test "two at once do not disturb each other" {
	for _ in 1 2 3 4 5; do
		rm -rf dir
		"$bin" install -q dir & a=$!
		"$bin" install -q dir & b=$!
		wait "$a"
		wait "$b"
		cmp "$bin" dir/cnibox
		[ -z "$(hidden_files dir)" ]
	done
}

@test "the applet list, help, version and unknown applets" {
	run "$bin"
	[ "$status" -eq 0 ]
	for name in $names install node; do
		[[ $output == *"  $name "* ]]
		run "$bin" "$name" --help
		[ "$status" -eq 0 ]
		[[ ${lines[0]} == "$name: "* ]]
		run "$bin"
	done
	run "$bin" --version
	[[ $output == "cnibox "* ]]
	run "$bin" bridge -V
	[[ $output == "bridge (cnibox "* ]]
	run "$bin" nonsense
	[ "$status" -eq 2 ]
	[[ $output == *'no applet is called "nonsense"'* ]]
	run "$bin" bridge nonsense
	[ "$status" -eq 2 ]
	run bash -c "'$bin' >/dev/full"
	[ "$status" -eq 1 ]
}

@test "a plugin keeps only the capabilities that it needs" {
	"$bin" install -q dir
	mkfifo in
	CNI_COMMAND=VERSION dir/loopback <in >out &
	plugin=$!
	exec 9>in	# it has started; it waits for its standard input
	for _ in $(seq 3000); do
		caps=$(awk '/^CapPrm/ { print $2 }' "/proc/$plugin/status")
		[ "$caps" != 0000000000283006 ] || break
		sleep 0.02
	done
	status=$(grep -E '^Cap(Inh|Prm|Eff)' "/proc/$plugin/status")
	echo '{"cniVersion":"1.0.0"}' >&9
	exec 9>&-
	wait "$plugin"
	[ "$(awk '/^Cap(Prm|Eff)/ { print $2 }' <<<"$status" | sort -u)" = 0000000000283006 ]
	[ "$(awk '/^CapInh/ { print $2 }' <<<"$status")" = 0000000000000000 ]
}

# caps NAME...: their bits, as /proc/PID/status prints them.
caps() {
	local name mask=0
	for name; do
		mask=$((mask | 1 << $(awk -v name="CAP_$name" '$1 == "#define" && $2 == name { print $3 }' /usr/include/linux/capability.h)))
	done
	printf '%016x' "$mask"
}

# kept COMMAND...: what the last capset(2) of the command's own process left it, as a list of names.
kept() {
	strace -e trace=capset -o trace "$@" >/dev/null 2>&1 || true
	grep '= 0$' trace | tail -1 | grep -o 'permitted=[^,}]*' | cut -d= -f2 | sed 's/1<<CAP_//g; s/CAP_//g; s/|/ /g'
}

@test "each tool keeps only the capabilities that it needs" {
	[ "$(kept "$bin" install -q dir)" = "DAC_OVERRIDE DAC_READ_SEARCH FOWNER" ]
	echo '{"nodes":[]}' >cluster.json
	[ "$(kept "$bin" node show -f cluster.json)" = "DAC_OVERRIDE DAC_READ_SEARCH NET_ADMIN" ]
	[ "$(kept "$bin" cnitool status none)" = \
		"DAC_OVERRIDE DAC_READ_SEARCH NET_BIND_SERVICE NET_ADMIN NET_RAW SYS_MODULE SYS_PTRACE SYS_ADMIN" ]
}

@test "what is executed gets no more, and can get no more" {
	"$bin" install -q dir
	# shellcheck disable=SC2016 # the script's own variables
	printf '#!/bin/sh\ngrep -E "^(CapPrm|NoNewPrivs)" /proc/self/status >%s/$(basename "$0").status\n
		[ "$CNI_COMMAND" != ADD ] || echo "{\\"cniVersion\\":\\"1.0.0\\",\\"ips\\":[{\\"address\\":\\"10.1.0.9/24\\"}]}"\n' "$PWD" >dir/first
	chmod +x dir/first
	cp dir/first dir/told
	mkdir net.d
	echo '{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"first"},{"type":"bridge","bridge":"br9","ipam":{"type":"told"}}]}' >net.d/n.conflist
	ip netns add capped
	NETCONFPATH=$PWD/net.d CNI_PATH=$PWD/dir dir/cnitool add n capped
	NETCONFPATH=$PWD/net.d CNI_PATH=$PWD/dir dir/cnitool del n capped
	ip netns del capped
	ip link del br9
	grep -q "CapPrm:.$(caps DAC_OVERRIDE DAC_READ_SEARCH NET_ADMIN NET_RAW SYS_ADMIN SYS_PTRACE NET_BIND_SERVICE SYS_MODULE)" first.status
	grep -q "CapPrm:.$(caps DAC_OVERRIDE DAC_READ_SEARCH NET_ADMIN NET_RAW SYS_ADMIN SYS_PTRACE)" told.status
	grep -q 'NoNewPrivs:.1' first.status
	grep -q 'NoNewPrivs:.1' told.status
}
