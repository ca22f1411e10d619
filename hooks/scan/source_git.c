/*
 * source_git: the whole history of a repository.
 *
 * Every object of every object folder is scanned, reachable or not; findings
 * are told once per secret, with the number of objects that hold it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/scan/repo.h"
#include "hooks/scan/source.h"

static int by_secret(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;
	int c;

	if (x->mark.secret != y->mark.secret)
		return x->mark.secret < y->mark.secret ? -1 : 1;
	c = memcmp(x->oid, y->oid, OID_LEN);
	if (c)
		return c;
	return x->mark.start < y->mark.start ? -1 : x->mark.start > y->mark.start;
}

/* One row for the sightings [s, end) of one secret. */
static int tell(const struct source *src, struct repo *r,
		const struct sighting *s, const struct sighting *end,
		struct err *e)
{
	char hex[2 * OID_LEN + 1], *text = NULL;
	const struct sighting *k;
	enum object_type type;
	struct finding *f;
	size_t n = 0;
	int rc = -1;

	if (!repo_fetch(r, s->oid, &text, &n, &type) || s->mark.end > n) {
		walk_name(s->oid, hex);
		tally_problem(src->tally, hex, "%s", repo_why());
		free(text);
		return 0;
	}
	f = findings_add(src->list, &src->engine->scanner, text, n, &s->mark, e);
	if (!f)
		goto out;
	for (k = s + 1; k < end; k++) {
		f->objects += memcmp(k->oid, k[-1].oid, OID_LEN) != 0;
		if (k->mark.confidence > (uint8_t)f->confidence)
			f->confidence = (enum confidence)k->mark.confidence;
	}
	walk_name(s->oid, hex);
	if (finding_set(&f->object, hex, e) || finding_fingerprint(f, e))
		goto out;
	rc = 0;
out:
	free(text);
	return rc;
}

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
		if (buf_printf(src->objects, e, "%s %s %u %u %s %s\n", hex,
			       rs->rule[s->mark.rule].id, s->mark.start,
			       s->mark.end, print,
			       confidence_word((enum confidence)s->mark.confidence)))
			return -1;
	}
	return 0;
}

int source_git(const struct source *s, const char *path, struct err *e)
{
	struct sightings seen = { 0 };
	struct repo r;
	struct walk w = {
		.engine = s->engine, .threads = s->threads,
		.max_object = s->max_file, .whole = s->whole, .fetch = repo_fetch,
		.fetch_arg = &r, .tally = s->tally, .out = &seen,
	};
	size_t i, k;
	int rc = -1;

	if (repo_open(&r, path, NULL, NULL, e))
		return -1;
	if (repo_objects(&r, &w, 0, r.objects.n, e))
		goto out;
	if (seen.n)
		qsort(seen.v, seen.n, sizeof(*seen.v), by_secret);
	if (s->objects && list_objects(s, &seen, e))
		goto out;
	for (i = 0; i < seen.n; i = k) {
		for (k = i + 1; k < seen.n &&
				seen.v[k].mark.secret == seen.v[i].mark.secret;)
			k++;
		if (tell(s, &r, seen.v + i, seen.v + k, e))
			goto out;
	}
	rc = 0;
out:
	mem_free(seen.v);
	repo_close(&r);
	return rc;
}
