#!/usr/bin/env bats
# The passwords of SSH accounts: a login with one is a life that the keys do not
# show.  A real sshd without PAM, and files of a machine of our own.

bats_require_minimum_version 1.5.0

setup_file() {
	load sshd
	start_sshd
	[ "$(id -u)" = 0 ] || return 0
	export SSH_USER=curfew-p$$ SSH_PW=pw-$RANDOM$RANDOM
	useradd -M -d / -s /bin/sh -p "$(openssl passwd -6 "$SSH_PW")" "$SSH_USER"
	kill "$(cat "$SSHD_DIR/pid")"
	sed -i 's/^PasswordAuthentication no/PasswordAuthentication yes/' "$SSHD_DIR/config"
	while [ -e "$SSHD_DIR/pid" ]; do sleep 0.1; done
	"$(command -v sshd || echo /usr/sbin/sshd)" -f "$SSHD_DIR/config" -E "$SSHD_DIR/log" 3>&-
}

teardown_file() {
	load sshd
	stop_sshd
	[ -z "${SSH_USER:-}" ] || userdel "$SSH_USER" 2>/dev/null
}

setup() {
	load sshd
	load provider
	[ "$(id -u)" = 0 ] || skip "needs root: sshd has to serve another account"
	usermod -p "$(openssl passwd -6 "$SSH_PW")" "$SSH_USER"
	rm -f "$SSHD_DIR"/id/a "$SSHD_DIR"/id/a.pub
	new_key a
	cp "$SSHD_DIR/id/a.pub" "$SSHD_DIR/keys/$SSH_USER"
	printf '#!/bin/sh\necho "%s"\n' "$SSH_PW" >"$BATS_TEST_TMPDIR/askpass"
	chmod 755 "$BATS_TEST_TMPDIR/askpass"
}

teardown() {
	provider_stop
}

login_pw() {
	SSH_ASKPASS=$BATS_TEST_TMPDIR/askpass SSH_ASKPASS_REQUIRE=force \
		ssh -F none -p "$SSHD_PORT" -o PubkeyAuthentication=no \
		-o PreferredAuthentications=password -o NumberOfPasswordPrompts=1 \
		-o ConnectTimeout=10 -o StrictHostKeyChecking=no -o LogLevel=ERROR \
		-o UserKnownHostsFile=/dev/null "$SSH_USER@127.0.0.1" true </dev/null
}

curfew() {
	"$CURFEW_BUILD/curfew" --no-input --no-color "$@" 3>&-
}

@test "kill: the key and the password are refused by sshd, restore brings both back" {
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault
	printf 'secret of the %s\n' "key file, 32 bytes or more" >"$BATS_TEST_TMPDIR/key"
	chmod 600 "$BATS_TEST_TMPDIR/key"
	curfew init --key-file "$BATS_TEST_TMPDIR/key" >/dev/null
	printf '[vault]\nkey_file = "%s"\n' "$BATS_TEST_TMPDIR/key" >"$CURFEW_DIR/curfew.toml"
	curfew connect ssh web --set root=/ --set krl="$SSHD_DIR/krl" \
		--set authorized_keys="$SSHD_DIR/keys/%u" --set host=127.0.0.1 \
		--set port="$SSHD_PORT" --set host_key="$SSHD_KEY" </dev/null >/dev/null
	curfew sync >/dev/null
	login a "$SSH_USER"
	login_pw
	run curfew kill "web/$SSH_USER" --yes
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"web/$SSH_USER#password"*"DEAD (proved by the service's record)"* ]]
	run -255 login a "$SSH_USER"
	run -255 login_pw
	run curfew restore "$(curfew incident list | awk '/^INC-/ { print $1; exit }')" --yes
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"web/$SSH_USER  restored, and listed active"* ]]
	login a "$SSH_USER"
	login_pw
}

# ---- a machine of our own ---------------------------------------------------

machine() {
	M=$(mktemp -d "$SSHD_DIR/machine.XXXXXX")
	chmod 755 "$M"
	mkdir -p "$M/etc" "$M"/home/{ann,bob}/.ssh
	printf '%s\n' "ann:x:4321:4321::/home/ann:/bin/sh" \
		"bob:x:4322:4322::/home/bob:/bin/sh" \
		"daemon:x:1:1::/:/usr/sbin/nologin" >"$M/etc/passwd"
	HASH='$6$salt$0123456789abcdefghijklmnopqrstuvwxyz'
	printf '%s\n' 'daemon:*:19000:0:99999:7:::' "bob:!$HASH:19000:0:99999:7:::" \
		"# odd line" "ann:$HASH:19000:0:99999:7:::" 'last:x' >"$M/etc/shadow"
	chmod 640 "$M/etc/shadow"
	chown 0:42 "$M/etc/shadow"
	setfattr -n user.note -v kept "$M/etc/shadow" 2>/dev/null || true
	cp "$M/etc/shadow" "$BATS_TEST_TMPDIR/shadow"
	cp "$SSHD_DIR/id/a.pub" "$M/home/ann/.ssh/authorized_keys"
	chown -R 4321:4321 "$M/home/ann"
	chown -R 4322:4322 "$M/home/bob"
	provider_start "$CURFEW_BUILD/curfew-provider-ssh"
	ask_json "$(jq -nc --arg m "$M" '{verb: "hello", connection: "m", options: {root: $m}}')"
	expect .status ok
}

