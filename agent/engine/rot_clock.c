/* rot_clock: see rot_clock.h. */
#include "agent/engine/rot_clock.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pack.h"
#include "vault/store.h"

#define SLACK_MS 5000 /* a clock that is being steered moves a little */

enum { C_WALL = 1, C_BOOT = 3, C_ELAPSED, C_FORWARD, C_TOLD };

struct seen {
	int64_t wall, elapsed;
	int64_t forward; /* steps forward in this boot, not taken back */
	int64_t told;
	char boot[37];
};

static struct seen last;
static int64_t ahead_ms; /* of the wall clock, after it was set back */

static struct store_id row_id(const struct vault *v)
{
	const char *part = "rotation-clock";

	return store_id(v, STORE_SETTING, &part, 1);
}

int64_t rot_clock_ms(void)
{
	return clock_wall_ms() + ahead_ms;
}

int64_t rot_clock_kept_ms(void)
{
	return last.wall;
}

int64_t rot_clock_told_ms(void)
{
	return last.told;
}

void rot_clock_tell(int64_t back_ms)
{
	last.told = back_ms;
}

/* 1 there is a row, 0 none, -1. */
static int load(struct vault *v, struct seen *s, struct err *e)
{
	const struct store_id id = row_id(v);
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct unpack u;
	int rc = store_get(v, STORE_SETTING, &id, &b, NULL, e);

	*s = (struct seen){ .wall = 0 };
	if (rc <= 0)
		goto out;
	unpack_init(&u, b.p, b.len);
	while (unpack_next(&u)) {
		if (u.tag == C_WALL)
			s->wall = unpack_int(&u);
		else if (u.tag == C_ELAPSED)
			s->elapsed = unpack_int(&u);
		else if (u.tag == C_FORWARD)
			s->forward = unpack_int(&u);
		else if (u.tag == C_TOLD)
			s->told = unpack_int(&u);
		else if (u.tag == C_BOOT && u.len < sizeof s->boot)
			memcpy(s->boot, u.val, u.len);
	}
	if (u.bad)
		rc = err_fail(e, ERR_FORMAT, NULL, "malformed clock record");
out:
	buf_release(&b);
	return rc;
}

int rot_clock_start(struct vault *v, struct rot_clock_step *out, struct err *e)
{
	const int64_t elapsed = clock_elapsed_ms();
	int64_t off;
	bool same;
	int rc = load(v, &last, e);

	*out = (struct rot_clock_step){ 0, 0 };
	ahead_ms = 0;
	if (rc <= 0)
		return rc;
	same = last.elapsed && strcmp(last.boot, clock_boot_id()) == 0 &&
	       elapsed >= last.elapsed;
	off = clock_wall_ms() - last.wall - (same ? elapsed - last.elapsed : 0);
	if (!same)
		last.forward = 0;
	if (same && off > SLACK_MS) {
		out->moved_ms = off;
	} else if (off < -SLACK_MS) {
		out->moved_ms = -off < last.forward ? off : -last.forward;
		ahead_ms = out->moved_ms - off;
	}
	last.forward += out->moved_ms;
	out->back_ms = ahead_ms > SLACK_MS ? ahead_ms : 0;
	return 0;
}

int rot_clock_keep(struct vault *v, struct err *e)
{
	struct store_row row = { .id = row_id(v) };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct seen now = { .wall = rot_clock_ms(),
			    .elapsed = clock_elapsed_ms(),
			    .forward = last.forward, .told = last.told };
	int rc = -1;

	if (pack_int(&b, C_WALL, now.wall, e) < 0 ||
	    pack_int(&b, C_ELAPSED, now.elapsed, e) < 0 ||
	    pack_str(&b, C_BOOT, clock_boot_id(), e) < 0 ||
	    pack_int(&b, C_FORWARD, now.forward, e) < 0 ||
	    pack_int(&b, C_TOLD, now.told, e) < 0)
		goto out;
	row.data = b.p;
	row.len = b.len;
	rc = store_put(v, STORE_SETTING, &row, e);
	if (rc == 0)
		last = now;
out:
	buf_release(&b);
	return rc;
}
