/*
 * schedule: calendar windows in their time zones, and when a rotation is due.
 *
 * A moment is in a window when the zone's wall clock reads a time in it for
 * the first time: an hour that the zone repeats counts once, one that it skips
 * does not exist.  Promises: zone files are read by schedule_parse() and never
 * later.  Must never: ask the clock.
 */
#include "agent/schedule.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/zone.h"

#define DAY_S INT64_C(86400)
#define YEAR_MS (INT64_C(366) * 86400 * 1000)
#define WINDOWS_MAX 64u
#define WORD_MAX 80u

struct window {
	unsigned days;	 /* bit 0: Sunday */
	int64_t from, until; /* seconds of a day; until <= from: the next day */
	struct zone *zone;
};

struct schedule {
	struct window w[WINDOWS_MAX];
	size_t n;
};

/* ---- reading ------------------------------------------------------------- */

static int bad_word(const char *word, const char *what, struct err *e)
{
	(void)err_fail(e, ERR_CONFIG, word, "%s", what);
	err_hint(e, "a window is \"Mon-Fri 09:00-16:00 Europe/Berlin\"; "
		    "several are split by ';'");
	return -1;
}

/* Three letters of a day, or -1. */
static int day_of(const char *s, size_t n)
{
	static const char names[] = "SunMonTueWedThuFriSat";

	for (int i = 0; n == 3 && i < 7; i++)
		if (strncmp(names + 3 * i, s, 3) == 0)
			return i;
	return -1;
}

/* "Mon-Fri,Sun" */
static int read_days(const char *word, unsigned *days, struct err *e)
{
	const char *s = word;

	for (*days = 0;; s++) {
		const size_t n = strcspn(s, ",");
		const char *dash = memchr(s, '-', n);
		const size_t first = dash != NULL ? (size_t)(dash - s) : n;
		const int a = day_of(s, first);
		const int b = dash == NULL ? a :
					     day_of(dash + 1, n - first - 1);

		if (a < 0 || b < 0)
			return bad_word(word, "is not a day, a range or a list "
					"of days (Sun Mon Tue Wed Thu Fri Sat)",
					e);
		for (int d = a;; d = (d + 1) % 7) {
			*days |= 1u << d;
			if (d == b)
				break;
		}
		s += n;
		if (*s == '\0')
			return 0;
	}
}

