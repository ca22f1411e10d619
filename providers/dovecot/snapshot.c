/*
 * snapshot: what a kill takes from a mailbox, and back again.
 *
 * Format 1: every script with its text and which one is active, every right
 * given away, the sessions of the moment, and whether the user was denied
 * before.  curfew seals it and hands it back unread.
 */
#include <stdio.h>
#include <string.h>

#include "providers/dovecot/dovecot.h"

#define FORMAT 1
#define SNAPSHOT_MAX (BUF_LINE_MAX - 4096u) /* it travels in one line */

static struct json *own_sessions(const struct json *who, const char *user)
{
	struct json *list = json_array();

	for (const struct json *j = json_first(who); list && j; j = json_next(j)) {
		const char *name = json_str(j, "username");
		struct json *copy;

		if (!name || strcmp(name, user) != 0)
			continue;
		copy = json_dup(j);
		if (!copy || !json_push(list, copy))
			json_free(&list);
	}
	return list;
}

static bool fill(struct json *s, const char *user, bool denied, struct box *b,
		 struct json *sessions)
{
	struct json *scripts = b->scripts, *acls = b->acls;
	bool ok = json_set_int(s, "format", FORMAT) &&
		  json_set_str(s, "user", user) && json_set_bool(s, "denied", denied);

	*b = (struct box){ NULL, NULL };
	/* each takes its child whatever happens */
	ok &= json_set(s, "scripts", scripts);
	ok &= json_set(s, "acls", acls);
	ok &= sessions && json_set(s, "sessions", sessions);
	return ok;
}

int dove_snapshot(void *session, const struct kit_connection *c,
		  const struct kit_request *q, struct kit_stream *out,
		  struct kit_reply *r, struct err *e)
{
	struct json *who = NULL, *s = NULL;
	struct deny deny = { .changed_ms = 0 };
	struct buf size = BUF_INIT(SNAPSHOT_MAX);
	struct box b = { NULL, NULL };
	int rc = -1;

	(void)out;
	if (!dove_account(q, r))
		return 0;
	if (!(who = dove_who(session, c, r)) ||
	    !box_read(session, c, q->account, &b, r)) {
		rc = 0;
		goto out;
	}
	if (deny_read(kit_option(c, "deny_file", ""), &deny, e))
		goto out;
	s = json_object();
	if (!s || !fill(s, q->account, deny_has(&deny, q->account), &b,
			own_sessions(who, q->account))) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	rc = 0;
	if (json_print(s, false, &size, NULL)) {
		kit_say(r, KIT_REFUSED, "the scripts are larger than a snapshot can be "
			"(%u bytes)", SNAPSHOT_MAX);
		goto out;
	}
	r->status = KIT_OK;
	if (!json_set(kit_body(r), "snapshot", s))
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s = NULL;
out:
	json_free(&s);
	json_free(&who);
	box_free(&b);
	deny_free(&deny);
	buf_release(&size);
	return rc;
}

/* ---- back ---------------------------------------------------------------------- */

/* "lookup read" as the array that aclSet wants. */
static struct json *rights_of(const char *text)
{
	struct json *list = json_array();

	while (list && *text) {
		size_t n = strcspn(text, " ");
		char word[64];

		if (n && n < sizeof(word)) {
			(void)snprintf(word, sizeof(word), "%.*s", (int)n, text);
			if (!json_push_str(list, word))
				json_free(&list);
		}
		text += n;
		text += strspn(text, " ");
	}
	return list;
}

static void put_scripts(struct json *batch, const char *user,
			const struct json *scripts)
{
	const struct json *j;
	bool active;

	for (j = json_first(scripts); j; j = json_next(j)) {
		const char *name = json_str(j, "name"), *text = json_str(j, "text");
		struct json *params;

		if (!name || !text)
			continue;
		params = dove_user(user, "scriptname", name);
		if (!json_set_str(params, "file", text))
			json_free(&params);
		dove_cmd(batch, "sievePut", params);
		if (json_bool(j, "active", &active) && active)
			dove_cmd(batch, "sieveActivate",
				 dove_user(user, "scriptname", name));
	}
}

static void put_acls(struct json *batch, const char *user, const struct json *acls)
{
	for (const struct json *j = json_first(acls); j; j = json_next(j)) {
		const char *mailbox = json_str(j, "mailbox"), *id = json_str(j, "id");
		const char *rights = json_str(j, "rights");
		bool global = false;
		struct json *params, *list;

		if (!mailbox || !id || !rights ||
		    (json_bool(j, "global", &global) && global))
			continue;
		params = dove_user(user, "mailbox", mailbox);
		list = rights_of(rights);
		if (!json_set_str(params, "id", id) || !list) {
			json_free(&list);
			json_free(&params);
		} else if (!json_set(params, "right", list)) {
			json_free(&params);
		}
		dove_cmd(batch, "aclSet", params);
	}
}

static bool put_back(struct dove *d, const struct kit_connection *c,
		     const char *user, const struct json *snap,
		     struct kit_reply *r)
{
	struct json *batch = json_array(), *answer = NULL;
	size_t n;
	int code;

	if (d->has_sieve)
		put_scripts(batch, user, json_get(snap, "scripts"));
	if (d->has_acl)
		put_acls(batch, user, json_get(snap, "acls"));
	n = json_count(batch);
	if (!n) {
		json_free(&batch);
		return true;
	}
	if (!dove_call(d, c, batch, true, &answer, r))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (dove_rows(answer, i, &code))
			continue;
		dove_told(code, "put back a script or a right", r);
		if (r->status == KIT_ABSENT) /* a folder that is gone now */
			r->status = KIT_REFUSED;
		json_free(&answer);
		return false;
	}
	json_free(&answer);
	return true;
}

int dove_restore(void *session, const struct kit_connection *c,
		 const struct kit_request *q, struct kit_stream *out,
		 struct kit_reply *r, struct err *e)
{
	const struct json *snap = json_get(q->args, "snapshot");
	const char *user = json_str(snap, "user");
	int64_t format = 0;
	bool denied = true;

	(void)out;
	(void)e;
	if (!snap || !json_int(snap, "format", &format) || format != FORMAT ||
	    !user || strcmp(user, q->account) != 0 ||
	    !json_bool(snap, "denied", &denied)) {
		kit_say(r, KIT_REFUSED, "the snapshot is not one of this mailbox");
		return 0;
	}
	if (!dove_account(q, r) ||
	    (!*q->kind && !put_back(session, c, user, snap, r)))
		return 0;
	r->status = KIT_OK;
	if (!denied)
		dove_set_denied(session, c, user, false, r);
	return 0;
}
