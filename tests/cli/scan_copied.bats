#!/usr/bin/env bats
# Old files that a push puts at new paths: it brings no object for them.

load scan

setup() {
	scan_setup
	scan_server
	mv ../server/hooks/pre-receive ../hook # until guarded()
	mkdir -p old/deep
	seq 50 >f
	echo "token = $secret" >old/deep/h
	git add .
	git commit -qm "an old secret"
	git push -q origin main
}

guarded() {
	mv ../hook ../server/hooks/pre-receive
}

push() {
	run timeout 300 git push origin "${1:-main}"
}

refused() { # PLACE: and nothing tells the secret
	[ "$status" -ne 0 ]
	[[ $output == *"$1  gitlab-token"* ]]
	[[ $output != *"$secret"* ]]
}

@test "an old tree as a new commit's, whole and as a folder" {
	git rm -qr old
	git commit -qm gone
	git push -q origin main
	guarded
	git commit -q --allow-empty -m "nothing else"
	push
	[ "$status" -eq 0 ]
	git revert --no-edit HEAD~1 >/dev/null
	[ "$(git rev-parse 'HEAD^{tree}')" = "$(git rev-parse 'HEAD~3^{tree}')" ]
	push
	refused old/deep/h:1
	git reset -q --hard HEAD~1
	git read-tree --prefix=new/ HEAD~2:old
	git checkout -q .
	git commit -qm "an old folder"
	push
	refused new/deep/h:1
	git reset -q --hard HEAD~1
	# a second parent that has it there, and that nobody has seen yet
	git checkout -qb side HEAD~2
	git commit -q --allow-empty -m side
	git checkout -q main
	git merge -q -m both -s ours side
	git read-tree --prefix=old/ side:old
	git commit -q --amend -m both
	push
	[ "$status" -eq 0 ]
}

@test "what the server has is sent all the same, at another path" {
	guarded
	mkdir ../other
	cd ../other
	git init -q -b main .
	git remote add origin ../server
	mkdir -p old/deep
	cp ../work/old/deep/h old/deep/h
	git add .
	git commit -qm "the same file, the same path"
	push main:again
	[ "$status" -eq 0 ]
	git mv old/deep/h here
	git commit -q --amend -m "another path"
	push main:other
	refused here:1
	[[ $output == *"here:1  gitlab-token  commit $(git rev-parse --short=12 HEAD)  in refs/heads/other"* ]]
	# in a pack as well
	git -C ../server config transfer.unpackLimit 1
	push main:other
	refused here:1
}

@test "mode and kind of a file are no path; a name that sorts between is" {
	guarded
	chmod +x old/deep/h
	git commit -qam mode
	push
	[ "$status" -eq 0 ]
	# "old" as file and folder sort around these
	for name in old-a old.b old0; do
		mkdir "$name"
		seq 3 >"$name/f"
	done
	git add .
	git commit -qm "beside it"
	push
	[ "$status" -eq 0 ]
	git mv old tmp
	mkdir old
	git mv tmp/deep/h old/deep
	git commit -qm "the folder is a file now"
	cp old/deep old-a/copy
	git add .
	git commit -qm copy
	seq 4 >old-a/f # beside the copy, which is none of this commit
	git commit -qam more
	push
	refused old-a/copy:1
	[[ $output == *"1 secret found"* ]]
	[ "$(grep -c old-a/copy:1 <<<"$output")" -eq 1 ]
}

@test "a tree of trees without end: the time ends" {
	guarded
	tree=$(git rev-parse HEAD:old/deep)
	for i in $(seq 12); do
		tree=$(for k in $(seq 10); do
			printf '040000 tree %s\td%d\n' "$tree" "$k"
		done | git mktree)
	done
	export CURFEW_COUNTS=1 CURFEW_DEADLINE_ASKS=300
	push "$(git commit-tree -p HEAD -m bomb "$tree"):refs/heads/bomb"
	[ "$status" -ne 0 ]
	[[ $output == *"not looked at, the time was over (curfew.maxTime"* ]]
}

@test "a path longer than any can be is named, and refused" {
	guarded
	tree=$(git rev-parse HEAD:old/deep) name=$(printf 'x%.0s' $(seq 250))
	for i in $(seq 20); do
		tree=$(printf '040000 tree %s\t%s\n' "$tree" "$name" | git mktree)
	done
	push "$(git commit-tree -p HEAD -m long "$tree"):refs/heads/long"
	[ "$status" -ne 0 ]
	[[ $output == *"has a path of over 4096 bytes"*"curfew.onUnread accept"* ]]
}

