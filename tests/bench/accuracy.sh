#!/usr/bin/env bash
# usage: tests/bench/accuracy.sh LABELLED [BUILD_DIR]
#
# The scanner with its default rules on a folder of judged files (LABELLED holds
# files/, labels.tsv and score.py): precision, recall and F1 of all rules, found
# per category, and how many findings each rule has on lines that hold none.
# The generic rule's trees were grown on such a folder: for that rule these
# figures flatter it, the honest ones come from hooks/scan/model/train.py.
set -euo pipefail
labelled=$(cd "$1" && pwd)
scan=$(cd "${2:-build}" && pwd)/curfew-scan
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$labelled"
for least in low medium high; do
	"$scan" scan --dir --exit-code 0 --min-confidence "$least" --report-path "$work/$least.json" files
	printf '%-7s' "$least"
	python3 score.py "$work/$least.json"
done
python3 score.py "$work/low.json" --categories | tail -n +2
python3 - "$work/low.json" labels.tsv <<'P'
import collections, csv, json, sys
true = set()
for row in csv.DictReader(open(sys.argv[2]), delimiter="\t"):
    if row["label"] == "T":
        true.update((row["path"], n) for n in range(int(row["first_line"]), int(row["last_line"]) + 1))
right, wrong = collections.Counter(), collections.Counter()
for f in json.load(open(sys.argv[1])):
    path = f["File"][f["File"].index("files/"):]
    (right if (path, f["StartLine"]) in true else wrong)[f["RuleID"], f["Confidence"]] += 1
print("findings per rule and confidence, on lines with a secret / without:")
for key in sorted(right | wrong):
    print(f"  {key[0]:32} {key[1]:7} {right[key]:5} {wrong[key]:5}")
P
