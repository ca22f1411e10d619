#!/usr/bin/env bats
# Every verb of every definition against every misbehaviour (http_matrix.py).
# Two of the longest at a time; each prints how many answers it held to account.

matrix() {
	local s
	for s in "$@"; do
		python3 "$BATS_TEST_DIRNAME/http_matrix.py" "$CURFEW_BUILD/curfew-provider-http" \
			"$BATS_TEST_DIRNAME/../../providers/http" "$s" >"$BATS_TEST_TMPDIR/$s.out" 2>&1 3>&- &
		eval "pid_$s=\$!"
	done
	local bad=0 pid
	for s in "$@"; do
		pid=pid_$s
		wait "${!pid}" || bad=1
		cat "$BATS_TEST_TMPDIR/$s.out"
		tail -1 "$BATS_TEST_TMPDIR/$s.out" | sed 's/^/# /' >&3
	done
	return "$bad"
}

@test "every definition has its cases" {
	for f in "$BATS_TEST_DIRNAME"/../../providers/http/*.toml; do
		python3 -c 'import sys; sys.path.insert(0, sys.argv[1])
import http_cases; http_cases.SERVICES[sys.argv[2]]' "$BATS_TEST_DIRNAME" "$(basename "$f" .toml)"
	done
}

@test "GitLab and GitHub: each verb, each misbehaviour, at each request" {
	matrix gitlab github
}

@test "AWS, Okta and HashiCorp Vault: each verb, each misbehaviour, at each request" {
	matrix aws okta hashivault
}

@test "Kubernetes, AWS Secrets Manager and Entra: each delivery, each misbehaviour" {
	matrix kubernetes awssecrets entra
}

@test "Slack, Cloudflare and Google Cloud: each verb, each misbehaviour, at each request" {
	matrix slack cloudflare gcp
}
