#!/usr/bin/env python3
"""attribution.py REPO REPORT.json OBJECTS: check every finding's commit, path and line
with git itself.

The named commit holds the secret at that path and line, no parent of it holds
such a finding there.  OBJECTS is what --list-objects wrote.
"""
import gzip, hashlib, io, json, subprocess, sys, zipfile

repo, report, objects = sys.argv[1:4]
known = {tuple(line.split()[i] for i in (0, 1, 4)) for line in open(objects)}


def git(*words, check=True):
    p = subprocess.run(["git", "-C", repo, *words], capture_output=True)
    if check and p.returncode:
        sys.exit(f"git {words}: {p.stderr.decode()}")
    return p.stdout if p.returncode == 0 else None


checked = 0
for f in json.load(open(report)):
    if not f["File"]:
        continue
    secret = f["Secret"].encode("utf-8", "surrogateescape")
    path, _, inner = f["File"].partition("!")
    text = git("cat-file", "blob", f"{f['Commit']}:{path}")
    if inner:
        text = zipfile.ZipFile(io.BytesIO(text)).read(inner)
    elif path.endswith(".gz"):
        text = gzip.decompress(text)
    elif path.endswith(".u16"):
        text = text.decode("utf-16").encode()
    coded = any(t.startswith("decode") for t in f["Tags"])
    assert coded or secret in text, f
    line = b"\n".join(text.split(b"\n")[f["StartLine"] - 1:f["EndLine"]])
    assert coded or secret in line, f
    if coded:  # the columns are those of the encoded part
        part = line.split(b"\n")[0][f["StartColumn"] - 1:f["EndColumn"]]
        assert len(part) >= len(f["Secret"]), f
    for parent in git("rev-list", "--parents", "-1", f["Commit"]).split()[1:]:
        old = git("rev-parse", "--verify", "-q", f"{parent.decode()}:{path}", check=False)
        mark = hashlib.sha256(secret).hexdigest()[:16]
        assert old is None or (old.decode().strip(), f["RuleID"], mark) not in known, (f, parent)
    who = git("show", "-s", "--format=%an%n%ae%n%at", f["Commit"]).decode().split("\n")
    assert who[:2] == [f["Author"], f["Email"]], f
    checked += 1
print(checked, "findings checked")
