#!/usr/bin/env bats
# Every labelled crash point of a kill, times every script of the fake service;
# then the negative controls: with one safety switched off the same matrix must
# find the invariants broken.

build=${CURFEW_BUILD:-build/test}

setup_file() {
	[ -x "$build/matrix" ] || skip "matrix is not built"
}

@test "after a crash at any point resume ends it, and the invariants hold" {
	run "$build/matrix" "$build" --jobs 3
	echo "$output" | grep -v '^ok' | tail -40
	[ "$status" -eq 0 ]
	# a matrix that ran next to nothing proves nothing
	n=$(echo "$output" | sed -n 's/^1\.\.//p')
	[ "$n" -ge 400 ]
}

control() { # NAME SCRIPT RULE
	run "$build/matrix" "$build" --control "$1" --script "$2"
	echo "$output" | grep '^#' | sort | uniq -c | tail -5
	[ "$status" -eq 0 ]
	echo "$output" | grep -q "^# $3:"
}

@test "without the settle wait the matrix goes red" {
	control SETTLE remint I6
}

@test "without the resweep the matrix goes red" {
	control RESWEEP new-account I6
}

@test "without the intent commit the matrix goes red" {
	control INTENT lag I1
}

@test "without the proof the matrix goes red" {
	control PROOF ignored I6
}
