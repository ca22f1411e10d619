#!/usr/bin/env python3
"""usage: http_matrix.py PROGRAM DEFINITIONS SERVICE [-v]

Every verb of one service's definition against the fake that enforces what the
documents say, with every misbehaviour at every request that the verb makes.
The fake runs in this process, so what really happened is looked up in its
state: an answer is held against that, never against another answer.

The claims, for each answer:
  - a probe says dead only when it is dead, alive only when it is alive, and
    neither on an answer that is no answer of the service's;
  - a change says ok only when the service said so in its documented way; when
    it was lied to, no probe calls the thing dead afterwards;
  - a change that was made and whose answer was lost is unknown, never "nothing
    was done";
  - what else the service says (says, lies: no permission, sealed, not revoked)
    is neither life nor death nor done;
  - a listing that was disturbed is never complete;
  - 429 and 503 with Retry-After mean retry, after that long;
  - nothing goes to where a redirect points, no secret stands in what is told.
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import tomllib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fake_http  # noqa: E402  pylint: disable=wrong-import-position
import fake_services  # noqa: E402  pylint: disable=wrong-import-position
from http_cases import SERVICES  # noqa: E402  pylint: disable=wrong-import-position

WORLD = fake_http.WORLD
WAIT = 9  # longer than a listing waits itself
STATUS_FAULTS = ["500", "502", "empty", "200", "200null", "200true", "200text", "200html", "200xml", "201", "202", "204",
                 "malformed", "html401", "html403", "html404", "401", "403", "404", "410", "400"]
WIRE_FAULTS = ["drop", "garbage", "cut", "bighead", "redirect", "redirect307", "redirect303", "429", "503", "echo"]
HANGS = ["hang", "done-slow"]  # no answer before the patience is over
LOST = ["done-drop", "done-500", "done-empty", "done-cut"]


class Provider:
    def __init__(self, program, definition, options, secret):
        self.log = tempfile.TemporaryFile()
        self.p = subprocess.Popen([program, "--definition", definition], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=self.log)
        self.n = 0
        hello = {"verb": "hello", "protocol": 1, "connection": "m", "options": options}
        if secret:
            hello["secret"] = secret
        self.hello, _ = self.ask(hello)
        if self.hello["status"] != "ok":
            raise SystemExit(f"hello: {self.hello}")

    def ask(self, q):
        self.n += 1
        self.p.stdin.write((json.dumps({"id": self.n, **q}) + "\n").encode())
        self.p.stdin.flush()
        items = []
        while True:
            line = self.p.stdout.readline()
            if not line:
                raise SystemExit(f"the provider ended at {q}")
            a = json.loads(line)
            if "item" not in a:
                self.text = line.decode()
                return a, items
            items.append(a["item"])

    def close(self):
        self.p.stdin.close()
        self.p.wait(10)
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")


class Matrix:
    def __init__(self, program, definitions, name, verbose):
        self.name, self.verbose = name, verbose
        self.spec = SERVICES[name]
        self.bad, self.ran = [], 0
        fake_http.WORLD.services.clear()
        WORLD.services["gitlab"] = fake_http.Gitlab()
        fake_services.add(WORLD, fake_http.Service, fake_http.Reply, fake_http.trouble_is)
        self.kind_of = type(WORLD.services[name])
        server = fake_http.Server(("127.0.0.1", 0), fake_http.Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{server.server_address[1]}"
        self.secrets = [s for s in self.spec["secrets"] if s]
        options = {"timeout": "8s"}  # less than WAIT, and a busy machine is slow
        options.update({k: v.replace("BASE", f"{self.base}/{name}") for k, v in self.spec["options"].items()})
        with open(f"{definitions}/{name}.toml", encoding="utf-8") as f:
            text = f.read().replace("every_ms = 1000", "every_ms = 20")  # no waiting for luck
        with open(f"{tempfile.mkdtemp()}/{name}.toml", "w", encoding="utf-8") as f:
            f.write(text)
        self.definition = tomllib.loads(text)
        admin = self.spec["admin"]()  # of some it makes a key: once
        self.p = Provider(program, f.name, options, admin)
        options["timeout"] = "400ms"
        self.hasty = Provider(program, f.name, options, admin)
        self.last = self.p

    # ---- the fake's state

    def fresh(self, dead=None):
        old, new = WORLD.services[self.name], self.kind_of()
        for k in ("issued", "sodium", "public", "private", "minted"):
            if k in vars(old):
                setattr(new, k, getattr(old, k))
        WORLD.services[self.name] = new
        WORLD.troubles.clear()
        WORLD.log.clear()
        for f in dead or []:
            f(new)
        return new

    def requests(self):
        away = self.spec.get("exchange", "\0")
        return [r for r in WORLD.log if away not in r["url"]]

    def disturb(self, how, k, **more):
        t = {"path": "*", "how": how, "times": 1, "skip": k, "after": WAIT}
        if how.startswith("says "):
            t.update(how="says", status=int(how[5:8]), body=how[9:])
        if how in HANGS:
            t["after"] = 4  # much longer than the hasty one's patience
        if how.startswith("redirect"):
            t.update(how="redirect", status=int(how[8:] or 302), to=f"{self.base}/stolen/x")
        if how in ("401", "html401") or how.startswith("says 401"):
            t["times"] = 3  # a token that was fetched is fetched anew, once
        if how in ("drop", "done-drop"):
            t["times"] = 6  # a kept connection that is gone is opened anew by curl itself
        if "exchange" in self.spec and "path" not in more:
            t["not"] = "*" + self.spec["exchange"]
        t.update(more)
        WORLD.troubles.append(t)
        return t

    def ask(self, q, provider=None):
        self.last = provider or self.p
        return self.last.ask(q)

    def disturbed(self, q, state, how, k, before=None, **more):
        """The answer to q with that misbehaviour at its request k, and the state
        that it left.  Who hangs is asked with little patience, and on a busy
        machine it may be over before that request: then once more."""
        for _ in range(100):
            s = self.fresh(state)
            if before:
                before(s)
            t = self.disturb(how, k, **more)
            times = t["times"]
            a, items = self.ask(q, self.hasty if how in HANGS else None)
            if how not in HANGS or t["times"] < times:
                break
        return a, items, s

    # ---- telling

    def wrong(self, what, a):
        self.bad.append(f"{self.name} {what}: {json.dumps(a)[:300]}")

    def common(self, what, how, a, made=False):
        """True of every answer to a disturbed request."""
        self.ran += 1
        if self.verbose:
            print("   ", what, a.get("status"), a.get("life", ""), a.get("error", a.get("evidence", ""))[:90])
        text = self.last.text.replace(a.get("secret") or "\0", "")  # what a mint hands over
        if any(s in text for s in self.secrets):
            self.wrong(what + ": a secret is told", a)
        if any("/stolen" in r["url"] for r in self.requests()):
            self.wrong(what + ": went where the redirect points", a)
        if made and how == "503":  # whoever stands in front says so: it may have been made
            if a["status"] != "unknown":
                self.wrong(what + ": not unknown", a)
        elif how in ("429", "503") and (a["status"] != "retry" or a.get("after_ms") != WAIT * 1000):
            self.wrong(what + f": not retry after {WAIT} s", a)

    # ---- verbs

    def count(self, case, dead=None):
        """How many requests it makes, undisturbed and warm, and its answer."""
        self.fresh(dead)
        self.ask(case["ask"])
        self.fresh(dead)
        a, items = self.ask(case["ask"])
        return len(self.requests()), a, items

    def faults(self, n, k, case=None):
        yield from STATUS_FAULTS
        yield from WIRE_FAULTS
        yield from (f"says {status} {body}" for status, body in self.spec["says"])
        yield from (f"says {status} {body}" for status, body in (case or {}).get("lies", []) if k == n - 1)
        if k == n - 1:
            yield "hang"

    def probe(self, case):
        what = f"probe {case['ask'].get('kind', 'account')}{' by its secret' if 'secret' in case['ask'] else ''}"
        for dead in (False, True):
            state = [case["end"]] if dead else None
            n, a, _ = self.count(case, state)
            want = case.get("dead", "dead") if dead else "alive"
            if a.get("life") != want or (want == "dead" and a.get("proof") != case["proof"]):
                self.wrong(f"{what}, {'ended' if dead else 'live'}: not {want}", a)
            for k in range(n):
                for how in self.faults(n, k):
                    a, _, _ = self.disturbed(case["ask"], state, how, k)
                    w = f"{what}, {'ended' if dead else 'live'}, {how} at {k + 1}/{n}"
                    self.common(w, how, a)
                    if a.get("life") in ("dead", "alive"):
                        self.wrong(w + f": {a['life']} by no answer", a)
        if case["proof"] == "record":  # curfew's own credential is ended
            self.fresh([self.spec["end_admin"]])
            a, _ = self.ask(case["ask"])
            self.common(what + ", our own credential refused", "", a)
            if a.get("life") in ("dead", "alive") or a["status"] == "retry":
                self.wrong(what + ": life told although we were refused", a)
        self.lag(what, case)

    def lag(self, what, case):
        """It ended, and every second answer is still of before."""
        s = self.fresh()
        self.disturb("lag", 0, times=8, old=fake_http.state_of(s))
        case["end"](s)
        lives = [self.ask(case["ask"])[0].get("life") for _ in range(10)]
        self.ran += 1
        if lives[0] != "alive" or lives[-1] != case.get("dead", "dead") or "alive" not in lives[1:6]:
            self.wrong(f"{what}, lagging", {"lives": lives})

    def change(self, case):
        q = case["ask"]
        what = f"{q['verb']} {q.get('kind', 'account')}"
        start = case["start"]
        n, a, _ = self.count(case, start)
        if a["status"] != "ok" or not case["done"](WORLD.services[self.name]):
            self.wrong(what + ", undisturbed: not done", a)
        again, _ = self.ask(q)
        if again["status"] not in case["again"]:
            self.wrong(what + ", once more", again)
        for k in range(n):
            for how in list(self.faults(n, k, case)) + (
                    LOST + ["done-slow"] + (["done-503"] if q["verb"] == "mint" else []) if k == n - 1 else []):
                a, _, s = self.disturbed(q, start, how, k)
                self.settle(f"{what}, {how} at {k + 1}/{n}", how, case, a, s, k == n - 1)
                if how == "done-drop" and q["verb"] in ("mint", "restore") and len(self.requests()) != n:
                    self.wrong(f"{what}, {how}: made twice", a)
        s = self.fresh(start)
        self.disturb("ignored", 0, times=99)
        a, _ = self.ask(q)
        self.settle(what + ", said done and not done", "ignored", case, a, s, True)
        if not case["by_subject"]:
            s = self.fresh([*start, self.spec["end_admin"]])
            a, _ = self.ask(q)
            self.settle(what + ", our own credential refused", "", case, a, s, True)
            if a["status"] not in ("refused", "unknown"):
                self.wrong(what + ", our own credential refused", a)

    def settle(self, what, how, case, a, s, last):
        done = case["done"](s)
        # written, and reading it back was disturbed: no answer may call that "nothing was done"
        read = last and done and case["ask"]["verb"] == "deliver" and how in ("429", "503")
        self.common(what, "503" if read else how, a, read or last and case["ask"]["verb"] == "mint")
        claims = a["status"] in ("ok", "absent")
        bare = last and (how in case["bare"] or how == "ignored")
        if claims and not done and not bare:
            self.wrong(what + ": told as done", a)
        if done and a["status"] in ("retry", "refused") and not how.startswith("redirect"):
            self.wrong(what + ": done, told as not done", a)
        if how in LOST + ["done-slow", "done-503"] and a["status"] != "unknown":
            self.wrong(what + ": not unknown", a)
        if a["status"] == "retry" and how not in ("429", "503") and not how.startswith("says"):
            self.wrong(what + ": 'nothing was done' is not known", a)
        if claims and not done:  # lied to: the probes find out
            WORLD.troubles.clear()
            for p in case.get("probes", []):
                b, _ = self.ask(p)
                if b.get("life") == "dead":
                    self.wrong(what + ": then proved dead although it lives", b)

    def reads(self, case):
        what = f"{case['ask']['verb']} {case['ask'].get('kind', 'account')}"
        n, a, _ = self.count(case)
        if a["status"] != "ok":
            self.wrong(what + ", undisturbed", a)
        for k in range(n):
            for how in self.faults(n, k):
                a, _, _ = self.disturbed(case["ask"], None, how, k)
                self.common(f"{what}, {how} at {k + 1}/{n}", how, a)
                if a["status"] in ("ok", "absent"):
                    self.wrong(f"{what}, {how} at {k + 1}/{n}: told as read", a)

    def listing(self, case):
        def whole(a, items):
            return a.get("complete") is True and sorted(map(json.dumps, items)) == first

        n, a, items = self.count(case)
        first = sorted(map(json.dumps, items))
        if a.get("complete") is not True or len(items) != case["items"]:
            self.wrong("list, undisturbed", {**a, "items": len(items)})
        tries = [(how, k) for k in range(n) for how in self.faults(n, k) if how != "hang" or not k]
        tries += [("oversized", 0)] + ([("same-page", 0)] if case["paged"] else [])
        for how, k in tries:
            a, items, _ = self.disturbed(case["ask"], None, how, k,
                                         **({"times": 999} if how == "same-page" else {}))
            self.common(f"list, {how} at {k + 1}/{n}", how, a)
            # what curl asked for again by itself may be whole, never less
            if a.get("complete") and not (whole(a, items) and (how == "drop" or "Throttling" in how or
                                                              ("exchange" in self.spec and "401" in how))):
                self.wrong(f"list, {how} at {k + 1}/{n}: told as whole", a)
        self.fresh([self.spec["end_admin"]])
        a, _ = self.ask(case["ask"])
        if a["status"] not in ("refused", "unknown"):
            self.wrong("list, our own credential refused", a)
        for k in range(n):
            self.fresh()
            self.disturb("429", k, times=2, after=0)
            a, items = self.ask(case["ask"])
            if not whole(a, items):
                self.wrong(f"list, told to wait twice at {k + 1}/{n}", {
                    **a, "items": len(items), "lost": list(set(first) - set(map(json.dumps, items)))})

    def exchange(self, case):
        """The token that curfew signs in with is refused, and no new one comes."""
        for how in STATUS_FAULTS + WIRE_FAULTS + ["hang"]:
            a, _, s = self.disturbed(case["ask"], None, how, 0, lambda s: s.issued.clear(),
                                     path="*" + self.spec["exchange"], times=6)
            what = f"{case['ask']['verb']}, its token: {how}"
            self.common(what, how, a)
            if a["status"] in ("ok", "absent") or case["done"](s):
                self.wrong(what + ": done or told as done", a)
        self.fresh()
        a, _ = self.ask(case["ask"])
        if a["status"] != "ok":
            self.wrong("a new token is fetched", a)

    def run(self):
        run = {"probe": self.probe, "list": self.listing, "snapshot": self.reads}
        seen = set()
        for case in self.spec["cases"]:
            verb = case["ask"]["verb"]
            seen.add((verb, case["ask"].get("kind", "")))
            # asked where curfew's own token is fetched too, or signed in otherwise
            direct = case.get("direct") or (verb == "mint" and self.name == "github")
            away = self.spec.pop("exchange", None) if direct else None
            run.get(verb, self.change)(case)
            if away:
                self.spec["exchange"] = away
            if case.get("exchange"):
                self.exchange(case)
        for verb, entries in self.definition.items():
            for e in entries if verb in self.p.hello["verbs"] and verb != "list" else []:
                kinds = e.get("kind", "") if verb != "revoke_value" or "kind" in e else []
                for kind in [kinds] if isinstance(kinds, str) else kinds:
                    if (verb, kind) not in seen:
                        self.wrong(f"no case for {verb} {kind}", {})
        for p in (self.p, self.hasty):
            log = p.close()
            if p.p.returncode:
                self.wrong(f"the program ended with {p.p.returncode}", {"log": log[-250:]})
            if any(s in log for s in self.secrets):
                self.wrong("a secret is in the log", {})
        return self.ran


def main():
    m = Matrix(*sys.argv[1:4], "-v" in sys.argv)
    ran = m.run()
    for b in m.bad[:40]:
        print("WRONG", b)
    print(f"{m.name}: {len(m.spec['cases'])} verbs and kinds, {ran} disturbed answers, {len(m.bad)} wrong")
    return 1 if m.bad or ran < 40 else 0


if __name__ == "__main__":
    sys.exit(main())
