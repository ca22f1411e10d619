#!/usr/bin/env bats
# curfew-provider-ssh against a real sshd, over the line protocol.

bats_require_minimum_version 1.5.0

setup_file() {
	load sshd
	start_sshd
	if [ "$(id -u)" = 0 ]; then
		export SSH_USER=curfew-t$$ SSH_OTHER=curfew-o$$
		for user in "$SSH_USER" "$SSH_OTHER"; do
			useradd -M -d / -s /bin/sh "$user"
			usermod -p '*' "$user" # not locked, no password
		done
	fi
}

teardown_file() {
	load sshd
	stop_sshd
	for user in ${SSH_USER:-} ${SSH_OTHER:-}; do
		pkill -KILL -u "$user" || true
		userdel "$user" 2>/dev/null
	done
}

setup() {
	load sshd
	load provider
	[ "$(id -u)" = 0 ] || skip "needs root: sshd has to serve two accounts"
	rm -f "$SSHD_DIR"/id/[abc] "$SSHD_DIR"/id/[abc].pub "$SSHD_DIR"/{keys,more}/*
	: >"$SSHD_DIR/krl"
	new_key a
	new_key b
	A=$(print_of a)
	B=$(print_of b)
	KEYS=$SSHD_DIR/keys/$SSH_USER
	{
		echo "# first"
		cat "$SSHD_DIR/id/a.pub"
		printf 'no-agent-forwarding,environment="X=a, b" %s\r\n' \
			"$(cat "$SSHD_DIR/id/b.pub")"
		printf '# last, without a newline'
	} >"$KEYS"
	chmod 640 "$KEYS"
	chown "$SSH_USER" "$KEYS"
	cp -p "$KEYS" "$BATS_TEST_TMPDIR/before"
}

teardown() {
	provider_stop
	if [ -n "${HELD:-}" ]; then kill $HELD 2>/dev/null || true; fi
}

# connect [OPTIONS-JSON]: the machine's accounts, keys as the server reads them
connect() {
	local more=${1:-}
	[ -n "$more" ] || more='{}'
	provider_start "${PROGRAM:-$CURFEW_BUILD/curfew-provider-ssh}"
	ask_json "$(jq -nc --arg dir "$SSHD_DIR" --argjson more "$more" \
		'{verb: "hello", protocol: 1, connection: "box",
		  options: ({root: "/", authorized_keys: ($dir + "/keys/%u"),
			     krl: ($dir + "/krl")} + $more)}')"
	expect .status ok
}

with_server() {
	connect "$(jq -nc --arg port "$SSHD_PORT" --arg key "$SSHD_KEY" \
		--argjson more "${1:-null}" \
		'{host: "127.0.0.1", port: $port, host_key: $key} + $more')"
}

on_key() { # VERB FINGERPRINT
	ask "$1" account "$SSH_USER" kind ssh-key credential "$2"
}

proved() { # FINGERPRINT LIFE [PROOF]
	on_key probe "$1"
	expect .status ok
	expect .life "$2"
	[ -z "${3:-}" ] || expect .proof "$3"
}

@test "revoke: the key is refused, the other one works, restore brings it back" {
	login a "$SSH_USER"
	login b "$SSH_USER"
	with_server
	proved "$A" alive
	on_key snapshot "$A"
	expect .status ok
	snap=$(got .snapshot)
	on_key revoke "$A"
	expect .status ok
	run login a "$SSH_USER"
	[ "$status" -eq 255 ]
	login b "$SSH_USER"
	proved "$A" dead refusal
	proved "$B" alive
	run ! grep -qF "$(cut -d' ' -f2 "$SSHD_DIR/id/a.pub")" "$KEYS"
	run ssh-keygen -Qf "$SSHD_DIR/krl" "$SSHD_DIR/id/a.pub"
	[[ $output == *REVOKED* ]]
	[ "$(stat -c '%U %a' "$KEYS")" = "$SSH_USER 640" ]
	on_key revoke "$A" # again
	[[ $(got .status) == ok || $(got .status) == absent ]]

	ask_json "$(jq -nc --arg a "$SSH_USER" --argjson s "$snap" \
		'{verb: "restore", account: $a, snapshot: $s}')"
	expect .status ok
	cmp "$KEYS" "$BATS_TEST_TMPDIR/before"
	login a "$SSH_USER"
	login b "$SSH_USER"
	proved "$A" alive
	ask_json "$(jq -nc --arg a "$SSH_USER" --argjson s "$snap" \
		'{verb: "restore", account: $a, snapshot: $s}')"
	expect .status ok
	cmp "$KEYS" "$BATS_TEST_TMPDIR/before"
}

@test "disable and enable: refused, then as before, to the byte" {
	with_server
	on_key disable "$B"
	expect .status ok
	run login b "$SSH_USER"
	[ "$status" -eq 255 ]
	login a "$SSH_USER"
	proved "$B" dead refusal
	ask list account "$SSH_USER"
	expect .complete true
	[ "$(item '.what=="credential" and .state=="disabled"' | jq -r .id)" = "$B" ]
	on_key disable "$B"
	expect .status ok
	on_key enable "$B"
	expect .status ok
	cmp "$KEYS" "$BATS_TEST_TMPDIR/before"
	login b "$SSH_USER"
}

@test "the whole account: every key at once, and back" {
	with_server
	ask disable account "$SSH_USER"
	expect .status ok
	for k in a b; do
		run login $k "$SSH_USER"
		[ "$status" -eq 255 ]
	done
	ask probe account "$SSH_USER"
	expect .life dead
	ask enable account "$SSH_USER"
	expect .status ok
	cmp "$KEYS" "$BATS_TEST_TMPDIR/before"
	ask probe account "$SSH_USER"
	expect .life alive
	ask revoke account "$SSH_USER"
	expect .status ok
	for k in a b; do
		run login $k "$SSH_USER"
		[ "$status" -eq 255 ]
	done
}

@test "the revocation list ends a key that also stands in a file nobody named" {
	cp "$SSHD_DIR/id/a.pub" "$SSHD_DIR/more/$SSH_USER"
	cp "$SSHD_DIR/id/a.pub" "$SSHD_DIR/keys/root"
	chmod 644 "$SSHD_DIR"/more/*
	with_server
	on_key revoke "$A"
	expect .status ok
	run login a "$SSH_USER"
	[ "$status" -eq 255 ]
	run login a root
	[ "$status" -eq 255 ]
	proved "$A" dead refusal
}

@test "without the list, a key that the server still takes is alive" {
	cp "$SSHD_DIR/id/a.pub" "$SSHD_DIR/more/$SSH_USER"
	chmod 644 "$SSHD_DIR"/more/*
	with_server '{"krl":""}'
	on_key revoke "$A"
	expect .status ok
	login a "$SSH_USER"
	proved "$A" alive
}

@test "the same key of another account is told" {
	cp "$SSHD_DIR/id/a.pub" "$SSHD_DIR/keys/root"
	connect '{"krl":""}'
	on_key revoke "$A"
	proved "$A" dead record
	expect .also_opens root
	[[ $(got .evidence) == *root* ]]
}

@test "a list that already holds other keys keeps them" {
	new_key c
	ssh-keygen -q -kf "$SSHD_DIR/krl" "$SSHD_DIR/id/c.pub"
	connect
	on_key revoke "$A"
	expect .status ok
	for k in a c; do
		run ssh-keygen -Qf "$SSHD_DIR/krl" "$SSHD_DIR/id/$k.pub"
		[[ $output == *REVOKED* ]]
	done
	login b "$SSH_USER"
	# and a plain text one
	cp "$SSHD_DIR/id/c.pub" "$SSHD_DIR/krl"
	on_key revoke "$B"
	expect .status ok
	[ "$(wc -l <"$SSHD_DIR/krl")" = 2 ]
	for k in b c; do
		run login $k "$SSH_USER"
		[ "$status" -eq 255 ]
	done
}

@test "a malformed list is left alone, and the key's line still goes" {
	printf 'SSHKRL\n\0 and then nonsense' >"$SSHD_DIR/krl"
	cp "$SSHD_DIR/krl" "$BATS_TEST_TMPDIR/krl"
	connect
	on_key revoke "$A"
	expect .status unknown
	cmp "$SSHD_DIR/krl" "$BATS_TEST_TMPDIR/krl"
	run ! grep -qF "$(cut -d' ' -f2 "$SSHD_DIR/id/a.pub")" "$KEYS"
	on_key probe "$A"
	expect .life unknown
	ask_json '{"verb":"list"}'
	expect .complete false
}

@test "no proof from a stranger's server, from none, or from a from= option" {
	connect "{\"host\":\"127.0.0.1\",\"port\":\"$SSHD_PORT\",\"host_key\":\"$A\"}"
	on_key revoke "$A"
	proved "$A" unknown
	[[ $(got .evidence) == *"$SSHD_KEY"* ]]
	provider_stop
	connect '{"host":"127.0.0.1","port":"1","host_key":"any"}'
	proved "$A" unknown
	provider_stop
	printf 'from="192.0.2.1" %s\n' "$(cat "$SSHD_DIR/id/b.pub")" >"$KEYS"
	with_server
	proved "$B" unknown
	[[ $(got .evidence) == *"with options"* ]]
}

@test "known_hosts is believed, an unknown host is not" {
	printf '[127.0.0.1]:%s %s\n' "$SSHD_PORT" "$(cat "$SSHD_DIR/id/host.pub")" \
		>"$BATS_TEST_TMPDIR/known"
	connect "{\"host\":\"127.0.0.1\",\"port\":\"$SSHD_PORT\",\"known_hosts\":\"$BATS_TEST_TMPDIR/known\"}"
	on_key revoke "$A"
	proved "$A" dead refusal
	provider_stop
	: >"$BATS_TEST_TMPDIR/known"
	connect "{\"host\":\"127.0.0.1\",\"port\":\"$SSHD_PORT\",\"known_hosts\":\"$BATS_TEST_TMPDIR/known\"}"
	proved "$B" unknown
}

@test "RSA and ECDSA keys are proved like Ed25519 ones" {
	for kind in "rsa -b 2048" "ecdsa"; do
		rm -f "$SSHD_DIR"/id/c*
		# shellcheck disable=SC2086
		new_key c -t $kind
		cat "$SSHD_DIR/id/c.pub" >"$KEYS"
		with_server
		proved "$(print_of c)" alive
		on_key revoke "$(print_of c)"
		proved "$(print_of c)" dead refusal
		provider_stop
	done
}

@test "lines that sshd takes although they look odd are seen and ended" {
	local key
	key=$(cut -d' ' -f2 "$SSHD_DIR/id/a.pub")
	for line in "  ssh-ed25519 $key x" $'ssh-ed25519\t'"$key" \
		$'ssh-ed25519 '"$key"$'\r' "command=\"exit 0\" ssh-ed25519 $key" \
		"no-pty,command=\"echo \\\"a, b\\\"\"  ssh-ed25519  $key  two words"; do
		printf '%s\n' "$line" >"$KEYS"
		login a "$SSH_USER"
		connect '{"krl":""}'
		on_key revoke "$A"
		expect .status ok
		[ ! -s "$KEYS" ]
		run login a "$SSH_USER"
		[ "$status" -eq 255 ]
		provider_stop
	done
}

held() { # KEY ACCOUNT: a session that stays; its pid in HELD
	login "$1" "$2" 'echo ready; sleep 300' >"$BATS_TEST_TMPDIR/held.$2" 2>&1 3>&- &
	HELD="${HELD:-} $!"
	LAST=$!
	for _ in $(seq 100); do
		if grep -q ready "$BATS_TEST_TMPDIR/held.$2"; then return 0; fi
		sleep 0.1
	done
	cat "$BATS_TEST_TMPDIR/held.$2" >&2
	return 1
}

gone() { # ACCOUNT: has no process any more, after a moment
	for _ in $(seq 50); do
		if ! pgrep -u "$1" >/dev/null; then return 0; fi
		sleep 0.1
	done
	ps -u "$1" >&2
	return 1
}

@test "cut_sessions ends the account's live sessions, and nobody else's" {
	cp "$SSHD_DIR/id/b.pub" "$SSHD_DIR/keys/$SSH_OTHER"
	held a "$SSH_USER"
	mine=$LAST
	held b "$SSH_OTHER"
	other=$LAST
	connect
	ask cut_sessions account "$SSH_USER"
	expect .status unsupported
	kill -0 "$mine"
	provider_stop
	connect '{"sessions":"cut"}'
	on_key revoke "$A"
	kill -0 "$mine" # a revoked key leaves the session up
	ask cut_sessions account "$SSH_USER"
	expect .status ok
	expect .count 1
	run wait "$mine"
	[ "$status" -ne 0 ]
	gone "$SSH_USER"
	kill -0 "$other"
	ask cut_sessions account "$SSH_USER"
	expect .count 0
}

@test "a process that only calls itself sshd is nobody's session" {
	cp "$(command -v sleep)" "$SSHD_DIR/sshd"
	chmod 755 "$SSHD_DIR/sshd"
	setpriv --reuid "$SSH_USER" --clear-groups "$SSHD_DIR/sshd" 300 3>&- &
	HELD=$!
	connect '{"sessions":"cut"}'
	ask cut_sessions account "$SSH_USER"
	expect .count 0
	kill -0 "$HELD"
}

@test "a session that has ended and was not waited for is counted by nobody" {
	# perl's $0 is the process's name as /proc shows it
	uid=$(id -u "$SSH_USER") perl -MPOSIX -e '
		$0 = "sshd";
		if (!fork) { POSIX::setuid($ENV{uid}); POSIX::_exit(0) }
		sleep 300' 3>&- &
	HELD=$!
	for _ in $(seq 100); do
		! ps -o stat= --ppid "$HELD" | grep -q Z || break
		sleep 0.1
	done
	ps -o stat= --ppid "$HELD" | grep -q Z
	connect '{"sessions":"cut"}'
	ask cut_sessions account "$SSH_USER"
	expect .status ok
	expect .count 0
}

@test "root's sessions end too, but not the one that curfew runs in" {
	# in a process namespace of its own: other sessions of root on this
	# machine are none of our business
	unshare -pf --mount-proc true 2>/dev/null || skip "no process namespaces here"
	cp "$SSHD_DIR/id/b.pub" "$SSHD_DIR/keys/root"
	sed "s/^Port .*/Port $(free_port)/; s,^PidFile .*,PidFile $SSHD_DIR/pid2," \
		"$SSHD_DIR/config" >"$SSHD_DIR/config2"
	cat >"$SSHD_DIR/cut" <<-END
		#!/bin/sh
		{ printf '{"id":1,"verb":"hello","connection":"x","options":{"root":"/","sessions":"cut"}}\n{"id":2,"verb":"cut_sessions","account":"root"}\n'
		} | $CURFEW_BUILD/curfew-provider-ssh
	END
	chmod 755 "$SSHD_DIR/cut"
	cat >"$SSHD_DIR/inside" <<-'END'
		load() { . "$HERE/$1.bash"; }
		load sshd
		SSHD_PORT=$(sed -n 's/^Port //p' "$SSHD_DIR/config2")
		/usr/sbin/sshd -f "$SSHD_DIR/config2" -E "$SSHD_DIR/log2"
		for _ in $(seq 50); do [ -s "$SSHD_DIR/pid2" ] && break; sleep 0.1; done
		login b root 'echo ready; exec sleep 300' >"$SSHD_DIR/held" 2>&1 &
		held=$!
		for _ in $(seq 100); do grep -q ready "$SSHD_DIR/held" && break; sleep 0.1; done
		login b root "$SSHD_DIR/cut; echo still here"
		wait $held
		echo "held ended with $?"
	END
	HERE=$BATS_TEST_DIRNAME run timeout 60 unshare -pf --mount-proc \
		--kill-child bash "$SSHD_DIR/inside"
	echo "$output"
	[[ $output == *'"count":1,"kept_own":1'* ]]
	[[ $output == *"still here"* ]]
	[[ $output == *"held ended with 255"* ]]
}

