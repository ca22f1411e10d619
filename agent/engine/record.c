/*
 * record: the byte form of incidents, actions and snapshots, and their rows.
 *
 * Form: base/pack.h fields.  Tags are never reused; a reader skips what it
 * does not know.
 */
#include <string.h>

#include "agent/engine/record.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/pack.h"
#include "base/text.h"

enum { /* incident */
	I_NAME = 1, I_REASON, I_WHO, I_WORDS, I_OPENED, I_CLOSED, I_OUTCOME,
	I_FLAGS,
};
enum { IF_SELF = 1, IF_REFUSAL = 2 };

enum { /* action */
	R_WHAT = 1, R_TFLAGS, R_CONN, R_ACCOUNT, R_KIND, R_ID, R_VERB, R_STATE,
	R_FLAGS, R_STATUS, R_ATTEMPTS, R_FAILS, R_COUNT, R_NEXT, R_SENT,
	R_ANSWERED, R_DONE, R_FIRST, R_LAST, R_NOTE, R_VALUE,
	R_HELD, R_REACH, R_QUIET, R_TAGS,
};


static int malformed(struct err *e, const char *what)
{
	return err_fail(e, ERR_FORMAT, NULL, "malformed %s record", what);
}

void incident_release(struct incident *inc)
{
	mem_free(inc->name);
	mem_free(inc->reason);
	mem_free(inc->who);
	mem_free(inc->words);
	mem_free(inc->outcome);
	*inc = (struct incident){ 0 };
}

int record_pack_incident(const struct incident *inc, struct buf *out,
			 struct err *e)
{
	int64_t flags = (inc->include_self ? IF_SELF : 0) |
			(inc->require_refusal ? IF_REFUSAL : 0);

	if (pack_str(out, I_NAME, inc->name, e) < 0 ||
	    pack_str(out, I_REASON, inc->reason, e) < 0 ||
	    pack_str(out, I_WHO, inc->who, e) < 0 ||
	    pack_str(out, I_WORDS, inc->words, e) < 0 ||
	    pack_int(out, I_OPENED, inc->opened_ms, e) < 0 ||
	    pack_int(out, I_CLOSED, inc->closed_ms, e) < 0 ||
	    pack_str(out, I_OUTCOME, inc->outcome, e) < 0 ||
	    pack_int(out, I_FLAGS, flags, e) < 0)
		return -1;
	return 0;
}

int record_unpack_incident(struct incident *inc, const void *p, size_t n,
			   struct err *e)
{
	struct unpack u;
	int64_t flags = 0;
	char **text[] = { [I_NAME] = &inc->name, [I_REASON] = &inc->reason,
			  [I_WHO] = &inc->who, [I_WORDS] = &inc->words,
			  [I_OUTCOME] = &inc->outcome };

	*inc = (struct incident){ 0 };
	unpack_init(&u, p, n);
	while (unpack_next(&u)) {
		switch (u.tag) {
		case I_NAME: case I_REASON: case I_WHO: case I_WORDS:
		case I_OUTCOME:
			mem_free(*text[u.tag]);
			*text[u.tag] = unpack_str(&u);
			break;
		case I_OPENED: inc->opened_ms = unpack_int(&u); break;
		case I_CLOSED: inc->closed_ms = unpack_int(&u); break;
		case I_FLAGS: flags = unpack_int(&u); break;
		default: break;
		}
	}
	inc->include_self = flags & IF_SELF;
	inc->require_refusal = flags & IF_REFUSAL;
	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++)
		if (text[i] && !*text[i])
			*text[i] = mem_strdup("");
	if (u.bad || !inc->name || !*inc->name || !inc->reason || !inc->who ||
	    !inc->words || !inc->outcome) {
		incident_release(inc);
		return malformed(e, "incident");
	}
	return 0;
}

int record_pack_action(const struct work *w, const struct action *a,
		       struct buf *out, struct err *e)
{
	const struct target *t = &w->targets[a->target];
	const struct { unsigned tag; int64_t v; } ints[] = {
		{ R_WHAT, t->what }, { R_TFLAGS, t->flags }, { R_VERB, a->verb },
		{ R_STATE, a->state }, { R_FLAGS, a->flags },
		{ R_STATUS, a->status }, { R_ATTEMPTS, a->attempts },
		{ R_FAILS, a->fails }, { R_COUNT, a->count },
		{ R_NEXT, a->next_ms }, { R_SENT, a->sent_ms },
		{ R_ANSWERED, a->answered_ms }, { R_DONE, a->done_ms },
		{ R_FIRST, a->first_ms }, { R_LAST, a->last_ms },
		{ R_VALUE, a->value_ms }, { R_HELD, a->held_ms },
		{ R_REACH, a->reach_ms }, { R_QUIET, a->quiet_ms },
	};

