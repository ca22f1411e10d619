#!/usr/bin/env bats
# The organisation's own secrets: published by the vault, found by value.

load agent
load scan

setup() {
	agent_setup
	scan_setup
	connected svc <<-'E'
		{"what":"account","account":"ci","state":"active"}
		{"what":"credential","account":"ci","kind":"password","id":"good","state":"active"}
		{"what":"credential","account":"ci","kind":"password","id":"weak","state":"active"}
		{"what":"credential","account":"ci","kind":"password","id":"tiny","state":"active"}
		{"what":"credential","account":"ci","kind":"password","id":"text","state":"active"}
		{"what":"credential","account":"ci","kind":"password","id":"none","state":"active"}
	E
	"$curfew" sync >/dev/null
	# no rule would know it
	good=q7Vx-2mZ.pL9_wR4t~Kd8s
	learn good "$good"
	learn weak "summerSummer2024!company"
	learn tiny "x9Kd8s2"
	learn text "one two three four five six"
	"$curfew" hook publish known.set >published
}

learn() {
	printf %s "$2" | "$curfew" learn "svc/ci#$1" --secret-stdin >/dev/null
}

@test "what goes in is counted, and what does not, with the reason" {
	grep -q '^1 secret published' published
	grep -q '^3 left out' published
	grep -q '1  shorter than 16' published
	grep -q '1  not one word' published
	grep -q '1  could be guessed' published
	grep -q '1 credential has no value' published
	run "$curfew" --verbose hook publish known.set
	says "left out: svc/ci#weak"
	says_not summerSummer
	says_not "$good"
	run "$curfew" --json hook publish known.set
	says '"published": 1'
	says '"weak": 1'
	[ "$(stat -c %a known.set)" = 644 ]
	run "$curfew" audit log
	says "published the fingerprints of 1 secrets"
}

@test "two sets of one vault have nothing in common but their form" {
	"$curfew" hook publish other.set >/dev/null
	run cmp -s known.set other.set
	[ "$status" -eq 1 ]
	# fingerprints lie behind the Bloom bits; key and prints differ
	! cmp -s <(tail -c 112 known.set | head -c 16) <(tail -c 112 other.set | head -c 16)
	! grep -q "$good" known.set || false
}

@test "a value is found wherever it stands, but inside a longer run" {
	{
		echo "postgres://ci:$good@db/x"
		echo "PASSWORD=$good"
		echo "<p>$good</p>"
		echo "a${good}b"
	} >f
	run "$scan" scan --known known.set --report-format csv f
	[ "$status" -eq 1 ]
	[ "$(grep -c ^curfew-known-secret <<<"$output")" -eq 3 ] || { echo "$output"; false; }
	# the third is the last
	! grep -q ',4,4,' <<<"$output" || false
}

@test "a comment does not allow it, encoded neither" {
	for v in "$(printf %s "$good" | base64)" \
	    "$(printf %s "password=$good" | od -An -v -tx1 | tr -d ' \n')"; do
		echo "x = $v # curfew:allow" >f
		run "$scan" scan --known known.set --report-format csv f
		[ "$status" -eq 1 ]
		grep -q ^curfew-known-secret <<<"$output" || { echo "$output"; false; }
	done
	# the comment holds for what only looks like a secret
	v=gl"pat-hookTESTsecret456789"
	echo "x = $(printf %s "$v" | base64) # curfew:allow" >f
	"$scan" scan --known known.set f
}

@test "the compiled rules are the same with and without known secrets" {
	echo plain >f
	"$scan" scan f
	"$scan" scan --known known.set f
	[ "$(find "$CURFEW_SCAN_CACHE" -name 'rules-*.db' | wc -l)" -eq 1 ]
	# and rules behind its place are still told by their own names
	echo "a = gl""pat-hookTESTsecret456789" >f
	run "$scan" scan --known known.set --report-format csv f
	grep -q ^gitlab-token <<<"$output"
}

@test "a comment does not allow it, a baseline does" {
	echo "x = $good # gitleaks:allow" >f
	run "$scan" scan --known known.set f
	[ "$status" -eq 1 ]
	says curfew-known-secret
	says_not "$good"
	"$scan" scan --known known.set --report-path base.json f || true
	run "$scan" scan --known known.set --baseline-path base.json f
	[ "$status" -eq 0 ]
}

@test "a set that was altered, cut, or signed by another is refused" {
	key=$(grep -o 'known-key [0-9a-f]*' published | cut -d' ' -f2)
	echo x >f
	run "$scan" scan --known known.set --known-key "$key" f
	[ "$status" -eq 0 ]
	run "$scan" scan --known known.set --known-key "${key//[0-9]/a}" f
	[ "$status" -eq 3 ]
	says "another vault"
	head -c 200 known.set >cut.set
	run "$scan" scan --known cut.set f
	[ "$status" -eq 3 ]
	says "its head tells of"
	for at in 17 25 30 40 70 97 240 250; do
		cp known.set bad.set
		printf '\377' | dd of=bad.set bs=1 seek=$at conv=notrunc status=none
		cmp -s known.set bad.set && continue
		run "$scan" scan --known bad.set f
		[ "$status" -eq 3 ] || { echo "byte $at: $status"; false; }
	done
	echo nonsense >bad.set
	run "$scan" scan --known bad.set f
	[ "$status" -eq 3 ]
	says "no published set"
}

