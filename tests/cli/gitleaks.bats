#!/usr/bin/env bats
# The contract of gitleaks v8: its configuration, ignore files, baselines and
# reports, case by case, and where curfew-scan differs on purpose.

bats_require_minimum_version 1.5.0

load scan

setup() {
	scan_setup
	unset GITLEAKS_CONFIG GITLEAKS_CONFIG_TOML
	mkdir t
}

# Scan folder t with the rules on standard input; "rule secret" of each finding.
with() {
	cat >rules.toml
	"$scan" scan -c rules.toml -r out.json -f json "$@" t 2>err || [ $? -eq 1 ]
	python3 -c 'import json
for f in sorted((f["RuleID"], f["Secret"]) for f in json.load(open("out.json"))): print(*f)'
}
same() { # EXPECTED: the lines that with() printed
	[ "$got" = "$1" ] || { echo "got: $got"; false; }
}

@test "where rules come from: option, variables, target, built in" {
	for n in 1 2 3 4; do printf '[[rules]]\nid = "r%s"\nregex = "zz[0-9]"\n' $n >c$n; done
	echo "zz1" >t/f
	cp c4 t/.gitleaks.toml
	rule() { grep -o '"r[0-9]"' out.json | tr -d '"' | sort -u; }
	GITLEAKS_CONFIG=c2 GITLEAKS_CONFIG_TOML=$(cat c3) "$scan" scan -c c1 -r out.json t || true
	[ "$(rule)" = r1 ]
	GITLEAKS_CONFIG=c2 GITLEAKS_CONFIG_TOML=$(cat c3) "$scan" scan -r out.json t || true
	[ "$(rule)" = r2 ]
	GITLEAKS_CONFIG_TOML=$(cat c3) "$scan" scan -r out.json t || true
	[ "$(rule)" = r3 ]
	"$scan" scan -r out.json t || true
	[ "$(rule)" = r4 ]
	"$scan" scan -r out.json t/f # a file: built in
	[ "$(cat out.json)" = "[]" ]
}

@test "rules that the target brings are named, its rule file is no finding" {
	printf '[[rules]]\nid = "r1"\nregex = "zz[0-9]"\n' >t/.gitleaks.toml
	echo '# zz7' >>t/.gitleaks.toml
	echo zz1 >t/f
	git init -q t
	git -C t add . && git -C t commit -qm x
	for how in '' --dir '--range HEAD'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr "$scan" scan $how -f csv t
		[[ $stderr == "curfew-scan: rules of t/.gitleaks.toml (1), not curfew's own; --built-in "*$'\n'* ]]
		[[ $output == *",zz1,"* && $output != *zz7* ]]
	done
	# the file of the same name elsewhere is a file
	mkdir t/sub && mv t/.gitleaks.toml t/sub && git -C t add -A && git -C t commit -qm y
	run -1 "$scan" scan -c t/sub/.gitleaks.toml -f csv t
	[[ $output == *zz7* ]] # at its older name
	[[ $output != *"sub/.gitleaks.toml"* && $output != *"not curfew's own"* ]]
	run -0 --separate-stderr "$scan" scan --built-in t
	[[ $stderr != *"not curfew's own"* ]]
	[[ $stderr =~ by\ [0-9]{3}\ rules ]]
	GITLEAKS_CONFIG=t/sub/.gitleaks.toml run -1 --separate-stderr "$scan" scan --dir t
	[[ $stderr == *"rules of t/sub/.gitleaks.toml (1), not curfew's own"* ]]
	run -126 "$scan" scan --built-in -c t/sub/.gitleaks.toml t
}

@test "secretGroup, else the first group that is not empty, else the match" {
	echo "aa-bb cc-dd ee" >t/f
	got=$(with <<-'R'
	[[rules]]
	id = "first"
	regex = '''a(x?)a-(b+)'''
	[[rules]]
	id = "group"
	regex = '''(c+)-(d+)'''
	secretGroup = 2
	[[rules]]
	id = "none"
	regex = '''ee'''
	R
	)
	same "$(printf 'first bb\ngroup dd\nnone ee')"
	grep -q '"Match": "aa-bb"' out.json
}

