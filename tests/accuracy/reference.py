#!/usr/bin/env python3
"""Sum the trees of hooks/scan/model/trees.tab by hand and compare with what the program says.

usage: reference.py TREES.tab FEATURES

FEATURES is the output of build/test/features: its fifth column holds the program's two sums (of the gate, of the
score), the columns after it the features.  Prints how many rows were compared; exit 1 at the first that differs.
"""
import sys

def table(name):
    words = []
    for line in open(name):
        if not line.startswith("#"):
            words += line.split()
    end = words.index("end")
    names, numbers = words[:end], [int(w) for w in words[end + 1:]]
    gate, trees = numbers[:2]
    at, out = 6, []
    for _ in range(trees):
        n = numbers[at]
        nodes = [numbers[at + 1 + 5 * i:at + 6 + 5 * i] for i in range(n)]
        leaves = numbers[at + 1 + 5 * n:at + 2 + 6 * n]
        at += 2 + 6 * n
        out.append((nodes, leaves))
    assert at == len(numbers), (at, len(numbers))
    return names, out[:gate], out[gate:]

def total(trees, row):
    result = 0
    for nodes, leaves in trees:
        i = 0
        while i >= 0:
            feature, most, left, right, _ = nodes[i]
            i = left if row[feature] <= most else right
        result += leaves[-i - 1]
    return result

def main():
    names, gate, score = table(sys.argv[1])
    lines = open(sys.argv[2], errors="replace").read().splitlines()
    assert lines[0].split("\t")[5:] == names, "the table is of other features"
    for line in lines[1:]:
        columns = line.split("\t")
        row = [int(c) for c in columns[5:]]
        want = f"{total(gate, row)},{total(score, row)}"
        if columns[4] != want:
            sys.exit(f"differs: {columns[4]} instead of {want}: {line}")
    print(len(lines) - 1, "rows agree")

main()
