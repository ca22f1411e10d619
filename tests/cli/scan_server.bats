#!/usr/bin/env bats
# The server's hook against a pusher who wants a secret to pass, or who carries
# an old one along.

load scan

setup() {
	scan_setup
	scan_server
	echo clean >f
	git add f
	git commit -qm one
	git push -q origin main
}

push() {
	git add -A
	git commit -qm "${1:-more}"
	run git push origin main
}

refused() { # PLACE: and nothing tells the secret
	[ "$status" -ne 0 ]
	[[ $output == *"$1"* ]]
	[[ $output != *"$secret"* ]]
}

# python: what stands before and behind the line with the secret, in file $1
hidden() {
	python3 - "$1" "$secret" "$2" <<-'P'
	import sys
	text = "first line\ntoken = %s\n" % sys.argv[2]
	open(sys.argv[1], "wb").write(eval(sys.argv[3], {"t": text.encode()}))
	P
}

@test "first bytes, a NUL, a mark or a stub hide no text" {
	for how in 'b"!<arch>\n" + t' 'b"BZh91AY&SY" + t' 'b"PK\3\4" + t' \
		'b"\x1f\x8b\x08\x00" + t' '"7z\xbc\xaf\x27\x1c".encode("latin1") + t' \
		'b"\0" + t' 't + b"\0" * 9000' 'b"\0" * 9000 + t' '"\xff\xfe".encode("latin1") + t' \
		'b"MZ" + bytes(range(256)) * 40 + b"\0" + t' \
		'b"\x7fELF" + b"\0\1\2\3" * 3000 + t + b"\0\1\2\3" * 3000'; do
		hidden h "$how"
		git -C ../server config curfew.onUnread accept
		push "$how"
		refused "h:"
		[[ $output == *gitlab-token* ]]
		git reset -q --hard HEAD~1
	done
}

@test "a zip behind a program is opened; one file in it, told once" {
	mkdir ../z
	echo "token = $secret" >../z/inner.txt
	python3 - <<-'P'
	import zipfile
	with zipfile.ZipFile("../z/a.zip", "w", zipfile.ZIP_DEFLATED) as z:
	    z.write("../z/inner.txt", "inner.txt")
	with zipfile.ZipFile("../z/b.zip", "w", zipfile.ZIP_STORED) as z:
	    z.write("../z/inner.txt", "inner.txt")
	stub = b"#!/bin/sh\nexec unzip \"$0\"\n"
	open("sfx.sh", "wb").write(stub + open("../z/a.zip", "rb").read())
	open("stored.zip", "wb").write(open("../z/b.zip", "rb").read())
	P
	push
	refused 'sfx.sh!inner.txt:1'
	[[ $output == *'stored.zip!inner.txt:1'* ]]
	[[ $output == *"2 secrets found"* ]]
}

@test "archives nested too deep are told by their path, and refused" {
	cp f x0
	for i in 1 2 3 4 5; do
		python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").write(sys.argv[2])' x$i x$((i - 1))
	done
	mkdir deep
	mv x5 deep/five.zip
	rm x?
	push
	[ "$status" -ne 0 ]
	[[ $output == *"cannot scan 'deep/five.zip' of commit $(git rev-parse --short=12 HEAD)"*"nested over 3 deep"* ]]
	[[ $output == *"curfew.onUnread accept"* ]]
	git -C ../server config curfew.onUnread accept
	run git push origin main
	[ "$status" -eq 0 ]
	[[ $output == *"not looked at whole"* ]]
}

@test "a comment in the line counts only where the operator says so, and is on record" {
	echo "token = $secret # gitleaks:allow" >g
	push
	refused "curfew.allowComments"
	git -C ../server config curfew.allowComments true
	run git push origin main
	refused "curfew.spool"
	mkdir ../spool
	git -C ../server config curfew.spool "$PWD/../spool"
	git -C ../server config curfew.spoolKey "$(printf '09%062d' 0)"
	run git push origin main
	[ "$status" -eq 0 ]
	[[ $output == *"1 let through by the comment in the line, on record"* ]]
	[[ $output == *"g:1  gitlab-token"* ]]
	[ "$(find ../spool -name '*.sealed' | wc -l)" -eq 1 ]
	# encoded, too; and without its record it stays out
	printf 'data: %s # curfew:allow\n' "$(printf 'token = %s\n' "gl""pat-otherTESTsecret45678" | base64 -w0)" >h
	rm -r ../spool
	push
	[ "$status" -ne 0 ]
	mkdir ../spool
	run git push origin main
	[ "$status" -eq 0 ]
	[ "$(find ../spool -name '*.sealed' | wc -l)" -eq 1 ]
}

