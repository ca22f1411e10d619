/*
 * cmd_disconnect: forget a connection and what was seen there.
 *
 * Says what is lost before it asks; changes nothing at
 * the service; refuses while an open incident still has work there, because
 * that work would then never end, and while a rotation is under way there or
 * delivers there, because the value that its consumer needs would go with it.
 */
#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/engine/rot.h"
#include "agent/incidents.h"
#include "base/log.h"
#include "vault/envelope.h"
#include "vault/inventory.h"
#include "vault/journal.h"

struct count {
	unsigned long long accounts, credentials, grants;
};

static int count_account(const struct inv_account *a, void *arg, struct err *e)
{
	(void)a;
	(void)e;
	((struct count *)arg)->accounts++;
	return 0;
}

static int count_credential(const struct inv_credential *c, void *arg,
			    struct err *e)
{
	(void)c;
	(void)e;
	((struct count *)arg)->credentials++;
	return 0;
}

static int count_grant(const struct inv_grant *g, void *arg, struct err *e)
{
	(void)g;
	(void)e;
	((struct count *)arg)->grants++;
	return 0;
}

static int check_incidents(const struct app *app, const char *name, bool force,
			   struct err *e)
{
	uint64_t open = 0;

	if (incidents_open_at(app->vault, name, &open, e) < 0)
		return -1;
	if (open == 0 || force)
		return 0;
	(void)err_fail(e, ERR_POLICY, name, "an open incident still has %llu "
		       "actions to do at this connection",
		       (unsigned long long)open);
	err_state(e, "nothing was forgotten");
	err_hint(e, "finish it with 'curfew resume', or add --force");
	return -1;
}

struct going { /* rotations under way that need the connection */
	const char *name;
	unsigned long long n;
	struct buf which; /* the first few */
};

static bool needs(const struct rot_line *l, const char *name)
{
	if (strcmp(l->conn, name) == 0)
		return true;
	for (size_t i = 0; i < l->n_sinks; i++)
		if (strcmp(l->sinks[i].conn, name) == 0)
			return true;
	return false;
}

static int count_rotation(const struct rot_line *l, void *arg, struct err *e)
{
	struct going *g = arg;

	if (!rot_busy(l) || !needs(l, g->name) || g->n++ >= 3)
		return 0;
	if ((g->n > 1 && buf_puts(&g->which, ", ", e) < 0) ||
	    inv_address(&g->which, l->conn, l->account, l->cred, e) < 0 ||
	    buf_printf(&g->which, e, " (%s)", rot_state_word(l->state)) < 0)
		return -1;
	return 0;
}

static int check_rotations(const struct app *app, const char *name, bool force,
			   struct err *e)
{
	struct going g = { .name = name, .which = BUF_INIT(BUF_TEXT_MAX) };
	int rc = rot_each(app->vault, count_rotation, &g, e);

	if (rc == 0 && g.n && !force) {
		rc = err_fail(e, ERR_POLICY, name, "%llu rotation%s under way "
			      "that need%s it: %s%s", g.n,
			      g.n == 1 ? " is" : "s are", g.n == 1 ? "s" : "",
			      g.which.p, g.n > 3 ? ", ..." : "");
		err_state(e, "nothing was forgotten");
		err_hint(e, "end them first: 'curfew rotate --resume', or "
			    "'--abort'; --force loses what is sealed of them");
	}
	buf_release(&g.which);
	return rc;
}

static int forget(const struct app *app, const char *name,
		  const struct count *k, struct err *e)
{
	char text[300];
	const struct journal_entry entry = { .kind = J_INVENTORY, .text = text };

	(void)snprintf(text, sizeof text, "disconnected %s: %llu accounts, %llu "
		       "credentials, %llu grants forgotten", name, k->accounts,
		       k->credentials, k->grants);
	if (store_begin(app->vault, e) < 0)
		return -1;
	if (inv_connection_delete(app->vault, name, e) < 0 ||
	    journal_append(app->vault, &entry, NULL, e) < 0) {
		store_rollback(app->vault);
		return -1;
	}
	return store_commit(app->vault, e);
}

static int disconnect(const struct app *app, const char *name, bool force,
		      struct count *k, struct err *e)
{
	struct inv_connection c;
	char question[400];
	const int r = inv_connection_get(app->vault, name, &c, NULL, e);

	if (r < 0)
		return -1;
	if (r == 0) {
		(void)err_fail(e, ERR_ABSENT, name, "no such connection");
		err_hint(e, "'curfew list connections' shows them");
		return -1;
	}
	inv_connection_free(&c);
	if (inv_accounts(app->vault, name, count_account, k, e) < 0 ||
	    inv_credentials(app->vault, name, NULL, count_credential, k, e) < 0 ||
	    inv_grants(app->vault, name, NULL, count_grant, k, e) < 0 ||
	    check_incidents(app, name, force, e) < 0 ||
	    check_rotations(app, name, force, e) < 0)
		return -1;
	(void)snprintf(question, sizeof question,
		       "This forgets connection '%s' with its admin credential, "
		       "%llu accounts, %llu credentials and %llu grants.\n"
		       "Nothing is changed at the service: what lives there "
		       "goes on living.", name, k->accounts, k->credentials,
		       k->grants);
	if (app_confirm(app, question, name, e) < 0)
		return -1;
	return forget(app, name, k, e);
}

int cmd_disconnect(struct app *app, int argc, char **argv)
{
	struct count k = { 0, 0, 0 };
	struct err e = ERR_INIT;
	bool force = false;
	const struct arg args[] = {
		{ "yes", ARG_FLAG, &app->yes, 'y' },
		{ "force", ARG_FLAG, &force, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	char **rest;
	int n;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		return app_fail(app, &e);
	if (n != 1) {
		(void)err_fail(&e, ERR_USAGE, NULL,
			       "give one name: curfew disconnect NAME");
		return app_fail(app, &e);
	}
	if (disconnect(app, rest[0], force, &k, &e) < 0) {
		(void)err_ctx(&e, rest[0], "disconnect");
		return app_fail(app, &e);
	}
	if (!app->quiet)
		(void)printf("Disconnected '%s'.\n", rest[0]);
	if (envelope_refresh(app->vault, &e) < 0)
		log_err(LOG_WARNING, &e);
	return EXIT_OK;
}