@test "entropy: at or below is dropped; keywords: one anywhere, in any case; tags" {
	printf 'k=aabb k=abcd\n' >t/f
	echo "k=abcd" >t/g
	echo "say WORD once k=efgh" >t/h
	got=$(with <<-'R'
	[[rules]]
	id = "e"
	regex = '''k=([a-z]{4})'''
	entropy = 1.0
	tags = ["one", "two"]
	[[rules]]
	id = "w"
	regex = '''k=([a-z]{4})'''
	keywords = ["other", "Word"]
	R
	)
	same "$(printf 'e abcd\ne abcd\ne efgh\nw efgh')"
	grep -q '"Tags": \["one", "two"\]' out.json
}

@test "path alone, path with regex" {
	mkdir t/deep; echo zz1 | tee t/a.p12 t/deep/b.txt >t/c.md
	got=$(with <<-'R'
	[[rules]]
	id = "file"
	path = '''(?i)\.P12$'''
	[[rules]]
	id = "gated"
	path = '''deep/'''
	regex = '''zz[0-9]'''
	R
	)
	same "$(printf 'file \ngated zz1')"
	grep -q '"Match": "file detected: t/a.p12"' out.json
	grep -q '"Fingerprint": "t/a.p12:file:0"' out.json
}

@test "allowlists: target, stopwords, condition, paths" {
	cat >t/f <<-'T'
	k=aaa1 # ours
	k=bbb2
	k=ccc3 # theirs
	k=dSTOPd4
	k=eee5
	T
	echo k=fff6 >t/skipped
	got=$(with <<-'R'
	[[rules]]
	id = "k"
	regex = '''k=([a-zA-Z0-9]{4,8})'''
	[[rules.allowlists]]
	regexTarget = "line"
	regexes = ['''# ours''']
	[[rules.allowlists]]
	regexes = ['''^bbb''']
	[[rules.allowlists]]
	regexTarget = "match"
	regexes = ['''^k=ccc''']
	[[rules.allowlists]]
	stopwords = ["sTop"]
	[[rules.allowlists]]
	condition = "and"
	regexes = ['''eee''']
	stopwords = ["not there"]
	[[allowlists]]
	paths = ['''skip''']
	R
	)
	same "k eee5"
}

@test "allowlists: AND of path and text; an OR list with a path; singular form" {
	echo k=aaa1 | tee t/x >t/y
	got=$(with <<-'R'
	[[rules]]
	id = "k"
	regex = '''k=([a-z0-9]{4})'''
	[rules.allowlist]
	condition = "&&"
	paths = ['''x$''']
	regexes = ['''aaa''']
	R
	)
	same "k aaa1"
	grep -q '"File": "t/y"' out.json
	# gitleaks skips the file by an AND list's path alone when it scans folders
	got=$(with <<-'R'
	[[rules]]
	id = "k"
	regex = '''k=([a-z0-9]{4})'''
	[allowlist]
	condition = "AND"
	paths = ['''x$''']
	regexes = ['''zzz''']
	R
	)
	same "$(printf 'k aaa1\nk aaa1')"
}

@test "allowlists with targetRules are for those rules only" {
	echo "k=aaa1 m=aaa1" >t/f
	got=$(with <<-'R'
	[[rules]]
	id = "k"
	regex = '''k=([a-z0-9]{4})'''
	[[rules]]
	id = "m"
	regex = '''m=([a-z0-9]{4})'''
	[[allowlists]]
	targetRules = ["m"]
	regexes = ['''aaa''']
	R
	)
	same "k aaa1"
}

