#!/usr/bin/env bats
# cnibox node: values of tunnels and MTU that cannot be: each is one line that names the option or the key, and nothing is changed.
bats_require_minimum_version 1.5.0
load node_helpers

# bad_option WHY OPTION VALUE...: each value, with a server that is not asked.
bad_option() {
	local why=$1 option=$2 value before
	shift 2
	before=$(host)
	for value; do
		for command in up run show; do
			run --separate-stderr -2 node $command --server https://127.0.0.1:1 "$option" "$value"
			echo "$command $option '$value': $stderr"
			[ "$stderr" = "node: $why (cnibox node --help says more)" ]
		done
	done
	diff <(echo "$before") <(host)
}

@test "options: no number, too small, too large" {
	bad_option "--vni is 1 to 16777215" --vni 0 16777216 -1 1x ''
	bad_option "--vxlan-port is 1 to 65535" --vxlan-port 0 65536 -1 0x10 '' 999999999999999999999
	bad_option "--wireguard-port is 1 to 65535" --wireguard-port 0 65536 ' 1' ''
	bad_option "--mtu is 1280 to 65535" --mtu 1279 0 65536 1500.0 ''
	bad_option "--backend is direct, vxlan or wireguard" --backend ipip ''
	bad_option "VXLAN and WireGuard need different ports" --wireguard-port 8472
	bad_option "VXLAN and WireGuard need different ports" --vxlan-port 51820
}

@test "options of tunnels beside a file, which has keys for them" {
	three
	for option in "--vni 1" "--vxlan-port 1" "--wireguard-port 1" "--mtu 1400" "--backend vxlan" --tunnel-all; do
		# shellcheck disable=SC2086 # two words
		run --separate-stderr -2 node up -f "$FILE" --name m $option
		grep -qF "a file has keys for tunnels and MTU" <<<"$stderr"
	done
}

# bad_key JSON TEXT: the cluster file with this key is refused.
bad_key() {
	three "$1"
	refused "$2" up
}

@test "keys: wrong type, too small, too large, and two that cannot be together" {
	bad_key '{"vni":0}' "vni: expected an integer from 1 to 16777215, got number 0"
	bad_key '{"vni":16777216}' "vni: expected an integer from 1 to 16777215, got number 16777216"
	bad_key '{"vxlanPort":0}' "vxlanPort: expected an integer from 1 to 65535, got number 0"
	bad_key '{"vxlanPort":65536}' "vxlanPort: expected an integer from 1 to 65535, got number 65536"
	bad_key '{"vxlanPort":"8472"}' 'vxlanPort: expected an integer from 1 to 65535, got string'
	bad_key '{"wireguardPort":0}' "wireguardPort: expected an integer from 1 to 65535, got number 0"
	bad_key '{"wireguardPort":[1]}' "wireguardPort: expected an integer from 1 to 65535, got"
	bad_key '{"wireguardPort":8472}' "wireguardPort: 8472: it is that of VXLAN"
	bad_key '{"mtu":67}' "mtu: expected an integer from 68 to 65535, got number 67"
	bad_key '{"mtu":65536}' "mtu: expected an integer from 68 to 65535, got number 65536"
	cluster '{"mtu":1279}' "$(entry m '192.168.122.14 2001:db8::14' 'fd00:1::/64')"
	refused "mtu: 1279: too small for the IPv6 subnet fd00:1::/64" up
}
