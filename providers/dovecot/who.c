/*
 * who: live sessions, seen and ended.
 *
 * The server shows who is logged in (imap, pop3, managesieve), not which
 * mailbox is open.  A submission or SMTP session is not among them.
 */
#include <stdio.h>
#include <string.h>

#include "providers/dovecot/dovecot.h"

static struct json *all_sessions(void)
{
	struct json *params = json_object();

	if (!json_set_bool(params, "separateConnections", true))
		json_free(&params);
	return params;
}

struct json *dove_who(struct dove *d, const struct kit_connection *c,
		      struct kit_reply *r)
{
	struct json *batch = json_array(), *answer = NULL, *rows = NULL;
	const struct json *found;
	int code;

	dove_cmd(batch, "who", all_sessions());
	if (!dove_call(d, c, batch, false, &answer, r))
		return NULL;
	found = dove_rows(answer, 0, &code);
	if (!found)
		dove_told(code, "see the sessions", r);
	else if (!(rows = json_dup(found)))
		kit_say(r, KIT_RETRY, "out of memory");
	json_free(&answer);
	return rows;
}

size_t dove_sessions(const struct json *who, const char *user)
{
	size_t n = 0;

	for (const struct json *j = json_first(who); j; j = json_next(j)) {
		const char *name = json_str(j, "username");

		n += name && strcmp(name, user) == 0;
	}
	return n;
}

int dove_kick(struct dove *d, const struct kit_connection *c, const char *user,
	      struct kit_reply *r)
{
	struct json *batch = json_array(), *answer = NULL;
	int code, rc = -1;

	dove_cmd(batch, "kick", dove_mask("mask", user));
	if (!dove_call(d, c, batch, true, &answer, r))
		return -1;
	if (dove_rows(answer, 0, &code) || code == DOVE_EX_NOTFOUND)
		rc = 0;
	else
		dove_told(code, "end the sessions", r);
	json_free(&answer);
	return rc;
}
