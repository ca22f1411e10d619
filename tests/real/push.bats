#!/usr/bin/env bats
# git push over ssh (a real sshd) and http (git http-backend) to repositories
# with the hook installed: what passes, what is refused, and what is left.

bats_require_minimum_version 1.5.0

load ../cli/scan

setup_file() {
	load sshd
	load push
	scan_cache "$BATS_FILE_TMPDIR/cache"
	git_alone A
	push_start
}

teardown_file() {
	load sshd
	load push
	push_stop
}

setup() {
	load push
	scan=$CURFEW_BUILD/curfew-scan
	secret=gl"pat-pushTESTsecret456789"
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# server NAME [FOLDER]...: an empty repository, with folders of a hosted
# layout, and the hook; then ./work with one clean commit, pushed
server() {
	local name=$1
	shift
	repo=$PUSH_DIR/$name
	git init -q --bare -b main "$repo"
	git -C "$repo" config http.receivepack true
	for d; do mkdir -p "$repo/$d"; done
	[ ! -d "$repo/hooks/pre-receive.d" ] || delegate
	"$scan" hook install "$repo"
	git init -q -b main work
	cd work
	git remote add origin "$(url "$way" "$name")"
	echo clean >f
	git add f
	git commit -qm one
	git push -q origin main
	before=$(state)
}

# Everything of the repository that a push may change.
state() {
	git -C "$repo" for-each-ref
	(cd "$repo/objects" && find . -type f -o -type d -name 'tmp_*' \
		-o -type d -name 'incoming-*' | sort)
}

leak() {
	echo "token = $secret" >"$1"
	git add "$1"
	git commit -qm "leak in $1"
}

refused() { # what the client is told, and that nothing is left
	[ "$status" -ne 0 ]
	[[ $output == *"curfew: "*"secret"*"found"* ]]
	[[ $output == *"pre-receive hook declined"* ]]
	[[ $output != *"$secret"* ]]
	[ "$(state)" = "$before" ]
}

passes_and_refuses() {
	leak l
	run git push origin main
	refused
	# many objects: kept as a pack, looked at as one
	seq 150 | while read -r i; do echo "$i $way" >"n$i"; done
	git add .
	git commit -qm many
	run git push origin main
	refused
	git rm -q l
	git commit -qm "gone from the tip, not from the push"
	run git push origin main
	refused
	git reset -q --soft HEAD~3
	git commit -qm "without it"
	git push -q origin main
	[ "$(git -C "$repo" rev-parse main)" = "$(git rev-parse HEAD)" ]
	[ "$(find "$repo/objects/pack" -name '*.pack' | wc -l)" -eq 1 ]
	[ -z "$(find "$repo/objects" -name 'incoming-*' -o -name 'tmp_*')" ]
}

@test "ssh, bare: clean passes, a leak is refused, loose or packed" {
	way=ssh
	server bare-ssh
	passes_and_refuses
}

@test "http, bare: the same" {
	way=http
	server bare-http
	passes_and_refuses
}

# As Gitea writes it: hooks/pre-receive runs all of pre-receive.d.
delegate() {
	cat >"$repo/hooks/pre-receive" <<-'END'
		#!/bin/sh
		data=$(cat)
		for hook in "$(dirname "$0")/pre-receive.d"/*; do
			[ -x "$hook" ] || continue
			printf '%s\n' "$data" | "$hook" || exit
		done
	END
	chmod 755 "$repo/hooks/pre-receive"
}

@test "ssh, Gitea's layout: the hook among others in pre-receive.d" {
	way=ssh
	server gitea hooks/pre-receive.d
	[ -x "$repo/hooks/pre-receive.d/curfew" ]
	printf '#!/bin/sh\ncat >/dev/null\n' >"$repo/hooks/pre-receive.d/gitea"
	chmod 755 "$repo/hooks/pre-receive.d/gitea"
	passes_and_refuses
}

# As Gitaly runs it: custom_hooks/pre-receive.d, from a hook of its own.
@test "http, GitLab's layout: the hook in custom_hooks" {
	way=http
	server gitlab custom_hooks
	[ -x "$repo/custom_hooks/pre-receive.d/curfew" ]
	delegate
	sed -i 's,\$(dirname "\$0")/,&../custom_hooks/,' "$repo/hooks/pre-receive"
	passes_and_refuses
}

@test "refs: force, delete, tags, an annotated tag's message, several at once" {
	for way in ssh http; do
		server "refs-$way"
		git commit -q --amend -m other
		git push -qf origin main
		git push -q origin main:side main:more
		git push -q origin :side
		[ -z "$(git -C "$repo" for-each-ref refs/heads/side)" ]
		git tag light
		git tag -a good -m "a good tag"
		git push -q origin light good
		before=$(state)
		git tag -a bad -m "made with $secret"
		run git push origin bad
		refused
		# one bad ref refuses all that come with it
		git checkout -qb b2
		git commit -q --allow-empty -m fine
		git checkout -qb b3
		leak l
		run git push origin b2 b3 :more
		refused
		[[ $output == *"refs/heads/b3"* ]]
		git push -q origin b2 :more
		[ "$(git -C "$repo" rev-parse b2)" = "$(git rev-parse b2)" ]
		run git push -f origin b3:main
		[ "$status" -ne 0 ]
		[ "$(git -C "$repo" rev-parse main)" = "$(git rev-parse main)" ]
		cd ..
		rm -rf work
	done
}

@test "an override by push option, with its sealed record" {
	for way in ssh http; do
		server "options-$way"
		git -C "$repo" config receive.advertisePushOptions true
		mkdir "$repo/spool"
		git -C "$repo" config curfew.spool "$repo/spool"
		git -C "$repo" config curfew.spoolKey "$(printf '09%062d' 0)"
		leak l
		run git push -o curfew.allow=testing origin main
		refused # the operator has not allowed it
		git -C "$repo" config curfew.allowOverride true
		run git push -o ci.skip origin main
		refused
		[ "$(find "$repo/spool" -name '*.sealed' | wc -l)" -eq 2 ]
		run git push -o ci.skip -o "curfew.allow=known to ops" origin main
		[ "$status" -eq 0 ]
		[[ $output == *"let through, reason: known to ops"* ]]
		[ "$(find "$repo/spool" -name '*.sealed' | wc -l)" -eq 3 ]
		[ "$(git -C "$repo" rev-parse main)" = "$(git rev-parse HEAD)" ]
		cd ..
		rm -rf work
	done
}

@test "a hook that is killed half-way: refused, and nothing is in" {
	for way in ssh http; do
		server "killed-$way"
		# it waits for its input, which never comes
		mkfifo "$PUSH_DIR/$way.in"
		cat >"$repo/hooks/pre-receive" <<-END
			#!/bin/sh
			(sleep 0.3; kill -KILL \$\$) &
			exec 9<>'$PUSH_DIR/$way.in'
			exec '$scan' pre-receive <&9
		END
		echo x >x
		git add x
		git commit -qm x
		run git push origin main
		[ "$status" -ne 0 ]
		[[ $output == *"hook declined"* ]]
		[ "$(state)" = "$before" ]
		# somewhere in its work: a leak never gets in
		leak l
		for ms in 01 04 08 12 16 20 30 45; do
			cat >"$repo/hooks/pre-receive" <<-END
				#!/bin/sh
				(sleep 0.0$ms; exec kill -KILL \$\$) &
				exec '$scan' pre-receive
			END
			run git push origin main
			[ "$status" -ne 0 ]
			[ "$(state)" = "$before" ]
		done
		"$scan" hook uninstall "$repo" >/dev/null || rm "$repo/hooks/pre-receive"
		"$scan" hook install "$repo" >/dev/null
		git push -q origin main~1:main
		cd ..
		rm -rf work
	done
}

@test "50 MB: passes when clean, refused when not, over both ways" {
	for way in ssh http; do
		server "big-$way"
		git config http.postBuffer 1000000 # chunked, as such pushes are
		python3 - <<-'END'
			import random
			r = random.Random(5)
			for i in range(50):
			    with open("big%d" % i, "w") as f:
			        for _ in range(13000):
			            f.write("%075x\n" % r.getrandbits(300))
		END
		git add .
		git commit -qm big
		[ "$(cat big* | wc -c)" -gt 49000000 ]
		git -C "$repo" config curfew.maxTime 5m # the bench measures it
		git push -q origin main
		before=$(state)
		sed -i "5000s/.*/$secret/" big7
		git commit -qam "one line of it"
		run git push origin main
		refused
		[[ $output == *"big7:5000"* ]]
		cd ..
		rm -rf work
	done
}
