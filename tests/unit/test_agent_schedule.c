/* schedule: windows against a minute-by-minute count with the C library's zones;
 * what is due when. */
// link: base agent/schedule.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/schedule.h"
#include "base/clock.h"

#define MIN_S 60
#define DAY_MS (INT64_C(86400) * 1000)
#define SEEN 8192 /* minutes: more than a day and what a zone goes back */

/* What the header promises, in the plainest form: the wall clock reads a time
 * in one of the windows, and did not read it before. */
struct plain {
	const char *zone;
	const char *text; /* windows; '@' is the zone */
	unsigned days[2];
	int from[2], until[2]; /* minutes */
	int n;
};

static bool plain_fits(const struct plain *p, const struct tm *tm)
{
	const int m = tm->tm_hour * 60 + tm->tm_min;

	for (int i = 0; i < p->n; i++) {
		const unsigned today = p->days[i] >> tm->tm_wday & 1;
		const unsigned before = p->days[i] >> (tm->tm_wday + 6) % 7 & 1;

		if (p->until[i] > p->from[i] ?
			    today && m >= p->from[i] && m < p->until[i] :
			    (today && m >= p->from[i]) ||
				    (before && m < p->until[i]))
			return true;
	}
	return false;
}

static int64_t at(const char *text)
{
	int64_t ms;

	if (!clock_parse(text, &ms))
		fail_msg("'%s' is no time", text);
	return ms;
}

static void check_minute(const struct plain *p, const struct schedule *s,
			 int64_t t, bool open, int64_t next)
{
	char a[CLOCK_TEXT], b[CLOCK_TEXT], c[CLOCK_TEXT];

	if (schedule_open(s, t * 1000) != open)
		fail_msg("%s %s: %s is %s", p->text, p->zone,
			 clock_text(t * 1000, a), open ? "open" : "shut");
	if (next >= 0 && schedule_next(s, t * 1000) != next * 1000)
		fail_msg("%s %s: next from %s is %s, not %s", p->text, p->zone,
			 clock_text(t * 1000, a), clock_text(next * 1000, b),
			 clock_text(schedule_next(s, t * 1000), c));
}

static void brute(const struct plain *p, const char *from, const char *to)
{
	const int64_t begin = at(from) / 1000, n = (at(to) / 1000 - begin) / MIN_S;
	static int64_t seen[SEEN];
	unsigned char *open = calloc((size_t)n, 1);
	struct schedule *s = NULL;
	struct err e = ERR_INIT;
	char text[200] = "";
	int64_t next = -1;

	assert_non_null(open);
	memset(seen, 0xff, sizeof seen);
	assert_int_equal(setenv("TZ", p->zone, 1), 0);
	tzset();
	for (const char *c = p->text; *c != '\0'; c++) {
		const size_t used = strlen(text);

		(void)snprintf(text + used, sizeof text - used, "%s%.1s",
			       *c == '@' ? p->zone : "", *c == '@' ? "" : c);
	}
	if (schedule_parse(text, &s, &e) < 0)
		fail_msg("%s: %s", text, e.cause);
	for (int64_t i = 0; i < n; i++) {
		const time_t t = (time_t)(begin + i * MIN_S);
		struct tm tm;
		int64_t wall;

		assert_non_null(localtime_r(&t, &tm));
		wall = ((int64_t)t + tm.tm_gmtoff) / MIN_S;
		open[i] = seen[wall % SEEN] != wall && plain_fits(p, &tm);
		seen[wall % SEEN] = wall;
	}
	for (int64_t i = n - 1; i >= 0; i--) {
		const bool edge = i + 1 < n && open[i] != open[i + 1];

		if (open[i])
			next = begin + i * MIN_S;
		check_minute(p, s, begin + i * MIN_S, open[i],
			     edge || i % 61 == 0 || (i > 0 &&
						     open[i] != open[i - 1]) ?
				     next : -1);
	}
	schedule_free(&s);
	assert_null(s);
	free(open);
}

static const struct plain plains[] = {
	{ "Europe/Berlin", "Mon-Fri 09:00-16:00 @", { 0x3e }, { 540 }, { 960 },
	  1 },
	/* the skipped and the repeated hour, edges in and around it */
	{ "Europe/Berlin", "02:15-02:45 @", { 0x7f }, { 135 }, { 165 }, 1 },
	{ "Europe/Berlin", "Sun 01:30-02:30 @; Sun 02:40-03:10 @",
	  { 1, 1 }, { 90, 160 }, { 150, 190 }, 2 },
	{ "America/New_York", "22:00-01:30 @", { 0x7f }, { 1320 }, { 90 }, 1 },
	{ "America/New_York", "Sat 23:00-02:00 @", { 0x40 }, { 1380 }, { 120 },
	  1 },
	/* half an hour of summer time; a lost day; twice a year around Ramadan;
	 * two hours; midnight that does not exist */
	{ "Australia/Lord_Howe", "01:00-02:15 @", { 0x7f }, { 60 }, { 135 }, 1 },
	{ "Pacific/Apia", "Fri 00:00-24:00 @; Thu 20:00-04:00 @",
	  { 0x20, 0x10 }, { 0, 1200 }, { 1440, 240 }, 2 },
	{ "Africa/Casablanca", "Sun 02:00-03:30 @", { 1 }, { 120 }, { 210 }, 1 },
	{ "Antarctica/Troll", "01:00-02:30 @", { 0x7f }, { 60 }, { 150 }, 1 },
	{ "America/Sao_Paulo", "00:00-00:30 @", { 0x7f }, { 0 }, { 30 }, 1 },
	{ "Asia/Kathmandu", "Fri-Mon 23:59-00:01 @", { 0x63 }, { 1439 }, { 1 },
	  1 },
};

