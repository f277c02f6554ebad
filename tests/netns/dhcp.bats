#!/usr/bin/env bats
# The dhcp plugin and its daemon against dnsmasq: ADD, CHECK, DEL, GC, STATUS, and what a lease goes through.
bats_require_minimum_version 1.5.0
load helpers
load dhcp_helpers

setup() {
	lan
	plug a
}

teardown() {
	cat "$LOG" "$BATS_TEST_TMPDIR/daemon.log" 2>/dev/null || true
	clean_up
}

@test "ADD: address, gateway, routes and names are the server's; DEL gives the lease back" {
	serve "$RANGE" --dhcp-option=option:dns-server,10.9.0.53 --dhcp-option=option:domain-name,example.org \
		--dhcp-option=option:domain-search,a.example.org,b.example.org
	daemon
	r=$(add dhcp a "$CONF")
	ip=$(address "$r")
	[ "$(jq -c '[.ips[0].address, .ips[0].gateway]' <<<"$r")" = "[\"$ip/24\",\"10.9.0.1\"]" ]
	[ "$(jq -c .routes <<<"$r")" = '[{"dst":"0.0.0.0/0","gw":"10.9.0.1"}]' ]
	[ "$(jq -c .dns <<<"$r")" = '{"nameservers":["10.9.0.53"],"domain":"example.org","search":["a.example.org","b.example.org"]}' ]
	[ "$(cut -d' ' -f3 "$BATS_TEST_TMPDIR/leases")" = "$ip" ]
	[ "$(stat -c '%a %F' /run/cni/dhcp.sock)" = "600 socket" ]
	[ "$(stat -c %a "$(lease_file a)")" = 600 ]
	wait_for no_packet_socket a
	have a "$r"
	call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" "$r")"
	del dhcp a "$CONF"
	wait_for said 1 "DHCPRELEASE(br0) $ip"
	[ ! -e "$(lease_file a)" ]
	del dhcp a "$CONF"
	ip netns del a
	del dhcp a "$CONF"
}

@test "a second ADD gets the lease that is held; a lost one begins anew" {
	serve "$RANGE"
	daemon
	r=$(add dhcp a "$CONF")
	[ "$(add dhcp a "$CONF")" = "$r" ]
	[ "$(acquisitions)" = 1 ]
	inode=$(stat -c %i /run/netns/a)
	for _ in $(seq 40); do # a namespace's inode is given again soon, but not always at once
		ip netns del a
		plug a
		[ "$(stat -c %i /run/netns/a)" != "$inode" ] || break
	done
	again=$(add dhcp a "$CONF")
	[ "$(address "$again")" = "$(address "$r")" ]
	[ "$(acquisitions)" = 2 ]
}

@test "classless routes take the place of the router; priority and suppress" {
	serve "$RANGE" --dhcp-option=121,172.16.0.0/12,10.9.0.2,0.0.0.0/0,10.9.0.3,192.168.7.0/24,0.0.0.0
	daemon
	r=$(add dhcp a "$(jq -c '.cniVersion = "1.1.0"' <<<"$CONF")")
	[ "$(jq -c .routes <<<"$r")" = '[{"dst":"172.16.0.0/12","gw":"10.9.0.2"},{"dst":"0.0.0.0/0","gw":"10.9.0.3"},{"dst":"192.168.7.0/24","scope":253}]' ]
	r=$(add dhcp a "$(jq -c '.cniVersion = "1.1.0" | .ipam += {priority: 700, suppress: ["gateway"]}' <<<"$CONF")")
	[ "$(jq -c .routes <<<"$r")" = '[{"dst":"172.16.0.0/12","gw":"10.9.0.2","priority":700},{"dst":"192.168.7.0/24","priority":700,"scope":253}]' ]
	[ "$(jq -r '.ips[0].gateway' <<<"$r")" = null ]
}

