/*
 * probe: is the entry, or one of its passwords, dead?
 *
 * With the secret: a simple bind.  invalidCredentials (49) is what slapd says to
 * a wrong password, to a locked entry and to none: dead.  Everything else but
 * success tells nothing.  Under a password policy a failed bind counts and may
 * lock an account that is in use, so there, when the entry goes on and all its
 * values can be compared here, that comparison is the answer instead.
 * Without the secret: the directory's record.
 */
#include "providers/ldap/dir.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define PROBE_S 10

/* True: r is filled, no bind is needed. */
static bool by_comparison(const struct dir_account *a, const struct secret *secret,
			  struct kit_reply *r)
{
	if (!a->exists || !a->whole || a->locked || !dir_open_value(a))
		return false; /* nothing to lock that is in use */
	for (size_t i = 0; i < a->n; i++)
		if (!a->value[i].off && !a->value[i].none &&
		    dir_matches(secret, a->value[i].text) != DIR_NO)
			return false;
	kit_tell(r, KIT_DEAD, false, "the entry keeps no password that this secret opens "
		 "(compared here: a failed bind would count against the policy)");
	return true;
}

static void probe_bind(const struct kit_connection *c, const struct kit_request *q,
		       struct kit_reply *r)
{
	struct err e = ERR_INIT;
	struct ld *ld = NULL;
	struct ld_place p;
	struct ld_fail f;

	if (dir_place(c, &p, &e)) {
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "%s", e.cause);
		return;
	}
	if (p.connect_s > PROBE_S)
		p.connect_s = PROBE_S;
	if (ld_open(&p, q->account, q->secret, &ld, &f) == 0)
		kit_tell(r, KIT_ALIVE, false, "the bind was accepted");
	else if (f.cause == LD_SAID && f.code == LD_CREDENTIALS)
		kit_tell(r, KIT_DEAD, true, "bind refused: %s (49)", f.text);
	else
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "no answer about the secret: %s (%d)",
			 f.text, f.code);
	ld_close(&ld);
}

static int lockout(const struct ld_entry *entry, void *arg)
{
	const char *v = ld_value(entry, "pwdLockout", 0, NULL);

	*(bool *)arg = v && strcasecmp(v, "TRUE") == 0;
	return 0;
}

/* Does the policy in force look at pwdAccountLockedTime? */
static bool lock_counts(struct dir_session *s, const struct kit_connection *c,
			const struct dir_account *a)
{
	static const char *const attributes[] = { "pwdLockout", NULL };
	const char *policy = a->policy[0] ? a->policy : kit_option(c, "policy", "");
	bool yes = false;
	struct ld_fail f;

	return *policy && ld_search(s->ld, policy, LD_THIS, "(objectClass=*)", attributes,
				    lockout, &yes, &f) == 0 && yes;
}

static void dead_unless_bound(struct dir_session *s, const char *dn, const char *why,
			      struct kit_reply *r)
{
	int n = dir_bound(s, dn, NULL, r);

	if (n > 0)
		kit_tell(r, KIT_ALIVE, false, "%s, but %d connections are still bound", why, n);
	else if (n == 0)
		kit_tell(r, KIT_DEAD, false, "%s, and no connection is bound", why);
	else if (n == -2)
		kit_tell(r, KIT_DEAD, false, "%s; cn=Monitor does not tell whether a "
			 "connection is still bound", why);
}

static void probe_record(struct dir_session *s, const struct kit_connection *c,
			 const struct kit_request *q, const struct dir_account *a,
			 struct kit_reply *r)
{
	const struct dir_value *v = NULL;

	for (size_t i = 0; q->credential[0] && i < a->n; i++)
		if (strcmp(a->value[i].id, q->credential) == 0)
			v = &a->value[i];
	if (!a->exists)
		dead_unless_bound(s, q->account, "the entry does not exist", r);
	else if (!dir_open_value(a))
		dead_unless_bound(s, a->dn, "no password opens the entry", r);
	else if (a->locked && lock_counts(s, c, a))
		dead_unless_bound(s, a->dn, "the entry is locked", r);
	else if (a->locked)
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "the entry has pwdAccountLockedTime, which "
			 "counts only under a policy with pwdLockout; name it with policy=");
	else if (q->credential[0] && a->whole && (!v || v->off))
		/* Whose password a connection was bound with nobody knows: they
		 * are the account's. */
		kit_tell(r, KIT_DEAD, false, v ? "that password is disabled" :
			 "the entry does not have that password any more");
	else
		kit_tell(r, KIT_ALIVE, false, "the entry has a password");
}

static void probe_session(struct dir_session *s, const struct kit_request *q,
			  struct kit_reply *r)
{
	int n = dir_bound(s, q->account, q->credential, r);

	if (n > 0)
		kit_tell(r, KIT_ALIVE, false, "the connection is bound");
	else if (n == 0)
		kit_tell(r, KIT_DEAD, false, "the server has no such connection");
	else if (n == -2)
		kit_tell(r, KIT_LIFE_UNKNOWN, false, "cn=Monitor is not readable");
}

int dir_probe(void *session, const struct kit_connection *c,
	      const struct kit_request *q, struct kit_stream *out,
	      struct kit_reply *r, struct err *e)
{
	struct dir_session *s = session;
	struct dir_account *a = NULL;

	(void)out;
	(void)e;
	if (!kit_named(q, r))
		return 0;
	if (!dir_ready(s, c, r))
		;
	else if (strcmp(q->kind, "session") == 0)
		probe_session(s, q, r);
	else
		a = dir_account(s, q->account, r);
	if (a && !q->secret)
		probe_record(s, c, q, a, r);
	else if (a && !(dir_by_policy(c) && by_comparison(a, q->secret, r)))
		probe_bind(c, q, r);
	mem_free(a);
	if (r->status != KIT_OK) {
		/* Could not ask: that is an answer, and not `dead`. */
		r->status = KIT_OK;
		r->life = KIT_LIFE_UNKNOWN;
	}
	return 0;
}