static void test_every_minute(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof plains / sizeof *plains; i++)
		brute(&plains[i], "2023-01-01T00:00:00Z", "2025-01-15T00:00:00Z");
	/* a day that never was, and what the zone file does not tell any more */
	brute(&plains[6], "2011-10-01T00:00:00Z", "2012-05-01T00:00:00Z");
	brute(&plains[9], "2017-09-01T00:00:00Z", "2018-03-15T00:00:00Z");
	brute(&plains[2], "2061-01-01T00:00:00Z", "2062-01-01T00:00:00Z");
	brute(&plains[3], "2400-01-01T00:00:00Z", "2400-12-31T00:00:00Z");
}

static void test_known(void **state)
{
	struct schedule *s = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(schedule_parse("Sat,Sun 02:00-04:00 Europe/Berlin; "
					"Wed 12:00-13:00", &s, &e), 0);
	/* Sunday 2026-11-22, 03:00 in Berlin is 02:00 UTC */
	assert_true(schedule_open(s, at("2026-11-22T02:00:00Z")));
	assert_true(schedule_open(s, at("2026-11-22T02:59:59Z")));
	assert_false(schedule_open(s, at("2026-11-22T03:00:00Z")));
	assert_int_equal(schedule_next(s, at("2026-11-22T02:00:00.123Z")),
			 at("2026-11-22T02:00:00.123Z"));
	assert_int_equal(schedule_next(s, at("2026-11-22T03:00:00Z")),
			 at("2026-11-25T12:00:00Z"));
	assert_int_equal(schedule_next(s, at("2026-11-25T13:00:00Z")),
			 at("2026-11-28T01:00:00Z"));
	schedule_free(&s);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text, *object;
	} bad[] = {
		{ "", "" }, { "Mon", "Mon" }, { "Mo 01:00-02:00", "Mo" },
		{ "Mon-Fr 01:00-02:00", "Mon-Fr" },
		{ "Mon, 01:00-02:00", "Mon," }, { "1:00-02:00", "1:00-02:00" },
		{ "01:00-25:00", "01:00-25:00" }, { "24:00-01:00", "24:00-01:00" },
		{ "01:60-02:00", "01:60-02:00" }, { "01:00-01:00", "01:00-01:00" },
		{ "01:00-02:00 Europe/Atlantis", "Europe/Atlantis" },
		{ "01:00-02:00 UTC now", "now" },
		{ "01:00-02:00;", "" }, { "01:00-02:00 ../../x", "../../x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct schedule *s = NULL;
		struct err e = ERR_INIT;

		assert_int_equal(schedule_parse(bad[i].text, &s, &e), -1);
		assert_null(s);
		assert_int_equal(e.code, ERR_CONFIG);
		assert_string_equal(e.object, bad[i].object);
		assert_true(e.hint[0] != '\0');
	}
}

static void test_due(void **state)
{
	struct schedule_rule r = { .every_ms = 30 * DAY_MS };
	const int64_t last = at("2026-11-01T00:00:00Z");
	int64_t lo = INT64_MAX, hi = 0;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(schedule_due(&(struct schedule_rule){ 0 }, last, 7),
			 INT64_MAX);
	assert_int_equal(schedule_due(&r, last, 7), last + 30 * DAY_MS);
	r.jitter_ms = 2 * DAY_MS;
	for (uint64_t seed = 0; seed < 5000; seed++) {
		const int64_t d = schedule_due(&r, last,
					       seed * UINT64_C(0x9e3779b97f4a7c15));

		lo = d < lo ? d : lo;
		hi = d > hi ? d : hi;
	}
	/* spread over the whole jitter, never early */
	assert_true(lo >= last + 30 * DAY_MS && lo < last + 30 * DAY_MS + DAY_MS / 8);
	assert_true(hi <= last + 32 * DAY_MS && hi > last + 32 * DAY_MS - DAY_MS / 8);
	/* no room behind: the spread lies in front, the limit holds */
	r.max_age_ms = 30 * DAY_MS;
	lo = INT64_MAX;
	for (uint64_t seed = 0; seed < 5000; seed++) {
		const int64_t d = schedule_due(&r, last,
					       seed * UINT64_C(0x9e3779b97f4a7c15));

		assert_true(d <= last + 30 * DAY_MS);
		lo = d < lo ? d : lo;
	}
	assert_true(lo >= last + 28 * DAY_MS && lo < last + 28 * DAY_MS + DAY_MS / 8);
	assert_int_equal(schedule_due(&r, last, 12345),
			 schedule_due(&r, last, 12345));

	/* into the window: 2026-12-01 is a Tuesday */
	r = (struct schedule_rule){ .every_ms = 30 * DAY_MS };
	{
		struct schedule *w = NULL;

		assert_int_equal(schedule_parse("Sun 10:00-11:00", &w, &e), 0);
		r.window = w;
		assert_int_equal(schedule_due(&r, last, 1),
				 at("2026-12-06T10:00:00Z"));
		/* which max_age does not allow: the Sunday before */
		r.max_age_ms = 31 * DAY_MS;
		assert_int_equal(schedule_due(&r, last, 1),
				 at("2026-11-29T10:00:00Z"));
		/* and where that would be far too early: at max_age */
		r.every_ms = DAY_MS;
		r.max_age_ms = 2 * DAY_MS;
		assert_int_equal(schedule_due(&r, at("2026-11-02T00:00:00Z"), 1),
				 at("2026-11-04T00:00:00Z"));
		schedule_free(&w);
	}
	r = (struct schedule_rule){ .every_ms = INT64_MAX };
	assert_int_equal(schedule_due(&r, last, 1), INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_every_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
