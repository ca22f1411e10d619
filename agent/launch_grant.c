/*
 * launch_grant: which paths a helper is given.
 *
 * Runs in the launcher process.  Whatever an operator writes into a setting, no
 * helper reaches the vault's folder or the configuration: a path inside of them
 * is refused, a path above them is taken apart into everything but them.
 * Symbolic links met on that way are left out, because they may lead back in.
 */
#include "agent/launch_int.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"

/* The real path of `p`, or of the deepest folder of it that exists. */
static char *real_of(const char *p)
{
	char *copy = mem_strdup(p);
	char *real = NULL;

	while (copy != NULL && real == NULL) {
		char *slash;

		real = realpath(copy, NULL);
		if (real != NULL)
			break;
		slash = strrchr(copy, '/');
		if (slash == NULL || slash == copy)
			break;
		*slash = '\0';
	}
	mem_free(copy);
	if (real != NULL) {
		char *ours = mem_strdup(real);

		free(real); /* realpath's own block, from malloc */
		return ours;
	}
	return mem_strdup("/");
}

/* Is `inner` the same as `outer` or below it? */
static bool below(const char *inner, const char *outer)
{
	const size_t n = strlen(outer);

	if (strcmp(outer, "/") == 0)
		return true;
	return strncmp(inner, outer, n) == 0 &&
	       (inner[n] == '\0' || inner[n] == '/');
}

/* Does g lie in something protected / is something protected below g? */
static const char *reaches(const char *g, const char *const *real, bool inside)
{
	for (size_t i = 0; real[i] != NULL; i++)
		if (inside ? below(g, real[i]) : below(real[i], g))
			return real[i];
	return NULL;
}

static int add(struct launch_grants *g, char *path, struct err *e)
{
	if (path == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (g->n == LAUNCH_GRANTS_MAX) {
		mem_free(path);
		return err_fail(e, ERR_TOOBIG, NULL, "more than %u paths",
				LAUNCH_GRANTS_MAX);
	}
	g->v[g->n++] = (struct harden_path){ .path = path, .write = true };
	return 0;
}

/* The entries of one folder: to g, or to `deeper` when something protected lies
 * below. */
static int take_apart(const char *dir, const char *const *real,
		      struct launch_grants *g, char **deeper, size_t *n_deeper,
		      struct err *e)
{
	DIR *d = opendir(dir);
	int rc = 0;

	if (d == NULL)
		return 0; /* what cannot be read is not granted */
	for (struct dirent *de; rc == 0 && (de = readdir(d)) != NULL;) {
		struct stat st;
		char *child;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		child = strcmp(dir, "/") == 0 ? io_path("", de->d_name) :
						io_path(dir, de->d_name);
		if (child == NULL)
			rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
		else if (lstat(child, &st) < 0 || S_ISLNK(st.st_mode) ||
			 reaches(child, real, true) != NULL)
			mem_free(child);
		else if (reaches(child, real, false) == NULL)
			rc = add(g, child, e);
		else if (*n_deeper < LAUNCH_DEEPER_MAX)
			deeper[(*n_deeper)++] = child;
		else
			mem_free(child);
	}
	(void)closedir(d);
	return rc;
}

static int grant_real(const char *granted, const char *grant, const char *path,
		      const char *const *real, struct launch_grants *g,
		      struct err *e)
{
	char *deeper[LAUNCH_DEEPER_MAX];
	const char *in = reaches(path, real, true);
	size_t n = 0;
	int rc = 0;

	if (in != NULL) {
		(void)err_fail(e, ERR_POLICY, granted, "with this path the "
			       "provider could reach curfew's own %s", in);
		err_hint(e, "give another path, or keep the vault elsewhere "
			    "(--dir)");
		return -1;
	}
	if (reaches(path, real, false) == NULL)
		return add(g, mem_strdup(grant), e);
	deeper[n++] = mem_strdup(path);
	while (n > 0) {
		char *dir = deeper[--n];

		if (dir == NULL)
			rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
		else if (rc == 0)
			rc = take_apart(dir, real, g, deeper, &n, e);
		mem_free(dir);
	}
	return rc;
}

/* A file is replaced by a new one beside it and a rename, so a path that names a
 * file means its folder too; not one that everybody writes, such as /tmp. */
static bool widen(char *path)
{
	char *slash = strrchr(path, '/');
	struct stat st;

	if (slash == NULL || slash == path || stat(path, &st) < 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	*slash = '\0';
	if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH) == 0)
		return true;
	*slash = '/';
	return false;
}

int launch_grant(const char *granted, const char *const *protect,
		 struct launch_grants *g, struct err *e)
{
	const char *real[LAUNCH_PROTECT_MAX + 1] = { NULL };
	char *own[LAUNCH_PROTECT_MAX + 1] = { NULL };
	char *path = real_of(granted);
	int rc = path != NULL ? 0 : -1;

	for (size_t i = 0; protect != NULL && protect[i] != NULL &&
			   i < LAUNCH_PROTECT_MAX; i++) {
		real[i] = own[i] = real_of(protect[i]);
		if (own[i] == NULL)
			rc = -1;
	}
	if (rc < 0)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else
		rc = grant_real(granted, widen(path) ? path : granted, path,
				real, g, e);
	for (size_t i = 0; i < LAUNCH_PROTECT_MAX; i++)
		mem_free(own[i]);
	mem_free(path);
	return rc;
}

void launch_grants_free(struct launch_grants *g)
{
	for (size_t i = 0; i < g->n; i++)
		mem_free((void *)(uintptr_t)g->v[i].path);
	g->n = 0;
}
