/*
 * cmd_connect: add a service account that curfew works with.
 *
 * Promises that nothing is stored before it was tried: the program started,
 * the settings are ones it knows, the admin credential was accepted and a
 * listing began.  The credential goes from the terminal, a file or stdin into
 * locked memory and from there to the provider and the vault, nowhere else.
 */
#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/cmd_provider.h"
#include "agent/commands.h"
#include "agent/engine/link.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/envelope.h"
#include "vault/inventory.h"
#include "vault/journal.h"

#define PROBE_MS 30000

struct wish { /* the command line */
	const char *type, *name;
	struct arg_list set;
	const char *secret_file;
	bool secret_stdin, replace;
};

struct found { /* what is there and what the provider says */
	struct inv_connection old;
	struct secret *old_secret;
	bool exists;
	struct json *hello;
};

/* ---- settings ------------------------------------------------------------ */

/* Names may be patterns: "file.*". */
static bool known_option(const struct json *hello, const char *key)
{
	const struct json *o = json_get(hello, "options");

	for (o = o != NULL ? json_first(o) : NULL; o != NULL; o = json_next(o)) {
		const char *name = json_str(o, "name");

		if (name != NULL && text_glob(name, key))
			return true;
	}
	return false;
}

static int unknown_option(const struct json *hello, const struct wish *w,
			  const char *key, struct err *e)
{
	const struct json *o = json_get(hello, "options");
	const char *names[65];
	size_t n = 0;

	for (o = o != NULL ? json_first(o) : NULL; o != NULL && n < 64;
	     o = json_next(o))
		if (json_str(o, "name") != NULL && !json_get(o, "hidden"))
			names[n++] = json_str(o, "name");
	names[n] = NULL;
	(void)err_fail(e, ERR_USAGE, key, "%s has no such setting", w->type);
	args_hint_near(key, names, e);
	err_hint(e, "'curfew connect --help %s' shows them", w->type);
	return -1;
}