@test "on purpose: a flag of one pattern does not reach the next" {
	echo "k=FALSE1 k=xnullx k=TRUEST" >t/f
	got=$(with <<-'R'
	[[rules]]
	id = "k"
	regex = '''k=([a-zA-Z0-9]{6})'''
	[[allowlists]]
	regexes = ['''(?i)^true''', '''false''']
	R
	)
	same "$(printf 'k FALSE1\nk xnullx')"
}

@test "extend: what replaces, what is added, what cannot be taken away" {
	cat >base.toml <<-'R'
	[[rules]]
	id = "k"
	description = "the base's"
	regex = '''k=([a-z]{4})'''
	entropy = 1.5
	keywords = ["k="]
	tags = ["b"]
	[[rules]]
	id = "gone"
	regex = '''m=([a-z]{4})'''
	[[rules]]
	id = "stays"
	regex = '''n=([a-z]{4})'''
	[[allowlists]]
	regexes = ['''^zz''']
	[[allowlists]]
	targetRules = ["stays"]
	regexes = ['''^q''']
	R
	echo "k=abcd k=aabb m=abcd n=abcd n=zzab n=qabc n=yyab" >t/f
	got=$(with <<-'R'
	[extend]
	path = "base.toml"
	disabledRules = ["gone", "nobody"]
	[[rules]]
	id = "k"
	entropy = 0
	tags = ["c"]
	[[rules.allowlists]]
	regexes = ['''none''']
	[[allowlists]]
	regexes = ['''^yy''']
	R
	)
	same "$(printf 'k abcd\nstays abcd\nstays qabc')"
	grep -q '"Tags": \["b", "c"\]' out.json
	grep -q "the base's" out.json
	grep -q "nobody" err
	grep -q "targetRules" err
}

@test "extend goes two levels down, paths from the working directory" {
	mkdir sub
	printf '[extend]\npath = "sub/c.toml"\n[[rules]]\nid = "b"\nregex = "b=[0-9]"\n' >sub/b.toml
	printf '[extend]\npath = "sub/d.toml"\n[[rules]]\nid = "c"\nregex = "c=[0-9]"\n' >sub/c.toml
	printf '[[rules]]\nid = "d"\nregex = "d=[0-9]"\n' >sub/d.toml
	echo "a=1 b=1 c=1 d=1" >t/f
	got=$(with <<-'R'
	[extend]
	path = "sub/b.toml"
	[[rules]]
	id = "a"
	regex = '''a=[0-9]'''
	R
	)
	same "$(printf 'a a=1\nb b=1\nc c=1')"
	grep -q "too deep" err
}

@test "composite rules: lines, columns, parts that are not told themselves" {
	printf 'id=aa\nkey=k1\n\n\nkey=k2\nid=bb%40skey=k3\n' "" >t/f
	got=$(with <<-'R'
	[[rules]]
	id = "part"
	regex = '''id=[a-z]{2}'''
	skipReport = true
	[[rules]]
	id = "lines"
	regex = '''key=(k[0-9])'''
	[[rules.required]]
	id = "part"
	withinLines = 1
	[[rules]]
	id = "columns"
	regex = '''key=(k[0-9])'''
	[[rules.required]]
	id = "part"
	withinLines = 1
	withinColumns = 20
	[[rules]]
	id = "never"
	regex = '''key=(k[0-9])'''
	[[rules.required]]
	id = "part"
	[[rules.required]]
	id = "lonely"
	[[rules]]
	id = "lonely"
	regex = '''nowhere'''
	R
	)
	same "$(printf 'columns k1\ncolumns k2\nlines k1\nlines k2\nlines k3')"
}

@test "composite rules on hostile text stay quick" {
	python3 -c 'print("key=k1 id=aa " * 60000)' >t/f
	python3 -c 'print("key=k1\n" * 60000)' >t/g
	cat >rules.toml <<-'R'
	[[rules]]
	id = "part"
	regex = '''id=[a-z]{2}'''
	skipReport = true
	[[rules]]
	id = "key"
	regex = '''key=(k[0-9])'''
	[[rules.required]]
	id = "part"
	withinLines = 3
	withinColumns = 1
	R
	run timeout 300 "$scan" scan -c rules.toml -r out.json t
	[ "$status" -eq 1 ]
	# told rather than tried for ever: the bound on candidates
	grep -q '"File": "t/f"' out.json
	[ "$(grep -c '"File": "t/g"' out.json)" -eq 0 ]
}

