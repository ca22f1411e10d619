# shellcheck shell=bash
# A git server of our own: a bare repository behind sshd (forced command) and
# behind git http-backend.  push_start sets PUSH_DIR; push_stop ends all of it.

# A CGI server for git http-backend, on a free port of loopback.
push_http() {
	python3 "${BATS_TEST_DIRNAME}/git_http.py" "$PUSH_DIR" \
		>"$PUSH_DIR/http.port" 2>"$PUSH_DIR/http.log" 3>&- &
	echo $! >"$PUSH_DIR/http.pid"
	for _ in $(seq 600); do
		[ -s "$PUSH_DIR/http.port" ] && break
		sleep 0.1
	done
	HTTP_PORT=$(cat "$PUSH_DIR/http.port")
	[ -n "$HTTP_PORT" ]
}

# What sshd starts for the pusher's key: git's own server side, nothing else.
push_ssh() {
	start_sshd
	new_key pusher
	cat >"$PUSH_DIR/serve" <<-END
		#!/bin/sh
		export HOME='$PUSH_DIR/home' GIT_CONFIG_SYSTEM=/dev/null
		export CURFEW_SCAN_CACHE='$CURFEW_SCAN_CACHE'
		cd '$PUSH_DIR' && exec git shell -c "\$SSH_ORIGINAL_COMMAND"
	END
	chmod 755 "$PUSH_DIR/serve"
	printf 'restrict,command="%s" %s\n' "$PUSH_DIR/serve" \
		"$(cat "$SSHD_DIR/id/pusher.pub")" >"$SSHD_DIR/keys/$(id -un)"
	GIT_SSH_COMMAND="ssh -F none -p $SSHD_PORT -i $SSHD_DIR/id/pusher \
-o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \
-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
	export GIT_SSH_COMMAND
}

push_start() {
	PUSH_DIR=$(mktemp -d "${TMPDIR:-/tmp}/curfew-push.XXXXXX")
	export PUSH_DIR
	chmod 755 "$PUSH_DIR"
	mkdir "$PUSH_DIR/home"
	push_ssh
	push_http
	export HTTP_PORT
}

push_stop() {
	[ -n "${PUSH_DIR:-}" ] || return 0
	[ ! -s "$PUSH_DIR/http.pid" ] || kill "$(cat "$PUSH_DIR/http.pid")"
	stop_sshd
	rm -rf "$PUSH_DIR"
}

# url WAY REPO: where a client finds it
url() {
	case $1 in
	ssh) echo "ssh://$(id -un)@127.0.0.1:$SSHD_PORT$PUSH_DIR/$2" ;;
	http) echo "http://127.0.0.1:$HTTP_PORT/$2" ;;
	esac
}
