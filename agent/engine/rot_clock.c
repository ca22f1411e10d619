/* rot_clock: see rot_clock.h. */
#include "agent/engine/rot_clock.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pack.h"
#include "vault/store.h"

#define SLACK_MS 5000 /* a clock that is being steered moves a little */

enum { C_WALL = 1, C_MONO, C_BOOT };

static int64_t ahead_ms; /* of the wall clock, after it was set back */
static int64_t kept_ms;

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
	return kept_ms;
}

int rot_clock_start(struct vault *v, int64_t *back_ms, struct err *e)
{
	const struct store_id id = row_id(v);
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int64_t wall = 0, mono = 0, least;
	char *boot = NULL;
	struct unpack u;
	int rc = store_get(v, STORE_SETTING, &id, &b, NULL, e);

	*back_ms = 0;
	if (rc <= 0)
		goto out;
	unpack_init(&u, b.p, b.len);
	while (unpack_next(&u)) {
		if (u.tag == C_WALL)
			wall = unpack_int(&u);
		else if (u.tag == C_MONO)
			mono = unpack_int(&u);
		else if (u.tag == C_BOOT && !boot)
			boot = unpack_str(&u);
	}
	least = wall;
	if (boot && strcmp(boot, clock_boot_id()) == 0 &&
	    clock_mono_ms() > mono)
		least += clock_mono_ms() - mono;
	kept_ms = wall;
	if (clock_wall_ms() + SLACK_MS < least) {
		ahead_ms = least - clock_wall_ms();
		*back_ms = ahead_ms;
	}
out:
	mem_free(boot);
	buf_release(&b);
	return rc < 0 ? -1 : 0;
}

int rot_clock_keep(struct vault *v, struct err *e)
{
	struct store_row row = { .id = row_id(v) };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const int64_t now = rot_clock_ms();
	int rc = -1;

	if (pack_int(&b, C_WALL, now, e) < 0 ||
	    pack_int(&b, C_MONO, clock_mono_ms(), e) < 0 ||
	    pack_str(&b, C_BOOT, clock_boot_id(), e) < 0)
		goto out;
	row.data = b.p;
	row.len = b.len;
	rc = store_put(v, STORE_SETTING, &row, e);
	if (rc == 0)
		kept_ms = now;
out:
	buf_release(&b);
	return rc;
}
