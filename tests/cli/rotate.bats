#!/usr/bin/env bats
# rotate, against the fake service and a fake sink: what is said, what is sent,
# what the consumer holds at the end.

load rotation

# Begins it, and goes on until that is said, however slow the machine.
until_says() {
	run curfew rotate c1/bot#k1 --wait 500ms
	for _ in {1..40}; do
		[[ $output != *"$1"* ]] || return 0
		run curfew rotate --resume --wait 3s
	done
	echo "$output"
	false
}

@test "a key that the service makes: sealed, delivered, the old one proved dead" {
	seed "$B revoke_lag=40 list_lag=20"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-1  DONE (generation 1; the old one is proved dead)"
	[ "$(delivered)" = "$(value bot new-1)" ]
	ended bot k1
	lives bot new-1
	lives bot other
	[ "$(asked mint)" -eq 1 ]
	run curfew list credentials --state dead
	has "c1/bot#k1"
	has "DEAD (proved)"
}

@test "a death that only the record tells is told as that, in a kill's words" {
	seed "$B refuses=0"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "DONE (generation 1; the old one is dead: proved by the service's record)"
	run curfew rotate c1/bot#new-1 --wait 20s --json
	jq -e '.rotations[0].proof == "record"' <<<"$output"
	run curfew kill --yes c1/bot#new-2 --wait 20s
	has "DEAD (proved by the service's record)"
	run curfew list credentials --state dead
	echo "$output"
	[ "$(grep -c "DEAD (by record)" <<<"$output")" -eq 3 ]
	[[ $output != *"DEAD (proved)"* ]]
	run curfew list credentials --state dead --json
	jq -e '[.. | .proof? | select(. == "record")] | length == 3' <<<"$output"
}

@test "a value of curfew's own beside the old one" {
	seed "$A"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#set-1  DONE"
	[ "$(delivered)" = "$(value bot set-1)" ]
	[[ $(delivered) =~ ^[A-Za-z0-9]{30}$ ]]
	ended bot k1
}

@test "in place: the id stays, the old value is proved dead" {
	seed "$PLACE"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#k1  DONE (generation 1; the old one is proved dead)"
	[ "$(delivered)" = "$(value bot k1)" ]
	[ "$(delivered)" != planted-value-one-5f1c ]
	# and again, from the value that only curfew knows
	run curfew rotate c1/bot#k1 --wait 20s
	has "generation 2; the old one is proved dead"
	[ "$(delivered)" = "$(value bot k1)" ]
}

@test "an older vault over a newer delivery: told, taken over by a word only" {
	seed "$PLACE"
	mkdir -m 755 "$DIR/files" "$DIR/files/app"
	printf '#!/bin/sh\nexit 0\n' >"$DIR/reload"
	chmod 755 "$DIR/reload"
	sed -i 's,"sink/app","files/app/db",' "$DIR/curfew.toml"
	curfew connect file files --set root="$DIR/files" --set use_reload="$DIR/reload" </dev/null
	cp -a "$DIR/vault" "$DIR/backup"
	for n in 1 2; do
		run curfew rotate c1/bot#k1 --wait 20s
		echo "$output"
		has "generation $n"
	done
	newest=$(cat "$DIR/files/app/db")
	rm -r "$DIR/vault" && mv "$DIR/backup" "$DIR/vault"
	run curfew rotate --take-over c1/bot#k1
	[ "$status" -eq 9 ] # nothing is being delivered
	run curfew rotate c1/bot#k1 --wait 20s
	for _ in {1..40}; do
		[[ $output != *"version 2 of c1/bot#k1 stands there already"* ]] || break
		run curfew rotate --resume --wait 1s
	done
	echo "$output"
	[ "$status" -eq 4 ]
	has "rotate --take-over"
	[ "$(cat "$DIR/files/app/db")" = "$newest" ] # not by itself
	run curfew rotate --take-over c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "DONE (generation 1"
	[ "$(cat "$DIR/files/app/db")" = "$(value bot k1)" ]
	grep -q '"version":3' "$DIR/files/app/.db.curfew"
	run curfew rotate c1/bot#k1 --wait 20s # goes on above it, without a word
	has "DONE (generation 2"
	[ "$(cat "$DIR/files/app/db")" = "$(value bot k1)" ]
}