# As forks on one host: what is old lies two steps from the quarantine.
@test "an old secret in a store that the repository borrows from is no new one" {
	git -C ../server config transfer.unpackLimit 1
	mv ../server/hooks/pre-receive ../hook
	seq 100 >old
	echo "token = $secret" >>old
	push "brought here"
	[ "$status" -eq 0 ]
	git clone -q --bare ../server ../pool
	echo "$(cd ../pool && pwd)/objects" >../server/objects/info/alternates
	git -C ../server repack -adlq
	[ -z "$(find ../server/objects -name '*.pack')" ]
	mv ../hook ../server/hooks/pre-receive
	sed -i 's/^7$/seven/' old
	push "edit one"
	[ "$status" -eq 0 ]
	[ "$(grep -c gitlab-token <<<"$output")" -eq 1 ]
	[[ $output == *"already in the repository"* ]]
	# the pack was completed with what is borrowed
	[ "$(git -C ../server count-objects -v | sed -n 's/^in-pack: //p')" -gt 3 ]
}

@test "an old secret in a line that nobody touched is no new one" {
	git -C ../server config transfer.unpackLimit 1
	mv ../server/hooks/pre-receive ../hook
	seq 100 >old
	echo "token = $secret" >>old
	push "brought here"
	first=$(git rev-parse --short=12 HEAD)
	[ "$status" -eq 0 ]
	mv ../hook ../server/hooks/pre-receive
	sed -i 's/^7$/seven/' old
	push "edit one"
	[ "$status" -eq 0 ]
	[[ $output == *"already in the repository"*"old:101  gitlab-token  commit $first"* ]]
	[ "$(grep -c gitlab-token <<<"$output")" -eq 1 ]
	# several edits at once, and a merge of them
	git checkout -qb side
	sed -i 's/^9$/nine/' old
	git commit -qam "edit two"
	git checkout -q main
	sed -i 's/^90$/ninety/' old
	git commit -qam "edit three"
	git merge -q --no-edit side
	run git push origin main side
	[ "$status" -eq 0 ]
	[[ $output == *"commit $first"* ]]
	# but a copy of it elsewhere is, and another one in the same file
	{ cat old; echo more; } >new
	push copy
	refused "new:101"
	git reset -q --hard HEAD~1
	secret=gl"pat-otherTESTsecret45678"
	echo "token = $secret" >>old
	push another
	refused "old:102"
	[[ $output == *"1 secret found"* ]]
}

@test "an old secret in a file that is moved and edited at once is no new one" {
	mv ../server/hooks/pre-receive ../hook
	mkdir a
	seq 100 >a/old
	echo "token = $secret" >>a/old
	seq 9 >a/other
	push "brought here"
	first=$(git rev-parse --short=12 HEAD)
	mv ../hook ../server/hooks/pre-receive
	mkdir b
	git mv a/old b/name
	sed -i 's/^7$/seven/' b/name
	push "move and edit"
	[ "$status" -eq 0 ]
	[[ $output == *"already in the repository"*"gitlab-token  commit $first"* ]]
	# once more, the whole folder, and found back to its first commit again
	git mv b c
	git mv a/other c/more
	sed -i 's/^9$/nine/' c/name c/more
	git add -A
	run "$scan" scan --staged
	[ "$status" -eq 0 ]
	push "and again"
	[ "$status" -eq 0 ]
	[[ $output == *"gitlab-token  commit $first"* ]]
	run "$scan" scan --range HEAD~2..
	[ "$status" -eq 0 ]
	# another secret than the one that went away; one in a copy
	git mv c/name d
	git commit -qm "only moved"
	git mv d e
	sed -i "s/$secret/gl""pat-otherTESTsecret45678/" e
	git add e
	run "$scan" scan --staged
	[ "$status" -eq 1 ]
	push "another"
	refused e:101
	git reset -q --hard HEAD~1
	git rm -q c/more
	{ cat d; echo more; } >f2
	push "a copy, and another file taken away"
	refused f2:101
}

@test "an old file at a new path: what weighs more there, and copies, are new" {
	mkdir docs keys
	openssl genpkey -algorithm ed25519 -out docs/k.pem 2>/dev/null
	cp docs/k.pem docs/l.pem
	push "an example"
	[ "$status" -eq 0 ]
	cp docs/k.pem keys/prod.pem
	push "a copy"
	refused keys/prod.pem:1
	git reset -q --hard HEAD~1
	mkdir -p keys
	git mv docs/k.pem keys/prod.pem
	push "moved"
	refused keys/prod.pem:1
	sed -i '1i a word more' keys/prod.pem
	git commit -q --amend -am "moved and edited"
	run git push origin main
	refused keys/prod.pem:2
	run "$scan" scan --range HEAD~1..
	[ "$status" -eq 1 ]
	git reset -q --hard HEAD~1
	git mv docs/k.pem docs/m.pem
	push "moved to where it weighs the same"
	[ "$status" -eq 0 ]
	# as high as before: moved it is old, copied it is new
	mv ../server/hooks/pre-receive ../hook
	echo "token = $secret" >h
	push "an old one"
	mv ../hook ../server/hooks/pre-receive
	# from a branch that has it there
	git checkout -q -b side HEAD~1
	git cherry-pick main >/dev/null
	git commit -q --amend -m "picked"
	run git push origin side
	[ "$status" -eq 0 ]
	# merged, and by a branch without objects
	git checkout -q main
	git merge -q side -m both
	run git push origin main main:again
	[ "$status" -eq 0 ]
	git push -q origin :again :side
	git mv h i
	push "moved"
	[ "$status" -eq 0 ]
	cp i j
	push "copied"
	refused j:1
	git reset -q --hard HEAD~1
}

