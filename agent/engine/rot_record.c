/*
 * rot_record: the byte form of a line and its row.
 *
 * Form: base/pack.h fields.  Tags are never reused; a reader skips what it does
 * not know.  A row is grouped by the account of the credential in use, its area
 * is the account of the coming one, so that whoever looks at an account sees
 * every line that touches it without walking them all.
 */
#include <stddef.h>
#include <string.h>

#include "agent/engine/rot.h"
#include "base/mem.h"
#include "base/pack.h"
#include "vault/inventory.h"

enum {
	F_CONN = 1, F_ACCOUNT, F_KIND, F_CRED, F_NEW_ACCOUNT, F_NEW_CRED,
	F_PARTNER, F_POLICY, F_NONCE, F_WHY, F_INCIDENT,
	F_PUBLIC,
	F_SINK_CONN = 20, F_SINK_PLACE, F_SINK_VERSION, F_SINK_AT,
	F_SINK_FLAGS, F_SINK_THEIR, /* F_SINK_CONN begins the next sink */
	F_BEFORE = 30, F_OURS, F_STRANGER,
	F_NUMBER = 40,
};

#define SINKS_MAX 64
#define IDS_MAX 10000

/* Every integer of a line; its tag is F_NUMBER and its place here.  Places are
 * never reused; 0 and 1 are the state and the flags. */
#define AT(member) offsetof(struct rot_line, member)
static const size_t numbers[] = {
	AT(generation), AT(version), AT(attempt), AT(last_ms), AT(due_ms),
	AT(deadline_ms), AT(next_ms), AT(started_ms), AT(made_ms),
	AT(delivered_ms), AT(adopted_ms), AT(revoke_ms), AT(disabled_ms),
	AT(revoked_ms), AT(done_ms), AT(lost_ms), AT(stuck_ms), AT(used_ms),
	AT(quiet_ms), AT(alive), AT(dead), AT(dead_first_ms), AT(dead_last_ms),
	AT(epoch), AT(taken), AT(fails), AT(sent), AT(overlap_span),
	AT(quiet_span), AT(soak_span), AT(adopt),
};
#define NUMBERS (sizeof(numbers) / sizeof(*numbers))

static int64_t *number(struct rot_line *l, size_t i)
{
	union {
		char *any;
		int64_t *v;
	} at = { .any = (char *)l + numbers[i] };

	return at.v;
}

static char **text_of(struct rot_line *l, unsigned tag)
{
	switch (tag) {
	case F_CONN: return &l->conn;
	case F_ACCOUNT: return &l->account;
	case F_KIND: return &l->kind;
	case F_CRED: return &l->cred;
	case F_NEW_ACCOUNT: return &l->new_account;
	case F_NEW_CRED: return &l->new_cred;
	case F_PARTNER: return &l->partner;
	case F_POLICY: return &l->policy;
	case F_NONCE: return &l->nonce;
	case F_WHY: return &l->why;
	case F_INCIDENT: return &l->incident;
	case F_PUBLIC: return &l->public;
	default: return NULL;
	}
}

/* ---- writing --------------------------------------------------------------- */

static int pack_ids(struct buf *out, unsigned tag, const struct rot_ids *s,
		    struct err *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (pack_str(out, tag, s->p[i], e) < 0)
			return -1;
	return 0;
}

static int pack_sink(struct buf *out, const struct rot_sink *s, struct err *e)
{
	const int64_t flags = (s->acknowledged ? 1 : 0) | (s->read_back ? 2 : 0);

	if (pack_str(out, F_SINK_CONN, s->conn, e) < 0 ||
	    pack_str(out, F_SINK_PLACE, s->place, e) < 0 ||
	    pack_int(out, F_SINK_VERSION, s->version, e) < 0 ||
	    pack_int(out, F_SINK_AT, s->at_ms, e) < 0 ||
	    pack_int(out, F_SINK_FLAGS, flags, e) < 0 ||
	    pack_str(out, F_SINK_THEIR, s->their, e) < 0)
		return -1;
	return 0;
}

int rot_pack(const struct rot_line *line, struct buf *out, struct err *e)
{
	struct rot_line l = *line; /* only read through */

	for (unsigned tag = F_CONN; tag <= F_PUBLIC; tag++) {
		char **t = text_of(&l, tag);

		if (t && pack_str(out, tag, *t, e) < 0)
			return -1;
	}
	if (pack_int(out, F_NUMBER, l.state, e) < 0 ||
	    pack_int(out, F_NUMBER + 1, l.flags, e) < 0)
		return -1;
	for (unsigned i = 0; i < NUMBERS; i++)
		if (pack_int(out, F_NUMBER + 2 + i, *number(&l, i), e) < 0)
			return -1;
	for (size_t i = 0; i < l.n_sinks; i++)
		if (pack_sink(out, &l.sinks[i], e) < 0)
			return -1;
	if (pack_ids(out, F_BEFORE, &l.before, e) < 0 ||
	    pack_ids(out, F_OURS, &l.ours, e) < 0 ||
	    pack_ids(out, F_STRANGER, &l.strangers, e) < 0)
		return -1;
	return 0;
}

