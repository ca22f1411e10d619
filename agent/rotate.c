/*
 * rotate: see rotate.h.  Owns the order: gathered, one transaction with every
 * line that begins, then the driver (rotate_run.c).  Nothing leaves before that transaction.
 */
#include "agent/rotate.h"

#include <stdio.h>
#include <string.h>

#include "agent/alarm.h"
#include "agent/engine/rot_clock.h"
#include "agent/engine/rot_place.h"
#include "agent/engine/rot_policy.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/inventory.h"

/* ---- one line -------------------------------------------------------------------- */

struct known { /* of the connection and the account last looked at */
	char *name;
	struct facts *facts;
	struct rot_index *lines;
};

static int facts_for(struct app *app, struct known *k, const char *conn,
		     struct err *e)
{
	struct inv_connection c;
	int rc;

	if (k->name && strcmp(k->name, conn) == 0)
		return 0;
	rc = inv_connection_get(app->vault, conn, &c, NULL, e);
	if (rc < 0)
		return -1;
	if (!k->facts)
		k->facts = mem_zalloc(sizeof(*k->facts));
	if (!k->facts || rot_text(&k->name, conn, e) < 0)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	facts_parse(rc ? c.facts : NULL, k->facts);
	if (rc)
		inv_connection_free(&c);
	return 0;
}

static void known_free(struct known *k)
{
	mem_free(k->name);
	mem_free(k->facts);
	rot_index_free(&k->lines);
}

static void own_access(const char *named, struct err *e)
{
	err_fail(e, ERR_POLICY, named, "curfew itself signs in with it: the new "
		 "value would lock curfew out");
	err_hint(e, "change it at the service, then 'curfew connect --replace'");
}

static int find_own(const struct inv_credential *c, void *own, struct err *e)
{
	(void)e;
	*(bool *)own |= c->self;
	return 0;
}

/* The one whose turn it is, of two accounts: there, and not curfew's own. */
static int other_is_there(struct app *app, const struct rot_line *l,
			  struct err *e)
{
	struct inv_account a;
	bool own = false;
	int rc;

	if (!(l->flags & RF_ALTERNATE))
		return 0;
	rc = inv_account_get(app->vault, l->conn, l->new_account, &a, e);
	if (rc > 0) {
		own = a.self;
		inv_account_free(&a);
		if (inv_credentials(app->vault, l->conn, l->new_account,
				    find_own, &own, e) < 0)
			return -1;
		if (!own)
			return 0;
		own_access(l->new_account, e);
	}
	if (rc == 0) {
		err_fail(e, ERR_POLICY, l->policy, "its partner %s/%s is not in "
			 "the inventory", l->conn, l->new_account);
		err_hint(e, "'curfew sync %s', when the account is there; else "
			    "mend 'partner' of [rotation.%s]", l->conn,
			 l->policy);
	}
	return -1;
}

/* Begun if it is idle; takes the line.  1 in the set, 0 has no policy, -1. */
static int take_line(struct app *app, const struct inv_credential *c,
		     struct rot_line *l, const struct config_rotation *p,
		     struct known *k, struct rotate_set *out, struct err *e)
{
	int rc = -1;

	if (!p)
		rc = 0;
	else if (facts_for(app, k, c->connection, e) == 0) {
		rot_policy_due(l, p, c, rot_clock_ms());
		if (rot_policy_begin(l, p, facts_of(k->facts, c->kind),
				     rot_clock_ms(), e) == 0 &&
		    other_is_there(app, l, e) == 0 &&
		    rotate_add(out, l, ROW_BEGINS, e) == 0)
			rc = 1;
	}
	rot_free(l);
	return rc;
}

/* The policy of a credential that has no line; it may be without on purpose. */
static int first_policy(struct app *app, const struct inv_credential *c,
			struct known *k, const struct config_rotation **p,
			struct err *e)
{
	int turn;

	if (rot_policy_of(app->config, c, p, e) < 0)
		return -1;
	if (!*p)
		return 0;
	turn = rot_index_partner(&k->lines, app->vault, c->connection,
				 c->account, c->kind, e);
	if (turn < 0)
		return -1;
	if (turn || rot_policy_partner(*p, c))
		*p = NULL; /* no line of its own: its turn comes */
	return 0;
}

/* One that cannot be begun must not hold up the others: it is told. */
static int told(struct rotate_set *s, struct err *e)
{
	if (e->code != ERR_POLICY && e->code != ERR_CONFIG)
		return -1;
	s->refused++;
	log_err(LOG_ERROR, e);
	err_clear(e);
	return 0;
}

