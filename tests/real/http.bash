# shellcheck shell=bash
# A fake HTTP service for a test file, and requests over the line protocol.

start_fake() {
	FAKE_DIR=$BATS_TEST_TMPDIR
	python3 "$BATS_TEST_DIRNAME/fake_http.py" >"$FAKE_DIR/port" 2>"$FAKE_DIR/fake.log" 3>&- &
	FAKE_PID=$!
	for ((i = 0; i < 1200; i++)); do
		[ -s "$FAKE_DIR/port" ] && break
		kill -0 "$FAKE_PID" || break
		sleep 0.05
	done
	FAKE_PORT=$(cat "$FAKE_DIR/port")
	[ -n "$FAKE_PORT" ] || {
		cat "$FAKE_DIR/fake.log"
		return 1
	}
	FAKE=http://127.0.0.1:$FAKE_PORT
	DEFS=$BATS_TEST_DIRNAME/../../providers/http
}

stop_fake() {
	[ -n "${FAKE_PID:-}" ] && kill "$FAKE_PID" 2>/dev/null
	wait "${FAKE_PID:-}" 2>/dev/null
	FAKE_PID=
}

# fake JSON: ask the fake to misbehave; its log comes back
fake() {
	curl -s "$FAKE/_fake" -d "$1" -H 'Content-Type: application/json'
}

# open_service NAME SECRET [NAME VALUE]...: a connection to the fake's NAME
open_service() {
	local name=$1 secret=$2
	shift 2
	provider_start "$CURFEW_BUILD/curfew-provider-http" --definition "${DEFINITION:-$DEFS/$name.toml}"
	ask_json "$(jq -nc --arg u "$FAKE/$name" --arg s "$secret" '$ARGS.positional as $a
		| reduce range(0; $a | length; 2) as $i
		({verb: "hello", protocol: 1, connection: "c", options: {url: $u}} +
		 (if $s == "" then {} else {secret: $s} end);
		 .options += {($a[$i]): $a[$i + 1]})
		| if (.options.iam_url // .options.iam) then del(.options.url) else . end' --args "$@")"
}

# on VERB ACCOUNT KIND CREDENTIAL [SECRET]
on() {
	if [ -n "${5:-}" ]; then
		ask "$1" account "$2" kind "$3" credential "$4" secret "$5"
	else
		ask "$1" account "$2" kind "$3" credential "$4"
	fi
}

life() { # LIFE [PROOF]
	expect .status ok
	expect .life "$1"
	[ -z "${2:-}" ] || expect .proof "$2"
}