/* ---- reading --------------------------------------------------------------- */

static int next_sink(struct rot_line *l, struct err *e)
{
	struct rot_sink *p;

	if (l->n_sinks == SINKS_MAX)
		return err_fail(e, ERR_FORMAT, NULL, "too many sinks");
	p = mem_realloc(l->sinks, (l->n_sinks + 1) * sizeof(*p));
	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	l->sinks = p;
	p[l->n_sinks++] = (struct rot_sink){ .conn = NULL };
	return 0;
}

static int take_sink(struct rot_line *l, struct unpack *u, struct err *e)
{
	struct rot_sink *s;
	char **text = NULL;
	int64_t v;

	if (u->tag == F_SINK_CONN && next_sink(l, e) < 0)
		return -1;
	if (!l->n_sinks || !l->sinks) {
		u->bad = true;
		return 0;
	}
	s = &l->sinks[l->n_sinks - 1];
	if (u->tag == F_SINK_CONN)
		text = &s->conn;
	else if (u->tag == F_SINK_PLACE)
		text = &s->place;
	else if (u->tag == F_SINK_THEIR)
		text = &s->their;
	if (text) {
		mem_free(*text);
		*text = unpack_str(u);
		return *text ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	v = unpack_int(u);
	if (u->tag == F_SINK_VERSION)
		s->version = v;
	else if (u->tag == F_SINK_AT)
		s->at_ms = v;
	else {
		s->acknowledged = v & 1;
		s->read_back = v & 2;
	}
	return 0;
}

static int take_id(struct rot_ids *s, const struct unpack *u, struct err *e)
{
	char *id = unpack_str(u);
	int rc = -1;

	if (!id || s->n > IDS_MAX)
		err_fail(e, ERR_FORMAT, NULL, "too many ids");
	else
		rc = rot_ids_add(s, id, e);
	mem_free(id);
	return rc;
}

static int take(struct rot_line *l, struct unpack *u, struct err *e)
{
	char **text = text_of(l, u->tag);
	int64_t v;

	if (text) {
		mem_free(*text);
		*text = unpack_str(u);
		return *text ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	if (u->tag >= F_SINK_CONN && u->tag <= F_SINK_THEIR)
		return take_sink(l, u, e);
	if (u->tag == F_BEFORE)
		return take_id(&l->before, u, e);
	if (u->tag == F_OURS)
		return take_id(&l->ours, u, e);
	if (u->tag == F_STRANGER)
		return take_id(&l->strangers, u, e);
	if (u->tag < F_NUMBER || u->tag >= F_NUMBER + 2 + NUMBERS)
		return 0; /* of a newer writer */
	v = unpack_int(u);
	if (u->tag == F_NUMBER)
		l->state = v > 0 && v < RS_STATES ? (enum rot_state)v : 0;
	else if (u->tag == F_NUMBER + 1)
		l->flags = (uint16_t)v;
	else
		*number(l, u->tag - F_NUMBER - 2) = v;
	return 0;
}

static int fill_in(struct rot_line *l, struct err *e)
{
	for (unsigned tag = F_CONN; tag <= F_PUBLIC; tag++) {
		char **t = text_of(l, tag);

		if (t && !*t && rot_text(t, "", e) < 0)
			return -1;
	}
	for (size_t i = 0; i < l->n_sinks; i++) {
		struct rot_sink *s = &l->sinks[i];

		if ((!s->place && rot_text(&s->place, "", e) < 0) ||
		    (!s->their && rot_text(&s->their, "", e) < 0))
			return -1;
	}
	return 0;
}

int rot_unpack(struct rot_line *l, const void *p, size_t n, struct err *e)
{
	struct unpack u;

	*l = (struct rot_line){ .state = 0 };
	unpack_init(&u, p, n);
	while (unpack_next(&u) && !u.bad)
		if (take(l, &u, e) < 0)
			goto fail;
	if (fill_in(l, e) < 0)
		goto fail;
	if (u.bad || !l->state || !*l->conn || !*l->account || !*l->kind ||
	    !*l->cred) {
		err_fail(e, ERR_FORMAT, NULL, "malformed rotation record");
		goto fail;
	}
	return 0;
fail:
	rot_free(l);
	return -1;
}

/* ---- rows ------------------------------------------------------------------ */

static struct store_id account_id(const struct vault *v, const char *conn,
				  const char *account)
{
	const char *const parts[] = { "account", conn, account };

	return store_id(v, STORE_ROTATION, parts, 3);
}

int rot_begin_line(struct vault *v, const char *conn, const char *account,
		   const char *kind, const char *cred, struct rot_line *out,
		   struct err *e)
{
	const char *const parts[] = { "line", conn, account, kind, cred };
	struct store_row meta;
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	char salt[9] = "";
	int rc;

	*out = (struct rot_line){ .state = RS_IDLE };
	out->id = store_id(v, STORE_ROTATION, parts, 5);
	/* Another line may have begun with that very credential and moved on. */
	rc = store_look(v, STORE_ROTATION, &out->id, &b, &meta, NULL, e);
	buf_release(&b);
	if (rc > 0) {
		const char *const more[] = { "line", conn, account, kind, cred,
					     salt };
		uint32_t r;

		secret_random(&r, sizeof(r));
		for (int i = 0; i < 8; i++)
			salt[i] = "0123456789abcdef"[r >> (i * 4) & 15];
		out->id = store_id(v, STORE_ROTATION, more, 6);
	}
	if (rc < 0 || rot_text(&out->conn, conn, e) < 0 ||
	    rot_text(&out->account, account, e) < 0 ||
	    rot_text(&out->kind, kind, e) < 0 ||
	    rot_text(&out->cred, cred, e) < 0 || fill_in(out, e) < 0) {
		rot_free(out);
		return -1;
	}
	return 0;
}

int rot_put(struct vault *v, const struct rot_line *l,
	    const struct secret *secret, bool drop, struct err *e)
{
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	struct store_row row = { .id = l->id, .secret = secret,
				 .keep_secret = !secret && !drop };
	int rc = -1;

	if (rot_pack(l, &b, e) < 0)
		goto out;
	row.group = account_id(v, l->conn, l->account);
	row.area = account_id(v, l->conn, *l->new_account ? l->new_account :
			      *l->partner ? l->partner : l->account);
	row.data = b.p;
	row.len = b.len;
	row.due_ms = rot_wake_ms(l);
	if (secret)
		row.fp = store_fingerprint(v, secret);
	rc = store_put(v, STORE_ROTATION, &row, e);
out:
	buf_release(&b);
	return rc;
}

int rot_get(struct vault *v, const struct store_id *id, struct rot_line *out,
	    struct secret **secret, struct err *e)
{
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	struct store_row meta;
	int rc = store_look(v, STORE_ROTATION, id, &b, &meta, secret, e);

	*out = (struct rot_line){ .state = 0 };
	if (rc > 0 && rot_unpack(out, b.p, b.len, e) < 0) {
		if (secret)
			secret_free(secret);
		rc = -1;
	}
	if (rc > 0) {
		out->id = *id;
		out->has_secret = meta.has_secret;
	}
	buf_release(&b);
	return rc;
}

struct walk {
	rot_fn fn;
	void *arg;
	const struct store_id *not_group; /* seen already */
};

static int walk_one(const struct store_row *row, void *arg, struct err *e)
{
	const struct walk *k = arg;
	struct rot_line l;
	int rc;

	if (k->not_group &&
	    memcmp(&row->group, k->not_group, sizeof(row->group)) == 0)
		return 0;
	if (rot_unpack(&l, row->data, row->len, e) < 0)
		return -1;
	l.id = row->id;
	l.has_secret = row->has_secret;
	rc = k->fn(&l, k->arg, e);
	rot_free(&l);
	return rc;
}

int rot_each(struct vault *v, rot_fn fn, void *arg, struct err *e)
{
	struct walk k = { .fn = fn, .arg = arg };

	return store_each(v, STORE_ROTATION, NULL, walk_one, &k, e);
}

int rot_each_account(struct vault *v, const char *conn, const char *account,
		     rot_fn fn, void *arg, struct err *e)
{
	const struct store_id id = account_id(v, conn, account);
	struct walk k = { .fn = fn, .arg = arg };

	if (store_each(v, STORE_ROTATION, &id, walk_one, &k, e) < 0)
		return -1;
	k.not_group = &id;
	return store_each_area(v, STORE_ROTATION, &id, walk_one, &k, e);
}

int rot_each_due(struct vault *v, int64_t now_ms, size_t max, rot_fn fn,
		 void *arg, struct err *e)
{
	struct walk k = { .fn = fn, .arg = arg };

	return store_each_due(v, STORE_ROTATION, now_ms, max, walk_one, &k, e);
}
