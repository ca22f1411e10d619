#!/usr/bin/env bats
# curfew-scan scan: what is encoded is found, told as such, at its place.

load scan

setup() {
	scan=$CURFEW_BUILD/curfew-scan
	scan_cache "$BATS_FILE_TMPDIR/cache"
	cd "$BATS_TEST_TMPDIR" || exit 1
	token=glpat-$(printf 'q7Rw2mXk9TzL4vBn8Yc0')
}

# form of the token on stdin, by name
encode() {
	python3 -c '
import base64, sys, urllib.parse
t = sys.stdin.read()
print({
    "base64": lambda: base64.b64encode(t.encode()).decode(),
    "base64url": lambda: base64.urlsafe_b64encode(t.encode()).decode().rstrip("="),
    "hex": lambda: t.encode().hex(),
    "HEX": lambda: t.encode().hex().upper(),
    "percent": lambda: "".join("%%%02X" % ord(c) for c in t),
    "partly": lambda: t.replace("-", "%2D"),
    "unicode": lambda: "".join("\\u%04x" % ord(c) for c in t),
    "double": lambda: "".join("\\\\u%04x" % ord(c) for c in t),
    "plus": lambda: "".join("U+%04X" % ord(c) for c in t),
    "escape": lambda: "".join("\\x%02x" % ord(c) for c in t),
    "braces": lambda: "".join("\\u{%x}" % ord(c) for c in t),
    "entity": lambda: "".join("&#%d;" % ord(c) for c in t),
    "entityx": lambda: "".join("&#x%X;" % ord(c) for c in t),
    "quoted": lambda: "".join("=%02X" % ord(c) for c in "k=" + t),
    "once": lambda: t[:9] + "\" + \"" + t[9:],
    "join": lambda: t[:9] + "\" + \"" + t[9:20] + "\"+\"" + t[20:],
}[sys.argv[1]](), end="")' "$1"
}

@test "every coding, with its tag, at its line and column" {
	for form in base64:base64 base64url:base64 hex:hex HEX:hex percent:percent \
		partly:percent unicode:unicode double:unicode plus:unicode escape:escape \
		braces:unicode entity:entity entityx:entity quoted:quoted join:join once:join; do
		printf 'x\nmsg = "%s"\n' "$(printf %s "$token" | encode "${form%:*}")" >f
		run "$scan" scan --report-format json --report-path out.json f
		[ "$status" -eq 1 ]
		python3 - "$token" "${form#*:}" <<-'P'
		import json, sys
		found = json.load(open("out.json"))
		assert len(found) == 1, found
		f = found[0]
		assert f["Secret"] == sys.argv[1], f
		at = 14 if sys.argv[2] == "quoted" else 8
		assert f["StartLine"] == 2 and f["StartColumn"] in (8, at), f
		assert "decoded:" + sys.argv[2] in f["Tags"], f
		assert "decode-depth:1" in f["Tags"], f
		P
		run "$scan" scan --max-decode-depth 0 f
		[ "$status" -eq 0 ]
	done
}

@test "layers are taken off up to the depth" {
	text="secret: $token"
	for i in 1 2 3 4 5 6; do
		text=$(printf %s "$text" | encode base64)
		echo "$text" >f$i
	done
	for i in 1 2 3 4 5; do
		run "$scan" scan --report-format json f$i
		[ "$status" -eq 1 ]
		[[ $output == *"decode-depth:$i"* ]]
	done
	run "$scan" scan f6
	[ "$status" -eq 0 ]
	run "$scan" scan --max-decode-depth 6 f6
	[ "$status" -eq 1 ]
	run "$scan" scan --max-decode-depth 2 f3
	[ "$status" -eq 0 ]
}

@test "different codings in turn" {
	printf %s "$token" | encode hex | encode base64 | encode percent >f
	run "$scan" scan --report-format json f
	[ "$status" -eq 1 ]
	for word in decoded:percent decoded:hex decoded:base64 decode-depth:3; do
		[[ $output == *"$word"* ]]
	done
}

@test "a whole private key in base64; a comment on its line allows it" {
	{
		echo "-----BEGIN RSA PRIVATE ""KEY-----"
		head -c 800 /dev/urandom | base64
		echo "-----END RSA PRIVATE ""KEY-----"
	} >key
	echo "data: $(base64 -w0 key)" >f
	run "$scan" scan --report-format json f
	[ "$status" -eq 1 ]
	[[ $output == *private-key* ]]
	echo "data: $(base64 -w0 key) # curfew:allow" >f
	run "$scan" scan f
	[ "$status" -eq 0 ]
}

@test "a secret in plain text and the same escaped in part is told once" {
	echo "url = https://h/?t=$token%20x%21" >f
	run "$scan" scan --report-format json --report-path out.json f
	[ "$status" -eq 1 ]
	[ "$(grep -c RuleID out.json)" -eq 1 ]
}

