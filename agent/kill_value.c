/*
 * kill_value: see kill_value.h.  The vault's own knowledge goes first; only a
 * value that it does not know is looked at for its shape.
 */
#include "agent/kill_value.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/kill_connections.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/openssh.h"
#include "vault/inventory.h"
#include "vault/journal.h"

#define ID_MIN 12 /* shorter ids are numbers and names */

int kill_value_read(struct secret **out, struct err *e)
{
	struct err why = ERR_INIT;

	if (io_read_secret_fd(STDIN_FILENO, out, &why) == 0)
		return 0;
	if (err_is(&why, ERR_TOOBIG)) {
		(void)err_fail(e, ERR_USAGE, NULL, "standard input holds %s, and no "
			       "token is that long", why.cause);
		err_state(e, "nothing was sent");
		return -1;
	}
	*e = why;
	return -1;
}

/* Any reading of it: the sealed value may have blanks or quotes of its own. */
static int known(struct app *app, const struct secret *given,
		 const struct paste *paste, struct selection *s, struct err *e)
{
	for (size_t i = 0; i <= paste->n; i++) {
		const struct secret *value = i ? paste->reading[i - 1] : given;

		const int rc = target_secret(app, value, s, e);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* ---- not a secret but its name: a key's id, a public fingerprint ------------- */

struct naming {
	const struct paste *paste;
	struct selection *s;
};

struct same {
	const char *text;
	bool yes;
};

static int is_text(const unsigned char *p, size_t n, void *arg)
{
	struct same *m = arg;

	m->yes = n >= ID_MIN && n == strlen(m->text) && memcmp(p, m->text, n) == 0;
	return 0;
}

static int named(const struct inv_credential *c, void *arg, struct err *e)
{
	const struct naming *x = arg;

	for (size_t i = 0; i < x->paste->n; i++) {
		struct same id = { c->id, false }, print = { c->fingerprint, false };

		(void)secret_reveal(x->paste->reading[i], is_text, &id);
		(void)secret_reveal(x->paste->reading[i], is_text, &print);
		if (id.yes || print.yes)
			return selection_add(x->s, c->connection, c->account,
					     c->kind, c->id, e);
	}
	return 0;
}

/* A key of SSH ends where its public half is let in: by its fingerprint. */
struct printed {
	struct selection *s;
	bool public; /* the text is the public half */
	char print[OPENSSH_PRINT];
};

static int take_print(const unsigned char *p, size_t n, void *arg)
{
	struct printed *x = arg;

	return (x->public ? openssh_line_print : openssh_print)(p, n, x->print)
		       ? 1 : 0;
}

static int by_print(const struct inv_credential *c, void *arg, struct err *e)
{
	const struct printed *x = arg;

	return strcmp(c->fingerprint, x->print) != 0 ? 0 :
	       selection_add(x->s, c->connection, c->account, c->kind, c->id, e);
}

static int ssh_key(struct app *app, const struct paste *paste,
		   struct selection *s, struct err *e)
{
	struct printed x = { s, paste->what == PASTE_PUBLIC_KEY, "" };

	if ((!x.public && paste->what != PASTE_PRIVATE_KEY) || paste->n == 0 ||
	    secret_reveal(paste->reading[0], take_print, &x) != 1)
		return 0;
	return inv_credentials(app->vault, NULL, NULL, by_print, &x, e);
}

/* The vault's journal says that there is an incident which it does not hold. */
static int noted(struct app *app, int code, struct err *e)
{
	struct journal_entry j = { .kind = J_DECISION, .at_ms = clock_wall_ms() };
	char text[160];

	(void)snprintf(text, sizeof text, "a secret that the vault does not know "
		       "was given by value; exit %d, the incident is a file in "
		       "DIR/incidents", code);
	j.text = text;
	if (store_begin(app->vault, e) < 0)
		return -1;
	if (journal_append(app->vault, &j, NULL, e) < 0) {
		store_rollback(app->vault);
		return -1;
	}
	return store_commit(app->vault, e);
}

/* 0: in the selection; 1: done; -1. */
static int unknown(struct app *app, const struct panic_ask *ask,
		   const struct paste *paste, struct link **link,
		   struct selection *s, int *code, struct err *e)
{
	struct naming by_name = { paste, s };
	int n;

	if (paste->what == PASTE_VALUE && paste->lines == 1) {
		n = kill_connections(app, ask, paste, link, s, e);
		if (n < 0 || (n > 0 && !app->dry_run))
			return n < 0 ? -1 : 0;
		if (n > 0) {
			*code = EXIT_OK;
			return 1;
		}
		if (inv_credentials(app->vault, NULL, NULL, named, &by_name,
				    e) < 0)
			return -1;
		if (s->n)
			return 0;
	}
	if (ssh_key(app, paste, s, e) < 0)
		return -1;
	if (s->n)
		return 0;
	if (!*link && panic_begin(app, ask, link, e) < 0)
		return -1;
	*code = panic_kill(app, ask, paste, link);
	if (app->dry_run || *code == EXIT_BAD_USE || *code == EXIT_NO)
		return 1;
	return noted(app, *code, e) < 0 ? -1 : 1;
}

int kill_value(struct app *app, const struct panic_ask *ask, struct selection *s,
	       int *code, struct err *e)
{
	struct secret *given = NULL;
	struct paste paste = { .n = 0 };
	struct link *link = app->any; /* it starts while the secret is read */
	int rc = -1;

	app->any = NULL;
	if (ask->given != NULL)
		given = secret_dup(ask->given, e);
	else if (kill_value_read(&given, e) < 0)
		goto out;
	if (given == NULL || paste_read(given, &paste, e) < 0)
		goto out;
	if (app->vault) {
		rc = known(app, given, &paste, s, e);
		if (rc > 0 && !app->dry_run)
			kill_reuse(app, s, &link);
		if (rc != 0) {
			rc = rc > 0 ? 0 : -1;
			goto out;
		}
		rc = -1;
	}
	if (!link && panic_begin(app, ask, &link, e) < 0)
		goto out;
	if (app->vault) {
		rc = unknown(app, ask, &paste, &link, s, code, e);
		goto out;
	}
	*code = panic_kill(app, ask, &paste, &link);
	rc = 1;
out:
	link_close(&link);
	paste_free(&paste);
	secret_free(&given);
	return rc;
}
