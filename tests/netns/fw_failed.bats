#!/usr/bin/env bats
# An ADD with ipMasq that fails late leaves the packet filter and its records as they were.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	pod a
	pod b
}

teardown() {
	clean
}

# Tables, elements with their owners, records: what an attachment has of fw.
held() {
	nft -s list ruleset
	find /run/cnibox/fw -type f ! -name .seals -exec head -n 100 {} + 2>/dev/null | sort | sed '/^$/d'
}

# The seal that says how many elements there are is true, so that the next ADD has nothing to mend.
sealed() { sed -n 's/^masquerade .* elements \([0-9]*\) .*/\1/p' /run/cnibox/fw/.seals; }

counted() { nft -j list table inet cnibox | jq '[.nftables[].set?.elem? // [] | length] | add'; }

# A route of the pod by a gateway that is not there: refused by the kernel when all on the host is done.
UNREACHABLE='.ipam.routes = [{dst: "192.0.2.0/24", gw: "198.51.100.1"}]'

# fails_late COMMAND...: it fails, and what others had of the packet filter is as before.
fails_late() {
	local before
	before=$(held)
	run "$@"
	[ "$status" -ne 0 ]
	[ "$(held)" = "$before" ] || diff <(echo "$before") <(held)
}

add_full() { add "$@" >/dev/full; }

@test "the first ADD of the first network leaves no table and no file" {
	fails_late add bridge a "$(masq_net one br1 10.1.0.0/24,fd00:1::/64 "$UNREACHABLE")"
	[ -z "$(nft list ruleset)" ]
	[ -z "$(ls -A /run/cnibox/fw)" ]
	fails_late add_full bridge a "$(masq_net one br1 10.1.0.0/24,fd00:1::/64)"
	[ -z "$(ls -A /run/cnibox/fw)" ]
}

@test "the first ADD of a second network leaves what the first one has" {
	add bridge a "$(masq_net one br1 10.1.0.0/24,fd00:1::/64)" >/dev/null
	for subnets in 10.2.0.0/24,fd00:2::/64 10.1.0.0/24 10.1.0.0/16 10.1.0.0/25,fd00:1::/80; do
		fails_late add bridge b "$(masq_net two br2 "$subnets" "$UNREACHABLE")"
		fails_late add_full bridge b "$(masq_net two br2 "$subnets")"
		[ "$((10#$(sealed)))" = "$(counted)" ]
	done
}

@test "an ADD that fails for a table that others have flushed puts back what they had, and nothing else" {
	add bridge a "$(masq_net one br1 10.1.0.0/24)" >/dev/null
	local before
	before=$(held)
	nft flush ruleset
	run add bridge b "$(masq_net two br2 10.2.0.0/24 "$UNREACHABLE")"
	[ "$status" -ne 0 ]
	diff <(echo "$before") <(held)
	[ "$((10#$(sealed)))" = "$(counted)" ]
}
