/*
 * alarm_deliver: who is told of what, and when again.
 *
 * Owns the order: alarms are sent first, then what was told is written down.
 * A crash between the two tells somebody twice; the other order could tell
 * nobody.  Many alarms travel in one message.  Must not be called within a
 * transaction.
 */
#include "agent/alarm_int.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#define BATCH 100u
#define LOG_REPEAT_MS (6LL * 3600 * 1000)
#define RETRY_FIRST_MS 60000LL
#define RETRY_MAX_MS (3600LL * 1000)
#define PROGRAM_MS 30000
#define MAIL_MS 60000
#define WEBHOOK_MS 20000
#define MESSAGE_MAX (256u * 1024)

enum way { WAY_PROGRAM, WAY_MAIL, WAY_WEBHOOK, WAYS };

struct deliver {
	struct app *app;
	struct alarm_rows rows;
	int64_t now;
	size_t failed;
};

static const char *way_word(enum way w)
{
	return w == WAY_PROGRAM ? "program" : w == WAY_MAIL ? "mail" : "webhook";
}

static bool has_way(const struct config_alarm *a, enum way w)
{
	return w == WAY_PROGRAM ? a->n_program > 0 :
	       w == WAY_MAIL	? a->n_mail > 0 :
				  a->webhook != NULL;
}

/* ---- who ------------------------------------------------------------------- */

static bool in_list(char *const *v, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i], word) == 0)
			return true;
	return false;
}

/* A policy names who hears of it; one that does not, or that is no longer in
 * the file, means everybody. */
static bool wants(const struct config *c, const struct config_alarm *a,
		  const struct alarm_row *r)
{
	if (r->event != ALARM_TEST && a->n_events > 0 &&
	    !in_list(a->events, a->n_events, alarm_word(r->event)))
		return false;
	for (size_t i = 0; i < c->n_rotations; i++) {
		const struct config_rotation *p = &c->rotations[i];

		if (strcmp(p->name, r->policy) == 0)
			return p->n_notify == 0 ||
			       in_list(p->notify, p->n_notify, a->name);
	}
	/* `alarm test NAME` is about one of them */
	return r->event != ALARM_TEST || r->about[0] == '*' ||
	       strcmp(r->about, a->name) == 0;
}

/* ---- one message ------------------------------------------------------------ */

static int send_program(struct deliver *d, const struct config_alarm *a,
			const struct alarm_row *const *rows, size_t n,
			struct err *e)
{
	struct buf b = BUF_INIT(MESSAGE_MAX);
	const char *argv[65] = { NULL };
	int rc = -1;

	for (size_t i = 1; i < a->n_program && i < 64; i++)
		argv[i - 1] = a->program[i];
	if (alarm_json(rows, n, d->now, &b, e) == 0)
		rc = alarm_run(d->app->launcher, a->program[0], true, argv, &b,
			       PROGRAM_MS, e);
	buf_release(&b);
	return rc;
}

static int send_mail(struct deliver *d, const struct config_alarm *a,
		     const struct alarm_row *const *rows, size_t n, struct err *e)
{
	struct buf b = BUF_INIT(MESSAGE_MAX);
	const char *argv[70] = { "-oi" };
	size_t k = 1;
	int rc = -1;

	if (a->from != NULL) {
		argv[k++] = "-f";
		argv[k++] = a->from;
	}
	argv[k++] = "--";
	for (size_t i = 0; i < a->n_mail && i < 60; i++)
		argv[k++] = a->mail[i];
	if (alarm_mail(rows, n, a, d->now, &b, e) == 0)
		rc = alarm_run(d->app->launcher, a->sendmail, true, argv, &b,
			       MAIL_MS, e);
	buf_release(&b);
	return rc;
}

/* The address is perhaps a secret of its own: not in argv. */
static int send_webhook(struct deliver *d, const struct config_alarm *a,
			const struct alarm_row *const *rows, size_t n,
			struct err *e)
{
	struct buf body = BUF_INIT(MESSAGE_MAX), b = BUF_INIT(2 * MESSAGE_MAX);
	struct json *j = json_object();
	int rc = -1;

