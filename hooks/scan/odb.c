/*
 * odb: see odb.h.  Owns the backend that libgit2 asks for loose objects.
 *
 * Promises that a broken object is an error, after the packs were asked for
 * another copy of it.
 */
#include "hooks/scan/odb.h"

#include <dirent.h>
#include <git2.h>
#include <git2/sys/commit_graph.h>
#include <git2/sys/odb_backend.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "hooks/scan/loose.h"
#include "hooks/scan/repo.h"

enum { LOOSE_TURN = 1, PACKS_TURN = 2 }; /* higher ones are asked first */

struct loose_backend {
	git_odb_backend parent; /* first: libgit2 hands this out */
	char *folder;
};

static const char *folder_of(const git_odb_backend *b)
{
	return ((const struct loose_backend *)b)->folder;
}

static int answer(enum loose got)
{
	if (got == LOOSE_READ)
		return 0;
	if (got == LOOSE_ABSENT)
		return GIT_ENOTFOUND;
	git_error_set_str(GIT_ERROR_ODB, got == LOOSE_LARGE ?
			  "the loose object is too large" :
			  "the loose object is cut short or damaged");
	return GIT_ERROR;
}

static int read_object(void **data, size_t *n, git_object_t *type,
		       git_odb_backend *b, const git_oid *id)
{
	enum object_type t = OBJECT_BAD;
	char *text = NULL;
	int rc = answer(loose_read(folder_of(b), id->id, PTRDIFF_MAX / 4, &text,
				   n, &t));

	if (rc)
		return rc;
	*type = (git_object_t)t;
	*data = git_odb_backend_data_alloc(b, *n + 1);
	if (*data) {
		memcpy(*data, text, *n);
		((char *)*data)[*n] = '\0';
	}
	free(text);
	return *data ? 0 : GIT_ERROR;
}

static int read_head(size_t *n, git_object_t *type, git_odb_backend *b,
		     const git_oid *id)
{
	enum object_type t = OBJECT_BAD;
	int rc = answer(loose_head(folder_of(b), id->id, n, &t));

	if (!rc)
		*type = (git_object_t)t;
	return rc;
}

static int exists(git_odb_backend *b, const git_oid *id)
{
	char path[PATH_MAX];

	return loose_path(folder_of(b), id->id, path, sizeof(path)) &&
	       !access(path, F_OK);
}

/* The one whose name begins with so many hex digits. */
static int exists_prefix(git_oid *out, git_odb_backend *b, const git_oid *from,
			 size_t len)
{
	char hex[GIT_OID_HEXSZ + 1], dir[PATH_MAX], all[GIT_OID_HEXSZ + 1];
	const struct dirent *x;
	int found = 0;
	DIR *d;

	git_oid_tostr(hex, sizeof(hex), from);
	if (len < 2 || (size_t)snprintf(dir, sizeof(dir), "%s/%.2s", folder_of(b),
					hex) >= sizeof(dir))
		return GIT_ENOTFOUND;
	d = opendir(dir);
	while (d && found < 2 && (x = readdir(d))) {
		if (strlen(x->d_name) != GIT_OID_HEXSZ - 2 ||
		    strncmp(x->d_name, hex + 2, len - 2) != 0)
			continue;
		memcpy(all, hex, 2);
		memcpy(all + 2, x->d_name, GIT_OID_HEXSZ - 1);
		if (!git_oid_fromstr(out, all))
			found++;
	}
	if (d)
		closedir(d);
	return found > 1 ? GIT_EAMBIGUOUS : found ? 0 : GIT_ENOTFOUND;
}

static int read_prefix(git_oid *out, void **data, size_t *n, git_object_t *type,
		       git_odb_backend *b, const git_oid *from, size_t len)
{
	int rc = exists_prefix(out, b, from, len);

	return rc ? rc : read_object(data, n, type, b, out);
}

static void release(git_odb_backend *b)
{
	struct loose_backend *l = (struct loose_backend *)b;

	mem_free(l->folder);
	mem_free(l);
}

static struct loose_backend *loose_backend(const char *folder)
{
	struct loose_backend *l = mem_zalloc(sizeof(*l));

	if (!l)
		return NULL;
	l->folder = mem_strdup(folder);
	if (!l->folder ||
	    git_odb_init_backend(&l->parent, GIT_ODB_BACKEND_VERSION)) {
		release(&l->parent);
		return NULL;
	}
	l->parent.read = read_object;
	l->parent.read_prefix = read_prefix;
	l->parent.read_header = read_head;
	l->parent.exists = exists;
	l->parent.exists_prefix = exists_prefix;
	l->parent.free = release;
	return l;
}

static int add(git_odb *odb, const char *folder, struct err *e)
{
	struct loose_backend *l = loose_backend(folder);
	git_odb_backend *packs = NULL;

	if (!l)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (git_odb_add_alternate(odb, &l->parent, LOOSE_TURN)) {
		release(&l->parent);
		return err_fail(e, ERR_FORMAT, folder, "%s", repo_why());
	}
	if (git_odb_backend_pack(&packs, folder))
		return err_fail(e, ERR_FORMAT, folder, "%s", repo_why());
	if (git_odb_add_alternate(odb, packs, PACKS_TURN)) {
		packs->free(packs);
		return err_fail(e, ERR_FORMAT, folder, "%s", repo_why());
	}
	return 0;
}

int odb_open(git_odb **out, const struct strings *folders, size_t from,
	     size_t n, struct err *e)
{
	git_commit_graph *graph = NULL;
	size_t i;

	if (git_odb_new(out))
		return err_fail(e, ERR_NOMEM, NULL, "%s", repo_why());
	for (i = from; i < folders->n && i - from < n; i++)
		if (add(*out, folders->v[i], e))
			goto bad;
	/* speeds walks up where there is one; a broken one is not used */
	if (i > from && !git_commit_graph_open(&graph, folders->v[from]) &&
	    git_odb_set_commit_graph(*out, graph))
		git_commit_graph_free(graph);
	return 0;
bad:
	git_odb_free(*out);
	*out = NULL;
	return -1;
}
