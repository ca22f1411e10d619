/*
 * cmd_kill: end identities, accounts or credentials, and prove it.
 *
 * Owns the order: words, confirmation, plan, one transaction with the incident
 * and every action, then the driver.  Nothing leaves before that transaction.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/engine/drive.h"
#include "agent/engine/knob.h"
#include "agent/engine/record.h"
#include "agent/engine/target.h"
#include "agent/kill_finding.h"
#include "agent/kill_rotation.h"
#include "agent/kill_run.h"
#include "agent/kill_value.h"
#include "agent/report/live.h"
#include "agent/waits.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/host.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/journal.h"

#define CONFIRM_OVER 10

struct kill_args {
	bool secret_stdin, include_self, no_vault, identity;
	const char *reason, *host, *type, *file, *finding;
	struct arg_list tags, set;
	int64_t wait_ms;
	char **words;
	int n_words;
};

static int parse(struct app *app, int argc, char **argv, struct kill_args *k,
		 struct err *e)
{
	const struct arg args[] = {
		{ "secret-stdin", ARG_FLAG, &k->secret_stdin, 0 },
		{ "dry-run", ARG_FLAG, &app->dry_run, 'n' },
		{ "include-self", ARG_FLAG, &k->include_self, 0 },
		{ "yes", ARG_FLAG, &app->yes, 'y' },
		{ "reason", ARG_TEXT, &k->reason, 0 },
		{ "tag", ARG_LIST, &k->tags, 0 },
		{ "wait", ARG_SPAN, &k->wait_ms, 0 },
		{ "host", ARG_TEXT, &k->host, 0 },
		{ "type", ARG_TEXT, &k->type, 0 },
		{ "set", ARG_LIST, &k->set, 0 },
		{ "incident", ARG_TEXT, &k->file, 0 },
		{ "no-vault", ARG_FLAG, &k->no_vault, 0 },
		{ "finding", ARG_TEXT, &k->finding, 0 },
		{ "identity", ARG_FLAG, &k->identity, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};

	char host[PANIC_HOST];

	k->wait_ms = -1;
	if (args_parse(argc, argv, args, &k->words, &k->n_words, e) < 0)
		return -1;
	if (!k->n_words && !k->tags.n && !k->secret_stdin && !k->finding) {
		err_fail(e, ERR_USAGE, NULL, "no target given");
		err_hint(e, "curfew kill IDENTITY, CONNECTION/ACCOUNT or "
			    "CONNECTION/ACCOUNT#ID; 'curfew list' shows them");
		return err_ctx(e, NULL, "kill");
	}
	if (k->finding && (k->n_words || k->tags.n || k->secret_stdin)) {
		err_fail(e, ERR_USAGE, k->finding, "a finding is ended by "
			 "itself, without other targets");
		return err_ctx(e, NULL, "kill");
	}
	if (k->host && host_address(k->host, host, sizeof(host), e) < 0) {
		err_state(e, "nothing was sent");
		return err_ctx(e, k->host, "use --host");
	}
	if (k->identity && !k->finding) {
		err_fail(e, ERR_USAGE, NULL, "--identity goes with --finding");
		return err_ctx(e, NULL, "kill");
	}
	return 0;
}

static int needs_vault(const struct app *app, const struct kill_args *k,
		       struct err *e)
{
	if (app->vault || (!k->n_words && !k->tags.n && !k->finding))
		return 0;
	err_fail(e, ERR_USAGE, NULL, "without a vault only the secret on standard "
		 "input can be ended");
	err_hint(e, "leave the names out, or make a vault: curfew init");
	return err_ctx(e, NULL, "kill");
}

static struct panic_ask ask_of(const struct kill_args *k)
{
	return (struct panic_ask){ .host = k->host, .type = k->type,
				   .file = k->file, .reason = k->reason,
				   .set = &k->set, .wait_ms = k->wait_ms };
}

/* What fails here is told when it is needed. */
void cmd_kill_early(struct app *app, int argc, char **argv)
{
	struct kill_args k = { .reason = NULL };
	struct panic_ask ask;
	struct err e = ERR_INIT;

	if (parse(app, argc, argv, &k, &e) < 0 || !k.secret_stdin || k.n_words ||
	    k.tags.n)
		return;
	ask = ask_of(&k);
	if (panic_begin(app, &ask, &app->any, &e) < 0)
		link_close(&app->any);
}

/* With words beside it the value is theirs: it is sealed first, so that it goes
 * along with the probes. */
static int by_value(struct app *app, const struct secret *secret,
		    struct selection *s, struct err *e)
{
	struct buf at = BUF_INIT(BUF_TEXT_MAX);
	int rc;

