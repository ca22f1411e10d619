#!/usr/bin/env bats
# due without a key, and what show tells of a rotation.

load rotation

due() { "$build/curfew" --dir "$DIR/vault" due "$@"; }
later() { # MS COMMAND...
	local ms=$1
	shift
	CURFEW_CLOCK_OFFSET_MS=$ms "$@"
}

EVERY='every = "30d"'

@test "due: which kind, how many, since when, without a key" {
	seed "$B" "$EVERY"
	run due
	[ "$status" -eq 0 ]
	has "nothing is overdue"
	curfew rotate c1/bot#k1 --wait 20s >/dev/null
	mv "$DIR/key" "$DIR/key-away"
	run due
	[ "$status" -eq 0 ]
	has "the next is due at"
	run due --json
	jq -e '.version == 1 and .overdue == 0 and .since == null and .next_kind == "rotations"
		and .by.rotations.overdue == 0' <<<"$output"
	run later 34560000000 due
	[ "$status" -eq 1 ]
	has "1 rotation is due, since"
	has "'curfew sweep'"
	run later 34560000000 due --json
	[ "$status" -eq 1 ]
	jq -e '.overdue == 1 and .by.rotations.overdue == 1 and .by.rotations.since != null
		and .by.incidents.overdue == 0' <<<"$output"
	run due now
	[ "$status" -eq 2 ]
}

@test "due: an alarm that was not told" {
	seed "$B"
	curfew try-alarm raise stuck c1/bot text 2>/dev/null
	run later 10 due
	[ "$status" -eq 1 ]
	has "1 alarm is to be told"
	curfew try-alarm deliver
	run due
	[ "$status" -eq 0 ]
}

@test "show: the policy before the first rotation" {
	seed "$B" "$EVERY"
	run curfew show c1/bot#k1
	[ "$status" -eq 0 ]
	has "rotation"
	has "never rotated by curfew"
	has "next rotation"
	run curfew show c1/bot#k1 --json
	jq -e '.credentials[0] | .rotation.policy != null and .next_rotation != null' <<<"$output"
}

@test "show: generation, age, next, where delivered, adopted since, the old one's end" {
	seed "$B" "overlap = \"2h\"
$EVERY"
	run curfew rotate c1/bot#k1 --wait 3s
	echo "$output"
	has "WAITING"
	run curfew show c1/bot#k1
	echo "$output"
	has "being replaced"
	has "adopted since"
	has "ends"
	has "sink/app: version 1 at"
	has "read back"
	run curfew show c1/bot#new-1
	has "generation 1, the coming one"
	has "old one ends"
	has "(in 1"
	run curfew show c1/bot#k1 --json
	jq -e '.credentials[0] | .old_ends != null and .rotation.adopted != null and
		.rotation.sinks[0].version == 1' <<<"$output"
	later 7300000 curfew rotate --resume --wait 20s >/dev/null
	run later 7300000 curfew show c1/bot#new-1
	echo "$output"
	has "generation 1"
	has "next rotation"
	has "made"
	has "adopted since"
	[[ $output != *"being replaced"* ]]
}
