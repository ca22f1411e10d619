/*
 * launch_grant: which paths a helper is given.
 *
 * Runs in the launcher process.  Whatever an operator writes into a setting, no
 * helper reaches the vault's folder or the configuration: a path inside of them
 * is refused, a path above them is taken apart into everything but them.
 * Devices, kernel interfaces and password hashes are left out in silence, so
 * that "/" may be named as the root of a machine.
 * Symbolic links met on that way are left out, because they may lead back in.
 */
#include "agent/launch_int.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"

/* What harden_helper() allows of these is all that a helper gets of them. */
static const char *const never[] = {
	"/dev", "/proc", "/sys", NULL,
};

/* The real path of `p`, or of the deepest folder of it that exists; `rest`: and
 * what is left of the name behind it. */
static char *real_of(const char *p, bool rest)
{
	char *copy = mem_strdup(p);
	char *real = NULL, *ours;

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
	if (copy == NULL || real == NULL) {
		/* a name that is nowhere, or right below "/" */
		mem_free(copy);
		return mem_strdup(rest && p[0] == '/' ? p : "/");
	}
	if (rest && p[strlen(copy)] == '/')
		ours = io_path(strcmp(real, "/") == 0 ? "" : real,
			       p + strlen(copy) + 1);
	else
		ours = mem_strdup(real);
	mem_free(copy);
	free(real); /* realpath's own block, from malloc */
	return ours;
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

/* /dev/shm holds files like any folder; it is no device. */
static bool kept_back(const char *g)
{
	return !below(g, "/dev/shm") && reaches(g, never, true) != NULL;
}

static int add(struct launch_grants *g, char *path, struct err *e)
{
	if (path == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (g->n == LAUNCH_GRANTS_MAX) {
		mem_free(path);
		(void)err_fail(e, ERR_TOOBIG, NULL, "more than %u files that "
			       "it may have lie beside curfew's own",
			       LAUNCH_GRANTS_MAX);
		err_hint(e, "give a path further down, or keep the vault in a "
			    "folder with fewer beside it (--dir)");
		return -1;
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
		bool out;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		child = strcmp(dir, "/") == 0 ? io_path("", de->d_name) :
						io_path(dir, de->d_name);
		if (child == NULL) {
			rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
			continue;
		}
		out = lstat(child, &st) < 0 || S_ISLNK(st.st_mode) ||
		      reaches(child, real, true) != NULL || kept_back(child);
		if (!out && reaches(child, real, false) == NULL &&
		    reaches(child, never, false) == NULL)
			rc = add(g, child, e);
		else if (!out && *n_deeper < LAUNCH_DEEPER_MAX)
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
	if (kept_back(path))
		return 0;
	if (reaches(path, real, false) == NULL &&
	    reaches(path, never, false) == NULL)
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
	char *path = real_of(granted, false);
	int rc = path != NULL ? 0 : -1;

	for (size_t i = 0; protect != NULL && protect[i] != NULL; i++) {
		if (i == LAUNCH_PROTECT_MAX) {
			rc = err_fail(e, ERR_TOOBIG, granted,
				      "more than %u paths to keep it from",
				      LAUNCH_PROTECT_MAX);
			goto out;
		}
		real[i] = own[i] = real_of(protect[i], true);
		if (own[i] == NULL)
			rc = -1;
	}
	if (rc < 0)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else
		rc = grant_real(granted, widen(path) ? path : granted, path,
				real, g, e);
out:
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
