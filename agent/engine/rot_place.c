/*
 * rot_place: see rot_place.h.  Owns the placeholders; must never make a path
 * step or a second place out of a name that a service gave.
 */
#include "agent/engine/rot_place.h"

#include <stdlib.h>
#include <string.h>

#include "agent/place.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/inventory.h"

/* ---- one line's places ----------------------------------------------------- */

/* A name of somebody else's as part of a path. */
static int put_name(struct buf *b, const char *what, const char *name,
		    struct err *e)
{
	const char *p = name;

	while (*p && *p != '/' && *p != '\\' && (unsigned char)*p >= 0x20 &&
	       *p != 0x7f)
		p++;
	if (*name && !*p && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		return buf_puts(b, name, e);
	err_fail(e, ERR_POLICY, name, "it cannot stand for %s in a place: it "
		 "would be a path of its own", what);
	err_hint(e, "write a policy for it, with its place in full");
	return -1;
}

/* Two accounts in turn feed one consumer: the name is always the first one's. */
static const char *account_of(const struct rot_line *l,
			      const struct config_rotation *p)
{
	char *conn = NULL, *account = NULL, *id = NULL;
	const bool turned = *l->partner && p->partner &&
			    inv_parse(p->partner, &conn, &account, &id) &&
			    account && strcmp(account, l->account) == 0;

	mem_free(conn);
	mem_free(account);
	mem_free(id);
	return turned ? l->partner : l->account;
}

static int expand(const struct rot_line *l, const struct config_rotation *p,
		  const struct kind_facts *k, const char *s, struct buf *b,
		  struct err *e)
{
	const char *const names[PLACE_WORDS] = { account_of(l, p), l->conn, l->kind,
					     l->cred };

