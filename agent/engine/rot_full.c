/*
 * rot_full: what becomes of a rotation when the vault's disk takes no more.
 *
 * A key that a service made is shown once.  When its commit does not succeed,
 * the ballast's room is given back and it is tried again; then it goes sealed
 * into the lifeboat (vault/reserve.h); and where even that is not possible it
 * is revoked while its id is in memory, and the id is told.  Nothing new is
 * sent from the first of these on.
 */
#include <string.h>

#include "agent/engine/rot_inner.h"
#include "agent/engine/rot_lifeboat.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/inventory.h"
#include "vault/reserve.h"

/* May this run still bring a key that somebody else made? */
static bool may_mint(const struct rot_drive *d)
{
	for (uint32_t i = 0; i < d->n_runs; i++) {
		const struct rot_line *l = &d->runs[i].l;

		if (l->flags & RF_CLASS_B &&
		    (l->state == RS_PLANNED || l->state == RS_INTENT ||
		     l->state == RS_TRIED || l->state == RS_SWEPT))
			return true;
	}
	return false;
}

int rot_room(struct rot_drive *d, struct err *e)
{
	struct err why = ERR_INIT;

	if (rot_lifeboat_land(d->app, e) < 0)
		return -1;
	if (!d->n_runs || reserve_fill(d->v, &why) == 0)
		return 0;
	if (!may_mint(d)) { /* each step is made good by the next run */
		log_err(LOG_WARNING, &why);
		return 0;
	}
	*e = why;
	err_state(e, "nothing was sent");
	err_hint(e, "free %u MiB at %s, then run it again",
		 (RESERVE_BALLAST >> 20) + 1, vault_dir(d->v));
	return -1;
}

/* ---- a commit that does not succeed ---------------------------------------------- */

static int note(struct rot_drive *d, const struct err *why)
{
	if (!d->why && (d->why = mem_zalloc(sizeof(*d->why))))
		*d->why = *why;
	return -1;
}

/* Every minted key of this round. */
static void save_round(struct rot_drive *d)
{
	for (size_t i = 0; i < d->n_round; i++) {
		struct rot_run *r = &d->runs[d->round[i].run];
		struct err e = ERR_INIT;

		if (!r->dirty || !r->put_new || !r->value)
			continue;
		crash_point("rot.before-lifeboat");
		if (rot_lifeboat_put(d->v, &r->l, r->value, &e) == 0) {
			d->n_lifeboat++;
			r->put_new = false;
			secret_free(&r->value);
		} else {
			log_err(LOG_ERROR, &e);
			r->unkept = true;
		}
		crash_point("rot.after-lifeboat");
	}
}

/* The others' results are kept although one line's cannot be. */
static int keep(struct rot_drive *d, struct err *e)
{
	struct rot_run *bad;

	while (rot_keep_results(d, &bad, e) < 0) {
		const struct err why = *e;

		if (!bad || !rot_its_own(&why))
			return -1;
		err_clear(e);
		if (rot_aside(d, bad, &why, e) < 0)
			return -1;
	}
	return 0;
}

int rot_keep_or_save(struct rot_drive *d, struct err *e)
{
	struct err why = ERR_INIT, again = ERR_INIT;

	if (keep(d, &why) == 0)
		return 0;
	(void)note(d, &why);
	if (reserve_release(d->v)) {
		log_line(LOG_WARNING, "the vault's disk takes no more (%s): the "
			 "room that was kept back is used", why.cause);
		crash_point("rot.ballast-gone");
		if (keep(d, &again) == 0)
			return 0;
	}
	save_round(d);
	*e = why;
	return -1;
}

/* ---- the end ----------------------------------------------------------------------- */

static struct json *revoke_of(const struct rot_line *l)
{
	struct json *m = json_object();

	if (!json_set_str(m, "verb", "revoke") ||
	    !json_set_str(m, "account", rot_new_account(l)) ||
	    !json_set_str(m, "kind", l->kind) ||
	    !json_set_str(m, "credential", l->new_cred))
		json_free(&m);
	return m;
}

/* It cannot be kept: so it must not live. */
static bool revoke(struct rot_drive *d, const struct rot_run *r, struct err *e)
{
	struct rot_lane *lane = NULL;
	enum link_status status = LINK_UNKNOWN;
	struct json *m;

	for (size_t i = 0; i < d->n_lanes && !lane; i++)
		if (strcmp(d->lanes[i]->name, r->l.conn) == 0)
			lane = d->lanes[i];
	if (!lane || !lane->link || link_in_flight(lane->link)) {
		err_fail(e, ERR_PROVIDER, NULL, "the service cannot be asked");
		return false;
	}
	m = revoke_of(&r->l);
	if (!m) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return false;
	}
	if (link_ask(lane->link, m, NULL, lane->timeout_ms, &status, NULL,
		     e) < 0)
		return false;
	if (status != LINK_OK && status != LINK_ABSENT)
		err_fail(e, ERR_PROVIDER, NULL, "the service did not say so");
	return status == LINK_OK || status == LINK_ABSENT;
}

static void rescue_one(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct err why = ERR_INIT;
	const char *at = "(out of memory)";

	if (inv_address(&b, r->l.conn, rot_new_account(&r->l), r->l.new_cred,
			NULL) == 0)
		at = b.p;
	if (revoke(d, r, &why)) {
		log_line(LOG_ERROR, "the new key %s could be sealed nowhere and "
			 "was revoked; the old one stays in use", at);
		err_state(e, "the new key %s could be sealed nowhere and was "
			  "revoked; the old one stays in use", at);
	} else {
		log_line(LOG_ERROR, "the new key %s could be sealed nowhere and "
			 "is ALIVE (%s): end it at the service", at, why.cause);
		err_state(e, "the new key %s could be sealed nowhere and is "
			  "ALIVE: end it at the service", at);
	}
	r->unkept = false;
	secret_free(&r->value);
	buf_release(&b);
}

void rot_rescue(struct rot_drive *d, struct err *e)
{
	bool disk;

	if (d->why && d->why->code)
		*e = *d->why;
	disk = e->code == ERR_FULL || e->code == ERR_IO;
	if (disk) /* what the store says of one commit is not the whole */
		e->state[0] = e->hint[0] = '\0';
	for (uint32_t i = 0; i < d->n_runs; i++)
		if (d->runs[i].unkept)
			rescue_one(d, &d->runs[i], e);
	if (!disk)
		return;
	if (d->n_lifeboat)
		err_state(e, "%zu new key%s sealed in the lifeboat, beside the "
			  "vault; nothing more was sent", d->n_lifeboat,
			  d->n_lifeboat == 1 ? " is" : "s are");
	else
		err_state(e, "every new key that was made is sealed; nothing more "
			  "was sent");
	err_hint(e, "%s at %s, then 'curfew rotate --resume'",
		 e->code == ERR_FULL ? "free some space" : "mend the disk",
		 vault_dir(d->v));
}
