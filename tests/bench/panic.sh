#!/bin/bash
# panic.sh [BUILD [RUNS]], RUNS up to 30: from process start to the first byte of the revoke
# call of a leaked token, by value: without a vault (bound 30 ms), with one
# opened by a key file that knows the value or only the connection (50 ms).
# Medians; exit 1 when one is over its bound.  A service on this machine.
set -u
build=$(realpath "${1:-build}") runs=${2:-15}
here=$(dirname "$(realpath "$0")")
[ -x "$build/curfew" ] || { echo "no $build/curfew" >&2; exit 2; }
d=$(mktemp -d) fake=
# shellcheck disable=SC2317 # called by the trap
end() {
	[ -n "$fake" ] && kill "$fake" 2>/dev/null
	wait "$fake" 2>/dev/null
	rm -rf "$d"
}
trap end EXIT
trap 'exit 130' INT TERM

# tokens enough that each run has a living one
cat >"$d/fake.py" <<EOF
import sys
sys.path.insert(0, "$here/../real")
import fake_http
class Many(fake_http.Gitlab):
    def __init__(self):
        super().__init__()
        t = self.tokens["glpat-botbotbotbotbotbot00"]
        for n in range(120):
            self.tokens[f"glpat-benchbenchbenchbe{n:04}"] = dict(t, id=1000 + n)
fake_http.Gitlab = Many
fake_http.main()
EOF
python3 "$d/fake.py" >"$d/port" 2>"$d/log" &
fake=$!
for ((i = 0; i < 100; i++)); do [ -s "$d/port" ] && break; sleep 0.05; done
port=$(cat "$d/port")
for ((i = 0; i < 120; i++)); do printf 'glpat-benchbenchbenchbe%04d\n' "$i"; done >"$d/secrets"

mkdir "$d/prov"
cp "$here/../../providers/http"/*.toml "$d/prov/"
# whatever goes wrong here: nothing leaves this machine
sed -i 's#https://gitlab.com#http://127.0.0.1:1#' "$d/prov/gitlab.toml"
ln -s "$build/curfew-provider-http" "$d/prov/"
chmod 755 "$d" "$d/prov"
export CURFEW_PROVIDER_PATH=$d/prov
over=0

# measure NAME BOUND FIRST COMMAND...: from the FIRST-th secret on
measure() {
	local name=$1 bound=$2 first=$3
	shift 3
	sed -n "$first,\$p" "$d/secrets" >"$d/these"
	if ! python3 "$here/panic_clock.py" "$d/relay" "$port" "$runs" "$d/these" "DELETE " -- "$@" >"$d/out"; then
		over=1
		return
	fi
	if ! sort -n "$d/out" | awk -v name="$name" -v bound="$bound" '
		{ v[NR] = $1; bad += $2 != 0 }
		END {
			m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
			printf "%-44s median %.1f ms, least %.1f, most %.1f of %d (bound %d)%s%s\n", name, m, v[1], v[NR], NR, bound, (m > bound ? " OVER" : ""), (bad ? ", " bad " not proved dead" : "")
			exit (m > bound || bad)
		}'; then
		over=1
	fi
}

export CURFEW_DIR=$d/none
# once, so that the relay has its port
measure "without a vault" 30 1 \
	"$build/curfew" kill --secret-stdin --host http://127.0.0.1:@PORT@/gitlab

export CURFEW_DIR=$d/vault
"$build/curfew" init --generate-key-file "$d/key" >/dev/null
# the connection goes through the relay; what it lists is not measured
python3 - "$d/relay" "$port" <<'EOF' &
import sys, threading, socket
sys.argv[0] = "relay"
listener = socket.create_server(("127.0.0.1", int(open(sys.argv[1]).read())), reuse_port=False)
def pump(a, b):
    try:
        while (x := a.recv(65536)):
            b.sendall(x)
    except OSError:
        pass
    b.close()
while True:
    c, _ = listener.accept()
    u = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    threading.Thread(target=pump, args=(c, u), daemon=True).start()
    threading.Thread(target=pump, args=(u, c), daemon=True).start()
EOF
relay=$!
for ((i = 0; i < 100; i++)); do
	(exec 3<>"/dev/tcp/127.0.0.1/$(cat "$d/relay")") 2>/dev/null && break
	sleep 0.05
done
printf glpat-adminadminadminadmin | "$build/curfew" connect gitlab lab \
	--set url="http://127.0.0.1:$(cat "$d/relay")/gitlab" --secret-stdin >/dev/null || exit 2
"$build/curfew" sync -q lab >/dev/null || exit 2
for ((i = 61; i < 61 + runs; i++)); do
	sed -n "${i}p" "$d/secrets" | "$build/curfew" learn --secret-stdin "lab/ci-bot#$((999 + i))" >/dev/null
done
kill "$relay"
wait "$relay" 2>/dev/null
measure "with a vault: the connection claims it" 50 31 "$build/curfew" kill --secret-stdin
measure "with a vault: the value is known" 50 61 "$build/curfew" kill --secret-stdin
exit "$over"
