#!/usr/bin/env python3
"""history.py SEED COMMITS: a git fast-import stream of an invented history.

Files full of near-tokens are edited, moved, doubled, merged and cut, so that
deltas of every kind come out: secrets inside copies, across their edges, in
inserts, multi-line keys with one line changed, comments that allow, layers of
encoding, archives and UTF-16.
"""
import base64, gzip, io, random, sys, urllib.parse, zipfile, zlib

seed, commits = int(sys.argv[1]), int(sys.argv[2])
r = random.Random(seed)
AN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
out = sys.stdout.buffer
pool = []


def text(n, alphabet=AN):
    return "".join(r.choice(alphabet) for _ in range(n))


def token():
    t = plain_token()
    return encoded(t) if r.random() < 0.25 else t


def encoded(t):
    for _ in range(r.choice([1, 1, 2])):
        data, kind = t.encode(), r.randrange(4)
        if kind == 0:
            t = base64.b64encode(data).decode()
        elif kind == 1:
            t = data.hex()
        elif kind == 2:
            t = urllib.parse.quote(t, safe="") + "%20"
        else:
            t = "".join("\\u%04x" % c if r.random() < 0.5 else chr(c) for c in data)
    return "data: " + t


def plain_token():
    if pool and r.random() < 0.5:
        return r.choice(pool)
    kind = r.randrange(7)
    if kind == 0:
        t = "gl" + "pat-" + text(20)
    elif kind == 1:
        t = "AK" + "IA" + text(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    elif kind == 2:
        t = 'password = "' + text(r.randrange(8, 30)) + '"'
    elif kind == 3:
        lines = [text(64, AN + "+/") for _ in range(r.randrange(2, 12))]
        t = "\n".join(["-----BEGIN RSA PRIVATE " + "KEY-----"] + lines +
                      ["-----END RSA PRIVATE " + "KEY-----"])
    elif kind == 4:
        t = "xo" + "xb-" + text(12, "0123456789") + "-" + text(24)
    elif kind == 5:
        body = text(30)
        n, sum62 = zlib.crc32(body.encode()), ""
        digits = "0123456789" + AN[:52]
        for _ in range(6):
            sum62 = digits[n % 62] + sum62
            n //= 62
        t = "gh" + "p_" + body + (sum62 if r.random() < 0.8 else "000000")
    else:
        t = "SG" + "." + text(22) + "." + text(43)
    if r.random() < 0.1:
        t += "  # gitleaks:allow"
    pool.append(t)
    return t


def line():
    if r.random() < 0.12:
        return token()
    return " ".join(text(r.randrange(1, 9), AN[26:52]) for _ in range(r.randrange(12)))


def edit(lines):
    lines = list(lines)
    for _ in range(r.randrange(1, 5)):
        at = r.randrange(len(lines) + 1)
        what = r.randrange(9)
        if what == 0:
            lines[at:at] = [line() for _ in range(r.randrange(1, 6))]
        elif what == 1:
            del lines[at:at + r.randrange(1, 6)]
        elif what == 2 and lines:  # move a block
            a = r.randrange(len(lines))
            block = lines[a:a + 9]
            del lines[a:a + 9]
            lines[at:at] = block
        elif what == 3 and lines:  # double a block
            a = r.randrange(len(lines))
            lines[at:at] = lines[a:a + 9]
        elif what == 4 and lines:  # change characters in a line
            a = r.randrange(len(lines))
            s = list(lines[a])
            for _ in range(min(len(s), 2)):
                s[r.randrange(len(s))] = r.choice(AN + ' "=-_')
            lines[a] = "".join(s)
        elif what == 5 and lines:  # cut a line, join it to the next
            a = r.randrange(len(lines))
            lines[a] = lines[a][:r.randrange(len(lines[a]) + 1)]
        elif what == 6 and lines:  # one line of a key block
            a = r.randrange(len(lines))
            if "\n" in lines[a]:
                part = lines[a].split("\n")
                part[r.randrange(len(part))] = text(64)
                lines[a] = "\n".join(part)
        else:
            lines[at:at] = [line()]
    return lines


def packed(name, data):
    """Some files are not kept as text."""
    if name.endswith(".u16"):
        return b"\xff\xfe" + data.decode("latin-1").encode("utf-16-le")
    if name.endswith(".gz"):
        return gzip.compress(data, mtime=0)
    if name.endswith(".zip"):
        b = io.BytesIO()
        with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED if len(data) % 2 else zipfile.ZIP_STORED) as z:
            for i, part in enumerate(data.split(b"\n\n")):
                z.writestr(zipfile.ZipInfo("d/%d.txt" % i), part)
        return b.getvalue()
    return data


mark = 0
files = {"a.txt": [line() for _ in range(200)], "dir/b.c": [line() for _ in range(40)]}
for n in range(commits):
    for name in list(files):
        if r.random() < 0.6:
            files[name] = edit(files[name])
    if r.random() < 0.1:
        files["dir/%s" % text(3)] = edit(r.choice(list(files.values())))
    if r.random() < 0.05 and len(files) > 3:
        files["moved/" + text(3)] = files.pop(r.choice(list(files)))
    if r.random() < 0.03:
        files["bin"] = ["\0" + text(50)] + files["a.txt"] if "a.txt" in files else [text(9)]
    for ending in ("u16", "gz", "zip"):
        if r.random() < 0.06:
            files["kept." + ending] = edit(files.get("kept." + ending, files["a.txt"] if "a.txt" in files else []))
    mark += 1
    message = b"commit %d\n" % n
    if r.random() < 0.05:
        message += token().encode()
    out.write(b"commit refs/heads/main\nmark :%d\ncommitter A <a@example.org> %d +0000\n" % (mark, 1700000000 + n * 60))
    out.write(b"data %d\n%s\n" % (len(message), message))
    if n:
        out.write(b"from :%d\ndeleteall\n" % (mark - 1))
    for name, lines in sorted(files.items()):
        end = "" if len(lines) % 3 == 0 else "\n"
        data = packed(name, ("\n".join(lines) + end).encode())
        out.write(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data))
