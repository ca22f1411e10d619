#!/usr/bin/env bats
# kill, resume, due, incident and restore, against the fake service: what is
# said, what is sent, how it ends.

setup() {
	build=${CURFEW_BUILD:-$PWD/build/test}
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/curfew-kill-XXXXXX")
	rig=$build/matrix
	export CURFEW_TEST_GAP_MS=12 CURFEW_TEST_BACKOFF_MS=12
}

teardown() {
	rm -rf "$DIR"
}

curfew() {
	"$build/curfew" --dir "$DIR/vault" --key-file "$DIR/key" \
		--config "$DIR/curfew.toml" --no-input "$@"
}

# With patience for an answer: a busy disk holds the service up.
seed() {
	"$rig" --seed "$DIR" "${1:-latency=1}"
	sed -i 's/"300ms"/"10s"/' "$DIR/curfew.toml"
}

# Goes on, each time for a while, until that is said.
until_says() {
	for _ in {1..20}; do
		[[ $output != *"$1"* ]] || return 0
		run curfew resume --wait 1s
	done
	echo "$output"
	false
}

# How often the first service was asked for a verb.
asked() { grep -ac $'^L\t[0-9]*\t'"$1"$'\t' "$DIR/c1.world" || true; }

has() { [[ $output == *"$1"* ]] || { echo "$output"; echo "lacks: $1"; false; }; }

@test "an identity dies at two services, and every line says so" {
	seed "latency=1 revoke_lag=40 list_lag=30"
	run curfew kill ci-bot --reason "leaked"
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/ci-bot#k1"
	has "c1/ci-bot#k2" # no sync had shown it: the listing did
	has "c2/ci-bot#k1"
	has "(grant)"
	has "all proved dead"
	[[ $output != *ALIVE* && $output != *DYING* ]]
	[[ $output != *alice* ]]
	run curfew list --json
	[[ $output == *'"dead"'* ]]
	run curfew audit verify
	[ "$status" -eq 0 ]
}

@test "--dry-run prints the plan and sends nothing" {
	seed
	run curfew kill ci-bot --dry-run
	[ "$status" -eq 0 ]
	has "c1/ci-bot#k1  revoke, probe"
	has "calls that cut"
	[ "$(asked disable)" -eq 0 ]
	run curfew incident list
	has "no incident"
}

@test "--json ends with one versioned object" {
	seed
	curfew kill ci-bot --json >"$DIR/out.json"
	python3 - "$DIR/out.json" <<-'PY' || grep -q '"version": *1' "$DIR/out.json"
		import json, sys
		o = json.load(open(sys.argv[1]))
		assert o["version"] == 1 and o["exit"] == 0 and o["alive"] == 0
		assert all(t["state"] == "DEAD" for t in o["targets"])
	PY
}

@test "an unknown word: near matches, exit 2, nothing sent" {
	seed
	run curfew kill ci-bto
	[ "$status" -eq 2 ]
	has "did you mean"
	has "ci-bot"
	run curfew kill c1/ci-bott
	[ "$status" -eq 2 ]
	has "c1/ci-bot"
	run curfew kill 'c1/ci-bot#nope'
	[ "$status" -eq 2 ]
	run curfew kill
	[ "$status" -eq 2 ]
	[ "$(asked disable)" -eq 0 ]
}

@test "a name that means two things is not guessed" {
	seed
	cat >>"$DIR/curfew.toml" <<-'EOT'
		[identity.c1]
		accounts = ["c2/alice"]
	EOT
	run curfew kill c1 --yes
	[ "$status" -eq 2 ]
	has "several things"
	run curfew kill identity:c1
	[ "$status" -eq 0 ]
	has "c2/alice"
	[ "$(asked disable)" -eq 0 ]
}

@test "many at once need a typed word or --yes" {
	seed
	run curfew kill 'c*/ci*'
	[ "$status" -eq 9 ]
	has "nothing was done"
	run curfew kill connection:c1
	[ "$status" -eq 9 ]
	[ "$(asked disable)" -eq 0 ]
	run curfew kill 'c*/ci*' --yes
	[ "$status" -eq 0 ]
}

