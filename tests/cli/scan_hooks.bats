#!/usr/bin/env bats
# The git hooks with real git: pushes to a bare repository, commits, install.

load scan

setup() {
	scan_setup
	scan_server
	echo clean >f; git add f; git commit -qm one
}

leak() {
	echo "token = $secret" >"$1"
	git add "$1"
	git commit -qm "${2:-leak}"
}

objects() { find ../server/objects -type f | wc -l; }

@test "a clean push passes, a leak is refused and leaves nothing" {
	git push -q origin main
	before=$(objects)
	leak dir.txt
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"dir.txt:1  gitlab-token"* ]]
	[[ $output == *"commit $(git rev-parse --short=12 HEAD)"* ]]
	[[ $output == *"refs/heads/main"* ]]
	[[ $output != *"$secret"* ]]
	[ "$(objects)" = "$before" ]
	[ "$(git -C ../server rev-parse main)" = "$(git rev-parse HEAD~1)" ]
}

@test "a pack in quarantine is looked at like loose objects" {
	git -C ../server config transfer.unpackLimit 1
	git push -q origin main
	leak g
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"g:1  gitlab-token"* ]]
}

@test "what the server has already is not told again, in a thin pack neither" {
	seq 3000 >big; echo "$secret" >>big; git add big; git commit -qm big
	rm ../server/hooks/pre-receive
	git push -q origin main
	"$scan" hook install ../server
	git -C ../server config transfer.unpackLimit 1
	sed -i 's/^7$/seven/' big; sed -i '/glpat/d' big
	git commit -qam "delta on the old one, without the secret"
	run git push origin main
	[ "$status" -eq 0 ]
	echo more >>big; git commit -qam more
	git push -q origin main
}

@test "leaks on the way: removed later, in a merge, in a message, in a tag" {
	leak gone; git rm -q gone; git commit -qm removed
	run git push origin main
	[ "$status" -ne 0 ]
	git reset -q --hard HEAD~2
	git commit -q --allow-empty -m "oops $secret"
	run git push origin main
	[ "$status" -ne 0 ]
	git reset -q --hard HEAD~1
	git push -q origin main
	git tag -a t -m "$secret"
	run git push origin t
	[ "$status" -ne 0 ]
}

@test "deletes, force pushes, tags and several refs at once" {
	git push -q origin main main:side
	git push -q origin :side
	git commit -q --amend -m other
	git push -qf origin main
	git tag t; git checkout -qb b2; git commit -q --allow-empty -m x
	git push -q origin main b2 t
	leak g
	run git push origin main b2
	[ "$status" -ne 0 ]
	[[ $output == *"refs/heads/b2"* ]]
}

@test "as update, where the quarantine is over already" {
	rm ../server/hooks/pre-receive
	printf '#!/bin/sh\nexec %s update "$@"\n' "$scan" >../server/hooks/update
	chmod +x ../server/hooks/update
	git push -q origin main
	leak up.txt
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"up.txt:1  gitlab-token"* ]]
	[ "$(git -C ../server rev-parse main)" = "$(git rev-parse HEAD~1)" ]
	git reset -q --hard HEAD~1
	git tag -a -m "say $secret" v1
	run git push origin v1
	[ "$status" -ne 0 ]
	git tag -d v1
	git tag -a -m fine v1
	leak other.txt
	run git push origin v1 main:side :main
	[[ $output == *"v1 -> v1"* ]]
	[[ $output == *"other.txt:1"* ]]
	run git -C ../server rev-parse -q --verify side
	[ "$status" -ne 0 ]
}

@test "low confidence does not refuse unless told so" {
	printf "[[rules]]\nid = 'house'\nregex = 'house-[a-z]{8}'\nconfidence = 'low'\n" >../rules.toml
	git -C ../server config curfew.config "$PWD/../rules.toml"
	echo house-abcdefgh >p; git add p; git commit -qm p
	git push -q origin main
	git -C ../server config curfew.minConfidence low
	echo house-hgfedcba >p; git commit -qam p2
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *house* ]]
}

