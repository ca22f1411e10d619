/*
 * alarm_int: shared by alarm.c (rows), alarm_deliver.c (who is told when),
 * alarm_text.c (what is said) and alarm_run.c (the process that says it).
 */
#ifndef AGENT_ALARM_INT_H
#define AGENT_ALARM_INT_H

#include "agent/alarm.h"

#define ALARM_TEXT_MAX 600u
#define ALARM_ABOUT_MAX 400u
#define ALARM_PLACES_MAX 192u

struct alarm_place { /* one way to tell: "ops/mail", "log" */
	char *name, *why; /* why: the last failure; "" */
	int64_t told_ms, next_ms;
	int64_t fails;
	bool over_told;
};

struct alarm_row {
	struct store_id id;
	enum alarm_event event;
	char *about, *policy, *text, *todo; /* "" when not given */
	int64_t first_ms, last_ms, over_ms; /* over_ms 0: it stands */
	int64_t times;
	bool once;
	struct alarm_place *places;
	size_t n_places;
	bool changed;
};

struct alarm_rows {
	struct alarm_row *v;
	size_t n, cap;
};

int alarm_rows_load(struct vault *v, struct alarm_rows *out, struct err *e)
	__attribute__((warn_unused_result));
void alarm_rows_free(struct alarm_rows *r);
int alarm_row_put(struct vault *v, const struct alarm_row *r, struct err *e)
	__attribute__((warn_unused_result));
int alarm_row_delete(struct vault *v, const struct alarm_row *r, struct err *e)
	__attribute__((warn_unused_result));
/* The place of that name, made when it is not there. */
struct alarm_place *alarm_place(struct alarm_row *r, const char *name,
				struct err *e);

/* ---- alarm_text.c ---- */
int alarm_json(const struct alarm_row *const *rows, size_t n, int64_t now_ms,
	       struct buf *out, struct err *e) __attribute__((warn_unused_result));
int alarm_mail(const struct alarm_row *const *rows, size_t n,
	       const struct config_alarm *to, int64_t now_ms, struct buf *out,
	       struct err *e) __attribute__((warn_unused_result));

/* ---- alarm_run.c ---- */
/* Start `program` (a hook: with its full path), give it `input`, wait until it
 * ends.  -1: it did not end with status 0 within timeout_ms; e says why. */
int alarm_run(struct launcher *l, const char *program, bool hook,
	      const char *const *argv, const struct buf *input,
	      int64_t timeout_ms, struct err *e)
	__attribute__((warn_unused_result));

#endif