/* The JSON object of strings given to hello. */
static int read_settings(const struct wish *w, const struct json *hello,
			 struct json *options, struct err *e)
{
	for (size_t i = 0; i < w->set.n; i++) {
		const char *eq = strchr(w->set.v[i], '=');
		char *key;
		int rc = 0;

		if (eq == NULL || eq == w->set.v[i])
			return err_fail(e, ERR_USAGE, w->set.v[i],
					"--set takes KEY=VALUE");
		key = mem_strndup(w->set.v[i], (size_t)(eq - w->set.v[i]));
		if (key == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		if (!known_option(hello, key))
			rc = unknown_option(hello, w, key, e);
		else if (json_get(options, key) != NULL)
			rc = err_fail(e, ERR_USAGE, key, "set twice");
		else if (!json_set_str(options, key, eq + 1))
			rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
		mem_free(key);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* With --replace a setting that is not given keeps its value. */
static int keep_settings(const struct found *f, struct json *options,
			 struct err *e)
{
	struct json *old;

	if (!f->exists || f->old.options[0] == '\0')
		return 0;
	old = json_parse(f->old.options, strlen(f->old.options), e);
	if (old == NULL)
		return -1;
	for (const struct json *o = json_first(old); o != NULL;
	     o = json_next(o))
		if (json_get(options, json_key(o)) == NULL)
			(void)json_set_str(options, json_key(o), json_text(o));
	json_free(&old);
	return 0;
}

/* ---- admin credential ---------------------------------------------------- */

static int ask_secret(const struct app *app, const struct wish *w,
		      const struct json *hello, struct secret **out,
		      struct err *e)
{
	const char *help = json_str(hello, "secret_help");
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (app->no_input) {
		(void)err_fail(e, ERR_POLICY, NULL, "an admin credential is "
			       "needed and --no-input forbids to ask");
		err_hint(e, "give --secret-file or --secret-stdin");
		return -1;
	}
	if (buf_printf(&b, e, "Admin credential of '%s' (", w->name) == 0 &&
	    out_safe(&b, help != NULL ? help : w->type, e) == 0 &&
	    buf_puts(&b, "): ", e) == 0)
		rc = io_prompt_secret(b.p, false, out, e);
	if (rc < 0 && e->code == ERR_UNSUPPORTED)
		err_hint(e, "give --secret-file or --secret-stdin");
	buf_release(&b);
	return rc;
}

static int get_secret(const struct app *app, const struct wish *w,
		      const struct found *f, struct secret **out, struct err *e)
{
	const char *want = json_str(f->hello, "secret");

	*out = NULL;
	if (want == NULL)
		want = "optional";
	if (strcmp(want, "none") == 0 &&
	    (w->secret_stdin || w->secret_file != NULL))
		return err_fail(e, ERR_USAGE, w->type,
				"this provider takes no admin credential");
	if (w->secret_stdin)
		return io_read_secret_fd(0, out, e);
	if (w->secret_file != NULL)
		return io_read_secret(w->secret_file, IO_PRIVATE, out, e);
	if (f->old_secret != NULL) {
		*out = secret_dup(f->old_secret, e);
		return *out != NULL ? 0 : -1;
	}
	if (strcmp(want, "required") != 0)
		return 0;
	return ask_secret(app, w, f->hello, out, e);
}

/* ---- the trial ----------------------------------------------------------- */

struct trial {
	bool done, listed;
	struct err why;
};

static void take_trial(struct link *l, const struct link_answer *a, void *arg)
{
	struct trial *t = arg;

	(void)l;
	if (t->done)
		return;
	t->done = true;
	if (a->status == LINK_ITEM || a->status == LINK_OK)
		t->listed = true;
	else
		(void)err_fail(&t->why, a->body != NULL ? ERR_PROVIDER :
							  ERR_PROTO, NULL,
			       "%s", a->error[0] != '\0' ? a->error :
					     "the listing did not begin");
}

/* What works, but not as it should. */
static void tell_warning(const struct link *link)
{
	const char *text = json_str(link_hello(link), "warning");
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (text != NULL && text_escape(&b, text, strnlen(text, 400), NULL) == 0)
		log_line(LOG_WARNING, "%s", b.p);
	buf_release(&b);
}

/* hello with the credential, then the first thing it lists. */
static int try_it(const struct app *app, const struct wish *w,
		  const char *options, const struct secret *secret,
		  struct buf *facts, struct err *e)
{
	struct trial t = { .why = ERR_INIT };
	struct link *link = NULL;
	struct json *q = NULL;
	int rc = -1;

	if (link_open(app->launcher, w->name, w->type, options, secret, &link,
		      e) < 0 || link_start(link, e) < 0)
		goto out;
	tell_warning(link);
	if (link_facts(link) != NULL &&
	    json_print(link_facts(link), false, facts, e) < 0)
		goto out;
	if (!link_has_verb(link, "list")) {
		(void)err_fail(e, ERR_UNSUPPORTED, w->type,
			       "this provider cannot list");
		goto out;
	}
	q = json_object();
	if (!json_set_str(q, "verb", "list")) {
		json_free(&q);
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (link_call(link, 1, q, NULL, PROBE_MS, e) < 0)
		goto out;
	while (!t.done)
		if (links_poll(&link, 1, 1000, take_trial, &t, e) < 0)
			goto out;
	if (!t.listed && e->code == ERR_NONE)
		*e = t.why;
	rc = t.listed ? 0 : -1;
out:
	link_close(&link);
	return rc;
}

/* ---- all together -------------------------------------------------------- */

static int look(const struct app *app, const struct wish *w, struct found *f,
		struct err *e)
{
	const int r = inv_connection_get(app->vault, w->name, &f->old,
					 &f->old_secret, e);

	if (r < 0)
		return -1;
	f->exists = r == 1;
	if (f->exists && !w->replace) {
		(void)err_fail(e, ERR_EXISTS, w->name,
			       "there is a connection of this name");
		err_hint(e, "choose another name, or add --replace");
		return -1;
	}
	if (f->exists && strcmp(f->old.type, w->type) != 0) {
		(void)err_fail(e, ERR_USAGE, w->name, "this connection is of "
			       "type %s: its inventory means something else",
			       f->old.type);
		err_hint(e, "curfew disconnect %s", w->name);
		return -1;
	}
	return provider_hello(app->launcher, w->type, &f->hello, e);
}

static int store(const struct app *app, const struct wish *w,
		 const struct found *f, const char *options, const char *facts,
		 const struct secret *secret, struct err *e)
{
	struct inv_connection c = f->old;
	char *name = mem_strdup(w->name), *type = mem_strdup(w->type);
	char *opts = mem_strdup(options), *fact = mem_strdup(facts);
	char text[200];
	const struct journal_entry entry = { .kind = J_INVENTORY, .text = text };
	int rc = -1;

	(void)snprintf(text, sizeof text, "%s %s, type %s",
		       f->exists ? "changed connection" : "connected", w->name,
		       w->type);
	if (name == NULL || type == NULL || opts == NULL || fact == NULL) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	c.name = name;
	c.type = type;
	c.options = opts;
	c.facts = fact;
	if (!f->exists) {
		c.created_ms = clock_wall_ms();
		c.failure = NULL;
	}
	c.has_secret = secret != NULL || f->old.has_secret;
	if (store_begin(app->vault, e) < 0)
		goto out;
	if (inv_connection_put(app->vault, &c, secret, e) < 0 ||
	    journal_append(app->vault, &entry, NULL, e) < 0) {
		store_rollback(app->vault);
		goto out;
	}
	rc = store_commit(app->vault, e);
out:
	mem_free(name);
	mem_free(type);
	mem_free(opts);
	mem_free(fact);
	return rc;
}

/* What leaving a setting out means, where its provider wants that known. */
static void tell_unset(const struct json *hello, const struct json *options)
{
	const struct json *list = json_get(hello, "options");

	for (const struct json *o = json_first(list); o; o = json_next(o)) {
		const char *name = json_str(o, "name");
		const char *note = json_str(o, "note");
		struct buf b = BUF_INIT(BUF_TEXT_MAX);

		if (name == NULL || note == NULL ||
		    json_get(options, name) != NULL)
			continue;
		if (text_escape(&b, note, strnlen(note, 300), NULL) == 0)
			log_line(LOG_NOTICE, "%s", b.p);
		buf_release(&b);
	}
}

static int connect_it(const struct app *app, const struct wish *w,
		      struct found *f, struct err *e)
{
	struct json *options = json_object();
	struct secret *secret = NULL;
	struct buf text = BUF_INIT(BUF_TEXT_MAX), facts = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (look(app, w, f, e) < 0 ||
	    read_settings(w, f->hello, options, e) < 0 ||
	    keep_settings(f, options, e) < 0 ||
	    json_print(options, false, &text, e) < 0 ||
	    get_secret(app, w, f, &secret, e) < 0)
		goto out;
	app_progress(app, "trying %s ...", w->name);
	if (try_it(app, w, text.p, secret, &facts, e) < 0) {
		err_state(e, "nothing was stored");
		goto out;
	}
	app_progress_done(app);
	rc = store(app, w, f, text.p, facts.p != NULL ? facts.p : "{}", secret,
		   e);
	if (rc == 0)
		tell_unset(f->hello, options);
out:
	json_free(&options);
	secret_free(&secret);
	buf_release(&text);
	buf_release(&facts);
	return rc;
}

static int type_help(struct app *app, const char *type)
{
	const struct command *row = NULL;
	struct json *hello = NULL;
	struct err e = ERR_INIT;

	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(c->name, "connect") == 0)
			row = c;
	if (provider_hello(app->launcher, type, &hello, &e) < 0)
		return app_fail(app, &e);
	if (row != NULL)
		command_help(row);
	out_text("\n");
	out_cell(type, 0);
	out_text(":\n");
	provider_print_options(hello);
	json_free(&hello);
	return EXIT_OK;
}

int cmd_connect(struct app *app, int argc, char **argv)
{
	static struct wish w; /* large; a command runs once */
	struct found f = { .exists = false };
	const struct arg args[] = {
		{ "set", ARG_LIST, &w.set, 's' },
		{ "secret-file", ARG_TEXT, &w.secret_file, 0 },
		{ "secret-stdin", ARG_FLAG, &w.secret_stdin, 0 },
		{ "replace", ARG_FLAG, &w.replace, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct err e = ERR_INIT;
	char **rest;
	int n, code = EXIT_OK;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		return app_fail(app, &e);
	if (app->help && n > 0)
		return type_help(app, rest[0]);
	if (n != 2)
		(void)err_fail(&e, ERR_USAGE, NULL, "give a type and a name: "
			       "curfew connect TYPE NAME");
	else if (!text_name(rest[1]))
		(void)err_fail(&e, ERR_USAGE, rest[1], "not a name: 1 to 64 "
			       "letters, digits, '.', '_' or '-'");
	else if (w.secret_stdin && w.secret_file != NULL)
		(void)err_fail(&e, ERR_USAGE, NULL, "--secret-file and "
			       "--secret-stdin together make no sense");
	if (e.code != ERR_NONE)
		return app_fail(app, &e);
	w.type = rest[0];
	w.name = rest[1];
	if (connect_it(app, &w, &f, &e) < 0) {
		(void)err_ctx(&e, w.name, "connect");
		code = app_fail(app, &e);
	} else {
		if (app->json)
			(void)printf("{\"connection\":\"%s\",\"type\":\"%s\","
				     "\"replaced\":%s}\n", w.name, w.type,
				     f.exists ? "true" : "false");
		else if (!app->quiet)
			(void)printf("%s '%s' (%s). Next: curfew sync %s\n",
				     f.exists ? "Changed" : "Connected", w.name,
				     w.type, w.name);
		if (envelope_refresh(app->vault, &e) < 0)
			log_err(LOG_WARNING, &e);
	}
	json_free(&f.hello);
	secret_free(&f.old_secret);
	inv_connection_free(&f.old);
	return code;
}
