/*
 * act: disable, enable, cut_sessions, remove_grant.
 *
 * Order of a kill, as the planner calls it: deny and flush (disable), kick the
 * user and the delegates (cut_sessions), then scripts and rights
 * (remove_grant, which kicks the delegate again: a mailbox that is open goes
 * on being read until then).  Mail delivery is never touched.
 */
#include <stdio.h>
#include <string.h>

#include "base/crash.h"
#include "providers/dovecot/dovecot.h"

bool dove_flush(struct dove *d, const struct kit_connection *c, const char *user,
		struct kit_reply *r)
{
	struct json *batch = json_array(), *answer = NULL;
	bool ok;
	int code;

	dove_cmd(batch, "authCacheFlush", dove_mask("user", user));
	if (!dove_call(d, c, batch, true, &answer, r))
		return false;
	ok = dove_rows(answer, 0, &code) != NULL;
	if (!ok)
		dove_told(code, "flush the authentication cache", r);
	json_free(&answer);
	return ok;
}

void dove_set_denied(struct dove *d, const struct kit_connection *c,
		     const char *user, bool denied, struct kit_reply *r)
{
	struct err e = ERR_INIT;
	char text[1600];
	bool was;

	if (deny_set(kit_option(c, "deny_file", ""), user, denied, &was, &e)) {
		err_format(&e, text, sizeof(text));
		kit_say(r, KIT_REFUSED, "%s", text);
	} else if (dove_flush(d, c, user, r)) {
		r->status = KIT_OK;
	}
}

/* The one credential, the account as a whole, or a session. */
static bool known_kind(const struct kit_request *q, struct kit_reply *r)
{
	if (!*q->kind || strcmp(q->kind, "password") == 0)
		return true;
	kit_say(r, KIT_UNSUPPORTED, "a mailbox has no credential of that kind");
	return false;
}

int dove_disable(void *session, const struct kit_connection *c,
		 const struct kit_request *q, struct kit_stream *out,
		 struct kit_reply *r, struct err *e)
{
	if (strcmp(q->kind, "session") == 0)
		return dove_cut(session, c, q, out, r, e);
	if (dove_account(q, r) && known_kind(q, r))
		dove_set_denied(session, c, q->account, true, r);
	return 0;
}

int dove_enable(void *session, const struct kit_connection *c,
		const struct kit_request *q, struct kit_stream *out,
		struct kit_reply *r, struct err *e)
{
	(void)out;
	(void)e;
	if (dove_account(q, r) && known_kind(q, r))
		dove_set_denied(session, c, q->account, false, r);
	return 0;
}

/* ---- sessions ------------------------------------------------------------------ */

static bool same_user(const struct json *session, const char *user)
{
	const char *name = json_str(session, "username");

	return name && strcmp(name, user) == 0;
}

/* Everybody who is logged in, once each; who comes back is let in again. */
static int kick_all(struct dove *d, const struct kit_connection *c,
		    struct kit_reply *r)
{
	struct json *who = dove_who(d, c, r);
	int rc = who ? 0 : -1;

	for (struct json *j = json_first(who); rc == 0 && j; j = json_next(j)) {
		struct kit_request q = { .account = json_str(j, "username") };
		struct json *k = json_first(who);

		if (!q.account)
			continue;
		while (k != j && !same_user(k, q.account))
			k = json_next(k);
		if (k == j && dove_account(&q, r))
			rc = dove_kick(d, c, q.account, r);
	}
	json_free(&who);
	return rc;
}

/* Those an ACL id stands for.  *wide: a group, whose members the server does
 * not tell, was left alone. */
static int kick_id(struct dove *d, const struct kit_connection *c, const char *id,
		   bool *wide, struct kit_reply *r)
{
	struct kit_request q = { .account = box_acl_user(id) };

	if (q.account)
		return dove_account(&q, r) ? dove_kick(d, c, q.account, r) : -1;
	if (strcmp(kit_option(c, "group_sessions", "keep"), "kick") == 0)
		return kick_all(d, c, r);
	*wide = true;
	return 0;
}

static int kick_delegates(struct dove *d, const struct kit_connection *c,
			  const char *user, bool *wide, struct kit_reply *r)
{
	struct box b;
	int rc = 0;

	if (!d->has_acl)
		return 0;
	if (!box_acls(d, c, user, &b, r))
		return -1;
	for (struct json *j = json_first(b.acls); rc == 0 && j; j = json_next(j)) {
		struct json *k = json_first(b.acls);

		/* one kick for somebody with rights on many folders */
		while (k != j && strcmp(json_str(k, "id"), json_str(j, "id")) != 0)
			k = json_next(k);
		if (k == j)
			rc = kick_id(d, c, json_str(j, "id"), wide, r);
	}
	box_free(&b);
	return rc;
}