state_of() {
	item ".what == \"credential\" and .account == \"$1\" and .kind == \"password\"" |
		jq -r .state
}

@test "passwords are listed, never their hashes; locked ones are disabled" {
	machine
	ask list
	expect .complete true
	[ "$(state_of ann)" = active ]
	[ "$(state_of bob)" = disabled ]
	[ -z "$(state_of daemon)" ]
	[[ $ITEMS != *salt* ]]
	ask probe account daemon kind password credential password
	expect .life dead
	ask probe account nobody-there kind password credential password
	expect .life unknown
}

@test "keys gone, password there: the account is alive" {
	machine
	ask revoke account ann kind ssh-key
	expect .status ok
	ask probe account ann
	expect .life alive
	[[ $(got .evidence) == *"holds a password"* ]]
	ask list account ann
	[ "$(item '.what == "account"' | jq -r .state)" = active ]
	rm "$M/etc/shadow"
	ask probe account ann
	expect .life dead
	[[ $(got .evidence) == *"keys only: a password login may exist"* ]]
}

@test "an /etc/shadow that cannot be read proves nothing" {
	machine
	rm "$M/etc/shadow"
	mkdir "$M/etc/shadow"
	ask revoke account ann kind ssh-key
	ask probe account ann
	expect .life unknown
	ask list
	expect .complete false
}

@test "lock and unlock: one byte, everything else as it was" {
	machine
	for verb in disable revoke; do
		ask "$verb" account ann kind password credential password
		expect .status ok
		ask "$verb" account ann kind password credential password
		expect .status ok
		diff "$BATS_TEST_TMPDIR/shadow" "$M/etc/shadow" >"$BATS_TEST_TMPDIR/diff" && return 1
		[ "$(grep -c '^[<>]' "$BATS_TEST_TMPDIR/diff")" = 2 ]
		grep -qF "> ann:!$HASH:19000" "$BATS_TEST_TMPDIR/diff"
		[ "$(stat -c '%a %u:%g' "$M/etc/shadow")" = "640 0:42" ]
		ask probe account ann kind password credential password
		expect .life dead
		expect .proof record
		ask enable account ann kind password credential password
		expect .status ok
		cmp "$BATS_TEST_TMPDIR/shadow" "$M/etc/shadow"
	done
	ask revoke account daemon kind password credential password
	expect .status absent
	cmp "$BATS_TEST_TMPDIR/shadow" "$M/etc/shadow"
}

@test "what was locked before us stays locked; a snapshot tells which" {
	machine
	for who in ann bob; do
		ask disable account "$who"
		ask snapshot account "$who" # beside the disabling, as a kill does
		expect .status ok
		got .snapshot >"$BATS_TEST_TMPDIR/$who"
	done
	[[ $(cat "$BATS_TEST_TMPDIR/ann") != *salt* ]]
	for who in ann bob; do
		ask_json "$(jq -c --arg a "$who" '{verb: "restore", account: $a, snapshot: .}' \
			"$BATS_TEST_TMPDIR/$who")"
		expect .status ok
		ask enable account "$who"
	done
	cmp "$BATS_TEST_TMPDIR/shadow" "$M/etc/shadow"
}

@test "while usermod holds its lock nothing is written" {
	machine
	python3 - "$M/etc/.pwd.lock" <<-'END' 3>&- &
		import fcntl, sys, time
		f = open(sys.argv[1], "w")
		fcntl.lockf(f, fcntl.LOCK_EX)
		open(sys.argv[1] + ".held", "w")
		time.sleep(30)
	END
	local holder=$!
	while [ ! -e "$M/etc/.pwd.lock.held" ]; do sleep 0.05; done
	ask disable account ann kind password credential password
	kill "$holder"
	expect .status retry
	cmp "$BATS_TEST_TMPDIR/shadow" "$M/etc/shadow"
	ask disable account ann kind password credential password
	expect .status ok
}
