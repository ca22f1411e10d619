#!/usr/bin/env bats
# connect, sync, list, show, disconnect against providers written on the spot.

load agent.bash

setup() {
	agent_setup
}

key() { # ACCOUNT ID [more members]
	echo "{\"what\":\"credential\",\"account\":\"$1\",\"kind\":\"key\",\"id\":\"$2\",\"state\":\"active\"${3:+,$3}}"
}

account() { # NAME
	echo "{\"what\":\"account\",\"account\":\"$1\",\"state\":\"active\"}"
}

@test "connect tries before it stores: a refused credential leaves nothing" {
	provider no <<'EOF'
#!/bin/sh
while read -r line; do
	case $line in
	*connection*) echo '{"id":1,"status":"refused","error":"wrong password"}' ;;
	*) echo '{"id":1,"status":"ok","protocol":1,"verbs":["list"],"secret":"required"}' ;;
	esac
done
EOF
	run "$curfew" connect no x --secret-stdin <<<"hunter2hunter2"
	[ "$status" -eq 7 ]
	says "wrong password"
	says "nothing was stored"
	says_not hunter2
	run "$curfew" -q list connections --json
	[ "$output" = '{"version":1,"connections":[]}' ]
}

@test "connect: the listing must begin" {
	provider mute <<'EOF'
#!/bin/sh
while read -r line; do
	id=${line#*\"id\":}; id=${id%%[!0-9]*}
	case $line in
	*hello*) echo '{"id":1,"status":"ok","protocol":1,"verbs":["list"],"secret":"none"}' ;;
	*) echo "{\"id\":$id,\"status\":\"refused\",\"error\":\"no right to list\"}" ;;
	esac
done
EOF
	run "$curfew" connect mute x
	[ "$status" -eq 7 ]
	says "no right to list"
}

@test "connect: settings are checked against the provider's list" {
	listing a </dev/null
	run "$curfew" connect a x --set itms=/tmp
	[ "$status" -eq 2 ]
	says "did you mean 'items'"
	run "$curfew" connect a x --set "items=$items" --set items=/x
	[ "$status" -eq 2 ]
	run "$curfew" connect a 'bad name'
	[ "$status" -eq 2 ]
	run "$curfew" connect --help a
	[ "$status" -eq 0 ]
	says "items"
}

@test "connect: an existing name needs --replace, which keeps the inventory" {
	key bot K1 | connected a
	run "$curfew" sync -q
	[ "$status" -eq 0 ]
	run "$curfew" connect a a --set "items=$items"
	[ "$status" -eq 1 ]
	says "--replace"
	run "$curfew" connect a a --replace
	[ "$status" -eq 0 ]
	run "$curfew" list
	says "a/bot#K1"
}

@test "a credential is written to no argument, log or file in the clear" {
	provider tell <<'EOF'
#!/bin/sh
while read -r line; do
	id=${line#*\"id\":}; id=${id%%[!0-9]*}
	case $line in *secret*) echo "got $line" >&2 ;; esac
	case $line in
	*hello*) echo '{"id":1,"status":"ok","protocol":1,"verbs":["list"],"secret":"required"}' ;;
	*) echo "{\"id\":$id,\"status\":\"ok\",\"complete\":true}" ;;
	esac
done
EOF
	printf 'S3cret-value-xyzzy\n' >"$BATS_TEST_TMPDIR/s"
	chmod 600 "$BATS_TEST_TMPDIR/s"
	run "$curfew" -vv connect tell t --secret-file "$BATS_TEST_TMPDIR/s"
	[ "$status" -eq 0 ]
	says "[secret]"
	says_not xyzzy
	run grep -rc xyzzy "$CURFEW_DIR"
	says_not ":1"
}

@test "sync: new, changed, missing are counted; unchanged is not written" {
	{ account bot; key bot K1; key bot K2; } | connected a
	run "$curfew" sync --json
	[ "$status" -eq 0 ]
	says '"new":3,"changed":0,"missing":0'
	run "$curfew" sync --json
	says '"new":0,"changed":0,"missing":0'
	{ account bot; key bot K1 '"last_used":"2026-01-01T00:00:00Z"'; key bot K3; } >"$items"
	run "$curfew" sync --json
	says '"new":1,"changed":1,"missing":1'
	says '"added":["a/bot#K3"]'
	run "$curfew" list --new
	says K3
	says_not K1
	run "$curfew" list --state missing
	says K2
	says_not K1
	# it comes back: not new, not missing
	{ account bot; key bot K1; key bot K2; key bot K3; } >"$items"
	run "$curfew" sync --json
	says '"new":0,"changed":1,"missing":0'
	run "$curfew" list --state missing
	says_not K2
}