@test "a leaked secret on stdin ends its credential, not its account" {
	seed
	run curfew kill --secret-stdin <<<"planted-value-one-5f1c"
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/ci-bot#k1"
	[ "$(asked disable)" -eq 0 ]
	[ "$(asked revoke)" -eq 1 ]
	run curfew kill --secret-stdin <<<"never-heard-of"
	[ "$status" -eq 1 ]
	has "nothing was ended"
	# proved dead, the value is wiped; it is still recognised
	run curfew kill --secret-stdin <<<"planted-value-one-5f1c"
	[ "$status" -eq 0 ]
	[ "$(asked revoke)" -eq 1 ]
}

@test "what is proved dead is looked at again, but nothing is sent again" {
	seed
	curfew kill ci-bot
	r=$(asked revoke) d=$(asked disable) l=$(asked list)
	run curfew kill ci-bot
	[ "$status" -eq 0 ]
	has "proved earlier"
	[ "$(asked revoke)" -eq "$r" ]
	[ "$(asked disable)" -eq "$d" ]
	[ "$(asked list)" -gt "$l" ]
}

@test "a key that came back is found by the second kill" {
	seed
	curfew kill ci-bot
	printf 'K\tci-bot\tkey\tk1\tagain\tgiven\t0\t0\t0\nA\tci-bot\tgiven\t0\t0\t0\t0\n' >>"$DIR/c1.world"
	r=$(asked revoke)
	run curfew kill ci-bot
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(asked revoke)" -gt "$r" ]
	tail -5 "$DIR/c1.world"
	grep -a $'^K\tci-bot\tkey\tk1' "$DIR/c1.world" | tail -1 | awk -F'\t' '{exit !($8 > 0)}'
}

@test "a service that says ok and does nothing: ALIVE, exit 4, never DEAD" {
	seed "latency=1 revoke_lag=20 ignore=1"
	run curfew kill ci-bot --wait 4s
	until_says "c2/ci-bot#k1                 DEAD"
	echo "$output"
	[ "$status" -eq 4 ]
	has "c1/ci-bot#k1                 ALIVE"
	has "curfew resume INC-"
	run curfew due
	[ "$status" -eq 1 ]
	run curfew resume --wait 200ms
	[ "$status" -eq 4 ]
}

@test "a record is no refusal where policy asks for one" {
	seed "latency=1 refuses=0"
	printf '[kill]\nrequire_refusal = true\n' >>"$DIR/curfew.toml"
	run curfew kill ci-bot --wait 400ms
	# it never ends; an account is no deader than what opens it
	until_says "DYING (a credential of it is not proved dead)"
	echo "$output"
	[ "$status" -eq 3 ]
	has "c1/ci-bot#k1                 DYING (no refusal seen)"
	[ -z "$(grep -E '^c1/ci-bot +DEAD' <<<"$output")" ]
}

@test "a dead service holds up nobody else" {
	seed "latency=1 down_ms=600000"
	run curfew kill ci-bot --wait 4s
	until_says "c2/ci-bot#k1  DEAD"
	echo "$output"
	[ "$status" -eq 4 ]
	has "c1/ci-bot#k1  ALIVE"
}

@test "after an outage, too, the evidence comes before what destroys it" {
	seed "latency=100 down_ms=600000"
	# long enough for all of it to have been tried
	CURFEW_TEST_SNAPSHOT_MS=500 run curfew kill ci-bot --wait 3s
	[ "$status" -eq 4 ]
	printf 'O\tdown_ms\t0\n' >>"$DIR/c1.world"
	run curfew resume --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	grep -a ^L "$DIR/c1.world" | cut -f3
	[[ $(grep -a ^L "$DIR/c1.world" | cut -f3 | grep -E '^(snapshot|revoke|remove_grant)$' |
		head -1) = snapshot ]]
}

@test "what was waited for evidence in earlier runs counts" {
	seed "latency=1 mute=snapshot"
	export CURFEW_TEST_SNAPSHOT_MS=2500
	run curfew kill ci-bot --wait 1s
	[ "$status" -eq 4 ]
	[ "$(asked revoke)" -eq 0 ]
	for _ in {1..40}; do
		[ "$(asked revoke)" -eq 0 ] || break
		run curfew resume --wait 1s
	done
	echo "$output"
	[ "$(asked revoke)" -gt 0 ]
	[ "$(asked snapshot)" -gt 0 ]
}

