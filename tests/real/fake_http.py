#!/usr/bin/env python3
"""A stateful stand-in for the HTTP services that curfew has definitions for.

It enforces what the documents say: who may sign in, 401 from the moment a
credential is revoked, pages.  How it misbehaves is set through
POST /_fake {"path": GLOB, "how": WORD, "times": N}: see `trouble`.
GET /_fake tells every request it has taken.  Prints its port.
"""
import copy
import fnmatch
import json
import re
import sys
import threading
import time
import traceback
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class World:
    """What all services share: the log, and the troubles that were asked for."""

    def __init__(self):
        self.lock = threading.RLock()
        self.log = []
        self.troubles = []
        self.services = {}
        self.connections = 0
        self.now = self.most = 0


WORLD = World()


class Reply(Exception):
    def __init__(self, status, body=None, headers=None, raw=None):
        super().__init__(status)
        self.status, self.body, self.headers, self.raw = status, body, headers or {}, raw


class Service:
    """Routes are methods whose docstring begins with "METHOD /path/:name"."""

    def __init__(self):
        self.routes = []
        for name in dir(self):
            doc = getattr(getattr(self, name), "__doc__", None) or ""
            for line in doc.splitlines():
                m = re.fullmatch(r"\s*([A-Z]+) (/\S*)", line)
                if m and name.startswith("do_"):
                    rx = re.sub(r":(\w+)", r"(?P<\1>[^/]+)", m[2])
                    self.routes.append((m[1], re.compile(rx + r"\Z"), getattr(self, name)))

    def handle(self, q):
        found = False
        for method, rx, fn in self.routes:
            m = rx.match(q.path)
            found = found or bool(m)
            if m and method == q.method:
                args = {k: urllib.parse.unquote(v) for k, v in m.groupdict().items()}
                fn(q, **args)
                raise AssertionError("route without a reply")
        self.nowhere(q, found)

    def nowhere(self, q, found):
        raise Reply(405 if found else 404, {"message": "404 Not Found"})


class Request:
    def __init__(self, h, body):
        u = urllib.parse.urlsplit(h.path)
        parts = u.path.split("/", 2)
        self.service, self.path = parts[1], "/" + (parts[2] if len(parts) > 2 else "")
        self.method, self.query_text, self.raw = h.command, u.query, body
        self.query = dict(urllib.parse.parse_qsl(u.query, keep_blank_values=True))
        self.headers = h.headers
        self.base = f"http://{h.headers['Host']}/{self.service}"
        self.full = h.path

    def json(self):
        if "json" not in (self.headers.get("Content-Type") or ""):
            raise Reply(415, {"message": "not JSON"})
        return json.loads(self.raw)

    def form(self):
        return dict(urllib.parse.parse_qsl(self.raw.decode(), keep_blank_values=True))

    def bearer(self, word="Bearer"):
        v = self.headers.get("Authorization") or ""
        return v[len(word) + 1:] if v.startswith(word + " ") else None

    def link_pages(self, items, size=2):
        """Pages by Link header; small ones, whatever per_page says."""
        page = int(self.query.get("page", 1))
        headers = {}
        if page * size < len(items):
            q = dict(self.query, page=str(page + 1))
            headers["Link"] = f'<{self.base}{self.path}?{urllib.parse.urlencode(q)}>; rel="next"'
        raise Reply(200, items[(page - 1) * size:page * size], headers)


