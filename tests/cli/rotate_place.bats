#!/usr/bin/env bats
# Where a rotation delivers: found wrong before anything is set, mended while
# nobody has the new value, and never shared by two credentials.

bats_require_minimum_version 1.5.0

load rotation
export CURFEW_TEST_STUCK_MS=60

# The rotation's section alone is written anew.
policy() {
	sed -i '/^\[rotation/,$d' "$DIR/curfew.toml"
	printf '%s\n' "$@" >>"$DIR/curfew.toml"
}

@test "a sink that is not connected is found before anything is set" {
	seed "$PLACE"
	sed -i 's,"sink/app","sinc/app",' "$DIR/curfew.toml"
	run curfew rotate -n c1/bot#k1
	[ "$status" -eq 9 ]
	has "'sinc/app', and no such sink is connected"
	has "did you mean 'sink'"
	run curfew rotate c1/bot#k1 --wait 5s
	[ "$status" -eq 9 ]
	has "no such sink is connected"
	[ "$(asked set)" -eq 0 ]
	[ "$(value bot k1)" = planted-value-one-5f1c ]
	sed -i 's,"sinc/app","sink/app",' "$DIR/curfew.toml"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(at app)" = "$(value bot k1)" ]
}

@test "a connection that cannot deliver is found before anything is set" {
	seed "$PLACE sink.without=deliver"
	run curfew rotate c1/bot#k1 --wait 2s
	echo "$output"
	[ "$status" -eq 4 ]
	has "STUCK"
	has "'sink' is no sink"
	[ "$(asked set)" -eq 0 ]
	run curfew audit log
	has "stuck"
}

@test "a sink that went away before the delivery is a person's matter" {
	seed "$PLACE"
	CURFEW_CRASH_AT=rot.after-commit.verified-new run curfew rotate c1/bot#k1 --wait 20s
	[ "$status" -eq 137 ]
	run curfew disconnect sink --yes
	echo "$output"
	[ "$status" -eq 0 ] || skip "a sink in use is not let go"
	run curfew rotate --resume --wait 2s
	echo "$output"
	[ "$status" -eq 4 ]
	has "STUCK ('sink' is not connected"
}

@test "a place that is refused is mended while nobody has the new value" {
	seed "$PLACE sink.refuse_deliver=1000"
	for _ in {1..40}; do
		run curfew rotate c1/bot#k1 --wait 500ms
		[[ $output != *"the place is locked"* ]] || break
	done
	[ "$status" -eq 4 ]
	has "the place is locked"
	sed -i 's,"sink/app","sink/right",' "$DIR/curfew.toml"
	printf 'O\trefuse_deliver\t0\n' >>"$DIR/sink.world"
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#k1  DONE"
	[ "$(at right)" = "$(value bot k1)" ]
	[ "$(at app)" = planted-value-one-5f1c ]
}

@test "two credentials in one place: the second is refused, the first stays" {
	seed "$PLACE"
	policy '[rotation.r]' 'credentials = ["c1/*#k1"]' 'deliver = ["sink/app"]'
	run curfew rotate c1/bot#k1 c1/bot2#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 9 ]
	has "c1/bot#k1  DONE"
	has "c1/bot#k1 is delivered to that place of 'sink': this one would overwrite it"
	[ "$(asked set)" -eq 1 ]
	[ "$(at app)" = "$(value bot k1)" ]
	# and later: the vault knows who has it
	run curfew rotate c1/bot2#k1 --wait 20s
	[ "$status" -eq 9 ]
	has "would overwrite it"
	run curfew rotate -n c1/bot2#k1
	[ "$status" -eq 9 ]
	[ "$(at app)" = "$(value bot k1)" ]
	run curfew rotate c1/bot#k1 --wait 20s
	[ "$status" -eq 0 ]
}

