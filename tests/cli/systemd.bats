#!/usr/bin/env bats
# The units: what systemd-analyze says of them, and whether what curfew calls is
# what they let it call.

bats_require_minimum_version 1.5.0

setup() {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze here"
	build=${CURFEW_BUILD:-$PWD/build/test}
	units=$BATS_TEST_TMPDIR/units
	mkdir "$units"
	for u in agent/systemd/*.service agent/systemd/*.timer; do
		sed "s,@BINDIR@,$build,g" "$u" >"$units/${u##*/}"
	done
}

# The calls that a unit's filter lets through, one a line.
allowed() {
	local line word
	grep '^SystemCallFilter=' "$1" | cut -d= -f2- | while read -r line; do
		local sign=+
		[[ $line != \~* ]] || sign=-
		for word in ${line#\~}; do expand "$word" | sed "s/^/$sign /"; done
	done | awk '$1 == "+" { on[$2] = 1 } $1 == "-" { delete on[$2] } END { for (c in on) print c }' | sort
}

# A group's calls, the groups in it too.
expand() {
	[[ $1 == @* ]] || { echo "$1"; return; }
	systemd-analyze syscall-filter "$1" --no-pager | sed '1d; s/^ *//; /^#/d; /^$/d' |
		while read -r call; do expand "$call"; done
}

@test "the units are well formed and exposed by 1.5 at most" {
	for u in "$units"/*.service; do
		run systemd-analyze security --offline=true --no-pager --threshold=15 "$u"
		echo "$output" | grep -v '✓'
		[ "$status" -eq 0 ]
		[[ $output != *"Unknown"* ]]
	done
	run systemd-analyze verify --man=no "$units"/*.timer "$units"/*.service
	echo "$output"
	[ "$status" -eq 0 ]
	# it can say no: the same unit with less around it
	sed -i '/^Protect/d; /^Private/d' "$units/curfew-sweep.service"
	run systemd-analyze security --offline=true --no-pager --threshold=15 "$units/curfew-sweep.service"
	[ "$status" -ne 0 ]
}

@test "a rotation, a webhook and a mail make only calls that the units allow" {
	command -v strace >/dev/null || skip "no strace here"
	DIR=$BATS_TEST_TMPDIR/r
	mkdir -m 700 "$DIR"
	export CURFEW_TEST_GAP_MS=12 CURFEW_TEST_BACKOFF_MS=12
	"$build/matrix" --seed-rotation "$DIR" "latency=1 class=B fixed=0"
	printf '#!/bin/sh\ncat >/dev/null\n' >"$DIR/mail"
	chmod 755 "$DIR" "$DIR/mail"
	printf '[alarm.a]\nwebhook = "http://127.0.0.1:9/x"\nmail = ["a@b.c"]\nsendmail = "%s"\n' \
		"$DIR/mail" >>"$DIR/curfew.toml"
	curfew() {
		# one tracer only: no looking for leaks (make sanitize)
		ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 CURFEW_PROVIDER_PATH=$build strace -f -qq -e signal=none -o "$DIR/trace.$1" \
			"$build/curfew" --dir "$DIR/vault" --key-file "$DIR/key" \
			--config "$DIR/curfew.toml" --no-input "$@"
	}
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	run curfew alarm test
	[ "$status" -eq 7 ] # nobody listens at that port
	run curfew due
	cat "$DIR"/trace.* | sed -nE 's/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p' | sort -u >"$DIR/calls"
	[ "$(wc -l <"$DIR/calls")" -gt 60 ]
	grep -qx socket "$DIR/calls"
	for u in "$units"/*.service; do
		allowed "$u" >"$DIR/allowed"
		[ "$(wc -l <"$DIR/allowed")" -gt 200 ]
		run comm -23 "$DIR/calls" "$DIR/allowed"
		echo "not allowed: $output"
		[ -z "$output" ]
	done
}

@test "the crontab's lines are of cron's form and their commands exist" {
	grep -v '^#' agent/systemd/curfew.cron | while read -r line; do
		[[ $line =~ ^[A-Z_]+= ]] || [[ $line =~ ^([0-9*/,-]+\ +){5}curfew\  ]]
	done
	# the file as installed, in cron's own PATH: its commands are found
	sed "s,@BINDIR@,$build," agent/systemd/curfew.cron >"$BATS_TEST_TMPDIR/cron"
	[[ $(cat "$BATS_TEST_TMPDIR/cron") != *@* ]]
	path=$(sed -n 's/^PATH=//p' "$BATS_TEST_TMPDIR/cron")
	run env -i PATH="$path" sh -c 'command -v curfew'
	[ "$output" = "$build/curfew" ]
	grep -q "sed 's,@BINDIR@,.*curfew.cron" .ci/targets.mk
	# that option is of that command, or of all
	"$build/curfew" help agent >/dev/null
	"$build/curfew" help sweep | grep -q -- --wait
	"$build/curfew" help due >/dev/null
}
