/*
 * item: one thing that a provider listed, checked before it is believed.
 *
 * A provider is another program, perhaps a stranger's, and what it lists comes
 * from a service that an intruder may have written to: names are bytes with
 * limits until they went through here.
 */
#include "agent/item.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static const char *const whats[] = {
	[ITEM_ACCOUNT] = "account", [ITEM_CREDENTIAL] = "credential",
	[ITEM_GRANT] = "grant",	    [ITEM_SESSION] = "session",
};

/* A string member: *to is a copy, "" when absent and allowed to be. */
static int take(const struct json *j, const char *key, size_t max, bool must,
		char **to, struct err *e)
{
	const struct json *node = json_get(j, key);
	const char *s = node != NULL ? json_text(node) : "";

	if (s == NULL && json_type(node) == JSON_NULL)
		s = "";
	if (s == NULL)
		return err_fail(e, ERR_PROTO, NULL,
				"a listed item's '%s' is not a string", key);
	if (must && s[0] == '\0')
		return err_fail(e, ERR_PROTO, NULL,
				"a listed item without '%s'", key);
	if (strnlen(s, max + 1) > max)
		return err_fail(e, ERR_PROTO, NULL,
				"a listed item's '%s' is longer than %zu bytes",
				key, max);
	*to = mem_strdup(s);
	return *to != NULL ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

static int take_time(const struct json *j, const char *key, int64_t *to,
		     struct err *e)
{
	const struct json *node = json_get(j, key);
	const char *s;

	*to = 0;
	if (node == NULL || json_type(node) == JSON_NULL)
		return 0;
	s = json_text(node);
	if (s == NULL || !clock_parse(s, to))
		return err_fail(e, ERR_PROTO, NULL,
				"a listed item's '%s' is not an RFC 3339 time",
				key);
	return 0;
}

static int take_attributes(const struct json *j, struct item *i, struct err *e)
{
	const struct json *a = json_get(j, "attributes");
	struct buf b = BUF_INIT(ITEM_ATTRIBUTES_MAX);
	int rc = -1;

	if (a == NULL || json_type(a) == JSON_NULL) {
		i->attributes = mem_strdup("{}");
	} else if (json_type(a) != JSON_OBJECT) {
		return err_fail(e, ERR_PROTO, NULL, "a listed item's "
				"'attributes' is not an object");
	} else {
		if (json_print(a, false, &b, e) < 0)
			goto out;
		i->attributes = mem_strdup(b.p);
	}
	if (i->attributes == NULL)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else
		rc = 0;
out:
	buf_release(&b);
	return rc;
}

/* A state nobody told is not taken for a dead one, nor for a live one. */
static enum inv_state state_of(const struct json *j, enum item_what what)
{
	const char *s = json_str(j, "state");
	enum inv_state st;

	if (s == NULL)
		return what == ITEM_GRANT ? INV_ACTIVE : INV_UNKNOWN;
	if (inv_state_parse(s, &st) &&
	    (st == INV_ACTIVE || st == INV_DISABLED || st == INV_EXPIRED))
		return st;
	return INV_UNKNOWN;
}

int item_read(const struct json *j, struct item *out, struct err *e)
{
	struct item i = { .what = 0 };
	const char *what = json_str(j, "what");

	for (int k = ITEM_ACCOUNT; what != NULL && k <= ITEM_SESSION; k++)
		if (strcmp(what, whats[k]) == 0)
			i.what = (enum item_what)k;
	if (i.what == 0)
		return err_fail(e, ERR_PROTO, what, "a listed item whose 'what' "
				"is not account, credential, grant or session");
	if (take(j, "account", ITEM_NAME_MAX, true, &i.account, e) < 0 ||
	    take(j, "kind", ITEM_NAME_MAX, i.what == ITEM_CREDENTIAL ||
		 i.what == ITEM_GRANT, &i.kind, e) < 0 ||
	    take(j, "id", ITEM_ID_MAX, i.what == ITEM_CREDENTIAL ||
		 i.what == ITEM_GRANT, &i.id, e) < 0 ||
	    take(j, "fingerprint", ITEM_ID_MAX, false, &i.fingerprint, e) < 0 ||
	    take(j, "label", ITEM_NAME_MAX, false, &i.label, e) < 0 ||
	    take_time(j, "created", &i.created_ms, e) < 0 ||
	    take_time(j, "expires", &i.expires_ms, e) < 0 ||
	    take_time(j, "last_used", &i.last_used_ms, e) < 0 ||
	    take_attributes(j, &i, e) < 0) {
		item_free(&i);
		return -1;
	}
	i.state = state_of(j, i.what);
	(void)json_bool(j, "self", &i.self);
	(void)json_bool(j, "makes_accounts", &i.makes_accounts);
	*out = i;
	return 0;
}

int item_implied(const struct item *of, struct item *out, struct err *e)
{
	*out = (struct item){ .what = ITEM_ACCOUNT, .state = INV_UNKNOWN,
			      .implied = true };
	out->account = mem_strdup(of->account);
	out->kind = mem_strdup("");
	out->id = mem_strdup("");
	out->fingerprint = mem_strdup("");
	out->label = mem_strdup("");
	out->attributes = mem_strdup("{}");
	if (out->account != NULL && out->kind != NULL && out->id != NULL &&
	    out->fingerprint != NULL && out->label != NULL &&
	    out->attributes != NULL)
		return 0;
	item_free(out);
	return err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

void item_free(struct item *i)
{
	mem_free(i->account);
	mem_free(i->kind);
	mem_free(i->id);
	mem_free(i->fingerprint);
	mem_free(i->label);
	mem_free(i->attributes);
	*i = (struct item){ .what = 0 };
}