class Gitlab(Service):
    def __init__(self):
        super().__init__()
        self.users = [dict(id=i, username=u, state="active", is_admin=i == 1, name=u.title(),
                           created_at="2026-01-01T00:00:00.000Z", last_activity_on="2026-11-01",
                           bot=i == 3) for i, u in enumerate(["root", "dev", "ci-bot"], 1)]
        self.tokens = {}
        for i, user, value in [(1, 1, "glpat-adminadminadminadmin"), (2, 2, "glpat-devdevdevdevdevdev00"),
                               (3, 3, "glpat-botbotbotbotbotbot00"), (4, 3, "glpat-botbotbotbotbotbot11"),
                               (5, 3, "glpat-botbotbotbotbotbot22")]:
            self.tokens[value] = dict(id=i, name=f"t{i}", user_id=user, active=True, revoked=False, scopes=["api"],
                                      created_at="2026-02-01T00:00:00.000Z", last_used_at=None, expires_at="2027-01-01")
        # one list for a project "team/app", access and deploy tokens
        self.project = {"access_tokens": [dict(id=91, name="bot", user_id=3, active=True, revoked=False)],
                        "deploy_tokens": [dict(id=92, name="pull", username="gl+92", revoked=False)]}
        self.group = {"access_tokens": [dict(id=95, name="gbot", user_id=3, active=True, revoked=False)],
                      "deploy_tokens": [dict(id=96, name="gpull", username="gl+96", revoked=False)]}
        self.variables = {"DB_PASSWORD": "old"}
        self.keys = {3: [dict(id=71, title="deploy", created_at="2026-03-01T00:00:00Z", expires_at=None)]}

    def who(self, q):
        t = self.tokens.get(q.headers.get("PRIVATE-TOKEN"))
        if not t or not t["active"]:
            raise Reply(401, {"message": "401 Unauthorized"})
        user = self.users[t["user_id"] - 1]
        if user["state"] != "active":
            raise Reply(403, {"message": "403 Forbidden - Your account has been blocked."})
        return t, user

    def admin(self, q):
        t, user = self.who(q)
        if not user["is_admin"]:
            raise Reply(403, {"message": "403 Forbidden"})
        return t

    def kill(self, t):
        if not trouble_is("revoke-ignored"):
            t.update(active=False, revoked=True)

    def do_users(self, q):
        """GET /api/v4/users"""
        self.admin(q)
        if "username" in q.query:
            raise Reply(200, [u for u in self.users if u["username"] == q.query["username"]])
        q.link_pages(self.users)

    def do_tokens(self, q):
        """GET /api/v4/personal_access_tokens"""
        self.admin(q)
        q.link_pages([t for t in self.tokens.values() if str(t["user_id"]) == q.query.get("user_id")
                      and (t["active"] or q.query.get("state") != "active")])

    def do_token(self, q, ident):
        """GET /api/v4/personal_access_tokens/:ident
        DELETE /api/v4/personal_access_tokens/:ident"""
        t, user = self.who(q)
        if ident != "self":
            other = next((x for x in self.tokens.values() if str(x["id"]) == ident), None)
            if not other or (other["user_id"] != user["id"] and not user["is_admin"]):
                raise Reply(404, {"message": "404 Not Found"})
            t = other
        if q.method == "GET":
            raise Reply(200, t)
        self.kill(t)
        raise Reply(204)

    def do_by_value(self, q):
        """DELETE /api/v4/admin/token"""
        self.admin(q)
        t = self.tokens.get(q.json()["token"])
        if not t:
            raise Reply(404, {"message": "404 Not Found"})
        self.kill(t)
        raise Reply(204)

    def do_block(self, q, ident, what):
        """POST /api/v4/users/:ident/:what"""
        self.admin(q)
        if what == "personal_access_tokens":
            return self.mint(q, int(ident))
        if what not in ("block", "unblock"):
            raise Reply(404, {"message": "404 Not Found"})
        self.users[int(ident) - 1]["state"] = "blocked" if what == "block" else "active"
        raise Reply(201, True)

    def mint(self, q, user):
        want = q.json()
        n = len(self.tokens) + 1
        t = dict(id=n, name=want["name"], user_id=user, active=True, revoked=False, scopes=want["scopes"],
                 created_at="2026-11-22T00:00:00Z", last_used_at=None, expires_at=want["expires_at"])
        self.tokens[f"glpat-newnewnewnewnewnew{n:02}"] = t
        raise Reply(201, dict(t, token=f"glpat-newnewnewnewnewnew{n:02}"))

    def do_shared(self, q, of, what):
        """GET /api/v4/:of/team%2Fapp/:what"""
        self.admin(q)
        q.link_pages({"projects": self.project, "groups": self.group}[of][what], 100 if "page" not in q.query else 2)

    def do_shared_token(self, q, of, what, ident):
        """GET /api/v4/:of/team%2Fapp/:what/:ident
        DELETE /api/v4/:of/team%2Fapp/:what/:ident"""
        self.admin(q)
        mine = {"projects": self.project, "groups": self.group}[of][what]
        t = next((t for t in mine if str(t["id"]) == ident), None)
        if not t:
            raise Reply(404, {"message": "404 Not Found"})
        if q.method == "GET":
            raise Reply(200, t)
        if what == "deploy_tokens":
            mine.remove(t)  # deleted, not revoked: no longer listed
        else:
            t.update(active=False, revoked=True)
        raise Reply(204)

    def do_ci_variable(self, q, key):
        """GET /api/v4/projects/team%2Fapp/variables/:key
        PUT /api/v4/projects/team%2Fapp/variables/:key"""
        self.admin(q)
        if key not in self.variables:
            raise Reply(404, {"message": "404 Variable Not Found"})
        if q.method == "GET":
            raise Reply(200, {"key": key, "variable_type": "env_var", "masked": True, "hidden": False,
                              "value": "other" if trouble_is("stored-other") else self.variables[key]})
        value = q.json()["value"]
        if len(value) < 8:  # masked
            raise Reply(400, {"message": {"value": ["is invalid"]}})
        self.variables[key] = value
        raise Reply(200, {"key": key, "variable_type": "env_var", "value": value, "masked": True})

    def do_keys(self, q, ident):
        """GET /api/v4/users/:ident/keys"""
        self.admin(q)
        q.link_pages(self.keys.get(int(ident), []))

    def do_key(self, q, ident, key):
        """GET /api/v4/users/:ident/keys/:key
        DELETE /api/v4/users/:ident/keys/:key"""
        self.admin(q)
        mine = self.keys.get(int(ident), [])
        k = next((k for k in mine if str(k["id"]) == key), None)
        if not k:
            raise Reply(404, {"message": "404 Key Not Found"})
        if q.method == "DELETE":
            mine.remove(k)
            raise Reply(204)
        raise Reply(200, k)


