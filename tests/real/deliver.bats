#!/usr/bin/env bats
# A rotation from end to end: the vault, a real PostgreSQL server and a real
# sshd, and the file sink inside the sandbox that curfew starts it in, with a
# consumer that logs in with what it finds.

bats_require_minimum_version 1.5.0

setup_file() {
	load provider
	load postgres
	load sshd
	start_postgres
	start_sshd
	if [ "$(id -u)" = 0 ]; then
		export SSH_USER=curfew-d$$
		useradd -M -d / -s /bin/sh "$SSH_USER"
		usermod -p '*' "$SSH_USER" # not locked, no password
	fi
}

teardown_file() {
	load provider
	load postgres
	load sshd
	stop_postgres
	stop_sshd
	if [ -n "${SSH_USER:-}" ]; then
		pkill -KILL -u "$SSH_USER" || true
		userdel "$SSH_USER" 2>/dev/null
	fi
}

setup() {
	load provider
	load postgres
	load sshd
	SESSION_FD=
	HELD=
	T=$(mktemp -d "${TMPDIR:-/tmp}/curfew-deliver.XXXXXX")
	mkdir -m 755 "$T/secrets" "$T/secrets/app" "$T/run"
	ROLE=app$BATS_TEST_NUMBER
	sql "CREATE ROLE $ROLE LOGIN PASSWORD 'first-password'"
	printf 'secret of the %s\n' "key file, 32 bytes or more" >"$T/key"
	chmod 600 "$T/key"
	export CURFEW_DIR=$T/vault
	curfew init --key-file "$T/key" >/dev/null
	cat >"$T/vault/curfew.toml" <<-END
		[vault]
		key_file = "$T/key"
		[rotation.db]
		connections = ["pg"]
		every = "30d"
		deliver = ["files/app/db"]
	END
	curfew connect postgres pg --set host=127.0.0.1 --set port="$PG_PORT" \
		--secret-stdin <<<"$PG_ADMIN" >/dev/null
	curfew sync >/dev/null
}

teardown() {
	for p in $HELD; do kill -KILL "$p" 2>/dev/null || true; done
	rm -rf "$T"
}

curfew() {
	timeout 120 "$CURFEW_BUILD/curfew" --no-input --no-color "$@" 3>&-
}

# consumer: reads the file at each HUP and at its start, says whether it gets in
consumer() {
	rm -f "$T/run/pid"
	(
		shut_pipes
		exec bash -c '
			try() { . "$1/secrets/app/db" && PGPASSWORD=$SECRET psql -h 127.0.0.1 -p "$2" -U "$3" \
				-d postgres -X -q -At -c "SELECT 1" >"$1/seen.new" 2>&1; mv "$1/seen.new" "$1/seen"; }
			trap "try $1 $2 $3" HUP
			echo $$ >"$1/run/pid.new"; mv "$1/run/pid.new" "$1/run/pid"
			while :; do sleep 0.1; done' consumer "$T" "$PG_PORT" "$ROLE"
	) >/dev/null 2>&1 &
	HELD+=" $!"
	wait_until [ -s "$T/run/pid" ]
}

seen_in() {
	[ "$(cat "$T/seen")" = 1 ]
}

@test "rotate: the file has the new password, the consumer was told and logs in with it" {
	consumer
	curfew connect file files --set root="$T/secrets" --set format=env \
		--set signal=HUP --set use_pid_file="$T/run/pid" </dev/null
	run curfew rotate "pg/$ROLE#password" --wait 5s
	echo "$output"
	wait_until seen_in
	. "$T/secrets/app/db"
	[ "${#SECRET}" -ge 20 ]
	[ "$(sql_as "$ROLE" "$SECRET" 'SELECT 1')" = 1 ]
	run sql_as "$ROLE" first-password 'SELECT 1'
	[ "$status" -eq 2 ]
	run ! grep -rF "$SECRET" "$T/vault" "$PG_DIR/log"
}

