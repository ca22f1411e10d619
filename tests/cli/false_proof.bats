#!/usr/bin/env bats
# A service that answers "ok" to a revoke and does nothing, and a sealed value
# that is not the credential's: its refusal must not pass for death.

setup() {
	load agent
	agent_setup
	provider liar <<'EOF'
#!/bin/sh
while read -r line; do
	id=${line#*\"id\":}
	id=${id%%[!0-9]*}
	case $line in
	*'"verb":"hello"'*)
		echo '{"id":1,"status":"ok","protocol":1,"version":"1","verbs":["list","probe","revoke"],"secret":"none","options":[],"facts":{"key":{}}}' ;;
	*'"verb":"list"'*)
		echo "{\"id\":$id,\"item\":{\"what\":\"account\",\"account\":\"bot\",\"state\":\"active\"}}"
		echo "{\"id\":$id,\"item\":{\"what\":\"credential\",\"account\":\"bot\",\"kind\":\"key\",\"id\":\"k1\",\"state\":\"disabled\"}}"
		echo "{\"id\":$id,\"item\":{\"what\":\"credential\",\"account\":\"bot\",\"kind\":\"key\",\"id\":\"k2\",\"state\":\"disabled\"}}"
		echo "{\"id\":$id,\"status\":\"ok\",\"complete\":true}" ;;
	*'"verb":"probe"'*'"secret":"the-value"'*)
		echo "{\"id\":$id,\"status\":\"ok\",\"life\":\"alive\"}" ;;
	*'"verb":"probe"'*'"secret":'*)
		echo "{\"id\":$id,\"status\":\"ok\",\"life\":\"dead\",\"proof\":\"refusal\",\"evidence\":\"bad credentials\"}" ;;
	*'"verb":"probe"'*'"k2"'*)
		echo "{\"id\":$id,\"status\":\"ok\",\"life\":\"unknown\"}" ;;
	*'"verb":"probe"'*)
		echo "{\"id\":$id,\"status\":\"ok\",\"life\":\"alive\",\"evidence\":\"the record\"}" ;;
	*'"verb":"revoke"'*) echo "{\"id\":$id,\"status\":\"ok\"}" ;;
	*) echo "{\"id\":$id,\"status\":\"unsupported\"}" ;;
	esac
done
EOF
	"$curfew" -q connect liar liar </dev/null
	"$curfew" -q sync
}

@test "the refusal of a wrong value is no proof while the record says alive" {
	run "$curfew" -q kill "liar/bot#k1" --secret-stdin --wait 3s <<<"not-it"
	echo "$output"
	[ "$status" -eq 4 ]
	[[ "$output" == *ALIVE* ]]
	[[ "$output" != *"DEAD ("* ]]
}

@test "the right value, still accepted, is alive" {
	run "$curfew" -q kill "liar/bot#k1" --secret-stdin --wait 3s <<<"the-value"
	[ "$status" -eq 4 ]
	[[ "$output" == *ALIVE* ]]
}

@test "a value never seen to work proves nothing by being refused" {
	run "$curfew" -q kill "liar/bot#k2" --secret-stdin --wait 6s <<<"not-it"
	echo "$output"
	[ "$status" -eq 4 ]
	[[ "$output" == *"k2"*"ALIVE"*"cannot tell a revoked value from a wrong one"* ]]
	[[ "$output" != *"DEAD ("* ]]
	run "$curfew" -q resume --wait 2s
	echo "$output"
	[ "$status" -eq 4 ]
	[[ "$output" != *"DEAD ("* ]]
}

