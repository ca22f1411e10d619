#!/usr/bin/env bats
# The spool: what hooks sealed is taken, kept, told, and answered by policy.

load agent
load scan

setup() {
	agent_setup
	scan=$CURFEW_BUILD/curfew-scan
	export HOME=$BATS_FILE_TMPDIR
	scan_cache "$BATS_FILE_TMPDIR/cache"
	git_alone Ann
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir -m 700 files
	ssh-keygen -q -t ed25519 -N '' -C ci -f deploy_key
	ssh-keygen -q -t ed25519 -N '' -C ann -f ann_key
	cat deploy_key.pub ann_key.pub >files/authorized_keys
	chmod 600 files/authorized_keys
	"$curfew" connect ssh web1 --set "file.deploy=$PWD/files/authorized_keys" >/dev/null 2>&1
	"$curfew" sync >/dev/null
	print=$(ssh-keygen -lf deploy_key.pub | cut -d' ' -f2)
	cat >"$CURFEW_DIR/curfew.toml" <<-E
		[spool]
		folder = "$PWD/spool"
		[identity.ci-bot]
		owner = "platform@example.org"
		accounts = ["web1/deploy#$print"]
	E
	mkdir spool
	"$curfew" hook publish known.set >published
	git init -q --bare server
	git -C server config curfew.maxTime 1h # the machine may be slow
	"$scan" hook install --known known.set \
		--known-key "$(grep -o 'known-key [0-9a-f]*' published | cut -d' ' -f2)" \
		--spool spool --spool-key \
		"$(grep -o 'spool-key [0-9a-f]*' published | cut -d' ' -f2)" server >/dev/null
	git init -q -b main work
	git -C work commit -q --allow-empty -m root
	git -C work remote add origin ../server
}

policy() { printf '[response.%s]\n%s\n' "$1" "$2" >>"$CURFEW_DIR/curfew.toml"; }

push() { # FILE: committed and pushed, refused
	cp "$1" work/ && git -C work add . && git -C work commit -qm "add $1"
	run env -u LOGNAME GL_USERNAME=mallory git -C work push "${@:2}" origin main
}

alive() { grep -qF "$(cut -d' ' -f2 deploy_key.pub)" files/authorized_keys; }

@test "nothing in the spool: silent, exit 0" {
	run "$curfew" respond
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	sed -i '/spool/,+1d' "$CURFEW_DIR/curfew.toml"
	run "$curfew" respond
	[ "$status" -ne 0 ]
	says "no spool is configured"
}

@test "by default it is told, kept, and written down; nothing is ended" {
	push deploy_key
	[ "$status" -ne 0 ]
	run "$curfew" respond
	[ "$status" -eq 0 ]
	says "private-key"
	says "ci-bot  web1/deploy#$print"
	says "curfew kill --finding"
	says_not "BEGIN OPENSSH"
	alive
	[ "$(find spool -maxdepth 1 -name '*.sealed' | wc -l)" -eq 0 ]
	[ "$(find spool/done -name '*.sealed' | wc -l)" -eq 1 ]
	run "$curfew" audit log
	says "pre-receive at $PWD/server, push by mallory: 1 finding"
	says ": told"
	run "$curfew" audit verify
	[ "$status" -eq 0 ]
	run "$curfew" respond
	[ -z "$output" ]
	id=$("$curfew" --json finding list | sed -n 's/.*"id": "\(.*\)".*/\1/p')
	run "$curfew" kill --finding "$id"
	[ "$status" -eq 0 ]
	! alive || false
}