@test "the declared rate is kept" {
	seed "latency=1 rate=20 without=snapshot"
	run curfew kill ci-bot --wait 30s
	[ "$status" -eq 0 ]
	[ "$(grep -ac $'\tretry$' "$DIR/c1.world")" -eq 0 ]
}

@test "a clock set forward ends no proof early" {
	seed "latency=1 revoke_lag=3600000"
	# refused at once, but that may be one machine of theirs: an hour long
	printf 'N\trevoke_lag\t0\n' >>"$DIR/c1.world"
	run curfew kill c1/ci-bot#k1 --wait 20s
	[ "$status" -eq 3 ]
	run curfew resume --wait 20s
	[ "$status" -eq 3 ]
	[ "$(asked probe)" -gt 1 ]
	# the clock says that the hour is over; the time that passed does not
	for _ in 1 2 3; do
		CURFEW_CLOCK_JUMP_MS=7200000 run curfew resume --wait 20s
		echo "$output"
		[ "$status" -eq 3 ]
		has "DYING"
	done
	# and right again
	run curfew resume --wait 20s
	echo "$output"
	[ "$status" -eq 3 ]
	[[ $output != *"set back"* ]]
	[ "$(asked probe)" -gt 4 ]
	CURFEW_CLOCK_OFFSET_MS=7200000 run curfew resume
	echo "$output"
	[ "$status" -eq 0 ]
	has "DEAD (proved"
}

@test "Ctrl-C ends it cleanly and says what to type" {
	seed "latency=1 ignore=1"
	"$build/curfew" --dir "$DIR/vault" --key-file "$DIR/key" --no-input \
		--config "$DIR/curfew.toml" kill ci-bot --wait 60s \
		>"$DIR/out" 2>"$DIR/err" &
	pid=$!
	for _ in $(seq 600); do
		[ "$(asked revoke)" -ge 1 ] && break
		sleep 0.05
	done
	[ "$(asked revoke)" -ge 1 ]
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	cat "$DIR/out" "$DIR/err"
	[ "$status" -eq 4 ]
	grep -q "curfew resume INC-" "$DIR/out"
	run curfew audit verify
	[ "$status" -eq 0 ]
}

@test "incident list, show, export; close by hand" {
	seed "latency=1 ignore=1"
	run curfew kill ci-bot --reason "a|b" --wait 3s
	[ "$status" -eq 4 ]
	name=$(curfew incident list | awk '/INC-/ {print $1}')
	run curfew incident show "$name"
	[ "$status" -eq 0 ]
	has "open"
	has "reason: a|b"
	run curfew incident export "$name"
	has "## Timeline"
	has 'a\|b'
	has "uid="
	for s in planted-value-one-5f1c planted-value-two-9a77 planted-admin-value-33e; do
		[[ $output != *$s* ]]
	done
	curfew incident export --format json "$name" >"$DIR/x.json"
	grep -q '"timeline"' "$DIR/x.json"
	run curfew incident close "$name"
	[ "$status" -eq 2 ]
	run curfew incident close "$name" --reason "accepted" --yes
	[ "$status" -eq 0 ]
	run curfew resume
	[ "$status" -eq 0 ]
	has "no open incident"
	run curfew due
	[ "$status" -eq 0 ]
	run curfew incident show INC-19990101-1
	[ "$status" -eq 1 ]
}

@test "restore gives back what a snapshot holds, once confirmed" {
	seed
	curfew kill ci-bot
	name=$(curfew incident list | awk '/INC-/ {print $1}')
	run curfew restore "$name"
	[ "$status" -eq 9 ]
	run curfew restore "$name" c1/nobody --yes
	[ "$status" -eq 2 ]
	run curfew restore "$name" c1/ci-bot --yes
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/ci-bot  restored"
	grep -a $'^K\tci-bot\tkey\tk2' "$DIR/c1.world" | tail -1 | awk -F'\t' '{exit !($8 == 0)}'
	grep -a $'^K\tci-bot\tkey\tk1' "$DIR/c2.world" | tail -1 | awk -F'\t' '{exit !($8 > 0)}'
	run curfew list
	[[ $output == *unknown* ]]
}
