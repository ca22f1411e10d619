#!/usr/bin/env bats
# The conformance suite: it passes the example and the providers here, and it
# fails each of a set of providers that are broken in one way on purpose.

bats_require_minimum_version 1.5.0

setup() {
	EXAMPLE=$BATS_TEST_DIRNAME/../../providers/example/curfew-provider-example
	SUITE=$BATS_TEST_DIRNAME/../conformance
	DIR=$BATS_TEST_TMPDIR
}

suite() { # PROGRAM [OPTION...]: against the example's kind of list
	local program=$1
	shift
	printf 'bot k1\nbot k2 off\nbot k12\nal 100\n' >"$program.list"
	"$SUITE" "$@" --options "{\"file\":\"$program.list\"}" \
		--account bot --kind key --credential k1 "$program"
}

@test "the example provider passes" {
	cp "$EXAMPLE" "$DIR/example"
	suite "$DIR/example"
	[ "$(cat "$DIR/example.list")" = "bot k2 off
bot k12
al 100" ]
}

@test "the ssh provider passes, and leaves the file as it was" {
	[ -x "$CURFEW_BUILD/curfew-provider-ssh" ] || skip "not built"
	for k in a b; do ssh-keygen -q -t ed25519 -N '' -C $k -f "$DIR/$k"; done
	{ echo '# keys'; cat "$DIR/a.pub" "$DIR/b.pub"; } >"$DIR/keys"
	cp "$DIR/keys" "$DIR/before"
	run "$SUITE" --options "{\"file.bot\":\"$DIR/keys\",\"krl\":\"$DIR/krl\"}" \
		--account bot --kind ssh-key \
		--credential "$(ssh-keygen -lf "$DIR/a.pub" | cut -d' ' -f2)" \
		"$CURFEW_BUILD/curfew-provider-ssh"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"a restored credential is listed as active"* ]]
	cmp "$DIR/keys" "$DIR/before"
}

@test "every provider here passes hello and the frame without a connection" {
	for p in "$CURFEW_BUILD"/curfew-provider-*; do
		[ -x "$p" ] || continue
		run "$SUITE" "$p"
		echo "$p: $output"
		[ "$status" -eq 0 ]
	done
}

@test "the example in the documentation is the example" {
	sed -n '/^```sh$/,/^```$/p' "$BATS_TEST_DIRNAME/../../docs/provider-authors.md" |
		sed '1d;$d' | cmp - "$EXAMPLE"
}

@test "a wrong command line is told" {
	run "$SUITE"
	[ "$status" -eq 2 ]
	run "$SUITE" --options '[]' "$EXAMPLE"
	[ "$status" -eq 2 ]
	run "$SUITE" /nonexistent/program
	[ "$status" -eq 2 ]
}

# mutant NAME PART WHAT-FAILS SED...: the example with one edit must fail that
# test of that part of the suite.
# Runs beside others; `judge` waits for all and says which were not caught.
mutant() {
	local name=$1 part=$2 test=$3
	shift 3
	sed "$@" "$EXAMPLE" >"$DIR/$name"
	chmod +x "$DIR/$name"
	printf '%s' "$test" >"$DIR/$name.want"
	if cmp -s "$EXAMPLE" "$DIR/$name"; then
		echo "the edit of '$name' hits nothing" >&2
		return 1
	fi
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
	(
		rc=0
		suite "$DIR/$name" --only "$part" --timeout 2 --secret-file "$DIR/secret" \
			>"$DIR/$name.tap" 2>&1 || rc=$?
		echo $rc >"$DIR/$name.rc"
	) 3>&- &
}

judge() {
	local want name bad=0
	wait
	for want in "$DIR"/*.want; do
		name=${want%.want}
		if [ "$(cat "$name.rc")" != 1 ] || ! grep -q "^not ok .*$(cat "$want")" "$name.tap"; then
			echo "${name##*/} was not caught ($(cat "$name.rc")), wanted: $(cat "$want")"
			grep -A1 '^not ok' "$name.tap" || tail -3 "$name.tap"
			bad=1
		fi
	done
	return $bad
}