/* Its time has come, and nobody may be looking: an alarm too, until it begins or
 * is due no more. */
static int told_due(struct app *app, const struct store_id *id,
		    struct rotate_set *s, struct err *e)
{
	struct buf about = BUF_INIT(BUF_TEXT_MAX);
	const struct err why = *e;
	struct alarm a = { .event = ALARM_STUCK, .text = why.cause,
			   .todo = *why.hint ? why.hint : NULL };
	struct rot_line l;
	int rc = told(s, e);

	if (rc < 0 || app->dry_run)
		return rc;
	rc = rot_get(app->vault, id, &l, NULL, e);
	if (rc <= 0)
		return rc;
	rc = inv_address(&about, l.conn, l.account, l.cred, e);
	a.about = about.p;
	a.policy = *l.policy ? l.policy : NULL;
	if (rc == 0)
		rc = alarm_raise(app, &a, e);
	rot_free(&l);
	buf_release(&about);
	return rc;
}

/* ---- where it goes ---------------------------------------------------------------- */

/* Stopped on its way to a place: the policy's places of today are taken, as far
 * as nothing has been delivered.  1 it is so, 0, -1. */
static int take_places(struct app *app, struct rot_line *l, struct known *k,
		       struct err *e)
{
	const struct config_rotation *p = NULL;
	struct inv_credential c;
	int rc;

	if (!l->stuck_ms || l->flags & RF_ABORT || l->state < RS_PLANNED ||
	    l->state > RS_VERIFIED_NEW)
		return 0;
	rc = inv_credential_get(app->vault, l->conn, l->account, l->kind,
				l->cred, &c, NULL, e);
	if (rc <= 0)
		return rc;
	rc = rot_policy_of(app->config, &c, &p, e);
	if (rc == 0 && p && p->n_deliver && facts_for(app, k, l->conn, e) < 0)
		rc = -1;
	if (rc == 0 && p && p->n_deliver)
		rc = rot_place_take(l, p, facts_of(k->facts, l->kind), true,
				    e) < 0 ? -1 : 1;
	inv_credential_free(&c);
	return rc;
}

/* Takes one that is under way. */
static int add_busy(struct app *app, struct rot_line *l, struct known *k,
		    struct rotate_set *out, struct err *e)
{
	int rc = take_places(app, l, k, e);

	if (rc >= 0)
		return rotate_add(out, l, rc > 0 ? ROW_PLACES : ROW_KEPT, e);
	rot_free(l);
	return -1;
}

