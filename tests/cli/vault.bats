#!/usr/bin/env bats
# The vault's commands: making it, the ways to open it, copies, damage, and the
# emergency envelope.  Key files mostly: a passphrase costs 256 MiB and a moment.

setup() {
	C=$CURFEW_BUILD/curfew
	T=$(mktemp -d)
	V=$T/v
	cd "$T" || return 1
	unset CREDENTIALS_DIRECTORY CURFEW_DIR
	printf 'correct horse battery\n' >pass && chmod 600 pass
	printf 'wrong horse battery\n' >wrong && chmod 600 wrong
}

teardown() {
	cd / || return 1
	mountpoint -q "$T/full" && umount "$T/full"
	rm -rf "$T"
}

curfew() {
	"$C" --dir "$V" --no-input "$@"
}

said=''
must() { # TEXT: read what the program under script(1) says until it comes
	local got='' c end=$((SECONDS + 300))
	while [[ $got != *"$1"* ]]; do
		[ "$SECONDS" -lt "$end" ] || return 1
		IFS= read -r -d '' -n 1 -t 20 -u 8 c || return 1
		got+=$c
		said+=$c
	done
}

answer() {
	printf '%s\r' "$1" >&9
}

make_vault() {
	curfew -q init --generate-key-file "$T/key"
}

make_pair() { # NAME: secret half in NAME, public half in $PUB
	PUB=$(curfew -q vault keygen "$1")
}

mode() {
	stat -c %a "$1"
}