@test "curfew kills a key in a single file, confined, and gives it back" {
	[ -x "$CURFEW_BUILD/curfew" ] || skip "no core yet"
	mkdir "$SSHD_DIR/etc"
	ln -sf "$SSHD_DIR/etc/bot" "$SSHD_DIR/more/$SSH_USER"
	cp "$BATS_TEST_TMPDIR/before" "$SSHD_DIR/etc/bot"
	chmod 644 "$SSHD_DIR/etc/bot"
	: >"$KEYS"
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault CURFEW_PROVIDER_PATH=$CURFEW_BUILD
	curfew=("$CURFEW_BUILD/curfew" --key-file "$BATS_TEST_TMPDIR/key")
	(umask 077 && head -c 32 /dev/urandom >"$BATS_TEST_TMPDIR/key")
	"${curfew[@]:0:1}" init --key-file "$BATS_TEST_TMPDIR/key"
	"${curfew[@]}" connect ssh box --set "file.$SSH_USER=$SSHD_DIR/etc/bot" \
		--set host=127.0.0.1 --set "port=$SSHD_PORT" --set "host_key=$SSHD_KEY"
	"${curfew[@]}" sync
	login a "$SSH_USER"
	run "${curfew[@]}" kill "box/$SSH_USER#$A" --yes --reason test
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"$A"*"DEAD (proved)"* ]]
	run login a "$SSH_USER"
	[ "$status" -eq 255 ]
	login b "$SSH_USER"
	incident=$("${curfew[@]}" incident list | grep -o 'INC-[0-9-]*' | head -1)
	"${curfew[@]}" restore "$incident" --yes
	cmp "$SSHD_DIR/etc/bot" "$BATS_TEST_TMPDIR/before"
	login a "$SSH_USER"
}