/* What is under way stays with the places that it had. */
static int drop(struct app *app, struct rotate_set *s, size_t i, struct err *e)
{
	const struct store_id id = s->p[i].id;
	int rc = 0;

	if (s->fresh[i] == ROW_PLACES) {
		rot_free(&s->p[i]);
		rc = rot_get(app->vault, &id, &s->p[i], NULL, e);
		s->fresh[i] = ROW_KEPT;
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	rot_free(&s->p[i]);
	s->n--;
	s->p[i] = s->p[s->n];
	s->fresh[i] = s->fresh[s->n];
	s->p[s->n] = (struct rot_line){ .state = 0 };
	return 0;
}

enum naming { ONE, SEVERAL, DUE }; /* named by a person, or due */

/* Those whose places cannot be, or are another's, do not begin.  ONE: that is
 * the error. */
static int places(struct app *app, struct rotate_set *s, enum naming how,
		  struct err *e)
{
	struct err *why;
	bool begins;
	int rc = -1;

	if (!s->n)
		return 0;
	why = mem_array(s->n, sizeof(*why));
	if (!why)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (rot_place_free(app, s->p, s->n, s->fresh, why, e) < 0)
		goto out;
	for (size_t i = s->n; i-- > 0;) {
		if (!why[i].code)
			continue;
		const struct store_id id = s->p[i].id;

		begins = s->fresh[i] == ROW_BEGINS;
		if (drop(app, s, i, e) < 0)
			goto out;
		*e = why[i];
		if (how == ONE && begins)
			goto out;
		if (how == DUE && begins ? told_due(app, &id, s, e) < 0 :
					   told(s, e) < 0)
			goto out;
	}
	rotate_reindex(s);
	rc = 0;
out:
	mem_free(why);
	return rc;
}

static void no_policy(const char *named, struct err *e)
{
	err_fail(e, ERR_POLICY, named, "no [rotation.NAME] of curfew.toml fits "
		 "it");
	err_hint(e, "a policy says where the new value is needed; see "
		    "docs/rotation.md");
}

/* Why it does not begin. */
static void refuse(const struct inv_credential *c, const char *incident,
		   struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (inv_address(&b, c->connection, c->account, c->id, e) < 0) {
		; /* e says so */
	} else if (incident) {
		err_fail(e, ERR_POLICY, b.p, "%s has ended it", incident);
		err_hint(e, "what took its place is a credential of its own");
	} else if (c->self) {
		own_access(b.p, e);
	} else if (c->missing) {
		err_fail(e, ERR_POLICY, b.p, "its service does not list it any "
			 "more");
		err_hint(e, "'curfew sync %s' looks again", c->connection);
	} else {
		no_policy(b.p, e);
	}
	buf_release(&b);
}

/* The line of a credential.  As take_line(). */
static int take(struct app *app, const struct inv_credential *c,
		struct known *k, struct rotate_set *out, struct err *e)
{
	const struct config_rotation *p = NULL;
	struct rot_line l;
	int rc = rot_index_find(&k->lines, app->vault, c->connection,
				c->account, c->kind, c->id, &l, e);

	if (rc < 0)
		return -1;
	if (rc > 0 && l.state == RS_KILLED) {
		refuse(c, l.incident, e);
		goto fail;
	}
	if (rc > 0 && rot_busy(&l))
		return add_busy(app, &l, k, out, e) < 0 ? -1 : 1;
	if (out->going) {
		rot_free(&l);
		return 0;
	}
	if (c->self || c->missing) {
		refuse(c, NULL, e);
		goto fail;
	}
	if (rc > 0 ? rot_policy_of(app->config, c, &p, e) < 0 :
		     first_policy(app, c, k, &p, e) < 0)
		goto fail;
	if (p && rc == 0 &&
	    rot_begin_line(app->vault, c->connection, c->account, c->kind,
			   c->id, &l, e) < 0)
		goto fail;
	return take_line(app, c, &l, p, k, out, e);
fail:
	rot_free(&l);
	return -1;
}

/* ---- what was named ----------------------------------------------------------------- */

struct taking {
	struct app *app;
	struct inv_credential *p; /* copies: nothing else may be read meanwhile */
	size_t n, cap;
	size_t taken; /* of them */
	bool others; /* an account or more was named, not each of these */
	bool own;    /* ... and is there */
};

static int copy_credential(const struct inv_credential *c, void *arg,
			   struct err *e)
{
	struct taking *t = arg;
	struct inv_credential *x;

	if (c->state == INV_DEAD || c->state == INV_REVOKED)
		return 0;
	if (c->self && t->others) {
		t->own = true;
		return 0;
	}
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;

		x = mem_realloc(t->p, cap * sizeof(*x));
		if (!x)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		t->p = x;
		t->cap = cap;
	}
	x = &t->p[t->n++];
	*x = *c;
	x->connection = x->account = x->kind = x->id = NULL;
	x->fingerprint = x->label = x->attributes = NULL;
	if (rot_text(&x->connection, c->connection, e) < 0 ||
	    rot_text(&x->account, c->account, e) < 0 ||
	    rot_text(&x->kind, c->kind, e) < 0 ||
	    rot_text(&x->id, c->id, e) < 0 ||
	    rot_text(&x->fingerprint, c->fingerprint, e) < 0 ||
	    rot_text(&x->label, c->label, e) < 0 ||
	    rot_text(&x->attributes, c->attributes, e) < 0)
		return -1;
	return 0;
}

static int gather(struct app *app, const struct selected *x,
		  struct taking *t, struct err *e)
{
	struct inv_credential c;
	int rc;

	if (x->missing)
		return 0;
	if (!*x->kind)
		return inv_credentials(app->vault, x->conn, x->account,
				       copy_credential, t, e) < 0 ? -1 : 0;
	rc = inv_credential_get(app->vault, x->conn, x->account, x->kind, x->id,
				&c, NULL, e);
	if (rc > 0) {
		rc = copy_credential(&c, t, e);
		inv_credential_free(&c);
	}
	return rc < 0 ? -1 : 0;
}

/* What one thing that was named brought.  `one`: nothing else is named, its
 * error is the command's. */
