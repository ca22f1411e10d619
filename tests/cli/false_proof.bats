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

@test "a service that says nothing without the value is asked with it" {
	run "$curfew" -q kill "liar/bot#k2" --secret-stdin <<<"not-it"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"k2"*"DEAD (proved)"* ]]
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
