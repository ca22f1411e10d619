/*
 * incident_report: the timeline is the journal's own entries, so it cannot say
 * anything that the chain does not hold.  No secret is in either.
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/drive.h"
#include "agent/engine/plan.h"
#include "agent/engine/record.h"
#include "agent/engine/verdict.h"
#include "agent/report/incident_report.h"
#include "agent/report/live.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/mem.h"
#include "vault/inventory.h"
#include "vault/journal.h"

struct writing {
	struct buf *out;
	struct json *list;
	uint64_t n;
};

const char *incident_state(const struct incident *inc)
{
	return inc->closed_ms ? "closed" : "open";
}

static int take_who(const struct journal_entry *en, void *arg, struct err *e)
{
	char **who = arg;

	(void)e;
	*who = mem_strdup(en->who ? en->who : "");
	return 1;
}

char *incident_who(struct app *app, const struct work *w)
{
	char *who = NULL;

	if (journal_each(app->vault, 0, 0, &w->inc.id, take_who, &who,
			 NULL) < 0) {
		mem_free(who);
		who = NULL;
	}
	return who ? who : mem_strdup("");
}

/* ---- Markdown ------------------------------------------------------------------- */

/* Text from outside in a Markdown table or list: escaped for a terminal and
 * with the marks of the table made harmless. */
static int plain(struct buf *out, const char *s, struct err *e)
{
	struct buf safe = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (out_safe(&safe, s ? s : "", e) < 0)
		goto out;
	rc = 0;
	for (size_t i = 0; i < safe.len && rc == 0; i++) {
		if (strchr("|<>*_`[]\\", safe.p[i]))
			rc = buf_puts(out, "\\", e);
		if (rc == 0)
			rc = buf_add(out, safe.p + i, 1, e);
	}
out:
	buf_release(&safe);
	return rc;
}

static int md_entry(const struct journal_entry *en, void *arg, struct err *e)
{
	struct writing *w = arg;
	char at[CLOCK_TEXT];

	w->n++;
	if (buf_printf(w->out, e, "| %s | %llu | %s | ",
		       clock_text(en->at_ms, at), (unsigned long long)en->seq,
		       journal_word(en->kind)) < 0 ||
	    plain(w->out, en->who, e) < 0 || buf_puts(w->out, " | ", e) < 0 ||
	    plain(w->out, en->text, e) < 0 || buf_puts(w->out, " |\n", e) < 0)
		return -1;
	return 0;
}

static int md_field(struct buf *out, const char *name, const char *value,
		    struct err *e)
{
	if (!value || !*value)
		return 0;
	if (buf_printf(out, e, "- %s: ", name) < 0 || plain(out, value, e) < 0)
		return -1;
	return buf_puts(out, "\n", e);
}

static int md_head(struct app *app, const struct work *w, struct buf *out,
		   struct err *e)
{
	char at[CLOCK_TEXT];
	char *who = incident_who(app, w);
	int rc = -1;

	if (buf_printf(out, e, "# %s\n\n- opened: %s\n", w->inc.name,
		       clock_text(w->inc.opened_ms, at)) < 0 ||
	    md_field(out, "by", who, e) < 0 ||
	    md_field(out, "asked for", w->inc.words, e) < 0 ||
	    md_field(out, "reason", w->inc.reason, e) < 0 ||
	    md_field(out, "state", incident_state(&w->inc), e) < 0 ||
	    (w->inc.closed_ms &&
	     buf_printf(out, e, "- closed: %s\n",
			clock_text(w->inc.closed_ms, at)) < 0) ||
	    md_field(out, "outcome", w->inc.outcome, e) < 0)
		goto out;
	rc = 0;
out:
	mem_free(who);
	return rc;
}

static int md_targets(const struct work *w, const struct facts *facts,
		      struct buf *out, struct err *e)
{
	int64_t now = clock_wall_ms();
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char at[CLOCK_TEXT];
	int rc = -1;

	if (buf_puts(out, "\n## Targets\n\n| address | kind | state | how | at |"
			  "\n|---|---|---|---|---|\n", e) < 0)
		goto out;
	for (uint32_t i = 0; i < w->n_targets; i++) {
		struct verdict v = verdict_of(w, i, facts, now);
		const struct target *t = &w->targets[i];
		const char *how = v.word != VD_DEAD ? v.why :
				  t->what == T_GRANT ? "removed" :
				  v.refusal ? "refused by the service" :
					      "the service's record";

		if (v.word == VD_NONE)
			continue;
		buf_reset(&b);
		if (plan_address(w, t, &b, e) < 0 ||
		    buf_puts(out, "| ", e) < 0 || plain(out, b.p, e) < 0 ||
		    buf_puts(out, " | ", e) < 0 || plain(out, t->kind, e) < 0 ||
		    buf_printf(out, e, " | %s | ", verdict_word(v.word)) < 0 ||
		    plain(out, how, e) < 0 ||
		    buf_printf(out, e, " | %s |\n", v.at_ms ?
			       clock_text(v.at_ms, at) : "") < 0)
			goto out;
	}
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

static int md_snapshots(struct app *app, const struct work *w, struct buf *out,
			struct err *e)
{
	struct snapshot *s = NULL;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char at[CLOCK_TEXT];
	size_t n = 0;
	int rc = -1;

