/*
 * waits: see waits.h.  Owns the move of what is being waited for, in rotations
 * and in open incidents.  What a service said, a deadline and the journal's times
 * are never moved.
 */
#include "agent/waits.h"

#include "agent/alarm_clock.h"
#include "agent/engine/record.h"
#include "agent/engine/rot.h"
#include "base/mem.h"

#define KEEP_MS 60000 /* the time is not written down for less */

struct busy {
	struct store_id *p;
	size_t n, cap;
};

static int one(const struct rot_line *l, void *arg, struct err *e)
{
	struct busy *b = arg;

	if (!rot_busy(l))
		return 0;
	if (b->n == b->cap) {
		const size_t cap = b->cap ? b->cap * 2 : 64;
		struct store_id *p = mem_realloc(b->p, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		b->p = p;
		b->cap = cap;
	}
	b->p[b->n++] = l->id;
	return 0;
}

static int move_rotations(struct app *app, int64_t by_ms, struct err *e)
{
	struct busy b = { NULL, 0, 0 };
	struct rot_line l;
	int rc = rot_each(app->vault, one, &b, e);

	for (size_t i = 0; rc == 0 && i < b.n; i++) {
		rc = rot_get(app->vault, &b.p[i], &l, NULL, e);
		if (rc <= 0)
			continue;
		rot_move(&l, by_ms);
		rc = rot_put(app->vault, &l, NULL, false, e);
		rot_free(&l);
	}
	mem_free(b.p);
	return rc < 0 ? -1 : 0;
}

static int move_incident(struct app *app, const char *name, int64_t by_ms,
			 struct err *e)
{
	struct work w = { 0 };
	int rc = record_load(app->vault, name, &w, e);

	work_move(&w, by_ms);
	for (uint32_t i = 0; rc > 0 && i < w.n_actions; i++)
		if (record_put_action(app->vault, &w, &w.actions[i], e) < 0)
			rc = -1;
	work_free(&w);
	return rc < 0 ? -1 : 0;
}

static int move_incidents(struct app *app, int64_t by_ms, struct err *e)
{
	char **names = NULL;
	size_t n = 0;
	int rc = record_open_names(app->vault, &names, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = move_incident(app, names[i], by_ms, e);
	record_free_names(&names, n);
	return rc;
}

int waits_look(struct app *app, struct err *e)
{
	struct rot_clock_step s;

	if (rot_clock_start(app->vault, &s, e) < 0)
		return -1;
	if (!s.moved_ms && !s.back_ms && !rot_clock_told_ms() &&
	    rot_clock_ms() - rot_clock_kept_ms() < KEEP_MS)
		return 0;
	/* all of it or nothing: moved twice, or never, would be as bad */
	if (store_begin(app->vault, e) < 0)
		return -1;
	if ((s.moved_ms && (move_rotations(app, s.moved_ms, e) < 0 ||
			    move_incidents(app, s.moved_ms, e) < 0)) ||
	    alarm_clock(app, &s, e) < 0 || rot_clock_keep(app->vault, e) < 0) {
		store_rollback(app->vault);
		return -1;
	}
	return store_commit(app->vault, e);
}