	if (pack_str(out, R_CONN, w->conns[t->conn], e) < 0 ||
	    pack_str(out, R_ACCOUNT, t->account, e) < 0 ||
	    pack_str(out, R_KIND, t->kind, e) < 0 ||
	    pack_str(out, R_ID, t->id, e) < 0 ||
	    pack_str(out, R_NOTE, a->note, e) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(ints) / sizeof(*ints); i++)
		if (pack_int(out, ints[i].tag, ints[i].v, e) < 0)
			return -1;
	return 0;
}

struct raw {
	char *conn, *account, *kind, *id, *note;
	int64_t v[R_TAGS];
};

static void raw_free(struct raw *r)
{
	mem_free(r->conn);
	mem_free(r->account);
	mem_free(r->kind);
	mem_free(r->id);
	mem_free(r->note);
}

static int raw_read(struct raw *r, const void *p, size_t n, struct err *e)
{
	struct unpack u;

	*r = (struct raw){ 0 };
	unpack_init(&u, p, n);
	while (unpack_next(&u)) {
		char **text = u.tag == R_CONN ? &r->conn :
			      u.tag == R_ACCOUNT ? &r->account :
			      u.tag == R_KIND ? &r->kind :
			      u.tag == R_ID ? &r->id :
			      u.tag == R_NOTE ? &r->note : NULL;

		if (text) {
			mem_free(*text);
			*text = unpack_str(&u);
		} else if (u.tag < R_TAGS) {
			r->v[u.tag] = unpack_int(&u);
		}
	}
	if (u.bad || !r->conn || r->v[R_WHAT] < T_ACCOUNT ||
	    r->v[R_WHAT] > T_CONNECTION || r->v[R_VERB] < V_SNAPSHOT ||
	    r->v[R_VERB] >= V_VERBS || r->v[R_STATE] < A_INTENDED ||
	    r->v[R_STATE] > A_MOOT)
		return malformed(e, "action");
	return 0;
}

int record_unpack_action(struct work *w, const void *p, size_t n, struct err *e)
{
	struct action *a;
	uint32_t t, i;
	struct raw r;
	int rc = -1;

	if (raw_read(&r, p, n, e) < 0)
		goto out;
	if (work_target(w, (enum target_what)r.v[R_WHAT], r.conn,
			r.account ? r.account : "", r.kind ? r.kind : "",
			r.id ? r.id : "", &t, NULL, e) < 0 ||
	    work_action(w, t, (enum verb)r.v[R_VERB], 0, &i, e) < 0)
		goto out;
	w->targets[t].flags |= (uint8_t)r.v[R_TFLAGS];
	a = &w->actions[i];
	a->state = (uint8_t)r.v[R_STATE];
	a->flags = (uint16_t)r.v[R_FLAGS];
	a->status = (uint8_t)r.v[R_STATUS];
	a->attempts = (uint32_t)r.v[R_ATTEMPTS];
	a->fails = (uint32_t)r.v[R_FAILS];
	a->count = (uint32_t)r.v[R_COUNT];
	a->next_ms = r.v[R_NEXT];
	a->sent_ms = r.v[R_SENT];
	a->answered_ms = r.v[R_ANSWERED];
	a->done_ms = r.v[R_DONE];
	a->first_ms = r.v[R_FIRST];
	a->last_ms = r.v[R_LAST];
	a->value_ms = r.v[R_VALUE];
	a->held_ms = r.v[R_HELD];
	a->reach_ms = r.v[R_REACH];
	a->quiet_ms = r.v[R_QUIET];
	mem_free(a->note);
	a->note = r.note;
	r.note = NULL;
	a->dirty = false;
	rc = 0;
out:
	raw_free(&r);
	return rc;
}

static struct store_id incident_id(const struct vault *v, const char *name)
{
	return store_id(v, STORE_INCIDENT, &name, 1);
}

struct naming {
	char day[16];
	int64_t top;
};

static int name_one(const struct incident *inc, void *arg, struct err *e)
{
	struct naming *n = arg;
	size_t len = strlen(n->day);
	int64_t no;

	(void)e;
	if (strncmp(inc->name, n->day, len) == 0 &&
	    text_int(inc->name + len, 1, INT32_MAX, &no) && no > n->top)
		n->top = no;
	return 0;
}

