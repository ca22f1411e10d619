#!/usr/bin/env bats
# The ssh provider on the files of a machine where one user is hostile.

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root: files of two accounts"
	M=$BATS_TEST_TMPDIR/machine
	mkdir -p "$M/etc" "$M"/home/{ann,bob}/.ssh
	printf '%s\n' "ann:x:4321:4321::/home/ann:/bin/sh" \
		"bob:x:4322:4322::/home/bob:/bin/sh" >"$M/etc/passwd"
	for who in ann bob; do
		ssh-keygen -q -t ed25519 -N '' -C "$who" -f "$BATS_TEST_TMPDIR/$who"
		cp "$BATS_TEST_TMPDIR/$who.pub" "$M/home/$who/.ssh/authorized_keys"
	done
	chown -R 4321:4321 "$M/home/ann"
	chown -R 4322:4322 "$M/home/bob"
	printf 'secret of the %s\n' "key file, 32 bytes or more" >"$BATS_TEST_TMPDIR/key"
	chmod 600 "$BATS_TEST_TMPDIR/key"
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault
	curfew init --key-file "$BATS_TEST_TMPDIR/key" >/dev/null
	printf '[vault]\nkey_file = "%s"\n' "$BATS_TEST_TMPDIR/key" >"$CURFEW_DIR/curfew.toml"
	curfew connect ssh m --set root="$M" </dev/null >/dev/null
	curfew sync >/dev/null
	# now ann has something to hide
	ln -s /dev/null "$M/home/ann/.ssh/authorized_keys2"
	chown -h 4321:4321 "$M/home/ann/.ssh/authorized_keys2"
}

curfew() {
	"$CURFEW_BUILD/curfew" --no-input --no-color "$@" 3>&-
}

@test "a link in ann's folder does not hold up a kill of bob" {
	run curfew kill m/bob --yes --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"m/bob"*DEAD* ]]
	[ ! -s "$M/home/bob/.ssh/authorized_keys" ]
	[ -s "$M/home/ann/.ssh/authorized_keys" ]
}

@test "a kill of ann does not end clean, and names the file" {
	run curfew kill m/ann --yes --wait 4s
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *"m/ann "*"ALIVE ("*"/home/ann/.ssh/authorized_keys2"* ]]
	rm "$M/home/ann/.ssh/authorized_keys2"
	run curfew resume --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a kill of both does not end clean either" {
	run curfew kill m --yes --wait 4s
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *"/home/ann/.ssh/authorized_keys2"* ]]
	[ ! -s "$M/home/bob/.ssh/authorized_keys" ]
}

@test "sync names the file too" {
	run curfew sync
	echo "$output"
	[[ $output == *"m: the listing was not complete: /home/ann/.ssh/authorized_keys2: "* ]]
}

@test "connect says that sessions stay, unless it was decided" {
	run curfew connect ssh two --set root="$M" </dev/null
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"live sessions stay open"*"sessions=cut"* ]]
	run curfew connect ssh three --set root="$M" --set sessions=keep </dev/null
	[ "$status" -eq 0 ]
	[[ $output != *"live sessions"* ]]
}
