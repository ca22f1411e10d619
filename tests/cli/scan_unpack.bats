#!/usr/bin/env bats
# curfew-scan scan: archives, UTF-16, long lines, binary files.

load scan

setup() {
	scan_setup
	token=glpat-$(printf 'q7Rw2mXk9TzL4vBn8Yc0')
	mkdir -p src/deep
	printf 'one\ntwo %s\n' "$token" >src/deep/a.txt
	echo nothing >src/b.txt
}

# zip ARCHIVE FILE...: with their paths
zip() {
	python3 -c '
import sys, zipfile
z = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED)
for name in sys.argv[2:]:
    z.write(name)' "$@"
}

# the File column of every finding in out.json, one a line
found() {
	python3 -c 'import json; print("\n".join(sorted(f["File"] + ":%d" % f["StartLine"] for f in json.load(open("out.json")))))'
}

look() {
	run "$scan" scan --report-format json --report-path out.json "$@"
}

@test "zip, tar and every compression, by content, with the inner path" {
	(cd src && zip ../x.zip deep/a.txt b.txt && tar cf ../x.tar deep b.txt &&
		tar czf ../x.tgz deep b.txt && tar cjf ../x.tbz deep && tar cJf ../x.txz deep)
	cp x.zip named-otherwise.dat
	mkdir t && mv x.* named-otherwise.dat t
	look t
	[ "$status" -eq 1 ]
	[ "$(found)" = "$(printf '%s\n' t/named-otherwise.dat t/x.tar t/x.tbz t/x.tgz t/x.txz t/x.zip | sed 's|$|!deep/a.txt:2|')" ]
	look --max-archive-depth 0 t # what is not packed stands there all the same
	[ "$(found | cut -d: -f1)" = t/x.tar ]
}

@test "a compressed file keeps its name; standard input is unpacked too" {
	gzip -c src/deep/a.txt >a.gz
	look a.gz
	[ "$(found)" = a.gz:2 ]
	look --stdin <a.gz
	[ "$(found)" = :2 ]
}

@test "lzma is known by its header" {
	python3 - "$token" <<-'P'
	import lzma, sys
	for preset in (0, 6, 9):
	    open("%d.lzma" % preset, "wb").write(lzma.compress(("token = %s\n" % sys.argv[1]).encode() * 9, lzma.FORMAT_ALONE, preset=preset))
	open("no.bin", "wb").write(b"\x5d\0\0\x80\1" + bytes(4000))
	P
	look .
	[ "$(found | cut -d: -f1 | sort -u)" = "$(printf '%s\n' 0.lzma 6.lzma 9.lzma src/deep/a.txt)" ]
	look --stats no.bin
	[ "$status" -eq 0 ]
	[[ $output == *"1 binary"* ]]
}

@test "zeros first, more behind a tar's end, packed in two ways: all of it is read" {
	echo "token = $token" >line
	tar cf clean.tar -C src b.txt
	{ head -c 512 /dev/zero; cat line; } | gzip >1.gz
	{ cat clean.tar line; } | gzip >2.tgz
	{ cat clean.tar clean.tar line; head -c 700 /dev/zero | tr '\0' x; } | xz >3.txz
	{ xz <src/b.txt; gzip <line; } >4.xz
	{ gzip <src/b.txt; xz <line; } >5.gz
	{ xz <clean.tar; gzip <line; } >6.txz
	for f in 1.gz 2.tgz 3.txz 4.xz 5.gz 6.txz; do
		look "$f"
		[ "$status" -eq 1 ] || { echo "$f $output"; false; }
		[[ $output != *"cannot scan"* ]] || { echo "$output"; false; }
		[ "$(found | cut -d: -f1)" = "$f" ]
	done
	head -c 10240 /dev/zero | gzip >empty.tgz
	gzip <clean.tar >clean.tgz
	for f in empty.tgz clean.tgz; do
		look $f
		[ "$status" -eq 0 ]
	done
	head -c 700 clean.tar | gzip >cut.tgz
	look cut.tgz
	[ "$status" -eq 4 ]
}

@test "archives in archives, to the depth" {
	cp src/deep/a.txt x0
	for i in 1 2 3 4; do
		zip x$i x$((i - 1))
	done
	look x3
	[ "$(found)" = 'x3!x2!x1!x0:2' ]
	look x4
	[ "$status" -eq 4 ]
	[[ $output == *"x4"*"nested over 3 deep"* ]]
	look --max-archive-depth 4 x4
	[ "$status" -eq 1 ]
}

