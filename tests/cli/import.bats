#!/usr/bin/env bats
# Reports of other scanners, written here after their published formats.

load agent
load scan

setup() {
	agent_setup
	cd "$BATS_TEST_TMPDIR" || exit 1
	good=q7Vx-2mZ.pL9_wR4t~Kd8s
	connected svc <<-'E'
		{"what":"account","account":"ci","state":"active"}
		{"what":"credential","account":"ci","kind":"password","id":"main","state":"active"}
	E
	"$curfew" sync >/dev/null
	printf %s "$good" | "$curfew" learn svc/ci#main --secret-stdin >/dev/null
	cat >>"$CURFEW_DIR/curfew.toml" <<-'E'
		[identity.ci-bot]
		owner = "platform@example.org"
		accounts = ["svc/ci"]
	E
}

gitleaks() { # SECRET...
	printf '['
	local sep=
	for s; do
		printf '%s{"RuleID":"generic-api-key","Description":"d","StartLine":7,"EndLine":7,"Match":"x=%s","Secret":"%s","File":"a/b.py","SymlinkFile":"","Commit":"0123456789abcdef0123456789abcdef01234567","Entropy":3.5,"Author":"Ann","Email":"ann@example.org","Date":"2026-01-02T03:04:05Z","Message":"m","Tags":[],"Fingerprint":"f"}' "$sep" "$s" "$s"
		sep=,
	done
	printf ']\n'
}

ours() { # the report's finding is known to be ours, and says it well
	says "ci-bot  svc/ci#main  platform@example.org"
	says "its value; active"
	says "1 of them a living"
	says_not "$good"
	! grep -rq "$good" "$CURFEW_DIR" || false
}

@test "gitleaks JSON" {
	gitleaks "$good" "stranger-Zx81kQ0pLm" >r.json
	run "$curfew" import r.json
	[ "$status" -eq 1 ]
	ours
	says "generic-api-key"
	says "a/b.py:7 commit 0123456789ab"
	says "Ann <ann@example.org> 2026-01-02T03:04:05Z"
	says "gitleaks report: 2 read"
	says "2 findings, 1 of them"
	run "$curfew" audit log
	says "imported a gitleaks report, r.json: 2 findings, 1 of them"
	id=$("$curfew" --json finding list | grep -B30 '"identity": "ci-bot"' | sed -n 's/.*"id": "\(.*\)".*/\1/p')
	run "$curfew" kill --finding "$id" --dry-run
	[ "$status" -eq 0 ]
	says "svc/ci#main"
}

@test "trufflehog JSON lines, the second half of a pair too" {
	cat >r.json <<-E
		{"SourceMetadata":{"Data":{"Git":{"commit":"abcdef0123456789","file":"conf.env","email":"Ann <ann@example.org>","repository":"https://git.example.org/app","timestamp":"2026-01-02 03:04:05 +0000","line":12}}},"SourceID":1,"SourceType":16,"SourceName":"trufflehog - git","DetectorType":2,"DetectorName":"AWS","DecoderName":"PLAIN","Verified":true,"Raw":"AKIA""QQQQWWWWEEEERRRR","RawV2":"AKIA""QQQQWWWWEEEERRRR:$good","Redacted":"AKIA""QQQQWWWWEEEERRRR","ExtraData":{"account":"1"},"StructuredData":null}
		{"SourceMetadata":{"Data":{"Filesystem":{"file":"f.txt","line":3}}},"SourceID":1,"SourceType":15,"SourceName":"fs","DetectorType":1,"DetectorName":"Stripe","DecoderName":"PLAIN","Verified":false,"Raw":"some-value-1234567","RawV2":"","Redacted":"","ExtraData":null,"StructuredData":null}
	E
	sed -i 's/AKIA""/AKIA/g' r.json
	run "$curfew" import r.json
	[ "$status" -eq 1 ]
	ours
	says "https://git.example.org/app conf.env:12 commit abcdef012345"
	says "AWS  (high)"
	says "Stripe  (medium)"
	says "f.txt:3"
	says "trufflehog report: 3 read"
}

@test "kingfisher JSON" {
	cat >r.json <<-E
		{"findings":[{"rule":{"name":"Example Token","id":"kingfisher.example.1"},"finding":{"snippet":"$good","fingerprint":"1","confidence":"Medium","entropy":"4.1","validation":{"status":"Active Credential","response":""},"language":"Python","line":9,"column_start":1,"column_end":9,"path":"src/x.py","git_metadata":{"repository_url":"https://git.example.org/app","commit":{"id":"fedcba9876543210","committer":{"name":"Ann","email":"ann@example.org","timestamp":"2026-01-02"}}}}}],"metadata":{"findings":1}}
	E
	run "$curfew" import r.json
	[ "$status" -eq 1 ]
	ours
	says "kingfisher.example.1  (medium)"
	says "src/x.py:9 commit fedcba987654"
	says "kingfisher report: 1 read"
}

