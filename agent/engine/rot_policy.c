/*
 * rot_policy: curfew.toml's [rotation.*] against the inventory.  Owns the choice
 * of the strategy; must never begin what cannot be ended.
 */
#include <string.h>

#include "agent/claims.h"
#include "agent/engine/rot_place.h"
#include "agent/engine/rot_policy.h"
#include "agent/schedule.h"
#include "base/mem.h"

/* ---- whose policy -------------------------------------------------------------- */

/* Does any policy ask whose a credential is? */
static bool asks_whose(const struct config *c)
{
	for (size_t i = 0; i < c->n_rotations; i++)
		if (c->rotations[i].n_identities || c->rotations[i].n_tags)
			return true;
	return false;
}

int rot_policy_of(const struct config *c, const struct inv_credential *cred,
		  const struct config_rotation **out, struct err *e)
{
	struct buf account = BUF_INIT(BUF_TEXT_MAX);
	struct buf address = BUF_INIT(BUF_TEXT_MAX);
	struct buf alias = BUF_INIT(BUF_TEXT_MAX);
	struct rotation_of x = { .connection = cred->connection,
				 .kind = cred->kind };
	int rc = -1;

	*out = NULL;
	/* curfew's own access: the new value would be no longer the one that
	 * the connection has */
	if (!c || !c->n_rotations || cred->self)
		return 0;
	if (inv_address(&account, cred->connection, cred->account, NULL,
			e) < 0 ||
	    inv_address(&address, cred->connection, cred->account, cred->id,
			e) < 0 ||
	    claim_alias(&alias, cred->connection, cred->account, cred->label,
			e) < 0)
		goto out;
	x.account = account.p;
	x.address = address.p;
	x.alias = alias.len ? alias.p : NULL;
	if (asks_whose(c))
		x.id = config_identity_of(c, x.address, x.alias);
	*out = config_rotation_of(c, &x);
	rc = 0;
out:
	buf_release(&account);
	buf_release(&address);
	buf_release(&alias);
	return rc;
}

bool rot_policy_partner(const struct config_rotation *p,
			const struct inv_credential *cred)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	bool same = p->partner &&
		    inv_address(&b, cred->connection, cred->account, NULL,
				NULL) == 0 &&
		    b.len == strcspn(p->partner, "#") &&
		    memcmp(b.p, p->partner, b.len) == 0;

	buf_release(&b);
	return same;
}

/* ---- when ----------------------------------------------------------------------- */

static uint64_t seed_of(const struct store_id *id)
{
	uint64_t s;

	memcpy(&s, id->b, sizeof(s));
	return s;
}

void rot_policy_due(struct rot_line *l, const struct config_rotation *p,
		    const struct inv_credential *cred, int64_t now)
{
	struct schedule_rule rule;
	int64_t last = l->last_ms ? l->last_ms :
		       cred->created_ms ? cred->created_ms :
		       cred->first_seen_ms;

	l->due_ms = l->deadline_ms = 0;
	if (!p || cred->state == INV_DEAD || cred->state == INV_REVOKED)
		return;
	if (p->max_age_ms)
		l->deadline_ms = last + p->max_age_ms;
	if (p->every_ms) {
		rule = (struct schedule_rule){ .every_ms = p->every_ms,
					       .max_age_ms = p->max_age_ms,
					       .jitter_ms = p->jitter_ms,
					       .window = p->window };
		l->due_ms = schedule_due(&rule, last, seed_of(&l->id));
		if (l->due_ms == INT64_MAX)
			l->due_ms = 0;
	}
	if (p->on_import && !l->generation && !l->last_ms)
		l->due_ms = cred->first_seen_ms > 0 ? cred->first_seen_ms : now;
	if (l->due_ms < 0)
		l->due_ms = 0;
}

int rot_policy_next(const struct app *app, struct rot_line *l, int64_t now,
		    struct err *e)
{
	const struct config_rotation *p = NULL;
	struct inv_credential c;
	int rc = inv_credential_get(app->vault, l->conn, l->account, l->kind,
				    l->cred, &c, NULL, e);

	if (rc <= 0)
		return rc;
	rc = rot_policy_of(app->config, &c, &p, e);
	if (rc == 0)
		rot_policy_due(l, p, &c, now);
	inv_credential_free(&c);
	return rc;
}

/* ---- how ------------------------------------------------------------------------ */

