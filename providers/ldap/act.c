/*
 * act: disable, enable, revoke, set.
 *
 * Must never delete an entry: everything here can be put back by restore.
 */
#include "providers/ldap/dir.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* What userPassword shall be, built from what it is. */
struct plan {
	char text[DIR_VALUES + 1][DIR_VALUE];
	const char *value[DIR_VALUES + 2];
	size_t n;
};

static void put(struct plan *p, const char *text)
{
	if (p->n > DIR_VALUES)
		return;
	snprintf(p->text[p->n], DIR_VALUE, "%s", text);
	p->value[p->n] = p->text[p->n];
	p->n++;
}

static void plan_free(struct plan **p)
{
	mem_free(*p);
	*p = NULL;
}

/* Of the account that q names; NULL: r is filled, also for no such entry. */
static struct dir_account *to_alter(struct dir_session *s, const struct kit_connection *c,
				    const struct kit_request *q, struct kit_reply *r)
{
	struct dir_account *a = NULL;

	if (q->kind[0] && strcmp(q->kind, "password") != 0) {
		kit_say(r, KIT_UNSUPPORTED, "an entry has no credential of that kind");
		return NULL;
	}
	if (dir_ready(s, c, r))
		a = dir_account(s, q->account, r);
	if (a && !a->exists) {
		r->status = KIT_ABSENT;
		mem_free(a);
		a = NULL;
	}
	return a;
}

static bool meant(const struct kit_request *q, const struct dir_value *v)
{
	return !v->none && (!q->credential[0] || strcmp(q->credential, v->id) == 0);
}

static void opened_key(const struct dir_account *a, const char *id, char out[static 100])
{
	snprintf(out, 100, "%.70s %.20s", a->uuid, id);
}

/* Marks (or clears) the values that are meant: how many were; -1: out of memory,
 * and the plan is not whole. */
static int plan_marks(const struct dir_account *a, const struct kit_request *q, bool off,
		      struct plan *p)
{
	char text[DIR_VALUE], key[100];
	int any = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct dir_value *v = &a->value[i];

		snprintf(text, sizeof text, "%s", v->text);
		if (meant(q, v)) {
			any++;
			opened_key(a, v->id, key);
			if (off && !v->off)
				kit_opened_note(key);
			if (!off)
				dir_unmark(v->text, text);
			else if (!dir_mark(v->text, text))
				return -1;
		}
		put(p, text);
	}
	return any;
}

static int change_state(struct dir_session *s, const struct kit_connection *c,
			const struct kit_request *q, bool off, struct kit_reply *r)
{
	struct dir_account *a = to_alter(s, c, q, r);
	struct plan *p = mem_zalloc(sizeof *p);
	bool whole = !q->credential[0], policy = dir_by_policy(c) && whole;

	if (a && p && policy) {
		if (off && !a->locked)
			kit_opened_note(a->uuid);
		dir_write(s, a, NULL, &off, r);
	} else if (a && p) {
		int any = plan_marks(a, q, off, p);

		if (any < 0)
			kit_say(r, KIT_RETRY, "out of memory");
		else if (!any && !whole)
			r->status = KIT_ABSENT;
		else
			dir_write(s, a, p->n ? p->value : NULL, NULL, r);
	} else if (a) {
		kit_say(r, KIT_RETRY, "out of memory");
	}
	plan_free(&p);
	mem_free(a);
	return 0;
}

int dir_disable(void *session, const struct kit_connection *c,
		const struct kit_request *q, struct kit_stream *out,
		struct kit_reply *r, struct err *e)
{
	(void)out;
	(void)e;
	return change_state(session, c, q, true, r);
}

int dir_enable(void *session, const struct kit_connection *c,
	       const struct kit_request *q, struct kit_stream *out,
	       struct kit_reply *r, struct err *e)
{
	(void)out;
	(void)e;
	return change_state(session, c, q, false, r);
}

int dir_revoke(void *session, const struct kit_connection *c,
	       const struct kit_request *q, struct kit_stream *out,
	       struct kit_reply *r, struct err *e)
{
	static const bool lock = true;
	struct dir_account *a;
	struct plan *p;
	size_t gone = 0;

