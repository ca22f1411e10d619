/*
 * globals: the options every command takes, and the paths that follow.
 *
 * A global option may stand before or after the command's name, so they are
 * taken out of argv first; what is left belongs to the command.
 */
#include "agent/main.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"

#define SYSTEM_DIR "/var/lib/curfew"
#define SYSTEM_CONFIG "/etc/curfew/curfew.toml"

static char *copy_env(const char *name)
{
	/* nothing from a caller who gained privileges by starting us */
	const char *v = secure_getenv(name);

	return v != NULL && v[0] != '\0' ? mem_strdup(v) : NULL;
}

void globals_note_environ(struct globals *g)
{
	char self[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	g->env_dir = copy_env("CURFEW_DIR");
	g->env_data = copy_env("XDG_DATA_HOME");
	g->env_home = copy_env("HOME");
	g->env_providers = copy_env("CURFEW_PROVIDER_PATH");
	g->no_color = copy_env("NO_COLOR") != NULL;
	if (n > 0) {
		char *slash;

		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash != NULL && slash != self) {
			*slash = '\0';
			g->self_dir = mem_strdup(self);
		}
	}
}

struct global {
	const char *name;
	const char **value;
	bool *flag;
};

static int take_value(const struct global *o, const char *arg, int argc, char **argv,
		      int *i, struct err *e)
{
	const size_t n = strlen(o->name);

	if (arg[n] == '=') {
		*o->value = arg + n + 1;
		return 0;
	}
	if (*i + 1 >= argc)
		return err_fail(e, ERR_USAGE, arg, "this option takes a value");
	*o->value = argv[++*i];
	return 0;
}

static bool matches(const struct global *o, const char *arg)
{
	const size_t n = strlen(o->name);

	if (strncmp(arg, o->name, n) != 0)
		return false;
	return arg[n] == '\0' || (o->value != NULL && arg[n] == '=');
}

/* -v, -vv, -q, -h: the letters that are global. */
static bool take_letters(struct globals *g, const char *arg)
{
	if (strcmp(arg, "-v") == 0 || strcmp(arg, "-vv") == 0)
		g->verbose += (int)strlen(arg) - 1;
	else if (strcmp(arg, "-q") == 0)
		g->quiet = true;
	else if (strcmp(arg, "-h") == 0)
		g->help = true;
	else
		return false;
	return true;
}

int globals_take(struct globals *g, int *argc, char **argv, struct err *e)
{
	const char *fd = NULL;
	bool verbose = false;
	const struct global all[] = {
		{ "--dir", &g->dir, NULL },
		{ "--config", &g->config, NULL },
		{ "--key-file", &g->unlock.key_file, NULL },
		{ "--passphrase-file", &g->unlock.passphrase_file, NULL },
		{ "--passphrase-fd", &fd, NULL },
		{ "--break-glass", &g->unlock.break_glass, NULL },
		{ "--json", NULL, &g->json },
		{ "--no-input", NULL, &g->no_input },
		{ "--no-color", NULL, &g->no_color },
		{ "--verbose", NULL, &verbose },
		{ "--quiet", NULL, &g->quiet },
		{ "--help", NULL, &g->help },
		{ "--version", NULL, &g->version },
	};
	int kept = 1;
	int64_t n = -1;

	g->unlock.passphrase_fd = -1;
	for (int i = 1; i < *argc; i++) {
		const struct global *o = NULL;

		if (strcmp(argv[i], "--") == 0) {
			while (i < *argc)
				argv[kept++] = argv[i++];
			break;
		}
		for (size_t k = 0; k < sizeof all / sizeof *all; k++)
			if (matches(&all[k], argv[i]))
				o = &all[k];
		if (o == NULL && take_letters(g, argv[i]))
			continue;
		if (o == NULL)
			argv[kept++] = argv[i];
		else if (o->flag != NULL)
			*o->flag = true;
		else if (take_value(o, argv[i], *argc, argv, &i, e) < 0)
			return -1;
	}
	argv[kept] = NULL;
	*argc = kept;
	g->verbose += verbose;
	if (fd != NULL && !text_int(fd, 0, 1023, &n))
		return err_fail(e, ERR_USAGE, fd,
				"--passphrase-fd takes a descriptor number");
	g->unlock.passphrase_fd = (int)n;
	return 0;
}

/* An absolute path: the core does not change its folder, but helpers do. */
static char *absolute(const char *path)
{
	char cwd[PATH_MAX];

	if (path[0] == '/' || getcwd(cwd, sizeof cwd) == NULL)
		return mem_strdup(path);
	return io_path(cwd, path);
}

char *globals_dir(const struct globals *g)
{
	char *base, *dir;

	if (g->dir != NULL)
		return absolute(g->dir);
	if (g->env_dir != NULL)
		return absolute(g->env_dir);
	if (geteuid() == 0)
		return mem_strdup(SYSTEM_DIR);
	if (g->env_data != NULL && g->env_data[0] == '/')
		return io_path(g->env_data, "curfew");
	base = io_path(g->env_home != NULL ? g->env_home : "/",
		       ".local/share");
	if (base == NULL)
		return NULL;
	dir = io_path(base, "curfew");
	mem_free(base);
	return dir;
}

char *globals_scan_cache(const struct globals *g)
{
	char *path = NULL;

	if (g->env_home != NULL && g->env_home[0] == '/')
		path = io_path(g->env_home, ".cache/curfew-agent");
	if (path != NULL && io_mkdirs(path, 0700, NULL) < 0) {
		mem_free(path);
		path = NULL;
	}
	return path;
}

char *globals_config(const struct globals *g, const char *dir)
{
	char *own;

	if (g->config != NULL)
		return absolute(g->config);
	own = io_path(dir, "curfew.toml");
	if (own == NULL || access(own, F_OK) == 0 ||
	    access(SYSTEM_CONFIG, F_OK) != 0)
		return own;
	mem_free(own);
	return mem_strdup(SYSTEM_CONFIG);
}

char *globals_provider_path(const struct globals *g, const char *dir,
			    const struct config *c)
{
	const char *set = c != NULL ? c->provider_path : NULL;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char *path = NULL;

	if (buf_printf(&b, NULL, "%s:%s:%s:%s:%s/providers:" CURFEW_DATA "/providers",
		       g->env_providers != NULL ? g->env_providers : "",
		       set != NULL ? set : "", CURFEW_LIBEXEC,
		       g->self_dir != NULL ? g->self_dir : "", dir) == 0)
		path = mem_strdup(b.p + strspn(b.p, ":"));
	buf_release(&b);
	return path;
}
