# What the tests of pods on the node's own wire share: the wire w0, behind which a neighbour is.

# kernel_has KIND ARGUMENT...: or skip.
kernel_has() {
	ip link add probe0 type veth peer name probe1
	if ! ip link add link probe0 name probe2 type "$@" 2>/dev/null; then
		ip link del probe0
		skip "this kernel has no $1 links (module $1); tests/lab runs this file in a machine that has"
	fi
	ip link del probe0
}

# The node has w0; lan, 10.9.0.1 and fd00:9::1, is the neighbour there.
wire() {
	other_machine lan
	ip link add w0 type veth peer name w1 netns lan
	ip link set w0 up
	ip addr add 10.9.0.254/24 brd + dev w0
	ip -n lan link set lo up
	ip -n lan link set w1 up
	ip -n lan addr add 10.9.0.1/24 dev w1
	ip -n lan addr add fd00:9::1/64 dev w1 nodad
}

# unwire PLUGIN CONF: what the tests leave.
unwire() {
	local ns
	for ns in $(ip netns list | cut -d' ' -f1); do
		del "$1" "$ns" "$2" >/dev/null 2>&1 || true
		ip netns del "$ns"
	done
	ip link del w0 2>/dev/null || true
	rm -rf /var/lib/cni/* /run/cnibox
}

# made FILTER [POD]: the pod's interface as ip tells it.
made() {
	ip -n "${2:-a}" -d -j link show eth0 | jq -c ".[0] | $1"
}

# links POD: how many, without lo.
links() {
	ip -n "$1" -o link | grep -vc ': lo:' || true
}

# ping_from POD ADDRESS
ping_from() {
	ip netns exec "$1" ping -c1 -W10 -q "$2"
}

# gc PLUGIN CONF VALID
gc() {
	CNI_COMMAND=GC "$CNIBOX_BIN/$1" <<<"$(jq -c --argjson valid "$3" '."cni.dev/valid-attachments" = $valid' <<<"$2")"
}

# status PLUGIN CONF
status() {
	CNI_COMMAND=STATUS "$CNIBOX_BIN/$1" <<<"$2"
}

# usable POD ADDRESS: by lan, at once; it is no tentative one.
usable() {
	fails_to grep -q tentative <<<"$(ip -n "$1" -6 addr show to "$2")"
	ip netns exec lan ping -c1 -W10 -q "$2"
}

# detects_duplicates PLUGIN CONF ADDRESS: of pod a; a machine of the wire, whose interface there is $4, comes to have it.
detects_duplicates() {
	local careful
	local -x CNI_ARGS=IP=$3
	careful=$(jq -c '.enabledad = true' <<<"$2")
	add "$1" a "$2" >/dev/null
	usable a "$3"
	del "$1" a "$2"
	add "$1" a "$careful" >/dev/null
	usable a "$3"
	del "$1" a "$2"
	ip -n lan addr add "$3/64" dev "$4" nodad
	unchanged fails 100 "address $3: another machine of the link has it" add "$1" a "$careful"
	[ "$(links a)" = 0 ]
	# Without it the pod has the address at once, as whoever gave it must know.
	r=$(add "$1" a "$2")
	fails_to grep -q 'tentative\|dadfailed' <<<"$(ip -n a -6 addr show to "$3")"
	call CHECK "$1" a /run/netns/a "$(with_prev "$2" "$r")"
}
