#!/usr/bin/env bats
# curfew-provider-libsecret against a real gnome-keyring-daemon, on a session bus
# of its own; nothing of the user's desktop is touched.

setup() {
	command -v gnome-keyring-daemon >/dev/null && command -v dbus-run-session >/dev/null ||
		skip "gnome-keyring and dbus are not installed"
	T=$(mktemp -d "${TMPDIR:-/tmp}/curfew-libsecret.XXXXXX")
	export HOME=$T/home XDG_RUNTIME_DIR=$T/run T
	export P=$CURFEW_BUILD/curfew-provider-libsecret K=$CURFEW_BUILD/curfew-keyring
	mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR"
	unset DBUS_SESSION_BUS_ADDRESS XDG_DATA_HOME XDG_CONFIG_HOME DISPLAY
	cat >"$T/lib.sh" <<-'END'
		set -u
		unlocked() { printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; ready; }
		ready() {
			for _ in $(seq 100); do
				dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
					org.freedesktop.DBus.Peer.Ping >/dev/null 2>&1 && return 0
				sleep 0.1
			done
			return 1
		}
		lock() {
			dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
				org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null
		}
		# what any program of the desktop finds by the item's attribute
		items() {
			dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
				org.freedesktop.Secret.Service.SearchItems dict:string:string:"$1","$2" | grep -c /collection/
		}
		hello='{"id":1,"verb":"hello","connection":"desk"}'
		deliver() { printf '{"id":%d,"verb":"deliver","account":"%s","version":%d,"secret":"%s"}\n' "$1" "$2" "$1" "$3"; }
		sink() { { echo "$hello"; cat; } | timeout 30 "$P"; }
	END
}

teardown() {
	rm -rf "$T"
}

session() {
	run timeout 120 dbus-run-session -- bash -c ". '$T/lib.sh'; $1"
	echo "$output"
}

@test "deliver: stored, asked for again, replaced; found by its place; no vault's key" {
	session 'unlocked; { deliver 2 app/db first-secret; deliver 3 app/db second-secret; deliver 4 app/other x1; } | sink 2>"$T/err"
		echo "items $(items place app/db) $(items place app/other) $(items item app/db)"
		printf "{\"id\":1,\"verb\":\"lookup\",\"item\":\"app/db\"}\n" | "$K"'
	[ "$status" -eq 0 ]
	for id in 2 3 4; do
		[[ $output == *"{\"id\":$id,\"status\":\"ok\",\"read_back\":\"same\""* ]]
	done
	[[ $output == *"items 1 1 0"* ]]
	[[ $output == *'{"id":1,"status":"absent"}'* ]] # another schema
	[[ $output != *second-secret* ]]
	[ ! -s "$T/err" ] || ! grep -qE 'first-secret|second-secret' "$T/err"
}

@test "a locked keyring, and none at all: nothing was done, try again" {
	session 'unlocked; deliver 2 a s1234567 | sink; lock; deliver 3 b s1234567 | sink; items place b'
	[[ $output == *'{"id":2,"status":"ok"'* ]]
	[[ $output == *'{"id":3,"status":"retry"'* ]]
	[[ $output == *$'\n0' ]]
	run bash -c ". '$T/lib.sh'; deliver 2 a s1234567 | sink"
	[[ $output == *'{"id":2,"status":"retry"'*'no desktop session bus'* ]]
}

@test "no connection, no place, no secret, an option: refused" {
	run bash -c ". '$T/lib.sh'; deliver 2 a s1 | \"$P\""
	[[ $output == *'"status":"refused"'* ]]
	run bash -c ". '$T/lib.sh'; { deliver 2 '' s1; echo '{\"id\":3,\"verb\":\"deliver\",\"account\":\"a\"}'; } | sink"
	[[ $output == *'{"id":2,"status":"refused"'* ]]
	[[ $output == *'{"id":3,"status":"refused"'* ]]
	run bash -c "echo '{\"id\":1,\"verb\":\"hello\",\"connection\":\"x\",\"options\":{\"a\":\"b\"}}' | \"$P\""
	[[ $output == *'"status":"refused"'* ]]
}
