#!/usr/bin/env bats
# Lists of real systems, each as a whole: two pods, and what the list promises. Bridges and ptp.
bats_require_minimum_version 1.5.0
load helpers
load portmap_helpers
load samples_helpers

@test "CRI-O: two families, an IPv6 /24, both default routes, masqueraded, hairpin" {
	list '{"cniVersion":"1.0.0","name":"crio","plugins":[{"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"hairpinMode":true,"ipam":{"type":"host-local",
		"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],"ranges":[[{"subnet":"10.85.0.0/16"}],[{"subnet":"1100:200::/24"}]]}}]}'
	two_pods
	[ "$(jq -c '[.ips[].address]' <<<"$A")" = '["10.85.0.2/16","1100:200::2/24"]' ]
	reaches_out 203.0.113.1 fd00:9::1
	[ "$(cat /sys/class/net/cni0/brif/*/hairpin_mode | sort -u)" = 1 ]
	all_gone
}

@test "CRI-O: IPv4 alone; its loopback list, and the older one" {
	list '{"cniVersion":"1.0.0","name":"crio","plugins":[{"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"hairpinMode":true,"ipam":{"type":"host-local",
		"routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":"10.85.0.0/16"}]]}}]}'
	two_pods
	reaches_out 203.0.113.1
	all_gone
	pod b
	for lo in '{"cniVersion":"1.0.0","name":"loopback","plugins":[{"type":"loopback"}]}' '{"cniVersion":"0.3.1","name":"lo","type":"loopback"}'; do
		list "$lo"
		for p in a b; do
			CNI_IFNAME=lo attach $p >/dev/null
			ip netns exec $p ping -c1 -W10 -q 127.0.0.1
			CNI_IFNAME=lo detach $p
		done
	done
}

@test "containerd: promiscuous bridge, two families of its documentation, a published port" {
	list '{"cniVersion":"0.4.0","name":"containerd-net","plugins":[{"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"promiscMode":true,"ipam":{"type":"host-local",
		"ranges":[[{"subnet":"10.88.0.0/16"}],[{"subnet":"2001:4860:4860::/64"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}},
		{"type":"portmap","capabilities":{"portMappings":true}}]}'
	ports 8080:80
	two_pods
	reaches_out 203.0.113.1 fd00:9::1
	published 8080 80
	ip -d -o link show cni0 | grep -q 'promiscuity [1-9]'
	all_gone
}

@test "podman: bridge, portmap, firewall of the iptables backend, an empty tuning" {
	needs firewall
	list '{"cniVersion":"0.4.0","name":"podman","plugins":[{"type":"bridge","bridge":"cni-podman0","isGateway":true,"ipMasq":true,"ipam":{"type":"host-local",
		"routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":"10.88.0.0/16","gateway":"10.88.0.1"}]]}},
		{"type":"portmap","capabilities":{"portMappings":true}},{"type":"firewall","backend":"iptables"},{"type":"tuning"}]}'
	published_though_forward_drops
}

@test "podman's other: a name within a plugin, a /9, no gateway: two pods and nothing else" {
	list '{"cniVersion":"0.4.0","name":"do-not-use-google-subnets","plugins":[{"type":"bridge","name":"do-not-use-google-subnets","bridge":"no-google",
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.128.0.0/9"}]]}}]}'
	two_pods
	[ "$(jq -r '.ips[0].address' <<<"$A")" = 10.128.0.2/9 ]
	[ -z "$(ip -n a route show default)$(ip -o -4 addr show no-google)" ]
	all_gone
}

@test "nerdctl: keys of its own in the list, policy same-bridge, an empty tuning" {
	needs firewall
	list '{"cniVersion":"1.0.0","name":"bridge","nerdctlID":"17f29b073143d8cd97b5bbe492bdeffec1c5fee55cc1fe2112c8b9335f8b6121","nerdctlLabels":{"nerdctl/default-network":"true"},
		"plugins":[{"type":"bridge","bridge":"nerdctl0","isGateway":true,"ipMasq":true,"hairpinMode":true,"ipam":{"type":"host-local","resolveConf":"/none","routes":[{"dst":"0.0.0.0/0"}],
		"ranges":[[{"subnet":"10.4.0.0/24","gateway":"10.4.0.1"}]]}},{"type":"portmap","capabilities":{"portMappings":true}},
		{"type":"firewall","ingressPolicy":"same-bridge"},{"type":"tuning"}]}'
	published_though_forward_drops
}