@test "sync: an incomplete listing makes nothing missing" {
	{ key bot K1; key bot K2; } | connected a
	run "$curfew" sync -q
	{ key bot K1; echo incomplete; } >"$items"
	run "$curfew" sync --json
	[ "$status" -eq 0 ]
	says '"result":"incomplete"'
	says '"missing":0'
	run "$curfew" list --state missing
	says "nothing matches"
}

@test "sync: one failing connection does not touch the others or its own past" {
	key bot K1 | connected a
	key bot L1 | connected b
	run "$curfew" sync -q
	[ "$status" -eq 0 ]
	key bot K2 >"$BATS_TEST_TMPDIR/items-a"
	provider b <<'EOF'
#!/bin/sh
echo boom >&2
exit 3
EOF
	run "$curfew" sync
	[ "$status" -eq 7 ]
	says "cannot sync 'b'"
	says "boom"
	run "$curfew" list
	says "a/bot#K2"
	says "b/bot#L1"
	run "$curfew" list connections
	says boom
}

@test "sync: garbage in the middle of a listing is that connection's failure" {
	{ key bot K1; echo '{"what":"credential","account":7}'; } | connected a || true
	run "$curfew" sync
	[ "$status" -eq 7 ]
	says "'account' is not a string"
}

@test "sync of an unknown connection names the near one" {
	key bot K1 | connected alpha
	run "$curfew" sync alhpa
	[ "$status" -eq 1 ]
	says "did you mean 'alpha'"
}

@test "list: identities, owners, tags, filters" {
	{ key ci_bot K1 '"created":"2020-01-01T00:00:00Z"'; key other K2 '"expires":"2099-01-01T00:00:00Z"'; } | connected a
	run "$curfew" sync -q
	cat >"$CURFEW_DIR/curfew.toml" <<EOF
[identity.ci-bot]
owner = "ann"
tags = ["prod"]
accounts = ["a/ci_*"]
EOF
	run "$curfew" list --identity ci-bot
	says K1
	says_not K2
	run "$curfew" list --tag prod --owner ann --stale
	says K1
	run "$curfew" list --ownerless
	says K2
	says_not K1
	run "$curfew" list --never-expires
	says K1
	says_not K2
	run "$curfew" -q list --glob 'a/oth*' --csv
	[ "${#lines[@]}" -eq 2 ]
	says "a/other#K2,a,other,key,K2,active"
	run "$curfew" list identities
	says "ci-bot"
	says "ann"
	run "$curfew" list --identity ci-bto
	[ "$status" -eq 1 ]
	says "did you mean 'ci-bot'"
	run "$curfew" list --state alive
	[ "$status" -eq 2 ]
	run "$curfew" list credentails
	[ "$status" -eq 2 ]
	says "did you mean 'credentials'"
	run "$curfew" list --sort nothing
	[ "$status" -eq 2 ]
}

@test "list: a hostile name cannot steer the terminal" {
	printf '%s\n' '{"what":"credential","account":"e\u001b[31mvil","kind":"key","id":"K\u202e1","state":"active"}' | connected a
	run "$curfew" sync
	run "$curfew" list
	says '\x1b[31mvil'
	says_not $'\e'
	says_not $'\u202e'
}

@test "list suggestions: the same name at two connections, as a piece of curfew.toml" {
	key ci_bot K1 | connected a
	key CI-Bot L1 | connected b
	run "$curfew" sync -q
	run "$curfew" -q list suggestions
	says '"a/ci_bot", "b/CI-Bot"'
	echo "$output" >"$CURFEW_DIR/curfew.toml"
	run "$curfew" list identities --json
	[ "$status" -eq 0 ]
	says '"accounts_seen":2'
	run "$curfew" -q list suggestions
	says "no unclaimed"
}

