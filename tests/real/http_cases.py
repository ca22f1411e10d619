"""What http_matrix.py asks of each service: its documented verbs, how the fake's
state shows that a thing was done, and which answer without a body means yes.

probe:  end(state) makes it dead as the service's own revocation does; `dead` is
        what the probe can then prove; `proof` how.
change: done(state); `bare`: misbehaviours that look just as a yes does;
        `start`: the state before; `probes`: what is asked when it was a lie.
"""
import base64
import json
import os
import subprocess
import tempfile


def ask(verb, account="", kind="", credential="", **more):
    q = {"verb": verb, "account": account}
    if kind:
        q["kind"] = kind
    if credential:
        q["credential"] = credential
    return {**q, **more}


def probe(account, kind, credential, end, dead="dead", **more):
    return {"ask": ask("probe", account, kind, credential, **more), "end": end, "dead": dead,
            "proof": "refusal" if "secret" in more else "record"}


def change(verb, account, kind, credential, done, bare=(), probes=(), start=(), by_subject=False,
           again=("ok", "absent", "unknown", "refused"), **more):
    return {"ask": ask(verb, account, kind, credential, **more), "done": done, "bare": set(bare), "start": start,
            "probes": [p["ask"] for p in probes], "by_subject": by_subject, "again": again}


def lied(case, *bodies):
    """200 and not done: the service's own record shows it."""
    return {**case, "lies": [(200, json.dumps(b)) for b in bodies]}


def says(*answers):
    return [(status, body if isinstance(body, str) else json.dumps(body)) for status, body in answers]


def read(verb, account, kind, credential):
    return {"ask": ask(verb, account, kind, credential), "read": True}


def listing(items, paged=True):
    return {"ask": ask("list"), "items": items, "paged": paged}


# ---- GitLab ---------------------------------------------------------------------
VALUE = "delivered-0123456789-value"
GL, BOT = "glpat-adminadminadminadmin", "glpat-botbotbotbotbotbot00"


def gl_end(value):
    return lambda s: s.tokens[value].update(active=False, revoked=True)


def gl_shared(of, what, **new):
    def end(s):
        mine = getattr(s, of)[what]
        if what == "deploy_tokens":
            mine.clear()
        else:
            mine[0].update(active=False, revoked=True)
    return end


def gl_gone(of, what):
    return lambda s: not getattr(s, of)[what] or getattr(s, of)[what][0]["revoked"]


gl_probe = {
    "value": probe("ci-bot", "personal_token", "3", gl_end(BOT), secret=BOT),
    "record": probe("ci-bot", "personal_token", "3", gl_end(BOT)),
    "ssh": probe("ci-bot", "ssh_key", "71", lambda s: s.keys[3].clear()),
    "project": probe("project team/app", "project_token", "91", gl_shared("project", "access_tokens")),
    "group": probe("group team/app", "group_token", "95", gl_shared("group", "access_tokens")),
    "deploy": probe("project team/app", "deploy_token", "92", gl_shared("project", "deploy_tokens")),
    "gdeploy": probe("group team/app", "group_deploy_token", "96", gl_shared("group", "deploy_tokens")),
    "user": probe("ci-bot", "", "", lambda s: s.users[2].update(state="blocked")),
}
GITLAB = {
    "admin": lambda: GL, "options": {"url": "BASE", "project": "team/app", "group": "team/app"},
    "secrets": [GL, BOT, VALUE], "end_admin": gl_end(GL),
    "says": says((403, {"message": "403 Forbidden"}), (404, {"message": "404 Not Found"}),
                 (401, {"error": "insufficient_scope", "error_description": "higher privileges"}),
                 (500, {"message": "500 Internal Server Error"}), (503, {"message": "Service Unavailable"})),
    "cases": list(gl_probe.values()) + [
        change("revoke", "ci-bot", "personal_token", "3", lambda s: s.tokens[BOT]["revoked"], ["204"],
               [gl_probe["value"], gl_probe["record"]]),
        change("revoke", "ci-bot", "ssh_key", "71", lambda s: not s.keys[3], ["204"], [gl_probe["ssh"]]),
        change("revoke", "project team/app", "project_token", "91", gl_gone("project", "access_tokens"), ["204"],
               [gl_probe["project"]]),
        change("revoke", "group team/app", "group_token", "95", gl_gone("group", "access_tokens"), ["204"],
               [gl_probe["group"]]),
        change("revoke", "project team/app", "deploy_token", "92", gl_gone("project", "deploy_tokens"), ["204"],
               [gl_probe["deploy"]]),
        change("revoke", "group team/app", "group_deploy_token", "96", gl_gone("group", "deploy_tokens"), ["204"],
               [gl_probe["gdeploy"]]),
        change("revoke_value", "", "personal_token", "", lambda s: s.tokens[BOT]["revoked"], ["204"],
               [gl_probe["value"]], by_subject=True, secret=BOT),
        change("revoke_value", "", "feed_token", "", lambda s: s.tokens[BOT]["revoked"], ["204"],
               [gl_probe["value"]], secret=BOT),
        change("disable", "ci-bot", "", "", lambda s: s.users[2]["state"] == "blocked", ["201"], [gl_probe["user"]]),
        change("enable", "ci-bot", "", "", lambda s: s.users[2]["state"] == "active", ["201"],
               start=[gl_probe["user"]["end"]]),
        change("mint", "ci-bot", "personal_token", "", lambda s: len(s.tokens) > 5, label="rot-1"),
        lied(change("deliver", "team/app/DB_PASSWORD", "", "", lambda s: s.variables["DB_PASSWORD"] == VALUE,
                    secret=VALUE, version=2), {"key": "OTHER"}, {"message": "404 Variable Not Found"}),
        listing(13),
    ]}

