/*
 * rot_list: what a listing of the account shows, and whose a key is.
 *
 * A key that was listed before, or whose value is sealed here, is never ours to
 * end.  Of the others only those that bear the nonce of this very rotation, or
 * any when policy says that nobody else makes keys for the account; the rest
 * are told to a person and not touched.
 */
#include <string.h>

#include "agent/engine/knob.h"
#include "agent/engine/rot_inner.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#define SEEN_MAX 10000

void rot_seen_clear(struct rot_run *r)
{
	for (size_t i = 0; i < r->n_seen; i++) {
		mem_free(r->seen[i].id);
		mem_free(r->seen[i].label);
	}
	mem_free(r->seen);
	r->seen = NULL;
	r->n_seen = 0;
}

int rot_item(struct rot_run *r, const struct json *item, struct err *e)
{
	const char *what = json_str(item, "what"), *id = json_str(item, "id");
	const char *kind = json_str(item, "kind");
	const char *account = json_str(item, "account");
	const char *label = json_str(item, "label");
	const char *used = json_str(item, "last_used");
	struct rot_seen *p;

	if (!what || strcmp(what, "credential") != 0 || !id || !*id || !kind ||
	    strcmp(kind, r->l.kind) != 0 || !account ||
	    strcmp(account, r->l.account) != 0)
		return 0;
	if (r->n_seen == SEEN_MAX)
		return 0; /* nobody holds so many: the listing is not whole */
	p = mem_realloc(r->seen, (r->n_seen + 1) * sizeof(*p));
	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	r->seen = p;
	p += r->n_seen;
	*p = (struct rot_seen){ mem_strdup(id), mem_strdup(label ? label : ""),
				0 };
	r->n_seen++;
	if (!p->id || !p->label)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (used && !clock_parse(used, &p->last_used_ms))
		p->last_used_ms = 0;
	return 0;
}

static int again(struct rot_run *r, const struct rot_answer *a, int64_t now,
		 struct err *e)
{
	r->l.fails++;
	r->l.next_ms = now + (a->after_ms > 0 ? a->after_ms :
			      backoff_ms((unsigned)r->l.fails));
	if (r->l.fails < 6)
		return 0;
	return rot_stuck(&r->l, now, e, "no whole listing of the account: %s",
			 a->text ? a->text : "no answer");
}

/* ---- before anything is made ------------------------------------------------- */

static int snapshot(struct rot_run *r, int64_t now, struct err *e)
{
	struct rot_line *l = &r->l;
	const int max = r->facts->max;

	rot_ids_clear(&l->before);
	for (size_t i = 0; i < r->n_seen; i++)
		if (rot_ids_add(&l->before, r->seen[i].id, e) < 0)
			return -1;
	if (!rot_ids_has(&l->before, l->cred))
		return rot_stuck(l, now, e, "the service does not list '%.60s' "
				 "any more: 'curfew sync', then 'curfew show'",
				 l->cred);
	if (max && (size_t)max <= l->before.n && !(l->flags & RF_IN_PLACE))
		return rot_stuck(l, now, e, "no room for a new one: %zu of %d "
				 "are there; nothing is deleted to make room",
				 l->before.n, max);
	r->listed = true;
	l->fails = 0;
	l->next_ms = now;
	return 0;
}

/* ---- after a lost mint --------------------------------------------------------- */

static bool ours(const struct rot_run *r, const struct rot_seen *s)
{
	const struct rot_line *l = &r->l;
	const size_t n = strlen(l->nonce);

	if (knob_off(KNOB_PROTECT))
		return true;
	/* any attempt of this rotation: an earlier one may show up late */
	if (r->facts->labels)
		return n && strncmp(s->label, l->nonce, n) == 0 &&
		       s->label[n] == '-';
	return l->flags & RF_EXCLUSIVE;
}

static int candidates(struct rot_run *r, struct err *e)
{
	struct rot_line *l = &r->l;

	rot_ids_clear(&l->ours);
	rot_ids_clear(&l->strangers);
	for (size_t i = 0; i < r->n_seen; i++) {
		const struct rot_seen *s = &r->seen[i];

		if (!knob_off(KNOB_PROTECT) &&
		    (rot_ids_has(&l->before, s->id) ||
		     strcmp(s->id, l->cred) == 0))
			continue;
		if (rot_ids_add(ours(r, s) ? &l->ours : &l->strangers, s->id,
				e) < 0)
			return -1;
	}
	return 0;
}

static int tell_strangers(struct rot_run *r, int64_t now, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	for (size_t i = 0; i < r->l.strangers.n && i < 5; i++)
		if (buf_printf(&b, e, "%s%.60s", i ? ", " : "",
			       r->l.strangers.p[i]) < 0)
			goto out;
	rc = rot_stuck(&r->l, now, e, "keys appeared that nobody can attribute: "
		       "%s; they were not touched: end what is foreign with "
		       "'curfew kill', then 'curfew rotate --resume'", b.p);
out:
	buf_release(&b);
	return rc;
}

static int swept(struct rot_run *r, int64_t now, struct err *e)
{
	struct rot_line *l = &r->l;

	if (candidates(r, e) < 0)
		return -1;
	if (l->ours.n) {
		rot_to(l, RS_SWEPT, now);
		return 0;
	}
	/* With labels a stranger is certainly not what was lost: it is told, and
	 * need not be waited for. */
	if (l->strangers.n && !r->facts->labels)
		return tell_strangers(r, now, e);
	l->flags &= (uint16_t)~RF_RESWEEP;
	rot_to(l, RS_INTENT, now);
	return 0;
}

/* ---- is the new one in use? ------------------------------------------------------ */

static void used(struct rot_run *r, int64_t now)
{
	struct rot_line *l = &r->l;
	int64_t old = 0, new = 0;

	for (size_t i = 0; i < r->n_seen; i++) {
		if (strcmp(r->seen[i].id, l->cred) == 0)
			old = r->seen[i].last_used_ms;
		if (strcmp(r->seen[i].id, l->new_cred) == 0)
			new = r->seen[i].last_used_ms;
	}
	r->sink_asked = r->can_tell = true;
	/* curfew's own probe used it too: only what comes after counts */
	if (new > l->delivered_ms) {
		rot_adopted(l, now);
		return;
	}
	if (!l->quiet_ms || old != l->used_ms) {
		l->quiet_ms = now;
		l->used_ms = old;
	} else if (l->quiet_span > 0 &&
		   now - l->quiet_ms >= l->quiet_span + r->facts->used_lag_ms) {
		rot_adopted(l, now);
	}
}

int rot_listed(struct rot_run *r, const struct rot_answer *a, int64_t now,
	       struct err *e)
{
	int rc = 0;

	if (a->status != LINK_OK || !a->complete || r->n_seen == SEEN_MAX) {
		if (r->l.state == RS_DELIVERED)
			r->sink_asked = r->can_tell = true;
		else
			rc = again(r, a, now, e);
	} else if (r->l.state == RS_PLANNED) {
		rc = snapshot(r, now, e);
	} else if (r->l.state == RS_TRIED) {
		rc = swept(r, now, e);
	} else if (r->l.state == RS_DELIVERED) {
		used(r, now);
	}
	rot_seen_clear(r);
	return rc;
}
