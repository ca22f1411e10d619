/*
 * launch_find: which program a name means.
 *
 * A provider is a program curfew-provider-NAME, or NAME.toml, a definition that
 * curfew-provider-http serves; the first folder of the path that has one wins.
 *
 * Runs in the launcher process.  A program is taken only from an absolute
 * folder, only under one of our names, and only when neither it nor its folder
 * can be written by somebody who is not us or root: whoever can replace the
 * program could read the admin credential that is handed to it.
 */
#include "agent/launch_int.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"

#define PROVIDER_PREFIX "curfew-provider-"
#define NAMES_MAX 512u

static bool allowed_name(const char *program)
{
	const size_t n = strlen(PROVIDER_PREFIX);

	if (strncmp(program, PROVIDER_PREFIX, n) == 0)
		return text_name(program + n);
	return strcmp(program, "curfew-scan") == 0 ||
	       strcmp(program, "curfew-notify") == 0 ||
	       strcmp(program, "curfew-keyring") == 0;
}

/* Owned by us or root and not writable by others. */
static bool trusted(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) &&
	       (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Whoever can write a folder above can put another one in this one's place,
 * unless it is sticky, as /tmp is. */
static int check_above(const char *dir, struct err *e)
{
	char *real = realpath(dir, NULL), *slash;
	struct stat st;
	int rc = real != NULL ? 0 : err_sys(e, dir, "find its real path");

	while (rc == 0 && (slash = strrchr(real, '/')) != NULL && real[1] != '\0') {
		slash[slash == real] = '\0';
		if (stat(real, &st) < 0)
			rc = err_sys(e, real, "stat");
		else if (!trusted(&st) && ((st.st_mode & S_ISVTX) == 0 ||
					   (st.st_uid != 0 && st.st_uid != geteuid()))) {
			rc = err_fail(e, ERR_POLICY, real, "another user can "
				      "change this folder above the programs in "
				      "%s", dir);
			err_hint(e, "chown root and chmod go-w the folder");
		}
	}
	free(real); /* realpath's own block, from malloc */
	return rc;
}

static int check_program(const char *dir, const char *file, struct err *e)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return err_sys(e, file, "stat");
	if (!S_ISREG(st.st_mode) || access(file, X_OK) < 0)
		return err_fail(e, ERR_PROTO, file,
				"not a program that can be started");
	if (!trusted(&st)) {
		(void)err_fail(e, ERR_POLICY, file,
			       "another user owns or can change this program");
		err_hint(e, "chown root and chmod go-w the file");
		return -1;
	}
	if (stat(dir, &st) < 0)
		return err_sys(e, dir, "stat");
	if (!trusted(&st)) {
		(void)err_fail(e, ERR_POLICY, dir,
			       "another user owns or can change this folder "
			       "of programs");
		err_hint(e, "chown root and chmod go-w the folder");
		return -1;
	}
	return check_above(dir, e);
}

/* The next ':'-separated absolute folder; NULL at the end. */
static char *next_dir(const char **path)
{
	while (**path != '\0') {
		const size_t n = strcspn(*path, ":");
		const char *at = *path;

		*path += n + ((*path)[n] == ':');
		if (n > 0 && *at == '/')
			return mem_strndup(at, n);
	}
	return NULL;
}

struct names {
	char **v;
	size_t n;
};

