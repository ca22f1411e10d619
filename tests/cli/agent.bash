# shellcheck shell=bash
# For the bats files of the curfew program: a vault in a temporary folder and
# small providers written on the spot.

agent_setup() {
	curfew=$CURFEW_BUILD/curfew
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault
	export CURFEW_PROVIDER_PATH=$BATS_TEST_TMPDIR/providers
	unset NO_COLOR
	items=$BATS_TEST_TMPDIR/items-a # of the connection most tests have
	mkdir -p "$CURFEW_PROVIDER_PATH"
	chmod 755 "$BATS_TEST_TMPDIR" "$CURFEW_PROVIDER_PATH"
	"$curfew" init --generate-key-file "$BATS_TEST_TMPDIR/key" >/dev/null
}

# provider NAME: a program from standard input.
provider() {
	cat >"$CURFEW_PROVIDER_PATH/curfew-provider-$1"
	chmod 755 "$CURFEW_PROVIDER_PATH/curfew-provider-$1"
}

# listing NAME: a provider whose list is the items on standard input, one JSON
# object a line, kept in a file so that a test can change them; a last line
# "incomplete" leaves "complete" out.
listing() {
	items=$BATS_TEST_TMPDIR/items-$1
	cat >"$items"
	provider "$1" <<EOF
#!/bin/sh
id_of() { id=\${1#*\\"id\\":}; id=\${id%%[!0-9]*}; }
while read -r line; do
	id_of "\$line"
	case \$line in
	*'"verb":"hello"'*)
		echo '{"id":1,"status":"ok","protocol":1,"version":"1","verbs":["list","probe"],"secret":"none","options":[{"name":"items","help":"/path"}],"facts":{"key":{"disable":true,"revoke_lag_ms":60000}}}' ;;
	*'"verb":"list"'*)
		complete=true
		while read -r item; do
			if [ "\$item" = incomplete ]; then complete=false
			else echo "{\\"id\\":\$id,\\"item\\":\$item}"; fi
		done <'$items'
		echo "{\\"id\\":\$id,\\"status\\":\\"ok\\",\\"complete\\":\$complete}" ;;
	*) echo "{\\"id\\":\$id,\\"status\\":\\"unsupported\\"}" ;;
	esac
done
EOF
}

# connected NAME: that provider as a connection of the same name.
connected() {
	listing "$1"
	"$curfew" connect "$1" "$1" --set "items=$items" >/dev/null
}

says() {
	[[ $output == *"$1"* ]] || {
		echo "output does not say: $1"
		echo "$output"
		return 1
	}
}

says_not() {
	[[ $output != *"$1"* ]] || {
		echo "output says: $1"
		echo "$output"
		return 1
	}
}
