/*
 * zone: a time zone's rules, from the system's zone files (RFC 8536).
 *
 * Needed because the C library knows one zone per process.  A zone is read
 * whole and then asked without any file, so it works inside the sandbox.  Past
 * the file's last change its footer (a POSIX TZ rule) speaks.
 *
 * Seconds since 1970, UTC; offsets are seconds east of UTC.  Zones with leap
 * seconds ("right/...") are refused.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdint.h>

#include "base/err.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONE_NAME_MAX 64u

struct zone;

/* A stretch of time in which the offset does not change. */
struct zone_span {
	int64_t from, until; /* [from, until); INT64_MIN, INT64_MAX: no end */
	int32_t offset;
};

/* An IANA name, "Europe/Berlin".  "UTC" needs no file.
 * ERR_ABSENT: no such zone; ERR_FORMAT: the name or the file is malformed. */
int zone_open(const char *name, struct zone **out, struct err *e)
	__attribute__((warn_unused_result));
/* The same from the bytes of a zone file; `name` for messages. */
int zone_parse(const char *name, const void *p, size_t n, struct zone **out,
	       struct err *e) __attribute__((warn_unused_result));
void zone_close(struct zone **z);

/* The stretch that t lies in. */
struct zone_span zone_at(const struct zone *z, int64_t t);

/* Days since 1970 of a date of the proleptic Gregorian calendar, and back. */
int64_t zone_days(int64_t year, int month, int day);
int64_t zone_year(int64_t days);

#endif
