/*
 * rot_aside: one line that cannot go on must not hold up the others.  What the
 * run knew of it is dropped, as after a crash: its row tells where it stands,
 * and says from then on what a person has to see to.  Must never take a failure
 * of the vault for one line's.
 */
#include <string.h>

#include "agent/engine/rot_inner.h"
#include "base/crash.h"
#include "base/log.h"
#include "vault/inventory.h"
#include "vault/journal.h"

bool rot_its_own(const struct err *e)
{
	switch (e->code) {
	case ERR_NOMEM:
	case ERR_IO:
	case ERR_FULL:
	case ERR_BUSY:
	case ERR_SEALED:
	case ERR_TAMPER:
	case ERR_CANCELLED:
		return false;
	default:
		return true;
	}
}

/* A minted key goes too: its row says that a mint is under way, so it is looked
 * for, and ended. */
static void forget_run(struct rot_run *r)
{
	r->listed = r->probed_ours = r->again = r->sink_asked = false;
	r->ask_sink = 0;
	r->dirty = r->status_new = false;
	r->swap = r->swap_back = r->put_new = false;
	r->alive_new = r->base_alive = false;
	r->revoked_row = r->dead_row = r->gone_row = false;
	secret_free(&r->value);
	rot_seen_clear(r);
	rot_ids_clear(&r->told);
	r->told_stuck = r->told_over = r->told_deadline = false;
}

static int journal(struct rot_drive *d, const struct rot_run *r, struct err *e)
{
	struct journal_entry j = { .kind = J_ANSWER, .at_ms = rot_now(d) };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_printf(&b, e, "rotation of %s; STUCK: %s", r->about,
			    r->l.why);

	j.text = b.p;
	if (rc == 0)
		rc = journal_append(d->v, &j, NULL, e);
	buf_release(&b);
	return rc;
}

static int put(struct rot_drive *d, struct rot_run *r, struct err *e)
{
	if (store_begin(d->v, e) < 0)
		return -1;
	if (rot_alarm(d, r, e) < 0 || rot_put(d->v, &r->l, NULL, false, e) < 0 ||
	    journal(d, r, e) < 0) {
		store_rollback(d->v);
		rot_alarm_undo(r);
		return -1;
	}
	if (store_commit(d->v, e) < 0) {
		rot_alarm_undo(r);
		return -1;
	}
	r->told_stuck = r->told_over = r->told_deadline = false;
	rot_ids_clear(&r->told);
	return 0;
}

int rot_aside(struct rot_drive *d, struct rot_run *r, const struct err *why,
	      struct err *e)
{
	const int64_t now = rot_now(d);
	struct rot_line l;
	int rc = rot_get(d->v, &r->l.id, &l, NULL, e);

	r->dirty = false;
	if (rc > 0) {
		rot_free(&r->l);
		r->l = l;
		forget_run(r);
		r->finished = !rot_busy(&r->l);
		rot_recover(r, now);
		rc = r->finished ? 0 :
		     rot_stuck(&r->l, now, e, "%s%s%s", why->cause,
			       *why->hint ? "; " : "", why->hint);
		if (rc == 0 && !r->finished)
			rc = put(d, r, e);
	} else if (rc == 0) { /* it was forgotten meanwhile */
		forget_run(r);
		r->finished = true;
	}
	if (rc < 0 && rot_its_own(e)) { /* not even that can be written down */
		log_err(LOG_ERROR, e);
		err_clear(e);
		r->finished = true;
		rc = 0;
	}
	return rc;
}
