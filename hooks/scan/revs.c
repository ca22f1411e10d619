/*
 * revs: which commits, in the words of git log.
 *
 * Nothing is guessed: a word that would change which commits are meant and is
 * not known here is an error, or less than asked for would be scanned.
 */
#include "hooks/scan/revs.h"

#include <git2.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "hooks/scan/repo.h"

void revs_release(struct revs *r)
{
	strings_free(&r->new);
	strings_free(&r->old);
}

static int add(struct strings *s, const git_oid *id, struct err *e)
{
	char hex[GIT_OID_HEXSZ + 1];

	return strings_add(s, git_oid_tostr(hex, sizeof(hex), id), e);
}

static int add_commit(git_object *o, const char *word, struct strings *to,
		      struct err *e)
{
	git_object *c = NULL;
	int rc;

	if (git_object_peel(&c, o, GIT_OBJECT_COMMIT))
		return err_fail(e, ERR_USAGE, word, "it is no commit");
	rc = add(to, git_object_id(c), e);
	git_object_free(c);
	return rc;
}

/* A...B: what only one of the two has. */
static int hide_bases(git_repository *git, const git_revspec *spec,
		      struct revs *out, struct err *e)
{
	git_oidarray bases = { .ids = NULL };
	size_t i;
	int rc = 0;

	if (git_merge_bases(&bases, git, git_object_id(spec->from),
			    git_object_id(spec->to)))
		return 0; /* nothing in common */
	for (i = 0; i < bases.count && !rc; i++)
		rc = add(&out->old, &bases.ids[i], e);
	git_oidarray_dispose(&bases);
	return rc;
}

/* REV^!: that commit and none of its parents, *parent 0; REV^-N: what came with
 * it to its Nth parent, the first when no N is said. */
static bool besides(const char *word, size_t *rev, int64_t *parent)
{
	const char *at = strrchr(word, '^');

	if (!at || at == word)
		return false;
	*rev = (size_t)(at - word);
	*parent = strcmp(at, "^!") ? 1 : 0;
	return !*parent || !strcmp(at, "^-") ||
	       (at[1] == '-' && text_int(at + 2, 1, INT32_MAX, parent));
}

static int one_besides(git_repository *git, const char *word, size_t len,
		       int64_t parent, struct revs *out, struct err *e)
{
	char *rev = mem_strndup(word, len);
	git_object *o = NULL, *c = NULL;
	unsigned i, n = 0;
	int rc = -1;

	if (!rev) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (git_revparse_single(&o, git, rev)) {
		err_fail(e, ERR_USAGE, word, "%s", repo_why());
		goto out;
	}
	if (git_object_peel(&c, o, GIT_OBJECT_COMMIT)) {
		err_fail(e, ERR_USAGE, word, "it is no commit");
		goto out;
	}
	n = git_commit_parentcount((git_commit *)c);
	if (parent > n) {
		err_fail(e, ERR_USAGE, word, "it has %u parents", n);
		goto out;
	}
	rc = add(&out->new, git_object_id(c), e);
	for (i = 0; i < n && !rc; i++)
		if (!parent || i + 1 == parent)
			rc = add(&out->old,
				 git_commit_parent_id((git_commit *)c, i), e);
out:
	git_object_free(c);
	git_object_free(o);
	mem_free(rev);
	return rc;
}

static int revision(git_repository *git, const char *word, struct revs *out,
		    struct err *e)
{
	git_revspec spec = { .from = NULL };
	bool not = *word == '^';
	int64_t parent;
	size_t rev;
	int rc = -1;

