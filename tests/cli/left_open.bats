#!/usr/bin/env bats
# Everything that was named is proved dead, and the kill is not over: the last
# line and the JSON say what is still open, until it is done.

load agent
bats_require_minimum_version 1.5.0

setup() {
	agent_setup
	export CURFEW_TEST_GAP_MS=20 CURFEW_TEST_BACKOFF_MS=20
	provider shy <<'EOF'
#!/bin/sh
# lists nothing more once something was revoked, until the file "open" is there
say() { echo "{\"id\":$id,$1}"; }
while read -r line; do
	id=${line#*\"id\":}
	id=${id%%[!0-9]*}
	case $line in
	*'"verb":"hello"'*)
		d=${line#*\"at\":\"}
		d=${d%%\"*}
		say '"status":"ok","protocol":1,"version":"1","verbs":["list","probe","revoke"],"secret":"none","options":[{"name":"at","help":"/path"}],"facts":{"key":{}}' ;;
	*'"verb":"list"'*)
		if [ -e "$d/gone" ] && [ ! -e "$d/open" ]; then
			say '"status":"retry","after_ms":20,"error":"503 from the listing"'
			continue
		fi
		state=active
		[ ! -e "$d/gone" ] || state=disabled
		say '"item":{"what":"account","account":"bot","state":"'$state'"}'
		[ -e "$d/gone" ] || say '"item":{"what":"credential","account":"bot","kind":"key","id":"k1","state":"active"}'
		say '"status":"ok","complete":true' ;;
	*'"verb":"revoke"'*)
		: >"$d/gone"
		say '"status":"ok"' ;;
	*'"verb":"probe"'*)
		if [ -e "$d/gone" ]; then say '"status":"ok","life":"dead","proof":"record","evidence":"the record"'
		else say '"status":"ok","life":"alive"'; fi ;;
	*) say '"status":"unsupported"' ;;
	esac
done
EOF
	at=$BATS_TEST_TMPDIR/at
	mkdir "$at"
	"$curfew" -q connect shy shy --set "at=$at" </dev/null
	"$curfew" -q sync
}

open_of() { python3 -c '
import json, sys
j = json.load(sys.stdin)
print(*(o["call"] + " " + o["address"] + " " + o.get("why", "-") for o in j["open"]), sep="\n")'; }

@test "a listing that is still open is named, in the last line and in JSON" {
	run "$curfew" -q kill shy/bot --wait 4s
	echo "$output"
	[ "$status" -eq 4 ] || [ "$status" -eq 3 ]
	says "shy/bot#k1"
	says "DEAD (proved by the service's record)"
	says "1 dead, 0 dying, 0 alive; still open: listing of shy, listing of shy/bot"
	says_not "all proved dead"
	run --separate-stderr "$curfew" -q --json resume --wait 300ms
	[ "$(open_of <<<"$output" | cut -d' ' -f1,2 | sort)" = $'list shy\nlist shy/bot' ]
	[[ $(open_of <<<"$output") == *"503 from the listing"* ]]
	: >"$at/open"
	run --separate-stderr "$curfew" -q --json resume
	[ "$status" -eq 0 ]
	[ -z "$(open_of <<<"$output")" ]
	run "$curfew" incident list
	says closed
}