# ---- files of hostile users, without a server -------------------------------

# machine: a root folder with one account, mallory, whose home is his own
machine() {
	M=$(mktemp -d "$SSHD_DIR/machine.XXXXXX")
	chmod 755 "$M"
	mkdir -p "$M/etc" "$M/home/mallory/.ssh"
	echo "mallory:x:4321:4321::/home/mallory:/bin/sh" >"$M/etc/passwd"
	cat "$SSHD_DIR/id/a.pub" "$SSHD_DIR/id/b.pub" >"$M/home/mallory/.ssh/authorized_keys"
	chown -R 4321:4321 "$M/home/mallory"
	SSH_USER=mallory
	provider_start "${PROGRAM:-$CURFEW_BUILD/curfew-provider-ssh}"
	ask_json "$(jq -nc --arg m "$M" '{verb: "hello", connection: "m", options: {root: $m}}')"
	expect .status ok
}

@test "a link that the user planted is refused and nothing behind it changes" {
	machine
	cat "$SSHD_DIR/id/a.pub" >"$M/etc/target"
	ln -sf "$M/etc/target" "$M/home/mallory/.ssh/authorized_keys"
	chown -h 4321 "$M/home/mallory/.ssh/authorized_keys"
	cp "$M/etc/target" "$BATS_TEST_TMPDIR/target"
	on_key revoke "$A"
	expect .status refused
	[[ $(got .error) == *"symbolic link"* ]]
	on_key disable "$A"
	expect .status refused
	cmp "$M/etc/target" "$BATS_TEST_TMPDIR/target"
	proved "$A" unknown
	ask_json '{"verb":"list"}'
	expect .complete false

	# the same with the folder, and with a hard-to-see ".."
	rm "$M/home/mallory/.ssh/authorized_keys"
	rmdir "$M/home/mallory/.ssh"
	mkdir "$M/etc/keys"
	cat "$SSHD_DIR/id/a.pub" >"$M/etc/keys/authorized_keys"
	ln -s ../../etc/keys "$M/home/mallory/.ssh"
	chown -h 4321 "$M/home/mallory/.ssh"
	on_key revoke "$A"
	expect .status refused
	grep -q test "$M/etc/keys/authorized_keys"
	# root's own link in root's own folder may be followed
	rm "$M/home/mallory/.ssh"
	mv "$M/home" "$M/data"
	ln -s data "$M/home"
	mkdir "$M/data/mallory/.ssh"
	cat "$SSHD_DIR/id/a.pub" >"$M/data/mallory/.ssh/authorized_keys"
	on_key revoke "$A"
	expect .status ok
	[ ! -s "$M/data/mallory/.ssh/authorized_keys" ]
}

