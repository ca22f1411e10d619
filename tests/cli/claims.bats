#!/usr/bin/env bats
# What curfew.toml names and what is there: labels, patterns, bad entries.

setup() {
	load agent
	agent_setup
	world=$BATS_TEST_TMPDIR/world
	asked=$BATS_TEST_TMPDIR/world.asked/log
	mkdir -p "$world" "${asked%/*}"
	: >"$asked"
	# One file a key: ACCOUNT@ID@LABEL.  Revoked: the file is gone.
	provider box <<PROV
#!/bin/sh
field() { v=\${line#*\\"\$1\\":\\"}; [ "\$v" = "\$line" ] && v= || v=\${v%%\\"*}; }
while read -r line; do
	id=\${line#*\\"id\\":}; id=\${id%%[!0-9]*}
	body=\${line#*\\"verb\\":}
	field account; account=\$v
	field credential; key=\$v
	case \$body in
	'"hello"'*)
		echo '{"id":1,"status":"ok","protocol":1,"version":"1","verbs":["list","probe","revoke","disable"],"secret":"none","options":[{"name":"world","help":"/path"},{"name":"log","help":"/path"}],"facts":{"key":{}}}' ;;
	'"list"'*)
		for a in deploy other; do
			[ -n "\$account" ] && [ "\$account" != \$a ] && continue
			echo "{\\"id\\":\$id,\\"item\\":{\\"what\\":\\"account\\",\\"account\\":\\"\$a\\",\\"state\\":\\"active\\"}}"
		done
		for f in '$world'/*; do
			[ -e "\$f" ] || continue
			n=\${f##*/}; a=\${n%%@*}; n=\${n#*@}
			[ -n "\$account" ] && [ "\$account" != \$a ] && continue
			echo "{\\"id\\":\$id,\\"item\\":{\\"what\\":\\"credential\\",\\"account\\":\\"\$a\\",\\"kind\\":\\"key\\",\\"id\\":\\"\${n%%@*}\\",\\"fingerprint\\":\\"\${n%%@*}\\",\\"label\\":\\"\${n#*@}\\",\\"state\\":\\"active\\"}}"
		done
		echo "{\\"id\\":\$id,\\"status\\":\\"ok\\",\\"complete\\":true}" ;;
	'"probe"'*)
		life=dead
		for f in '$world'/"\$account@\$key@"*; do [ -e "\$f" ] && life=alive; done
		echo "{\\"id\\":\$id,\\"status\\":\\"ok\\",\\"life\\":\\"\$life\\",\\"proof\\":\\"refusal\\",\\"evidence\\":\\"file\\"}" ;;
	'"revoke"'*)
		echo "revoke \$account \$key" >>'$asked'
		rm -f '$world'/"\$account@\$key@"*
		echo "{\\"id\\":\$id,\\"status\\":\\"ok\\"}" ;;
	'"disable"'*)
		case \$account in
		deploy | other) echo "{\\"id\\":\$id,\\"status\\":\\"unsupported\\"}" ;;
		*) echo "{\\"id\\":\$id,\\"status\\":\\"absent\\"}" ;;
		esac ;;
	*) echo "{\\"id\\":\$id,\\"status\\":\\"unsupported\\"}" ;;
	esac
done
PROV
	: >"$world/deploy@SHA256:aaaaaaaaaaaa@ci-bot"
	: >"$world/deploy@SHA256:bbbbbbbbbbbb@ann"
	: >"$world/other@SHA256:cccccccccccc@old ci-bot key"
	"$curfew" -q connect box web1 --set "world=$world" --set "log=${asked%/*}" </dev/null
	"$curfew" -q sync
}

accounts() {
	printf '[identity.ci-bot]\nowner = "ops"\naccounts = [%s]\n' "$1" \
		>"$CURFEW_DIR/curfew.toml"
	chmod 600 "$CURFEW_DIR/curfew.toml"
}