@test "a user's rule is refused as it is, whatever its values look like" {
	cat >../rules.toml <<-'S'
	[[rules]]
	id = "house-plain"
	regex = "house-[a-z]+"
	[[rules]]
	id = "house-high"
	regex = "roof:[0-9]+"
	kind = "password"
	confidence = "high"
	[[rules]]
	id = "house-medium"
	regex = "cellar-[0-9A-Za-z]{20}"
	confidence = "medium"
	S
	git -C ../server config curfew.config "$PWD/../rules.toml"
	git push -q origin main
	mkdir -p tests/docs
	# what our own rules would call made up, in a folder of tests
	for value in house-password roof:00000000; do
		echo "x = $value" >tests/docs/sample.md
		git add tests; git commit -qm "$value"
		run git push origin main
		[ "$status" -ne 0 ]
		[[ $output == *"sample.md:1  house-"* ]]
		git reset -q --hard HEAD~1
		mkdir -p tests/docs
	done
	echo cellar-k3X9vQ7mR2nT5yL8pB1z >c; git add c; git commit -qm c
	git push -q origin main
}

@test "a user's word on a built-in rule counts, and its silence does not" {
	mkdir in; printf '%s\n' "token = $secret" >in/f
	as() { # CONFIDENCE: what the rule is told with
		"$scan" scan --dir --exit-code 0 --config rules.toml -f json -r out.json in
		python3 -c 'import json,sys; sys.exit({(f["RuleID"], f["Confidence"]) for f in json.load(open("out.json"))} != {("gitlab-token", sys.argv[1])})' "$1"
	}
	printf '[extend]\nuseDefault = true\n[[rules]]\nid = "gitlab-token"\n' >rules.toml
	echo 'description = "ours"' >>rules.toml
	as high
	echo 'confidence = "low"' >>rules.toml
	as low
	sed -i '/confidence/d' rules.toml
	echo "regex = 'gl[p]at-hook[0-9A-Za-z]+'" >>rules.toml
	as high
	echo 'confidence = "medium"' >>rules.toml
	as medium
	# the score's word is the user's to overrule, too
	printf '[extend]\nuseDefault = true\n[[rules]]\nid = "generic-secret"\nconfidence = "low"\n' >rules.toml
	echo 'db_password = "kR7vXq2mWz9p"' >in/f
	"$scan" scan --dir --exit-code 0 -f json -r ours.json in
	grep -q '"Confidence": *"high"' ours.json
	"$scan" scan --dir --exit-code 0 --config rules.toml -f json -r out.json in
	grep -q '"Confidence": *"low"' out.json
}

@test "an override needs the operator's leave and a reason" {
	git -C ../server config receive.advertisePushOptions true
	leak g
	run git push -o curfew.allow=testing origin main
	[ "$status" -ne 0 ]
	git -C ../server config curfew.allowOverride true
	run git push -o curfew.allow=testing origin main
	[ "$status" -ne 0 ] # nowhere to write the record
	mkdir ../spool
	git -C ../server config curfew.spool "$PWD/../spool"
	git -C ../server config curfew.spoolKey "$(printf '09%062d' 0)"
	run git push -o curfew.allow= origin main
	[ "$status" -ne 0 ]
	run git push -o curfew.allow=testing origin main
	[ "$status" -eq 0 ]
	secret=gl"pat-hookTESTsecret456780"
	leak h
	rm -r ../spool
	run git push -o curfew.allow=testing origin main
	[ "$status" -ne 0 ]
	mkdir ../spool
	run git push -o curfew.allow=testing origin main
	[ "$status" -eq 0 ]
	[[ $output == *"let through, reason: testing"* ]]
}

@test "findings are sealed into the spool, secret not readable there" {
	mkdir ../spool
	git -C ../server config curfew.spool "$PWD/../spool"
	git -C ../server config curfew.spoolKey "$(printf '09%062d' 0)"
	leak g
	run git push origin main
	[ "$status" -ne 0 ]
	[ "$(find ../spool -name '*.sealed' | wc -l)" -eq 1 ]
	! grep -rq glpat ../spool || false
}

@test "no time left: refused, or accepted when so configured" {
	git -C ../server config curfew.maxTime 1ms
	git -C ../server config transfer.unpackLimit 1
	for i in $(seq 300); do head -c 3000 /dev/urandom | base64 >"r$i"; done
	git add .; git commit -qm many
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"time was over"* ]]
	git -C ../server config curfew.onTimeout accept
	run git push origin main
	[ "$status" -eq 0 ]
}

@test "a broken setting refuses" {
	git -C ../server config curfew.minConfidence nonsense
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *nonsense* ]]
}