@test "a link cannot lead out of the machine's folder" {
	machine
	mkdir "$BATS_TEST_TMPDIR/out"
	cat "$SSHD_DIR/id/a.pub" >"$BATS_TEST_TMPDIR/out/authorized_keys"
	rm -r "$M/home/mallory/.ssh"
	chown root "$M/home/mallory"
	ln -s "$BATS_TEST_TMPDIR/out" "$M/home/mallory/.ssh"
	on_key revoke "$A"
	grep -q test "$BATS_TEST_TMPDIR/out/authorized_keys"
	proved "$A" dead record # below the folder there is no such file
}

@test "a pipe, a folder or a stranger's file in its place does not hold us" {
	machine
	rm "$M/home/mallory/.ssh/authorized_keys"
	mkfifo "$M/home/mallory/.ssh/authorized_keys"
	on_key revoke "$A"
	expect .status refused
	rm "$M/home/mallory/.ssh/authorized_keys"
	mkdir "$M/home/mallory/.ssh/authorized_keys"
	on_key revoke "$A"
	expect .status refused
	rmdir "$M/home/mallory/.ssh/authorized_keys"
	cat "$SSHD_DIR/id/a.pub" >"$M/home/mallory/.ssh/authorized_keys"
	chown 9999 "$M/home/mallory/.ssh/authorized_keys"
	on_key revoke "$A"
	expect .status refused
	proved "$A" unknown
}

