/*
 * alarm: the rows of what stands.
 *
 * Owns their form (base/pack.h; tags are never reused), among the settings.
 */
#include "agent/alarm_int.h"

#include <string.h>

#include "agent/report/out.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pack.h"
#include "vault/journal.h"

enum {
	A_EVENT = 1, A_ABOUT, A_POLICY, A_TEXT, A_TODO, A_FIRST, A_LAST, A_OVER,
	A_TIMES, A_FLAGS, A_PLACE, A_TOLD, A_NEXT, A_FAILS, A_WHY, A_OVER_TOLD,
};
enum { AF_ONCE = 1 };

const char *alarm_word(enum alarm_event event)
{
	static const char *const words[] = {
		[ALARM_STUCK] = "stuck",       [ALARM_QUARANTINE] = "quarantine",
		[ALARM_DEADLINE] = "deadline", [ALARM_CLOCK] = "clock",
		[ALARM_FINDING] = "finding",   [ALARM_TEST] = "test",
	};

	return event >= ALARM_STUCK && event <= ALARM_TEST ? words[event] : "";
}

/* ---- one row ------------------------------------------------------------- */

static void row_release(struct alarm_row *r)
{
	for (size_t i = 0; i < r->n_places; i++) {
		mem_free(r->places[i].name);
		mem_free(r->places[i].why);
	}
	mem_free(r->places);
	mem_free(r->about);
	mem_free(r->policy);
	mem_free(r->text);
	mem_free(r->todo);
	*r = (struct alarm_row){ .times = 0 };
}

static struct store_id group_id(const struct vault *v)
{
	static const char *const part = "alarms";

	return store_id(v, STORE_SETTING, &part, 1);
}

static struct store_id row_id(const struct vault *v, enum alarm_event event,
			      const char *about)
{
	const char *const parts[3] = { "alarm", alarm_word(event), about };

	return store_id(v, STORE_SETTING, parts, 3);
}

struct alarm_place *alarm_place(struct alarm_row *r, const char *name,
				struct err *e)
{
	struct alarm_place *p;
	char *own;

