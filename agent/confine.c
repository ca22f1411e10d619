/*
 * confine: which files the core may still touch while a command runs.
 *
 * DIR for writing; the terminal, the clock's zone and the like for reading;
 * and what the command's row declares (struct command, `files`).  Everything
 * else is out of reach from here on, whatever a provider sends.
 */
#include "agent/main.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/mem.h"
#include "base/text.h"

#define PATHS_MAX 64u

struct grants {
	struct harden_path v[PATHS_MAX];
	char *own[PATHS_MAX]; /* what to free */
	size_t n;
};

static int grant(struct grants *g, const char *path, bool write, struct err *e)
{
	if (g->n == PATHS_MAX)
		return err_fail(e, ERR_TOOBIG, path, "too many paths");
	g->own[g->n] = mem_strdup(path);
	if (g->own[g->n] == NULL)
		return err_fail(e, ERR_NOMEM, path, "out of memory");
	g->v[g->n] = (struct harden_path){ g->own[g->n], write };
	g->n++;
	return 0;
}

/* The folder of a path, for a command that writes beside the name. */
static int grant_parent(struct grants *g, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int rc;

	if (slash == NULL)
		return grant(g, ".", true, e);
	dir = mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (dir == NULL)
		return err_fail(e, ERR_NOMEM, path, "out of memory");
	rc = grant(g, dir, true, e);
	mem_free(dir);
	return rc;
}

/* The same for reading only. */
static int grant_folder(struct grants *g, const char *path, struct err *e)
{
	if (grant_parent(g, path, e) < 0)
		return -1;
	g->v[g->n - 1].write = false;
	return 0;
}

static int grant_file(struct grants *g, const char *path, char mode, struct err *e)
{
	if (path == NULL || strcmp(path, "-") == 0)
		return 0;
	return mode == 'w' ? grant_parent(g, path, e) :
			     grant(g, path, false, e);
}

/* The value of `name` (with its dashes) if argv[i] gives it, else NULL. */
static const char *option_value(const char *name, size_t len, int argc, char **argv, int i)
{
	if (argv[i] == NULL || strncmp(argv[i], name, len) != 0)
		return NULL;
	if (argv[i][len] == '=')
		return argv[i] + len + 1;
	return argv[i][len] == '\0' && i + 1 < argc ? argv[i + 1] : NULL;
}

/* Does the option take the next argument?  The row's help says so:
 * "  --format WORD  ...". */
static bool takes_next(const char *help, const char *option)
{
	const size_t n = strlen(option);

	for (const char *at = help; (at = strstr(at, option)) != NULL; at += n)
		if (at >= help + 2 && at[-1] == ' ' && at[-2] == ' ' &&
		    at[n] == ' ' && at[n + 1] != ' ' && at[n + 1] != '\0')
			return true;
	return false;
}

/* One word of the row's `files`: "--output=w" or "2=r". */
static int grant_word(struct grants *g, const struct command *row,
		      const char *word, size_t len, int argc, char **argv,
		      struct err *e)
{
	const size_t name = len - 2;
	const char mode = word[len - 1];
	long place = 0, want = word[0] == '-' ? -1 : strtol(word, NULL, 10);

	for (int i = 1; i < argc; i++) {
		const char *v = NULL;

		if (word[0] == '-')
			v = option_value(word, name, argc, argv, i);
		else if (argv[i][0] == '-' && argv[i][1] != '\0')
			i += takes_next(row->help, argv[i]);
		else if (++place == want)
			v = argv[i];
		if (v != NULL && grant_file(g, v, mode, e) < 0)
			return -1;
	}
	return 0;
}

static int grant_declared(struct grants *g, const struct command *row, int argc,
			  char **argv, struct err *e)
{
	const char *files = row->files;

	while (files != NULL && *files != '\0') {
		const size_t n = strcspn(files, " ");

		if (n > 2 && grant_word(g, row, files, n, argc, argv, e) < 0)
			return -1;
		files += n + (files[n] == ' ');
	}
	return 0;
}

/* The files that unlock_gather() may look at. */
static int grant_keys(struct grants *g, const struct app *app, struct err *e)
{
	const struct unlock_options *u = app->unlock;
	const char *const given[] = {
		u->key_file, u->passphrase_file, u->break_glass,
		app->config != NULL ? app->config->key_file : NULL,
		unlock_credentials_dir(),
	};
	struct slot_info *slots = NULL;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof given / sizeof *given; i++)
		if (given[i] != NULL && given[i][0] != '\0')
			rc = grant_file(g, given[i], 'r', e);
	/* no vault yet, or a damaged one: the command will say so */
	if (rc == 0 && vault_slots(app->dir, &slots, &n, NULL) == 0)
		for (size_t i = 0; rc == 0 && i < n; i++)
			if (slots[i].kind == SLOT_KEYFILE)
				rc = grant_file(g, slots[i].detail, 'r', e);
	mem_free(slots);
	return rc;
}

int confine(const struct app *app, const struct command *row, int argc,
	    char **argv, struct err *e)
{
	static const char *const readable[] = {
		"/etc/localtime", "/usr/share/zoneinfo", "/etc/passwd",
		"/dev/urandom", "/proc/sys/kernel/random/boot_id",
	};
	const bool is_agent = strcmp(row->name, "agent") == 0;
	struct grants g = { .n = 0 };
	const char *head = app->config != NULL ? app->config->head_file : NULL;
	int rc = -1;

	if (grant(&g, app->dir, true, e) < 0 ||
	    grant(&g, "/dev/tty", true, e) < 0 ||
	    grant(&g, "/dev/null", true, e) < 0)
		goto out;
	for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
		if (grant(&g, readable[i], false, e) < 0)
			goto out;
	if ((row->needs & NEED_KEYS) != 0 && grant_keys(&g, app, e) < 0)
		goto out;
	if (head != NULL && grant_parent(&g, head, e) < 0)
		goto out;
	if (app->config != NULL && app->config->spool != NULL &&
	    (strcmp(row->name, "respond") == 0 || is_agent ||
	     strcmp(row->name, "sweep") == 0) &&
	    grant(&g, app->config->spool, true, e) < 0)
		goto out;
	/* its folder: an editor puts a new file in the old one's place */
	if (is_agent && grant_folder(&g, app->config_path, e) < 0)
		goto out;
	if (grant_declared(&g, row, argc, argv, e) < 0)
		goto out;
#ifdef CURFEW_TEST
	if (getenv("CURFEW_CRASH_LIST") != NULL &&
	    grant_parent(&g, getenv("CURFEW_CRASH_LIST"), e) < 0)
		goto out;
#endif
	rc = harden_core(g.v, g.n, e);
out:
	for (size_t i = 0; i < g.n; i++)
		mem_free(g.own[i]);
	return rc;
}
