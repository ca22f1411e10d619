#!/usr/bin/env bats
# hook status and install: what would not work is said before a push.

load scan

setup() {
	scan_setup
	scan_server
	echo clean >f; git add f; git commit -qm one
}

@test "status: a setting with which every push is refused" {
	local name
	for name in minConfidence maxTime onTimeout onUnread maxFile maxUnpacked; do
		git -C ../server config curfew.$name hihg
		run "$scan" hook status ../server
		[ "$status" -eq 3 ] || { echo "$name: $status"; false; }
		[[ $output == *"curfew.$name"*hihg* ]]
		git -C ../server config --unset curfew.$name
	done
	git -C ../server config curfew.ignoreFile passed
	run "$scan" hook status ../server
	[ "$status" -eq 3 ]
	[[ $output == *"curfew.ignoreFile"*"passed"* ]]
	run git push origin main
	[ "$status" -ne 0 ]
	touch ../server/passed # where the hook is started
	"$scan" hook status ../server
	git -C ../server config curfew.ignoreFile ""
	"$scan" hook status ../server
	git push -q origin main
}

@test "pre-receive.d: what nobody runs is told, at install and after" {
	"$scan" hook uninstall ../server
	mkdir ../server/hooks/pre-receive.d
	run "$scan" hook install ../server
	[ "$status" -eq 1 ]
	[[ $output == *"nothing runs it: "*"hooks/pre-receive only, which is not there"* ]]
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
	printf '#!/bin/sh\n# runs pre-receive.d/*\nexit 0\n' >../server/hooks/pre-receive
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
	[[ $output == *"nothing runs it: "*"not executable"* ]]
	chmod +x ../server/hooks/pre-receive
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
	[[ $output == *"nothing runs it: "*"names no such folder"* ]]
	scan_dispatcher ../server
	"$scan" hook status ../server
	git push -q origin main
	echo "token = $secret" >dir.txt
	git add dir.txt
	git commit -qm leak
	run git push origin main
	[ "$status" -ne 0 ]
	[[ $output == *"dir.txt:1  gitlab-token"* ]]
	git -C ../server config core.hooksPath "$PWD/elsewhere"
	run "$scan" hook status ../server
	[ "$status" -eq 1 ]
	[[ $output == *"nothing runs it: "*"elsewhere/pre-receive only, which is not there"* ]]
}