@test "path allowlists, path rules and the ignore file see the inner path" {
	(cd src && zip ../x.zip deep/a.txt b.txt)
	printf '[extend]\nuseDefault = true\n[[allowlists]]\npaths = ["x.zip!deep/"]\n' >rules.toml
	look --config rules.toml x.zip
	[ "$status" -eq 0 ]
	printf '[[rules]]\nid = "named"\npath = "b[.]txt$"\n' >rules.toml
	look --config rules.toml x.zip
	[ "$status" -eq 1 ]
	grep -q 'file detected: x.zip!b.txt' out.json
	echo 'x.zip!deep/a.txt:gitlab-token:2' >.gitleaksignore
	look x.zip
	[ "$status" -eq 0 ]
}

@test "archives and UTF-16 in history: delta and whole agree, commit and path are told" {
	git init -q r
	cd r
	python3 - "$token" <<-'P'
	import sys
	t = "line\n" * 400 + "key " + sys.argv[1] + "\n" + "more\n" * 400
	open("w.txt", "wb").write(b"\xff\xfe" + t.encode("utf-16-le"))
	open("v.txt", "wb").write(t.encode("utf-16-be"))
	P
	(cd ../src && zip ../r/z.zip deep/a.txt)
	git add .; git commit -qm one; first=$(git rev-parse HEAD)
	for i in 1 2 3; do
		python3 - $i <<-'P'
		import sys
		for name, form in (("w.txt", "utf-16-le"), ("v.txt", "utf-16-be")):
		    b = open(name, "rb").read()
		    open(name, "wb").write(b + ("added %s\n" % sys.argv[1]).encode(form))
		P
		git commit -qam "more $i"
	done
	git repack -qadf --depth=20
	[ "$(git verify-pack -v .git/objects/pack/*.idx | awk '$2 == "blob" && NF > 5' | wc -l)" -gt 2 ]
	"$scan" scan --list-objects ../delta . >/dev/null || true
	"$scan" scan --whole --list-objects ../whole . >/dev/null || true
	cmp <(sort ../delta) <(sort ../whole)
	[ "$(wc -l <../whole)" -eq 9 ]
	look .
	[ "$(found | sort -u)" = "$(printf '%s\n' v.txt:401 w.txt:401 'z.zip!deep/a.txt:2')" ]
	[ "$(grep -c "\"Commit\": \"$first\"" out.json)" -eq 3 ]
}