	if (!not && besides(word, &rev, &parent))
		return one_besides(git, word, rev, parent, out, e);
	if (git_revparse(&spec, git, word + not))
		return err_fail(e, ERR_USAGE, word, "%s", repo_why());
	if (spec.flags & GIT_REVSPEC_SINGLE)
		rc = add_commit(spec.from, word, not ? &out->old : &out->new, e);
	else if (not)
		err_fail(e, ERR_USAGE, word, "'^' goes before one commit");
	else if (add_commit(spec.to, word, &out->new, e))
		rc = -1;
	else if (!(spec.flags & GIT_REVSPEC_MERGE_BASE))
		rc = add_commit(spec.from, word, &out->old, e);
	else
		rc = add_commit(spec.from, word, &out->new, e) ||
				     hide_bases(git, &spec, out, e) ? -1 : 0;
	git_object_free(spec.from);
	git_object_free(spec.to);
	return rc;
}

static int refs(git_repository *git, const char *under, struct revs *out,
		struct err *e)
{
	git_reference_iterator *it = NULL;
	git_reference *ref = NULL;
	int rc = 0;

	if (git_reference_iterator_glob_new(&it, git, under))
		return err_fail(e, ERR_FORMAT, under, "%s", repo_why());
	while (!rc && !git_reference_next(&ref, it)) {
		git_object *o = NULL;

		if (!git_reference_peel(&o, ref, GIT_OBJECT_COMMIT))
			rc = add(&out->new, git_object_id(o), e);
		git_object_free(o);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return rc;
}

/* -5, -n 5, -n5, --max-count=5: the number, or NULL. */
static const char *count_of(const char *word, bool *next)
{
	*next = !strcmp(word, "-n");
	if (*next)
		return word;
	if (!strncmp(word, "--max-count=", 12))
		return word + 12;
	if (!strncmp(word, "-n", 2))
		return word + 2;
	return word[0] == '-' && word[1] >= '0' && word[1] <= '9' ? word + 1
								  : NULL;
}

static int one(git_repository *git, char *word, char **rest, struct revs *out,
	       struct err *e)
{
	const char *count;
	int64_t n;
	bool next;

	if (*word != '-')
		return revision(git, word, out, e);
	if (!strcmp(word, "--all"))
		return refs(git, "refs/*", out, e);
	if (!strcmp(word, "--branches"))
		return refs(git, "refs/heads/*", out, e);
	if (!strcmp(word, "--tags"))
		return refs(git, "refs/tags/*", out, e);
	if (!strcmp(word, "--no-merges")) {
		out->no_merges = true;
		return 0;
	}
	if (!strcmp(word, "--full-history"))
		return 0; /* what is done anyway */
	count = count_of(word, &next);
	if (next && !(count = strsep(rest, " ")))
		count = "";
	if (!count)
		return err_fail(e, ERR_USAGE, word, "this option of git log is "
				"not known here");
	if (!text_int(count, 1, 1000000000, &n))
		return err_fail(e, ERR_USAGE, count, "no number of commits");
	out->most = (uint64_t)n;
	return 0;
}

int revs_parse(const char *repository, const char *words, struct revs *out,
	       struct err *e)
{
	char *copy = mem_strdup(words), *rest = copy, *word;
	struct repo r;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (!copy)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (repo_open(&r, repository, NULL, NULL, e)) {
		mem_free(copy);
		return -1;
	}
	while (!rc && (word = strsep(&rest, " ")))
		if (*word)
			rc = one(r.git, word, &rest, out, e);
	if (!rc && !out->new.n)
		rc = revision(r.git, "HEAD", out, e);
	if (rc)
		repo_tell_gone(&r);
	repo_close(&r);
	mem_free(copy);
	if (rc)
		revs_release(out);
	return rc;
}

int revs_tips(const char *path, const char *glob, struct strings *out,
	      struct err *e)
{
	git_reference_iterator *it = NULL;
	git_reference *ref = NULL;
	struct repo r;
	int rc = 0;

	if (repo_open(&r, path, NULL, NULL, e))
		return -1;
	if (git_reference_iterator_glob_new(&it, r.git, glob))
		rc = err_fail(e, ERR_FORMAT, path, "%s", repo_why());
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
	repo_close(&r);
	return rc;
}
