/*
 * cmd_rotate: put fresh credentials in the place of old ones, without an outage
 * and without losing one.
 */
#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/report/out.h"
#include "agent/rotate.h"
#include "agent/rotate_replan.h"
#include "agent/waits.h"
#include "vault/inventory.h"

#define WAIT_MS 60000
#define AT_ONCE 10000 /* lines in memory at a time */

struct rotate_args {
	bool due, resume, adopted, abort, take_over;
	int64_t wait_ms;
	char **words;
	int n_words;
};

static int parse(struct app *app, int argc, char **argv, struct rotate_args *r,
		 struct err *e)
{
	const struct arg args[] = {
		{ "due", ARG_FLAG, &r->due, 0 },
		{ "resume", ARG_FLAG, &r->resume, 0 },
		{ "adopted", ARG_FLAG, &r->adopted, 0 },
		{ "abort", ARG_FLAG, &r->abort, 0 },
		{ "take-over", ARG_FLAG, &r->take_over, 0 },
		{ "dry-run", ARG_FLAG, &app->dry_run, 'n' },
		{ "wait", ARG_SPAN, &r->wait_ms, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};

	r->wait_ms = WAIT_MS;
	if (args_parse(argc, argv, args, &r->words, &r->n_words, e) < 0)
		return -1;
	if (r->n_words && r->due) {
		err_fail(e, ERR_USAGE, r->words[0], "--due takes no words");
		return err_ctx(e, NULL, "rotate");
	}
	if (!r->n_words && !r->due && (!r->resume || r->adopted || r->abort ||
					 r->take_over)) {
		err_fail(e, ERR_USAGE, NULL, "no target given");
		err_hint(e, "curfew rotate CONNECTION/ACCOUNT#ID, or --due; "
			    "'curfew list' shows them");
		return err_ctx(e, NULL, "rotate");
	}
	return 0;
}

static int selected(struct app *app, const struct rotate_args *r,
		    struct rotate_set *s, struct err *e)
{
	struct selection sel = { 0 };
	int rc = -1;

	s->going = r->resume && !r->adopted && !r->abort;
	for (int i = 0; i < r->n_words; i++)
		if (target_word(app, r->words[i], &sel, e) < 0) {
			/* the words of kill, to which the lookup belongs */
			(void)snprintf(e->what, sizeof(e->what),
				       "rotate");
			goto out;
		}
	rc = rotate_selected(app, &sel, s, e);
	if (rc < 0)
		(void)err_ctx(e, NULL, "rotate");
out:
	selection_free(&sel);
	return rc;
}

/* The error is of that line. */
static void by_address(const struct rot_line *l, struct err *e)
{
	const struct err was = *e;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (inv_address(&b, l->conn, l->account, l->cred, NULL) == 0) {
		err_clear(e);
		(void)err_fail(e, was.code, b.p, "%s", was.cause);
	}
	buf_release(&b);
}

/* One at a time: each is another word about a rotation under way. */
static bool fits(const struct rotate_args *r, const struct rot_line *l)
{
	if (r->take_over)
		return l->state == RS_VERIFIED_NEW;
	if (r->adopted)
		return l->state == RS_DELIVERED;
	return rot_can_abort(l) || l->state == RS_OLD_DISABLED;
}

/* Only what is under way can be aborted or said to be adopted. */
static int mark(const struct rotate_args *r, struct rotate_set *s,
		struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		struct rot_line *l = &s->p[i];

		if (s->fresh[i] == ROW_BEGINS || !fits(r, l)) {
			err_fail(e, ERR_POLICY, l->cred, r->take_over ?
				 "it is not being delivered" : r->adopted ?
				 "it is not waiting for its consumer" :
				 s->fresh[i] != ROW_BEGINS &&
				 rot_lost_old(l) ?
				 "the old value was never seen, so it can't be "
				 "put back" :
				 "nothing is under way that could still be "
				 "taken back");
			by_address(l, e);
			err_hint(e, "'curfew show %s/%s' tells how it stands",
				 l->conn, l->account);
			return err_ctx(e, NULL, "rotate");
		}
		l->flags |= r->take_over ? RF_TAKE_OVER :
			    r->adopted ? RF_ADOPTED_SAID : RF_ABORT;
		s->fresh[i] = ROW_BEGINS; /* the word is written down first */
	}
	return 0;
}

int cmd_rotate(struct app *app, int argc, char **argv)
{
	struct rotate_args r = { .due = false };
	struct rotate_set s = { .n = 0 };
	struct err e = ERR_INIT;
	int code = -1;

	if (parse(app, argc, argv, &r, &e) < 0 || waits_look(app, &e) < 0 ||
	    (r.due && rotate_replan(app, &e) < 0))
		goto out;
	if (r.n_words ? selected(app, &r, &s, &e) < 0 :
			rotate_due(app, AT_ONCE, r.resume, &s, &e) < 0)
		goto out;
	if ((r.adopted || r.abort || r.take_over) && mark(&r, &s, &e) < 0)
		goto out;
	if (app->dry_run) {
		code = rotate_plan(app, &s);
		goto out;
	}
	if (rotate_commit(app, &s, r.abort ? "abort" : r.adopted ? "adopted" :
			  r.take_over ? "take over" :
			  r.n_words ? "asked for" : "due", &e) < 0) {
		err_state(&e, "nothing was sent");
		(void)err_ctx(&e, NULL, "begin the rotation");
		goto out;
	}
	if (!s.n && !s.refused && !app->json && !app->quiet)
		out_text("nothing is due\n");
	code = rotate_run(app, &s, r.wait_ms, r.n_words > 0 || r.resume, false);
out:
	if (code < 0)
		code = app_fail(app, &e);
	rotate_free(&s);
	return code;
}