@test "broken framing fails" {
	echo admin-secret-of-this-test >"$DIR/secret"
	mutant id hello "hello without a connection" 's/^say() { /&id=$((id + 1)); /'
	mutant twice hello "nothing works before" \
		's/^say() .*/say() { for n in 1 2; do printf '"'"'{"id":%s,"status":"%s"%s}\\n'"'"' "$id" "$1" "${2:+,$2}"; done; }/'
	mutant chatter hello "hello without" 's/^file=$/echo ready; file=/'
	mutant eof-status hello "status 0 at the end" '$a exit 1'
	mutant eof-hang hello "status 0 when nothing" '$a exec sleep 100'
	mutant position frame "order and white space" 's/ \*: \*\[1-9\]/:[1-9]/'
	mutant decoy frame "unknown members are ignored" \
		's/depth == 1 && key\[1\] == "id"/key[depth] == "id"/; s/depth == 1 ? key\[1\]/depth >= 1 \&\& depth != 2 ? key[depth]/'
	mutant number frame "large id comes back" 's/gsub(\/\[^0-9\]\/, "", id) }/& id = substr(id, 1, 9); /'
	mutant drops frame "16 requests in flight" 's/say ok .\{1,2\}"complete":true.\{1,2\};/& read -r lost;/'
	mutant garbage frame "survives, or ends at, a line that is not JSON" \
		's/{ echo "not a request" >&2; exit 1; }/{ id=7; say ok; continue; }/'
	mutant garbage-zero frame "survives, or ends at, half an object" \
		's/echo "not a request" >&2; exit 1/exit 0/'
	mutant bytes frame "unknown verb" 's/no such verb/n\xffo such verb/'
	mutant deaf frame "it ends when nobody reads" "s/^file=\$/trap '' PIPE; file=/; s/^say() { \(.*\); }/say() { { \1; } 2>\/dev\/null || :; }/"
	mutant wordless hello "every line had its form" 's/^no() .*/no() { say "$1"; }/'
	judge
}

@test "broken promises fail" {
	echo admin-secret-of-this-test >"$DIR/secret"
	mutant early hello "nothing works before" 's/no refused "say hello first"/say ok/'
	mutant unknown-ok frame "unknown verb" 's/no unsupported "no such verb"/say ok/'
	mutant two-connections hello "second connection" 's/\*:\/\*:-)/*:\/*:*)/'
	mutant verbs hello "hello tells its verbs" 's/"revoke"\]/"revoke","explode"]/'
	mutant facts hello "facts of each kind" 's/"disable":true}/"disable":"yes"}/'
	mutant no-facts list "every item has its form" 's/"facts":{"key"/"facts":{"other"/'
	mutant incomplete list "whether it is complete" "s/say ok '\"complete\":true'/say ok/"
	mutant state list "every item has its form" 's/"disabled" : "active"/"off" : "on"/'
	mutant filter list "list of one account" 's/(a == "-" || $1 "" == a)/1/'
	mutant shell list "never run as a command" 's/^\tfields=/\t(eval "x=\\"$line\\"") >\/dev\/null 2>\&1; &/'
	mutant dead-unproved list "had its form" 's/"proof":"record",//'
	mutant always-alive list "does not exist is not alive" 's/probe:\*:\*on\*)/probe:*)/'
	mutant always-dead verbs "a listed credential is not dead" 's/"life":"alive"/"life":"dead","proof":"record"/'
	mutant not-twice verbs "revoke again" "s/'') say absent/'') no refused no/"
	mutant idle-revoke verbs "revoked credential is not listed" "s/revoke:\\*) edit.*/revoke:*) say ok ;;/"
	mutant greedy-revoke verbs "no other credential changed" "s/edit '!mine'/edit '\$1 != a'/"
	mutant idle-disable verbs "disabled credential is not listed as active" "s/disable:\\*) edit.*/disable:*) say ok ;;/"
	mutant idle-enable verbs "enabled credential is listed as active" "s/enable:\\*) edit.*/enable:*) say ok ;;/"
	mutant tells-secret hello "admin credential was never printed" 's/^while .*/&\n\techo "got $line" >\&2/'
	judge
}
