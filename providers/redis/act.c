/*
 * act: disable, enable, revoke, set.
 *
 * Must never delete a user: everything here can be put back by restore.
 */
#include "providers/redis/redis.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"

#define NOPASS "nopass"

/* For a verb that alters: false with r filled, also when there is no such user. */
static bool user_to_alter(struct rds_session *s, const struct kit_connection *c,
			  const struct kit_request *q, struct rds_user *u,
			  struct kit_reply *r)
{
	*u = (struct rds_user){ .exists = false };
	if (!rds_ready(s, c, r) || !rds_user(s, q->account, u, r))
		return false;
	if (!u->exists)
		r->status = KIT_ABSENT;
	return u->exists;
}

static bool whole_account(const struct kit_request *q, struct kit_reply *r)
{
	if (q->credential[0] == '\0')
		return true;
	kit_say(r, KIT_UNSUPPORTED, "one password of a user cannot be disabled, only "
		"taken away (revoke); the account as a whole can be");
	return false;
}

int rds_disable(void *session, const struct kit_connection *c,
		const struct kit_request *q, struct kit_stream *out,
		struct kit_reply *r, struct err *e)
{
	static const char *const off[] = { "off", NULL };
	struct rds_user u;

	(void)out;
	(void)e;
	if (!whole_account(q, r) || !user_to_alter(session, c, q, &u, r))
		return 0;
	if (u.on)
		kit_opened_note(q->account); /* before the snapshot can see it */
	rds_user_release(&u);
	rds_alter(session, q->account, off, r);
	return 0;
}

int rds_enable(void *session, const struct kit_connection *c,
	       const struct kit_request *q, struct kit_stream *out,
	       struct kit_reply *r, struct err *e)
{
	static const char *const on[] = { "on", NULL };
	struct rds_user u;

	(void)out;
	(void)e;
	if (!whole_account(q, r) || !user_to_alter(session, c, q, &u, r))
		return 0;
	rds_user_release(&u);
	rds_alter(session, q->account, on, r);
	return 0;
}

/* One password, or "any password will do". */
static void revoke_password(struct rds_session *s, const struct kit_request *q,
			    const struct rds_user *u, struct kit_reply *r)
{
	static const char *const none[] = { "resetpass", NULL };
	const char *hash = rds_hash_of(u, q->credential);
	char word[RDS_HASH + 1];
	const char *const rules[] = { word, NULL };

	if (strcmp(q->credential, NOPASS) == 0 && u->nopass) {
		rds_alter(s, q->account, none, r);
	} else if (!hash) {
		r->status = KIT_ABSENT;
	} else {
		snprintf(word, sizeof word, "!%s", hash);
		rds_alter(s, q->account, rules, r);
	}
}

/* The account as a whole loses login, passwords and every command: a session
 * that is still open can do nothing more. */
int rds_revoke(void *session, const struct kit_connection *c,
	       const struct kit_request *q, struct kit_stream *out,
	       struct kit_reply *r, struct err *e)
{
	static const char *const all[] = { "off", "resetpass", "-@all", NULL };
	struct rds_user u;

	if (strcmp(q->kind, "session") == 0)
		return rds_cut_sessions(session, c, q, out, r, e);
	if (q->kind[0] && strcmp(q->kind, "password") != 0)
		return kit_say(r, KIT_UNSUPPORTED, "a user has no credential of that "
			       "kind");
	if (!user_to_alter(session, c, q, &u, r)) {
		rds_user_release(&u);
		return 0;
	}
	if (q->kind[0]) {
		revoke_password(session, q, &u, r);
	} else {
		if (u.on)
			kit_opened_note(q->account);
		rds_alter(session, q->account, all, r);
	}
	rds_user_release(&u);
	return 0;
}

/* ---- set ---------------------------------------------------------------------- */

static int hash_fn(const unsigned char *p, size_t n, void *arg)
{
	unsigned char d[32];

	if (!n)
		return -1;
	digest_sha256(p, n, d);
	text_hex(d, sizeof d, arg);
	return 0;
}

static void set_hash(struct rds_session *s, const struct kit_request *q,
		     const struct rds_user *u, const char *hash, bool add,
		     struct kit_reply *r)
{
	const char *old = rds_hash_of(u, q->credential);
	char in[RDS_HASH + 1], out[RDS_HASH + 1];
	const char *rules[] = { in, NULL, NULL };

	snprintf(in, sizeof in, "#%s", hash);
	snprintf(out, sizeof out, "!%s", old ? old : "");
	if (u->nopass && add) {
		kit_say(r, KIT_REFUSED, "the user comes in with any password "
			"(nopass): a first password would end that; replace it, with "
			"the credential 'nopass'");
		return;
	}
	if (!add && old && strcmp(old, hash) != 0)
		rules[1] = out; /* both in one command: it is all or nothing */
	rds_alter(s, q->account, rules, r);
}

int rds_set(void *session, const struct kit_connection *c,
	    const struct kit_request *q, struct kit_stream *out,
	    struct kit_reply *r, struct err *e)
{
	char hash[RDS_HASH] = "", id[RDS_ID];
	struct rds_user u;
	bool add = false;

	(void)out;
	if (!q->secret || secret_reveal(q->secret, hash_fn, hash))
		return kit_say(r, KIT_REFUSED, "set needs the new password");
	if (q->kind[0] && strcmp(q->kind, "password") != 0)
		return kit_say(r, KIT_UNSUPPORTED, "a user has no credential of that "
			       "kind");
	json_bool(q->args, "add", &add);
	if (!user_to_alter(session, c, q, &u, r))
		return 0;
	set_hash(session, q, &u, hash, add, r);
	rds_user_release(&u);
	rds_id(q->account, hash, id);
	mem_wipe(hash, sizeof hash);
	if (r->status == KIT_OK && !json_set_str(kit_body(r), "credential", id))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}
