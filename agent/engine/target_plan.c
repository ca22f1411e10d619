/*
 * target_plan: the selection and what the inventory knows of it, planned.
 *
 * Order: what can do most harm first (makes accounts, then most credentials),
 * then the fastest provider; curfew's own access last, and only when asked.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/engine/drive.h"
#include "agent/engine/plan.h"
#include "agent/engine/target.h"
#include "base/mem.h"
#include "vault/inventory.h"

struct heavy { /* an account target and what makes it urgent */
	const struct selected *s;
	unsigned flags;
	bool dead, unseen;
	uint32_t credentials;
	int64_t slow_ms;
};

struct planning {
	struct app *app;
	struct work *w;
	struct facts *facts; /* by connection index */
	int64_t now;
	const struct heavy *at;
	bool account_asked;
};

static const char self_why[] = "curfew's own access: it would lose the means to "
			       "end the rest (--include-self ends it last)";

/* ---- looking ---------------------------------------------------------------- */

static int weigh(const struct inv_credential *c, void *arg, struct err *e)
{
	struct heavy *h = arg;

	(void)e;
	h->credentials += c->state != INV_DEAD;
	if (c->self)
		h->flags |= TF_SELF;
	return 0;
}

static int look(struct app *app, const struct selected *s, struct heavy *h,
		struct err *e)
{
	struct inv_account a = { 0 };
	int rc;

	*h = (struct heavy){ .s = s };
	if (s->missing)
		return 0;
	rc = inv_account_get(app->vault, s->conn, s->account, &a, e);
	if (rc < 0)
		return -1;
	h->unseen = rc == 0;
	if (rc > 0) {
		h->dead = a.state == INV_DEAD;
		h->flags = (a.self ? TF_SELF : 0u) |
			   (a.makes_accounts ? TF_MAKES : 0u) |
			   (a.state == INV_DISABLED ? TF_WAS_OFF : 0u);
		inv_account_free(&a);
	}
	if (*s->kind) /* one credential: what the account holds is not asked */
		return 0;
	return inv_credentials(app->vault, s->conn, s->account, weigh, h,
			       e) < 0 ? -1 : 0;
}

static int by_harm(const void *pa, const void *pb)
{
	const struct heavy *a = pa, *b = pb;
	bool self_a = a->flags & TF_SELF, self_b = b->flags & TF_SELF;
	bool make_a = a->flags & TF_MAKES, make_b = b->flags & TF_MAKES;

	if (self_a != self_b)
		return self_a ? 1 : -1;
	if (make_a != make_b)
		return make_a ? -1 : 1;
	if (a->credentials != b->credentials)
		return a->credentials > b->credentials ? -1 : 1;
	if (a->slow_ms != b->slow_ms)
		return a->slow_ms < b->slow_ms ? -1 : 1;
	return a->s < b->s ? -1 : a->s > b->s; /* as given */
}

/* ---- planning ---------------------------------------------------------------- */

static const struct facts *facts_at(const struct planning *p, const char *conn)
{
	for (size_t i = 0; i < p->w->n_conns; i++)
		if (strcmp(p->w->conns[i], conn) == 0)
			return &p->facts[i];
	return &p->facts[0];
}

static int one_credential(const struct inv_credential *c, void *arg,
			  struct err *e)
{
	const struct planning *p = arg;
	struct plan_thing t = { .conn = c->connection, .account = c->account,
				.kind = c->kind, .id = c->id,
				.dead = c->state == INV_DEAD,
				.sealed = c->has_secret,
				.untried = c->has_secret && !c->alive_ms,
				.confirm = !p->account_asked &&
					strcmp(c->account, ACCOUNT_BY_VALUE) != 0 };
	uint32_t i;

	if (c->self) {
		t.flags = TF_SELF;
		if (!p->w->inc.include_self) {
			t.flags |= TF_SKIPPED;
			return plan_note(p->w, T_CREDENTIAL, &t, self_why, &i,
					 e);
		}
	}
	if (p->at->flags & TF_SELF && p->account_asked)
		t.flags |= TF_SELF;
	return plan_credential(p->w, &t, facts_at(p, c->connection), p->now, &i,
			       e);
}