	if (record_snapshots(app->vault, &w->inc, &s, &n, e) < 0 ||
	    buf_puts(out, "\n## Evidence\n\n", e) < 0 ||
	    (!n && buf_puts(out, "No snapshot was taken.\n", e) < 0))
		goto out;
	for (size_t i = 0; i < n; i++) {
		buf_reset(&b);
		if (inv_address(&b, s[i].conn, s[i].account,
				*s[i].id ? s[i].id : NULL, e) < 0 ||
		    buf_puts(out, "- ", e) < 0 || plain(out, b.p, e) < 0 ||
		    buf_printf(out, e, ": snapshot of %s, %zu bytes, sealed in "
			       "the vault\n", clock_text(s[i].at_ms, at),
			       strlen(s[i].json)) < 0)
			goto out;
	}
	rc = 0;
out:
	buf_release(&b);
	record_free_snapshots(&s, n);
	return rc;
}

int incident_markdown(struct app *app, const struct work *w, struct buf *out,
		      struct err *e)
{
	struct writing k = { .out = out };
	struct facts *facts = NULL;
	int rc = -1;

	if (drive_facts(app->vault, w, &facts, e) < 0)
		return -1;
	if (md_head(app, w, out, e) < 0 || md_targets(w, facts, out, e) < 0 ||
	    md_snapshots(app, w, out, e) < 0 ||
	    buf_puts(out, "\n## Timeline\n\n| time (UTC) | entry | what | who | "
			  "text |\n|---|---|---|---|---|\n", e) < 0 ||
	    journal_each(app->vault, 0, 0, &w->inc.id, md_entry, &k, e) < 0)
		goto out;
	rc = buf_printf(out, e, "\n%llu entries of the sealed journal; 'curfew "
			"audit verify' checks its chain.\n",
			(unsigned long long)k.n);
out:
	mem_free(facts);
	return rc;
}

/* ---- JSON ------------------------------------------------------------------------ */

static int js_entry(const struct journal_entry *en, void *arg, struct err *e)
{
	struct writing *w = arg;
	struct json *j = json_object(), *detail = NULL;
	char at[CLOCK_TEXT];
	bool ok;

	if (en->detail && *en->detail)
		detail = json_parse(en->detail, strlen(en->detail), NULL);
	ok = json_set_int(j, "seq", (int64_t)en->seq) &&
	     json_set_str(j, "at", clock_text(en->at_ms, at)) &&
	     json_set_str(j, "kind", journal_word(en->kind)) &&
	     json_set_str(j, "who", en->who ? en->who : "") &&
	     json_set_str(j, "text", en->text ? en->text : "");
	if (ok && detail)
		ok = json_set(j, "detail", detail);
	else
		json_free(&detail);
	if (!ok) {
		json_free(&j);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	if (!json_push(w->list, j))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

static bool js_head(struct json *j, struct app *app, const struct work *w)
{
	char *who = incident_who(app, w);
	char at[CLOCK_TEXT];
	bool ok = json_set_int(j, "version", 1) &&
		  json_set_str(j, "incident", w->inc.name) &&
		  json_set_str(j, "state", incident_state(&w->inc)) &&
		  json_set_str(j, "opened", clock_text(w->inc.opened_ms, at)) &&
		  json_set_str(j, "by", who) &&
		  json_set_str(j, "asked_for", w->inc.words) &&
		  json_set_str(j, "reason", w->inc.reason) &&
		  json_set_str(j, "outcome", w->inc.outcome) &&
		  json_set_str(j, "closed", w->inc.closed_ms ?
			       clock_text(w->inc.closed_ms, at) : NULL);

	mem_free(who);
	return ok;
}

static int js_snapshots(struct json *list, struct app *app,
			const struct work *w, struct err *e)
{
	struct snapshot *s = NULL;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char at[CLOCK_TEXT];
	size_t n = 0;
	int rc = -1;

	if (record_snapshots(app->vault, &w->inc, &s, &n, e) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		struct json *j = json_object();

		buf_reset(&b);
		if (inv_address(&b, s[i].conn, s[i].account,
				*s[i].id ? s[i].id : NULL, e) < 0 ||
		    !json_set_str(j, "address", b.p) ||
		    !json_set_str(j, "at", clock_text(s[i].at_ms, at)) ||
		    !json_set_int(j, "bytes", (int64_t)strlen(s[i].json)) ||
		    !json_push(list, j)) {
			err_fail(e, ERR_NOMEM, NULL, "out of memory");
			goto out;
		}
	}
	rc = 0;
out:
	buf_release(&b);
	record_free_snapshots(&s, n);
	return rc;
}

int incident_json(struct app *app, const struct work *w, struct buf *out,
		  struct err *e)
{
	struct writing k = { .list = json_array() };
	struct json *j = json_object(), *targets = json_array();
	struct json *snaps = json_array();
	struct facts *facts = NULL;
	bool ok = js_head(j, app, w);
	int rc = -1;

	if (drive_facts(app->vault, w, &facts, e) < 0)
		goto out;
	for (uint32_t i = 0; i < w->n_targets; i++)
		if (verdict_of(w, i, facts, clock_wall_ms()).word != VD_NONE)
			ok = ok && json_push(targets, live_target(w, i, facts,
							clock_wall_ms()));
	if (js_snapshots(snaps, app, w, e) < 0 ||
	    journal_each(app->vault, 0, 0, &w->inc.id, js_entry, &k, e) < 0)
		goto out;
	ok = ok && json_set(j, "targets", targets);
	targets = NULL;
	ok = ok && json_set(j, "snapshots", snaps);
	snaps = NULL;
	ok = ok && json_set(j, "timeline", k.list);
	k.list = NULL;
	if (!ok) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	rc = json_print(j, true, out, e);
	if (rc == 0)
		rc = buf_puts(out, "\n", e);
out:
	mem_free(facts);
	json_free(&j);
	json_free(&targets);
	json_free(&snaps);
	json_free(&k.list);
	return rc;
}