# commits NUMBER: the first puts the old file at a new path
commits() {
	python3 - "$1" <<-'P' | git fast-import --quiet
	import sys
	w = sys.stdout.write
	for i in range(int(sys.argv[1])):
	    w("commit refs/heads/many\nmark :%d\ncommitter A <a@example.org> %d +0000\n"
	      "data 1\nm" % (i + 1, 1700000000 + i))
	    w("\nfrom refs/heads/main^0" if i == 0 else "")
	    w('\nM 100644 inline n\ndata <<E\n%d\nE\n' % i)
	    if i == 0:
	        w('C old/deep/h copy\n')
	    if i == 1:
	        w('D copy\n')
	    w("\n")
	P
}

@test "many commits: all are compared, and what there was no time for is told" {
	guarded
	commits 2100
	push many
	refused copy:1
	git update-ref -d refs/heads/many
	rm -rf .git/rr-cache
	git checkout -q --orphan few main
	git commit -qm "few"
	git push -q origin few
	for i in $(seq 10); do
		seq "$i" >f
		git commit -qam "$i"
	done
	cp -r ../server ../again
	export CURFEW_COUNTS=1
	push few
	[ "$status" -eq 0 ]
	asked=$(grep -o "asked [0-9]*" <<<"$output" | cut -d' ' -f2)
	git remote set-url origin ../again
	# among the objects, in the comparing, among the names: always told
	for before in 0 1 4 9 12 15 25 40; do
		export CURFEW_DEADLINE_ASKS=$((asked - before))
		push few
		[ "$status" -ne 0 ]
		[[ $output == *"not looked at, the time was over (curfew.maxTime"* ]]
	done
	git -C ../again config curfew.onTimeout accept
	push few
	[ "$status" -eq 0 ]
	[[ $output == *"let through: "*"not looked at"* ]]
}

@test "an odd mode in a tree that comes as a delta hides no old file" {
	guarded
	git -C ../server config transfer.unpackLimit 1
	blob=$(git rev-parse HEAD:old/deep/h)
	git checkout -q --orphan alone
	git rm -rqf .
	for i in $(seq 300); do echo "$i" >"f$i"; done
	git add .
	git commit -qm many
	git rm -q "f1?" "f29?"
	git commit -qm fewer
	# the same tree, and the old file under a mode that git writes nowhere
	python3 - "$(git rev-parse 'HEAD^{tree}')" "$blob" <<-'P'
		import subprocess, sys
		t = subprocess.check_output(["git", "cat-file", "tree", sys.argv[1]])
		open("tree", "wb").write(t + b"100444 zz\0" + bytes.fromhex(sys.argv[2]))
	P
	tree=$(git hash-object -t tree -w --literally tree)
	push "$(git commit-tree -p HEAD -m odd "$tree"):refs/heads/odd"
	refused zz:1
}

@test "an old commit that was given up, alone, under a new one, by a tag" {
	git rm -qr old
	git commit -qm gone
	git push -qf origin "$(git commit-tree -m clean 'HEAD^{tree}'):refs/heads/main"
	git push -q origin main:refs/heads/aside main~1:refs/heads/lost
	git push -q origin :refs/heads/lost :refs/heads/aside
	# nothing leads to the old secret on the server now, and all of it is there
	guarded
	git fetch -q --prune
	push main~1:refs/heads/again
	refused old/deep/h:1
	push "$(git rev-parse main~1:old/deep/h):refs/tags/file"
	[ "$status" -ne 0 ]
	[[ $output == *gitlab-token* ]]
	git tag -am "of it" told main~1
	push told
	refused old/deep/h:1
	echo more >more
	git add more
	git commit -qm more
	push main:refs/heads/top
	refused old/deep/h:1
	# what a ref leads to is old, whichever commit of it
	git checkout -q --detach origin/main
	for i in 1 2 3; do git commit -q --allow-empty -m "n$i"; done
	push HEAD:refs/heads/main
	[ "$status" -eq 0 ]
	push HEAD~2:refs/heads/older
	[ "$status" -eq 0 ]
	git commit-tree -p HEAD~3 -m side 'HEAD^{tree}' >../side
	push "$(cat ../side):refs/heads/side"
	[ "$status" -eq 0 ]
}

@test "an old commit that was given up: whenever the time ends, it does not come in" {
	git push -q origin main:refs/heads/lost "$(git commit-tree -m clean "$(git mktree </dev/null)"):refs/heads/new"
	git -C ../server symbolic-ref HEAD refs/heads/new
	git push -q origin :refs/heads/lost :refs/heads/main
	guarded
	for n in 1 2 3 4 6 8 12 16 24 100000; do
		CURFEW_DEADLINE_ASKS=$n run timeout 300 git push origin "main:refs/heads/r$n"
		echo "$n: $output"
		[ "$status" -ne 0 ]
	done
	[ -z "$(git -C ../server for-each-ref 'refs/heads/r*')" ]
	refused old/deep/h:1
}
