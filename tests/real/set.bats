#!/usr/bin/env bats
# The verbs of a rotation, `make` and `set`, of curfew-provider-ssh and
# curfew-provider-postgres against real servers.

bats_require_minimum_version 1.5.0

setup_file() {
	load sshd
	load postgres
	load provider
	start_sshd
	start_postgres
	if [ "$(id -u)" = 0 ]; then
		export SSH_USER=curfew-s$$
		useradd -M -d / -s /bin/sh "$SSH_USER"
		usermod -p '*' "$SSH_USER" # not locked, no password
	fi
}

teardown_file() {
	load sshd
	load postgres
	load provider
	stop_sshd
	stop_postgres
	if [ -n "${SSH_USER:-}" ]; then
		pkill -KILL -u "$SSH_USER" || true
		userdel "$SSH_USER" 2>/dev/null
	fi
}

setup() {
	load sshd
	load postgres
	load provider
	SESSION_FD=
}

teardown() {
	provider_stop
}

# ---- ssh ---------------------------------------------------------------------

ssh_setup() {
	[ "$(id -u)" = 0 ] || skip "needs root: sshd has to serve another account"
	rm -f "$SSHD_DIR"/id/[a-z] "$SSHD_DIR"/id/[a-z].pub "$SSHD_DIR"/{keys,more}/*
	: >"$SSHD_DIR/krl"
	new_key a
	A=$(print_of a)
	KEYS=$SSHD_DIR/keys/$SSH_USER
	MORE=$SSHD_DIR/more/$SSH_USER
	provider_start "$CURFEW_BUILD/curfew-provider-ssh"
	ask_json "$(jq -nc --arg d "$SSHD_DIR" --arg p "$SSHD_PORT" --arg k "$SSHD_KEY" \
		'{verb: "hello", protocol: 1, connection: "box", options: {root: "/",
		  authorized_keys: ($d + "/keys/%u " + $d + "/more/%u"),
		  krl: ($d + "/krl"), host: "127.0.0.1", port: $p, host_key: $k}}')"
	expect .status ok
}

hold() { # what stands in the key file
	printf '%s' "$1" >"$KEYS"
	chown "$SSH_USER" "$KEYS"
	chmod 640 "$KEYS"
}

# make NAME LABEL: into $SSHD_DIR/id/NAME and .pub
make_key() {
	ask make kind ssh-key label "$2"
	expect .status ok
	(umask 077 && jq -rj .secret <<<"$ANSWER" >"$SSHD_DIR/id/$1")
	got .public >"$SSHD_DIR/id/$1.pub"
}

# set_key NAME LABEL ADD [OLD]: the private half is all that is given
set_key() {
	ask_json "$(jq -nc --arg a "$SSH_USER" --rawfile s "$SSHD_DIR/id/$1" \
		--arg l "$2" --argjson add "$3" --arg old "${4:-}" \
		'{verb: "set", account: $a, kind: "ssh-key", secret: $s, label: $l,
		  add: $add} + if $old == "" then {} else {credential: $old} end')"
}

alive() { # FINGERPRINT LIFE
	ask probe account "$SSH_USER" kind ssh-key credential "$1"
	expect .life "$2"
}

@test "ssh make: ssh-keygen reads it as it reads its own, every time another" {
	ssh_setup
	make_key m "rot 12 a-nonce"
	[ "$(ssh-keygen -y -f "$SSHD_DIR/id/m")" = "$(cat "$SSHD_DIR/id/m.pub")" ]
	[ "$(ssh-keygen -lf "$SSHD_DIR/id/m" | cut -d' ' -f1,3-)" = \
		"256 rot 12 a-nonce (ED25519)" ]
	# the same bytes that ssh-keygen writes of it, but for its own nonce
	cp "$SSHD_DIR/id/m" "$SSHD_DIR/id/n"
	ssh-keygen -q -p -N '' -P '' -f "$SSHD_DIR/id/n"
	[ "$(wc -lc <"$SSHD_DIR/id/m")" = "$(wc -lc <"$SSHD_DIR/id/n")" ]
	make_key n ""
	[ "$(print_of n)" != "$(print_of m)" ]
	ask make kind ssh-ca
	expect .status unsupported
	ask make kind ssh-key label $'two\nlines'
	expect .status refused
	run ! grep -r "PRIVATE KEY" "$PROVIDER_LOG" "$SSHD_DIR/keys"
}

@test "ssh set beside the old key: both log in, the same options, once" {
	ssh_setup
	hold "# first
restrict,command=\"echo only-this\" $(cat "$SSHD_DIR/id/a.pub")"
	make_key m rot-1
	alive "$A" alive
	set_key m rot-1 true "$A"
	expect .status ok
	expect .credential "$(print_of m)"
	# the old line lost nothing, the new one has its restrictions
	[ "$(sed -n 2p "$KEYS")" = "restrict,command=\"echo only-this\" $(cat "$SSHD_DIR/id/a.pub")" ]
	[ "$(sed -n 3p "$KEYS")" = "restrict,command=\"echo only-this\" $(cat "$SSHD_DIR/id/m.pub")" ]
	[ "$(stat -c '%U %a' "$KEYS")" = "$SSH_USER 640" ]
	[ "$(login a "$SSH_USER" id)" = only-this ]
	[ "$(login m "$SSH_USER" id)" = only-this ]
	alive "$(print_of m)" alive
	cp "$KEYS" "$BATS_TEST_TMPDIR/once"
	set_key m rot-1 true "$A"
	expect .status ok
	cmp "$KEYS" "$BATS_TEST_TMPDIR/once"
	ask list account "$SSH_USER"
	[ "$(item '.label == "rot-1"' | jq -r .id)" = "$(print_of m)" ]
	# then the old one goes, by its id
	ask revoke account "$SSH_USER" kind ssh-key credential "$A"
	expect .status ok
	run login a "$SSH_USER"
	[ "$status" -eq 255 ]
	[ "$(login m "$SSH_USER" id)" = only-this ]
	set_key m rot-1 true "$A" # a set that comes late
	expect .status ok
	set_key a again true "$(print_of m)" # a revoked key does not come back
	expect .status refused
	run login a "$SSH_USER"
	[ "$status" -eq 255 ]
}

@test "ssh set in the old one's place: every line of it, in both files" {
	ssh_setup
	new_key b
	hold "$(cat "$SSHD_DIR/id/a.pub")
no-pty $(cat "$SSHD_DIR/id/b.pub")
from=\"127.0.0.1\" $(cat "$SSHD_DIR/id/a.pub")
"
	printf 'no-pty %s\r\n' "$(cat "$SSHD_DIR/id/a.pub")" >"$MORE"
	make_key m rot-2
	set_key m rot-2 false "$A"
	expect .status ok
	[ "$(cat "$KEYS")" = "$(cat "$SSHD_DIR/id/m.pub")
no-pty $(cat "$SSHD_DIR/id/b.pub")
from=\"127.0.0.1\" $(cat "$SSHD_DIR/id/m.pub")" ]
	[ "$(cat "$MORE")" = "no-pty $(cat "$SSHD_DIR/id/m.pub")"$'\r' ]
	login m "$SSH_USER"
	login b "$SSH_USER"
	run login a "$SSH_USER"
	[ "$status" -eq 255 ]
	set_key m rot-2 false "$A"
	expect .status ok
	[ "$(cat "$KEYS" "$MORE" | wc -l)" -eq 4 ]
}

@test "ssh set: an old key that is not there, expired or a stranger's widens nothing" {
	ssh_setup
	new_key b
	hold "from=\"192.0.2.1\" $(cat "$SSHD_DIR/id/a.pub")
expiry-time=\"20200101\" $(cat "$SSHD_DIR/id/b.pub")
"
	cp "$KEYS" "$BATS_TEST_TMPDIR/before"
	make_key m x
	set_key m x true "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	expect .status refused
	[[ $(got .error) == *"options are not known"* ]]
	set_key m x true "$(print_of b)"
	expect .status refused
	[[ $(got .error) == *expired* ]]
	set_key m x false
	expect .status refused
	ask_json "$(jq -nc --rawfile s "$SSHD_DIR/id/m" '{verb: "set", add: true,
		account: "no-such-account", kind: "ssh-key", secret: $s}')"
	expect .status absent
	cmp "$KEYS" "$BATS_TEST_TMPDIR/before"
	# beside nothing: a plain line at the end
	set_key m x true
	expect .status ok
	[ "$(tail -1 "$KEYS")" = "$(cat "$SSHD_DIR/id/m.pub")" ]
	login m "$SSH_USER"
}

@test "ssh set: a key that is none, is locked or does not fit its half is refused" {
	ssh_setup
	hold "$(cat "$SSHD_DIR/id/a.pub")
"
	cp "$KEYS" "$BATS_TEST_TMPDIR/before"
	ssh-keygen -q -N long-enough -t ed25519 -f "$SSHD_DIR/id/p"
	set_key p x true "$A"
	expect .status refused
	[[ $(got .error) == *passphrase* ]]
	echo no key >"$SSHD_DIR/id/q"
	set_key q x true "$A"
	expect .status refused
	# the public half of one in front of another's secret half
	new_key r
	new_key s
	python3 - "$SSHD_DIR/id" <<-'END'
		import base64, sys
		d = sys.argv[1]
		def raw(n):
		    return bytearray(base64.b64decode("".join(open(f"{d}/{n}").read().split("\n")[1:-2])))
		def pub(k):
		    at = k.find(b"ssh-ed25519") + 15
		    return bytes(k[at:at + 32])
		r, s = raw("r"), raw("s")
		r = r.replace(pub(r), pub(s)) # every copy, so that only deriving tells
		text = base64.b64encode(r).decode()
		lines = [text[i:i + 70] for i in range(0, len(text), 70)]
		open(f"{d}/t", "w").write("-----BEGIN OPENSSH PRIVATE KEY-----\n" +
		    "\n".join(lines) + "\n-----END OPENSSH PRIVATE KEY-----\n")
	END
	set_key t x true "$A"
	expect .status refused
	[[ $(got .error) == *"another secret half"* ]]
	cmp "$KEYS" "$BATS_TEST_TMPDIR/before"
	# RSA and ECDSA of ssh-keygen's own work
	for t in rsa ecdsa; do
		rm -f "$SSHD_DIR"/id/u*
		ssh-keygen -q -N '' -C u -t $t -f "$SSHD_DIR/id/u"
		set_key u u true "$A"
		expect .status ok
		expect .credential "$(print_of u)"
		login u "$SSH_USER"
	done
}

# ---- postgres ----------------------------------------------------------------

pg_connect() {
	provider_start "$CURFEW_BUILD/curfew-provider-postgres"
	ask_json "$(jq -nc --arg port "$PG_PORT" --arg secret "$PG_ADMIN" \
		'{verb: "hello", protocol: 1, connection: "pg", secret: $secret,
		  options: {host: "127.0.0.1", port: $port}}')"
	expect .status ok
}

set_password() { # ROLE PASSWORD
	ask_json "$(jq -nc --arg a "$1" --arg s "$2" '{verb: "set", account: $a,
		kind: "password", credential: "password", secret: $s, add: false}')"
}

@test "postgres set: the new one logs in, the old one does not, twice is once" {
	local new=new-$RANDOM-$RANDOM-$RANDOM until='2099-01-02 03:04:05+00'
	sql "CREATE ROLE app LOGIN PASSWORD 'old-password' VALID UNTIL '$until'" >/dev/null
	pg_connect
	expect .facts.password.fixed_id true
	set_password app "$new"
	expect .status ok
	expect .credential password
	[ "$(sql_as app "$new" 'SELECT 1')" = 1 ]
	run sql_as app old-password 'SELECT 1'
	[ "$status" -eq 2 ]
	set_password app "$new"
	expect .status ok
	[ "$(sql_as app "$new" 'SELECT 1')" = 1 ]
	[ "$(sql "SELECT rolvaliduntil = '$until' FROM pg_roles WHERE rolname = 'app'")" = t ]
	# neither the server's log of every statement nor ours saw it
	grep -q "ALTER ROLE \"app\" PASSWORD 'SCRAM-SHA-256" "$PG_DIR/log"
	run ! grep -F "$new" "$PG_DIR/log" "$PROVIDER_LOG"
	ask probe account app kind password credential password secret "$new"
	expect .life alive
	ask probe account app kind password credential password secret old-password
	expect .life dead
	expect .proof refusal
}

@test "postgres set: quotes and spaces hold, what cannot work is refused" {
	local odd="a'b\"c \\\\ ;--\$1"
	sql "CREATE ROLE \"odd role\" LOGIN PASSWORD 'x'" \
		"CREATE ROLE past LOGIN PASSWORD 'x' VALID UNTIL '2020-01-01'" >/dev/null
	pg_connect
	set_password "odd role" "$odd"
	expect .status ok
	[ "$(sql_as "odd role" "$odd" 'SELECT 1')" = 1 ]
	set_password past y
	expect .status refused
	[[ $(got .error) == *"VALID UNTIL"* ]]
	set_password nobody-here y
	expect .status absent
	ask set account app kind password credential password
	expect .status refused
	ask set account app kind token credential x secret y
	expect .status unsupported
}

@test "postgres set: a server that goes away in the middle is not told as done" {
	sql "CREATE ROLE mid LOGIN PASSWORD 'old-password'" >/dev/null
	pg_connect
	# the statement waits for a lock on the role's row, held by us
	PGPASSWORD=$PG_ADMIN psql -h "$PG_DIR" -p "$PG_PORT" -U postgres -X -q -At \
		-d postgres -c "BEGIN; ALTER ROLE mid CONNECTION LIMIT 5; SELECT pg_sleep(60)" \
		>/dev/null 2>&1 3>&- &
	local holder=$!
	wait_until row_is_held
	say "$(jq -nc '{verb: "set", account: "mid", kind: "password", secret: "new-one"}')"
	wait_until alter_waits
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE query LIKE 'ALTER ROLE \"mid\" PASSWORD%' AND pid <> pg_backend_pid()" >/dev/null
	hear "$REQUEST"
	[[ $(got .status) == unknown || $(got .status) == retry ]]
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE query LIKE 'BEGIN; ALTER%' AND pid <> pg_backend_pid()" >/dev/null
	wait "$holder" || true
	set_password mid new-one # again, and it holds
	expect .status ok
	[ "$(sql_as mid new-one 'SELECT 1')" = 1 ]
}

row_is_held() {
	[ "$(sql "SELECT count(*) FROM pg_stat_activity
		WHERE query LIKE 'BEGIN; ALTER%' AND wait_event = 'PgSleep'")" = 1 ]
}

alter_waits() {
	[ "$(sql "SELECT count(*) FROM pg_stat_activity
		WHERE query LIKE 'ALTER ROLE \"mid\" PASSWORD%' AND wait_event_type = 'Lock'")" = 1 ]
}
