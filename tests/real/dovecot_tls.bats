#!/usr/bin/env bats
# curfew-provider-dovecot over TLS: the doveadm API by https, the proof by
# imaps, both verified against a private authority.

setup_file() {
	load dovecot
	dc_can || return 0
	export DC_TLS=yes
	start_dovecot bot
}

teardown_file() {
	load dovecot
	stop_dovecot
}

setup() {
	load dovecot
	load provider
	# shellcheck disable=SC2034 # provider.bash looks at them
	PROVIDER_PID='' SESSION_FD=''
	dc_can || skip "$DC_WHY"
}

teardown() {
	provider_stop
}

connect() { # [OPTIONS-JSON]
	provider_start "$CURFEW_BUILD/curfew-provider-dovecot"
	ask_json "$(jq -nc --arg url "https://localhost:$DC_HTTP" --arg key "$DC_KEY" \
		--arg imap "imaps://localhost:$DC_IMAP" --arg deny "$DC_DIR/auth/deny" --arg ca "$DC_DIR/ca.pem" \
		--argjson more "${1:-"{}"}" '{verb: "hello", protocol: 1, connection: "mail",
		  options: ({url: $url, imap: $imap, deny_file: $deny, cafile: $ca} + $more), secret: $key}')"
}

probe() {
	ask probe account bot kind password credential password secret pw-bot
}

is_dead() {
	probe && [ "$(got .life)" = dead ]
}

@test "https and imaps with a private authority: alive, ended, refused" {
	connect
	expect .status ok
	probe
	expect .life alive
	ask list
	expect .complete true
	ask disable account bot
	expect .status ok
	wait_for is_dead
	expect .proof refusal
	ask enable account bot
	expect .status ok
}

@test "an authority that is not trusted gets neither the key nor a proof" {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=another" -keyout /dev/null \
		-out "$BATS_TEST_TMPDIR/other.pem" 2>/dev/null
	local posts
	posts=$(grep -c '/doveadm/v1' "$DC_DIR/log" || true)
	for ca in "$BATS_TEST_TMPDIR/other.pem" ''; do
		connect "{\"cafile\":\"$ca\"}"
		expect .status retry
		[[ $(got .error) == *certificate* ]]
		provider_stop
	done
	[ "$(grep -c '/doveadm/v1' "$DC_DIR/log" || true)" = "$posts" ]
}

@test "a certificate for another name is no proof, and the password is not sent" {
	connect "{\"imap\":\"imaps://127.0.0.1:$DC_IMAP\"}"
	expect .status ok
	ask disable account bot
	logins=$(grep -c 'imap-login' "$DC_DIR/log" || true)
	probe
	expect .life unknown
	[[ $(got .evidence) == *certificate* ]]
	[ "$(grep 'imap-login' "$DC_DIR/log" | tail -n +$((logins + 1)) | grep -c 'user=<bot>')" = 0 ]
	ask enable account bot
}

@test "clear text to a port that speaks TLS is not taken for dead" {
	connect "{\"imap\":\"imap://localhost:$DC_IMAP\"}"
	expect .status ok
	probe
	expect .life unknown
}