@test "a policy ends it; the first section that fits decides" {
	policy other $'identity = "somebody-else"\naction = "notify"'
	policy bots $'connection = "web*"\nidentity = "ci-*"\naction = "kill"'
	policy rest 'action = "notify"'
	push deploy_key
	run "$curfew" respond --dry-run
	[ "$status" -eq 0 ]
	says "would kill"
	alive
	[ "$(find spool -maxdepth 1 -name '*.sealed' | wc -l)" -eq 1 ]
	run "$curfew" respond
	echo "$output"
	[ "$status" -eq 0 ]
	says "all proved dead"
	! alive || false
	grep -qF "$(cut -d' ' -f2 ann_key.pub)" files/authorized_keys
	run "$curfew" audit log
	says "as [response.bots]"
	run "$curfew" respond
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "--json is one object, whatever was ended" {
	policy all 'action = "kill"'
	push deploy_key
	"$curfew" --json respond >out 2>err
	python3 - <<-'P'
		import json
		o = json.load(open("out"))
		assert o["version"] == 1 and o["files"] == 1 and o["failed"] == 0
		assert o["responses"][0]["action"] == "kill" and o["responses"][0]["exit"] == 0
		assert o["findings"][0]["owners"][0]["identity"] == "ci-bot"
	P
	grep -q "proved dead" err
	! grep -q "BEGIN OPENSSH" out err || false
}

@test "an override leaves its record in the audit chain" {
	git -C server config curfew.allowOverride true
	git -C server config receive.advertisePushOptions true
	push deploy_key -o "curfew.allow=test fixture, see T-12"
	[ "$status" -eq 0 ]
	"$curfew" respond >/dev/null
	run "$curfew" audit log
	says "override"
	says "push by mallory: let through although refused, reason given: test fixture, see T-12"
	run "$curfew" audit verify
	[ "$status" -eq 0 ]
}

@test "what a push brought unseen is on record, with what it was" {
	git -C server config receive.advertisePushOptions true
	git -C server config transfer.unpackLimit 1
	# five zips, one in the other: not opened to the last
	echo x >x0
	for i in 1 2 3 4 5; do
		python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").write(sys.argv[2])' x$i x$((i - 1))
	done
	mv x5 deep.zip
	old=0000000000000000000000000000000000000000
	push deep.zip -o "curfew.allow=a fixture"
	[ "$status" -ne 0 ] # no leave for that
	git -C server config curfew.allowOverride true
	run git -C work push origin main
	[ "$status" -ne 0 ]
	says "with your reason on record: git push -o curfew.allow="
	[ -z "$(ls spool)" ]
	run env -u LOGNAME GL_USERNAME=mallory git -C work push -o "curfew.allow=a fixture" origin main
	[ "$status" -eq 0 ]
	says "1 object was not looked at, or not whole: that is on record too"
	"$curfew" respond >/dev/null
	run "$curfew" audit log
	new=$(git -C work rev-parse HEAD)
	says "push by mallory: let through although refused, reason given: a fixture"
	says "let through and not looked at: 1 not whole ('deep.zip' of commit ${new:0:12}: "
	says "pushed: refs/heads/main $old..$new"
	# let in by the operator's setting: on record without a reason
	git -C server config curfew.onUnread accept
	mkdir work/d
	cp deep.zip work/d/other.zip
	echo y >>work/d/other.zip
	git -C work add . && git -C work commit -qm more
	git -C work push -q origin main
	"$curfew" respond >/dev/null
	run "$curfew" audit log
	says "0 findings, not everything was looked at: 1 not whole ('d/other.zip' of commit $(git -C work rev-parse --short=12 HEAD)"
	# a secret and no time: both
	git -C server config curfew.maxTime 1ms
	for i in $(seq 60); do head -c 30000 /dev/urandom | base64 >"work/r$i"; done
	push deploy_key -o "curfew.allow=in a hurry"
	[ "$status" -eq 0 ]
	"$curfew" respond >/dev/null
	run "$curfew" audit log
	says "reason given: in a hurry"
	[[ $output =~ "let through and not looked at: "[0-9]+" as the time was over" ]]
	run "$curfew" audit verify
	[ "$status" -eq 0 ]
}

@test "a file that comes again is not taken again" {
	policy all 'action = "kill"'
	push deploy_key
	cp spool/*.sealed copy
	"$curfew" respond >/dev/null
	! alive || false
	# the operator gives it back; an old file must not end it again
	cat deploy_key.pub >>files/authorized_keys
	"$curfew" sync >/dev/null || true # it says that it lives again
	cp copy spool/finding-9-replayed.sealed
	run "$curfew" respond
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	alive
	[ "$(find spool/done -type f | wc -l)" -eq 2 ]
}

@test "hostile files are kept aside and named, the good one is taken" {
	push deploy_key
	good=$(echo spool/*.sealed)
	cp "$good" spool/a-flipped.sealed
	printf '\001' | dd of=spool/a-flipped.sealed bs=1 seek=200 conv=notrunc status=none
	head -c 100 "$good" >spool/b-cut.sealed
	: >spool/c-empty.sealed
	truncate -s 200M spool/d-huge.sealed
	mkfifo spool/e-pipe.sealed
	ln -s "$CURFEW_DIR/vault.db" spool/f-link.sealed
	mkdir spool/g-folder.sealed
	echo '{"findings":1}' >spool/h-plain.sealed
	echo x >spool/ignored.txt
	run timeout 60 "$curfew" respond
	echo "$output"
	[ "$status" -eq 7 ]
	says "a-flipped.sealed"
	says "b-cut.sealed"
	says "c-empty.sealed"
	says "d-huge.sealed"
	says "e-pipe.sealed"
	says "h-plain.sealed"
	says "private-key"
	[ -e "spool/done/${good#spool/}" ]
	says "f-link.sealed': is a link; it stays where it is"
	says "e-pipe.sealed': is no regular file; it stays where it is"
	[[ $output == *"a-flipped.sealed': "*"; it is kept in failed/"* ]]
	[ -L spool/f-link.sealed ] && [ -p spool/e-pipe.sealed ] && [ -d spool/g-folder.sealed ]
	rmdir spool/g-folder.sealed
	[ -e spool/failed/a-flipped.sealed ] && [ -e spool/failed/d-huge.sealed ]
	rm spool/e-pipe.sealed spool/f-link.sealed
	[ -e spool/ignored.txt ]
	[ -e "$CURFEW_DIR/vault.db" ]
	run "$curfew" respond
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "folders that somebody else put there are not written into" {
	push deploy_key
	mkdir elsewhere
	ln -s ../elsewhere spool/done
	run "$curfew" respond
	[ "$status" -eq 7 ]
	says "private-key"
	[ -z "$(ls elsewhere)" ]
	rm spool/done
	run "$curfew" respond # taken already: only put away
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(find spool/done -type f | wc -l)" -eq 1 ]
}

@test "a crash at any point loses nothing and ends it once" {
	policy all 'action = "kill"'
	push deploy_key
	for at in respond.in-transaction respond.committed respond.before-kill \
		kill.after-plan-commit respond.after-kill; do
		CURFEW_CRASH_AT=$at "$curfew" respond >/dev/null 2>&1 || true
		[ "$(find spool -name '*.sealed' | wc -l)" -eq 1 ]
	done
	run "$curfew" respond
	[ "$status" -eq 0 ]
	run "$curfew" resume
	! alive || false
	run "$curfew" respond
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$("$curfew" incident list | grep -c INC-)" -eq 1 ]
	run "$curfew" audit verify
	[ "$status" -eq 0 ]
}

# A sink for the fresh key, and a policy by which it is made and put there.
rotation() { # MORE
	mkdir -m 700 "$PWD/keys"
	"$curfew" connect file keys --set root="$PWD/keys" --set use_reload="$PWD/reload" >/dev/null
	printf '[rotation.bots]\nidentities = ["ci-bot"]\ndeliver = ["keys/id"]\n%s\n' "$1" \
		>>"$CURFEW_DIR/curfew.toml"
	sed -i "s|accounts = .*|accounts = [\"web1/deploy\"]|" "$CURFEW_DIR/curfew.toml"
}

reload() { printf '#!/bin/sh\nexit %s\n' "$1" >reload && chmod 755 reload; }

@test "a policy rotates it: the fresh one is delivered, the found one ended and wiped" {
	export CURFEW_TEST_GAP_MS=20
	reload 0
	rotation 'overlap = "30d"'
	policy bots $'identity = "ci-*"\naction = "rotate"'
	push deploy_key
	[ "$status" -ne 0 ]
	run "$curfew" respond --dry-run
	says "would rotate"
	alive
	run "$curfew" respond
	echo "$output"
	[ "$status" -eq 0 ]
	says "DONE"
	# no overlap for what has leaked, whatever the policy gives in quiet times
	if alive; then false; fi
	[ "$(ssh-keygen -yf keys/id | cut -d' ' -f2)" = "$(grep -v ann files/authorized_keys |
		cut -d' ' -f2)" ]
	run "$curfew" audit log
	says "as [response.bots]"
	says "proved dead, its value is wiped; it was web1/deploy"
	run "$curfew" respond
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run "$curfew" audit verify
	[ "$status" -eq 0 ]
}

@test "a rotation that waits is gone on with; the finding is settled when it ends" {
	export CURFEW_TEST_GAP_MS=20 CURFEW_TEST_STUCK_MS=200
	reload 1
	rotation ''
	policy bots $'identity = "ci-*"\naction = "rotate"'
	push deploy_key
	run "$curfew" respond
	[ "$status" -ne 0 ]
	alive
	run "$curfew" respond # under way: not begun once more
	[ "$(grep -c . files/authorized_keys)" -le 3 ]
	reload 0
	run "$curfew" rotate --resume
	echo "$output"
	[ "$status" -eq 0 ]
	if alive; then false; fi
	run "$curfew" respond
	[ "$status" -eq 0 ]
	[ "$(grep -c . files/authorized_keys)" -eq 2 ]
	run "$curfew" audit log
	says "proved dead, its value is wiped; it was web1/deploy"
}

@test "what no policy rotates stays due, and is told each time" {
	policy bots $'identity = "ci-*"\naction = "rotate"'
	push deploy_key
	for _ in 1 2; do
		run "$curfew" respond
		[ "$status" -eq 9 ]
		says "no [rotation.NAME] of curfew.toml fits it"
		says "it lives; the next run tries again"
		alive
	done
}

@test "a crash at any point of a response by rotation makes one fresh key" {
	export CURFEW_TEST_GAP_MS=20
	reload 0
	rotation ''
	policy all 'action = "rotate"'
	push deploy_key
	for at in respond.committed respond.before-kill respond.rotation-begun \
		respond.rotation-kept respond.after-kill; do
		CURFEW_CRASH_AT=$at "$curfew" respond >/dev/null 2>&1 || true
	done
	run "$curfew" respond
	run "$curfew" sweep
	run "$curfew" respond
	[ "$status" -eq 0 ]
	if alive; then false; fi
	[ "$(grep -c . files/authorized_keys)" -eq 2 ]
	run "$curfew" audit log
	says "proved dead, its value is wiped; it was web1/deploy"
	run "$curfew" audit verify
	[ "$status" -eq 0 ]
}

@test "a policy that cannot be is said when it is read" {
	policy wrong 'action = "explode"'
	run "$curfew" list
	[ "$status" -eq 2 ]
	says "[response.wrong] needs an action"
}

@test "a sweep takes the spool too, silently when it is empty" {
	policy all 'action = "kill"'
	push deploy_key
	run "$curfew" sweep
	[ "$status" -eq 0 ]
	if alive; then false; fi
	run "$curfew" sweep
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "a found key of ours is an alarm, told before it is ended" {
	policy all 'action = "kill"'
	printf '#!/bin/sh\ncat >"%s"\ngrep -c . "%s" >"%s"\n' "$PWD/alarm" \
		"$PWD/files/authorized_keys" "$PWD/keys-then" >page
	chmod 755 page
	printf '[alarm.ops]\nprogram = ["%s/page"]\n' "$PWD" >>"$CURFEW_DIR/curfew.toml"
	push deploy_key
	run "$curfew" respond
	[ "$status" -eq 0 ]
	jq -e '.alarms[0].event == "finding" and (.alarms[0].about | startswith("web1/deploy#"))
		and (.alarms[0].text | contains("response: kill"))' alarm
	[ "$(cat keys-then)" -eq 2 ]
	if alive; then false; fi
	[ "$("$curfew" alarm list)" = "no alarm stands" ]
	if grep -q "PRIVATE KEY" alarm; then false; fi
}

@test "whose value nobody here has is told, never ended" {
	policy all 'action = "kill"'
	echo "t = gl""pat-hookTESTsecret456789" >tok
	push tok
	[ "$status" -ne 0 ]
	run "$curfew" respond
	[ "$status" -eq 0 ]
	says "no credential here has this value"
	run "$curfew" incident list
	says "no incident"
}

@test "what was taken is kept for a while, and nothing old comes in after that" {
	policy all 'action = "kill"'
	push deploy_key
	cp spool/*.sealed copy
	"$curfew" respond >/dev/null
	[ "$(find spool/done -type f | wc -l)" -eq 1 ]
	later() { CURFEW_CLOCK_OFFSET_MS=$(($1 * 86400000)) "$curfew" respond; }
	run later 29
	[ "$status" -eq 0 ]
	[ "$(find spool/done -type f | wc -l)" -eq 1 ]
	run later 31
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(find spool/done -type f | wc -l)" -eq 0 ]
	cat deploy_key.pub >>files/authorized_keys
	"$curfew" sync >/dev/null || true
	cp copy spool/finding-9-replayed.sealed
	run later 31
	echo "$output"
	[ "$status" -eq 7 ]
	says "finding-9-replayed.sealed': it was written before"
	says "whether it was taken then is forgotten; it is kept in failed/"
	alive
	# a new one is taken
	CURFEW_CLOCK_OFFSET_MS=$((33 * 86400000)) push ann_key
	[ "$status" -eq 1 ]
	run later 33
	echo "$output"
	[ "$status" -ne 7 ]
	says ann_key
}