static int one_grant(const struct inv_grant *g, void *arg, struct err *e)
{
	const struct planning *p = arg;
	struct plan_thing t = { .conn = g->connection, .account = g->account,
				.kind = g->kind, .id = g->id,
				.flags = p->at->flags & TF_SELF };
	uint32_t i;

	if (g->state == INV_REVOKED || g->state == INV_DEAD)
		return 0;
	return plan_grant(p->w, &t, p->now, &i, e);
}

static int one_account(struct planning *p, struct err *e)
{
	const struct selected *s = p->at->s;
	struct plan_thing t = { .conn = s->conn, .account = s->account,
				.kind = "", .id = "", .flags = p->at->flags,
				.dead = p->at->dead };
	uint32_t i;

	if (t.flags & TF_SELF && !p->w->inc.include_self) {
		t.flags |= TF_SKIPPED;
		return plan_note(p->w, T_ACCOUNT, &t, self_why, &i, e);
	}
	if (plan_account(p->w, &t, facts_at(p, s->conn), p->now, &i, e) < 0)
		return -1;
	if (p->at->unseen && !p->at->credentials)
		plan_unseen(p->w, i);
	if (inv_credentials(p->app->vault, s->conn, s->account, one_credential,
			    p, e) < 0 ||
	    inv_grants(p->app->vault, s->conn, s->account, one_grant, p, e) < 0)
		return -1;
	return 0;
}

/* Named in curfew.toml, and nowhere else. */
static int one_missing(struct planning *p, struct err *e)
{
	const struct selected *s = p->at->s;
	struct plan_thing t = { .conn = s->conn, .account = s->account,
				.kind = "", .id = s->id,
				.flags = TF_SKIPPED };
	uint32_t i;

	if (plan_note(p->w, *s->id ? T_CREDENTIAL : T_ACCOUNT, &t, s->missing,
		      &i, e) < 0)
		return -1;
	work_of(p->w, i, V_NOTE)->flags |= AF_ABSENT;
	return 0;
}

static int one_selected(struct planning *p, struct err *e)
{
	const struct selected *s = p->at->s;

	struct inv_credential c = { 0 };
	int rc;

	if (s->missing)
		return one_missing(p, e);
	p->account_asked = !*s->kind;
	if (p->account_asked)
		return one_account(p, e);
	rc = inv_credential_get(p->app->vault, s->conn, s->account, s->kind,
				s->id, &c, NULL, e);
	if (rc <= 0)
		return rc;
	rc = one_credential(&c, p, e);
	inv_credential_free(&c);
	return rc;
}

int target_plan(struct app *app, const struct selection *s, struct work *w,
		int64_t now, struct err *e)
{
	struct heavy *all = mem_array(s->n + 1, sizeof(*all));
	struct planning p = { .app = app, .w = w, .now = now };
	uint16_t c;
	int rc = -1;

	if (!all)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (size_t i = 0; i < s->n; i++)
		if (look(app, &s->p[i], &all[i], e) < 0 ||
		    work_conn(w, s->p[i].conn, &c, e) < 0)
			goto out;
	if (drive_facts(app->vault, w, &p.facts, e) < 0)
		goto out;
	for (size_t i = 0; i < s->n; i++)
		all[i].slow_ms = facts_at(&p, all[i].s->conn)->all.revoke_lag_ms;
	qsort(all, s->n, sizeof(*all), by_harm);
	/* Whole accounts first: a credential named beside its account is
	 * covered by it. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < s->n; i++) {
			p.at = &all[i];
			if ((pass == 0) == !*all[i].s->kind &&
			    one_selected(&p, e) < 0)
				goto out;
		}
	}
	work_adopt(w); /* a joined incident may hold the credential already */
	rc = plan_sweeps(w, now, e);
out:
	mem_free(p.facts);
	mem_free(all);
	return rc;
}
