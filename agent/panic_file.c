/*
 * panic_file: the incident of a kill without a vault, as one JSON file.
 *
 * Version 1 of the format (docs/incident-file.md).  Written whole, mode 0600, as
 * soon as the first call is on its way (the disk does not hold it up, and there
 * is nothing to resume from but the secret itself) and after each answer.  Must
 * never hold the secret: what is written goes through secret_redact() at the
 * end as well.  A disk that takes no file does not hold up the kill.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/engine/verdict.h"
#include "agent/panic.h"
#include "agent/report/live.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"

#define FILE_MAX (1024u * 1024)
#define TIMELINE_MAX 2000

static struct tally tally_of(const struct panic *p)
{
	struct tally t;

	verdict_tally(&p->w, &p->facts, clock_wall_ms(), &t);
	return t;
}

int panic_exit(const struct panic *p)
{
	const struct tally t = tally_of(p);

	return verdict_exit(&t);
}

void panic_note(struct panic *p, const char *what, const char *word,
		const char *text)
{
	struct json *o = json_object();
	char at[CLOCK_TEXT];
	bool ok = json_set_str(o, "at", clock_text(clock_wall_ms(), at)) &&
		  json_set_str(o, "what", what) && json_set_str(o, "answer", word) &&
		  (!text || json_set_str(o, "note", text));

	if (!ok || json_count(p->timeline) >= TIMELINE_MAX)
		json_free(&o);
	else
		(void)json_push(p->timeline, o);
}

enum panic_heard panic_heard(const struct panic *p)
{
	if (p->heard)
		return PANIC_HEARD;
	for (uint32_t i = 0; i < p->w.n_actions; i++)
		if (p->w.actions[i].sending)
			return PANIC_UNSURE;
	return PANIC_UNHEARD;
}

struct json *panic_json(const struct panic *p)
{
	const bool nobody = panic_heard(p) == PANIC_UNHEARD;
	struct json *o = json_object(), *t = NULL;
	char at[CLOCK_TEXT];
	bool ok;

	ok = json_set_int(o, "version", 1) &&
	     json_set_str(o, "incident", p->name) &&
	     json_set_str(o, "opened", clock_text(p->w.inc.opened_ms, at)) &&
	     json_set_str(o, "closed", p->w.inc.closed_ms ?
			  clock_text(p->w.inc.closed_ms, at) : NULL) &&
	     (!p->ask->reason || json_set_str(o, "reason", p->ask->reason)) &&
	     json_set_str(o, "service", p->claim.type) &&
	     json_set_str(o, "kind", p->claim.kind) &&
	     json_set_str(o, "secret_looks_like", p->hint) &&
	     json_set_str(o, "fingerprint", p->print) &&
	     json_set_str(o, "sent_only_to", nobody ? NULL : p->host) &&
	     (!nobody || json_set_str(o, "not_reached", p->host)) &&
	     json_set_int(o, "exit", panic_exit(p));
	if (ok)
		t = live_target(&p->w, 0, &p->facts, clock_wall_ms());
	for (const struct json *m = t ? json_first(t) : NULL; ok && m;
	     m = json_next(m))
		if (strcmp(json_key(m), "address") != 0 &&
		    strcmp(json_key(m), "what") != 0)
			ok = json_set(o, json_key(m), json_dup(m));
	ok = ok && json_set(o, "timeline", json_dup(p->timeline));
	json_free(&t);
	if (!ok)
		json_free(&o);
	return o;
}

int panic_file_open(struct panic *p, struct err *e)
{
	struct tm tm;
	const time_t now = (time_t)(p->w.inc.opened_ms / 1000);
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	p->timeline = json_array();
	p->new_file = true;
	if (!p->timeline || !gmtime_r(&now, &tm))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	(void)snprintf(p->name, sizeof(p->name),
		       "INC-%04d%02d%02d-%02d%02d%02d-%.8s", tm.tm_year + 1900,
		       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		       tm.tm_sec, p->print + strlen("sha256:"));
	if (p->ask->file)
		rc = buf_puts(&b, p->ask->file, e);
	else
		rc = buf_printf(&b, e, "%s/incidents/%s.json", p->app->dir,
				p->name);
	p->path = rc == 0 ? mem_strdup(b.p) : NULL;
	if (p->ask->file && access(p->ask->file, F_OK) == 0) {
		rc = err_fail(e, ERR_EXISTS, p->ask->file, "there is such a file");
		err_state(e, "nothing was sent");
		err_hint(e, "--incident takes a new file's name");
	} else if (p->path && !p->ask->file) {
		/* a place that cannot be made is told when it is written to */
		*strrchr(b.p, '/') = '\0';
		(void)!io_mkdirs(b.p, 0700, NULL);
	}
	if (rc == 0 && !p->path)
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	buf_release(&b);
	return rc;
}