# ---- Slack ------------------------------------------------------------------------
XOXP, XOXB = "xoxp-admin-0000000000-000000000000", "xoxb-100000000-bot0bot0bot0bot0"
sl_probe = probe("", "token", "", lambda s: s.tokens.update({XOXB: "token_revoked"}), secret=XOXB)
SLACK = {
    "admin": lambda: XOXP, "options": {"url": "BASE"}, "secrets": [XOXP, XOXB],
    "end_admin": lambda s: s.tokens.update({XOXP: "token_revoked"}),
    "says": says(*[(200, {"ok": False, "error": e}) for e in (
        "invalid_auth", "not_authed", "internal_error", "fatal_error", "access_denied", "missing_scope")]),
    "cases": [
        sl_probe,
        lied(change("revoke_value", "", "token", "", lambda s: s.tokens[XOXB] == "token_revoked", probes=[sl_probe],
                    by_subject=True, secret=XOXB), {"ok": True, "revoked": False}, {"ok": True}),
        change("cut_sessions", "bot3", "", "", lambda s: s.reset == ["U3"] or s.reset == ["U3", "U3"]),
        listing(5),
    ]}

# ---- Okta ---------------------------------------------------------------------------
OKA, OKB, OKC = ("00" + c * 40 for c in "Abc")
ok_probe = {
    "value": probe("u1", "api_token", "00T1", lambda s: s.tokens.pop(OKB), secret=OKB),
    "record": probe("u1", "api_token", "00T1", lambda s: s.tokens.pop(OKB)),
    "app": probe("app app1", "app_secret", "s1", lambda s: s.secrets.update(s1="INACTIVE")),
    "app gone": probe("app app1", "app_secret", "s1", lambda s: s.secrets.pop("s1")),
    "user": probe("user1@example.com", "", "", lambda s: s.users.update({"user1@example.com": "SUSPENDED"})),
}
OKTA = {
    "admin": lambda: OKA, "options": {"url": "BASE", "app": "app1"}, "secrets": [OKA, OKB, OKC],
    "end_admin": lambda s: s.tokens.pop(OKA),
    "says": says(*[(status, {"errorCode": e, "errorSummary": "x"}) for status, e in (
        (403, "E0000006"), (401, "E0000004"), (404, "E0000022"), (500, "E0000009"), (400, "E0000001"))]),
    "cases": list(ok_probe.values()) + [
        change("revoke", "u1", "api_token", "00T1", lambda s: OKB not in s.tokens, ["204"],
               [ok_probe["value"], ok_probe["record"]]),
        change("revoke_value", "", "api_token", "", lambda s: OKC not in s.tokens, ["204"], by_subject=True,
               secret=OKC),
        change("revoke", "app app1", "app_secret", "s1", lambda s: "s1" not in s.secrets, ["204"], []),
        lied(change("disable", "app app1", "app_secret", "s1", lambda s: s.secrets["s1"] == "INACTIVE",
                    probes=[ok_probe["app"]]), {"id": "s1", "status": "ACTIVE"}),
        change("enable", "app app1", "app_secret", "s2", lambda s: s.secrets["s2"] == "ACTIVE"),
        change("mint", "app app1", "app_secret", "", lambda s: "s3" in s.secrets,
               start=[lambda s: s.secrets.pop("s2")]),
        change("disable", "user1@example.com", "", "", lambda s: s.users["user1@example.com"] == "SUSPENDED",
               ["200", "200text", "200true"], [ok_probe["user"]]),
        change("enable", "user1@example.com", "", "", lambda s: s.users["user1@example.com"] == "ACTIVE",
               ["200", "200text", "200true"], start=[ok_probe["user"]["end"]]),
        change("cut_sessions", "user1@example.com", "", "", lambda s: "user1@example.com" in s.cut, ["204"]),
        listing(10),
    ]}

