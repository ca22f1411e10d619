/*
 * snapshot: the values of userPassword and the lock, and back again; format 1.
 * Bound to the entry's UUID: one made later under the same DN is another.
 */
#include "providers/ldap/dir.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define FORMAT 1

static struct json *describe(const struct dir_account *a)
{
	struct json *j = json_object(), *list = json_array();
	bool ok = json_set_int(j, "format", FORMAT) && json_set_str(j, "dn", a->dn) &&
		  json_set_str(j, "uuid", a->uuid) &&
		  json_set_bool(j, "locked", a->locked && !kit_opened(a->uuid));

	for (size_t i = 0; ok && i < a->n; i++) {
		char key[100], text[DIR_VALUE];

		/* disabled by this process before the snapshot could see it */
		snprintf(key, sizeof key, "%.70s %.20s", a->uuid, a->value[i].id);
		snprintf(text, sizeof text, "%s", a->value[i].text);
		if (kit_opened(key))
			dir_unmark(a->value[i].text, text);
		ok = json_push_str(list, text);
		mem_wipe(text, sizeof text);
	}
	if (ok)
		ok = json_set(j, "values", list);
	else
		json_free(&list);
	if (!ok)
		json_free(&j);
	return j;
}

int dir_snapshot(void *session, const struct kit_connection *c,
		 const struct kit_request *q, struct kit_stream *out,
		 struct kit_reply *r, struct err *e)
{
	struct dir_session *s = session;
	struct dir_account *a;
	int rc = 0;

	(void)out;
	if (!dir_ready(s, c, r))
		return 0;
	a = dir_account(s, q->account, r);
	if (!a)
		return 0;
	r->status = a->exists ? KIT_OK : KIT_ABSENT;
	if (a->exists && !a->whole)
		kit_say(r, KIT_REFUSED, "the entry has more than %d passwords, or one that "
			"is no text or too long: curfew cannot put them back", DIR_VALUES);
	else if (a->exists && !json_set(kit_body(r), "snapshot", describe(a)))
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mem_free(a);
	return rc;
}

int dir_restore(void *session, const struct kit_connection *c,
		const struct kit_request *q, struct kit_stream *out,
		struct kit_reply *r, struct err *e)
{
	const struct json *snap = json_get(q->args, "snapshot");
	const char *dn = json_str(snap, "dn"), *uuid = json_str(snap, "uuid");
	const char *values[DIR_VALUES + 1] = { NULL };
	struct dir_session *s = session;
	struct dir_account *a;
	int64_t format = 0;
	bool locked = false;
	size_t n = 0;

	(void)out;
	(void)e;
	if (!snap || !json_int(snap, "format", &format) || format != FORMAT || !dn || !uuid ||
	    strcmp(dn, q->account) != 0 || !json_bool(snap, "locked", &locked))
		return kit_say(r, KIT_REFUSED, "the snapshot is not one of this entry");
	for (const struct json *v = json_first(json_get(snap, "values")); v && n < DIR_VALUES;
	     v = json_next(v))
		if (json_text(v))
			values[n++] = json_text(v);
	if (!dir_ready(s, c, r))
		return 0;
	a = dir_account(s, q->account, r);
	if (!a)
		return 0;
	if (!a->exists)
		r->status = KIT_ABSENT;
	else if (strcmp(a->uuid, uuid) != 0)
		kit_say(r, KIT_REFUSED, "an entry made later bears that DN");
	else
		dir_write(s, a, values, &locked, r);
	mem_free(a);
	return 0;
}