void panic_file_write(struct panic *p)
{
	struct json *o = panic_json(p);
	struct buf b = BUF_INIT(FILE_MAX);
	struct err e = ERR_INIT;
	size_t len;

	if (!o)
		(void)err_fail(&e, ERR_NOMEM, NULL, "out of memory");
	else if (json_print(o, true, &b, &e) == 0 && buf_puts(&b, "\n", &e) == 0) {
		len = b.len;
		(void)secret_redact(b.p, &len);
		(void)!(p->new_file && p->ask->file ?
				io_create(p->path, b.p, len, 0600, &e) :
				io_write_atomic(p->path, b.p, len, 0600, &e));
	}
	if (e.code == ERR_NONE) {
		p->new_file = false;
	} else if (p->fault.code == ERR_NONE) {
		(void)err_ctx(&e, p->path, "write the incident");
		p->fault = e;
		if (e.code != ERR_EXISTS)
			log_err(LOG_WARNING, &e);
	}
	json_free(&o);
	buf_release(&b);
}

/* ---- reading it again -------------------------------------------------------- */

static void line(const struct json *o, const char *name, const char *key)
{
	const char *v = json_str(o, key);

	if (!v || !*v)
		return;
	(void)printf("%-12s ", name);
	out_cell(v, 0);
	out_text("\n");
}

static void show(const struct json *o)
{
	const char *why = json_str(o, "why"), *state = json_str(o, "state");

	line(o, "incident", "incident");
	line(o, "opened", "opened");
	line(o, "closed", "closed");
	line(o, "reason", "reason");
	line(o, "service", "service");
	line(o, "kind", "kind");
	line(o, "secret", "secret_looks_like");
	line(o, "fingerprint", "fingerprint");
	line(o, "sent only to", "sent_only_to");
	line(o, "not reached", "not_reached");
	(void)printf("%-12s ", "state");
	out_cell(state ? state : "", 0);
	if (why && *why) {
		out_text(" (");
		out_cell(why, 0);
		out_text(")");
	}
	out_text("\n");
	line(o, "dead at", "dead_at");
	out_text("\n");
	for (const struct json *t = json_first(json_get(o, "timeline")); t;
	     t = json_next(t)) {
		const char *const keys[] = { "at", "what", "answer", "note" };

		for (size_t i = 0; i < 4; i++) {
			const char *v = json_str(t, keys[i]);

			if (!v)
				continue;
			out_text(i ? "  " : "");
			out_cell(v, 0);
		}
		out_text("\n");
	}
}

int panic_show(struct app *app, const char *path)
{
	struct buf b = BUF_INIT(FILE_MAX);
	struct json *o = NULL;
	struct err e = ERR_INIT;
	int64_t version = 0;
	int code = EXIT_OK;

	if (io_read_file(path, IO_ANY, FILE_MAX, &b, &e) < 0 ||
	    !(o = json_parse_max(b.p ? b.p : "", b.len, FILE_MAX, &e))) {
		(void)err_ctx(&e, path, "show the incident");
		code = app_fail(app, &e);
	} else if (!json_str(o, "incident") || !json_int(o, "version", &version) ||
		   version != 1) {
		(void)err_fail(&e, ERR_FORMAT, path,
			       "not an incident's file of version 1");
		code = app_fail(app, &e);
	} else if (app->json) {
		code = out_json(app, o);
	} else {
		show(o);
	}
	json_free(&o);
	buf_release(&b);
	return code;
}