/* Flush, look and kick in one request: a kill asks this a thousand times. */
static bool cut_user(struct dove *d, const struct kit_connection *c,
		     const char *user, int64_t *count, struct kit_reply *r)
{
	struct json *batch = json_array(), *answer = NULL, *look = dove_mask("mask", user);
	const struct json *who;
	int code;
	bool ok = false;

	if (!json_set_bool(look, "separateConnections", true))
		json_free(&look);
	dove_cmd(batch, "authCacheFlush", dove_mask("user", user));
	dove_cmd(batch, "who", look);
	dove_cmd(batch, "kick", dove_mask("mask", user));
	if (json_count(batch) != 3) {
		json_free(&batch);
		return kit_say(r, KIT_RETRY, "out of memory") != 0;
	}
	if (!dove_call(d, c, batch, true, &answer, r))
		return false;
	crash_point("dovecot.after-cut");
	who = dove_rows(answer, 1, &code);
	*count = who ? (int64_t)dove_sessions(who, user) : 0;
	if (!dove_rows(answer, 0, &code))
		dove_told(code, "flush the authentication cache", r);
	else if (!dove_rows(answer, 2, &code) && code != DOVE_EX_NOTFOUND)
		dove_told(code, "end the sessions", r);
	else
		ok = true;
	json_free(&answer);
	return ok;
}

int dove_cut(void *session, const struct kit_connection *c,
	     const struct kit_request *q, struct kit_stream *out,
	     struct kit_reply *r, struct err *e)
{
	struct dove *d = session;
	int64_t count = 0;
	bool wide = false;

	(void)out;
	if (!dove_account(q, r) || !cut_user(d, c, q->account, &count, r) ||
	    (!*q->kind && kick_delegates(d, c, q->account, &wide, r)))
		return 0;
	kit_say(r, KIT_OK, "%s", wide ? "shared with a group: sessions of its members "
		"are not known and were left (option group_sessions)" : "");
	if (!json_set_int(kit_body(r), "count", count))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

/* ---- grants -------------------------------------------------------------------- */

static void remove_script(struct dove *d, const struct kit_connection *c,
			  const struct kit_request *q, const char *name,
			  struct kit_reply *r)
{
	struct json *batch = json_array(), *answer = NULL;
	struct json *params = dove_mask("scriptname", name);
	int code;

	/* also when it is the active one */
	if (!json_set_str(params, "user", q->account) ||
	    !json_set_bool(params, "ignoreActive", true))
		json_free(&params);
	dove_cmd(batch, "sieveDelete", params);
	crash_point("dovecot.before-remove");
	if (!dove_call(d, c, batch, true, &answer, r))
		return;
	crash_point("dovecot.after-remove");
	if (dove_rows(answer, 0, &code))
		r->status = KIT_OK;
	else
		dove_told(code, "remove the script", r);
	json_free(&answer);
}

static struct json *acl_params(const char *user, const struct json *acl)
{
	struct json *j = dove_user(user, "mailbox", json_str(acl, "mailbox"));

	if (!json_set_str(j, "id", json_str(acl, "id")))
		json_free(&j);
	return j;
}

static void remove_acl(struct dove *d, const struct kit_connection *c,
		       const char *user, const struct json *acl,
		       struct kit_reply *r)
{
	struct json *batch = json_array(), *answer = NULL;
	bool global = false, wide = false;
	int code;

	if (json_bool(acl, "global", &global) && global) {
		json_free(&batch);
		kit_say(r, KIT_REFUSED, "the rights come from the server's global ACL "
			"file: take them out there");
		return;
	}
	dove_cmd(batch, "aclDelete", acl_params(user, acl));
	if (!dove_call(d, c, batch, true, &answer, r))
		return;
	if (!dove_rows(answer, 0, &code))
		dove_told(code, "take the rights away", r);
	else if (kick_id(d, c, json_str(acl, "id"), &wide, r) == 0)
		kit_say(r, KIT_OK, "%s", wide ? "sessions of the group's members were left: "
			"an open folder can be read until they end" : "");
	json_free(&answer);
}

int dove_remove_grant(void *session, const struct kit_connection *c,
		      const struct kit_request *q, struct kit_stream *out,
		      struct kit_reply *r, struct err *e)
{
	const char *id = q->credential;
	struct dove *d = session;
	struct box b = { NULL, NULL };
	int rc = 0;

	(void)out;
	if (!dove_account(q, r))
		return 0;
	if (strcmp(q->kind, "sieve") == 0) {
		remove_script(d, c, q, id, r);
		return 0;
	}
	if (strcmp(q->kind, "acl") != 0) {
		kit_say(r, KIT_UNSUPPORTED, "a mailbox has no grant of that kind");
		return 0;
	}
	if (!d->has_acl) {
		kit_say(r, KIT_ABSENT, "the server has no ACLs");
		return 0;
	}
	if (!box_acls(d, c, q->account, &b, r))
		return 0;
	kit_say(r, KIT_ABSENT, "nobody has such rights");
	for (struct json *j = json_first(b.acls); rc == 0 && j; j = json_next(j)) {
		struct buf own = BUF_INIT(BUF_TEXT_MAX);

		rc = box_acl_id(j, &own, e);
		if (rc == 0 && strcmp(own.p, id) == 0)
			remove_acl(d, c, q->account, j, r);
		buf_release(&own);
	}
	box_free(&b);
	return rc;
}
