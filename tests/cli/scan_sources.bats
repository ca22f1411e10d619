#!/usr/bin/env bats
# curfew-scan scan: every place texts can come from, and what is missing there.

load scan

setup() {
	scan_setup
}

token() { printf 'glpat-%s' "$1" | head -c 26; }
commit() { # FILE NAME-OF-SECRET
	mkdir -p "$(dirname "$1")"
	echo "x $(token "$2"abcdefgh0123456789XYZ)" >>"$1"
	git add "$1"
	git commit -qm "$2"
}
# "file:line name" of each finding, sorted
found() {
	python3 -c '
import json
for f in sorted((f["File"], f["StartLine"], f["Secret"][6:9]) for f in json.load(open("'"${1:-out.json}"'"))):
    print("%s:%d %s" % f)'
}
look() {
	run "$scan" scan --report-format json --report-path out.json "$@"
}
lines() { printf '%s\n' "$@"; }

@test "a range: two dots, three dots, one commit, counts, refs" {
	git init -q -b main r; cd r
	commit a one; commit a two; git branch side; commit b thr
	git checkout -q side; commit c fou; git checkout -q main
	commit a fiv
	look --range side..main .
	[ "$status" -eq 1 ]
	[ "$(found)" = "$(lines a:3\ fiv b:1\ thr)" ]
	look --range main...side .
	[ "$(found)" = "$(lines a:3\ fiv b:1\ thr c:1\ fou)" ]
	look --log-opts "-1" .
	[ "$(found)" = "a:3 fiv" ]
	look --log-opts "-n 2" .
	[ "$(found)" = "$(lines a:3\ fiv b:1\ thr)" ]
	look --log-opts "side ^main" .
	[ "$(found)" = "c:1 fou" ]
	look --log-opts "--all --max-count=100" .
	[ "$(found)" = "$(lines a:1\ one a:2\ two a:3\ fiv b:1\ thr c:1\ fou)" ]
	[ "$(python3 -c 'import json; print(json.load(open("out.json"))[0]["Message"])')" = one ]
	for bad in "--first-parent" "--since=yesterday" "nowhere..main" "-n x"; do
		look --range "$bad" .
		[ "$status" -eq 126 ]
	done
}

# which commits --range REVS means: their subjects, sorted
meant() {
	local rc=0
	"$scan" scan --range "$1" --report-format json --report-path out.json . >/dev/null 2>&1 || rc=$?
	[ "$rc" -le 1 ]
	python3 -c 'import json; print(*sorted({f["Message"].strip() for f in json.load(open("out.json"))}))'
}

@test "one commit, and what came with it: REV^! and REV^-N mean what git says" {
	git init -q -b main r; cd r
	commit a one; git tag root; commit a two
	git checkout -qb side HEAD~1; commit s thr; commit s fou
	git checkout -q main; git merge -q --no-commit side; commit evil fiv
	git tag -am "an annotated one" tip; commit a six
	for revs in HEAD^! HEAD~1^! root^! HEAD~1^- HEAD~1^-1 HEAD~1^-2 HEAD^- side^! tip^! \
		'tip^{commit}^!' 'HEAD^! root^!' 'side^! ^main~1' 'HEAD~1^- --no-merges'; do
		read -ra words <<<"$revs"
		[ "$(meant "$revs")" = "$(git log --format=%s "${words[@]}" -- | sort | xargs)" ] ||
			{ echo "$revs: $(meant "$revs")"; false; }
	done
	for bad in 'root^-' 'HEAD^-2' 'HEAD^-0' 'HEAD^-x' 'nowhere^!' '^!' '^HEAD^!' 'HEAD^!!' 'HEAD^{tree}^!'; do
		look --range "$bad" .
		[ "$status" -eq 126 ]
	done
}

@test "a range sees what only a merge has" {
	git init -q -b main r; cd r
	commit a one; git checkout -qb side; echo s >s; git add s; git commit -qm s
	git checkout -q main; echo t >t; git add t; git commit -qm t
	git merge -q --no-commit side
	commit evil two
	look --range HEAD^1..HEAD .
	[ "$(found)" = "evil:1 two" ]
	look --range "HEAD^1..HEAD --no-merges" .
	[ "$status" -eq 0 ]
}

@test "the index: what is staged, not what HEAD has or what is not staged" {
	git init -q -b main r; cd r
	commit a one
	echo "$(token twoabcdefgh0123456789XYZ)" >>a
	look --staged .
	[ "$status" -eq 0 ]
	git add a
	look --staged .
	[ "$status" -eq 1 ]
	[ "$(found)" = "a:2 two" ]
}