# ---- Cloudflare -------------------------------------------------------------------------
CFA, CFB = "cfut_0" + "x" * 47, "cfut_1" + "x" * 47
cf_probe = {
    "value": probe("user", "token", "tok1", lambda s: s.tokens.pop(CFB), secret=CFB),
    "record": probe("user", "token", "tok1", lambda s: s.tokens[CFB].update(status="disabled")),
    "gone": probe("user", "token", "tok1", lambda s: s.tokens.pop(CFB), "unknown"),
}
CLOUDFLARE = {
    "admin": lambda: CFA, "options": {"url": "BASE", "mint_like": "tok1"}, "secrets": [CFA, CFB],
    "end_admin": lambda s: s.tokens.pop(CFA),
    "says": says(*[(status, {"success": False, "errors": [{"code": c, "message": "x"}], "result": None}) for status, c in (
        (403, 9109), (400, 6003), (401, 10000), (404, 1001), (500, 1002))]),
    "cases": list(cf_probe.values()) + [
        lied(change("disable", "user", "token", "tok1", lambda s: s.tokens[CFB]["status"] == "disabled",
                    probes=[cf_probe["value"], cf_probe["record"]]), {"result": {"id": "tok1", "status": "active"}}),
        lied(change("enable", "user", "token", "tok1", lambda s: s.tokens[CFB]["status"] == "active",
                    start=[cf_probe["record"]["end"]]), {"result": {"id": "tok1", "status": "disabled"}}),
        lied(change("revoke", "user", "token", "tok1", lambda s: CFB not in s.tokens,
                    probes=[cf_probe["value"], cf_probe["record"]]), {"result": {"id": "tok2"}}, {"result": None}),
        lied(change("revoke_value", "", "token", "", lambda s: CFB not in s.tokens, probes=[cf_probe["value"]],
                    secret=CFB), {"result": {"id": "tok2"}}, {"result": None}),
        lied(change("mint", "user", "token", "", lambda s: len(s.tokens) > 5, label="rot-1"),
             {"result": {"id": "tok2"}}, {"result": None}),
        listing(5),
    ]}