# What kingfisher 2.14.0 wrote (--format jsonl) of an invented repository, but
# for the value: in history with its commit, in a file without, then its audit.
kingfisher_row() { # PATH METADATA
	printf '{"rule":{"title":"GITLAB-PAT => [BETTERLEAKS.GITLAB-PAT]","name":"gitlab-pat","id":"betterleaks.gitlab-pat","description":"Identified a GitLab Personal Access Token, risking unauthorized access to GitLab repositories and codebase exposure."},"finding":{"snippet":"%s","fingerprint":"2310022202949856696","confidence":"high","entropy":"4.55","validation":{"outcome":"not_attempted","status":"Not Attempted","response":""},"language":"Unknown","line":1,"column_start":13,"column_end":38,"path":"%s"%s,"validate_command":"kingfisher validate"}}' "$good" "$1" "$2"
}
kingfisher_git=',"git_metadata":{"repository_url":"/r/app","commit":{"id":"fcaba9f6697616ad6424dbdd61ac0392da8c72e9","url":"/r/app/commit/fcaba9f6","date":"2026-11-22","committer":{"name":"Ann","email":"ann@example.org"},"author":{"name":"Ann","email":"ann@example.org"}},"file":{"path":"conf.env","url":"u","git_command":"git show"}}'

@test "kingfisher as it is written today: JSON, lines, SARIF" {
	{
		kingfisher_row conf.env "$kingfisher_git"
		echo
		kingfisher_row /r/app/x.py ""
		printf '\n{"audit":{"schema":"kingfisher.repository-audit.v1","repositories":[{"key":"local:/r/app","stats":{"findings":2}}]}}\n'
	} >r.jsonl
	{
		printf '{"findings":['
		kingfisher_row conf.env "$kingfisher_git"
		printf ','
		kingfisher_row /r/app/x.py ""
		printf '],"audit":{"schema":"kingfisher.repository-audit.v1"},"metadata":{"kingfisher_version":"2.14.0","summary":{"findings":2}}}\n'
	} >r.json
	printf '{"$schema":"s","runs":[{"properties":{"repository_audit":{"schema":"kingfisher.repository-audit.v1"}},"results":[{"kind":"review","level":"error","locations":[{"physicalLocation":{"artifactLocation":{"uri":"conf.env"},"region":{"endColumn":38,"endLine":1,"snippet":{"text":"%s"},"startColumn":13,"startLine":1}},"properties":{"entropy":"4.55"%s,"validation_outcome":"not_attempted"}}],"message":{"text":"GITLAB-PAT matched conf.env"},"partialFingerprints":{"fingerprint":"2310022202949856696"},"ruleId":"betterleaks.gitlab-pat"}],"tool":{"driver":{"name":"kingfisher"}}}],"version":"2.1.0"}' "$good" "$kingfisher_git" >r.sarif
	run "$curfew" import r.sarif
	says "Ann <ann@example.org> 2026-11-22"
	for f in r.jsonl r.json r.sarif; do
		run "$curfew" import "$f"
		[ "$status" -eq 1 ]
		ours
		says "betterleaks.gitlab-pat  (high)"
		says "/r/app conf.env:1 commit fcaba9f66976"
		says_not unnamed
	done
	run "$curfew" import r.jsonl
	says "kingfisher report: 2 read"
	says "/r/app/x.py:1"
	head -1 r.jsonl >one.jsonl # no more than a line
	run "$curfew" import one.jsonl
	says "kingfisher report: 1 read"
}

@test "SARIF, the value in a line of text, with a byte order mark" {
	{
		printf '\357\273\277'
		cat <<-E
			{"\$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":{"driver":{"name":"any","rules":[{"id":"r1"}]}},
			"results":[{"ruleId":"r1","level":"error","message":{"text":"a secret"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.yml"},"region":{"startLine":4,"snippet":{"text":"  url: \"https://ci:$good@db/x\""}}}}],"partialFingerprints":{"commitSha":"0011223344556677"}}]}]}
		E
	} >r.sarif
	run "$curfew" import r.sarif --repository app
	[ "$status" -eq 1 ]
	ours
	says "r1  (high)"
	says "app a.yml:4 commit 001122334455"
	run "$curfew" --json import r.sarif
	says '"format": "sarif"'
	says '"how": "value"'
	says_not "$good"
}

@test "our own reports go back in" {
	echo "t = gl""pat-hookTESTsecret456789" >f
	scan_cache "$BATS_FILE_TMPDIR/cache"
	"$CURFEW_BUILD/curfew-scan" scan --report-path r.json f || true
	run "$curfew" import r.json
	[ "$status" -eq 1 ]
	says "gitlab-token  (high)"
	"$CURFEW_BUILD/curfew-scan" scan --report-path r.sarif f || true
	run "$curfew" import r.sarif
	[ "$status" -eq 1 ]
	[ "$("$curfew" --json finding list | grep -c '"id"')" -eq 1 ]
}

