/*
 * complete: does the repository have all that its history names?
 *
 * Owns what is said of shallow and partial clones and of alternates that are
 * gone.  Every commit's tree and parents are looked for; where more may be
 * missing also what trees hold.
 */
#include "hooks/scan/complete.h"

#include <git2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "hooks/scan/idset.h"
#include "hooks/scan/links.h"

#define SHALLOW_MAX (16u * 1024 * 1024)

/* All that is here. */
static int list_here(const struct repo *r, struct idset *here, struct err *e)
{
	size_t k;
	uint32_t i;

	for (k = 0; k < r->packs; k++)
		for (i = 0; i < r->pack[k].p->n; i++)
			if (idset_add(here, oid_short(pack_oid(r->pack[k].p, i)),
				      NULL, e))
				return -1;
	for (k = 0; k + OID_LEN <= r->loose.len; k += OID_LEN)
		if (idset_add(here,
			      oid_short((const unsigned char *)r->loose.p + k),
			      NULL, e))
			return -1;
	return 0;
}

/* Lines of the file "shallow": commits whose parents are left out. */
static int shallow_commits(const struct repo *r, size_t *n, struct err *e)
{
	char *path = io_path(git_repository_commondir(r->git), "shallow");
	struct buf b = BUF_INIT(SHALLOW_MAX);
	const char *p;
	int rc = -1;

	*n = 0;
	if (!path) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	rc = access(path, F_OK) ? 0 : io_read_file(path, IO_ANY, SHALLOW_MAX, &b, e);
	for (p = b.p; p && (p = strchr(p, '\n')); p++)
		(*n)++;
out:
	buf_release(&b);
	mem_free(path);
	return rc;
}

static void tell(struct tally *t, bool fine, const char *path, const char *text)
{
	if (fine)
		log_line(LOG_WARNING, "%s: %s", path, text);
	else
		tally_problem(t, path, "%s", text);
}

/* Trees and parents that commits name. */
static int check_commits(const struct walk_out *out, const struct idset *here,
			 struct idset *gone, size_t *n, struct err *e)
{
	const struct commits *c = &out->commits;
	bool new;
	size_t i, k;

	*n = 0;
	for (i = 0; i < c->n; i++) {
		const struct commit *v = &c->v[i];

		if (!idset_has(here, v->tree)) {
			if (idset_add(gone, v->tree, &new, e))
				return -1;
			*n += new;
		}
		for (k = 0; k < v->parents; k++) {
			uint64_t id = c->parent[v->parent + k];

			if (idset_has(here, id))
				continue;
			if (idset_add(gone, id, &new, e))
				return -1;
			*n += new;
		}
	}
	return 0;
}

static int check_trees(struct repo *r, const struct idset *here,
		       struct idset *gone, unsigned threads, size_t most,
		       size_t *n, struct tally *tally, struct err *e)
{
	struct links l;
	bool new;
	size_t i;
	int rc = -1;

	*n = 0;
	if (links_get(r, threads, most, tally, &l, e))
		goto out;
	for (i = 0; i < l.lists.gains; i++) {
		if (!l.lists.gain[i].child || idset_has(here, l.lists.gain[i].child))
			continue;
		if (idset_add(gone, l.lists.gain[i].child, &new, e))
			goto out;
		*n += new;
	}
	links_keep(r, &l);
	rc = 0;
out:
	links_release(&l);
	return rc;
}

int complete_check(struct repo *r, const char *path, const struct walk_out *out,
		   unsigned threads, size_t most, bool fine,
		   struct tally *tally, struct err *e)
{
	struct idset here = { 0 }, gone = { 0 };
	size_t shallow, commits, below = 0;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	repo_tell_gone(r);
	if (list_here(r, &here, e) || shallow_commits(r, &shallow, e) ||
	    check_commits(out, &here, &gone, &commits, e) ||
	    ((r->partial || r->gone.n) &&
	     check_trees(r, &here, &gone, threads, most, &below, tally, e)))
		goto out;
	if (shallow &&
	    buf_printf(&b, e, "a shallow clone: what came before %zu of its "
		       "commits is not here", shallow))
		goto out;
	if (shallow)
		tell(tally, fine, path, b.p);
	buf_reset(&b);
	if (r->partial &&
	    buf_printf(&b, e, "a partial clone: %zu objects of its history are "
		       "not here", below + commits))
		goto out;
	if (r->partial && below + commits)
		tell(tally, fine, path, b.p);
	buf_reset(&b);
	if (!r->partial && !shallow && below + commits)
		tally_problem(tally, path, "%zu object%s that its history names "
			      "%s missing", below + commits,
			      below + commits == 1 ? "" : "s",
			      below + commits == 1 ? "is" : "are");
	rc = 0;
out:
	buf_release(&b);
	idset_release(&here);
	idset_release(&gone);
	return rc;
}
