#!/usr/bin/env bats
# What came to the reference plugins after Debian 12's release of them, beside a later one of them.
bats_require_minimum_version 1.5.0
load ../netns/helpers
load helpers

setup_file() {
	local later=$BATS_TEST_DIRNAME/../../build/third_party/containernetworking-plugins.amd64.sid/usr/lib/cni
	[ ! -x "$later/tap" ] || export REFERENCE=$later
}

setup() {
	[ -n "${REFERENCE:-}" ] || skip "the later reference plugins are not there (third_party/unpack containernetworking-plugins:amd64/sid)"
}

# What `state` does not show: the tap, the port's VLANs.
more_state() {
	ip -n p -d -j link show eth0 | jq -c '.[0] | [.mtu, .master, .linkinfo.info_kind, (.linkinfo.info_data | del(.numqueues?, .numdisabled?, .pi?, .vnet_hdr?))]'
	bridge -n p -j link show | jq -c '[.[] | [.ifname, .master]]'
	bridge -j vlan show 2>/dev/null | jq -c '[.[].vlans] | sort'
	for f in /sys/class/net/*/bridge/vlan_filtering; do [ ! -e "$f" ] || cat "$f"; done
	for f in /proc/sys/net/ipv4/conf/*.*; do [ ! -e "$f" ] || echo "${f##*/}"; done
}

# shellcheck disable=SC2034 # `through` reads it
MORE_STATE=more_state

conf() {
	echo '{"cniVersion":"1.0.0","name":"net1","type":"'"$1"'","ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}' | jq -c "$2"
}

dual='.ipam = {"type":"host-local","routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],"ranges":[[{"subnet":"10.85.0.0/16"}],[{"subnet":"fd00:85::/64"}]]}'

tap_is_there() {
	[ -c /dev/net/tun ] || skip "this machine has no /dev/net/tun (module tun)"
}

@test "tap: owner, group, several queues, without IPAM, dual stack" {
	tap_is_there
	same tap "$(conf tap .)"
	same tap "$(conf tap '.multiQueue = true | .owner = 1234 | .group = 5678')"
	same tap "$(conf tap 'del(.ipam) | .owner = 0 | .dns = {"nameservers":["10.1.0.1"]}')"
	same tap "$(conf tap "$dual")"
}

@test "tap: a bridge of the pod, every older version's result" {
	tap_is_there
	same tap "$(conf tap 'del(.ipam) | .bridge = "br0"')" 'ip netns add p; ip -n p link add br0 type bridge'
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0; do
		same tap "$(conf tap ".cniVersion = \"$v\"")"
	done
}

@test "bridge: disableContainerInterface" {
	same bridge "$(conf bridge 'del(.ipam) | .disableContainerInterface = true')"
}

@test "bridge: vlan without and with a gateway, in both families, with preserveDefaultVlan or not" {
	kernel_filters_vlans
	same bridge "$(conf bridge '.vlan = 5')"
	same bridge "$(conf bridge '.vlan = 5 | .isGateway = true | .mtu = 1400')"
	same bridge "$(conf bridge "$dual"' | .vlan = 5 | .isGateway = true | .preserveDefaultVlan = true')"
	same bridge "$(conf bridge 'del(.ipam) | .vlan = 5 | .isGateway = true')"
}

@test "bridge: vlan and vlanTrunk, each alone and both, with preserveDefaultVlan or not" {
	kernel_filters_vlans
	for default in . '.preserveDefaultVlan = true' '.preserveDefaultVlan = false'; do
		for vlans in '.vlan = 5' '.vlanTrunk = [{"id":7},{"minID":10,"maxID":12},{"id":4094}]' '.vlanTrunk = [{"minID":1,"maxID":3}]' \
			'.vlan = 5 | .vlanTrunk = [{"minID":4,"maxID":6}]'; do
			same bridge "$(conf bridge "del(.ipam) | $vlans | $default")"
		done
	done
	same bridge "$(conf bridge 'del(.ipam) | .vlanTrunk = []')"
}

@test "bridge: vlanTrunk where the default VLAN is another, or none" {
	kernel_filters_vlans
	for id in 3 0; do
		for default in . '.preserveDefaultVlan = true'; do
			same bridge "$(conf bridge "del(.ipam) | .vlanTrunk = [{\"id\":7}] | $default")" \
				"ip link add cni0 type bridge vlan_filtering 1 vlan_default_pvid $id; ip link set cni0 up"
		done
	done
}

@test "what both refuse" {
	for wrong in '.vlan = 4095' '.vlan = -1' '.vlanTrunk = [{"id":0}]' '.vlanTrunk = [{"id":4095}]' '.vlanTrunk = [{"minID":5,"maxID":4}]' \
		'.vlanTrunk = [{"minID":5}]' '.vlanTrunk = [{"maxID":5}]' '.vlanTrunk = [{"minID":0,"maxID":5}]' '.disableContainerInterface = true'; do
		refused bridge "$(conf bridge "$wrong")"
	done
	! [ -c /dev/net/tun ] || refused tap "$(conf tap '.bridge = "br9"')"
}

@test "named differences" {
	different "bridge: a default route of routes beside isDefaultGateway" "the reference's ADD fails, for it is there; ours has it once"
	different "bridge without vlan_filtering, of pods alone" "the reference leaves vlan and vlanTrunk without effect there, ours makes it filter"
	different "bridge without vlan_filtering that leads to others" "the reference leaves vlan and vlanTrunk without effect there, ours refuses"
	different "mtu of a tap" "the reference does not set it"
	different "packets of a tap" "the reference lets the program ip make it, which sometimes leaves a header in front of packets (pi, vnet_hdr); ours never has one"
	different "IPv6 addresses of a tap" "the reference's stay tentative until a program opens the tap, ours are there at once"
}