int record_name(struct vault *v, int64_t now_ms, struct incident *inc,
		struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct naming n = { .top = 0 };
	char t[CLOCK_TEXT];
	int rc = -1;

	clock_text(now_ms, t); /* 2026-11-22T... */
	if (buf_printf(&b, e, "INC-%.4s%.2s%.2s-", t, t + 5, t + 8) < 0)
		goto out;
	memcpy(n.day, b.p, b.len < sizeof(n.day) ? b.len + 1 : sizeof(n.day) - 1);
	if (record_incidents(v, name_one, &n, e) < 0)
		goto out;
	if (buf_printf(&b, e, "%lld", (long long)n.top + 1) < 0)
		goto out;
	inc->name = mem_strdup(b.p);
	if (!inc->name) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	inc->id = incident_id(v, inc->name);
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

int record_put_incident(struct vault *v, const struct incident *inc,
			struct err *e)
{
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	struct store_row row = { .id = inc->id };
	int rc = -1;

	if (record_pack_incident(inc, &b, e) < 0)
		goto out;
	row.data = b.p;
	row.len = b.len;
	row.due_ms = inc->closed_ms ? 0 : inc->opened_ms;
	rc = store_put(v, STORE_INCIDENT, &row, e);
out:
	buf_release(&b);
	return rc;
}

int record_put_action(struct vault *v, const struct work *w,
		      const struct action *a, struct err *e)
{
	const struct target *t = &w->targets[a->target];
	char what[2] = { (char)('0' + t->what), 0 };
	const char *parts[] = { w->inc.name, verb_word(a->verb), what,
				w->conns[t->conn], t->account, t->kind, t->id };
	struct store_row row = { .group = w->inc.id };
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	int rc = -1;

	if (record_pack_action(w, a, &b, e) < 0)
		goto out;
	row.id = store_id(v, STORE_ACTION, parts,
			  sizeof(parts) / sizeof(*parts));
	row.data = b.p;
	row.len = b.len;
	if (action_open(a))
		row.due_ms = a->next_ms > 0 && a->next_ms < INT64_MAX ?
				     a->next_ms : w->inc.opened_ms;
	rc = store_put(v, STORE_ACTION, &row, e);
out:
	buf_release(&b);
	return rc;
}

static int load_action(const struct store_row *row, void *arg, struct err *e)
{
	return record_unpack_action(arg, row->data, row->len, e);
}

int record_load(struct vault *v, const char *name, struct work *w,
		struct err *e)
{
	struct store_id id = incident_id(v, name);
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	int rc;

	rc = store_get(v, STORE_INCIDENT, &id, &b, NULL, e);
	if (rc <= 0)
		goto out;
	rc = -1;
	if (record_unpack_incident(&w->inc, b.p, b.len, e) < 0)
		goto out;
	w->inc.id = id;
	if (store_each(v, STORE_ACTION, &id, load_action, w, e) < 0)
		goto out;
	work_adopt(w);
	rc = 1;
out:
	buf_release(&b);
	return rc;
}

struct walk {
	record_fn fn;
	void *arg;
};

static int walk_one(const struct store_row *row, void *arg, struct err *e)
{
	struct walk *k = arg;
	struct incident inc;
	int rc;

	if (record_unpack_incident(&inc, row->data, row->len, e) < 0)
		return -1;
	inc.id = row->id;
	rc = k->fn(&inc, k->arg, e);
	incident_release(&inc);
	return rc;
}

int record_incidents(struct vault *v, record_fn fn, void *arg, struct err *e)
{
	struct walk k = { fn, arg };

	return store_each(v, STORE_INCIDENT, NULL, walk_one, &k, e);
}

struct names {
	char **p;
	int64_t *at;
	size_t n;
};

static int name_open(const struct incident *inc, void *arg, struct err *e)
{
	struct names *k = arg;
	char **p, *copy;
	int64_t *at;
	size_t i;

	if (inc->closed_ms)
		return 0;
	p = mem_realloc(k->p, (k->n + 1) * sizeof(*p));
	if (p)
		k->p = p;
	at = mem_realloc(k->at, (k->n + 1) * sizeof(*at));
	if (at)
		k->at = at;
	copy = mem_strdup(inc->name);
	if (!p || !at || !copy) {
		mem_free(copy);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	for (i = k->n; i > 0 && at[i - 1] > inc->opened_ms; i--) {
		p[i] = p[i - 1];
		at[i] = at[i - 1];
	}
	p[i] = copy;
	at[i] = inc->opened_ms;
	k->n++;
	return 0;
}

int record_open_names(struct vault *v, char ***names, size_t *n, struct err *e)
{
	struct names k = { 0 };
	int rc = record_incidents(v, name_open, &k, e);

	mem_free(k.at);
	if (rc < 0)
		record_free_names(&k.p, k.n);
	*names = k.p;
	*n = rc < 0 ? 0 : k.n;
	return rc < 0 ? -1 : 0;
}

void record_free_names(char ***names, size_t n)
{
	for (size_t i = 0; *names && i < n; i++)
		mem_free((*names)[i]);
	mem_free(*names);
	*names = NULL;
}