	if (app->dry_run)
		return 0;
	rc = target_learn(app, s, secret, &at, NULL, e);
	if (rc == 0)
		log_line(LOG_WARNING, "the targets are not one credential: the "
			 "value given is not tried");
	buf_release(&at);
	return rc < 0 ? -1 : 0;
}

/* 0: it is in the selection; 1: all is done, with *code. */
static int secret_given(struct app *app, const struct kill_args *k,
			struct selection *s, int *code, struct err *e)
{
	struct panic_ask ask = ask_of(k);
	struct secret *secret = NULL;
	int rc;

	if (k->finding)
		return kill_finding(app, k->finding, k->identity, &ask, s, code,
				    e);
	if (!s->n)
		return kill_value(app, &ask, s, code, e);
	rc = kill_value_read(&secret, e);
	if (rc == 0)
		rc = by_value(app, secret, s, e);
	secret_free(&secret);
	return rc;
}

/* 0, 1: all is done, with *code; -1. */
static int resolve(struct app *app, const struct kill_args *k,
		   struct selection *s, int *code, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	for (int i = 0; i < k->n_words; i++)
		if (target_word(app, k->words[i], s, e) < 0)
			goto out;
	for (size_t i = 0; i < k->tags.n; i++) {
		buf_reset(&b);
		if (buf_printf(&b, e, "tag:%s", k->tags.v[i]) < 0 ||
		    target_word(app, b.p, s, e) < 0)
			goto out;
	}
	if (s->n && !selection_any(s)) {
		err_fail(e, ERR_USAGE, s->named, "nothing in the inventory "
			 "answers to it: '%s/%s%s%s': %s", s->p[0].conn,
			 s->p[0].account, *s->p[0].id ? "#" : "", s->p[0].id,
			 s->p[0].missing);
		err_hint(e, "correct curfew.toml, or 'curfew sync'; 'curfew "
			    "list' shows what there is");
		(void)err_ctx(e, s->named, "kill");
		goto out;
	}
	rc = 0;
	if (k->secret_stdin || k->finding)
		rc = secret_given(app, k, s, code, e);
out:
	buf_release(&b);
	return rc;
}

/* Many at once, or named by something wide: a person types the name. */
static int confirm(const struct app *app, const struct selection *s,
		   struct err *e)
{
	size_t n = selection_accounts(s);
	int64_t over = app->config ?
		       app->config->confirm_over : CONFIRM_OVER;
	char question[300], word[200];

	if (!s->bulk && n <= (size_t)over)
		return 0;
	(void)snprintf(question, sizeof(question), "This ends %zu account%s.", n,
		       n == 1 ? "" : "s");
	if (s->named)
		(void)snprintf(word, sizeof(word), "%s", s->named);
	else
		(void)snprintf(word, sizeof(word), "%zu", n);
	return app_confirm(app, question, word, e);
}

/* Does that open incident already work on one of these accounts? */
static bool covers(const struct work *w, const struct selection *s)
{
	for (uint32_t k = 0; k < w->n_targets; k++) {
		const struct target *t = &w->targets[k];

		if (t->flags & TF_REPORTED || t->what == T_CONNECTION)
			continue;
		for (size_t i = 0; i < s->n; i++)
			if (strcmp(s->p[i].account, t->account) == 0 &&
			    strcmp(s->p[i].conn, work_conn_name(w, t)) == 0)
				return true;
	}
	return false;
}

/* The open incident that this kill joins, if there is one: 1, 0, -1. */
static int join(struct app *app, const struct selection *s, struct work *w,
		struct err *e)
{
	char **names = NULL;
	size_t n = 0;
	int rc = -1;