@test "names of files, folders, branches and tags, authors and messages" {
	mkdir "d-$secret"
	echo x >"d-$secret/x"
	push
	refused 'd-***/x:1  gitlab-token  commit'
	git -C ../server config curfew.onUnread accept
	git reset -q --hard HEAD~1
	echo x >"$secret.txt"
	push
	refused '***.txt:1  gitlab-token'
	# what has that name already can be worked with
	mv ../server/hooks/pre-receive ../hook
	git push -q origin main
	mv ../hook ../server/hooks/pre-receive
	echo y >>"$secret.txt"
	echo y >z
	push
	[ "$status" -eq 0 ]
	for ref in "main:refs/heads/b-$secret" "main:refs/tags/t-$secret"; do
		git commit -q --allow-empty -m "for a ref"
		run git push origin "$ref"
		[ "$status" -ne 0 ]
		[[ $output == *"remote:   refs/"*"***:1  gitlab-token"* ]]
		[[ $(grep ^remote: <<<"$output") != *"$secret"* ]]
	done
	git reset -q --hard origin/main
	git -c user.name=x commit -q --allow-empty --author "$secret <a@example.org>" -m author
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *gitlab-token* ]]
	git reset -q --hard HEAD~1
	GIT_COMMITTER_EMAIL="$secret@example.org" git commit -q --allow-empty -m committer
	run git push origin main
	[ "$status" -ne 0 ]
	git reset -q --hard HEAD~1
	GIT_COMMITTER_NAME="$secret" git tag -a -m tagger v1
	run git push origin v1
	[ "$status" -ne 0 ]
}

@test "names that no file has: a submodule's, an empty folder's, a tagged folder's" {
	blob=$(git hash-object -w f)
	empty=$(git mktree </dev/null)
	try() { # LINE-OF-A-TREE
		tree=$({ git ls-tree HEAD; printf '%b\n' "$1"; } | git mktree --missing)
		commit=$(git commit-tree -p HEAD -m more "$tree")
		run git push origin "$commit:refs/heads/${2:-main}"
	}
	try "160000 commit $(git rev-parse HEAD)\t$secret"
	refused "***"
	try "040000 tree $empty\t$secret"
	refused "***"
	git tag -a -m tree t "$(printf '100644 blob %s\t%s\n' "$blob" "$secret" | git mktree)"
	run git push origin t
	refused "***"
	git tag -a -m tree u "$(git rev-parse 'HEAD^{tree}')"
	run git push origin u
	[ "$status" -eq 0 ]
	try "160000 commit $(git rev-parse HEAD)\tplain"
	[ "$status" -eq 0 ]
	try "040000 tree $empty\tplain" other
	[ "$status" -eq 0 ]
}

@test "the same names as update, where the quarantine is over" {
	rm ../server/hooks/pre-receive
	printf '#!/bin/sh\nexec %s update "$@"\n' "$scan" >../server/hooks/update
	chmod +x ../server/hooks/update
	echo x >"$secret.txt"
	push
	[ "$status" -ne 0 ]
	[[ $output == *'***.txt:1  gitlab-token'* ]]
	git reset -q --hard HEAD~1
	git commit -q --allow-empty --author "$secret <a@example.org>" -m author
	run git push origin main
	[ "$status" -ne 0 ]
	git reset -q --hard HEAD~1
	git commit -q --allow-empty -m fine
	run git push origin "main:b-$secret"
	[ "$status" -ne 0 ]
	[[ $output == *"b-***:1  gitlab-token"* ]]
	git push -q origin main
}

@test "nothing that a pusher or a rule names steers a terminal" {
	esc=$'\e[31m'
	printf '[[rules]]\nid = "a\\u001b[31mb"\ndescription = "c\\u001b[31md"\nregex = "house-[a-z]{8}"\nconfidence = "high"\n' >../rules.toml
	git -C ../server config curfew.config "$PWD/../rules.toml"
	echo house-qkzjvwxt >"p$esc"
	push
	[ "$status" -ne 0 ]
	[[ $output == *'a\x1b[31mb'* ]]
	[[ $output == *'c\x1b[31md'* ]]
	[[ $output != *$'\e[31m'* ]]
	run "$scan" scan --config ../rules.toml "p$esc"
	[ "$status" -eq 1 ]
	[[ $output != *$'\e'* ]]
	run "$scan" rules list --config ../rules.toml
	[[ $output != *$'\e'* ]]
}

@test "what the repository says about rules and exceptions does not count" {
	printf 'title = "none"\n[[rules]]\nid = "none"\nregex = "nothing-at-all"\n' >.gitleaks.toml
	echo "token = $secret" >g
	run "$scan" scan --report-format json g
	git add -A
	printf 'g:gitlab-token:1\n' >.gitleaksignore
	cp .gitleaks.toml .gitleaksignore ../server/
	push
	refused "g:1  gitlab-token"
}
