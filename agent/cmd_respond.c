/*
 * cmd_respond: what hooks found, taken from the spool, and what the policy in
 * curfew.toml does about it.  For cron: silent when there was nothing.
 *
 * Owns the order that loses nothing: one transaction holds a file's findings,
 * its journal entries, what is due, and that the file was taken; then the file
 * is put away; then what is due is done and no longer due.  A crash anywhere is
 * made good by the next run; a file that comes again is not taken again.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/alarm.h"
#include "agent/args.h"
#include "agent/commands.h"
#include "agent/intake.h"
#include "agent/report/out.h"
#include "agent/respond_rotate.h"
#include "agent/response.h"
#include "agent/spool.h"
#include "agent/spool_seen.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/journal.h"
#include "vault/store.h"

struct run {
	struct app *app;
	struct spool *spool;
	struct intake in;
	size_t files, failed, again;
	int64_t since; /* what is kept of taken files begins here */
	struct json *responses; /* an array */
	int worst; /* of what was carried out */
};

/* ---- one file ---------------------------------------------------------------- */

static int one_finding(const struct spool_head *h, const struct json *line,
		       struct secret **secret, void *arg, struct err *e)
{
	struct run *r = arg;
	struct finding f;
	struct secret *value = *secret;
	int rc = -1;

	*secret = NULL;
	if (finding_init(&f, e) < 0 || intake_parse(line, &f, e) < 0 ||
	    finding_text(&f.source, h->source, e) < 0 ||
	    finding_text(&f.repository, h->repository, e) < 0 ||
	    finding_text(&f.pusher, h->pusher, e) < 0) {
		secret_free(&value);
		goto out;
	}
	rc = intake_add(&r->in, &f, value, e);
out:
	finding_release(&f);
	return rc;
}

static int note(struct run *r, enum journal_kind kind, const char *fmt,
		const struct spool_head *h, const char *more, struct err *e)
{
	struct journal_entry j = { .kind = kind, .at_ms = clock_wall_ms() };
	struct buf who = BUF_INIT(BUF_TEXT_MAX), text = BUF_INIT(BUF_TEXT_MAX);
	struct buf where = BUF_INIT(BUF_TEXT_MAX), why = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	/* all of it comes from outside */
	if (out_safe(&who, *h->pusher != '\0' ? h->pusher : "somebody", e) < 0 ||
	    out_safe(&where, h->repository, e) < 0 ||
	    out_safe(&why, more, e) < 0 ||
	    buf_printf(&text, e, "%.40s at %.400s, push by %.100s: %s%.800s",
		       h->source, where.p != NULL ? where.p : "", who.p, fmt,
		       why.p != NULL ? why.p : "") < 0)
		goto out;
	j.text = text.p;
	rc = journal_append(r->app->vault, &j, NULL, e);
out:
	buf_release(&who);
	buf_release(&text);
	buf_release(&where);
	buf_release(&why);
	return rc;
}

/* A living credential of ours: whoever is on call hears of it, not only whoever
 * reads what cron mails. */
static int alarm_ours(struct run *r, const struct intake_row *row, const char *what,
		      struct err *e)
{
	struct buf at = BUF_INIT(BUF_TEXT_MAX);
	char text[500], todo[64];
	const struct alarm a = { .event = ALARM_FINDING, .text = text,
				 .todo = todo, .once = true };
	int rc = 0;

	if (r->app->config == NULL || r->app->config->n_alarms == 0)
		return 0;
	(void)snprintf(text, sizeof text, "found by rule %.60s at %.120s %.200s; "
		       "response: %s", row->f.rule, row->f.repository,
		       row->f.file, *what != '\0' ? what : "told only");
	(void)snprintf(todo, sizeof todo, "curfew kill --finding %s", row->f.id);
	for (size_t i = 0; rc == 0 && i < row->owners.n; i++) {
		struct alarm one = a;

		if (row->owners.v[i].state == INV_DEAD)
			continue;
		buf_reset(&at);
		rc = owner_address(&row->owners.v[i], &at, e);
		one.about = at.p;
		if (rc == 0)
			rc = alarm_raise(r->app, &one, e);
	}
	buf_release(&at);
	return rc;
}