	if (record_open_names(app->vault, &names, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (record_load(app->vault, names[i], w, e) < 0)
			goto out;
		if (covers(w, s)) {
			rc = 1;
			goto out;
		}
		work_free(w);
	}
	rc = 0;
out:
	record_free_names(&names, n);
	return rc;
}

static int words_of(const struct kill_args *k, struct incident *inc,
		    struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	for (int i = 0; i < k->n_words; i++)
		if (buf_printf(&b, e, "%s%s", b.len ? " " : "",
			       k->words[i]) < 0)
			goto out;
	for (size_t i = 0; i < k->tags.n; i++)
		if (buf_printf(&b, e, "%stag:%s", b.len ? " " : "",
			       k->tags.v[i]) < 0)
			goto out;
	if (k->finding && buf_printf(&b, e, "finding %s", k->finding) < 0)
		goto out;
	if (k->secret_stdin &&
	    buf_printf(&b, e, "%s(a secret given)", b.len ? " " : "") < 0)
		goto out;
	inc->words = mem_strdup(b.len ? b.p : "");
	inc->reason = mem_strdup(k->reason ? k->reason : "");
	inc->outcome = mem_strdup("");
	inc->who = mem_strdup("");
	if (!inc->words || !inc->reason || !inc->outcome || !inc->who) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

static int open_incident(struct app *app, const struct kill_args *k,
			 struct work *w, int64_t now, struct err *e)
{
	w->inc.opened_ms = now;
	w->inc.include_self = k->include_self;
	w->inc.require_refusal = app->config && app->config->require_refusal;
	if (record_name(app->vault, now, &w->inc, e) < 0)
		return -1;
	return words_of(k, &w->inc, e);
}

/* The incident and every action, in one transaction: from here on a crash
 * loses nothing. */
static int commit(struct app *app, struct work *w, bool joined,
		  const struct kill_lines *lines, struct err *e)
{
	struct journal_entry j = { .kind = J_INCIDENT, .incident = w->inc.id };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (knob_off(KNOB_INTENT))
		return 0;
	if (buf_printf(&b, e, "%s %s: %s; %u targets, %u actions%s%s", w->inc.name,
		       joined ? "joined" : "opened", w->inc.words, w->n_targets,
		       w->n_actions, *w->inc.reason ? "; reason: " : "",
		       w->inc.reason) < 0)
		goto out;
	j.text = b.p;
	j.at_ms = clock_wall_ms();
	crash_point("kill.before-plan-commit");
	if (store_begin(app->vault, e) < 0)
		goto out;
	if (record_put_incident(app->vault, &w->inc, e) < 0 ||
	    kill_lines_mark(app, lines, w->inc.name, e) < 0 ||
	    journal_append(app->vault, &j, NULL, e) < 0)
		goto fail;
	for (uint32_t i = 0; i < w->n_actions; i++)
		if (w->actions[i].dirty &&
		    record_put_action(app->vault, w, &w->actions[i], e) < 0)
			goto fail;
	crash_point("kill.in-plan-transaction");
	if (store_commit(app->vault, e) < 0)
		goto out;
	crash_point("kill.after-plan-commit");
	rc = 0;
	goto out;
fail:
	store_rollback(app->vault);
out:
	buf_release(&b);
	return rc;
}

static int dry_run(struct app *app, struct work *w, int64_t now)
{
	struct facts *facts = NULL;
	struct err e = ERR_INIT;
	int code;

	if (drive_facts(app->vault, w, &facts, &e) < 0)
		return app_fail(app, &e);
	code = live_plan(app, w, facts, now);
	mem_free(facts);
	return code;
}

int cmd_kill(struct app *app, int argc, char **argv)
{
	struct kill_args k = { .reason = NULL };
	struct kill_lines lines = { .n = 0 };
	struct selection s = { 0 };
	struct work w = { 0 };
	struct err e = ERR_INIT;
	int64_t now = clock_wall_ms();
	int code = -1, joined;

	if (parse(app, argc, argv, &k, &e) < 0 || needs_vault(app, &k, &e) < 0)
		goto out;
	joined = resolve(app, &k, &s, &code, &e);
	if (joined != 0)
		goto out;
	if ((!app->dry_run && confirm(app, &s, &e) < 0) ||
	    kill_lines_join(app, &s, &lines, &e) < 0)
		goto out;
	if (!app->dry_run && waits_look(app, &e) < 0) {
		err_state(&e, "nothing was sent");
		goto out;
	}
	joined = join(app, &s, &w, &e);
	if (joined < 0)
		goto out;
	if (joined && k.include_self)
		w.inc.include_self = true;
	if ((!joined && open_incident(app, &k, &w, now, &e) < 0) ||
	    target_plan(app, &s, &w, now, &e) < 0)
		goto out;
	if (app->dry_run) {
		code = dry_run(app, &w, now);
		goto out;
	}
	if (commit(app, &w, joined, &lines, &e) < 0) {
		err_state(&e, "nothing was sent");
		(void)err_ctx(&e, NULL, "begin the kill");
		goto out;
	}
	if (joined)
		app_progress(app, "joins %s", w.inc.name);
	code = kill_run(app, &w, k.wait_ms);
	if (lines.n)
		code = kill_lines_finish(app, &lines, k.wait_ms, code);
out:
	if (code < 0)
		code = app_fail(app, &e);
	while (app->n_warm)
		link_close(&app->warm[--app->n_warm]);
	kill_lines_free(&lines);
	work_free(&w);
	selection_free(&s);
	return code;
}
