# What the tests with a real API server share: etcd and kube-apiserver, which third_party/kubernetes builds. Behind node_run_helpers; $C is the folder of
# certificates and tokens.
# shellcheck shell=bash

K=$BATS_TEST_DIRNAME/../../build/kubernetes

# accounts: certificates, keys and the administrator's token in $C
accounts() {
	mkdir -p "$C"
	"$BATS_TEST_DIRNAME/../kube/certificates" "$C"
	echo 'admin,admin,1,system:masters' >"$C/tokens.csv"
	openssl genrsa -out "$C/accounts.key" 2048 2>/dev/null
}

# begin NAME PROGRAM ARGUMENT...: in the background, its log in NAME.log
begin() {
	"${@:2}" >"$BATS_FILE_TMPDIR/$1.log" 2>&1 3>&- &
	echo $! >"$C/$1.pid"
}

start_etcd() { begin etcd "$K/etcd" --data-dir "$BATS_FILE_TMPDIR/etcd" --listen-peer-urls http://127.0.0.1:2380; }

# start_apiserver [OPTION...]: until it answers
start_apiserver() {
	begin apiserver "$K/kube-apiserver" --etcd-servers http://127.0.0.1:2379 --bind-address 127.0.0.1 --advertise-address 192.168.122.14 \
		--tls-cert-file "$C/server.crt" --tls-private-key-file "$C/server.key" --cert-dir "$BATS_FILE_TMPDIR/certs" \
		--token-auth-file "$C/tokens.csv" --authorization-mode RBAC --service-cluster-ip-range 10.96.0.0/16 \
		--service-account-issuer https://cnibox.test --service-account-key-file "$C/accounts.key" \
		--service-account-signing-key-file "$C/accounts.key" --endpoint-reconciler-type none "$@"
	# shellcheck disable=SC2034 # LOG is of node_run_helpers.bash
	local i LOG=$BATS_FILE_TMPDIR/apiserver.log
	for ((i = 0; i < 30; i++)); do
		if until_true kubectl get --raw /readyz >/dev/null 2>&1; then return; fi
	done
}

kubectl() { "$K/kubectl" --server https://127.0.0.1:6443 --certificate-authority "$C/ca.crt" --token admin --cache-dir "$BATS_FILE_TMPDIR/cache" "$@"; }
