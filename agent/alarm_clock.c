/*
 * alarm_clock: the highest time ever seen, and how the clock went since.
 *
 * Within one boot the wall clock may not fall behind the monotonic one; across
 * boots it may not fall behind the last time seen.  Small steps are what NTP
 * does and are let pass.
 */
#include "agent/alarm_clock.h"

#include <stdio.h>
#include <string.h>

#include "agent/alarm.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/pack.h"
#include "vault/store.h"

#define SLACK_MS 60000
#define WRITE_MS 60000 /* a row is not written for less */
#define ABOUT "the clock of this machine"

enum { C_WALL = 1, C_MONO, C_BOOT, C_HIGHEST };

struct seen {
	int64_t wall, mono, highest;
	char boot[37];
};

static struct store_id row_id(const struct vault *v)
{
	static const char *const part = "clock";

	return store_id(v, STORE_SETTING, &part, 1);
}

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
		else if (u.tag == C_MONO)
			s->mono = unpack_int(&u);
		else if (u.tag == C_HIGHEST)
			s->highest = unpack_int(&u);
		else if (u.tag == C_BOOT && u.len < sizeof s->boot)
			memcpy(s->boot, u.val, u.len);
	}
	rc = u.bad ? err_fail(e, ERR_FORMAT, NULL, "malformed clock record") : 0;
out:
	buf_release(&b);
	return rc < 0 ? -1 : 0;
}

static int save(struct vault *v, const struct seen *s, struct err *e)
{
	struct store_row row = { .id = row_id(v) };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (pack_int(&b, C_WALL, s->wall, e) == 0 &&
	    pack_int(&b, C_MONO, s->mono, e) == 0 &&
	    pack_str(&b, C_BOOT, s->boot, e) == 0 &&
	    pack_int(&b, C_HIGHEST, s->highest, e) == 0) {
		row.data = b.p;
		row.len = b.len;
		rc = store_put(v, STORE_SETTING, &row, e);
	}
	buf_release(&b);
	return rc;
}

/* By how much the clock is behind of where it must be. */
static int64_t behind(const struct seen *was, const struct seen *now)
{
	int64_t least = was->wall;

	if (was->boot[0] != '\0' && strcmp(was->boot, now->boot) == 0 &&
	    now->mono > was->mono)
		least += now->mono - was->mono;
	return least - now->wall;
}

static int raise(struct app *app, int64_t by_ms, struct err *e)
{
	char text[200], span[CLOCK_TEXT];
	const struct alarm a = {
		.event = ALARM_CLOCK, .about = ABOUT, .text = text,
		.todo = "set it right (timedatectl); deadlines are not moved "
			"by it",
	};

	(void)snprintf(text, sizeof text, "it was set back by %s",
		       clock_span(by_ms, span));
	return alarm_raise(app, &a, e);
}

int alarm_clock(struct app *app, struct err *e)
{
	struct seen was, now = { .wall = clock_wall_ms(),
				 .mono = clock_mono_ms() };
	int64_t by;

	(void)snprintf(now.boot, sizeof now.boot, "%s", clock_boot_id());
	if (load(app->vault, &was, e) < 0)
		return -1;
	by = was.wall != 0 ? behind(&was, &now) : 0;
	now.highest = was.highest > now.wall ? was.highest : now.wall;
	if (by > SLACK_MS && raise(app, by, e) < 0)
		return -1;
	if (by <= SLACK_MS && now.wall + SLACK_MS >= was.highest &&
	    alarm_clear(app, ALARM_CLOCK, ABOUT, e) < 0)
		return -1;
	if (by <= SLACK_MS && was.wall != 0 && now.wall - was.wall < WRITE_MS &&
	    now.wall >= was.wall && strcmp(was.boot, now.boot) == 0)
		return 0;
	return save(app->vault, &now, e);
}