/* What the policy wants of each, written down before anything is done. */
static int decide(struct run *r, size_t from, struct err *e)
{
	for (size_t i = from; i < r->in.n; i++) {
		struct intake_row *row = &r->in.v[i];
		struct journal_entry j = { .kind = J_DECISION,
					   .at_ms = clock_wall_ms() };
		const char *rule;
		const enum response what = response_for(
			r->app, &row->f, &row->owners, &rule);
		char text[300];

		if (finding_text(&row->f.due, response_word(what), e) < 0 ||
		    finding_update(r->app->vault, &row->f, false, e) < 0)
			return -1;
		(void)snprintf(text, sizeof text, "finding %s: %s%s%.64s%s",
			       row->f.id, what == RESPONSE_NOTIFY ? "told" :
			       row->f.due, rule != NULL ? ", as [response." : "",
			       rule != NULL ? rule : "", rule != NULL ? "]" : "");
		j.text = text;
		if (journal_append(r->app->vault, &j, NULL, e) < 0 ||
		    alarm_ours(r, row, row->f.due, e) < 0)
			return -1;
	}
	return 0;
}

static int commit(struct run *r, size_t from, const struct spool_head *h,
		  const unsigned char digest[32], struct err *e)
{
	const char *left = h->left != NULL ? h->left : "";
	char count[80];
	int rc = -1;

	(void)snprintf(count, sizeof count, "%zu finding%s%s", h->n,
		       h->n == 1 ? "" : "s",
		       h->complete ? "" : *left == '\0' ?
			       ", not everything was looked at" :
			       ", not everything was looked at: ");
	if (store_begin(r->app->vault, e) < 0)
		return -1;
	if (note(r, J_DECISION, count, h, left, e) < 0 ||
	    (*h->override != '\0' &&
	     note(r, J_OVERRIDE, "let through although refused, reason given: ",
		  h, h->override, e) < 0) ||
	    (*h->override != '\0' && *left != '\0' &&
	     note(r, J_OVERRIDE, "let through and not looked at: ", h, left,
		  e) < 0) ||
	    intake_store(&r->in, from, e) < 0 || decide(r, from, e) < 0 ||
	    spool_seen_put(r->app->vault, digest, clock_wall_ms(), e) < 0)
		goto out;
	crash_point("respond.in-transaction");
	rc = 0;
out:
	if (rc < 0)
		store_rollback(r->app->vault);
	else
		rc = store_commit(r->app->vault, e);
	return rc;
}

/* Is it the file that is wrong, or we? */
static bool file_fault(const struct err *e)
{
	return err_is(e, ERR_TAMPER) || err_is(e, ERR_FORMAT) ||
	       err_is(e, ERR_TOOBIG) || err_is(e, ERR_PROTO);
}

static void drop_rows(struct run *r, size_t from)
{
	while (r->in.n > from) {
		struct intake_row *row = &r->in.v[--r->in.n];

		finding_release(&row->f);
		secret_free(&row->value);
		owners_free(&row->owners);
	}
}

static int away(struct run *r, size_t i, bool failed)
{
	struct err e = ERR_INIT;

	if (r->app->dry_run || spool_away(r->spool, i, failed, &e) == 0)
		return 0;
	r->failed++;
	log_err(LOG_WARNING, &e);
	return -1;
}

/* -1: the run cannot go on. */
static int one_file(struct run *r, size_t i, struct err *e)
{
	struct buf plain = BUF_INIT(SPOOL_FILE_MAX + 16);
	struct spool_head h = { .source = NULL };
	const bool odd = spool_odd(r->spool, i);
	const size_t from = r->in.n;
	unsigned char digest[32];
	struct err why = ERR_INIT;
	char at[CLOCK_TEXT];
	int seen = 0, rc = -1;

	if (spool_read(r->spool, i, r->app->vault, &plain, digest, &why) == 0) {
		seen = spool_seen(r->app->vault, digest, &why);
		if (seen == 0)
			rc = spool_lines(&plain, &h, one_finding, r, &why);
		if (seen == 0 && rc == 0 && h.at_ms <= r->since)
			rc = err_fail(&why, ERR_FORMAT, NULL, "it was written "
				      "before %s: whether it was taken then is "
				      "forgotten", clock_text(r->since, at));
	}
	if (seen > 0) { /* a crash came before it was put away, or a replay */
		r->again++;
		(void)away(r, i, false);
		rc = 0;
		goto out;
	}
	if (rc == 0 && !r->app->dry_run)
		rc = commit(r, from, &h, digest, &why);
	if (rc == 0) {
		crash_point("respond.committed");
		r->files++;
		(void)away(r, i, false);
		goto out;
	}
	drop_rows(r, from);
	if (!file_fault(&why)) {
		*e = why;
		goto out;
	}
	(void)err_ctx(&why, spool_name(r->spool, i), "take the spool file");
	err_state(&why, odd ? "it stays where it is" : "it is kept in failed/");
	if (odd)
		err_hint(&why, "remove it: only hooks write there, and they "
			       "write files");
	log_err(LOG_ERROR, &why);
	r->failed++;
	if (!odd)
		(void)away(r, i, true);
	rc = 0;
out:
	spool_head_release(&h);
	buf_release(&plain);
	return rc;
}