@test "what decodes to nothing readable is nothing" {
	head -c 30000 /dev/urandom | base64 -w0 >f
	head -c 30000 /dev/urandom | od -An -tx1 | tr -d ' \n' >>f
	run "$scan" scan --quiet f
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "a long segment is looked at in all its pieces" {
	{ yes "line of text that fills" | head -c 1040000; echo "x $token x"
		yes "line of text that fills" | head -c 2500000; echo "y ${token%0}Z y"; } >plain
	{ printf 'data:'; base64 -w0 plain; } >f
	run "$scan" scan --report-format json --report-path out.json f
	[ "$status" -eq 1 ]
	[ "$(grep -c RuleID out.json)" -eq 2 ]
}

@test "hostile: a megabyte of segments in segments is done quickly" {
	python3 - >f <<-'P'
	import base64
	t = b"%41%42%43%44 0123456789abcdef " * 4000
	for _ in range(7):
	    t = base64.b64encode(t)
	print(t.decode())
	for _ in range(20000):
	    print(base64.b64encode(b"password=%41%42").decode(), end=" ")
	P
	run timeout 300 "$scan" scan f
	[ "$status" -le 1 ]
}

@test "base64 over several lines, and gzip inside of it" {
	python3 - "$token" <<-'P'
	import base64, gzip, json, os, sys
	t = sys.argv[1]
	def wrap(b, width, indent=""):
	    s = base64.b64encode(b).decode()
	    return "".join(indent + s[i:i + width] + "\n" for i in range(0, len(s), width))
	long = ("first line\nnext = %s\n" % t + "some more text to wrap\n" * 4).encode()
	far = ("some more text to wrap, here\n" * 20 + "x = %s\n" % t).encode()
	release = json.dumps({"chart": {"values": {"note": t}}, "pad": "z" * 300}).encode()
	os.mkdir("w")
	put = lambda name, s: open("w/" + name, "w").write(s)
	put("mime64", "a\n\n" + wrap(long, 64))
	put("mime76", "a\n\n" + wrap(long, 76) + "\nend\n")
	put("yaml", "data: |\n" + wrap(far, 64, "    ") + "other: 1\n")
	put("crlf", wrap(long, 76).replace("\n", "\r\n"))
	put("gzip", "data: " + base64.b64encode(gzip.compress(release)).decode() + "\n")
	put("helm", "release: " + base64.b64encode(base64.b64encode(gzip.compress(release))).decode() + "\n")
	put("gzipwrapped", wrap(gzip.compress(far), 64))
	P
	"$scan" scan --dir --exit-code 0 --report-format json --report-path out.json w
	python3 - "$token" <<-'P'
	import json, sys
	by = {}
	for f in json.load(open("out.json")):
	    by.setdefault(f["File"].split("/")[1], []).append(f)
	want = {"mime64": "wrapped", "mime76": "wrapped", "yaml": "wrapped", "crlf": "wrapped",
	        "gzip": "gzip", "helm": "gzip", "gzipwrapped": "gzip"}
	for name, tag in want.items():
	    f = [f for f in by.get(name, []) if f["Secret"] == sys.argv[1]]
	    assert len(f) == 1, (name, f)
	    assert "decoded:" + tag in f[0]["Tags"], (name, f)
	assert by["mime64"][0]["StartLine"] == 3, by["mime64"]
	P
	# what is packed too tightly is not unpacked, and that is said
	python3 -c '
import base64, gzip, sys
print(base64.b64encode(gzip.compress(b"x" * 1000000 + sys.argv[1].encode())).decode())' "$token" >bomb
	run "$scan" scan bomb
	[ "$status" -eq 4 ]
	[[ $output == *bomb*limit* ]]
	# text that only begins like it is nothing
	echo "H4sIAAAAAAAAA0vOzy1KLS7OzM9TSM7PS8tMT01JBQBKCdE0FgAAAA" >cut
	run "$scan" scan cut
	[ "$status" -eq 0 ]
}

@test "gzip in base64 as gzip and tar write it: with a name, padded" {
	echo "note: $token" >plain
	echo "data: $(gzip -c plain | base64 -w0)" >named
	echo "data: $(tar cf - plain | gzip -9n | base64 -w0)" >tar
	head -c 1500000 /dev/urandom | base64 -w0 | sed 's/.\{300\}/&\n/g' >long
	cat plain >>long
	echo "data: $(gzip -c long | base64 -w0)" >big
	for f in named tar big; do
		run "$scan" scan --report-format json --report-path out.json "$f"
		echo "$f: $output"
		[ "$status" -eq 1 ]
		grep -q '"Secret": "'"$token"'"' out.json
		grep -q decoded:gzip out.json
	done
}
