# shellcheck shell=bash
# A Dovecot with Pigeonhole of our own, in a temporary folder, on free ports.
#
# start_dovecot USER... sets and exports DC_DIR, DC_KEY (of the doveadm API),
# DC_IMAP, DC_HTTP, DC_LMTP and DC_SIEVE (ports on 127.0.0.1); stop_dovecot ends
# it and removes the folder.  Each user's password is pw-USER.  Needs root, as
# the server does for mailboxes of several owners.
# With DC_TLS=yes the API speaks https and IMAP imaps, with a certificate for
# localhost of the authority in $DC_DIR/ca.pem.
#   deny file       $DC_DIR/auth/deny
#   log             $DC_DIR/log
#   homes           $DC_DIR/home/USER

# shellcheck source=tests/real/port.bash
. "${BASH_SOURCE[0]%/*}/port.bash"

dc_config() {
	cat >"$DC_DIR/dovecot.conf" <<-END
		base_dir = $DC_DIR/run
		state_dir = $DC_DIR/state
		instance_name = $(basename "$DC_DIR")
		log_path = $DC_DIR/log
		protocols = imap lmtp sieve
		listen = 127.0.0.1
		$(dc_tls ssl = no)
		disable_plaintext_auth = no
		auth_cache_size = 1M
		auth_master_user_separator = *
		auth_failure_delay = 0
		first_valid_uid = 1
		mail_location = maildir:~/Maildir
		mail_plugins = acl
		mail_max_userip_connections = 100
		namespace inbox {
		  inbox = yes
		  separator = /
		}
		namespace shared {
		  type = shared
		  prefix = shared/%%u/
		  separator = /
		  location = maildir:$DC_DIR/home/%%u/Maildir:INDEXPVT=~/Maildir/shared/%%u
		  list = children
		  subscriptions = no
		}
		!include_try $DC_DIR/early.conf
		passdb {
		  driver = passwd-file
		  master = yes
		  args = $DC_DIR/auth/master
		}
		passdb {
		  driver = passwd-file
		  args = scheme=PLAIN username_format=%u $DC_DIR/auth/users
		}
		!include_try $DC_DIR/late.conf
		userdb {
		  driver = passwd-file
		  args = username_format=%u $DC_DIR/auth/users
		  default_fields = uid=nobody gid=nogroup home=$DC_DIR/home/%u
		}
		plugin {
		  acl = vfile
		  acl_shared_dict = file:$DC_DIR/shared/shared.db
		  sieve = file:~/sieve;active=~/.dovecot.sieve
		}
		protocol imap {
		  mail_plugins = \$mail_plugins imap_acl
		}
		protocol lmtp {
		  mail_plugins = \$mail_plugins sieve
		}
		doveadm_api_key = $DC_KEY
		service imap-login {
		  inet_listener imap$(dc_s) {
		    port = $DC_IMAP
		  }
		  inet_listener imap$(dc_s other) {
		    port = 0
		  }
		}
		service managesieve-login {
		  inet_listener sieve {
		    port = $DC_SIEVE
		  }
		}
		service lmtp {
		  inet_listener lmtp {
		    port = $DC_LMTP
		  }
		}
		service doveadm {
		  inet_listener http {
		    port = $DC_HTTP
		    ssl = ${DC_TLS:-no}
		  }
		}
	END
}

# Where the deny passdb stands: early (first) or late (behind the passwords).
dc_deny() { # early|late
	rm -f "$DC_DIR"/{early,late}.conf
	printf 'passdb {\n driver = passwd-file\n deny = yes\n args = username_format=%%u %s\n}\n' \
		"$DC_DIR/auth/deny" >"$DC_DIR/$1.conf"
}

