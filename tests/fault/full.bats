#!/usr/bin/env bats
# The vault's disk is full at the moment that a key comes which its service shows
# only once: a real file system of a few MiB, filled while curfew waits.

bats_require_minimum_version 1.5.0

setup() {
	build=${CURFEW_BUILD:-$PWD/build/test}
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/curfew-full-XXXXXX")
	export CURFEW_TEST_GAP_MS=12 CURFEW_TEST_BACKOFF_MS=12
	export CURFEW_TEST_STUCK_MS=60
	"$build/matrix" --seed-rotation "$DIR" "latency=1 class=B fixed=0"
	sed -i 's/"300ms"/"10s"/' "$DIR/curfew.toml" # a busy disk
	mv "$DIR/vault" "$DIR/was"
	mkdir -m 700 "$DIR/vault"
	mount -t tmpfs -o size=12m,mode=700 curfew-test "$DIR/vault" 2>/dev/null || {
		rm -rf "$DIR"
		skip "a file system cannot be mounted here"
	}
	cp -p "$DIR"/was/* "$DIR/vault/"
	GOING=
}

teardown() {
	[ -z "$GOING" ] || { kill -9 "$GOING" && wait "$GOING"; } 2>/dev/null || true
	umount "$DIR/vault" 2>/dev/null || true
	rm -rf "$DIR"
}

curfew() {
	"$build/curfew" --dir "$DIR/vault" --key-file "$DIR/key" \
		--config "$DIR/curfew.toml" --no-input "$@"
}

has() { [[ $output == *"$1"* ]] || { echo "$output"; echo "lacks: $1"; false; }; }
asked() { grep -ac $'^L\t[0-9]*\t'"$1"$'\t' "$DIR/c1.world" || true; }
delivered() { grep -a $'^D\tapp\t' "$DIR/sink.world" | tail -1 | cut -f4; }
value() { grep -a $'^K\tbot\tkey\t'"$1"$'\t' "$DIR/c1.world" | tail -1 | cut -f5; }
ended() { [ "$(grep -a $'^K\tbot\tkey\t'"$1"$'\t' "$DIR/c1.world" | tail -1 | cut -f8)" != 0 ]; }
lives() { ! ended "$@"; }
fill() { dd if=/dev/zero of="$DIR/vault/filler" bs=4096 2>/dev/null || true; }
full() { ! dd if=/dev/zero of="$DIR/vault/probe" bs=4096 count=1 2>/dev/null; }
room() { rm -f "$DIR/vault/filler" "$DIR/vault/probe"; }

# A rotation that waits with the new key in its hands.
begin() { # LABEL
	CURFEW_PAUSE_AT=$1 CURFEW_PAUSE_FILE=$DIR/vault/pause \
		curfew rotate c1/bot#k1 --wait 20s >"$DIR/out" 2>&1 3>&- &
	GOING=$!
	for _ in $(seq 2000); do
		[ ! -e "$DIR/vault/pause" ] || return 0
		kill -0 "$GOING" || break
		sleep 0.01
	done
	cat "$DIR/out"
	false
}

go_on() {
	rm "$DIR/vault/pause"
	status=0
	wait "$GOING" || status=$?
	GOING=
	output=$(cat "$DIR/out")
	echo "$output"
}

# With room again the same key goes on, and no other was made.
goes_on() {
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-1  DONE (generation 1; the old one is proved dead)"
	[ "$(asked mint)" -eq 1 ]
	[ "$(delivered)" = "$(value new-1)" ]
	ended k1
	lives new-1
	lives other
	run curfew vault verify
	[ "$status" -eq 0 ]
}

@test "the ballast's room takes the new key in; the run ends there" {
	begin rot.after-reply.mint
	[ -s "$DIR/vault/vault.ballast" ]
	fill
	full
	go_on
	[ "$status" -eq 5 ]
	has "disk is full"
	has "every new key that was made is sealed; nothing more was sent"
	has "free some space at $DIR/vault, then 'curfew rotate --resume'"
	[ ! -e "$DIR/vault/vault.ballast" ]
	[ "$(asked mint)" -eq 1 ]
	lives new-1
	lives k1
	room
	goes_on
	# the room is kept back again
	[ "$(stat -c %b "$DIR/vault/vault.ballast")" -ge 8192 ]
}

@test "without that room the key goes sealed into the lifeboat, and comes back" {
	begin rot.after-reply.mint
	rm "$DIR/vault/vault.ballast"
	fill
	full
	go_on
	[ "$status" -eq 5 ]
	has "1 new key is sealed in the lifeboat, beside the vault; nothing more was sent"
	run ! grep -rqF "$(value new-1)" "$DIR/vault"
	lives new-1
	# still full (its own log went with its end): nothing is made a second time
	rm -f "$DIR/vault/filler"
	fill
	full
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 5 ]
	[ "$(asked mint)" -eq 1 ]
	room
	run curfew list credentials
	[ "$status" -eq 0 ]
	goes_on
	run curfew audit log
	has "c1/bot#new-1 came back from the lifeboat; its rotation goes on"
	# empty again
	run ! grep -qP '[^\x00]' "$DIR/vault/vault.lifeboat"
}

@test "a crash between the landing and the emptying lands nothing twice" {
	begin rot.after-reply.mint
	rm "$DIR/vault/vault.ballast"
	fill
	go_on
	room
	for label in rot.before-landing rot.after-landing; do
		CURFEW_CRASH_AT=$label run curfew rotate --resume --wait 20s
		[ "$status" -eq 137 ]
	done
	goes_on
}

@test "a kill takes the key in the lifeboat with it" {
	begin rot.after-reply.mint
	rm "$DIR/vault/vault.ballast"
	fill
	go_on
	room
	run curfew kill c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	ended k1
	ended new-1
	lives other
}

@test "a kill on a full disk takes the ballast's room" {
	run curfew rotate c1/bot#k1 --wait 20s
	[ "$status" -eq 0 ]
	[ -s "$DIR/vault/vault.ballast" ]
	fill
	full
	run curfew kill c1/bot#new-1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "DEAD (proved)"
	ended new-1
	[ ! -e "$DIR/vault/vault.ballast" ]
}

@test "with no room anywhere the new key is revoked while its id is known" {
	begin rot.after-reply.mint
	rm "$DIR/vault/vault.ballast"
	: >"$DIR/vault/vault.lifeboat"
	fill
	full
	go_on
	[ "$status" -eq 5 ]
	has "the new key c1/bot#new-1 could be sealed nowhere and was revoked; the old one stays in use"
	ended new-1
	lives k1
	room
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-2  DONE"
	[ "$(delivered)" = "$(value new-2)" ]
}

@test "without room to keep back nothing is sent" {
	fill
	dd if=/dev/null of="$DIR/vault/filler" bs=4096 seek=2500 2>/dev/null
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 5 ]
	has "keep room for a new key"
	has "No space left on device"
	has "nothing was sent"
	[ "$(asked mint)" -eq 0 ]
	room
	run curfew rotate --resume --wait 20s
	[ "$status" -eq 0 ]
	has "c1/bot#new-1  DONE"
}

@test "a lifeboat that was tampered with is put aside and told" {
	begin rot.after-reply.mint
	rm "$DIR/vault/vault.ballast"
	fill
	go_on
	room
	printf x | dd of="$DIR/vault/vault.lifeboat" bs=1 seek=60 conv=notrunc 2>/dev/null
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "the lifeboat does not open"
	[ -s "$DIR/vault/vault.lifeboat.unopened" ]
	# the key was found by its label and ended; another one took its place
	ended new-1
	has "c1/bot#new-2  DONE"
}
