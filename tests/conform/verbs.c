/* verbs: the test account's credential, through its whole life, each verb
 * twice. */
#include "tests/conform/conform.h"

#include <stdio.h>
#include <string.h>

static const char *member(const struct json *o, const char *key)
{
	const char *s = json_str(o, key);

	return s ? s : "";
}

static bool is_test(const struct json *item)
{
	return !strcmp(member(item, "what"), "credential") &&
	       !strcmp(member(item, "account"), setup.account) &&
	       !strcmp(member(item, "kind"), setup.kind) &&
	       !strcmp(member(item, "id"), setup.credential);
}

/* The credential's state in a complete listing: "active", ..., "gone", or
 * "?" when the listing tells nothing. */
static void state_now(struct prov *p, char out[16])
{
	struct answer a;
	bool complete = false;

	snprintf(out, 16, "?");
	ask(p, request("list"), &a);
	if (answer_is(&a, "ok") && json_bool(a.body, "complete", &complete) && complete)
		snprintf(out, 16, "gone");
	for (const struct json *i = json_first(a.items); i; i = json_next(i))
		if (is_test(i))
			snprintf(out, 16, "%.15s", member(i, "state"));
	answer_free(&a);
}

/* All other credentials and their states, as one text. */
static void others_now(struct prov *p, struct buf *out)
{
	struct answer a;

	buf_reset(out);
	ask(p, request("list"), &a);
	for (const struct json *i = json_first(a.items); i; i = json_next(i))
		if (!strcmp(member(i, "what"), "credential") && !is_test(i) &&
		    buf_printf(out, NULL, "%s %s %s %s\n", member(i, "account"),
			       member(i, "kind"), member(i, "id"), member(i, "state")))
			break;
	answer_free(&a);
}

static void life_now(struct prov *p, char out[16])
{
	struct answer a;

	snprintf(out, 16, "?");
	if (!has_verb_of_kind("probe"))
		return;
	ask(p, request_on("probe"), &a);
	if (a.body)
		snprintf(out, 16, "%.15s", member(a.body, "life"));
	answer_free(&a);
}

/* Twice the same: ok first, ok or absent then. */
static bool twice(struct prov *p, const char *verb, const struct json *snapshot)
{
	struct answer a;
	char name[80];
	bool ok;

	for (int i = 0; i < 2; i++) {
		struct json *m = request_on(verb);

		if (snapshot)
			json_set(m, "snapshot", json_dup(snapshot));
		ask(p, m, &a);
		snprintf(name, sizeof(name), "%s %s", verb, i ? "again is ok or absent" :
			 "is ok");
		ok = tap(answer_is(&a, i ? "ok absent" : "ok"), name, "'%s' %s %s",
			 a.status, a.body ? member(a.body, "error") : "", p->trouble);
		answer_free(&a);
		if (!ok)
			return false;
	}
	return true;
}

static void expect_state(struct prov *p, const char *name, const char *states)
{
	char now[16];

	state_now(p, now);
	tap(strstr(states, now) != NULL, name, "list shows it as '%s'", now);
}

static void expect_life(struct prov *p, const char *name, const char *never)
{
	char now[16];

	life_now(p, now);
	tap(strcmp(now, never) != 0, name, "probe says %s", now);
}

static void test_disable(struct prov *p)
{
	if (!has_verb_of_kind("disable") || !twice(p, "disable", NULL))
		return;
	expect_state(p, "a disabled credential is not listed as active", "disabled gone");
	expect_life(p, "a disabled credential is not alive", "alive");
	if (!has_verb_of_kind("enable") || !twice(p, "enable", NULL))
		return;
	expect_state(p, "an enabled credential is listed as active", "active");
	expect_life(p, "an enabled credential is not dead", "dead");
}

static void test_cut(struct prov *p)
{
	struct answer a;
	int64_t n = -1;

	if (!has_verb_of_kind("cut_sessions"))
		return;
	for (int i = 0; i < 2; i++) {
		ask(p, request_on("cut_sessions"), &a);
		tap(answer_is(&a, "unsupported absent") ||
		    (answer_is(&a, "ok") && json_int(a.body, "count", &n) && n >= 0),
		    i ? "cut_sessions again counts" : "cut_sessions counts",
		    "'%s', count %lld %s", a.status, (long long)n, p->trouble);
		answer_free(&a);
	}
}

static struct json *test_snapshot(struct prov *p)
{
	struct json *snapshot = NULL;
	struct answer a;

	if (!has_verb_of_kind("snapshot"))
		return NULL;
	ask(p, request_on("snapshot"), &a);
	if (tap(answer_is(&a, "ok") && json_get(a.body, "snapshot") &&
		json_type(json_get(a.body, "snapshot")) == JSON_OBJECT,
		"snapshot answers with an object", "'%s' %s", a.status, p->trouble))
		snapshot = json_dup(json_get(a.body, "snapshot"));
	answer_free(&a);
	return snapshot;
}

static void test_revoke(struct prov *p, const struct json *snapshot)
{
	if (!has_verb_of_kind("revoke") || !twice(p, "revoke", NULL))
		return;
	expect_state(p, "a revoked credential is not listed as active",
		     "disabled expired gone");
	expect_life(p, "a revoked credential is not alive", "alive");
	if (!snapshot || !has_verb_of_kind("restore") || !twice(p, "restore", snapshot))
		return;
	expect_state(p, "a restored credential is listed as active", "active");
	expect_life(p, "a restored credential is not dead", "dead");
}

void test_verbs(void)
{
	struct buf before = BUF_INIT(BUF_REPORT_MAX), after = BUF_INIT(BUF_REPORT_MAX);
	struct json *snapshot;
	struct prov p;

	if (!setup.account || !has_verb("list")) {
		tap_skip("disable, revoke, restore", "no test account given, or no list");
		return;
	}
	if (!connected(&p))
		return;
	expect_state(&p, "the test credential is listed as active", "active");
	expect_life(&p, "a listed credential is not dead", "dead");
	others_now(&p, &before);
	snapshot = test_snapshot(&p);
	test_disable(&p);
	test_cut(&p);
	test_revoke(&p, snapshot);
	others_now(&p, &after);
	tap(before.len == after.len && (!before.len || !memcmp(before.p, after.p, before.len)),
	    "no other credential changed", "the listing of the others differs");
	tap(prov_finish(&p) == 0, "after all that it ends with 0", "status %d", p.status);
	tap(!*p.trouble, "every line of the verbs had its form", "%s", p.trouble);
	json_free(&snapshot);
	buf_release(&before);
	buf_release(&after);
	prov_close(&p);
}