dc_s() { # the listener in use is imap or imaps; with a word: the other one
	if [ "${DC_TLS:-no}" = yes ]; then
		[ $# -gt 0 ] || echo s
	elif [ $# -gt 0 ]; then
		echo s
	fi
}

dc_tls() { # what stands there without TLS
	if [ "${DC_TLS:-no}" = no ]; then
		echo "$*"
		return
	fi
	printf 'ssl = required\nssl_cert = <%s/tls/cert.pem\nssl_key = <%s/tls/key.pem\n' "$DC_DIR" "$DC_DIR"
}

# A private authority and a certificate for localhost from it.
dc_certificate() {
	mkdir -m 700 "$DC_DIR/tls"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=curfew test authority" \
		-keyout "$DC_DIR/tls/ca.key" -out "$DC_DIR/ca.pem" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj /CN=localhost \
		-keyout "$DC_DIR/tls/key.pem" -out "$DC_DIR/tls/csr" 2>/dev/null
	openssl x509 -req -in "$DC_DIR/tls/csr" -CA "$DC_DIR/ca.pem" -CAkey "$DC_DIR/tls/ca.key" \
		-CAcreateserial -days 2 -extfile <(echo 'subjectAltName = DNS:localhost') \
		-out "$DC_DIR/tls/cert.pem" 2>/dev/null
}

dc_user() { # name
	printf '%s:{PLAIN}pw-%s::::::\n' "$1" "$1" >>"$DC_DIR/auth/users"
	install -d -o nobody -g nogroup -m 700 "$DC_DIR/home/$1"
}

dc_folders() {
	chmod 755 "$DC_DIR"
	mkdir -m 755 "$DC_DIR"/{auth,home,run,state}
	install -d -o nobody -g nogroup -m 700 "$DC_DIR/shared"
	: >"$DC_DIR/auth/deny"
	: >"$DC_DIR/auth/master"
	: >"$DC_DIR/auth/users"
	chmod 644 "$DC_DIR"/auth/*
}

# Can a server run here?  If not, DC_WHY says why.
dc_can() {
	DC_WHY=
	[ "$(id -u)" = 0 ] || DC_WHY='needs root: Dovecot serves mailboxes of several owners'
	command -v dovecot >/dev/null && command -v doveadm >/dev/null || DC_WHY='needs dovecot-imapd'
	[ -z "$DC_WHY" ]
}

dc_first() {
	dc_config
	dc_deny early
	dc_start
}

dc_start() {
	dovecot -c "$DC_DIR/dovecot.conf" 3>&- 4>&- >"$DC_DIR/start" 2>&1 && dc_up
}

start_dovecot() {
	local user
	DC_DIR=$(mktemp -d "${TMPDIR:-/tmp}/curfew-dovecot.XXXXXX")
	DC_KEY=api-$RANDOM$RANDOM$RANDOM
	dc_folders
	[ "${DC_TLS:-no}" = no ] || dc_certificate
	for user in "$@"; do dc_user "$user"; done
	export DC_DIR DC_KEY DC_IMAP DC_HTTP DC_LMTP DC_SIEVE
	on_a_port "DC_IMAP DC_HTTP DC_LMTP DC_SIEVE" dc_first && return 0
	cat "$DC_DIR/start" "$DC_DIR/log" >&2
	stop_dovecot
	return 1
}

dc_up() {
	local i
	for ((i = 0; i < 200; i++)); do
		(exec 9<>"/dev/tcp/127.0.0.1/$DC_HTTP") 2>/dev/null &&
			(exec 9<>"/dev/tcp/127.0.0.1/$DC_IMAP") 2>/dev/null && return 0
		sleep 0.05
	done
	return 1
}

dc_down() {
	local i pid
	pid=$(cat "$DC_DIR/run/master.pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null
	for ((i = 0; i < 200; i++)); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -KILL "$pid" 2>/dev/null
}

stop_dovecot() {
	[ -n "${DC_DIR:-}" ] || return 0
	dc_down
	rm -rf "$DC_DIR"
}

# dc_api JSON: one request to the doveadm API, as an operator would
dc_api() {
	curl -sS -m 20 -H "Authorization: X-Dovecot-API $(printf %s "$DC_KEY" | base64 -w0)" \
		-H 'Content-Type: application/json' -d "$1" "http://127.0.0.1:$DC_HTTP/doveadm/v1" 3>&-
}

# ---- IMAP, by hand ---------------------------------------------------------------

# imap_login USER PASSWORD: does the server let him in?
imap_login() {
	curl -sS -m 20 -u "$1:$2" -X NOOP "imap://127.0.0.1:$DC_IMAP/" 3>&- >/dev/null 2>&1
}

# imap_open USER PASSWORD MAILBOX: a session in IDLE on it, what the server says
# in $IMAP_LOG; ends with imap_end_all.
imap_open() {
	local fd
	IMAP_LOG=$(mktemp "$BATS_TEST_TMPDIR/imap.XXXXXX")
	exec {fd}<>"/dev/tcp/127.0.0.1/$DC_IMAP"
	(exec 3>&- 4>&-; exec cat) <&"$fd" >"$IMAP_LOG" &
	IMAP_READERS="${IMAP_READERS:-} $!"
	IMAP_FDS="${IMAP_FDS:-} $fd"
	printf 'a LOGIN "%s" "%s"\r\n' "$1" "$2" >&"$fd"
	wait_for grep -q '^a OK' "$IMAP_LOG"
	printf 'b SELECT "%s"\r\n' "$3" >&"$fd"
	wait_for grep -q '^b OK' "$IMAP_LOG"
	printf 'c IDLE\r\n' >&"$fd"
	wait_for grep -q '^+ idling' "$IMAP_LOG"
}

imap_end_all() {
	local i
	for i in ${IMAP_READERS:-}; do kill "$i" 2>/dev/null; wait "$i" 2>/dev/null; done
	for i in ${IMAP_FDS:-}; do eval "exec $i>&-"; done
	IMAP_READERS='' IMAP_FDS=''
}

# wait_for COMMAND...: true within 20 s
wait_for() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "waited in vain for: $*" >&2
	return 1
}
