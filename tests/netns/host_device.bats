#!/usr/bin/env bats
# The host-device plugin: a device of the node in a pod and back again, against the real kernel. Devices with hardware are the lab's.
bats_require_minimum_version 1.5.0
load helpers
load wire_helpers

CONF='{"cniVersion":"1.1.0","name":"net1","type":"host-device","device":"w0","ipam":{"type":"host-local",
"ranges":[[{"subnet":"10.9.0.0/24","rangeStart":"10.9.0.10"}],[{"subnet":"fd00:9::/64","rangeStart":"fd00:9::10"}]]}}'

setup() {
	wire
	ip addr add fd00:9::254/64 dev w0 nodad
	ip link set w0 alias "office" group 7 mtu 1450
	pod a
	pod b
}

teardown() {
	unwire host-device "$CONF"
	umount /sys/bus/pci 2>/dev/null || true
}

# device [NAME]: what w0 is like on the node
device() {
	ip -j addr show "${1:-w0}" | jq -c '.[0] | [.ifname, .mtu, .address, .ifalias, .group, (.flags | index("UP") != null),
		([.addr_info[] | select(.scope == "global") | .local + "/" + (.prefixlen | tostring)] | sort)]'
}

@test "ADD: the device is the pod's interface, with its addresses, and passes packets" {
	mac=$(cat /sys/class/net/w0/address)
	r=$(add host-device a "$CONF")
	[ "$(jq -c '[.interfaces[] | [.name, .mac, .sandbox, .mtu]], [.ips[] | [.address, .interface]]' <<<"$r" | tr -d '\n')" = \
		'[["eth0","'"$mac"'","/run/netns/a",1450]][["10.9.0.10/24",0],["fd00:9::10/64",0]]' ]
	run ! ip link show w0
	ping_from a 10.9.0.1
	ping_from a fd00:9::1
	[ "$(ip -n a -j link show eth0 | jq -r '.[0].ifalias')" = w0 ]
}

@test "DEL: it comes back as it was: name, MTU, MAC, alias, group, up, addresses; twice" {
	was=$(device)
	before=$(snapshot)
	add host-device a "$CONF" >/dev/null
	del host-device a "$CONF"
	[ "$(device)" = "$was" ]
	[ "$(links a)" = 0 ]
	diff <(echo "$before") <(snapshot)
	del host-device a "$CONF"
	[ "$(device)" = "$was" ]
	ping -c1 -W10 -q 10.9.0.1
}

@test "DEL: also when the pod has renamed it, changed it, or put its own alias on it" {
	was=$(device)
	add host-device a "$CONF" >/dev/null
	ip -n a link set eth0 down
	ip -n a link set eth0 name wan
	ip -n a link set wan address 02:00:00:00:00:77 mtu 1300 alias "cnibox net9 x eth0" group 0
	del host-device a "$CONF"
	[ "$(device)" = "$was" ]
	ip link set w0 down
	was=$(device)
	add host-device a "$CONF" >/dev/null
	del host-device a "$CONF"
	[ "$(device)" = "$was" ]
}

@test "DEL: without a namespace it is found where it is; after the namespace a virtual one is gone" {
	was=$(device)
	add host-device a "$CONF" >/dev/null
	call DEL host-device a "" "$CONF"
	[ "$(device)" = "$was" ]
	add host-device a "$CONF" >/dev/null
	ip netns del a
	call DEL host-device a "" "$CONF"
	run ! ip link show w0
	[ -z "$(ls /run/cnibox/device)" ]
}

@test "DEL: the pod's own link in the device's place is not brought to the node" {
	add host-device a "$CONF" >/dev/null
	index=$(ip -n a -j link show eth0 | jq '.[0].ifindex')
	mac=$(ip -n a -j link show eth0 | jq -r '.[0].address')
	ip -n a link del eth0
	ip -n a link add eth0 index "$index" address "$mac" type veth peer name other
	ip -n a link set eth0 alias w0
	del host-device a "$CONF"
	run ! ip link show w0
	ip -n a link show eth0
}

# Other ends have the same number in every namespace that was made the same way: the second link's.
BRIDGED='{"cniVersion":"1.1.0","name":"net2","type":"bridge","bridge":"br2","isGateway":true,"ipam":{"type":"host-local","subnet":"10.2.0.0/24"}}'

# bridged POD: the pod has eth0 on a bridge; $end is its other end, of ours, or of the reference, which leaves no mark.
bridged() {
	end=$(add bridge "$1" "$BRIDGED" | jq -r '.interfaces[1].name')
	[ "$2" = ours ] || ip link set "$end" alias ""
	ping_from "$1" 10.2.0.1
}

