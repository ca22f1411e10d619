/* zone: every zone file of this machine against the C library and zdump. */
// link: base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ftw.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/zone.h"
#include "base/zone_rule.h"

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* The C library's word. */
static long libc_offset(int64_t t)
{
	const time_t at = (time_t)t;
	struct tm tm;

	assert_non_null(localtime_r(&at, &tm));
	return tm.tm_gmtoff;
}

static unsigned zones;

static void compare(const char *name)
{
	struct err e = ERR_INIT;
	struct zone *z = NULL;
	int64_t last_until = INT64_MIN;

	if (zone_open(name, &z, &e) < 0)
		fail_msg("%s: %s", name, e.cause);
	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
	/* 1900 to 2400: old files' ends, the footer, far beyond */
	for (int i = 0; i < 60; i++) {
		const int64_t t = INT64_C(-2208988800) +
			(int64_t)(next_random() % UINT64_C(15778800000));
		const struct zone_span s = zone_at(z, t);

		if (s.offset != libc_offset(t) || s.from > t || s.until <= t)
			fail_msg("%s at %lld: %d, not %ld", name, (long long)t,
				 s.offset, libc_offset(t));
		if (s.from != INT64_MIN)
			assert_int_equal(libc_offset(s.from), s.offset);
		if (s.until != INT64_MAX)
			assert_int_equal(libc_offset(s.until - 1), s.offset);
	}
	/* the stretches lie end to end */
	for (int64_t t = 1500000000; t < INT64_C(2300000000);) {
		const struct zone_span s = zone_at(z, t);

		if (last_until != INT64_MIN)
			assert_int_equal(s.from, last_until);
		last_until = s.until;
		t = s.until;
	}
	zone_close(&z);
	assert_null(z);
	zones++;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *f)
{
	const char *name = path + strlen(ZONE_FOLDER "/");
	char magic[4] = "";
	FILE *in;

	(void)st;
	(void)f;
	if (type != FTW_F || strncmp(name, "right/", 6) == 0 ||
	    strncmp(name, "posix", 5) == 0)
		return 0;
	in = fopen(path, "rb");
	assert_non_null(in);
	if (fread(magic, 1, 4, in) == 4 && memcmp(magic, "TZif", 4) == 0 &&
	    strcmp(name, "localtime") != 0)
		compare(name);
	assert_int_equal(fclose(in), 0);
	return 0;
}

static void test_all_zones(void **st)
{
	(void)st;
	assert_int_equal(nftw(ZONE_FOLDER, visit, 16, FTW_PHYS), 0);
	assert_true(zones > 200);
}

