"""twice.py make SEED | check REPO OUT.json: one object under several names.

make: fast-import stream of a straight history in which the same few files and
folders stand under many names, come and go.  check: every finding's commit is
the first that has the secret at that path, and no path is left out.
"""
import json
import random
import subprocess
import sys


def secret(i):
    return "gl" + "pat-" + random.Random(i).choice("bcdf") + "%02dk7Qm2Zx9RtYw4Np8Lv" % i


def put(tree, path, text):
    tree[path] = text


def change(rng, tree):
    folder = rng.choice(["", "in/", "in/deep/"])
    for _ in range(rng.randint(1, 4)):
        n = rng.randint(0, 30)
        if rng.random() < 0.45:
            for path in [p for p in tree if p.startswith(folder) and "/s" in "/" + p[len(folder):]][:2]:
                if rng.random() < 0.6:
                    del tree[path]
        else:
            put(tree, "%ss%02d" % (folder, n), "k = %s\n" % secret(rng.randint(0, 5)))
    put(tree, "%sf%02d" % (folder, rng.randint(0, 40)), "x %d\n" % rng.randint(0, 10**6))
    if rng.random() < 0.3:  # a folder under two names
        a, b = rng.sample(["d%02d" % i for i in range(12)], 2)
        for path in [p for p in tree if p.startswith(b + "/")]:
            del tree[path]
        for path in [p for p in tree if p.startswith(a + "/")]:
            tree[b + path[len(a):]] = tree[path]
    if rng.random() < 0.3:
        a = "d%02d" % rng.randint(0, 11)
        put(tree, a + "/cfg", "k = %s\n" % secret(rng.randint(0, 5)))


def make(seed):
    rng = random.Random(seed)
    tree, old, out = {}, {}, []
    for i in range(41):
        put(tree, "f%02d" % i, "x %d\n" % i)
        put(tree, "in/f%02d" % i, "x %d\n" % i)
        put(tree, "in/deep/f%02d" % i, "x %d\n" % i)
    for c in range(120):
        change(rng, tree)
        out.append("commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata 1\nc\n" % (1500000000 + c * 100))
        out += ["D %s\n" % p for p in sorted(old) if p not in tree]
        out += ["M 100644 inline %s\ndata %d\n%s\n" % (p, len(t), t) for p, t in sorted(tree.items()) if old.get(p) != t]
        old = dict(tree)
    sys.stdout.write("".join(out))


def check(repo, report):
    git = lambda *a: subprocess.run(["git", "-C", repo, *a], capture_output=True, text=True, check=True).stdout
    told = {(f["Secret"], f["File"]): f["Commit"] for f in json.load(open(report))}
    want, text = {}, {}
    for commit in git("rev-list", "--reverse", "main").split():
        for line in git("ls-tree", "-r", commit).splitlines():
            meta, path = line.split("\t")
            oid = meta.split()[2]
            if oid not in text:
                text[oid] = git("cat-file", "blob", oid)
            if text[oid].startswith("k = "):
                want.setdefault((text[oid][4:].strip(), path), commit)
    assert len(want) > 50
    for key in sorted(set(want) | set(told)):
        if want.get(key) != told.get(key):
            sys.exit("%s: %s, told as %s" % (key, want.get(key), told.get(key)))
    print(len(want), "places checked")


if sys.argv[1] == "make":
    make(int(sys.argv[2]))
else:
    check(sys.argv[2], sys.argv[3])
