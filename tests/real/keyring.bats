#!/usr/bin/env bats
# curfew-keyring and the libsecret slot against a real gnome-keyring-daemon, on a
# session bus of its own; nothing of the user's desktop is touched.

setup_file() {
	command -v gnome-keyring-daemon >/dev/null && command -v dbus-run-session >/dev/null ||
		skip "gnome-keyring and dbus are not installed"
}

setup() {
	T=$(mktemp -d)
	V=$T/v
	C=$CURFEW_BUILD/curfew
	K=$CURFEW_BUILD/curfew-keyring
	export HOME=$T/home XDG_RUNTIME_DIR=$T/run
	mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR"
	unset DBUS_SESSION_BUS_ADDRESS XDG_DATA_HOME XDG_CONFIG_HOME DISPLAY
	# quiet: the bus tells each activation
	cat >"$T/lib.sh" <<-'END'
		set -u
		unlocked() { printf '%s' "${1-pw}" | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; ready; }
		ready() {
			for _ in $(seq 50); do
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
		ask() { printf '%s\n' "$@" | timeout 30 "$K"; }
		curfew() { timeout 60 "$C" --dir "$V" --no-input "$@"; }
	END
	export T V C K
}

teardown() {
	# the daemon ends with its bus; its own pid file tells when it did not
	rm -rf "$T"
}

session() { # SCRIPT: run it on a bus of its own
	run timeout 120 dbus-run-session -- bash -c ". '$T/lib.sh'; $1"
}

@test "store, lookup and clear, and the secret goes nowhere else" {
	session 'unlocked; ask "{\"id\":1,\"verb\":\"hello\"}" \
		"{\"id\":2,\"verb\":\"lookup\",\"item\":\"a\"}" \
		"{\"id\":3,\"verb\":\"store\",\"item\":\"a\",\"label\":\"x\",\"secret\":\"deadbeef01\"}" \
		"{\"id\":4,\"verb\":\"lookup\",\"item\":\"a\"}" \
		"{\"id\":5,\"verb\":\"lookup\",\"item\":\"b\"}" \
		"{\"id\":6,\"verb\":\"clear\",\"item\":\"a\"}" \
		"{\"id\":7,\"verb\":\"lookup\",\"item\":\"a\"}" \
		"{\"id\":8,\"verb\":\"dance\",\"item\":\"a\"}" \
		"{\"id\":9,\"verb\":\"lookup\"}" 2>"$T/err"'
	[ "$status" -eq 0 ]
	[[ $output == *'"id":1,"protocol":1,"keyring":"libsecret"'* ]]
	[[ $output == *'{"id":2,"status":"absent"}'* ]]
	[[ $output == *'{"id":3,"status":"ok"}'* ]]
	[[ $output == *'{"id":4,"status":"ok","secret":"deadbeef01"}'* ]]
	[[ $output == *'{"id":5,"status":"absent"}'* ]]
	[[ $output == *'{"id":6,"status":"ok"}'* ]]
	[[ $output == *'{"id":7,"status":"absent"}'* ]]
	[[ $output == *'{"id":8,"status":"unsupported"'* ]]
	[[ $output == *'{"id":9,"status":"refused"'*'no item was named'* ]]
	run grep -c deadbeef "$T/err"
	[ "$output" = 0 ]
}

@test "a locked keyring is told as locked, for each verb" {
	session 'unlocked; ask "{\"id\":1,\"verb\":\"store\",\"item\":\"a\",\"secret\":\"deadbeef\"}"; lock
		ask "{\"id\":2,\"verb\":\"lookup\",\"item\":\"a\"}" \
		"{\"id\":3,\"verb\":\"store\",\"item\":\"b\",\"secret\":\"x1234567\"}" \
		"{\"id\":4,\"verb\":\"clear\",\"item\":\"a\"}"'
	for id in 2 3 4; do
		[[ $output == *"{\"id\":$id,\"status\":\"refused\""*'"reason":"locked"'* ]]
	done
	[[ $output != *deadbeef* ]]
}

@test "no bus, and no keyring on the bus: told, and no bus is started" {
	run bash -c ". '$T/lib.sh'; ask '{\"id\":1,\"verb\":\"lookup\",\"item\":\"a\"}'"
	[[ $output == *'"status":"refused"'*'no desktop session bus'* ]]
	# a bus that knows no service
	cat >"$T/bus.conf" <<-END
		<busconfig><type>session</type><listen>unix:dir=$T/run</listen>
		<policy context="default"><allow send_destination="*"/><allow own="*"/><allow receive_sender="*"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/></policy></busconfig>
	END
	run timeout 60 dbus-run-session --config-file="$T/bus.conf" -- \
		bash -c ". '$T/lib.sh'; ask '{\"id\":1,\"verb\":\"lookup\",\"item\":\"a\"}'"
	[[ $output == *'"status":"refused"'*'"reason":"absent"'* ]]
}

@test "garbage on the line ends it, without an answer" {
	session 'unlocked; ask "this is not json"; echo "rc=$?"'
	[[ $output == *"rc=1"* ]]
}

@test "a vault that the desktop keyring opens" {
	session 'unlocked; curfew init --libsecret && curfew audit verify && curfew vault slot list --json; echo "rc=$?"'
	[[ $output == *"vault made in"* ]]
	[[ $output == *"chain is whole"* ]]
	[[ $output == *'"kind":"libsecret"'* ]]
	[[ $output == *"rc=0"* ]]
}

@test "locked or gone: the vault says so, with what would open it" {
	session 'unlocked; curfew -q init --libsecret; lock; curfew audit verify; echo "rc=$?"'
	[[ $output == *"cannot open the vault"*"libsecret (the keyring is locked)"* ]]
	[[ $output == *"rc=5"* ]]
	run bash -c ". '$T/lib.sh'; curfew audit verify"
	[ "$status" -eq 5 ]
	[[ $output == *"libsecret (there is no desktop session bus)"* ]]
	session 'unlocked; curfew audit verify; echo "rc=$?"' # unlocked again
	[[ $output == *"rc=0"* ]]
	# the item is gone
	rm -rf "$HOME/.local/share/keyrings"
	session 'unlocked; curfew audit verify; echo "rc=$?"'
	[[ $output == *"holds no such key"* ]]
	[[ $output == *"rc=5"* ]]
}

@test "the slot is added, rekeyed and removed, and the keyring is cleared" {
	session 'unlocked; curfew -q init --generate-key-file "$T/key"
		curfew vault slot add libsecret --name desk && curfew vault rekey && curfew vault verify; echo "a=$?"
		mv "$T/key" "$T/away"; curfew audit verify; echo "b=$?"; mv "$T/away" "$T/key"
		item=$(curfew vault slot list --json | sed -n "s/.*\"desk\",\"detail\":\"\([0-9a-f]*\)\".*/\1/p")
		curfew vault slot remove desk; echo "c=$?"
		ask "{\"id\":1,\"verb\":\"lookup\",\"item\":\"$item\"}"; echo "item=$item"'
	[[ $output == *"a=0"* ]] && [[ $output == *"b=0"* ]] && [[ $output == *"c=0"* ]]
	[[ $output =~ item=[0-9a-f]{32} ]]
	[[ $output == *'{"id":1,"status":"absent"}'* ]]
}

@test "a failed init leaves nothing in the keyring" {
	session 'unlocked; mkdir -p "$V"; : >"$V/vault.db"; curfew init --libsecret; echo "rc=$?"
		ls "$HOME/.local/share/keyrings" 2>/dev/null; grep -c "curfew vault" "$HOME"/.local/share/keyrings/* 2>/dev/null'
	[[ $output == *"there is a vault already"* ]]
	[[ $output == *"rc=1"* ]]
}

@test "the keyring program is small in what it links and hardened" {
	run ldd "$C"
	[[ $output != *glib* ]] && [[ $output != *pcre* ]] && [[ $output != *dbus* ]]
	run ldd "$K"
	[[ $output == *libsecret* ]]
	[[ $output != *sqlite* ]]
	run "$K" argument
	[ "$status" -eq 2 ]
}
