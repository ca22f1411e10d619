/* hello: what the program says of itself. */
#include "tests/conform/conform.h"

#include <string.h>

static const char verbs_known[] =
	" list probe disable enable revoke revoke_value cut_sessions snapshot restore "
	"remove_grant last_used make mint set deliver adopted freeze unfreeze ";

static bool listed(const char *word, const char *list)
{
	size_t n = strlen(word);

	for (const char *s = strstr(list, word); n && s; s = strstr(s + 1, word))
		if (s[-1] == ' ' && s[n] == ' ')
			return true;
	return false;
}

static const char *verbs_wrong(const struct json *hello)
{
	const struct json *list = json_get(hello, "verbs"), *w;

	if (!list || json_type(list) != JSON_ARRAY)
		return "'verbs' is no array";
	for (const struct json *v = json_first(list); v; v = json_next(v)) {
		if (!json_text(v) || !listed(json_text(v), verbs_known))
			return "'verbs' holds one that the protocol does not know";
		for (w = json_next(v); w; w = json_next(w))
			if (json_text(w) && !strcmp(json_text(v), json_text(w)))
				return "'verbs' holds one twice";
	}
	return NULL;
}

static const char *options_wrong(const struct json *hello)
{
	const struct json *list = json_get(hello, "options");

	if (!list)
		return NULL;
	if (json_type(list) != JSON_ARRAY)
		return "'options' is no array";
	for (const struct json *o = json_first(list); o; o = json_next(o))
		if (!json_str(o, "name") || !*json_str(o, "name") ||
		    (json_get(o, "default") && !json_str(o, "default")) ||
		    (json_get(o, "help") && !json_str(o, "help")))
			return "an option without name, or default or help no string";
	return NULL;
}

static const char *fact_wrong(const char *name, const struct json *v)
{
	static const char bools[] = " overlap disable disable_cuts_sessions "
				    "revoke_cuts_sessions by_value self_revoke "
				    "revoke_leaves_value may_cut_self fixed_id "
				    "makes labels last_used ";
	static const char numbers[] = " max mint_lag_ms list_lag_ms revoke_lag_ms "
				      "session_ms length last_used_lag_ms ";
	int64_t n;
	double d;

	if (!strcmp(name, "secret_from") &&
	    (!json_text(v) || (strcmp(json_text(v), "caller") &&
			       strcmp(json_text(v), "provider") &&
			       strcmp(json_text(v), "none"))))
		return "fact secret_from is none of caller, provider, none";
	if (!strcmp(name, "verbs")) {
		if (json_type(v) != JSON_ARRAY)
			return "the verbs of a kind are no array";
		for (const struct json *w = json_first(v); w; w = json_next(w))
			if (!json_text(w) || !listed(json_text(w), verbs_known))
				return "the verbs of a kind hold one that the "
				       "protocol does not know";
	}
	if (listed(name, bools) && json_type(v) != JSON_BOOL)
		return "a yes-no fact is no bool";
	if (listed(name, numbers) && (!json_int_value(v, &n) || n < 0))
		return "a counting fact is no integer from 0";
	if (!strcmp(name, "rate_per_s") && (!json_real(v, &d) || d < 0))
		return "fact rate_per_s is no number from 0";
	return NULL;
}

static const char *facts_wrong(const struct json *hello)
{
	const struct json *kinds = json_get(hello, "facts");
	const char *wrong;

	if (!kinds || json_type(kinds) != JSON_OBJECT)
		return "'facts' is no object";
	for (const struct json *k = json_first(kinds); k; k = json_next(k)) {
		if (json_type(k) != JSON_OBJECT)
			return "the facts of a kind are no object";
		for (const struct json *f = json_first(k); f; f = json_next(f)) {
			wrong = fact_wrong(json_key(f), f);
			if (wrong)
				return wrong;
		}
	}
	return NULL;
}

static bool name_ok(const char *s)
{
	if (!s || !*s || strlen(s) > 64)
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
		      *s == '-' || *s == '_'))
			return false;
	return true;
}

static void check_shape(const struct json *h)
{
	const char *wrong, *secret = json_str(h, "secret");
	int64_t n = 0;

	tap(json_int(h, "protocol", &n) && n == 1, "hello tells protocol 1",
	    "it is %lld", (long long)n);
	tap(name_ok(json_str(h, "provider")) && json_str(h, "version") &&
	    *json_str(h, "version"), "hello tells name and version",
	    "provider (a-z 0-9 - _) or version is missing");
	tap(json_int(h, "parallel", &n) ? n >= 1 && n <= 1024 : !json_get(h, "parallel"),
	    "hello tells how many requests run at once", "'parallel' is no integer from 1");
	wrong = verbs_wrong(h);
	tap(!wrong, "hello tells its verbs", "%s", wrong);
	wrong = options_wrong(h);
	tap(!wrong, "hello tells its options", "%s", wrong);
	wrong = facts_wrong(h);
	tap(!wrong, "hello tells facts of each kind", "%s", wrong);
	tap(!json_get(h, "secret") ||
	    (secret && (!strcmp(secret, "required") || !strcmp(secret, "optional") ||
			!strcmp(secret, "none"))),
	    "hello tells whether it wants a secret",
	    "'secret' is none of required, optional, none");
}

void test_hello(void)
{
	struct prov p;
	struct answer a;

	prov_start(&p);
	ask(&p, hello_request(false), &a);
	if (tap(answer_is(&a, "ok"), "hello without a connection is answered ok",
		"%s %s", a.status, p.trouble)) {
		hello_answer = json_dup(a.body);
		check_shape(a.body);
	}
	answer_free(&a);
	ask(&p, request("list"), &a);
	tap(a.body && !answer_is(&a, "ok"), "nothing works before a connection is open",
	    "list was answered '%s' %s", a.status, p.trouble);
	answer_free(&a);
	if (setup.options) {
		ask(&p, hello_request(true), &a);
		tap(answer_is(&a, "ok"), "hello with a connection opens it", "%s %s %s",
		    a.status, a.body && json_str(a.body, "error") ?
		    json_str(a.body, "error") : "", p.trouble);
		answer_free(&a);
		ask(&p, hello_request(true), &a);
		tap(answer_is(&a, "refused"), "a second connection is refused",
		    "it was answered '%s' %s", a.status, p.trouble);
		answer_free(&a);
	}
	tap(prov_finish(&p) == 0, "it ends with status 0 at the end of its input",
	    "status %d (-1: not at all)", p.status);
	tap(!*p.trouble, "every line had its form", "%s", p.trouble);
	prov_close(&p);

	prov_start(&p);
	tap(prov_finish(&p) == 0, "it ends with status 0 when nothing was asked",
	    "status %d (-1: not at all)", p.status);
	prov_close(&p);
}