@test "pre-commit looks at the index, also with commit -a" {
	"$scan" hook install .
	[ -x .git/hooks/pre-commit ] && [ -x .git/hooks/pre-push ]
	echo fine >g; git add g; git commit -qm fine
	echo "$secret" >g
	run git commit -qam leak
	[ "$status" -ne 0 ]
	[[ $output == *"g:1  gitlab-token"* ]]
	# not staged: not looked at
	echo other >h; git add h; git commit -qm other
	# what HEAD has already does not stop work on the file
	git commit -q --no-verify -am leak
	echo "another line" >>g
	git commit -qam fine
}

@test "pre-push looks at what the remote has not" {
	"$scan" hook install .
	git push -q origin main
	echo "$secret" >g; git add g; git commit -q --no-verify -m leak
	rm ../server/hooks/pre-receive
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"g:1  gitlab-token"* ]]
	git push -q --no-verify origin main
	echo x >y; git add y; git commit -q --no-verify -m y
	git push -q origin main
}

@test "where a link points: pre-commit, pre-push, pre-receive, update" {
	git push -q origin main
	"$scan" hook install .
	ln -s "$secret" l; git add l
	run git commit -qm link
	[ "$status" -ne 0 ]
	[[ $output == *"l:1  gitlab-token"* ]]
	git commit -qnm link
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"l:1  gitlab-token"* ]]
	run git push --no-verify origin main
	[ "$status" -ne 0 ]
	[[ $output == *"l:1  gitlab-token"* ]]
	mv ../server/hooks/pre-receive ../server/hooks/update
	sed -i "s/ pre-receive / update /" ../server/hooks/update
	run git push --no-verify origin main
	[ "$status" -ne 0 ]
	[[ $output == *"l:1  gitlab-token"* ]]
	[[ $output != *"$secret"* ]]
}

@test "install, status, uninstall; a stranger's hook stays" {
	run "$scan" hook status ../server
	[ "$status" -eq 0 ]
	"$scan" hook uninstall ../server
	[ ! -e ../server/hooks/pre-receive ]
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
	printf '#!/bin/sh\nexit 0\n' >../server/hooks/pre-receive
	run "$scan" hook install ../server
	[ "$status" -ne 0 ]
	[[ $output == *"not ours"* ]]
	run "$scan" hook uninstall ../server
	[ "$status" -ne 0 ]
	[ -e ../server/hooks/pre-receive ]
	mkdir -p ../server/hooks/pre-receive.d ../server/custom_hooks
	scan_dispatcher ../server
	"$scan" hook install ../server
	[ -x ../server/hooks/pre-receive.d/curfew ]
	"$scan" hook install --layout gitlab ../server
	[ -x ../server/custom_hooks/pre-receive.d/curfew ]
}

@test "an ignore line by content: on the server by its setting, locally from the folder" {
	echo ghp >f; git add f; git commit -qm f
	leak g
	run git push origin main
	[ "$status" -ne 0 ]
	print=$(grep -o 'gitlab-token:[0-9a-f]*' <<<"$output" | head -n1)
	[ -n "$print" ]
	echo "$print" >.gitleaksignore
	git add .gitleaksignore; git commit -qm "a pusher may not ignore"
	run git push origin main
	[ "$status" -ne 0 ]
	echo "$print" >../server/ignore
	git -C ../server config curfew.ignoreFile "$PWD/../server/ignore"
	run git push origin main
	[ "$status" -eq 0 ]
	"$scan" hook install .
	echo "again $secret" >h; git add h
	git commit -qm h
	rm .gitleaksignore
	echo "again $secret" >i; git add i
	run git commit -qm i
	[ "$status" -ne 0 ]
}

@test "the local hooks heed .gitleaks.toml as a scan of the index does" {
	printf '[extend]\nuseDefault = true\n[[rules]]\nid = "shop-key"\nregex = "shopkey-[a-z]{9}"\n[[allowlists]]\npaths = ["^vendored/"]\n' >.gitleaks.toml
	git add .gitleaks.toml; git commit -qm rules
	"$scan" hook install .
	"$scan" hook status .
	echo "shopkey-abcdefghi" >k; git add k
	run "$scan" scan --staged
	[ "$status" -eq 1 ]
	run git commit -qm k
	[ "$status" -ne 0 ]
	[[ $output == *"k:1  shop-key"* ]]
	git rm -qf k
	mkdir vendored
	leak vendored/v
	git commit -qnm k --allow-empty
	git -C ../server config receive.denyNonFastForwards false
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *remote:*"vendored/v:1  gitlab-token"* ]]
	[[ $output != *"pre-push"* ]]
	printf '[[rules]]\nid = "none"\nregex = "nothing-at-all"\n' >../none.toml
	git config curfew.config "$PWD/../none.toml"
	echo "shopkey-abcdefghi" >k; git add k
	git commit -qm "its own setting wins"
}