@test "a generic rule gives way" {
	echo "token = 'vendor-abcdef123456'" >t/f
	got=$(printf '[[rules]]\nid = "generic-token"\nregex = "token = .([a-z0-9-]{10,40})"\n[[rules]]\nid = "vendor"\nregex = "vendor-[a-z0-9]{12}"\n' | with)
	same "vendor vendor-abcdef123456"
}

@test "regex bombs are given up, named, and change the status" {
	cat >rules.toml <<-'R'
	[[rules]]
	id = "wide"
	regex = '''(x+x+)+y'''
	keywords = ["x"]
	[[rules]]
	id = "near"
	regex = '''(?:x{1,40}x{1,40}){1,5}z'''
	R
	python3 -c 'print("x" * 200000 + " y")' >t/f
	python3 -c 'print(("x" * 300 + "z ") * 3000)' >t/g
	run timeout 300 "$scan" scan -c rules.toml -r out.json t
	[ "$status" -eq 1 ] # in g there is something to find
	[[ $output == *"t/f"*"work limit"* ]]
	rm t/g
	run timeout 300 "$scan" scan -c rules.toml t
	[ "$status" -eq 4 ]
}

@test "reports: fields, order and the empty ones" {
	printf '[[rules]]\nid = "k"\ndescription = "a key"\nregex = "k=([a-z0-9]{4})"\ntags = ["x", "y"]\n' >rules.toml
	: >t/f
	for form in json csv sarif junit; do
		"$scan" scan -c rules.toml -f $form -r empty.$form t
	done
	[ "$(cat empty.json)" = "[]" ]
	[ ! -s empty.csv ]
	printf 'x\n k=abc1, "q"\n' >t/f
	for form in json csv sarif junit; do
		run "$scan" scan -c rules.toml -f $form -r out.$form t
		[ "$status" -eq 1 ]
		run --separate-stderr "$scan" scan -c rules.toml -f $form -r - t
		[ "$output" = "$(cat out.$form)" ]
	done
	python3 - <<-'P'
	import csv, json, xml.dom.minidom
	empty = json.load(open("empty.sarif"))
	assert empty["runs"][0]["results"] == [] and len(empty["runs"][0]["tool"]["driver"]["rules"]) == 1
	text = open("out.json").read()
	assert text.startswith("[\n {\n  \"RuleID\": \"k\"")
	f = json.loads(text)[0]
	assert list(f)[:18] == ["RuleID", "Description", "StartLine", "EndLine", "StartColumn", "EndColumn",
	    "Match", "Secret", "File", "SymlinkFile", "Commit", "Entropy", "Author", "Email", "Date",
	    "Message", "Tags", "Fingerprint"], list(f)
	assert (f["StartLine"], f["EndLine"], f["StartColumn"], f["EndColumn"]) == (2, 2, 2, 7)
	assert f["Match"] == "k=abc1" and f["Secret"] == "abc1" and f["Entropy"] == 2
	assert f["Fingerprint"] == "t/f:k:2" and f["Tags"] == ["x", "y"]
	rows = list(csv.reader(open("out.csv")))
	assert rows[0] == "RuleID,Commit,File,SymlinkFile,Secret,Match,StartLine,EndLine,StartColumn,EndColumn,Author,Message,Date,Email,Fingerprint,Tags".split(",")
	assert rows[1][0] == "k" and rows[1][4:10] == ["abc1", "k=abc1", "2", "2", "2", "7"] and rows[1][15] == "x y"
	s = json.load(open("out.sarif"))
	assert s["$schema"] == "https://json.schemastore.org/sarif-2.1.0.json" and s["version"] == "2.1.0"
	r = s["runs"][0]["results"][0]
	assert r["message"]["text"] == "k has detected secret for file t/f.", r["message"]
	place = r["locations"][0]["physicalLocation"]
	assert place["artifactLocation"]["uri"] == "t/f" and place["region"]["snippet"]["text"] == "abc1"
	assert set(["commitSha", "email", "author", "date", "commitMessage"]) <= set(r["partialFingerprints"])
	x = xml.dom.minidom.parse("out.junit").getElementsByTagName("testcase")[0]
	assert x.getAttribute("name") == "k has detected a secret in file t/f, line 2.", x.getAttribute("name")
	assert x.getAttribute("classname") == "a key" and x.getAttribute("file") == "t/f"
	P
}

