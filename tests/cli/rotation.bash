# shellcheck shell=bash disable=SC2034
# A vault, a fake service c1 and a fake sink in $DIR, with rotations to make.
# Times that are days outside are milliseconds here.

setup() {
	build=${CURFEW_BUILD:-$PWD/build/test}
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/curfew-rotate-XXXXXX")
	export CURFEW_TEST_GAP_MS=12 CURFEW_TEST_BACKOFF_MS=12
}

teardown() {
	rm -rf "$DIR"
}

curfew() {
	"$build/curfew" --dir "$DIR/vault" --key-file "$DIR/key" \
		--config "$DIR/curfew.toml" --no-input "$@"
}

# SERVICE [LINES OF THE POLICY], with patience for an answer (a busy disk holds
# the service up, and what is not heard is asked again) but where none comes
seed() {
	"$build/matrix" --seed-rotation "$DIR" "$1" "${2:-}"
	case $1 in
	*noreply* | *_at=*) sed -i 's/"300ms"/"2s"/' "$DIR/curfew.toml" ;;
	*) sed -i 's/"300ms"/"10s"/' "$DIR/curfew.toml" ;;
	esac
}

# Class B: the service makes the key; class A: curfew does; one key a place.
B="latency=1 class=B fixed=0"
A="latency=1 class=A fixed=0"
PLACE="latency=1 class=A fixed=1"

has() { [[ $output == *"$1"* ]] || { echo "$output"; echo "lacks: $1"; false; }; }

# How often the service was asked for a verb.
asked() { grep -ac $'^L\t[0-9]*\t'"$1"$'\t' "$DIR/${2:-c1}.world" || true; }

# The value that stands in a place, that the consumer reads, that a key has now.
at() { grep -a $'^D\t'"$1"$'\t' "$DIR/sink.world" | tail -1 | cut -f4; }
delivered() { at app; }
value() { grep -a $'^K\t'"$1"$'\tkey\t'"$2"$'\t' "$DIR/c1.world" | tail -1 | cut -f5; }
ended() { [ "$(grep -a $'^K\t'"$1"$'\tkey\t'"$2"$'\t' "$DIR/c1.world" | tail -1 | cut -f8)" != 0 ]; }
lives() { ! ended "$@"; }
