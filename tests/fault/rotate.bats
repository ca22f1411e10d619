#!/usr/bin/env bats
# Every labelled crash point of a rotation, of both classes and in every way,
# undisturbed, taken back and killed on the way, times every script of the fake
# service; then the negative controls: with one safety switched off the same
# matrix must find the invariants broken.

build=${CURFEW_BUILD:-build/test}

setup_file() {
	[ -x "$build/matrix" ] || skip "matrix is not built"
}

@test "after a crash at any point the next run ends it, and I1-I9 hold" {
	run "$build/matrix" "$build" --suite rotate --jobs 8
	echo "$output" | grep -v '^ok' | tail -40
	[ "$status" -eq 0 ]
	# a matrix that ran next to nothing proves nothing
	n=$(echo "$output" | sed -n 's/^1\.\.//p')
	[ "$n" -ge 1200 ]
}

control() { # NAME SCRIPT RULE
	run "$build/matrix" "$build" --suite rotate --jobs 8 --control "$1" --script "$2"
	echo "$output" | grep '^#' | cut -c1-50 | sort | uniq -c | tail -5
	[ "$status" -eq 0 ]
	echo "$output" | grep -q "^# $3:"
}

@test "without the settle wait a lost key stays alive unknown" {
	control SETTLE B-unknown I1
}

@test "without the listing after a lost mint a key stays alive unknown" {
	control RESWEEP B-unknown I1
}

@test "without the intent commit a key stays alive unknown" {
	control INTENT B I1
}

@test "without the protected set somebody else's key is ended" {
	control PROTECT B-unknown I5
}

@test "without the proof a living key is called dead" {
	control PROOF B-liar I7
}
