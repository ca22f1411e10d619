#!/usr/bin/env bats
# What is over the limit of one text is named with its size, and what to type.

load scan

setup() {
	scan_setup
	git init -q -b main work
	cd work
	echo one >f
	git add f
	git commit -qm one
	seq 400000 | head -c 2300000 >big
	seq 300000 | head -c 1900000 >less
	git add .
}

named() { # NUMBER
	[ "$status" -eq 4 ]
	[[ $output == *": 2300000 bytes, over the limit of 1000000"* ]]
	[[ $output == *"$1 over the limit of 1 MB; --max-target-megabytes 3 takes these"* ]]
}

@test "scan: loose, packed, as a delta, a range, staged, a folder" {
	run "$scan" scan --max-target-megabytes 1 --staged
	named 2
	run "$scan" scan --max-target-megabytes 1 --dir
	named 2
	git commit -qm big
	run "$scan" scan --max-target-megabytes 1
	named 2
	run "$scan" scan --max-target-megabytes 1 --range HEAD~1..
	named 2
	sed -i 1d less
	git commit -qam "a delta"
	git repack -qad
	run "$scan" scan --max-target-megabytes 1
	[ "$status" -eq 4 ]
	[[ $output == *" over the limit of 1 MB; --max-target-megabytes "[23]" takes these"* ]]
	[[ $output == *": its base cannot be read"* ]]
	run "$scan" scan --max-target-megabytes 3
	[ "$status" -eq 0 ]
	[[ $output != *"over the limit"* ]]
	git repack -qadf --depth=0
	run "$scan" scan --max-memory 4
	[ "$status" -eq 4 ]
	[[ $output == *"--max-memory 12 and --max-target-megabytes 3 take these"* ]]
	run "$scan" scan --max-memory 12 --max-target-megabytes 3
	[ "$status" -eq 0 ]
	run "$scan" scan --stdin --max-target-megabytes 1 <big
	[ "$status" -eq 3 ]
	[[ $output == *"--max-target-megabytes"* ]]
}

@test "the hook: loose, packed, an old file at a new path; curfew.maxFile" {
	git init -q --bare ../server
	git commit -qm big
	git push -q ../server main
	"$scan" hook install ../server >/dev/null
	git -C ../server config curfew.maxTime 1h
	git -C ../server config curfew.maxFile 1
	refused() {
		[ "$status" -ne 0 ]
		[[ $output == *": 2300000 bytes, over the limit of 1000000"* ]]
		[[ $output == *"over the 1 MB of curfew.maxFile; "*"'git config curfew.maxFile 3'"* ]]
	}
	git mv big moved
	git commit -qm moved
	run git push ../server main
	refused
	[[ $output == *"'moved': "* ]]
	git reset -q --hard HEAD~1
	echo more >>big
	git commit -qam more
	for n in 100 1; do
		git -C ../server config transfer.unpackLimit "$n"
		run git push ../server HEAD:main
		[ "$status" -ne 0 ]
		[[ $output == *"cannot scan 'big' of commit "* ]]
		[[ $output == *" bytes, over the limit of 1000000"* ]]
		[[ $output == *"'git config curfew.maxFile 3'"* ]]
	done
	git -C ../server config curfew.maxFile 3
	run git push ../server HEAD:main
	[ "$status" -eq 0 ]
	for v in 0 1001 much; do
		git -C ../server config curfew.maxFile "$v"
		git commit -q --allow-empty -m "$v"
		run git push ../server HEAD:main
		[ "$status" -ne 0 ]
		[[ $output == *"'curfew.maxFile': '$v' is no value for it"* ]]
	done
}
