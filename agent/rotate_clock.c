/*
 * rotate_clock: before anything is decided: what became of the clock since the
 * last run?  Owns the move of what is being waited for when it was set forward;
 * a deadline is never moved.
 */
#include "agent/alarm_clock.h"
#include "agent/rotate.h"
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

static int move(struct app *app, int64_t by_ms, struct err *e)
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

int rotate_clock(struct app *app, struct err *e)
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
	if ((s.moved_ms && move(app, s.moved_ms, e) < 0) ||
	    alarm_clock(app, &s, e) < 0 || rot_clock_keep(app->vault, e) < 0) {
		store_rollback(app->vault);
		return -1;
	}
	return store_commit(app->vault, e);
}
