/*
 * rotate_plan: `rotate --dry-run`.  Writes nothing, sends nothing.
 */
#include <string.h>

#include "agent/engine/facts.h"
#include "agent/engine/rot_clock.h"
#include "agent/engine/rot_plan.h"
#include "agent/report/out.h"
#include "agent/rotate.h"
#include "base/mem.h"
#include "vault/inventory.h"

static int facts_now(struct app *app, const char *conn, struct facts *f,
		     struct err *e)
{
	struct inv_connection c;
	int rc = inv_connection_get(app->vault, conn, &c, NULL, e);

	facts_parse(rc > 0 ? c.facts : NULL, f);
	if (rc > 0)
		inv_connection_free(&c);
	return rc < 0 ? -1 : 0;
}

static int plan_one(struct app *app, struct rot_line *l, struct facts *f,
		    struct buf *out, struct err *e)
{
	struct inv_credential c = { 0 };
	int rc = inv_credential_get(app->vault, l->conn, l->account, l->kind,
				    l->cred, &c, NULL, e);

	if (rc < 0 || facts_now(app, l->conn, f, e) < 0)
		goto out;
	rc = -1;
	if (inv_address(out, l->conn, l->account, l->cred, e) < 0 ||
	    buf_printf(out, e, "  policy %s, %s\n", l->policy,
		       l->flags & RF_ALTERNATE ? "alternate" :
		       l->flags & RF_IN_PLACE ?
		       "single-slot: from `set` to the delivery the consumer's "
		       "value does not work" : "two-slot") < 0)
		goto out;
	if (l->flags & RF_IN_PLACE && !c.has_secret &&
	    buf_puts(out, "  no abort from `set` on: the old value was never "
			  "seen, so it can't be put back\n", e) < 0)
		goto out;
	rc = rot_plan(l, facts_of(f, c.kind ? c.kind : ""), c.has_secret,
		      c.alive_ms > 0, rot_clock_ms(), out, e);
out:
	inv_credential_free(&c);
	return rc < 0 ? -1 : 0;
}

int rotate_plan(struct app *app, struct rotate_set *s)
{
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	struct facts *f = mem_zalloc(sizeof(*f));
	struct err e = ERR_INIT;
	int code = -1;

	if (!f) {
		err_fail(&e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < s->n; i++)
		if (plan_one(app, &s->p[i], f, &b, &e) < 0)
			goto out;
	if (app->json) {
		struct json *j = json_object();

		(void)json_set_int(j, "version", 1);
		(void)json_set_int(j, "rotations", (int64_t)s->n);
		(void)json_set_str(j, "plan", b.p ? b.p : "");
		code = out_json(app, j);
		json_free(&j);
	} else {
		for (char *p = b.p, *end; p && (end = strchr(p, '\n'));
		     p = end + 1) {
			*end = '\0';
			out_cell(p, 0);
			out_text("\n");
		}
		code = EXIT_OK;
	}
	if (s->refused && code == EXIT_OK)
		code = EXIT_POLICY;
out:
	if (code < 0)
		code = app_fail(app, &e);
	mem_free(f);
	buf_release(&b);
	return code;
}