static void names_free(struct names *ns)
{
	for (size_t i = 0; i < ns->n; i++)
		mem_free(ns->v[i]);
	mem_free(ns->v);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_of_dir(const char *dir, struct names *ns, struct err *e)
{
	DIR *d = opendir(dir);
	const size_t skip = strlen(PROVIDER_PREFIX);
	int rc = -1;

	if (d == NULL)
		return 0; /* a folder of the path that is not there */
	for (struct dirent *de; (de = readdir(d)) != NULL;) {
		const size_t len = strlen(de->d_name);
		const bool def = len > 5 && strcmp(de->d_name + len - 5, ".toml") == 0;
		char *file, *name;
		bool ok;

		if ((!def && strncmp(de->d_name, PROVIDER_PREFIX, skip) != 0) ||
		    ns->n == NAMES_MAX)
			continue;
		file = io_path(dir, de->d_name);
		ok = file != NULL && access(file, def ? R_OK : X_OK) == 0;
		mem_free(file);
		name = !ok ? NULL : def ? mem_strndup(de->d_name, len - 5) :
					  mem_strdup(de->d_name + skip);
		if (ok && name != NULL && !text_name(name)) {
			mem_free(name);
			continue;
		}
		if (!ok)
			continue;
		ns->v[ns->n] = name;
		if (ns->v[ns->n] == NULL) {
			(void)err_fail(e, ERR_NOMEM, dir, "out of memory");
			goto out;
		}
		ns->n++;
	}
	rc = 0;
out:
	(void)closedir(d);
	return rc;
}

static int names_read(const char *path, struct names *ns, struct err *e)
{
	char *dir;
	int rc = 0;
	size_t kept = 0;

	ns->n = 0;
	ns->v = mem_array(NAMES_MAX, sizeof *ns->v);
	if (ns->v == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	while (rc == 0 && (dir = next_dir(&path)) != NULL) {
		rc = names_of_dir(dir, ns, e);
		mem_free(dir);
	}
	qsort(ns->v, ns->n, sizeof *ns->v, by_name);
	for (size_t i = 0; i < ns->n; i++) {
		if (kept > 0 && strcmp(ns->v[kept - 1], ns->v[i]) == 0)
			mem_free(ns->v[i]);
		else
			ns->v[kept++] = ns->v[i];
	}
	ns->n = kept;
	return rc;
}

int launch_list(const char *path, struct buf *names, struct err *e)
{
	struct names ns;
	int rc = names_read(path, &ns, e);

	for (size_t i = 0; rc == 0 && i < ns.n; i++)
		rc = buf_printf(names, e, "%s\n", ns.v[i]);
	names_free(&ns);
	return rc;
}

/* "no such program", with what is near and where it was looked for. */
static void tell_missing(const char *path, const char *program, struct err *e)
{
	const size_t skip = strlen(PROVIDER_PREFIX);
	const bool provider = strncmp(program, PROVIDER_PREFIX, skip) == 0;
	const char *best = NULL;
	size_t best_d = 4;
	struct names ns;
	struct buf all = BUF_INIT(BUF_TEXT_MAX);

	(void)err_fail(e, ERR_ABSENT, program, "no such program in %s", path);
	if (!provider) {
		err_hint(e, "install it, or set [providers] path");
		return;
	}
	if (names_read(path, &ns, NULL) == 0) {
		for (size_t i = 0; i < ns.n; i++) {
			const size_t d = text_distance(program + skip,
						       ns.v[i], 4);
			if (d < best_d) {
				best_d = d;
				best = ns.v[i];
			}
			(void)!buf_printf(&all, NULL, "%s%s",
					  i > 0 ? ", " : "", ns.v[i]);
		}
		if (best != NULL)
			err_hint(e, "did you mean '%s'?", best);
		else if (ns.n > 0)
			err_hint(e, "there are: %s", all.p);
	}
	err_hint(e, "install it, or set [providers] path");
	buf_release(&all);
	names_free(&ns);
}

/* dir/NAME.toml for curfew-provider-NAME: 1 there, 0 not, -1 not to be used. */
static int definition_in(const char *dir, const char *program, char **out, struct err *e)
{
	const size_t skip = strlen(PROVIDER_PREFIX);
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct stat st, in;
	int rc = 0;

	if (strncmp(program, PROVIDER_PREFIX, skip) != 0 ||
	    buf_printf(&b, NULL, "%s/%s.toml", dir, program + skip) < 0 ||
	    stat(b.p, &st) < 0 || !S_ISREG(st.st_mode) || stat(dir, &in) < 0)
		goto out;
	rc = 1;
	if (!trusted(&st) || !trusted(&in)) {
		(void)err_fail(e, ERR_POLICY, b.p, "another user owns or can "
			       "change this definition, or its folder");
		err_hint(e, "chown root and chmod go-w it");
		rc = -1;
		goto out;
	}
	*out = mem_strdup(b.p);
	if (*out == NULL)
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
out:
	buf_release(&b);
	return rc;
}

char *launch_find(const char *path, const char *program, char **definition,
		  struct err *e)
{
	const char *rest = path;
	char *dir;

	*definition = NULL;
	if (!allowed_name(program)) {
		(void)err_fail(e, ERR_POLICY, program,
			       "the launcher starts only curfew-provider-*, "
			       "curfew-scan, curfew-notify and curfew-keyring");
		return NULL;
	}
	while ((dir = next_dir(&rest)) != NULL) {
		char *file = io_path(dir, program);
		int bad = -1;

		if (file == NULL) {
			(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		} else if (access(file, F_OK) < 0) {
			const int is = definition_in(dir, program, definition, e);
			char *none = NULL;

			mem_free(file);
			mem_free(dir);
			if (is == 0)
				continue;
			if (is < 0)
				return NULL;
			file = launch_find(path, PROVIDER_PREFIX "http", &none, e);
			if (file == NULL)
				mem_free(*definition);
			mem_free(none);
			return file;
		} else {
			bad = check_program(dir, file, e);
		}
		mem_free(dir);
		if (bad == 0)
			return file;
		mem_free(file);
		return NULL;
	}
	tell_missing(path, program, e);
	return NULL;
}

char *launch_find_hook(const char *const *hooks, const char *program,
		       struct err *e)
{
	const char *slash = strrchr(program, '/');
	char *dir = NULL, *file = NULL;

	while (hooks != NULL && *hooks != NULL && strcmp(*hooks, program) != 0)
		hooks++;
	if (hooks == NULL || *hooks == NULL || slash == NULL || slash == program) {
		(void)err_fail(e, ERR_POLICY, program, "no alarm of the "
			       "configuration names this program");
		return NULL;
	}
	dir = mem_strndup(program, (size_t)(slash - program));
	if (dir == NULL)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else if (check_program(dir, program, e) == 0)
		file = mem_strdup(program);
	mem_free(dir);
	return file;
}

/* ---- all definitions ------------------------------------------------------ */

static bool seen(const struct names *ns, const char *name, size_t n)
{
	for (size_t i = 0; i < ns->n; i++)
		if (strncmp(ns->v[i], name, n) == 0 && ns->v[i][n] == '\0')
			return true;
	return false;
}

/* One entry of a folder.  A program of that name, here or in a folder before,
 * is what the name means: then the definition is not served. */
static int take_entry(const char *dir, const char *entry, bool programs,
		      struct names *ns, struct buf *files, struct err *e)
{
	const size_t skip = strlen(PROVIDER_PREFIX), len = strlen(entry);
	const bool program = strncmp(entry, PROVIDER_PREFIX, skip) == 0;
	const char *name = program ? entry + skip : entry;
	const size_t n = program ? len - skip : len > 5 ? len - 5 : 0;
	struct buf file = BUF_INIT(BUF_TEXT_MAX);
	struct stat st;
	int rc = 0;

	if (program != programs || n == 0 || ns->n == NAMES_MAX ||
	    (!program && strcmp(entry + n, ".toml") != 0) || seen(ns, name, n))
		return 0;
	ns->v[ns->n] = mem_strndup(name, n);
	if (ns->v[ns->n] == NULL)
		return err_fail(e, ERR_NOMEM, dir, "out of memory");
	ns->n++;
	if (program || !text_name(ns->v[ns->n - 1]))
		return 0;
	rc = buf_printf(&file, e, "%s/%s", dir, entry);
	if (rc == 0 && stat(file.p, &st) == 0 && S_ISREG(st.st_mode) && trusted(&st))
		rc = buf_printf(files, e, "%s%s", files->len ? ":" : "", file.p);
	buf_release(&file);
	return rc;
}

static int take_dir(const char *dir, struct names *ns, struct buf *files,
		    struct err *e)
{
	DIR *d = opendir(dir);
	struct stat st;
	int rc = 0;

	if (d == NULL)
		return 0;
	if (stat(dir, &st) < 0 || !trusted(&st))
		goto out;
	for (int pass = 0; pass < 2; pass++) {
		rewinddir(d);
		for (struct dirent *de; rc == 0 && (de = readdir(d)) != NULL;)
			rc = take_entry(dir, de->d_name, pass == 0, ns, files, e);
	}
out:
	(void)closedir(d);
	return rc;
}

int launch_definitions(const char *path, struct buf *files, struct err *e)
{
	struct names ns = { mem_array(NAMES_MAX, sizeof(char *)), 0 };
	char *dir;
	int rc = 0;

	if (ns.v == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	while (rc == 0 && (dir = next_dir(&path)) != NULL) {
		rc = strchr(dir, ':') != NULL ? 0 : take_dir(dir, &ns, files, e);
		mem_free(dir);
	}
	names_free(&ns);
	return rc;
}
