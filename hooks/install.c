/*
 * curfew-scan hook: puts the hooks into repositories and takes them out.
 *
 * Owns the layouts: a plain repository (or core.hooksPath), Gitea and Forgejo
 * (hooks/pre-receive.d), GitLab (custom_hooks/pre-receive.d).  Promises: only
 * files with our mark are replaced or removed; a stranger's hook stays and is
 * named.
 */
#include <ctype.h>
#include <errno.h>
#include <git2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "hooks/install.h"

#define MARK "# made by curfew-scan hook install"
#define SCRIPT_MAX 65536u

/* ---- where --------------------------------------------------------------- */

static bool is_dir(const char *base, const char *name)
{
	char *p = io_path(base, name);
	struct stat st;
	bool yes = p && !stat(p, &st) && S_ISDIR(st.st_mode);

	mem_free(p);
	return yes;
}

static char *hooks_path(git_repository *git)
{
	const char *base = git_repository_commondir(git);
	git_config *c = NULL;
	git_config_entry *x = NULL;
	char *out = NULL;

	if (!git_repository_config(&c, git) &&
	    !git_config_get_entry(&x, c, "core.hookspath") && x->value) {
		const char *root = git_repository_workdir(git);

		out = *x->value == '/' ? mem_strdup(x->value)
			: io_path(root ? root : base, x->value);
	}
	git_config_entry_free(x);
	git_config_free(c);
	return out ? out : io_path(base, "hooks");
}

static int choose(struct site *s, git_repository *git, const char *asked,
		  struct err *e)
{
	const char *base = git_repository_commondir(git);

	s->bare = git_repository_is_bare(git);
	s->layout = asked;
	if (!s->layout)
		s->layout = is_dir(base, "hooks/pre-receive.d") ? "gitea"
			  : is_dir(base, "custom_hooks") ? "gitlab" : "plain";
	s->single = true;
	if (!strcmp(s->layout, "gitea"))
		s->folder = io_path(base, "hooks/pre-receive.d");
	else if (!strcmp(s->layout, "gitlab"))
		s->folder = io_path(base, "custom_hooks/pre-receive.d");
	else if (!strcmp(s->layout, "plain")) {
		s->single = false;
		s->folder = hooks_path(git);
	} else {
		return err_fail(e, ERR_USAGE, asked, "no such layout: plain, "
				"gitea (also Forgejo) or gitlab");
	}
	return s->folder ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

static void site_release(struct site *s)
{
	git_repository_free(s->git);
	mem_free(s->folder);
	memset(s, 0, sizeof(*s));
}

static int site_open(struct site *s, const char *repo, const char *layout,
		     struct err *e)
{
	git_repository *git = NULL;
	int rc;

	memset(s, 0, sizeof(*s));
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	if (git_repository_open_ext(&git, repo, GIT_REPOSITORY_OPEN_NO_SEARCH,
				    NULL)) {
		const git_error *g = git_error_last();

		rc = err_fail(e, ERR_ABSENT, repo, "%s",
			      g ? g->message : "no repository");
		if (g && strstr(g->message, "objectformat"))
			err_hint(e, "repositories with SHA-256 ids are not read");
	} else {
		rc = choose(s, git, layout, e);
	}
	s->git = git;
	return rc;
}

/* ---- scripts ------------------------------------------------------------- */

enum state { STATE_NONE, STATE_OURS, STATE_OTHER };

static enum state state_of(const char *path)
{
	struct buf b = BUF_INIT(SCRIPT_MAX);
	enum state st = STATE_OTHER;

