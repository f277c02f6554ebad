#!/usr/bin/env bats
# Every plugin's result in every version of the protocol: the keys, and the kinds of their values, are those of that version's specification.
bats_require_minimum_version 1.5.0
load helpers
load wire_helpers

HOST_LOCAL='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"fd00:7::/64"}]}'

# conf PLUGIN: what it is called with, without cniVersion, name and type; nothing: it has no result of its own.
conf() {
	case $1 in
	bridge) echo "{\"bridge\":\"br1\",\"isGateway\":true,$HOST_LOCAL}" ;;
	ptp | dummy) echo "{$HOST_LOCAL}" ;;
	macvlan | ipvlan) echo "{\"master\":\"w0\",$HOST_LOCAL}" ;;
	vlan) echo "{\"master\":\"w0\",\"vlanId\":5,$HOST_LOCAL}" ;;
	host-device) echo "{\"device\":\"w0\",$HOST_LOCAL}" ;;
	host-local) echo "{$HOST_LOCAL}" ;;
	static) echo '{"ipam":{"type":"static","addresses":[{"address":"10.1.0.2/24","gateway":"10.1.0.1"},{"address":"fd00:1::2/64"}],"routes":[{"dst":"0.0.0.0/0"}]}}' ;;
	flannel) echo '{"subnetFile":"/run/subnet.env","delegate":{"isDefaultGateway":true}}' ;;
	bash-cni) echo '{"network":"10.1.0.0/16","subnet":"10.1.0.0/24","logFile":""}' ;;
	my-cni) echo '{"podcidr":"10.1.0.0/24","logFile":""}' ;;
	loopback) echo '{}' ;;
	bandwidth | tuning | sbr | portmap | firewall | vrf) echo '{"behind":true,"vrfname":"blue"}' ;;
	dhcp) ;; # a daemon and a server: tests/netns/dhcp.bats
	veth-host | unnumbered-ptp | tap) ;; # tests of their own
	*) return 1 ;;
	esac
}

# In jq: is this a result of the version? Addresses are texts with a length, but for gateways; numbers of interfaces are there.
VALID='
def only($allowed): (keys - $allowed) == []; # a $keys would hide keys
def prefix: type == "string" and test("^[0-9a-f.:]+/[0-9]+$");
def address: type == "string" and test("^[0-9a-f.:]+$");
def route($more): only(["dst", "gw"] + $more) and (.dst | prefix) and ((has("gw") | not) or (.gw | address));
def dns: only(["nameservers", "domain", "search", "options"]);
def ip4: only(["ip", "gateway", "routes"]) and (.ip | prefix) and all(.routes[]?; route([]));
def older: only(["cniVersion", "ip4", "ip6", "dns"]) and all(.ip4, .ip6 | select(.); ip4);
def interface($more): only(["name", "mac", "sandbox"] + $more) and (.name | type == "string");
def newer($ip; $interface; $route):
	. as $r | only(["cniVersion", "interfaces", "ips", "routes", "dns"]) and all(.interfaces[]?; interface($interface))
	and all(.ips[]?; only(["address", "gateway", "interface"] + $ip) and (.address | prefix)
		and ($ip == [] or .version == (if .address | contains(":") then "6" else "4" end))
		and ((has("interface") | not) or .interface < ($r.interfaces | length)))
	and all(.routes[]?; route($route));
($options | split(" ")) as $options
| .cniVersion == $v and (.dns // {} | dns) and
if $v < "0.3" then older
elif $v < "1" then newer(["version"]; []; $options)
elif $v < "1.1" then newer([]; []; $options)
else newer([]; ["mtu", "socketPath", "pciID"]; $options) end'

valid() { jq -e --arg v "$1" --arg options "mtu advmss priority table scope" "$VALID" <<<"$2" >/dev/null || { echo "$1: $2"; return 1; }; }

setup() {
	printf 'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.0.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n' >/run/subnet.env
}

teardown() {
	clean
	ip link del w0 2>/dev/null || true
	rm -rf /run/subnet.env /run/cni
}

# can PLUGIN: does this kernel have its links?
can() {
	local can=true
	ip link add w0 type veth peer name w1
	case $1 in
	macvlan | ipvlan | dummy) ip link add link w0 name probe type "$1" 2>/dev/null || ip link add probe type "$1" 2>/dev/null || can=false ;;
	vlan) ip link add link w0 name probe type vlan id 5 2>/dev/null || can=false ;;
	vrf) ip link add probe type vrf table 5 2>/dev/null || can=false ;;
	esac
	ip link del probe 2>/dev/null || true
	ip link set w0 up
	$can
}

@test "the keys of a result are those of its version, for every plugin of this binary" {
	for plugin in $("$CNIBOX_BIN/cnibox" --list plugins); do
		keys=$(conf "$plugin")
		[ -n "$keys" ] || continue
		can "$plugin" || { echo "# not tried, this kernel has no such links: $plugin" >&3; ip link del w0; continue; }
		name=eth0
		[ "$plugin" != loopback ] || name=lo
		for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
			pod p
			c=$(jq -c --arg v "$v" --arg t "$plugin" '. + {cniVersion: $v, name: "net1", type: $t}' <<<"$keys")
			prev=$(jq -c ".cniVersion = \"$v\" | .type = \"ptp\"" <<<"{\"name\":\"net1\",$HOST_LOCAL}")
			[ "$(jq .behind <<<"$c")" != true ] || c=$(with_prev "$c" "$(add ptp p "$prev")")
			r=$(add "$plugin" p "$c" $name)
			valid "$v" "$r"
			del "$plugin" p "$c" $name
			[ "$(jq .behind <<<"$c")" != true ] || del ptp p "$prev"
			ip netns del p
		done
		ip link del w0 2>/dev/null || true
	done
}

@test "what is no result of its version is seen" {
	pod p
	r=$(add ptp p "{\"cniVersion\":\"1.1.0\",\"name\":\"net1\",\"type\":\"ptp\",$HOST_LOCAL}")
	valid 1.1.0 "$r"
	for v in 0.1.0 0.3.1; do fails_to valid $v "$(jq -c ".cniVersion = \"$v\"" <<<"$r")"; done
	fails_to valid 1.1.0 "$(jq -c '.ips[0].version = "4"' <<<"$r")"
	fails_to valid 1.1.0 "$(jq -c '.ips[0].interface = 7' <<<"$r")"
	fails_to valid 1.0.0 "$(jq -c '.cniVersion = "1.0.0" | .interfaces[0].mtu = 1500' <<<"$r")"
	fails_to valid 1.1.0 "$(jq -c '.ip4 = {}' <<<"$r")"
	del ptp p "{\"cniVersion\":\"1.1.0\",\"name\":\"net1\",\"type\":\"ptp\",$HOST_LOCAL}"
}
