# What each topology's demo has to be.
# shellcheck shell=bash

# demo_holds N: every line of it is ok, at least N are, none is long, and a file gets no colour. $output has it.
demo_holds() {
	run "$LAB" demo
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^  ok ' <<<"$output")" -ge "$1" ]
	grep -qx "All $(grep -c '^  ok ' <<<"$output") claims hold. The lab stays up:" <<<"$output"
	[ "$(wc -L <<<"$output")" -le 100 ]
	[[ $output != *$'\e'* ]]
}
