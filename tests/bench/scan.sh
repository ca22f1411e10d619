#!/usr/bin/env bash
# usage: tests/bench/scan.sh [BUILD_DIR] [RUNS] [REPO]
#
# The scanner beside git, on one repository (an invented one without REPO):
#  1. whole history, attribution included, against git index-pack of the same
#     packs, turn by turn; --whole for comparison.
#  2. the pre-receive hook's process for a push of ten commits.
# Prints medians of wall and processor time; judges nothing.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
runs=${2:-5}
repo=${3:-}
here=$(cd "$(dirname "$0")/../.." && pwd)
shm=/tmp
[ -w /dev/shm ] && shm=/dev/shm
work=$(mktemp -d "$shm/curfew-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
export CURFEW_SCAN_CACHE=$work/cache GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
scan=$build/curfew-scan

if [ -z "$repo" ]; then
	repo=$work/repo
	git init -q --bare "$repo"
	python3 "$here/tests/cli/history.py" 1 2000 | git -C "$repo" fast-import --quiet --force
	git -C "$repo" repack -qadf
fi

# LABEL COMMAND...: one line "label wall processor" (seconds)
timed() {
	local label=$1
	shift
	TIMEFORMAT='%R %U %S'
	{ time "$@" >/dev/null 2>&1 || true; } 2>&1 |
		awk -v l="$label" '{printf "%s %.3f %.3f\n", l, $1, $2 + $3}' >>"$work/times"
}

index_packs() {
	local pack
	for pack in "$repo"/objects/pack/*.pack; do
		git index-pack --threads=2 -o "$work/x.idx" "$pack"
		rm -f "$work/x.idx"
	done
}

report=$work/report.json
"$scan" scan --threads 2 --stats --report-path "$report" "$repo" || true
for _ in $(seq "$runs"); do
	timed index-pack index_packs
	timed history "$scan" scan --threads 2 --report-path "$report" "$repo"
	timed history-whole "$scan" scan --threads 2 --whole --report-path "$report" "$repo"
done

# The hook writes its own times; git waits for it either way.
git clone -q --bare --no-local "$repo" "$work/server"
git clone -q "$work/server" "$work/client" 2>/dev/null
cd "$work/client"
git checkout -q -B push "$(git for-each-ref --count=1 --format='%(objectname)' refs/remotes)"
for i in $(seq 10); do
	echo "line $i" >>bench.txt
	git add bench.txt
	git commit -qm "commit $i"
done
cat >"$work/server/hooks/pre-receive" <<H
#!/usr/bin/env bash
TIMEFORMAT='hook %R %U %S'
{ time '$scan' pre-receive; } 2>>'$work/hook'
H
chmod +x "$work/server/hooks/pre-receive"
for _ in $(seq $((runs + 1))); do
	git push -q origin push 2>/dev/null
	git -C "$work/server" update-ref -d refs/heads/push
	git -C "$work/server" prune --expire=now
done
# the first push compiled the rules
grep '^hook' "$work/hook" | tail -n +2 |
	awk '{printf "%s %.3f %.3f\n", $1, $2, $3 + $4}' >>"$work/times"

echo "what           wall    processor (s, medians of $runs)"
for label in index-pack history history-whole hook; do
	for column in 2 3; do
		grep "^$label " "$work/times" | awk -v c=$column '{print $c}' | sort -n |
			awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
	done | paste -sd' ' | awk -v l="$label" '{printf "%-14s %-7s %s\n", l, $1, $2}'
done
