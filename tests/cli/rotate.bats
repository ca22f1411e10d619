#!/usr/bin/env bats
# rotate, against the fake service and a fake sink: what is said, what is sent,
# what the consumer holds at the end.

setup() {
	build=${CURFEW_BUILD:-$PWD/build/test}
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/curfew-rotate-XXXXXX")
	export CURFEW_TEST_GAP_MS=12 CURFEW_TEST_BACKOFF_MS=12
	export CURFEW_TEST_STUCK_MS=60
}

teardown() {
	rm -rf "$DIR"
}

curfew() {
	"$build/curfew" --dir "$DIR/vault" --key-file "$DIR/key" \
		--config "$DIR/curfew.toml" --no-input "$@"
}

seed() { "$build/matrix" --seed-rotation "$DIR" "$1" "${2:-}"; }

B="latency=1 class=B fixed=0"
A="latency=1 class=A fixed=0"
PLACE="latency=1 class=A fixed=1"

has() { [[ $output == *"$1"* ]] || { echo "$output"; echo "lacks: $1"; false; }; }

# How often the service was asked for a verb.
asked() { grep -ac $'^L\t[0-9]*\t'"$1"$'\t' "$DIR/${2:-c1}.world" || true; }

# The value that the consumer reads, and the one that a key has now.
delivered() { grep -a $'^D\tapp\t' "$DIR/sink.world" | tail -1 | cut -f4; }
value() { grep -a $'^K\t'"$1"$'\tkey\t'"$2"$'\t' "$DIR/c1.world" | tail -1 | cut -f5; }
ended() { [ "$(grep -a $'^K\t'"$1"$'\tkey\t'"$2"$'\t' "$DIR/c1.world" | tail -1 | cut -f8)" != 0 ]; }
lives() { ! ended "$@"; }

# Begins it, and goes on until that is said, however slow the machine.
until_says() {
	run curfew rotate c1/bot#k1 --wait 500ms
	for _ in {1..40}; do
		[[ $output != *"$1"* ]] || return 0
		run curfew rotate --resume --wait 500ms
	done
	echo "$output"
	false
}

@test "a key that the service makes: sealed, delivered, the old one proved dead" {
	seed "$B revoke_lag=40 list_lag=20"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-1  DONE (generation 1; the old one is proved dead)"
	[ "$(delivered)" = "$(value bot new-1)" ]
	ended bot k1
	lives bot new-1
	lives bot other
	[ "$(asked mint)" -eq 1 ]
	run curfew list credentials --state dead
	has "c1/bot#k1"
}

@test "a value of curfew's own beside the old one" {
	seed "$A"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#set-1  DONE"
	[ "$(delivered)" = "$(value bot set-1)" ]
	[[ $(delivered) =~ ^[A-Za-z0-9]{30}$ ]]
	ended bot k1
}

@test "in place: the id stays, the old value is proved dead" {
	seed "$PLACE"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#k1  DONE (generation 1; the old one is proved dead)"
	[ "$(delivered)" = "$(value bot k1)" ]
	[ "$(delivered)" != planted-value-one-5f1c ]
	# and again, from the value that only curfew knows
	run curfew rotate c1/bot#k1 --wait 20s
	has "generation 2; the old one is proved dead"
	[ "$(delivered)" = "$(value bot k1)" ]
}

@test "two accounts in turn" {
	seed "$PLACE" 'partner = "c1/bot2"'
	first=$(value bot k1)
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot2#k1  DONE"
	[ "$(delivered)" = "$(value bot2 k1)" ]
	ended bot k1
	run curfew rotate c1/bot2#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#k1  DONE (generation 2"
	[ "$(delivered)" = "$(value bot k1)" ]
	[ "$(value bot k1)" != "$first" ]
	ended bot2 k1
}

@test "a dry run prints every call and makes none" {
	seed "$B" 'overlap = "2h"'
	before=$(grep -ac '' "$DIR/c1.world")
	run curfew rotate --dry-run c1/bot#k1
	echo "$output"
	[ "$status" -eq 0 ]
	has "mint     c1/bot"
	has "deliver  sink/app"
	[[ $output == *"revoke   c1/bot#k1  after 2 h"* ]]
	[ "$(grep -ac '' "$DIR/c1.world")" -eq "$before" ]
	run curfew audit log
	[[ $output != *rotation* ]]
}

@test "a mint whose answer is lost is looked for, ended and made again" {
	seed "$B noreply=1 list_lag=30"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-2  DONE"
	ended bot new-1
	lives bot new-2
	lives bot other
}

@test "a key that nobody can attribute is told and not touched" {
	seed "$B labels=0 noreply=1 stranger=1"
	run curfew rotate c1/bot#k1 --wait 2s
	echo "$output"
	[ "$status" -eq 4 ]
	has STUCK
	has stranger-1
	lives bot stranger-1
	lives bot new-1
	lives bot k1
	[ "$(delivered)" = planted-value-one-5f1c ]
}

@test "no room for a new one: nothing is deleted to make room" {
	seed "$B max=2"
	until_says "no room for a new one"
	[ "$status" -eq 4 ]
	[ "$(asked revoke)" -eq 0 ]
	[ "$(asked mint)" -eq 0 ]
}

@test "the old one goes only when the new one is in use" {
	seed "$B sink.noack=1 sink.without=adopted" 'adopt = "operator"'
	until_says "WAITING (delivered"
	[ "$status" -eq 0 ]
	lives bot k1
	[ "$(delivered)" = "$(value bot new-1)" ]
	run curfew rotate --adopted c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-1  DONE"
	ended bot k1
}

@test "taken back before anybody has it" {
	seed "$B sink.refuse_deliver=100"
	until_says "the place is locked"
	[ "$status" -eq 4 ]
	run curfew rotate --abort c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "ABORTED (taken back)"
	ended bot new-1
	lives bot k1
	[ "$(delivered)" = planted-value-one-5f1c ]
}

@test "in place, taken back: the old value works again" {
	seed "$PLACE sink.refuse_deliver=100"
	until_says "the place is locked"
	[ "$status" -eq 4 ]
	run curfew rotate --abort c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "ABORTED (taken back)"
	[ "$(value bot k1)" = planted-value-one-5f1c ]
}

@test "without a policy nothing begins" {
	seed "$B"
	run curfew rotate c1/bot#other
	[ "$status" -eq 9 ]
	has "no [rotation.NAME] of curfew.toml fits it"
	run curfew rotate
	[ "$status" -eq 2 ]
	run curfew rotate --abort c1/bot#k1
	[ "$status" -eq 9 ]
	has "nothing is under way"
}
