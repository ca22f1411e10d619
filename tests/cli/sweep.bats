#!/usr/bin/env bats
# sweep, against the fake service: what cron sees, what a second one sees, what
# a clock set back changes.

bats_require_minimum_version 1.5.0

load rotation
export CURFEW_TEST_STUCK_MS=60

@test "what is due is rotated, and cron hears nothing" {
	seed "$B" 'every = "30d"'
	run curfew sweep
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	ended bot k1
	lives bot new-1
	# the next one is a month away: nothing more is asked
	n=$(asked list)
	run curfew sweep
	[ "$status" -eq 0 ]
	[ "$(asked list)" -eq "$n" ]
	[ "$(asked mint)" -eq 1 ]
	run curfew due
	[ "$status" -eq 0 ]
	has "the next is due"
}

@test "what waits is told by due, without a key, and gone on with" {
	seed "$B" $'every = "30d"\noverlap = "1h"'
	run curfew sweep
	[ "$status" -eq 0 ]
	lives bot k1
	run curfew due
	[ "$status" -eq 0 ]
	has "the next is due"
	CURFEW_CLOCK_OFFSET_MS=7200000 run curfew due
	[ "$status" -eq 1 ]
	has "1 rotation is due"
	CURFEW_CLOCK_OFFSET_MS=7200000 run curfew sweep
	[ "$status" -eq 0 ]
	ended bot k1
}

@test "a person is needed: exit 4, one line on standard error" {
	seed "$B max=2" 'every = "30d"'
	for _ in {1..40}; do # on a slow machine the first pass may not come so far
		run --separate-stderr curfew sweep --wait 1s
		[[ $stderr != *STUCK* ]] || break
	done
	echo "$stderr"
	[ "$status" -eq 4 ]
	[ -z "$output" ]
	[[ $stderr == *"c1/bot#k1  STUCK (no room for a new one"* ]]
}

@test "a second sweep at the same time exits 75" {
	seed "$B" 'every = "30d"'
	run flock "$DIR/vault/vault.lock" "$build/curfew" --dir "$DIR/vault" \
		--key-file "$DIR/key" --config "$DIR/curfew.toml" --no-input sweep
	echo "$output"
	[ "$status" -eq 75 ]
	[ -z "$output" ] # cron mails whatever is said
	[ "$(asked mint)" -eq 0 ]
	run flock "$DIR/vault/vault.lock" "$build/curfew" --dir "$DIR/vault" \
		--key-file "$DIR/key" --config "$DIR/curfew.toml" --no-input -v sweep
	[ "$status" -eq 75 ]
	has "holds the lock"
}

@test "a clock set back is told, and extends no deadline" {
	seed "$B" $'every = "30d"\noverlap = "1h"'
	run curfew sweep
	[ "$status" -eq 0 ]
	lives bot k1
	CURFEW_CLOCK_OFFSET_MS=-86400000 run curfew sweep
	echo "$output"
	has "set back"
	CURFEW_CLOCK_OFFSET_MS=7200000 run curfew sweep
	[ "$status" -eq 0 ]
	ended bot k1
}

@test "a clock set forward is told, and ends nothing early" {
	seed "$B" $'every = "30d"\noverlap = "1h"'
	run curfew sweep
	[ "$status" -eq 0 ]
	lives bot k1
	# the clock says that the overlap is over; the time that passed does not
	CURFEW_CLOCK_JUMP_MS=86400000 run curfew sweep
	[ "$status" -eq 0 ]
	has "set forward by"
	lives bot k1
	CURFEW_CLOCK_JUMP_MS=86400000 run curfew sweep
	[ "$status" -eq 0 ]
	[ -z "$output" ] # told once
	lives bot k1
	CURFEW_CLOCK_JUMP_MS=86400000 CURFEW_CLOCK_OFFSET_MS=3000000 run curfew sweep
	[ "$status" -eq 0 ]
	lives bot k1
	CURFEW_CLOCK_JUMP_MS=86400000 CURFEW_CLOCK_OFFSET_MS=7200000 run curfew sweep
	[ "$status" -eq 0 ]
	ended bot k1
}

@test "a clock set forward and right again changes nothing" {
	seed "$B" $'every = "30d"\noverlap = "1h"'
	run curfew sweep
	[ "$status" -eq 0 ]
	CURFEW_CLOCK_JUMP_MS=86400000 run curfew sweep
	has "set forward"
	run curfew sweep
	[ "$status" -eq 0 ]
	[[ $output != *"set back"* ]]
	lives bot k1
	CURFEW_CLOCK_OFFSET_MS=3000000 run curfew sweep
	lives bot k1
	CURFEW_CLOCK_OFFSET_MS=7200000 run curfew sweep
	[ "$status" -eq 0 ]
	ended bot k1
	# a step back that was none forward is told as ever
	run curfew sweep
	has "set back by"
}

@test "a minted key that is dead on arrival is taken back, and another one made" {
	# a run that could not write the key down ended it, and its row was kept
	seed "$B" 'every = "30d"'
	CURFEW_CRASH_AT=rot.after-commit.minted run curfew sweep
	[ "$status" -eq 137 ]
	awk -F'\t' -v OFS='\t' '$1 == "K" && $4 == "new-1" { $8 = 1; print }' \
		"$DIR/c1.world" >"$DIR/more"
	[ -s "$DIR/more" ]
	cat "$DIR/more" >>"$DIR/c1.world"
	ended bot new-1
	for _ in {1..40}; do # each time it is due again
		run curfew sweep --wait 5s
		echo "$output"
		[[ $output != *STUCK* ]]
		if ended bot k1; then break; fi
		sleep 0.1
	done
	ended bot k1
	lives bot new-2
	[ "$(delivered)" = "$(value bot new-2)" ]
	[ "$(asked mint)" -eq 2 ]
}

@test "an open incident is gone on with" {
	seed "$B revoke_lag=300" 'every = "30d"'
	run curfew kill c1/bot#k1 --wait 1ms
	[ "$status" -ne 0 ]
	for _ in 1 2 3 4 5 6; do
		run curfew sweep --wait 5s
		[ "$status" -eq 0 ] && break
	done
	echo "$output"
	[ "$status" -eq 0 ]
	ended bot k1
	[ "$(asked mint)" -eq 0 ]
}

@test "a kill does not wait for a sweep: it lets go of the vault" {
	seed "$B revoke_lag=600000" 'every = "30d"'
	# the proof of the old one's death would take ten minutes
	"$build/curfew" --dir "$DIR/vault" --key-file "$DIR/key" --config \
		"$DIR/curfew.toml" --no-input sweep --wait 20m 3>&- &
	sweep=$!
	for _ in $(seq 400); do ended bot k1 && break; sleep 0.1; done
	ended bot k1
	run curfew kill c1/bot#new-1 --wait 3s
	echo "$output"
	[ "$status" -ne 75 ]
	has "c1/bot#new-1"
	wait "$sweep"
	ended bot new-1
}