@test "a pattern after # means the label, in list, show and kill" {
	accounts '"web1/*#*ci-bot*"'
	run "$curfew" list --identity ci-bot
	says "SHA256:aaaaaaaaaaaa"
	says "SHA256:cccccccccccc"
	says_not "SHA256:bbbbbbbbbbbb"
	run "$curfew" show ci-bot
	says "SHA256:aaaaaaaaaaaa"
	says_not "SHA256:bbbbbbbbbbbb"
	run "$curfew" -q kill ci-bot
	echo "$output"
	[ "$status" -eq 0 ]
	[ ! -e "$world/deploy@SHA256:aaaaaaaaaaaa@ci-bot" ]
	[ ! -e "$world/other@SHA256:cccccccccccc@old ci-bot key" ]
	[ -e "$world/deploy@SHA256:bbbbbbbbbbbb@ann" ]
}

@test "an exact label in curfew.toml and on the command line" {
	accounts '"web1/deploy#ci-bot"'
	run "$curfew" list --identity ci-bot
	says "SHA256:aaaaaaaaaaaa"
	says_not "SHA256:cccccccccccc"
	run "$curfew" -q kill web1/deploy#ann
	[ "$status" -eq 0 ]
	[ "$(cat "$asked")" = "revoke deploy SHA256:bbbbbbbbbbbb" ]
	run "$curfew" -q kill ci-bot
	[ "$status" -eq 0 ]
	[ ! -e "$world/deploy@SHA256:aaaaaaaaaaaa@ci-bot" ]
}

@test "what matches nothing is told by sync and list, and is not dead" {
	accounts '"web1/deploy#*ci-bot*", "web1/deploy#*ci-robot*"'
	run "$curfew" sync
	[ "$status" -eq 0 ]
	says "identity ci-bot: 'web1/deploy#*ci-robot*' matches nothing"
	says_not "'web1/deploy#*ci-bot*'"
	run "$curfew" list identities
	says "'web1/deploy#*ci-robot*' matches nothing"
	run "$curfew" kill ci-bot --dry-run
	says "NOT FOUND: no credential matches"
	run "$curfew" -q kill ci-bot
	echo "$output"
	[ "$status" -eq 4 ]
	says "web1/deploy#*ci-robot*"
	says "NOT FOUND (no credential matches)"
	says_not "all proved dead"
	[ ! -e "$world/deploy@SHA256:aaaaaaaaaaaa@ci-bot" ]
	run "$curfew" -q resume
	[ "$status" -eq 0 ] # nothing is open: the rest is proved
}

@test "an identity of which nothing is there is not killed in silence" {
	accounts '"web1/deploy#*ci-robot*"'
	run "$curfew" -q kill ci-bot
	echo "$output"
	[ "$status" -eq 2 ]
	says "web1/deploy#*ci-robot*"
	says "no credential matches"
}

@test "one bad entry does not disarm the kill" {
	accounts '"nocon/x", "web1/deploy#ci-bot"'
	run "$curfew" -q kill ci-bot
	echo "$output"
	[ "$status" -eq 4 ]
	says "nocon/x"
	says "NOT FOUND (no such connection)"
	[ ! -e "$world/deploy@SHA256:aaaaaaaaaaaa@ci-bot" ]
	run "$curfew" incident list
	says_not "open"
}

@test "an account that the service does not know is not found" {
	accounts '"web1/nosuch", "web1/deploy#ci-bot"'
	run "$curfew" -q kill ci-bot --wait 10s
	echo "$output"
	[ "$status" -eq 4 ]
	says "web1/nosuch"
	says "NOT FOUND (the service shows no such account)"
	says_not DYING
	[ ! -e "$world/deploy@SHA256:aaaaaaaaaaaa@ci-bot" ]
	accounts '"web1/deploy#ci-bot"'
	run "$curfew" -q resume
	[ "$status" -eq 0 ]
}