@test "rotate: a key lives beside the old one until the consumer runs anew" {
	[ "$(id -u)" = 0 ] || skip "needs root: sshd has to serve another account"
	new_key a
	cp "$SSHD_DIR/id/a.pub" "$SSHD_DIR/keys/$SSH_USER"
	chown "$SSH_USER" "$SSHD_DIR/keys/$SSH_USER"
	sed -i 's/connections = .*/connections = ["web"]/; s/app.db/app\/key/' "$T/vault/curfew.toml"
	curfew connect ssh web --set file."$SSH_USER"="$SSHD_DIR/keys/$SSH_USER" --set host=127.0.0.1 \
		--set port="$SSHD_PORT" --set host_key="$SSHD_KEY" --set krl="$SSHD_DIR/krl" </dev/null
	consumer
	curfew connect file files --set root="$T/secrets" --set use_pid_file="$T/run/pid" </dev/null
	curfew sync >/dev/null
	run curfew rotate "web/$SSH_USER#$(print_of a)" --wait 5s
	echo "$output"
	[ "$status" -eq 0 ] # "not yet" is no trouble: it is asked again
	[[ $output == *"WAITING (delivered"* ]]
	[[ $output != *tuck* ]]
	cp "$T/secrets/app/key" "$SSHD_DIR/id/fresh"
	login fresh "$SSH_USER"
	login a "$SSH_USER" # nobody is cut off yet
	for p in $HELD; do kill -KILL "$p"; done
	consumer # it reads the file at its start
	run curfew rotate --resume --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *DONE* ]]
	login fresh "$SSH_USER"
	run login a "$SSH_USER"
	[ "$status" -eq 255 ]
}

@test "rotate: a program and systemd's credentials take it too, each in its sandbox" {
	[ "$(id -u)" = 0 ] || skip "the host's key is root's"
	systemd-creds setup >/dev/null 2>&1 || [ -s /var/lib/systemd/credential.secret ] ||
		skip "no host key can be made here"
	mkdir -m 700 "$T/own" "$T/bin"
	# it reaches what it was given, and nothing else of the disk
	cat >"$T/bin/take" <<-END
		#!/bin/sh
		[ "\$1" = deliver ] || exit 0
		cat >$T/own/got || exit 1
		if cat $T/vault/curfew.toml || cat $T/key || (echo x >$T/elsewhere); then exit 77; fi
		exit 0
	END
	chmod 755 "$T/bin/take"
	sed -i 's|^deliver.*|deliver = ["prog/app/db", "units/app/db.cred"]\nadopt = "acknowledged"|' \
		"$T/vault/curfew.toml"
	curfew connect program prog --set use_program="$T/bin/take" \
		--set write.own="$T/own" </dev/null
	printf '#!/bin/sh\nexit 0\n' >"$T/bin/reload"
	chmod 755 "$T/bin/reload"
	curfew connect systemd units --set root="$T/secrets" --set use_reload="$T/bin/reload" \
		--set use_host_key=/var/lib/systemd/credential.secret </dev/null
	run curfew rotate "pg/$ROLE#password" --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	[ ! -e "$T/elsewhere" ]
	[ "$(sql_as "$ROLE" "$(cat "$T/own/got")" 'SELECT 1')" = 1 ]
	[ "$(systemd-creds decrypt --name=db "$T/secrets/app/db.cred" -)" = "$(cat "$T/own/got")" ]
}

@test "rotate: the desktop's keyring takes it too, over the session's bus" {
	command -v gnome-keyring-daemon >/dev/null || skip "gnome-keyring is not installed"
	sed -i 's|^deliver.*|deliver = ["desk/app/db"]|' "$T/vault/curfew.toml"
	mkdir -m 700 "$T/home" "$T/xdg"
	cat >"$T/session" <<-'END'
		printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
		for _ in $(seq 100); do
			dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
				org.freedesktop.DBus.Peer.Ping >/dev/null 2>&1 && break
			sleep 0.1
		done
		"$CURFEW_BUILD/curfew" --no-input connect libsecret desk </dev/null
		# a keyring cannot tell who reads it: a person says so
		"$CURFEW_BUILD/curfew" --no-input rotate "pg/$1#password" --wait 20s
		echo "told $?"
		"$CURFEW_BUILD/curfew" --no-input rotate --adopted "pg/$1#password" --wait 20s
		echo "rotated $?"
		dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
			org.freedesktop.Secret.Service.SearchItems dict:string:string:place,app/db | grep -c /collection/
	END
	run env HOME="$T/home" XDG_RUNTIME_DIR="$T/xdg" timeout 120 \
		dbus-run-session -- bash "$T/session" "$ROLE" 3>&-
	echo "$output"
	[[ $output == *"STUCK (delivered, and nothing here can tell"*$'told 4\n'* ]]
	[[ $output == *"DONE"*$'rotated 0\n1' ]]
	run sql_as "$ROLE" first-password 'SELECT 1'
	[ "$status" -eq 2 ]
}