@test "init makes a private vault, a starter configuration, and says what is next" {
	run curfew init --generate-key-file key
	[ "$status" -eq 0 ]
	[[ $output == *"vault made in $V"* ]]
	[[ $output == *"next:"*"curfew connect"* ]]
	[ "$(mode v)" = 700 ] && [ "$(mode v/vault.db)" = 600 ]
	[ "$(mode v/curfew.toml)" = 600 ] && [ "$(mode key)" = 600 ]
	[ "$(stat -c %s key)" -eq 32 ]
	run curfew audit verify # the starter is valid, the key file is remembered
	[ "$status" -eq 0 ]
	[[ $output == "1 entry: the chain is whole"* ]]
	# what it shows of rotations and alarms is valid, too
	sed -e '1,/^# What is rotated/d' v/curfew.toml |
		sed -nE 's/^# ((\[|[a-z_]+ = ).*)/\1/p' >shown.toml
	grep -q '^\[rotation\.' shown.toml
	grep -q '^\[alarm\.' shown.toml
	run curfew --config shown.toml audit verify
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "init changes nothing that is there" {
	make_vault
	before=$(sha256sum v/* key)
	run curfew init --generate-key-file key2
	[ "$status" -eq 1 ]
	[[ $output == *"there is a vault already"*"nothing was changed"* ]]
	[ ! -e key2 ]
	[ "$before" = "$(sha256sum v/* key)" ]
	V=$T/v2
	run curfew init --generate-key-file key
	[ "$status" -eq 1 ]
	[[ $output == *"is already there"* ]]
	[ ! -e v2/vault.db ]
	mkdir v3 && echo '# mine' >v3/curfew.toml
	V=$T/v3
	curfew init --key-file key
	[ "$(cat v3/curfew.toml)" = '# mine' ]
}

@test "init refuses two first slots, bad names and arguments" {
	printf '%032d' 0 >k && chmod 600 k
	run curfew init --key-file k --systemd x
	[ "$status" -eq 2 ]
	[[ $output == *"begins with one slot"* ]]
	run curfew init there
	[ "$status" -eq 2 ]
	[[ $output == *"--dir"* ]]
	run curfew init --name 'a b' --key-file k
	[ "$status" -eq 2 ]
	run curfew init --recipient curfew-pub-12
	[ "$status" -eq 2 ]
	run curfew init
	[ "$status" -eq 2 ]
	[[ $output == *"--no-input forbids to ask"* ]]
	[ ! -e v/vault.db ]
}

@test "a key file that others can read, or that is too short, is refused" {
	printf '%032d' 0 >k && chmod 640 k
	run curfew init --key-file k
	[ "$status" -ne 0 ]
	[[ $output == *"lets others reach it"* ]]
	printf '%031d' 0 >k && chmod 600 k
	run curfew init --key-file k
	[ "$status" -eq 5 ]
	[[ $output == *"at least 32 bytes, this one 31"* ]]
	[ ! -e v/vault.db ]
}

@test "a lost or wrong key file is told, with what would open the vault" {
	make_vault
	mv key away
	run curfew audit verify
	[ "$status" -eq 5 ]
	[[ $output == *"no key was given or found"*"key-file $T/key"* ]]
	run curfew --key-file away audit verify
	[ "$status" -eq 0 ]
	printf '%032d' 0 >other && chmod 600 other
	run curfew --key-file other audit verify
	[ "$status" -eq 5 ]
	[[ $output == *"opens it"* ]]
	run curfew --key-file nothing audit verify
	[ "$status" -ne 0 ]
	[[ $output == *"cannot read the key file 'nothing'"* ]]
}

@test "passphrase: from a file, from a descriptor, and a wrong one" {
	curfew -q --passphrase-file pass init
	run curfew --passphrase-file pass audit verify
	[ "$status" -eq 0 ]
	curfew --passphrase-fd 7 audit verify 7<pass
	run curfew --passphrase-file wrong audit verify
	[ "$status" -eq 5 ]
	[[ $output == *"none of the 1 key"*"passphrase"* ]]
	[[ $output != *"horse"* ]]
	run curfew audit verify
	[ "$status" -eq 5 ]
	printf 'short\n' >weak && chmod 600 weak
	V=$T/v2
	run curfew --passphrase-file weak init
	[ "$status" -eq 9 ]
	[[ $output == *"at least 8"* ]]
}

@test "passphrase: asked on the terminal, twice when new, again when wrong" {
	command -v script >/dev/null || skip "no script(1)"
	coproc S { timeout 60 script -qec "'$C' --dir '$V' init" /dev/null; }
	exec 8<&"${S[0]}" 9>&"${S[1]}" # they outlive the process
	must "New passphrase: " && answer "a new passphrase"
	must "once more: " && answer "a new passphrase"
	must "vault made in"
	coproc S { timeout 60 script -qec "'$C' --dir '$V' audit verify" /dev/null; }
	exec 8<&"${S[0]}" 9>&"${S[1]}"
	must "Passphrase of the vault: " && answer "not this one at all"
	must "does not open it"
	must "Passphrase of the vault: " && answer "a new passphrase"
	must "chain is whole"
	[[ $said != *"a new passphrase"* ]] # no echo
}

@test "a passphrase never shows in arguments, environment or files" {
	curfew -q --passphrase-file pass init
	curfew --passphrase-file pass audit verify &
	pid=$!
	seen=0
	while kill -0 "$pid" 2>/dev/null; do
		for p in /proc/[0-9]*; do
			cat "$p/cmdline" "$p/environ" || true # some are gone
		done >look 2>/dev/null
		seen=$((seen + 1))
		! grep -qa 'horse battery' look || return 1
	done
	wait "$pid"
	[ "$seen" -gt 0 ]
	run grep -rl 'horse' v
	[ "$status" -eq 1 ]
}

@test "systemd: the credential opens the vault, and its absence is told" {
	mkdir cred && head -c 32 /dev/urandom >cred/curfew-key
	CREDENTIALS_DIRECTORY=$T/cred curfew -q init --systemd curfew-key
	CREDENTIALS_DIRECTORY=$T/cred curfew audit verify
	run curfew audit verify
	[ "$status" -eq 5 ]
	[[ $output == *'systemd curfew-key'*'CREDENTIALS_DIRECTORY'* ]]
	run env CREDENTIALS_DIRECTORY="$T/cred" "$C" --dir "$T/v2" --no-input init --systemd other
	[ "$status" -ne 0 ]
	[ ! -e v2/vault.db ]
}

@test "recipient: only the offline half opens, with --break-glass" {
	make_pair half
	[ "$(mode half)" = 600 ]
	curfew -q init --recipient "$PUB"
	run curfew audit verify
	[ "$status" -eq 5 ]
	run curfew --break-glass half audit verify
	[ "$status" -eq 0 ]
	make_pair other
	run curfew --break-glass other audit verify
	[ "$status" -eq 5 ]
	run curfew init --dir "$T/v2" --recipient "$(cat half)"
	[ "$status" -eq 2 ]
	[[ $output == *"SECRET half"* ]]
	[[ $output != *"$(tail -c 40 half)"* ]]
	run curfew vault keygen half # never over a key that is there
	[ "$status" -eq 1 ]
}

@test "libsecret without a desktop: told, nothing made" {
	run env -u DBUS_SESSION_BUS_ADDRESS -u XDG_RUNTIME_DIR "$C" --dir "$V" --no-input init --libsecret
	[ "$status" -ne 0 ]
	[[ $output == *"no desktop session bus"* ]]
	[ ! -e v/vault.db ]
}

@test "slots: add, list without a key, remove; the last one stays" {
	make_vault
	make_pair half
	head -c 40 /dev/urandom >key2 && chmod 600 key2
	run curfew vault slot add key-file key2 --name second
	[ "$status" -eq 0 ] && [[ $output == "slot 2 added"* ]]
	curfew -q vault slot add recipient "$PUB" --name safe
	mv key key.away
	run curfew vault slot list
	[ "$status" -eq 0 ]
	[[ $output == *second*"$T/key2"* ]] && [[ $output == *safe*"$PUB"* ]]
	run curfew vault slot list --json
	[[ $output == *'"kind":"key-file","name":"second"'* ]]
	run curfew audit verify # opens with the second
	[ "$status" -eq 0 ]
	run curfew vault slot remove second
	[ "$status" -eq 0 ]
	[[ $output == *"is the one the vault was just opened with"* ]]
	[[ $output == *"vault rekey"* ]]
	run curfew audit verify
	[ "$status" -eq 5 ]
	mv key.away key
	run curfew vault slot remove safe
	[ "$status" -eq 0 ]
	[[ $output != *"just opened with"* ]]
	run curfew vault slot remove 1
	[ "$status" -eq 9 ]
	[[ $output == *"the last slot"*"slot add"* ]]
	run curfew vault slot remove 9
	[ "$status" -eq 1 ]
	run curfew vault slot add key-fle x
	[ "$status" -eq 2 ]
	[[ $output == *"key-file"* ]]
	run curfew vault verify
	[ "$status" -eq 0 ]
}

@test "rekey: every slot's key is needed, and each opens it afterwards" {
	make_vault
	make_pair half
	curfew -q vault slot add recipient "$PUB"
	curfew -q vault slot add passphrase --new-passphrase-file pass
	cp v/vault.db old.db
	run curfew vault rekey
	[ "$status" -eq 5 ]
	[[ $output == *"slot 3 (passphrase)"*"nothing was changed"*"--drop-slots"* ]]
	run curfew --passphrase-file pass vault rekey
	[ "$status" -eq 0 ]
	curfew audit verify
	curfew --break-glass half audit verify
	mv key away
	curfew --passphrase-file pass vault verify
	mv away key
	run curfew vault rekey --drop-slots
	[ "$status" -eq 0 ]
	[[ $output == *"dropped"*"slot 3: passphrase"* ]]
	run curfew vault slot list
	[[ $output != *passphrase* ]]
	# the database from before: its head has moved on
	cp old.db v/vault.db && rm -f v/vault.db-wal v/vault.db-shm
	run curfew audit verify
	[ "$status" -eq 5 ]
}

@test "rekey: a crash at each step leaves a vault that opens" {
	make_vault
	curfew -q emergency setup "$(make_pair half && echo "$PUB")"
	cp -r v start
	labels=$T/labels
	CURFEW_CRASH_LIST=$labels curfew -q vault rekey
	[ "$(grep -c '^rekey\.' "$labels")" -ge 5 ]
	for label in $(grep -E '^(rekey|vault)\.' "$labels" | sort -u); do
		rm -rf v && cp -r start v
		CURFEW_CRASH_AT=$label run curfew vault rekey
		[ "$status" -eq 137 ]
		run curfew vault verify
		[ "$status" -eq 0 ] || { echo "$label: $output"; false; }
	done
}

@test "backup and restore" {
	make_vault
	curfew -q vault backup bak
	[ "$(mode bak)" = 600 ]
	run curfew vault backup bak
	[ "$status" -eq 1 ]
	make_pair half
	curfew -q vault slot add recipient "$PUB"
	run curfew vault restore bak
	[ "$status" -eq 9 ]
	[[ $output == *"newer than the backup by 1 changes"*"--force"* ]] ||
		[[ $output == *"newer than the backup"*"--force"* ]]
	run curfew vault restore bak --force
	[ "$status" -eq 0 ]
	[ -e v/vault.db.before ]
	run curfew vault slot list --json
	[[ $output != *recipient* ]]
	curfew vault verify
	rm -rf v # all is lost but the backup and the key
	curfew -q vault restore bak
	curfew vault verify
	[ "$(mode v)" = 700 ]
	echo junk >junk
	run curfew vault restore junk
	[ "$status" -eq 5 ]
	run curfew vault restore nothing
	[ "$status" -eq 1 ]
	curfew audit verify
}

@test "a damaged vault is told, never used" {
	make_vault
	cp v/vault.db good
	size=$(stat -c %s good)
	for at in 0 100 4096 $((size / 2)) $((size - 50)); do
		cp good v/vault.db && rm -f v/vault.db-wal v/vault.db-shm
		printf 'XXXXXXXXXXXXXXXX' | dd of=v/vault.db bs=1 seek="$at" conv=notrunc status=none
		cmp -s good v/vault.db && continue
		run curfew vault verify
		# unused bytes of a page may change without harm; a crash may not
		[ "$status" -eq 0 ] || [ "$status" -eq 5 ]
		[[ $output != *horse* ]]
	done
	cp good v/vault.db && rm -f v/vault.db-wal v/vault.db-shm
	truncate -s 5000 v/vault.db
	run curfew audit verify
	[ "$status" -eq 5 ]
	cp good v/vault.db
	truncate -s 0 v/vault.head
	run curfew audit verify
	[ "$status" -eq 5 ]
	rm v/vault.db
	run curfew audit verify
	[ "$status" -eq 1 ]
	[[ $output == *"curfew init"* ]]
}

@test "an older state put back is noticed, and taken only on the operator's word" {
	make_vault
	cp v/vault.db old
	make_pair half
	curfew -q vault slot add recipient "$PUB"
	cp old v/vault.db && rm -f v/vault.db-wal v/vault.db-shm
	run curfew audit verify
	[ "$status" -eq 5 ]
	run curfew vault verify
	[ "$status" -eq 5 ]
	[[ $output == *"--accept-head"* ]]
	run curfew vault verify --accept-head
	[ "$status" -eq 9 ]
	run curfew vault verify --accept-head --yes
	[ "$status" -eq 0 ]
	run curfew audit log
	[[ $output == *override*"accepted"* ]]
	run curfew audit verify
	[ "$status" -eq 0 ]
}

# The first line of [vault]: the starter's are comments.
head_at() {
	printf '[vault]\nhead_file = "%s"\n' "$1" >>v/curfew.toml
}

@test "head_file: the whole folder put back is noticed; inside DIR nothing could" {
	make_vault
	make_pair half
	cp -a v before
	curfew -q vault slot add recipient "$PUB" --name one
	rm -rf v && cp -a before v
	run curfew vault verify # this is what head_file is for
	[ "$status" -eq 0 ]
	mkdir disk && head_at "$T/disk/head"
	cp -a v before2 # already told, not yet moved
	curfew -q vault slot add recipient "$PUB" --name two
	[ "$(stat -c %s disk/head)" -eq 1024 ] && [ "$(mode disk/head)" = 600 ]
	grep -q "kept at $T/disk/head" v/vault.head
	cp -a v moved
	curfew -q vault slot remove two
	curfew vault verify
	for old in before2 moved; do
		rm -rf v && cp -a "$old" v
		run curfew audit verify
		[ "$status" -eq 5 ]
		[[ $output == *"older than its head"*"--accept-head"* ]]
		run curfew vault slot add recipient "$PUB"
		[ "$status" -eq 5 ]
	done
	run curfew vault verify --accept-head --yes
	[ "$status" -eq 0 ]
	curfew -q vault slot remove two
	curfew vault verify
}

@test "head_file: gone, forgotten, and moved by hand" {
	make_vault
	mkdir disk && head_at "$T/disk/head"
	make_pair half
	curfew -q vault slot add recipient "$PUB" --name one
	mv disk away
	run curfew audit verify
	[ "$status" -eq 5 ]
	[[ $output == *"$T/disk/head is missing"*"is its disk there"* ]]
	run curfew vault slot remove one
	[ "$status" -eq 5 ]
	[ ! -e disk ]
	mkdir disk # the empty folder under a disk that is not mounted
	run curfew vault slot remove one
	[ "$status" -eq 5 ]
	[ ! -e disk/head ]
	rmdir disk && mv away disk
	cp v/curfew.toml told && : >v/curfew.toml
	run curfew audit verify
	[ "$status" -eq 5 ]
	[[ $output == *"kept elsewhere, at $T/disk/head"*head_file* ]]
	mv disk/head v/vault.head # as the message says, the other way
	curfew vault verify
	cp told v/curfew.toml
	curfew -q vault slot remove one
	[ -e disk/head ]
	curfew vault verify
}

@test "head_file: init, rekey, backup, restore and emergency" {
	mkdir -m 700 v disk
	head_at "$T/disk/head"
	make_vault
	[ "$(stat -c %s disk/head)" -eq 1024 ]
	curfew vault verify
	make_pair half
	curfew -q emergency setup "$PUB"
	curfew -q vault backup bak
	curfew -q vault slot add recipient "$PUB"
	curfew -q vault rekey
	curfew vault verify
	run curfew vault restore bak
	[ "$status" -eq 9 ]
	curfew -q vault restore bak --force
	[ -e disk/head.before ]
	curfew vault verify
	run curfew vault slot list --json
	[[ $output != *recipient* ]]
	[ -z "$(find disk -name '*.part')" ]
	# another vault cannot take the same place
	mkdir v2 && cp v/curfew.toml v2/
	V=$T/v2
	run curfew init --key-file key
	[ "$status" -eq 1 ]
	[[ $output == *"a vault's head already"* ]]
	# the emergency vault keeps its own head: the place is the lost one's
	V=$T/v
	curfew -q emergency open v/emergency.envelope --key half --into em --key-file key
	V=$T/em
	curfew vault verify
	grep -q '^# head_file' em/curfew.toml
	make_pair two
	curfew -q vault slot add recipient "$PUB"
	curfew vault verify
}

@test "head_file: a crash at each step of moving and restoring" {
	make_vault
	mkdir disk && head_at "$T/disk/head"
	curfew -q vault backup bak
	cp -a v start
	labels=$T/labels
	for what in "vault rekey" "vault restore bak --force"; do
		rm -rf v disk && cp -a start v && mkdir disk
		: >"$labels"
		# shellcheck disable=SC2086
		CURFEW_CRASH_LIST=$labels curfew -q $what
		for label in $(grep -E '^(rekey|restore|vault|io)[.:]' "$labels" | sort -u); do
			rm -rf v disk && cp -a start v && mkdir disk
			# shellcheck disable=SC2086
			CURFEW_CRASH_AT=$label run curfew $what
			[ "$status" -eq 137 ] || { echo "$label: $output"; false; }
			# shellcheck disable=SC2086
			[ "$what" = "vault rekey" ] || curfew -q $what
			run curfew vault verify
			[ "$status" -eq 0 ] || { echo "$label: $output"; false; }
		done
	done
}

@test "audit log: text, JSON, since" {
	make_vault
	make_pair half
	curfew -q vault slot add recipient "$PUB" --name safe
	run curfew audit log
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *"the vault was made"* ]]
	[[ ${lines[1]} == *"slot 2 added: recipient 'safe'"* ]]
	run curfew audit log --json --since 1h
	[[ $output == *'"seq":2'*'"kind":"vault"'* ]]
	run curfew audit log --since 2030-01-01T00:00:00Z
	[ "$status" -eq 0 ] && [ -z "$output" ]
	run curfew audit log --since yesterday
	[ "$status" -eq 2 ]
	run curfew audit log --incident beef
	[ "$status" -eq 1 ]
}

@test "a folder that cannot be written: reading works or is told, nothing breaks" {
	command -v setpriv >/dev/null || skip "no setpriv"
	make_vault
	cp "$C" key "$T/v/" && chmod 755 "$T" && chown -R 65534 v
	chmod 500 v
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
	run $as v/curfew --dir "$V" --no-input --key-file v/key vault slot list
	[ "$status" -eq 0 ] || [ "$status" -eq 5 ]
	make_pair half
	run $as v/curfew --dir "$V" --no-input --key-file v/key vault slot add recipient "$PUB"
	[ "$status" -eq 5 ] || [ "$status" -eq 75 ]
	[[ $output == *"curfew: cannot"* ]]
	chmod 700 v && chown -R 0 v
	run curfew vault verify
	[ "$status" -eq 0 ]
}

@test "a full disk: the change fails, the vault stays whole" {
	mkdir full
	mount -t tmpfs -o size=192k tmpfs full 2>/dev/null || skip "cannot mount here"
	V=$T/full/v
	curfew -q init --generate-key-file "$T/key"
	head -c 200000 /dev/zero >full/ballast 2>/dev/null || true
	make_pair half
	run curfew vault slot add recipient "$PUB"
	[ "$status" -eq 5 ]
	[[ $output == *"curfew: cannot"* ]]
	[[ $output == *full* ]] || [[ $output == *"No space"* ]]
	run curfew vault backup full/bak
	[ "$status" -eq 5 ]
	[ ! -e full/bak ] && [ ! -e full/bak.part ]
	rm full/ballast
	run curfew vault verify
	[ "$status" -eq 0 ]
	curfew -q vault slot add recipient "$PUB"
	curfew vault verify
}

@test "emergency: envelope, drill, and an ordinary vault from it" {
	make_vault
	run curfew emergency status
	[ "$status" -eq 1 ]
	[[ $output == *"cannot kill"*"keygen"* ]]
	make_pair half
	printf '[identity.ci-bot]\nowner = "ann"\n' >>v/curfew.toml
	run curfew emergency setup "$PUB"
	[ "$status" -eq 0 ]
	[ "$(mode v/emergency.envelope)" = 600 ]
	run curfew emergency status
	[ "$status" -eq 0 ]
	[[ $output == *"$PUB"* ]]
	cp v/emergency.envelope env && rm -rf v key # the worst day
	head -c 32 /dev/urandom >newkey && chmod 600 newkey
	run curfew emergency open env --key half --into em --key-file newkey
	[ "$status" -eq 0 ]
	[[ $output == *"curfew --dir"*"kill TARGET"* ]]
	grep -q 'identity.ci-bot' em/curfew.toml
	[ "$(mode em)" = 700 ]
	V=$T/em
	curfew vault verify
	run curfew audit log
	[[ $output == *"built from the emergency envelope"* ]]
	V=$T/v
	run curfew emergency open env --key half --into em --key-file newkey
	[ "$status" -eq 1 ]
	make_pair other
	run curfew emergency open env --key other --into em2 --key-file newkey
	[ "$status" -eq 5 ]
	[[ $output == *"another emergency key"* ]]
	printf 'X' | dd of=env bs=1 seek=160 conv=notrunc status=none
	run curfew emergency open env --key half --into em3 --key-file newkey
	[ "$status" -eq 5 ]
	[ ! -e em2/vault.db ] && [ ! -e em3/vault.db ]
}

@test "emergency setup --remove removes the envelope" {
	make_vault
	make_pair half
	curfew -q emergency setup "$PUB"
	curfew -q emergency setup --remove
	[ ! -e v/emergency.envelope ]
	run curfew emergency status --json
	[ "$status" -eq 1 ]
	[[ $output == *'"set": false'* ]] || [[ $output == *'"set":	false'* ]] ||
		[[ $output == *'"set":false'* ]]
}

@test "two at once: the second one is told to wait" {
	make_vault
	make_pair half
	exec {held}<v/vault.lock
	flock "$held"
	run curfew vault slot add recipient "$PUB"
	[ "$status" -eq 75 ]
	run curfew vault restore nothing
	[ "$status" -ne 0 ]
	exec {held}<&-
	curfew vault slot add recipient "$PUB"
}