# ---- HashiCorp Vault, OpenBao -----------------------------------------------------------------
HVA, HVC, HVD = (f"hvs.{n}000000000000000000000" for n in ("admin", "ci", "dev"))
hv_probe = {
    "value": probe("ci", "token", "acc-ci", lambda s: s.tokens.pop(HVC), secret=HVC),
    "record": probe("ci", "token", "acc-ci", lambda s: s.tokens.pop(HVC)),
    "id": probe("approle ci", "secret_id", "sid-1", lambda s: s.ids.discard("sid-1")),
}
HASHIVAULT = {
    "admin": lambda: HVA, "options": {"url": "BASE", "role": "ci", "token_role": "bots"},
    "secrets": [HVA, HVC, HVD, VALUE],
    "end_admin": lambda s: s.tokens.pop(HVA),
    "says": says((503, {"errors": ["Vault is sealed"]}), (403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}),
                 (403, {"errors": ["permission denied"]}), (500, {"errors": ["internal error"]}),
                 (473, {"standby": True})),
    "cases": list(hv_probe.values()) + [
        change("revoke", "ci", "token", "acc-ci", lambda s: HVC not in s.tokens, ["204"],
               [hv_probe["value"], hv_probe["record"]]),
        change("revoke_value", "", "token", "", lambda s: HVD not in s.tokens, ["204"], by_subject=True, secret=HVD),
        change("revoke", "approle ci", "secret_id", "sid-1", lambda s: "sid-1" not in s.ids, ["204"],
               [hv_probe["id"]]),
        change("mint", "approle ci", "secret_id", "", lambda s: "sid-new" in s.ids),
        change("mint", "ci", "token", "", lambda s: len(s.tokens) > 3, label="rot-1"),
        lied(change("deliver", "team/app/password", "", "", lambda s: s.kv["team/app"]["data"] == {
            "password": VALUE, "other": "kept"}, secret=VALUE, version=2), {"data": {}}, {"data": None}),
        listing(5, paged=False),
    ]}

# ---- GitHub -------------------------------------------------------------------------------------
GHP, PAT, GHS = "ghp_" + "a" * 36, "github_pat_" + "b" * 82, "ghs_self0" + "c" * 32
NEW, GHR = "ghs_" + "n" * 36, "ghr_" + "r" * 36


def app_key():
    folder = tempfile.mkdtemp()
    key, pub = f"{folder}/app.pem", f"{folder}/app.pub"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", pub], check=True, capture_output=True)
    os.environ["FAKE_GITHUB_KEY"] = pub
    with open(key, encoding="ascii") as f:
        return f.read()


def gh_end(s):
    s.issued.clear()
    s.locked = True


