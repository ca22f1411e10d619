#!/usr/bin/env bats
# curfew-scan scan on repositories: delta-native equals whole, for packs of
# every shape; nothing is left out; damage is named.

load scan

setup() {
	scan_setup
	history=$BATS_TEST_DIRNAME/history.py
}

# A bare repository of an invented history: repo NAME SEED COMMITS
repo() {
	git init -q --bare "$1"
	python3 "$history" "$2" "$3" | git -C "$1" fast-import --quiet --force
}

# Sorted "object rule start end secret" of a repository.
objects() {
	local rc=0
	"$scan" scan "$@" --list-objects list >/dev/null 2>err || rc=$?
	if [ "$rc" -gt 1 ]; then cat err; return 1; fi
	sort -u list
}

same() {
	objects --threads 2 "$1" >delta
	objects --threads 1 --whole "$1" >whole
	[ -s whole ]
	cmp delta whole
}

@test "delta-native equals whole: offset deltas, deep and shallow" {
	repo r 1 60
	for shape in "--depth=50 --window=10" "--depth=4000 --window=60" "--depth=1 --window=5"; do
		# shellcheck disable=SC2086
		git -C r repack -q -adf $shape
		same r
	done
}

@test "delta-native equals whole: deltas by id, in no order of base and delta" {
	repo r 2 60
	git -C r config repack.useDeltaBaseOffset false
	git -C r repack -q -adf --depth=50 --window=20
	same r
}

@test "delta-native equals whole: more histories" {
	for seed in 3 4 5 6; do
		repo r$seed $seed 40
		git -C r$seed repack -q -adf --depth=$((seed * 9)) --window=$((seed * 4))
		same r$seed
	done
}

@test "with bases given up for want of memory: the same" {
	repo r 5 150
	git -C r repack -q -adf --depth=200 --window=80
	objects --threads 2 r >all
	objects --threads 2 --max-memory 1 r >little
	cmp all little
	[ "$(wc -l <all)" -gt 1000 ]
}

@test "progress and statistics are told when asked for" {
	repo r 5 30
	run bash -c "'$scan' scan --progress --stats --report-path out.json r 2>&1 >/dev/null | tr '\r' '\n'"
	[[ $output == *"looking for the commits"* ]]
	[[ $output == *"findings; "*" texts, "*" MB looked at"* ]]
	[[ $output =~ MB/s\;\ inflate\ [0-9]+%,\ match\ [0-9]+%,\ confirm\ [0-9]+%,\ decode\ [0-9]+%,\ attribute\ [0-9]+% ]]
	run "$scan" scan --report-path out.json r
	[[ $output == "curfew-scan: "*" found in "*" commits, "*" objects ("* ]] ||
		[[ $output == "curfew-scan: "*" findings in "*" commits, "*" objects ("* ]]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *" $(git -C r rev-list --all --count --reflog) commits, "* ]]
	[[ $output == *" $(git -C r cat-file --batch-check --batch-all-objects | wc -l) objects "* ]]
	run "$scan" scan --quiet --report-path out.json r
	[ -z "$output" ]
}

# what a terminal sees of `curfew-scan ARG...`, its lines apart
terminal() {
	script -qec "'$scan' $*" /dev/null </dev/null | tr '\r' '\n'
}