	for (size_t i = 0; i < r->n_places; i++)
		if (strcmp(r->places[i].name, name) == 0)
			return &r->places[i];
	if (r->n_places == ALARM_PLACES_MAX) {
		(void)err_fail(e, ERR_TOOBIG, name, "more than %u ways to tell",
			       ALARM_PLACES_MAX);
		return NULL;
	}
	own = mem_strdup(name);
	p = mem_realloc(r->places, (r->n_places + 1) * sizeof *p);
	if (p != NULL)
		r->places = p;
	if (own == NULL || p == NULL) {
		mem_free(own);
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	p = &r->places[r->n_places++];
	*p = (struct alarm_place){ .name = own };
	return p;
}

static int pack_places(const struct alarm_row *r, struct buf *b, struct err *e)
{
	for (size_t i = 0; i < r->n_places; i++) {
		const struct alarm_place *p = &r->places[i];

		if (pack_str(b, A_PLACE, p->name, e) < 0 ||
		    pack_int(b, A_TOLD, p->told_ms, e) < 0 ||
		    pack_int(b, A_NEXT, p->next_ms, e) < 0 ||
		    pack_int(b, A_FAILS, p->fails, e) < 0 ||
		    pack_str(b, A_WHY, p->why, e) < 0 ||
		    pack_int(b, A_OVER_TOLD, p->over_told, e) < 0)
			return -1;
	}
	return 0;
}

static int64_t due_of(const struct alarm_row *r)
{
	int64_t due = r->n_places == 0 ? 1 : INT64_MAX;

	for (size_t i = 0; i < r->n_places; i++)
		if (r->places[i].next_ms < due)
			due = r->places[i].next_ms;
	return due < 1 ? 1 : due == INT64_MAX ? 0 : due;
}

int alarm_row_put(struct vault *v, const struct alarm_row *r, struct err *e)
{
	struct store_row row = { .id = r->id, .group = group_id(v),
				 .due_ms = due_of(r) };
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	int rc = -1;

	if (pack_int(&b, A_EVENT, r->event, e) < 0 ||
	    pack_str(&b, A_ABOUT, r->about, e) < 0 ||
	    pack_str(&b, A_POLICY, r->policy, e) < 0 ||
	    pack_str(&b, A_TEXT, r->text, e) < 0 ||
	    pack_str(&b, A_TODO, r->todo, e) < 0 ||
	    pack_int(&b, A_FIRST, r->first_ms, e) < 0 ||
	    pack_int(&b, A_LAST, r->last_ms, e) < 0 ||
	    pack_int(&b, A_OVER, r->over_ms, e) < 0 ||
	    pack_int(&b, A_TIMES, r->times, e) < 0 ||
	    pack_int(&b, A_FLAGS, r->once ? AF_ONCE : 0, e) < 0 ||
	    pack_places(r, &b, e) < 0)
		goto out;
	row.data = b.p;
	row.len = b.len;
	rc = store_put(v, STORE_SETTING, &row, e);
out:
	buf_release(&b);
	return rc;
}

int alarm_row_delete(struct vault *v, const struct alarm_row *r, struct err *e)
{
	return store_delete(v, STORE_SETTING, &r->id, e);
}

static int take_text(struct alarm_row *r, struct unpack *u, struct err *e)
{
	char **to = u->tag == A_ABOUT  ? &r->about :
		    u->tag == A_POLICY ? &r->policy :
		    u->tag == A_TEXT   ? &r->text :
		    u->tag == A_TODO   ? &r->todo :
		    r->n_places > 0    ? &r->places[r->n_places - 1].why :
					 NULL;
	char *s = unpack_str(u);

	if (s == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (u->tag == A_PLACE) {
		to = NULL;
		if (alarm_place(r, s, e) == NULL) {
			mem_free(s);
			return -1;
		}
	}
	if (to == NULL) {
		mem_free(s);
		return 0;
	}
	mem_free(*to);
	*to = s;
	return 0;
}

static void take_int(struct alarm_row *r, struct unpack *u)
{
	struct alarm_place none = { .name = NULL };
	struct alarm_place *p = r->n_places > 0 ? &r->places[r->n_places - 1] :
						  &none;
	const int64_t v = unpack_int(u);

	switch (u->tag) {
	case A_EVENT: r->event = (enum alarm_event)v; break;
	case A_FIRST: r->first_ms = v; break;
	case A_LAST: r->last_ms = v; break;
	case A_OVER: r->over_ms = v; break;
	case A_TIMES: r->times = v; break;
	case A_FLAGS: r->once = (v & AF_ONCE) != 0; break;
	case A_TOLD: p->told_ms = v; break;
	case A_NEXT: p->next_ms = v; break;
	case A_FAILS: p->fails = v; break;
	case A_OVER_TOLD: p->over_told = v != 0; break;
	default: break;
	}
}

/* A text that was empty when it was written is there as "". */
static int fill(struct alarm_row *r, struct err *e)
{
	char **const all[] = { &r->about, &r->policy, &r->text, &r->todo };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (*all[i] == NULL && (*all[i] = mem_strdup("")) == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

static int row_unpack(const void *p, size_t n, struct alarm_row *r, struct err *e)
{
	struct unpack u;

	unpack_init(&u, p, n);
	while (unpack_next(&u)) {
		switch (u.tag) {
		case A_ABOUT: case A_POLICY: case A_TEXT: case A_TODO:
		case A_PLACE: case A_WHY:
			if (take_text(r, &u, e) < 0)
				return -1;
			break;
		case A_EVENT: case A_FIRST: case A_LAST: case A_OVER:
		case A_TIMES: case A_FLAGS: case A_TOLD: case A_NEXT:
		case A_FAILS: case A_OVER_TOLD:
			take_int(r, &u);
			break;
		default:
			break;
		}
	}
	if (u.bad || alarm_word(r->event)[0] == '\0')
		return err_fail(e, ERR_FORMAT, NULL, "malformed alarm");
	return fill(r, e);
}

/* ---- all rows ------------------------------------------------------------ */

static int load_one(const struct store_row *row, void *arg, struct err *e)
{
	struct alarm_rows *all = arg;

	if (all->n == all->cap) {
		const size_t cap = all->cap != 0 ? 2 * all->cap : 16;
		struct alarm_row *more = mem_realloc(all->v, cap * sizeof *more);

		if (more == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		all->v = more;
		all->cap = cap;
	}
	all->v[all->n] = (struct alarm_row){ .id = row->id };
	return row_unpack(row->data, row->len, &all->v[all->n++], e);
}

int alarm_rows_load(struct vault *v, struct alarm_rows *out, struct err *e)
{
	const struct store_id group = group_id(v);

	*out = (struct alarm_rows){ .n = 0 };
	return store_each(v, STORE_SETTING, &group, load_one, out, e);
}

void alarm_rows_free(struct alarm_rows *r)
{
	for (size_t i = 0; i < r->n; i++)
		row_release(&r->v[i]);
	mem_free(r->v);
	*r = (struct alarm_rows){ .n = 0 };
}

static int earliest(const struct store_row *row, void *arg, struct err *e)
{
	int64_t *at = arg;

	(void)e;
	if (row->due_ms > 0 && (*at == 0 || row->due_ms < *at))
		*at = row->due_ms;
	return 0;
}

int alarm_next_ms(struct app *app, int64_t *at_ms, struct err *e)
{
	const struct store_id group = group_id(app->vault);

	*at_ms = 0;
	return store_each(app->vault, STORE_SETTING, &group, earliest, at_ms, e);
}

/* ---- raising and clearing ------------------------------------------------ */

/* 1 found, 0 absent, -1. */
static int look(struct vault *v, enum alarm_event event, const char *about,
		struct alarm_row *out, struct err *e)
{
	const struct store_id id = row_id(v, event, about);
	struct buf data = BUF_INIT(BUF_RECORD_MAX);
	int rc = store_get(v, STORE_SETTING, &id, &data, NULL, e);

	*out = (struct alarm_row){ .id = id, .event = event };
	if (rc > 0 && row_unpack(data.p, data.len, out, e) < 0)
		rc = -1;
	buf_release(&data);
	return rc;
}

/* Texts may come from a service: one printable line, of bounded length. */
static int set_text(char **to, const char *s, size_t max, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char *cut = mem_strndup(s != NULL ? s : "", max);
	int rc = -1;

	if (cut != NULL && out_safe(&b, cut, e) == 0) {
		mem_free(*to);
		*to = mem_strdup(b.len > 0 ? b.p : "");
		rc = *to != NULL ? 0 : -1;
	}
	if (rc < 0)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mem_free(cut);
	buf_release(&b);
	return rc;
}

static int note(struct app *app, const struct alarm_row *r, const char *what,
		struct err *e)
{
	struct journal_entry j = { .kind = J_DECISION,
				   .at_ms = clock_wall_ms() };
	const bool has_text = r->text != NULL && r->text[0] != '\0';
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_printf(&text, e, "%s: %s: %s%s%s", what,
			    alarm_word(r->event), r->about,
			    has_text ? ": " : "", has_text ? r->text : "");

	if (rc == 0) {
		j.text = text.p;
		rc = journal_append(app->vault, &j, NULL, e);
	}
	buf_release(&text);
	return rc;
}

static int store_both(struct app *app, const struct alarm_row *r,
		      const char *what, struct err *e)
{
	const bool own = !store_in_transaction(app->vault);

	if (own && store_begin(app->vault, e) < 0)
		return -1;
	if (alarm_row_put(app->vault, r, e) < 0 || note(app, r, what, e) < 0) {
		if (own)
			store_rollback(app->vault);
		return -1;
	}
	return own ? store_commit(app->vault, e) : 0;
}

int alarm_raise(struct app *app, const struct alarm *a, struct err *e)
{
	const int64_t now = clock_wall_ms();
	struct alarm_place *p;
	struct alarm_row r, fresh = { .id = { { 0 } } };
	int rc = look(app->vault, a->event, a->about, &r, e);
	const bool stands = rc > 0 && r.over_ms == 0;

	if (rc < 0 ||
	    set_text(&fresh.text, a->text, ALARM_TEXT_MAX, e) < 0 ||
	    set_text(&fresh.about, a->about, ALARM_ABOUT_MAX, e) < 0 ||
	    set_text(&fresh.todo, a->todo, ALARM_TEXT_MAX, e) < 0 ||
	    set_text(&fresh.policy, a->policy, ALARM_ABOUT_MAX, e) < 0) {
		rc = -1;
		goto out;
	}
	rc = 0;
	if (stands && !a->once && strcmp(r.text, fresh.text) == 0)
		goto out;
	fresh.id = r.id;
	fresh.event = a->event;
	fresh.once = a->once;
	fresh.times = r.times + 1;
	fresh.first_ms = stands ? r.first_ms : now;
	fresh.last_ms = now;
	/* what was told when keeps its clock: a text that changes with every
	 * attempt is no reason for a mail every quarter of an hour */
	if (stands && !a->once) {
		fresh.places = r.places;
		fresh.n_places = r.n_places;
		r.places = NULL;
		r.n_places = 0;
	}
	p = alarm_place(&fresh, "log", e);
	if (p == NULL) {
		rc = -1;
		goto out;
	}
	if (p->told_ms == 0) {
		log_line(LOG_ERROR, "alarm: %s: %s: %s%s%s", alarm_word(a->event),
			 fresh.about, fresh.text,
			 fresh.todo[0] != '\0' ? "; " : "", fresh.todo);
		p->told_ms = now;
		p->next_ms = now; /* deliver looks at once */
	}
	rc = store_both(app, &fresh, "alarm", e);
out:
	row_release(&r);
	row_release(&fresh);
	return rc;
}

int alarm_clear(struct app *app, enum alarm_event event, const char *about,
		struct err *e)
{
	struct alarm_row r;
	int rc = look(app->vault, event, about, &r, e);

	if (rc > 0 && r.over_ms == 0 && !r.once) {
		r.over_ms = clock_wall_ms();
		for (size_t i = 0; i < r.n_places; i++)
			r.places[i].next_ms = r.over_ms;
		rc = store_both(app, &r, "alarm over", e);
	}
	row_release(&r);
	return rc < 0 ? -1 : 0;
}