gh_probe = {
    "classic": probe("", "token", "", lambda s: s.tokens.pop(GHP), secret=GHP),
    "pat": probe("dev", "fine_grained_token", "1001", lambda s: s.tokens.pop(PAT), secret=PAT),
    "pat record": probe("dev", "fine_grained_token", "1001", lambda s: s.pats.pop(1), "unknown"),
    "app token": probe("", "installation_token", "", lambda s: s.tokens.pop(GHS), secret=GHS),
    "key": probe("dev", "deploy_key", "app/7", lambda s: s.keys["app"].clear()),
    "secret": probe("organisation acme", "org_secret", "DEPLOY", lambda s: s.secrets.pop("DEPLOY")),
    "sso": probe("dev", "sso_authorization", "61", lambda s: s.sso.clear()),
    "app": probe("app curfew", "installation", "22", lambda s: setattr(s, "suspended", "2026-11-22T00:00:00Z")),
}
KEPT = {"kept": {"id": 7, "title": "deploy", "key": "ssh-ed25519 AAAA", "read_only": True}}
GITHUB = {
    "admin": app_key, "secrets": [GHP, PAT, GHS, GHR, NEW, "ghs_issued"],
    "options": {"url": "BASE", "app": "4711", "installation": "22", "org": "acme", "repo": "*", "secrets": "yes",
                "sso": "yes"},
    "end_admin": gh_end, "exchange": "/access_tokens",
    "says": says((403, {"message": "Resource not accessible by integration"}), (404, {"message": "Not Found"}),
                 (422, {"message": "Validation Failed"}), (401, {"message": "Requires authentication"}),
                 (403, {"message": "Sorry. Your account was suspended."}), (500, {"message": "Server Error"})),
    "cases": list(gh_probe.values()) + [
        change("revoke", "dev", "fine_grained_token", "1001", lambda s: len(s.pats) == 4, ["204"],
               [gh_probe["pat record"]]),
        change("revoke_value", "", "token", "", lambda s: GHP not in s.tokens, ["202"], [gh_probe["classic"]],
               by_subject=True, secret=GHP),
        change("revoke_value", "", "refresh_token", "", lambda s: GHR not in s.tokens, ["202"], by_subject=True,
               secret=GHR),
        change("revoke_value", "", "fine_grained_token", "", lambda s: PAT not in s.tokens, ["202"], [gh_probe["pat"]],
               by_subject=True, secret=PAT),
        change("revoke_value", "", "installation_token", "", lambda s: GHS not in s.tokens, ["204"],
               [gh_probe["app token"]], by_subject=True, secret=GHS),
        {**change("revoke", "dev", "deploy_key", "app/7", lambda s: not s.keys["app"], ["204"], [gh_probe["key"]]),
         "exchange": True},
        read("snapshot", "dev", "deploy_key", "app/7"),
        change("restore", "dev", "deploy_key", "app/7", lambda s: bool(s.keys["app"]), start=[gh_probe["key"]["end"]],
               snapshot=KEPT),
        change("revoke", "organisation acme", "org_secret", "DEPLOY", lambda s: "DEPLOY" not in s.secrets, ["204"],
               [gh_probe["secret"]]),
        change("deliver", "organisation acme", "org_secret", "DEPLOY", lambda s: s.secrets["DEPLOY"]["value"] == NEW,
               ["201", "204"], secret=NEW),
        change("deliver", "acme/app/DEPLOY", "", "", lambda s: s.repo_secrets.get("DEPLOY") == NEW, ["201", "204"],
               secret=NEW, version=2),
        change("revoke", "dev", "sso_authorization", "61", lambda s: not s.sso, ["204"], [gh_probe["sso"]]),
        change("disable", "app curfew", "installation", "22", lambda s: s.suspended is not None, ["204"],
               [gh_probe["app"]]),
        change("enable", "app curfew", "installation", "22", lambda s: s.suspended is None, ["204"],
               start=[gh_probe["app"]["end"]]),
        change("revoke", "app curfew", "installation", "22", lambda s: s.removed, ["204"], [gh_probe["app"]]),
        change("mint", "app curfew", "installation_token", "", lambda s: s.made),
        listing(11, paged=False),
    ]}

# ---- AWS ---------------------------------------------------------------------------------------------
AK = "AKIACI00000000000000"
AWS_SECRETS = [f"secret/of+key{i}".ljust(40, "x") for i in range(4)]
DENY = {("User", "ci", "CurfewDenyAll"): {}, ("Role", "deploy", "CurfewDenyAll"): {}}
aw_probe = {
    "value": probe("ci", "access_key", AK, lambda s: s.keys[AK].update(status="Inactive"), secret=AWS_SECRETS[1]),
    "record": probe("ci", "access_key", AK, lambda s: s.keys[AK].update(status="Inactive")),
    "gone": probe("ci", "access_key", AK, lambda s: s.keys.pop(AK)),
    "user": probe("ci", "", "", lambda s: s.policies.update(DENY)),
    "role": probe("role/deploy", "", "", lambda s: s.policies.update(DENY)),
}


def denied(what, name, policy="CurfewDenyAll"):
    return lambda s: (what, name, policy) in s.policies


