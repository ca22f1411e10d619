/* list: the form of items, the filter, completeness; names that bite. */
#include "tests/conform/conform.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"

static bool one_of(const char *s, const char *const *list)
{
	for (; s && *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static const char *times_wrong(const struct json *item)
{
	static const char *const names[] = { "created", "expires", "last_used", NULL };
	int64_t t;

	for (int i = 0; names[i]; i++)
		if (json_get(item, names[i]) &&
		    (!json_str(item, names[i]) || !clock_parse(json_str(item, names[i]), &t)))
			return "created, expires or last_used is no RFC 3339 time";
	return NULL;
}

static const char *item_wrong(const struct json *item)
{
	static const char *const whats[] = { "account", "credential", "session",
					     "grant", NULL };
	static const char *const states[] = { "active", "disabled", "expired", NULL };
	const char *what = json_str(item, "what"), *kind = json_str(item, "kind");
	const struct json *at = json_get(item, "attributes");

	if (!one_of(what, whats))
		return "'what' is none of account, credential, session, grant";
	if (!json_str(item, "account") || !*json_str(item, "account"))
		return "an item without 'account'";
	if (strcmp(what, "account") &&
	    (!kind || !*kind || !json_str(item, "id") || !*json_str(item, "id")))
		return "a credential, session or grant without 'kind' or 'id'";
	if ((!strcmp(what, "account") || !strcmp(what, "credential")) &&
	    !one_of(json_str(item, "state"), states))
		return "'state' is none of active, disabled, expired";
	if (!strcmp(what, "credential") &&
	    (!hello_answer || !json_get(json_get(hello_answer, "facts"), kind)))
		return "a credential of a kind that hello tells no facts of";
	if (at && json_type(at) != JSON_OBJECT)
		return "'attributes' is no object";
	for (const struct json *v = at ? json_first(at) : NULL; v; v = json_next(v))
		if (!json_text(v))
			return "an attribute that is no string";
	if (json_get(item, "secret"))
		return "an item with a secret";
	return times_wrong(item);
}

static bool same(const struct json *a, const struct json *b, const char *key)
{
	const char *x = json_str(a, key), *y = json_str(b, key);

	return (!x && !y) || (x && y && !strcmp(x, y));
}

/* Quadratic, so of the first ones only. */
static const char *twice(const struct json *items)
{
	unsigned n = 0;

	for (const struct json *a = json_first(items); a && n < 1000; a = json_next(a), n++)
		for (const struct json *b = json_next(a); b; b = json_next(b))
			if (same(a, b, "what") && same(a, b, "account") &&
			    same(a, b, "kind") && same(a, b, "id"))
				return "two items with the same what, account, kind and id";
	return NULL;
}

static void test_items(struct prov *p)
{
	struct answer a;
	const char *wrong = NULL;
	bool complete;

	ask(p, request("list"), &a);
	tap(answer_is(&a, "ok"), "list is answered ok", "'%s' %s", a.status, p->trouble);
	if (a.body) {
		tap(json_bool(a.body, "complete", &complete),
		    "list's closing answer tells whether it is complete",
		    "'complete' is no bool");
		for (const struct json *i = json_first(a.items); i && !wrong;
		     i = json_next(i))
			wrong = item_wrong(i);
		if (!wrong)
			wrong = twice(a.items);
		tap(!wrong, "every item has its form", "%s", wrong);
	}
	answer_free(&a);
}

static void test_filter(struct prov *p)
{
	struct json *m = request("list");
	struct answer a;
	bool only = true;

	if (!setup.account) {
		json_free(&m);
		return;
	}
	json_set_str(m, "account", setup.account);
	ask(p, m, &a);
	for (const struct json *i = json_first(a.items); i; i = json_next(i))
		only = only && json_str(i, "account") &&
		       !strcmp(json_str(i, "account"), setup.account);
	tap(answer_is(&a, "ok") && only && json_count(a.items),
	    "list of one account shows that account and no other", "'%s' %s", a.status,
	    p->trouble);
	answer_free(&a);
}

/* How many files are in it?  They go, and so does the folder. */
static unsigned empty_folder(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	for (struct dirent *x; d && (x = readdir(d));) {
		if (!strcmp(x->d_name, ".") || !strcmp(x->d_name, ".."))
			continue;
		n++;
		(void)unlinkat(dirfd(d), x->d_name, 0);
	}
	if (d)
		closedir(d);
	(void)rmdir(path);
	return n;
}

/* Names are data: no shell, no pattern, no path, no escape. */
static void test_names(struct prov *p)
{
	char folder[80], mark[100], name[300];
	unsigned char salt[8];
	char hex[17];
	struct answer a;
	bool harmless = true;
	unsigned made;

	secret_random(salt, sizeof(salt));
	text_hex(salt, sizeof(salt), hex);
	snprintf(folder, sizeof(folder), "/tmp/curfew-conformance-%s", hex);
	snprintf(mark, sizeof(mark), "%s/made", folder);
	(void)mkdir(folder, 0700);
	const char *const evil[] = { "$(touch %s)", "`touch %s`", "x; touch %s",
				     "x\ntouch %s\n", "'; touch %s; '", "\"; touch %s; \"",
				     "*", ".*", "../../etc/passwd", "-rf", "ä\x01\x7f", "%s%n" };

	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		struct json *m = request("list");
		const char *cut = strstr(evil[i], "%s");

		snprintf(name, sizeof(name), "%.*s%s%s", cut ? (int)(cut - evil[i]) : 200,
			 evil[i], cut ? mark : "", cut ? cut + 2 : "");
		json_set_str(m, "account", name);
		ask(p, m, &a);
		harmless = harmless && a.body && !json_count(a.items) && !*p->trouble;
		answer_free(&a);
		if (!harmless)
			break;
	}
	tap(harmless, "an account with a strange name is answered, and is nobody's",
	    "asked for '%s': items, or no answer; %s", name, p->trouble);
	made = empty_folder(folder);
	tap(!made, "a name is never run as a command", "%s was made", mark);
}

/* A credential that does not exist is never alive; a probe's secret stays. */
static void test_nobody(struct prov *p)
{
	static const char planted[] = "planted-4e1f9c7a-never-print-this";
	struct json *m = request("probe");
	const char *life;
	struct answer a;

	json_set_str(m, "account", "curfew-conformance-nobody");
	json_set_str(m, "kind", setup.kind ? setup.kind : "curfew-conformance-kind");
	json_set_str(m, "credential", "curfew-conformance-none");
	json_set_str(m, "secret", planted);
	ask(p, m, &a);
	life = a.body ? json_str(a.body, "life") : NULL;
	tap(a.body && life && strcmp(life, "alive") && !*p->trouble,
	    "a credential that does not exist is not alive", "life is '%s' %s",
	    life ? life : "not told", p->trouble);
	answer_free(&a);
	ask(p, request("probe"), &a);
	life = a.body ? json_str(a.body, "life") : NULL;
	tap(a.body && (!life || !strcmp(life, "unknown")),
	    "a probe of nothing is not answered with a life", "life is '%s'",
	    life ? life : "");
	answer_free(&a);
	prov_finish(p);
	tap(!prov_leaked(planted), "a probe's secret is never printed",
	    "it is in the program's output or log");
}

void test_list(void)
{
	struct prov p;

	if (!has_verb("list") || !connected(&p)) {
		tap_skip("list", "no such verb, or no connection");
		return;
	}
	test_items(&p);
	test_filter(&p);
	test_names(&p);
	if (has_verb("probe"))
		test_nobody(&p);
	tap(!*p.trouble, "every line of list and probe had its form", "%s", p.trouble);
	prov_close(&p);
}
