#!/usr/bin/env python3
"""Make words.tab and triples.tab: what written English and names in programs look like.

usage: language.py OUT_FOLDER TEXT_FOLDER...

Reads every file below TEXT_FOLDERs that is text, cuts it into words (also at capitals and underscores), and writes the
most frequent words and, for every triple of letters, how likely its third letter is after the first two.  Words of
fewer than MIN_FOLDERS folders are left out, so that no project's own names come in.  No labelled corpus is read.
"""
import collections, math, os, re, sys

WORDS, MIN_FOLDERS, MIN_COUNT = 9000, 3, 6
WORD = re.compile(rb"[A-Z]?[a-z]{2,}|[A-Z]{3,}")
LETTERS = "^abcdefghijklmnopqrstuvwxyz"  # '^': a word's edge

def files(folder):
    for at, dirs, names in os.walk(folder):
        dirs.sort()
        for name in sorted(names):
            path = os.path.join(at, name)
            if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > 400_000:
                continue
            with open(path, "rb") as f:
                text = f.read()
            if b"\0" not in text[:8000]:
                yield text

def main():
    out, folders = sys.argv[1], sys.argv[2:]
    count, where = collections.Counter(), collections.defaultdict(set)
    for folder in folders:
        for top in sorted(os.listdir(folder)):
            path = os.path.join(folder, top)
            here = collections.Counter()
            for text in files(path) if os.path.isdir(path) else []:
                here.update(w.lower() for w in WORD.findall(text))
            for w, n in here.items():
                count[w] += min(n, 2000)
                where[w].add(path)
    usual = {w: n for w, n in count.items() if len(where[w]) >= MIN_FOLDERS and n >= MIN_COUNT and len(w) <= 16}
    triples, pairs = collections.Counter(), collections.Counter()
    for w, n in usual.items():
        weight = math.log2(1 + n)
        s = "^^" + w.decode() + "^"
        for i in range(len(s) - 2):
            triples[s[i:i + 3]] += weight
            pairs[s[i:i + 2]] += weight
    head = (f"# made by hooks/scan/model/language.py from the text of {len(folders)} folders of an installed Debian\n"
            f"# system (documentation, headers, Python and Perl modules): {len(usual)} words seen in {MIN_FOLDERS} packages or more\n")
    with open(os.path.join(out, "triples.tab"), "w") as f:
        f.write(head)
        f.write("# one character for each triple of '^' (edge), a to z: 'a' never seen, up to 'z'\n")
        cells = []
        for a in LETTERS:
            for b in LETTERS:
                for c in LETTERS:
                    n = triples[a + b + c]
                    p = (n + 0.02) / (pairs[a + b] + 0.54) if pairs[a + b] else 1 / 27 / 8
                    level = round(25 * (1 + math.log2(p) / 11)) if n else 0
                    cells.append(chr(97 + max(0, min(25, level))))
        text = "".join(cells)
        for i in range(0, len(text), 108):
            f.write(text[i:i + 108] + "\n")
    # common words first, so that the list can be cut; of two letters none
    usual = {w: n for w, n in usual.items() if len(w) >= 3}
    best = sorted(usual, key=lambda w: (-len(where[w]) * math.log2(1 + usual[w]), w))[:WORDS]
    with open(os.path.join(out, "words.tab"), "w") as f:
        f.write(head)
        line = ""
        for w in sorted(x.decode() for x in best):
            if len(line) + len(w) + 1 > 108:
                f.write(line + "\n")
                line = ""
            line += (" " if line else "") + w
        f.write(line + "\n")

main()
