/*
 * curfew-scan pre-push, pre-commit: on the developer's side.
 *
 * They can be left out with --no-verify: a convenience that keeps a secret
 * from ever leaving; the gate is the server's pre-receive.
 */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "hooks/gate.h"
#include "hooks/scan/revs.h"

#define LOCAL_MS 60000 /* a person waits, nobody kills the hook */

static int start(struct gate *g, const char *hook, const struct surroundings *s,
		 struct err *e)
{
	const char *git_dir = s->git_dir ? s->git_dir : ".git";

	if (gate_open(g, hook, git_dir, s, e))
		return -1;
	g->local = true;
	if (g->max_ms < LOCAL_MS) {
		g->max_ms = LOCAL_MS;
		deadline_start(&g->deadline, g->max_ms,
			       g->deadline.unpack_most);
	}
	return 0;
}

static int finish(struct gate *g, int failed, struct err *e)
{
	int rc;

	if (failed) {
		rc = complain(e);
	} else {
		rc = gate_verdict(g, e);
	}
	gate_close(g);
	return rc;
}

int cmd_pre_commit(int argc, char **argv, const struct surroundings *s)
{
	struct err e = ERR_INIT;
	struct gate g;
	int failed;

	(void)argc;
	(void)argv;
	failed = start(&g, "pre-commit", s, &e) ||
		 source_index(&g.source, s->git_dir ? s->git_dir : ".",
			      s->index, &e);
	return finish(&g, failed, &e);
}

int cmd_pre_push(int argc, char **argv, const struct surroundings *s)
{
	const char *path = s->git_dir ? s->git_dir : ".";
	struct strings lines = { 0 };
	struct revs revs = { .most = 0 };
	struct err e = ERR_INIT;
	struct gate g = { 0 };
	int failed, rc;
	size_t i;

	(void)argc;
	(void)argv;
	/* local-ref local-oid remote-ref remote-oid */
	failed = gate_lines(4, &lines, &e);
	for (i = 0; !failed && i + 3 < lines.n; i += 4) {
		if (!gate_is_zero(lines.v[i + 1]))
			failed = strings_add(&revs.new, lines.v[i + 1], &e);
		if (!failed && !gate_is_zero(lines.v[i + 3]))
			failed = strings_add(&revs.old, lines.v[i + 3], &e);
	}
	if (!failed && !revs.new.n)
		rc = EXIT_CLEAN; /* deletes only */
	else if (failed)
		rc = complain(&e);
	else {
		failed = revs_tips(path, "refs/remotes/*", &revs.old, &e) ||
			 start(&g, "pre-push", s, &e) ||
			 source_range(&g.source, path, &revs, &e);
		rc = finish(&g, failed, &e);
	}
	strings_free(&lines);
	revs_release(&revs);
	return rc;
}