@test "the work tree; submodules and .git are left alone" {
	git init -q -b main sub; (cd sub; commit inner one)
	git init -q -b main r; cd r
	commit a two
	git -c protocol.file.allow=always submodule -q add ../sub mod
	git commit -qm mod
	look .
	[ "$status" -eq 1 ]
	[ "$(found)" = "a:1 two" ]
	git repack -qad
	look .
	[ "$(found)" = "a:1 two" ]
	echo "$(token thrabcdefgh0123456789XYZ)" >untracked
	look --dir .
	[ "$(found)" = "$(lines a:1\ two mod/inner:1\ one untracked:1\ thr)" ]
}

@test "where a link points is looked at, and not followed" {
	git init -q -b main r; cd r
	commit a one
	ln -s "$(token twoabcdefgh0123456789XYZ)" l; git add l
	look --staged .
	[ "$(found)" = "l:1 two" ]
	git commit -qm two
	look --range HEAD~1..HEAD .
	[ "$(found)" = "l:1 two" ]
	look .
	[ "$(found)" = "$(lines a:1\ one l:1\ two)" ]
	echo "x $(token thrabcdefgh0123456789XYZ)" >../outside
	ln -s ../outside m
	look --dir .
	[ "$(found)" = "$(lines a:1\ one l:1\ two)" ]
	ln -sf elsewhere l; git add l
	look --staged .
	[ "$status" -eq 0 ]
}

@test "bare, linked worktree, .git file: the same history" {
	git init -q -b main r; (cd r; commit a one)
	git clone -q --bare r bare.git
	git -C r worktree add -q ../linked -b other
	git init -q --separate-git-dir=elsewhere apart; (cd apart; commit a one)
	for where in r bare.git linked apart elsewhere r/.git; do
		look "$where"
		[ "$status" -eq 1 ]
		[ "$(found)" = "a:1 one" ]
	done
}

@test "a hook in a linked worktree heeds the repository's settings" {
	git init -q -b main r; cd r
	echo x >x; git add x; git commit -qm x
	"$scan" hook install .
	git worktree add -q ../linked -b other
	printf '[[rules]]\nid = "own"\nregex = "zzz[0-9]{4}"\nkeywords = ["zzz"]\nconfidence = "high"\n' >../rules.toml
	git config curfew.config "$PWD/../rules.toml"
	cd ../linked
	echo zzz1234 >f; git add f
	run git commit -qm f
	[ "$status" -ne 0 ]
	[[ $output == *"f:1  own"* ]]
	git -C ../r config curfew.minConfidence nonsense
	run git commit -qm f
	[ "$status" -ne 0 ]
	[[ $output == *minConfidence* ]]
}

@test "a shallow clone is named, and no clean bill" {
	git init -q -b main r; (cd r; commit a one; git rm -q a; git commit -qm gone; echo b >b; git add b; git commit -qm b)
	git clone -q --depth 1 "file://$PWD/r" shallow
	look shallow
	[ "$status" -eq 4 ]
	[[ $output == *"a shallow clone"* ]]
	look --missing-ok shallow
	[ "$status" -eq 0 ]
	[[ $output == *"a shallow clone"* ]]
	look r
	[ "$status" -eq 1 ]
}

@test "a partial clone is named, with how many objects are not here" {
	git init -q -b main r; cd r
	for i in 1 2 3 4 5; do commit "f$i" "on$i"; done
	for i in 1 2 3 4 5; do commit "d/f$i" "tw$i"; done
	git rm -rq d f1 f2 f3; git commit -qm gone
	git config uploadpack.allowFilter true; cd ..
	git clone -q --bare --filter=blob:none "file://$PWD/r" partial
	missing=$(git -C partial rev-list --objects --all --missing=print | grep -c '^?')
	[ "$missing" -eq 10 ]
	look partial
	[ "$status" -eq 4 ]
	[[ $output == *"a partial clone: 10 objects"* ]]
	# nothing was fetched
	[ "$(git -C partial rev-list --objects --all --missing=print | grep -c '^?')" -eq 10 ]
	look --missing-ok partial
	[ "$status" -eq 0 ]
}

@test "an object that commits name and that is gone changes the status" {
	git init -q -b main r; cd r
	echo a >a; git add a; git commit -qm a; echo b >b; git add b; git commit -qm b
	tree=$(git rev-parse 'HEAD^{tree}')
	rm -f ".git/objects/${tree:0:2}/${tree:2}"
	look .
	[ "$status" -eq 4 ]
	[[ $output == *"1 object that its history names is missing"* ]]
}

