#!/usr/bin/env bats
# What cnibox says it is: the lists of plugins and tools, and README's tables, which must be the binary's.

setup() {
	bin=$(readlink -f "${CNIBOX:-$BATS_TEST_DIRNAME/../../build/cnibox}")
	readme=$BATS_TEST_DIRNAME/../../README.md
}

@test "--list: the names, one a line, plugins and tools apart" {
	[ "$("$bin" --list)" = "$("$bin" --list plugins; "$bin" --list tools)" ]
	"$bin" --list plugins | sort -c
	"$bin" --list tools | sort -c
	"$bin" --list plugins | grep -qx bridge
	"$bin" --list tools | grep -qx cnitool
	[ -z "$("$bin" --list | sort | uniq -d)" ]
	run "$bin" --list nonsense
	[ "$status" -eq 2 ]
	[[ $output == *'not "nonsense"'* ]]
}

@test "each name has a line in the list and a help of its own; each plugin says who it is" {
	help=$("$bin" --help)
	for name in $("$bin" --list); do
		summary=$("$bin" "$name" --help | sed -n "1s/^$name: //p")
		[ -n "$summary" ]
		grep -qE "^  $name +" <<<"$help"
		grep -qF " $summary" <<<"$help"
	done
	for name in $("$bin" --list plugins); do
		"$bin" "$name" 2>&1 </dev/null | grep -q "^CNI $name plugin "
	done
}

# README's table of plugins, a row for each.
table_rows() {
	local name keys
	for name in $("$bin" --list plugins); do
		keys=$("$bin" "$name" --help | sed -n 's/^  runtimeConfig\.\([^ ]*\) .*/`\1`/p' | paste -sd, | sed 's/,/, /g')
		echo "| \`$name\` | $("$bin" "$name" --help | sed -n "1s/^$name: //p") |${keys:+ $keys} |"
	done
}

@test "README's table of plugins is the binary's" {
	diff <(table_rows) <(sed -n '/^| plugin | /,/^$/p' "$readme" | tail -n +3 | sed '/^$/d')
}

# The keys of plugins, as --help has them: lists' members stand in their own row; a plugin that calls an IPAM plugin has the key ipam.
help_keys() {
	local name
	for name; do
		"$bin" "$name" --help | sed -n 's/^  \([A-Za-z][^ ]*\) .*/\1/p' | grep -v '^runtimeConfig\.' |
			awk '{k[n++] = $0; caller = caller || $0 == "ipam"}
				END {for (i = 0; i < n; i++) {if (caller) sub(/^ipam\..*/, "ipam", k[i]); else sub(/^ipam\./, "", k[i]); print k[i]}}'
	done | grep -v '\[\]' | sort -u
}

@test "README has a section for each plugin, with the keys of its help and no others" {
	described=
	while read -r heading; do
		names=
		for name in $("$bin" --list plugins); do
			[[ " $heading " != *" $name "* ]] || names+=" $name"
		done
		[ -n "$names" ] || continue
		described+=$names
		keys=$(awk -v h="### $heading" '/^##/ {on = $0 == h} on && /^\| `/' "$readme" | cut -d'|' -f2 | grep -o '`[^`]*`' | tr -d '`' | sort -u)
		# shellcheck disable=SC2086 # a list
		diff <(help_keys $names) <(echo "$keys" | sed '/^$/d')
	done < <(sed -n 's/^### //p' "$readme")
	[ "$(tr ' ' '\n' <<<"$described" | sed '/^$/d' | sort)" = "$("$bin" --list plugins)" ]
}
