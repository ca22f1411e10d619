"""Google Cloud as its documents say it: service accounts, their keys, the token
endpoint, which takes a signature by any key of the account that is in force.
Signatures and certificates are looked at by openssl, not by us."""
import base64
import json
import subprocess
import tempfile

PUBLIC = {}  # of a private key, so that openssl is asked once
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def public_of(pem, *args):
    if pem not in PUBLIC:
        PUBLIC[pem] = subprocess.run(["openssl", *args], input=pem.encode(), capture_output=True, check=True).stdout.decode()
    return PUBLIC[pem]


def signed_by(public, token):
    head, body, sig = token.split(".")
    with tempfile.NamedTemporaryFile() as k, tempfile.NamedTemporaryFile() as s:
        k.write(public.encode())
        k.flush()
        s.write(base64.urlsafe_b64decode(sig + "=="))
        s.flush()
        return subprocess.run(["openssl", "dgst", "-sha256", "-verify", k.name, "-signature", s.name],
                              input=f"{head}.{body}".encode(), capture_output=True, check=False).returncode == 0


def make(Service, Reply, trouble_is, admin, ci):
    names = {n: f"{n}@p1.iam.gserviceaccount.com" for n in ("curfew", "ci", "dev")}

    class Gcp(Service):
        def __init__(self):
            super().__init__()
            self.login = "BASE/token"
            self.accounts = {e: {"name": f"projects/p1/serviceAccounts/{e}", "email": e, "uniqueId": "1", "displayName": n}
                             for n, e in names.items()}
            self.keys = {"0" * 40: {"of": names["curfew"], "public": public_of(admin, "pkey", "-pubout")},
                         "c" * 40: {"of": names["ci"], "public": public_of(ci, "pkey", "-pubout")}}
            self.issued = {}

        def error(self, status, word):
            raise Reply(status, {"error": {"code": status, "status": word, "message": word.lower()}})

        def nowhere(self, q, found):
            self.error(404, "NOT_FOUND")

        def do_token(self, q):
            """POST /token"""
            f = q.form()
            if f.get("grant_type") != GRANT:
                raise Reply(400, {"error": "unsupported_grant_type"})
            claims = json.loads(base64.urlsafe_b64decode(f["assertion"].split(".")[1] + "=="))
            account = self.accounts.get(claims["iss"])
            if not claims["aud"].endswith("/token") or not claims["scope"] or claims["exp"] - claims["iat"] > 3600:
                raise Reply(400, {"error": "invalid_grant", "error_description": "Invalid JWT: bad claims"})
            if not account or account.get("disabled"):
                raise Reply(400, {"error": "invalid_grant", "error_description": "Invalid grant: account not found"})
            if not any(k["of"] == claims["iss"] and not k.get("disabled") and signed_by(k["public"], f["assertion"])
                       for k in self.keys.values()):
                raise Reply(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
            self.issued["ya29." + claims["iss"]] = claims["iss"]
            raise Reply(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "ya29." + claims["iss"]})

        def who(self, q):
            if self.issued.get(q.bearer()) != names["curfew"] or "0" * 40 not in self.keys:
                self.error(401, "UNAUTHENTICATED")

        def do_accounts(self, q):
            """GET /v1/projects/p1/serviceAccounts"""
            self.who(q)
            at, all_ = int(q.query.get("pageToken") or 0), sorted(self.accounts)
            page = {"accounts": [self.accounts[e] for e in all_[at:at + 2]]}
            if at + 2 < len(all_):
                page["nextPageToken"] = str(at + 2)
            raise Reply(200, page)

        def shown(self, ident):
            k = self.keys[ident]
            return {"name": f"projects/p1/serviceAccounts/{k['of']}/keys/{ident}", "keyType": "USER_MANAGED",
                    "keyOrigin": "USER_PROVIDED", "keyAlgorithm": "KEY_ALG_RSA_2048",
                    "validAfterTime": "2026-01-01T00:00:00Z", "validBeforeTime": "2036-01-01T00:00:00Z",
                    **({"disabled": True} if k.get("disabled") else {})}

        def do_keys(self, q, email):
            """GET /v1/projects/p1/serviceAccounts/:email/keys"""
            self.who(q)
            raise Reply(200, {"keys": [self.shown(i) for i, k in self.keys.items() if k["of"] == email]})

        def do_upload(self, q, email):
            """POST /v1/projects/p1/serviceAccounts/:email/keys[:]upload"""
            self.who(q)
            if email not in self.accounts:
                self.error(404, "NOT_FOUND")
            pem = base64.b64decode(q.json()["publicKeyData"], validate=True).decode()
            if not pem.startswith("-----BEGIN CERTIFICATE-----"):
                self.error(400, "INVALID_ARGUMENT")
            ident = f"{len(self.keys):040x}"
            self.keys[ident] = {"of": email, "public": public_of(pem, "x509", "-noout", "-pubkey")}
            raise Reply(200, self.shown(ident))

        def find(self, q, email, key):
            self.who(q)
            ident, _, verb = key.partition(":")
            if self.keys.get(ident, {}).get("of") != email:
                self.error(404, "NOT_FOUND")
            return ident, verb

        def do_key(self, q, email, key):
            """GET /v1/projects/p1/serviceAccounts/:email/keys/:key
            POST /v1/projects/p1/serviceAccounts/:email/keys/:key
            DELETE /v1/projects/p1/serviceAccounts/:email/keys/:key"""
            ident, verb = self.find(q, email, key)
            if q.method == "GET":
                raise Reply(200, self.shown(ident))
            if not trouble_is("revoke-ignored"):
                if q.method == "DELETE":
                    del self.keys[ident]
                else:
                    self.keys[ident]["disabled"] = verb == "disable"
            raise Reply(200, {})

        def do_account(self, q, email):
            """GET /v1/projects/p1/serviceAccounts/:email
            POST /v1/projects/p1/serviceAccounts/:email"""
            self.who(q)
            email, _, verb = email.partition(":")
            if email not in self.accounts:
                self.error(404, "NOT_FOUND")
            if q.method == "GET":
                raise Reply(200, self.accounts[email])
            self.accounts[email]["disabled"] = verb == "disable"
            raise Reply(200, {})

    return Gcp()
