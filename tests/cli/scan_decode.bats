#!/usr/bin/env bats
# curfew-scan scan: what is encoded is found, told as such, at its place.

setup() {
	scan=$CURFEW_BUILD/curfew-scan
	export CURFEW_SCAN_CACHE=$BATS_FILE_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
	token=glpat-$(printf 'a1B2c3D4e5F6g7H8i9J0')
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
}[sys.argv[1]](), end="")' "$1"
}

@test "every coding, with its tag, at its line and column" {
	for form in base64:base64 base64url:base64 hex:hex HEX:hex percent:percent \
		partly:percent unicode:unicode double:unicode plus:unicode escape:escape; do
		printf 'x\nmsg = "%s"\n' "$(printf %s "$token" | encode "${form%:*}")" >f
		run "$scan" scan --report-format json --report-path out.json f
		[ "$status" -eq 1 ]
		python3 - "$token" "${form#*:}" <<-'P'
		import json, sys
		found = json.load(open("out.json"))
		assert len(found) == 1, found
		f = found[0]
		assert f["Secret"] == sys.argv[1], f
		assert f["StartLine"] == 2 and f["StartColumn"] == 8, f
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
	run timeout 20 "$scan" scan f
	[ "$status" -le 1 ]
}
