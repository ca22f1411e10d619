#!/usr/bin/env bats
# curfew scan and kill --finding: found -> whose -> ended.

load agent
load scan

setup() {
	agent_setup
	export HOME=$BATS_FILE_TMPDIR # compiled rules are kept there
	git_alone Ann
	cd "$BATS_TEST_TMPDIR" || exit 1
	good=q7Vx-2mZ.pL9_wR4t~Kd8s # no rule knows it
}

service() {
	connected svc <<-'E'
		{"what":"account","account":"ci","state":"active"}
		{"what":"credential","account":"ci","kind":"password","id":"main","state":"active"}
	E
	"$curfew" sync >/dev/null
	printf %s "$good" | "$curfew" learn svc/ci#main --secret-stdin >/dev/null
	cat >>"$CURFEW_DIR/curfew.toml" <<-'E'
		[identity.ci-bot]
		owner = "platform@example.org"
		accounts = ["svc/ci"]
	E
}

web() {
	mkdir -m 700 .ssh-files
	ssh-keygen -q -t ed25519 -N '' -C ci -f deploy_key
	ssh-keygen -q -t ed25519 -N '' -C ann -f ann_key
	cat deploy_key.pub ann_key.pub >.ssh-files/authorized_keys
	chmod 600 .ssh-files/authorized_keys
	"$curfew" connect ssh web1 --set "file.deploy=$PWD/.ssh-files/authorized_keys" >/dev/null
	"$curfew" sync >/dev/null
}

repo() {
	git init -q -b main repo
	git -C repo commit -q --allow-empty -m root
}

leak() { # FILE, content on standard input; and out of the tip again
	cat >"repo/$1"
	git -C repo add . && git -C repo commit -qm "add $1"
	git -C repo rm -q "$1" && git -C repo commit -qm "oops $1"
}

id_of() { # the finding of that rule
	"$curfew" --json finding list | python3 -c '
import json, sys
print([f["id"] for f in json.load(sys.stdin) if f["rule"] == sys.argv[1]][0])' "$1"
}

@test "a deploy key in history: found, whose, killed, proved" {
	web
	repo
	leak deploy <deploy_key
	run "$curfew" scan repo
	[ "$status" -eq 1 ]
	says "private-key"
	says "deploy:1 commit"
	says "web1/deploy#$(ssh-keygen -lf deploy_key.pub | cut -d' ' -f2)"
	says "the private key to it; active"
	says "Ann <ann@example.org>"
	says_not "BEGIN OPENSSH"
	id=$(id_of private-key)
	says "curfew kill --finding $id"
	run "$curfew" kill --finding "$id" --reason leaked
	echo "$output"
	[ "$status" -eq 0 ]
	says "all proved dead"
	! grep -qF "$(cut -d' ' -f2 deploy_key.pub)" .ssh-files/authorized_keys || false
	grep -qF "$(cut -d' ' -f2 ann_key.pub)" .ssh-files/authorized_keys
	run "$curfew" scan repo
	[ "$status" -eq 1 ]
	says "DEAD, proved"
	says_not "kill --finding"
	says "0 of them a living"
	run "$curfew" audit verify
	[ "$status" -eq 0 ]
	run "$curfew" incident list
	says "finding $id"
	# the value served the proof; only its print is kept
	run "$curfew" finding list
	says "web1/deploy#SHA256:"
	says "(DEAD, proved; its value is wiped)"
	run "$curfew" --json finding list
	says '"ended": "web1/deploy#SHA256:'
	says '"redacted": false'
	run "$curfew" kill --finding "$id"
	[ "$status" -ne 0 ]
	says "proved dead and its value wiped; it was web1/deploy#SHA256:"
	run "$curfew" audit log
	says "finding $id: proved dead, its value is wiped"
	# somebody gives it back: a scan keeps it again, and it can be ended again
	cat deploy_key.pub >>.ssh-files/authorized_keys
	"$curfew" sync >/dev/null || true
	run "$curfew" scan repo
	says "curfew kill --finding $id"
	run "$curfew" --json finding list
	says '"ended": null'
	run "$curfew" kill --finding "$id"
	[ "$status" -eq 0 ]
	! grep -qF "$(cut -d' ' -f2 deploy_key.pub)" .ssh-files/authorized_keys || false
}

@test "a value that looks like nothing is known, its owner told" {
	service
	repo
	echo "url: ci:$good@db" | leak conf
	run "$curfew" scan repo
	[ "$status" -eq 1 ]
	says "curfew-known-secret"
	says "ci-bot  svc/ci#main  platform@example.org"
	says "its value; active"
	says_not "$good"
	run "$curfew" --json scan repo
	[ "$status" -eq 1 ]
	says '"identity": "ci-bot"'
	says '"how": "value"'
	says_not "$good"
	! grep -rq "$good" "$CURFEW_DIR" || false
	# the same again is the same finding
	[ "$("$curfew" --json finding list | grep -c '"id"')" -eq 1 ]
	run "$curfew" audit log
	says "scanned $PWD/repo: 1 finding, 1 of them"
}

@test "kill --finding: unknown, ambiguous use, identity, dry run" {
	service
	repo
	echo "x: $good" | leak conf
	"$curfew" scan repo >/dev/null || true
	id=$(id_of curfew-known-secret)
	run "$curfew" kill --finding 0000000000
	[ "$status" -ne 0 ]
	says "no such finding"
	run "$curfew" kill --finding "$id" ci-bot
	[ "$status" -eq 2 ]
	run "$curfew" kill --identity ci-bot
	[ "$status" -eq 2 ]
	run "$curfew" kill --finding "${id:0:6}" --dry-run
	[ "$status" -eq 0 ]
	says "svc/ci#main"
	says_not "svc/ci "
	run "$curfew" kill --finding "$id" --identity --dry-run
	[ "$status" -eq 0 ]
	says "svc/ci"
	run "$curfew" incident list
	says "no incident"
}

