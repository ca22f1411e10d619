#!/usr/bin/env bash
# usage: tests/equality.sh [BUILD_DIR] [REPOSITORY]...
#
# What a scan finds by deltas is what it finds going through every object
# whole: the same sightings, object by object, and the same report, with one
# thread and with two.  Without a repository, on invented ones that git packed
# in its several ways.  Status 1 when one differs, or when nothing was found in
# any: then nothing was compared.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
[ $# -eq 0 ] || shift
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/curfew-equality-XXXXXX")
trap 'rm -rf "$work"' EXIT
export CURFEW_SCAN_CACHE=$work/cache GIT_CONFIG_GLOBAL=/dev/null
scan=$build/curfew-scan

# REPOSITORY NAME OPTION...: its sightings, sorted, and its report.
look() {
	local repo=$1 name=$2 status=0
	shift 2
	"$scan" scan "$@" --list-objects "$work/$name.list" \
		--report-path "$work/$name.json" "$repo" 2>"$work/$name.said" || status=$?
	case $status in
	0 | 1 | 4) ;;
	*)
		echo "$repo: the scan ended with $status:" >&2
		cat "$work/$name.said" >&2
		return 1
		;;
	esac
	sort -o "$work/$name.list" "$work/$name.list"
	echo "status $status" >>"$work/$name.list"
}

sightings=0 differ=0
compare() {
	local repo=$1 n how
	look "$repo" whole --whole --threads 1 || return 1
	n=$(($(wc -l <"$work/whole.list") - 1))
	for how in 1 2; do
		look "$repo" delta --threads "$how" || return 1
		if ! diff "$work/whole.list" "$work/delta.list" >"$work/diff" ||
			! cmp -s "$work/whole.json" "$work/delta.json"; then
			echo "DIFFER: $repo, $how threads (< whole, > delta)"
			# object, rule, place: never the secret
			cut -c1-160 "$work/diff" | head -20
			differ=$((differ + 1))
			return 0
		fi
	done
	sightings=$((sightings + n))
	echo "equal: $repo, $n sightings"
}

# SEED OPTION...: an invented history, packed by git with these options
invent() {
	local seed=$1 repo=$work/repo-$1
	shift
	git init -q --bare "$repo"
	python3 "$here/tests/cli/history.py" "$seed" 300 |
		git -C "$repo" fast-import --quiet --force
	git -C "$repo" repack -qadf "$@"
	echo "$repo"
}

if [ $# -eq 0 ]; then
	repos=("$(invent 1 --depth=50 --window=10)"
		"$(invent 2 --depth=4000 --window=50)"
		"$(invent 3 --depth=1 --window=2)"
		"$(invent 4 --depth=250 --window=250)")
else
	repos=("$@")
fi
for repo in "${repos[@]}"; do
	compare "$repo"
done
[ "$sightings" -gt 0 ] || [ "$differ" -gt 0 ] || {
	echo "nothing was found in any of them: nothing was compared" >&2
	exit 1
}
[ "$differ" -eq 0 ]