AWS = {
    "admin": lambda: f"AKIAADMIN00000000000:{AWS_SECRETS[0]}", "secrets": AWS_SECRETS,
    "options": {"iam_url": "BASE/iam", "sts_url": "BASE/sts", "roles": "yes"},
    "end_admin": lambda s: s.keys["AKIAADMIN00000000000"].update(status="Inactive"),
    "says": says(*[(status, f"<ErrorResponse><Error><Code>{c}</Code></Error></ErrorResponse>") for status, c in (
        (403, "AccessDenied"), (403, "MissingAuthenticationToken"), (400, "Throttling"), (500, "InternalFailure"),
        (503, "ServiceUnavailable"), (400, "ValidationError"), (409, "EntityTemporarilyUnmodifiable"))]),
    "cases": list(aw_probe.values()) + [
        change("disable", "ci", "access_key", AK, lambda s: s.keys[AK]["status"] == "Inactive",
               probes=[aw_probe["value"], aw_probe["record"]]),
        change("enable", "ci", "access_key", AK, lambda s: s.keys[AK]["status"] == "Active",
               start=[aw_probe["record"]["end"]]),
        change("revoke", "ci", "access_key", AK, lambda s: AK not in s.keys,
               probes=[aw_probe["value"], aw_probe["record"]]),
        change("mint", "ci", "access_key", "", lambda s: "AKIANEW0000000000000" in s.keys,
               start=[aw_probe["gone"]["end"]]),
        change("cut_sessions", "ci", "", "", denied("User", "ci", "CurfewRevokeOlderSessions")),
        change("cut_sessions", "ci", "access_key", AK, denied("User", "ci", "CurfewRevokeOlderSessions")),
        change("cut_sessions", "role/deploy", "", "", denied("Role", "deploy", "AWSRevokeOlderSessions")),
        change("disable", "ci", "", "", denied("User", "ci"), probes=[aw_probe["user"]]),
        change("disable", "role/deploy", "", "", denied("Role", "deploy"), probes=[aw_probe["role"]]),
        change("enable", "ci", "", "", lambda s: not denied("User", "ci")(s), start=[aw_probe["user"]["end"]]),
        change("enable", "role/deploy", "", "", lambda s: not denied("Role", "deploy")(s),
               start=[aw_probe["role"]["end"]]),
        listing(9),
    ]}

# ---- sinks only --------------------------------------------------------------------------------------
def aws_admin():
    import botocore.auth  # noqa: F401  pylint: disable=import-outside-toplevel,unused-import
    return AWS["admin"]()  # it takes longer than the patience of the test to load


AWSSECRETS = {
    "admin": aws_admin, "secrets": AWS_SECRETS + [VALUE], "options": {"url": "BASE"}, "end_admin": AWS["end_admin"],
    "says": says(*[(status, {"__type": c, "message": "m"}) for status, c in (
        (400, "AccessDeniedException"), (400, "ThrottlingException"), (500, "InternalServiceError"),
        (400, "InvalidRequestException"), (503, "ServiceUnavailable"), (400, "DecryptionFailure"))]),
    "cases": [lied(change("deliver", "prod/db", "", "", lambda s: s.stored["prod/db"][-1] == VALUE, secret=VALUE,
                          version=2), {"VersionId": "x"}, {"VersionId": "x", "VersionStages": ["AWSPENDING"]})]}
KUBERNETES = {
    "admin": lambda: "k8s-admin-token-0000", "secrets": ["k8s-admin-token-0000", VALUE], "options": {"url": "BASE"},
    "end_admin": lambda s: setattr(s, "alive", False),
    "says": says(*[(status, {"kind": "Status", "status": "Failure", "reason": c, "message": c, "code": status})
                   for status, c in ((403, "Forbidden"), (401, "Unauthorized"), (500, "InternalError"),
                                     (504, "Timeout"), (422, "Invalid"), (409, "AlreadyExists"))]),
    "cases": [lied(change("deliver", "prod/app/password", "", "", lambda s: s.data == {
        "password": base64.b64encode(VALUE.encode()).decode(), "other": "a2VwdA=="}, secret=VALUE, version=2),
        {"metadata": {"name": "other", "uid": "u-1", "resourceVersion": "9"}}, {"metadata": {"name": "app"}})]}

