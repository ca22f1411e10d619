#!/usr/bin/env python3
"""usage: prism_front.py UPSTREAM_PORT LOG

Stands before Prism and writes down, a line a request, what it thought of it:
method, path, status, its violations.  Prints its port."""
import http.client
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOCK = threading.Lock()


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        up = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
        # GitHub's documents want application/vnd.github+json, the description
        # knows the general type only, and Prism takes that at its word
        if headers.get("Accept") == "application/vnd.github+json":
            headers["Accept"] = "application/json"
        up.request(self.command, self.path, body or None, headers)
        r = up.getresponse()
        data = r.read()
        with LOCK, open(sys.argv[2], "a", encoding="utf-8") as f:
            print(self.command, self.path, r.status, r.headers.get("sl-violations") or "-", file=f)
        self.send_response(r.status)
        for k, v in r.headers.items():
            if k.lower() == "content-type":  # an example's next page is GitHub's own
                self.send_header(k, v)
        if r.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = any


server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
print(server.server_address[1], flush=True)
server.serve_forever()
