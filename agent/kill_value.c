/*
 * kill_value: see kill_value.h.  The vault's own knowledge goes first; only a
 * value that it does not know is looked at for its shape.
 */
#include "agent/kill_value.h"

#include <unistd.h>

#include "base/io.h"

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

		err_clear(e);
		if (target_secret(app, value, s, e) == 0)
			return 1;
		if (!err_is(e, ERR_ABSENT))
			return -1;
		if (*e->object) /* it is a connection's own, and says so */
			return -1;
	}
	return 0;
}

int kill_value(struct app *app, const struct panic_ask *ask, struct selection *s,
	       int *code, struct err *e)
{
	struct secret *given = NULL;
	struct paste paste = { .n = 0 };
	struct link *link = NULL;
	int rc = -1;

	/* the programs start while the secret is read */
	if (!app->vault && panic_begin(app, ask, &link, e) < 0)
		goto out;
	if (kill_value_read(&given, e) < 0 || paste_read(given, &paste, e) < 0)
		goto out;
	if (app->vault) {
		rc = known(app, given, &paste, s, e);
		if (rc != 0) {
			rc = rc > 0 ? 0 : -1;
			goto out;
		}
		err_clear(e);
		rc = -1;
		if (panic_begin(app, ask, &link, e) < 0)
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