static int sinks(struct rot_line *l, const struct config_rotation *p,
		 const struct kind_facts *k, struct err *e)
{
	if (rot_place_take(l, p, k, false, e) < 0)
		return -1;
	if (l->n_sinks || p->adopt == ADOPT_OPERATOR)
		return 0;
	err_fail(e, ERR_POLICY, p->name, "it says neither where the new value "
		 "is to be delivered nor that an operator sees to it");
	err_hint(e, "deliver = [\"SINK/PLACE\"], or adopt = \"operator\", in "
		    "[rotation.%s]", p->name);
	return -1;
}

/* The partner's account, and its credential of the same kind. */
static int partner(struct rot_line *l, const struct config_rotation *p,
		   struct err *e)
{
	char *conn = NULL, *account = NULL, *id = NULL;
	const char *name = NULL;
	int rc = -1;

	if (*l->partner) {
		name = l->partner; /* the two have changed places before */
	} else if (p->partner && inv_parse(p->partner, &conn, &account, &id) &&
		   account && strcmp(conn, l->conn) == 0) {
		name = account;
	}
	if (!name || strcmp(name, l->account) == 0) {
		err_fail(e, ERR_CONFIG, p->name, "its partner is not another "
			 "account of the same connection");
		goto out;
	}
	if (rot_text(&l->new_account, name, e) < 0 ||
	    rot_text(&l->partner, name, e) < 0 ||
	    rot_text(&l->new_cred, id ? id : l->cred, e) < 0)
		goto out;
	rc = 0;
out:
	mem_free(conn);
	mem_free(account);
	mem_free(id);
	return rc;
}

static enum rotation_strategy strategy(const struct config_rotation *p,
				       const struct kind_facts *k)
{
	if (p->strategy != STRATEGY_AUTO)
		return p->strategy;
	if (k->overlap)
		return STRATEGY_TWO_SLOT;
	return p->partner ? STRATEGY_ALTERNATE : STRATEGY_SINGLE;
}

static int cannot(struct err *e, const struct config_rotation *p,
		  const char *why)
{
	return err_fail(e, ERR_POLICY, p->name, "%s", why);
}

static int choose(struct rot_line *l, const struct config_rotation *p,
		  const struct kind_facts *k, struct err *e)
{
	if (!k->from_caller && !k->from_provider)
		return cannot(e, p, "its provider does not say who makes the "
				    "value of that kind: it cannot be rotated");
	if (k->from_provider)
		l->flags |= RF_CLASS_B;
	switch (strategy(p, k)) {
	case STRATEGY_TWO_SLOT:
		if (!k->overlap)
			return cannot(e, p, "two-slot: the service keeps only "
					    "one of that kind at a time");
		return 0;
	case STRATEGY_ALTERNATE:
		if (l->flags & RF_CLASS_B)
			return cannot(e, p, "alternate: the service makes the "
					    "value itself");
		l->flags |= RF_ALTERNATE;
		return partner(l, p, e);
	default:
		if (l->flags & RF_CLASS_B)
			return cannot(e, p, "single-slot: the service makes the "
					    "value itself, and a lost answer "
					    "would lock everybody out");
		l->flags |= RF_IN_PLACE;
		return 0;
	}
}

int rot_policy_begin(struct rot_line *l,
		     const struct config_rotation *p,
		     const struct kind_facts *k, int64_t now, struct err *e)
{
	l->flags &= RF_NEW_DEAD;
	if (p->adopt == ADOPT_OPERATOR && !p->n_deliver)
		l->flags |= RF_NO_SINK;
	if (p->exclusive)
		l->flags |= RF_EXCLUSIVE;
	if (rot_text(&l->new_account, "", e) < 0 ||
	    rot_text(&l->new_cred, "", e) < 0 ||
	    rot_text(&l->why, "", e) < 0 ||
	    rot_text(&l->policy, p->name, e) < 0 ||
	    sinks(l, p, k, e) < 0 || choose(l, p, k, e) < 0)
		return -1;
	l->state = RS_PLANNED;
	l->started_ms = l->next_ms = now;
	l->adopted_ms = 0;
	l->overlap_span = p->overlap_ms;
	l->quiet_span = p->quiet_ms;
	l->adopt = p->adopt;
	/* an id of its own can be switched off and on without touching the
	 * other: the last step that can be undone */
	l->soak_span = k->disable && !k->fixed_id && k->verbs_told &&
		       facts_offers(k, "disable") ? p->quiet_ms : 0;
	l->stuck_ms = l->fails = l->sent = l->attempt = 0;
	l->taken = l->epoch;
	return 0;
}
