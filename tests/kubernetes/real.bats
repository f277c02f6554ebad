#!/usr/bin/env bats
# node run against a real etcd and kube-apiserver (third_party/kubernetes builds them): nodes are made and changed by kubectl, and
# routes follow. RECORD=FOLDER keeps what the server says to the requests of the client, for unit tests.
load ../kube/helpers
load ../netns/node_run_helpers
load cluster_helpers

setup_file() {
	export C=$BATS_FILE_TMPDIR/c
	accounts
	echo 'secret,system:serviceaccount:kube-system:cnibox,2' >>"$C/tokens.csv"
	echo secret >"$C/token"
	machine
	ip link set lo up
	start_etcd
	begin_apiserver
}
teardown_file() {
	kill -KILL "$(cat "$C/apiserver.pid")" "$(cat "$C/etcd.pid")" || true
	ip link del eth0
}
setup() {
	URL=https://127.0.0.1:6443
	rm -rf /var/lib/cnibox/* /run/cnibox /etc/cni/net.d
}
teardown() {
	end_run
	node down >/dev/null
	nft flush ruleset
}

# begin_apiserver: with the right for the client
begin_apiserver() {
	start_apiserver --disable-admission-plugins ServiceAccount,TaintNodesByCondition
	"$CNIBOX" node manifest | until_true kubectl apply -f -
}

# object NAME ADDRESS CIDR [CONDITIONS]: a node as kubelet registers it, with a subnet as the controller gives it.
object() {
	jq -nc --arg n "$1" --arg a "$2" --arg c "$3" --argjson k "${4:-[]}" '{apiVersion: "v1", kind: "Node", metadata: {name: $n},
		spec: {podCIDR: $c, podCIDRs: [$c]}, status: {addresses: [{type: "InternalIP", address: $a}, {type: "Hostname", address: $n}], conditions: $k}}'
}
create() { object "$@" | kubectl create -f -; }

# change NAME ADDRESS: as kubelet does when the machine has another.
change() {
	kubectl get node "$1" -o json | jq -c --arg a "$2" '.status.addresses[0].address = $a' | kubectl replace --raw "/api/v1/nodes/$1/status" -f - >/dev/null
}

stay() { begin_run --server "$URL" --ca "$C/ca.crt" --token-file "$C/token"; }

is_available() { [ "$(kubectl get node m -o jsonpath='{.status.conditions[?(@.type=="NetworkUnavailable")].status}')" = False ]; }

@test "nodes that kubectl makes, changes and deletes: routes follow" {
	create m 192.168.122.14 10.42.0.0/24 '[{"type":"NetworkUnavailable","status":"True","reason":"NoRouteCreated"}]'
	create n1 192.168.122.15 10.42.1.0/24
	stay
	until_true has_route 10.42.1.0/24 192.168.122.15
	until_true test -e $CONFLIST
	until_true is_available
	create n2 192.168.122.16 10.42.2.0/24
	until_true has_route 10.42.2.0/24 192.168.122.16
	change n1 192.168.122.25
	until_true has_route 10.42.1.0/24 192.168.122.25
	kubectl delete node n2
	until_true has_no_route 10.42.2.0/24
	create n2 192.168.122.16 10.42.7.0/24
	until_true has_route 10.42.7.0/24 192.168.122.16
	kubectl label node n1 nothing=changed
	until_true sleeps
	logged error 0
}

@test "the API server restarts: nothing changes, and what comes behind it is heard" {
	stay
	until_true has_route 10.42.7.0/24 192.168.122.16
	kill -KILL "$(cat "$C/apiserver.pid")"
	until_true logged "everything stays as it was"
	has_route 10.42.7.0/24 192.168.122.16
	begin_apiserver
	kubectl delete node n2
	until_seconds 120 has_no_route 10.42.7.0/24
	until_true logged "answers again"
}

# said KEY: of flannel's annotations of node m
said() { kubectl get node m -o json | jq -r --arg k "flannel.alpha.coreos.com/$1" '.metadata.annotations[$k] // ""'; }
says() { [ "$(said "$1")" = "$2" ]; }

@test "tunnels are published as annotations, when the right is there; without it the verb is named" {
	begin_run --server "$URL" --ca "$C/ca.crt" --token-file "$C/token" --backend direct
	until_true logged 'missing right: the verb "patch" on nodes (RBAC, 403)'
	says backend-type ""
	end_run
	"$CNIBOX" node manifest --set backend=direct | kubectl apply -f -
	until_true kubectl auth can-i patch nodes --as system:serviceaccount:kube-system:cnibox # the server learns of it a little later
	begin_run --server "$URL" --ca "$C/ca.crt" --token-file "$C/token" --backend direct
	until_true says backend-type host-gw
	says backend-data null
	says public-ip 192.168.122.14
	until_true sleeps
	logged error 0
	end_run
	kubectl annotate node m flannel.alpha.coreos.com/public-ip-overwrite=198.51.100.14
	begin_run --server "$URL" --ca "$C/ca.crt" --token-file "$C/token" --backend wireguard
	until_true says backend-type wireguard
	[ "$(said backend-data | jq -r .PublicKey)" = "$(node key)" ]
	until_true says public-ip 198.51.100.14
	end_run
	"$CNIBOX" node manifest | kubectl apply -f -
	kubectl get node m -o json | jq '.metadata.annotations = {}' | kubectl replace -f -
}

@test "a right that is missing is named" {
	stay
	until_true test -e $CONFLIST
	end_run
	kubectl patch clusterrole cnibox --type json -p '[{"op":"replace","path":"/rules/0/verbs","value":["list"]}]'
	stay
	until_true logged 'missing right: the verb "watch" on nodes (RBAC, 403)'
	end_run
	kubectl patch clusterrole cnibox --type json -p '[{"op":"replace","path":"/rules/0/verbs","value":["watch"]}]'
	stay
	until_true logged 'missing right: the verb "list" on nodes (RBAC, 403)'
}

# get NAME PATH: the body of the answer, recorded.
get() { kubectl get --raw "$2" >"$RECORD/$1"; }

@test "what the server says is recorded" {
	[ -n "${RECORD:-}" ] || skip "RECORD is not set"
	local version
	mkdir -p "$RECORD"
	get list-1 '/api/v1/nodes?limit=1'
	get list-2 "/api/v1/nodes?limit=1&continue=$(jq -r .metadata.continue "$RECORD/list-1")"
	version=$(jq -r .metadata.resourceVersion "$RECORD/list-1")
	(sleep 2 && create n3 192.168.122.17 10.42.3.0/24 && change n3 192.168.122.18 && kubectl delete node n3) >/dev/null 3>&- &
	get watch "/api/v1/nodes?watch=1&allowWatchBookmarks=true&timeoutSeconds=75&resourceVersion=$version"
	get expired '/api/v1/nodes?watch=1&allowWatchBookmarks=true&timeoutSeconds=5&resourceVersion=1'
}
