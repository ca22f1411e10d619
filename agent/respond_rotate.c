/*
 * respond_rotate: see respond_rotate.h.
 *
 * Owns the order: the rotations' rows, then which they are into the finding,
 * then the first call.  A crash before the second has the next run find the
 * same lines under way; one after it has nothing left but to look at them.
 */
#include "agent/respond_rotate.h"

#include <stdio.h>
#include <string.h>

#include "agent/commands.h"
#include "agent/finding_end.h"
#include "agent/rotate.h"
#include "agent/waits.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/inventory.h"

#define WAIT_MS 60000
#define WORD "rotating"
#define ID_HEX (2 * sizeof(struct store_id))

bool respond_rotating(const struct finding *f)
{
	return strncmp(f->due, WORD " ", sizeof WORD) == 0;
}

/* ---- beginning ------------------------------------------------------------------- */

static int select_owners(struct app *app, struct whose *w, const char *id,
			 struct selection *sel, struct err *e)
{
	struct finding f = { .seen = 0 };
	struct owners o = { .n = 0 };
	struct secret *value = NULL;
	int rc = finding_get(app->vault, id, &f, &value, e);

	if (rc > 0)
		rc = value != NULL ? whose_is(w, value, &o, e) : 0;
	for (size_t i = 0; rc == 0 && i < o.n; i++) {
		const struct owner *x = &o.v[i];

		if (x->state != INV_DEAD && x->how != WHOSE_ADMIN)
			rc = selection_add(sel, x->conn, x->account, x->kind,
					   x->id, e);
	}
	owners_free(&o);
	secret_free(&value);
	finding_release(&f);
	return rc;
}

/* A leaked one does not live on beside the new one for the sake of comfort. */
static void hurry(struct rotate_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct rot_line *l = &s->p[i];

		l->overlap_span = 0;
		if (l->state == RS_OVERLAP && l->revoke_ms > clock_wall_ms())
			l->revoke_ms = clock_wall_ms();
		s->fresh[i] = true; /* it is written down first */
	}
}

static int keep_due(struct app *app, const char *id, const char *due, struct err *e)
{
	struct finding f = { .seen = 0 };
	int rc = finding_get(app->vault, id, &f, NULL, e);

	if (rc > 0)
		rc = finding_text(&f.due, due, e) < 0 ? -1 :
			     finding_update(app->vault, &f, false, e);
	finding_release(&f);
	return rc < 0 ? -1 : 0;
}

static int keep_lines(struct app *app, const char *id, const struct rotate_set *s,
		      struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_puts(&b, WORD, e);

	for (size_t i = 0; rc == 0 && i < s->n; i++) {
		char hex[ID_HEX + 1];

		text_hex(s->p[i].id.b, sizeof s->p[i].id.b, hex);
		rc = buf_printf(&b, e, " %s", hex);
	}
	if (rc == 0)
		rc = keep_due(app, id, b.p, e);
	buf_release(&b);
	return rc;
}

int respond_rotate(struct app *app, struct whose *w, const struct finding *f,
		   int *code, struct err *e)
{
	struct selection sel = { 0 };
	struct rotate_set s = { .n = 0 };
	struct err why = ERR_INIT;
	char reason[80];
	int rc = -1;

	*code = EXIT_OK;
	(void)snprintf(reason, sizeof reason, "response to finding %s", f->id);
	if (select_owners(app, w, f->id, &sel, e) < 0 || waits_look(app, e) < 0)
		goto out;
	rc = 0;
	if (sel.n == 0)
		goto out;
	if (rotate_selected(app, &sel, &s, &why) < 0) {
		(void)err_ctx(&why, NULL, "rotate what finding %s is", f->id);
		err_state(&why, "it lives; the next run tries again");
		log_err(LOG_ERROR, &why);
		*code = why.code == ERR_POLICY || why.code == ERR_CONFIG ?
			EXIT_POLICY : EXIT_STORE;
		goto out;
	}
	hurry(&s);
	rc = -1;
	if (rotate_commit(app, &s, reason, e) < 0)
		goto out;
	crash_point("respond.rotation-begun");
	/* one of several that could not begin keeps it due */
	if (s.refused == 0 && keep_lines(app, f->id, &s, e) < 0)
		goto out;
	crash_point("respond.rotation-kept");
	*code = rotate_run(app, &s, WAIT_MS, true, false);
	rc = 0;
out:
	rotate_free(&s);
	selection_free(&sel);
	return rc;
}

/* ---- the end of it ---------------------------------------------------------------- */

struct lines {
	bool busy, unproved;
	struct buf whose; /* what was rotated, for the audit chain */
};

static int look(struct app *app, const char *due, struct lines *out, struct err *e)
{
	for (const char *p = due + sizeof WORD - 1; *p == ' '; p += ID_HEX) {
		struct store_id id;
		struct rot_line l;
		char hex[ID_HEX + 1];
		int rc;

		(void)snprintf(hex, sizeof hex, "%s", ++p);
		if (!text_unhex(hex, id.b, sizeof id.b))
			return err_fail(e, ERR_FORMAT, NULL, "a finding's rotation "
					"cannot be read");
		rc = rot_get(app->vault, &id, &l, NULL, e);
		if (rc < 0)
			return -1;
		if (rc == 0)
			continue; /* its connection is gone */
		out->busy = out->busy || rot_busy(&l);
		out->unproved = out->unproved || (l.flags & RF_UNPROVED) != 0;
		rc = (out->whose.len > 0 && buf_puts(&out->whose, ", ", e) < 0) ||
		     inv_address(&out->whose, l.conn, l.account, NULL, e) < 0 ?
			     -1 : 0;
		rot_free(&l);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* No one has that value any more. */
static int nobodys(struct whose *w, const struct secret *value, bool *yes, struct err *e)
{
	struct owners o = { .n = 0 };
	int rc = whose_is(w, value, &o, e);

	*yes = true;
	for (size_t i = 0; rc == 0 && i < o.n; i++)
		*yes = *yes && o.v[i].state == INV_DEAD;
	owners_free(&o);
	return rc;
}

int respond_rotated(struct app *app, const char *id, struct err *e)
{
	struct finding f = { .seen = 0 };
	struct lines l = { .whose = BUF_INIT(BUF_TEXT_MAX) };
	struct secret *value = NULL;
	struct whose *w = NULL;
	bool gone = false;
	int rc = finding_get(app->vault, id, &f, &value, e);

	if (rc <= 0 || !respond_rotating(&f))
		goto out;
	rc = look(app, f.due, &l, e);
	if (rc < 0 || l.busy)
		goto out;
	/* read anew: who has which value has just changed */
	if (value != NULL && (whose_load(app, &w, e) < 0 ||
			      nobodys(w, value, &gone, e) < 0))
		rc = -1;
	if (rc < 0 || finding_text(&f.due, "", e) < 0) {
		rc = -1;
		goto out;
	}
	/* taken back, or not proved: the finding stays as it is */
	if (value != NULL && gone && !l.unproved && l.whose.len > 0)
		rc = finding_end(app, &f, l.whose.p, e);
	else
		rc = finding_update(app->vault, &f, false, e);
out:
	whose_free(&w);
	buf_release(&l.whose);
	secret_free(&value);
	finding_release(&f);
	return rc < 0 ? -1 : 0;
}