@test "two accounts in turn" {
	seed "$PLACE" 'partner = "c1/bot2"'
	first=$(value bot k1)
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot2#k1  DONE"
	[ "$(delivered)" = "$(value bot2 k1)" ]
	ended bot k1
	run curfew rotate c1/bot2#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#k1  DONE (generation 2"
	[ "$(delivered)" = "$(value bot k1)" ]
	[ "$(value bot k1)" != "$first" ]
	ended bot2 k1
}

@test "a dry run prints every call and makes none" {
	seed "$B" 'overlap = "2h"'
	before=$(grep -ac '' "$DIR/c1.world")
	run curfew rotate --dry-run c1/bot#k1
	echo "$output"
	[ "$status" -eq 0 ]
	has "mint     c1/bot"
	has "deliver  sink/app"
	[[ $output == *"revoke   c1/bot#k1  after 2 h"* ]]
	[ "$(grep -ac '' "$DIR/c1.world")" -eq "$before" ]
	run curfew audit log
	[[ $output != *rotation* ]]
}

@test "a mint whose answer is lost is looked for, ended and made again" {
	seed "$B noreply=1 list_lag=30"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-2  DONE"
	ended bot new-1
	lives bot new-2
	lives bot other
}

@test "a key that nobody can attribute is told and not touched" {
	seed "$B labels=0 noreply=1 stranger=1"
	until_says STUCK
	echo "$output"
	[ "$status" -eq 4 ]
	has stranger-1
	lives bot stranger-1
	lives bot new-1
	lives bot k1
	[ "$(delivered)" = planted-value-one-5f1c ]
}

@test "in an account that is curfew's alone a lost key needs no label" {
	seed "$B labels=0 noreply=1" 'exclusive = true'
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-2  DONE"
	ended bot new-1
	lives bot new-2
	lives bot other
	[ "$(delivered)" = "$(value bot new-2)" ]
}

