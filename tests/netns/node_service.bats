#!/usr/bin/env bats
# cnibox node service and manifest: what starts the program, in the formats of others.
bats_require_minimum_version 1.5.0
load node_helpers

setup() { :; }
teardown() { :; }

@test "systemd: the command, reload and what it may do" {
	node service systemd >"$BATS_TEST_TMPDIR/cnibox-node.service"
	grep -qx "ExecStart=$CNIBOX node run -f /etc/cnibox/cluster.json" "$BATS_TEST_TMPDIR/cnibox-node.service"
	grep -qx 'ExecReload=/bin/kill -HUP $MAINPID' "$BATS_TEST_TMPDIR/cnibox-node.service"
	grep -qx 'Restart=always' "$BATS_TEST_TMPDIR/cnibox-node.service"
	if ! command -v systemd-analyze >/dev/null; then skip "there is no systemd-analyze to verify the unit with"; fi
	systemd-analyze verify "$BATS_TEST_TMPDIR/cnibox-node.service"
}

@test "OpenRC, procd: scripts that a shell takes; inittab: one line" {
	for kind in openrc procd; do
		node service $kind --kubeconfig /etc/kubernetes/kubelet.conf >"$BATS_TEST_TMPDIR/script"
		sh -n "$BATS_TEST_TMPDIR/script"
		grep -q "node run --kubeconfig /etc/kubernetes/kubelet.conf" "$BATS_TEST_TMPDIR/script"
	done
	[ "$(node service inittab -f /c.json --name m)" = "::respawn:$CNIBOX node run -f /c.json --name m" ]
}

@test "a service begins in another directory: relative paths become absolute, names do not" {
	cd "$BATS_TEST_TMPDIR"
	[ "$(node service inittab -f ./c.json --name m)" = "::respawn:$CNIBOX node run -f $PWD/c.json --name m" ]
	[ "$(node service inittab --server https://192.0.2.1 --ca ca.crt --cert a/n.crt --key /n.key)" = \
		"::respawn:$CNIBOX node run --server https://192.0.2.1 --ca $PWD/ca.crt --cert $PWD/a/n.crt --key /n.key" ]
	mkdir "a b"
	cd "a b"
	run -2 --separate-stderr node service inittab -f c.json
	[[ $stderr == *"the working directory cannot be written"*c.json* ]]
}

@test "manifest: the help names the image as the manifest does" {
	image=$(node --help | sed -n 's/.*as make image names it (\(.*\))$/\1/p')
	[[ $image == localhost/cnibox:* ]] && [ "$image" = "$(node manifest | sed -n 's/^ *image: //p' | uniq)" ]
}

@test "service: wrong arguments are refused as run would, and what cannot be written" {
	for args in "" upstart "systemd -f" "systemd --dry-run" "systemd -f - " "systemd -f a;b" 'systemd -f $x' 'inittab -f %h'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr node service $args
		[ -z "$output" ]
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
	done
}

# documents FILTER [OPTION...]: the manifest as JSON, through jq.
documents() {
	local filter=$1
	shift
	node manifest "$@" | python3 -c 'import sys, yaml, json; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))' | jq -ce "$filter"
}

yaml() { python3 -c 'import yaml' 2>/dev/null || skip "python3 has no yaml to read it with"; }

@test "manifest: the account, the least rights, an agent on every node without the privileged flag" {
	yaml
	[ "$(documents 'map(.kind)')" = '["ServiceAccount","ClusterRole","ClusterRoleBinding","DaemonSet"]' ]
	[ "$(documents '.[1].rules')" = '[{"apiGroups":[""],"resources":["nodes"],"verbs":["list","watch"]},{"apiGroups":[""],"resources":["nodes/status"],"verbs":["patch"]}]' ]
	[ "$(documents '.[1].rules[0].verbs' --set backend=wireguard)" = '["list","watch","patch"]' ]
	documents '.[3].spec.template.spec | .hostNetwork and (.tolerations == [{operator: "Exists"}])'
	documents '.[3].spec.template.spec.containers[0] | .securityContext.privileged == null and
		.securityContext.capabilities.add == ["NET_ADMIN", "DAC_OVERRIDE"] and (.image | test("\\+") | not)'
	documents '.[3].spec.template.spec.initContainers[0].args == ["install", "/host/bin"]'
}

@test "manifest: what can be set" {
	yaml
	documents '[.. | .image? // empty] == ["r.test:5000/c@sha256:12", "r.test:5000/c@sha256:12"]' --set image=r.test:5000/c@sha256:12
	documents '.[3].spec.template.spec.containers[0].args | index("https://10.0.0.1:6443") > index("--server")' --set server=https://10.0.0.1:6443
	documents '.[3].spec.template.spec.containers[0].securityContext.privileged' --set privileged=true
	documents '.[3].spec.template.spec | (.containers[0] | (.args | index("wireguard") > index("--backend")) and
		(.volumeMounts[-1] == {name: "key", mountPath: "/var/lib/cni/cnibox"})) and .volumes[-1].hostPath.path == "/var/lib/cni/cnibox"' --set backend=wireguard
	documents '[.[] | select(.metadata.namespace) | .metadata.namespace] == ["net", "net"]' --set namespace=net
	for args in "--set" "--set image" "--set image=" "--set x=y" "--set port=x" "--set server=http://a" "--set privileged=no" "--set backend=ipip" "image=x" "--set image=a{b"; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr node manifest $args
		[ -z "$output" ]
	done
}
