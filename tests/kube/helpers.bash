# What the tests of the Kubernetes client share: a server by script, the client in a loop, waiting for its lines.
# shellcheck shell=bash disable=SC2034

load ../netns/node_helpers

certificates() { # once per file: into $C
	mkdir -p "$BATS_FILE_TMPDIR/c"
	"$BATS_TEST_DIRNAME/certificates" "$BATS_FILE_TMPDIR/c"
	echo secret >"$BATS_FILE_TMPDIR/c/token"
}

begin() {
	C=$BATS_FILE_TMPDIR/c
	WATCH=$BATS_TEST_DIRNAME/../../build/kube/watch_nodes
	LINES_FILE=$BATS_TEST_TMPDIR/lines
	SERVERS=()
}

end() {
	for pid in "${SERVERS[@]}" ${CLIENT:+"$CLIENT"}; do
		kill "$pid" 2>/dev/null || true
	done
	node down >/dev/null
	ip link del eth0 2>/dev/null || true
	umount /etc/hosts 2>/dev/null || true
}

# serve [OPTION...] <<SCRIPT: sets PORT and URL; requests are noted in $REQUESTS.
serve() {
	local dir
	dir=$(mktemp -d "$BATS_TEST_TMPDIR/server.XXXXXX")
	cp "$C"/* "$dir"
	cat >"$dir/script.py"
	"$BATS_TEST_DIRNAME/apiserver" --dir "$dir" "$@" "$dir/script.py" >"$dir/log" 2>&1 3>&- &
	SERVERS+=($!)
	until_true test -e "$dir/port"
	PORT=$(cat "$dir/port")
	URL=https://127.0.0.1:$PORT
	REQUESTS=$dir/requests
	touch "$REQUESTS"
}

# until_true COMMAND...: for at most two minutes.
until_true() {
	local end=$((SECONDS + 120))
	while [ $SECONDS -lt $end ]; do
		"$@" && return
		sleep 0.02
	done
	echo "never true: $*"
	cat "$LINES_FILE" "$BATS_TEST_TMPDIR"/server.*/log 2>/dev/null
	return 1
}

# nodes COMMAND [OPTION...]: the node program against this server.
ask() { node show --server "$URL" --ca "$C/ca.crt" --token-file "$C/token" --name m "$@"; }

# go_on NAME: what the server's script waits for, until('NAME').
go_on() { touch "${REQUESTS%/*}/$1"; }

# asked PATTERN: a request has come that matches.
asked() { grep -qE -- "$1" "$REQUESTS"; }

# follow [OPTION...]: the client in its loop, in the background.
follow() {
	"$WATCH" --server "$URL" --ca "$C/ca.crt" --token-file "$C/token" "$@" >"$LINES_FILE" 2>&1 3>&- &
	CLIENT=$!
	until_true test -e "$LINES_FILE"
}

# hears LINE...: these whole lines come, in this order, with others between them.
hears() {
	until_true heard "$@"
}

heard() {
	local wanted=("$@") at=0 line
	while [ $at -lt ${#wanted[@]} ] && IFS= read -r line; do
		# shellcheck disable=SC2053 # it is a pattern
		[[ $line != ${wanted[$at]} ]] || at=$((at + 1))
	done <"$LINES_FILE"
	[ $at -eq ${#wanted[@]} ]
}

# Three nodes, of which m is this machine.
THREE='a = [node("m", "192.168.122.14", "10.42.0.0/24"), node("n1", "192.168.122.15", "10.42.1.0/24"),
     node("n2", ["192.168.122.16", "2001:db8::16"], ["10.42.2.0/24", "fd00:2::/64"])]'
