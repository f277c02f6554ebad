# What the tests of chained plugins share: pods that ptp has made, and one plugin behind it.

# In front of the plugin under test; the reference's ptp when that is tested.
PTP='{"cniVersion":"1.1.0","name":"net1","type":"ptp","ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]],
"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}}'

# behind CONFIG POD [IFNAME]: the configuration with the result of ptp's ADD as prevResult, in the configuration's version.
behind() {
	local version prev
	version=$(jq -r '.cniVersion // "0.1.0"' <<<"$1")
	prev=$(add ptp "$2" "$(jq -c --arg v "$version" --arg n "$(jq -r .name <<<"$1")" '.cniVersion = $v | .name = $n' <<<"$PTP")" "${3:-eth0}")
	with_prev "$1" "$prev"
}

# host_end RESULT: the name of the host's interface in it.
host_end() {
	jq -r '[.interfaces[] | select((.sandbox // "") == "")][0].name' <<<"$1"
}

# valid LIST: a configuration for GC.
valid() {
	jq -c --argjson v "$2" '."cni.dev/valid-attachments" = $v' <<<"$1"
}

clean_pods() {
	for ns in $(ip netns list | cut -d' ' -f1); do
		call DEL ptp "$ns" "/run/netns/$ns" "$PTP" >/dev/null 2>&1 || true
		ip netns del "$ns"
	done
	rm -rf /var/lib/cni/* /run/cnibox /run/cni
}
