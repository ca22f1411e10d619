/*
 * act: disable, enable, revoke, set.
 *
 * Must never drop an account: everything here can be put back by restore.
 */
#include "providers/mysql/mysql.h"

#include <stdio.h>
#include <string.h>

int myp_disable(void *session, const struct kit_connection *c,
		const struct kit_request *q, struct kit_stream *out,
		struct kit_reply *r, struct err *e)
{
	struct myp_account a;

	(void)out;
	(void)e;
	if (!myp_account_to_alter(session, c, q, &a, r))
		return 0;
	if (!a.locked)
		kit_opened_note(a.name); /* before the snapshot can see it */
	myp_alter(session, &a, false, 'L', r);
	return 0;
}

int myp_enable(void *session, const struct kit_connection *c,
	       const struct kit_request *q, struct kit_stream *out,
	       struct kit_reply *r, struct err *e)
{
	struct myp_account a;

	(void)out;
	(void)e;
	if (myp_account_to_alter(session, c, q, &a, r))
		myp_alter(session, &a, false, 'U', r);
	return 0;
}

/* No password opens it any more; other ways (unix_socket, PAM) stay. */
static void no_password(struct myp_account *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->way[i].password) {
			snprintf(a->way[i].plugin, sizeof a->way[i].plugin,
				 "mysql_native_password");
			snprintf(a->way[i].hash, sizeof a->way[i].hash, MYP_NONE);
		}
}

static bool is_password(const struct kit_request *q, struct kit_reply *r)
{
	if (!q->kind[0] || strcmp(q->kind, "password") == 0)
		return true;
	kit_say(r, KIT_UNSUPPORTED, "an account has no credential of that kind");
	return false;
}

/* The account as a whole is locked too. */
int myp_revoke(void *session, const struct kit_connection *c,
	       const struct kit_request *q, struct kit_stream *out,
	       struct kit_reply *r, struct err *e)
{
	struct myp_session *s = session;
	struct myp_account a;

	if (strcmp(q->kind, "session") == 0)
		return myp_cut_sessions(session, c, q, out, r, e);
	if (!is_password(q, r) || !myp_account_to_alter(s, c, q, &a, r))
		return 0;
	if (q->kind[0] && !myp_has_password(&a)) {
		r->status = KIT_ABSENT;
		return 0;
	}
	if (!s->mariadb)
		return kit_say(r, KIT_UNSUPPORTED, "MySQL keeps no account without a "
			       "password: it is locked instead (disable)");
	no_password(&a);
	if (!q->kind[0] && !a.locked)
		kit_opened_note(a.name);
	myp_alter(s, &a, true, q->kind[0] ? 0 : 'L', r);
	return 0;
}

/* The caller's password, as the hash of the method that the account has; a
 * second method with a password of its own would keep the old one alive. */
int myp_set(void *session, const struct kit_connection *c,
	    const struct kit_request *q, struct kit_stream *out,
	    struct kit_reply *r, struct err *e)
{
	struct myp_session *s = session;
	struct myp_account a;
	bool done = false, add = false;

	(void)out;
	if (!q->secret)
		return kit_say(r, KIT_REFUSED, "set needs the new password");
	json_bool(q->args, "add", &add);
	if (add)
		return kit_say(r, KIT_REFUSED, "an account has one password: there is no "
			       "room beside it");
	if (!is_password(q, r) || !myp_account_to_alter(s, c, q, &a, r))
		return 0;
	for (size_t i = 0; i < a.n; i++) {
		if (!a.way[i].password)
			continue;
		if (done) {
			snprintf(a.way[i].hash, sizeof a.way[i].hash, MYP_NONE);
			continue;
		}
		if (!myp_hashes(a.way[i].plugin))
			return kit_say(r, KIT_REFUSED, "the account logs in by %s, whose "
				       "hash curfew cannot make", a.way[i].plugin);
		if (myp_hash(&a.way[i], q->secret))
			return kit_say(r, KIT_REFUSED, "set needs the new password");
		done = true;
	}
	if (!done)
		return kit_say(r, KIT_REFUSED, "the account has no password: it logs in by "
			       "%s, which is not curfew's to change",
			       a.n ? a.way[0].plugin : "nothing");
	myp_alter(s, &a, true, 0, r);
	if (r->status == KIT_OK && !json_set_str(kit_body(r), "credential", "password"))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}
