/*
 * clock: the one door to time.
 *
 * Wall time is milliseconds since 1970 UTC in int64_t; 0 means "not known".
 * In test builds (CURFEW_TEST) two numbers of the environment are added to wall
 * time: CURFEW_CLOCK_OFFSET_MS, as if so much time had passed (or, below zero,
 * the clock had been set back), and CURFEW_CLOCK_JUMP_MS, as if it had been
 * set forward.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#define CLOCK_TEXT 32

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
/* Since the machine started, sleep included: what /proc counts in. */
int64_t clock_boot_ms(void);
/* The time that passes, whatever becomes of the wall clock; sleep included. */
int64_t clock_elapsed_ms(void);
uint64_t clock_mono_ns(void); /* to measure with */
void clock_sleep_ms(int64_t ms);

/* RFC 3339 UTC, "2026-11-22T03:04:05Z"; "" for 0. */
const char *clock_text(int64_t wall_ms, char out[static CLOCK_TEXT]);
/* Local wall clock "14:32", with the date in front when it is not today. */
const char *clock_short(int64_t wall_ms, char out[static CLOCK_TEXT]);
/* "3d", "12 min", "250 ms": how long. */
const char *clock_span(int64_t ms, char out[static CLOCK_TEXT]);
bool clock_parse(const char *text, int64_t *wall_ms); /* RFC 3339 */
/* "90d", "12h", "30m", "45s", "250ms" */
bool clock_parse_span(const char *text, int64_t *ms);

/* A descriptor that becomes readable after `ms` (timerfd), and at once when the
 * wall clock is set; -1 and errno. */
int clock_timer_open(void);
void clock_timer_set(int fd, int64_t ms);

/* 36 characters of the kernel's boot id, or "" */
const char *clock_boot_id(void);

#endif