/* "HH:MM" at s; 24:00 only where a window ends. */
static bool read_clock(const char *s, bool end, int64_t *out)
{
	int v[4] = { 0 };

	*out = 0;
	for (int i = 0, k = 0; i < 5; i++) {
		if (i == 2) {
			if (s[i] != ':')
				return false;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return false;
		v[k++] = s[i] - '0';
	}
	*out = (v[0] * 10 + v[1]) * 3600 + (v[2] * 10 + v[3]) * 60;
	return v[2] < 6 && (*out < DAY_S || (end && *out == DAY_S));
}

static int read_times(const char *word, struct window *w, struct err *e)
{
	if (strlen(word) != 11 || word[5] != '-' ||
	    !read_clock(word, false, &w->from) ||
	    !read_clock(word + 6, true, &w->until))
		return bad_word(word, "is not a pair of times, HH:MM-HH:MM", e);
	if (w->from == w->until)
		return bad_word(word, "is empty; the whole day is 00:00-24:00",
				e);
	return 0;
}

/* The next word of *s, up to `end`; false when there is none. */
static bool next_word(const char **s, const char *end, char out[WORD_MAX])
{
	size_t n = 0;

	while (*s < end && (**s == ' ' || **s == '\t'))
		(*s)++;
	while (*s < end && **s != ' ' && **s != '\t') {
		if (n + 1 < WORD_MAX)
			out[n++] = **s;
		(*s)++;
	}
	out[n] = '\0';
	return n > 0;
}

static int read_window(const char *s, const char *end, struct window *w,
		       struct err *e)
{
	char word[WORD_MAX] = "", zone[WORD_MAX] = "UTC", more[WORD_MAX];

	w->days = 0x7f;
	if (!next_word(&s, end, word))
		return bad_word("", "a window is empty", e);
	if (word[0] < '0' || word[0] > '9') {
		if (read_days(word, &w->days, e) < 0)
			return -1;
		if (!next_word(&s, end, more))
			return bad_word(word, "is followed by no times", e);
		memcpy(word, more, sizeof word);
	}
	if (read_times(word, w, e) < 0)
		return -1;
	if (next_word(&s, end, more)) {
		memcpy(zone, more, sizeof zone);
		if (next_word(&s, end, more))
			return bad_word(more, "is one word too many", e);
	}
	return zone_open(zone, &w->zone, e);
}

int schedule_parse(const char *text, struct schedule **out, struct err *e)
{
	struct schedule *s = mem_zalloc(sizeof *s);
	int rc = -1;

	*out = NULL;
	if (s == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (;;) {
		const char *end = text + strcspn(text, ";");

		if (s->n == WINDOWS_MAX) {
			(void)err_fail(e, ERR_CONFIG, NULL,
				       "more than %u windows", WINDOWS_MAX);
			goto out;
		}
		if (read_window(text, end, &s->w[s->n], e) < 0)
			goto out;
		s->n++;
		if (*end == '\0')
			break;
		text = end + 1;
	}
	*out = s;
	s = NULL;
	rc = 0;
out:
	schedule_free(&s);
	if (rc < 0 && e != NULL)
		e->code = e->code == ERR_NOMEM ? ERR_NOMEM : ERR_CONFIG;
	return rc;
}

void schedule_free(struct schedule **sp)
{
	struct schedule *s = *sp;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		zone_close(&s->w[i].zone);
	mem_free(s);
	*sp = NULL;
}

/* ---- one window ---------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool on_day(const struct window *w, int64_t day)
{
	/* 1970-01-01 was a Thursday */
	const int64_t weekday = ((day + 4) % 7 + 7) % 7;

	return (w->days >> weekday & 1) != 0;
}

/* Does a wall clock that reads `wall` lie in the window? */
static bool in_window(const struct window *w, int64_t wall)
{
	const int64_t day = floor_div(wall, DAY_S), in = wall - day * DAY_S;

	if (w->until > w->from)
		return in >= w->from && in < w->until && on_day(w, day);
	return (in >= w->from && on_day(w, day)) ||
	       (in < w->until && on_day(w, day - 1));
}

/* The next reading, later than `wall`, at which the window starts. */
static int64_t next_start(const struct window *w, int64_t wall)
{
	int64_t day = floor_div(wall, DAY_S);

	while (!on_day(w, day) || day * DAY_S + w->from <= wall)
		day++;
	return day * DAY_S + w->from;
}

/* Did the wall clock read that before?  Then *fresh is the moment from which
 * on it reads what it never did (as long as the offset stays). */
static bool repeated(const struct zone *z, const struct zone_span *now,
		     int64_t t, int64_t *fresh)
{
	const int64_t wall = t + now->offset;
	struct zone_span p = *now;

	/* no zone goes back by more than a day; three changes within two days
	 * are more than any has */
	for (int i = 0; i < 3 && p.from > t - 2 * DAY_S; i++) {
		p = zone_at(z, p.from - 1);
		if (p.until + p.offset > wall &&
		    (p.from == INT64_MIN || p.from + p.offset <= wall)) {
			*fresh = p.until + p.offset - now->offset;
			return true;
		}
	}
	return false;
}

static bool window_open(const struct window *w, int64_t t)
{
	const struct zone_span s = zone_at(w->zone, t);
	int64_t fresh;

	return in_window(w, t + s.offset) &&
	       !repeated(w->zone, &s, t, &fresh);
}

/* The first second from t on in the window, or -1. */
static int64_t window_next(const struct window *w, int64_t t)
{
	const int64_t limit = t + 2 * YEAR_MS / 1000;

	while (t <= limit) {
		const struct zone_span s = zone_at(w->zone, t);
		int64_t to;

		if (!in_window(w, t + s.offset))
			to = next_start(w, t + s.offset) - s.offset;
		else if (!repeated(w->zone, &s, t, &to))
			return t;
		t = to < s.until ? to : s.until;
	}
	return -1;
}

/* ---- all of them --------------------------------------------------------- */

bool schedule_open(const struct schedule *s, int64_t at_ms)
{
	for (size_t i = 0; i < s->n; i++)
		if (window_open(&s->w[i], floor_div(at_ms, 1000)))
			return true;
	return false;
}

int64_t schedule_next(const struct schedule *s, int64_t at_ms)
{
	const int64_t at = floor_div(at_ms, 1000);
	int64_t best = -1;

	for (size_t i = 0; i < s->n; i++) {
		const int64_t t = window_next(&s->w[i], at);

		if (t == at)
			return at_ms;
		if (t >= 0 && (best < 0 || t < best))
			best = t;
	}
	return best < 0 ? -1 : best * 1000;
}

/* ---- due ----------------------------------------------------------------- */

static int64_t plus(int64_t a, int64_t b)
{
	int64_t r;

	return __builtin_add_overflow(a, b, &r) ? INT64_MAX : r;
}

/* The last moment in a window before `limit`, not before `from`; -1: none.
 * Windows come back every week, so two weeks before the limit tell. */
static int64_t last_open(const struct schedule *s, int64_t from, int64_t limit)
{
	const int64_t step = 3600 * 1000;
	int64_t best = -1;

	if (from < limit - 15 * DAY_S * 1000)
		from = limit - 15 * DAY_S * 1000;
	for (int64_t t = schedule_next(s, from); t >= 0 && t <= limit;
	     t = schedule_next(s, t + step))
		best = t;
	return best;
}

int64_t schedule_due(const struct schedule_rule *r, int64_t last_ms, uint64_t seed)
{
	const int64_t limit = r->max_age_ms > 0 ? plus(last_ms, r->max_age_ms) :
						  INT64_MAX;
	int64_t due, next, late;

	if (r->every_ms <= 0)
		return INT64_MAX;
	due = plus(last_ms, r->every_ms);
	if (due > limit)
		due = limit;
	if (r->jitter_ms > 0 && due < INT64_MAX) {
		/* where max_age leaves no room behind, the same spread lies
		 * in front: all at once is what jitter is there against */
		late = limit - due < r->jitter_ms ? limit - due : r->jitter_ms;
		due = plus(due, late - (int64_t)(seed %
					((uint64_t)r->jitter_ms + 1)));
	}
	if (r->window == NULL || due == INT64_MAX)
		return due;
	next = schedule_next(r->window, due);
	if (next >= 0 && next <= limit)
		return next;
	if (limit == INT64_MAX)
		return due;
	/* none between due and the latest moment: rather a window too early
	 * than none */
	next = last_open(r->window, last_ms + r->every_ms / 2, limit);
	return next >= 0 ? next : limit;
}