@test "Nomad: loopback first in the list, an administrator's chain, forceAddress" {
	needs firewall
	list '{"cniVersion":"0.4.0","name":"nomad","plugins":[{"type":"loopback"},{"type":"bridge","bridge":"nomad","ipMasq":true,"isGateway":true,"forceAddress":true,"hairpinMode":false,
		"ipam":{"type":"host-local","ranges":[[{"subnet":"172.26.64.0/20"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
		{"type":"firewall","backend":"iptables","iptablesAdminChainName":"NOMAD-ADMIN"},{"type":"portmap","capabilities":{"portMappings":true},"snat":true}]}'
	ports 8080:80
	iptables -P FORWARD ACCEPT # which makes the chain
	iptables -N NOMAD-ADMIN
	two_pods
	ip netns exec a ping -c1 -W10 -q 127.0.0.1
	reaches_out 203.0.113.1
	published 8080 80
	iptables -A NOMAD-ADMIN -s "$(first "$A")" -j DROP
	ip netns exec a "$(talk)" stopped 203.0.113.2 7000
	iptables -F NOMAD-ADMIN
	all_gone
}

@test "faasd: leases in /var/run/cni, which it reads; a key in the wrong place; firewall without a backend" {
	needs firewall
	list '{"cniVersion":"0.4.0","name":"openfaas-cni-bridge","plugins":[{"type":"bridge","bridge":"openfaas0","isGateway":true,"ipMasq":true,"ipam":{"type":"host-local",
		"subnet":"10.62.0.0/16","dataDir":"/var/run/cni","routes":[{"dst":"0.0.0.0/0"}]},"resolvConf":"/etc/resolv.conf"},{"type":"firewall"}]}'
	two_pods
	reaches_out 203.0.113.1
	[ "$(sed -n 2p "/var/run/cni/openfaas-cni-bridge/$(first "$A")" | tr -d '\r')" = eth0 ]
	all_gone
	[ ! -e "/var/run/cni/openfaas-cni-bridge/$(first "$A")" ]
}

@test "ignite: isGateway and isDefaultGateway, promiscuous, firewall" {
	needs firewall
	list '{"cniVersion":"0.4.0","name":"ignite-cni-bridge","plugins":[{"type":"bridge","bridge":"ignite0","isGateway":true,"isDefaultGateway":true,"promiscMode":true,"ipMasq":true,
		"ipam":{"type":"host-local","subnet":"10.61.0.0/16"}},{"type":"portmap","capabilities":{"portMappings":true}},{"type":"firewall"}]}'
	ports 8080:80
	two_pods
	reaches_out 203.0.113.1
	published 8080 80
	all_gone
}

@test "minikube: an unknown addIf that is a string" {
	needs firewall
	list '{"cniVersion":"0.4.0","name":"bridge","plugins":[{"type":"bridge","bridge":"bridge","addIf":"true","isDefaultGateway":true,"forceAddress":false,"ipMasq":true,"hairpinMode":true,
		"ipam":{"type":"host-local","subnet":"10.244.0.0/16"}},{"type":"portmap","capabilities":{"portMappings":true}},{"type":"firewall"}]}'
	ports 8080:80
	two_pods
	reaches_out 203.0.113.1
	published 8080 80
	all_gone
}

@test "buildkit: one plugin" {
	list '{"cniVersion":"0.4.0","name":"buildkit","type":"bridge","bridge":"buildkit0","isDefaultGateway":true,"forceAddress":false,"ipMasq":true,"hairpinMode":true,
		"ipam":{"type":"host-local","subnet":"10.10.0.0/16"}}'
	two_pods
	reaches_out 203.0.113.1
	all_gone
}

@test "kube-router: no subnet before its agent has written one in, then one" {
	list '{"cniVersion":"0.3.0","name":"mynet","type":"bridge","bridge":"kube-bridge","isDefaultGateway":true,"ipam":{"type":"host-local"}}'
	before=$(detached)
	run attach a
	[ "$status" -ne 0 ]
	[[ $output == *"ipam.subnet"* || $output == *"ipam.ranges"* ]]
	diff <(echo "$before") <(detached)
	rm "$NETCONFPATH"/*
	list '{"cniVersion":"0.3.0","name":"mynet","plugins":[{"name":"kubernetes","type":"bridge","bridge":"kube-bridge","isDefaultGateway":true,"ipam":{"type":"host-local","subnet":"10.244.0.0/24"}}]}'
	two_pods
	ip netns exec a ping -c1 -W10 -q 10.244.0.1
	all_gone
}

@test "kind: ptp, two families, leases on a tmpfs, a published port" {
	list '{"cniVersion":"0.3.1","name":"kindnet","plugins":[{"type":"ptp","ipMasq":false,"ipam":{"type":"host-local","dataDir":"/run/cni-ipam-state","routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],
		"ranges":[[{"subnet":"10.244.1.0/24"}],[{"subnet":"fd00:10:244:1::/64"}]]},"mtu":1500},{"type":"portmap","capabilities":{"portMappings":true}}]}'
	ports 8080:80
	two_pods
	published 8080 80
	[ -e "/run/cni-ipam-state/kindnet/$(first "$A")" ]
	[ "$(ip -n a -j link show eth0 | jq '.[0].mtu')" = 1500 ]
	all_gone
}

@test "GKE: ptp with the old subnet, mtu, an unknown noSnat" {
	list '{"name":"k8s-pod-network","cniVersion":"0.3.1","plugins":[{"type":"ptp","mtu":1460,"ipam":{"type":"host-local","subnet":"10.244.3.0/24","routes":[{"dst":"0.0.0.0/0"}]}},
		{"type":"portmap","capabilities":{"portMappings":true},"noSnat":true}]}'
	ports 8080:80
	two_pods
	published 8080 80
	[ "$(ip -n a -j link show eth0 | jq '.[0].mtu')" = 1460 ]
	all_gone
}
