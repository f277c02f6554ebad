# A server that answers each client with the address it came from, and a client: for TCP and UDP, IPv4 and IPv6.

# talk: the program that does it, compiled once for each file of tests; a lab's machine has it in build
talk() {
	local built=$BATS_TEST_DIRNAME/../../build/talk
	if [ ! -x "$built" ]; then
		built=$BATS_FILE_TMPDIR/talk
		[ -x "$built" ] || { gcc -std=c11 -D_GNU_SOURCE -O2 -o "$built.$BASHPID" "$BATS_TEST_DIRNAME/../netns/talk.c" && mv "$built.$BASHPID" "$built"; }
	fi
	echo "$built"
}

# serve NETNS PORT: on every address, TCP and UDP, until the test ends; returns when it listens.
serve() {
	local ready=$BATS_TEST_TMPDIR/ready.$1.$2
	mkfifo "$ready"
	ip netns exec "$1" "$(talk)" serve "$2" "$ready" >/dev/null 2>&1 3>&- &
	timeout 120 cat "$ready"
	rm "$ready"
}

# ask NETNS tcp|udp ADDRESS PORT [SOURCE-PORT]: the answer; fails without one. NETNS "": the node.
ask() {
	local at=()
	[ -z "$1" ] || at=(ip netns exec "$1")
	"${at[@]}" "$(talk)" ask "${@:2}"
}
