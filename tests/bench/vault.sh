#!/usr/bin/env bash
# usage: tests/bench/vault.sh [FOLDER [credentials [commits]]]
# Measures the vault in a new folder below FOLDER (default: the build folder,
# so that a real disk is measured) and removes it: filling, opening, listing,
# commits beside the disk's own syncs, verifying.  10,000 credentials, 300
# commits a run; BENCH_FULL=1: 100,000 and 2,000.
set -eu
cd "$(dirname "$0")/../.."
build=${CURFEW_BUILD:-build}
make --no-print-directory BUILD="$build" "$build/bench/bench_vault" >/dev/null
dir=$(mktemp -d "${1:-$build}/bench-vault.XXXXXX")
trap 'rm -rf "$dir"' EXIT
n=10000 commits=300
[ -z "${BENCH_FULL-}" ] || n=100000 commits=2000
echo "load $(cut -d' ' -f1 /proc/loadavg) on $(nproc) processors"
"$build/bench/bench_vault" "$dir/vault" "${2:-$n}" "${3:-$commits}"
