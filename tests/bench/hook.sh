#!/usr/bin/env bash
# usage: tests/bench/hook.sh [BUILD] [RUNS]
#
# What the server's hook costs: inside of one real push, in its quarantine, the
# installed hook and an empty one are run in turns on the same input, RUNS (41)
# times each; medians of the differences, of the clock and of processor time.
#
#   start    a push that only deletes, and a scan of an empty folder (cached rules)
#   commits  10 commits of 3 files, to a repository of many objects:
#            $CURFEW_BENCH_REPO, else one that is made here (BENCH_FULL=1: 800,000
#            objects, else 100,000)
#   big      50 MB of text in 50 files
set -eu
build=$(realpath "${1:-${CURFEW_BUILD:-build}}")
runs=${2:-41}
scan=$build/curfew-scan
top=$(mktemp -d "${TMPDIR:-/tmp}/curfew-bench.XXXXXX")
trap 'rm -rf "$top"' EXIT
export CURFEW_SCAN_CACHE=$top/cache GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org

many() { # a stream for fast-import: commits of one new blob and two trees each
	python3 - "$1" <<-'END'
		import sys
		n = int(sys.argv[1]) // 4
		w = sys.stdout.write
		for i in range(n):
		    text = "line %d\n" % i
		    w("commit refs/heads/main\ncommitter A <a@example.org> %d +0000\n"
		      "data 2\nm\nM 100644 inline d%d/f%d\ndata %d\n%s\n"
		      % (i, i % 64, i % 640, len(text), text))
	END
}

cat >"$top/pair.py" <<'END'
import os, resource, statistics, subprocess, sys, time

runs, out = int(sys.argv[1]), sys.argv[2]
data = sys.stdin.buffer.read()
hooks = sys.argv[3:5]

def once(program):
    a = resource.getrusage(resource.RUSAGE_CHILDREN)
    t = time.perf_counter()
    rc = subprocess.run(program.split(), input=data,
                        stdout=subprocess.DEVNULL).returncode
    t = time.perf_counter() - t
    b = resource.getrusage(resource.RUSAGE_CHILDREN)
    return t, b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime, rc

rows = []
once(hooks[1])
for _ in range(runs):
    empty, real = once(hooks[0]), once(hooks[1])
    if real[2] != 0:
        sys.exit("the hook refused: %d" % real[2])
    rows.append((real[0] - empty[0], real[1] - empty[1]))
with open(out, "a") as f:
    f.write("%.1f ms of the clock, %.1f ms of processor time (least %.1f and %.1f; n = %d)\n" % (
        statistics.median(r[0] for r in rows) * 1e3,
        statistics.median(r[1] for r in rows) * 1e3,
        min(r[0] for r in rows) * 1e3, min(r[1] for r in rows) * 1e3, runs))
END
printf '#!/bin/sh\nexit 0\n' >"$top/empty"
chmod 755 "$top/empty"

# measure NAME RUNS REPO REFSPEC: push from ./work, tell
measure() {
	local repo=$3
	rm -f "$repo/hooks/pre-receive"
	"$scan" hook install "$repo" >/dev/null
	mv "$repo/hooks/pre-receive" "$top/real"
	cat >"$repo/hooks/pre-receive" <<-END
		#!/bin/sh
		exec python3 '$top/pair.py' $2 '$top/out' '$top/empty' '$top/real'
	END
	chmod 755 "$repo/hooks/pre-receive"
	: >"$top/out"
	git -C "$top/work" push -q "$repo" "$4"
	printf '%-8s %s\n' "$1" "$(cat "$top/out")"
}

printf 'load: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
mkdir "$top/nothing"
"$scan" scan "$top/nothing" # fills the cache
python3 "$top/pair.py" "$runs" "$top/out" "$top/empty" "$scan scan $top/nothing" </dev/null
printf '%-8s %s\n' start "$(cat "$top/out")"

if [ -n "${CURFEW_BENCH_REPO:-}" ]; then
	git clone -q --bare --shared "$CURFEW_BENCH_REPO" "$top/large"
else
	git init -q --bare -b main "$top/large"
	many "$([ -n "${BENCH_FULL:-}" ] && echo 800000 || echo 100000)" |
		git -C "$top/large" fast-import --quiet
fi
tip=$(git -C "$top/large" rev-parse HEAD)
git clone -q --shared --no-checkout "$top/large" "$top/work"
cd "$top/work"
git read-tree --empty
for i in $(seq 10); do
	for k in 1 2 3; do
		git log --format=%s -n 40 >"f$k"
		seq $((i * k)) 300 >>"f$k"
	done
	git add f1 f2 f3
	git commit -q -m "change $i"
done
printf '%-8s %s objects in the repository, from %s\n' '' \
	"$(git -C "${CURFEW_BENCH_REPO:-$top/large}" count-objects -v | awk '/^in-pack/ {n = $2} END {print n}')" \
	"$(git rev-parse --short "$tip")"
measure commits "$runs" "$top/large" HEAD:refs/heads/bench
measure delete "$runs" "$top/large" :refs/heads/bench

git init -q --bare -b main "$top/other"
cd "$top"
rm -rf work
git init -q -b main work
cd work
python3 - <<'END'
import random
r = random.Random(5)
words = ["".join(r.choice("abcdefghijklmnopqrstuvwxyz_") for _ in range(r.randint(2, 11)))
         for _ in range(4000)]
for i in range(50):
    with open("big%d.c" % i, "w") as f:
        n = 0
        while n < 1000000:
            line = " ".join(r.choice(words) for _ in range(8)) + " = %d;\n" % n
            f.write(line)
            n += len(line)
END
git add .
git commit -qm big
measure big 5 "$top/other" main