@test "redaction, comments, ignore lines, exit status" {
	printf '[[rules]]\nid = "k"\nregex = "k=([a-z0-9]{10})"\n' >rules.toml
	printf 'k=abcdefghij\n' >t/f
	"$scan" scan -c rules.toml -r out.json --redact=20 t || true
	grep -q '"Secret": "abcdefgh..."' out.json
	grep -q '"Match": "k=abcdefgh..."' out.json
	"$scan" scan -c rules.toml -r out.json --redact t || true
	grep -q '"Secret": "REDACTED"' out.json
	# gitleaks does not look at the secret of a redacted baseline either
	run "$scan" scan -c rules.toml -b out.json t
	[ "$status" -eq 0 ]
	run "$scan" scan -c rules.toml --exit-code 42 t
	[ "$status" -eq 42 ]
	printf 'k=abcdefghij // gitleaks:allow\n' >t/f
	run "$scan" scan -c rules.toml t
	[ "$status" -eq 0 ]
	run "$scan" scan -c rules.toml --ignore-gitleaks-allow t
	[ "$status" -eq 1 ]
	mkdir -p 't/a:b'; mv t/f 't/a:b/f'; printf 'k=abcdefghij\n' >'t/a:b/f'
	echo 't/a:b/f:k:1' >list # a colon in the path: kept as it stands
	run "$scan" scan -c rules.toml -i list t
	[ "$status" -eq 0 ]
}

@test "history: commit allowlists and both forms of ignore lines" {
	printf '[[rules]]\nid = "k"\nregex = "k=([a-z0-9]{4})"\n' >rules.toml
	git init -q r; cd r
	echo k=abc1 >f; git add f; git commit -qm one; one=$(git rev-parse HEAD)
	echo k=abc2 >g; git add g; git commit -qm two; two=$(git rev-parse HEAD)
	run "$scan" scan -c ../rules.toml -f json .
	[[ $output == *"\"Fingerprint\": \"$one:f:k:1\""* ]]
	echo "$one:f:k:1" >.gitleaksignore
	run "$scan" scan -c ../rules.toml -f json .
	[[ $output != *abc1* && $output == *abc2* ]]
	echo "g:k:1" >>.gitleaksignore
	run "$scan" scan -c ../rules.toml .
	[ "$status" -eq 0 ]
	rm .gitleaksignore
	printf '[[allowlists]]\ncommits = ["%s"]\n' "${two^^}" >>../rules.toml
	run "$scan" scan -c ../rules.toml -f json .
	[[ $output == *abc1* && $output != *abc2* ]]
}

@test "a scan that fails never says that nothing was found" {
	mkdir r; git init -q r
	printf 'ref: refs/heads/main\n' >r/.git/HEAD
	run "$scan" scan --log-opts "no-such-rev" r
	[ "$status" -eq 126 ]
	mkdir -p r/.git/objects/aa
	echo garbage >r/.git/objects/aa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
	run "$scan" scan r
	[ "$status" -eq 4 ]
	run "$scan" scan --exit-code 0 r
	[ "$status" -eq 4 ]
	run "$scan" scan nowhere
	[ "$status" -eq 3 ]
}
