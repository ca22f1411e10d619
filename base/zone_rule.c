/*
 * zone_rule: the POSIX TZ rule of a zone file's footer, and the calendar that
 * it needs.  Pure arithmetic.
 */
#include "base/zone_rule.h"

#include <stddef.h>
#include <string.h>

#define DAY_S INT64_C(86400)

/* ---- the calendar -------------------------------------------------------- */

/* Years begin in March here, so that the day that leaps is the last one. */
int64_t zone_days(int64_t year, int month, int day)
{
	const int64_t y = month <= 2 ? year - 1 : year;
	const int64_t era = (y >= 0 ? y : y - 399) / 400;
	const int64_t in_era = y - era * 400;
	const int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 +
				day - 1;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 +
	       in_year - 719468;
}

int64_t zone_year(int64_t days)
{
	/* 146097 days are 400 years; the guess is off by one at most */
	int64_t y = 1970 + days * 400 / 146097;

	while (zone_days(y, 1, 1) > days)
		y--;
	while (zone_days(y + 1, 1, 1) <= days)
		y++;
	return y;
}

static bool leaps(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* ---- reading ------------------------------------------------------------- */

static bool number(const char **s, int lo, int hi, int *out)
{
	const char *from = *s;
	int v = 0;

	while (**s >= '0' && **s <= '9' && *s - from < 4)
		v = v * 10 + (*(*s)++ - '0');
	*out = v;
	return *s != from && v >= lo && v <= hi;
}

/* "CET" or "<-03>" */
static bool skip_name(const char **s)
{
	size_t n;

	if (**s == '<') {
		const char *end = strchr(*s, '>');

		if (end == NULL)
			return false;
		*s = end + 1;
		return true;
	}
	n = strspn(*s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
	*s += n;
	return n >= 3;
}

/* "[+-]h[h][:mm[:ss]]" */
static bool clock_time(const char **s, int max_h, int32_t *out)
{
	int sign = 1, h, m = 0, sec = 0;

	if (**s == '+' || **s == '-')
		sign = *(*s)++ == '-' ? -1 : 1;
	if (!number(s, 0, max_h, &h))
		return false;
	if (**s == ':' && ((*s)++, !number(s, 0, 59, &m)))
		return false;
	if (**s == ':' && ((*s)++, !number(s, 0, 59, &sec)))
		return false;
	*out = sign * (h * 3600 + m * 60 + sec);
	return true;
}

static bool point(const char **s, int lo, int hi, int *out)
{
	return **s == '.' && ((*s)++, number(s, lo, hi, out));
}

static bool rule_day(const char **s, struct zone_day *d)
{
	if (**s != ',')
		return false;
	(*s)++;
	*d = (struct zone_day){ .form = 'D', .time_s = 2 * 3600 };
	if (**s == 'M') {
		d->form = *(*s)++;
		if (!number(s, 1, 12, &d->month) || !point(s, 1, 5, &d->week) ||
		    !point(s, 0, 6, &d->day))
			return false;
	} else if (**s == 'J') {
		d->form = *(*s)++;
		if (!number(s, 1, 365, &d->day))
			return false;
	} else if (!number(s, 0, 365, &d->day)) {
		return false;
	}
	return **s != '/' || ((*s)++, clock_time(s, 167, &d->time_s));
}

bool zone_rule_parse(const char *s, struct zone_rule *out)
{
	struct zone_rule r = { 0 };

	if (!skip_name(&s) || !clock_time(&s, 24, &r.std))
		return false;
	r.std = -r.std; /* POSIX counts west of Greenwich */
	if (*s != '\0') {
		r.has_dst = true;
		if (!skip_name(&s))
			return false;
		r.dst = r.std + 3600;
		if (*s != ',') {
			if (!clock_time(&s, 24, &r.dst))
				return false;
			r.dst = -r.dst;
		}
		if (!rule_day(&s, &r.start) || !rule_day(&s, &r.end))
			return false;
	}
	*out = r;
	return *s == '\0';
}

/* ---- asking -------------------------------------------------------------- */

/* Local seconds since 1970 of the rule's moment in that year. */
static int64_t moment(const struct zone_day *d, int64_t year)
{
	int64_t day = zone_days(year, 1, 1);

	if (d->form == 'M') {
		const int64_t first = zone_days(year, d->month, 1);
		const int64_t next = d->month == 12 ?
			zone_days(year + 1, 1, 1) :
			zone_days(year, d->month + 1, 1);
		/* 1970-01-01 was a Thursday */
		const int64_t weekday = ((first + 4) % 7 + 7) % 7;

		day = first + (d->day - weekday + 7) % 7 + (d->week - 1) * 7;
		if (day >= next)
			day -= 7;
	} else if (d->form == 'J') {
		day += d->day - 1 + (leaps(year) && d->day >= 60 ? 1 : 0);
	} else {
		day += d->day;
	}
	return day * DAY_S + d->time_s;
}

struct change {
	int64_t at;
	int32_t offset; /* from then on */
};

struct zone_span zone_rule_at(const struct zone_rule *r, int64_t t)
{
	struct zone_span s = { INT64_MIN, INT64_MAX, r->std };
	struct change c[6];
	int64_t year;
	size_t n = 0;

	if (!r->has_dst || t > INT64_MAX / 4 || t < INT64_MIN / 4)
		return s;
	year = zone_year(t / DAY_S);
	for (int64_t y = year - 1; y <= year + 1; y++) {
		struct change a = { moment(&r->start, y) - r->std, r->dst };
		struct change b = { moment(&r->end, y) - r->dst, r->std };

		c[n++] = a.at < b.at ? a : b;
		c[n++] = a.at < b.at ? b : a;
	}
	/* a start at the moment of an end (the year round, in summer time) is
	 * no change: the later word of the two holds */
	for (size_t i = 0; i < n; i++) {
		if (c[i].at <= t) {
			s.from = c[i].at;
			s.offset = c[i].offset;
		} else {
			s.until = c[i].at;
			break;
		}
	}
	return s;
}