	if (alarm_json(rows, n, d->now, &body, e) < 0)
		goto out;
	if (!json_set_str(j, "url", a->webhook) ||
	    !json_set_str(j, "body", body.p) ||
	    !json_set_int(j, "timeout_ms", WEBHOOK_MS - 2000)) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (json_print(j, false, &b, e) == 0 && buf_puts(&b, "\n", e) == 0)
		rc = alarm_run(d->app->launcher, "curfew-notify", false, NULL, &b,
			       WEBHOOK_MS, e);
out:
	json_free(&j);
	buf_release(&body);
	buf_release(&b);
	return rc;
}

static int64_t retry_ms(int64_t fails)
{
	int64_t ms = RETRY_FIRST_MS;

	while (fails-- > 1 && ms < RETRY_MAX_MS)
		ms *= 2;
	return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

static int told(struct deliver *d, struct alarm_row *r, const char *name,
		int64_t repeat_ms, const char *why, struct err *e)
{
	struct alarm_place *p = alarm_place(r, name, e);

	if (p == NULL)
		return -1;
	r->changed = true;
	mem_free(p->why);
	p->why = why != NULL ? mem_strdup(why) : NULL;
	if (why != NULL) {
		p->fails++;
		p->next_ms = d->now + retry_ms(p->fails);
		return 0;
	}
	p->fails = 0;
	p->told_ms = d->now;
	p->over_told = r->once || r->over_ms != 0;
	p->next_ms = p->over_told ? INT64_MAX : d->now + repeat_ms;
	return 0;
}

static int send_batch(struct deliver *d, const struct config_alarm *a, enum way w,
		      const char *name, struct alarm_row **rows, size_t n,
		      struct err *e)
{
	const struct alarm_row *const *view =
		(const struct alarm_row *const *)rows;
	struct err why = ERR_INIT;
	char text[400];
	int rc = w == WAY_PROGRAM ? send_program(d, a, view, n, &why) :
		 w == WAY_MAIL	  ? send_mail(d, a, view, n, &why) :
				    send_webhook(d, a, view, n, &why);

	if (rc < 0) {
		d->failed++;
		(void)snprintf(text, sizeof text, "%s", why.cause);
		(void)err_ctx(&why, name, "tell of %zu alarm%s", n,
			      n == 1 ? "" : "s");
		err_state(&why, "it is kept and tried again");
		log_err(LOG_ERROR, &why);
	}
	crash_point("alarm.after-send");
	for (size_t i = 0; i < n; i++)
		if (told(d, rows[i], name, a->repeat_ms, rc < 0 ? text : NULL,
			 e) < 0)
			return -1;
	return 0;
}

/* ---- one place ---------------------------------------------------------------- */

/* 1 its time has come, 0 not, -1. */
static int is_due(struct deliver *d, struct alarm_row *r, const char *name,
		  struct err *e)
{
	const struct alarm_place *p = alarm_place(r, name, e);

	if (p == NULL)
		return -1;
	return !p->over_told && p->next_ms <= d->now;
}

static int each_place(struct deliver *d, const struct config_alarm *a, enum way w,
		      struct err *e)
{
	struct alarm_row *batch[BATCH];
	char name[96];
	size_t n = 0;
	bool lost = false;

	(void)snprintf(name, sizeof name, "%s/%s", a->name, way_word(w));
	for (size_t i = 0; i < d->rows.n && !lost; i++) {
		struct alarm_row *r = &d->rows.v[i];
		const size_t before = d->failed;
		int rc;

		if (!wants(d->app->config, a, r))
			continue;
		rc = is_due(d, r, name, e);
		if (rc < 0)
			return -1;
		if (rc > 0)
			batch[n++] = r;
		if (n == BATCH) {
			if (send_batch(d, a, w, name, batch, n, e) < 0)
				return -1;
			n = 0;
			/* not once more for each hundred of a place that is
			 * down */
			lost = d->failed > before;
		}
	}
	return n > 0 ? send_batch(d, a, w, name, batch, n, e) : 0;
}

static int say_again(struct deliver *d, struct alarm_row *r, struct err *e)
{
	struct alarm_place *p = alarm_place(r, "log", e);

	if (p == NULL)
		return -1;
	if (p->over_told || p->next_ms > d->now)
		return 0;
	if (!r->once && r->over_ms == 0 && p->told_ms + LOG_REPEAT_MS <= d->now)
		log_line(LOG_ERROR, "alarm still stands: %s: %s: %s",
			 alarm_word(r->event), r->about, r->text);
	else if (p->told_ms + LOG_REPEAT_MS > d->now && !r->once &&
		 r->over_ms == 0) {
		p->next_ms = p->told_ms + LOG_REPEAT_MS;
		r->changed = true;
		return 0;
	}
	return told(d, r, "log", LOG_REPEAT_MS, NULL, e);
}

/* ---- afterwards ------------------------------------------------------------------ */

/* A place that the configuration no longer has, or no longer wants to hear of
 * this, is owed nothing. */
static bool place_exists(const struct config *c, const struct alarm_row *r,
			 const char *name)
{
	char at[96];

	if (strcmp(name, "log") == 0)
		return true;
	for (size_t i = 0; c != NULL && i < c->n_alarms; i++)
		for (enum way w = 0; w < WAYS; w++) {
			(void)snprintf(at, sizeof at, "%s/%s",
				       c->alarms[i].name, way_word(w));
			if (strcmp(at, name) == 0)
				return has_way(&c->alarms[i], w) &&
				       wants(c, &c->alarms[i], r);
		}
	return false;
}

static bool finished(const struct deliver *d, struct alarm_row *r)
{
	bool all = r->once || r->over_ms != 0;

	for (size_t i = 0; i < r->n_places; i++) {
		struct alarm_place *p = &r->places[i];

		if (!place_exists(d->app->config, r, p->name)) {
			if (!p->over_told)
				r->changed = true;
			p->over_told = true;
			p->next_ms = INT64_MAX;
		}
		all = all && p->over_told;
	}
	return all;
}

static int keep(struct deliver *d, struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < d->rows.n; i++)
		any = finished(d, &d->rows.v[i]) || d->rows.v[i].changed || any;
	if (!any)
		return 0;
	if (store_begin(d->app->vault, e) < 0)
		return -1;
	for (size_t i = 0; i < d->rows.n; i++) {
		struct alarm_row *r = &d->rows.v[i];
		int rc = 0;

		if (finished(d, r))
			rc = alarm_row_delete(d->app->vault, r, e);
		else if (r->changed)
			rc = alarm_row_put(d->app->vault, r, e);
		if (rc < 0) {
			store_rollback(d->app->vault);
			return -1;
		}
	}
	return store_commit(d->app->vault, e);
}

int alarm_deliver(struct app *app, size_t *failed, struct err *e)
{
	struct deliver d = { .app = app, .now = clock_wall_ms() };
	const struct config *c = app->config;
	int rc = -1;

	if (failed != NULL)
		*failed = 0;
	if (alarm_rows_load(app->vault, &d.rows, e) < 0)
		goto out;
	for (size_t i = 0; i < d.rows.n; i++)
		if (say_again(&d, &d.rows.v[i], e) < 0)
			goto out;
	for (size_t i = 0; c != NULL && i < c->n_alarms; i++)
		for (enum way w = 0; w < WAYS; w++)
			if (has_way(&c->alarms[i], w) &&
			    each_place(&d, &c->alarms[i], w, e) < 0)
				goto out;
	rc = keep(&d, e);
	if (failed != NULL)
		*failed = d.failed;
out:
	alarm_rows_free(&d.rows);
	return rc < 0 ? err_ctx(e, NULL, "tell of alarms") : 0;
}