	if (strcmp(q->kind, "session") == 0)
		return dir_cut_sessions(session, c, q, out, r, e);
	a = to_alter(session, c, q, r);
	p = mem_zalloc(sizeof *p);
	for (size_t i = 0; a && p && i < a->n; i++) {
		if (meant(q, &a->value[i]))
			gone++;
		else
			put(p, a->value[i].text);
	}
	if (a && !p)
		kit_say(r, KIT_RETRY, "out of memory");
	else if (a && !gone && q->credential[0])
		r->status = KIT_ABSENT;
	else if (a)
		dir_write(session, a, gone ? p->value : NULL,
			  !q->credential[0] && dir_by_policy(c) ? &lock : NULL, r);
	plan_free(&p);
	mem_free(a);
	return 0;
}

/* ---- set ---------------------------------------------------------------------- */

static const struct dir_value *find(const struct dir_account *a, const struct secret *secret)
{
	for (size_t i = 0; i < a->n; i++)
		if (!a->value[i].off && dir_matches(secret, a->value[i].text) == DIR_YES)
			return &a->value[i];
	return NULL;
}

/* The server hashes: all other values go, and its policy has a say. */
static void set_exop(struct dir_session *s, const struct dir_account *a, bool add,
		     const struct secret *secret, struct kit_reply *r)
{
	struct ld_fail f;

	if (add)
		kit_say(r, KIT_REFUSED, "the server's own password change (scheme=exop) "
			"replaces every value: there is no room beside one");
	else if (ld_passwd(s->ld, a->dn, secret, &f))
		dir_reply_fail(&f, true, "change the password", r);
	else
		r->status = KIT_OK;
}

static void set_hash(struct dir_session *s, const struct dir_account *a, bool add,
		     const struct kit_request *q, bool sha512, struct kit_reply *r)
{
	const struct dir_value *have = find(a, q->secret);
	struct plan *p = mem_zalloc(sizeof *p);
	char text[DIR_VALUE];

	if (!p || dir_hash(q->secret, sha512, text)) {
		kit_say(r, KIT_REFUSED, "set needs the new password");
		plan_free(&p);
		return;
	}
	for (size_t i = 0; i < a->n; i++) {
		const struct dir_value *v = &a->value[i];
		bool old = !add && strcmp(v->id, q->credential) == 0 && v != have;

		if (!v->none && !old)
			put(p, v->text);
	}
	if (!have)
		put(p, text);
	dir_write(s, a, p->value, NULL, r);
	mem_wipe(text, sizeof text);
	plan_free(&p);
}

int dir_set(void *session, const struct kit_connection *c,
	    const struct kit_request *q, struct kit_stream *out,
	    struct kit_reply *r, struct err *e)
{
	const char *scheme = kit_option(c, "scheme", "ssha");
	struct dir_session *s = session;
	const struct dir_value *now;
	struct dir_account *a;
	bool add = false;
	int rc = 0;

	(void)out;
	if (!q->secret || !secret_len(q->secret))
		return kit_say(r, KIT_REFUSED, "set needs the new password");
	json_bool(q->args, "add", &add);
	a = to_alter(s, c, q, r);
	if (!a)
		return 0;
	if (strcmp(scheme, "exop") == 0)
		set_exop(s, a, add, q->secret, r);
	else
		set_hash(s, a, add, q, strcmp(scheme, "ssha512") == 0, r);
	mem_free(a);
	if (r->status != KIT_OK)
		return 0;
	/* The id is that of what the server keeps. */
	a = dir_account(s, q->account, r);
	now = a ? find(a, q->secret) : NULL;
	if (!now && a && a->n == 1) /* hashed by the server in its own way */
		now = &a->value[0];
	if (!now)
		kit_say(r, KIT_UNKNOWN, "the password was taken, and the entry does not show it");
	else if (!json_set_str(kit_body(r), "credential", now->id))
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mem_free(a);
	return rc;
}
