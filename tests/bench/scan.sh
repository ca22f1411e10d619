#!/usr/bin/env bash
# usage: tests/bench/scan.sh [BUILD_DIR] [RUNS] [REPO]
#
# The scanner beside git, on one repository (an invented one without REPO):
#  1. whole history, attribution included, against git index-pack of the same
#     packs and, where it is installed (KINGFISHER names it), Kingfisher, turn
#     by turn; --whole for comparison.
#  2. the pre-receive hook's process for a push of ten commits.
# Prints medians of wall time, processor time and peak memory, and how they
# stand to each other; judges nothing.  Peak memory counts the mapped pack.
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

# LABEL COMMAND...: one line "label wall processor megabytes" (seconds)
timed() {
	python3 - "$@" <<-'P' >>"$work/times"
	import os, subprocess, sys, time
	start = time.monotonic()
	with open(os.devnull, "w") as null:
	    p = subprocess.Popen(sys.argv[2:], stdout=null, stderr=null)
	    use = os.wait4(p.pid, 0)[2]
	print("%s %.3f %.3f %.1f" % (sys.argv[1], time.monotonic() - start,
	      use.ru_utime + use.ru_stime, use.ru_maxrss / 1024))
	P
}

cat >"$work/index" <<'I'
#!/bin/sh
for pack in "$1"/objects/pack/*.pack; do
	git index-pack --threads=2 -o "$2" "$pack" || exit
	rm -f "$2"
done
I
chmod +x "$work/index"
git_dir=$(git -C "$repo" rev-parse --absolute-git-dir)
other=${KINGFISHER:-$(command -v kingfisher || true)}

one_turn() {
	timed index-pack "$work/index" "$git_dir" "$work/x.idx"
	timed history "$scan" scan --threads 2 --report-path "$report" "$repo"
	timed history-whole "$scan" scan --threads 2 --whole --report-path "$report" "$repo"
	if [ -n "$other" ]; then
		timed kingfisher "$other" scan --no-validate -j 2 --no-update-check \
			--format json --output "$work/other.json" "$repo"
	fi
}

report=$work/report.json
echo "load $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors; $(git -C "$repo" count-objects -v | awk '/^in-pack/ {print $2}') objects in packs"
"$scan" scan --threads 2 --stats --report-path "$report" "$repo" || true
one_turn # the other one compiles its rules
rm -f "$work/times"
for _ in $(seq "$runs"); do
	one_turn
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
	awk '{printf "%s %.3f %.3f 0\n", $1, $2, $3 + $4}' >>"$work/times"

# LABEL COLUMN: the median
median() {
	grep "^$1 " "$work/times" | awk -v c="$2" '{print $c}' | sort -n |
		awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

echo "what           wall    processor  peak MB (s, medians of $runs)"
for label in index-pack kingfisher history history-whole hook; do
	grep -q "^$label " "$work/times" || continue
	printf '%-14s %-7s %-10s %s\n' "$label" "$(median $label 2)" \
		"$(median $label 3)" "$(median $label 4)"
done
for label in index-pack kingfisher; do
	grep -q "^$label " "$work/times" || continue
	for column in 2 3; do
		echo "$(median history $column) $(median $label $column)"
	done | paste -sd' ' |
		awk -v l="$label" '{printf "history is 1/%.1f of %s by wall time, 1/%.1f by processor time\n", $2 / $1, l, $4 / $3}'
done