@test "a merge is looked at: pre-merge-commit" {
	"$scan" hook install .
	[ -x .git/hooks/pre-merge-commit ]
	git checkout -q -b side
	echo "token = $secret" >m; git add m; git commit -qnm m
	git checkout -q main
	run git merge -q --no-ff -m both side
	[ "$status" -ne 0 ]
	[[ $output == *"m:1  gitlab-token"* ]]
	"$scan" hook uninstall .
	[ ! -e .git/hooks/pre-merge-commit ]
	[ ! -e .git/hooks/pre-push ]
}

@test "status: a program that is gone, a script that cannot run, damaged rules" {
	"$scan" hook status ../server
	chmod -x ../server/hooks/pre-receive
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
	[[ $output == *"not executable"* ]]
	chmod +x ../server/hooks/pre-receive
	sed -i "s|^exec '[^']*'|exec '/nowhere/it'\\\\''s/curfew-scan'|" ../server/hooks/pre-receive
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
	[[ $output == *"is not there"*"/nowhere/it's/curfew-scan"* ]]
	"$scan" hook install ../server
	"$scan" hook status ../server
	# in the rows, far into them, in the databases
	for at in 70 4000 100000 1000000; do
		python3 - ../server/curfew/rules-*.db "$at" <<-'P'
			import sys
			f = open(sys.argv[1], "r+b")
			f.seek(int(sys.argv[2]))
			old = f.read(2)
			f.seek(int(sys.argv[2]))
			f.write(bytes(b ^ 4 for b in old))
		P
		run "$scan" hook status ../server
		[ "$status" -eq 1 ]
		[[ $output == *"rules: not compiled"* ]]
		"$scan" hook install ../server
		"$scan" hook status ../server
	done
}

