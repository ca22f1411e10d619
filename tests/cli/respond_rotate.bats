#!/usr/bin/env bats
# A leaked value of ours and a policy that says "rotate": a fresh one takes its
# place, and the leaked one is proved dead.

load scan

setup() {
	build=${CURFEW_BUILD:-$PWD/build/test}
	scan=$build/curfew-scan
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/curfew-rotate-XXXXXX")
	export CURFEW_TEST_GAP_MS=12 CURFEW_TEST_BACKOFF_MS=12
	export HOME=$BATS_FILE_TMPDIR
	scan_cache "$BATS_FILE_TMPDIR/cache"
	git_alone Ann
	"$build/matrix" --seed-rotation "$DIR" "latency=1 class=A fixed=0"
	sed -i 's/"300ms"/"10s"/' "$DIR/curfew.toml" # a busy disk
	cd "$DIR" || exit 1
	mkdir spool
	{ # top-level tables: behind what the seed wrote
		printf '[spool]\nfolder = "%s/spool"\n' "$DIR"
		printf '[response.keys]\nconnection = "c1"\naction = "rotate"\n'
	} >>curfew.toml
	curfew hook publish known.set >published
	git init -q --bare server
	git -C server config curfew.maxTime 1h # the machine may be slow
	# too simple a value to be published: a rule finds it
	printf '[[rules]]\nid = "planted"\nregex = "planted-value-[a-z0-9-]+"\nconfidence = "high"\n' >rules.toml
	git -C server config curfew.config "$DIR/rules.toml"
	"$scan" hook install --spool spool --spool-key \
		"$(grep -o 'spool-key [0-9a-f]*' published | cut -d' ' -f2)" server >/dev/null
	git init -q -b main work
	git -C work remote add origin ../server
}

teardown() {
	rm -rf "$DIR"
}

curfew() {
	"$build/curfew" --dir "$DIR/vault" --key-file "$DIR/key" \
		--config "$DIR/curfew.toml" --no-input "$@"
}

has() { [[ $output == *"$1"* ]] || { echo "$output"; echo "lacks: $1"; false; }; }
value() { grep -a $'^K\t'"$1"$'\tkey\t'"$2"$'\t' "$DIR/c1.world" | tail -1 | cut -f5; }
ended() { [ "$(grep -a $'^K\t'"$1"$'\tkey\t'"$2"$'\t' "$DIR/c1.world" | tail -1 | cut -f8)" != 0 ]; }
delivered() { grep -a $'^D\tapp\t' "$DIR/sink.world" | tail -1 | cut -f4; }

leak() { # KEY FILE: of a key of c1/bot
	echo "x = $(value bot "$1")" >"work/$2"
	git -C work add "$2"
	git -C work commit -qm leak
	run git -C work push origin main
	[ "$status" -ne 0 ]
	has planted
}

@test "a leaked key is rotated as the policy says, once" {
	leak k1 f
	run curfew respond --dry-run
	has "would rotate: "
	! ended bot k1
	run curfew respond
	echo "$output"
	has "c1/bot#set-1"
	for _ in {1..40}; do # however slow the machine is
		! ended bot k1 || break
		run curfew rotate --resume --wait 500ms
	done
	ended bot k1
	[ "$(delivered)" = "$(value bot set-1)" ]
	run curfew audit log
	has "rotate, as [response.keys]"
	run curfew respond
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	# one that is dead by then is not rotated again
	leak k1 g
	run curfew respond
	[ "$status" -eq 0 ]
	run curfew list credentials
	[[ $output != *set-2* ]]
}

@test "a key that no rotation is set up for stays due, and that is said" {
	sed -i '/^\[rotation/,/^$/d' curfew.toml
	leak k1 f
	run curfew respond
	echo "$output"
	[ "$status" -ne 0 ]
	! ended bot k1
	run curfew respond
	[ "$status" -ne 0 ]
}