def trouble_is(word):
    """A standing trouble that a service itself acts on."""
    return any(t["how"] == word and t["times"] > 0 for t in WORLD.troubles)


NOISE = ("routes", "sodium", "public", "private", "last", "checked", "minted", "issued")


def state_of(s):
    return {k: copy.deepcopy(v) for k, v in vars(s).items() if k not in NOISE}


def take(q):
    """The misbehaviour that is due for this request, if any."""
    with WORLD.lock:
        for t in WORLD.troubles:
            if t["times"] > 0 and t["how"] != "revoke-ignored" and \
                    fnmatch.fnmatch(f"{q.method} {q.full}", t["path"]) and \
                    not fnmatch.fnmatch(q.full, t.get("not", "")):
                if t.get("skip", 0) > 0:
                    t["skip"] -= 1
                    return None
                if t["how"] != "lag":
                    t["times"] -= 1
                return t
    return None


HTML = b"<html><head><title>Sign in</title></head><body>proxy</body></html>"
# instead of an answer: (status, body, headers)
INSTEAD = {
    "500": (500, b"oops", {}), "502": (502, HTML, {"Content-Type": "text/html"}),
    "empty": (200, b"", {}), "200": (200, b"{}", {}), "200null": (200, b"null", {}), "200true": (200, b"true", {}),
    "200text": (200, b'"ok"', {}), "200html": (200, HTML, {"Content-Type": "text/html"}),
    "200xml": (200, b"<ok/>", {"Content-Type": "text/xml"}), "201": (201, b"{}", {}),
    "202": (202, b"", {}), "204": (204, b"", {}), "malformed": (200, b'[{"id": 1, "username": "ro', {}),
    "html401": (401, HTML, {"Content-Type": "text/html"}), "html403": (403, HTML, {"Content-Type": "text/html"}),
    "html404": (404, HTML, {"Content-Type": "text/html"}), "401": (401, b"{}", {}), "403": (403, b"", {}),
    "404": (404, b"{}", {}), "410": (410, b"", {}), "400": (400, b"{}", {}),
}


def trouble(h, q, t):
    """One misbehaviour, instead of the answer.  True: the answer is written."""
    how = t["how"]
    if how in INSTEAD:
        h.write(*INSTEAD[how])
    elif how == "429":
        h.write(429, b'{"message":"slow down"}', {"Retry-After": str(t.get("after", 0))})
    elif how == "503":
        h.write(503, b"", {"Retry-After": str(t.get("after", 0))})
    elif how == "403-limit":
        h.write(403, b'{"message":"limit"}', {"X-RateLimit-Remaining": "0",
                                               "X-RateLimit-Reset": str(int(time.time()) + t.get("after", 7))})
    elif how == "says":
        h.write(t["status"], t["body"].encode())
    elif how == "redirect":
        h.write(t.get("status", 302), b"", {"Location": t["to"]})
    elif how == "oversized":
        h.write(200, b"[" + b'"xxxxxxxxxxxxxxxx",' * 1100000 + b"1]")
    elif how == "bighead":
        h.write(200, b"[]", {"X-Long": "x" * 60000, "X-Longer": "y" * 60000})
    elif how == "loop":
        h.write(200, t.get("body", "[]").encode(), {"Link": f'<http://{h.headers["Host"]}{q.full}>; rel="next"'})
    elif how == "elsewhere":
        h.write(200, b"[]", {"Link": f'<{t["to"]}>; rel="next"'})
    elif how == "drop":
        h.close_connection = True
        h.connection.close()
    elif how == "garbage":
        h.close_connection = True
        h.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\0\0\0\0")
    elif how == "hang":
        time.sleep(t.get("after", 1))
        h.close_connection = True
    elif how == "slow":
        time.sleep(t.get("after", 1))
        return False
    elif how == "gather":  # until so many were under way at once
        end = time.monotonic() + 60
        while WORLD.most < t["most"] and time.monotonic() < end:
            time.sleep(0.02)
        return False
    elif how == "echo":
        h.write(400, json.dumps({"message": "bad " + str(dict(q.headers)) + q.raw.decode("latin1")}).encode())
    else:
        return False
    return True


