#!/usr/bin/env bash
# usage: tests/bench/vault.sh [FOLDER [credentials [commits]]]
# Measures the vault in a new folder below FOLDER (default: the build folder,
# so that a real disk is measured) and removes it.
set -eu
cd "$(dirname "$0")/../.."
make --no-print-directory bench-programs >/dev/null
dir=$(mktemp -d "${1:-build}/bench-vault.XXXXXX")
trap 'rm -rf "$dir"' EXIT
build/bench/bench_vault "$dir/vault" "${2:-100000}" "${3:-2000}"
