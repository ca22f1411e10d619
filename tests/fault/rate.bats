#!/usr/bin/env bats
# Many overdue rotations at once, at services that tell how much they bear: what
# each of them gets is counted from what it wrote down itself.

build=${CURFEW_BUILD:-build/test}

setup_file() {
	[ -x "$build/matrix" ] || skip "matrix is not built"
}

setup() {
	dir=$(mktemp -d "$BATS_TEST_TMPDIR/rate-XXXXXX")
	"$build/matrix" --many-rotations "$dir" 2000 2 5 due
	printf '[providers]\npath = "%s"\n' "$(realpath "$build")" \
		>> "$dir/curfew.toml"
}

sweep() {
	start=$(date +%s%3N)
	run "$build/curfew" --dir "$dir/vault" --key-file "$dir/key" \
		--config "$dir/curfew.toml" --no-input sweep --wait 3s
	echo "$output" | tail -3
}

# The calls a service got, and how many it may have got until its last one: an
# eighth of a second's worth, or two, at once, and the rate from the start on.
# However late a call is served, that bound holds.
counted() { # WORLD RATE
	grep -a '^L' "$1" | awk -F'\t' -v start="$start" -v rate="$2" '
		{ n++; last = $2 }
		END {
			most = rate / 8 > 2 ? rate / 8 : 2
			printf "%d %d\n", n, most + rate * (last - start) / 1000 + 1
		}'
}

@test "2,000 overdue rows do not burst past the services' rates" {
	printf 'O\trate\t20\n' >> "$dir/b0.world"
	printf 'O\trate\t4\n' >> "$dir/b1.world"
	sweep
	for s in "b0 20" "b1 4"; do
		read -r n most < <(counted "$dir/${s% *}.world" "${s#* }")
		echo "${s% *}: $n calls, $most allowed"
		[ "$n" -ge 2 ]
		[ "$n" -le "$most" ]
	done
}

@test "curfew.toml's rate goes before what a service tells" {
	printf 'O\trate\t500\n' >> "$dir/b0.world"
	printf 'O\trate\t4\n' >> "$dir/b1.world"
	printf '[connection.b0]\nrate = 6\n' >> "$dir/curfew.toml"
	sweep
	read -r n most < <(counted "$dir/b0.world" 6)
	echo "b0: $n calls, $most allowed"
	[ "$n" -ge 2 ]
	[ "$n" -le "$most" ]
}
