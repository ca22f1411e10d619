#!/usr/bin/env python3
"""From process start to the first byte of the revoke call.

Starts a command again and again; a relay on 127.0.0.1 in front of a service
notes when the first bytes of each request arrive, by the same clock.  What the
relay itself needs (a wake-up, a recv) counts as the command's.

usage: panic_clock.py RELAY_PORT_FILE TARGET_PORT RUNS SECRETS_FILE METHOD -- COMMAND...
The n-th run gets the n-th line of SECRETS_FILE on standard input.  METHOD: how
the revoke call begins ("DELETE ").  Prints one figure (ms) a run.
"""
import os
import socket
import subprocess
import sys
import threading
import time

SEEN = []


def pump(a, b, note):
    try:
        while True:
            data = a.recv(65536)
            if note:
                SEEN.append((time.monotonic_ns(), data[:16]))
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def relay(listener, port):
    while True:
        c, _ = listener.accept()
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        up = socket.create_connection(("127.0.0.1", port))
        up.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=pump, args=(c, up, True), daemon=True).start()
        threading.Thread(target=pump, args=(up, c, False), daemon=True).start()


def main():
    port_file, target, runs, secrets, method = sys.argv[1:6]
    command = sys.argv[sys.argv.index("--") + 1:]
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port = int(open(port_file).read()) if os.path.exists(port_file) else 0
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    with open(port_file, "w") as f:
        f.write(str(listener.getsockname()[1]))
    threading.Thread(target=relay, args=(listener, int(target)), daemon=True).start()
    command = [c.replace("@PORT@", str(listener.getsockname()[1])) for c in command]
    lines = open(secrets).read().splitlines()
    for n in range(int(runs)):
        SEEN.clear()
        r, w = os.pipe()
        os.write(w, lines[n % len(lines)].encode() + b"\n")
        os.close(w)
        start = time.monotonic_ns()
        done = subprocess.run(command, stdin=r, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        os.close(r)
        at = next((t for t, d in SEEN if d.startswith(method.encode())), None)
        if at is None:
            sys.exit(f"no '{method}' seen; exit {done.returncode}: {done.stdout.decode()}")
        print(f"{(at - start) / 1e6:.2f} {done.returncode}", flush=True)


if __name__ == "__main__":
    main()
