/*
 * act: disable, enable, revoke, set.
 *
 * Must never drop a role: everything here can be put back by restore.
 */
#include "providers/postgres/postgres.h"

#include <string.h>

int pgp_disable(void *session, const struct kit_connection *c,
		const struct kit_request *q, struct kit_stream *out,
		struct kit_reply *r, struct err *e)
{
	struct pgp_session *s = session;
	struct pgp_role role;
	(void)out;
	(void)e;
	if (!pgp_ready_to_write(s, c, r) || !pgp_role_to_alter(s, q, &role, r))
		return 0;
	if (role.login)
		kit_opened_note(role.oid); /* before the snapshot can see it */
	pgp_alter(s, &role, " NOLOGIN", r);
	return 0;
}

int pgp_enable(void *session, const struct kit_connection *c,
	       const struct kit_request *q, struct kit_stream *out,
	       struct kit_reply *r, struct err *e)
{
	struct pgp_session *s = session;
	struct pgp_role role;
	(void)out;
	(void)e;
	if (pgp_ready_to_write(s, c, r) && pgp_role_to_alter(s, q, &role, r))
		pgp_alter(s, &role, " LOGIN", r);
	return 0;
}

/*
 * The account as a whole loses login, password and the two rights by which a
 * session that is still open could make another account; VALID UNTIL and
 * CONNECTION LIMIT would add nothing to NOLOGIN.  The password alone: only the
 * password.
 */
int pgp_revoke(void *session, const struct kit_connection *c,
	       const struct kit_request *q, struct kit_stream *out,
	       struct kit_reply *r, struct err *e)
{
	struct pgp_session *s = session;
	struct pgp_role role;
	if (strcmp(q->kind, "session") == 0)
		return pgp_cut_sessions(session, c, q, out, r, e);
	if (!pgp_ready_to_write(s, c, r) || !pgp_role_to_alter(s, q, &role, r))
		return 0;
	if (strcmp(q->kind, "password") == 0) {
		if (role.password_known && !role.has_password)
			r->status = KIT_ABSENT;
		else
			pgp_alter(s, &role, " PASSWORD NULL", r);
	} else if (q->kind[0] != '\0') {
		kit_say(r, KIT_UNSUPPORTED, "a role has no credential of that "
			"kind");
	} else if (strcmp(role.oid, "10") == 0) {
		/* The role made by initdb keeps SUPERUSER from 16 on. */
		pgp_alter(s, &role, " NOLOGIN PASSWORD NULL", r);
	} else {
		pgp_alter(s, &role,
			  role.super ? " NOLOGIN PASSWORD NULL NOCREATEROLE "
				       "NOSUPERUSER"
				     : " NOLOGIN PASSWORD NULL NOCREATEROLE",
			  r);
	}
	return 0;
}

/* The caller's password, as a verifier computed in this process. */
int pgp_set(void *session, const struct kit_connection *c,
	    const struct kit_request *q, struct kit_stream *out,
	    struct kit_reply *r, struct err *e)
{
	struct pgp_session *s = session;
	struct pgp_role role;
	struct buf tail = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;
	(void)out;
	if (!q->secret) {
		kit_say(r, KIT_REFUSED, "set needs the new password");
		return 0;
	}
	if (strcmp(q->kind, "password") != 0 || !q->account[0]) {
		kit_say(r, KIT_UNSUPPORTED, "only a role's password can be set");
		return 0;
	}
	if (!pgp_ready_to_write(s, c, r) || !pgp_role_to_alter(s, q, &role, r))
		return 0;
	if (role.expired) { /* VALID UNTIL is the operator's: it is kept */
		kit_say(r, KIT_REFUSED, "the role's VALID UNTIL has passed: the "
			"server would take no password, a new one neither");
		return 0;
	}
	if (buf_puts(&tail, " PASSWORD ", e) ||
	    pg_verifier(s->pg, &tail, role.name, q->secret, e))
		goto out;
	pgp_alter(s, &role, tail.p, r);
	if (r->status == KIT_OK &&
	    !json_set_str(kit_body(r), "credential", "password")) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	rc = 0;
out:
	buf_release(&tail);
	return rc;
}
