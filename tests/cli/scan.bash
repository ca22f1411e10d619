# shellcheck shell=bash
# For the bats files that run curfew-scan.

# scan_cache FOLDER: compiled rules are kept there.  tests/run has them made once
# for all files, which is seconds, and with the sanitizers many of them.
scan_cache() {
	export CURFEW_SCAN_CACHE=$1
	[ -d "$1" ] && return
	mkdir -m 700 "$1"
	[ -z "${CURFEW_TEST_RULES:-}" ] || cp -p "$CURFEW_TEST_RULES"/*.{db,bin} "$1"
}