@test "request and provide: what the server hears, values from CNI_ARGS" {
	serve "$RANGE" --dhcp-vendorclass=set:ours,edge --dhcp-option=tag:ours,option:ntp-server,10.9.0.7
	daemon
	conf=$(jq -c '.ipam += {request: [{option: "ntp-servers"}, {option: "subnet-mask"}, {skipDefault: true}],
		provide: [{option: "vendor-class-identifier", value: "edge"}, {option: "host-name", value: "x", fromArg: "K8S_POD_NAME"}]}' <<<"$CONF")
	r=$(CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAME=web-1" add dhcp a "$conf")
	grep -q "client provides name: web-1" "$LOG"
	grep -q "vendor class: edge" "$LOG"
	grep -q "requested options: 42:ntp-server, 1:netmask *$" "$LOG"
	grep -q "option: 42 ntp-server" "$LOG"
	[ "$(jq -r '.routes' <<<"$r")" = null ]
}

@test "pods that share a MAC, as on ipvlan, get addresses of their own" {
	serve "$RANGE"
	daemon -broadcast
	plug b
	for pod in a b; do
		ip -n "$pod" link set eth0 address 02:00:00:00:00:77
	done
	one=$(add dhcp a "$CONF")
	two=$(add dhcp b "$CONF")
	[ "$(address "$one")" != "$(address "$two")" ]
	[ "$(cut -d' ' -f2 "$BATS_TEST_TMPDIR/leases" | uniq -c | awk '{print $1}')" = 2 ]
	del dhcp a "$CONF"
	wait_for said 1 "DHCPRELEASE(br0) $(address "$one")"
	call CHECK dhcp b /run/netns/b "$(with_prev "$CONF" "$two")"
}

@test "several interfaces of a pod, and networks, are leases of their own" {
	serve "$RANGE"
	daemon
	plug a net1
	[ "$(address "$(add dhcp a "$CONF")")" != "$(address "$(add dhcp a "$CONF" net1)")" ]
	[ "$(find "$STATE" -type f | wc -l)" = 2 ]
	del dhcp a "$CONF" net1
	[ -e "$(lease_file a)" ]
}

@test "at T1 the lease is renewed, again and again, also under another name of the interface" {
	serve "$RANGE" --dhcp-option=option:T1,1 --dhcp-option=option:T2,3
	daemon
	r=$(add dhcp a "$CONF")
	have a "$r"
	before=$(jq .expires "$(lease_file a)")
	wait_for said 3 DHCPACK
	ip -n a link set eth0 down
	ip -n a link set eth0 name renamed
	ip -n a link set renamed up
	wait_for said 5 DHCPACK
	[ "$(jq .expires "$(lease_file a)")" -gt "$before" ]
	[ "$(acquisitions)" = 1 ]
}

@test "at T2 any server may prolong the lease" {
	serve "$RANGE" --dhcp-option=option:T1,1 --dhcp-option=option:T2,3
	daemon
	r=$(add dhcp a "$CONF")
	have a "$r"
	stop_server
	ip -n srv addr del 10.9.0.1/24 dev br0
	ip -n srv addr add 10.9.0.2/24 dev br0
	serve "$RANGE"
	wait_for grep -q 'server-identifier  10.9.0.2' "$LOG"
	wait_for jq -e '.expires - .sent > 100000' "$(lease_file a)"
	call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" "$r")"
}

@test "NAK: the address is taken off the pod, and CHECK says so" {
	serve "$RANGE" --dhcp-option=option:T1,1 --dhcp-option=option:T2,3
	daemon
	r=$(add dhcp a "$CONF")
	have a "$r"
	stop_server
	: >"$BATS_TEST_TMPDIR/leases"
	serve --dhcp-range=10.9.0.200,10.9.0.210,2m
	wait_for address_gone a
	grep -q DHCPNAK "$LOG"
	fails 105 "the DHCP lease of $(address "$r") is lost" call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" "$r")"
	stop_daemon
	daemon
	fails 105 "is lost" call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" "$r")"
	[[ $(address "$(add dhcp a "$CONF")") == 10.9.0.2* ]]
}

@test "the daemon is killed: the next goes on with the leases, and forgets those of pods that went meanwhile" {
	serve "$RANGE" --dhcp-option=option:T1,3 --dhcp-option=option:T2,60
	daemon
	plug b
	r=$(add dhcp a "$CONF")
	have a "$r"
	add dhcp b "$CONF" >/dev/null
	stop_daemon KILL || true
	fails 11 "start it with \`cnibox dhcp daemon\`" call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" "$r")"
	ip netns del b
	daemon
	wait_for test ! -e "$(lease_file b)"
	call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" "$r")"
	wait_for said 3 DHCPACK
	[ "$(acquisitions)" = 2 ]
	stop_daemon
	[ ! -e /run/cni/dhcp.sock ]
	[ -e "$(lease_file a)" ]
	run ! grep -q DHCPRELEASE "$LOG"
}

@test "a pod that goes without DEL takes its lease along" {
	serve "$RANGE" --dhcp-option=option:T1,1 --dhcp-option=option:T2,3
	daemon
	add dhcp a "$CONF" >/dev/null
	ip netns del a
	wait_for test ! -e "$(lease_file a)"
	plug a
	add dhcp a "$CONF" >/dev/null
	ip -n a link del eth0
	wait_for test ! -e "$(lease_file a)"
}

@test "a namespace of the same path is another pod" {
	serve "$RANGE" --dhcp-option=option:T1,1 --dhcp-option=option:T2,3
	daemon
	r=$(add dhcp a "$CONF")
	ip netns del a
	plug a
	have a "$r"
	wait_for test ! -e "$(lease_file a)"
	run ! address_gone a
}

@test "GC releases what the runtime does not list, of this network only" {
	serve "$RANGE"
	daemon
	plug b
	plug c
	add dhcp a "$CONF" >/dev/null
	add dhcp b "$CONF" >/dev/null
	add dhcp c "$(jq -c '.name = "net2"' <<<"$CONF")" >/dev/null
	gc=$(jq -c '.cniVersion = "1.1.0" | ."cni.dev/valid-attachments" = [{containerID: "a", ifname: "eth0"}]' <<<"$CONF")
	call GC dhcp '' '' "$gc" ''
	[ "$(cd "$STATE" && echo *)" = "a:net1:eth0 c:net2:eth0" ]
	wait_for said 1 DHCPRELEASE
	stop_daemon
	call GC dhcp '' '' "$gc" ''
}

@test "without a daemon: ADD and STATUS say how to start it, DEL is done" {
	v11=$(jq -c '.cniVersion = "1.1.0"' <<<"$CONF")
	fails 11 "no DHCP daemon listens to /run/cni/dhcp.sock: start it with \`cnibox dhcp daemon\`" add dhcp a "$CONF"
	fails 50 "\`cnibox dhcp daemon\`" call STATUS dhcp '' '' "$v11" ''
	del dhcp a "$CONF"
	daemon
	call STATUS dhcp '' '' "$v11" ''
}

@test "no server, no interface, no namespace: the error says which, and nothing is left" {
	daemon -resendtimeout 1s
	fails 11 "no DHCP server gave eth0 an address within 1 s" add dhcp a "$CONF"
	fails 4 "there is no interface eth7 in /run/netns/a" add dhcp a "$CONF" eth7
	fails 4 "/run/netns/nowhere" call ADD dhcp a /run/netns/nowhere "$CONF"
	fails 4 "host's own network namespace" call ADD dhcp a /proc/self/ns/net "$CONF"
	fails 4 "is no Ethernet" add dhcp a "$CONF" lo
	fails 105 "holds no lease for a/net1/eth0" call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" '{"ips":[{"address":"10.9.0.10/24"}]}')"
	[ -z "$(ls -A "$STATE")" ]
	wait_for no_packet_socket a
}

@test "a server that gives no mask is refused, and gets its lease back" {
	serve "$RANGE" --dhcp-option=option:netmask
	daemon
	fails 100 "no subnet mask (option 1)" add dhcp a "$CONF"
	wait_for said 1 DHCPRELEASE
	[ -z "$(ls -A "$STATE")" ]
}

# adding POD: an ADD that finds no server runs; sets ADD.
adding() {
	CNI_COMMAND=ADD CNI_CONTAINERID=$1 CNI_NETNS=/run/netns/$1 CNI_IFNAME=eth0 "$CNIBOX_BIN/dhcp" <<<"$CONF" \
		>"$BATS_TEST_TMPDIR/add.$1" 2>/dev/null 3>&- &
	ADD=$!
	wait_for has_packet_socket "$1"
}

@test "a plugin that is killed, a DEL, an interface that vanishes: each ends the acquisition" {
	daemon -resendmax 1s
	adding a
	kill -9 "$ADD"
	wait_for no_packet_socket a
	adding a
	del dhcp a "$CONF"
	wait "$ADD" || true
	grep -q "DEL came while the lease was being acquired" "$BATS_TEST_TMPDIR/add.a"
	wait_for no_packet_socket a
	adding a
	ip -n a link del eth0
	wait "$ADD" || true
	grep -q "eth0 is not in /run/netns/a any more\|No such device" "$BATS_TEST_TMPDIR/add.a"
	wait_for no_packet_socket a
	[ -z "$(ls -A "$STATE")" ]
}

@test "forty pods at once, then the daemon is killed and goes on, then forty DELs at once" {
	serve "$RANGE"
	daemon
	for i in $(seq 40); do
		plug "p$i"
	done
	for i in $(seq 40); do
		add dhcp "p$i" "$CONF" >"$BATS_TEST_TMPDIR/r.$i" 3>&- &
		adds+=($!)
	done
	wait "${adds[@]}"
	[ "$(jq -r '.ips[0].address' "$BATS_TEST_TMPDIR"/r.* | sort -u | wc -l)" = 40 ]
	[ "$(find "$STATE" -type f | wc -l)" = 40 ]
	stop_daemon KILL || true
	daemon
	for i in $(seq 40); do
		del dhcp "p$i" "$CONF" 3>&- &
		dels+=($!)
	done
	wait "${dels[@]}"
	wait_for said 40 DHCPRELEASE
	[ -z "$(ls -A "$STATE")" ]
}

@test "a LAN that is flooded with what is no DHCP: leases come, are renewed and go all the same" {
	serve "$RANGE" --dhcp-option=option:T1,1 --dhcp-option=option:T2,3
	daemon
	plug b
	ip netns exec srv timeout 60 perl -MSocket -e 'socket(S, AF_INET, SOCK_DGRAM, 0); setsockopt(S, SOL_SOCKET, SO_BROADCAST, 1);
		$to = pack_sockaddr_in(68, inet_aton("10.9.0.255")); while (1) { send(S, "junk" x 300, 0, $to) }' 3>&- &
	FLOOD=$!
	r=$(add dhcp a "$CONF")
	have a "$r"
	for _ in 1 2 3; do
		add dhcp b "$CONF" >/dev/null
		del dhcp b "$CONF"
	done
	wait_for said 6 DHCPACK
	call CHECK dhcp a /run/netns/a "$(with_prev "$CONF" "$r")"
	kill "$FLOOD"
}

@test "a bridge that is on the LAN, with dhcp in-process: the pod has its address, the LAN answers, nothing stays" {
	serve "$RANGE" --dhcp-option=option:T1,1 --dhcp-option=option:T2,3 --dhcp-option=option:dns-server,10.9.0.53
	daemon
	ip link add cni0 type bridge
	ip link set cni0 up
	ip link add uplink type veth peer name to-host netns srv
	ip link set uplink master cni0 up
	ip -n srv link set to-host master br0 up
	pod p
	conf=$(jq -c '.type = "bridge" | .bridge = "cni0" | .cniVersion = "1.1.0"' <<<"$CONF")
	before=$(snapshot)
	r=$(CNI_COMMAND=ADD CNI_CONTAINERID=p CNI_NETNS=/run/netns/p CNI_IFNAME=eth0 \
		strace -f -qq -e trace=execve -e signal=none -o "$BATS_TEST_TMPDIR/execs" "$CNIBOX_BIN/bridge" <<<"$conf")
	[ "$(wc -l <"$BATS_TEST_TMPDIR/execs")" = 1 ]
	ip -n p addr show eth0 | grep -qF "$(address "$r")/24"
	[ "$(ip -n p route show default)" = "default via 10.9.0.1 dev eth0 " ]
	ip netns exec p ping -c1 -W10 -q 10.9.0.1
	[ "$(jq -c '[.ips[0].interface, .interfaces[2].name, .dns.nameservers]' <<<"$r")" = '[2,"eth0",["10.9.0.53"]]' ]
	wait_for said 3 DHCPACK
	call CHECK bridge p /run/netns/p "$(with_prev "$conf" "$r")"
	fails 105 "which prevResult does not have" call CHECK dhcp p /run/netns/p \
		"$(with_prev "$conf" "$(jq -c '.ips[0].address = "10.9.0.3/24"' <<<"$r")")"
	del bridge p "$conf"
	wait_for said 1 "DHCPRELEASE(br0) $(address "$r")"
	diff <(echo "$before") <(snapshot)
	[ -z "$(ls -A "$STATE")" ]
	r=$(add bridge p "$conf")
	ip netns del p
	del bridge p "$conf"
	stop_daemon
	pod p
	fails 11 "start it with" add bridge p "$conf"
	diff <(echo "$before") <(snapshot)
	ip link del cni0
}

@test "the daemon's options, its sockets and its second self" {
	run -2 "$CNIBOX_BIN/dhcp" daemon -nonsense
	run -2 "$CNIBOX_BIN/dhcp" daemon -timeout 5
	run -2 "$CNIBOX_BIN/dhcp" daemon -pidfile relative
	run -2 "$CNIBOX_BIN/dhcp" server
	daemon -pidfile=/run/dhcp.pid --timeout=2s
	[ "$(cat /run/dhcp.pid)" = "$DAEMON" ]
	run -1 "$CNIBOX_BIN/dhcp" daemon
	[[ $output == *"holds it"* ]]
	run -1 "$CNIBOX_BIN/dhcp" daemon -statedir /run/other
	[[ $output == *"another daemon listens to /run/cni/dhcp.sock"* ]]
	stop_daemon KILL || true
	[ -S /run/cni/dhcp.sock ]
	daemon -pidfile=/run/dhcp.pid
	stop_daemon INT
	[ ! -e /run/dhcp.pid ]
}

@test "systemd's socket is taken, and left when the daemon ends" {
	perl -MSocket -e '$^F = 9; socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("/run/given.sock")) and listen(S, 9) or die;
		fileno(S) == 3 or POSIX::dup2(fileno(S), 3); $ENV{LISTEN_FDS} = 1; $ENV{LISTEN_PID} = $$; exec @ARGV' \
		-MPOSIX -- "$CNIBOX_BIN/dhcp" daemon -resendtimeout 1s 3>&- &
	DAEMON=$!
	conf=$(jq -c '.ipam.daemonSocketPath = "/run/given.sock" | .cniVersion = "1.1.0"' <<<"$CONF")
	wait_for call STATUS dhcp '' '' "$conf" ''
	[ ! -e /run/cni/dhcp.sock ]
	stop_daemon
	[ -S /run/given.sock ]
	LISTEN_PID=$BASHPID LISTEN_FDS=2 run -1 bash -c 'LISTEN_PID=$$ exec "$0" daemon' "$CNIBOX_BIN/dhcp"
	[[ $output == *"LISTEN_FDS is \"2\""* ]]
}

@test "what is no question ends the connection, and the daemon goes on" {
	daemon
	for bytes in '' '\0' '\377\377\377\377' '\0\0\0\2{}' '\0\0\0\4{"a"' '\0\0\0\0' '\0\0\0\20{"command":"ADD"}junk'; do
		printf "%b" "$bytes" | perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un("/run/cni/dhcp.sock")) or die;
			undef $/; syswrite(S, <STDIN>); shutdown(S, 1); print <S>' >/dev/null
	done
	kill -0 "$DAEMON"
	call STATUS dhcp '' '' "$(jq -c '.cniVersion = "1.1.0"' <<<"$CONF")" ''
}
