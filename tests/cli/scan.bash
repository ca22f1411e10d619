# shellcheck shell=bash disable=SC2034
# For the bats files that run curfew-scan.

# Every setup: the program, a secret, no settings but the test's own, its folder.
scan_setup() {
	scan=$CURFEW_BUILD/curfew-scan
	scan_cache "$BATS_FILE_TMPDIR/cache"
	git_alone A
	secret=gl"pat-hookTESTsecret456789"
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# git_alone NAME: git with nobody's settings, as NAME, whose address is in lower
# case
git_alone() {
	local name=$1
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
	export GIT_AUTHOR_NAME=$name GIT_AUTHOR_EMAIL=${name,,}@example.org
	export GIT_COMMITTER_NAME=$name GIT_COMMITTER_EMAIL=${name,,}@example.org
}

# A server with the hook, which has time on a slow machine too, and a clone.
scan_server() {
	git init -q --bare server
	"$scan" hook install server >/dev/null
	git -C server config curfew.maxTime 1h
	git init -q -b main work
	cd work || exit 1
	git remote add origin ../server
}

# scan_dispatcher REPO: its pre-receive runs what lies in pre-receive.d, as that of
# Gitea does.
scan_dispatcher() {
	cat >"$1/hooks/pre-receive" <<-'END'
		#!/bin/sh
		data=$(cat)
		for hook in "${GIT_DIR:-.}/hooks/$(basename "$0").d"/*; do
			[ ! -x "$hook" ] || echo "$data" | "$hook" || exit 1
		done
	END
	chmod +x "$1/hooks/pre-receive"
}

# scan_cache FOLDER: compiled rules are kept there.  tests/run has them made once
# for all files, which is seconds, and with the sanitizers many of them.
scan_cache() {
	export CURFEW_SCAN_CACHE=$1
	[ -d "$1" ] && return
	mkdir -m 700 "$1"
	[ -z "${CURFEW_TEST_RULES:-}" ] || cp -p "$CURFEW_TEST_RULES"/*.{db,bin} "$1"
}