# A service that knows one value, has nothing to say without it, and can be told
# to refuse everybody (out), to end nothing (deaf) or to answer nobody (down).
gate() {
	provider gate <<'EOF'
#!/bin/sh
d=${0%/*}
say() { echo "{\"id\":$id,$1}"; }
dead='"status":"ok","life":"dead","proof":"refusal","evidence":"401"'
while read -r line; do
	id=${line#*\"id\":}
	id=${id%%[!0-9]*}
	case $line in
	*'"verb":"hello"'*)
		say '"status":"ok","protocol":1,"version":"1","verbs":["list","probe","revoke"],"secret":"none","options":[{"name":"at","help":"/path"}],"facts":{"key":{}}'
		d=${line#*\"at\":\"}
		d=${d%%\"*}
		continue ;;
	*)
		if [ -e "$d/down" ]; then
			say '"status":"retry","error":"cannot connect"'
			continue
		fi ;;
	esac
	case $line in
	*'"verb":"probe"'*'"secret":"right"'*)
		if [ -e "$d/out" ] || [ -e "$d/gone" ]; then say "$dead"
		else say '"status":"ok","life":"alive"'; fi
		continue ;;
	*'"verb":"probe"'*'"secret":'*) say "$dead"; continue ;;
	*'"verb":"probe"'*) say '"status":"ok","life":"unknown"'; continue ;;
	esac
	if [ -e "$d/out" ]; then
		say '"status":"refused","error":"401"'
		continue
	fi
	case $line in
	*'"verb":"list"'*)
		say '"item":{"what":"account","account":"bot","state":"active"}'
		[ -e "$d/gone" ] || say '"item":{"what":"credential","account":"bot","kind":"key","id":"k","state":"active"}'
		say '"status":"ok","complete":true' ;;
	*'"verb":"revoke"'*)
		[ -e "$d/deaf" ] || : >"$d/gone"
		say '"status":"ok"' ;;
	*) say '"status":"unsupported"' ;;
	esac
done
EOF
	at=$BATS_TEST_TMPDIR/gate
	mkdir "$at"
	"$curfew" -q connect gate gate --set "at=$at" </dev/null
	"$curfew" -q sync
}

@test "learn tries the value, and only one that worked proves a death" {
	gate
	run "$curfew" learn "gate/bot#k" --secret-stdin <<<"right"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"the service takes it"* ]]
	run "$curfew" -q kill "gate/bot#k" --wait 20s
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"DEAD (proved)"* ]]
}

@test "learn: a value that the service refuses is sealed, with a warning" {
	gate
	run "$curfew" learn "gate/bot#k" --secret-stdin <<<"mistyped"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"the service refuses this value (401)"*"is it the right one?"* ]]
	run "$curfew" -q kill "gate/bot#k" --wait 6s
	echo "$output"
	[ "$status" -eq 4 ]
	run "$curfew" -q resume --wait 2s
	echo "$output"
	[ "$status" -eq 4 ]
	[[ "$output" == *"never seen to work"* ]]
	# nor was the right one, now that it is gone
	"$curfew" -q learn "gate/bot#k" --secret-stdin <<<"right"
	run "$curfew" -q resume --wait 2s
	echo "$output"
	[ "$status" -eq 4 ]
}

@test "a value given with the kill is tried before the cut" {
	gate
	run "$curfew" -q kill "gate/bot#k" --secret-stdin --wait 20s <<<"right"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"DEAD (proved)"* ]]
}

@test "a wrong value and a service that ends nothing: ALIVE" {
	gate
	: >"$at/deaf"
	run "$curfew" -q kill "gate/bot#k" --secret-stdin --wait 6s <<<"wrong"
	echo "$output"
	[ "$status" -eq 4 ]
	[[ "$output" != *"DEAD ("* ]]
}

@test "a service that refuses everybody proves nothing; resume finishes it" {
	gate
	"$curfew" -q learn "gate/bot#k" --secret-stdin <<<"right"
	: >"$at/out"
	run "$curfew" -q kill "gate/bot#k" --wait 6s
	echo "$output"
	[ "$status" -eq 4 ]
	[[ "$output" == *ALIVE*"so is curfew's own access"* ]]
	[[ "$output" != *"DEAD ("* ]]
	rm "$at/out"
	run "$curfew" -q resume --wait 30s
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"DEAD (proved)"* ]]
}

@test "a service that is down: what was not begun says why" {
	gate
	: >"$at/down"
	CURFEW_TEST_SNAPSHOT_MS=60000 CURFEW_TEST_BACKOFF_MS=300000 run "$curfew" -q kill "gate/bot#k" --wait 2s
	echo "$output"
	[ "$status" -eq 4 ]
	[[ "$output" == *"ALIVE (not begun: its service does not answer)"* ]]
}

# The waits of an outage grow to minutes: who types resume does not sit them out.
@test "a service that was down: resume tries at once what waited for it" {
	gate
	"$curfew" -q learn "gate/bot#k" --secret-stdin <<<"right"
	: >"$at/down"
	# waits as long as after many hours of it
	CURFEW_TEST_SNAPSHOT_MS=0 CURFEW_TEST_BACKOFF_MS=300000 run "$curfew" -q kill "gate/bot#k" --wait 3s
	echo "$output"
	[ "$status" -eq 4 ]
	[[ "$output" != *"DEAD ("* ]]
	rm "$at/down"
	CURFEW_TEST_SNAPSHOT_MS=0 CURFEW_TEST_BACKOFF_MS=300 run "$curfew" -q resume --wait 30s
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"DEAD (proved)"* ]]
}

@test "JSON says which sessions were not cut, as the text does" {
	gate
	"$curfew" -q learn "gate/bot#k" --secret-stdin <<<"right"
	run "$curfew" -q kill "gate/bot#k" --wait 20s
	[[ "$output" == *"sessions already open through gate/bot#k were not cut"* ]]
	name=$("$curfew" -q incident list | grep -o 'INC-[0-9-]*')
	"$curfew" --json incident show "$name" |
		jq -e '.sessions_not_cut[0].address == "gate/bot#k"'
}

# Revoking and disabling are refused, a record says dead, the list says active.
denier() {
	provider denier <<'EOF'
#!/bin/sh
while read -r line; do
	id=${line#*\"id\":}
	id=${id%%[!0-9]*}
	case $line in
	*'"verb":"hello"'*)
		echo '{"id":1,"status":"ok","protocol":1,"version":"1","verbs":["list","probe","revoke","disable"],"secret":"none","options":[],"facts":{"key":{}}}' ;;
	*'"verb":"list"'*)
		echo "{\"id\":$id,\"item\":{\"what\":\"account\",\"account\":\"bot\",\"state\":\"active\"}}"
		echo "{\"id\":$id,\"item\":{\"what\":\"credential\",\"account\":\"bot\",\"kind\":\"key\",\"id\":\"k1\",\"state\":\"active\"}}"
		echo "{\"id\":$id,\"status\":\"ok\",\"complete\":true}" ;;
	*'"verb":"probe"'*)
		echo "{\"id\":$id,\"status\":\"ok\",\"life\":\"dead\",\"proof\":\"record\",\"evidence\":\"a record\"}" ;;
	*'"verb":"revoke"'* | *'"verb":"disable"'*)
		echo "{\"id\":$id,\"status\":\"refused\",\"message\":\"not allowed\"}" ;;
	*) echo "{\"id\":$id,\"status\":\"unsupported\"}" ;;
	esac
done
EOF
	"$curfew" -q connect denier denier </dev/null
	"$curfew" -q sync
}

@test "nothing is DEAD above a listing that shows it active" {
	denier
	run "$curfew" -q kill denier/bot --wait 4s
	echo "$output"
	[ "$status" -ne 0 ]
	[[ "$output" == *"active"* ]]
	[[ "$output" != *"DEAD ("* ]]
}