@test "a report that is less sure does not make a finding less sure" {
	sure() { # CONFIDENCE: import the same value with that
		gitleaks "$good" | sed "s/\"RuleID\"/\"Confidence\":\"$1\",&/" >r.json
		"$curfew" import r.json >/dev/null || [ $? -eq 1 ]
		"$curfew" --json finding list | sed -n 's/.*"confidence": "\(.*\)".*/\1/p' | sort -u
	}
	[ "$(sure medium)" = medium ]
	[ "$(sure low)" = medium ]
	[ "$(sure high)" = high ]
	[ "$(sure medium)" = high ]
}

@test "an empty gitleaks report is one" {
	echo '[]' >r.json
	run "$curfew" import r.json
	[ "$status" -eq 0 ]
	says "gitleaks report: 0 read"
}

@test "a stranger's value is sent nowhere before somebody says so" {
	gitleaks "stranger-Zx81kQ0pLm" >r.json
	"$curfew" import r.json >/dev/null || true
	id=$("$curfew" --json finding list | sed -n 's/.*"id": "\(.*\)".*/\1/p' | head -1)
	[ -n "$id" ]
	run "$curfew" --no-input kill --finding "$id"
	[ "$status" -ne 0 ]
	says "not confirmed"
	says "add --yes"
	run setsid "$curfew" kill --finding "$id" </dev/null
	[ "$status" -ne 0 ]
	says "not confirmed"
	run "$curfew" --yes kill --finding "$id"
	says_not "not confirmed"
	# our own needs no word, as by its name
	gitleaks "$good" >r.json
	"$curfew" import r.json >/dev/null || true
	id=$("$curfew" --json finding list | grep -B30 '"identity": "ci-bot"' | sed -n 's/.*"id": "\(.*\)".*/\1/p')
	run "$curfew" --no-input kill --finding "$id"
	says_not "not confirmed"
}

@test "a redacted report is told so" {
	gitleaks REDACTED 'q7V...' '****' >r.json
	run "$curfew" import r.json
	[ "$status" -eq 1 ]
	says "3 of them have no value"
	says "redacted"
	says_not "kill --finding"
	id=$("$curfew" --json finding list | sed -n 's/.*"id": "\(.*\)".*/\1/p' | head -1)
	run "$curfew" kill --finding "$id"
	[ "$status" -ne 0 ]
	says "left the value out"
}

@test "what is no report, broken, or too much: the line, and nothing kept" {
	printf '[\n {"RuleID":"a","Secret":"%s"},\n {"RuleID": }\n]\n' "$good" >r.json
	run "$curfew" import r.json
	[ "$status" -ne 0 ] && [ "$status" -ne 1 ]
	says "line 3"
	says "nothing was kept"
	says_not "$good"
	printf '{"DetectorName":"A","Raw":"abcdefgh12"}\n{"DetectorName":"A","Raw":"abc\n' >r.json
	run "$curfew" import r.json
	says "line 2"
	says_not abcdefgh
	echo '{"hello":"world"}' >r.json
	run "$curfew" import r.json
	says "no report known"
	: >r.json
	run "$curfew" import r.json
	says "it is empty"
	echo '[]' >r.json
	run "$curfew" import r.json
	[ "$status" -eq 0 ]
	for what in '[]' '{}' 7 '{"hello":["world"]}'; do
		echo "$what" >r.json
		run "$curfew" import --format sarif r.json
		[ "$status" -ne 0 ] && [ "$status" -ne 1 ]
		says "no report known"
	done
	echo '{"version":"2.1.0","runs":[]}' >r.json
	run "$curfew" import r.json
	[ "$status" -eq 0 ]
	says "sarif report: 0 read"
	gitleaks "$good" >r.json
	run "$curfew" import --format sarif r.json
	[ "$status" -ne 0 ] && [ "$status" -ne 1 ]
	says "it is a gitleaks report, not one of sarif"
	truncate -s 200M r.json
	run "$curfew" import r.json
	[ "$status" -ne 0 ] && [ "$status" -ne 1 ]
	python3 -c 'print("["*5000)' >r.json
	run "$curfew" import r.json
	says "nested too deeply"
	printf '[{"RuleID":"a","Secret":"\xff\xfe"}]' >r.json
	run "$curfew" import r.json
	says "UTF-8"
	printf '[{"RuleID":"a","Secret":{"x":[1,{"y":"z"}]},"File":7}]' >r.json
	run "$curfew" import r.json # odd, but JSON: a finding without a value
	[ "$status" -eq 1 ]
	run "$curfew" import gone.json
	[ "$status" -ne 0 ] && [ "$status" -ne 1 ]
	run "$curfew" import --format yaml r.json
	[ "$status" -eq 2 ]
}

@test "names from a report cannot steer the terminal, nor the journal" {
	gitleaks "$good" | sed 's/"a\/b.py"/"a\\u001b[31m\\nb"/' >r.json
	run "$curfew" import r.json
	[ "$status" -eq 1 ]
	[[ $output != *$'\e'* ]]
	run "$curfew" import - <r.json
	[ "$status" -eq 1 ]
}