@test "a stranger's key is an alarm, whether it is in the way or not" {
	seed "$B noreply=1 stranger=1"
	run curfew rotate c1/bot#k1 --wait 20s
	[ "$status" -eq 0 ]
	lives bot stranger-1
	run curfew alarm list --json
	echo "$output"
	run grep -c quarantine <(curfew audit log)
	[ "$output" -ge 1 ]
	rm -rf "${DIR:?}"/*
	seed "$B labels=0 noreply=1"
	until_says "nobody can attribute"
	echo "$output"
	[ "$status" -eq 4 ]
	run curfew audit log
	[[ $output == *quarantine* ]]
	[[ $output == *stuck* ]]
	lives bot new-1
}

@test "no room for a new one: nothing is deleted to make room" {
	seed "$B max=2"
	until_says "no room for a new one"
	[ "$status" -eq 4 ]
	[ "$(asked revoke)" -eq 0 ]
	[ "$(asked mint)" -eq 0 ]
}

@test "the old one goes only when the new one is in use" {
	seed "$B sink.noack=1 sink.without=adopted" 'adopt = "operator"'
	until_says "WAITING (delivered"
	[ "$status" -eq 0 ]
	lives bot k1
	[ "$(delivered)" = "$(value bot new-1)" ]
	run curfew rotate --adopted c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-1  DONE"
	ended bot k1
}

@test "in place it is done when the new one is in use, not before" {
	seed "$PLACE sink.noack=1 sink.without=adopted" 'adopt = "operator"'
	until_says "WAITING (delivered"
	[ "$status" -eq 0 ]
	[ "$(delivered)" = "$(value bot k1)" ]
	run curfew rotate --adopted c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#k1  DONE (generation 1; the old one is proved dead)"
	rm -rf "${DIR:?}"/*
	seed "$PLACE sink.noack=1 sink.without=adopted"
	until_says "STUCK"
	[ "$status" -eq 4 ]
	has "nothing here can tell whether its consumer uses it"
	run curfew rotate --adopted c1/bot#k1 --wait 20s
	has "c1/bot#k1  DONE"
}

@test "a sink that says 'not yet' is asked again, and nobody is alarmed" {
	seed "$B sink.noack=1 sink.unadopted=100000"
	until_says "WAITING (delivered"
	[ "$status" -eq 0 ]
	run curfew rotate --resume --wait 500ms
	echo "$output"
	[ "$status" -eq 0 ]
	has "WAITING (delivered"
	[ "$(asked adopted sink)" -ge 1 ]
	run curfew alarm list
	[[ $output != *tuck* ]]
	lives bot k1
	rm -rf "${DIR:?}"/*
	seed "$B sink.noack=1 sink.unadopted=3"
	run curfew rotate c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-1  DONE"
	[ "$(asked adopted sink)" -ge 4 ]
}

@test "the configuration changes between mint and revoke: it ends as it began" {
	seed "$B revoke_lag=40" 'overlap = "20ms"'
	CURFEW_CRASH_AT=rot.after-commit.minted run curfew rotate c1/bot#k1 --wait 20s
	[ "$status" -eq 137 ]
	# no policy, no sink, no identity any more
	printf '[connection.c1]\ntimeout = "300ms"\n' >"$DIR/curfew.toml"
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-1  DONE (generation 1; the old one is proved dead)"
	[ "$(delivered)" = "$(value bot new-1)" ]
	ended bot k1
	[ "$(asked mint)" -eq 1 ]
	# without a policy it is never due again
	run curfew rotate c1/bot#new-1
	[ "$status" -eq 9 ]
}

@test "another place in the configuration after the mint: the first one gets it" {
	seed "$A"
	CURFEW_CRASH_AT=rot.before-send.deliver run curfew rotate c1/bot#k1 --wait 20s
	[ "$status" -eq 137 ]
	sed -i 's,"sink/app","sink/elsewhere",; s,overlap.*,,' "$DIR/curfew.toml"
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(delivered)" = "$(value bot set-1)" ]
	! grep -aq $'^D\telsewhere\t' "$DIR/sink.world" || false
	# and the next one goes where it says now
	run curfew rotate c1/bot#set-1 --wait 20s
	[ "$status" -eq 0 ]
	grep -aq $'^D\telsewhere\t' "$DIR/sink.world"
}

@test "somebody takes the last room between the look and the mint" {
	seed "$B max=3"
	CURFEW_PAUSE_AT=rot.before-send.mint CURFEW_PAUSE_FILE=$DIR/vault/pause \
		curfew rotate c1/bot#k1 --wait 20s >"$DIR/out" 2>&1 3>&- &
	going=$!
	until [ -e "$DIR/vault/pause" ]; do kill -0 "$going"; sleep 0.01; done
	printf 'K\tbot\tkey\tlate\tlate-value\tforeign\t1\t0\t0\t\n' >>"$DIR/c1.world"
	rm "$DIR/vault/pause"
	wait "$going" && status=0 || status=$?
	cat "$DIR/out"
	[ "$status" -eq 4 ]
	grep -q "the service allows no more of them; nothing is deleted to make room" "$DIR/out"
	lives bot k1
	lives bot other
	lives bot late
	# once there is room it goes on by itself
	printf 'K\tbot\tkey\tlate\tlate-value\tforeign\t1\t2\t2\t\n' >>"$DIR/c1.world"
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "DONE (generation 1"
}

@test "taken back before anybody has it" {
	seed "$B sink.refuse_deliver=100"
	until_says "the place is locked"
	[ "$status" -eq 4 ]
	run curfew rotate --abort c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "ABORTED (taken back)"
	ended bot new-1
	lives bot k1
	[ "$(delivered)" = planted-value-one-5f1c ]
}

@test "in place, taken back: the old value works again" {
	seed "$PLACE sink.refuse_deliver=100"
	until_says "the place is locked"
	[ "$status" -eq 4 ]
	run curfew rotate --abort c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "ABORTED (taken back)"
	[ "$(value bot k1)" = planted-value-one-5f1c ]
}

@test "what is not under way is not resumed" {
	seed "$B"
	run curfew rotate --resume c1/bot#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 9 ]
	has "cannot rotate 'c1/bot#k1': nothing to resume"
	run curfew rotate --resume c1/bot --wait 20s
	[ "$status" -eq 9 ]
	[ "$(asked mint)" -eq 0 ]
	run curfew rotate --resume c1/nosuch
	echo "$output"
	has "curfew: cannot rotate 'c1/nosuch'"
	run curfew learn c1/nosuch --secret-stdin </dev/null
	has "curfew: cannot learn 'c1/nosuch'"
	CURFEW_CRASH_AT=rot.after-commit.minted run curfew rotate c1/bot#k1 --wait 20s
	[ "$status" -eq 137 ]
	run curfew rotate --resume c1/bot --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "DONE"
	[ "$(asked mint)" -eq 1 ]
}

@test "quiet: only what is wrong is said" {
	seed "$B"
	run curfew -q rotate c1/bot#k1 --wait 20s
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	ended bot k1
}

@test "a kill of a stuck rotation settles its alarm" {
	seed "$B sink.refuse_deliver=100"
	until_says "the place is locked"
	[ "$status" -eq 4 ]
	run curfew alarm list
	echo "$output"
	grep -q "^stuck: c1/bot#k1" <<<"$output"
	run curfew kill --yes c1/bot --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	run curfew alarm list
	echo "$output"
	! grep -q "^stuck: c1/bot#k1" <<<"$output" || false
}

@test "without a policy nothing begins" {
	seed "$B"
	run curfew rotate c1/bot#other
	[ "$status" -eq 9 ]
	has "no [rotation.NAME] of curfew.toml fits it"
	run curfew rotate
	[ "$status" -eq 2 ]
	run curfew rotate --abort c1/bot#k1
	[ "$status" -eq 9 ]
	has "cannot rotate 'c1/bot#k1': nothing is under way"
}

@test "a connection that a rotation needs is not forgotten" {
	seed "$B sink.noack=1 sink.without=adopted" 'adopt = "operator"
overlap = "2h"'
	until_says "WAITING (delivered"
	for conn in c1 sink; do
		run curfew disconnect "$conn" --yes
		echo "$output"
		[ "$status" -eq 9 ]
		has "c1/bot#k1 (delivered)"
		has "rotate --resume"
	done
	run curfew rotate --adopted c1/bot#k1 --wait 20s
	has "the new one is in use"
	run curfew disconnect c1 --yes
	echo "$output"
	[ "$status" -eq 9 ]
	has "c1/bot#k1 (overlap)"
	[ "$(delivered)" = "$(value bot new-1)" ]
	# who insists is asked for it
	run curfew disconnect sink --yes --force
	[ "$status" -eq 0 ]
}

@test "what no rotation is under way at can be forgotten" {
	seed "$B"
	run curfew rotate c1/bot#k1 --wait 20s
	has "c1/bot#new-1  DONE"
	run curfew disconnect c1 --yes
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "one that cannot go on holds up no other" {
	seed "$B" $'[rotation.other]\ncredentials = ["c1/bot2#k1"]\ndeliver = ["sink/app2"]'
	CURFEW_CRASH_AT=rot.before-send.deliver run curfew rotate c1/bot#k1 --wait 20s
	[ "$status" -eq 137 ]
	run curfew disconnect c1 --yes --force
	[ "$status" -eq 0 ]
	(umask 77; printf planted-admin-value-33e >"$DIR/admin")
	run curfew connect fake c1 --set "state=$DIR/c1.world" --secret-file "$DIR/admin"
	echo "$output"
	[ "$status" -eq 0 ]
	run curfew sync c1
	echo "$output"
	[ "$status" -eq 0 ]
	began=$SECONDS
	run curfew rotate c1/bot#new-1 c1/bot2#k1 --wait 14m
	echo "$output"
	[ "$status" -eq 4 ]
	# what waits for a person is tried after a quarter of an hour: nothing more
	# will come, and the wait is not sat out
	[ $((SECONDS - began)) -lt 800 ]
	has "STUCK (the value to deliver is not sealed here: 'curfew learn c1/bot#new-1' seals it (in step verified-new))"
	has "c1/bot2#new-2  DONE"
	run curfew alarm list
	has "is not sealed here"
	# with the value it goes on
	value=$(value bot new-1)
	printf %s "$value" | curfew learn c1/bot#new-1 --secret-stdin
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#new-1  DONE"
	[ "$(delivered)" = "$value" ]
	run curfew alarm list
	[[ $output != *"is not sealed here"* ]]
}

@test "an answer whose credential nobody knows any more is told, and taken in later" {
	seed "$PLACE"
	CURFEW_CRASH_AT=rot.before-commit.minted run curfew rotate c1/bot#k1 --wait 20s
	[ "$status" -eq 137 ]
	run curfew disconnect c1 --yes --force
	(umask 77; printf planted-admin-value-33e >"$DIR/admin")
	run curfew connect fake c1 --set "state=$DIR/c1.world" --secret-file "$DIR/admin"
	[ "$status" -eq 0 ]
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 4 ]
	has "c1/bot#k1  STUCK (it is not in the inventory any more; 'curfew sync' looks again"
	run curfew sync c1
	run curfew rotate --resume --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#k1  DONE"
	[ "$(delivered)" = "$(value bot k1)" ]
}

@test "curfew's own access is no policy's, and is not rotated by name" {
	seed "$PLACE self=bot2" 'every = "1s"
connections = ["c1"]'
	run curfew sync c1
	[ "$status" -eq 0 ]
	run curfew rotate -n c1/bot2#k1
	echo "$output"
	[ "$status" -eq 9 ]
	has "cannot rotate 'c1/bot2#k1': curfew itself signs in with it"
	has "curfew connect --replace"
	run curfew rotate c1/bot2#k1 --wait 20s
	[ "$status" -eq 9 ]
	run curfew rotate c1/bot2 --wait 20s
	[ "$status" -eq 9 ]
	has "cannot rotate 'c1/bot2': curfew itself signs in with it"
	# without a word of it, when it was not meant
	run curfew rotate -n c1/bot c1/bot2
	echo "$output"
	[ "$status" -eq 0 ]
	has "c1/bot#k1"
	[[ $output != *bot2* ]]
	run curfew rotate --due --wait 20s
	echo "$output"
	has "c1/bot#k1  DONE"
	[[ $output != *bot2* ]]
	[ "$(value bot2 k1)" = planted-value-three-c2 ]
	run curfew show c1/bot2
	[[ $output != *rotation* ]]
}

@test "of two that are named, the one that no policy fits is told" {
	seed "$B"
	run curfew rotate c1/bot#k1 c1/bot2#k1 --wait 20s
	echo "$output"
	[ "$status" -eq 9 ]
	has "'c1/bot2#k1': no [rotation.NAME] of curfew.toml fits it"
	has "c1/bot#new-1  DONE"
	[ "$(value bot2 k1)" = planted-value-three-c2 ]
}

@test "a partner that curfew itself signs in with is left alone" {
	seed "$PLACE self=bot2" 'partner = "c1/bot2"'
	run curfew sync c1
	[ "$status" -eq 0 ]
	for n in -n --wait=5s; do
		run curfew rotate c1/bot#k1 $n
		echo "$output"
		[ "$status" -eq 9 ]
		has "curfew itself signs in with it"
	done
	[ "$(value bot2 k1)" = planted-value-three-c2 ]
}

@test "what its service does not list any more is not begun" {
	seed "$B"
	sed -i '/^K\tbot\tkey\tk1\t/d' "$DIR/c1.world"
	curfew sync c1 >/dev/null
	run curfew rotate c1/bot#k1 --wait 5s
	echo "$output"
	[ "$status" -eq 9 ]
	has "its service does not list it any more"
	[ "$(asked mint)" -eq 0 ]
}
