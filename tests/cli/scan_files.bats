#!/usr/bin/env bats
# curfew-scan scan: folders, files and standard input; reports; exit status.

bats_require_minimum_version 1.5.0

load scan

setup() {
	scan=$CURFEW_BUILD/curfew-scan
	scan_cache "$BATS_TEST_TMPDIR/cache"
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir src
	# put together here, so that no token stands in this file
	token=glpat-$(printf 'q7Rw2mXk9TzL4vBn8Yc0')
}

@test "clean folder: 0, and one line says what was looked at" {
	echo 'int main(void) { return 0; }' >src/a.c
	run -0 --separate-stderr "$scan" scan src
	[ -z "$output" ]
	[[ $stderr == "curfew-scan: no secret found in 1 text ("*" of text), by "*" rules, in "* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -0 "$scan" scan --quiet src
	[ -z "$output" ]
	mkdir none
	run -0 "$scan" scan none # a mistaken path shows
	[[ $output == *"in 0 texts"* ]]
}

@test "a token in a folder: status 1, place, no whole secret in text" {
	printf 'one\ntwo = "%s"\n' "$token" >src/a.txt
	run "$scan" scan src
	[ "$status" -eq 1 ]
	[[ $output == *"src/a.txt:2:8  gitlab-token"* ]]
	[[ $output != *"$token"* ]]
}

@test "--exit-code changes the status of findings only" {
	printf '%s\n' "$token" >src/a.txt
	run "$scan" scan --exit-code 42 src
	[ "$status" -eq 42 ]
	: >src/a.txt
	run "$scan" scan --exit-code 42 src
	[ "$status" -eq 0 ]
}

@test "standard input" {
	run bash -c "echo 'x $token' | '$scan' scan --stdin --report-format json"
	[ "$status" -eq 1 ]
	[[ $output == *'"RuleID": "gitlab-token"'* ]]
	[[ $output == *'"StartColumn": 3'* ]]
}

@test "json, csv, sarif and junit parse and hold the finding" {
	printf 'a "quoted", <b> line %s\n' "$token" >src/a.txt
	for form in json csv sarif junit; do
		run "$scan" scan --report-format $form --report-path out.$form src
		[ "$status" -eq 1 ]
		grep -q gitlab-token out.$form
	done
	python3 - <<-'P'
	import csv, json, xml.dom.minidom
	j = json.load(open("out.json"))
	assert len(j) == 1 and j[0]["File"] == "src/a.txt" and j[0]["StartLine"] == 1
	assert list(j[0])[:11] == ["RuleID", "Description", "StartLine", "EndLine",
	    "StartColumn", "EndColumn", "Match", "Secret", "File", "SymlinkFile", "Commit"]
	c = list(csv.DictReader(open("out.csv")))
	assert c[0]["Secret"] == j[0]["Secret"]
	s = json.load(open("out.sarif"))
	assert s["runs"][0]["results"][0]["ruleId"] == "gitlab-token"
	x = xml.dom.minidom.parse("out.junit")
	assert x.getElementsByTagName("failure")
	P
}

@test "--redact leaves the secret out of every report" {
	printf 'token %s\n' "$token" >src/a.txt
	for form in json csv sarif junit text; do
		run "$scan" scan --redact --report-format $form src
		[ "$status" -eq 1 ]
		[[ $output != *"${token#glpat-}"* ]]
	done
	run "$scan" scan --redact=50 --report-format json src
	[[ $output == *'"Secret": "glpat-q7Rw2mX..."'* ]]
}

@test "comments and allowlists" {
	printf '%s # gitleaks:allow\n' "$token" >src/a.txt
	run "$scan" scan src
	[ "$status" -eq 0 ]
	run "$scan" scan --ignore-gitleaks-allow src
	[ "$status" -eq 1 ]
	printf '%s\n' "$token" >src/a.txt
	printf '[extend]\nuseDefault = true\n[[allowlists]]\npaths = ["a[.]txt$"]\n' >rules.toml
	run "$scan" scan --config rules.toml src
	[ "$status" -eq 0 ]
	cp src/a.txt src/b.txt
	run "$scan" scan --config rules.toml src
	[ "$status" -eq 1 ]
	cp rules.toml src/.gitleaks.toml
	rm src/b.txt
	run "$scan" scan src
	[ "$status" -eq 0 ]
}

@test "a file that cannot be read in full is named: status 4" {
	head -c 3000000 /dev/zero | tr '\0' a >src/big.txt
	run "$scan" scan --max-target-megabytes 1 src
	[ "$status" -eq 4 ]
	[[ $output == *"src/big.txt"* ]]
}

@test "links are not followed, .git is left out" {
	mkdir -p src/.git elsewhere
	printf '%s\n' "$token" | tee src/.git/config elsewhere/secret.txt >/dev/null
	ln -s ../elsewhere src/link
	ln -s ../elsewhere/secret.txt src/link.txt
	run "$scan" scan src
	[ "$status" -eq 0 ]
}

@test "a broken rule file is named with its line" {
	printf '[[rules]]\nid = "x"\nregex = "(?=a)"\n' >bad.toml
	run "$scan" scan --config bad.toml src
	[ "$status" -eq 3 ]
	[[ $output == *look-ahead* ]]
}

@test "the compiled rules are kept and used again; a damaged file is not" {
	"$scan" scan src
	file=$(ls cache/rules-*.db)
	[ "$(stat -c %a "$file")" = 600 ]
	truncate -s 1000 "$file"
	printf '%s\n' "$token" >src/a.txt
	run "$scan" scan src
	[ "$status" -eq 1 ]
}

@test "wrong usage is 126" {
	run "$scan" scan --no-such-option
	[ "$status" -eq 126 ]
	run "$scan" scan --min-confidence some
	[ "$status" -eq 126 ]
	run "$scan" nonsense
	[ "$status" -eq 126 ]
}

@test ".gitleaksignore: by place, any commit or one; in the target and named" {
	printf 'x\n%s\n' "$token" >src/a.txt
	printf '# seen\n  src/a.txt:gitlab-token:2  \n' >.gitleaksignore
	run "$scan" scan src
	[ "$status" -eq 0 ]
	printf 'src\\a.txt:gitlab-token:3\n' >.gitleaksignore
	run "$scan" scan src
	[ "$status" -eq 1 ]
	printf 'src\\a.txt:gitlab-token:2\n' >src/.gitleaksignore
	run "$scan" scan src
	[ "$status" -eq 0 ]
	rm src/.gitleaksignore
	echo src/a.txt:gitlab-token:2 >list
	run "$scan" scan --gitleaks-ignore-path list src
	[ "$status" -eq 0 ]
	run "$scan" scan --gitleaks-ignore-path nowhere src
	[ "$status" -eq 3 ]
}

@test "a file that is scanned is no ignore list" {
	printf '%s\nsrc/a.txt:gitlab-token:1\n' "$token" >src/a.txt
	run "$scan" scan src/a.txt
	[ "$status" -eq 1 ]
}

@test "baseline: what an earlier report has is left out, what is new is told" {
	printf '%s\n' "$token" >src/a.txt
	"$scan" scan --report-path base.json src || true
	run "$scan" scan --baseline-path base.json src
	[ "$status" -eq 0 ]
	# another secret at the same place is new
	printf '%sZ\n' "${token%0}" >src/a.txt
	run "$scan" scan --baseline-path base.json src
	[ "$status" -eq 1 ]
	# the same secret elsewhere too
	printf '\n%s\n' "$token" >src/a.txt
	run "$scan" scan --baseline-path base.json src
	[ "$status" -eq 1 ]
	echo '{}' >broken.json
	run "$scan" scan --baseline-path broken.json src
	[ "$status" -eq 3 ]
	echo '[{"RuleID": "x"}' >broken.json
	run "$scan" scan --baseline-path broken.json src
	[ "$status" -eq 3 ]
}

@test "a path that is no UTF-8: every report is whole, and a baseline knows it" {
	printf '%s\n' "$token" >"$(printf 'src/l\xe9 \xef\xbf\xbf.txt')"
	for form in json sarif junit; do
		run "$scan" scan --report-format $form --report-path out.$form src
		[ "$status" -eq 1 ]
	done
	python3 - <<-'P'
		import json, xml.dom.minidom
		name = "src/l\ufffd %s.txt"
		json.load(open("out.sarif"))
		assert json.load(open("out.json"))[0]["File"] == name % "\uffff"
		x = xml.dom.minidom.parse("out.junit").getElementsByTagName("testcase")
		assert [t.getAttribute("file") for t in x] == [name % "\ufffd"]
	P
	run "$scan" scan --baseline-path out.json src
	[ "$status" -eq 0 ]
	printf '%sZ\n' "${token%0}" >"$(printf 'src/l\xe9 \xef\xbf\xbf.txt')"
	run "$scan" scan --baseline-path out.json src
	[ "$status" -eq 1 ]
}

@test "a baseline of many megabytes, of another writer, in any order" {
	printf '%s\n' "$token" >src/a.txt
	"$scan" scan --report-path base.json src || true
	python3 - <<-'END'
		import json
		rows = json.load(open("base.json"))
		more = [dict(rows[0], File="f%d" % i, Match="m" * 400, Tags=["a", {"File": "src/a.txt"}])
		        for i in range(8000)]
		open("big.json", "w").write(json.dumps(more[:4000] + rows + more[4000:], indent=1))
		esc = json.dumps(rows).replace("src/", "\\u0073rc\\/") # the same text, escaped
		open("escaped.json", "w").write(esc)
		rows[0]["StartLine"] += 1
		open("other.json", "w").write(json.dumps(more[:4000] + rows + more[4000:]))
	END
	[ "$(stat -c %s big.json)" -gt 4000000 ]
	run -0 "$scan" scan --baseline-path big.json src
	run -0 "$scan" scan --baseline-path escaped.json src
	run -1 "$scan" scan --baseline-path other.json src
}

@test "the content fingerprint: same secret anywhere, no other" {
	printf '%s\n' "$token" >src/a.txt
	"$scan" scan --report-path out.json src || true
	print=$(sed -n 's/.*"ContentFingerprint": "\(.*\)".*/\1/p' out.json)
	[[ $print =~ ^gitlab-token:[0-9a-f]{16}$ ]]
	[[ $print != *"${token:6:8}"* ]]
	echo "$print" >.gitleaksignore
	printf 'moved\ndown x%s\n' "" >src/b.txt
	printf 'moved\ndown %s\n' "$token" >>src/b.txt
	rm src/a.txt
	run "$scan" scan src
	[ "$status" -eq 0 ]
	printf '%sZ\n' "${token%0}" >>src/b.txt
	run "$scan" scan src
	[ "$status" -eq 1 ]
	[[ $output == *"or        gitlab-token:"* ]] || [[ $output == *"or "*"gitlab-token:"* ]]
}

@test "a report may go to a device or a pipe" {
	echo x >f
	"$CURFEW_BUILD/curfew-scan" scan --report-path /dev/null f
	[ -c /dev/null ]
	"$CURFEW_BUILD/curfew-scan" scan --report-format json \
		--report-path /dev/stdout f | grep -qx '\[\]'
}

@test "help: every command, with examples; what is no command is told" {
	run -0 "$scan" help
	[[ $output == *"git repositor"* ]]
	commands=$(sed -n 's/^  \([a-z-]*\) .*/\1/p' <<<"$output")
	[ "$(wc -w <<<"$commands")" -ge 9 ]
	for c in $commands; do
		[ "$c" = version ] || [ "$c" = help ] && continue
		run -0 "$scan" help "$c"
		[[ $output == "usage: curfew-scan $c"* ]]
		text=$output
		run -0 "$scan" "$c" --help
		[ "$output" = "$text" ]
	done
	for c in scan rules hook; do
		run -0 "$scan" "$c" -h
		[[ $output == *$'\nExamples:\n  '* ]]
	done
	run -126 "$scan" nope
	[[ $output == *"'nope': no such command; 'curfew-scan help' lists them" ]]
	run -126 "$scan" help nope
}

@test "rules: one or many, a rule or file that is not there" {
	run "$scan" rules test github-fine-grained-pat
	[ "$output" = "1 rule tried, 0 wrong" ]
	run "$scan" rules test nosuch
	[ "$status" -eq 126 ]
	[[ $output == *"'nosuch': no such rule, and no file; "* ]]
	run "$scan" rules check nosuch.toml
	[ "$status" -eq 3 ]
	[[ $output == *"cannot read the rules 'nosuch.toml': No such file or directory" ]]
	printf '[[rules]]\nid = "one"\nregex = "(one"\n' >bad.toml
	run "$scan" rules check bad.toml
	[ "$status" -eq 3 ]
	[[ $output == *"cannot read rule 'one' in line 1 'bad.toml'"* ]]
	sed -i 's/(one/one1/' bad.toml
	run "$scan" rules check bad.toml
	[[ $output == *"1 rule, "*" remark"* ]]
}

@test "a pipe as a path, an empty range, two sources: told, not taken for nothing" {
	cd "$BATS_TEST_TMPDIR"
	run "$CURFEW_BUILD/curfew-scan" scan nowhere
	[ "$status" -eq 3 ]
	[[ $output == *"cannot scan 'nowhere': "*"curfew-scan scan --help"* ]]
	mkfifo pipe
	run timeout 20 "$CURFEW_BUILD/curfew-scan" scan pipe
	[ "$status" -eq 3 ]
	[[ $output == *"neither a file nor a folder"* ]]
	[[ $output == *--stdin* ]]
	git init -q repo
	run "$CURFEW_BUILD/curfew-scan" scan --range "" repo
	[ "$status" -eq 126 ]
	[[ $output == *"--range"*"is empty"* ]]
	run "$CURFEW_BUILD/curfew-scan" scan --staged --stdin repo </dev/null
	[ "$status" -eq 126 ]
	[[ $output == *"at a time"* ]]
}