@test "nothing found is exit 0, silent of names; a stranger's token is kept" {
	service
	repo
	run "$curfew" scan repo
	[ "$status" -eq 0 ]
	says "0 findings"
	echo "t = gl""pat-hookTESTsecret456789" | leak t
	run "$curfew" scan repo
	[ "$status" -eq 1 ]
	says "no credential here has this value"
	says_not "hookTESTsecret"
	run "$curfew" scan repo --min-confidence purple
	[ "$status" -eq 2 ]
	run "$curfew" scan nowhere
	[ "$status" -eq 2 ]
	says "cannot scan 'nowhere'"
}

@test "a folder, a file, another folder to work in" {
	service
	mkdir src
	echo "x: $good" >src/f
	run "$curfew" scan src
	[ "$status" -eq 1 ]
	says "f:1"
	cd src
	run "$curfew" scan
	[ "$status" -eq 1 ]
	run "$curfew" scan f
	[ "$status" -eq 1 ]
}

# A scanner of ours in front of the real one.
fake_scan() {
	cat >"$CURFEW_PROVIDER_PATH/curfew-scan"
	chmod 755 "$CURFEW_PROVIDER_PATH/curfew-scan"
}

@test "an answer cut short, miscounted, or no answer keeps nothing" {
	service
	row='{"line":1,"rule":"r","confidence":"high","file":"f","secret":"abcdefgh12345678"}'
	fake_scan <<-E
		#!/bin/sh
		cat >/dev/null
		echo '{"findings":1}'
		echo '$row'
	E
	run "$curfew" scan .
	[ "$status" -ne 0 ] && [ "$status" -ne 1 ]
	says "without a whole answer"
	fake_scan <<-E
		#!/bin/sh
		cat >/dev/null
		echo '$row'
		echo '{"end":2,"complete":true}'
	E
	run "$curfew" scan .
	says "2 findings announced, 1 came"
	fake_scan <<-E
		#!/bin/sh
		echo '{"line":1,"secret":"abcdefgh12345678"'
	E
	run "$curfew" scan .
	[ "$status" -ne 0 ] && [ "$status" -ne 1 ]
	says_not abcdefgh
	fake_scan <<-'E'
		#!/bin/sh
		cat >/dev/null
		printf 'bad \033[31mname\n' >&2
		echo '{"end":0,"complete":false}'
	E
	run "$curfew" scan .
	[ "$status" -eq 7 ]
	says "bad ?[31mname"
	says "Not everything"
	run "$curfew" finding list
	says "no finding is kept"
}

@test "the scanner reaches neither the vault nor what it was not given" {
	service
	mkdir given other
	echo yes >given/f
	echo no >other/f
	fake_scan <<-E
		#!/bin/sh
		cat >/dev/null
		cat "$PWD/given/f" >&2
		cat "$PWD/other/f" "$CURFEW_DIR/vault.db" "$CURFEW_DIR/curfew.toml" >&2
		echo x 2>/dev/null >"$PWD/given/new" || echo read-only >&2
		echo '{"end":0,"complete":true}'
	E
	run "$curfew" scan given
	if [[ $output == *"no Landlock"* ]]; then skip "no Landlock"; fi
	says yes
	says read-only
	says_not SQLite
	[ "$(grep -c "denied" <<<"$output")" -ge 3 ]
	[ ! -e given/new ]
}

@test "while the scanner works the vault is free" {
	service
	fake_scan <<-E
		#!/bin/sh
		cat >/dev/null
		while [ ! -e "$PWD/src/go" ]; do sleep 0.1; done
		echo '{"end":0,"complete":true}'
	E
	mkdir src
	"$curfew" scan src >out 2>&1 &
	pid=$!
	# it reads the vault first, for which a busy machine takes its time
	learned=no
	for _ in $(seq 600); do
		if printf %s "another-value-Zk3" |
			"$curfew" learn svc/ci#main --secret-stdin; then
			learned=yes
			break
		fi
		sleep 0.05
	done
	[ "$learned" = yes ]
	kill -0 "$pid"
	touch src/go
	wait "$pid"
}

@test "an SSH key on standard input, either half: known by its fingerprint" {
	web
	print=$(ssh-keygen -lf deploy_key.pub | cut -d' ' -f2)
	ssh-keygen -q -t ed25519 -N '' -C x -f stranger
	for half in deploy_key.pub deploy_key; do
		run "$curfew" kill --secret-stdin --dry-run <"$half"
		[ "$status" -eq 0 ]
		says "web1/deploy#$print"
	done
	for half in stranger.pub stranger; do
		run "$curfew" kill --secret-stdin <"$half"
		[ "$status" -eq 2 ]
		says "nothing was sent"
	done
	# a line that only looks like one
	run "$curfew" kill --secret-stdin <<<"ssh-rsa $(cut -d' ' -f2 deploy_key.pub)"
	[ "$status" -eq 2 ]
	grep -qF "$(cut -d' ' -f2 deploy_key.pub)" .ssh-files/authorized_keys
	run "$curfew" kill --secret-stdin --yes <deploy_key.pub
	[ "$status" -eq 0 ]
	if grep -qF "$(cut -d' ' -f2 deploy_key.pub)" .ssh-files/authorized_keys; then false; fi
	grep -qF "$(cut -d' ' -f2 ann_key.pub)" .ssh-files/authorized_keys
}
