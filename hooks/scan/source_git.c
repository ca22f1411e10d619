/*
 * source_git: the whole history of a repository.
 *
 * Every object of every object folder is scanned, reachable or not.  A secret
 * is told once for each path it came in at, with the first commit that has it
 * there; secrets in objects that no commit leads to are told by object.  Names
 * of files, folders, branches and tags are looked at besides.
 */
#include "base/digest.h"
#include "base/text.h"
#include "hooks/scan/complete.h"
#include "hooks/scan/path_rules.h"
#include "hooks/scan/source.h"
#include "hooks/scan/source_names.h"
#include "hooks/scan/tell.h"

/* "oid rule start end sha256-of-secret" for each sighting. */
static int list_objects(const struct source *src, const struct sightings *seen,
			struct err *e)
{
	const struct ruleset *rs = src->engine->rules;
	char hex[2 * OID_LEN + 1], print[17];
	unsigned char sum[32];
	size_t i;

	for (i = 0; i < seen->n; i++) {
		const struct sighting *s = &seen->v[i];
		const struct found_secret *f =
			secrets_get(src->engine->secrets, s->mark.secret);

		digest_sha256(f->text, f->len, sum);
		text_hex(sum, 8, print);
		walk_name(s->oid, hex);
		if (buf_printf(src->objects, e, "%s %s ", hex,
			       rs->rule[s->mark.rule].id) ||
		    (s->mark.inner &&
		     buf_printf(src->objects, e, "%u!", s->mark.inner)) ||
		    buf_printf(src->objects, e, "%u %u %s %s\n", s->mark.start,
			       s->mark.end, print,
			       confidence_word((enum confidence)s->mark.confidence)))
			return -1;
	}
	return 0;
}

static void count(const struct repo *r, const struct walk_out *out,
		  struct tally *t)
{
	size_t i;

	t->commits = out->commits.n;
	t->objects = r->loose.len / OID_LEN;
	for (i = 0; i < r->packs; i++)
		t->objects += r->pack[i].f.n;
}

int source_git(const struct source *s, const char *path, struct err *e)
{
	struct walk_out out = { 0 };
	struct repo r;
	struct walk w = {
		.engine = s->engine, .threads = s->threads,
		.max_object = s->max_file, .most_held = s->most_held,
		.progress = s->progress,
		.whole = s->whole, .fetch = repo_fetch,
		.fetch_arg = &r, .tally = s->tally, .out = &out,
	};
	int rc = -1;

	if (repo_open(&r, path, NULL, NULL, e))
		return -1;
	r.deadline = s->deadline;
	if (repo_objects(&r, &w, 0, r.objects.n, e) ||
	    complete_check(&r, path, &out, s->threads, s->max_file,
			   s->missing_ok, s->tally, e) ||
	    path_rules_find(s, &r, &out, e) ||
	    source_names_all(s, &r, &out.commits, e) ||
	    (s->objects && list_objects(s, &out.seen, e)) ||
	    tell_all(s, &r, &out, NULL, 0, e))
		goto out;
	count(&r, &out, s->tally);
	rc = 0;
out:
	walk_out_release(&out);
	repo_close(&r);
	return rc;
}
