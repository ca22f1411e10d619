/*
 * rot_lifeboat: see rot_lifeboat.h.  What lands is committed whole before the
 * lifeboat is emptied; a crash in between lands it again, which changes nothing.
 */
#include "agent/engine/rot_lifeboat.h"

#include <string.h>

#include "agent/engine/rot_clock.h"
#include "agent/engine/rot_inner.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pack.h"
#include "vault/inventory.h"
#include "vault/journal.h"
#include "vault/reserve.h"

enum { F_ID = 1, F_LINE };

int rot_lifeboat_put(struct vault *v, const struct rot_line *l,
		     const struct secret *value, struct err *e)
{
	struct buf line = BUF_INIT(BUF_RECORD_MAX), b = BUF_INIT(BUF_RECORD_MAX);
	int rc = -1;

	if (rot_pack(l, &line, e) == 0 &&
	    pack_bytes(&b, F_ID, l->id.b, sizeof(l->id.b), e) == 0 &&
	    pack_bytes(&b, F_LINE, line.p, line.len, e) == 0)
		rc = reserve_put(v, b.p, b.len, value, e);
	buf_release(&line);
	buf_release(&b);
	return rc;
}

static int take_apart(const void *p, size_t n, struct rot_line *l,
		      struct err *e)
{
	struct store_id id = { { 0 } };
	struct unpack u;
	bool line = false;

	*l = (struct rot_line){ .state = 0 };
	unpack_init(&u, p, n);
	while (unpack_next(&u) && !u.bad) {
		if (u.tag == F_ID && u.len == sizeof(id.b))
			memcpy(id.b, u.val, sizeof(id.b));
		if (u.tag == F_LINE && !line) {
			if (rot_unpack(l, u.val, u.len, e) < 0)
				return -1;
			line = true;
		}
	}
	l->id = id;
	if (u.bad || !line || !*l->new_cred)
		return err_fail(e, ERR_FORMAT, NULL, "malformed record");
	return 0;
}

/* Has its line waited for it? */
static bool waits(const struct rot_line *now, const struct rot_line *l)
{
	return strcmp(now->nonce, l->nonce) == 0 &&
	       (now->state == RS_TRIED || now->state == RS_INTENT);
}

static int told(struct vault *v, const struct rot_line *l, bool goes_on,
		int64_t now, struct err *e)
{
	struct journal_entry j = { .kind = J_DECISION, .at_ms = now };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (inv_address(&b, l->conn, rot_new_account(l), l->new_cred, e) < 0 ||
	    buf_puts(&b, goes_on ? " came back from the lifeboat; its rotation "
				   "goes on" :
				   " came back from the lifeboat; its rotation "
				   "does not know it: 'curfew kill' ends it", e) < 0)
		goto out;
	j.text = b.p;
	rc = journal_append(v, &j, NULL, e);
	if (rc == 0)
		log_line(LOG_NOTICE, "%s", b.p);
out:
	buf_release(&b);
	return rc;
}

struct landing {
	struct vault *v;
	int64_t now;
};

static int land(const void *p, size_t n, const struct secret *value, void *arg,
		struct err *e)
{
	const struct landing *k = arg;
	struct inv_credential c = { 0 };
	struct rot_line l = { 0 }, now = { 0 };
	int rc = -1, line, known;
	bool goes_on;

	if (take_apart(p, n, &l, e) < 0)
		goto out;
	line = rot_get(k->v, &l.id, &now, NULL, e);
	known = line < 0 ? -1 :
		inv_credential_get(k->v, l.conn, rot_new_account(&l), l.kind,
				   l.new_cred, &c, NULL, e);
	if (known < 0)
		goto out;
	goes_on = line > 0 && waits(&now, &l);
	rc = 0;
	if (!goes_on && known) /* it was there already, and may have ended */
		goto out;
	rc = rot_put_new(k->v, &l, value, k->now, e);
	if (rc == 0 && goes_on) {
		l.epoch = now.epoch; /* a kill may have come since */
		rc = rot_put(k->v, &l, NULL, true, e);
	}
	if (rc == 0)
		rc = told(k->v, &l, goes_on, k->now, e);
out:
	rot_free(&l);
	rot_free(&now);
	inv_credential_free(&c);
	return rc;
}

static int aside(struct vault *v, const struct err *why, struct err *e)
{
	char *to = NULL;

	if (reserve_aside(v, &to, e) < 0)
		return -1;
	log_line(LOG_ERROR, "the lifeboat does not open (%s) and lies now at %s; "
		 "if a key was in it, 'curfew rotate --resume' looks for it at "
		 "its service", why->cause, to);
	mem_free(to);
	return 0;
}

int rot_lifeboat_land(const struct app *app, struct err *e)
{
	struct landing k = { .v = app->vault, .now = rot_clock_ms() };
	struct err why = ERR_INIT;

	if (!reserve_used(app->dir))
		return 0;
	if (store_begin(k.v, &why) < 0)
		goto fail;
	if (reserve_each(k.v, land, &k, &why) < 0) {
		store_rollback(k.v);
		if (why.code == ERR_TAMPER || why.code == ERR_FORMAT)
			return aside(k.v, &why, e);
		goto fail;
	}
	crash_point("rot.before-landing");
	if (store_commit(k.v, &why) < 0)
		goto fail;
	crash_point("rot.after-landing");
	return reserve_clear(k.v, e);
fail:
	*e = why;
	(void)err_ctx(e, app->dir, "take what the lifeboat holds into the vault");
	err_state(e, "it lies sealed in vault.lifeboat there");
	err_hint(e, "free some space at %s, then run it again", app->dir);
	return -1;
}
