#!/usr/bin/env bats
# The disk under the vault fails at any operation of a rotation or a sync: an I/O
# error, no room, half a write, the process's end, the power's end.  The same
# program as curfew, over a disk of ours (storage.c, power.c).
# CURFEW_STORAGE_STRIDE=1: at every operation; CURFEW_POWER_RUNS,
# CURFEW_POWER_CUTS: how many rotations, and cuts of each.

bats_require_minimum_version 1.5.0

setup() {
	build=${CURFEW_BUILD:-$PWD/build/test}
	[ -x "$build/matrix" ] || skip "matrix is not built"
}

@test "a rotation over a disk that fails: the vault is whole, no key is lost" {
	run "$build/matrix" "$build" --suite storage --jobs 8
	echo "$output" | grep -v '^ok' | tail -40
	[ "$status" -eq 0 ]
	n=$(echo "$output" | sed -n 's/^1\.\.//p')
	[ "${n:-0}" -ge 200 ]
}

@test "a rotation whose power goes: the next sweep brings it to its end" {
	run "$build/matrix" "$build" --suite power --jobs 8
	echo "$output" | grep -v '^ok' | tail -40
	[ "$status" -eq 0 ]
	n=$(echo "$output" | sed -n 's/^1\.\.//p')
	[ "${n:-0}" -ge 8 ]
}

@test "a sync over a disk that fails: vault, head and envelope are whole" {
	DIR=$BATS_TEST_TMPDIR
	export CURFEW_TEST_GAP_MS=12 CURFEW_TEST_BACKOFF_MS=12
	curfew() {
		"$build/${program:-curfew}" --dir "$DIR/vault" --key-file "$DIR/key" \
			--config "$DIR/curfew.toml" --no-input "$@" 3>&-
	}
	"$build/matrix" --seed-rotation "$DIR" "latency=1 class=B fixed=0"
	curfew -q vault keygen "$DIR/half" >"$DIR/pair"
	curfew -q emergency setup "$(grep -o 'curfew-pub-[^ ]*' "$DIR/pair" | head -1)"
	cp -a "$DIR/vault" "$DIR/was"
	# an opening and a sync with something new to tell
	run env CURFEW_STORAGE=count "$build/curfew-storage" --dir "$DIR/vault" \
		--key-file "$DIR/key" --config "$DIR/curfew.toml" --no-input sync
	ops=$(sed -n 's/^storage: operations //p' <<<"$output")
	echo "operations: $ops"
	[ "$ops" -ge 20 ]
	whole=0 hits=0
	for kind in io short full dead exit torn; do
		for ((n = 1 + hits % 5; n <= ops; n += ${CURFEW_STORAGE_STRIDE:-9})); do
			rm -rf "$DIR/vault" "$DIR/em"
			cp -a "$DIR/was" "$DIR/vault"
			program=curfew-storage CURFEW_STORAGE=$kind:$n run curfew sync
			[[ $output != *"storage: hit"* ]] || hits=$((hits + 1))
			echo "$kind:$n: exit $status"
			run curfew vault verify
			[ "$status" -eq 0 ] || { echo "$output"; false; }
			run curfew -q emergency open "$DIR/vault/emergency.envelope" \
				--key "$DIR/half" --into "$DIR/em"
			[ "$status" -eq 0 ] || { echo "$output"; false; }
			whole=$((whole + 1))
			run curfew sync
			[ "$status" -eq 0 ] || { echo "$output"; false; }
		done
	done
	echo "$hits faults met of $whole"
	[ "$hits" -ge 20 ]
}