def served(s, q, t):
    """The service's own answer, with the misbehaviours of its store."""
    how = t["how"] if t else ""
    if how == "same-page":
        q.query = {k: v for k, v in q.query.items() if k not in ("page", "cursor", "Marker", "pageToken", "after", "$skiptoken")}
    before = state_of(s) if how in ("ignored", "lag") else None
    stale = how == "lag" and t.get("old") and t["times"] > 0
    if stale:  # an odd node of the service does not know yet
        t["turn"] = t.get("turn", 0) + 1
        t["times"] -= 1
        stale = t["turn"] % 3 != 0
        if stale:
            vars(s).update(copy.deepcopy(t["old"]))
    try:
        s.handle(q)
    finally:
        if how == "ignored" or stale:
            vars(s).update(before)
        elif how == "lag" and not t.get("old") and state_of(s) != before:
            t["old"] = before


def after(h, t, status, body, headers):
    """What becomes of an answer on its way: the deed is done."""
    how = t["how"] if t else ""
    if how == "done-drop":
        h.close_connection = True
        h.connection.close()
    elif how == "done-500":
        h.write(500, b"oops")
    elif how == "done-503":
        h.write(503, b"oops", {"Retry-After": "9"})
    elif how == "done-empty":
        h.write(200, b"")
    elif how == "done-slow":
        time.sleep(t.get("after", 1))
        h.write(status, body, headers)
    elif how in ("done-cut", "cut"):
        h.close_connection = True
        h.write(200, body[:len(body) // 2], {"Content-Length": str(len(body) + 100)})
    else:
        h.write(status, body, headers)


def plain(v):
    """A service's state as JSON can tell it."""
    if isinstance(v, dict) and all(isinstance(k, str) for k in v):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, dict):
        return [{"key": k, "value": plain(x)} for k, x in v.items()]
    if isinstance(v, (list, tuple, set)):
        return [plain(x) for x in v]
    return v if isinstance(v, (str, int, float, bool, type(None))) else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes

    def setup(self):
        super().setup()
        with WORLD.lock:
            WORLD.connections += 1

    def log_message(self, *args):
        pass

    def write(self, status, body=b"", headers=None):
        self.send_response(status)
        headers = dict({"Content-Type": "application/json"}, **(headers or {}))
        for k, v in headers.items():
            self.send_header(k, v)
        if status != 204 and "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def control(self, q):
        if q.method == "POST":
            t = json.loads(q.raw)
            with WORLD.lock:
                if t.get("how") == "none":
                    WORLD.troubles.clear()
                elif t.get("how") == "forget":
                    WORLD.log.clear()
                    WORLD.connections = WORLD.most = 0
                elif t.get("how") == "state":
                    s = {k: v for k, v in vars(WORLD.services[t["of"]]).items() if k != "routes"}
                    return self.write(200, json.dumps({"state": plain(s)}).encode())
                elif t.get("how") == "troubles":
                    return self.write(200, json.dumps({"troubles": [
                        {"how": x["how"], "times": x["times"]} for x in WORLD.troubles]}).encode())
                elif t.get("how") != "noop":
                    WORLD.troubles.append(dict({"times": 1, "path": "*"}, **t))
        self.write(200, json.dumps({"log": WORLD.log, "connections": WORLD.connections,
                                    "most": WORLD.most}).encode())

    def any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        q = Request(self, body)
        if q.service == "_fake":
            return self.control(q)
        with WORLD.lock:
            WORLD.log.append({"method": q.method, "url": q.full, "body": body.decode("latin1"),
                              "headers": {k.lower(): v for k, v in self.headers.items()}})
            WORLD.now += 1
            WORLD.most = max(WORLD.most, WORLD.now)
        t = take(q)
        try:
            if t and trouble(self, q, t):
                return None
            s = WORLD.services.get(q.service)
            with WORLD.lock:
                if not s:
                    raise Reply(404, {"message": "no such fake"})
                served(s, q, t)
        except Reply as r:
            body = r.raw if r.raw is not None else b"" if r.body is None else json.dumps(r.body).encode()
            after(self, t, r.status, body, r.headers)
        finally:
            with WORLD.lock:
                WORLD.now -= 1
        return None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = do_HEAD = any


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()  # a mistake of the fake's own


def main():
    WORLD.services["gitlab"] = Gitlab()
    try:
        import fake_services  # pylint: disable=import-outside-toplevel
        fake_services.add(WORLD, Service, Reply, trouble_is)
    except ImportError:
        pass
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