@test "rules on names: history, packed and loose, with commit and path" {
	git init -q -b main r; cd r
	printf '[[rules]]\nid = "key-file"\npath = "(^|/)id_rsa$"\n[[rules]]\nid = "env"\npath = "^conf/[.]env$"\n' >../rules.toml
	mkdir -p conf other
	echo one >id_rsa; echo two >conf/.env; echo three >other/.env; git add .; git commit -qm one
	first=$(git rev-parse HEAD)
	git rm -q id_rsa; git commit -qm gone
	for i in 1 2 3 4 5 6 7 8; do
		mkdir -p "dir$i"; echo "$i" >"dir$i/file"; git add .; git commit -qm "dir $i"
	done
	mkdir -p deep/er; echo two >deep/er/id_rsa; echo id >my_id_rsa; git add .; git commit -qm two
	second=$(git rev-parse HEAD)
	for pack in no yes; do
		[ $pack = no ] || git repack -qadf --depth=50
		look --config ../rules.toml .
		[ "$status" -eq 1 ]
		python3 - "$first" "$second" <<-'P'
		import json, sys
		got = sorted((f["RuleID"], f["File"], f["Commit"], f["StartLine"], f["Match"], f["Secret"]) for f in json.load(open("out.json")))
		one, two = sys.argv[1:]
		want = sorted([("env", "conf/.env", one, 0, "file detected: conf/.env", ""),
		               ("key-file", "id_rsa", one, 0, "file detected: id_rsa", ""),
		               ("key-file", "deep/er/id_rsa", two, 0, "file detected: deep/er/id_rsa", "")])
		assert got == want, got
		P
	done
	printf '%s\n' conf/.env:env:0 "$first:id_rsa:key-file:0" deep/er/id_rsa:key-file:0 >.gitleaksignore
	look --config ../rules.toml .
	[ "$status" -eq 0 ]
	rm .gitleaksignore
	look --config ../rules.toml --dir .
	[ "$(grep -c '"RuleID"' out.json)" -eq 2 ]
}

@test "secrets in names: of files, folders, refs, in history and in a folder" {
	token=gl"pat-nameTESTsecret456789"
	git init -q -b main n
	cd n
	echo x >clean
	git add . && git commit -qm clean
	mkdir -p "a/dir-$token"
	echo x >"a/dir-$token/one"
	echo z >"a/dir-$token/with"
	git add . && git commit -qm "a folder"
	folder=$(git rev-parse HEAD)
	echo y >"$token.txt"
	echo y >"a/dir-$token/two"
	git add . && git commit -qm "a file"
	file=$(git rev-parse HEAD)
	git rm -rq a "$token.txt" && git commit -qm gone
	git revert --no-edit HEAD >/dev/null
	git branch "b-$token"
	for pack in no yes; do
		[ "$pack" = no ] || git repack -qad
		run "$scan" scan -q -f json
		[ "$status" -eq 1 ]
		[ "$(jq -r '.[] | [.File, .Commit] | @tsv' <<<"$output" | sort)" = "$(
			printf '%s\t%s\n' "a/dir-$token/one" "$folder" "$token.txt" "$file" \
				"refs/heads/b-$token" "" | sort)" ]
	done
	run "$scan" scan -q --dir -f json
	[ "$(jq -r '.[].File' <<<"$output" | sort)" = "$(
		printf '%s\n' "a/dir-$token" "$token.txt" | sort)" ]
	# which is looked at, not what stands above it
	run "$scan" scan -q "a/dir-$token"
	[ "$status" -eq 0 ]
}

@test "rules on names in a push" {
	printf '[[rules]]\nid = "key-file"\npath = "(^|/)id_rsa$"\nconfidence = "high"\n' >rules.toml
	git init -q --bare server
	git -C server config curfew.maxTime 1h # the machine may be slow
	"$scan" hook install server
	git -C server config curfew.config "$PWD/rules.toml"
	git init -q -b main r; cd r
	git remote add origin ../server
	echo x >x; git add x; git commit -qm x; git push -q origin main
	mkdir d; echo y >d/id_rsa; git add d; git commit -qm y
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"d/id_rsa:0  key-file"* ]]
}

@test "what still holds a secret is told as branch, tag or remote branch" {
	git init -q -b main r
	cd r || exit 1
	commit a one
	git tag v1
	git branch old
	git update-ref refs/remotes/origin/main HEAD
	git update-ref refs/notes/x HEAD
	git rm -q a && git commit -qm gone
	run "$scan" scan
	[ "$status" -eq 1 ]
	[[ $output == *"still in  branch old"$'\n'"            refs/notes/x"$'\n'"            remote branch origin/main"$'\n'"            tag v1"$'\n'* ]]
	[[ $output != *"branch main"* ]]
	for i in 1 2 3; do git branch "b$i" v1; done
	run "$scan" scan
	[[ $output == *"branch b3"$'\n'*"and more"* ]]
}
