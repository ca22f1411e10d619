/*
 * clock: the one door to time.
 *
 * Promises: no other file of ours asks the system for the time or sleeps.
 */
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) != 0)
		return 0;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#ifdef CURFEW_TEST
static int64_t test_ms(const char *name)
{
	const char *v = getenv(name);
	int64_t ms;

	return v && text_int(v, -INT64_MAX / 4, INT64_MAX / 4, &ms) ? ms : 0;
}
#endif

int64_t clock_wall_ms(void)
{
	int64_t now = read_clock(CLOCK_REALTIME);
#ifdef CURFEW_TEST
	now += test_ms("CURFEW_CLOCK_OFFSET_MS") +
	       test_ms("CURFEW_CLOCK_JUMP_MS");
#endif
	return now;
}

int64_t clock_elapsed_ms(void)
{
	int64_t now = read_clock(CLOCK_BOOTTIME);
#ifdef CURFEW_TEST
	const int64_t passed = test_ms("CURFEW_CLOCK_OFFSET_MS");

	now += passed > 0 ? passed : 0;
#endif
	return now;
}

int64_t clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t clock_mono_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void clock_sleep_ms(int64_t ms)
{
	struct timespec t;

	if (ms <= 0)
		return;
	t.tv_sec = (time_t)(ms / 1000);
	t.tv_nsec = (long)(ms % 1000) * 1000000;
	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

int clock_timer_open(void)
{
	return timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
}

void clock_timer_set(int fd, int64_t ms)
{
	struct itimerspec t = { .it_value = { .tv_sec = 0 } };
	const int64_t at = read_clock(CLOCK_REALTIME) + (ms > 0 ? ms : 1);

	t.it_value.tv_sec = (time_t)(at / 1000);
	t.it_value.tv_nsec = (long)(at % 1000) * 1000000;
	/* of an absolute time only the kernel tells that the clock was set */
	(void)timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &t,
			      NULL);
}

static time_t floor_s(int64_t ms)
{
	return (time_t)(ms / 1000 - (ms % 1000 < 0));
}

const char *clock_text(int64_t wall_ms, char out[static CLOCK_TEXT])
{
	time_t t = floor_s(wall_ms);
	struct tm tm;

	out[0] = '\0';
	if (wall_ms != 0 && gmtime_r(&t, &tm))
		if (strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
			out[0] = '\0';
	return out;
}

const char *clock_short(int64_t wall_ms, char out[static CLOCK_TEXT])
{
	time_t t = floor_s(wall_ms), now = floor_s(clock_wall_ms());
	struct tm tm, today;
	bool same;

	out[0] = '\0';
	if (wall_ms == 0 || !localtime_r(&t, &tm) || !localtime_r(&now, &today))
		return out;
	same = tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday;
	if (strftime(out, CLOCK_TEXT, same ? "%H:%M" : "%Y-%m-%d %H:%M",
		     &tm) == 0)
		out[0] = '\0';
	return out;
}

const char *clock_span(int64_t ms, char out[static CLOCK_TEXT])
{
	const char *minus = ms < 0 ? "-" : "";
	int64_t a = ms < 0 ? (ms == INT64_MIN ? INT64_MAX : -ms) : ms;

	if (a < SECOND)
		snprintf(out, CLOCK_TEXT, "%s%" PRId64 " ms", minus, a);
	else if (a < MINUTE)
		snprintf(out, CLOCK_TEXT, "%s%" PRId64 " s", minus, a / SECOND);
	else if (a < 2 * HOUR)
		snprintf(out, CLOCK_TEXT, "%s%" PRId64 " min", minus,
			 a / MINUTE);
	else if (a < 2 * DAY)
		snprintf(out, CLOCK_TEXT, "%s%" PRId64 " h", minus, a / HOUR);
	else
		snprintf(out, CLOCK_TEXT, "%s%" PRId64 "d", minus, a / DAY);
	return out;
}

/* Exactly `n` digits at *s within [lo, hi]; moves *s behind them. */
static bool digits(const char **s, int n, int lo, int hi, int *out)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (**s - '0');
	}
	*out = v;
	return v >= lo && v <= hi;
}

static bool literal(const char **s, const char *any)
{
	if (!**s || !strchr(any, **s))
		return false;
	(*s)++;
	return true;
}

static bool zone(const char **s, int64_t *offset_s)
{
	int sign = **s == '-' ? -1 : 1, h, m;

	if (literal(s, "Zz")) {
		*offset_s = 0;
		return true;
	}
	if (!literal(s, "+-") || !digits(s, 2, 0, 23, &h) ||
	    !literal(s, ":") || !digits(s, 2, 0, 59, &m))
		return false;
	*offset_s = sign * (h * 3600 + m * 60);
	return true;
}

bool clock_parse(const char *text, int64_t *wall_ms)
{
	const char *s = text;
	struct tm tm = { 0 }, back;
	int year, mon, ms = 0, scale = 100;
	int64_t off;
	time_t t;

	if (!digits(&s, 4, 1970, 9999, &year) || !literal(&s, "-") ||
	    !digits(&s, 2, 1, 12, &mon) || !literal(&s, "-") ||
	    !digits(&s, 2, 1, 31, &tm.tm_mday) || !literal(&s, "Tt ") ||
	    !digits(&s, 2, 0, 23, &tm.tm_hour) || !literal(&s, ":") ||
	    !digits(&s, 2, 0, 59, &tm.tm_min) || !literal(&s, ":") ||
	    !digits(&s, 2, 0, 60, &tm.tm_sec))
		return false;
	if (literal(&s, ".")) {
		if (*s < '0' || *s > '9')
			return false;
		for (; *s >= '0' && *s <= '9'; s++, scale /= 10)
			ms += (*s - '0') * scale;
	}
	if (!zone(&s, &off) || *s)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = mon - 1;
	if (tm.tm_sec == 60) /* a leap second has no number of its own */
		tm.tm_sec = 59;
	t = timegm(&tm);
	/* timegm() turns 31 February into March: not what was written */
	if (!gmtime_r(&t, &back) || back.tm_mon != mon - 1)
		return false;
	*wall_ms = ((int64_t)t - off) * 1000 + ms;
	return true;
}

bool clock_parse_span(const char *text, int64_t *ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {
		{ "ms", 1 },  { "s", SECOND }, { "m", MINUTE },
		{ "h", HOUR }, { "d", DAY },
	};
	size_t n = strspn(text, "0123456789");
	char number[20];
	int64_t v;

	if (n == 0 || n >= sizeof(number))
		return false;
	memcpy(number, text, n);
	number[n] = '\0';
	if (!text_int(number, 0, INT64_MAX, &v))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text + n, units[i].unit) == 0)
			return !__builtin_mul_overflow(v, units[i].ms, ms);
	return false;
}

static char boot_id[37];

static void read_boot_id(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, boot_id, 36);
	if (n != 36 || strlen(boot_id) != 36)
		boot_id[0] = '\0';
	close(fd);
}

const char *clock_boot_id(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_boot_id);
	return boot_id;
}
