/*
 * snapshot: the account's ways to log in (hashes, never a password) and its
 * lock, and back again; format 1.
 *
 * An account has no number of its own: one that was dropped and made again
 * under the same name cannot be told from the first.  One that is gone is not
 * made again.
 */
#include "providers/mysql/mysql.h"

#include <stdio.h>
#include <string.h>

#define FORMAT 1

static struct json *ways_of(const struct myp_account *a)
{
	struct json *list = json_array();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < a->n; i++) {
		struct json *w = json_object();

		ok = json_set_str(w, "plugin", a->way[i].plugin) &&
		     json_set_str(w, "hash", a->way[i].hash);
		if (ok)
			ok = json_push(list, w);
		else
			json_free(&w);
	}
	if (!ok)
		json_free(&list);
	return list;
}

int myp_snapshot(void *session, const struct kit_connection *c,
		 const struct kit_request *q, struct kit_stream *out,
		 struct kit_reply *r, struct err *e)
{
	struct myp_session *s = session;
	struct myp_account a;

	(void)out;
	if (!myp_ready(s, c, r) || !myp_account(s, q->account, &a, r))
		return 0;
	if (!a.exists) {
		r->status = KIT_ABSENT;
		return 0;
	}
	struct json *j = json_object();
	bool ok = json_set_int(j, "format", FORMAT) &&
		  json_set_str(j, "account", a.name) &&
		  json_set_bool(j, "locked", a.locked && !kit_opened(a.name)) &&
		  json_set_bool(j, "whole", !a.too_many) && json_set(j, "ways", ways_of(&a));

	r->status = KIT_OK;
	if (!ok)
		json_free(&j);
	if (!ok || !json_set(kit_body(r), "snapshot", j))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

/* Into a; false: not one of ours. */
static bool read_ways(const struct json *list, struct myp_account *a)
{
	a->n = 0;
	for (const struct json *w = list ? json_first(list) : NULL; w; w = json_next(w)) {
		const char *plugin = json_str(w, "plugin"), *hash = json_str(w, "hash");
		struct myp_way *way = &a->way[a->n];

		if (!plugin || !hash || a->n == MYP_WAYS ||
		    strlen(plugin) >= sizeof way->plugin || strlen(hash) >= sizeof way->hash)
			return false;
		snprintf(way->plugin, sizeof way->plugin, "%s", plugin);
		snprintf(way->hash, sizeof way->hash, "%s", hash);
		/* an empty hash is written out, too: it is a password */
		way->password = myp_hashes(plugin);
		a->n++;
	}
	return true;
}

int myp_restore(void *session, const struct kit_connection *c,
		const struct kit_request *q, struct kit_stream *out,
		struct kit_reply *r, struct err *e)
{
	struct myp_session *s = session;
	const struct json *snap = json_get(q->args, "snapshot");
	const char *name = json_str(snap, "account");
	bool locked = false, whole = false;
	struct myp_account a;
	int64_t format = 0;

	(void)out;
	(void)e;
	if (!snap || !json_int(snap, "format", &format) || format != FORMAT || !name ||
	    strcmp(name, q->account) != 0 || !json_bool(snap, "locked", &locked) ||
	    !json_bool(snap, "whole", &whole))
		return kit_say(r, KIT_REFUSED, "the snapshot is not one of this account");
	if (!myp_account_to_alter(s, c, q, &a, r))
		return 0;
	if (!read_ways(json_get(snap, "ways"), &a))
		return kit_say(r, KIT_REFUSED, "the snapshot is not one of this account");
	myp_alter(s, &a, whole && a.n > 0, locked ? 'L' : 'U', r);
	return 0;
}