@test "bombs stay within the limits and are named" {
	yes | head -c 400000000 | gzip -9 >yes.gz
	run timeout 300 "$scan" scan yes.gz
	[ "$status" -eq 4 ]
	[[ $output == *"yes.gz"*"more than the limit"* ]]
	python3 - <<-'P'
	import io, zipfile
	data = b"a line of text\n" * 70000
	for level in range(4):
	    b = io.BytesIO()
	    with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
	        for i in range(12):
	            z.writestr("f%d" % i, data)
	    data = b.getvalue()
	open("nest.zip", "wb").write(data)
	b = io.BytesIO()
	with zipfile.ZipFile(b, "w") as z:
	    for i in range(20100):
	        z.writestr("f%d" % i, b"")
	open("many.zip", "wb").write(b.getvalue())
	P
	run python3 "$BATS_TEST_DIRNAME/peak.py" "$scan" scan --max-archive-depth 8 nest.zip
	[ "$status" -eq 4 ]
	peak=${output##*peak }
	[ "${peak% kB*}" -lt 300000 ]
	[[ $output == *"more than the limit"* ]]
	run timeout 300 "$scan" scan many.zip
	[ "$status" -eq 4 ]
	[[ $output == *"over 20000 files"* ]]
}

@test "a zip is found behind a stub, before a comment, and in another's comment" {
	python3 - "gl""pat-hookTESTsecret456789" <<-'P'
	import sys, zipfile
	def made(name, comment=b""):
	    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as z:
	        z.writestr("inner.txt", "token = %s\n" % sys.argv[1])
	        z.comment = comment
	    return open(name, "rb").read()
	plain, long = made("plain.zip"), made("comment.zip", b"x" * 65000)
	made("false.zip", b"PK\5\6" + b"\0" * 18 + b"y" * 3000)
	with zipfile.ZipFile("in-comment.zip", "w") as z:
	    z.writestr("innocent", "nothing")
	    z.comment = plain
	stub = {"exe": b"MZ" + bytes(range(256)) * 400, "sh": b"#!/bin/sh\n",
	        "png": b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0" * 2000}
	for name, first in stub.items():
	    open("stub." + name, "wb").write(first + long)
	open("trail.zip", "wb").write(plain + b"\0" * 5000)
	P
	for f in plain.zip comment.zip false.zip in-comment.zip stub.exe stub.sh stub.png trail.zip; do
		run "$scan" scan "$f"
		[ "$status" -eq 1 ]
		[[ $output == *"$f!inner.txt:1:"*gitlab-token* ]]
		[ "$(grep -c gitlab-token <<<"$output")" -eq "$(grep -c gitlab-token <<<"$("$scan" scan plain.zip 2>/dev/null)")" ]
	done
	# a tar that ends in a zip is a tar with a zip in it
	tar cf t.tar comment.zip
	run "$scan" scan t.tar
	[[ $output == *"t.tar!comment.zip!inner.txt:1:"* ]]
	[[ $output != *"t.tar!inner.txt"* ]]
}

@test "a damaged archive is named, what came before the damage is told" {
	python3 - "$token" <<-'P'
	import random, sys, tarfile, io
	b = io.BytesIO()
	t = tarfile.open(fileobj=b, mode="w")
	for name, data in (("a", sys.argv[1].encode()), ("b", b"x" * 5000)):
	    i = tarfile.TarInfo(name)
	    i.size = len(data)
	    t.addfile(i, io.BytesIO(data))
	open("cut.tar", "wb").write(b.getvalue()[:3000])
	open("not.zip", "wb").write(b"PK\3\4" + bytes(random.Random(1).randbytes(500)))
	P
	look cut.tar
	[ "$status" -eq 1 ]
	[ "$(found)" = 'cut.tar!a:1' ]
	[[ $output == *"cut.tar"* ]]
	look --stats not.zip
	[ "$status" -eq 0 ]
	[[ $output == *"1 binary"* ]]
}

@test "a compressed file that was cut off is named; what only begins like one is not" {
	python3 - "$token" <<-'P'
	import gzip, io, lzma, random, sys, tarfile
	text = ("token = %s\n" % sys.argv[1]).encode() * 50
	rest = "".join(random.Random(2).choices("abcdefghijklmnop \n", k=150000)).encode()
	b = io.BytesIO()
	t = tarfile.open(fileobj=b, mode="w:gz")
	i = tarfile.TarInfo("inner")
	i.size = len(text)
	t.addfile(i, io.BytesIO(text))
	t.close()
	open("a.gz", "wb").write(gzip.compress(text)[:-1])
	open("b.gz", "wb").write(gzip.compress(rest + text)[:-12])
	open("c.tgz", "wb").write(b.getvalue()[:-4])
	open("d.xz", "wb").write(lzma.compress(text)[:-4])
	open("e.xz", "wb").write(lzma.compress(text)[:-40] + bytes(40))
	line = text[:34]  # one block as it is, and no checksum behind it
	open("f.zst", "wb").write(b"\x28\xb5\x2f\xfd\x24" + bytes([len(line)]) + (len(line) * 8 + 1).to_bytes(3, "little") + line)
	r = random.Random(1)
	for n in (0, 7, 30, 60, 500, 70000):
	    for k, magic in enumerate((b"\x1f\x8b\x08", b"\x1f\x8b\x08\0", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"BZh91AY&SY")):
	        open("not%d-%d" % (k, n), "wb").write(magic + r.randbytes(n))
	P
	for f in a.gz b.gz c.tgz; do
		look "$f"
		[ "$status" -eq 1 ]
		[[ $output == *"cannot scan '$f'"* ]]
	done
	for f in d.xz e.xz f.zst; do
		look "$f"
		[ "$status" -ne 0 ]
		[[ $output == *"cannot scan '$f'"* ]]
	done
	for f in not*; do
		look "$f"
		[ "$status" -eq 0 ] || { echo "$f $output"; false; }
	done
}

@test "UTF-16 with and without a mark; binary is known by content" {
	python3 - "$token" <<-'P'
	import sys
	t = "first\r\nsecond " + sys.argv[1] + "\r\n" + "last\r\n" * 20
	for name, data in (("le", b"\xff\xfe" + t.encode("utf-16-le")), ("be", b"\xfe\xff" + t.encode("utf-16-be")),
	                   ("le-bare", t.encode("utf-16-le")), ("be-bare", t.encode("utf-16-be")),
	                   ("umlaut", b"\xff\xfe" + ("\u00e4\U0001f511 " + t).encode("utf-16-le"))):
	    open(name, "wb").write(data)
	open("text.png", "w").write(t)
	open("binary.txt", "wb").write(b"\0\1\2\3" * 30 + t.encode())
	P
	look .
	[ "$status" -eq 1 ]
	[ "$(found)" = "$(printf '%s\n' be be-bare binary.txt le le-bare text.png src/deep/a.txt umlaut | sed 's/$/:2/' | LC_ALL=C sort)" ] ||
		{ found; false; }
	look --stats binary.txt
	[ "$status" -eq 1 ]
	[[ $output == *"1 binary"* ]]
}

@test "a secret in a minified line of ten megabytes, at its column" {
	{ yes 'var a=function(b,c){return b+c};' | tr -d '\n' | head -c 7000000
		printf 'token="%s";' "$token"
		yes 'if(x){y()}' | tr -d '\n' | head -c 3000000; } >min.js
	look min.js
	[ "$status" -eq 1 ]
	grep -q '"StartColumn": 7000008' out.json
	# a comment far away in the same line does not count
	echo '// gitleaks:allow' >>min.js
	look min.js
	[ "$status" -eq 1 ]
}