@test "progress is on a terminal, and nowhere else" {
	local line='^[0-9]+ of [0-9]+ objects, [0-9]+ MB/s, [0-9]+ matches, [0-9]+ s to go'
	repo r 5 30
	git -C r repack -qad
	terminal scan --exit-code 0 --report-path out.json r >tty
	grep -qE "$line" tty
	grep -q "looking for the commits" tty
	grep -qF "$(printf '\033[K')" tty # taken away again
	# loose objects, a folder
	git init -q s
	echo "token = gl""pat-hookTESTsecret456789" >s/new.txt
	git -C s add new.txt
	git -C s -c user.name=a -c user.email=a@example.org commit -qm more
	terminal scan --exit-code 0 --report-path out.json s >tty
	grep -qE "$line" tty
	terminal scan --dir --exit-code 0 --report-path out.json s >tty
	grep -qE '^[0-9]+ files, [0-9]+ MB/s, [0-9]+ matches' tty
	# standard error to a file: not a byte of it, nor on standard output
	terminal scan --exit-code 0 --report-format json r 2\>err \>out >tty
	! grep -q "MB/s" tty err out
	script -qec "'$scan' scan --exit-code 0 -f json r 2>err" /dev/null </dev/null >tty
	! grep -q "MB/s" tty err
	run "$scan" scan --exit-code 0 r
	[[ $output != *"MB/s"* ]]
}

@test "several packs, loose objects, a completed thin pack, an alternate" {
	repo r 7 40
	objects r >all
	# the same objects, half packed, half thin-pushed, some loose
	git init -q --bare s
	git -C r branch old main~20
	git -C r branch mid main~10
	git -C s fetch -q ../r old:old
	git -C s repack -q -adf
	git -C s -c fetch.unpackLimit=1 fetch -q ../r mid:mid
	git -C s -c fetch.unpackLimit=100000 fetch -q ../r main:main
	[ "$(find s/objects/pack -name '*.pack' | wc -l)" -ge 2 ]
	[ "$(git -C s count-objects)" != "0 objects, 0 kilobytes" ]
	objects s >parts
	cmp all parts
	git clone -q --bare --shared s t
	objects t >shared
	cmp all shared
}

@test "an alternate that is gone: told, and what it was to have is missed only where it is" {
	git init -q -b main work
	for i in 1 2 3; do
		echo "$i" >"work/f$i"
		git -C work add .
		git -C work commit -qm "$i"
	done
	git clone -q --bare work pool
	git clone -q --bare --shared pool r
	echo "token = $secret" >work/g
	git -C work add .
	git -C work commit -qm 4
	git -C work push -q ../r main
	run "$scan" scan r
	[ "$status" -eq 1 ]
	mv pool elsewhere
	run "$scan" scan r
	echo "$output"
	[ "$status" -eq 1 ] # it is looked at all the same
	[[ $output == *"'$PWD/pool/objects' is not there"*alternates* ]]
	# the commit before, and the files that the last one has of it
	[[ $output == *"'r': 4 objects that its history names are missing"* ]]
	[[ $output == *"not everything could be looked at"* ]]
	run "$scan" scan --range HEAD r
	[[ $output == *"'$PWD/pool/objects' is not there"* ]]
	[ "$status" -eq 4 ]
	run "$scan" scan --range HEAD~1..HEAD r
	[[ $output == *"'$PWD/pool/objects' is not there"* ]]
	[ "$status" -eq 126 ]
	# one blob of history is not here, and every commit and tree is
	git clone -q --bare elsewhere whole
	blob=$(git -C whole rev-parse main:f1)
	run "$scan" scan whole
	[ "$status" -eq 0 ]
	echo "$PWD/pool/objects" >whole/objects/info/alternates
	run "$scan" scan whole
	echo "$output"
	[ "$status" -eq 0 ] # nothing of it is missed: told, as git does
	[[ $output == *"'$PWD/pool/objects' is not there"* ]]
	rm -f "whole/objects/${blob:0:2}/${blob:2}"
	run "$scan" scan whole
	echo "$output"
	[ "$status" -eq 4 ]
	[[ $output == *"'whole': 1 object that its history names is missing"* ]]
}

