/*
 * curfew-scan pre-receive, update: on the server, before a push is taken.
 *
 * pre-receive scans the quarantine that git puts a push into, and old commits that
 * the push leads to though no ref does.  A delete is let through at once.  When git runs update, the quarantine is over and the objects lie in
 * the repository: what no ref leads to is scanned, and a refusal leaves
 * objects behind that git's own gc removes.
 */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/confine.h"
#include "hooks/scan/attribute.h"
#include "hooks/scan/revs.h"
#include "hooks/scan/source_names.h"

/* "old new ref" triples: the tips that the push wants. */
static int collect_tips(const struct strings *lines, struct tip *tip, size_t *n,
			struct err *e)
{
	size_t i;

	for (*n = i = 0; i + 2 < lines->n; i += 3) {
		if (gate_is_zero(lines->v[i + 1]))
			continue; /* a delete */
		if (!text_unhex(lines->v[i + 1], tip[*n].oid, OID_LEN))
			return err_fail(e, ERR_FORMAT, lines->v[i + 2],
					"its new value is no object id");
		if (!text_unhex(lines->v[i], tip[*n].old, OID_LEN))
			return err_fail(e, ERR_FORMAT, lines->v[i + 2],
					"its old value is no object id");
		tip[(*n)++].name = lines->v[i + 2];
	}
	return 0;
}

/* The name that a ref is to have, where nothing is in quarantine. */
static int look_at_name(struct gate *g, const char *git_dir, const char *name,
			struct err *e)
{
	const struct commits none = { .n = 0 };
	const struct tip tip = { .name = name };
	struct repo r;
	int rc;

	if (repo_open(&r, git_dir, NULL, NULL, e))
		return -1;
	rc = source_names(&g->source, &r, &none, &tip, 1, e);
	repo_close(&r);
	return rc;
}

/* update, without a quarantine: what `id` leads to and no ref does yet. */
static int look_at_new(const char *hook, const struct strings *lines,
		       const struct surroundings *s)
{
	const char *id = lines->v[1], *name = lines->v[2];
	const char *git_dir = s->git_dir ? s->git_dir : ".";
	char *objects = io_path(git_dir, "objects");
	struct quarantine q = { .git_dir = git_dir, .objects = objects };
	struct revs revs = { .most = 0 };
	struct err e = ERR_INIT;
	struct gate g = { 0 };
	int rc;

	if (!objects)
		err_fail(&e, ERR_NOMEM, NULL, "out of memory");
	if (!objects || strings_add(&revs.new, id, &e) ||
	    revs_tips(git_dir, "refs/*", &revs.old, &e) ||
	    gate_open(&g, hook, git_dir, s, &e) || confine(&g, &q, &e) ||
	    source_range(&g.source, git_dir, &revs, &e) ||
	    look_at_name(&g, git_dir, name, &e)) {
		rc = complain(&e);
	} else {
		g.updates = lines;
		rc = gate_verdict(&g, &e);
	}
	err_clear(&e);
	gate_close(&g);
	revs_release(&revs);
	mem_free(objects);
	return rc;
}

static int look(const char *hook, const struct strings *lines,
		const struct surroundings *s)
{
	struct tip *tip = mem_array(lines->n / 3 + 1, sizeof(*tip));
	const char *git_dir = s->git_dir ? s->git_dir : ".";
	struct quarantine q = { .git_dir = git_dir, .tip = tip };
	struct err e = ERR_INIT;
	struct gate g = { 0 };
	int rc = EXIT_ERROR;

	if (!tip)
		err_fail(&e, ERR_NOMEM, NULL, "out of memory");
	if (!tip || collect_tips(lines, tip, &q.tips, &e))
		goto out;
	if (!q.tips) {
		rc = EXIT_CLEAN;
		goto out;
	}
	if (!s->quarantine && !strcmp(hook, "update")) {
		rc = look_at_new(hook, lines, s);
		goto out;
	}
	if (!s->quarantine || !s->objects) {
		err_fail(&e, ERR_UNSUPPORTED, NULL, "no quarantine: git did not "
			 "say where the pushed objects are");
		err_hint(&e, "git 2.11 or newer starts this as a hook");
		goto out;
	}
	q.objects = s->objects;
	q.alternates = s->alternates;
	if (gate_open(&g, hook, git_dir, s, &e) || confine(&g, &q, &e) ||
	    source_push(&g.source, &q, &e))
		goto out;
	g.updates = lines;
	rc = gate_verdict(&g, &e);
	err_clear(&e);
out:
	if (e.code)
		rc = complain(&e);
	gate_close(&g);
	mem_free(tip);
	return rc;
}

int cmd_pre_receive(int argc, char **argv, const struct surroundings *s)
{
	struct strings lines = { 0 };
	struct err e = ERR_INIT;
	int rc;

	(void)argc;
	(void)argv;
	rc = gate_lines(3, &lines, &e) ? complain(&e)
					: look("pre-receive", &lines, s);
	strings_free(&lines);
	return rc;
}

int cmd_update(int argc, char **argv, const struct surroundings *s)
{
	struct strings lines = { 0 };
	struct err e = ERR_INIT;
	int rc;

	if (argc != 4) {
		err_fail(&e, ERR_USAGE, "update", "git gives REF OLD NEW");
		return complain(&e);
	}
	rc = strings_add(&lines, argv[2], &e) || strings_add(&lines, argv[3], &e) ||
			     strings_add(&lines, argv[1], &e)
		     ? complain(&e) : look("update", &lines, s);
	strings_free(&lines);
	return rc;
}