@test "DEL: a device that has ended with its pod is not another pod's host end" {
	for whose in ours others; do
		bridged b $whose
		[ "$(cat "/sys/class/net/$end/iflink")" = "$(cat /sys/class/net/w0/iflink)" ]
		before=$(snapshot | grep -v 'w0\|10\.9\.\|fd00:9\|netns/a')
		add host-device a "$CONF" net1 >/dev/null
		ip netns del a
		call DEL host-device a "" "$CONF" net1
		[ -z "$(ls /run/cnibox/device)" ]
		diff <(echo "$before") <(snapshot)
		ping_from b 10.2.0.1
		del bridge b "$BRIDGED"
		for ns in b lan; do ip netns del $ns; done
		wire
		pod a
		pod b
	done
}

@test "DEL: of two interfaces in one container it takes its own, whatever number the other end has" {
	bridged a ours
	mac=$(cat "/sys/class/net/$end/address")
	ip link del w0
	ip -n lan link add w1 index "$(cat "/sys/class/net/$end/ifindex")" type veth peer name w0 netns $$
	[ "$(ip netns exec a cat /sys/class/net/eth0/iflink)" = "$(cat /sys/class/net/w0/iflink)" ]
	was=$(device)
	for how in del gc; do
		add host-device a "$CONF" net1 >/dev/null
		if [ $how = del ]; then del host-device a "$CONF" net1; else gc host-device "$CONF" '[]'; fi
		[ "$(device)" = "$was" ]
		[ "$(cat "/sys/class/net/$end/address")" = "$mac" ]
		ping_from a 10.2.0.1
	done
}

@test "DEL: of two devices in one container it takes its own" {
	other_machine lan2
	ip link add v0 type veth peer name v1 netns lan2
	[ "$(cat /sys/class/net/v0/iflink)" = "$(cat /sys/class/net/w0/iflink)" ]
	other=$(jq -c '.device = "v0" | .name = "net2" | del(.ipam)' <<<"$CONF")
	was=$(device) was2=$(device v0)
	for order in "net1 net2" "net2 net1"; do
		add host-device a "$other" net2 >/dev/null
		add host-device a "$CONF" net1 >/dev/null
		for ifname in $order; do
			if [ "$ifname" = net1 ]; then
				del host-device a "$CONF" net1
				[ "$(device)" = "$was" ]
			else
				del host-device a "$other" net2
				[ "$(device v0)" = "$was2" ]
			fi
			[ "$(links a)" = $((${ifname: -1} == ${order: -1} ? 0 : 1)) ]
		done
	done
}

@test "the node has links of the names in the way, on both sides" {
	ip link add eth0 type veth peer name eth9
	ip -n a link add w0 type veth peer name w9
	was=$(device)
	add host-device a "$CONF" >/dev/null
	ip -n a link show w0
	ping_from a 10.9.0.1
	del host-device a "$CONF"
	[ "$(device)" = "$was" ]
	ip link del eth0
}

@test "a device that another pod has is named, and nothing is changed" {
	add host-device a "$CONF" >/dev/null
	unchanged fails 101 'device: "w0" is taken: container a has it as interface eth0 of network net1' add host-device b "$CONF"
	call CHECK host-device a /run/netns/a "$(with_prev "$CONF" '{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/a"}]}')"
	del host-device b "$CONF"
	ip -n a link show eth0
}

@test "by hwaddr" {
	mac=$(cat /sys/class/net/w0/address)
	was=$(device)
	conf=$(jq -c --arg mac "$mac" 'del(.device) | .hwaddr = $mac' <<<"$CONF")
	add host-device a "$conf" >/dev/null
	unchanged fails 101 "hwaddr: $mac is taken: container a has it" add host-device b "$conf"
	del host-device a "$conf"
	[ "$(device)" = "$was" ]
}

@test "a device that a DPDK driver has is left alone: addresses in the result only" {
	mount -t tmpfs none /sys/bus/pci
	mkdir -p /sys/bus/pci/devices/0000:00:1f.6 /sys/bus/pci/drivers/vfio-pci
	ln -s ../../drivers/vfio-pci /sys/bus/pci/devices/0000:00:1f.6/driver
	conf=$(jq -c 'del(.device) | .runtimeConfig = {"deviceID":"0000:00:1f.6"}' <<<"$CONF")
	r=$(add host-device a "$conf")
	[ "$(jq -c '[.interfaces, .ips[0].address]' <<<"$r")" = '[null,"10.9.0.10/24"]' ]
	[ "$(links a)" = 0 ]
	call CHECK host-device a /run/netns/a "$(with_prev "$conf" "$r")"
	del host-device a "$conf"
	[ ! -e /var/lib/cni/networks/net1/10.9.0.10 ]
}