# ---- Entra --------------------------------------------------------------------------------------------
ENA, ENC = "entra-curfew-secret-0000", "entra-ci-secret-0000"
en_probe = {
    "value": {**probe("app-ci", "client_secret", "k-ci", lambda s: s.secrets.pop("k-ci"), secret=ENC), "direct": True},
    "record": probe("app-ci", "client_secret", "k-ci", lambda s: s.secrets.pop("k-ci")),
}
ENTRA = {
    "admin": lambda: ENA, "secrets": [ENA, ENC], "end_admin": lambda s: s.secrets.pop("k-curfew"),
    "options": {"graph": "BASE", "login": "BASE", "tenant": "acme", "client": "app-curfew"},
    "exchange": "/oauth2/v2.0/token",
    "says": says(*[(status, {"error": {"code": c, "message": "m"}}) for status, c in (
        (403, "Authorization_RequestDenied"), (404, "Request_ResourceNotFound"), (500, "InternalServerError"),
        (400, "Request_BadRequest"), (401, "InvalidAuthenticationToken"))] + [
            (401, {"error": "invalid_client", "error_codes": [700016]}), (400, {"error": "invalid_request"})]),
    "cases": list(en_probe.values()) + [
        {**change("revoke", "app-ci", "client_secret", "k-ci", lambda s: "k-ci" not in s.secrets, ["204"],
                  list(en_probe.values())), "exchange": True},
        lied(change("mint", "app-ci", "client_secret", "", lambda s: "k-new" in s.secrets, label="rot-1"),
             {"keyId": "k-new"}, {"value": []}),
        listing(6),
    ]}

# ---- Google Cloud -------------------------------------------------------------------------------------
CI = "ci@p1.iam.gserviceaccount.com"


def gcp():
    """Made when it is asked for: it needs two RSA keys."""
    folder = os.environ["FAKE_GCP"] = tempfile.mkdtemp()
    key = {}
    for name in ("admin", "ci", "new"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", f"{folder}/{name}.pem"], check=True,
                       capture_output=True)
        with open(f"{folder}/{name}.pem", encoding="ascii") as f:
            key[name] = f.read()
    probes = {
        "value": {**probe(CI, "key", "c" * 40, lambda s: s.keys.pop("c" * 40), secret=key["ci"]), "direct": True},
        "record": probe(CI, "key", "c" * 40, lambda s: s.keys.pop("c" * 40)),
        "account": probe(CI, "", "", lambda s: s.accounts[CI].update(disabled=True)),
    }
    return {
        "admin": lambda: key["admin"], "secrets": [key[k].splitlines()[3] for k in key],
        "end_admin": lambda s: s.keys.pop("0" * 40), "exchange": "/token",
        "options": {"iam": "BASE", "login": "BASE", "project": "p1", "admin": "curfew@p1.iam.gserviceaccount.com"},
        "says": says(*[(code, {"error": {"code": code, "status": word, "message": "m"}}) for code, word in (
            (403, "PERMISSION_DENIED"), (401, "UNAUTHENTICATED"), (500, "INTERNAL"), (409, "ABORTED"),
            (400, "FAILED_PRECONDITION"))] + [(400, {"error": "invalid_grant", "error_description": "Invalid JWT: "
                                                     "Token must be a short-lived token"}), (400, {"error": "invalid_scope"})]),
        "cases": list(probes.values()) + [
            {**change("revoke", CI, "key", "c" * 40, lambda s: "c" * 40 not in s.keys, ["200", "200true", "200text"],
                      [probes["value"], probes["record"]]), "exchange": True},
            change("disable", CI, "key", "c" * 40, lambda s: s.keys["c" * 40].get("disabled"),
                   ["200", "200true", "200text"], [probes["value"]]),
            change("disable", CI, "", "", lambda s: s.accounts[CI].get("disabled"), ["200", "200true", "200text"],
                   [probes["account"]]),
            change("enable", CI, "key", "c" * 40, lambda s: not s.keys["c" * 40].get("disabled"),
                   ["200", "200true", "200text"], start=[lambda s: s.keys["c" * 40].update(disabled=True)]),
            change("enable", CI, "", "", lambda s: not s.accounts[CI].get("disabled"), ["200", "200true", "200text"],
                   start=[probes["account"]["end"]]),
            lied(change("set", CI, "key", "", lambda s: len(s.keys) > 2, secret=key["new"], label="rot-1", add=True),
                 {"name": "x"}, {}),
            listing(5),
        ]}


class Services(dict):
    def __missing__(self, name):
        return {"gcp": gcp}[name]()


SERVICES = Services({"entra": ENTRA, "awssecrets": AWSSECRETS, "kubernetes": KUBERNETES, "gitlab": GITLAB, "slack": SLACK, "okta": OKTA, "cloudflare": CLOUDFLARE, "hashivault": HASHIVAULT,
            "github": GITHUB, "aws": AWS})