@test "owner, mode and attributes stay" {
	machine
	f=$M/home/mallory/.ssh/authorized_keys
	chmod 604 "$f"
	setfattr -n user.note -v kept "$f" || skip "no extended attributes here"
	on_key revoke "$A"
	expect .status ok
	[ "$(stat -c '%u %g %a' "$f")" = "4321 4321 604" ]
	[ "$(getfattr --only-values -n user.note "$f" 2>/dev/null)" = kept ]
	[ -z "$(find "$M" -name '.curfew*')" ]
}

@test "two processes revoke at once: every line goes, no other is lost" {
	machine
	provider_stop
	f=$M/home/mallory/.ssh/authorized_keys
	: >"$f"
	new_key c -t ecdsa
	for i in $(seq 40); do
		rm -f "$SSHD_DIR"/id/c*
		new_key c
		cat "$SSHD_DIR/id/c.pub" >>"$f"
		print_of c >>"$BATS_TEST_TMPDIR/prints"
	done
	echo "# the end" >>"$f"
	for part in 1 2; do
		{
			printf '{"id":1,"verb":"hello","connection":"m","options":{"root":"%s","krl":"%s"}}\n' \
				"$M" "$SSHD_DIR/krl"
			sed -n "$part~2p" "$BATS_TEST_TMPDIR/prints" | head -15 |
				jq -Rc '{id: (input_line_number + 1), verb: "revoke", account: "mallory",
					kind: "ssh-key", credential: .}'
		} | "$CURFEW_BUILD/curfew-provider-ssh" >"$BATS_TEST_TMPDIR/out.$part" &
		pids="${pids:-} $!"
	done
	for p in $pids; do wait "$p"; done
	cat "$BATS_TEST_TMPDIR"/out.*
	[ "$(cat "$BATS_TEST_TMPDIR"/out.* | jq -r 'select(.id > 1) | .status' | sort | uniq -c |
		tr -s ' ')" = " 30 ok" ]
	[ "$(wc -l <"$f")" = 11 ]
	[ "$(tail -1 "$f")" = "# the end" ]
	[ "$(ssh-keygen -Qlf "$SSHD_DIR/krl" | grep -c hash:)" = 30 ]
}