@test "the same key in another account is told, and --json says it too" {
	: >"$world/other@SHA256:aaaaaaaaaaaa@dep"
	"$curfew" -q sync
	run "$curfew" -q kill web1/deploy#ci-bot --dry-run
	[ "$status" -eq 0 ]
	says "the same credential (SHA256:aaaaaaaaaaaa) also opens web1/other: curfew kill SHA256:aaaaaaaaaaaa"
	"$curfew" -q kill web1/deploy#ci-bot --dry-run --json >"$BATS_TEST_TMPDIR/plan"
	python3 - "$BATS_TEST_TMPDIR/plan" <<-'PY'
		import json, sys
		o = json.load(open(sys.argv[1]))
		assert o["version"] == 1 and o["dry_run"] is True
		assert o["targets"][0]["calls"]
		assert o["also_opens"][0]["address"].startswith("web1/other#")
	PY
	[ ! -s "$asked" ] # nothing was sent
	run "$curfew" -q kill web1/deploy#ci-bot
	[ "$status" -eq 0 ]
	says "also opens web1/other: curfew kill SHA256:aaaaaaaaaaaa"
	[ -e "$world/other@SHA256:aaaaaaaaaaaa@dep" ]
	run "$curfew" -q kill SHA256:aaaaaaaaaaaa
	[ "$status" -eq 0 ]
	says_not "also opens"
	[ ! -e "$world/other@SHA256:aaaaaaaaaaaa@dep" ]
}

@test "resume --json with nothing open is an object" {
	run "$curfew" -q resume --json
	[ "$status" -eq 0 ]
	python3 -c 'import json, sys; assert json.loads(sys.argv[1])["incident"] is None' "$output"
}

@test "a kill waits for a short holder of the lock, others do not" {
	# held until it is let go; at the end by itself
	exec {held}<"$CURFEW_DIR/vault.lock"
	flock "$held"
	run "$curfew" -q sync
	[ "$status" -eq 75 ]
	says "run this again"
	"$curfew" kill web1/deploy#ci-bot >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- {held}<&- &
	for _ in $(seq 600); do
		grep -q "waiting for it" "$BATS_TEST_TMPDIR/out" && break
		sleep 0.05
	done
	exec {held}<&-
	status=0
	wait $! || status=$?
	cat "$BATS_TEST_TMPDIR/out"
	grep -q "waiting for it" "$BATS_TEST_TMPDIR/out"
	[ "$status" -eq 0 ]
	[ ! -e "$world/deploy@SHA256:aaaaaaaaaaaa@ci-bot" ]
}

@test "resume takes the newest first and all share one patience" {
	chmod 555 "$world"
	provider stuck <<'EOF2'
#!/bin/sh
while read -r line; do
	id=${line#*\"id\":}; id=${id%%[!0-9]*}
	case $line in
	*'"verb":"hello"'*)
		echo '{"id":1,"status":"ok","protocol":1,"version":"1","verbs":["list","probe","revoke"],"secret":"none","options":[],"facts":{"key":{}}}' ;;
	*'"verb":"list"'*)
		for a in one two three; do
			echo "{\"id\":$id,\"item\":{\"what\":\"credential\",\"account\":\"$a\",\"kind\":\"key\",\"id\":\"k\",\"state\":\"active\"}}"
		done
		echo "{\"id\":$id,\"status\":\"ok\",\"complete\":true}" ;;
	*) echo "{\"id\":$id,\"status\":\"retry\",\"after_ms\":1000}" ;;
	esac
done
EOF2
	"$curfew" -q connect stuck s1 </dev/null
	"$curfew" -q sync s1
	for a in one two three; do
		run "$curfew" -q kill "s1/$a#k" --wait 0s
		[ "$status" -eq 4 ]
	done
	start=$SECONDS
	run "$curfew" resume --wait 12s
	echo "$output"
	[ "$status" -eq 4 ]
	[ $((SECONDS - start)) -lt 32 ] # three times 12 s it was
	says "1 of 3 open incidents"
	[[ $output == *"-3: 1 of 3"* ]]
}
