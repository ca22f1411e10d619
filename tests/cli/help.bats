#!/usr/bin/env bats
# Help, completion, manual page and exit codes come from one table.

load agent.bash

setup() {
	curfew=$CURFEW_BUILD/curfew
	docs=$BATS_TEST_DIRNAME/../../docs
}

commands() {
	"$curfew" help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p'
}

@test "every command has help with an example" {
	[ "$(commands | wc -l)" -ge 10 ]
	while read -r c; do
		# shellcheck disable=SC2086
		run "$curfew" $c --help
		[ "$status" -eq 0 ]
		says "Usage: curfew "
		says "Examples:"
		# shellcheck disable=SC2086
		run "$curfew" help $c
		[ "$status" -eq 0 ]
	done < <(commands)
}

@test "every option in a help text is taken by its command" {
	listed=0
	while read -r c; do
		# shellcheck disable=SC2086
		for o in $("$curfew" $c --help | sed -n 's/^  \(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p'); do
			# an unknown option is told as such; anything else is fine here
			# shellcheck disable=SC2086
			run timeout 20 "$curfew" --no-input --dir "$BATS_TEST_TMPDIR/none" $c "$o" </dev/null
			says_not "no such option"
			listed=$((listed + 1))
		done
	done < <(commands)
	[ "$listed" -ge 15 ]
}

@test "docs/exit-codes.md is what the program says" {
	"$curfew" help exit-codes | diff - "$docs/exit-codes.md"
}

@test "docs/man/curfew.1 is what the table says" {
	"$curfew" help man | diff - "$docs/man/curfew.1"
}

@test "the manual pages are well-formed" {
	command -v groff >/dev/null || skip "no groff"
	for page in "$docs"/man/*; do
		run groff -man -ww -z "$page"
		[ -z "$output" ]
	done
}

@test "completion: bash offers commands and options" {
	eval "$("$curfew" help completion bash)"
	COMP_WORDS=(curfew sy) COMP_CWORD=1
	_curfew
	[ "${COMPREPLY[*]}" = sync ]
	COMP_WORDS=(curfew list --own) COMP_CWORD=2
	_curfew
	[[ " ${COMPREPLY[*]} " == *" --owner "* ]]
	[[ " ${COMPREPLY[*]} " == *" --ownerless "* ]]
	COMP_WORDS=(curfew provider ch) COMP_CWORD=2
	_curfew
	[ "${COMPREPLY[*]}" = check ]
}

@test "completion: zsh and fish scripts are printed, others refused" {
	run "$curfew" help completion zsh
	says "#compdef curfew"
	run "$curfew" help completion fish
	says "complete -c curfew"
	run "$curfew" help completion csh
	[ "$status" -eq 2 ]
}

@test "help on nothing known: near names" {
	run "$curfew" help snyc
	[ "$status" -eq 2 ]
	says "'sync'"
}
