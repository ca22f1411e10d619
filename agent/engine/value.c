/*
 * value: by its id or by its sealed value: which of the two ends a credential.
 * Owns the change from one to the other after what the service said.  Promises
 * that a value which was never accepted is not taken for a proof.
 */
#include "agent/engine/drive_inner.h"
#include "agent/engine/plan.h"

static const struct kind_facts *kind_of(const struct drive *d,
					const struct target *t)
{
	const struct lane *l = &d->lanes[t->conn];

	return facts_of(l->told ? &l->live : &l->facts, t->kind);
}

/* 1: the vault has its value. */
static int sealed(struct drive *d, const struct target *t, struct err *e)
{
	struct inv_credential c = { 0 };
	int rc = inv_credential_get(d->v, work_conn_name(d->w, t), t->account,
				    t->kind, t->id, &c, NULL, e);

	if (rc > 0) {
		rc = c.has_secret;
		inv_credential_free(&c);
	}
	return rc;
}

static bool both(const struct action *a, const struct target *t)
{
	return a->verb == V_REVOKE && t->what == T_CREDENTIAL &&
	       !target_by_value(t);
}

int value_turn(struct drive *d, uint32_t action, bool *turned, struct err *e)
{
	struct action *a = &d->w->actions[action];
	const struct target *t = &d->w->targets[a->target];
	const struct kind_facts *k = kind_of(d, t);
	int rc;

	*turned = false;
	if (!both(a, t))
		return 0;
	if (a->flags & AF_BY_VALUE) {
		if (a->flags & AF_NO_ID || !facts_offers(k, "revoke"))
			return 0;
	} else {
		if (a->flags & AF_NO_VALUE || !facts_by_value(k))
			return 0;
		rc = sealed(d, t, e);
		if (rc == 0)
			return plan_value_missing(d->w, action, a->note ? a->note :
				a->state == A_DONE ?
					"still accepted after its end by id" :
					"only its value can end it", e);
		if (rc < 0)
			return -1;
	}
	a->flags ^= AF_BY_VALUE;
	*turned = true;
	return drive_touch(d, action, e);
}

int value_useless(struct drive *d, uint32_t probe, bool *turned, struct err *e)
{
	struct action *p = &d->w->actions[probe];
	struct action *r = work_of(d->w, p->target, V_REVOKE);
	const struct target *t = &d->w->targets[p->target];
	const struct kind_facts *k = kind_of(d, t);

	*turned = false;
	if (!r || !both(r, t) || !(r->flags & AF_BY_VALUE) || r->sending ||
	    r->flags & AF_DOUBT || !work_unknown(d->w, p->target))
		return 0;
	r->flags |= AF_DOUBT;
	p->count = 0;
	p->first_ms = p->last_ms = 0;
	p->flags &= (uint16_t)~(AF_REFUSAL | AF_CONFIRM);
	*turned = true;
	if (drive_arm(d, probe, drive_now(d), e) < 0)
		return -1;
	if (r->flags & AF_NO_ID || !facts_offers(k, "revoke"))
		return drive_touch(d, t->act[V_REVOKE], e);
	r->flags &= (uint16_t)~AF_BY_VALUE;
	r->flags |= AF_NO_VALUE;
	if (!k->leaves_value)
		r->flags &= (uint16_t)~AF_DOUBT;
	return drive_arm(d, t->act[V_REVOKE], drive_now(d), e);
}

int value_recorded(struct drive *d, uint32_t probe, struct err *e)
{
	const uint32_t target = d->w->actions[probe].target;
	const struct target *t = &d->w->targets[target];
	struct action *r = work_of(d->w, target, V_REVOKE);

	if (!r || !(r->flags & AF_DOUBT) || kind_of(d, t)->leaves_value)
		return 0;
	r->flags |= AF_KNOWN;
	return drive_touch(d, t->act[V_REVOKE], e);
}

int value_beside(struct drive *d, uint32_t action, struct err *e)
{
	const struct action *a = &d->w->actions[action];
	const struct target *t = &d->w->targets[a->target];
	const struct action *p = work_of(d->w, a->target, V_PROBE);

	if (!both(a, t) || !(a->flags & AF_BY_VALUE) || !p || p->sending ||
	    action_settled(p) || !work_unknown(d->w, a->target))
		return 0;
	return drive_arm(d, t->act[V_PROBE], drive_now(d), e);
}

int value_ended(struct drive *d, uint32_t action, struct err *e)
{
	const struct action *a = &d->w->actions[action];
	struct action *p = work_of(d->w, a->target, V_PROBE);

	if (!action_by_value(d->w, a) || !p || p->sending ||
	    action_settled(p) || !p->attempts)
		return 0;
	p->fails = 0;
	return drive_arm(d, d->w->targets[a->target].act[V_PROBE],
			 drive_now(d), e);
}

int value_sealed_since(struct drive *d, uint32_t action, struct err *e)
{
	struct action *a = &d->w->actions[action];
	const struct target *t = &d->w->targets[a->target];
	const struct action *p = work_of(d->w, a->target, V_PROBE);
	const struct kind_facts *k = kind_of(d, t);
	int rc;

	if (!both(a, t) || a->flags & (AF_BY_VALUE | AF_NO_VALUE) ||
	    !facts_by_value(k) || (p && p->state == A_DONE) ||
	    (a->state != A_UNSUPPORTED &&
	     (a->state != A_DONE || !k->leaves_value)))
		return 0;
	rc = sealed(d, t, e);
	if (rc <= 0)
		return rc;
	a->flags |= AF_BY_VALUE;
	if (action_note(a, NULL, e) < 0)
		return -1;
	return drive_arm(d, action, drive_now(d), e);
}
