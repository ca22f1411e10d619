/*
 * kill_finding: see kill_finding.h.
 *
 * Whose a value is, is asked anew: a sync since the scan may know more.
 */
#include "agent/kill_finding.h"

#include <string.h>

#include "agent/finding_end.h"
#include "agent/kill_value.h"
#include "agent/whose.h"
#include "base/buf.h"
#include "base/mem.h"

static int whole(struct app *app, const struct owner *o, struct selection *s,
		 struct err *e)
{
	const struct config_identity *id = owner_identity(app, o);
	struct buf word = BUF_INIT(BUF_TEXT_MAX);
	int rc;

	if (id == NULL)
		return selection_add(s, o->conn, o->account, "", "", e);
	rc = buf_printf(&word, e, "identity:%s", id->name);
	if (rc == 0)
		rc = target_word(app, word.p, s, e);
	buf_release(&word);
	return rc;
}

static int owned(struct app *app, const struct owners *owners, bool identity,
		 struct selection *s, struct err *e)
{
	for (size_t i = 0; i < owners->n; i++) {
		const struct owner *o = &owners->v[i];
		int rc;

		if (o->how == WHOSE_ADMIN)
			continue; /* kill_value() knows what hangs on it */
		rc = identity ? whole(app, o, s, e) :
				selection_add(s, o->conn, o->account, o->kind,
					      o->id, e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int kill_finding(struct app *app, const char *id, bool identity,
		 struct panic_ask *ask, struct selection *s, int *code,
		 struct err *e)
{
	struct finding f = { .seen = 0 };
	struct secret *value = NULL;
	struct whose *whose = NULL;
	struct owners owners = { .n = 0 };
	int rc = finding_get(app->vault, id, &f, &value, e);

	if (rc == 0) {
		rc = err_fail(e, ERR_ABSENT, id, "no such finding");
		err_hint(e, "'curfew finding list' shows them; 'curfew scan' "
			    "and 'curfew import' make them");
	} else if (rc > 0 && value == NULL && *f.ended != '\0') {
		rc = err_fail(e, ERR_ABSENT, f.id, "it was proved dead and its "
			      "value wiped; it was %.200s", f.ended);
	} else if (rc > 0 && value == NULL) {
		rc = err_fail(e, ERR_ABSENT, f.id, "the report left the value "
			      "out, so nothing tells whose it is");
		err_hint(e, "scan again without redaction, or name the "
			    "credential: curfew kill CONNECTION/ACCOUNT#ID");
	}
	if (rc < 0 || whose_load(app, &whose, e) < 0 ||
	    whose_is(whose, value, &owners, e) < 0 ||
	    owned(app, &owners, identity, s, e) < 0) {
		rc = -1;
		goto out;
	}
	rc = 0;
	if (s->n == 0) {
		/* a report's value, which nobody here gave or knows, goes out */
		if (owners.n == 0 && !app->dry_run &&
		    app_confirm(app, "Nothing in the inventory has this value: it "
				"goes to the connections that claim its shape, "
				"else to the service that issued it.", NULL,
				e) < 0) {
			rc = -1;
			goto out;
		}
		ask->given = value;
		rc = kill_value(app, ask, s, code, e);
		if (rc > 0 && *code == EXIT_OK && !app->dry_run &&
		    finding_end(app, &f, "nobody's here", e) < 0)
			rc = -1;
	}
out:
	if (rc < 0)
		(void)err_ctx(e, id, "kill the finding");
	owners_free(&owners);
	whose_free(&whose);
	secret_free(&value);
	finding_release(&f);
	return rc;
}
