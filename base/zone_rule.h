/*
 * zone_rule: a POSIX TZ rule, "CET-1CEST,M3.5.0,M10.5.0/3", as the footer of a
 * zone file has it (RFC 8536 3.3.1: hours from -167 to 167).  Only zone.c and
 * the tests include it.
 */
#ifndef BASE_ZONE_RULE_H
#define BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/zone.h"

struct zone_day { /* when in a year, local time of the moment before */
	char form; /* 'M' month.week.day, 'J' 1..365 without 29 Feb, 'D' 0..365 */
	int month, week, day;
	int32_t time_s;
};

struct zone_rule {
	int32_t std, dst; /* offsets; without `has_dst` only std */
	bool has_dst;
	struct zone_day start, end;
};

bool zone_rule_parse(const char *text, struct zone_rule *out);
struct zone_span zone_rule_at(const struct zone_rule *r, int64_t t);

#endif
