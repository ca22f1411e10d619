/*
 * cmd_finding: the findings that are kept, and whose they are now.
 */
#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/intake.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/mem.h"

/* Ids first: the walk must be over before other rows are read. */
struct ids {
	char (*v)[FINDING_ID + 1];
	size_t n, cap;
};

static int add_id(const struct finding *f, void *arg, struct err *e)
{
	struct ids *s = arg;

	if (s->n == s->cap) {
		const size_t cap = s->cap != 0 ? 2 * s->cap : 64;
		void *v = mem_realloc(s->v, cap * sizeof *s->v);

		if (v == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		s->v = v;
		s->cap = cap;
	}
	memcpy(s->v[s->n++], f->id, FINDING_ID + 1);
	return 0;
}

static int load(struct intake *in, const struct ids *ids, struct err *e)
{
	for (size_t i = 0; i < ids->n; i++) {
		struct finding f = { .seen = 0 };
		struct secret *value = NULL;
		const int rc = finding_get(in->app->vault, ids->v[i], &f,
					   &value, e);

		if (rc > 0 && intake_add(in, &f, value, e) == 0) {
			in->v[in->n - 1].last = true;
			continue;
		}
		if (rc < 0 || e->code != ERR_NONE)
			return -1;
	}
	return 0;
}

int cmd_finding_list(struct app *app, int argc, char **argv)
{
	const struct arg args[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct intake in = { .app = app };
	struct ids ids = { .n = 0 };
	struct err e = ERR_INIT;
	struct json *j;
	char **rest;
	int n, code = -1;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		goto out;
	if (n > 0) {
		(void)err_fail(&e, ERR_USAGE, rest[0], "nothing more is taken");
		goto out;
	}
	if (intake_open(&in, app, "low", &e) < 0 ||
	    findings_each(app->vault, add_id, &ids, &e) < 0 ||
	    load(&in, &ids, &e) < 0)
		goto out;
	code = EXIT_OK;
	if (app->json) {
		j = intake_json(&in);
		code = out_json(app, j);
		json_free(&j);
	} else if (in.n > 0) {
		intake_print(&in);
	} else {
		out_text("no finding is kept\n");
	}
out:
	intake_close(&in);
	mem_free(ids.v);
	return code < 0 ? app_fail(app, &e) : code;
}
