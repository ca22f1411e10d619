/*
 * curfew-scan pre-push, pre-commit: on the developer's side.
 *
 * They can be left out with --no-verify: a convenience that keeps a secret
 * from ever leaving; the gate is the server's pre-receive.
 */
#include <git2.h>
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
		g->source.deadline_ms = g->start_ms + LOCAL_MS;
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

/* Everything that is known to be on a remote already. */
static int remote_tips(const char *path, struct strings *out, struct err *e)
{
	git_reference_iterator *it = NULL;
	git_repository *git = NULL;
	git_reference *ref = NULL;
	int rc = 0;

	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	if (git_repository_open_ext(&git, path, GIT_REPOSITORY_OPEN_NO_SEARCH,
				    NULL) ||
	    git_reference_iterator_glob_new(&it, git, "refs/remotes/*"))
		rc = err_fail(e, ERR_FORMAT, path, "not a repository");
	while (!rc && !git_reference_next(&ref, it)) {
		git_object *o = NULL;
		char hex[GIT_OID_HEXSZ + 1];

		if (!git_reference_peel(&o, ref, GIT_OBJECT_COMMIT))
			rc = strings_add(out, git_oid_tostr(hex, sizeof(hex),
							    git_object_id(o)), e);
		git_object_free(o);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	git_repository_free(git);
	git_libgit2_shutdown();
	return rc;
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
		failed = remote_tips(path, &revs.old, &e) ||
			 start(&g, "pre-push", s, &e) ||
			 source_range(&g.source, path, &revs, &e);
		rc = finish(&g, failed, &e);
	}
	strings_free(&lines);
	revs_release(&revs);
	return rc;
}