/* zdump names every change and the second before it. */
static void zdump(const char *name)
{
	struct err e = ERR_INIT;
	struct zone *z = NULL;
	unsigned lines = 0;
	char line[256];
	int ends[2], status;
	pid_t pid;
	FILE *in;

	assert_int_equal(zone_open(name, &z, &e), 0);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], 1);
		(void)execlp("zdump", "zdump", "-v", "-c", "1970,2120", name,
			     (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	in = fdopen(ends[0], "r");
	assert_non_null(in);
	while (fgets(line, sizeof line, in) != NULL) {
		const char *off = strstr(line, "gmtoff=");
		struct tm tm = { 0 };
		char *ut = strchr(line, ' ');

		if (off == NULL || strstr(line, "NULL") != NULL)
			continue;
		assert_non_null(strptime(ut, " %a %b %d %H:%M:%S %Y", &tm));
		if (tm.tm_year < 0)
			continue;
		lines++;
		assert_int_equal(zone_at(z, timegm(&tm)).offset,
				 strtol(off + 7, NULL, 10));
	}
	(void)fclose(in);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(lines > 0);
	zone_close(&z);
}

static void test_zdump(void **st)
{
	static const char *const some[] = {
		"Europe/Berlin", "Europe/Dublin", "America/New_York",
		"America/Sao_Paulo", "America/Nuuk", "Asia/Gaza",
		"Africa/Casablanca", "Africa/Cairo", "Australia/Lord_Howe",
		"Pacific/Apia", "Antarctica/Troll", "Asia/Tehran",
	};

	(void)st;
	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		zdump(some[i]);
}

static void test_names(void **st)
{
	static const char *const bad[] = { "", "/etc/passwd", "../passwd",
					   "Europe/../../../etc/passwd",
					   "Europe/", "Europe//Berlin", "A B",
					   "right/UTC", "Europe" };
	struct err e;
	struct zone *z;

	(void)st;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		err_clear(&e);
		assert_int_equal(zone_open(bad[i], &z, &e), -1);
		assert_null(z);
		assert_true(e.code != ERR_NONE);
	}
	err_clear(&e);
	assert_int_equal(zone_open("Europe/Atlantis", &z, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	err_clear(&e);
	assert_int_equal(zone_open("UTC", &z, &e), 0);
	assert_int_equal(zone_at(z, 1700000000).offset, 0);
	assert_true(zone_at(z, 0).until == INT64_MAX);
	zone_close(&z);
}

/* Every cut and many spoilt bytes: an error or a zone, nothing worse. */
static void test_malformed(void **st)
{
	struct buf b = BUF_INIT(65536);
	struct err e = ERR_INIT;
	struct zone *z;
	static char copy[65536];

	(void)st;
	assert_int_equal(io_read_file(ZONE_FOLDER "/Europe/Berlin", IO_ANY, 65536,
				      &b, &e), 0);
	for (size_t n = 0; n < b.len; n++) {
		err_clear(&e);
		assert_int_equal(zone_parse("cut", b.p, n, &z, &e), -1);
		assert_null(z);
	}
	for (int i = 0; i < 20000; i++) {
		memcpy(copy, b.p, b.len);
		copy[next_random() % b.len] = (char)next_random();
		copy[next_random() % 100] = (char)next_random();
		err_clear(&e);
		if (zone_parse("spoilt", copy, b.len, &z, &e) == 0)
			(void)zone_at(z, (int64_t)next_random() / 4);
		zone_close(&z);
	}
	buf_release(&b);
}

static void test_rules(void **st)
{
	static const char *const bad[] = { "", "CET", "C-1", "CET-1CEST",
					   "CET-1CEST,M3.5.0", "CET-1x",
					   "CET-1CEST,M13.5.0,M10.5.0",
					   "CET-1CEST,M3.6.0,M10.5.0",
					   "CET-1CEST,J0,J365", "<+03-3",
					   "CET-1CEST,M3.5.0/168,M10.5.0" };
	struct zone_rule r;

	(void)st;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(zone_rule_parse(bad[i], &r));
	/* summer time the year round */
	assert_true(zone_rule_parse("EST5EDT,0/0,J365/25", &r));
	for (int64_t t = 1700000000; t < 1800000000; t += 86400)
		assert_int_equal(zone_rule_at(&r, t).offset, -4 * 3600);
	assert_true(zone_rule_parse("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", &r));
	assert_int_equal(r.std, -7200);
	assert_int_equal(r.start.time_s, -3600);
	/* J60 is 1 March in every year, 59 (from 0) is not */
	assert_true(zone_rule_parse("AAA0BBB,J60/0,J300/0", &r));
	assert_int_equal(zone_rule_at(&r, zone_days(2024, 3, 1) * 86400).from,
			 zone_days(2024, 3, 1) * 86400);
	assert_int_equal(zone_rule_at(&r, zone_days(2023, 3, 1) * 86400).from,
			 zone_days(2023, 3, 1) * 86400);
	assert_true(zone_rule_parse("AAA0BBB,59/0,300/0", &r));
	assert_int_equal(zone_rule_at(&r, zone_days(2024, 2, 29) * 86400).from,
			 zone_days(2024, 2, 29) * 86400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_zones),
		cmocka_unit_test(test_zdump),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
