#!/usr/bin/env python3
"""usage: connect_proxy.py LOG [refuse]

A proxy that knows CONNECT only; what it is asked for, and the first bytes that
go through it, stand in LOG.  Prints its port."""
import socket
import sys
import threading


def pump(a, b, log, first):
    while True:
        try:
            data = a.recv(65536)
            if first:
                log(f"through {data[:3].hex()}")
                first = False
            if not data:
                break
            b.sendall(data)
        except OSError:
            break
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(c, log):
    head = b""
    while b"\r\n\r\n" not in head:
        part = c.recv(4096)
        if not part:
            return
        head += part
    log(head.decode("latin1").replace("\r\n", "|"))
    method, where = head.decode("latin1").split()[:2]
    if method != "CONNECT" or "refuse" in sys.argv:
        c.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        c.close()
        return
    host, port = where.rsplit(":", 1)
    up = socket.create_connection((host, int(port)))
    c.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    threading.Thread(target=pump, args=(c, up, log, True), daemon=True).start()
    pump(up, c, log, False)


def main():
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        def log(line):
            f.write(line + "\n")
            f.flush()
        s = socket.create_server(("127.0.0.1", 0))
        print(s.getsockname()[1], flush=True)
        while True:
            c, _ = s.accept()
            threading.Thread(target=serve, args=(c, log), daemon=True).start()


main()
