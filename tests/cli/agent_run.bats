#!/usr/bin/env bats
# curfew agent: works when something is due, tells systemd, reads its
# configuration again, ends in order.

load rotation
agent=
listener=

teardown() {
	[ -z "$agent" ] || kill -KILL "$agent" 2>/dev/null || true
	[ -z "$listener" ] || kill "$listener" 2>/dev/null || true
	rm -rf "$DIR"
}

# systemd's end of the socket: each datagram's lines in $DIR/heard.
listen() {
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    with open(sys.argv[2], "ab") as f: f.write(s.recv(4096) + b"\n")
' "$DIR/notify" "$DIR/heard" >"$DIR/bound" 2>&1 3>&- &
	listener=$!
	await grep -q bound "$DIR/bound"
}

# until COMMAND succeeds; never longer than a minute
await() {
	for _ in $(seq 1200); do
		! "$@" 2>/dev/null || return 0
		sleep 0.05
	done
	echo "waited in vain: $*"
	cat "$DIR/log" "$DIR/heard" 2>/dev/null || true
	return 1
}

start() { # VARIABLE=VALUE...
	env NOTIFY_SOCKET="$DIR/notify" "$@" "$build/curfew" --dir "$DIR/vault" \
		--key-file "$DIR/key" --config "$DIR/curfew.toml" --no-input agent \
		>"$DIR/out" 2>"$DIR/log" 3>&- &
	agent=$!
}

finish() { # its exit code in $code
	code=0
	kill -TERM "$agent"
	wait "$agent" || code=$?
	agent=
}

heard() { grep -q "$@" "$DIR/heard"; }
delivered() { grep -a $'^D\tapp\t' "$DIR/sink.world" | tail -1 | cut -f4; }

@test "READY, a rotation when it is due, STOPPING; the vault is free in between" {
	seed "$B" 'every = "30d"'
	curfew rotate c1/bot#k1 --wait 20s >/dev/null
	first=$(delivered)
	listen
	start CURFEW_CLOCK_OFFSET_MS=2600000000 # 30 days on
	await heard '^READY=1$'
	await heard '1 done$'
	[ "$(delivered)" != "$first" ]
	await heard '^WATCHDOG=1$'
	# nobody waits for the agent
	run curfew try-alarm clear stuck x
	[ "$status" -eq 0 ]
	finish
	[ "$code" -eq 0 ]
	heard '^STOPPING=1$'
	grep -q "agent ended" "$DIR/log"
	run curfew audit verify
	[ "$status" -eq 0 ]
}

@test "watchdog: half its time at the most between two signs of life" {
	seed "$B"
	listen
	start WATCHDOG_USEC=400000
	await heard '^READY=1$'
	enough() { [ "$(grep -c '^WATCHDOG=1$' "$DIR/heard")" -ge 4 ]; }
	await enough
	finish
	[ "$code" -eq 0 ]
}

@test "SIGHUP: the new configuration; a wrong one is told and the old one stays" {
	seed "$B"
	listen
	start
	await heard '^READY=1$'
	echo 'nonsense = 1' >"$DIR/new"
	cp "$DIR/curfew.toml" "$DIR/good"
	mv "$DIR/new" "$DIR/curfew.toml"
	kill -HUP "$agent"
	await grep -q "unknown key 'nonsense'.*the one in use stays" "$DIR/log"
	sed 's/^\[rotation.*\]/&\nevery = "1ms"/' "$DIR/good" >"$DIR/new"
	mv "$DIR/new" "$DIR/curfew.toml"
	kill -HUP "$agent"
	await grep -q "read again" "$DIR/log"
	heard '^RELOADING=1$'
	finish
	[ "$code" -eq 0 ]
}

@test "SIGTERM in the middle of a rotation: ends, and the next one goes on" {
	seed "latency=120 class=B fixed=0" 'every = "30d"'
	curfew rotate c1/bot#k1 --wait 30s >/dev/null
	listen
	start CURFEW_CLOCK_OFFSET_MS=2600000000
	begun() { [ "$(grep -ac $'^L\t[0-9]*\tmint\t' "$DIR/c1.world")" -ge 2 ]; }
	await begun
	finish
	[ "$code" -eq 0 ]
	CURFEW_CLOCK_OFFSET_MS=2600100000 run curfew rotate --resume --wait 30s
	echo "$output"
	[ "$status" -eq 0 ]
	has "DONE (generation 2; the old one is proved dead)"
	run curfew audit verify
	[ "$status" -eq 0 ]
}

@test "memory stays where it was over many rounds" {
	# AddressSanitizer keeps what was freed for a while (make sanitize)
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0
	seed "$B"
	listen
	start
	await heard '1 done$'
	rounds() { heard " $1 done\$"; }
	for i in 2 3 4; do kill -HUP "$agent"; await rounds "$i"; done
	before=$(awk '/^VmRSS/ { print $2 }' "/proc/$agent/status")
	for i in $(seq 5 24); do kill -HUP "$agent"; await rounds "$i"; done
	after=$(awk '/^VmRSS/ { print $2 }' "/proc/$agent/status")
	echo "$before kB, then $after kB"
	[ "$after" -le $((before + 1024)) ]
	[ "$(find "/proc/$agent/fd" -mindepth 1 | wc -l)" -le 12 ]
	finish
}

@test "no key that opens it, a socket that is not there, words: told at once" {
	seed "$B"
	head -c 40 /dev/urandom >"$DIR/wrong"
	chmod 600 "$DIR/wrong"
	mv "$DIR/key" "$DIR/away"
	run timeout 60 "$build/curfew" --dir "$DIR/vault" --key-file "$DIR/wrong" \
		--config "$DIR/curfew.toml" --no-input agent
	[ "$status" -eq 5 ]
	mv "$DIR/away" "$DIR/key"
	# the slot remembers a right one; the wrong one that was named counts
	run timeout 60 "$build/curfew" --dir "$DIR/vault" --key-file "$DIR/wrong" \
		--config "$DIR/curfew.toml" --no-input agent
	echo "$output"
	[ "$status" -eq 5 ]
	has "none of the 1 key given opens it, and no other was tried"
	NOTIFY_SOCKET=$DIR/nobody run curfew agent
	[ "$status" -eq 5 ]
	has "cannot"
	has "NOTIFY_SOCKET"
	run curfew agent now
	[ "$status" -eq 2 ]
}