	if (access(path, F_OK) && errno == ENOENT)
		return STATE_NONE;
	if (!io_read_file(path, IO_ANY, SCRIPT_MAX, &b, NULL) && b.p &&
	    strstr(b.p, MARK))
		st = STATE_OURS;
	buf_release(&b);
	return st;
}

/* The program's own path, in single quotes for the shell. */
static int own_path(struct buf *out, struct err *e)
{
	char p[4096];
	ssize_t n = readlink("/proc/self/exe", p, sizeof(p) - 1), i;

	if (n < 0)
		return err_sys(e, "/proc/self/exe", "read");
	if (buf_puts(out, "'", e))
		return -1;
	for (i = 0; i < n; i++)
		if (p[i] == '\'' ? buf_puts(out, "'\\''", e)
				 : buf_add(out, &p[i], 1, e))
			return -1;
	return buf_puts(out, "'", e);
}

/* The program that a script of ours starts: between the quotes that own_path()
 * put around it. */
static int program_of(const char *script, struct buf *out, struct err *e)
{
	const char *p = strstr(script, "\nexec '");

	if (!p)
		return err_fail(e, ERR_FORMAT, NULL, "it starts nothing");
	for (p += 7; *p; p++) {
		if (!strncmp(p, "'\\''", 4))
			p += 3;
		else if (*p == '\'')
			return 0;
		if (buf_add(out, p, 1, e))
			return -1;
	}
	return err_fail(e, ERR_FORMAT, NULL, "its quotes do not end");
}

/* Why a script of ours cannot do its work, into `out`; empty: it can. */
static int fault_of(const char *path, struct buf *out, struct err *e)
{
	struct buf b = BUF_INIT(SCRIPT_MAX), program = BUF_INIT(SCRIPT_MAX);
	int rc = -1;

	if (access(path, X_OK)) {
		rc = buf_puts(out, "git passes it over: it is not executable", e);
		goto out;
	}
	if (io_read_file(path, IO_ANY, SCRIPT_MAX, &b, e) ||
	    program_of(b.p, &program, e))
		goto out;
	rc = access(program.p ? program.p : "", X_OK)
		     ? buf_printf(out, e, "what it starts is not there, so it "
				  "refuses everything: %s", program.p) : 0;
out:
	buf_release(&b);
	buf_release(&program);
	return rc;
}

/* Git's other name for the same question. */
static const char *command_of(const char *hook)
{
	return strcmp(hook, "pre-merge-commit") ? hook : "pre-commit";
}

static int write_script(const char *path, const char *hook, struct err *e)
{
	struct buf b = BUF_INIT(SCRIPT_MAX);
	int rc = -1;

	if (buf_puts(&b, "#!/bin/sh\n" MARK "\nexec ", e) || own_path(&b, e) ||
	    buf_printf(&b, e, " %s \"$@\"\n", command_of(hook)) ||
	    io_write_atomic(path, b.p, b.len, 0755, e))
		goto out;
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

static int tell_script(const struct site *s, const char *path, enum state st,
		       struct err *e)
{
	static const char *const words[] = { "absent", "installed",
					     "another hook" };
	struct buf fault = BUF_INIT(SCRIPT_MAX + 256);
	int rc = st == STATE_OURS ? fault_of(path, &fault, e) : 1;

	printf("%s: %s (%s layout)\n", path, words[st], s->layout);
	if (!rc && fault.len) {
		printf("  %s: 'curfew-scan hook install' mends it\n", fault.p);
		rc = 1;
	}
	buf_release(&fault);
	return rc;
}

static int one_script(const struct site *s, const char *verb, const char *hook,
		      struct err *e)
{
	char *path = io_path(s->folder, s->single ? "curfew" : hook);
	enum state st = path ? state_of(path) : STATE_NONE;
	int rc = -1;

	if (!path) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (!strcmp(verb, "status")) {
		rc = tell_script(s, path, st, e);
		goto out;
	}
	if (st == STATE_OTHER) {
		err_fail(e, ERR_EXISTS, path, "a hook that is not ours");
		err_hint(e, "let it run 'curfew-scan %s' itself",
			 command_of(hook));
		goto out;
	}
	if (!strcmp(verb, "uninstall")) {
		rc = st == STATE_NONE || !unlink(path)
			     ? 0 : err_sys(e, path, "remove");
	} else {
		rc = io_mkdirs(s->folder, 0755, e) || write_script(path, hook, e)
			     ? -1 : 0;
	}
	if (!rc)
		printf("%s: %s\n", path, !strcmp(verb, "install")
			       ? "installed" : "removed");
out:
	mem_free(path);
	return rc;
}

/* ---- who runs it ---------------------------------------------------------- */

/* ".d" as the end of a folder's name, anywhere but in a comment.  The name
 * before it may be a variable. */
static bool names_folder(char *script)
{
	char *line, *p;

	while ((line = strsep(&script, "\n"))) {
		if (line[strspn(line, " \t")] == '#')
			continue;
		for (p = line; (p = strstr(p, ".d")); p += 2)
			if (!isalnum((unsigned char)p[2]) && p[2] != '_')
				return true;
	}
	return false;
}

/* Why git's hook does not run what lies in the folder; NULL: it may. */
static const char *idle(const char *path)
{
	struct buf b = BUF_INIT(SCRIPT_MAX);
	const char *why = NULL;

	if (access(path, F_OK))
		return "is not there";
	if (access(path, X_OK))
		return "is not executable";
	/* a program, or too long for a script: it cannot be seen */
	if (!io_read_file(path, IO_ANY, SCRIPT_MAX, &b, NULL) && b.len &&
	    !strncmp(b.p, "#!", 2) && !strstr(b.p, MARK) && !names_folder(b.p))
		why = "names no such folder";
	buf_release(&b);
	return why;
}

/* Gitea and Forgejo: git starts one file, and that what is in the folder; 1:
 * there is none that does. */
static int tell_runner(const struct site *s, struct err *e)
{
	char *folder, *path;
	const char *why;

	if (strcmp(s->layout, "gitea") != 0)
		return 0; /* GitLab runs its own from outside */
	folder = hooks_path(s->git);
	path = folder ? io_path(folder, "pre-receive") : NULL;
	why = path ? idle(path) : NULL;
	if (why)
		printf("  nothing runs it: git starts %s only, which %s: let it "
		       "run what is in pre-receive.d, or take '--layout plain'\n",
		       path, why);
	else if (!path)
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mem_free(folder);
	mem_free(path);
	return e->code ? -1 : why != NULL;
}

/* ---- the command ---------------------------------------------------------- */

/* 1: not all of it would run. */
static int all_scripts(const struct site *s, const char *verb, struct err *e)
{
	static const char *const local[] = { "pre-commit", "pre-push",
					     "pre-merge-commit" };
	int rc = 0, got;
	size_t i;

	if (s->bare || s->single) {
		rc = one_script(s, verb, "pre-receive", e);
		if (rc < 0 || !strcmp(verb, "uninstall"))
			return rc;
		got = tell_runner(s, e);
		return got < 0 ? got : rc | got;
	}
	for (i = 0; i < sizeof(local) / sizeof(*local) && rc >= 0; i++) {
		got = one_script(s, verb, local[i], e);
		rc = got < 0 ? got : rc | got;
	}
	return rc;
}

static int one_site(const char *verb, const char *repo, const char *layout,
		    const char *const *value, const char *cache, struct err *e)
{
	struct site s;
	int rc = -1, got;

	if (site_open(&s, repo, layout, e))
		goto out;
	rc = all_scripts(&s, verb, e);
	if (rc >= 0 && install_settings(&s, verb, value, e))
		rc = -1;
	if (rc == 0 || (rc > 0 && !strcmp(verb, "install"))) {
		got = install_rules(&s, verb, cache, e);
		rc = got < 0 ? got : rc | got;
	}
out:
	if (rc < 0)
		err_ctx(e, repo, strcmp(verb, "status") ? "%s the hook"
				: "tell the %s of the hook", verb);
	site_release(&s);
	return rc;
}

/* --OPTION VALUE in front of the repositories; -1 when one is wrong. */
static int options(int argc, char **argv, int *i, const char **layout,
		   char **value, struct err *e)
{
	size_t k;

	for (; *i < argc && !strncmp(argv[*i], "--", 2); *i += 2) {
		if (*i + 1 >= argc)
			return err_fail(e, ERR_USAGE, argv[*i], "wants a value");
		if (!strcmp(argv[*i], "--layout")) {
			*layout = argv[*i + 1];
			continue;
		}
		for (k = 0; k < INSTALL_SETTINGS; k++)
			if (!strcmp(argv[*i], install_setting[k].option))
				break;
		if (k == INSTALL_SETTINGS)
			return err_fail(e, ERR_USAGE, argv[*i], "no such option");
		mem_free(value[k]);
		if (install_setting[k].path) {
			char *real = realpath(argv[*i + 1], NULL);

			value[k] = real ? mem_strdup(real) : NULL;
			free(real); /* realpath's own, from malloc */
		} else {
			value[k] = mem_strdup(argv[*i + 1]);
		}
		if (!value[k]) {
			err_fail(e, ERR_ABSENT, argv[*i + 1], "%s",
				 strerror(errno));
			err_hint(e, "make it first");
			return err_ctx(e, NULL, "take %s", argv[*i]);
		}
	}
	return 0;
}

int cmd_hook(int argc, char **argv, const struct surroundings *s)
{
	const char *verb = argc > 1 ? argv[1] : "", *layout = NULL;
	char *value[INSTALL_SETTINGS] = { NULL };
	struct err e = ERR_INIT;
	int i = 2, rc = EXIT_CLEAN, got;

	umask(022); /* git's user must be able to run what we write */
	git_libgit2_init();
	if (strcmp(verb, "install") != 0 && strcmp(verb, "uninstall") != 0 &&
	    strcmp(verb, "status") != 0)
		err_fail(&e, ERR_USAGE, verb, "hook knows install, uninstall "
			 "and status");
	else if (!options(argc, argv, &i, &layout, value, &e) && i >= argc)
		err_fail(&e, ERR_USAGE, verb, "name the repositories");
	if (e.code) {
		rc = complain(&e);
		goto out;
	}
	for (; i < argc; i++) {
		err_clear(&e);
		got = one_site(verb, argv[i], layout,
			       (const char *const *)value, s->cache, &e);
		if (got < 0)
			rc = complain(&e);
		else if (got > 0 && rc == EXIT_CLEAN)
			rc = EXIT_FOUND; /* it would not run */
	}
out:
	for (i = 0; i < INSTALL_SETTINGS; i++)
		mem_free(value[i]);
	git_libgit2_shutdown();
	return rc;
}