static int take_gathered(struct taking *t, bool one, struct known *k,
			 struct rotate_set *out, struct err *e)
{
	for (; t->taken < t->n; t->taken++) {
		const struct inv_credential *c = &t->p[t->taken];
		int rc = take(t->app, c, k, out, e);

		if (rc == 0 && !t->others && !one && !out->going) {
			refuse(c, NULL, e);
			rc = -1;
		}
		if (rc < 0 && (one || told(out, e) < 0))
			return -1;
	}
	return 0;
}

int rotate_selected(struct app *app, const struct selection *sel,
		    struct rotate_set *out, struct err *e)
{
	struct taking t = { .app = app };
	struct known k = { .name = NULL };
	const bool one = sel->n == 1 && *sel->p[0].kind;
	int rc = -1;

	for (size_t i = 0; i < sel->n; i++) {
		t.others = sel->bulk || !*sel->p[i].kind;
		if (gather(app, &sel->p[i], &t, e) < 0 ||
		    take_gathered(&t, one, &k, out, e) < 0)
			goto out;
	}
	if (places(app, out, one ? ONE : SEVERAL, e) < 0)
		goto out;
	if (!out->n && !out->refused && out->going) {
		err_fail(e, ERR_POLICY, sel->named, "nothing to resume: no "
			 "rotation of it is under way");
		err_hint(e, "without --resume one begins");
		goto out;
	}
	if (!out->n && !out->refused && t.own && !t.n) {
		own_access(sel->named, e);
		goto out;
	}
	if (!out->n && !out->refused) {
		no_policy(sel->named, e);
		goto out;
	}
	rc = 0;
out:
	for (size_t i = 0; i < t.n; i++)
		inv_credential_free(&t.p[i]);
	mem_free(t.p);
	known_free(&k);
	return rc;
}

/* ---- what is due ---------------------------------------------------------------------- */

struct due {
	struct store_id *p;
	size_t n, cap;
};

static int due_one(const struct rot_line *l, void *arg, struct err *e)
{
	struct due *d = arg;

	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 64;
		struct store_id *p = mem_realloc(d->p, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		d->p = p;
		d->cap = cap;
	}
	d->p[d->n++] = l->id;
	return 0;
}

static int take_due(struct app *app, const struct store_id *id,
		    struct known *k, struct rotate_set *out, struct err *e)
{
	const struct config_rotation *p = NULL;
	struct inv_credential c;
	struct rot_line l;
	int rc = rot_get(app->vault, id, &l, NULL, e);

	if (rc <= 0)
		return rc;
	if (rot_busy(&l))
		return add_busy(app, &l, k, out, e);
	if (l.state != RS_IDLE) { /* ended by an incident */
		rot_free(&l);
		return 0;
	}
	rc = inv_credential_get(app->vault, l.conn, l.account, l.kind, l.cred,
				&c, NULL, e);
	if (rc <= 0) {
		rot_free(&l);
		return rc;
	}
	if (!c.missing)
		rc = rot_policy_of(app->config, &c, &p, e);
	if (rc < 0)
		rot_free(&l);
	else
		rc = take_line(app, &c, &l, p, k, out, e);
	inv_credential_free(&c);
	return rc < 0 ? -1 : 0;
}

static int busy_one(const struct rot_line *l, void *arg, struct err *e)
{
	return rot_busy(l) ? due_one(l, arg, e) : 0;
}

int rotate_due(struct app *app, size_t max, bool under_way,
	       struct rotate_set *out, struct err *e)
{
	struct known k = { .name = NULL };
	struct due d = { NULL, 0, 0 };
	int rc = -1;

	if (under_way ? rot_each(app->vault, busy_one, &d, e) < 0 :
			rot_each_due(app->vault, rot_clock_ms(), max, due_one,
				     &d, e) < 0)
		goto out;
	for (size_t i = 0; i < d.n; i++)
		if (take_due(app, &d.p[i], &k, out, e) < 0 &&
		    (under_way ? told(out, e) < 0 :
				 told_due(app, &d.p[i], out, e) < 0))
			goto out;
	if (places(app, out, under_way ? SEVERAL : DUE, e) < 0)
		goto out;
	rc = 0;
out:
	mem_free(d.p);
	known_free(&k);
	return rc;
}

int rotate_line(struct app *app, const struct store_id *id,
		struct rotate_set *out, struct err *e)
{
	struct rot_line l;
	int rc = rot_get(app->vault, id, &l, NULL, e);

	if (rc <= 0)
		return rc;
	if (rot_busy(&l))
		return rotate_add(out, &l, ROW_KEPT, e);
	rot_free(&l);
	return 0;
}
