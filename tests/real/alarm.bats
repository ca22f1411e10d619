#!/usr/bin/env bats
# An alarm's mail through a real Postfix into a mailbox, no network.

load ../cli/agent
load guard

setup() {
	command -v postfix >/dev/null || skip "no Postfix here"
	agent_setup
	top=$(mktemp -d) # where another user may go
	chmod 755 "$top"
	conf=$top/conf queue=$top/queue data=$top/data box=$top/box
	mkdir -m 755 "$conf" "$queue" "$data" "$box"
	chown postfix "$data"
	cat >"$conf/main.cf" <<-E
		compatibility_level = 3.6
		queue_directory = $queue
		data_directory = $data
		mail_owner = postfix
		setgid_group = postdrop
		myhostname = mail.example.org
		mydestination =
		inet_interfaces = loopback-only
		inet_protocols = ipv4
		maillog_file_prefixes = $top
		maillog_file = $top/log
		virtual_mailbox_domains = example.org
		virtual_mailbox_base = $box
		virtual_mailbox_maps = inline:{ ops@example.org=ops }
		virtual_uid_maps = static:$(id -u postfix)
		virtual_gid_maps = static:$(id -g postfix)
		virtual_minimum_uid = 1
		alias_maps =
		default_transport = error:nobody outside
	E
	chown postfix "$box"
	cat >"$conf/master.cf" <<-'E'
		pickup unix n - n 60 1 pickup
		cleanup unix n - n - 0 cleanup
		qmgr unix n - n 300 1 qmgr
		rewrite unix - - n - - trivial-rewrite
		bounce unix - - n - 0 bounce
		defer unix - - n - 0 bounce
		trace unix - - n - 0 bounce
		error unix - - n - - error
		virtual unix - n n - - virtual
		postlog unix-dgram n - n - 1 postlogd
	E
	postfix -c "$conf" start >"$BATS_TEST_TMPDIR/start" 2>&1 3>&- || { cat "$BATS_TEST_TMPDIR/start" "$top/log"; false; }
	guard postfix -c "$conf" stop
	printf '#!/bin/sh\nexec /usr/sbin/sendmail -C %s "$@"\n' "$conf" >"$BATS_TEST_TMPDIR/sendmail"
	chmod 755 "$BATS_TEST_TMPDIR/sendmail"
	cat >"$CURFEW_DIR/curfew.toml" <<-E
		[alarm.ops]
		mail = ["ops@example.org"]
		from = "curfew@example.org"
		sendmail = "$BATS_TEST_TMPDIR/sendmail"
	E
}

teardown() {
	[ -n "${top:-}" ] || return 0
	postfix -c "$conf" stop >/dev/null 2>&1 3>&- || true
	unguard "${GUARD:-}"
	rm -rf "$top"
}

@test "a stuck rotation reaches the mailbox" {
	"$curfew" try-alarm raise stuck "pg-main/ci_bot" "the quota is full, nothing of ours is there" 2>/dev/null
	run "$curfew" try-alarm deliver
	echo "$output"
	cat "$BATS_TEST_TMPDIR/start" "$top/log"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	for _ in $(seq 600); do
		[ ! -s "$box/ops" ] || break
		sleep 0.1
	done
	cat "$box/ops"
	grep -q '^From: <curfew@example.org>' "$box/ops"
	grep -q '^Subject: curfew on .*: stuck: pg-main/ci_bot$' "$box/ops"
	grep -q 'the quota is full, nothing of ours is there' "$box/ops"
	grep -q '^Return-Path: <curfew@example.org>\|^From curfew@example.org' "$box/ops"
}