@test "history: the delta walk finds what a whole scan finds" {
	git init -q -b main r
	cd r
	for i in $(seq 40); do
		seq $((i * 7)) $((i * 7 + 400)) >big
		case $((i % 5)) in
		0) sed -i "20s/.*/key: $good/" big ;;
		1) sed -i "20s/.*/keyy:$good,/" big ;;
		2) sed -i "20s/.*/a$good/" big ;;
		3) sed -i "20s/.*/${good:0:9}/;21s/.*/${good:9}/" big ;;
		esac
		[ $((i % 7)) -ne 0 ] || printf %s "$good" >>big
		[ $((i % 6)) -ne 0 ] || sed -i "1s/^/$good/" big
		git add big
		git commit -qm "c$i"
	done
	git repack -adfq --depth=50 --window=50
	"$scan" scan --known ../known.set --list-objects ../delta . >/dev/null || true
	"$scan" scan --known ../known.set --whole --list-objects ../whole . >/dev/null || true
	[ "$(grep -c curfew-known ../whole)" -ge 12 ]
	diff <(sort ../delta) <(sort ../whole)
}

@test "a push with it is refused, whatever it looks like" {
	git init -q --bare server
	git -C server config curfew.maxTime 1h # the machine may be slow
	mkdir spool
	key=$(grep -o 'known-key [0-9a-f]*' published | cut -d' ' -f2)
	spool=$(grep -o 'spool-key [0-9a-f]*' published | cut -d' ' -f2)
	run "$scan" hook install --known known.set --known-key "$key" \
		--spool spool --spool-key "$spool" server
	[ "$status" -eq 0 ]
	says "known secrets: $PWD/known.set: 1, published"
	git init -q -b main work
	cd work
	git remote add origin ../server
	echo clean >f; git add f; git commit -qm one
	git push -q origin main
	echo "note: $good" >f; git add f; git commit -qm two
	run git push origin main
	[ "$status" -ne 0 ]
	says "f:1  curfew-known-secret"
	says_not "$good"
	[ "$(find ../spool -name '*.sealed' | wc -l)" -eq 1 ]
	! grep -rq "$good" ../spool || false
	run "$scan" hook status ../server
	[ "$status" -eq 0 ]
	mv ../known.set ../gone.set
	run git push origin main # fails closed
	[ "$status" -ne 0 ]
	run "$scan" hook status ../server
	[ "$status" -ne 0 ]
	run "$scan" hook uninstall ../server
	[ "$status" -eq 0 ]
	[ "$(git -C ../server config --name-only --get-regexp '^curfew\.')" = curfew.maxtime ] # ours
}

@test "layouts: settings reach the hook wherever its script lies" {
	known=$(grep -o 'known-key [0-9a-f]*' published | cut -d' ' -f2)
	spool=$(grep -o 'spool-key [0-9a-f]*' published | cut -d' ' -f2)
	mkdir spool hooks.d
	for kind in plain gitea gitlab path; do
		git init -q --bare "$kind"
		git -C "$kind" config curfew.maxTime 1h
	done
	mkdir -p gitea/hooks/pre-receive.d gitlab/custom_hooks
	scan_dispatcher gitea
	git -C path config core.hooksPath "$PWD/hooks.d"
	run "$scan" hook install --known known.set --known-key "$known" \
		--spool spool --spool-key "$spool" plain gitea gitlab path
	[ "$status" -eq 0 ]
	git init -q -b main work
	echo "note: $good" >work/f
	git -C work add .
	git -C work commit -qm one
	n=0
	for script in plain/hooks/pre-receive gitea/hooks/pre-receive.d/curfew \
		gitlab/custom_hooks/pre-receive.d/curfew hooks.d/pre-receive; do
		[ -x "$script" ]
		repo=${script%%/*}
		[ "$repo" != hooks.d ] || repo=path
		# GitLab starts what lies in its folder; so does this
		[ "$repo" != gitlab ] || ln -s "$PWD/$script" gitlab/hooks/pre-receive
		run git -C work push "$PWD/$repo" main
		[ "$status" -ne 0 ] || { echo "$repo took it"; false; }
		says "f:1  curfew-known-secret"
		n=$((n + 1))
		[ "$(find spool -name '*.sealed' | wc -l)" -eq "$n" ]
	done
	run "$scan" hook status plain gitea gitlab path
	[ "$status" -eq 0 ]
	[ "$(grep -c "known secrets: $PWD/known.set: 1" <<<"$output")" -eq 4 ]
	[ "$(grep -c "spool: $PWD/spool" <<<"$output")" -eq 4 ]
	run "$scan" hook uninstall plain gitea gitlab path
	[ "$status" -eq 0 ]
	for repo in plain gitea gitlab path; do
		[ "$(git -C "$repo" config --name-only --get-regexp '^curfew\.')" = curfew.maxtime ] # ours
	done
	run "$scan" hook install --spool nowhere plain
	[ "$status" -ne 0 ]
	run "$scan" hook install --spol spool plain
	[ "$status" -eq 126 ]
}