@test "install compiles the rules, so that no push waits for it" {
	export CURFEW_SCAN_CACHE=$PWD/../fresh
	rm -r ../server/curfew
	"$scan" hook install ../server
	rm -r ../server/curfew # the user's own is enough
	[ "$(find ../fresh -name 'rules-*.db' -perm 600 | wc -l)" -eq 1 ]
	touch -d 2001-01-01 ../fresh/*
	git push -q origin main
	[ -z "$(find ../fresh -type f -newermt 2002-01-01)" ]
	# what somebody else may have written there is not believed
	chmod 644 ../fresh/*
	leak g
	run git push origin main
	[ "$status" -ne 0 ]
	[ "$(find ../fresh -name '*.[db]*' -perm 600 | wc -l)" -eq 2 ]
	# a cut file neither
	for f in ../fresh/*; do truncate -s 5000 "$f"; done
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"g:1  gitlab-token"* ]]
}

@test "the server's hook: no socket, process, program, foreign file" {
	export CURFEW_TRY_FORBIDDEN=1
	echo x >x; git add x; git commit -qm x
	run git push origin main
	[ "$status" -eq 0 ]
	[ "$(grep -c ': refused' <<<"$output")" -eq 5 ]
	[[ $output != *WORKED* ]]
	[[ $output == *"own: read"* ]]
	# alternates of alternates are still read: this push is a thin pack
	unset CURFEW_TRY_FORBIDDEN
	seq 3000 >big; git add big; git commit -qm big; git push -q origin main
	git clone -q --bare --shared ../server ../second
	git clone -q --bare --shared ../second ../third
	git -C ../third config transfer.unpackLimit 1
	"$scan" hook install ../third
	sed -i 's/^7$/seven/' big; echo "$secret" >>big; git commit -qam "a delta"
	run git push ../third main
	[ "$status" -ne 0 ]
	[[ $output == *"big:3001  gitlab-token"* ]]
}

@test "compiled rules lie beside the settings, for a hook without a home" {
	[ "$(find ../server/curfew -type f -perm 644 | wc -l)" -eq 2 ]
	run "$scan" hook status ../server
	[ "$status" -eq 0 ]
	[[ $output == *"rules: compiled, in "*server/curfew* ]]
	leak g
	run env CURFEW_SCAN_CACHE= git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"g:1  gitlab-token"* ]]
	[[ $output != *compiling* ]]
	# in a folder of one's own, also
	mkdir ../shared
	"$scan" hook install --cache ../shared ../server
	rm -r ../server/curfew
	run env CURFEW_SCAN_CACHE= git push origin main
	[ "$status" -ne 0 ]
	[[ $output != *compiling* ]]
	"$scan" hook uninstall ../server
	[ "$(find ../shared -type f | wc -l)" -eq 2 ]
	"$scan" hook install ../server
	"$scan" hook uninstall ../server
	[ ! -e ../server/curfew ]
}

@test "nothing compiled: told, done once, and not on the push's time" {
	rm -r ../server/curfew
	git -C ../server config curfew.maxTime 2s
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
	[[ $output == *"rules: not compiled"*"hook install"* ]]
	run env CURFEW_SCAN_CACHE= git push origin main
	[ "$status" -eq 0 ]
	[[ $output == *"compiling the rules, once"* ]]
	git commit -q --allow-empty -m two
	run env CURFEW_SCAN_CACHE= git push origin main
	[ "$status" -eq 0 ]
	[[ $output != *compiling* ]]
	"$scan" hook status ../server
}

@test "who is believed about compiled rules: root, the hook's user, the owner" {
	chmod go+w ../server/curfew/rules-*
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
	chmod go-w ../server/curfew/rules-*
	"$scan" hook status ../server
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	chown 12345 ../server/curfew/rules-*
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
	chown 12345 ../server
	"$scan" hook status ../server
	mv ../server/curfew/rules-* ../file
	ln -s "$PWD"/../file ../server/curfew/"$(cd "$CURFEW_SCAN_CACHE"; ls rules-*)"
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
}

@test "two that find nothing compiled: one compiles, the other waits for it" {
	mkdir -m 700 ../fresh
	touch ../fresh/lock
	exec 9<>../fresh/lock
	flock 9
	CURFEW_SCAN_CACHE=$PWD/../fresh "$scan" scan f 9>&- &
	sleep 1
	kill -0 $!
	cp -p "$CURFEW_SCAN_CACHE"/rules-* ../fresh/
	touch -d 2001-01-01 ../fresh/rules-*
	flock -u 9
	wait $!
	[ -z "$(find ../fresh -name 'rules-*' -newermt 2002-01-01)" ]
}

@test "a setting that cannot be is named, with what can be; an empty one is none" {
	git -C ../server config curfew.maxTime 5
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *curfew.maxTime* ]]
	[[ $output == *"4s, 500ms"* ]]
	git -C ../server config curfew.maxTime 1h
	git -C ../server config curfew.config ""
	run git push origin main
	[ "$status" -eq 0 ]
}

@test "hook: help behind its words; hints only where they hold" {
	for words in "hook --help" "hook install --help" "hook status --help" "hook install -h"; do
		# shellcheck disable=SC2086
		run "$scan" $words
		[ "$status" -eq 0 ]
		[[ $output == "usage: curfew-scan hook "* ]]
	done
	run "$scan" scan --staged /nonexistent-repository
	[ "$status" -eq 3 ]
	[[ $output != *SHA-256* ]]
	git init -q --bare --object-format=sha256 ../long
	for words in "scan --staged" "scan" "hook install"; do
		# shellcheck disable=SC2086
		run "$scan" $words ../long
		[ "$status" -eq 3 ]
		echo "$output"
		[[ $output == *"SHA-256 ids are not read"* ]]
	done
	run "$scan" hook install --cache nowhere ../server
	[ "$status" -eq 3 ]
	[[ $output == *"cannot take --cache 'nowhere': No such file or directory; make it first"* ]]
	run "$scan" hook status nowhere
	[ "$status" -eq 3 ]
	[[ $output == *"cannot tell the status of the hook 'nowhere'"* ]]
}

@test "an alternate of the server is gone: what git takes is looked at" {
	git push -q origin main
	git clone -q --bare ../server ../pool
	rm -r ../server
	git clone -q --bare --shared ../pool ../server
	"$scan" hook install ../server >/dev/null
	git -C ../server config curfew.maxTime 1h
	echo more >g; git add g; git commit -qm two
	git push -q origin main
	rm -r ../pool
	echo 3 >h; git add h; git commit -qm three
	run git push origin main
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *"cannot scan"* ]]
	leak x
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"x:1  gitlab-token"* ]]
	[[ $output != *"not looked at"* ]]
}