@test "killed in the middle of a change, the file is the old or the new one" {
	machine
	provider_stop
	f=$M/home/mallory/.ssh/authorized_keys
	cp -p "$f" "$BATS_TEST_TMPDIR/old"
	cat "$SSHD_DIR/id/b.pub" >"$BATS_TEST_TMPDIR/new"
	for point in ssh:temp ssh:before-rename ssh:after-rename; do
		cp -p "$BATS_TEST_TMPDIR/old" "$f"
		run env CURFEW_CRASH_AT=$point "$CURFEW_BUILD/curfew-provider-ssh" <<-END
			{"id":1,"verb":"hello","connection":"m","options":{"root":"$M"}}
			{"id":2,"verb":"revoke","account":"mallory","kind":"ssh-key","credential":"$A"}
		END
		[ "$status" -eq 137 ]
		if [ $point = ssh:after-rename ]; then
			cmp "$f" "$BATS_TEST_TMPDIR/new"
		else
			cmp "$f" "$BATS_TEST_TMPDIR/old"
		fi
	done
}

@test "option file.ACCOUNT needs no passwd; a wrong option is told" {
	cat "$SSHD_DIR/id/a.pub" >"$BATS_TEST_TMPDIR/keys"
	provider_start "$CURFEW_BUILD/curfew-provider-ssh"
	ask_json '{"verb":"hello","connection":"m","options":{}}'
	expect .status refused
	[[ $(got .error) == *"root=/"* ]]
	ask_json '{"verb":"hello","connection":"m","options":{"rot":"/"}}'
	expect .status refused
	[[ $(got .error) == *"known options: root"* ]]
	ask_json "{\"verb\":\"hello\",\"connection\":\"m\",\"options\":{\"file.bot\":\"$BATS_TEST_TMPDIR/keys\"}}"
	expect .status ok
	ask_json '{"verb":"list"}'
	expect .complete true
	[ "$(item '.what=="account"' | jq -r .account)" = bot ]
	SSH_USER=bot
	on_key revoke "$A"
	expect .status ok
	[ ! -s "$BATS_TEST_TMPDIR/keys" ]
}