	for (; *s; s++) {
		const enum place_word w = place_word(s);

		if (w == PLACE_WORDS) {
			if (buf_add(b, s, 1, e) < 0)
				return -1;
			continue;
		}
		if (w == PLACE_CRED && !k->fixed_id) {
			err_fail(e, ERR_POLICY, p->name, "{cred} is another "
				 "with every rotation of that kind: its "
				 "consumer would look in the wrong place");
			err_hint(e, "{account} stays");
			return -1;
		}
		if (put_name(b, place_words[w], names[w], e) < 0)
			return -1;
		s += strlen(place_words[w]) - 1;
	}
	return 0;
}

static void sink_free(struct rot_sink *s)
{
	mem_free(s->conn);
	mem_free(s->place);
	mem_free(s->their);
}

static bool same(const struct rot_sink *s, const char *conn, size_t n,
		 const char *place)
{
	return strncmp(s->conn, conn, n) == 0 && !s->conn[n] &&
	       strcmp(s->place, place) == 0;
}

static int add_sink(struct rot_line *l, const char *word, struct err *e)
{
	const char *slash = strchr(word, '/');
	const size_t n = slash ? (size_t)(slash - word) : strlen(word);
	const char *place = slash ? slash + 1 : "";
	struct rot_sink *p;

	for (size_t i = 0; i < l->n_sinks; i++)
		if (same(&l->sinks[i], word, n, place))
			return 0;
	p = mem_realloc(l->sinks, (l->n_sinks + 1) * sizeof(*p));
	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	l->sinks = p;
	p += l->n_sinks++;
	*p = (struct rot_sink){ .version = 0 };
	p->conn = mem_strndup(word, n);
	p->place = mem_strdup(place);
	p->their = mem_strdup("");
	return p->conn && p->place && p->their ?
		       0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

int rot_place_take(struct rot_line *l, const struct config_rotation *p,
		   const struct kind_facts *k, bool kept, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	size_t n = 0;
	int rc = -1;

	for (size_t i = 0; i < l->n_sinks; i++)
		if (kept && l->sinks[i].version == l->version)
			l->sinks[n++] = l->sinks[i];
		else
			sink_free(&l->sinks[i]);
	l->n_sinks = n;
	for (size_t i = 0; i < p->n_deliver; i++) {
		buf_reset(&b);
		if (expand(l, p, k, p->deliver[i], &b, e) < 0 ||
		    add_sink(l, b.p, e) < 0)
			goto out;
	}
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

/* ---- who has it ---------------------------------------------------------------- */

struct want { /* a place that one of the lines asks for */
	const struct rot_line *l;
	const struct rot_sink *s;
	size_t of; /* which of the lines */
};

struct asking {
	const struct app *app;
	struct want *p;
	size_t n;
	struct err *why;
};

static int by_place(const void *a, const void *b)
{
	const struct want *x = a, *y = b;
	int rc = strcmp(x->s->place, y->s->place);

	if (rc == 0)
		rc = strcmp(x->s->conn, y->s->conn);
	return rc ? rc : (x->of > y->of) - (x->of < y->of);
}

static int taken(struct err *why, const struct rot_sink *s,
		 const struct rot_line *by)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (inv_address(&b, by->conn, by->account, by->cred, why) < 0) {
		buf_release(&b);
		return -1;
	}
	err_fail(why, ERR_POLICY, s->place, "%s is delivered to that place of "
		 "'%s': this one would overwrite it", b.p, s->conn);
	err_hint(why, "give each a place of its own in curfew.toml; {account} "
		      "in a place stands for the account");
	buf_release(&b);
	return 0;
}

/* 1 somebody may still use what the line delivered, 0, -1. */
static int holds(const struct asking *k, const struct rot_line *l, struct err *e)
{
	struct inv_credential c;
	int rc;

	if (l->state == RS_KILLED || (!rot_busy(l) && !l->generation))
		return 0;
	if (rot_busy(l))
		return 1;
	rc = inv_credential_get(k->app->vault, l->conn, l->account, l->kind,
				l->cred, &c, NULL, e);
	if (rc <= 0)
		return rc;
	rc = c.state != INV_DEAD && c.state != INV_REVOKED;
	inv_credential_free(&c);
	return rc;
}

static const struct want *find(const struct asking *k, const struct rot_sink *s)
{
	const struct want w = { NULL, s, 0 };
	size_t lo = 0, hi = k->n;

	while (lo < hi) { /* the first of that place */
		const size_t mid = lo + (hi - lo) / 2;

		if (by_place(&k->p[mid], &w) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < k->n && same(s, k->p[lo].s->conn, strlen(k->p[lo].s->conn),
				 k->p[lo].s->place) ? &k->p[lo] : NULL;
}

static int one_line(const struct rot_line *l, void *arg, struct err *e)
{
	struct asking *k = arg;
	int held = -1;

	for (size_t i = 0; i < l->n_sinks; i++) {
		const struct want *w = find(k, &l->sinks[i]);

		for (; w && w < k->p + k->n && same(w->s, l->sinks[i].conn,
				strlen(l->sinks[i].conn), l->sinks[i].place);
		     w++) {
			if (memcmp(&w->l->id, &l->id, sizeof(l->id)) == 0 ||
			    k->why[w->of].code)
				continue;
			if (held < 0)
				held = holds(k, l, e);
			if (held < 0)
				return -1;
			if (held && taken(&k->why[w->of], w->s, l) < 0)
				return -1;
		}
	}
	return 0;
}

/* Of several that want one place the first that may begin has it. */
static int among(struct asking *k)
{
	const struct want *has = NULL;

	for (size_t i = 0; i < k->n; i++) {
		const struct want *w = &k->p[i];

		if (k->why[w->of].code)
			continue;
		if (!has || !same(w->s, has->s->conn, strlen(has->s->conn),
				  has->s->place))
			has = w;
		else if (has->of != w->of &&
			 taken(&k->why[w->of], w->s, has->l) < 0)
			return -1;
	}
	return 0;
}

struct near {
	const char *given;
	char name[80];
	size_t d;
};

static int nearer(const struct inv_connection *c, void *arg, struct err *e)
{
	struct near *n = arg;
	const size_t d = text_distance(n->given, c->name, 4);

	(void)e;
	if (d < n->d && strlen(c->name) < sizeof(n->name)) {
		n->d = d;
		memcpy(n->name, c->name, strlen(c->name) + 1);
	}
	return 0;
}

static int connected(const struct asking *k, const struct want *w, struct err *e)
{
	struct near near = { .given = w->s->conn, .d = 4 };
	struct err *why = &k->why[w->of];
	struct inv_connection c;
	int rc = inv_connection_get(k->app->vault, w->s->conn, &c, NULL, e);

	if (rc > 0)
		inv_connection_free(&c);
	if (rc)
		return rc < 0 ? -1 : 0;
	err_fail(why, ERR_POLICY, w->s->conn, "%s/%s is to be delivered to "
		 "'%s/%s', and no such sink is connected", w->l->conn,
		 w->l->account, w->s->conn, w->s->place);
	if (inv_connections(k->app->vault, nearer, &near, e) < 0)
		return -1;
	if (*near.name)
		err_hint(why, "did you mean '%s'?", near.name);
	else
		err_hint(why, "'curfew connect', or mend 'deliver' of "
			 "[rotation.%s]", w->l->policy);
	return 0;
}

int rot_place_free(const struct app *app, const struct rot_line *lines, size_t n,
		   const unsigned char *ask, struct err *why, struct err *e)
{
	struct asking k = { .app = app, .why = why };
	size_t cap = 0;
	int rc = -1;

	for (size_t i = 0; i < n; i++)
		cap += ask[i] ? lines[i].n_sinks : 0;
	if (!cap)
		return 0;
	k.p = mem_array(cap, sizeof(*k.p));
	if (!k.p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (size_t i = 0; i < n; i++)
		for (size_t s = 0; ask[i] && s < lines[i].n_sinks; s++) {
			k.p[k.n] = (struct want){ &lines[i],
						  &lines[i].sinks[s], i };
			if (connected(&k, &k.p[k.n++], e) < 0)
				goto out;
		}
	qsort(k.p, k.n, sizeof(*k.p), by_place);
	if (rot_each(app->vault, one_line, &k, e) < 0 || among(&k) < 0)
		goto out;
	rc = 0;
out:
	mem_free(k.p);
	return rc;
}
