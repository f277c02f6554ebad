# What each topology's demo has to be.
# shellcheck shell=bash

# own_pod: a pod of a network that no demo has
own_pod() {
	"$LAB" exec node1 -- sh -c 'mkdir -p /tmp/own && cat >/tmp/own/own.conflist && ip netns add own &&
		NETCONFPATH=/tmp/own CNI_PATH=/opt/cni/bin cnitool add own /run/netns/own' <<-'X'
	{"cniVersion": "1.0.0", "name": "own", "plugins": [{"type": "bridge", "bridge": "own0", "isGateway": true, "ipMasq": true,
	 "ipam": {"type": "host-local", "subnet": "10.9.0.0/24"}}]}
	X
}

own_pod_ends() {
	"$LAB" exec node1 -- sh -c 'ip netns exec own ip link show eth0 && NETCONFPATH=/tmp/own CNI_PATH=/opt/cni/bin cnitool del own /run/netns/own &&
		ip netns del own && ip link del own0' </dev/null
}

# titles_hold: under a title that says that the other side sees who asks, each line tells the address of who asks
titles_hold() {
	awk '
		/^[A-Z]/ { by_name = /sees the pod$|sees the other.s own address$|sees who asks$/; titles += by_name }
		by_name && $1 == "ok" && $4 == "-->" {
			for (i = 5; i < NF; i++)
				if ($i == "saw" && $(i + 1) != $3 ":") { print "wrong under its title: " $0; wrong = 1 }
		}
		END { exit wrong || !titles }'
}

# demo_holds N: every line of it is ok, at least N are, none is long or cut, and a file gets no colour. $output has it.
# Somebody's own pod on node1 is no matter to it, and outlives it.
demo_holds() {
	own_pod
	run "$LAB" demo
	echo "$output"
	[ "$status" -eq 0 ]
	own_pod_ends
	! grep -E '\.\.\. +[0-9]+ ms$' <<<"$output" || return
	[ "$(grep -c '^  ok ' <<<"$output")" -ge "$1" ]
	grep -qx "All $(grep -c '^  ok ' <<<"$output") claims hold. The lab stays up:" <<<"$output"
	[ "$(wc -L <<<"$output")" -le 100 ]
	[[ $output != *$'\e'* ]]
}