/* ---- what is due ------------------------------------------------------------- */

struct due {
	struct finding *v;
	size_t n, cap;
};

static int collect(const struct finding *f, void *arg, struct err *e)
{
	struct due *d = arg;
	struct finding *x;

	if (*f->due == '\0')
		return 0;
	if (d->n == d->cap) {
		const size_t cap = d->cap != 0 ? 2 * d->cap : 16;

		x = mem_realloc(d->v, cap * sizeof *x);
		if (x == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		d->v = x;
		d->cap = cap;
	}
	x = &d->v[d->n];
	if (finding_init(x, e) < 0 || finding_text(&x->due, f->due, e) < 0 ||
	    finding_text(&x->source, f->source, e) < 0)
		return -1;
	memcpy(x->id, f->id, sizeof x->id);
	d->n++;
	return 0;
}

/* The kill that a person would type. */
static int kill_it(struct run *r, const struct finding *f)
{
	char word[] = "kill", option[] = "--finding", yes[] = "--yes";
	char all[] = "--identity", why[] = "--reason", reason[120], id[16];
	char *argv[8] = { word, option, id, why, reason, yes, NULL, NULL };
	int argc = 6;

	(void)snprintf(id, sizeof id, "%s", f->id);
	(void)snprintf(reason, sizeof reason, "response to finding %s (%.60s)",
		       f->id, f->source);
	if (strcmp(f->due, "kill-identity") == 0)
		argv[argc++] = all;
	return cmd_kill(r->app, argc, argv);
}

/* Its words go to standard error when standard output is one JSON object. */
static int carry_out(struct run *r, struct whose *w, const struct finding *f,
		     int *code, struct err *e)
{
	const bool json = r->app->json;
	int saved = -1, rc = 0;

	if (json) {
		(void)fflush(stdout);
		saved = dup(STDOUT_FILENO);
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		r->app->json = false;
	}
	if (strcmp(f->due, response_word(RESPONSE_ROTATE)) == 0)
		rc = respond_rotate(r->app, w, f, code, e);
	else
		*code = kill_it(r, f);
	if (json) {
		(void)fflush(stdout);
		(void)dup2(saved, STDOUT_FILENO);
		(void)close(saved);
		r->app->json = true;
	}
	return rc;
}

/* Ended already, by the run before a crash or by a person? */
static int over(struct run *r, struct whose *w, const char *id, struct err *e)
{
	struct finding f = { .seen = 0 };
	struct owners o = { .n = 0 };
	struct secret *value = NULL;
	int rc = finding_get(r->app->vault, id, &f, &value, e);

	if (rc > 0)
		rc = value == NULL ? 1 :
		     whose_is(w, value, &o, e) < 0 ? -1 : 1;
	for (size_t i = 0; rc > 0 && i < o.n; i++)
		if (o.v[i].state != INV_DEAD)
			rc = 0;
	owners_free(&o);
	secret_free(&value);
	finding_release(&f);
	return rc;
}

/* Done, or in an incident that 'resume' goes on with. */
static int no_longer_due(struct run *r, const char *id, struct err *e)
{
	struct finding f = { .seen = 0 };
	int rc = finding_get(r->app->vault, id, &f, NULL, e);

	if (rc > 0)
		rc = finding_text(&f.due, "", e) < 0 ? -1 :
			     finding_update(r->app->vault, &f, false, e);
	finding_release(&f);
	return rc;
}

static void say_done(struct run *r, const struct finding *f, int code)
{
	struct json *j = json_object();

	(void)json_set_str(j, "finding", f->id);
	(void)json_set_str(j, "action", f->due);
	(void)json_set_int(j, "exit", code);
	(void)json_push(r->responses, j);
	if (code > r->worst)
		r->worst = code;
}

static int one_due(struct run *r, struct whose *w, const struct finding *f,
		   struct err *e)
{
	const bool rotate = strcmp(f->due, response_word(RESPONSE_ROTATE)) == 0;
	int rc, code;

	if (respond_rotating(f))
		return respond_rotated(r->app, f->id, e);
	rc = over(r, w, f->id, e);
	if (rc != 0)
		return rc < 0 ? -1 : no_longer_due(r, f->id, e) < 0 ? -1 : 0;
	crash_point("respond.before-kill");
	if (carry_out(r, w, f, &code, e) < 0)
		return -1;
	crash_point("respond.after-kill");
	say_done(r, f, code);
	if (rotate)
		return respond_rotated(r->app, f->id, e);
	if (code == EXIT_OK || code == EXIT_DYING || code == EXIT_ALIVE)
		rc = no_longer_due(r, f->id, e) < 0 ? -1 : 0;
	return rc;
}

static int do_due(struct run *r, struct err *e)
{
	struct due d = { .n = 0 };
	struct whose *w = NULL;
	int rc = findings_each(r->app->vault, collect, &d, e);

	if (rc == 0 && d.n > 0)
		rc = whose_load(r->app, &w, e);
	for (size_t i = 0; rc == 0 && i < d.n; i++)
		rc = one_due(r, w, &d.v[i], e);
	for (size_t i = 0; i < d.n; i++)
		finding_release(&d.v[i]);
	mem_free(d.v);
	whose_free(&w);
	return rc;
}

/* ---- the command ------------------------------------------------------------- */

static int tell(struct run *r)
{
	struct json *j;
	int code;

	intake_settle(&r->in);
	if (!r->app->json) {
		if (r->in.n > 0)
			intake_print(&r->in);
		for (size_t i = 0; r->app->dry_run && i < r->in.n; i++) {
			const struct intake_row *x = &r->in.v[i];
			const char *rule, *word;

			if (!x->last)
				continue;
			word = response_word(response_for(
				r->app, &x->f, &x->owners, &rule));
			out_text("would ");
			out_text(*word != '\0' ? word : "only tell");
			out_text(": ");
			out_cell(x->f.id, 0);
			out_text("\n");
		}
		return EXIT_OK;
	}
	j = json_object();
	(void)json_set_int(j, "version", 1);
	(void)json_set_int(j, "files", (int64_t)r->files);
	(void)json_set_int(j, "failed", (int64_t)r->failed);
	(void)json_set_int(j, "known", (int64_t)r->again);
	(void)json_set(j, "findings", intake_json(&r->in));
	(void)json_set(j, "responses", r->responses);
	r->responses = NULL;
	code = out_json(r->app, j);
	json_free(&j);
	return code;
}

/* What is taken care of is kept for a while, not for good. */
static int prune(struct run *r, struct err *e)
{
	const int64_t before = clock_wall_ms() - r->app->config->spool_keep_ms;
	struct err why = ERR_INIT;

	/* a folder that somebody else made was named already */
	if (spool_prune(r->spool, before, &why) < 0 && r->failed == 0) {
		r->failed++;
		log_err(LOG_WARNING, &why);
	}
	return spool_seen_forget(r->app->vault, before, e);
}

static int run(struct run *r, struct err *e)
{
	const struct config *c = r->app->config;

	if (c == NULL || c->spool == NULL) {
		(void)err_fail(e, ERR_CONFIG, NULL, "no spool is configured");
		err_hint(e, "curfew.toml: [spool] folder = \"/var/spool/curfew\"; "
			    "hooks write there (docs/respond.md)");
		return -1;
	}
	/* everything that a hook tells is kept, whatever its confidence */
	if (spool_open(c->spool, &r->spool, e) < 0)
		return -1;
	if (spool_count(r->spool) > 0 &&
	    intake_open(&r->in, r->app, "low", e) < 0)
		return -1;
	if (spool_seen_since(r->app->vault, &r->since, e) < 0)
		return -1;
	for (size_t i = 0; i < spool_count(r->spool); i++)
		if (one_file(r, i, e) < 0)
			return -1;
	return r->app->dry_run ? 0 : prune(r, e);
}

int cmd_respond(struct app *app, int argc, char **argv)
{
	struct run r = { .app = app, .in = { .app = app } };
	const struct arg args[] = {
		{ "dry-run", ARG_FLAG, &app->dry_run, 'n' },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct err e = ERR_INIT, told = ERR_INIT;
	char **rest;
	int n, code = -1;

	r.responses = json_array();
	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		goto out;
	if (n > 0) {
		(void)err_fail(&e, ERR_USAGE, rest[0], "nothing more is taken");
		goto out;
	}
	if (run(&r, &e) < 0)
		goto out;
	/* told first: what comes next may take its time */
	if (!app->json)
		(void)tell(&r);
	/* before the kill, which may take its time; what could not be told is
	 * kept, and no reason not to kill */
	if (!app->dry_run && alarm_deliver(app, NULL, &told) < 0)
		log_err(LOG_ERROR, &told);
	if (!app->dry_run && do_due(&r, &e) < 0)
		goto out;
	if (app->json && tell(&r) != EXIT_OK)
		r.worst = EXIT_STORE;
	code = r.worst != EXIT_OK ? r.worst :
	       r.failed > 0 ? EXIT_PROVIDER : EXIT_OK;
out:
	if (code < 0)
		(void)err_ctx(&e, NULL, "respond");
	spool_close(&r.spool);
	json_free(&r.responses);
	intake_close(&r.in);
	return code < 0 ? app_fail(app, &e) : code;
}