@test "what is due and cannot be begun for its place is an alarm, until it can" {
	seed "$PLACE"
	policy '[rotation.r]' 'credentials = ["c1/bot#k1"]' 'deliver = ["sinc/app"]' \
		'every = "30d"'
	run curfew rotate -n --due
	[ "$status" -eq 9 ]
	run curfew alarm list
	[[ $output != *"c1/bot#k1"* ]] # nothing is done by -n
	run --separate-stderr curfew sweep
	echo "$output$stderr"
	[ "$status" -eq 9 ]
	[[ $stderr == *"alarm: stuck: c1/bot#k1: "*"no such sink is connected"* ]]
	run curfew alarm list
	has "c1/bot#k1"
	run --separate-stderr curfew sweep
	[ "$status" -eq 9 ]
	[[ $stderr != *alarm:* ]] # it stands
	policy '[rotation.r]' 'credentials = ["c1/bot#k1"]' 'deliver = ["sink/app"]' \
		'every = "30d"'
	run curfew sweep --wait 20s
	[ "$status" -eq 0 ]
	[ "$(at app)" = "$(value bot k1)" ]
	run curfew alarm list
	echo "$output"
	[[ $output != *"c1/bot#k1"* ]]
}

@test "such an alarm ends with its policy, too" {
	seed "$PLACE"
	policy '[rotation.r]' 'credentials = ["c1/bot#k1"]' 'deliver = ["sinc/app"]' \
		'every = "30d"'
	run curfew rotate --due
	[ "$status" -eq 9 ]
	run curfew alarm list
	has "c1/bot#k1"
	policy
	run curfew sweep
	echo "$output"
	[ "$status" -eq 0 ]
	run curfew alarm list
	[[ $output != *"c1/bot#k1"* ]]
}

@test "{account} gives each a place of its own" {
	seed "$PLACE"
	policy '[rotation.r]' 'credentials = ["c1/*#k1"]' \
		'deliver = ["sink/app-{account}.{cred}"]'
	run curfew rotate c1/bot#k1 c1/bot2#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(at app-bot.k1)" = "$(value bot k1)" ]
	[ "$(at app-bot2.k1)" = "$(value bot2 k1)" ]
}

@test "an id that changes is no part of a place" {
	seed "$A"
	policy '[rotation.r]' 'credentials = ["c1/bot#k1"]' 'deliver = ["sink/{cred}"]'
	run curfew rotate -n c1/bot#k1
	[ "$status" -eq 9 ]
	has "{cred} is another with every rotation"
}

@test "two accounts in turn: one place, and the policy covers both" {
	seed "$PLACE"
	policy '[rotation.r]' 'credentials = ["c1/bot#k1"]' 'partner = "c1/bot2"' \
		'strategy = "alternate"' 'deliver = ["sink/{account}"]' 'every = "30d"'
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot2#k1  DONE"
	[ "$(at bot)" = "$(value bot2 k1)" ]
	run curfew show c1/bot2#k1
	echo "$output"
	has "next"
	run curfew rotate c1/bot2#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#k1  DONE (generation 2"
	[ "$(at bot)" = "$(value bot k1)" ]
	[ -z "$(at bot2)" ]
}

@test "a partner that is not there is said before anything is set" {
	seed "$PLACE"
	policy '[rotation.r]' 'credentials = ["c1/bot#k1"]' 'partner = "c1/nobody"' \
		'strategy = "alternate"' 'deliver = ["sink/app"]'
	run curfew rotate -n c1/bot#k1
	[ "$status" -eq 9 ]
	has "its partner c1/nobody is not in the inventory"
	run curfew rotate c1/bot#k1 --wait 2s
	[ "$status" -eq 9 ]
	[ "$(asked set)" -eq 0 ]
}

@test "an old value that was never seen: no abort, and that is said" {
	seed "$PLACE sink.refuse_deliver=1000"
	policy '[rotation.r]' 'credentials = ["c1/bot#other"]' 'deliver = ["sink/app"]'
	run curfew rotate -n c1/bot#other
	[ "$status" -eq 0 ]
	has "the old value was never seen, so it can't be put back"
	for _ in {1..40}; do
		run curfew rotate c1/bot#other --wait 500ms
		[[ $output != *"the place is locked"* ]] || break
	done
	[ "$status" -eq 4 ]
	run curfew rotate --abort c1/bot#other
	[ "$status" -eq 9 ]
	has "the old value was never seen, so it can't be put back"
}
