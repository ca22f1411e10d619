/*
 * power: the power goes at moments of a rotation.  Linked to every source of
 * curfew as curfew-power, with powerkit, which records each change of the
 * vault's files.
 *
 * CURFEW_POWER=DIR:N:SEED[:lost]   DIR is the vault's folder, the worlds lie
 * beside it.  At the end N folders DIR-I are made as a cut at a random moment
 * would have left DIR (`lost`: with one sync before it that the disk only said it
 * did), each with the worlds as they were at that moment, DIR-I.NAME.world.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "tests/unit/powerkit.h"

#define WORLDS 2
#define MOMENTS 4096

static const char *const names[WORLDS] = { "c1", "sink" };
static char dir[200];
static long cuts;
static uint64_t seed;
static bool lost, going;

static struct moment {
	size_t event;
	char *text[WORLDS]; /* as it is from this event on */
} moments[MOMENTS];
static size_t n_moments;

void __real_crash_point(const char *label);
void __wrap_crash_point(const char *label);
int __real_sqlite3_initialize(void);
int __wrap_sqlite3_initialize(void);

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("CURFEW_POWER");
	char word[16] = "";
	int n;

	if (!text)
		return;
	n = sscanf(text, "%199[^:]:%ld:%" SCNu64 ":%15s", dir, &cuts, &seed, word);
	going = n >= 3;
	lost = strcmp(word, "lost") == 0;
}

static char *world_path(const char *at, const char *name, char out[300])
{
	if (at == dir) {
		const char *slash = strrchr(dir, '/');

		(void)snprintf(out, 300, "%.*s/%s.world", (int)(slash - dir),
			       dir, name);
	} else {
		(void)snprintf(out, 300, "%s.%s.world", at, name);
	}
	return out;
}

static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 16);

	assert_non_null(text);
	if (f) {
		text[fread(text, 1, (1 << 16) - 1, f)] = '\0';
		(void)fclose(f);
	}
	return text;
}

/* The services go on beside us; what they are now goes with what follows. */
static void look(void)
{
	struct moment m = { .event = power_events() };
	bool same = n_moments > 0;
	char path[300];

	for (int i = 0; i < WORLDS; i++) {
		m.text[i] = read_whole(world_path(dir, names[i], path));
		same = same && strcmp(m.text[i],
				      moments[n_moments - 1].text[i]) == 0;
	}
	if (same || n_moments == MOMENTS) {
		for (int i = 0; i < WORLDS; i++)
			free(m.text[i]);
		return;
	}
	moments[n_moments++] = m;
}

void __wrap_crash_point(const char *label)
{
	__real_crash_point(label);
	if (going)
		look();
}

int __wrap_sqlite3_initialize(void)
{
	const int rc = __real_sqlite3_initialize();

	if (going) {
		power_record(dir);
		look();
	}
	return rc;
}

static void keep_worlds(const char *to, size_t event)
{
	const struct moment *m = &moments[0];
	char path[300];

	for (size_t i = 0; i < n_moments && moments[i].event <= event; i++)
		m = &moments[i];
	for (int i = 0; i < WORLDS; i++) {
		FILE *f = fopen(world_path(to, names[i], path), "w");

		assert_non_null(f);
		assert_true(fputs(m->text[i], f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
}

__attribute__((destructor)) static void end(void)
{
	uint64_t dice = seed;
	char to[260];

	if (!going || !n_moments)
		return;
	power_stop();
	for (long i = 0; i < cuts && power_events(); i++) {
		size_t at = (size_t)(power_random(&dice) % (power_events() + 1));
		size_t sync = SIZE_MAX;

		if (lost && power_syncs()) {
			sync = (size_t)(power_random(&dice) % power_syncs());
			if (power_sync_at(sync) > at)
				at = power_sync_at(sync) + 1;
		}
		(void)snprintf(to, sizeof(to), "%s-%ld", dir, i);
		if (mkdir(to, 0700) != 0)
			return;
		power_cut(to, at, power_random(&dice), sync);
		keep_worlds(to, at);
	}
}
