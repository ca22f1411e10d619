# shellcheck shell=bash
# Talking the line protocol to a provider program by hand.
#
#   provider_start PROGRAM
#   ask VERB [NAME VALUE]...     the answer is in $ANSWER, list items (one a
#                                line) in $ITEMS
#   got FILTER                   a jq expression on $ANSWER, as raw text
#   provider_stop

provider_start() {
	PROVIDER_LOG=$(mktemp "$BATS_TEST_TMPDIR/provider.XXXXXX")
	local dir
	dir=$(mktemp -d "$BATS_TEST_TMPDIR/pipes.XXXXXX")
	mkfifo "$dir/in" "$dir/out"
	(shut_pipes && exec "$@") <"$dir/in" >"$dir/out" 2>"$PROVIDER_LOG" &
	PROVIDER_PID=$!
	exec {PROVIDER_IN}>"$dir/in" {PROVIDER_OUT}<"$dir/out"
	REQUEST=0
}

# At the start of a subshell that lives on: hold neither the provider's pipes
# (it would never see its end) nor a session's, nor bats' own descriptors.
shut_pipes() {
	[ -z "${PROVIDER_PID:-}" ] || exec {PROVIDER_IN}>&- {PROVIDER_OUT}<&-
	[ -z "${SESSION_FD:-}" ] || exec {SESSION_FD}>&-
	exec 3>&- 4>&-
}

provider_stop() {
	[ -n "${PROVIDER_PID:-}" ] || return 0
	local i
	exec {PROVIDER_IN}>&- {PROVIDER_OUT}<&-
	# it ends with its input; if not, that is told and it is stopped
	for ((i = 0; i < 250; i++)); do
		kill -0 "$PROVIDER_PID" 2>/dev/null || break
		sleep 0.02
	done
	if kill -KILL "$PROVIDER_PID" 2>/dev/null; then
		echo "the provider did not end with its input" >&2
	fi
	wait "$PROVIDER_PID" 2>/dev/null || true
	PROVIDER_PID=
}

# say JSON: send one request with the next id
say() {
	REQUEST=$((REQUEST + 1))
	printf '{"id":%d,%s\n' "$REQUEST" "${1#\{}" >&"$PROVIDER_IN"
}

# hear ID: read until the closing answer of that request
hear() {
	local line
	ITEMS=
	while IFS= read -r -t 60 -u "$PROVIDER_OUT" line; do
		case $line in
		"{\"id\":$1,\"item\":"*)
			ITEMS+=$(jq -c .item <<<"$line")$'\n'
			;;
		"{\"id\":$1,"*)
			ANSWER=$line
			return 0
			;;
		esac
	done
	echo "no answer to request $1" >&2
	cat "$PROVIDER_LOG" >&2
	return 1
}

ask_json() {
	say "$1" && hear "$REQUEST"
}

ask() {
	local verb=$1
	shift
	ask_json "$(jq -nc --arg verb "$verb" '$ARGS.positional as $a
		| reduce range(0; $a | length; 2) as $i
		({verb: $verb}; . + {($a[$i]): $a[$i + 1]})' --args "$@")"
}

got() {
	jq -rc "$1" <<<"$ANSWER"
}

# expect FILTER VALUE
expect() {
	local v
	v=$(got "$1")
	[ "$v" = "$2" ] && return 0
	printf '%s is "%s", not "%s", in: %s\n' "$1" "$v" "$2" "$ANSWER" >&2
	return 1
}

# item FILTER: of the listing's items, those that match, one a line
item() {
	jq -c "select($1)" <<<"$ITEMS"
}