@test "by pciBusID and deviceID: what sysfs says, also below a virtio device" {
	mount -t tmpfs none /sys/bus/pci
	mkdir -p /sys/bus/pci/devices/0000:00:1f.6/net/w0 /sys/bus/pci/devices/0000:00:1f.7/virtio3/net/w0
	for id in 0000:00:1f.6 0000:00:1f.7; do
		for conf in "$(jq -c --arg id "$id" 'del(.device) | .pciBusID = $id' <<<"$CONF")" \
			"$(jq -c --arg id "$id" 'del(.device) | .runtimeConfig = {"deviceID":$id}' <<<"$CONF")"; do
			add host-device a "$conf" >/dev/null
			del host-device a "$conf"
			ip link show w0
		done
	done
	unchanged fails 7 "pciBusID: 0000:00:02.0: there is no such device" add host-device a "$(jq -c 'del(.device) | .pciBusID = "0000:00:02.0"' <<<"$CONF")"
}

@test "without IPAM: it is up, without addresses" {
	conf=$(jq -c 'del(.ipam)' <<<"$CONF")
	r=$(add host-device a "$conf")
	[ "$(jq .ips <<<"$r")" = null ]
	ip -n a -o link show eth0 | grep -q UP
	del host-device a "$conf"
}

@test "what cannot be is refused with its code, and changes nothing; an ADD that fails late gives it back" {
	unchanged fails 7 "one of device, hwaddr, kernelpath, pciBusID" add host-device a "$(jq -c 'del(.device)' <<<"$CONF")"
	unchanged fails 7 'device: "w7": there is no such device' add host-device a "$(jq -c '.device = "w7"' <<<"$CONF")"
	unchanged fails 7 "loopback" add host-device a "$(jq -c '.device = "lo"' <<<"$CONF")"
	unchanged fails 7 "no name of an interface" add host-device a "$(jq -c '.device = "a/b"' <<<"$CONF")"
	unchanged fails 7 "no MAC address" add host-device a "$(jq -c 'del(.device) | .hwaddr = "x"' <<<"$CONF")"
	unchanged fails 7 "does not begin with /sys/devices/" add host-device a "$(jq -c 'del(.device) | .kernelpath = "/sys/class/net/w0"' <<<"$CONF")"
	unchanged fails 7 "no name of a device" add host-device a "$(jq -c 'del(.device) | .pciBusID = "../x"' <<<"$CONF")"
	was=$(device)
	unchanged fails 100 route add host-device a "$(jq -c '.ipam.routes = [{"dst":"192.0.2.0/24","gw":"198.51.100.1"}]' <<<"$CONF")"
	[ "$(device)" = "$was" ]
	[ -z "$(ls /run/cnibox/device)" ]
}

# What the reference's plugin leaves: the device's name as alias, and no record.
@test "DEL of a pod that was attached before; never of another device" {
	ip link set w0 netns a
	ip -n a link set w0 down
	ip -n a link set w0 name eth0 alias w0
	del host-device a "$(jq -c '.device = "w1"' <<<"$CONF")"
	ip -n a link show eth0
	del host-device a "$CONF"
	ip link show w0
}

@test "CHECK: succeeds after ADD, and names what was changed; GC gives back exactly what is not valid" {
	prev=$(with_prev "$CONF" "$(add host-device a "$CONF")")
	call CHECK host-device a /run/netns/a "$prev"
	ip -n a link set eth0 down
	fails 105 "eth0 in the pod is down" call CHECK host-device a /run/netns/a "$prev"
	status host-device "$CONF"
	gc host-device "$CONF" '[{"containerID":"a","ifname":"eth0"}]'
	[ "$(links a)" = 1 ]
	gc host-device "$CONF" '[]'
	[ "$(links a)" = 0 ]
	ip link show w0
	[ -z "$(ls /run/cnibox/device)" ]
}

@test "CHECK of a second interface succeeds when the first one has the default route" {
	conf=$(jq -c '.ipam.routes = [{"dst":"0.0.0.0/0","gw":"10.9.0.1"}]' <<<"$CONF")
	first=$(jq -c '.device = "v0" | .name = "net2"' <<<"$conf")
	ip link add v0 type veth peer name v1 # without a carrier
	add host-device a "$first" >/dev/null
	r=$(add host-device a "$conf" net1)
	call CHECK host-device a /run/netns/a "$(with_prev "$conf" "$r")" net1
	ip -n a route del default
	fails 105 "0.0.0.0/0" call CHECK host-device a /run/netns/a "$(with_prev "$conf" "$r")" net1
	ip -n a link add v2 up type veth peer name v3
	ip -n a route add default via 10.9.0.1 dev v2 onlink
	fails 105 "0.0.0.0/0" call CHECK host-device a /run/netns/a "$(with_prev "$conf" "$r")" net1
	del host-device a "$conf" net1
	del host-device a "$first"
	ip link del v0
}
