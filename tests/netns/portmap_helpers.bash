# A server that answers each client with the address it came from, and a client: for TCP and UDP, IPv4 and IPv6.

# serve NETNS PORT: on every address, TCP and UDP, until the test ends; returns when it listens.
serve() {
	local ready=$BATS_TEST_TMPDIR/ready.$1.$2
	mkfifo "$ready"
	ip netns exec "$1" python3 - "$2" "$ready" >/dev/null 2>&1 3>&- <<-'PY' &
		import selectors, socket, sys
		port, sel = int(sys.argv[1]), selectors.DefaultSelector()
		for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
		    for family in socket.AF_INET, socket.AF_INET6:
		        s = socket.socket(family, kind)
		        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		        if family == socket.AF_INET6:
		            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		        s.bind(("", port))
		        if kind == socket.SOCK_STREAM:
		            s.listen()
		        sel.register(s, selectors.EVENT_READ, kind)
		open(sys.argv[2], "w").close()
		while True:
		    for key, _ in sel.select():
		        if key.data == socket.SOCK_STREAM:
		            c, peer = key.fileobj.accept()
		            c.sendall(peer[0].encode())
		            c.close()
		        else:
		            _, peer = key.fileobj.recvfrom(100)
		            key.fileobj.sendto(peer[0].encode(), peer)
	PY
	timeout 10 cat "$ready"
	rm "$ready"
}

# ask NETNS tcp|udp ADDRESS PORT [SOURCE-PORT]: the answer; fails without one. NETNS "": the node.
ask() {
	local at=()
	[ -z "$1" ] || at=(ip netns exec "$1")
	"${at[@]}" python3 - "${@:2}" <<-'PY'
		import socket, sys
		proto, addr, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
		s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
		s.settimeout(5)
		if len(sys.argv) > 4:
		    s.bind(("", int(sys.argv[4])))
		try:
		    s.connect((addr, port))
		    s.send(b"?")
		    answer = s.recv(100)
		except OSError as e:
		    sys.exit("%s %s %d: %s" % (proto, addr, port, e))
		print(answer.decode())
	PY
}
