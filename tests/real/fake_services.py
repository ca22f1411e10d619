"""The other services of fake_http.py: Slack, Okta, Cloudflare, HashiCorp Vault,
GitHub and AWS IAM/STS, as far as curfew's definitions use them."""
import base64
import ctypes
import hashlib
import json
import os
import subprocess
import tempfile
import time
from xml.sax.saxutils import escape


def sealing():
    """A key pair, and what opens a libsodium sealed box made for it."""
    lib = ctypes.CDLL("libsodium.so.23")
    pk, sk = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    lib.crypto_box_keypair(pk, sk)

    def open_box(text):
        box = base64.b64decode(text, validate=True)
        out = ctypes.create_string_buffer(max(len(box) - 48, 1))
        if lib.crypto_box_seal_open(out, box, ctypes.c_ulonglong(len(box)), pk, sk):
            return None
        return out.raw[:len(box) - 48].decode()
    return open_box, base64.b64encode(pk.raw).decode(), sk


def add(world, Service, Reply, trouble_is):  # pylint: disable=too-many-statements,invalid-name
    class Wiki(Service):
        """The service of docs/http-definitions.md."""

        def __init__(self):
            super().__init__()
            self.keys = {k: {"id": k, "made": 1767225600, "ended": False} for k in ("k0", "k1", "k2", "k3")}
            self.robots = {"robot-0": ["k0"], "robot-1": ["k1", "k2"], "robot-2": ["k3"]}

        def who(self, q):
            if q.bearer("Key") != "wiki-admin-key-0000":
                raise Reply(401, {"error": "no such key"})

        def do_robots(self, q):
            """GET /robots"""
            self.who(q)
            at = int(q.query.get("at", 0))
            names = sorted(self.robots)
            raise Reply(200, {"robots": [{"name": n} for n in names[at:at + 2]],
                              "next": f"{q.base}/robots?at={at + 2}" if at + 2 < len(names) else None})

        def do_keys(self, q, robot):
            """GET /robots/:robot/keys"""
            self.who(q)
            raise Reply(200, [self.keys[k] for k in self.robots[robot] if not self.keys[k]["ended"]])

        def do_key(self, q, key):
            """GET /keys/:key
            DELETE /keys/:key"""
            self.who(q)
            if key not in self.keys:
                raise Reply(404, {"error": "no such key"})
            if q.method == "DELETE":
                self.keys[key]["ended"] = True
                raise Reply(204)
            raise Reply(200, self.keys[key])

    class Kinds(Service):
        """Every way to sign in and every way to turn a page."""

        def __init__(self):
            super().__init__()
            self.items = [{"id": f"i{n:02}", "name": f"n{n}"} for n in range(7)]
            self.fetched = 0
            self.alive = True

        def digest_ok(self, q):
            auth = q.headers.get("Authorization") or ""
            if not auth.startswith("Digest "):
                return False
            f = dict(p.strip().split("=", 1) for p in auth[7:].split(","))
            f = {k: v.strip('"') for k, v in f.items()}
            h = lambda s: hashlib.sha256(s.encode()).hexdigest()  # noqa: E731
            want = h(f"{h('user:realm:' + 'pa:ss wört')}:{f['nonce']}:{f['nc']}:{f['cnonce']}:auth:{h(q.method + ':' + f['uri'])}")
            return f["username"] == "user" and f["response"] == want and f["nonce"] == "abc" and f["uri"] == q.full

        def do_who(self, q, kind):
            """POST /who/:kind"""
            basic = "Basic " + base64.b64encode("user:pa:ss wört".encode()).decode()
            ok = {"basic": lambda: q.headers.get("Authorization") == basic,
                  "digest": lambda: self.digest_ok(q),
                  "header": lambda: (q.headers.get("X-Key") or "").encode("latin1") == "user:pa:ss wört".encode(),
                  "oauth": lambda: q.bearer("Token") == f"t{self.fetched}",
                  "none": lambda: not q.headers.get("Authorization")}[kind]()
            if not ok or not self.alive:
                raise Reply(401, {"error": "bad key"}, {"WWW-Authenticate": 'Digest realm="realm", nonce="abc", '
                                                        'qop="auth", algorithm=SHA-256'} if kind == "digest" else {})
            raise Reply(200, {"me": "user"})

        def do_token(self, q):
            """POST /token"""
            basic = "Basic " + base64.b64encode("user:pa:ss wört".encode()).decode()
            if q.headers.get("Authorization") != basic or q.form() != {"grant_type": "client_credentials", "scope": "a b"}:
                raise Reply(400, {"error": "invalid_client"})
            self.fetched += 1
            raise Reply(200, {"access_token": f"t{self.fetched}", "expires_in": 3600})

        def do_page(self, q, kind):
            """GET /page/:kind"""
            got, n = self.items, len(self.items)
            if kind == "link":
                q.link_pages(got, 3)
            at = {"next": lambda: int(q.query.get("at", 0)), "cursor": lambda: int(q.query.get("cursor") or 0),
                  "more": lambda: int(q.query.get("cursor") or 0), "total": lambda: (int(q.query.get("page", 1)) - 1) * 3,
                  "short": lambda: int(q.query.get("page", 0)) * 3,
                  "last": lambda: next((i + 1 for i, x in enumerate(got) if x["id"] == q.query.get("after")), 0)}[kind]()
            if kind in ("short", "last") and q.query.get("per") != "3":
                raise Reply(400, {"error": "per=3, please"})
            end, page = at + 3 >= n, {"items": got[at:at + 3]}
            if kind == "next" and not end:
                page["next"] = f"/{q.service}{q.path}?at={at + 3}"  # relative
            if kind == "cursor":
                page["cursor"] = "" if end else str(at + 3)
            if kind == "more":
                page.update(cursor=str(at + 3), more=not end)
            if kind == "total":
                page["pages"] = 3
            raise Reply(200, page)

    class Slack(Service):
        def __init__(self):
            super().__init__()
            self.tokens = {"xoxp-admin-0000000000-000000000000": "active",
                           "xoxb-100000000-bot0bot0bot0bot0": "active",
                           "xoxb-100000000-gone0gone0gone0": "account_inactive"}
            self.reset = []

        def who(self, q):
            state = self.tokens.get(q.bearer(), "invalid_auth")
            if state != "active":
                raise Reply(200, {"ok": False, "error": state})

        def nowhere(self, q, found):
            raise Reply(200, {"ok": False, "error": "unknown_method"})

        def do_test(self, q):
            """POST /api/auth.test"""
            self.who(q)
            raise Reply(200, {"ok": True, "user_id": "U1", "team_id": "T1"})

        def do_revoke(self, q):
            """POST /api/auth.revoke"""
            self.who(q)
            if not trouble_is("revoke-ignored"):
                self.tokens[q.bearer()] = "token_revoked"
            raise Reply(200, {"ok": True, "revoked": not trouble_is("revoke-ignored")})

        def do_users(self, q):
            """GET /api/users.list"""
            self.who(q)
            all_ = [{"id": f"U{i}", "name": f"bot{i}", "deleted": i == 4, "is_bot": True, "profile": {}}
                    for i in range(5)]
            at = int(q.query.get("cursor") or 0)
            step = 5 if q.query.get("limit") == "1000" else 2
            raise Reply(200, {"ok": True, "members": all_[at:at + step], "response_metadata": {
                "next_cursor": str(at + step) if at + step < len(all_) else ""}})

        def do_reset(self, q):
            """POST /api/admin.users.session.reset"""
            self.who(q)
            self.reset.append(q.json()["user_id"])
            raise Reply(200, {"ok": True})

    class Okta(Service):
        gone = {"errorCode": "E0000007", "errorSummary": "Not found: Resource not found"}

        def __init__(self):
            super().__init__()
            self.tokens = {"00" + c * 40: {"id": f"00T{i}", "name": f"t{i}", "userId": "u1", "created":
                                           "2026-01-01T00:00:00.000Z"} for i, c in enumerate("Abc")}
            self.secrets = {"s1": "ACTIVE", "s2": "INACTIVE"}
            self.users = {f"user{i}@example.com": "ACTIVE" for i in range(5)}
            self.cut = []

        def who(self, q):
            t = self.tokens.get(q.bearer("SSWS"))
            if not t:
                raise Reply(401, {"errorCode": "E0000011", "errorSummary": "Invalid token provided"})
            return t

        def nowhere(self, q, found):
            raise Reply(404, {"errorCode": "E0000022", "errorSummary": "The endpoint does not exist"})

        def do_me(self, q):
            """GET /api/v1/users/me"""
            self.who(q)
            raise Reply(200, {"id": "u1"})

        def do_users(self, q):
            """GET /api/v1/users"""
            self.who(q)
            q.link_pages([{"id": u[:5], "status": s, "profile": {"login": u}} for u, s in self.users.items()])

        def do_user(self, q, user):
            """GET /api/v1/users/:user"""
            self.who(q)
            if user not in self.users:
                raise Reply(404, self.gone)
            raise Reply(200, {"id": user[:5], "status": self.users[user]})

        def do_user_life(self, q, user, what):
            """POST /api/v1/users/:user/lifecycle/:what"""
            self.who(q)
            self.users[user] = {"suspend": "SUSPENDED", "unsuspend": "ACTIVE"}[what]
            raise Reply(200, {})

        def do_sessions(self, q, user):
            """DELETE /api/v1/users/:user/sessions"""
            self.who(q)
            self.cut.append(user)
            raise Reply(204)

        def do_tokens(self, q):
            """GET /api/v1/api-tokens"""
            self.who(q)
            q.link_pages(list(self.tokens.values()))

        def do_token(self, q, ident):
            """GET /api/v1/api-tokens/:ident
            DELETE /api/v1/api-tokens/:ident"""
            me = self.who(q)
            value = next((v for v, t in self.tokens.items() if t["id"] == ident or (ident == "current" and t is me)), None)
            if not value:
                raise Reply(404, self.gone)
            if q.method == "GET":
                raise Reply(200, self.tokens[value])
            if not trouble_is("revoke-ignored"):
                del self.tokens[value]
            raise Reply(204)

        def do_secrets(self, q):
            """GET /api/v1/apps/app1/credentials/secrets
            POST /api/v1/apps/app1/credentials/secrets"""
            self.who(q)
            if q.method == "POST":
                if len(self.secrets) >= 2:
                    raise Reply(400, {"errorCode": "E0000001", "errorSummary": "two secrets at most"})
                self.secrets["s3"] = "ACTIVE"
                raise Reply(201, {"id": "s3", "status": "ACTIVE", "client_secret": "new-app-secret-0000"})
            raise Reply(200, [{"id": i, "status": s} for i, s in self.secrets.items()])

        def do_secret(self, q, ident):
            """DELETE /api/v1/apps/app1/credentials/secrets/:ident"""
            self.who(q)
            if self.secrets.get(ident) == "ACTIVE":
                raise Reply(400, {"errorCode": "E0000001", "errorSummary": "the secret is active"})
            self.secrets.pop(ident, None)
            raise Reply(204)

        def do_secret_life(self, q, ident, what):
            """POST /api/v1/apps/app1/credentials/secrets/:ident/lifecycle/:what"""
            self.who(q)
            if ident not in self.secrets:
                raise Reply(404, self.gone)
            self.secrets[ident] = {"activate": "ACTIVE", "deactivate": "INACTIVE"}[what]
            raise Reply(200, {"id": ident, "status": self.secrets[ident]})

    class Cloudflare(Service):
        def __init__(self):
            super().__init__()
            self.tokens = {f"cfut_{i}" + "x" * 47: {
                "id": f"tok{i}", "name": f"t{i}", "status": "active", "issued_on": "2026-01-01T00:00:00Z",
                "policies": [{"effect": "allow"}]} for i in range(5)}

        def nowhere(self, q, found):
            raise Reply(404, {"success": False, "errors": [{"code": 7003, "message": "no route"}]})

        def who(self, q):
            t = self.tokens.get(q.bearer())
            if not t or t["status"] != "active":
                raise Reply(401, {"success": False, "errors": [{"code": 1000, "message": "Invalid API Token"}]})
            return t

        def ok(self, result, **more):
            raise Reply(200, dict({"success": True, "errors": [], "result": result}, **more))

        def do_list(self, q):
            """GET /client/v4/user/tokens"""
            self.who(q)
            all_, page = list(self.tokens.values()), int(q.query.get("page", 1))
            self.ok(all_[(page - 1) * 2:page * 2], result_info={"page": page, "total_pages": (len(all_) + 1) // 2})

        def do_make(self, q):
            """POST /client/v4/user/tokens"""
            self.who(q)
            want = q.json()
            if set(want) != {"name", "policies"}:
                raise Reply(400, {"success": False, "errors": [{"code": 1, "message": "name and policies, please"}]})
            self.tokens["cfut_n" + "n" * 47] = new = {**want, "id": "toknew", "status": "active",
                                                      "issued_on": "2026-11-22T00:00:00Z"}
            self.ok({**new, "value": "cfut_n" + "n" * 47})

        def do_one(self, q, ident):
            """GET /client/v4/user/tokens/:ident
            PUT /client/v4/user/tokens/:ident
            DELETE /client/v4/user/tokens/:ident"""
            me = self.who(q)
            if ident == "verify":
                self.ok({"id": me["id"], "status": me["status"]})
            value = next((v for v, t in self.tokens.items() if t["id"] == ident), None)
            if not value:
                raise Reply(404, {"success": False, "errors": [{"code": 1001, "message": "not found"}]})
            t = self.tokens[value]
            if q.method == "DELETE":
                if not trouble_is("revoke-ignored"):
                    del self.tokens[value]
                self.ok({"id": ident})
            if q.method == "PUT":
                want = q.json()
                if want.get("name") != t["name"] or want.get("policies") != t["policies"] or "id" in want:
                    raise Reply(400, {"success": False, "errors": [{"code": 1, "message": "the whole object, please"}]})
                t["status"] = want["status"]
            self.ok(t)

    class Vault(Service):
        def __init__(self):
            super().__init__()
            self.tokens = {f"hvs.{n}000000000000000000000": {
                "accessor": f"acc-{n}", "display_name": n, "creation_time": 1767225600, "expire_time": None,
                "policies": ["root"] if n == "admin" else ["p"], "type": "service", "path": "auth/token/create"}
                for n in ("admin", "ci", "dev")}
            self.ids = {"sid-1", "sid-2"}
            self.kv = {"team/app": {"version": 3, "data": {"password": "old", "other": "kept"}}}

        def nowhere(self, q, found):
            raise Reply(404, {"errors": []})

        def who(self, q):
            t = self.tokens.get(q.headers.get("X-Vault-Token"))
            if not t:
                raise Reply(403, {"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]})
            return t

        def do_accessors(self, q):
            """LIST /v1/auth/token/accessors"""
            self.who(q)
            raise Reply(200, {"data": {"keys": [t["accessor"] for t in self.tokens.values()]}})

        def by(self, q):
            self.who(q)
            want = q.json()["accessor"]
            value = next((v for v, t in self.tokens.items() if t["accessor"] == want), None)
            if not value:
                raise Reply(403, {"errors": ["1 error occurred:\n\t* invalid accessor\n\n"]})
            return value

        def do_lookup(self, q):
            """POST /v1/auth/token/lookup-accessor"""
            raise Reply(200, {"data": self.tokens[self.by(q)]})

        def do_self(self, q):
            """GET /v1/auth/token/lookup-self"""
            raise Reply(200, {"data": self.who(q)})

        def drop(self, value):
            if not trouble_is("revoke-ignored"):
                del self.tokens[value]
            raise Reply(204)

        def do_kv_look(self, q):
            """GET /v1/secret/metadata/team/app"""
            self.who(q)
            if "team/app" not in self.kv:
                raise Reply(404, {"errors": []})
            raise Reply(200, {"data": {"current_version": self.kv["team/app"]["version"], "versions": {}}})

        def do_kv_patch(self, q):
            """PATCH /v1/secret/data/team/app"""
            self.who(q)
            if q.headers.get("Content-Type") != "application/merge-patch+json":
                raise Reply(415, {"errors": ["PATCH requires Content-Type of application/merge-patch+json"]})
            want, s = q.json(), self.kv["team/app"]
            if want["options"]["cas"] != s["version"]:
                raise Reply(400, {"errors": ["check-and-set parameter did not match the current version"]})
            s["data"].update(want["data"])
            s["version"] += 1
            raise Reply(200, {"data": {"version": s["version"], "created_time": "2026-11-22T00:00:00Z"}})

        def do_kv_read(self, q):
            """GET /v1/secret/data/team/app"""
            self.who(q)
            s = self.kv["team/app"]
            if q.query.get("version") != str(s["version"]):
                raise Reply(404, {"errors": []})
            raise Reply(200, {"data": {"data": {**s["data"], **({"password": "other"} if trouble_is("stored-other")
                                                                else {})},
                                       "metadata": {"version": s["version"]}}})

        def do_create(self, q):
            """POST /v1/auth/token/create/bots"""
            self.who(q)
            name = q.json()["display_name"]
            new = {"accessor": "acc-new", "display_name": "token-" + name, "creation_time": 1767225600,
                   "policies": ["p"], "meta": q.json()["meta"], "type": "service", "path": "auth/token/create"}
            self.tokens["hvs.new000000000000000000000"] = new
            raise Reply(200, {"auth": {"client_token": "hvs.new000000000000000000000", "accessor": "acc-new"}})

        def do_revoke(self, q):
            """POST /v1/auth/token/revoke-accessor"""
            self.drop(self.by(q))

        def do_revoke_self(self, q):
            """POST /v1/auth/token/revoke-self"""
            self.who(q)
            self.drop(q.headers["X-Vault-Token"])

        def do_ids(self, q):
            """LIST /v1/auth/approle/role/ci/secret-id
            POST /v1/auth/approle/role/ci/secret-id"""
            self.who(q)
            if q.method == "POST":
                self.ids.add("sid-new")
                raise Reply(200, {"data": {"secret_id": "the-new-secret-id", "secret_id_accessor": "sid-new"}})
            if not self.ids:
                raise Reply(404, {"errors": []})
            raise Reply(200, {"data": {"keys": sorted(self.ids)}})

        def do_id(self, q, what):
            """POST /v1/auth/approle/role/ci/secret-id-accessor/:what"""
            self.who(q)
            a = q.json()["secret_id_accessor"]
            if a not in self.ids:
                raise Reply(404, {"errors": [f"failed to find accessor entry for secret_id_accessor: {a}"]})
            if what == "destroy":
                self.ids.discard(a)
                raise Reply(204)
            raise Reply(200, {"data": {"secret_id_accessor": a}})

    class Github(Service):
        """The App's public key lies in the file FAKE_GITHUB_KEY names."""

        def __init__(self):
            super().__init__()
            self.tokens = {"ghp_" + "a" * 36: "dev", "github_pat_" + "b" * 82: "dev", "ghs_self0" + "c" * 32: "app",
                           "ghr_" + "r" * 36: "refresh"}
            self.issued = {}
            self.pats = [{"id": 1000 + i, "owner": {"login": "dev"}, "token_name": f"pat{i}", "token_expired": False,
                          "token_expires_at": None, "access_granted_at": "2026-01-01T00:00:00Z"} for i in range(5)]
            self.keys = {"app": [{"id": 7, "key": "ssh-ed25519 AAAA", "read_only": True, "title": "deploy",
                                  "added_by": "dev", "created_at": "2026-01-01T00:00:00Z"}],
                         "web": [{"id": 8, "key": "ssh-ed25519 BBBB", "read_only": False, "title": "web",
                                  "added_by": "dev", "created_at": "2026-01-01T00:00:00Z"}]}
            self.secrets = {"DEPLOY": {"name": "DEPLOY", "visibility": "private", "value": "old",
                                       "created_at": "2026-01-01T00:00:00Z"},
                            "CHOSEN": {"name": "CHOSEN", "visibility": "selected", "value": "old"}}
            self.repo_secrets = {}
            self.sso = [{"login": "dev", "credential_id": 61, "credential_type": "personal access token",
                         "token_last_eight": "12345678", "credential_authorized_at": "2026-01-01T00:00:00Z"}]
            self.sodium, self.public, self.private = sealing()
            self.suspended = None
            self.removed = self.locked = self.made = False
            self.minted = 0

        def bad(self):
            raise Reply(401, {"message": "Bad credentials"})

        def app(self, q):
            """A JWT, its signature checked by openssl, its claims here."""
            try:
                head, claims, sig = (q.bearer() or "").split(".")
                un = lambda s: base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))  # noqa: E731
                c = json.loads(un(claims))
                ok = not self.locked and json.loads(un(head)) == {"alg": "RS256", "typ": "JWT"} and c["iss"] == "4711"
                ok = ok and c["iat"] <= time.time() < c["exp"] <= c["iat"] + 660
                with tempfile.NamedTemporaryFile() as f:
                    f.write(un(sig))
                    f.flush()
                    ok = ok and subprocess.run(
                        ["openssl", "dgst", "-sha256", "-verify", os.environ["FAKE_GITHUB_KEY"], "-signature", f.name],
                        input=f"{head}.{claims}".encode(), capture_output=True, check=False).returncode == 0
            except (ValueError, KeyError):
                ok = False
            if not ok:
                raise Reply(401, {"message": "A JSON web token could not be decoded"})

        def installation(self, q):
            if q.bearer() not in self.issued or self.issued[q.bearer()] < time.time():
                self.bad()

        def do_token(self, q):
            """POST /app/installations/22/access_tokens"""
            self.app(q)
            self.minted += 1
            self.made = True
            t = f"ghs_issued{self.minted}"
            self.issued[t] = time.time() + 3600
            raise Reply(201, {"token": t, "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.issued[t]))})

        def do_pats(self, q):
            """GET /orgs/acme/personal-access-tokens"""
            self.installation(q)
            q.link_pages(self.pats, 100 if q.query.get("per_page") == "100" and "page" not in q.query else 2)

        def do_pat(self, q, ident):
            """POST /orgs/acme/personal-access-tokens/:ident"""
            self.installation(q)
            if q.json() != {"action": "revoke"}:
                raise Reply(422, {"message": "Validation Failed"})
            self.pats = [p for p in self.pats if str(p["id"]) != ident]
            raise Reply(204)

        def do_installations(self, q):
            """GET /orgs/acme/installations"""
            self.installation(q)
            raise Reply(200, {"total_count": 1, "installations": [{"id": 22, "app_slug": "curfew", "created_at": "2026-01-01T00:00:00Z"}]})

        def do_repos(self, q):
            """GET /installation/repositories"""
            if self.tokens.get(q.bearer()) == "app":
                raise Reply(200, {"repositories": []})
            self.installation(q)
            raise Reply(200, {"total_count": 2, "repositories": [{"id": i, "name": n} for i, n in enumerate(self.keys)]})

        def do_keys(self, q, repo):
            """GET /repos/acme/:repo/keys
            POST /repos/acme/:repo/keys"""
            self.installation(q)
            if repo not in self.keys:
                raise Reply(404, {"message": "Not Found"})
            if q.method == "POST":
                new = q.json()
                if not isinstance(new["read_only"], bool) or any(new["key"] == k["key"] for k in self.keys[repo]):
                    raise Reply(422, {"message": "Validation Failed"})
                self.keys[repo].append(dict(new, id=77, added_by="curfew"))
                raise Reply(201, self.keys[repo][-1])
            raise Reply(200, self.keys[repo])

        def do_key(self, q, repo, ident):
            """GET /repos/acme/:repo/keys/:ident
            DELETE /repos/acme/:repo/keys/:ident"""
            self.installation(q)
            mine = [k for k in self.keys.get(repo, []) if str(k["id"]) == ident]
            if not mine:
                raise Reply(404, {"message": "Not Found"})
            if q.method == "GET":
                raise Reply(200, mine[0])
            self.keys[repo].remove(mine[0])
            raise Reply(204)

        def do_secrets(self, q):
            """GET /orgs/acme/actions/secrets"""
            self.installation(q)
            raise Reply(200, {"total_count": len(self.secrets), "secrets": list(self.secrets.values())})

        def do_repo_secret(self, q, name):
            """GET /repos/acme/app/actions/secrets/:name
            PUT /repos/acme/app/actions/secrets/:name"""
            self.installation(q)
            if name == "public-key":
                raise Reply(200, {"key_id": "568250167242549744", "key": self.public})
            new = q.json()
            value = self.sodium(new["encrypted_value"])
            if new["key_id"] != "568250167242549744" or value is None:
                raise Reply(422, {"message": "Bad request - key_id"})
            fresh = name not in self.repo_secrets
            self.repo_secrets[name] = value
            raise Reply(201 if fresh else 204, {} if fresh else None)

        def do_secret(self, q, name):
            """GET /orgs/acme/actions/secrets/:name
            PUT /orgs/acme/actions/secrets/:name
            DELETE /orgs/acme/actions/secrets/:name"""
            self.installation(q)
            if name == "public-key":
                raise Reply(200, {"key_id": "568250167242549743", "key": self.public})
            if name not in self.secrets:
                raise Reply(404, {"message": "Not Found"})
            if q.method == "DELETE":
                del self.secrets[name]
                raise Reply(204)
            if q.method == "PUT":
                new = q.json()
                value = self.sodium(new["encrypted_value"])
                if new["key_id"] != "568250167242549743" or value is None:
                    raise Reply(422, {"message": "Bad request - key_id"})
                self.secrets[name].update(value=value, visibility=new["visibility"])
                raise Reply(204)
            raise Reply(200, {k: v for k, v in self.secrets[name].items() if k != "value"})

        def do_sso(self, q):
            """GET /orgs/acme/credential-authorizations"""
            self.installation(q)
            raise Reply(200, self.sso)

        def do_sso_one(self, q, ident):
            """DELETE /orgs/acme/credential-authorizations/:ident"""
            self.installation(q)
            if not any(str(a["credential_id"]) == ident for a in self.sso):
                raise Reply(404, {"message": "Not Found"})
            self.sso = [a for a in self.sso if str(a["credential_id"]) != ident]
            raise Reply(204)

        def do_user(self, q):
            """GET /user"""
            if self.tokens.get(q.bearer()) != "dev":
                self.bad()
            raise Reply(200, {"login": "dev"})

        def do_by_value(self, q):
            """POST /credentials/revoke"""
            if q.headers.get("Authorization"):
                raise Reply(403, {"message": "must be unauthenticated"})
            for v in q.json()["credentials"]:
                if not trouble_is("revoke-ignored"):
                    self.tokens.pop(v, None)
            raise Reply(202)

        def do_self(self, q):
            """DELETE /installation/token"""
            if self.tokens.get(q.bearer()) == "app":
                del self.tokens[q.bearer()]
            elif q.bearer() in self.issued:
                del self.issued[q.bearer()]
            else:
                self.bad()
            raise Reply(204)

        def do_app(self, q, ident):
            """GET /app/installations/:ident
            DELETE /app/installations/:ident"""
            self.app(q)
            if ident != "22" or self.removed:
                raise Reply(404, {"message": "Not Found"})
            if q.method == "DELETE":
                self.removed = True
                raise Reply(204)
            raise Reply(200, {"id": int(ident), "suspended_at": self.suspended})

        def do_suspend(self, q, ident):
            """PUT /app/installations/:ident/suspended
            DELETE /app/installations/:ident/suspended"""
            self.app(q)
            self.suspended = "2026-11-22T00:00:00Z" if q.method == "PUT" else None
            raise Reply(204)

    class Aws(Service):
        """IAM and STS; every signature is made again by botocore and compared."""

        def __init__(self):
            super().__init__()
            self.keys = {}
            for i, (user, key) in enumerate([("root", "AKIAADMIN00000000000"), ("ci", "AKIACI00000000000000"),
                                             ("ci", "AKIACI11111111111111"), ("dev", "AKIADEV0000000000000")]):
                self.keys[key] = {"user": user, "secret": f"secret/of+key{i}".ljust(40, "x"), "status": "Active"}
            self.users = ["ci", "dev", "root"]
            self.policies = {}  # (user or role, its name, policy's name)
            self.roles = {"deploy": "/", "AWSServiceRoleForX": "/aws-service-role/x/", "build": "/ci/"}
            self.last = None  # (time, key id) of the last STS call
            self.checked = 0

        def error(self, status, code):
            raise Reply(status, raw=f"<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>{code}</Code>"
                        f"<Message>m</Message></Error></ErrorResponse>".encode())

        def answer(self, action, inner="", result=True):
            inner = f"<{action}Result>{inner}</{action}Result>" if result else ""
            raise Reply(200, raw=f"<?xml version=\"1.0\"?>\n<{action}Response xmlns=\"https://x/\">{inner}<ResponseMetadata>"
                        f"<RequestId>r</RequestId></ResponseMetadata></{action}Response>".encode())

        def signed(self, q, service):
            from botocore.auth import SigV4Auth  # pylint: disable=import-outside-toplevel
            from botocore.awsrequest import AWSRequest  # pylint: disable=import-outside-toplevel
            from botocore.credentials import Credentials  # pylint: disable=import-outside-toplevel
            auth = q.headers.get("Authorization") or ""
            if not auth.startswith("AWS4-HMAC-SHA256 "):
                self.error(403, "MissingAuthenticationToken")
            f = dict(p.strip().split("=", 1) for p in auth[17:].split(","))
            key, _, region, name, _ = f["Credential"].split("/")
            k = self.keys.get(key)
            if not k or k["status"] != "Active":
                self.error(403, "InvalidClientTokenId")
            names = f["SignedHeaders"].split(";")
            if "host" not in names or "x-amz-date" not in names or name != service:
                self.error(403, "SignatureDoesNotMatch")
            token = q.headers.get("X-Amz-Security-Token")
            if bool(token) != ("x-amz-security-token" in names):
                self.error(403, "SignatureDoesNotMatch")
            r = AWSRequest(q.method, f"http://{q.headers['Host']}{q.full}", data=q.raw,
                           headers={n: q.headers[n] for n in names})
            r.context["timestamp"] = q.headers["X-Amz-Date"]
            a = SigV4Auth(Credentials(key, k["secret"]), name, region)
            want = a.signature(a.string_to_sign(r, a.canonical_request(r)), r)
            self.checked += 1
            if want != f["Signature"]:
                self.error(403, "SignatureDoesNotMatch")
            return key, k

        def do_sts(self, q):
            """POST /sts/"""
            key, k = self.signed(q, "sts")
            last, self.last = self.last, (time.time(), key)
            if trouble_is("aws-quirk") and last and last[1] != key and time.time() - last[0] < 0.6:
                self.error(403, "SignatureDoesNotMatch")
            if q.form() != {"Action": "GetCallerIdentity", "Version": "2011-06-15"}:
                self.error(400, "InvalidAction")
            self.answer("GetCallerIdentity", f"<Arn>arn:aws:iam::1:user/{k['user']}</Arn>")

        def members(self, items):
            return "".join(f"<member>{''.join(f'<{k}>{escape(v)}</{k}>' for k, v in i.items())}</member>" for i in items)

        def do_iam(self, q):
            """POST /iam/
            GET /iam/"""
            self.signed(q, "iam")
            p = q.form() if q.method == "POST" else q.query
            action = p.get("Action")
            if p.get("Version") != "2010-05-08":
                self.error(400, "InvalidAction")
            if action == "Echo":
                self.answer(action, escape(hashlib.sha256(p["Value"].encode()).hexdigest()))
            if action == "ListUsers":
                at = int(p.get("Marker") or 0)
                more = at + 2 < len(self.users)
                inner = self.members([{"UserName": u, "CreateDate": "2026-01-01T00:00:00Z", "Arn": f"arn:&{u}"}
                                      for u in self.users[at:at + 2]])
                self.answer(action, f"<Users>{inner}</Users><IsTruncated>{str(more).lower()}</IsTruncated>"
                            + (f"<Marker>{at + 2}</Marker>" if more else ""))
            if action == "ListRoles":
                self.answer(action, f"<Roles>{self.members([{'RoleName': n, 'Path': w, 'Arn': f'arn:{n}'} for n, w in self.roles.items()])}"
                            "</Roles><IsTruncated>false</IsTruncated>")
            for what, has in (("Role", self.roles), ("User", self.users)):
                if action not in (f"Put{what}Policy", f"Delete{what}Policy", f"Get{what}Policy"):
                    continue
                name, which = p.get(f"{what}Name"), (what, p.get(f"{what}Name"), p["PolicyName"])
                if name not in has or (action[:3] != "Put" and which not in self.policies):
                    self.error(404, "NoSuchEntity")
                if self.roles.get(name, "/").startswith("/aws-service-role/"):
                    self.error(400, "UnmodifiableEntity")
                if action.startswith("Put"):
                    doc = json.loads(p["PolicyDocument"])
                    if doc["Statement"][0]["Effect"] != "Deny" or doc["Statement"][0]["Resource"] != "*":
                        self.error(400, "MalformedPolicyDocument")
                    self.policies[which] = doc
                if action.startswith("Delete"):
                    del self.policies[which]
                self.answer(action, f"<PolicyName>{which[2]}</PolicyName>" if action.startswith("Get") else "",
                            action.startswith("Get"))
            user = p.get("UserName")
            if user not in self.users:
                self.error(404, "NoSuchEntity")
            mine = {i: k for i, k in self.keys.items() if k["user"] == user}
            if action == "ListAccessKeys":
                inner = self.members([{"UserName": user, "AccessKeyId": i, "Status": k["status"],
                                       "CreateDate": "2026-01-01T00:00:00Z"} for i, k in mine.items()])
                self.answer(action, f"<AccessKeyMetadata>{inner}</AccessKeyMetadata><IsTruncated>false</IsTruncated>")
            if action == "CreateAccessKey":
                if len(mine) >= 2:
                    self.error(409, "LimitExceeded")
                self.keys["AKIANEW0000000000000"] = {"user": user, "secret": "new+secret/" + "n" * 29, "status": "Active"}
                self.answer(action, "<AccessKey><AccessKeyId>AKIANEW0000000000000</AccessKeyId><SecretAccessKey>"
                            f"{'new+secret/' + 'n' * 29}</SecretAccessKey></AccessKey>")
            if p.get("AccessKeyId") not in mine:
                self.error(404, "NoSuchEntity")
            if action == "UpdateAccessKey":
                self.keys[p["AccessKeyId"]]["status"] = p["Status"]
                self.answer(action, result=False)
            if action == "DeleteAccessKey":
                if not trouble_is("revoke-ignored"):
                    del self.keys[p["AccessKeyId"]]
                self.answer(action, result=False)
            self.error(400, "InvalidAction")

    class AwsSecrets(Aws):
        """Secrets Manager: the same signatures, JSON."""

        def __init__(self):
            super().__init__()
            self.stored, self.last = {"prod/db": ["old"]}, ""

        def error(self, status, code):
            raise Reply(status, {"__type": code, "message": "m"})

        def do_json(self, q):
            """POST /"""
            self.signed(q, "secretsmanager")
            call = (q.headers.get("X-Amz-Target") or "").partition(".")
            if call[0] != "secretsmanager" or call[2] not in ("PutSecretValue", "GetSecretValue") or \
                    q.headers.get("Content-Type") != "application/x-amz-json-1.1":
                self.error(400, "UnknownOperationException")
            want = q.json()
            if call[2] == "GetSecretValue":
                if want["VersionId"] != self.last:
                    self.error(400, "ResourceNotFoundException")
                raise Reply(200, {"Name": want["SecretId"], "VersionId": self.last, "SecretString": "other" if
                                  trouble_is("stored-other") else self.stored[want["SecretId"]][-1]})
            if want["SecretId"] not in self.stored:
                self.error(400, "ResourceNotFoundException")
            if not 32 <= len(want["ClientRequestToken"]) <= 64:
                self.error(400, "InvalidParameterException")
            self.stored[want["SecretId"]].append(want["SecretString"])
            self.last = want["ClientRequestToken"]
            raise Reply(200, {"ARN": "arn:x", "Name": want["SecretId"], "VersionId": want["ClientRequestToken"],
                              "VersionStages": ["AWSCURRENT"]})

    class Kubernetes(Service):
        def __init__(self):
            super().__init__()
            self.version, self.alive = 41, True
            self.data = {"password": "b2xk", "other": "a2VwdA=="}

        def status(self, code, reason):
            raise Reply(code, {"kind": "Status", "status": "Failure", "reason": reason, "message": reason, "code": code})

        def nowhere(self, q, found):
            self.status(404, "NotFound")

        def do_secret(self, q, name):
            """GET /api/v1/namespaces/prod/secrets/:name
            PATCH /api/v1/namespaces/prod/secrets/:name"""
            if q.bearer() != "k8s-admin-token-0000" or not self.alive:
                self.status(401, "Unauthorized")
            if name != "app":
                self.status(404, "NotFound")
            if q.method == "GET" and q.headers.get("Accept") == "application/json":
                raise Reply(200, {"kind": "Secret", "type": "Opaque", "metadata": {"name": name, "uid": "u-1",
                            "resourceVersion": str(self.version)}, "data": {**self.data, **(
                                {"password": "b3RoZXI="} if trouble_is("stored-other") else {})}})
            if "as=PartialObjectMetadata" not in (q.headers.get("Accept") or ""):
                self.status(406, "NotAcceptable")  # the values are nobody's business
            if q.method == "PATCH":
                if q.headers.get("Content-Type") != "application/merge-patch+json":
                    self.status(415, "UnsupportedMediaType")
                want = q.json()
                if want["metadata"]["resourceVersion"] != str(self.version):
                    self.status(409, "Conflict")
                for v in want["data"].values():
                    base64.b64decode(v, validate=True)
                self.data.update(want["data"])
                self.version += 1
            raise Reply(200, {"kind": "PartialObjectMetadata", "metadata": {
                "name": name, "namespace": "prod", "uid": "u-1", "resourceVersion": str(self.version)}})

    class Entra(Service):
        """Graph and the token endpoint."""

        def __init__(self):
            super().__init__()
            self.apps = {f"app-{n}": {"id": f"obj-{n}", "appId": f"app-{n}", "displayName": n,
                                      "createdDateTime": "2026-01-01T00:00:00Z"} for n in ("curfew", "ci", "dev")}
            self.secrets = {f"k-{a}": {"app": f"app-{a}", "text": f"entra-{a}-secret-0000"} for a in ("curfew", "ci", "dev")}
            self.issued = {}

        def error(self, status, code, message):
            raise Reply(status, {"error": {"code": code, "message": message}})

        def nowhere(self, q, found):
            self.error(404, "Request_ResourceNotFound", "nothing is there")

        def do_token(self, q):
            """POST /acme/oauth2/v2.0/token"""
            f = q.form()
            if f.get("grant_type") != "client_credentials" or not f["scope"].endswith("/.default"):
                raise Reply(400, {"error": "invalid_scope", "error_codes": [70011]})
            if not any(s["app"] == f["client_id"] and s["text"] == f["client_secret"] for s in self.secrets.values()):
                raise Reply(401, {"error": "invalid_client", "error_codes": [7000215],
                                  "error_description": "AADSTS7000215: Invalid client secret provided."})
            self.issued["token-" + f["client_id"]] = f["client_id"]
            raise Reply(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "token-" + f["client_id"]})

        def who(self, q):
            app = self.issued.get(q.bearer())
            if app != "app-curfew" or "k-curfew" not in self.secrets:
                self.error(401, "InvalidAuthenticationToken", "Access token validation failure.")

        def do_apps(self, q):
            """GET /v1.0/applications"""
            self.who(q)
            at, names = int(q.query.get("$skiptoken", 0)), sorted(self.apps)
            page = {"value": [self.apps[n] for n in names[at:at + 2]]}
            if at + 2 < len(names):
                page["@odata.nextLink"] = f"{q.base}/v1.0/applications?$skiptoken={at + 2}"
            raise Reply(200, page)

        def mine(self, app):
            return [{"keyId": k, "displayName": s.get("label", "old"), "startDateTime": "2026-01-01T00:00:00Z",
                     "endDateTime": "2027-01-01T00:00:00Z", "hint": s["text"][:3], "secretText": None}
                    for k, s in self.secrets.items() if s["app"] == app]

        def do_app(self, q, app):
            """GET /v1.0/applications\\(appId=':app'\\)"""
            self.who(q)
            if app not in self.apps:
                self.nowhere(q, True)
            raise Reply(200, {"id": self.apps[app]["id"], "passwordCredentials": self.mine(app)})

        def do_change(self, q, app, what):
            """POST /v1.0/applications\\(appId=':app'\\)/:what"""
            self.who(q)
            if app not in self.apps:
                self.nowhere(q, True)
            if what == "addPassword":
                label = q.json()["passwordCredential"]["displayName"]
                self.secrets["k-new"] = {"app": app, "text": "entra-new-secret-0000", "label": label}
                raise Reply(200, {"keyId": "k-new", "displayName": label, "secretText": "entra-new-secret-0000"})
            if self.secrets.get(q.json()["keyId"], {}).get("app") != app:
                self.error(400, "Request_BadRequest", "No password credential found with keyId.")
            if not trouble_is("revoke-ignored"):
                del self.secrets[q.json()["keyId"]]
            raise Reply(204)

    world.services.update(entra=Entra())
    if "FAKE_GCP" in os.environ:  # a folder with admin.pem and ci.pem
        import fake_gcp  # pylint: disable=import-outside-toplevel
        with open(os.environ["FAKE_GCP"] + "/admin.pem", encoding="ascii") as a, \
                open(os.environ["FAKE_GCP"] + "/ci.pem", encoding="ascii") as c:
            world.services.update(gcp=fake_gcp.make(Service, Reply, trouble_is, a.read(), c.read()))
    world.services.update(awssecrets=AwsSecrets(), kubernetes=Kubernetes())
    world.services.update(slack=Slack(), okta=Okta(), cloudflare=Cloudflare(), hashivault=Vault(),
                          github=Github(), aws=Aws(), wiki=Wiki(), kinds=Kinds())
