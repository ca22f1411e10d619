#!/usr/bin/env python3
"""fake_http.py as a service that can go away and come back: SIGUSR1 closes its
port and every connection, SIGUSR2 opens the same port again.  What was done to
it stays done, and GET /_state/NAME tells it.  GitHub's organisation has one
deploy key and one fine-grained token: the organisation's own revoke leaves it
to its owner, and what ends it by value takes a while."""
import json
import signal
import socket
import sys
import threading

import fake_http
import fake_services

OPEN = set()
LAG_S = 1.2  # from 202 until the token is refused


class Tokens(dict):
    """Ended a while after it was asked for; the organisation's list goes too."""

    def __init__(self, service):
        super().__init__(service.tokens)
        self.service = service
        service.pats = [dict(p, token_name="ci") for p in service.pats[:1]]

    def pop(self, value, default=None):
        threading.Timer(LAG_S, self.end, [value]).start()
        return default

    def end(self, value):
        super().pop(value, None)
        self.service.pats = []


class Handler(fake_http.Handler):
    def setup(self):
        super().setup()
        OPEN.add(self.connection)

    def finish(self):
        OPEN.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass  # cut off while it was answering

    def do_GET(self):  # pylint: disable=invalid-name
        if not self.path.startswith("/_state/"):
            return self.any()
        service = fake_http.WORLD.services[self.path[8:]]
        held = {"keys": service.keys}
        if hasattr(service, "policies"):
            held["policies"] = {"/".join(k): v for k, v in service.policies.items()}
        return self.write(200, json.dumps(held).encode())


class Server(fake_http.Server):
    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def up(port):
    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def down(server):
    server.shutdown()
    server.server_close()
    for c in list(OPEN):
        try:
            c.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main():
    fake_services.add(fake_http.WORLD, fake_http.Service, fake_http.Reply, fake_http.trouble_is)
    github = fake_http.WORLD.services["github"]
    github.tokens = Tokens(github)
    signals = {signal.SIGUSR1, signal.SIGUSR2}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    server = up(0)
    port = server.server_address[1]
    print(port, flush=True)
    while True:
        if signal.sigwait(signals) == signal.SIGUSR1:
            down(server)
            print("down", flush=True)
        else:
            server = up(port)
            print("up", flush=True)


if __name__ == "__main__":
    sys.exit(main())
