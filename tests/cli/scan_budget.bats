#!/usr/bin/env bats
# What a push may cost: time and unpacked bytes are bounded whatever it holds,
# and what was not looked at is told and refused.  No test here asks a clock:
# CURFEW_DEADLINE_ASKS ends the time at the N-th question, CURFEW_COUNTS tells
# how much was done until then.

load scan

setup() {
	scan_setup
}

server() {
	scan_server # only questions end its time
	echo clean >f
	git add f
	git commit -qm one
	git push -q origin main
}

push() { # the guard is for a hook that hangs, not a bound
	git add -A
	git commit -qm "${1:-more}"
	run timeout 300 git push origin main
}

# count NAME: what the hook says it did
count() {
	grep -o "$1 [0-9]*" <<<"$output" | tail -n1 | cut -d' ' -f2
}

bombs() { # NUMBER ENTRIES: zips of gzip bombs of 20 MB each
	python3 - "$1" "$2" <<-'P'
	import gzip, sys, zipfile
	for i in range(int(sys.argv[1])):
	    g = gzip.compress(b"%030d\n" % i * 650000, 9, mtime=0)
	    with zipfile.ZipFile("bomb%d.zip" % i, "w") as z:
	        for k in range(int(sys.argv[2])):
	            z.writestr("f%d.gz" % k, g)
	P
}

@test "zips of gzip bombs: the time ends inside of an archive" {
	server
	bombs 20 5
	export CURFEW_COUNTS=1 CURFEW_DEADLINE_ASKS=100
	push
	[ "$status" -ne 0 ]
	[[ $output == *"refused: "*"not looked at, the time was over (curfew.maxTime, "* ]]
	[[ $output == *"git config curfew.maxTime 60s"* ]]
	[[ $output == *"git config curfew.onTimeout accept"* ]]
	# each question stands for a quarter of a megabyte at most
	[ "$(count unpacked)" -lt 30000000 ]
	[ "$(count unpacked)" -gt 1000000 ]
	git -C ../server config curfew.onTimeout accept
	run timeout 300 git push origin main
	[ "$status" -eq 0 ]
	[[ $output == *"let through: "*"curfew.onTimeout = accept"* ]]
}

@test "all archives of a push together unpack to no more than curfew.maxUnpacked" {
	server
	bombs 60 5
	git -C ../server config curfew.maxUnpacked 40
	export CURFEW_COUNTS=1
	push
	[ "$status" -ne 0 ]
	[[ $output == *"archives unpack to more than 40 MB"*"curfew.maxUnpacked 160"* ]]
	[[ $output == *"curfew.onUnread accept"* ]]
	[ "$(count unpacked)" -lt 42000000 ]
	git -C ../server config curfew.onUnread accept
	run timeout 300 git push origin main
	[ "$status" -eq 0 ]
	[[ $output == *"not looked at whole (curfew.onUnread = accept)"* ]]
}

@test "one archive of bombs pays for those that did not fit, too" {
	bombs 1 200
	export CURFEW_COUNTS=1
	run timeout 300 "$scan" scan bomb0.zip
	[ "$status" -eq 4 ]
	[[ $output == *"unpacks to more than the limit"* ]]
	[ "$(count unpacked)" -lt 300000000 ]
}

# until STAGE: a file of which one object is far more work than the questions
# that are left; the hook ends inside of it, and says so
until_late() {
	export CURFEW_COUNTS=1
	push
	[ "$status" -ne 0 ]
	[[ $output == *"the time was over (curfew.maxTime"* ]]
	[ "$(count asked)" -le $((CURFEW_DEADLINE_ASKS * 3 / 2 + 20)) ]
}

@test "matching: the time ends inside of one text" {
	server
	yes "nothing of note stands in this line of text" | head -c 60000000 >big
	export CURFEW_DEADLINE_ASKS=30
	until_late
	[ "$(count matched)" -lt 45000000 ]
}

@test "confirming: tokens without end" {
	server
	python3 - <<-'P'
	import random
	r = random.Random(1)
	with open("tokens", "w") as f:
	    for i in range(100000):
	        f.write("k = gl" + "pat-%020x\n" % r.getrandbits(80))
	P
	export CURFEW_DEADLINE_ASKS=60
	until_late
	# and what was found until then is told
	[[ $output == *"secrets found"*gitlab-token* ]]
}

@test "decoding: a line of nothing but base64" {
	server
	python3 - <<-'P'
	import base64
	with open("coded", "w") as f:
	    for i in range(60000):
	        f.write(base64.b64encode(b"user%08d pass" % i).decode() + " ")
	P
	export CURFEW_DEADLINE_ASKS=40
	until_late
}

@test "headers of keys without an end cost their length" {
	server
	yes -- "-----BEGIN RSA PRIVATE KEY-----" | head -c 12400000 >headers
	export CURFEW_COUNTS=1
	push
	[ "$status" -eq 0 ]
	[ "$(count matched)" -lt 14000000 ]
}

@test "a user's rule of quadratic work is given up, in time" {
	server
	printf "[[rules]]\nid='wide'\nregex='''BEGIN[a-zA-Z \\\\n]{64,}KEY'''\nkeywords=['begin']\n" >../rules.toml
	git -C ../server config curfew.config "$PWD/../rules.toml"
	yes "BEGIN A" | head -c 2000000 >headers
	export CURFEW_DEADLINE_ASKS=20
	until_late
}

@test "scan --max-time: incomplete is told, in words and by status 4" {
	yes "nothing of note stands in this line of text" | head -c 60000000 >big
	export CURFEW_COUNTS=1 CURFEW_DEADLINE_ASKS=30
	run timeout 300 "$scan" scan --max-time 1h big
	[ "$status" -eq 4 ]
	[[ $output == *"incomplete: the time was over (--max-time)"* ]]
	[ "$(count matched)" -lt 45000000 ]
	run "$scan" scan --max-time soon big
	[ "$status" -eq 126 ]
}

@test "objects of a pack that were not reached are counted" {
	server
	git -C ../server config transfer.unpackLimit 1
	for i in $(seq 50); do seq "$i" 4000 >"n$i"; done
	export CURFEW_COUNTS=1 CURFEW_DEADLINE_ASKS=10
	push
	[ "$status" -ne 0 ]
	[[ $output =~ refused:\ ([0-9]+)\ objects\ were\ not\ looked\ at ]]
	[ "${BASH_REMATCH[1]}" -gt 30 ]
	unset CURFEW_DEADLINE_ASKS
	run git push origin main
	[ "$status" -eq 0 ]
}