@test "show: an identity over connections, one credential, near names" {
	{ account ci_bot; key ci_bot K1 '"attributes":{"region":"eu"}'; } | connected a
	run "$curfew" sync -q
	cat >"$CURFEW_DIR/curfew.toml" <<EOF
[identity.ci-bot]
owner = "ann"
accounts = ["a/ci_bot", "b/gone"]
EOF
	run "$curfew" show ci-bot
	[ "$status" -eq 0 ]
	says "a/ci_bot#K1"
	says "seen by no sync"
	says "disables it (can be undone), revokes it"
	says "region"
	run "$curfew" show 'a/ci_bot#K1' --json
	[ "$status" -eq 0 ]
	says '"owner": "ann"'
	run "$curfew" show a/ci_bt
	[ "$status" -eq 1 ]
	says "did you mean 'a/ci_bot'"
	run "$curfew" show a
	says "1 accounts, 1 credentials"
}

@test "disconnect asks for the name and forgets" {
	key bot K1 | connected a
	run "$curfew" sync -q
	run "$curfew" disconnect a --no-input
	[ "$status" -eq 9 ]
	says "nothing was done"
	run "$curfew" list
	says K1
	run "$curfew" disconnect a --yes
	[ "$status" -eq 0 ]
	run "$curfew" -q list connections --json
	[ "$output" = '{"version":1,"connections":[]}' ]
	run "$curfew" audit verify
	[ "$status" -eq 0 ]
}

# A provider whose revoke empties its list and whose probe knows the list.
mortal() {
	items=$BATS_TEST_TMPDIR/mortal/items
	mkdir -p "${items%/*}"
	cat >"$items"
	provider mortal <<EOF
#!/bin/sh
while read -r line; do
	id=\${line#*\\"id\\":}; id=\${id%%[!0-9]*}
	case \$line in
	*'"verb":"hello"'*)
		echo '{"id":1,"status":"ok","protocol":1,"verbs":["list","probe","revoke"],"secret":"none","options":[{"name":"folder","help":"/path"}],"facts":{"key":{"secret_from":"provider","max":1}}}' ;;
	*'"verb":"list"'*)
		while read -r item; do echo "{\\"id\\":\$id,\\"item\\":\$item}"; done <'$items'
		echo "{\\"id\\":\$id,\\"status\\":\\"ok\\",\\"complete\\":true}" ;;
	*'"verb":"revoke"'*)
		grep -v '"K1"' '$items' >'$items.new'; mv '$items.new' '$items'
		echo "{\\"id\\":\$id,\\"status\\":\\"ok\\"}" ;;
	*'"verb":"probe"'*)
		if grep -q '"K1"' '$items'; then life='"alive"'; else life='"dead","proof":"record"'; fi
		echo "{\\"id\\":\$id,\\"status\\":\\"ok\\",\\"life\\":\$life,\\"evidence\\":\\"the list\\"}" ;;
	*) echo "{\\"id\\":\$id,\\"status\\":\\"unsupported\\"}" ;;
	esac
done
EOF
	"$curfew" connect mortal m --set "folder=${items%/*}" >/dev/null
}

@test "proved dead stays dead; listed alive again is an alarm, exit 1" {
	{ account bot; key bot K1; account other; key other K2; } | mortal
	items=$BATS_TEST_TMPDIR/mortal/items
	run "$curfew" sync -q
	[ "$status" -eq 0 ]
	run "$curfew" kill 'm/bot#K1' --yes --wait 30s
	echo "$output"
	[ "$status" -eq 0 ]
	run "$curfew" sync
	[ "$status" -eq 0 ]
	run "$curfew" list --state dead --json
	says 'm/bot#K1'
	# listed, but not active: still dead
	sed 's/active/disabled/' <<<"$(key bot K1)" >>"$items"
	run "$curfew" sync
	[ "$status" -eq 0 ]
	run "$curfew" list --state dead --json
	says 'm/bot#K1'
	# somebody brought it back
	sed -i 's/disabled/active/' "$items"
	run "$curfew" sync
	[ "$status" -eq 1 ]
	says "ALIVE AGAIN: 'm/bot#K1'"
	run "$curfew" list
	says "ALIVE-AGAIN"
	run "$curfew" show 'm/bot#K1'
	says "incident INC-"
	says "revoke"
}
