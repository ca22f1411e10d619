# shellcheck shell=bash
# An OpenSSH server of our own, in a temporary folder, on a free port.
#
# start_sshd sets and exports SSHD_DIR, SSHD_PORT and SSHD_KEY (its host key's
# fingerprint); stop_sshd ends it and removes the folder.  It reads
#   $SSHD_DIR/keys/ACCOUNT and $SSHD_DIR/more/ACCOUNT   as AuthorizedKeysFile
#   $SSHD_DIR/krl                                       as RevokedKeys
# and writes $SSHD_DIR/log.
#   login KEYFILE ACCOUNT [COMMAND...]   with this key and nothing else
#   new_key NAME [ssh-keygen options]    makes $SSHD_DIR/id/NAME and .pub
#   print_of NAME                        its SHA256 fingerprint

# shellcheck source=tests/real/port.bash
. "${BASH_SOURCE[0]%/*}/port.bash"

sshd_config() {
	cat >"$SSHD_DIR/config" <<-END
		Port $SSHD_PORT
		ListenAddress 127.0.0.1
		HostKey $SSHD_DIR/id/host
		PidFile $SSHD_DIR/pid
		AuthorizedKeysFile $SSHD_DIR/keys/%u $SSHD_DIR/more/%u
		RevokedKeys $SSHD_DIR/krl
		PubkeyAuthentication yes
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin prohibit-password
		StrictModes no
		UsePAM no
		MaxStartups 100
		LogLevel VERBOSE
	END
}

# It goes into the background before it binds: its log tells of a port that is
# taken.
sshd_first() {
	rm -f "$SSHD_DIR/log"
	sshd_config
	"$(command -v sshd || echo /usr/sbin/sshd)" -f "$SSHD_DIR/config" \
		-E "$SSHD_DIR/log" 3>&-
	for _ in $(seq 300); do
		if [ -s "$SSHD_DIR/pid" ] &&
			(exec 9<>"/dev/tcp/127.0.0.1/$SSHD_PORT") 2>/dev/null; then
			return 0
		fi
		! grep -qs 'Cannot bind any address' "$SSHD_DIR/log" || break
		sleep 0.1
	done
	echo "sshd did not start on port $SSHD_PORT" >&2
	return 1
}

start_sshd() {
	SSHD_DIR=$(mktemp -d "${TMPDIR:-/tmp}/curfew-sshd.XXXXXX")
	chmod 755 "$SSHD_DIR"
	mkdir -m 755 "$SSHD_DIR"/{keys,more,id}
	: >"$SSHD_DIR/krl"
	chmod 644 "$SSHD_DIR/krl"
	new_key host
	SSHD_KEY=$(print_of host)
	# where a privileged sshd puts its unprivileged half
	if [ "$(id -u)" = 0 ] && [ ! -d /run/sshd ]; then mkdir -m 755 /run/sshd; fi
	export SSHD_DIR SSHD_PORT SSHD_KEY
	on_a_port SSHD_PORT sshd_first && return 0
	cat "$SSHD_DIR/log" >&2
	stop_sshd
	return 1
}

stop_sshd() {
	[ -n "${SSHD_DIR:-}" ] || return 0
	if [ -s "$SSHD_DIR/pid" ]; then
		kill "$(cat "$SSHD_DIR/pid")" 2>/dev/null
		for _ in $(seq 50); do
			[ -e "$SSHD_DIR/pid" ] || break
			sleep 0.1
		done
	fi
	rm -rf "$SSHD_DIR"
}

new_key() {
	local name=$1
	shift
	ssh-keygen -q -N '' -C "$name@test" -f "$SSHD_DIR/id/$name" -t ed25519 "$@"
}

print_of() {
	ssh-keygen -lf "$SSHD_DIR/id/$1.pub" | cut -d' ' -f2
}

login() {
	local key=$1 account=$2
	shift 2
	ssh -F none -p "$SSHD_PORT" -i "$SSHD_DIR/id/$key" -o IdentitiesOnly=yes \
		-o IdentityAgent=none -o BatchMode=yes -o ConnectTimeout=10 \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR "$account@127.0.0.1" "${@:-true}"
}
