# What the dhcp tests share: a LAN in namespace srv with a DHCP server on it, pods on its bridge, the daemon.

CONF='{"cniVersion":"1.0.0","name":"net1","type":"macvlan","ipam":{"type":"dhcp"}}'
STATE=/run/cnibox/dhcp
LOG=$BATS_TEST_TMPDIR/server.log

# wait_for COMMAND...: until the condition holds, for at most two minutes.
wait_for() {
	local end=$((SECONDS + 120))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || { echo "never came true: $*"; return 1; }
		sleep 0.05
	done
}

lan() {
	ip netns add srv
	ip -n srv link set lo up
	ip -n srv link add br0 type bridge
	ip -n srv link set br0 address 02:00:00:00:09:01 up
	ip -n srv addr add 10.9.0.1/24 dev br0
}

# plug POD [IFNAME]: an interface of the pod on the LAN; it is down, as a plugin leaves it that has just made it.
plug() {
	[ -e "/run/netns/$1" ] || ip netns add "$1"
	ip -n srv link del "to-$1${2:-}" 2>/dev/null || true # of a pod that is being deleted
	ip -n srv link add "to-$1${2:-}" type veth peer name "${2:-eth0}" netns "$1"
	ip -n srv link set "to-$1${2:-}" master br0 up
}

# have POD RESULT [IFNAME]: what the calling plugin does with the result.
have() {
	ip -n "$1" addr add "$(jq -r '.ips[0].address' <<<"$2")" dev "${3:-eth0}"
}

# serve OPTION...: dnsmasq on the LAN, 10.9.0.10 to .59, T1 and T2 short where the options say so.
serve() {
	ip netns exec srv dnsmasq --keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv --no-ping --port=0 \
		--user=root --bind-interfaces --interface=br0 --dhcp-authoritative --log-dhcp --log-facility=- --pid-file= \
		--dhcp-leasefile="$BATS_TEST_TMPDIR/leases" "$@" >>"$LOG" 2>&1 3>&- &
	SERVER=$!
	wait_for server_listens
}
# shellcheck disable=SC2034 # for the tests
RANGE=--dhcp-range=10.9.0.10,10.9.0.59,2m

# serve_udhcpd SECONDS: BusyBox, whose leases may be as short as one likes.
serve_udhcpd() {
	local busybox=$BATS_TEST_DIRNAME/../../build/third_party/busybox-static/bin/busybox
	touch "$BATS_TEST_TMPDIR/udhcpd.leases"
	printf '%s\n' 'start 10.9.0.10' 'end 10.9.0.59' 'interface br0' "lease_file $BATS_TEST_TMPDIR/udhcpd.leases" \
		'min_lease 1' "option lease $1" 'option subnet 255.255.255.0' 'option router 10.9.0.1' \
		"pidfile $BATS_TEST_TMPDIR/udhcpd.pid" >"$BATS_TEST_TMPDIR/udhcpd.conf"
	ip netns exec srv "$busybox" udhcpd -f "$BATS_TEST_TMPDIR/udhcpd.conf" >>"$LOG" 2>&1 3>&- &
	SERVER=$!
	wait_for server_listens
}

server_listens() {
	ip netns exec srv ss -Hlnup 'sport = :67' | grep -q :67
}

stop_server() {
	kill "$SERVER"
	wait "$SERVER" || true
}

# daemon OPTION...: ours, ready.
daemon() {
	"$CNIBOX_BIN/dhcp" daemon -resendtimeout 20s "$@" 2>>"$BATS_TEST_TMPDIR/daemon.log" 3>&- &
	DAEMON=$!
	wait_for call STATUS dhcp '' '' "$(jq -c '.cniVersion = "1.1.0"' <<<"$CONF")" '' >/dev/null 2>&1
}

stop_daemon() {
	kill "-${1:-TERM}" "$DAEMON"
	wait "$DAEMON"
}

# said N WORD: the server's log has the word at least N times.
said() {
	[ "$(grep -c "$2" "$LOG")" -ge "$1" ]
}

# acquisitions: how many there were; one may have sent several DISCOVERs of one xid.
acquisitions() {
	awk '/DHCPDISCOVER/ {print $2}' "$LOG" | sort -u | wc -l
}

# address_gone POD: no IPv4 address is left on the pod's interface.
address_gone() {
	[ -z "$(ip -n "$1" -4 -o addr show dev "${2:-eth0}")" ]
}

lease_file() {
	echo "$STATE/$1:net1:${2:-eth0}"
}

has_packet_socket() {
	[ -n "$(ip netns exec "$1" ss -H0)" ]
}

no_packet_socket() {
	! has_packet_socket "$1"
}

clean_up() {
	local pid
	for pid in $(jobs -p); do
		kill -9 "$pid" 2>/dev/null || true
	done
	for ns in /run/netns/*; do
		ip netns del "${ns##*/}"
	done
	rm -rf /run/cni /run/cnibox
}
