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
			run timeout 300 "$curfew" --no-input --dir "$BATS_TEST_TMPDIR/none" $c "$o" </dev/null
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

@test "docs/man/curfew-scan.1 is what curfew-scan says" {
	"$CURFEW_BUILD/curfew-scan" help man | diff - "$docs/man/curfew-scan.1"
}

@test "curfew-scan: every command, option and setting that is taken is in its page" {
	scan=$CURFEW_BUILD/curfew-scan
	hooks=$docs/../hooks
	cd "$BATS_TEST_TMPDIR" || exit 1 # some of what follows writes files
	page=$(sed 's/\\-/-/g' "$docs/man/curfew-scan.1")
	[ "$("$scan" help | grep -c '^  [a-z]')" -ge 9 ]
	n=0
	for o in $(sed -n 's/^\t{ "\([a-z-]*\)", [a-z]*_argument, .*/--\1/p' "$hooks/cmd_scan.c") \
		$(sed -n 's/.*= { "\(--[a-z-]*\)", "curfew\..*/\1/p' "$hooks/install_settings.c") --layout \
		$("$scan" help | sed -n 's/^  \([a-z-]*\) .*/curfew-scan \1/p'); do
		grep -qw -e "$o" <<<"$page" || { echo "missing: $o"; false; }
		n=$((n + 1))
	done
	[ "$n" -ge 40 ]
	n=0
	for s in $(sed -n 's/.*setting(c, "\(curfew\.[a-z]*\)").*/\1/p' "$hooks/gate.c"); do
		grep -qiw "  $s" <<<"$page" || { echo "missing: $s"; false; }
		grep -qi "\`$s\`" "$docs/scan.md" || { echo "not in scan.md: $s"; false; }
		n=$((n + 1))
	done
	[ "$n" -ge 14 ]
	# and nothing that is not taken
	for s in $("$scan" help settings | sed -n 's/^  \(curfew\.[A-Za-z]*\) .*/\1/p'); do
		grep -qi "\"$s\"" "$hooks/gate.c"
	done
	for o in $("$scan" scan --help | sed -n 's/^  \(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p'); do
		run "$scan" scan "$o" a b c </dev/null
		[ "$status" -eq 126 ] || [[ $o = --help ]]
		says_not "unrecognized option"
	done
	for c in $("$scan" help | sed -n 's/^  \([a-z-]*\) .*/\1/p'); do
		run "$scan" help "$c"
		says "usage: curfew-scan $c"
	done
}

@test "the manual pages are well-formed" {
	command -v groff >/dev/null || skip "no groff"
	for page in "$docs"/man/*; do
		run groff -man -ww -z "$page"
		[ -z "$output" ]
	done
}

@test "make install brings every page" {
	make -s -n -C "$docs/.." install DESTDIR=/there >"$BATS_TEST_TMPDIR/does"
	for page in "$docs"/man/*; do
		grep -q "install -m 644.* docs/man/${page##*/} .*'/there/.*/man/man${page##*.}'" "$BATS_TEST_TMPDIR/does"
	done
}

@test "make for another PREFIX makes anew what knows it" {
	cd "$docs/.." || exit 1
	b=$BATS_TEST_TMPDIR/b o=$BATS_TEST_TMPDIR/b/obj/agent/globals.c.o
	for prefix in /one /two; do
		make -s "BUILD=$b" "PREFIX=$prefix" "$o"
		grep -q "$prefix/lib/curfew" "$o"
	done
	made=$(stat -c %y "$o")
	make -s "BUILD=$b" PREFIX=/two "$o"
	[ "$(stat -c %y "$o")" = "$made" ]
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