@test "unreachable objects, merge-only content and messages are looked at" {
	git init -q r
	cd r
	secret=gl"pat-unreachABLE9182736450"
	echo "$secret" | git hash-object -w --stdin >/dev/null
	echo base >f; git add f; git commit -qm base
	git checkout -qb side; echo side >g; git add g; git commit -qm side
	git checkout -q master 2>/dev/null || git checkout -q main
	echo more >>f; git commit -qam more
	git merge -q --no-commit side >/dev/null
	echo "gl""pat-mergeONLY91827364509" >evil; git add evil; git commit -qm merge
	git commit -q --allow-empty -m "gl""pat-messageTEXT9182736450"
	git tag -a t -m "gl""pat-tagMESSAGE91827364509"
	run "$scan" scan --report-format json .
	[ "$status" -eq 1 ]
	[[ $output == *unreachABLE* ]]
	[[ $output == *mergeONLY* ]]
	[[ $output == *messageTEXT* ]]
	[[ $output == *tagMESSAGE* ]]
}

@test "a damaged object is named and changes the status, the rest is scanned" {
	git init -q --bare r
	printf 'nothing here %s\n' "$(seq 1000)" >big
	git -C r hash-object -w --stdin <big >id
	echo clean | git -C r hash-object -w --stdin >id2
	cat id id2 | git -C r pack-objects -q objects/pack/pack >/dev/null
	git -C r prune-packed -q
	run "$scan" scan r
	[ "$status" -eq 0 ]
	pack=$(echo r/objects/pack/*.pack)
	chmod u+w "$pack"
	printf '\377\377\377\377' | dd of="$pack" bs=1 seek=60 conv=notrunc 2>/dev/null
	run "$scan" scan r
	[ "$status" -eq 4 ]
	[[ $output == *"$(cat id)"* ]] || [[ $output == *"$(cat id2)"* ]]
}

# What a crash leaves behind.  libgit2 never comes back from such a file.
@test "a loose object that was cut is named, whatever it is and however it is asked for" {
	git init -q r
	echo "t0k_abcdefghijklmnop" >r/f
	git -C r add f
	git -C r commit -qm one
	for of in HEAD:f 'HEAD^{tree}' HEAD; do
		id=$(git -C r rev-parse "$of")
		file=r/.git/objects/${id:0:2}/${id:2}
		chmod u+w "$file"
		cp "$file" whole
		for n in 0 1 2 3 9 20; do
			head -c "$n" whole >"$file"
			for how in '' '--range --all' '--range HEAD' --staged; do
				# shellcheck disable=SC2086 # words
				run timeout 60 "$scan" scan $how r
				echo "$of $n $how: $status $output"
				[ "$status" -ne 124 ]
				[[ $how == --staged ]] || [ "$status" -gt 2 ]
				[[ $how == --staged || $output == *'cut short or damaged'* ]]
			done
			run timeout 60 "$scan" scan r
			[ "$status" -eq 4 ]
			[[ $output == *"$id"* ]]
		done
		# a whole copy in a pack is as good
		cp whole "$file"
		git -C r repack -qa
		head -c 9 whole >"$file"
		run timeout 60 "$scan" scan r
		echo "$output"
		[ "$status" -eq 0 ]
		cp whole "$file"
		rm -f r/.git/objects/pack/*
	done
}

@test "a loose object is read however git was told to deflate it" {
	git init -q --bare r
	for level in 0 1 9; do
		for n in 10 5000 300000; do
			head -c "$n" /dev/urandom | base64 -w 70 >text
			echo "-----BEGIN RSA PRIVATE KEY-----" >>text
			git -C r -c core.looseCompression="$level" hash-object -w --stdin <text >>ids
		done
	done
	run "$scan" scan --stats r
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *' 9 texts'* ]]
}

@test "a SHA-256 repository is refused with a clear word" {
	git init -q --object-format=sha256 r || skip
	run "$scan" scan r
	[ "$status" -eq 3 ]
	[[ $output == *SHA-256* ]]
}

@test "commit, path, line and author of every finding are what git says" {
	repo r 11 80
	git -C r repack -q -adf --depth=50 --window=10
	git -C r branch early main~40
	run "$scan" scan --report-format json --report-path out.json --list-objects list r
	[ "$status" -eq 1 ]
	run python3 "$BATS_TEST_DIRNAME/attribution.py" r out.json list
	[ "$status" -eq 0 ]
	[[ $output == *"findings checked"* ]]
	# tips: what the json says is in a ref is in its files
	python3 - <<-'P'
	import json, subprocess
	found = json.load(open("out.json"))
	text = {}
	for ref in ("main", "early"):
	    text[ref] = subprocess.run(["git", "-C", "r", "archive", ref], capture_output=True).stdout
	checked = 0
	for f in found:
	    secret = f["Secret"].encode()
	    if f["RuleID"] != "gitlab-token" or "decode" in str(f["Tags"]) or "kept" in f["File"]:
	        continue
	    for ref in text:
	        if "refs/heads/" + ref in f["Refs"]:
	            assert secret in text[ref], f
	            checked += 1
	assert checked > 5, checked
	P
}

@test "the branches and tags that hold a secret: all of them, up to twenty" {
	git init -q -b main r; cd r
	# every fifth branch has a folder of its own, every second the deep one
	for i in $(seq 1 30); do
		git rm -rqf . 2>/dev/null || true
		mkdir -p all/of/them
		echo "gl""pat-inALLofTHEMab4567890" >all/of/them/f
		[ $((i % 2)) = 1 ] || { mkdir -p all/even; echo "gl""pat-inEVENbranchesab4567" >all/even/f; }
		[ $((i % 5)) = 0 ] || { mkdir -p some; echo "gl""pat-notFIFTHbranchesab456" >some/f; cp some/f all/copy; }
		[ "$i" != 7 ] || { mkdir -p some/rare; echo "gl""pat-inTHEseventhOnly4567" >some/rare/f; }
		echo "$i" >number
		git add -A .; git commit -qm "$i"
		git branch "b$i"
		[ "$i" != 7 ] || git tag -a -m seven seventh
	done
	git repack -qad
	run "$scan" scan --report-format json --report-path ../out.json .
	[ "$status" -eq 1 ]
	python3 - <<-'P'
	import json, subprocess
	def git(*a):
	    return subprocess.run(("git",) + a, capture_output=True, check=True).stdout
	text = {r: git("archive", r) for r in git("for-each-ref", "--format=%(refname)").decode().split()}
	found = {}
	for f in json.load(open("../out.json")):
	    if "number" not in f["File"]:
	        found.setdefault(f["Secret"], set()).update(f["Refs"])
	counts = []
	for secret, refs in found.items():
	    true = {r for r in text if secret.encode() in text[r]}
	    assert refs <= true and len(refs) == min(len(true), 20), (secret, refs ^ true)
	    counts.append(len(true))
	assert sorted(counts) == [2, 16, 25, 32], counts
	P
}

@test "renamed folder, two paths, removed and brought back" {
	git init -q r; cd r
	mkdir -p old/deep
	echo "gl""pat-renameDFOLDERab45678" >old/deep/f; git add .; git commit -qm one
	first=$(git rev-parse HEAD)
	git mv old new; git commit -qm two; second=$(git rev-parse HEAD)
	git rm -q new/deep/f; git commit -qm three
	mkdir -p new/deep; echo "gl""pat-renameDFOLDERab45678" >new/deep/f; git add .; git commit -qm four
	git repack -qad
	run "$scan" scan --report-format json --report-path ../out.json .
	[ "$status" -eq 1 ]
	python3 - "$first" "$second" <<-'P'
	import json, sys
	found = {f["File"]: f["Commit"] for f in json.load(open("../out.json"))}
	assert found == {"old/deep/f": sys.argv[1], "new/deep/f": sys.argv[2]}, found
	P
}

@test "one file or folder under several names of a folder, coming and going" {
	for seed in 1 2 3; do
		git init -q --bare -b main "r$seed"
		python3 "$BATS_TEST_DIRNAME/twice.py" make "$seed" | git -C "r$seed" fast-import --quiet
		git -C "r$seed" repack -q -adf --depth=50 --window=50
		run "$scan" scan --report-format json --report-path out.json "r$seed"
		[ "$status" -eq 1 ]
		run python3 "$BATS_TEST_DIRNAME/twice.py" check "r$seed" out.json
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

@test "path and commit allowlists in history" {
	git init -q r; cd r
	mkdir t
	echo "gl""pat-allowLISTEDpath45678" | tee t/f >g; git add .; git commit -qm one
	printf '[extend]\nuseDefault = true\n[[allowlists]]\npaths = ["^t/"]\n' >../rules.toml
	run "$scan" scan --config ../rules.toml --report-format json .
	[ "$status" -eq 1 ]
	[[ $output == *'"File": "g"'* ]]
	[[ $output != *'"File": "t/f"'* ]]
	printf '[extend]\nuseDefault = true\n[[allowlists]]\ncommits = ["%s"]\n' "$(git rev-parse HEAD)" >../rules.toml
	run "$scan" scan --config ../rules.toml .
	[ "$status" -eq 0 ]
}

@test "--redact: nor in a message, a name or an author, in any form" {
	local t=glpat-$(printf 'q7Rw2mXk9TzL4vBn8Yc0') form
	git init -q r && cd r
	echo "k = $t" >f
	echo x >"n-$t.txt"
	git add . && git -c user.name="n $t" -c user.email=a@b commit -qm "say $t"
	git branch "b-$t"
	for form in json csv sarif junit text; do
		run "$scan" scan --redact -f "$form" .
		[ "$status" -eq 1 ]
		[[ $output == *gitlab-token* ]]
		[[ $output != *"$t"* ]] || { echo "$form: $output"; false; }
	done
}

@test "path rules in history: every path that was, and none that was not" {
	git init -q r && cd r
	for i in $(seq 30); do # folders that look alike, within one another
		mkdir -p "v$i/sub/deep"
		for f in $(seq 25); do
			echo "$f" | tee "v$i/f$f" "v$i/sub/g$f" >"v$i/sub/deep/h$f"
		done
		echo "$i" >"v$i/sub/only$i"
		echo "key $i" >"v$i/sub/deep/k$((i % 3)).p12"
		echo one >"v$i/sub/deep/aa.key"
		if [ $((i % 4)) = 0 ] && [ -e "v$((i - 2))" ]; then
			cp -r "v$((i - 2))" "v$i/sub/deep/old"
		fi
		[ $((i % 5)) -ne 0 ] || git rm -rq "v$((i - 1))"
		git add . && git commit -qm "$i"
	done
	git repack -q -adf --depth=50 --window=100
	printf '[[rules]]\nid = "key-file"\npath = %s\n' "'''deep/k[01]\\.p12\$'''" >../rules.toml
	git rev-list --objects --all | grep -E 'deep/k[01]\.p12$' | cut -d' ' -f1 | sort -u >../want
	[ "$(wc -l <../want)" -gt 15 ]
	"$scan" scan --config ../rules.toml --list-objects ../list --report-format json . >../json 2>/dev/null || [ $? -eq 1 ]
	cut -d' ' -f1 ../list | sort -u | comm -13 - ../want >../missed
	[ ! -s ../missed ] || { cat ../missed; false; }
	# one text at many paths, in trees stored as deltas of one another
	for i in $(seq 30); do
		printf '[[rules]]\nid = "at-%s"\npath = %s\n' "$i" "'''^v$i/sub/deep/aa\\.key\$'''"
	done >../rules2.toml
	"$scan" scan --config ../rules2.toml --list-objects ../list . >/dev/null 2>&1 || [ $? -eq 1 ]
	[ "$(grep -o 'at-[0-9]*' ../list | sort -u | wc -l)" -eq 30 ]
	# what is told stands where some commit has it
	jq -r '.[] | .Commit + ":" + .File' ../json >../told
	[ -s ../told ]
	while read -r at; do git cat-file -e "$at"; done <../told
	! grep -vE 'deep/k[01]\.p12$' ../told || false
}
